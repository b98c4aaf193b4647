"""Run the tours of the README against a fresh demo, and put what they really printed into the README.

    uv run python docs/make_tour.py           rewrites README.md
    uv run python docs/make_tour.py --check   runs the tours, and fails if a command does

Ids and times differ from run to run, so the check looks at the commands, not at what they print.
"""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
# As the README shows them; a run has ports of its own.
SHOWN, MAIL_PORT, WEBHOOK_PORT = "http://127.0.0.1:8000", "2525", "9000"

SET_UP = [
    "URL=http://127.0.0.1:8000/v1",
    """api() { curl -sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' "$@"; }""",
    """pick() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }""",
]

TOUR = [
    (
        "Sign in",
        """TOKEN=$(curl -sS $URL/auth/sign-in -H 'Content-Type: application/json' -d '{
  "shop": "main-street", "email": "olivia@main-street.example", "password": "account-credit-demo"}' | pick access_token)
api $URL/me""",
    ),
    (
        "A client and an invoice of $130.00",
        """CLIENT=$(api $URL/clients -d '{"name": "Pat Doe", "phone": "555-0142"}' | pick id)
INVOICE=$(api $URL/invoices -d '{"client_id": "'$CLIENT'", "vehicle": "2019 Corolla",
  "lines": [{"description": "Brake pads", "quantity": 1, "unit_price": 13000}]}' | pick id)
api $URL/invoices/$INVOICE""",
    ),
    (
        "The job ran late: $50.00 of goodwill, kept on file",
        """ENTRY=$(api $URL/clients/$CLIENT/credit/entries -H 'Idempotency-Key: goodwill-1' \\
  -d '{"reason": "goodwill", "amount": 5000, "note": "job ran late"}' | pick id)
api $URL/credit/entries/$ENTRY""",
    ),
    (
        "The same request again, as after a lost answer: the first answer comes back, and nothing is added",
        """api -i $URL/clients/$CLIENT/credit/entries -H 'Idempotency-Key: goodwill-1' \\
  -d '{"reason": "goodwill", "amount": 5000, "note": "job ran late"}' | grep -iE '^(HTTP|idempotency)'""",
    ),
    (
        "Starting a payment tells what credit could do, before anything is saved",
        "api $URL/invoices/$INVOICE/payment-options",
    ),
    (
        "Apply the credit: with no amount, the most that is possible",
        """APPLIED=$(api $URL/invoices/$INVOICE/payments -H 'Idempotency-Key: apply-1' \\
  -d '{"method": "account_credit"}' | pick id)
api $URL/payments/$APPLIED""",
    ),
    (
        "Cash for more than what is due: nothing is saved until somebody says what to do with the rest",
        """api $URL/invoices/$INVOICE/payments -H 'Idempotency-Key: cash-1' -d '{"method": "cash", "amount": 10000}'""",
    ),
    (
        "Keep the rest as credit",
        """api $URL/invoices/$INVOICE/payments -H 'Idempotency-Key: cash-1' \\
  -d '{"method": "cash", "amount": 10000, "overpayment": "capture"}' > cash.json
api $URL/clients/$CLIENT""",
    ),
    (
        "Credit that was spent cannot be voided, and the refusal says what spent it",
        """api $URL/credit/entries/$ENTRY/void -H 'Idempotency-Key: void-1' -d '{"note": "wrong client"}'""",
    ),
    (
        "The ledger, for the bookkeeper",
        "api $URL/clients/$CLIENT/credit/entries.csv",
    ),
]
NOTICES = [
    (
        "A place for mail, which prints what it gets",
        ".venv/bin/python docs/receive_mail.py 2525 > mails.txt &",
    ),
    (
        "A webhook endpoint; its secret is shown this once, and a receiver verifies signatures with it",
        """SECRET=$(api $URL/webhook-endpoints -d '{
  "url": "http://127.0.0.1:9000/", "kinds": ["credit.applied"]}' | pick secret)
python3 docs/receive_webhooks.py 9000 "$SECRET" > webhooks.txt &""",
    ),
    (
        "A client with $42.10 of credit spends $20.00",
        """CLIENT=$(api $URL/clients -d '{"name": "Robin Vale", "email": "robin@example.com"}' | pick id)
api $URL/clients/$CLIENT/credit/entries -H 'Idempotency-Key: notice-1' \\
  -d '{"reason": "promotion", "amount": 4210, "note": "spring voucher"}' > entry.json
INVOICE=$(api $URL/invoices -d '{"client_id": "'$CLIENT'",
  "lines": [{"description": "Oil change", "quantity": 1, "unit_price": 2000}]}' | pick id)
api $URL/invoices/$INVOICE/payments -H 'Idempotency-Key: notice-2' \\
  -d '{"method": "account_credit"}' > payment.json; sleep 1""",
    ),
    ("A second later the webhook is there", "cat webhooks.txt"),
    ("So are two mails", "cat mails.txt"),
    (
        "What was sent to whom, with every answer and the next try",
        'api "$URL/clients/$CLIENT/notices?limit=1"',
    ),
]
TOURS = {"tour": TOUR, "notices": NOTICES}
"""By the marks between which they stand in the README. They run in one shell, in this order."""
MARK = "==== end of step ===="


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait up to a minute."""
    for _ in range(600):
        if process.poll() is not None:
            sys.exit("the demo did not start")
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=1):  # noqa: S310  # our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit("the demo did not get ready")


def run_tours(here: dict[str, str], folder: Path) -> list[str]:
    """What each step printed. All steps run in one shell, so that a variable set in one is there in the next.

    ``here``: what stands in this run for what the README shows.
    """
    lines = ["set -euo pipefail", "trap 'kill $(jobs -p)' EXIT", *SET_UP]
    for _, command in (step for steps in TOURS.values() for step in steps):
        lines += [command, f"echo; echo '{MARK}'"]
    script = "\n".join(lines)
    for shown, chosen in here.items():
        script = script.replace(shown, chosen)
    for name in ("docs", ".venv"):
        (folder / name).symlink_to(README.parent / name)
    done = subprocess.run(  # noqa: S603  # the commands above
        ["/usr/bin/env", "bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"the tour failed:\n{done.stdout}\n{done.stderr}")
    return [part.strip() for part in done.stdout.split(MARK)][:-1]


def pretty(printed: str) -> str:
    """JSON on several lines, with what is short kept on one."""
    if not printed.startswith("{"):
        return printed
    done = subprocess.run(  # our own interpreter
        [sys.executable, "-m", "json.tool", "--indent", "2"], input=printed, capture_output=True, text=True, check=True
    )
    somebody = r'\{\s+"kind": (\S+)\s+"id": (\S+)\s+"name": ([^\n]+)\s+\}'
    return re.sub(somebody, r'{"kind": \1 "id": \2 "name": \3}', done.stdout).rstrip()


def rewrite(outputs: list[str], here: dict[str, str]) -> None:
    text, printed_by = README.read_text(), iter(outputs)
    for mark, steps in TOURS.items():
        parts = [""]
        if steps is TOUR:
            parts += ["```sh", *SET_UP, "```", ""]
        for number, (title, command) in enumerate(steps, 1):
            parts += [f"**{number}. {title}**", "", "```sh", command, "```", ""]
            printed = next(printed_by)
            for shown, chosen in here.items():
                printed = printed.replace(chosen, shown)
            if printed:
                parts += [f"```{'json' if printed.startswith('{') else 'text'}", pretty(printed), "```", ""]
        begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
        head, rest = text.split(begin)
        tail = rest.split(end)[1]
        text = head + begin + "\n".join(parts) + end + tail
    README.write_text(text)


def free_ports(count: int) -> list[int]:
    """That many that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def main() -> None:
    """Start a demo of its own, in a folder and on ports of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="leave the README as it is")
    check = parser.parse_args().check
    port, mail_port, webhook_port = free_ports(3)
    url = f"http://127.0.0.1:{port}"
    here = {SHOWN: url, MAIL_PORT: str(mail_port), WEBHOOK_PORT: str(webhook_port)}
    with tempfile.TemporaryDirectory() as folder:
        demo = [sys.executable, "-m", "entrypoints.cli", "demo", "--port", str(port), "--data", f"{folder}/data"]
        demo += ["--smtp", f"127.0.0.1:{mail_port}"]
        with subprocess.Popen(  # noqa: S603  # our own program
            demo, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
        ) as process:
            try:
                wait_until_ready(url, process)
                outputs = run_tours(here, Path(folder))
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)
    if not check:
        rewrite(outputs, here)


if __name__ == "__main__":
    main()
