"""Who says they ask: the ``Authorization`` header, read before anything else of a request."""

from typing import Any, Protocol

import structlog
from litestar.types import Scope

from core.errors import Unauthenticated
from core.staff import Credential


class CredentialReader(Protocol):
    def read(self, bearer: str) -> Credential:
        """Check what can be checked without the database. Raises Unauthenticated."""
        ...


def require_credential(scope: Scope, reader: CredentialReader) -> None:
    """Refuse whoever brings no credential, and put the one they bring on the request. Raises Unauthenticated.

    Whether the staff member or the API key still exists is for the use case's first read to say.
    """
    credential = reader.read(_bearer(scope["headers"]))
    scope["auth"] = credential
    if credential.secret_hash is None:
        # The signature says that it is true. What a secret is brought with may be made up: for the log that is nobody
        # until the secret was compared (adapters.postgres.asking).
        structlog.contextvars.bind_contextvars(
            shop_id=str(credential.shop_id), actor_kind=credential.kind.value, actor_id=str(credential.id)
        )


def _bearer(headers: Any) -> str:
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1:
        raise Unauthenticated
    scheme, _, token = given[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    return str(token.strip())
