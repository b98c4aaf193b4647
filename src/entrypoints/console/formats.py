"""Money and dates as people at one shop read them: in its currency, at its time zone. One language so far."""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from unicodedata import bidirectional
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import NumberPattern, format_decimal, get_currency_symbol, parse_pattern

from core.money import decimal_text
from core.shop import MINOR_UNIT_DIGITS

LOCALE = Locale.parse("en_US")
_TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


class Formats:
    """What a shop's pages show, and the symbols that people may type beside an amount."""

    def __init__(self, currency: str, time_zone: str) -> None:
        self.currency = currency
        self.minor_unit_digits = MINOR_UNIT_DIGITS[currency]
        self.symbol = get_currency_symbol(currency, LOCALE)
        self.symbols = tuple(dict.fromkeys((self.symbol, currency, _narrow(self.symbol))))
        self._zone = ZoneInfo(time_zone)
        self._money = _pattern(self.minor_unit_digits)

    def money(self, amount: int) -> str:
        """``money(-1250) == "-$12.50"``. ``amount`` in minor units."""
        number = Decimal(amount).scaleb(-self.minor_unit_digits)
        return str(self._money.apply(number, LOCALE, currency=self.currency, currency_digits=False))

    def signed_money(self, amount: int) -> str:
        """With a plus too, for what changes a balance."""
        return f"+{self.money(amount)}" if amount > 0 else self.money(amount)

    def typed(self, amount: int) -> str:
        """As somebody would type it into a field: ``typed(1250) == "12.50"``."""
        return decimal_text(amount, self.minor_unit_digits)

    def number(self, count: int) -> str:
        """``number(1200) == "1,200"``."""
        return format_decimal(count, locale=LOCALE)

    def day(self, day: date) -> str:
        """``Mar 3, 2026``."""
        return format_date(day, "medium", locale=LOCALE)

    def day_of(self, moment: datetime) -> str:
        """The day that it was at the shop."""
        return self.day(moment.astimezone(self._zone).date())

    def moment(self, moment: datetime) -> str:
        """``Mar 3, 2026, 2:05 PM``, at the shop."""
        return format_datetime(moment, "medium", tzinfo=self._zone, locale=LOCALE)

    def today(self, now: datetime) -> date:
        """Which day it is at the shop."""
        return now.astimezone(self._zone).date()


def isolated(text: str) -> str:
    """A name as it stands within a sentence: whichever direction it is written in, the words and amounts around it stay
    where they are. Marks that turn the direction of what follows are left out; they show nothing themselves.
    """
    bare = text.translate(_TURNS)
    if any(bidirectional(letter) in {"R", "AL", "AN"} for letter in bare):
        return f"\N{FIRST STRONG ISOLATE}{bare}\N{POP DIRECTIONAL ISOLATE}"
    return bare


@cache
def formats_of(currency: str, time_zone: str) -> Formats:
    """The same for every page of a shop."""
    return Formats(currency, time_zone)


def _pattern(minor_unit_digits: int) -> NumberPattern:
    """The locale's own, with the decimal places that the ledger counts: CLDR has fewer for some currencies, and would
    round.
    """
    standard = LOCALE.currency_formats["standard"].pattern
    places = "." + "0" * minor_unit_digits if minor_unit_digits else ""
    return parse_pattern(re.sub(r"0(\.0+)?", f"0{places}", standard, count=1))


def _narrow(symbol: str) -> str:
    """``$`` of ``CA$``: what the keys at the counter have."""
    return symbol[-1] if not symbol[-1].isalpha() else symbol
