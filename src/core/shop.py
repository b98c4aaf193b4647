"""A shop, the tenant: its currency never changes, its time zone says which day it is."""

from datetime import date, datetime
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct

from core.errors import InvalidField
from core.ids import ShopId

QUICKBOOKS_REMINDER = (
    "Account credit is not synced to QuickBooks. Record the matching credit memos and applied credits there by hand; "
    "this ledger is the exact reference."
)

_DIGITS_OF_OTHER_CURRENCIES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_TWO_DIGIT_CURRENCIES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD "
    "KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
    "THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG"
)
MINOR_UNIT_DIGITS: dict[str, int] = {
    **dict.fromkeys(_TWO_DIGIT_CURRENCIES.split(), 2),
    **{code: digits for digits, codes in _DIGITS_OF_OTHER_CURRENCIES.items() for code in codes.split()},
}
"""Decimal places of each currency that a shop can have (ISO 4217)."""


_NO_PLACES = {"Factory", "localtime", "posixrules"}
"""Files beside the time zones that name none: what they mean differs from machine to machine."""


@cache
def time_zone_names() -> frozenset[str]:
    """The names of the IANA time zone database; read once, since listing them walks a folder."""
    return frozenset(available_timezones()) - _NO_PLACES


def require_time_zone(name: str) -> str:
    if name not in time_zone_names():
        raise InvalidField("time_zone", "must be a name of the IANA time zone database, such as America/Chicago")
    return name


class Language(StrEnum):
    """What a shop writes to its clients in."""

    EN = "en"
    DE = "de"


class Shop(Struct, frozen=True, kw_only=True):
    """What decisions need to know of a shop."""

    id: ShopId
    name: str
    slug: str
    currency: str
    time_zone: str
    quickbooks_connected: bool

    @property
    def minor_unit_digits(self) -> int:
        return MINOR_UNIT_DIGITS[self.currency]

    @property
    def quickbooks_reminder(self) -> str | None:
        """R28."""
        return QUICKBOOKS_REMINDER if self.quickbooks_connected else None

    def day_of(self, moment: datetime) -> date:
        """The calendar day at the shop at that moment."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

    def start_of(self, day: date) -> datetime:
        """The moment that day begins at the shop."""
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.time_zone))

    def received_on(self, asked: date | None, *, now: datetime) -> date:
        """The date that money was received: today if nobody says, and never in the future (R17)."""
        today = self.day_of(now)
        if asked is not None and asked > today:
            raise InvalidField("received_on", "cannot be in the future")
        return asked or today


class ShopSettings(Shop, frozen=True, kw_only=True):
    """All of a shop's settings, also those that no decision about money asks for.

    email_notices: whether clients are told by e-mail of what happens to their credit; email: where their answers go.
    """

    language: Language = Language.EN
    email_notices: bool = False
    email: str | None = None
