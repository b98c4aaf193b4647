"""The console's templates, which are compiled when they are first shown."""

from pathlib import Path

import pytest
from jinja2 import nodes

from entrypoints.console import pages
from entrypoints.console.pages import templates

TEMPLATES = templates()
CONSOLE = Path(pages.__file__).parent


@pytest.mark.parametrize("name", TEMPLATES.list_templates())
def test_it_can_be_compiled(name: str) -> None:
    TEMPLATES.get_template(name)


def _parsed(name: str) -> nodes.Template:
    assert TEMPLATES.loader is not None
    source, _, _ = TEMPLATES.loader.get_source(TEMPLATES, name)
    return TEMPLATES.parse(source)


def _imported(template: nodes.Template) -> set[str]:
    return {name for each in template.find_all(nodes.FromImport) for name in each.names if isinstance(name, str)}


def _used(template: nodes.Template) -> set[str]:
    return {each.name for each in template.find_all(nodes.Name) if each.ctx == "load"}


@pytest.mark.parametrize("name", TEMPLATES.list_templates())
def test_it_uses_what_it_imports(name: str) -> None:
    template = _parsed(name)
    assert _imported(template) - _used(template) == set()


def test_every_macro_is_used() -> None:
    parsed = [_parsed(name) for name in TEMPLATES.list_templates()]
    made = {macro.name for template in parsed for macro in template.find_all(nodes.Macro)}
    used = {name for template in parsed for name in _used(template)}
    assert len(made) > 20
    assert made - used == set()


def test_every_icon_is_shown() -> None:
    [icons] = [each.node for each in _parsed("macros/icons.html").find_all(nodes.Assign)]
    assert isinstance(icons, nodes.Dict)
    drawn = {pair.key.as_const() for pair in icons.items}
    named = {
        each.value
        for name in TEMPLATES.list_templates()
        if name != "macros/icons.html"
        for each in _parsed(name).find_all(nodes.Const)
    }
    places = {icon for icon in drawn if any(f'"{icon}"' in path.read_text() for path in CONSOLE.glob("*.py"))}
    assert drawn - named - places == set()


@pytest.mark.parametrize("name", TEMPLATES.list_templates())
def test_it_imports_what_it_uses(name: str) -> None:
    """Of the macros: what a page is given is known when it is shown."""
    macros = {macro.name for each in TEMPLATES.list_templates() for macro in _parsed(each).find_all(nodes.Macro)}
    template = _parsed(name)
    own = {macro.name for macro in template.find_all(nodes.Macro)}
    called = {call.node.name for call in template.find_all(nodes.Call) if isinstance(call.node, nodes.Name)}
    assert called & macros - own - _imported(template) == set()
