"""The shop, its clients, invoices and payments, and the credit ledger with every invariant that a constraint can hold.

Foreign keys are composite and start with the shop. MATCH SIMPLE skips a foreign key as soon as one of its columns is
NULL: that is why generated columns fold "no payment" and "first entry" into values, and why checks say which columns
may be NULL together.
"""

from alembic import op

from adapters.postgres.migrations.scripts import run_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
-- Which shop a slug names: read before anyone is signed in, so it cannot be scoped. Holds no name, secret or money.
CREATE TABLE shop_slugs (
  slug text PRIMARY KEY CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) BETWEEN 2 AND 63),
  shop_id uuid NOT NULL UNIQUE
);

-- Failed sign-ins by address, whatever the shop: a guesser tries many. Holds digests of addresses only.
CREATE TABLE sign_in_failures_by_address (
  address_digest bytea NOT NULL,
  at timestamptz NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (address_digest, at, id)
);

CREATE TABLE shops (
  shop_id uuid PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  slug text NOT NULL,
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  time_zone text NOT NULL,
  quickbooks_connected boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL
);

-- A row of its own, so that numbering an invoice does not lock the shop.
CREATE TABLE invoice_counters (
  shop_id uuid PRIMARY KEY REFERENCES shops (shop_id) ON DELETE RESTRICT,
  last_number bigint NOT NULL CHECK (last_number >= 0)
);

CREATE TABLE staff (
  shop_id uuid NOT NULL REFERENCES shops (shop_id) ON DELETE RESTRICT,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  email text NOT NULL CHECK (email = lower(email)),
  permissions text[] NOT NULL CHECK (permissions <@ ARRAY['create_payments', 'manage_clients', 'manage_invoices',
    'manage_staff', 'manage_settings']),
  active boolean NOT NULL DEFAULT true,
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, email)
);

CREATE TABLE api_keys (
  shop_id uuid NOT NULL REFERENCES shops (shop_id) ON DELETE RESTRICT,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  permissions text[] NOT NULL CHECK (permissions <@ ARRAY['create_payments', 'manage_clients', 'manage_invoices',
    'manage_staff', 'manage_settings']),
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  created_at timestamptz NOT NULL,
  deleted_at timestamptz,
  PRIMARY KEY (shop_id, id)
);

-- One sign-in and the family of refresh tokens that follow each other in it.
CREATE TABLE sessions (
  shop_id uuid NOT NULL,
  id uuid NOT NULL,
  staff_id uuid NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (shop_id, id),
  FOREIGN KEY (shop_id, staff_id) REFERENCES staff (shop_id, id) ON DELETE RESTRICT
);
CREATE INDEX sessions_of_staff ON sessions (shop_id, staff_id) WHERE ended_at IS NULL;

CREATE TABLE refresh_tokens (
  shop_id uuid NOT NULL,
  id uuid NOT NULL,
  session_id uuid NOT NULL,
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (shop_id, id),
  FOREIGN KEY (shop_id, session_id) REFERENCES sessions (shop_id, id) ON DELETE RESTRICT
);

CREATE TABLE sign_in_failures (
  shop_id uuid NOT NULL REFERENCES shops (shop_id) ON DELETE RESTRICT,
  email_digest bytea NOT NULL,
  at timestamptz NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (shop_id, email_digest, at, id)
);

CREATE TABLE clients (
  shop_id uuid NOT NULL REFERENCES shops (shop_id) ON DELETE RESTRICT,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  sort_name text NOT NULL GENERATED ALWAYS AS (lower(name)) STORED,
  email text,
  phone text,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, id)
);
CREATE INDEX clients_by_name ON clients (shop_id, sort_name, id);

CREATE TABLE invoices (
  shop_id uuid NOT NULL,
  id uuid NOT NULL,
  client_id uuid NOT NULL,
  number text NOT NULL CHECK (length(number) BETWEEN 1 AND 50),
  issued_on date NOT NULL,
  vehicle text,
  lines jsonb NOT NULL,
  tax bigint NOT NULL CHECK (tax >= 0),
  total bigint NOT NULL CHECK (total BETWEEN 0 AND 99999999999),
  settled bigint NOT NULL DEFAULT 0 CHECK (settled >= 0),
  credit_applied bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  voided_at timestamptz,
  due bigint NOT NULL GENERATED ALWAYS AS (CASE WHEN voided_at IS NULL THEN total - settled ELSE 0 END) STORED,
  status text NOT NULL GENERATED ALWAYS AS (CASE WHEN voided_at IS NOT NULL THEN 'void' WHEN total > settled THEN 'open'
    WHEN total = settled THEN 'paid' ELSE 'overpaid' END) STORED,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, number),
  UNIQUE (shop_id, client_id, id),
  FOREIGN KEY (shop_id, client_id) REFERENCES clients (shop_id, id) ON DELETE RESTRICT,
  CONSTRAINT credit_never_pays_beyond_the_total CHECK (credit_applied BETWEEN 0 AND least(total, settled)),
  CONSTRAINT void_settles_nothing CHECK (voided_at IS NULL OR settled = 0)
);
CREATE INDEX invoices_by_status ON invoices (shop_id, status, id);

