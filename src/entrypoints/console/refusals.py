"""How the console answers what is refused: the status, and a sentence for the person in front of it."""

from collections.abc import Callable
from typing import Any

from core import errors
from core.errors import NotFound, PermissionDenied, Refusal, Unauthenticated
from core.staff import Permission
from entrypoints.console.formats import Formats
from entrypoints.console.words import PERMISSIONS
from entrypoints.http.problems import Answer, InvalidFields, ProblemTable, UnreadableRequest
from entrypoints.staff_api.refusals import REFUSALS as API_REFUSALS
from ports.transactions import Busy, DatabaseTrouble, IdempotencyKeyInUse, Unavailable


class FormRefused(UnreadableRequest):
    """The form was not sent by a page that this person was shown: an attack, or a page from before they signed in."""

    answer = Answer(403, "form_refused", "This page is from before you signed in. Open it again and repeat it.")


REFUSALS: ProblemTable = {
    **API_REFUSALS,
    errors.InvoiceChanged: Answer(409, "invoice_changed", errors.InvoiceChanged.sentence),
}
"""The statuses are those of the API: the same rules refuse. Only a form says what it showed."""

REFUSED = (Refusal, InvalidFields, DatabaseTrouble, IdempotencyKeyInUse)
"""What a form is shown again for."""

PAGES_OF_THEIR_OWN = (Unauthenticated, PermissionDenied, NotFound)
"""Refusals that no other entry in the form would change."""

_Says = Callable[[Any, Formats], str]

_SAYS: dict[type[Exception], _Says] = {
    InvalidFields: lambda _, __: "Something is not right yet. Nothing was saved.",
    errors.InvalidField: lambda _, __: "Something is not right yet. Nothing was saved.",
    errors.IdempotencyKeyReused: lambda _, __: (
        "This form was already saved, with other entries. Look at what is there before you save it once more."
    ),
    IdempotencyKeyInUse: lambda _, __: "This form is still being saved. Wait a moment, then send it again.",
    Unavailable: lambda _, __: (
        "The database cannot be reached right now. Send the form again in a moment: it is saved once, not twice."
    ),
    Busy: lambda _, __: "Too much is going on right now, and nothing was saved. Send the form again in a moment.",
    errors.TooManySignIns: lambda refusal, _: (
        f"Too many failed sign-ins. Try again in {_minutes(refusal.retry_after_seconds)}."
    ),
    errors.RefundExceedsPaid: lambda refusal, formats: (
        "A refund cannot be more than what was paid on its invoice and not yet refunded: "
        f"{formats.money(refusal.refundable)}."
    ),
    errors.CreditAlreadySpent: lambda refusal, formats: (
        f"This credit has already been spent: the balance is {formats.money(refusal.shortfall)} too low. "
        "Delete the payments that spent it first."
    ),
    errors.PermissionDenied: lambda refusal, _: (
        f"This needs the permission “{PERMISSIONS[refusal.permission]}”, which you do not have."
    ),
    errors.LastStaffManager: lambda _, __: (
        "This is the last active staff member who can manage staff, so that must stay. "
        f"Give somebody else the permission “{PERMISSIONS[Permission.MANAGE_STAFF]}” first."
    ),
    errors.TooManyEndpoints: lambda refusal, _: (
        f"A shop has {refusal.most} webhook endpoints at most. Delete one first."
    ),
    errors.ClientHasCredit: lambda refusal, formats: (
        f"This client still has {formats.money(refusal.balance)} of account credit, so it cannot be deleted."
    ),
    errors.ClientHasOverpayment: lambda refusal, formats: (
        f"This client has overpaid by {formats.money(refusal.overpaid)}, so it cannot be deleted. "
        "Capture the overpayment first."
    ),
}
"""Refusals with facts to show. The others say their own sentence."""


def sentence_of(refusal: Exception, formats: Formats) -> str:
    """What to tell the person."""
    for kind in type(refusal).__mro__:
        if kind in _SAYS:
            return _SAYS[kind](refusal, formats)
    return str(refusal)


def status_of(refusal: Exception) -> int:
    if isinstance(refusal, UnreadableRequest):
        return refusal.answer.status
    return next(REFUSALS[kind].status for kind in type(refusal).__mro__ if kind in REFUSALS)


def _minutes(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "a minute" if minutes <= 1 else f"{minutes} minutes"
