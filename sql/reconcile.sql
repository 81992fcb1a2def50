--
-- Comparison in ranges of keys: every row of the view and every stored row is
-- met once, whatever the keys; it goes on where it was, and starts over when it must.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA reconcile;
SET search_path = reconcile, public;
SET tviews_batch.batch_keys = 10;

-- rows in which a TVIEW and its view differ, both ways
CREATE FUNCTION differing(entity text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ((TABLE %1$I EXCEPT ALL TABLE %2$I) UNION ALL (TABLE %2$I EXCEPT ALL TABLE %1$I)) d',
        'tv_' || entity, 'v_' || entity) INTO n;
    RETURN n;
END $$;
-- drains until nothing is stale: how many, and what the last of them said
CREATE FUNCTION drains(OUT drains int, OUT inserted bigint, OUT updated bigint, OUT deleted bigint) LANGUAGE plpgsql AS $$
DECLARE d record;
BEGIN
    drains := 0; inserted := 0; updated := 0; deleted := 0;
    WHILE EXISTS (SELECT FROM tviews_status WHERE state = 'stale') AND drains < 200 LOOP
        SELECT * INTO d FROM tviews_drain();
        drains := drains + 1; inserted := inserted + d.inserted; updated := updated + d.updated; deleted := deleted + d.deleted;
    END LOOP;
END $$;
-- what no change told: for the tests of what a comparison finds
CREATE PROCEDURE unseen(statement text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('tviews_batch.guard', 'off', true);
    EXECUTE statement;
    PERFORM set_config('tviews_batch.guard', 'on', true);
END $$;
CREATE VIEW state AS SELECT tview, state, regexp_replace(reason, '\d+%', 'N%') AS reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text;

-- a TVIEW that is filled later: the view has all the rows, the table none
CREATE TABLE item (pk_item int PRIMARY KEY, grp int NOT NULL, name text NOT NULL);
CREATE INDEX ON item (grp);
INSERT INTO item SELECT i * 3, i % 7, 'item ' || i FROM generate_series(1, 95) i;
ANALYZE item;
CREATE VIEW v_item AS SELECT pk_item, grp, name FROM item;
SELECT tviews_create('v_item', populate => false);
TABLE state;
SELECT inserted, levels, remaining FROM tviews_drain();
TABLE state;
SELECT max(pk_item), count(*) FROM tv_item;
-- changes meanwhile: below, in and above the ranges compared
UPDATE item SET name = 'changed' WHERE pk_item IN (3, 30, 33, 285);
DELETE FROM item WHERE pk_item IN (6, 60);
INSERT INTO item VALUES (1, 1, 'new'), (31, 1, 'new'), (500, 1, 'new');
SELECT changes, keys, inserted, updated, deleted FROM tviews_drain();
SELECT count(*) FROM tv_item WHERE pk_item < 62;
SELECT * FROM drains();
SELECT differing('item');
SELECT count(*) AS compared, bool_and(last_full <= last_refresh) AS since_it_began FROM tviews_batch.tview WHERE tview = 'tv_item'::regclass;

-- rows that only one side has, at both ends and between, and rows that differ
CALL unseen($$ DELETE FROM tv_item WHERE pk_item IN (1, 9, 150, 500) $$);
CALL unseen($$ INSERT INTO tv_item VALUES (-5, 0, 'x'), (-4, 0, 'x'), (151, 0, 'x'), (900, 0, 'x') $$);
CALL unseen($$ UPDATE tv_item SET name = 'wrong' WHERE pk_item IN (3, 33, 285) $$);
SELECT differing('item');
TABLE state;
SELECT * FROM drains();
SELECT differing('item');
-- many rows that only the table has; and none that it has
CALL unseen($$ INSERT INTO tv_item SELECT i, 0, 'x' FROM generate_series(1000, 1100) i $$);
SELECT * FROM drains();
SELECT differing('item');
CALL unseen($$ DELETE FROM tv_item $$);
SELECT * FROM drains();
SELECT differing('item');
DELETE FROM item;
SELECT changes FROM tviews_drain();
CALL unseen($$ INSERT INTO tv_item SELECT i, 0, 'x' FROM generate_series(1, 40) i $$);
SELECT * FROM drains();
SELECT count(*) FROM tv_item;

-- a mark that comes while ranges have been compared: from the beginning again
INSERT INTO item SELECT i, i % 7, 'item ' || i FROM generate_series(1, 60) i;
SELECT changes, inserted FROM tviews_drain();
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 60 $$);
SELECT deleted FROM tviews_drain();
SELECT reason FROM state;
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 1 $$);
SELECT reason FROM state;
SELECT inserted FROM tviews_drain();
SELECT * FROM drains();
SELECT differing('item');
-- also in the transaction of a drain
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 60 $$);
BEGIN;
SELECT inserted FROM tviews_drain();
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 1 $$);
COMMIT;
SELECT reason FROM state;
SELECT * FROM drains();
SELECT differing('item');
-- drains in subtransactions come forward as well
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 55 $$);
DO $$ BEGIN FOR i IN 1 .. 7 LOOP BEGIN PERFORM tviews_drain(); EXCEPTION WHEN OTHERS THEN RAISE; END; END LOOP; END $$;
TABLE state;
SELECT differing('item');
-- a pause: what it missed can be anywhere
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 60 $$);
SELECT inserted FROM tviews_drain();
SELECT tviews_pause('tv_item');
UPDATE item SET name = 'while paused' WHERE pk_item = 2;
SELECT changes, updated FROM tviews_drain();
SELECT tviews_resume('tv_item');
SELECT * FROM drains();
SELECT differing('item');
-- another definition
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 60 $$);
SELECT inserted FROM tviews_drain();
SELECT reason FROM state;
CREATE OR REPLACE VIEW v_item AS SELECT pk_item, grp, CASE WHEN pk_item < 5 THEN upper(name) ELSE name END AS name FROM item;
SELECT reason FROM state;
SELECT * FROM drains();
SELECT differing('item');
-- a lost queue
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 60 $$);
SELECT inserted FROM tviews_drain();
UPDATE item SET name = 'not told' WHERE pk_item = 1;
TRUNCATE tviews_batch.queue;
SELECT * FROM drains();
SELECT differing('item');

