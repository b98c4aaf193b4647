"""``account-credit provision`` on a cluster that nobody has used yet, and that asks for passwords."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.postgres.provision import APP, JOBS, OWNER, scram_verifier
from tests.entrypoints.processes import run

PASSWORD = "hunter2%/@:"  # noqa: S105  # every sign that a URL would take for its own
IN_URL = "hunter2%25%2F%40%3A"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    folder.parent.chmod(0o711)
    folder.chmod(0o711)
    with EmbeddedPostgres(folder / "data", disposable=True) as server:
        yield server


def settings(cluster: EmbeddedPostgres, database: str = "of_the_shops") -> dict[str, str]:
    def url(role: str) -> str:
        return cluster.url(role, database).replace(f"{role}@", f"{role}:{IN_URL}@")

    return {
        "ACCOUNT_CREDIT_SUPERUSER_DATABASE_URL": cluster.url("postgres", "postgres"),
        "ACCOUNT_CREDIT_OWNER_DATABASE_URL": url(OWNER),
        "ACCOUNT_CREDIT_DATABASE_URL": url(APP),
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": url(JOBS),
    }


async def test_the_roles_have_their_passwords_and_the_database_takes_its_migrations(cluster: EmbeddedPostgres) -> None:
    run("provision", settings=settings(cluster))
    done = run("provision", settings=settings(cluster))
    assert (done.returncode, done.stderr) == (0, ""), "again is no fault"
    assert "hunter2" not in done.stdout
    superuser = await asyncpg.connect(cluster.url("postgres", "postgres"))
    try:
        kept = await superuser.fetch("SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL")
    finally:
        await superuser.close()
    assert {row["rolname"] for row in kept} == {OWNER, APP, JOBS}
    for row in kept:
        salt = b64decode(row["rolpassword"].split(":")[1].split("$")[0])
        assert row["rolpassword"] == scram_verifier(PASSWORD, salt=salt)
    migrated = run("migrate", settings={"ACCOUNT_CREDIT_OWNER_DATABASE_URL": cluster.url(OWNER, "of_the_shops")})
    assert migrated.returncode == 0, migrated.stderr


def test_urls_that_are_not_of_the_roles_are_refused_before_anything_is_made(cluster: EmbeddedPostgres) -> None:
    faulty = settings(cluster, "never_made")
    faulty["ACCOUNT_CREDIT_JOBS_DATABASE_URL"] = faulty["ACCOUNT_CREDIT_DATABASE_URL"].replace("never_made", "other")
    faulty["ACCOUNT_CREDIT_OWNER_DATABASE_URL"] = faulty["ACCOUNT_CREDIT_OWNER_DATABASE_URL"].replace(IN_URL, "p%C3%A4")
    done = run("provision", settings=faulty)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"ACCOUNT_CREDIT_JOBS_DATABASE_URL must sign in as {JOBS}." in done.stderr
    assert "ACCOUNT_CREDIT_OWNER_DATABASE_URL: a role's password must have visible ASCII" in done.stderr
    assert "must all name the same database" in done.stderr
    missing = run("provision", settings={})
    assert missing.returncode == 1
    assert "ACCOUNT_CREDIT_SUPERUSER_DATABASE_URL is needed for this command." in missing.stderr


def test_a_verifier_proves_the_password_of_the_rfcs_example() -> None:
    """RFC 7677: user "user" with the password "pencil"."""
    verifier = scram_verifier("pencil", salt=b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    rounds_and_salt, keys = verifier.removeprefix("SCRAM-SHA-256$").split("$")
    stored_key, server_key = (b64decode(key) for key in keys.split(":"))
    assert rounds_and_salt == "4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    said = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}".encode()
    proof = b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_key = bytes(a ^ b for a, b in zip(proof, hmac.digest(stored_key, said, "sha256"), strict=True))
    assert sha256(client_key).digest() == stored_key
    signature = b64encode(hmac.digest(server_key, said, "sha256")).decode()
    assert signature == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
