"""Text that people type: NFC, trimmed, free of control characters."""

import unicodedata

from core.errors import InvalidField

NOTE_MAX_LENGTH = 500

_LINE_BREAKS_IN_NOTES = frozenset("\n\t")


def clean(text: str) -> str:
    """The text as it is kept: Unicode NFC, without white space at its ends."""
    return unicodedata.normalize("NFC", text).strip()


def has_control_character(text: str, *, multiline: bool) -> bool:
    """Whether a character in it controls rather than shows (Unicode category Cc, lone surrogates, line separators).

    In notes (``multiline``) line feed and tab are fine.
    """
    if text.isprintable():
        return False  # seen at once, which nearly all text is
    return any(
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        for character in text
        if not (multiline and character in _LINE_BREAKS_IN_NOTES)
    )


def clean_note(text: str) -> str:
    """A note as it is kept: 1 to 500 characters (R5, R18)."""
    note = clean(text)
    if not 1 <= len(note) <= NOTE_MAX_LENGTH:
        raise InvalidField("note", f"must have 1 to {NOTE_MAX_LENGTH} characters")
    if has_control_character(note, multiline=True):
        raise InvalidField("note", "must not have control characters")
    return note
