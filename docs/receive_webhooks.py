"""Take webhooks on 127.0.0.1, verify their signatures, and print them. Needs Python and nothing else.

    python3 docs/receive_webhooks.py PORT SECRET        (SECRET: whsec_..., as the endpoint's creation shows it)

What a receiver has to do, by the Standard Webhooks specification (https://www.standardwebhooks.com): take the bytes as
they came, compare signatures in constant time, refuse what is old, and know by `webhook-id` what it has had before.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
from datetime import datetime, timezone
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300
MAX_BYTES = 100_000


def is_genuine(headers: Message, body: bytes, secret: str) -> bool:
    """Whether one of the signatures is right, and it was sent just now."""
    webhook_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent.isdigit() or abs(time.time() - int(sent)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{webhook_id}.{sent}.".encode() + body, hashlib.sha256).digest()
    right = b"v1," + base64.b64encode(digest)
    return any(hmac.compare_digest(right, each.encode()) for each in headers.get("webhook-signature", "").split())


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is genuine, and 401 to the rest."""

    protocol_version = "HTTP/1.1"
    secret = ""

    def do_POST(self) -> None:  # the library's name
        """One webhook."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BYTES:
            self._answer(400)
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body, self.secret):
            print("refused: the signature is not right", flush=True)
            self._answer(401)
            return
        self._answer(204)
        told = json.loads(body)
        happened = datetime.fromisoformat(told["timestamp"].replace("Z", "+00:00"))
        after = datetime.now(timezone.utc) - happened
        print(f"{told['type']}, {after.total_seconds():.2f} s after it happened, signature verified", flush=True)
        print(json.dumps(told, indent=2), flush=True)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: what counts is printed."""


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: receive_webhooks.py PORT SECRET")
    Receiver.secret = sys.argv[2]
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"Taking webhooks on http://127.0.0.1:{sys.argv[1]}/. Ctrl-C stops it.", file=sys.stderr, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
