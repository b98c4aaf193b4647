"""Mutants of the program: each is broken in one way that would lose, double or show somebody's money.

A mutant is a copy of ``src`` with a few lines replaced. The part of the test suite that should notice runs against it;
a mutant that no test kills says that the tests do not bite. By itself:

    uv run python -m tests.trust.mutants --help
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.database import URL_VARIABLE, choose_engine

ROOT = Path(__file__).parents[2]
LEDGER = "adapters/postgres/migrations/versions/0001_ledger.py"
MESSAGES = "adapters/postgres/migrations/versions/0002_money_messages.py"
TIMEOUT_SECONDS = 180

_REFUSED = re.compile(
    r"violates ((?:check|unique|foreign key|not-null) constraint \"\w+\"|row-level security policy)"
    r"|(StatementWithoutShop): (\w+)"
)
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


class PatchDoesNotApply(Exception):
    """The program has changed where a mutant would change it: the mutant has to be written anew."""


@dataclass(frozen=True)
class Patch:
    file: str
    """Below ``src``."""
    old: str
    new: str

    def apply(self, src: Path) -> None:
        path = src / self.file
        text = path.read_text(encoding="utf-8")
        found = text.count(self.old)
        if found != 1:
            raise PatchDoesNotApply(f"{self.file}: found {found} times, not once:\n{self.old}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Mutant:
    name: str
    patches: tuple[Patch, ...]
    killers: tuple[str, ...]
    """Tests of which at least one has to fail."""
    refused_by: str = ""
    """What has to refuse it meanwhile: the constraint, or what the guard of statements says."""
    unharmed: tuple[str, ...] = ()
    """Tests that all pass even so, since there is another wall behind the one that is broken."""
    other_wall: str = ""


_NOT_REVERSED = """
            AND NOT EXISTS (SELECT FROM ledger_entries reversal WHERE reversal.shop_id = p_shop
              AND reversal.client_id = v_client AND reversal.reverses_number = entry.number)
          ORDER BY number) posted;"""
_READ_KEY = """  IF p_key IS NOT NULL THEN
    SELECT json_build_object('fingerprint', translate(encode(fingerprint, 'base64'), E'\\\\n', ''), 'status', status,
        'body', translate(encode(body, 'base64'), E'\\\\n', ''), 'sealed', sealed) INTO v_key
      FROM idempotency_records WHERE shop_id = p_shop AND key = p_key;
  END IF;
"""
_BEFORE_ANY_LOCK = "  -- Whose money:"

STRANGERS = "tests/entrypoints/test_strangers.py"
RACES = "tests/use_cases/test_races.py"

MUTANTS = (
    Mutant(
        "no row lock",
        (
            Patch(
                MESSAGES,
                "FROM credit_accounts WHERE shop_id = p_shop AND client_id = v_client FOR NO KEY UPDATE;",
                "FROM credit_accounts WHERE shop_id = p_shop AND client_id = v_client;",
            ),
        ),
        (f"{RACES}::test_fifty_who_add_credit_lose_none_of_it",),
        refused_by="ledger_entries_pkey",
        unharmed=(f"{RACES}::test_fifty_who_spend_one_balance_take_all_of_it_and_never_more",),
        other_wall="nothing is spent twice even so",
    ),
    Mutant(
        "no balance check",
        (
            Patch("core/ledger.py", "return max(min(due, self.balance), 0)", "return max(due, 0)"),
            Patch("core/ledger.py", "        if self.balance == 0:\n            raise NoCredit\n", ""),
            Patch("core/ledger.py", "if amount > self.balance:", "if amount < 0:"),
        ),
        (
            "tests/use_cases/test_applying.py",
            "tests/use_cases/test_fixing_mistakes.py",
        ),
        refused_by="ledger_entries_balance_after_check",
    ),
    Mutant(
        "no unique key on reversals",
        (
            Patch(
                LEDGER,
                "CREATE UNIQUE INDEX reversed_at_most_once ON",
                "CREATE INDEX reversed_at_most_once ON",
            ),
        ),
        ("tests/adapters/test_schema_ledger.py",),
    ),
    Mutant(
        "hash without the number",
        (Patch("core/chain.py", "                _LENGTHS[len(number_)],\n                number_,\n", ""),),
        ("tests/core/test_chain.py",),
    ),
    Mutant(
        "a missing shop filter: in a statement",
        (
            Patch(
                "adapters/postgres/json_views.py",
                "return select_of(table, table.c[column]).where(*where).scalar_subquery()",
                "from sqlalchemy import select\n    return select(table.c[column]).where(*where).scalar_subquery()",
            ),
        ),
        ("tests/use_cases/test_applying.py",),
        refused_by="StatementWithoutShop: invoices",
    ),
    Mutant(
        "a missing shop filter: in the function that opens the books",
        (
            Patch(
                MESSAGES,
                "SELECT client_id INTO v_client FROM invoices WHERE shop_id = p_shop AND id = p_invoices[1];",
                "SELECT client_id INTO v_client FROM invoices WHERE id = p_invoices[1];",
            ),
        ),
        ("tests/adapters/test_catalogue.py",),
        unharmed=(STRANGERS,),
        other_wall="row-level security hides the row",
    ),
    Mutant(
        "a missing shop filter: in the policy of row-level security",
        (
            Patch(
                LEDGER,
                """            "USING (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid) "
