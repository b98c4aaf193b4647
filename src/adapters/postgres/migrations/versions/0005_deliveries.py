"""Who is told of what: receivers, and each notice on its way to each of them.

The outbox is still written by the transaction that a notice tells of. Its rows are routed from there: one delivery for
each receiver. What is sent next is scheduled by lane (a receiver and a client), so that order is kept within it.
"""

from alembic import op

from adapters.postgres.migrations.scripts import run_script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = """
ALTER TABLE shops
  ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'de')),
  ADD COLUMN email_notices boolean NOT NULL DEFAULT false;
ALTER TABLE clients ADD COLUMN email_notices boolean NOT NULL DEFAULT true;

-- Whether notices go out at all, and from where: one row. A copy of the database runs somewhere else, and that is how
-- it finds out that it is one. Holds nothing of any shop.
CREATE TABLE outbox_control (
  the_only_row boolean PRIMARY KEY DEFAULT true CHECK (the_only_row),
  home text NOT NULL,
  paused_at timestamptz,
  paused_why text CHECK (length(paused_why) BETWEEN 1 AND 500),
  CONSTRAINT paused_for_a_reason CHECK (num_nulls(paused_at, paused_why) IN (0, 2))
);

-- Locked by whoever makes the shop's deliveries, since two at once could put a client's notices out of order.
CREATE TABLE shop_routing (
  shop_id uuid PRIMARY KEY REFERENCES shops (shop_id) ON DELETE RESTRICT,
  routed_at timestamptz
);

-- Secrets are sealed. tell_owner_at: when somebody at the shop is to be told that the endpoint was switched off.
CREATE TABLE webhook_endpoints (
  shop_id uuid NOT NULL REFERENCES shops (shop_id) ON DELETE RESTRICT,
  id uuid NOT NULL,
  url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
  description text NOT NULL CHECK (length(description) <= 200),
  kinds text[] NOT NULL CHECK (cardinality(kinds) > 0 AND kinds <@ ARRAY['credit.added', 'credit.applied',
    'credit.captured', 'credit.voided', 'credit.returned', 'payment.recorded', 'payment.deleted', 'client.deleted']),
  secret bytea NOT NULL,
  previous_secret bytea,
  previous_secret_until timestamptz,
  created_at timestamptz NOT NULL,
  off_since timestamptz,
  off_reason text CHECK (off_reason IN ('by_staff', 'gone', 'failing')),
  failing_since timestamptz,
  quiet_until timestamptz,
  tell_owner_at timestamptz,
  owner_told_at timestamptz,
  deleted_at timestamptz,
  PRIMARY KEY (shop_id, id),
  -- Among the receivers of lanes and deliveries the nil id is the client, by e-mail.
  CONSTRAINT endpoint_id_is_not_nil CHECK (id <> '00000000-0000-0000-0000-000000000000'::uuid),
  CONSTRAINT previous_secret_for_a_while CHECK (num_nulls(previous_secret, previous_secret_until) IN (0, 2)),
  CONSTRAINT off_for_a_reason CHECK (num_nulls(off_since, off_reason) IN (0, 2)),
  CONSTRAINT told_of_what_is_off CHECK (tell_owner_at IS NULL OR off_since IS NOT NULL)
);
CREATE INDEX owners_to_be_told ON webhook_endpoints (shop_id, tell_owner_at) WHERE tell_owner_at IS NOT NULL;

-- due_at: when somebody is to look after the lane; NULL while it is empty. While a worker has it in hand (claim) that
-- is the moment from which another one may take it.
CREATE TABLE delivery_lanes (
  shop_id uuid NOT NULL,
  receiver_id uuid NOT NULL,
  client_id uuid NOT NULL,
  endpoint_id uuid GENERATED ALWAYS AS (nullif(receiver_id, '00000000-0000-0000-0000-000000000000'::uuid)) STORED,
  due_at timestamptz,
  claim uuid,
  PRIMARY KEY (shop_id, receiver_id, client_id),
  FOREIGN KEY (shop_id, client_id) REFERENCES clients (shop_id, id) ON DELETE RESTRICT,
  FOREIGN KEY (shop_id, endpoint_id) REFERENCES webhook_endpoints (shop_id, id) ON DELETE RESTRICT,
  CONSTRAINT claims_end CHECK (claim IS NULL OR due_at IS NOT NULL)
);
CREATE INDEX lanes_due ON delivery_lanes (shop_id, receiver_id, due_at) WHERE due_at IS NOT NULL;

-- attempts: all of them; failures: those since it was last made pending. next_attempt_at: NULL before the first.
CREATE TABLE deliveries (
  shop_id uuid NOT NULL,
  id uuid NOT NULL,
  receiver_id uuid NOT NULL,
  client_id uuid NOT NULL,
  notice_id uuid NOT NULL,
  notice_at timestamptz NOT NULL,
  kind text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts integer NOT NULL CHECK (attempts >= 0),
  failures integer NOT NULL CHECK (failures BETWEEN 0 AND attempts),
  next_attempt_at timestamptz,
  made_at timestamptz NOT NULL,
  settled_at timestamptz,
  PRIMARY KEY (shop_id, id),
  CONSTRAINT one_delivery_a_receiver UNIQUE (shop_id, receiver_id, notice_id),
  FOREIGN KEY (shop_id, notice_id) REFERENCES outbox (shop_id, id) ON DELETE RESTRICT,
  FOREIGN KEY (shop_id, receiver_id, client_id) REFERENCES delivery_lanes (shop_id, receiver_id, client_id)
    ON DELETE RESTRICT,
  CONSTRAINT pending_until_settled CHECK ((state = 'pending') = (settled_at IS NULL)),
  CONSTRAINT tried_again_while_pending CHECK (next_attempt_at IS NULL OR state = 'pending')
);
CREATE INDEX deliveries_pending ON deliveries (shop_id, receiver_id, client_id, notice_at, notice_id)
  WHERE state = 'pending';
CREATE INDEX deliveries_failed ON deliveries (shop_id, receiver_id, notice_id) WHERE state = 'failed';
CREATE INDEX deliveries_of_client ON deliveries (shop_id, client_id, notice_id);

CREATE TABLE delivery_attempts (
  shop_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  number integer NOT NULL CHECK (number > 0),
  at timestamptz NOT NULL,
  duration_ms integer NOT NULL CHECK (duration_ms >= 0),
  accepted boolean NOT NULL,
  answer text NOT NULL CHECK (length(answer) <= 1000),
  PRIMARY KEY (shop_id, delivery_id, number),
  FOREIGN KEY (shop_id, delivery_id) REFERENCES deliveries (shop_id, id) ON DELETE RESTRICT
);
"""

