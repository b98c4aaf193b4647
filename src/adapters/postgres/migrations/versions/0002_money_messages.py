"""The two messages of a request that changes something: one opening read that locks, one write.

Plain statements inside volatile functions: each sees what was committed before it began, so what is read after the
lock is as new as the lock. The names carry a version, because two releases of the program may run side by side.
"""

from adapters.postgres.migrations.scripts import run_script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Locks are taken in one order: credit account, invoices by id, payments by id. The key is read after them, in a
# statement of its own: read together with a lock that had to wait, it would come from before the wait.
_OPEN = """
CREATE FUNCTION open_v1(
  p_shop uuid, p_asker_kind text, p_asker_id uuid, p_secret_hash bytea, p_key text,
  p_client uuid, p_invoices uuid[], p_payments uuid[], p_bulk uuid, p_entry uuid, p_with_payments boolean
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  v_asker json; v_shop json; v_account json; v_invoices json; v_payments json; v_entries json; v_key json;
  v_client uuid := p_client; v_invoice_ids uuid[] := p_invoices; v_payment_ids uuid[] := p_payments;
  v_entry_number bigint; v_entry_payment uuid; v_entry_invoice uuid; v_last_at timestamptz; v_refunded bigint;
BEGIN
  IF p_asker_kind = 'staff' THEN
    SELECT json_build_object('kind', 'staff', 'id', id, 'name', name, 'permissions', permissions) INTO v_asker
      FROM staff WHERE shop_id = p_shop AND id = p_asker_id AND active;
  ELSE
    SELECT json_build_object('kind', 'api_key', 'id', id, 'name', name, 'permissions', permissions) INTO v_asker
      FROM api_keys
      WHERE shop_id = p_shop AND id = p_asker_id AND secret_hash = p_secret_hash AND deleted_at IS NULL;
  END IF;
  IF v_asker IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT json_build_object('id', shop_id, 'name', name, 'slug', slug, 'currency', currency, 'time_zone', time_zone,
      'quickbooks_connected', quickbooks_connected) INTO v_shop
    FROM shops WHERE shop_id = p_shop;

  -- Whose money: what an invoice, a payment or an entry belongs to never changes, so it is read before any lock.
  IF p_entry IS NOT NULL THEN
    SELECT client_id, number, payment_id, invoice_id
      INTO v_client, v_entry_number, v_entry_payment, v_entry_invoice
      FROM ledger_entries WHERE shop_id = p_shop AND id = p_entry;
    v_payment_ids := CASE WHEN v_entry_payment IS NOT NULL THEN ARRAY[v_entry_payment] END;
    v_invoice_ids := CASE WHEN v_entry_invoice IS NOT NULL THEN ARRAY[v_entry_invoice] END;
  ELSIF p_payments IS NOT NULL THEN
    SELECT min(client_id::text)::uuid, array_agg(invoice_id) INTO v_client, v_invoice_ids
      FROM payments WHERE shop_id = p_shop AND id = ANY (p_payments);
  ELSIF p_bulk IS NOT NULL THEN
    SELECT min(client_id::text)::uuid, array_agg(invoice_id), array_agg(id)
      INTO v_client, v_invoice_ids, v_payment_ids
      FROM payments WHERE shop_id = p_shop AND bulk_payment_id = p_bulk;
  ELSIF p_client IS NULL AND p_invoices IS NOT NULL THEN
    SELECT client_id INTO v_client FROM invoices WHERE shop_id = p_shop AND id = p_invoices[1];
  END IF;

  IF v_client IS NOT NULL THEN
    SELECT json_build_object('shop_id', shop_id, 'client_id', client_id, 'balance', balance,
        'last_number', last_number, 'last_hash', encode(last_hash, 'base64'), 'closed', closed_at IS NOT NULL), last_at
      INTO v_account, v_last_at
      FROM credit_accounts WHERE shop_id = p_shop AND client_id = v_client FOR NO KEY UPDATE;
  END IF;
  IF v_account IS NOT NULL THEN
    IF v_invoice_ids IS NOT NULL THEN
      SELECT json_agg(json_build_object('id', id, 'client_id', client_id, 'number', number, 'total', total,
          'settled', settled, 'credit_applied', credit_applied, 'voided_at', voided_at)) INTO v_invoices
        FROM (SELECT id, client_id, number, total, settled, credit_applied, voided_at FROM invoices
          WHERE shop_id = p_shop AND client_id = v_client AND id = ANY (v_invoice_ids)
          ORDER BY id FOR NO KEY UPDATE) locked;
      IF p_with_payments THEN
        SELECT array_agg(id) INTO v_payment_ids
          FROM payments WHERE shop_id = p_shop AND invoice_id = ANY (v_invoice_ids) AND deleted_at IS NULL;
      END IF;
      IF p_client IS NOT NULL THEN
        SELECT coalesce(sum(amount), 0)::bigint INTO v_refunded
          FROM ledger_entries entry
          WHERE shop_id = p_shop AND client_id = v_client AND invoice_id = v_invoice_ids[1] AND reason = 'refund'
            AND NOT EXISTS (SELECT FROM ledger_entries reversal WHERE reversal.shop_id = p_shop
              AND reversal.client_id = v_client AND reversal.reverses_number = entry.number);
      END IF;
    END IF;
    IF v_payment_ids IS NOT NULL THEN
      SELECT json_agg(row_to_json(locked)) INTO v_payments
        FROM (SELECT id, client_id, invoice_id, method, amount, collected, settled, captured, reference, received_on,
            recorded_at, recorded_by_kind, recorded_by_id, recorded_by_name, bulk_payment_id, deleted_at,
            deleted_by_kind, deleted_by_id, deleted_by_name
          FROM payments WHERE shop_id = p_shop AND client_id = v_client AND id = ANY (v_payment_ids)
          ORDER BY id FOR NO KEY UPDATE) locked;
    END IF;
    IF v_entry_number IS NOT NULL THEN
      SELECT json_agg(row_to_json(posted)) INTO v_entries
        FROM (SELECT id, number, kind, amount, invoice_id, payment_id, EXISTS (SELECT FROM ledger_entries reversal
              WHERE reversal.shop_id = p_shop AND reversal.client_id = v_client
                AND reversal.reverses_number = v_entry_number) AS reversed
          FROM ledger_entries WHERE shop_id = p_shop AND client_id = v_client AND number = v_entry_number) posted;
    ELSIF v_payment_ids IS NOT NULL THEN
      SELECT json_agg(row_to_json(posted)) INTO v_entries
        FROM (SELECT id, number, kind, amount, invoice_id, payment_id, false AS reversed
          FROM ledger_entries entry
          WHERE shop_id = p_shop AND client_id = v_client AND payment_id = ANY (v_payment_ids)
            AND kind IN ('applied', 'captured')
            AND NOT EXISTS (SELECT FROM ledger_entries reversal WHERE reversal.shop_id = p_shop
              AND reversal.client_id = v_client AND reversal.reverses_number = entry.number)
          ORDER BY number) posted;
    END IF;
  END IF;

  IF p_key IS NOT NULL THEN
    SELECT json_build_object('fingerprint', translate(encode(fingerprint, 'base64'), E'\\n', ''), 'status', status,
        'body', translate(encode(body, 'base64'), E'\\n', ''), 'sealed', sealed) INTO v_key
      FROM idempotency_records WHERE shop_id = p_shop AND key = p_key;
  END IF;
  RETURN json_build_object('asker', v_asker, 'shop', v_shop, 'at', greatest(clock_timestamp(), v_last_at),
    'key', v_key, 'account', v_account, 'invoices', coalesce(v_invoices, '[]'), 'payments', coalesce(v_payments, '[]'),
    'entries', coalesce(v_entries, '[]'), 'refunded', coalesce(v_refunded, 0), 'entry_number', v_entry_number);
END $$;
"""

