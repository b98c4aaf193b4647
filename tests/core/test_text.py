"""Notes and other text that people type."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField
from core.text import clean, clean_note, has_control_character


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  job ran late \n", "job ran late"),
        ("x", "x"),
        ("x" * 500, "x" * 500),
        (" " * 600 + "x", "x"),
        ("line one\nline two\tand a tab", "line one\nline two\tand a tab"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("e\u0301" * 500, "\u00e9" * 500),
        ("\U0001f697 fixed", "\U0001f697 fixed"),
    ],
    ids=["trimmed", "shortest", "longest", "trimmed-first", "lines", "composed", "counted-composed", "emoji"],
)
def test_r5_a_note_has_1_to_500_characters_after_trimming(typed: str, kept: str) -> None:
    assert clean_note(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "\n\t ", "x" * 501, "a\x00b", "a\x1bb", "a\rb", "a\x7fb", "a\x85b", "a\u2028b", "a\ud800b"],
    ids=["empty", "blank", "blank-lines", "too-long", "nul", "esc", "cr", "del", "c1", "line-separator", "surrogate"],
)
def test_r5_a_note_that_is_empty_too_long_or_has_control_characters_is_refused(typed: str) -> None:
    with pytest.raises(InvalidField) as refused:
        clean_note(typed)
    assert refused.value.field == "note"


@pytest.mark.parametrize("character", ["\n", "\t"], ids=["line-feed", "tab"])
def test_line_feed_and_tab_are_fine_in_notes_only(character: str) -> None:
    assert not has_control_character(character, multiline=True)
    assert has_control_character(character, multiline=False)


@given(st.text())
def test_clean_text_is_composed_and_trimmed_and_stays_as_it_is(text: str) -> None:
    kept = clean(text)
    assert unicodedata.is_normalized("NFC", kept)
    assert kept == kept.strip() == clean(kept)


@given(st.text(max_size=600))
def test_a_note_that_was_taken_is_taken_again_unchanged(text: str) -> None:
    try:
        kept = clean_note(text)
    except InvalidField:
        return
    assert 1 <= len(kept) <= 500
    assert clean_note(kept) == kept
