"""Refusals say one sentence to the person at the counter and carry their facts beside it."""

import re

import pytest

from core import errors
from core.errors import CreditAlreadySpent, Refusal

REFUSALS = [
    refusal
    for refusal in vars(errors).values()
    if isinstance(refusal, type) and issubclass(refusal, Refusal) and refusal is not Refusal
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_a_refusal_says_a_sentence_of_its_own(refusal: type[Refusal]) -> None:
    assert "sentence" in vars(refusal)
    assert re.fullmatch(r"[A-Z].*[^.]\.", refusal.sentence)
    assert [other for other in REFUSALS if other.sentence == refusal.sentence] == [refusal]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_a_refusals_sentence_names_no_id_no_amount_and_no_code(refusal: type[Refusal]) -> None:
    assert not re.search(r"[0-9_{}%$]", refusal.sentence)


def test_the_facts_of_a_refusal_are_not_in_its_sentence() -> None:
    refused = CreditAlreadySpent(shortfall=30_00)
    assert "3000" not in str(refused)
    assert (refused.shortfall, refused.spent_by) == (30_00, ())
