-- The tables and functions of Portcullis, version 1, for PostgreSQL 14 or newer.
--
-- The store creates them by itself where it may. To create them by hand:
--
--   BEGIN;
--   CREATE SCHEMA portcullis;
--   SET LOCAL search_path = portcullis, pg_temp;
--   \i schema.sql
--   COMMIT;
--
-- and give the services USAGE on the schema and SELECT, INSERT, UPDATE, DELETE on its tables. Another name of the schema is told
-- to the store. All functions remember the schema that they were made in.
--
-- Texts of tokens are bytes in UTF-8, since they may hold a zero, which no text of PostgreSQL can.

CREATE TABLE meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL,
    -- Drawn when the store is initialised; without it the store answers nothing.
    epoch uuid,
    -- The cluster that it was initialised in: a dump that is restored in another is not initialised there.
    system_identifier bigint
);
INSERT INTO meta (version) VALUES (1);

-- One row for each rule and target, of which the stricter value counts. It is its own log: each write leaves its transaction in
-- `xid`, and whoever follows asks for what was written since the oldest transaction that was open when it last asked.
CREATE TABLE facts (
    key bytea PRIMARY KEY,
    rule text NOT NULL CHECK (rule IN ('denied', 'not_before', 'collapsed', 'generation', 'removed')),
    kind text NOT NULL,
    issuer bytea NOT NULL,
    id bytea NOT NULL,
    -- milliseconds since 1970, a generation or a transaction; of a denial that is in force at once the smallest number
    value bigint NOT NULL,
    -- seconds since 1970, rounded up; the largest number is never
    keep_until bigint NOT NULL,
    -- the key of the subject whose denied tokens and sessions are counted
    subject bytea,
    room smallint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
) WITH (fillfactor = 90);
CREATE INDEX facts_xid ON facts (xid);
CREATE INDEX facts_keep ON facts (keep_until) WHERE keep_until < 9223372036854775807;
CREATE INDEX facts_subject ON facts (subject) WHERE subject IS NOT NULL;

