"""Every refusal of the core is met on the real database."""

import ast
from pathlib import Path

from core.errors import Refusal


def test_every_refusal_of_the_core_is_expected_by_a_test_of_a_use_case() -> None:
    expected: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith((".raises", ".refuses")):
                names = [name for argument in call.args for name in ast.walk(argument)]
                expected |= {name.id for name in names if isinstance(name, ast.Name)}
    refusals = {refusal.__name__ for refusal in Refusal.__subclasses__()}
    assert len(refusals) > 25
    assert refusals - expected == set()
