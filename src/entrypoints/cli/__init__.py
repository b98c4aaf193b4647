"""The command line. What a command needs is imported when it runs: ``--help`` answers at once."""

# ruff: noqa: PLC0415  # each command pays for its own imports only

from pathlib import Path
from typing import Any
from uuid import UUID

import click

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Work on the embedded PostgreSQL in this folder, whatever else is configured.",
)
_file_to_read = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_new_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_shop = click.option("--shop", "slug", metavar="SLUG", help="Only this shop.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_host = click.option("--host", metavar="ADDRESS", help="Address to serve on (ACCOUNT_CREDIT_HOST, or 127.0.0.1).")
_port = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port to serve on (ACCOUNT_CREDIT_PORT, or 8000); 0: any that is free.",
)


class _Program(click.Group):
    """Says in a sentence on stderr what a command cannot do, with exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from entrypoints.cli.refusals import sentence_for

            sentence = sentence_for(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


def _a_reason(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    if not text.isprintable() or not 1 <= len(text.strip()) <= 500:
        raise click.BadParameter("must be one line of 1 to 500 characters.")
    return text.strip()


@click.group(cls=_Program, context_settings=_CONTEXT)
@click.version_option(package_name="account-credit", prog_name="account-credit")
def main() -> None:
    """Store credit for auto repair shops: a permanent ledger of what each client has on file.

    Configured by environment variables that begin with ACCOUNT_CREDIT_. Without ACCOUNT_CREDIT_DATABASE_URL the
    commands work on an embedded PostgreSQL, also while a server or a demo uses it. Its data is in
    ACCOUNT_CREDIT_DATA_DIR, or --data, or .data in the current folder.

    Exit status: 0, 1 when something is refused or found, 2 when the command is not understood.
    """


@main.command()
@_host
@_port
@_data
@click.option(
    "--smtp",
    metavar="HOST:PORT",
    help="Hand e-mails to the SMTP server there (or ACCOUNT_CREDIT_SMTP_URL); else they are lines in the log.",
)
@click.option("--fresh", is_flag=True, help="Delete the demo's data first, and make it anew.")
def demo(host: str | None, port: int | None, data: Path | None, smtp: str | None, *, fresh: bool) -> None:
    """Start everything with two demo shops, and serve it.

    Starts the embedded PostgreSQL, makes the shops with staff, clients, invoices and history if there are none, serves
    the staff API and the console, and sends notices: e-mails to an SMTP server or the log, webhooks also to this
    machine. Prints the address, who can sign in, and a first request. Ctrl-C stops everything; the data stays for the
    next time.
    """
    from entrypoints.demo import run_demo

    run_demo(host=host, port=port, data=data, smtp=smtp, fresh=fresh)


@main.command()
@_host
@_port
@_data
def serve(host: str | None, port: int | None, data: Path | None) -> None:
    """Serve the staff API.

    Logs JSON lines to stderr (ACCOUNT_CREDIT_LOG_FORMAT=console: readable ones). SIGTERM lets requests finish that are
    being answered. Needs ACCOUNT_CREDIT_DATABASE_URL (the runtime role) and ACCOUNT_CREDIT_SECRET_KEYS, or works on the
    embedded PostgreSQL. Notices are sent by `account-credit worker`.
    """
    import msgspec

    from entrypoints.cli.installation import installation
    from entrypoints.serving import serve as serve_until_stopped

    with installation(data) as settings:
        chosen: dict[str, Any] = {} if host is None else {"host": host}
        if port is not None:
            chosen["port"] = port
        serve_until_stopped(msgspec.structs.replace(settings, **chosen))


@main.command()
def provision() -> None:
    """Make the roles and the database in a new cluster.

    Works as a superuser (ACCOUNT_CREDIT_SUPERUSER_DATABASE_URL). The database is the one that the other three URLs
    name, and each role gets the password that stands in its URL. Can be run again, also to change passwords.
    """
    from entrypoints.cli import provisioning
    from entrypoints.cli.configuration import DATABASE_URLS, settings_for

    provisioning.provision(settings_for(None, needs=DATABASE_URLS, of_cluster=True))


@main.command()
@_data
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where the database is not up to date.")
def migrate(data: Path | None, *, check: bool) -> None:
    """Bring the database up to date.

    Works as the role that owns the schema (ACCOUNT_CREDIT_OWNER_DATABASE_URL). Forward only; waits at most some seconds
    for locks, and can be run again. The embedded database is brought up to date by every command that uses it.
    """
    from entrypoints.cli import migrations
    from entrypoints.cli.installation import installation

    with installation(data, needs=("owner_database_url",)) as settings:
        if check:
            migrations.check(settings)
        else:
            migrations.migrate(settings)


@main.command()
@_data
@click.option("--once", is_flag=True, help="Send what is due now, then end.")
def worker(data: Path | None, *, once: bool) -> None:
    """Send notices of what happened to credit and payments.

    Any number of workers may run; SIGTERM ends one when it has sent what it is at. Needs ACCOUNT_CREDIT_DATABASE_URL
    and ACCOUNT_CREDIT_JOBS_DATABASE_URL, or works on the embedded PostgreSQL.
    """
    from entrypoints.cli.installation import installation
    from entrypoints.worker import work, work_once

    with installation(data, needs=("database_url", "jobs_database_url")) as settings:
        if once:
            notices, accepted = work_once(settings)
            click.echo(
                f"{notices:,} notice{'' if notices == 1 else 's'} routed, "
                f"{accepted:,} deliver{'y' if accepted == 1 else 'ies'} accepted."
            )
        else:
            work(settings)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), metavar="PORT", help="Its port (ACCOUNT_CREDIT_PORT, or 8000).")
def healthy(port: int | None) -> None:
    """Ask a process on this machine whether it is ready.

    For the health checks of containers. Says nothing; exit status 1 when it is not.
    """
    from entrypoints.cli.healthy import is_healthy

    if not is_healthy(port):
        raise click.exceptions.Exit(1)


@main.group("outbox")
def outbox_group() -> None:
    """Look after the notices on their way: what waits, what failed, pause, go on.

    A notice of each change waits in the outbox until a worker makes a delivery of it for each receiver: webhook
    endpoints, and the client by e-mail.
    """


@outbox_group.command("status")
@_json
@_data
def outbox_status(data: Path | None, *, as_json: bool) -> None:
    """Say whether notices go out, and what waits or failed where.

    A line a shop: TO ROUTE notices whose deliveries are not made yet, WAITING deliveries that are sent or tried again,
    the age of the OLDEST notice among them, FAILED ones that were given up, and ENDPOINTS that were switched OFF since
    they failed for days or are gone.
    """
    from entrypoints.cli import outbox as commands
    from entrypoints.cli.installation import installation

    with installation(data) as settings:
        commands.status(settings, as_json=as_json)


@outbox_group.command("retry")
@click.option("--shop", "slug", metavar="SLUG", help="Only of this shop.")
@click.option("--endpoint", type=click.UUID, metavar="ID", help="Only to this webhook endpoint.")
@_data
def outbox_retry(slug: str | None, endpoint: UUID | None, data: Path | None) -> None:
    """Send again what failed for good.

    With the ids that the notices always had, at once, and then by the schedule of retries from its beginning. Endpoints
    that are off are left out: their shop switches them on again first.
    """
    from entrypoints.cli import outbox as commands
    from entrypoints.cli.installation import installation

    with installation(data) as settings:
        commands.retry(settings, slug=slug, endpoint=endpoint)


@outbox_group.command("pause")
@click.option(
    "--why",
    callback=_a_reason,
    default="somebody paused them",
    show_default=True,
    help="Shown by status and in the log.",
)
@_data
def outbox_pause(why: str, data: Path | None) -> None:
    """Let no worker send anything until `resume`.

    Shops go on meanwhile; their notices wait. Workers notice within a second.
    """
    from entrypoints.cli import outbox as commands
    from entrypoints.cli.installation import installation

    with installation(data) as settings:
        commands.pause(settings, why=why)


@outbox_group.command("resume")
@click.option("--give-up", is_flag=True, help="Do not send what waits now; `retry` sends it if it is wanted after all.")
@_data
def outbox_resume(data: Path | None, *, give_up: bool) -> None:
    """Send again after a pause.

    A database that was restored from a backup, moved to another server, or that another server took over from, pauses
    by itself: what waits in it may have been sent since by the one before. Resumed, it is sent (again, with the same
    ids, by which receivers can tell); with --give-up it is not, and shows as failed. Make sure first that no worker
    runs on the other one any more.
    """
    from entrypoints.cli import outbox as commands
    from entrypoints.cli.installation import installation

    with installation(data, needs=("database_url", "jobs_database_url")) as settings:
        commands.resume(settings, give_up=give_up)


@main.group()
def shop() -> None:
    """Open a shop, list the shops."""


@shop.command("create")
@click.option("--name", required=True, help="The shop's name, as its staff know it.")
@click.option("--slug", required=True, help="Its short name for signing in, such as main-street.")
@click.option("--currency", required=True, help="ISO 4217, such as USD. Never changes.")
@click.option("--time-zone", required=True, help="IANA name, such as America/Chicago.")
@click.option(
    "--language",
    type=click.Choice(["en", "de"]),
    default="en",
    show_default=True,
    help="What e-mails to clients are written in; can be changed later.",
)
@click.option("--owner-name", required=True, help="The first staff member, who has all permissions.")
@click.option("--owner-email", required=True, help="Their e-mail address, to sign in with.")
@click.option(
    "--owner-password-file",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    metavar="FILE",
    help="Read their password from this file, and not from standard input.",
)
@_json
@_data
def create_shop(
    owner_password_file: Path | None,
    data: Path | None,
    *,
    name: str,
    slug: str,
    currency: str,
    time_zone: str,
    language: str,
    owner_name: str,
    owner_email: str,
    as_json: bool,
) -> None:
    """Open a shop with its owner.

    The owner's password (10 to 128 characters) is read from standard input, where one line ending at its end does not
    belong to it; on a terminal it is asked for.
    """
    from core.shop import Language
    from entrypoints.cli import shops
    from entrypoints.cli.installation import installation

    password = shops.password_from(owner_password_file)
    with installation(data) as settings:
        shops.create(
            settings,
            name=name,
            slug=slug,
            currency=currency,
            time_zone=time_zone,
            owner_name=owner_name,
            owner_email=owner_email,
            owner_password=password,
            language=Language(language),
            as_json=as_json,
        )


@shop.command("list")
@_json
@_data
def list_shops(data: Path | None, *, as_json: bool) -> None:
    """List the shops."""
    from entrypoints.cli import shops
    from entrypoints.cli.installation import installation

    with installation(data) as settings:
        shops.list_all(settings, as_json=as_json)


@main.command()
@_data
def reseal(data: Path | None) -> None:
    """Put what is sealed under the first secret key.

    After the secret keys were rotated: the signing secrets of webhooks are opened with whichever key of the list sealed
    them, and sealed with the first. A worker does the same when it starts, and once a day. Then older keys can be
    dropped. Exit status 1 when no key of the list opens some of them.
    """
    from entrypoints.cli.installation import installation
    from entrypoints.cli.reseal import reseal as reseal_secrets

    with installation(data) as settings:
        done = reseal_secrets(settings)
    if not done:
        raise click.exceptions.Exit(1)


@main.command()
@_shop
@click.option(
    "--digest",
    "digests",
    type=_file_to_read,
    multiple=True,
    metavar="FILE",
    help="Compare with this digest too; may be given several times.",
)
@click.option(
    "--public-key",
    "public_keys",
    type=_file_to_read,
    metavar="FILE",
    help="Believe digests of these public keys, one or several (ACCOUNT_CREDIT_DIGEST_PUBLIC_KEYS).",
)
@_json
@_data
def verify(
    digests: tuple[Path, ...], public_keys: Path | None, slug: str | None, data: Path | None, *, as_json: bool
) -> None:
    """Recompute everything, and say what does not agree.

    Every balance, number, hash, reversal, payment and invoice of each shop, from its ledger, as of one moment, and what
    the notices in the outbox and the answers kept under idempotency keys say of them; the shops may be in use
    meanwhile. With --digest also whether each account still goes through where it ended when the digest was made, which
    finds a tail that was cut off or rewritten with hashes that fit. A digest is believed from the given public keys
    alone. Exit status 1 when anything does not agree, or a digest cannot be trusted.
    """
    from entrypoints.cli.installation import installation
    from entrypoints.cli.verify import verify as verify_shops

    with installation(data) as settings:
        keys = _key_in(public_keys, settings.digest_public_keys)
        if digests and not keys:
            raise click.UsageError("A digest is worth its key: name the one that you trust with --public-key FILE.")
        agrees = verify_shops(settings, slug=slug, as_json=as_json, digests=digests, public_keys=keys)
    if not agrees:
        raise click.exceptions.Exit(1)


@main.command("digest-key")
@_new_file
def digest_key(file: Path) -> None:
    """Make a key that signs digests.

    The private key goes into FILE, which nobody else may read, and its public key into FILE.pub, both as PEM; neither
    replaces a file. Keep the private key off the database's machine. Whoever verifies needs the public key.
    """
    from entrypoints.cli.digests import make_key

    make_key(file)


@main.command()
@_new_file
@_shop
@click.option(
    "--key",
    "key_file",
    type=_file_to_read,
    metavar="FILE",
    help="The private key that signs, as digest-key makes it (ACCOUNT_CREDIT_DIGEST_KEY).",
)
@_data
def digest(file: Path, slug: str | None, key_file: Path | None, data: Path | None) -> None:
    """Write the signed heads of all credit accounts into FILE, to be kept elsewhere.

    For each account the number, hash and balance of its last entry, each shop's as of one moment; the shops may be in
    use meanwhile. FILE is there whole or not at all, and replaces none. `verify --digest FILE` compares with it.
    """
    from entrypoints.cli.digests import make_digest
    from entrypoints.cli.installation import installation

    with installation(data) as settings:
        key = _key_in(key_file, settings.digest_key)
        if not key:
            raise click.UsageError("A digest is signed: name the private key with --key FILE (digest-key makes one).")
        make_digest(settings, file, slug=slug, key=key)


def _key_in(file: Path | None, setting: str | None) -> bytes:
    return file.read_bytes() if file else (setting or "").encode()


@main.command("export-ledger")
@_new_file
@click.option("--shop", "slug", required=True, metavar="SLUG", help="Whose ledger.")
@click.option("--client", "client_id", type=click.UUID, metavar="ID", help="Only this client's.")
@_data
def export_ledger(file: Path, slug: str, client_id: UUID | None, data: Path | None) -> None:
    """Write a shop's ledger into FILE so that anybody can check it.

    Everything that the hashes cover, as JSON lines: docs/ledger-format.md says what they mean, docs/verify_ledger.py
    checks them without this program. FILE is there whole or not at all, and replaces none; nobody else may read it,
    since it holds names and notes.
    """
    from entrypoints.cli.export import export_ledger as export
    from entrypoints.cli.installation import installation

    with installation(data) as settings:
        export(settings, file, slug=slug, client_id=client_id)
