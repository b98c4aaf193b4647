"""Run the tour of the README against a fresh demo, and put what it really printed into the README.

    uv run python docs/make_tour.py           rewrites README.md
    uv run python docs/make_tour.py --check   runs the tour, and fails if a command does

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
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- tour -->", "<!-- /tour -->"
SHOWN = "http://127.0.0.1:8000"

SET_UP = [
    "URL=http://127.0.0.1:8000/v1",
    """api() { curl -sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' "$@"; }""",
    """pick() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }""",
]

STEPS = [
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


def run_tour(url: str, folder: Path) -> list[str]:
    """What each step printed. All steps run in one shell, so that a variable set in one is there in the next."""
    mark = "==== end of step ===="
    lines = ["set -euo pipefail", *SET_UP]
    for _, command in STEPS:
        lines += [command, f"echo; echo '{mark}'"]
    script = "\n".join(lines).replace(SHOWN, url)
    done = subprocess.run(  # noqa: S603  # the commands above
        ["/usr/bin/env", "bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"the tour failed:\n{done.stdout}\n{done.stderr}")
    return [part.strip() for part in done.stdout.split(mark)][: len(STEPS)]


def pretty(printed: str) -> str:
    """JSON on several lines, with what is short kept on one."""
    if not printed.startswith("{"):
        return printed
    done = subprocess.run(  # our own interpreter
        [sys.executable, "-m", "json.tool", "--indent", "2"], input=printed, capture_output=True, text=True, check=True
    )
    somebody = r'\{\s+"kind": (\S+)\s+"id": (\S+)\s+"name": ([^\n]+)\s+\}'
    return re.sub(somebody, r'{"kind": \1 "id": \2 "name": \3}', done.stdout).rstrip()


def rewrite(outputs: list[str], url: str) -> None:
    parts = ["", "```sh", *SET_UP, "```", ""]
    for number, ((title, command), printed) in enumerate(zip(STEPS, outputs, strict=True), 1):
        language = "json" if printed.startswith("{") else "text"
        parts += [f"**{number}. {title}**", "", "```sh", command, "```", "", f"```{language}"]
        parts += [pretty(printed).replace(url, SHOWN), "```", ""]
    text = README.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    README.write_text(head + BEGIN + "\n".join(parts) + END + tail)


def main() -> None:
    """Start a demo of its own, in a folder and on a port of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="leave the README as it is")
    check = parser.parse_args().check
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        demo = [sys.executable, "-m", "entrypoints.cli", "demo", "--port", str(port), "--data", f"{folder}/data"]
        with subprocess.Popen(  # noqa: S603  # our own program
            demo, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
        ) as process:
            try:
                wait_until_ready(url, process)
                outputs = run_tour(url, Path(folder))
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)
    if not check:
        rewrite(outputs, url)


if __name__ == "__main__":
    main()
