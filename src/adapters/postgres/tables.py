"""The tables as statements see them. Keys, checks, policies and grants live in the migrations."""

from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

_Time = TIMESTAMP(timezone=True)


def _uuid(name: str, *, key: bool = False, nullable: bool = False) -> Column[object]:
    return Column(name, Uuid(), primary_key=key, nullable=nullable)


def _text(name: str, *, key: bool = False, nullable: bool = False) -> Column[object]:
    return Column(name, Text(), primary_key=key, nullable=nullable)


def _big(name: str, *, key: bool = False, nullable: bool = False) -> Column[object]:
    return Column(name, BigInteger(), primary_key=key, nullable=nullable, autoincrement=False)


def _time(name: str, *, key: bool = False, nullable: bool = False) -> Column[object]:
    return Column(name, _Time, primary_key=key, nullable=nullable)


def _bytes(name: str, *, key: bool = False, nullable: bool = False) -> Column[object]:
    return Column(name, LargeBinary(), primary_key=key, nullable=nullable)


def _permissions() -> Column[object]:
    return Column("permissions", ARRAY(Text()), nullable=False)


shop_slugs = Table("shop_slugs", metadata, _text("slug", key=True), _uuid("shop_id"))

sign_in_failures_by_address = Table(
    "sign_in_failures_by_address",
    metadata,
    _bytes("address_digest", key=True),
    _time("at", key=True),
    _uuid("id", key=True),
)

shops = Table(
    "shops",
    metadata,
    _uuid("shop_id", key=True),
    _text("name"),
    _text("slug"),
    _text("currency"),
    _text("time_zone"),
    Column("quickbooks_connected", Boolean(), nullable=False),
    _text("language"),
    Column("email_notices", Boolean(), nullable=False),
    _text("email", nullable=True),
    _time("created_at"),
)

invoice_counters = Table("invoice_counters", metadata, _uuid("shop_id", key=True), _big("last_number"))