_SCOPED_TABLES = ("shop_routing", "webhook_endpoints", "delivery_lanes", "deliveries", "delivery_attempts")

_GRANTS = """
GRANT SELECT ON outbox_control, shop_routing, webhook_endpoints, delivery_lanes, deliveries, delivery_attempts
  TO account_credit_backup;
GRANT SELECT, INSERT, UPDATE (home, paused_at, paused_why) ON outbox_control TO account_credit_app;
GRANT UPDATE (language, email_notices) ON shops TO account_credit_app;
GRANT UPDATE (email_notices) ON clients TO account_credit_app;
GRANT UPDATE (routed_at) ON shop_routing TO account_credit_app;
GRANT UPDATE (url, description, kinds, secret, previous_secret, previous_secret_until, off_since, off_reason,
  failing_since, quiet_until, tell_owner_at, owner_told_at, deleted_at) ON webhook_endpoints TO account_credit_app;
GRANT UPDATE (due_at, claim) ON delivery_lanes TO account_credit_app;
GRANT UPDATE (state, attempts, failures, next_attempt_at, settled_at) ON deliveries TO account_credit_app;
GRANT SELECT (shop_id, due_at) ON delivery_lanes TO account_credit_jobs;
GRANT SELECT (shop_id, tell_owner_at) ON webhook_endpoints TO account_credit_jobs;
CREATE POLICY lists_shops_with_something_due ON delivery_lanes FOR SELECT TO account_credit_jobs USING (true);
CREATE POLICY lists_shops_with_something_due ON webhook_endpoints FOR SELECT TO account_credit_jobs USING (true);
"""


def upgrade() -> None:
    """Create the tables, with their policies and grants."""
    run_script(_TABLES)
    for table in _SCOPED_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_shop ON {table} TO account_credit_app "
            "USING (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid) "
            "WITH CHECK (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid)"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO account_credit_app")
    run_script(_GRANTS)