-- The allowlist, which nobody follows. `first` is the transaction that listed the token, 0 if it was removed.
CREATE TABLE allowed (
    key bytea PRIMARY KEY,
    issuer bytea NOT NULL,
    subject bytea,
    first bigint NOT NULL,
    was_listed boolean NOT NULL,
    keep_until bigint NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX allowed_keep ON allowed (keep_until) WHERE keep_until < 9223372036854775807;

-- How many rows each room has, in parts, so that writers do not queue up behind one row. Room 0: denials of tokens and sessions,
-- 1: all that is broader, 2: the allowlist.
CREATE TABLE usage (
    room smallint NOT NULL,
    part smallint NOT NULL,
    rows bigint NOT NULL,
    PRIMARY KEY (room, part)
) WITH (fillfactor = 20);
INSERT INTO usage SELECT room, part, 0 FROM generate_series(0, 2) room, generate_series(0, 15) part;

CREATE FUNCTION fact_key(rule text, kind text, issuer bytea, id bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(convert_to(rule || ' ' || kind || ' ', 'UTF8') || int4send(length(issuer)) || issuer || id);

CREATE FUNCTION now_ms(told bigint) RETURNS bigint
    LANGUAGE sql VOLATILE
    RETURN coalesce(told, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);

CREATE FUNCTION is_initialised() RETURNS boolean
    LANGUAGE sql STABLE SET search_path FROM CURRENT
    RETURN coalesce((
        SELECT epoch IS NOT NULL AND meta.system_identifier = control.system_identifier
        FROM meta, pg_control_system() control), false);

-- What tells this store from its own earlier or other self. A promotion changes the timeline; whoever puts back the files of a
-- cluster has to start it; whoever restores a dump makes the table anew.
CREATE FUNCTION current_epoch() RETURNS text
    LANGUAGE sql STABLE SET search_path FROM CURRENT
    RETURN (
        SELECT epoch || '/' || system_identifier || '/'
            || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '/'
            || extract(epoch FROM pg_postmaster_start_time()) || '/'
            || pg_relation_filenode('facts')
        FROM meta);

-- Counts rows in or out of a room, in a part that nobody else's open transaction holds, if there is one.
CREATE FUNCTION count_rows(of_room smallint, more bigint) RETURNS void
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    free smallint;
BEGIN
    SELECT part INTO free FROM usage WHERE room = of_room
    ORDER BY (part + pg_backend_pid()) % 16 LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    UPDATE usage SET rows = rows + more
    WHERE room = of_room AND part = coalesce(free, pg_backend_pid() % 16);
END $$;

-- Drops rows that have expired, and tells how many. The last that was written stays: a store whose last transaction is
-- earlier than one that was seen has lost something.
CREATE FUNCTION purge(now_secs bigint, most integer) RETURNS bigint
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    gone record;
    dropped bigint := 0;
BEGIN
    FOR gone IN
        WITH old_facts AS (
            DELETE FROM facts WHERE key IN (
                SELECT key FROM facts
                WHERE keep_until <= now_secs AND xid < (SELECT xid FROM facts ORDER BY xid DESC LIMIT 1)
                ORDER BY keep_until LIMIT most FOR UPDATE SKIP LOCKED)
            RETURNING facts.room
        ), old_listings AS (
            DELETE FROM allowed WHERE key IN (
                SELECT key FROM allowed WHERE keep_until <= now_secs
                ORDER BY keep_until LIMIT most FOR UPDATE SKIP LOCKED)
            RETURNING 2::smallint AS room
        )
        SELECT room, count(*) AS rows FROM (
            SELECT room FROM old_facts UNION ALL SELECT room FROM old_listings) old
        GROUP BY room ORDER BY room
    LOOP
        PERFORM count_rows(gone.room, -gone.rows);
        dropped := dropped + gone.rows;
    END LOOP;
    RETURN dropped;
END $$;

-- True if there is room for another row, after what has expired was dropped if need be.
CREATE FUNCTION has_room(wanted smallint, most bigint, now_secs bigint) RETURNS boolean
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    LOOP
        IF (SELECT sum(rows) FROM usage WHERE room = wanted) < most THEN
            RETURN true;
        END IF;
        IF purge(now_secs, 500) = 0 THEN
            RETURN false;
        END IF;
    END LOOP;
END $$;

-- Merges a fact with what is known of its target; false if there is no room.
CREATE FUNCTION put(
    new_rule text, new_kind text, new_issuer bytea, new_id bytea,
    new_value bigint, new_until bigint, new_subject bytea, new_room smallint, most bigint, now_secs bigint
) RETURNS boolean
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    new_key bytea := fact_key(new_rule, new_kind, new_issuer, new_id);
    is_new boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM facts WHERE key = new_key) AND NOT has_room(new_room, most, now_secs) THEN
        RETURN false;
    END IF;
    INSERT INTO facts AS known (key, rule, kind, issuer, id, value, keep_until, subject, room)
    VALUES (new_key, new_rule, new_kind, new_issuer, new_id, new_value, new_until, new_subject, new_room)
    ON CONFLICT (key) DO UPDATE SET
        value = CASE WHEN known.rule = 'denied'
            THEN least(known.value, excluded.value) ELSE greatest(known.value, excluded.value) END,
        keep_until = greatest(known.keep_until, excluded.keep_until),
        subject = coalesce(known.subject, excluded.subject),
        xid = excluded.xid
    RETURNING (xmax = 0) INTO is_new;
    IF is_new THEN
        PERFORM count_rows(new_room, 1);
    END IF;
    RETURN true;
END $$;

-- The cutoff in force for a target.
CREATE FUNCTION cutoff_of(of_kind text, of_issuer bytea, of_id bytea) RETURNS bigint
    LANGUAGE sql STABLE SET search_path FROM CURRENT
    RETURN (SELECT max(value) FROM facts WHERE key IN (
        fact_key('not_before', of_kind, of_issuer, of_id), fact_key('collapsed', of_kind, of_issuer, of_id)));

-- Before any write: that this is the primary, that the store is initialised, and that the transaction waits for the disk.
CREATE FUNCTION refusal() RETURNS text
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN 'standby';
    END IF;
    IF NOT is_initialised() THEN
        RETURN 'uninitialised';
    END IF;
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    RETURN NULL;
END $$;

-- Writes a revocation. A moment is the later of a fixed one and of one so long after now, in milliseconds; without either it is
-- kept for ever. `owner` is whose token or session is denied: with too many of them the denial becomes a cutoff for the owner,
-- where `collapse` says that it may.
CREATE FUNCTION revoke(
    rule text, kind text, issuer bytea, id bytea, owner bytea,
    fixed bigint, after bigint, keep_fixed bigint, keep_after bigint,
    room smallint, most bigint, most_of_owner bigint,
    collapse boolean, collapse_after bigint, collapse_most bigint,
    told_now bigint,
    OUT status text, OUT "position" bigint, OUT cutoff bigint
)
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    never CONSTANT bigint := 9223372036854775807;
    now_at bigint := now_ms(told_now);
    now_secs bigint := floor(now_at / 1000.0);
    keep_ms bigint := greatest(keep_fixed, now_at + keep_after);
    keep_secs bigint := coalesce(ceil(keep_ms / 1000.0)::bigint, never);
    value bigint := greatest(fixed, now_at + after);
    this_key bytea := fact_key(rule, kind, issuer, id);
    owner_key bytea;
BEGIN
    status := refusal();
    IF status IS NOT NULL THEN
        RETURN;
    END IF;
    status := 'ok';
    IF keep_ms <= now_at THEN
        -- nothing that it is about is alive
        "position" := 0;
        RETURN;
    END IF;
    "position" := pg_current_xact_id()::text::bigint;
    IF rule = 'denied' THEN
        value := CASE WHEN fixed > now_at THEN fixed ELSE -9223372036854775808 END;
    ELSIF rule = 'removed' THEN
        value := "position";
    END IF;
    IF owner IS NOT NULL THEN
        owner_key := fact_key('denied', 'sub', issuer, owner);
        IF (SELECT count(*) FROM facts WHERE facts.subject = owner_key AND keep_until > now_secs) >= most_of_owner
            AND NOT EXISTS (SELECT FROM facts WHERE key = this_key)
        THEN
            IF NOT collapse THEN
                status := 'subject';
            ELSIF put('collapsed', 'sub', issuer, owner, now_at + collapse_after, keep_secs,
                NULL, 1::smallint, collapse_most, now_secs)
            THEN
                cutoff := cutoff_of('sub', issuer, owner);
            ELSE
                status := 'full';
            END IF;
            RETURN;
        END IF;
    END IF;
    IF NOT put(rule, kind, issuer, id, value, keep_secs, owner_key, room, most, now_secs) THEN
        status := 'full';
    ELSIF rule = 'not_before' THEN
        cutoff := cutoff_of(kind, issuer, id);
    END IF;
END $$;

-- Lists a token, or removes it.
CREATE FUNCTION list(
    listed boolean, kind text, new_issuer bytea, id bytea, new_subject bytea,
    keep_fixed bigint, keep_after bigint, most bigint, told_now bigint,
    OUT status text, OUT "position" bigint
)
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    never CONSTANT bigint := 9223372036854775807;
    now_at bigint := now_ms(told_now);
    now_secs bigint := floor(now_at / 1000.0);
    keep_ms bigint := greatest(keep_fixed, now_at + keep_after);
    keep_secs bigint := coalesce(ceil(keep_ms / 1000.0)::bigint, never);
    new_key bytea := fact_key('allowed', kind, new_issuer, id);
    new_first bigint;
    is_new boolean;
BEGIN
    status := refusal();
    IF status IS NOT NULL THEN
        RETURN;
    END IF;
    "position" := 0;
    status := 'ok';
    IF keep_ms <= now_at THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM allowed WHERE key = new_key) AND NOT has_room(2::smallint, most, now_secs) THEN
        status := 'full';
        RETURN;
    END IF;
    "position" := pg_current_xact_id()::text::bigint;
    new_first := CASE WHEN listed THEN "position" ELSE 0 END;
    -- the expiry of a tombstone is a guess, that of a listing is known
    INSERT INTO allowed AS known (key, issuer, subject, first, was_listed, keep_until)
    VALUES (new_key, new_issuer, new_subject, new_first, listed, keep_secs)
    ON CONFLICT (key) DO UPDATE SET
        keep_until = CASE
            WHEN known.was_listed = excluded.was_listed THEN greatest(known.keep_until, excluded.keep_until)
            WHEN known.was_listed THEN known.keep_until
            ELSE excluded.keep_until END,
        was_listed = known.was_listed OR excluded.was_listed,
        subject = CASE WHEN excluded.first < known.first THEN excluded.subject ELSE known.subject END,
        first = least(known.first, excluded.first)
    RETURNING (xmax = 0) INTO is_new;
    IF is_new THEN
        PERFORM count_rows(2::smallint, 1);
    END IF;
