"""Money is an integer number of minor units (cents) in the shop's one currency.

There is no type around the integer: every field that holds one is named after what it is (``amount``, ``balance``,
``due``), and the shop says the currency once.
"""

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