-- level by level, and the rows that a range changes are taken further at once
CREATE VIEW v_grp AS SELECT grp, count(*) AS items, string_agg(name, ', ' ORDER BY pk_item) AS names FROM tv_item GROUP BY grp;
SELECT tviews_create('v_grp');
CALL unseen($$ UPDATE tv_item SET name = 'wrong' WHERE pk_item IN (5, 55) $$);
SELECT updated, levels FROM tviews_drain();
TABLE state;
SELECT * FROM drains();
SELECT differing('item'), differing('grp');

-- keys of several columns: one value of the first has many rows; NULLs; a type with a collation
CREATE TABLE pair (a text, b int, c numeric, v text);
INSERT INTO pair SELECT CASE WHEN i <= 45 THEN 'Many' WHEN i <= 60 THEN NULL ELSE chr(64 + i % 26) || i END,
    CASE WHEN i % 9 > 0 THEN i / 4 END, CASE WHEN i % 4 = 0 THEN NULL ELSE i % 4 + 0.50 END, 'v' || i FROM generate_series(1, 100) i;
ANALYZE pair;
CREATE VIEW v_pair AS SELECT a COLLATE "C" AS a, b, c, count(*) AS n, min(v) AS v FROM pair GROUP BY a COLLATE "C", b, c;
SELECT tviews_create('v_pair', populate => false);
SELECT * FROM drains();
SELECT differing('pair'), (SELECT count(*) FROM tv_pair);
CALL unseen($$ DELETE FROM tv_pair WHERE a IS NULL OR b IS NULL OR c IS NULL $$);
CALL unseen($$ INSERT INTO tv_pair (a, b, c) VALUES (NULL, NULL, NULL), ('Many', NULL, NULL), ('Many', 3, NULL), ('Many', 1000, 1), ('zzz', NULL, 1) ON CONFLICT DO NOTHING $$);
CALL unseen($$ UPDATE tv_pair SET v = 'wrong' WHERE a = 'Many' AND b % 2 = 0 $$);
SELECT differing('pair') > 0 AS wrong;
SELECT drains > 3 AS in_ranges FROM drains();
SELECT differing('pair');
-- one key has more rows than a range
UPDATE pair SET a = 'Many', b = 1, c = 1 WHERE b IS NOT NULL;
SELECT changes > 0 AS some FROM tviews_drain();
SELECT differing('pair');
CREATE VIEW v_rank AS SELECT b, row_number() OVER (PARTITION BY b ORDER BY v) AS n, v FROM pair;
SELECT tviews_create('v_rank', key => '{b,n}', populate => false);
SELECT refresh_key FROM tviews_batch.tview WHERE tview = 'tv_rank'::regclass;
SELECT drains > 0 AS drained FROM drains();
SELECT differing('rank');
CALL unseen($$ DELETE FROM tv_rank WHERE n % 3 = 0 $$);
SELECT drains > 0 AS drained FROM drains();
SELECT differing('rank');