CREATE TABLE payments (
  shop_id uuid NOT NULL,
  id uuid NOT NULL,
  client_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  method text NOT NULL CHECK (method IN ('cash', 'card', 'check', 'bank_transfer', 'other', 'account_credit')),
  collects boolean NOT NULL GENERATED ALWAYS AS (method <> 'account_credit') STORED,
  amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 99999999999),
  collected bigint NOT NULL,
  settled bigint NOT NULL CHECK (settled >= 0),
  captured bigint NOT NULL CHECK (captured >= 0),
  reference text,
  received_on date NOT NULL,
  recorded_at timestamptz NOT NULL,
  recorded_by_kind text NOT NULL,
  recorded_by_id uuid NOT NULL,
  recorded_by_name text NOT NULL,
  bulk_payment_id uuid,
  deleted_at timestamptz,
  deleted_by_kind text,
  deleted_by_id uuid,
  deleted_by_name text,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, client_id, id),
  UNIQUE (shop_id, client_id, invoice_id, id, collects),
  FOREIGN KEY (shop_id, client_id, invoice_id) REFERENCES invoices (shop_id, client_id, id) ON DELETE RESTRICT,
  -- In ledger_entries.payment_key the nil id says "no payment".
  CONSTRAINT payment_id_is_not_nil CHECK (id <> '00000000-0000-0000-0000-000000000000'::uuid),
  CONSTRAINT payment_adds_up CHECK (CASE WHEN method = 'account_credit'
    THEN collected = 0 AND captured = 0 AND settled = amount
    ELSE collected = amount AND collected = settled + captured END),
  CONSTRAINT deleted_by_somebody CHECK
    (num_nulls(deleted_at, deleted_by_kind, deleted_by_id, deleted_by_name) IN (0, 4)),
  CONSTRAINT deleted_captures_nothing CHECK (deleted_at IS NULL OR captured = 0),
  CONSTRAINT bulk_is_money CHECK (bulk_payment_id IS NULL OR method <> 'account_credit')
);
CREATE INDEX payments_of_invoice ON payments (shop_id, invoice_id);
CREATE INDEX payments_by_day ON payments (shop_id, received_on);
CREATE INDEX payments_of_bulk ON payments (shop_id, bulk_payment_id) WHERE bulk_payment_id IS NOT NULL;

CREATE TABLE payment_changes (
  shop_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  id uuid NOT NULL,
  client_id uuid NOT NULL,
  at timestamptz NOT NULL,
  by_kind text NOT NULL,
  by_id uuid NOT NULL,
  by_name text NOT NULL,
  method text NOT NULL,
  amount bigint NOT NULL,
  settled bigint NOT NULL,
  captured bigint NOT NULL,
  reference text,
  received_on date NOT NULL,
  PRIMARY KEY (shop_id, payment_id, id),
  FOREIGN KEY (shop_id, client_id, payment_id) REFERENCES payments (shop_id, client_id, id) ON DELETE RESTRICT
);

