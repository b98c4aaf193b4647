"""The console's templates, which are compiled when they are first shown."""

import pytest

from entrypoints.console.pages import templates

TEMPLATES = templates()


@pytest.mark.parametrize("name", TEMPLATES.list_templates())
def test_it_can_be_compiled(name: str) -> None:
    TEMPLATES.get_template(name)
