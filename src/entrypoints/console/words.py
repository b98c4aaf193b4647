"""The words for what the ledger and the books name: kinds and reasons of entries, methods of payments."""

from core.ledger import EntryKind, Reason
from core.payments import PaymentMethod

KINDS: dict[str, str] = {
    EntryKind.ADDED: "Added",
    EntryKind.APPLIED: "Applied",
    EntryKind.CAPTURED: "Captured",
    EntryKind.VOIDED: "Voided",
    EntryKind.RETURNED: "Returned",
}

REASONS: dict[str, str] = {
    Reason.REFUND: "Refund",
    Reason.GOODWILL: "Goodwill",
    Reason.MANUAL: "Manual",
    Reason.CORRECTION: "Correction",
    Reason.PROMOTION: "Promotion",
    Reason.PAYMENT: "Payment",
    Reason.OVERPAYMENT: "Overpayment",
    Reason.PAYMENT_DELETED: "Payment deleted",
    Reason.VOID: "Void",
}

ADD_REASON_HINTS: dict[str, str] = {
    Reason.REFUND: "money paid before, kept for next time",
    Reason.GOODWILL: "making up for something, such as a late job",
    Reason.MANUAL: "anything else; the note says what",
    Reason.CORRECTION: "putting an earlier mistake right",
    Reason.PROMOTION: "a gift of the shop",
}

METHODS: dict[str, str] = {
    PaymentMethod.CASH: "Cash",
    PaymentMethod.CARD: "Card",
    PaymentMethod.CHECK: "Check",
    PaymentMethod.BANK_TRANSFER: "Bank transfer",
    PaymentMethod.OTHER: "Other",
    PaymentMethod.ACCOUNT_CREDIT: "Account Credit",
}
