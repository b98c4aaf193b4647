"""What a shop's settings decide: its days, its currency, its reminder."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField
from core.shop import MINOR_UNIT_DIGITS, require_time_zone
from tests.builders import a_shop

# 06:30 UTC on 2 March 2026.
MORNING = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time_zone", "today"),
    [
        ("UTC", date(2026, 3, 2)),
        ("America/Chicago", date(2026, 3, 2)),
        ("America/Los_Angeles", date(2026, 3, 1)),
        ("Pacific/Kiritimati", date(2026, 3, 2)),
        ("Pacific/Pago_Pago", date(2026, 3, 1)),
    ],
)
def test_r17_money_is_received_today_in_the_shops_time_zone_if_nobody_says(time_zone: str, today: date) -> None:
    shop = a_shop(time_zone=time_zone)
    assert shop.received_on(None, now=MORNING) == today
    assert shop.received_on(today, now=MORNING) == today


def test_r17_money_may_have_been_received_earlier() -> None:
    assert a_shop().received_on(date(2025, 12, 31), now=MORNING) == date(2025, 12, 31)


@pytest.mark.parametrize(
    ("time_zone", "asked"),
    [("UTC", date(2026, 3, 3)), ("America/Los_Angeles", date(2026, 3, 2)), ("UTC", date(9999, 12, 31))],
    ids=["tomorrow", "already-today-elsewhere", "far"],
)
def test_r17_money_is_never_received_in_the_future(time_zone: str, asked: date) -> None:
    with pytest.raises(InvalidField) as refused:
        a_shop(time_zone=time_zone).received_on(asked, now=MORNING)
    assert refused.value.field == "received_on"


# Zones whose clocks change at midnight, so that a day begins at 01:00 or midnight comes twice, among them.
TIME_ZONES = [
    "UTC",
    "America/Chicago",
    "America/Santiago",
    "America/Havana",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
]


@given(time_zone=st.sampled_from(TIME_ZONES), day=st.dates(date(2012, 1, 1), date(2037, 12, 31)))
def test_a_day_at_the_shop_begins_right_after_the_day_before_it_ends(time_zone: str, day: date) -> None:
    shop = a_shop(time_zone=time_zone)
    start = shop.start_of(day).astimezone(UTC)
    assert shop.day_of(start) == day
    assert shop.day_of(start - timedelta(microseconds=1)) == day - timedelta(days=1)


@pytest.mark.parametrize("name", ["America/Chicago", "Europe/Berlin", "UTC"])
def test_a_time_zone_of_the_iana_database_is_taken(name: str) -> None:
    assert require_time_zone(name) == name


@pytest.mark.parametrize("name", ["", "Chicago", "america/chicago", "../../etc/passwd", "UTC\n", "EST+5"])
def test_any_other_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidField) as refused:
        require_time_zone(name)
    assert refused.value.field == "time_zone"


@pytest.mark.parametrize(("currency", "digits"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3)])
def test_a_currency_says_how_many_digits_its_minor_unit_has(currency: str, digits: int) -> None:
    assert a_shop(currency=currency).minor_unit_digits == digits


def test_currencies_are_iso_4217_codes() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in MINOR_UNIT_DIGITS)
    assert set(MINOR_UNIT_DIGITS.values()) == {0, 2, 3}


def test_r28_a_shop_with_quickbooks_is_reminded_to_record_credit_there_by_hand() -> None:
    reminder = a_shop(quickbooks_connected=True).quickbooks_reminder
    assert reminder is not None
    assert "QuickBooks" in reminder
    assert "by hand" in reminder


def test_r28_a_shop_without_quickbooks_is_not_reminded() -> None:
    assert a_shop(quickbooks_connected=False).quickbooks_reminder is None


@pytest.mark.parametrize("name", ["localtime", "Factory", "posixrules", "Nowhere/Land"])
def test_a_time_zone_is_a_place(name: str) -> None:
    with pytest.raises(InvalidField):
        require_time_zone(name)
