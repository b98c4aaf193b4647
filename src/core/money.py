"""Money is an integer number of minor units (cents) in the shop's one currency.

There is no type around the integer: every field that holds one is named after what it is (``amount``, ``balance``,
``due``), and the shop says the currency once.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from core.errors import InvalidField

MAX_AMOUNT = 99_999_999_999
"""The largest amount that can be asked for, in minor units ($999,999,999.99)."""


def require_amount(amount: int, *, field: str = "amount") -> int:
    """The amount, if it is one that can be asked for: 1 to ``MAX_AMOUNT`` (R5, R8)."""
    if not 1 <= amount <= MAX_AMOUNT:
        raise InvalidField(field, f"must be from 1 to {MAX_AMOUNT}")
    return amount


def line_amount(quantity: int | str, unit_price: int) -> int:
    """What an invoice line costs, in minor units: quantity times unit price, rounded half up (away from zero).

    ``quantity`` is an integer or a decimal string such as ``"1.5"``; no float ever takes part.
    """
    return int((Decimal(quantity) * unit_price).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def decimal_text(amount: int, minor_unit_digits: int) -> str:
    """An amount for a person or a spreadsheet: ``decimal_text(-1250, 2) == "-12.50"``."""
    if minor_unit_digits == 0:
        return str(amount)
    whole, rest = divmod(abs(amount), 10**minor_unit_digits)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:0{minor_unit_digits}d}"


_TYPED = re.compile(r"(?P<whole>[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)?(?:\.(?P<rest>[0-9]+))?")
_LONGEST = 40


def read_amount(
    text: str,
    minor_unit_digits: int,
    *,
    field: str = "amount",
    symbols: Iterable[str] = (),
    least: int = 1,
    most: int = MAX_AMOUNT,
) -> int:
    """An amount as people type it, in minor units, exactly: ``read_amount("$1,250.5", 2, symbols=["$"]) == 125050``.

    Commas group thousands, a point begins the decimal places, one of ``symbols`` may stand before or behind. What could
    be meant in two ways is refused rather than guessed, such as "0,500"; no float ever takes part.

    Raises:
        InvalidField: it is no amount, or not from ``least`` to ``most``.
    """
    bare, below_zero = _without_sign_and_symbol(text.strip(), symbols)
    typed = _TYPED.fullmatch(bare) if bare and len(bare) <= _LONGEST else None
    if typed is None:
        raise InvalidField(field, f"must be an amount, such as {_grouped(125000, minor_unit_digits)}")
    whole, rest = (typed["whole"] or "0").replace(",", ""), typed["rest"] or ""
    if len(rest) > minor_unit_digits:
        places = "decimal place" if minor_unit_digits == 1 else "decimal places"
        raise InvalidField(
            field,
            f"must have at most {minor_unit_digits} {places}"
            if minor_unit_digits
            else "must be a whole amount, without decimal places",
        )
    amount = int(whole + rest.ljust(minor_unit_digits, "0"))
    amount = -amount if below_zero else amount
    if amount < least:
        said = {0: "must not be below zero", 1: "must be above zero"}
        raise InvalidField(field, said.get(least, f"must be at least {_grouped(least, minor_unit_digits)}"))
    if amount > most:
        raise InvalidField(field, f"must be at most {_grouped(most, minor_unit_digits)}")
    return amount


def _without_sign_and_symbol(text: str, symbols: Iterable[str]) -> tuple[str, bool]:
    text, below_zero = _without_minus(text)
    for symbol in symbols:
        if symbol and text.startswith(symbol):
            text = text.removeprefix(symbol).lstrip()
        elif symbol and text.endswith(symbol):
            text = text.removesuffix(symbol).rstrip()
        else:
            continue
        break
    if not below_zero:
        text, below_zero = _without_minus(text)
    return text, below_zero


def _without_minus(text: str) -> tuple[str, bool]:
    for minus in ("-", "\N{MINUS SIGN}"):
        if text.startswith(minus):
            return text.removeprefix(minus).lstrip(), True
    return text, False


def _grouped(amount: int, minor_unit_digits: int) -> str:
    whole, point, rest = decimal_text(amount, minor_unit_digits).partition(".")
    return f"{int(whole):,}{point}{rest}" if whole != "-0" else f"-0{point}{rest}"