-- every type of key
CREATE TYPE reconcile.color AS ENUM ('red', 'green', 'blue', 'grey');
CREATE DOMAIN reconcile.code AS varchar(20);
CREATE COLLATION reconcile.loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE TABLE many (id int PRIMARY KEY, f float8, u uuid, t timestamptz, e color, d code, l text COLLATE loose, r numeric[], i interval, n numeric, ch char(6), b bytea, bo boolean);
INSERT INTO many SELECT i, CASE i WHEN 1 THEN 'NaN' WHEN 2 THEN '-0' WHEN 3 THEN 'Infinity' ELSE i / 3.0 END, md5(i::text)::uuid,
    '2020-01-01'::timestamptz + i * interval '1 hour', (ARRAY['red', 'green', 'blue', 'grey'])[1 + i % 4]::color,
    CASE WHEN i % 10 > 0 THEN 'Code ' || md5(i::text) END::varchar(20), CASE i % 2 WHEN 0 THEN 'Ä' ELSE 'a' END || i, ARRAY[i % 5, NULL, i], i * interval '1 day',
    i * 1.10, i::text, decode(md5(i::text), 'hex'), i % 2 = 0 FROM generate_series(1, 64) i;
ANALYZE many;
DO $$
DECLARE c text; d bigint; k text;
BEGIN
    FOREACH c IN ARRAY ARRAY['f', 'u', 't', 'e, id', 'd, id', 'l', 'r', 'i', 'n', 'ch', 'b', 'bo, e, id'] LOOP
        EXECUTE format('CREATE VIEW v_many AS SELECT DISTINCT %s, md5(many::text) AS v FROM many', c);
        k := (SELECT array_agg(trim(x))::text FROM unnest(string_to_array(c, ',')) x);
        PERFORM tviews_create('v_many', key => k::name[], populate => false);
        d := (drains()).drains;
        IF d < 5 OR differing('many') <> 0 THEN RAISE WARNING '% filled: % drains, % differ', c, d, differing('many'); END IF;
        CALL unseen('DELETE FROM tv_many WHERE v < ''5''');
        CALL unseen('UPDATE tv_many SET v = ''wrong'' WHERE v < ''8''');
        d := (drains()).drains;
        IF d < 5 OR differing('many') <> 0 THEN RAISE WARNING '% mended: % drains, % differ', c, d, differing('many'); END IF;
        PERFORM tviews_drop('tv_many');
        DROP VIEW v_many;
    END LOOP;
END $$;

-- keys that fail: in ranges as well they, and only they, are left out
CREATE TABLE frac (pk_frac int PRIMARY KEY, d int NOT NULL);
INSERT INTO frac SELECT i, CASE WHEN i % 25 = 0 THEN 0 ELSE 1 END FROM generate_series(1, 100) i;
ANALYZE frac;
CREATE VIEW v_frac AS SELECT pk_frac, 1 / d AS q FROM frac;
SELECT tviews_create('v_frac', populate => false);
SELECT * FROM drains();
SELECT key, sqlstate, attempts FROM tviews_failures WHERE tview = 'tv_frac'::regclass ORDER BY key->>'pk_frac';
TABLE state;
SELECT count(*) FROM tv_frac;
UPDATE frac SET d = 1 WHERE d = 0;
SELECT changes, inserted FROM tviews_drain();
SELECT differing('frac');
TABLE state;

