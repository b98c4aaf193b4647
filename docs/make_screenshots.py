"""Take the pictures of the console that README.md and docs/console.md show, into docs/screenshots/.

    uv run --with pillow python docs/make_screenshots.py            from a fresh demo of its own
    uv run --with pillow python docs/make_screenshots.py --only credit,settings
    uv run --with pillow python docs/make_screenshots.py --address http://127.0.0.1:8000

The worked example is done by hand on the way, for a client who has INV-1 over $130.00 and no credit: with --address the
demo must be as it was made (`make demo ARGS=--fresh`). Needs Chromium (Debian and Ubuntu: apt-get install chromium).
Without Pillow it works as well, and the pictures are three times as large.
"""

import argparse
import asyncio
import io
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urljoin

from playwright.async_api import Browser, Page, async_playwright

FOLDER = Path(__file__).parent / "screenshots"
SHOP, OWNER, PASSWORD = "main-street", "olivia@main-street.example", "account-credit-demo"  # printed
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SETTLING_MS = 400
"""Until what was asked for in the background is there, and what was said is announced."""

Way = Callable[[Page], Awaitable[object]]


@dataclass(frozen=True)
class Picture:
    """``way``: how to get there from the picture before, or from anywhere. ``height``: of the window; None: all of the
    page.
    """

    name: str
    way: Way
    width: int = 1280
    height: int | None = None
    dark: bool = False


def go(path: str) -> Way:
    async def way(page: Page) -> None:
        await page.goto(urljoin(page.url, path))

    return way


def find(client: str, tab: str = "") -> Way:
    """The page of a client of the demo."""

    async def way(page: Page) -> None:
        await page.goto(urljoin(page.url, "/app/clients"))
        link = page.get_by_role("link", name=client, exact=True)
        await page.goto(urljoin(page.url, (await link.get_attribute("href") or "") + tab))

    return way


def click(name: str, role: str = "link", *, last: bool = False) -> Way:
    async def way(page: Page) -> None:
        found = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]  # a role's name
        await (found.last if last else found.first).click()

    return way


def press(name: str) -> Way:
    return click(name, "button", last=True)


def type_in(label: str, text: str) -> Way:
    async def way(page: Page) -> None:
        await page.get_by_label(label, exact=True).fill(text)

    return way


def then(*ways: Way) -> Way:
    """One after the other, each once the page of the one before is there."""

    async def all_of_them(page: Page) -> None:
        for way in ways:
            await way(page)
            await page.wait_for_load_state("networkidle")

    return all_of_them


async def explain(page: Page) -> None:
    await page.get_by_text("Explain this balance").click()


async def last_payment(page: Page) -> None:
    await page.locator("table.payments tbody a").last.click()


async def delete_last_payment(page: Page) -> None:
    await then(last_payment, click("Delete"), press("Delete payment"))(page)


CASEY, LUIS = "Casey Morgan", "Luis Ortega"
THREE_MONTHS = "/app/reports/{}?from=" + (date.today() - timedelta(days=90)).isoformat()  # noqa: DTZ011  # wherever

EXAMPLE = [
    Picture(
        "example-1-add",
        then(find(CASEY, "/credit"), click("Add credit"), type_in("Amount", "50"), type_in("Note", "job ran late")),
        height=760,
    ),
    Picture("example-1-balance-50", press("Add credit")),
    Picture("example-2-question", then(find(CASEY), click("INV-1"), click("Take a payment")), height=760),
    Picture("example-2-balance-0", press("Apply $50.00")),
    Picture("example-3-question", then(click("Take another payment"), type_in("Amount", "100")), height=760),
    Picture("example-3-result", press("Keep $20.00 as credit")),
    Picture("example-3-balance-20", find(CASEY, "/credit")),
    Picture("example-4-refused", click("Void entry 1"), height=760),
    Picture("example-5-delete", then(click("The payment of $50.00 on INV-1"), click("Delete")), height=760),
    Picture("example-5-balance-70", then(press("Delete payment"), find(CASEY, "/credit"))),
    Picture("example-6-balance-20", then(click("Void entry 1"), type_in("Note", "by mistake"), press("Void $50.00"))),
    Picture(
        "example-7-balance-0",
        then(find(CASEY), click("INV-1"), delete_last_payment, find(CASEY, "/credit")),
    ),
]
"""The worked example, picture by picture; each begins where the one before ended."""

