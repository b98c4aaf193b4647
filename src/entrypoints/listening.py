"""The address to serve on, taken before anything else is started."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


class CannotListen(Exception):
    """The address cannot be served on; ``str()`` is one sentence for the person at the terminal."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens already, so that nobody else takes the address while the program starts.

    Raises:
        CannotListen.
    """
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"Cannot serve on {host}: {_reason(error)}.") from error
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
        except OSError as error:
            raise CannotListen(
                f"Cannot serve on {host}:{port}: {_reason(error)}. Stop what uses it, or choose another --port."
            ) from error
        listener.setblocking(False)
        yield listener


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]


def address_of(listener: socket.socket) -> str:
    """The address for a browser, such as ``http://127.0.0.1:8000``."""
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
