--
-- Lineage, the cost: over large tables every lookup of a routed view finds the
-- keys of one changed row with fewer than 1,000 buffers.
--
SET client_min_messages = warning;
SET search_path = corpus, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET synchronous_commit = off;

TRUNCATE cust, cat, prod, ord, item, review, tag, asset, acct, entry, wide, node, event, person;
INSERT INTO cust SELECT i, 'n' || i % 1000, 'r' || i % 2000, i % 2000, 1 + i * 7 % 20000 FROM generate_series(1, 20000) i;
INSERT INTO cat SELECT i, 'c' || i % 2000, 1 + i * 11 % 10000 FROM generate_series(1, 10000) i;
INSERT INTO prod SELECT i, 'p' || i % 1000, 1 + i * 3 % 10000, i % 100, ARRAY[i % 1000, i % 777], 1 + i * 13 % 50000 FROM generate_series(1, 50000) i;
INSERT INTO ord SELECT i, 1 + i * 17 % 20000, date '2000-01-01' + i % 5000, (ARRAY['new', 'paid', NULL])[1 + i % 3] FROM generate_series(1, 60000) i;
INSERT INTO item SELECT 1 + i / 3, i % 3, 1 + (i * 19) % 50000, 1 + i % 5 FROM generate_series(1, 150000) i;
INSERT INTO review SELECT i, 1 + (i * 7::bigint) % 50000, 1 + (i * 13::bigint) % 20000, 1 + i % 5, 'b' || i % 50 FROM generate_series(1, 1000000) i;
INSERT INTO tag SELECT i, 't' || i FROM generate_series(0, 1000) i;
INSERT INTO asset SELECT md5(i::text)::uuid, 1 + i % 50000, 'k' || i % 9, i FROM generate_series(1, 100000) i;
INSERT INTO acct SELECT i, 'o' || i, left('k' || i, 6), 'x' || i, i FROM generate_series(1, 20000) i;
INSERT INTO entry SELECT i, 1 + i % 20000, 'o' || 1 + i % 20000, left('k' || 1 + i % 20000, 6), 'x' || 1 + i % 20000, i % 9 FROM generate_series(1, 60000) i;
INSERT INTO wide SELECT i, 1 + i % 50000, i % 7 FROM generate_series(1, 100000) i;
INSERT INTO node SELECT i / 100, i % 100, i % 7, i / 200, i % 97 FROM generate_series(1, 20000) i;
INSERT INTO event SELECT i, date '2024-01-01' + i % 20, 1 + i % 50000, i % 9 FROM generate_series(1, 100000) i;
INSERT INTO person SELECT i, 'n' || i % 9, i % 5000 FROM generate_series(1, 10000) i;
INSERT INTO staff SELECT i + 100000, 'n' || i % 9, i % 5000, i FROM generate_series(1, 10000) i;
\o /dev/null
SELECT tviews_drain();
\o
VACUUM ANALYZE;

CREATE TABLE corpus_cost (name text, alias text, ord int, buffers bigint, keys bigint, sql text);

-- Buffers of one lookup for one row of its source.
CREATE FUNCTION lookup_cost(source regclass, link_columns name[], lookup text, OUT buffers bigint, OUT keys bigint) LANGUAGE plpgsql AS $$
DECLARE vals text; cols text; plan jsonb;
BEGIN
    IF link_columns = '{}' THEN
        vals := 'NULL::int'; cols := 'nothing';
    ELSE
        SELECT string_agg(quote_ident(c), ', ') INTO cols FROM unnest(link_columns) c;
        EXECUTE format('SELECT concat_ws('', '', %s) FROM %s WHERE (%s) IS NOT NULL LIMIT 1 OFFSET 777',
            (SELECT string_agg(format('quote_nullable(%I::text) || %L', l.c, '::' || format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY l.n)
               FROM unnest(link_columns) WITH ORDINALITY l(c, n) JOIN pg_attribute a ON a.attrelid = source AND a.attname = l.c),
            source, 'ROW(' || cols || ')') INTO vals;
    END IF;
    EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) WITH tviews_changed(%s) AS (VALUES (%s)) SELECT * FROM (%s) looked_up', cols, vals, lookup) INTO plan;
    buffers := (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
    keys := (plan #>> '{0,Plan,Actual Rows}')::bigint;
END $$;

-- Lookups of one view; it is filled in lineage_play, not here.
CREATE PROCEDURE measure(c corpus) LANGUAGE plpgsql AS $$
DECLARE l record; cost record;
BEGIN
    EXECUTE format('CREATE VIEW %I AS %s', 'v_' || c.name, c.view_sql);
    PERFORM tviews_create(('v_' || c.name)::regclass, key => c.key, populate => false);
    FOR l IN SELECT r.source, r.alias, k.ord, k.link_columns, k.sql FROM tviews_batch.route r JOIN tviews_batch.lookup k USING (tview, occurrence)
             WHERE r.tview = ('tv_' || c.name)::regclass AND k.direct_columns IS NULL ORDER BY occurrence, ord LOOP
        BEGIN
            cost := lookup_cost(l.source, l.link_columns, l.sql);
            INSERT INTO corpus_cost VALUES (c.name, l.alias, l.ord, cost.buffers, cost.keys, l.sql);
        EXCEPTION WHEN OTHERS THEN
            CALL note(c.name, 'cost of ' || l.alias, SQLSTATE || ' ' || SQLERRM);
        END;
    END LOOP;
    PERFORM tviews_drop(('tv_' || c.name)::regclass);
    EXECUTE format('DROP VIEW %I', 'v_' || c.name);
EXCEPTION WHEN OTHERS THEN
    CALL note(c.name, 'measure', SQLSTATE || ' ' || SQLERRM);
END $$;

TRUNCATE corpus_finding;
DO $$
DECLARE c corpus%ROWTYPE;
BEGIN
    SET LOCAL statement_timeout = '60s';
    FOR c IN SELECT * FROM corpus WHERE indexed ORDER BY name COLLATE "C" LOOP
        CALL measure(c);
    END LOOP;
END $$;

-- what is wrong; nothing should be here
SELECT name, what, detail FROM corpus_finding ORDER BY id;
SELECT name, alias, ord, buffers, keys FROM corpus_cost WHERE buffers >= 1000 ORDER BY name COLLATE "C", alias, ord;
SELECT (SELECT count(*) FROM review) AS rows_of_the_largest_table, count(*) > 75 AS enough_lookups, count(*) FILTER (WHERE keys = 0) < count(*) / 5 AS most_found_keys FROM corpus_cost;
