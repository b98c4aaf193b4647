"""What is written to people: a subject, a text and the same as HTML, in the shop's language."""

from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from msgspec import Struct

from adapters.notifiers.internet_message import one_line
from adapters.notifiers.local_forms import LocalForms
from adapters.notifiers.wording import WORDINGS
from core.deliveries import OffReason
from core.notices import Notice
from core.shop import ShopSettings
from core.webhooks import URL_MAX_LENGTH

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


class Letter(Struct, frozen=True, kw_only=True):
    """``language``: a BCP 47 tag."""

    subject: str
    language: str
    text: str
    html: str


class Row(Struct, frozen=True):
    label: str
    value: str


class _Content(Struct, frozen=True, kw_only=True):
    subject: str
    shop: str
    title: str
    greeting: str
    paragraphs: tuple[str, ...]
    figure: Row | None
    rows: tuple[Row, ...]
    footer: str


def letter_of_notice(notice: Notice, shop: ShopSettings, *, client_name: str) -> Letter:
    """What the client is told of an entry of the ledger."""
    entry = notice.payload.entry
    if entry is None:
        raise ValueError("clients are told of entries only")
    forms, words = LocalForms(shop), WORDINGS[shop.language]
    told = words.of_notices[notice.kind]
    name, balance = one_line(shop.name), forms.money(entry.balance_after)
    content = _Content(
        subject=told.subject.format(shop=name),
        shop=name,
        title=told.title,
        greeting=words.greeting.format(name=one_line(client_name)),
        paragraphs=(told.sentence.format(amount=forms.money(abs(entry.amount)), balance=balance),),
        figure=Row(words.balance, balance),
        rows=(Row(words.change, forms.change(entry.amount)), Row(words.moment, forms.moment(notice.at))),
        footer=words.why_this_mail.format(shop=name),
    )
    return _written(content, forms.language_tag)


def letter_of_endpoint_off(shop: ShopSettings, *, url: str, why: OffReason, since: datetime, staff_name: str) -> Letter:
    """What staff are told of an endpoint that was switched off, though not by them."""
    forms, words = LocalForms(shop), WORDINGS[shop.language]
    told = words.endpoint_off[why]
    name, shown_url = one_line(shop.name), one_line(url, max_length=URL_MAX_LENGTH)
    content = _Content(
        subject=told.subject.format(host=urlsplit(shown_url).hostname or shown_url),
        shop=name,
        title=told.title,
        greeting=words.greeting.format(name=one_line(staff_name)),
        paragraphs=(told.sentence.format(url=shown_url), words.what_to_do),
        figure=None,
        rows=(Row(words.endpoint, shown_url), Row(words.off_since, forms.moment(since))),
        footer=words.why_to_staff.format(shop=name),
    )
    return _written(content, forms.language_tag)


def _written(content: _Content, language: str) -> Letter:
    text, html = (
        _TEMPLATES.get_template(f"letter.{kind}").render(letter=content, language=language) for kind in ("txt", "html")
    )
    return Letter(subject=content.subject, language=language, text=text, html=html)
