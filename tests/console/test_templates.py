"""The console's templates, which are compiled when they are first shown."""

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from entrypoints.console import pages

TEMPLATES = Environment(loader=FileSystemLoader(Path(pages.__file__).parent / "templates"), autoescape=True)


@pytest.mark.parametrize("name", TEMPLATES.list_templates())
def test_it_can_be_compiled(name: str) -> None:
    TEMPLATES.get_template(name)