_WRITE = """
CREATE FUNCTION write_v1(p_shop uuid, p_writes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_write jsonb; r jsonb;
BEGIN
  FOR v_write IN SELECT jsonb_array_elements(p_writes) LOOP
    r := v_write -> 'row';
    CASE v_write ->> 'op'
    WHEN 'payment' THEN
      INSERT INTO payments (shop_id, id, client_id, invoice_id, method, amount, collected, settled, captured,
          reference, received_on, recorded_at, recorded_by_kind, recorded_by_id, recorded_by_name, bulk_payment_id)
        VALUES (p_shop, (r ->> 'id')::uuid, (r ->> 'client_id')::uuid, (r ->> 'invoice_id')::uuid, r ->> 'method',
          (r ->> 'amount')::bigint, (r ->> 'collected')::bigint, (r ->> 'settled')::bigint,
          (r ->> 'captured')::bigint, r ->> 'reference', (r ->> 'received_on')::date,
          (r ->> 'recorded_at')::timestamptz, r ->> 'recorded_by_kind', (r ->> 'recorded_by_id')::uuid,
          r ->> 'recorded_by_name', (r ->> 'bulk_payment_id')::uuid);
    WHEN 'changed_payment' THEN
      UPDATE payments SET method = r ->> 'method', amount = (r ->> 'amount')::bigint,
          collected = (r ->> 'collected')::bigint, settled = (r ->> 'settled')::bigint,
          captured = (r ->> 'captured')::bigint, reference = r ->> 'reference',
          received_on = (r ->> 'received_on')::date, deleted_at = (r ->> 'deleted_at')::timestamptz,
          deleted_by_kind = r ->> 'deleted_by_kind', deleted_by_id = (r ->> 'deleted_by_id')::uuid,
          deleted_by_name = r ->> 'deleted_by_name'
        WHERE shop_id = p_shop AND id = (r ->> 'id')::uuid;
    WHEN 'payment_change' THEN
      INSERT INTO payment_changes (shop_id, payment_id, id, client_id, at, by_kind, by_id, by_name, method, amount,
          settled, captured, reference, received_on)
        VALUES (p_shop, (r ->> 'payment_id')::uuid, (r ->> 'id')::uuid, (r ->> 'client_id')::uuid,
          (r ->> 'at')::timestamptz, r ->> 'by_kind', (r ->> 'by_id')::uuid, r ->> 'by_name', r ->> 'method',
          (r ->> 'amount')::bigint, (r ->> 'settled')::bigint, (r ->> 'captured')::bigint, r ->> 'reference',
          (r ->> 'received_on')::date);
    WHEN 'entry' THEN
      INSERT INTO ledger_entries (shop_id, client_id, number, id, kind, amount, balance_after, reason, note, by_kind,
          by_id, by_name, at, invoice_id, payment_id, reverses_number, reverses_kind, note_salt, note_digest,
          by_name_salt, by_name_digest, previous_hash, hash)
        VALUES (p_shop, (r ->> 'client_id')::uuid, (r ->> 'number')::bigint, (r ->> 'id')::uuid, r ->> 'kind',
          (r ->> 'amount')::bigint, (r ->> 'balance_after')::bigint, r ->> 'reason', r ->> 'note', r ->> 'by_kind',
          (r ->> 'by_id')::uuid, r ->> 'by_name', (r ->> 'at')::timestamptz, (r ->> 'invoice_id')::uuid,
          (r ->> 'payment_id')::uuid, (r ->> 'reverses_number')::bigint, r ->> 'reverses_kind',
          decode(r ->> 'note_salt', 'base64'), decode(r ->> 'note_digest', 'base64'),
          decode(r ->> 'by_name_salt', 'base64'), decode(r ->> 'by_name_digest', 'base64'),
          decode(r ->> 'previous_hash', 'base64'), decode(r ->> 'hash', 'base64'));
    WHEN 'account' THEN
      UPDATE credit_accounts SET balance = (r ->> 'balance')::bigint, last_number = (r ->> 'last_number')::bigint,
          last_hash = decode(r ->> 'last_hash', 'base64'), last_at = (r ->> 'last_at')::timestamptz
        WHERE shop_id = p_shop AND client_id = (r ->> 'client_id')::uuid;
    WHEN 'invoice' THEN
      UPDATE invoices SET settled = (r ->> 'settled')::bigint, credit_applied = (r ->> 'credit_applied')::bigint
        WHERE shop_id = p_shop AND id = (r ->> 'id')::uuid;
    WHEN 'notice' THEN
      INSERT INTO outbox (shop_id, id, client_id, kind, at, payload, due_at)
        VALUES (p_shop, (r ->> 'id')::uuid, (r ->> 'client_id')::uuid, r ->> 'kind', (r ->> 'at')::timestamptz,
          r -> 'payload', (r ->> 'at')::timestamptz);
    WHEN 'key' THEN
      INSERT INTO idempotency_records (shop_id, key, fingerprint, status, body, sealed, recorded_at)
        VALUES (p_shop, r ->> 'key', decode(r ->> 'fingerprint', 'base64'), (r ->> 'status')::smallint,
          decode(r ->> 'body', 'base64'), (r ->> 'sealed')::boolean, (r ->> 'recorded_at')::timestamptz);
    ELSE
      RAISE EXCEPTION 'write_v1 does not know %', v_write ->> 'op';
    END CASE;
  END LOOP;
END $$;
"""

_GRANTS = """
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  open_v1(uuid, text, uuid, bytea, text, uuid, uuid[], uuid[], uuid, uuid, boolean),
  write_v1(uuid, jsonb) TO account_credit_app;
"""


def upgrade() -> None:
    """Create the two functions."""
    for script in (_OPEN, _WRITE, _GRANTS):
        run_script(script)
