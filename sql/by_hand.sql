-- Helpers for tests of the stages after capture: metadata by hand, as
-- tviews_create would write it, so that routes can be tried that no analysis
-- yields.  Also the oracle.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA by_hand;
SET search_path = by_hand, public;

CREATE FUNCTION by_hand.source(src regclass, links name[], reads name[] DEFAULT NULL, triggers boolean DEFAULT true)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE v int;
BEGIN
    v := COALESCE((SELECT max(version) FROM tviews_batch.shape s WHERE s.source = src), 0) + 1;
    INSERT INTO tviews_batch.shape
    SELECT src, v, links,
           ARRAY(SELECT a.atttypid::regtype FROM unnest(links) WITH ORDINALITY l (name, n)
                 JOIN pg_attribute a ON a.attrelid = src AND a.attname = l.name ORDER BY n);
    INSERT INTO tviews_batch.source VALUES (src, v, links, reads)
    ON CONFLICT ON CONSTRAINT source_pkey DO UPDATE SET version = v, link_columns = links, read_columns = reads;
    IF NOT triggers THEN RETURN; END IF;
    INSERT INTO tviews_batch.captured VALUES (src, src) ON CONFLICT DO NOTHING;
    -- metadata made by hand is not to be tidied up
    ALTER EVENT TRIGGER tviews_batch_follow_drop DISABLE;
    EXECUTE format('DROP TRIGGER IF EXISTS c_ins ON %s', src);
    EXECUTE format('DROP TRIGGER IF EXISTS c_upd ON %s', src);
    EXECUTE format('DROP TRIGGER IF EXISTS c_del ON %s', src);
    EXECUTE format('DROP TRIGGER IF EXISTS c_tru ON %s', src);
    ALTER EVENT TRIGGER tviews_batch_follow_drop ENABLE ALWAYS;
    EXECUTE format('CREATE TRIGGER c_ins AFTER INSERT ON %s REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()', src);
    EXECUTE format('CREATE TRIGGER c_upd AFTER UPDATE ON %s REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()', src);
    EXECUTE format('CREATE TRIGGER c_del AFTER DELETE ON %s REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()', src);
    EXECUTE format('CREATE TRIGGER c_tru AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()', src);
    ALTER EVENT TRIGGER tviews_batch_follow_ddl DISABLE;
    EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER c_ins, ENABLE ALWAYS TRIGGER c_upd, ENABLE ALWAYS TRIGGER c_del, ENABLE ALWAYS TRIGGER c_tru', src);
    ALTER EVENT TRIGGER tviews_batch_follow_ddl ENABLE ALWAYS;
    UPDATE tviews_batch.watched SET event_triggers = (SELECT rows FROM tviews_batch.event_triggers);
END $$;

CREATE FUNCTION by_hand.tview(view regclass, tview name, key name[], level int DEFAULT 0,
                           refresh_key name[] DEFAULT NULL, nullable boolean DEFAULT false, refresh_every interval DEFAULT NULL)
RETURNS regclass LANGUAGE plpgsql AS $$
DECLARE rel regclass; cols text;
BEGIN
    EXECUTE format('CREATE TABLE %I AS SELECT * FROM %s', tview, view);
    rel := quote_ident(tview)::regclass;
    SELECT string_agg(quote_ident(k), ', ' ORDER BY n) INTO cols FROM unnest(key) WITH ORDINALITY u (k, n);
    IF nullable THEN
        EXECUTE format('CREATE UNIQUE INDEX ON %s (%s) NULLS NOT DISTINCT', rel, cols);
    ELSE
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%s)', rel, cols);
    END IF;
    EXECUTE format('CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.guard()', rel);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER guard', rel);
    INSERT INTO tviews_batch.tview (tview, view, key, refresh_key, level, key_nullable, settings, refresh_every, last_full)
    VALUES (rel, view, key, COALESCE(refresh_key, key), level, nullable,
            ARRAY['TimeZone=UTC', 'DateStyle=ISO, MDY', 'IntervalStyle=postgres', 'extra_float_digits=1', 'bytea_output=hex'],
            refresh_every, now());
    RETURN rel;
END $$;

CREATE FUNCTION by_hand.route(tv regclass, src regclass, kind text, links name[], keys int[] DEFAULT '{1}',
                           direct int[] DEFAULT NULL, sql text DEFAULT '')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE occ int;
BEGIN
    SELECT COALESCE(max(occurrence), 0) + 1 INTO occ FROM tviews_batch.route r WHERE r.tview = tv;
    INSERT INTO tviews_batch.route (tview, occurrence, source, alias, route, link_columns, since_version) VALUES (tv, occ, src, src::text, kind, links,
        (SELECT version FROM tviews_batch.source s WHERE s.source = src));
    IF kind <> 'full' THEN
        INSERT INTO tviews_batch.lookup VALUES (tv, occ, (SELECT count(*) + 1 FROM tviews_batch.lookup l WHERE l.tview = tv AND l.occurrence = occ), links, keys, direct, sql);
    END IF;
END $$;

-- The oracle: rows of the TVIEW that the view lacks, and the other way round.
CREATE FUNCTION by_hand.oracle(tview text, view text, OUT unexpected bigint, OUT missing bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$s EXCEPT ALL TABLE %2$s) x), (SELECT count(*) FROM (TABLE %2$s EXCEPT ALL TABLE %1$s) x)', tview, view)
    INTO unexpected, missing;
END $$;

-- Forget all metadata; what a test leaves in the queue is an error.
CREATE FUNCTION by_hand.reset() RETURNS bigint LANGUAGE sql AS $$
    DELETE FROM tviews_batch.tview;
    DELETE FROM tviews_batch.route;
    DELETE FROM tviews_batch.lookup;
    DELETE FROM tviews_batch.failure;
    DELETE FROM tviews_batch.captured;
    DELETE FROM tviews_batch.shape;
    DELETE FROM tviews_batch.source;
    DELETE FROM tviews_batch.drain;
    WITH d AS (DELETE FROM tviews_batch.queue WHERE source <> 0 RETURNING 1) SELECT count(*) FROM d;
$$;

-- A drain without its times.
CREATE FUNCTION by_hand.drain(max_changes bigint DEFAULT NULL, max_ms integer DEFAULT NULL,
                              OUT changes bigint, OUT keys bigint, OUT inserted bigint, OUT updated bigint,
                              OUT deleted bigint, OUT failed bigint, OUT levels integer, OUT remaining bigint, OUT busy boolean)
LANGUAGE sql AS $$
    SELECT changes, keys, inserted, updated, deleted, failed, levels, remaining, busy FROM tviews_drain(max_changes, max_ms)
$$;
