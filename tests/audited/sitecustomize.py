"""Python imports this first in each process that a test starts: see ``tests.statement_audit``.

It waits for the driver to be imported, and imports nothing that the program would not.
"""

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any


class _WhenTheDriverComes(MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "asyncpg":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_note(module: ModuleType) -> None:
                load(module)
                from tests.statement_notes import note_all  # noqa: PLC0415  # it imports the driver

                note_all(Path(os.environ["STATEMENTS_ARE_NOTED_IN"]))

            spec.loader.exec_module = load_and_note  # type: ignore[method-assign]
        return spec


if "STATEMENTS_ARE_NOTED_IN" in os.environ:
    sys.meta_path.insert(0, _WhenTheDriverComes())
