"""What clients and staff are written, in each language and the forms of each place."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from uuid import uuid4

import msgspec
import pytest
from babel import Locale
from babel.numbers import parse_decimal
from hypothesis import given
from hypothesis import strategies as st

from adapters.notifiers.letters import Letter, letter_of_endpoint_off, letter_of_notice
from adapters.notifiers.local_forms import LocalForms
from adapters.notifiers.wording import WORDINGS
from core.deliveries import EMAILED_KINDS, OffReason
from core.ids import ClientId, NoticeId
from core.ledger import EntryKind, Reason
from core.money import MAX_AMOUNT
from core.notices import Notice, NoticedEntry, NoticeKind, NoticePayload
from core.shop import MINOR_UNIT_DIGITS, Language, ShopSettings, time_zone_names
from tests.builders import NOON, a_shop
from tests.entrypoints.hostile import KEPT


def a_notice(kind: NoticeKind, amount: int, balance: int, *, at: datetime = NOON) -> Notice:
    entry = NoticedEntry(
        id=uuid4(),
        number=7,
        kind=EntryKind(kind.removeprefix("credit.")),
        amount=amount,
        balance_after=balance,
        reason=Reason.GOODWILL,
        invoice_id=None,
        payment_id=None,
    )
    return Notice(
        id=NoticeId(uuid4()),
        client_id=ClientId(uuid4()),
        kind=kind,
        at=at,
        payload=NoticePayload(version=1, currency="USD", entry=entry),
    )


def at(
    language: Language, currency: str = "USD", time_zone: str = "America/Chicago", name: str = "Main Street"
) -> ShopSettings:
    shop = a_shop(currency=currency, time_zone=time_zone)
    return msgspec.structs.replace(shop, language=language, name=name)


EN, DE = Language.EN, Language.DE
HAFEN = at(DE, "EUR", "Europe/Berlin", "Am Hafen")


@pytest.mark.parametrize(
    ("shop", "kind", "amount", "balance", "subject", "sentence"),
    [
        (at(EN), "added", 50_00, 50_00, "Credit added", "We added $50.00 to your credit. Your balance is $50.00."),
        (at(EN), "applied", -20_00, 22_10, "Credit used", "You used $20.00 of your credit. $22.10 is left."),
        (at(EN), "applied", -50_00, 0, "Credit used", "You used $50.00 of your credit. $0.00 is left."),
        (
            at(EN),
            "captured",
            20_00,
            20_00,
            "Overpayment kept as credit",
            "You paid $20.00 more than was due. We keep it as credit for your next visit. Your balance is $20.00.",
        ),
        (
            at(EN),
            "returned",
            50_00,
            70_00,
            "Credit given back",
            (
                "We gave $50.00 back to your credit, because the payment that used it was cancelled. "
                "Your balance is $70.00."
            ),
        ),
        (
            at(EN),
            "voided",
            -50_00,
            20_00,
            "Credit cancelled",
            "We cancelled $50.00 of your credit. Your balance is $20.00.",
        ),
        (
            HAFEN,
            "added",
            1_234_50,
            1_234_50,
            "Guthaben gutgeschrieben",
            "Wir haben Ihnen 1.234,50\u00a0€ gutgeschrieben. Ihr Guthaben beträgt jetzt 1.234,50\u00a0€.",
        ),
        (
            HAFEN,
            "applied",
            -20_00,
            22_10,
            "Guthaben eingelöst",
            "Sie haben 20,00\u00a0€ von Ihrem Guthaben eingelöst. Ihr Guthaben beträgt noch 22,10\u00a0€.",
        ),
        (
            HAFEN,
            "captured",
            20_00,
            20_00,
            "Überzahlung als Guthaben behalten",
            (
                "Sie haben 20,00\u00a0€ mehr bezahlt, als fällig war. Wir bewahren den Betrag für Ihren nächsten "
                "Besuch als Guthaben auf. Ihr Guthaben beträgt jetzt 20,00\u00a0€."
            ),
        ),
        (
            HAFEN,
            "returned",
            50_00,
            70_00,
            "Guthaben zurückgebucht",
            (
                "Wir haben 50,00\u00a0€ auf Ihr Guthaben zurückgebucht, weil die damit geleistete Zahlung storniert "
                "wurde. Ihr Guthaben beträgt jetzt 70,00\u00a0€."
            ),
        ),
        (
            HAFEN,
            "voided",
            -50_00,
            20_00,
            "Guthaben storniert",
            "Wir haben 50,00\u00a0€ von Ihrem Guthaben storniert. Ihr Guthaben beträgt jetzt 20,00\u00a0€.",
        ),
    ],
    ids=lambda value: f"{value.language}" if isinstance(value, ShopSettings) else None,
)
def test_each_kind_has_its_words_in_each_language(
    shop: ShopSettings, kind: str, amount: int, balance: int, subject: str, sentence: str
) -> None:
    letter = letter_of_notice(a_notice(NoticeKind(f"credit.{kind}"), amount, balance), shop, client_name="Pat")
    assert letter.subject.startswith(subject)
    assert shop.name in letter.subject
    assert sentence in letter.text.split("\n")
    assert sentence in seen(letter)
    assert letter.language.startswith(shop.language)


def test_no_kind_and_no_language_is_without_words() -> None:
    assert set(WORDINGS) == set(Language)
    for words in WORDINGS.values():
        assert set(words.of_notices) == EMAILED_KINDS
        assert set(words.endpoint_off) == {OffReason.GONE, OffReason.FAILING}


def test_both_parts_tell_the_same_figures() -> None:
    letter = letter_of_notice(a_notice(NoticeKind.CREDIT_APPLIED, -20_00, 22_10), at(EN), client_name="Pat Doe")
    for said in (letter.text, seen(letter)):
        assert "Hello Pat Doe," in said
        assert "\u2212$20.00" in said
        assert "March 2, 2026, 6:00\u00a0AM" in said
        assert said.count("$22.10") >= 2


@pytest.mark.parametrize(
    ("shop", "moment", "money"),
    [
        (at(EN), "March 1, 2026, 6:30\u00a0PM", "$1,234.50"),
        (at(EN, "GBP", "Europe/London"), "2 March 2026, 00:30", "£1,234.50"),
        (at(EN, "CAD", "America/Toronto"), "March 1, 2026, 7:30\u00a0p.m.", "$1,234.50"),
        (at(EN, "USD", "America/Toronto"), "March 1, 2026, 7:30\u00a0p.m.", "US$1,234.50"),
        (at(EN, "USD", "UTC"), "March 2, 2026, 12:30\u00a0AM", "$1,234.50"),
        (at(EN, "USD", "US/Central"), "March 1, 2026, 6:30\u00a0PM", "$1,234.50"),
        (at(DE, "EUR", "Europe/Berlin"), "2. März 2026, 01:30", "1.234,50\u00a0€"),
        (at(DE, "EUR", "Europe/Vienna"), "2. März 2026, 01:30", "€\u00a01.234,50"),
        (at(DE, "CHF", "Europe/Zurich"), "2. März 2026, 01:30", "CHF\u00a01\u2019234.50"),
        (at(DE, "USD", "America/Chicago"), "1. März 2026, 18:30", "1.234,50\u00a0$"),
    ],
    ids=lambda value: (
        f"{value.language} {value.time_zone} {value.currency}" if isinstance(value, ShopSettings) else None
    ),
)
def test_days_times_and_money_are_written_as_at_the_shop(shop: ShopSettings, moment: str, money: str) -> None:
    forms = LocalForms(shop)
    assert forms.moment(datetime(2026, 3, 2, 0, 30, tzinfo=UTC)) == moment
    assert forms.money(1_234_50) == money


@pytest.mark.parametrize(
    ("currency", "money"), [("JPY", "¥123,450"), ("KWD", "KWD\u00a0123.450"), ("HUF", "HUF\u00a01,234.50")]
)
def test_every_currency_has_all_its_places_and_no_others(currency: str, money: str) -> None:
    assert LocalForms(at(EN, currency)).money(123_450) == money


@given(
    st.sampled_from(sorted(MINOR_UNIT_DIGITS)),
    st.sampled_from(Language),
    st.sampled_from(sorted(time_zone_names())),
    st.integers(0, MAX_AMOUNT),
)
def test_no_cent_is_lost_anywhere(currency: str, language: Language, time_zone: str, amount: int) -> None:
    forms = LocalForms(at(language, currency, time_zone))
    shown = forms.money(amount)
    digits = "".join(re.findall(r"[\d.,\u2019']", shown)).strip(".,")
    locale = Locale.parse(forms.language_tag, sep="-")
    assert parse_decimal(digits, locale=locale) == Decimal(amount).scaleb(-MINOR_UNIT_DIGITS[currency])
    assert forms.moment(NOON)


# HTML


class _Seen(HTMLParser):
    """The text that a reader sees, and every tag and attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._hidden = tag in {"style", "title"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data.strip())


