"""Where one can go: the places of the whole console, the tabs of a client and of the settings. A page that is added
adds its own.
"""

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
    Place("Settings", "/app/settings", "settings"),
]

CLIENT_TABS: list[Place] = [
    Place("Invoices", ""),
    Place("Credit", "/credit"),
    Place("Statement", "/statement"),
    Place("Notices", "/notices"),
]
"""In the order in which they are shown."""

SETTINGS_TABS: list[Place] = [
    Place("Shop", "/app/settings/shop"),
    Place("Staff", "/app/settings/staff", needs="manage_staff"),
    Place("API keys", "/app/settings/api-keys", needs="manage_staff"),
    Place("Webhooks", "/app/settings/webhooks", needs="manage_settings"),
    Place("E-mails", "/app/settings/emails", needs="manage_settings"),
]