END $$;

CREATE FUNCTION is_allowed(kind text, of_issuer bytea, id bytea) RETURNS boolean
    LANGUAGE sql STABLE SET search_path FROM CURRENT
    RETURN EXISTS (
        SELECT FROM allowed
        WHERE key = fact_key('allowed', kind, of_issuer, id) AND first > 0
            AND first > coalesce((SELECT max(value) FROM facts WHERE facts.key IN (
                fact_key('removed', 'sub', of_issuer, allowed.subject),
                fact_key('removed', 'iss', of_issuer, ''),
                fact_key('removed', 'all', '', ''))), 0));

-- Gives the store its epoch, unless it has one; true if it was done now.
CREATE FUNCTION initialise(
    cut_off boolean, after bigint, keep_after bigint, told_now bigint, OUT status text, OUT done boolean
)
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    now_at bigint := now_ms(told_now);
    here bigint := (SELECT system_identifier FROM pg_control_system());
    known bigint;
BEGIN
    IF pg_is_in_recovery() THEN
        status := 'standby';
        RETURN;
    END IF;
    status := 'ok';
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM FROM meta FOR UPDATE;
    done := NOT is_initialised();
    IF NOT done THEN
        RETURN;
    END IF;
    SELECT system_identifier INTO known FROM meta;
    IF known <> here THEN
        -- the transactions of another cluster say nothing here
        UPDATE facts SET xid = pg_current_xact_id();
        UPDATE allowed SET first = 0 WHERE first > 0 AND first <= coalesce((
            SELECT max(value) FROM facts WHERE facts.key IN (
                fact_key('removed', 'sub', allowed.issuer, allowed.subject),
                fact_key('removed', 'iss', allowed.issuer, ''),
                fact_key('removed', 'all', '', ''))), 0);
        UPDATE facts SET value = 1 WHERE rule = 'removed';
        UPDATE allowed SET first = 2 WHERE first > 0;
    END IF;
    UPDATE meta SET epoch = gen_random_uuid(), system_identifier = here;
    IF cut_off THEN
        PERFORM put('not_before', 'all', '', '', now_at + after,
            coalesce(ceil((now_at + keep_after) / 1000.0)::bigint, 9223372036854775807),
            NULL, 1::smallint, 9223372036854775807, floor(now_at / 1000.0)::bigint);
    END IF;
END $$;
