"""Hostile text on the pages: whatever was typed is text there, when it is shown and when a form brings it back.

The pages and the forms are those of the table of routes, the fields those that a form shows, so that new ones cannot
escape.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import msgspec
import pytest

from core.invoices import InvoiceLine
from core.use_cases.clients import ClientEdit
from core.use_cases.invoices import InvoiceEdit
from core.use_cases.shop_settings import ShopEdit
from tests.console.routes import ROUTES, Ids
from tests.console.visiting import Visiting
from tests.desk import Desk
from tests.entrypoints.hostile import KEPT, ONE_LINE_ONLY, REFUSED
from tests.entrypoints.test_hostile_text import would_be_a_formula

PAGES = [route for route in ROUTES if route.method == "GET" and route.leads_to is None]
FORMS = [each for each in ROUTES if each.method == "POST" and any(page.path == each.path for page in PAGES)]
_GAP = " ~ "
_LEADS_SOMEWHERE = {"href", "src", "action", "formaction", "hx-get", "hx-post"}
MARKUP = [text.strip() for text in KEPT.values() if set(text) & set("<>\"'&`{}$")]
"""What templates and browsers may take for something else. The rest is as harmless on a page as in JSON."""


def packed(texts: Iterable[str], longest: int) -> list[str]:
    """Several of them in one string, so that few pages show all."""
    chunks = [""]
    for text in texts:
        if len(chunks[-1] + _GAP + text) > longest:
            chunks.append("")
        chunks[-1] += (_GAP if chunks[-1] else "") + text.strip()
    return chunks


@dataclass
class Seen:
    """What a browser makes of a page: its elements and their attributes, its text, and what its fields hold."""

    elements: set[tuple[str, str | None]] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    text: str = ""
    typed: dict[str, str] = field(default_factory=dict)
    """The fields that people type into, by name."""
    others: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen = Seen()
        self._area: str | None = None
        self._choice: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        self.seen.elements |= {(tag, name) for name in has} or {(tag, None)}
        self.seen.addresses |= {
            has[name] or "" for name in ("href", "src", "action", "hx-get", "hx-post") if name in has
        }
        name = has.get("name")
        if tag == "textarea" and name:
            self._area, self.seen.typed[name] = name, ""
        elif tag == "select":
            self._choice = name
        elif tag == "option" and self._choice and ("selected" in has or self._choice not in self.seen.others):
            self.seen.others[self._choice] = has.get("value") or ""
        elif tag == "input" and name:
            kind = has.get("type") or "text"
            if kind in {"text", "email", "tel", "search", "url", "password"}:
                self.seen.typed[name] = has.get("value") or ""
            elif kind not in {"checkbox", "radio"} or "checked" in has:
                self.seen.others[name] = has.get("value") or "on"

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        self.seen.text += data
        if self._area is not None:
            self.seen.typed[self._area] += data


def seen(answer: httpx.Response) -> Seen:
    reader = _Reader()
    reader.feed(answer.text)
    reader.close()
    return reader.seen


async def a_shop_named(desk: Desk, chunk: str, numbers: list[str]) -> Ids:
    """The same in every field that is text; ``numbers`` are those of its invoices."""
    container, owner, name = desk.container, desk.owner, chunk[:200]
    client = await desk.client(name)
    await container.edit_client()(owner, client, ClientEdit(phone=numbers[0]))
    invoices = [await desk.invoice(client, 13000, number) for number in numbers]
    lines = (InvoiceLine(description=name, quantity=1, unit_price=13000),)
    for invoice in invoices:
        await container.edit_invoice()(owner, invoice, InvoiceEdit(vehicle=name, lines=lines))
    entry = await desk.add(client, 5000, note=chunk)
    payment = await desk.pay(invoices[0], 100, reference=chunk[:100])
    other = await desk.invoice(client, 100)
    bulk = await desk.pay_together(client, [(invoices[0], 100), (other, 100)])
    member, _ = await desk.hire(name=name)
    key = await container.add_api_key()(owner, name=name, permissions=set())
    endpoint = await desk.endpoint("https://93.184.215.14/hooks")
    await container.edit_shop()(owner, ShopEdit(name=name, quickbooks_connected=True))
    return Ids(
        client=client,
        entry=entry.id,
        invoice=invoices[0],
        payment=payment.id,
        bulk_payment=bulk.id,
        staff=member.id,
        api_key=key.id,
        endpoint=endpoint.id,
        delivery=await desk.delivery(endpoint.id),
    )


async def shown(visiting: Visiting, ids: Ids) -> dict[str, Seen]:
    """What each page shows."""
    pages = {}
    for route in PAGES:
        answer = await visiting.get(route.url(ids))
        assert answer.status_code in {200, 303, 409}, (route.name, answer.status_code)
        if answer.headers.get("content-type", "").startswith("text/html"):
            pages[route.name] = seen(answer)
    assert len(pages) > 40
    return pages


def elements_of(pages: Iterable[Seen]) -> set[tuple[str, str | None]]:
    return {element for page in pages for element in page.elements}


def leads_elsewhere(pages: Iterable[Seen]) -> set[str]:
    """The addresses that are not the console's own."""
    found = {address for page in pages for address in page.addresses}
    return {address for address in found if address[:1] not in {"/", "?", "#", ""} or address[:2] == "//"} - {"data:,"}