""",
                """            "USING (true) "
""",
            ),
        ),
        ("tests/adapters/test_row_level_security.py", "tests/adapters/test_catalogue.py"),
        unharmed=(STRANGERS,),
        other_wall="every statement names the shop",
    ),
    Mutant(
        "a reversal key without its payment",
        (
            Patch(
                LEDGER,
                "UNIQUE (shop_id, client_id, number, kind, amount, payment_key),",
                "UNIQUE (shop_id, client_id, number, kind, amount),",
            ),
            Patch(
                LEDGER,
                "(shop_id, client_id, reverses_number, reverses_kind, reverses_amount, payment_key)",
                "(shop_id, client_id, reverses_number, reverses_kind, reverses_amount)",
            ),
            Patch(
                LEDGER,
                "REFERENCES ledger_entries (shop_id, client_id, number, kind, amount, payment_key)",
                "REFERENCES ledger_entries (shop_id, client_id, number, kind, amount)",
            ),
        ),
        ("tests/adapters/test_schema_ledger.py",),
    ),
    Mutant(
        "capture without the collected sum",
        (Patch("core/books.py", "collected=0 if by_credit else amount,", "collected=0 if by_credit else settled,"),),
        ("tests/core/test_worked_examples.py", "tests/use_cases/test_overpayment.py"),
        refused_by="payment_adds_up",
    ),
    Mutant(
        "return twice",
        (
            Patch(
                "core/payments.py",
                "        self.require_live()\n        return msgspec.structs.replace(\n            self.capture(",
                "        return msgspec.structs.replace(\n            self.capture(",
            ),
            Patch(MESSAGES, _NOT_REVERSED, "\n          ORDER BY number) posted;"),
        ),
        ("tests/core/test_payment_changes.py", "tests/use_cases/test_fixing_mistakes.py"),
        refused_by="reversed_at_most_once",
    ),
    Mutant(
        "key read before the lock",
        (
            Patch(MESSAGES, _READ_KEY, ""),
            Patch(MESSAGES, _BEFORE_ANY_LOCK, _READ_KEY.strip("\n") + "\n" + _BEFORE_ANY_LOCK),
        ),
        (RACES,),
    ),
)


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    killed_by: tuple[str, ...]
    """The tests that failed."""
    refused_by: tuple[str, ...]
    """What the database said meanwhile."""
    complaint: str
    """Why the mutant counts as not killed; empty where it is."""
    seconds: float

    @property
    def killed(self) -> bool:
        return not self.complaint

    @property
    def sentence(self) -> str:
        if self.complaint:
            return self.complaint
        said = [f"refused: {refusal}" for refusal in [self.mutant.refused_by] if refusal]
        said += [f"killed by {_short(self.killed_by)}"] if self.killed_by else []
        said += [f"behind it, {wall}" for wall in [self.mutant.other_wall] if wall]
        return "; ".join(said)


def _short(tests: Sequence[str]) -> str:
    """``tests/core/test_chain.py::test_it_holds[case]`` is "chain: it holds"."""
    file, _, test = tests[0].rpartition("/")[2].partition(".py::")
    first = f"{file}: {test.partition('[')[0]}".replace("test_", "").replace("_", " ")
    return f'"{first}"' if len(tests) == 1 else f'"{first}" and {len(tests) - 1} more'


def copy_of_src(folder: Path, patches: Sequence[Patch] = ()) -> Path:
    src = folder / "src"
    shutil.copytree(ROOT / "src", src, ignore=shutil.ignore_patterns("__pycache__"))
    for patch in patches:
        patch.apply(src)
    return src


def run_tests(src: Path, tests: Sequence[str], superuser_url: str) -> tuple[int, str]:
    """pytest's exit status and output, with the program from that folder and a database on that server."""
    paths = [str(src), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        URL_VARIABLE: superuser_url,
    }
    # The program under test has to be the copy: a test of the original would say nothing.
    check = f"import core, sys; sys.exit(not core.__file__.startswith({str(src)!r}))"
    subprocess.run([sys.executable, "-c", check], env=environment, cwd=ROOT, check=True)  # noqa: S603  # ourselves
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=short", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(  # noqa: S603  # ourselves
        command,
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout


