"""The migrations of a version to come run while this one serves: nobody is refused, and nobody waits for long."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from alembic.config import Config

from adapters.postgres import migrations
from adapters.security.keys import SecretKeys
from tests.database import Database
from tests.entrypoints.processes import free_port, run, running, until

OWNER = {"email": "olive@example.com", "password": "a long password"}
PATIENCE_SECONDS = migrations.LOCK_TIMEOUT_SECONDS + 4
"""The longest that a request may take: behind a migration that waits for a lock, and a moment on a busy machine."""

# As docs/operations.md says that migrations are written: each of these takes a lock that every request needs.
EXPANDING = '''
from alembic import op
from adapters.postgres.migrations.scripts import run_script

revision = "{revision}"
down_revision = "{before}"
branch_labels = depends_on = None

def upgrade():
    run_script("""
        ALTER TABLE ledger_entries ADD COLUMN till text;
        ALTER TABLE credit_accounts ADD COLUMN of_the_future text NOT NULL DEFAULT 'unknown';
        ALTER TABLE payments ADD COLUMN till text, ADD CONSTRAINT till_has_a_name CHECK (length(till) > 0) NOT VALID;
        ALTER TABLE invoices ADD COLUMN till text;
        CREATE TABLE tills (shop_id uuid NOT NULL REFERENCES shops, name text, PRIMARY KEY (shop_id, name));
        ALTER TABLE tills ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    """)
'''
INDEXING = """
from alembic import op
from adapters.postgres.migrations.scripts import build_index

revision = "{revision}"
down_revision = "{before}"
branch_labels = depends_on = None

def upgrade():
    op.execute("ALTER TABLE payments VALIDATE CONSTRAINT till_has_a_name")
    build_index("entries_of_till", "ledger_entries (shop_id, till) WHERE till IS NOT NULL")
"""


@pytest.fixture
def to_come(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Two migrations more than this version has; the newest of them."""
    before, ours = migrations.head(), migrations._config
    for revision, script in (("9001", EXPANDING), ("9002", INDEXING)):
        (tmp_path / f"{revision}.py").write_text(script.format(revision=revision, before=before))
        before = revision

    def with_those_to_come() -> Config:
        config = ours()
        here = Path(migrations.__file__).parent / "versions"
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", f"{here}\n{tmp_path}")
        return config

    monkeypatch.setattr(migrations, "_config", with_those_to_come)
    return before


@dataclass
class Till:
    """Somebody who adds, invoices, applies, looks and pays, one after the other, for as long as it takes."""

    client: httpx.AsyncClient
    headers: dict[str, str]
    answered: int = 0
    refused: list[str] = field(default_factory=list)
    longest_seconds: float = 0.0

    async def work(self) -> None:
        pat = (await self.send("POST", "/clients", {"name": "Pat"}))["id"]
        while True:
            credit = {"reason": "goodwill", "amount": 5000, "note": "job ran late"}
            await self.send("POST", f"/clients/{pat}/credit/entries", credit)
            lines = [{"description": "Brakes", "quantity": 1, "unit_price": 6000}]
            invoice = (await self.send("POST", "/invoices", {"client_id": pat, "lines": lines}))["id"]
            await self.send("POST", f"/invoices/{invoice}/payments", {"method": "account_credit"})
            await self.send("POST", f"/invoices/{invoice}/payments", {"method": "cash", "amount": 1000})
            await self.send("GET", f"/clients/{pat}/credit")

    async def send(self, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, str]:
        began = time.monotonic()
        headers = {**self.headers, "Idempotency-Key": uuid4().hex}
        answer = await self.client.request(method, f"/v1{path}", json=body, headers=headers)
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
        self.answered += 1
        if not answer.is_success:
            self.refused.append(answer.text)
        return dict(answer.json())


@asynccontextmanager
async def busy_shop(database: Database, folder: Path) -> AsyncIterator[list[Till]]:
    """A server of this version as a process of its own, and four tills that keep it busy."""
    settings = {
        "ACCOUNT_CREDIT_DATABASE_URL": database.app_url,
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": database.jobs_url,
        "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("test"),
    }
    port = str(free_port())
    opened = run(
        *("shop", "create", "--name", "Main Street", "--slug", "main-street", "--currency", "USD"),
        *("--time-zone", "America/Chicago", "--owner-name", "Olive", "--owner-email", OWNER["email"]),
        settings=settings,
        said=OWNER["password"].encode(),
    )
    assert opened.returncode == 0, opened.stderr
    with running("serve", "--port", port, settings=settings, folder=folder):
        until(lambda: run("healthy", "--port", port, settings={}).returncode == 0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            signed_in = await client.post("/v1/auth/sign-in", json={"shop": "main-street", **OWNER})
            headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
            tills = [Till(client, headers) for _ in range(4)]
            working = [asyncio.create_task(till.work()) for till in tills]
            try:
                await asyncio.sleep(0.5)
                yield tills
                await asyncio.sleep(0.5)
            finally:
                for task in working:
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(*working)
            assert (await client.get("/health/ready")).status_code == 200, "the version before stays ready"
    verified = await asyncio.to_thread(run, "verify", settings=settings)
    assert (verified.returncode, verified.stderr) == (0, "")


@asynccontextmanager
async def somebody_reading(database: Database) -> AsyncIterator[None]:
    """A long read, such as a dump or ``verify``: no table that it has looked at can be altered meanwhile."""
    reader = await asyncpg.connect(database.superuser_url)
    try:
        async with reader.transaction():
            await reader.fetch("SELECT count(*) FROM ledger_entries")
            yield
    finally:
        await reader.close()


async def version_of(database: Database) -> str:
    connection = await asyncpg.connect(database.superuser_url)
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


async def test_nobody_is_refused_while_the_next_versions_migrations_run(
    database: Database, tmp_path: Path, to_come: str
) -> None:
    async with database.fresh() as alone:
        async with busy_shop(alone, tmp_path) as tills:
            before = sum(till.answered for till in tills)
            async with somebody_reading(alone):
                migrating = asyncio.create_task(migrations.upgrade(alone.owner_url))
                await asyncio.sleep(2 * migrations.LOCK_TIMEOUT_SECONDS)
                assert not migrating.done(), "it has met the reader, and waits for its next try"
            await migrating
            after = sum(till.answered for till in tills)
        assert await version_of(alone) == to_come
        assert [till.refused for till in tills] == [[]] * 4
        assert after - before > 20, "the shop went on meanwhile"
        assert max(till.longest_seconds for till in tills) < PATIENCE_SECONDS


async def test_a_migration_that_cannot_get_its_lock_gives_up_and_changes_nothing(
    database: Database, tmp_path: Path, to_come: str
) -> None:
    async with database.fresh() as alone:
        head = await version_of(alone)
        async with busy_shop(alone, tmp_path) as tills, somebody_reading(alone):
            with pytest.raises(asyncpg.LockNotAvailableError):
                await migrations.upgrade(alone.owner_url, tries=2)
        assert await version_of(alone) == head != to_come
        assert [till.refused for till in tills] == [[]] * 4
        assert max(till.longest_seconds for till in tills) < PATIENCE_SECONDS


async def test_of_several_who_migrate_at_once_one_does_and_the_others_find_nothing_to_do(
    database: Database, to_come: str
) -> None:
    async with database.fresh() as alone:
        await asyncio.gather(*(migrations.upgrade(alone.owner_url) for _ in range(3)))
        assert await version_of(alone) == to_come
