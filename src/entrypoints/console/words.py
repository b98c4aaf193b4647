"""The words for what the core names: kinds and reasons of entries, methods of payments, permissions, notices."""

from core.deliveries import DeliveryState, OffReason
from core.ledger import EntryKind, Reason
from core.notices import NoticeKind
from core.payments import PaymentMethod
from core.shop import Language
from core.staff import Permission

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

PERMISSIONS: dict[str, str] = {
    Permission.CREATE_PAYMENTS: "Payments and credit",
    Permission.MANAGE_CLIENTS: "Clients",
    Permission.MANAGE_INVOICES: "Invoices",
    Permission.MANAGE_STAFF: "Staff and API keys",
    Permission.MANAGE_SETTINGS: "Settings",
}

PERMISSION_HINTS: dict[str, str] = {
    Permission.CREATE_PAYMENTS: "Take, change and delete payments; add, apply, capture and void credit",
    Permission.MANAGE_CLIENTS: "Add, change, delete and restore clients",
    Permission.MANAGE_INVOICES: "Write, change and void invoices",
    Permission.MANAGE_STAFF: "See, add and change staff members and API keys, and give them the permissions one has",
    Permission.MANAGE_SETTINGS: "Change the shop's settings and its webhooks",
}

NOTICES: dict[str, str] = {
    NoticeKind.CREDIT_ADDED: "Credit was added",
    NoticeKind.CREDIT_APPLIED: "Credit was applied",
    NoticeKind.CREDIT_CAPTURED: "An overpayment became credit",
    NoticeKind.CREDIT_VOIDED: "Credit was voided",
    NoticeKind.CREDIT_RETURNED: "Credit was returned",
    NoticeKind.PAYMENT_RECORDED: "A payment was recorded",
    NoticeKind.PAYMENT_DELETED: "A payment was deleted",
    NoticeKind.CLIENT_DELETED: "A client was deleted",
}

DELIVERY_STATES: dict[str, str] = {
    DeliveryState.PENDING: "On its way",
    DeliveryState.DELIVERED: "Delivered",
    DeliveryState.FAILED: "Failed",
}

OFF_REASONS: dict[str, str] = {
    OffReason.BY_STAFF: "somebody at the shop switched it off",
    OffReason.GONE: "it answered that it is gone for good (410)",
    OffReason.FAILING: "it accepted nothing for five days",
}

LANGUAGES: dict[str, str] = {Language.EN: "English", Language.DE: "German"}