def try_mutant(mutant: Mutant, superuser_url: str) -> Verdict:
    """Run the tests that should notice.

    Raises:
        PatchDoesNotApply
    """
    began = monotonic()
    with tempfile.TemporaryDirectory(prefix="account-credit-mutant-") as folder:
        src = copy_of_src(Path(folder), mutant.patches)
        _, output = run_tests(src, mutant.killers, superuser_url)
        complaint = _complaint(mutant, output)
        if not complaint and mutant.unharmed:
            status, unharmed = run_tests(src, mutant.unharmed, superuser_url)
            complaint = f"no other wall holds: {_FAILED.findall(unharmed)}" if status else ""
    return Verdict(mutant, tuple(_FAILED.findall(output)), _refusals(output), complaint, monotonic() - began)


def _complaint(mutant: Mutant, output: str) -> str:
    if mutant.refused_by.startswith("StatementWithoutShop"):
        # It cannot even be imported, so that no test begins.
        return "" if mutant.refused_by in output else f"SURVIVED, or failed otherwise:\n{output[-2000:]}"
    if not _FAILED.search(output) or not re.search(r"\d+ failed", output):
        return f"SURVIVED: no test failed\n{output[-2000:]}"
    if mutant.refused_by and not any(mutant.refused_by in refusal for refusal in _refusals(output)):
        return f"not refused by {mutant.refused_by}, only by {_refusals(output)}"
    return ""


def _refusals(output: str) -> tuple[str, ...]:
    return tuple(sorted({match.group(0) for match in _REFUSED.finditer(output)}))


def try_all(mutants: Sequence[Mutant], superuser_url: str, jobs: int) -> Iterator[Verdict]:
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda mutant: try_mutant(mutant, superuser_url), mutants)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.trust.mutants", description="Break the program in several ways and see the tests notice."
    )
    parser.add_argument("--list", action="store_true", help="only name the mutants")
    parser.add_argument("--only", metavar="WORDS", default="", help="those whose name contains this")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="at a time (default: 2)")
    chosen = parser.parse_args()
    mutants = [mutant for mutant in MUTANTS if chosen.only in mutant.name]
    if chosen.list:
        sys.stdout.write("".join(f"{mutant.name}\n" for mutant in mutants))
        return 0
    survived = 0
    with choose_engine().run() as superuser_url:
        for verdict in try_all(mutants, superuser_url, chosen.jobs):
            survived += not verdict.killed
            sys.stdout.write(f"{verdict.mutant.name} ({verdict.seconds:.0f} s): {verdict.sentence}\n")
            sys.stdout.flush()
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
