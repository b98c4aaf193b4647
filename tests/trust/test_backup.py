"""Backup and restore as an operator does it: the commands are read out of docs/operations.md."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import asyncpg
from standardwebhooks import Webhook

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.embedded_postgres.programs import Programs, RunAs, choose_run_as
from adapters.postgres import migrations
from entrypoints.cli.installation import SECRET_KEYS_FILE
from tests.database import Cluster, Database
from tests.desk import PASSWORD
from tests.entrypoints.processes import free_port
from tests.soundness import Auditor
from tests.trust.installation import (
    OPERATIONS,
    PATIENCE_SECONDS,
    Installation,
    Request,
    Till,
    installed,
    until,
)
from tests.trust.load import Load, kept
from tests.trust.nursery import nursery
from tests.trust.own_postgres import NAME, OwnPostgres
from tests.trust.scenarios import Scale, Scenario
from tests.webhook_receivers import answering, receiving

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "operations.md"
MINUTES = 5


def block(name: str) -> str:
    """The commands or settings of that name on the page."""
    found: list[str] = re.findall(rf"^```(?:sh|ini)\n# {re.escape(name)}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    [text] = found
    return text


def run(name: str, output: Path, /, **variables: object) -> str:
    """Do what the page says under that name; what that printed."""
    return shell(block(name), output, RunAs(), **variables)


def shell(script: str, output: Path, way: RunAs, /, **variables: object) -> str:
    """``output``: a file, since what starts a server leaves it with what it writes to, and a pipe would not end."""
    programs = (Programs().folder, Path(sys.executable).parent)
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("PG", "ACCOUNT_CREDIT_"))},
        **{name: str(value) for name, value in variables.items()},
        "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
    }
    with output.open("wb") as said:
        done = subprocess.run(  # noqa: S603  # our own page
            [*way.prefix, "bash", "-euo", "pipefail", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            user=way.user,
            group=way.group,
            extra_groups=None if way.user is None else [],
            cwd=PROJECT,
            check=False,
            timeout=MINUTES * 60,
        )
    assert done.returncode == 0, (script, output.read_text())
    return output.read_text()


def settings_for(database: Database, keys: str) -> dict[str, str]:
    return {
        "ACCOUNT_CREDIT_DATABASE_URL": database.app_url,
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": database.jobs_url,
        "ACCOUNT_CREDIT_OWNER_DATABASE_URL": database.owner_url,
        "ACCOUNT_CREDIT_SECRET_KEYS": keys,
    }


async def history(installation: Installation, till: Till) -> list[Request]:
    """Something of everything."""
    requests = [await installation.request(what) for what in OPERATIONS]
    for request in requests:
        await till.insist(request)
    return requests


# Everything that the program and its safety stand on, by name and not by number, in an order of its own.
CATALOGUE = {
    "roles": """
        SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
            (SELECT array_agg(setting ORDER BY setting) FROM pg_db_role_setting, unnest(setconfig) setting
              WHERE setrole = role.oid)
        FROM pg_roles role WHERE rolname LIKE 'account_credit%'""",
    "members": """
        SELECT pg_get_userbyid(roleid), pg_get_userbyid(member) FROM pg_auth_members
        WHERE pg_get_userbyid(member) LIKE 'account_credit%' OR pg_get_userbyid(roleid) LIKE 'account_credit%'""",
    "database": """
        SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), privilege::text
        FROM pg_database, unnest(datacl) privilege WHERE datname = current_database()""",
    "schema": """
        SELECT pg_get_userbyid(nspowner), privilege::text FROM pg_namespace, unnest(nspacl) privilege
        WHERE nspname = 'public'""",
    "tables": """
        SELECT relname, relkind, pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity,
            (SELECT array_agg(privilege::text ORDER BY privilege::text) FROM unnest(relacl) privilege)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace""",
    "columns": """
        SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated, attidentity,
            (SELECT array_agg(privilege::text ORDER BY privilege::text) FROM unnest(attacl) privilege),
            (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped""",
    "policies": "SELECT * FROM pg_policies",
    "constraints": """
        SELECT conrelid::regclass, conname, contype, convalidated, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": """
        SELECT proname, pg_get_userbyid(proowner), pg_get_functiondef(oid),
            (SELECT array_agg(privilege::text ORDER BY privilege::text) FROM unnest(proacl) privilege)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
}


