-- The roles of the cluster, made by a superuser before the first migration. Running this again changes nothing.
--
-- Roles belong to the whole cluster, so two databases provisioned at once meet here, where two ALTER ROLEs at once would
-- fail with "tuple concurrently updated": one waits for the other, until the end of this transaction.
BEGIN;
LOCK TABLE pg_catalog.pg_db_role_setting IN SHARE ROW EXCLUSIVE MODE;

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('account_credit_owner', false),  -- owns the schema and runs the migrations
            ('account_credit_app', false),    -- the program at run time: owns nothing, sees one shop at a time
            ('account_credit_jobs', false),   -- lists the shops with work due, and reads no payload
            ('account_credit_backup', true)   -- pg_dump alone: forced row-level security makes the owner's dump fail
        ) AS roles (name, bypasses_row_security)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I', wanted.name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- somebody who does not take the lock above was quicker
            END;
        END IF;
        -- Also for a role that was there before: one right too many would not show until it is used.
        IF EXISTS (
            SELECT FROM pg_roles
            WHERE rolname = wanted.name
              AND (NOT rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication
                   OR rolbypassrls <> wanted.bypasses_row_security)
        ) THEN
            EXECUTE format(
                'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION %s',
                wanted.name,
                CASE WHEN wanted.bypasses_row_security THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END
            );
        END IF;
    END LOOP;
END
$$;

-- Settings belong to the roles and not to the connections, since PgBouncer refuses startup parameters it does not know.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('account_credit_app', 'statement_timeout', '10s'),
            ('account_credit_app', 'lock_timeout', '5s'),
            ('account_credit_app', 'idle_in_transaction_session_timeout', '15s'),
            ('account_credit_app', 'TimeZone', 'UTC'),
            -- A statement is planned once, and not anew each time that PostgreSQL hopes for a better plan; what is better
            -- planned each time says so (adapters/postgres/transactions.py). Citus cannot do without: it has to know the
            -- shop to plan for its machine.
            ('account_credit_app', 'plan_cache_mode', CASE
                WHEN current_setting('citus.propagate_set_commands', true) IS NULL THEN 'force_generic_plan'
                ELSE 'auto' END),
            ('account_credit_jobs', 'statement_timeout', '10s'),
            ('account_credit_jobs', 'lock_timeout', '5s'),
            ('account_credit_jobs', 'idle_in_transaction_session_timeout', '15s'),
            ('account_credit_jobs', 'TimeZone', 'UTC'),
            ('account_credit_owner', 'lock_timeout', '5s'),
            ('account_credit_owner', 'TimeZone', 'UTC'),
            -- Without it a SET LOCAL reaches no worker, and row-level security there shows nothing.
            ('account_credit_app', 'citus.propagate_set_commands', 'local')
        ) AS settings (role, name, value)
        -- A server knows the setting when it has loaded Citus, in whatever database this runs.
        WHERE name NOT LIKE 'citus.%' OR current_setting(name, true) IS NOT NULL
    LOOP
        IF NOT EXISTS (
            SELECT FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole
            WHERE setdatabase = 0
              AND rolname = wanted.role
              AND format('%s=%s', wanted.name, wanted.value) = ANY (setconfig)
        ) THEN
            EXECUTE format('ALTER ROLE %I SET %s = %L', wanted.role, wanted.name, wanted.value);
        END IF;
    END LOOP;
END
$$;

COMMIT;