CREATE TABLE ledger_entries (
  shop_id uuid NOT NULL,
  client_id uuid NOT NULL,
  number bigint NOT NULL CHECK (number > 0),
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('added', 'applied', 'captured', 'voided', 'returned')),
  amount bigint NOT NULL,
  balance_after bigint NOT NULL CHECK (balance_after >= 0),
  previous_number bigint GENERATED ALWAYS AS (nullif(number - 1, 0)) STORED,
  balance_before bigint NOT NULL GENERATED ALWAYS AS (balance_after - amount) STORED CHECK (balance_before >= 0),
  reason text NOT NULL,
  note text,
  by_kind text NOT NULL,
  by_id uuid NOT NULL,
  by_name text NOT NULL,
  at timestamptz NOT NULL,
  invoice_id uuid,
  payment_id uuid,
  reverses_number bigint,
  reverses_kind text,
  reverses_amount bigint GENERATED ALWAYS AS (CASE WHEN reverses_number IS NOT NULL THEN -amount END) STORED,
  payment_collects boolean GENERATED ALWAYS AS
    (CASE WHEN payment_id IS NOT NULL THEN kind NOT IN ('applied', 'returned') END) STORED,
  payment_key uuid NOT NULL GENERATED ALWAYS AS
    (coalesce(payment_id, '00000000-0000-0000-0000-000000000000'::uuid)) STORED,
  note_salt bytea,
  note_digest bytea CHECK (octet_length(note_digest) = 32),
  by_name_salt bytea,
  by_name_digest bytea NOT NULL CHECK (octet_length(by_name_digest) = 32),
  previous_hash bytea CHECK (octet_length(previous_hash) = 32),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (shop_id, client_id, number),
  UNIQUE (shop_id, id),
  CONSTRAINT ledger_head UNIQUE (shop_id, client_id, number, balance_after),
  CONSTRAINT ledger_reversible UNIQUE (shop_id, client_id, number, kind, amount, payment_key),
  CONSTRAINT first_starts_at_zero CHECK (number > 1 OR balance_before = 0),
  CONSTRAINT first_has_no_previous_hash CHECK ((number = 1) = (previous_hash IS NULL)),
  CONSTRAINT sign_fits_kind CHECK (amount <> 0 AND (amount > 0) = (kind IN ('added', 'captured', 'returned'))),
  CONSTRAINT reason_fits_kind CHECK (CASE kind
    WHEN 'added' THEN reason IN ('refund', 'goodwill', 'manual', 'correction', 'promotion')
    WHEN 'applied' THEN reason = 'payment'
    WHEN 'captured' THEN reason = 'overpayment'
    WHEN 'returned' THEN reason = 'payment_deleted'
    ELSE reason IN ('void', 'payment_deleted') END),
  CONSTRAINT note_where_required CHECK (
    (kind = 'added' OR (kind = 'voided' AND reason = 'void')) = (note_digest IS NOT NULL)
    AND (note IS NULL OR (note_digest IS NOT NULL AND length(note) BETWEEN 1 AND 500))),
  CONSTRAINT reversal_fits_kind CHECK (CASE kind
    WHEN 'voided' THEN reverses_number IS NOT NULL AND coalesce(reverses_kind IN ('added', 'captured'), false)
    WHEN 'returned' THEN reverses_number IS NOT NULL AND coalesce(reverses_kind = 'applied', false)
    ELSE reverses_number IS NULL AND reverses_kind IS NULL END),
  -- A foreign key looks once the whole statement is done: by itself it takes a reversal that comes before its entry.
  CONSTRAINT reverses_an_earlier_entry CHECK (reverses_number < number),
  CONSTRAINT payment_where_required CHECK (CASE
    WHEN kind IN ('applied', 'captured', 'returned') THEN payment_id IS NOT NULL AND invoice_id IS NOT NULL
    ELSE payment_id IS NULL OR (invoice_id IS NOT NULL AND kind <> 'added') END),
  CONSTRAINT ledger_without_gap_or_jump FOREIGN KEY (shop_id, client_id, previous_number, balance_before)
    REFERENCES ledger_entries (shop_id, client_id, number, balance_after) ON DELETE RESTRICT,
  CONSTRAINT reverses_its_opposite FOREIGN KEY
    (shop_id, client_id, reverses_number, reverses_kind, reverses_amount, payment_key)
    REFERENCES ledger_entries (shop_id, client_id, number, kind, amount, payment_key) ON DELETE RESTRICT,
  CONSTRAINT ledger_invoice FOREIGN KEY (shop_id, client_id, invoice_id)
    REFERENCES invoices (shop_id, client_id, id) ON DELETE RESTRICT,
  CONSTRAINT ledger_payment FOREIGN KEY (shop_id, client_id, invoice_id, payment_id, payment_collects)
    REFERENCES payments (shop_id, client_id, invoice_id, id, collects) ON DELETE RESTRICT,
  FOREIGN KEY (shop_id, client_id) REFERENCES clients (shop_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX reversed_at_most_once ON ledger_entries (shop_id, client_id, reverses_number)
  WHERE reverses_number IS NOT NULL;
CREATE UNIQUE INDEX one_application_a_payment ON ledger_entries (shop_id, payment_id) WHERE kind = 'applied';
CREATE INDEX ledger_of_payment ON ledger_entries (shop_id, payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX ledger_of_invoice ON ledger_entries (shop_id, invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX ledger_of_client_by_time ON ledger_entries (shop_id, client_id, at, number);
CREATE INDEX ledger_of_shop_by_time ON ledger_entries (shop_id, at, id);

CREATE TABLE credit_accounts (
  shop_id uuid NOT NULL,
  client_id uuid NOT NULL,
  balance bigint NOT NULL CHECK (balance >= 0),
  last_number bigint NOT NULL CHECK (last_number >= 0),
  last_hash bytea,
  last_at timestamptz,
  closed_at timestamptz,
  head_number bigint GENERATED ALWAYS AS (nullif(last_number, 0)) STORED,
  PRIMARY KEY (shop_id, client_id),
  FOREIGN KEY (shop_id, client_id) REFERENCES clients (shop_id, id) ON DELETE RESTRICT,
  CONSTRAINT balance_is_the_last FOREIGN KEY (shop_id, client_id, head_number, balance)
    REFERENCES ledger_entries (shop_id, client_id, number, balance_after) ON DELETE RESTRICT,
  CONSTRAINT empty_is_zero CHECK (last_number > 0 OR balance = 0),
  CONSTRAINT head_is_whole CHECK ((last_number = 0) = (last_hash IS NULL) AND (last_number = 0) = (last_at IS NULL)),
  CONSTRAINT deleted_has_no_credit CHECK (closed_at IS NULL OR balance = 0)
);
CREATE INDEX credit_accounts_with_credit ON credit_accounts (shop_id, client_id) INCLUDE (balance) WHERE balance > 0;

CREATE TABLE idempotency_records (
  shop_id uuid NOT NULL REFERENCES shops (shop_id) ON DELETE RESTRICT,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  fingerprint bytea NOT NULL,
  status smallint NOT NULL,
  body bytea NOT NULL,
  sealed boolean NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, key)
);

-- due_at is NULL once there is nothing left to do.
CREATE TABLE outbox (
  shop_id uuid NOT NULL,
  id uuid NOT NULL,
  client_id uuid NOT NULL,
  kind text NOT NULL,
  at timestamptz NOT NULL,
  payload jsonb NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamptz,
  sent_at timestamptz,
  PRIMARY KEY (shop_id, id),
  FOREIGN KEY (shop_id, client_id) REFERENCES clients (shop_id, id) ON DELETE RESTRICT
);
CREATE INDEX outbox_due ON outbox (shop_id, due_at) WHERE due_at IS NOT NULL;
"""

_APPEND_ONLY = """
-- Citus makes triggers on distributed tables only when told so; elsewhere this sets something that nobody reads.
SET LOCAL citus.enable_unsafe_triggers = on;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_changes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# Citus sends SET LOCAL to its workers, but not set_config(): hence EXECUTE, in a message of its own.
_SET_SHOP = """
CREATE FUNCTION set_shop(p_shop uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SET LOCAL app.shop_id = %L', p_shop);
END $$;
"""

SCOPED_TABLES = (
    "shops",
    "invoice_counters",
    "staff",
    "api_keys",
    "sessions",
    "refresh_tokens",
    "sign_in_failures",
    "clients",
    "invoices",
    "payments",
    "payment_changes",
    "ledger_entries",
    "credit_accounts",
    "idempotency_records",
    "outbox",
)

# What the runtime role may do beside SELECT and INSERT. Ids, clients and invoices of things never change.
_GRANTS = """
GRANT USAGE ON SCHEMA public TO account_credit_app, account_credit_jobs, account_credit_backup;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO account_credit_backup;
GRANT SELECT ON alembic_version TO account_credit_app;
GRANT SELECT, INSERT ON shop_slugs, sign_in_failures_by_address TO account_credit_app;
GRANT DELETE ON sign_in_failures, sign_in_failures_by_address TO account_credit_app;
GRANT UPDATE (name, time_zone, quickbooks_connected) ON shops TO account_credit_app;
GRANT UPDATE (last_number) ON invoice_counters TO account_credit_app;
GRANT UPDATE (name, email, permissions, active, password_hash) ON staff TO account_credit_app;
GRANT UPDATE (deleted_at) ON api_keys TO account_credit_app;
GRANT UPDATE (ended_at) ON sessions TO account_credit_app;
GRANT UPDATE (used_at) ON refresh_tokens TO account_credit_app;
GRANT UPDATE (name, email, phone) ON clients TO account_credit_app;
GRANT UPDATE (number, issued_on, vehicle, lines, tax, total, settled, credit_applied, voided_at) ON invoices
  TO account_credit_app;
GRANT UPDATE (method, amount, collected, settled, captured, reference, received_on, deleted_at, deleted_by_kind,
  deleted_by_id, deleted_by_name) ON payments TO account_credit_app;
GRANT UPDATE (balance, last_number, last_hash, last_at, closed_at) ON credit_accounts TO account_credit_app;
GRANT UPDATE (attempts, due_at, sent_at) ON outbox TO account_credit_app;
GRANT SELECT (shop_id, due_at) ON outbox TO account_credit_jobs;
CREATE POLICY lists_shops_with_something_due ON outbox FOR SELECT TO account_credit_jobs USING (true);
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_shop(uuid) TO account_credit_app;
"""


def upgrade() -> None:
    """Create everything."""
    for script in (_TABLES, _APPEND_ONLY, _SET_SHOP):
        run_script(script)
    for table in SCOPED_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_shop ON {table} TO account_credit_app "
            "USING (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid) "
            "WITH CHECK (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid)"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO account_credit_app")
    run_script(_GRANTS)