def _read(letter: Letter) -> _Seen:
    reader = _Seen()
    reader.feed(letter.html)
    return reader


def seen(letter: Letter) -> str:
    return "\n".join(part for part in _read(letter).text if part)


def test_it_loads_nothing_and_runs_nothing() -> None:
    for letter in (
        letter_of_notice(a_notice(NoticeKind.CREDIT_ADDED, 1, 1), at(EN), client_name="Pat"),
        letter_of_endpoint_off(
            at(EN), url="https://hooks.example/x", why=OffReason.GONE, since=NOON, staff_name="Olivia"
        ),
    ):
        read = _read(letter)
        assert not {"img", "script", "link", "iframe", "a", "form"} & set(read.tags)
        assert not [
            name for name, _ in read.attributes if name in {"src", "href", "background"} or name.startswith("on")
        ]
        assert not re.search(r"url\(|@import", letter.html)


@pytest.mark.parametrize("name", KEPT.values(), ids=KEPT)
def test_a_hostile_name_is_a_name_in_html_too(name: str) -> None:
    plain = _read(letter_of_notice(a_notice(NoticeKind.CREDIT_ADDED, 1, 1), at(EN), client_name="Pat"))
    shop = at(EN, name=name)
    for letter in (
        letter_of_notice(a_notice(NoticeKind.CREDIT_ADDED, 1, 1), shop, client_name=name),
        letter_of_endpoint_off(shop, url="https://hooks.example/x", why=OffReason.GONE, since=NOON, staff_name=name),
    ):
        assert set(_read(letter).tags) <= set(plain.tags)
        assert {value for key, value in _read(letter).attributes if key == "class"} <= {
            value for key, value in plain.attributes if key == "class"
        }