staff = Table(
    "staff",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _text("name"),
    _text("email"),
    _permissions(),
    Column("active", Boolean(), nullable=False),
    _text("password_hash"),
    _time("created_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _text("name"),
    _permissions(),
    _bytes("secret_hash"),
    _time("created_at"),
    _time("deleted_at", nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _uuid("staff_id"),
    _time("started_at"),
    _time("ended_at", nullable=True),
    _bytes("address_digest", nullable=True),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _uuid("session_id"),
    _bytes("secret_hash"),
    _time("expires_at"),
    _time("used_at", nullable=True),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("session_id", key=True),
    _bytes("secret_hash"),
    _time("seen_at"),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    _uuid("shop_id", key=True),
    _bytes("email_digest", key=True),
    _time("at", key=True),
    _uuid("id", key=True),
)

clients = Table(
    "clients",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _text("name"),
    Column("sort_name", Text(), Computed("lower(name)", persisted=True), nullable=False),
    Column("search_text", Text(), Computed("", persisted=True), nullable=False),
    _text("email", nullable=True),
    _text("phone", nullable=True),
    Column("email_notices", Boolean(), nullable=False),
    _time("created_at"),
)

credit_accounts = Table(
    "credit_accounts",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("client_id", key=True),
    _big("balance"),
    _big("last_number"),
    _bytes("last_hash", nullable=True),
    _time("last_at", nullable=True),
    _time("closed_at", nullable=True),
    Column("head_number", BigInteger(), Computed("nullif(last_number, 0)", persisted=True)),
)

invoices = Table(
    "invoices",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _uuid("client_id"),
    _text("number"),
    Column("issued_on", Date(), nullable=False),
    _text("vehicle", nullable=True),
    Column("lines", JSONB(), nullable=False),
    _big("tax"),
    _big("total"),
    _big("settled"),
    _big("credit_applied"),
    _time("created_at"),
    _time("voided_at", nullable=True),
    Column("due", BigInteger(), Computed("", persisted=True), nullable=False),
    Column("search_vehicle", Text(collation="C"), Computed("", persisted=True)),
    Column("status", Text(), Computed("", persisted=True), nullable=False),
)

payments = Table(
    "payments",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _uuid("client_id"),
    _uuid("invoice_id"),
    _text("method"),
    Column("collects", Boolean(), Computed("", persisted=True), nullable=False),
    _big("amount"),
    _big("collected"),
    _big("settled"),
    _big("captured"),
    _text("reference", nullable=True),
    Column("received_on", Date(), nullable=False),
    _time("recorded_at"),
    _text("recorded_by_kind"),
    _uuid("recorded_by_id"),
    _text("recorded_by_name"),
    _uuid("bulk_payment_id", nullable=True),
    _time("deleted_at", nullable=True),
    _text("deleted_by_kind", nullable=True),
    _uuid("deleted_by_id", nullable=True),
    _text("deleted_by_name", nullable=True),
)

payment_changes = Table(
    "payment_changes",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("payment_id", key=True),
    _uuid("id", key=True),
    _uuid("client_id"),
    _time("at"),
    _text("by_kind"),
    _uuid("by_id"),
    _text("by_name"),
    _text("method"),
    _big("amount"),
    _big("settled"),
    _big("captured"),
    _text("reference", nullable=True),
    Column("received_on", Date(), nullable=False),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("client_id", key=True),
    _big("number", key=True),
    _uuid("id"),
    _text("kind"),
    _big("amount"),
    _big("balance_after"),
    Column("previous_number", BigInteger(), Computed("", persisted=True)),
    Column("balance_before", BigInteger(), Computed("", persisted=True), nullable=False),
    _text("reason"),
    _text("note", nullable=True),
    _text("by_kind"),
    _uuid("by_id"),
    _text("by_name"),
    _time("at"),
    _uuid("invoice_id", nullable=True),
    _uuid("payment_id", nullable=True),
    _big("reverses_number", nullable=True),
    _text("reverses_kind", nullable=True),
    Column("reverses_amount", BigInteger(), Computed("", persisted=True)),
    Column("payment_collects", Boolean(), Computed("", persisted=True)),
    Column("payment_key", Uuid(), Computed("", persisted=True), nullable=False),
    _bytes("note_salt", nullable=True),
    _bytes("note_digest", nullable=True),
    _bytes("by_name_salt", nullable=True),
    _bytes("by_name_digest"),
    _bytes("previous_hash", nullable=True),
    _bytes("hash"),
)
# True of every entry. What finds a client's entries by time, or of one kind, says it, since the index for that asks for
# it, and nothing else can then take that index: migrations 0014 and 0015 say why.
found_by_time = ledger_entries.c.at > literal_column("'-infinity'::timestamptz")
found_by_kind = ledger_entries.c.at < literal_column("'infinity'::timestamptz")

idempotency_records = Table(
    "idempotency_records",
    metadata,
    _uuid("shop_id", key=True),
    _text("key", key=True),
    _bytes("fingerprint"),
    Column("status", SmallInteger(), nullable=False),
    _bytes("body"),
    Column("sealed", Boolean(), nullable=False),
    _time("recorded_at"),
)

outbox = Table(
    "outbox",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _uuid("client_id"),
    _text("kind"),
    _time("at"),
    Column("payload", JSONB(), nullable=False),
    _time("due_at", nullable=True),
    _time("routed_at", nullable=True),
)

outbox_control = Table(
    "outbox_control",
    metadata,
    Column("the_only_row", Boolean(), primary_key=True),
    _text("home"),
    _time("paused_at", nullable=True),
    _text("paused_why", nullable=True),
)

shop_routing = Table("shop_routing", metadata, _uuid("shop_id", key=True), _time("routed_at", nullable=True))

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _text("url"),
    _text("description"),
    Column("kinds", ARRAY(Text()), nullable=False),
    _bytes("secret"),
    _bytes("previous_secret", nullable=True),
    _time("previous_secret_until", nullable=True),
    _time("created_at"),
    _time("off_since", nullable=True),
    _text("off_reason", nullable=True),
    _time("failing_since", nullable=True),
    _time("quiet_until", nullable=True),
    _time("tell_owner_at", nullable=True),
    _time("owner_told_at", nullable=True),
    _time("deleted_at", nullable=True),
)

delivery_lanes = Table(
    "delivery_lanes",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("receiver_id", key=True),
    _uuid("client_id", key=True),
    Column("endpoint_id", Uuid(), Computed("", persisted=True)),
    _time("due_at", nullable=True),
    _uuid("claim", nullable=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("id", key=True),
    _uuid("receiver_id"),
    _uuid("client_id"),
    _uuid("notice_id"),
    _time("notice_at"),
    _text("kind"),
    _text("state"),
    Column("attempts", Integer(), nullable=False),
    Column("failures", Integer(), nullable=False),
    _time("next_attempt_at", nullable=True),
    _time("made_at"),
    _time("settled_at", nullable=True),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    _uuid("shop_id", key=True),
    _uuid("delivery_id", key=True),
    Column("number", Integer(), primary_key=True, autoincrement=False),
    _time("at"),
    Column("duration_ms", Integer(), nullable=False),
    Column("accepted", Boolean(), nullable=False),
    _text("answer"),
)

shop_verifications = Table(
    "shop_verifications",
    metadata,
    _uuid("shop_id", key=True),
    _time("verified_at"),
    Column("findings", BigInteger(), nullable=False),
)
