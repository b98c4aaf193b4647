"""How the staff API answers each refusal of the core and each trouble of the ports: its status and its stable code."""

from core import errors
from core.errors import Refusal
from entrypoints.http.problems import Answer, ProblemTable
from ports.transactions import Busy, IdempotencyKeyInUse, Unavailable


def _conflict(kind: type[Refusal], code: str) -> tuple[type[Exception], Answer]:
    return kind, Answer(409, code, kind.sentence)


_UNAUTHENTICATED = Answer(401, "unauthenticated", errors.Unauthenticated.sentence)

REFUSALS: ProblemTable = {
    errors.Unauthenticated: _UNAUTHENTICATED,
    errors.SignInFailed: _UNAUTHENTICATED,
    errors.PermissionDenied: Answer(403, "permission_denied", errors.PermissionDenied.sentence),
    errors.NotFound: Answer(404, "not_found", errors.NotFound.sentence),
    errors.InvalidField: Answer(422, "validation_failed", errors.InvalidField.sentence),
    errors.IdempotencyKeyReused: Answer(422, "idempotency_key_reused", errors.IdempotencyKeyReused.sentence),
    errors.TooManySignIns: Answer(429, "too_many_requests", errors.TooManySignIns.sentence),
    IdempotencyKeyInUse: Answer(
        409,
        "idempotency_key_in_use",
        "The first request with this Idempotency-Key is still being done. Try again in a moment.",
    ),
    Unavailable: Answer(
        503,
        "unavailable",
        "The database cannot be reached right now. Try again in a moment, with the same Idempotency-Key.",
    ),
    Busy: Answer(503, "busy", "Too much is going on right now, and nothing was changed. Try again in a moment."),
    **dict(
        [
            _conflict(errors.RefundExceedsPaid, "refund_exceeds_paid"),
            _conflict(errors.NothingDue, "nothing_due"),
            _conflict(errors.NoCredit, "no_credit"),
            _conflict(errors.AlreadyVoided, "already_voided"),
            _conflict(errors.EntryNotVoidable, "entry_not_voidable"),
            _conflict(errors.CreditAlreadySpent, "credit_already_spent"),
            _conflict(errors.OverpaymentChoiceRequired, "overpayment_choice_required"),
            _conflict(errors.NotOverpaid, "not_overpaid"),
            _conflict(errors.PaymentNotEditable, "payment_not_editable"),
            _conflict(errors.PaymentDeleted, "payment_deleted"),
            _conflict(errors.AccountCreditNotInBulk, "account_credit_not_in_bulk"),
            _conflict(errors.AllocationExceedsDue, "allocation_exceeds_due"),
            _conflict(errors.InvoiceBelowAppliedCredit, "invoice_below_applied_credit"),
            _conflict(errors.InvoiceHasPayments, "invoice_has_payments"),
            _conflict(errors.InvoiceVoid, "invoice_void"),
            _conflict(errors.InvoiceNumberTaken, "invoice_number_taken"),
            _conflict(errors.ClientHasCredit, "client_has_credit"),
            _conflict(errors.ClientHasOverpayment, "client_has_overpayment"),
            _conflict(errors.ClientDeleted, "client_deleted"),
            _conflict(errors.EmailTaken, "email_taken"),
            _conflict(errors.EndpointOff, "endpoint_off"),
            _conflict(errors.TooManyEndpoints, "too_many_endpoints"),
            _conflict(errors.SlugTaken, "slug_taken"),
            _conflict(errors.LastStaffManager, "last_staff_manager"),
        ]
    ),
}
