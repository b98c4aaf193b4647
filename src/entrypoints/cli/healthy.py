"""``account-credit healthy``: asks a process on this machine, for images that hold nothing else to ask with."""

import http.client
import os

from entrypoints.settings import PREFIX

TIMEOUT_SECONDS = 4


def is_healthy(port: int | None) -> bool:
    """Whether it serves, or works, and its database is there."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", port or int(os.environ.get(f"{PREFIX}PORT") or 8000), timeout=TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