def test_words_that_look_like_places_to_fill_in_stay_words() -> None:
    letter = letter_of_notice(
        a_notice(NoticeKind.CREDIT_ADDED, 1, 1), at(EN, name="{balance} {0} {{7*7}}"), client_name="{shop.id}"
    )
    assert letter.subject == "Credit added at {balance} {0} {{7*7}}"
    assert "Hello {shop.id}," in letter.text
    assert "49" not in letter.html


# To staff


@pytest.mark.parametrize(
    ("shop", "why", "sentence"),
    [
        (at(EN), OffReason.GONE, "The receiver at https://hooks.example/x answered that it is gone (410)"),
        (at(EN), OffReason.FAILING, "None of the webhooks to https://hooks.example/x was accepted for five days"),
        (HAFEN, OffReason.GONE, "Der Empfänger unter https://hooks.example/x hat geantwortet"),
        (HAFEN, OffReason.FAILING, "Fünf Tage lang wurde kein Webhook an https://hooks.example/x angenommen."),
    ],
    ids=lambda value: str(value.language) if isinstance(value, ShopSettings) else None,
)
def test_staff_are_told_which_endpoint_was_switched_off_and_why(
    shop: ShopSettings, why: OffReason, sentence: str
) -> None:
    letter = letter_of_endpoint_off(shop, url="https://hooks.example/x", why=why, since=NOON, staff_name="Olivia")
    assert "hooks.example" in letter.subject
    assert "Olivia" in letter.text
    for said in (letter.text, seen(letter)):
        assert sentence in said
        assert LocalForms(shop).moment(NOON) in said
