"""Every statement that the program sends during a run of the suite, from this process and those that tests start, and
what in it is against the rules of a database distributed by shop.

What is sent is noted as it goes (``tests.statement_notes``; ``tests/audited`` makes other processes do the same). The
run that made the folder for it judges it at its end, and fails.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import asyncpg.introspection

from adapters.postgres import directory, outbox_control, readiness, waiting
from tests.distributed_rules import faults, in_one_line
from tests.statement_notes import note_all

FOLDER_VARIABLE = "STATEMENTS_ARE_NOTED_IN"
_AUDITED = Path(__file__).parent / "audited"

ABOUT_NO_ONE_SHOP = {
    "directory._SHOP_OF": "the table of slugs is one that every machine has",
    "directory._SHOPS": "the same",
    "directory._FAILURES": "failed sign-ins by address are outside of every shop",
    "directory._FAILED": "the same",
    "directory._DID_NOT_FAIL": "the same",
    "directory._TO_ROUTE": "asks all machines which shops have something due, without locks; each is then opened alone",
    "directory._TO_DELIVER": "the same",
    "directory._TO_TELL": "the same",
    "waiting._TO_ROUTE": "figures for whoever runs the program, as the role that sees only when something is due",
    "waiting._TO_DELIVER": "the same",
    "waiting._VERIFIED": "the same",
    "waiting._SHOPS": "the table of slugs is one that every machine has",
    "readiness._REVISION": "the version of the schema, of no shop",
    "outbox_control._LOOK": "the switch of the installation, of no shop",
    "outbox_control._SETTLE_DOWN": "the same",
    "outbox_control._PAUSE": "the same",
    "outbox_control._RESUME": "the same",
}
"""Texts that are no ShopStatement and that the program sends at run time, each with the reason."""

LOOK_PAST_THE_PROGRAM = "SELECT count(*) AS past_the_program FROM clients"
"""What a test asks on the program's own connection, to see what is left there of a shop."""

_MODULES = {"directory": directory, "outbox_control": outbox_control, "readiness": readiness, "waiting": waiting}
_KNOWN = {
    *(in_one_line(getattr(_MODULES[name.partition(".")[0]], name.partition(".")[2])) for name in ABOUT_NO_ONE_SHOP),
    LOOK_PAST_THE_PROGRAM,
    # The driver's own, about types that it has not met.
    in_one_line(asyncpg.introspection.INTRO_LOOKUP_TYPES),
    "SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new",
    "SELECT set_config('jit', $1, false)",
}


def begin(folder: Path) -> None:
    """Note from now on what the program sends in this process, and in those that it starts."""
    note_all(folder)
    os.environ[FOLDER_VARIABLE] = str(folder)
    paths = (str(_AUDITED), str(_AUDITED.parents[1]), os.environ.get("PYTHONPATH"))
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)


@dataclass(frozen=True)
class Verdict:
    statements: int
    processes: int
    faults: list[str]


def verdict(folder: Path) -> Verdict:
    """What is to be said of everything that was noted."""
    files = sorted(folder.glob("*.jsonl"))
    notes = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    statements = {note["statement"] for note in notes if "statement" in note}
    found = {f"{fault}: {sql}" for sql in statements - _KNOWN for fault in faults(sql)}
    found |= {note["fault"] for note in notes if "fault" in note}
    return Verdict(len(statements), len(files), sorted(found))
