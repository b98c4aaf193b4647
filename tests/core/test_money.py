"""Amounts: which can be asked for, what a line costs, how they are written."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField
from core.money import MAX_AMOUNT, decimal_text, line_amount, read_amount, require_amount

whole_amounts = st.integers(min_value=-MAX_AMOUNT, max_value=MAX_AMOUNT)


@pytest.mark.parametrize("amount", [1, 2, 100_00, MAX_AMOUNT], ids=["smallest", "two", "usual", "largest"])
def test_r5_an_amount_above_zero_can_be_asked_for(amount: int) -> None:
    assert require_amount(amount) == amount


@pytest.mark.parametrize(
    "amount",
    [0, -1, -MAX_AMOUNT, MAX_AMOUNT + 1, 2**53 + 1, 2**63],
    ids=["zero", "below-zero", "far-below-zero", "one-too-much", "no-exact-float", "no-bigint"],
)
def test_r8_an_amount_of_zero_or_below_or_out_of_range_is_a_fault_of_its_field(amount: int) -> None:
    with pytest.raises(InvalidField) as refused:
        require_amount(amount, field="allocations[1].amount")
    assert refused.value.field == "allocations[1].amount"


@pytest.mark.parametrize(
    ("quantity", "unit_price", "amount"),
    [
        (1, 95_00, 95_00),
        (4, 12_50, 50_00),
        ("1.5", 95_00, 142_50),
        ("0.5", 1, 1),
        ("0.5", -1, -1),
        ("1.5", 1, 2),
        ("2.5", 1, 3),
        ("2.5", -1, -3),
        ("0.333", 100, 33),
        ("0.335", 100, 34),
        ("0.49", 1, 0),
        ("0", 95_00, 0),
        (1, -20_00, -20_00),
        ("1.005", 1_00, 1_01),
    ],
)
def test_a_line_is_rounded_half_up_away_from_zero(quantity: int | str, unit_price: int, amount: int) -> None:
    assert line_amount(quantity, unit_price) == amount


@given(
    quantity=st.decimals(min_value=0, max_value=1_000_000, places=6, allow_nan=False),
    unit_price=whole_amounts,
)
def test_a_line_is_what_exact_arithmetic_says(quantity: Decimal, unit_price: int) -> None:
    exact = Fraction(quantity) * unit_price
    distance_to_half = abs(exact) + Fraction(1, 2)
    expected = int(distance_to_half) * (1 if exact >= 0 else -1)
    assert line_amount(str(quantity), unit_price) == expected
    assert expected == int((quantity * unit_price).quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(quantity=st.integers(0, 1_000_000), unit_price=whole_amounts)
def test_a_line_with_a_whole_quantity_needs_no_rounding(quantity: int, unit_price: int) -> None:
    assert line_amount(quantity, unit_price) == line_amount(str(quantity), unit_price) == quantity * unit_price


@pytest.mark.parametrize(
    ("amount", "digits", "text"),
    [
        (0, 2, "0.00"),
        (5, 2, "0.05"),
        (-5, 2, "-0.05"),
        (12_50, 2, "12.50"),
        (-12_50, 2, "-12.50"),
        (MAX_AMOUNT, 2, "999999999.99"),
        (1250, 0, "1250"),
        (-1250, 0, "-1250"),
        (1250, 3, "1.250"),
        (-1, 3, "-0.001"),
    ],
)
def test_an_amount_is_written_with_the_digits_of_its_currency(amount: int, digits: int, text: str) -> None:
    assert decimal_text(amount, digits) == text


@given(amount=st.integers(-(2**63), 2**63 - 1), digits=st.sampled_from([0, 2, 3]))
def test_an_amount_written_down_and_read_again_is_the_same(amount: int, digits: int) -> None:
    written = decimal_text(amount, digits)
    assert Decimal(written).scaleb(digits) == amount
    assert len(written.partition(".")[2]) == digits


@pytest.mark.parametrize(
    ("typed", "digits", "amount"),
    [
        ("1,250.00", 2, 125_000),
        ("$12.5", 2, 12_50),
        ("1250", 2, 125_000),
        (" $ 1,250.5 ", 2, 125_050),
        ("12.50 USD", 2, 12_50),
        (".5", 2, 50),
        ("007", 2, 7_00),
        ("999,999,999.99", 2, MAX_AMOUNT),
        ("1,250", 0, 1_250),
        ("1.005", 3, 1_005),
        ("1.5", 3, 1_500),
    ],
)
def test_an_amount_is_read_as_it_was_meant(typed: str, digits: int, amount: int) -> None:
    assert read_amount(typed, digits, symbols=["$", "USD"]) == amount


NO_AMOUNT = "must be an amount, such as 1,250.00"


@pytest.mark.parametrize(
    ("typed", "digits", "message"),
    [
        ("", 2, NO_AMOUNT),
        ("$", 2, NO_AMOUNT),
        (".", 2, NO_AMOUNT),
        ("1e3", 2, NO_AMOUNT),
        ("0x10", 2, NO_AMOUNT),
        ("1,25", 2, NO_AMOUNT),
        ("12,50", 2, NO_AMOUNT),
        ("1.250,00", 2, NO_AMOUNT),
        ("1,2500", 2, NO_AMOUNT),
        ("0,500", 2, NO_AMOUNT),
        ("000,500", 2, NO_AMOUNT),
        ("012,500.00", 2, NO_AMOUNT),
        ("0,500", 3, "must be an amount, such as 125.000"),
        ("1 250", 2, NO_AMOUNT),
        ("1_250", 2, NO_AMOUNT),
        ("12.", 2, NO_AMOUNT),
        ("\u20ac5", 2, NO_AMOUNT),
        ("$$5", 2, NO_AMOUNT),
        ("\u0665", 2, NO_AMOUNT),
        ("\uff15", 2, NO_AMOUNT),
        ("NaN", 2, NO_AMOUNT),
        ("Infinity", 2, NO_AMOUNT),
        ("--5", 2, NO_AMOUNT),
        ("9" * 10_000, 2, NO_AMOUNT),
        ("1.005", 2, "must have at most 2 decimal places"),
        ("1.0", 0, "must be a whole amount, without decimal places"),
        ("1.0005", 3, "must have at most 3 decimal places"),
        ("0", 2, "must be above zero"),
        ("0.00", 2, "must be above zero"),
        ("-5", 2, "must be above zero"),
        ("$-5", 2, "must be above zero"),
        ("\u22125", 2, "must be above zero"),
        ("1,000,000,000.00", 2, "must be at most 999,999,999.99"),
    ],
)
def test_what_is_no_amount_or_could_be_two_is_refused(typed: str, digits: int, message: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_amount(typed, digits, symbols=["$"], field="tax")
    assert (refused.value.field, refused.value.message) == ("tax", message)


def test_zero_and_less_can_be_allowed() -> None:
    assert read_amount("0", 2, least=0) == 0
    assert read_amount("-$1,250.50", 2, symbols=["$"], least=-MAX_AMOUNT) == -125_050
    with pytest.raises(InvalidField) as refused:
        read_amount("-1", 2, least=0)
    assert refused.value.message == "must not be below zero"


@given(amount=whole_amounts, digits=st.sampled_from([0, 2, 3]))
def test_what_is_written_is_read_again(amount: int, digits: int) -> None:
    plain = decimal_text(amount, digits)
    whole, point, rest = plain.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    for text in (plain, f"{sign}{int(whole):,}{point}{rest}", f"{sign}${plain.removeprefix('-')}"):
        assert read_amount(text, digits, symbols=["$"], least=-MAX_AMOUNT) == amount


@given(text=st.text(alphabet="0123456789.,-$ e\u0660\uff15", max_size=30), digits=st.sampled_from([0, 2, 3]))
def test_whatever_is_typed_it_is_read_exactly_or_refused(text: str, digits: int) -> None:
    try:
        amount = read_amount(text, digits, symbols=["$"], least=-MAX_AMOUNT)
    except InvalidField:
        return
    bare = text.replace("$", "").replace(",", "").replace(" ", "")
    assert Fraction(amount, 10**digits) == Fraction(bare if not bare.startswith("-.") else bare.replace("-", "-0"))
