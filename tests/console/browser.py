"""A front desk with a browser in front of it: what a person sees and does at the console."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.desk import PASSWORD, Desk

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
NO_CHROMIUM = "The tests of the console need Chromium (Debian and Ubuntu: apt-get install chromium); none was found."
PATIENCE_MILLISECONDS = 30_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]


@dataclass
class Screen:
    """One browser with cookies of its own. ``faults``: what it complained of, which fails the test."""

    address: str
    context: BrowserContext
    page: Page
    javascript: bool
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note everything that a page must not do."""
        self.context.on("console", self._said)
        self.context.on("request", self._asked)
        self.context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        host = urlsplit(request.url)
        if host.scheme not in {"data", "blob"} and host.netloc != urlsplit(self.address).netloc:
            self.faults.append(f"request to another host: {request.url}")

    def require_no_faults(self) -> None:
        """What the test expects, such as the note of a page with an error's status, is said in ``expected``."""
        faults = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        assert faults == []

    async def go(self, path: str) -> int:
        """Open a page; its status."""
        answer = await self.page.goto(self.address + path)
        assert answer is not None
        return answer.status

    @property
    def path(self) -> str:
        parts = urlsplit(self.page.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    async def sign_in(self, desk: Desk, email: str | None = None, password: str = PASSWORD) -> None:
        await self.go("/app/sign-in")
        await self.page.get_by_label("Shop").fill(desk.slug)
        await self.page.get_by_label("E-mail").fill(email or desk.owner_email)
        await self.page.get_by_label("Password").fill(password)
        await self.click("Sign in")

    async def click(self, name: str, role: str = "button", *, exact: bool = True) -> None:
        """Click what has that name, and wait for what comes of it."""
        await self.page.get_by_role(role, name=name, exact=exact).click()  # type: ignore[arg-type]  # a role's name
        await self.settled()

    async def settled(self) -> None:
        """The page has come as a whole, and so have the parts of it that were asked for."""
        busy = self.page.locator(".htmx-request, .htmx-swapping, form[data-sent]")
        await expect(busy).to_have_count(0)
        await self.page.wait_for_load_state()
        await expect(busy).to_have_count(0)

    async def said(self) -> str:
        """What the page says was done."""
        status = self.page.locator("#said")
        await status.wait_for(state="attached")
        await self.page.wait_for_load_state()  # its script has emptied it by now, to say it anew
        await status.filter(has_text=".").wait_for()
        return (await status.inner_text()).strip()

    async def heading(self) -> str:
        return (await self.page.locator("h1").first.inner_text()).strip()

    async def figures(self) -> dict[str, str]:
        """The client card."""
        pairs = await self.page.locator(".figures .figure").all()
        return {await pair.locator("dt").inner_text(): await pair.locator("dd").first.inner_text() for pair in pairs}

    async def rows(self, table: str = "table.data") -> list[list[str]]:
        """The cells of a table's rows, as text."""
        found = []
        for row in await self.page.locator(f"{table} tbody tr").all():
            found.append([text.strip() for text in await row.locator("th, td").all_inner_texts()])
        return found

    async def errors(self) -> list[str]:
        """What the error summary lists; it has the focus."""
        summary = self.page.locator("#errors")
        await summary.wait_for()
        await expect(summary).to_be_focused()
        lines = [line.strip() for line in (await summary.inner_text()).splitlines()]
        return [line for line in lines if line]

    async def require_accessible(self, *, only_contrast: bool = False) -> None:
        """axe-core, which is a script itself, finds nothing serious on the page."""
        assert self.javascript
        from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # noqa: PLC0415

        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if only_contrast:
            options["runOnly"] = ["color-contrast"]
        found = await Axe().run(self.page, options=options)
        serious = [each for each in found.response["violations"] if each["impact"] in {"serious", "critical"}]
        assert not serious, "; ".join(_told(each) for each in serious)


async def new_screen(
    browser: Browser,
    address: str,
    *,
    javascript: bool = True,
    width: int = 1280,
    height: int = 800,
    dark: bool = False,
) -> Screen:
    """A browser with cookies of its own, in front of nobody yet."""
    context = await browser.new_context(
        java_script_enabled=javascript,
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        # Half way from one colour to the next nothing can be said of contrast.
        reduced_motion="reduce",
        # As for a person who is in another place than their shop.
        timezone_id="Asia/Tokyo",
    )
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    screen = Screen(address, context, await context.new_page(), javascript)
    screen.listen()
    return screen


def _told(violation: dict[str, Any]) -> str:
    places = ", ".join(
        str(node["target"]) + " " + str(node.get("failureSummary", "")) for node in violation["nodes"][:3]
    )
    return f"{violation['id']}: {violation['help']} at {places}"