async def catalogue(database: Database) -> dict[str, list[str]]:
    connection = await asyncpg.connect(database.superuser_url)
    try:
        return {name: sorted(map(str, await connection.fetch(sql))) for name, sql in CATALOGUE.items()}
    finally:
        await connection.close()


async def entries_of(database: Database) -> int:
    return await asked(database, "SELECT count(*) FROM ledger_entries")


async def asked(database: Database, sql: str, *arguments: object) -> int:
    connection = await asyncpg.connect(database.superuser_url)
    try:
        number: int = await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()
    return number


async def require_same_safety(before: dict[str, list[str]], restored: Database) -> None:
    """Roles, rights, row-level security, constraints, triggers and functions are those of before, and at work."""
    after = await catalogue(restored)
    for what, rows in before.items():
        assert after[what] == rows, what
        assert rows or what == "members", what
    connection = await asyncpg.connect(restored.app_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM ledger_entries") == 0  # no shop was named
    finally:
        await connection.close()


async def require_at_work(installation: Installation, restored: Database, requests: list[Request]) -> None:
    """The books agree, what was done is known, and more can be done."""
    connection = await asyncpg.connect(restored.superuser_url)
    assert await Auditor(connection).faults(installation.desk.shop_id) == []
    await connection.close()
    async with (
        installation.serving(**settings_for(restored, installation.keys)) as server,
        installation.till(server.url) as till,
    ):
        for request in requests:
            await installation.retry(server, request, replayed=True)
        assert (await till(Request.add(requests[0].client_id))).status_code == 201


async def notices_sent(settings: Mapping[str, str], folder: Path) -> set[str]:
    """The worker sends what is due; the ids of that."""
    output = folder / "worker.log"
    worker = nursery().start("worker", "--once", settings=settings, output=output)
    assert await worker.wait(seconds=PATIENCE_SECONDS) == 0, output.read_text()
    events = [json.loads(line) for line in output.read_text().splitlines() if line.startswith("{")]
    return {event["notice_id"] for event in events if event["event"] == "notice"}


async def test_a_dump_under_load_is_restored_into_a_new_cluster(
    tmp_path: Path, scenario: Scenario, scale: Scale
) -> None:
    output, dump = tmp_path / "output", tmp_path / "dump"
    with OwnPostgres(tmp_path / "old") as old, OwnPostgres(tmp_path / "new") as new:
        async with (
            installed(await old.prepared(), tmp_path) as installation,
            installation.serving() as server,
            installation.till(server.url) as till,
        ):
            requests = await history(installation, till)
            assert await notices_sent(installation.settings, tmp_path)
            load = Load(installation)
            async with load.on(server):
                await load.more(scale.of(300, least=30, most=1000))
                acknowledged = list(load.acknowledged.values())
                await asyncio.to_thread(run, "dump", output, PGHOST=old.socket, DUMP=dump)
                meanwhile = len(load.acknowledged) - len(acknowledged)
                await load.more(30)
            sent = await notices_sent(installation.settings, tmp_path)
            run("new cluster", output, PGHOST=new.socket)
            began = time.monotonic()
            run("restore", output, PGHOST=new.socket, DUMP=dump)
            seconds = time.monotonic() - began
            restored = new.database
            settings = settings_for(restored, installation.keys)
            assert "everything agrees" in run("prove", output, **settings)
            entries = await entries_of(restored)
            assert await kept(restored, acknowledged) == len(acknowledged)
            assert len(acknowledged) <= entries < await entries_of(installation.database)
            await require_same_safety(await catalogue(installation.database), restored)
            # What the page says of notices: those that waited in the dump were sent since, and are sent again, but not
            # before somebody says so.
            assert await notices_sent(settings, tmp_path) == set()
            run("resume", output, **settings)
            again = await notices_sent(settings, tmp_path)
            assert again
            assert again <= sent
            await require_at_work(installation, restored, requests)
    scenario(
        "pg_dump under load, into a new cluster",
        figure=f"{entries:,} entries, {meanwhile} requests done meanwhile; restored in {seconds:.1f} s, verify agrees, "
        "roles, policies, grants, triggers are the same; no notice goes out before `outbox resume`",
    )


class OperatorsCluster:
    """A cluster that an operator runs, with the archive that the page describes."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "output"
        self.folder = folder / "postgres"
        self.folder.mkdir(mode=0o700)
        self.run_as = choose_run_as(Programs(), folders=[self.folder], owner=0)
        self.socket, self.archive = self.folder / "s", self.folder / "wal"
        self.data, self.base, self.new_data = (self.folder / name for name in ("data", "base", "new-data"))
        self.socket.mkdir()
        self.archive.mkdir()
        self.run_as.take_over(self.folder)

    @property
    def database(self) -> Database:
        return Database(NAME, Cluster(f"postgresql://postgres@/postgres?host={self.socket}&port=5432", template=NAME))

    def do(self, script: str, **variables: object) -> str:
        """As the user that PostgreSQL runs as."""
        return shell(script, self.output, self.run_as, **self._variables, **variables)

    def run(self, name: str, **variables: object) -> str:
        return self.do(block(name), **variables)

    @property
    def _variables(self) -> dict[str, object]:
        folders = {"PGHOST": self.socket, "ARCHIVE": self.archive, "BASE": self.base, "NEW_DATA": self.new_data}
        return {**folders, "DATA": self.data, "LC_ALL": "C"}

    def start(self) -> None:
        self.do('initdb --pgdata="$DATA" --username=postgres --auth=trust --encoding=UTF8 --no-instructions')
        settings = f"listen_addresses = ''\nunix_socket_directories = '{self.socket}'\n{block('archive')}"
        self.do('cat >>"$DATA/postgresql.conf" <<<"$SETTINGS"', SETTINGS=settings)
        self.do('pg_ctl start --wait --silent --pgdata="$DATA" --log="$DATA/log"')

    def lose(self) -> None:
        """The machine burns down. The archive and the base backup are elsewhere."""
        self.do('pg_ctl stop --mode=immediate --silent --pgdata="$DATA"; rm -rf "$DATA"')

    def stop(self) -> None:
        for data in (self.data, self.new_data):
            if (data / "postmaster.pid").exists():
                self.do('pg_ctl stop --mode=fast --silent --pgdata="$STOPPED"', STOPPED=data)

    async def archived(self) -> None:
        """Until all that was written is in the archive. ``archive_timeout`` does it once a minute."""
        connection = await asyncpg.connect(self.database.superuser_url)
        last = await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
        await connection.close()

        async def there() -> bool:
            return (self.archive / str(last)).exists()

        await until(there)


async def test_point_in_time(tmp_path: Path, scenario: Scenario) -> None:
    cluster, output = OperatorsCluster(tmp_path), tmp_path / "said"
    try:
        cluster.start()
        run("new cluster", output, PGHOST=cluster.socket)
        database = cluster.database
        await migrations.upgrade(database.owner_url)
        async with installed(database, tmp_path) as installation:
            async with installation.serving() as server, installation.till(server.url) as till:
                load = Load(installation)
                async with load.on(server):
                    await load.more(20)
                    assert await notices_sent(installation.settings, tmp_path)
                    await asyncio.to_thread(cluster.run, "base backup")
                    requests = await history(installation, till)
                    await load.more(20)
                    acknowledged = list(load.acknowledged.values())
                    moment = await installation.auditor.connection.fetchval("SELECT clock_timestamp()")
                    await load.more(20)
            before = await catalogue(database)
            written = await entries_of(database)
            await cluster.archived()
            cluster.lose()
            began = time.monotonic()
            cluster.run("point in time", MOMENT=moment.isoformat())
            seconds = time.monotonic() - began
            settings = settings_for(database, installation.keys)
            assert "everything agrees" in run("prove", output, **settings)
            assert await kept(database, acknowledged) == len(acknowledged)
            entries = await entries_of(database)
            assert len(acknowledged) <= entries < written
            assert await asked(database, "SELECT count(*) FROM ledger_entries WHERE at > $1", moment) == 0
            await require_same_safety(before, database)
            assert await notices_sent(settings, tmp_path) == set()
            run("give up", output, **settings)
            assert await notices_sent(settings, tmp_path) == set()
            await installation.reconnect()
            await require_at_work(installation, database, requests)
    finally:
        cluster.stop()
    scenario(
        "base backup and WAL, to a point in time",
        figure=f"{entries:,} of {written:,} entries: all acknowledged before it, none after it; "
        f"restored in {seconds:.1f} s, verify agrees",
    )


async def test_the_embedded_server_moves_to_another_version(tmp_path: Path, scenario: Scenario) -> None:
    old, output = OwnPostgres(tmp_path / "old"), tmp_path / "output"
    folders = {"OLD": old.data, "NEW": tmp_path / "new", "DUMP": tmp_path / "dump", "PORT": free_port()}
    with old:
        async with installed(await old.prepared(), tmp_path) as installation:
            (old.data / SECRET_KEYS_FILE).write_text(installation.keys)
            async with installation.serving() as server, installation.till(server.url) as till:
                requests = await history(installation, till)
            before = await catalogue(old.database)
    run("dump the embedded server", output, **folders)
    assert "everything agrees" in run("restore into the embedded server", output, **folders)
    with EmbeddedPostgres(tmp_path / "new") as new:
        database = Database(NAME, Cluster(new.url("postgres", "postgres"), template=NAME))
        await require_same_safety(before, database)
        assert (tmp_path / "new" / SECRET_KEYS_FILE).read_text() == installation.keys
        await require_at_work(installation, database, requests)
    scenario("an embedded data folder moves to a new one", figure="by the page's commands; verify agrees, keys go on")


async def test_keys_are_rotated(database: Database, tmp_path: Path, scenario: Scenario) -> None:
    async with (
        database.fresh() as alone,
        installed(alone, tmp_path) as installation,
        receiving(answering()) as receiver,
    ):
        old = installation.keys
        to_loopback = {"ACCOUNT_CREDIT_WEBHOOKS_TO_PRIVATE_ADDRESSES": "true"}
        new = run("new key", tmp_path / "output", KEY_ID="2026b").strip()
        sign_in = {"shop": installation.desk.slug, "email": installation.desk.owner_email, "password": PASSWORD}
        async with installation.serving(**to_loopback) as server, installation.till(server.url) as till:
            body = {"url": receiver.url, "kinds": ["credit.added"]}
            endpoint = (await till.http.post("/v1/webhook-endpoints", json=body)).json()
            request = await installation.request("apply")
            await till.insist(request)
            await till.insist(await installation.request("add"))
            tokens = (await till.http.post("/v1/auth/sign-in", json=sign_in)).json()
            cursor = (await till.http.get("/v1/clients?limit=1")).json()["next_cursor"]
        signed_in = {"Authorization": f"Bearer {tokens['access_token']}"}

        async def seen(keys: str) -> list[int]:
            async with (
                installation.serving(ACCOUNT_CREDIT_SECRET_KEYS=keys) as server,
                installation.till(server.url) as till,
            ):
                answers = [
                    await till.http.get("/v1/me", headers=signed_in),
                    await till.http.get(f"/v1/clients?limit=1&cursor={cursor}"),
                    await till(request),
                    await till(await installation.request("add")),
                ]
                return [answer.status_code for answer in answers]

        async def told_of(keys: str) -> None:
            """The worker with these keys sends what happened since, signed with what the shop got once."""
            before, log = len(receiver.got), tmp_path / f"worker-{len(receiver.got)}.log"
            settings = {**installation.settings, **to_loopback, "ACCOUNT_CREDIT_SECRET_KEYS": keys}
            worker = nursery().start("worker", settings=settings, output=log)

            async def done() -> bool:
                resealed = keys == new or (log.exists() and "resealed" in log.read_text())
                return resealed and len(receiver.got) > before

            await until(done)
            worker.signal(signal.SIGTERM)
            assert await worker.wait(seconds=PATIENCE_SECONDS) == 0
            for got in receiver.got[before:]:
                Webhook(endpoint["secret"]).verify(got.body, got.headers)

        assert await seen(f"{new},{old}") == [200, 200, 201, 201]
        await told_of(f"{new},{old}")
        assert await seen(new) == [401, 400, 422, 201]
        await told_of(new)
        async with (
            installation.serving(ACCOUNT_CREDIT_SECRET_KEYS=new) as server,
            installation.till(server.url) as till,
        ):
            refreshed = await till.http.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
            assert refreshed.status_code == 200, refreshed.text
        await installation.require_sound()
    scenario(
        "secret keys rotated, then the old one dropped",
        figure="nobody notices; without it tokens are 401, cursors 400, retries 422; API keys and webhooks go on",
    )
