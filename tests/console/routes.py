"""Every route of the console, with a form for it and the permission that it needs.

The tests of who may what and of strangers run over this table; one of them fails where a route is missing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

Entries = Mapping[str, str]


@dataclass(frozen=True)
class Ids:
    """The ids that a request names: of one shop's things, or of nothing."""

    client: UUID = field(default_factory=uuid4)
    invoice: UUID = field(default_factory=uuid4)
    payment: UUID = field(default_factory=uuid4)
    bulk_payment: UUID = field(default_factory=uuid4)
    entry: UUID = field(default_factory=uuid4)
    staff: UUID = field(default_factory=uuid4)
    api_key: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class Route:
    """``permission``: without it the page is refused. ``form``: what a POST sends beside its token and key."""

    method: str
    path: str
    permission: str | None = None
    form: Callable[[Ids], Entries] = lambda _: {}

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, ids: Ids) -> str:
        return self.path.format(**{f"{name}_id": getattr(ids, name) for name in ids.__dataclass_fields__})


CLIENTS = "manage_clients"

ROUTES = [
    Route("GET", "/app"),
    Route("GET", "/app/clients"),
    Route("GET", "/app/clients/add", CLIENTS),
    Route("POST", "/app/clients/add", CLIENTS, lambda _: {"name": "New client"}),
    Route("GET", "/app/clients/{client_id}"),
    Route("GET", "/app/clients/{client_id}/edit", CLIENTS),
    Route("POST", "/app/clients/{client_id}/edit", CLIENTS, lambda _: {"name": "Renamed"}),
    Route("GET", "/app/clients/{client_id}/delete", CLIENTS),
    Route("POST", "/app/clients/{client_id}/delete", CLIENTS),
    Route("POST", "/app/clients/{client_id}/restore", CLIENTS),
]
"""What needs a session."""

OPEN_ROUTES = {"GET /app/sign-in", "POST /app/sign-in", "POST /app/sign-out", "GET /app/assets/{name}"}
"""What answers without one; signing out needs one, and ends it."""