async def test_what_was_typed_is_text_on_every_page(visiting: Visiting, desk: Desk) -> None:
    chunks, numbers = packed(MARKUP, 200), packed(MARKUP, 50)
    each = -(-len(numbers) // len(chunks))
    plain_numbers = [f"plain {place}" for place in range(each)]
    plain = elements_of((await shown(visiting, await a_shop_named(desk, "plain", plain_numbers))).values())
    for place, chunk in enumerate(chunks):
        ids = await a_shop_named(desk, chunk, numbers[place * each : (place + 1) * each])
        pages = await shown(visiting, ids)
        assert elements_of(pages.values()) <= plain
        assert leads_elsewhere(pages.values()) == set()
        for name in ("GET /app/clients/{client_id}", "GET /app/invoices/{invoice_id}", "GET /app/settings/shop"):
            for text in chunk.split(_GAP):
                page = pages[name]
                assert text in page.text or text in "".join(page.typed.values()), (name, text)


async def brought_back(visiting: Visiting, path: str, form: Seen, text: str) -> Seen:
    """The page after somebody typed that into every field of its form."""
    answer = await send(visiting, path, {**form.others, **dict.fromkeys(form.typed, text)})
    assert answer.status_code < 500, (path, text)
    return seen(answer)


async def send(visiting: Visiting, path: str, entries: Mapping[str, str]) -> httpx.Response:
    """As bytes, since a lone surrogate, too, can be sent."""
    content = "&".join(
        f"{quote(name)}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in entries.items()
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://shop.test"}
    return await visiting.http.post(path, content=content.encode(), headers=headers)


async def test_a_form_brings_back_what_was_typed_as_text(visiting: Visiting, desk: Desk) -> None:
    ids = await a_shop_named(desk, "plain", ["plain"])
    plain = elements_of((await shown(visiting, ids)).values())
    shown_forms = {route.url(ids): seen(await visiting.get(route.url(ids))) for route in FORMS}
    forms = {path: form for path, form in shown_forms.items() if form.typed}
    assert len(forms) >= 12
    for text in ("plain", "plain" * 200, "", "plain\x00"):
        plain |= elements_of([await brought_back(visiting, path, form, text) for path, form in forms.items()])
    refused = _GAP.join(text for text in REFUSED.values() if len(text) <= 1000)
    for text in (
        _GAP.join(MARKUP),
        "<b>" + refused,
        '"><b>' + _GAP.join(ONE_LINE_ONLY.values()),
        "<svg onload=x>\ud800",
    ):
        pages = [await brought_back(visiting, path, form, text) for path, form in forms.items()]
        assert elements_of(pages) <= plain, text
        assert leads_elsewhere(pages) == set(), text


@pytest.mark.parametrize("path", ["/app/clients?q={}", "/app/sign-in?next={}", "/app/invoices?status={}", "/app/{}"])
async def test_an_address_is_shown_as_text(visiting: Visiting, path: str) -> None:
    plain = elements_of([seen(await visiting.get(path.format("plain")))])
    for text in [*MARKUP, *ONE_LINE_ONLY.values()]:
        answer = await visiting.get(path.format(quote(text, safe="")))
        assert answer.status_code < 500, text
        page = seen(answer)
        # A 404 and a 400 are one page.
        assert page.elements <= plain | elements_of([seen(await visiting.get("/app/clients?q=%00"))]), text
        assert leads_elsewhere([page]) == set(), text


async def test_no_cell_of_a_file_of_the_console_is_a_formula(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    for text in KEPT.values():
        await desk.add(client, 1, note=msgspec.json.decode(msgspec.json.encode(text.strip())))
    for path in (f"/app/clients/{client}/credit.csv", "/app/reports/ledger.csv"):
        answer = await visiting.get(path)
        assert answer.status_code == 200
        _, *rows = csv.reader(io.StringIO(answer.text, newline=""))
        assert len(rows) == len(KEPT)
        assert [cell for row in rows for cell in row if would_be_a_formula(cell) and not cell[1:2].isdigit()] == []
