"""What holds for every use case on somebody's behalf."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import core.use_cases


def use_cases() -> Iterator[type]:
    for found in pkgutil.iter_modules(core.use_cases.__path__, "core.use_cases."):
        for value in vars(importlib.import_module(found.name)).values():
            if inspect.isclass(value) and value.__module__ == found.name and "__call__" in vars(value):
                call = inspect.unwrap(vars(value)["__call__"])
                if "caller" in inspect.signature(call).parameters:
                    yield value


USE_CASES = [*use_cases()]


def test_there_are_some() -> None:
    assert len(USE_CASES) > 40


@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda each: each.__name__)
def test_it_is_run_again_when_its_transaction_met_another_one(use_case: type) -> None:
    """Also one that only reads: a migration takes locks too. Itself, or the part of it that has the transaction."""
    assert any(hasattr(method, "__wrapped__") for method in vars(use_case).values())