-- a key that fails while the others are compared, after the clock was set back to before the comparison's beginning
CREATE TABLE clock (pk_clock int PRIMARY KEY, d int NOT NULL);
INSERT INTO clock SELECT i, 1 FROM generate_series(1, 100) i;
ANALYZE clock;
CREATE VIEW v_clock AS SELECT pk_clock, 10 / d AS q FROM clock;
SELECT tviews_create('v_clock', populate => false);
SELECT inserted FROM tviews_drain();
UPDATE tviews_batch.tview SET compare_started = compare_started + interval '1 day', compare_xid = pg_current_xact_id()::xid
 WHERE tview = 'tv_clock'::regclass AND compare_xid = xmin;
UPDATE clock SET d = 0 WHERE pk_clock = 1;
SELECT failed FROM tviews_drain();
SELECT drains > 3 AS in_ranges FROM drains();
SELECT key FROM tviews_failures WHERE tview = 'tv_clock'::regclass;
TABLE state;
UPDATE clock SET d = 2 WHERE pk_clock = 1;
SELECT failed FROM tviews_drain();
SELECT differing('clock');
TABLE state;
SELECT tviews_drop('tv_clock');

-- where ranges do not pay, and where there is no key for them: at once
CREATE TABLE wide (g int, v int);
INSERT INTO wide SELECT i % 40, i FROM generate_series(1, 40000) i;
ANALYZE wide;
CREATE VIEW v_wide AS SELECT g, sum(v) AS v, (SELECT count(*) FROM wide x WHERE x.v < min(w.v)) AS less FROM wide w GROUP BY g;
SELECT tviews_create('v_wide', populate => false);
SELECT * FROM drains();
SELECT differing('wide');
CREATE VIEW v_one AS SELECT count(*) AS n, 'x' AS x FROM wide;
SELECT tviews_create('v_one', key => '{n}', populate => false);
SET client_min_messages = notice;
CALL tviews_reconcile('tv_one');
SET client_min_messages = warning;
SELECT differing('one');
-- where only long ranges pay: long ranges
CREATE VIEW v_win AS SELECT v, g, row_number() OVER (ORDER BY v) AS n FROM wide;
SELECT tviews_create('v_win', key => '{v}', populate => false);
SET tviews_batch.batch_keys = 1000;
SELECT drains > 1 AS in_ranges, drains < 20 AS long_ones, inserted FROM drains();
SELECT differing('win');
SET tviews_batch.batch_keys = 10;

-- ranges in the third column: where they end is read in the order of the index, not from the first column's value on
CREATE TABLE deep (a int, b int, c int, PRIMARY KEY (a, b, c));
INSERT INTO deep SELECT 1, i % 20, i FROM generate_series(1, 1000) i;
ANALYZE deep;
CREATE VIEW v_deep AS SELECT a, b, c FROM deep;
SELECT tviews_create('v_deep', key => '{a,b,c}');
CALL unseen($$ DELETE FROM tv_deep WHERE c % 7 = 0 $$);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
BEGIN;
SELECT drains > 50 AS in_ranges, inserted FROM drains();
SELECT pg_stat_get_xact_tuples_returned('deep_pkey'::regclass) < 10000 AS few_read;
COMMIT;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT differing('deep');

-- NULLs of the view where the table's key cannot have any: met by the last range, and no end of one
CREATE TABLE loose (id int PRIMARY KEY, code text UNIQUE NOT NULL);
INSERT INTO loose SELECT i, 'c' || i FROM generate_series(1, 10) i;
CREATE VIEW v_loose AS SELECT code, id FROM loose;
SELECT tviews_create('v_loose', key => '{code}');
ALTER TABLE loose ALTER code DROP NOT NULL;
INSERT INTO loose VALUES (11, NULL);
SELECT failed FROM tviews_drain();
CALL unseen($$ DELETE FROM tv_loose WHERE code = 'c3' $$);
SELECT * FROM drains();
SELECT tview, state, reason FROM state;
SELECT differing('loose');
INSERT INTO loose SELECT i, 'c' || i FROM generate_series(12, 40) i;
SELECT inserted FROM tviews_drain();
CALL unseen($$ DELETE FROM tv_loose WHERE code IN ('c3', 'c30') $$);
SELECT * FROM drains();
SELECT tview, state, reason FROM state;
SELECT differing('loose');
UPDATE loose SET code = 'c11' WHERE id = 11;
SELECT inserted FROM tviews_drain();
TABLE state;
-- a view that is replaced by one that has NULLs
CREATE TABLE strict (a int, b int, n int NOT NULL, PRIMARY KEY (a, b));
INSERT INTO strict SELECT i % 3, i, i FROM generate_series(1, 60) i;
CREATE VIEW v_strict AS SELECT a, b, n FROM strict;
SELECT tviews_create('v_strict', key => '{a,b}');
CREATE OR REPLACE VIEW v_strict AS SELECT nullif(a, 3) AS a, CASE WHEN n <> 30 THEN b END AS b, n FROM strict;
SELECT * FROM drains();
SELECT tview, state, reason FROM state;
SELECT differing('strict');
SELECT tviews_drop('tv_strict'), tviews_drop('tv_loose');

