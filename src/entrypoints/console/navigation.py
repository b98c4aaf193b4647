"""Where one can go: the places of the whole console, and the tabs of a client. A page that is added adds its own."""

from msgspec import Struct


class Place(Struct, frozen=True):
    """``path``: of a tab, behind the client's own address. ``needs``: the permission without which it is not shown."""

    name: str
    path: str
    icon: str | None = None
    needs: str | None = None


PLACES: list[Place] = [
    Place("Clients", "/app/clients", "clients"),
    Place("Invoices", "/app/invoices", "invoices"),
    Place("Reports", "/app/reports", "reports"),
]

CLIENT_TABS: list[Place] = [
    Place("Invoices", ""),
    Place("Credit", "/credit"),
    Place("Statement", "/statement"),
]
"""In the order in which they are shown."""