PAGES = [
    Picture("clients", go("/app/clients")),
    Picture("client", find("Dana Whitfield")),
    Picture("credit", then(find(LUIS, "/credit"), explain)),
    Picture("credit-dark", then(find("Omar Haddad", "/credit"), explain), dark=True),
    Picture("credit-phone", find(LUIS, "/credit"), width=390),
    Picture("credit-none", find("Jordan Blake", "/credit"), height=620),
    Picture("statement", find("Ruth Abernathy", "/statement")),
    Picture("invoices", go("/app/invoices")),
    Picture("invoice", then(find("Dana Whitfield"), click("INV-3"))),
    Picture("invoice-edit", then(find("Dana Whitfield"), click("INV-3"), click("Edit"))),
    Picture("bulk-payment", find("Ivan Petrov", "/bulk-payment")),
    Picture("receipt", then(find("Dana Whitfield"), click("INV-3"), last_payment, click("Receipt")), height=700),
    Picture("collected", go(THREE_MONTHS.format("collected"))),
    Picture("credit-owed", go(THREE_MONTHS.format("credit"))),
    Picture("ledger", go(THREE_MONTHS.format("ledger")), height=900),
    Picture("notices", find("Dana Whitfield", "/notices")),
    Picture("settings-shop", go("/app/settings/shop")),
    Picture("settings-staff", go("/app/settings/staff")),
    Picture("settings-api-key", go("/app/settings/api-keys/add")),
    Picture("settings-webhooks", go("/app/settings/webhooks/add")),
]
"""One page each. More: a line more."""


async def take(browser: Browser, address: str, chosen: list[str]) -> None:
    """Take those whose names begin with one of ``chosen``; all of them if that is empty."""
    groups = [each for each in (EXAMPLE, PAGES) if any(wanted(picture, chosen) for picture in each)]
    pictures = [picture for group in groups for picture in group]
    FOLDER.mkdir(exist_ok=True)
    pages: dict[tuple[int, bool], Page] = {}
    for number, picture in enumerate(pictures, 1):
        key = (picture.width, picture.dark)
        if key not in pages:
            pages[key] = await signed_in(browser, address, *key)
        file = FOLDER / f"{picture.name}.png"
        told = await one(pages[key], picture, file) if picture in EXAMPLE or wanted(picture, chosen) else "passed by"
        print(f"[{number}/{len(pictures)}] {file.name}: {told}", flush=True)


def wanted(picture: Picture, chosen: list[str]) -> bool:
    return not chosen or any(picture.name.startswith(each) for each in chosen)


async def one(page: Page, picture: Picture, file: Path) -> str:
    await page.set_viewport_size({"width": picture.width, "height": picture.height or 760})
    await then(picture.way)(page)
    await page.wait_for_timeout(SETTLING_MS)
    if await page.get_by_role("heading", name="There is nothing here").count():
        sys.exit(f"There is no page for {picture.name}: {page.url}")
    full = picture.height is None
    shot = compact(await page.screenshot(full_page=full, animations="disabled", caret="hide"))
    file.write_bytes(shot)
    return f"{len(shot) / 1000:.0f} kB"


def compact(png: bytes) -> bytes:
    """The same with at most 128 colours, which is all that these pages have; as it is where there is no Pillow."""
    try:
        from PIL import Image  # noqa: PLC0415  # only where it was brought along
    except ImportError:
        return png
    smaller = io.BytesIO()
    few = Image.open(io.BytesIO(png)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(smaller, "PNG", optimize=True)
    return smaller.getvalue()


async def signed_in(browser: Browser, address: str, width: int, dark: bool) -> Page:
    context = await browser.new_context(
        viewport={"width": width, "height": 760}, color_scheme="dark" if dark else "light"
    )
    page = await context.new_page()
    await page.goto(f"{address}/app/sign-in")
    for label, text in (("Shop", SHOP), ("E-mail", OWNER), ("Password", PASSWORD)):
        await type_in(label, text)(page)
    await press("Sign in")(page)
    await page.wait_for_url("**/app/clients")
    return page


@contextmanager
def demo() -> Iterator[str]:
    """A demo of our own, in a folder and on a port of its own; its address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "entrypoints.cli", "demo", "--port", str(port), "--data", f"{folder}/data"]
        with subprocess.Popen(  # noqa: S603  # our own program
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                print(f"Starting a demo at {address} ...", flush=True)
                wait_until_ready(address, process)
                yield address
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)


def wait_until_ready(address: str, process: "subprocess.Popen[bytes]", *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit("The demo ended by itself; `account-credit demo` says why.")
        try:
            urllib.request.urlopen(f"{address}/health/ready", timeout=1)  # noqa: S310  # our own address
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    sys.exit(f"The demo was not ready after {seconds:.0f} seconds.")


async def take_all(address: str, chosen: list[str]) -> None:
    chromium = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if chromium is None:
        sys.exit("No Chromium was found (Debian and Ubuntu: apt-get install chromium).")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        await take(browser, address, chosen)
        await browser.close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", help="of a demo that runs already")
    parser.add_argument("--only", default="", metavar="NAMES", help="how the names of the pictures begin, with commas")
    arguments = parser.parse_args()
    chosen = [each for each in arguments.only.split(",") if each]
    if arguments.address:
        asyncio.run(take_all(arguments.address, chosen))
    else:
        with demo() as address:
            asyncio.run(take_all(address, chosen))


if __name__ == "__main__":
    main()