-- the procedure: one TVIEW, all that need it; who may
CALL unseen($$ DELETE FROM tv_item WHERE pk_item IN (1, 60) $$);
CALL tviews_reconcile('tv_item');
SELECT differing('item');
TABLE state;
CALL tviews_reconcile();
TABLE state;
SELECT differing('item'), differing('grp');
-- also one that is not stale, and then no mark is left
CALL tviews_reconcile('tv_item');
SELECT compare_place IS NULL AS ended FROM tviews_batch.tview WHERE tview = 'tv_item'::regclass;
CREATE ROLE tvb_owner;
CREATE ROLE tvb_other;
GRANT ALL ON SCHEMA reconcile TO tvb_owner;
GRANT USAGE ON SCHEMA reconcile TO tvb_other;
SET ROLE tvb_owner;
CREATE TABLE own (pk_own int PRIMARY KEY, v int);
INSERT INTO own SELECT i, i FROM generate_series(1, 30) i;
CREATE VIEW v_own AS SELECT pk_own, v FROM own;
SELECT tviews_create('v_own', populate => false);
CALL tviews_reconcile('tv_item');
RESET ROLE;
CALL unseen($$ DELETE FROM tv_item WHERE pk_item = 60 $$);
SET ROLE tvb_other;
CALL tviews_reconcile('tv_own');
CALL tviews_reconcile();
RESET ROLE;
SELECT tview, state FROM state;
SET ROLE tvb_owner;
CALL tviews_reconcile();
RESET ROLE;
SELECT tview, state FROM state;
SELECT differing('own');
GRANT EXECUTE ON FUNCTION tviews_drain(bigint, integer) TO tvb_other;
SET ROLE tvb_other;
CALL tviews_reconcile();
RESET ROLE;
TABLE state;
\set VERBOSITY terse
CALL tviews_reconcile('item');
CALL tviews_reconcile(0);
BEGIN;
CALL tviews_reconcile();
ROLLBACK;
-- whole comparisons that are asked for take no ranges
CALL unseen($$ DELETE FROM tv_item WHERE pk_item IN (1, 60) $$);
SELECT inserted FROM tviews_refresh('tv_item');
TABLE state;
SELECT differing('item');
REVOKE EXECUTE ON FUNCTION tviews_drain(bigint, integer) FROM tvb_other;

-- texts about a TVIEW that are so long that they are stored out of line
DO $$ BEGIN
    EXECUTE (SELECT format('CREATE VIEW v_long AS SELECT i.pk_item, g.n%s FROM item i LEFT JOIN (SELECT pk_item, count(*) AS n FROM item GROUP BY 1) g ON g.pk_item = i.pk_item',
                           string_agg(format(', %s AS %I', n, md5(n::text) || left(md5((-n)::text), 28)), '')) FROM generate_series(1, 150) n);
END $$;
SELECT tviews_create('v_long', populate => false);
SELECT sum(pg_column_size(keyed)) > 2000 AS long FROM tviews_batch.tview WHERE tview = 'tv_long'::regclass;
CALL tviews_reconcile('tv_long');
SELECT differing('long');

SET client_min_messages = error;
DROP SCHEMA reconcile CASCADE;
DROP ROLE tvb_owner, tvb_other;
