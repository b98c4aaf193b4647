"""What tests/containers/check asks of the containers of deploy/compose.yaml: the worked example, e-mail, a statement as
PDF, and every command that works on a database of somebody else's.

``python -m tests.containers.in_containers ADDRESS API MAIL WORKER``, the last three being containers.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import click
import httpx

from tests.worked_example import worked_example

OWNER = {"email": "olive@example.com", "password": "a long password"}
SHOP = "main-street"
PATIENCE_SECONDS = 60


def commands(folder: str) -> Iterator[tuple[str, ...]]:
    """All beside those that compose runs, and ``demo``, which brings the database that the image leaves out.
    ``folder``: one of the container that can be written to.
    """
    yield "shop", "list"
    yield from (("outbox", each) for each in ("status", "retry", "pause", "resume"))
    yield ("reseal",)
    yield "digest-key", f"{folder}/key"
    yield "digest", f"{folder}/digest", "--key", f"{folder}/key"
    yield "verify", "--digest", f"{folder}/digest", "--public-key", f"{folder}/key.pub"
    yield "export-ledger", f"{folder}/ledger", "--shop", SHOP
    yield "worker", "--once"


def docker(*arguments: str, said: str = "") -> str:
    """What the command answered, and what it logged."""
    done = subprocess.run(  # noqa: S603
        ["docker", *arguments],  # noqa: S607
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def until(condition: Callable[[], bool], *, what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, f"{what}: not in {PATIENCE_SECONDS} s"
        time.sleep(0.2)


def check(address: str, api: str, mail: str, worker: str) -> None:
    with httpx.Client(base_url=address, timeout=30) as client:
        until(lambda: client.get("/health/ready").status_code == 200, what="the API is ready")
        docker(
            *(
                "exec",
                "--interactive",
                api,
                "account-credit",
                "shop",
                "create",
                "--name",
                "Main Street",
                "--slug",
                SHOP,
            ),
            *("--currency", "USD", "--time-zone", "America/Chicago", "--owner-name", "Olive"),
            *("--owner-email", OWNER["email"]),
            said=OWNER["password"] + "\n",
        )
        signed_in = client.post("/v1/auth/sign-in", json={"shop": SHOP, **OWNER})
        assert signed_in.status_code == 200, signed_in.text
        headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
        worked_example(client, headers)
        click.echo("      the worked example went through the containers")
        pat = _a_client_gets_an_email(client, headers, mail)
        statement = a_statement(client, pat, shop=SHOP, **OWNER)
        assert statement.startswith(b"%PDF-"), statement[:200]
    for command in commands(docker("exec", worker, "mktemp", "--directory").strip()):
        docker("exec", worker, "account-credit", *command)
    said = docker("exec", api, "account-credit", "verify")
    assert "main-street: everything agrees" in said, said
    until(lambda: _health(api) == "healthy", what="the engine calls the API healthy")
    for container in (api, worker):
        log = docker("logs", container)
        assert OWNER["password"] not in log
        assert '"level": "error"' not in log, log
    click.echo("      e-mail and a statement came, all commands ran, verify agrees, the health check is green")


def _a_client_gets_an_email(client: httpx.Client, headers: dict[str, str], mail: str) -> str:
    def send(method: str, path: str, body: dict[str, object]) -> dict[str, str]:
        answer = client.request(method, path, json=body, headers={**headers, "Idempotency-Key": uuid4().hex})
        assert answer.is_success, answer.text
        return dict(answer.json())

    send("PATCH", "/v1/shop", {"email_notices": True})
    pat = send("POST", "/v1/clients", {"name": "Pat", "email": "pat@example.com"})["id"]
    credit = {"reason": "goodwill", "amount": 5000, "note": "job ran late"}
    send("POST", f"/v1/clients/{pat}/credit/entries", credit)
    until(lambda: "pat@example.com" in docker("logs", mail), what="the e-mail is in the sink")
    return pat


def a_statement(client: httpx.Client, client_id: str, **who: str) -> bytes:
    """The client's, as PDF, from the console. Its cookies are for HTTPS, so they are carried by hand."""
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, form: dict[str, str] | None = None) -> httpx.Response:
        carried = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {"Origin": str(client.base_url).rstrip("/"), "Cookie": carried}
        answer = client.request(method, f"/app{path}", data=form, headers=headers)
        cookies.update(answer.cookies)
        return answer

    token = re.search(r'name="_token" value="([^"]+)"', ask("GET", "/sign-in").text)
    assert token, "the page to sign in has a form"
    signed_in = ask("POST", "/sign-in", {"_token": token[1], **who})
    assert signed_in.status_code == 303, signed_in.text
    statement = ask("GET", f"/clients/{client_id}/statement.pdf")
    assert statement.status_code == 200, statement.text
    return statement.content


def _health(container: str) -> str:
    return docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()


if __name__ == "__main__":
    check(*sys.argv[1:])
