"""Take e-mail on 127.0.0.1 and print it: a place for the demo's mails.

    .venv/bin/python docs/receive_mail.py [PORT]        (2525)

Prints the headers that a reader sees and the text; of the HTML only how long it is.
"""

import asyncio
import sys
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session

SHOWN = ("From", "To", "Reply-To", "Subject", "Message-ID")


class Printer:
    """Prints whatever comes."""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Take it."""
        assert isinstance(envelope.content, bytes)  # noqa: S101  # as the server was made
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)  # noqa: S101  # as the policy says
        for name in SHOWN:
            if message[name]:
                print(f"{name}: {message[name]}")
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        print()
        print(text.get_content().replace("\r\n", "\n").strip() if text else "(no text)")
        print()
        print(f"(and the same as HTML, {len(html.get_content()):,} characters)" if html else "(no HTML)")
        print("-" * 80, flush=True)
        return "250 OK"


async def serve(port: int) -> None:
    """Until Ctrl-C."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Printer(), hostname="localhost", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port
    )
    print(f"Taking e-mail on 127.0.0.1:{port}. Ctrl-C stops it.", file=sys.stderr, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 2525))
    except KeyboardInterrupt:
        sys.exit(0)
