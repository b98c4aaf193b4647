"""Money, days and times as people write them where a shop is, in its language."""

import re
from datetime import datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_time
from babel.numbers import NumberPattern, parse_pattern

from core.shop import MINOR_UNIT_DIGITS, Language, ShopSettings

_MINUS = "\u2212"
_THIN, _WIDE = "\u202f", "\u00a0"
"""Spaces that do not break. Many fonts lack the thin one, which English has before AM."""
_BETWEEN_LETTERS_AND_DIGITS = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
"""CLDR wants a space between ``KWD`` and ``5.000``; Babel leaves it out."""


class LocalForms:
    """Those of one shop. Amounts in minor units of its currency."""

    def __init__(self, shop: ShopSettings) -> None:
        self._currency = shop.currency
        self._time_zone = ZoneInfo(shop.time_zone)
        self._locale = _locale(shop.language, shop.time_zone)

    @property
    def language_tag(self) -> str:
        """BCP 47, such as de-CH."""
        return str(self._locale).replace("_", "-")

    def money(self, amount: int) -> str:
        """Exactly that amount, whatever a currency's coins are, such as ``$1,234.50``."""
        digits = MINOR_UNIT_DIGITS[self._currency]
        pattern = _pattern(self._locale, digits)
        shown: str = pattern.apply(
            Decimal(amount).scaleb(-digits), self._locale, currency=self._currency, currency_digits=False
        )
        return _BETWEEN_LETTERS_AND_DIGITS.sub(_WIDE, shown)

    def change(self, amount: int) -> str:
        """With its sign."""
        return f"{_MINUS if amount < 0 else '+'}{self.money(abs(amount))}"

    def moment(self, at: datetime) -> str:
        """The day and the time on the shop's clock."""
        local = at.astimezone(self._time_zone)
        day = format_date(local.date(), "long", locale=self._locale)
        time = format_time(local, "short", tzinfo=self._time_zone, locale=self._locale)
        return f"{day}, {time}".replace(_THIN, _WIDE)


@cache
def _locale(language: Language, time_zone: str) -> Locale:
    """The language as it is written in the country of the time zone, where there is such a thing."""
    zone = get_global("zone_aliases").get(time_zone, time_zone)
    territory = get_global("zone_territories").get(zone)
    try:
        return Locale(language.value, territory)
    except UnknownLocaleError:
        return Locale(language.value)


@cache
def _pattern(locale: Locale, digits: int) -> NumberPattern:
    # Of our own: what CLDR says of a currency is how it is paid in cash, and those that a locale has are for everybody.
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    return pattern
