--
-- Lineage, the cost: over large tables every lookup of a routed view finds the
-- keys of one changed row with fewer than 1,000 buffers, and every keyed query
-- evaluates one key with fewer than 1,000.
--
SET client_min_messages = warning;
SET search_path = corpus, public;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET synchronous_commit = off;

TRUNCATE cust, cat, prod, ord, item, review, tag, badge, asset, acct, entry, wide, node, event, person;
INSERT INTO cust SELECT i, 'n' || i % 1000, 'r' || i % 2000, i % 2000, 1 + i * 7 % 20000 FROM generate_series(1, 20000) i;
INSERT INTO cat SELECT i, 'c' || i % 2000, 1 + i * 11 % 10000 FROM generate_series(1, 10000) i;
INSERT INTO prod SELECT i, 'p' || i % 1000, 1 + i * 3 % 10000, i % 100, ARRAY[i % 1000, i % 777], 1 + i * 13 % 50000 FROM generate_series(1, 50000) i;
INSERT INTO ord SELECT i, 1 + i * 17 % 20000, date '2000-01-01' + i % 5000, (ARRAY['new', 'paid', NULL])[1 + i % 3] FROM generate_series(1, 60000) i;
INSERT INTO item SELECT 1 + i / 3, i % 3, 1 + (i * 19) % 50000, 1 + i % 5 FROM generate_series(1, 150000) i;
INSERT INTO review SELECT i, 1 + (i * 7::bigint) % 50000, 1 + (i * 13::bigint) % 20000, 1 + i % 5, 'b' || i % 50 FROM generate_series(1, 1000000) i;
INSERT INTO tag SELECT i, 't' || i FROM generate_series(0, 1000) i;
INSERT INTO badge SELECT i, 't' || i, i FROM generate_series(1, 100000) i;
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
    keys := (plan #>> '{0,Plan,Actual Rows}')::numeric::bigint;
END $$;

CREATE TABLE keyed_cost (name text, buffers bigint, rows bigint);

-- Buffers of the keyed query for one key of the view, whose other rows are not looked at.
CREATE FUNCTION evaluation_cost(v regclass, t tviews_batch.tview, OUT buffers bigint, OUT rows bigint) LANGUAGE plpgsql AS $$
DECLARE plan jsonb; vals text[]; cols text; sql text := t.keyed[1];
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO cols FROM pg_attribute WHERE attrelid = v AND attnum > 0;
    EXECUTE format('SELECT ARRAY[%s] FROM (SELECT * FROM %s WHERE (%s) IS NOT NULL LIMIT 1 OFFSET 3) s',
        (SELECT string_agg(format('format(''%%L::%s'', ARRAY[%I])', format_type(a.atttypid, NULL) || '[]', k.c), ', ' ORDER BY k.n)
           FROM unnest(t.refresh_key) WITH ORDINALITY k(c, n) JOIN pg_attribute a ON a.attrelid = v AND a.attname = k.c),
        v, (SELECT 'ROW(' || string_agg(quote_ident(k), ', ') || ')' FROM unnest(t.refresh_key) k)) INTO vals;
    IF vals IS NULL THEN RETURN; END IF;
    FOR i IN REVERSE cardinality(vals)..1 LOOP
        sql := replace(sql, '$' || i, vals[i]);
    END LOOP;
    EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT * FROM (%s) s (%s) WHERE %s', sql, cols,
        (SELECT string_agg(format('%I = ANY (%s)', t.refresh_key[i], vals[i]), ' AND ') FROM generate_subscripts(vals, 1) i)) INTO plan;
    buffers := (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
    rows := (plan #>> '{0,Plan,Actual Rows}')::numeric::bigint;
END $$;

-- Lookups of one view; it is filled in lineage_play, not here.
CREATE PROCEDURE measure(c corpus) LANGUAGE plpgsql AS $$
DECLARE l record; cost record; t tviews_batch.tview%ROWTYPE;
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
    SELECT * INTO t FROM tviews_batch.tview WHERE tview = ('tv_' || c.name)::regclass;
    IF t.keyed <> '{}' THEN
        BEGIN
            cost := evaluation_cost(t.view, t);
            INSERT INTO keyed_cost VALUES (c.name, cost.buffers, cost.rows);
        EXCEPTION WHEN OTHERS THEN
            CALL note(c.name, 'cost of a key', SQLSTATE || ' ' || SQLERRM);
        END;
    END IF;
    PERFORM tviews_drop(t.tview);
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
SELECT name, buffers, rows FROM keyed_cost WHERE buffers >= 1000 ORDER BY name COLLATE "C";
SELECT count(*) > 30 AS enough_keyed_queries, count(*) FILTER (WHERE rows = 0) < 3 AS most_found_rows FROM keyed_cost;

-- what a drain reads of a table for one changed row
CREATE VIEW v_part_drained AS SELECT p.id, p.cat, rank() OVER (PARTITION BY p.cat ORDER BY p.price) AS rank FROM prod p;
SELECT tviews_create('v_part_drained', key => '{id}');
CREATE FUNCTION drained(change text, OUT keys bigint, OUT few_rows_read boolean) LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    EXECUTE change;
    SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) INTO before FROM pg_stat_xact_user_tables WHERE relid = 'prod'::regclass;
    SELECT d.keys INTO keys FROM tviews_drain() d;
    SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) - before < 1000 INTO few_rows_read FROM pg_stat_xact_user_tables WHERE relid = 'prod'::regclass;
END $$;
SELECT * FROM drained('UPDATE prod SET price = price + 1 WHERE id = 777');
SELECT * FROM drained('UPDATE prod SET cat = NULL WHERE id = 777');
SELECT * FROM drained('UPDATE prod SET cat = 7 WHERE id = 777');
SELECT count(*) FROM (TABLE v_part_drained EXCEPT ALL TABLE tv_part_drained) x;

-- both sides of a FULL JOIN
SELECT tviews_drop('tv_part_drained');
CREATE VIEW v_full_drained AS SELECT id, p.cat, k.name FROM prod p FULL JOIN cat k USING (id);
SELECT tviews_create('v_full_drained', key => '{id}');
SELECT * FROM drained('UPDATE prod SET cat = 8 WHERE id = 778');
SELECT * FROM drained($$UPDATE cat SET name = 'c' WHERE id = 779$$);
SELECT count(*) FROM (TABLE v_full_drained EXCEPT ALL TABLE tv_full_drained) x;
