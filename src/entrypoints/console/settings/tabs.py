"""What the tabs of the settings share."""

from typing import Any

from core.staff import Permission
from core.use_cases.delivery_log import FAILED_AT_MOST
from entrypoints.console.navigation import SETTINGS_TABS
from entrypoints.console.services import Console
from entrypoints.console.visitors import Visitor

PATH = "/app/settings"


async def settings_facts(console: Console, visitor: Visitor, tab: str) -> dict[str, Any]:
    """What ``settings/base.html`` needs. ``tab``: its name in the navigation. ``failed``: for whoever may know."""
    facts: dict[str, Any] = {
        "tab": tab,
        "tabs": [(each.name, each.path) for each in SETTINGS_TABS if visitor.may_go(each)],
        "badges": {},
        "failed": None,
    }
    if visitor.may(Permission.MANAGE_SETTINGS):
        failed = await console.count_failed(visitor.caller)
        facts["failed"] = failed
        facts["badges"] = {
            name: f"{counted(count)} failed"
            for name, count in (("Webhooks", sum(failed.of_endpoints.values())), ("E-mails", failed.of_emails))
            if count
        }
    return facts


def counted(count: int) -> str:
    """A count that stopped somewhere."""
    return f"{FAILED_AT_MOST} or more" if count >= FAILED_AT_MOST else str(count)
