"""Migrations leave to the version before what it uses: docs/operations.md, "Writing a migration"."""

import re
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from adapters.postgres import migrations
from adapters.postgres.migrations.scripts import statements

WRITTEN_BEFORE_THE_RULES = "0010"
"""Up to here nothing was in use anywhere."""
TAKES_AWAY = {
    "drops": r"\bDROP\s+(TABLE|COLUMN|FUNCTION|VIEW|CONSTRAINT|INDEX|TYPE)\b|\bdrop_index\(",
    "renames": r"\bRENAME\b",
    "changes a type": r"\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b",
    "demands what the version before does not write": r"\bSET\s+NOT\s+NULL\b",
    "takes a right away": r"\bREVOKE\b",
    "replaces a function that the version before calls": r"\bCREATE\s+OR\s+REPLACE\s+FUNCTION\b",
}
KEEPS_OTHERS_WAITING = {
    "builds an index under a lock": r"\bCREATE\s+(UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)",
    "checks all rows under a lock": r"\bADD\s+CONSTRAINT\b(?![^;]*\bNOT\s+VALID\b)",
    "adds a column and its check at once, which Citus refuses": r"\bADD\s+COLUMN\b[^;,]*\b(CHECK|REFERENCES|UNIQUE)\b",
}


def faults(script: str) -> set[str]:
    """What is against the rules. On a table that the same migration makes there is nobody to be kept waiting; what is
    taken away on purpose is said so, with the version since which nobody uses it: ``contracts = "..."``.
    """
    made = set(re.findall(r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", script))
    statements = [each for each in re.split(r";|\"\"\"|\)\n", script) if not made & set(re.findall(r"\w+", each))]
    rules = KEEPS_OTHERS_WAITING if re.search(r'^contracts = "', script, re.M) else TAKES_AWAY | KEEPS_OTHERS_WAITING
    return {fault for fault, rule in rules.items() for each in statements if re.search(rule, each, re.I)}


@pytest.mark.parametrize(
    ("script", "each"),
    [
        ("SELECT 1; SELECT 2;\n", ["SELECT 1", "SELECT 2"]),
        (
            "CREATE FUNCTION f() AS $$ BEGIN; END; $$; SELECT ';'",
            ["CREATE FUNCTION f() AS $$ BEGIN; END; $$", "SELECT ';'"],
        ),
        ("SELECT 'it''s; one' -- and; this\n; -- nothing\n", ["SELECT 'it''s; one' -- and; this"]),
    ],
    ids=["two", "a function", "quotes and comments"],
)
def test_the_statements_of_a_script_are_run_one_by_one(script: str, each: list[str]) -> None:
    assert [statement.strip() for statement in statements(script)] == each


def test_migrations_take_nothing_away_and_keep_nobody_waiting() -> None:
    versions = sorted((Path(migrations.__file__).parent / "versions").glob("[0-9]*.py"))
    ruled = {path.name: faults(path.read_text()) for path in versions if path.name[:4] > WRITTEN_BEFORE_THE_RULES}
    assert {name: found for name, found in ruled.items() if found} == {}


def test_the_newest_by_its_name_is_the_newest_of_alembic() -> None:
    assert ScriptDirectory.from_config(migrations._config()).get_heads() == [migrations.head()]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("ALTER TABLE payments DROP COLUMN till", "drops"),
        ('drop_index("payments_of_till")', "drops"),
        ("ALTER TABLE payments RENAME COLUMN till TO desk", "renames"),
        ("ALTER TABLE payments ALTER COLUMN amount TYPE numeric", "changes a type"),
        ("ALTER TABLE payments ALTER till SET NOT NULL", "demands what the version before does not write"),
        ("REVOKE SELECT ON payments FROM account_credit_app", "takes a right away"),
        (
            "CREATE OR REPLACE FUNCTION open_v1() RETURNS int AS ...",
            "replaces a function that the version before calls",
        ),
        ("CREATE UNIQUE INDEX one_till ON payments (shop_id, till)", "builds an index under a lock"),
        ("ALTER TABLE payments ADD CONSTRAINT named CHECK (till <> '')", "checks all rows under a lock"),
        (
            "ALTER TABLE payments ADD COLUMN till text CHECK (till <> '')",
            "adds a column and its check at once, which Citus refuses",
        ),
    ],
    ids=lambda text: str(text)[:40],
)
def test_each_rule_is_seen_to_be_broken(statement: str, fault: str) -> None:
    assert faults(f'_CHANGES = """\n{statement};\n"""') == {fault}
    on_purpose = faults(f'contracts = "unused since 0.4"\n_CHANGES = """\n{statement};\n"""')
    assert on_purpose == ({fault} if fault in KEEPS_OTHERS_WAITING else set())


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE payments ADD COLUMN till text",
        "CREATE INDEX CONCURRENTLY by_till ON payments (shop_id, till)",
        "ALTER TABLE payments ADD CONSTRAINT named CHECK (till <> '') NOT VALID",
        "CREATE TABLE tills (shop_id uuid);\nCREATE INDEX by_shop ON tills (shop_id)",
        "CREATE FUNCTION open_v2() RETURNS int AS ...",
    ],
    ids=lambda text: str(text)[:40],
)
def test_what_only_adds_is_allowed(statement: str) -> None:
    assert faults(f'_CHANGES = """\n{statement};\n"""') == set()
