--
-- Writing, by every way there is: the same changes, and the same rows afterwards, whatever stands on
-- the TVIEW's table: how stored rows are found (its key's index, or a join) and written (at once, or by SQL) differs.
--
SET client_min_messages = warning;
CREATE SCHEMA writes;
SET search_path = writes, public;

CREATE TABLE part (id int PRIMARY KEY, code text NOT NULL, rank int NOT NULL, shown boolean NOT NULL DEFAULT true);
CREATE VIEW v_part AS SELECT code, id, rank, jsonb_build_object('rank', rank) AS doc FROM part WHERE shown;
CREATE TABLE log (what text);

-- One round of changes: keys come, go, change, swap ranks, and stay as they are; then what the drain did, and what is wrong.
CREATE FUNCTION round(label text, OUT did text, OUT wrong bigint) LANGUAGE plpgsql AS $$
DECLARE d record;
BEGIN
    UPDATE part SET rank = rank + 100 WHERE id IN (1, 2);
    DELETE FROM part WHERE id = 3;
    UPDATE part SET shown = NOT shown WHERE id IN (4, 5);
    INSERT INTO part VALUES (11, 'k11', 11);
    UPDATE part SET rank = 13 - rank WHERE id IN (6, 7);
    UPDATE part SET shown = false WHERE id = 9;
    UPDATE part SET rank = 9000, shown = true WHERE id = 9;
    UPDATE part SET code = 'k8b' WHERE id = 8;
    SELECT * INTO d FROM tviews_drain();
    did := format('%s: +%s ~%s -%s, %s failed', label, d.inserted, d.updated, d.deleted, d.failed);
    wrong := (SELECT count(*) FROM ((SELECT code, id, rank, doc FROM tv_part EXCEPT ALL TABLE v_part)
                                     UNION ALL (TABLE v_part EXCEPT ALL SELECT code, id, rank, doc FROM tv_part)) x);
END $$;
CREATE FUNCTION begin_again() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('tv_part') IS NOT NULL THEN
        PERFORM tviews_drop('tv_part');
    END IF;
    TRUNCATE part, log;
    INSERT INTO part SELECT n, 'k' || n, n FROM generate_series(1, 10) n;
    UPDATE part SET shown = false WHERE id = 5;
    PERFORM tviews_create('v_part', key => '{code}');
    PERFORM tviews_drain();
END $$;

SELECT begin_again();
SELECT * FROM round('plain');

-- no index to find stored rows by; one that is not the key's equality; one that allows rows to differ by it only
SELECT begin_again();
ALTER TABLE tv_part DROP CONSTRAINT tv_part_pkey;
SELECT * FROM round('no index');
SELECT tviews_refresh_sql('tv_part') LIKE '%FULL JOIN%' AS joins;
-- ... and rows that are there twice, which nothing forbids then
SET tviews_batch.guard = off;
INSERT INTO tv_part SELECT * FROM tv_part WHERE id IN (1, 4, 6, 10);
RESET tviews_batch.guard;
SELECT * FROM tviews_verify('tv_part');
SELECT deleted FROM tviews_drain();
SELECT * FROM tviews_verify('tv_part');
SELECT begin_again();
ALTER TABLE tv_part DROP CONSTRAINT tv_part_pkey;
SET tviews_batch.guard = off;
INSERT INTO tv_part SELECT * FROM tv_part WHERE id IN (1, 4, 6, 10);
RESET tviews_batch.guard;
SELECT * FROM round('no index, and rows twice');
SELECT state FROM tviews_status;
SELECT begin_again();
ALTER TABLE tv_part DROP CONSTRAINT tv_part_pkey;
CREATE UNIQUE INDEX ON tv_part (code text_pattern_ops);
CREATE UNIQUE INDEX ON tv_part (code) WHERE rank > 0;
SELECT * FROM round('indexes of another kind');
SELECT tviews_refresh_sql('tv_part') LIKE '%FULL JOIN%' AS joins;

-- what would notice the order, or the statement
SELECT begin_again();
CREATE UNIQUE INDEX ON tv_part (rank);
SELECT * FROM round('ranks are swapped');
-- ... by keys that do not come in one statement: until they are compared
CREATE TABLE place (id int PRIMARY KEY, k int, rank int);
INSERT INTO place VALUES (1, 1, 10), (2, NULL, 20), (3, 3, 30), (4, 4, 40);
CREATE VIEW v_place AS SELECT k, rank FROM place;
SELECT tviews_create('v_place', key => '{k}');
CREATE UNIQUE INDEX ON tv_place (rank);
UPDATE place SET rank = 30 - rank WHERE id IN (1, 2);
UPDATE place SET rank = 70 - rank WHERE id IN (3, 4);
SELECT updated, failed FROM tviews_drain();
SELECT * FROM tviews_refresh('tv_place');
SELECT count(*) FROM tviews_failures;
SELECT k, rank FROM tv_place ORDER BY k;
SELECT tviews_drop('tv_place');
DROP VIEW v_place;
SELECT begin_again();
ALTER TABLE tv_part ADD extra int DEFAULT 7, ADD twice int GENERATED ALWAYS AS (rank * 2) STORED;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO writes.log VALUES (TG_OP || ' ' || TG_LEVEL || ' ' || TG_WHEN);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON tv_part FOR EACH STATEMENT EXECUTE FUNCTION note();
SELECT * FROM round('columns and a trigger of the user''s');
SELECT what, count(*) FROM log GROUP BY what ORDER BY what;
SELECT count(*) FROM tv_part WHERE extra = 7 AND twice = rank * 2;

-- constraints, indexes on expressions, narrower types
SELECT begin_again();
ALTER TABLE tv_part ADD CHECK (rank < 9000);
CREATE INDEX ON tv_part ((doc -> 'rank'));
CREATE INDEX ON tv_part (rank) WHERE rank > 100;
SELECT did, wrong > 0 AS wrong FROM round('a constraint');
SELECT key, sqlstate FROM tviews_failures;
SET enable_seqscan = off;
SELECT code FROM tv_part WHERE doc -> 'rank' = '101' ORDER BY code;
SELECT count(*) FROM tv_part WHERE rank > 100;
RESET enable_seqscan;
-- newer servers write an index that summarizes alone, and leave the others
SELECT begin_again();
CREATE INDEX ON tv_part USING brin (rank);
SELECT * FROM round('an index that summarizes');
SET enable_seqscan = off;
SELECT count(*) FROM tv_part WHERE rank > 100;
SELECT rank FROM tv_part WHERE code = 'k1';
RESET enable_seqscan;
SELECT begin_again();
ALTER TABLE tv_part ALTER code TYPE varchar(3);
SELECT state FROM tviews_status WHERE tview = 'tv_part'::regclass;

-- a TVIEW that reads it is told
SELECT begin_again();
CREATE VIEW v_top AS SELECT rank / 10 AS tens, count(*) AS parts, max(code) AS last FROM tv_part GROUP BY 1;
SELECT tviews_create('v_top', key => '{tens}');
SELECT * FROM round('read by another one');
SELECT count(*) FROM ((TABLE tv_top EXCEPT ALL TABLE v_top) UNION ALL (TABLE v_top EXCEPT ALL TABLE tv_top)) x;
SELECT tviews_drop('tv_top');
DROP VIEW v_top;

-- the owner's own privileges
SELECT begin_again();
CREATE ROLE regress_writer;
GRANT USAGE, CREATE ON SCHEMA writes TO regress_writer;
GRANT SELECT, TRIGGER ON part TO regress_writer;
ALTER VIEW v_part OWNER TO regress_writer;
ALTER TABLE tv_part OWNER TO regress_writer;
REVOKE UPDATE ON tv_part FROM regress_writer;
UPDATE part SET rank = 50 WHERE id = 1;
SELECT failed FROM tviews_drain();
SELECT state, reason FROM tviews_status WHERE tview = 'tv_part'::regclass;
GRANT UPDATE ON tv_part TO regress_writer;
SELECT count(*) FROM tviews_retry('tv_part');
SELECT updated FROM tviews_drain();
SELECT * FROM round('of another owner');
SELECT tviews_drop('tv_part');
DROP VIEW v_part;
DROP OWNED BY regress_writer;
DROP ROLE regress_writer;

-- equal keys that are not identical; NULLs; a key that the view has twice, with equal rows and with others
CREATE TABLE reading (id int PRIMARY KEY, k numeric, v int);
CREATE VIEW v_reading AS SELECT k, v FROM reading;
INSERT INTO reading VALUES (1, 1.0, 1), (2, NULL, 2), (3, 3, 3);
SELECT tviews_create('v_reading', key => '{k}');
CREATE FUNCTION differ() RETURNS bigint LANGUAGE sql AS
$$ SELECT count(*) FROM ((SELECT k::text, v FROM tv_reading EXCEPT ALL SELECT k::text, v FROM v_reading)
                         UNION ALL (SELECT k::text, v FROM v_reading EXCEPT ALL SELECT k::text, v FROM tv_reading)) x $$;
UPDATE reading SET k = 1.000 WHERE id = 1;
UPDATE reading SET v = 20 WHERE id = 2;
SELECT keys, inserted, updated, deleted FROM tviews_drain();
SELECT differ();
UPDATE reading SET k = NULL WHERE id = 3;
DELETE FROM reading WHERE id = 2;
SELECT keys, inserted, updated, deleted FROM tviews_drain();
SELECT differ();
INSERT INTO reading VALUES (4, 1.00, 1), (5, 7, 7);
SELECT inserted, updated, deleted, failed FROM tviews_drain();
SELECT key, sqlstate FROM tviews_failures ORDER BY key::text;
UPDATE reading SET v = 2 WHERE id = 4;
SELECT inserted, updated, deleted, failed > 0 AS failed FROM tviews_drain();
DELETE FROM reading WHERE id = 4;
SELECT failed FROM tviews_drain();
SELECT differ();
SELECT tviews_drop('tv_reading');

-- a plan that is kept follows its view, its settings, its indexes, and tables that grow without being analyzed
CREATE TABLE big (id int PRIMARY KEY, n int, filler text) WITH (autovacuum_enabled = off);
CREATE VIEW v_big AS SELECT id, n FROM big;
SELECT tviews_create('v_big');
CREATE FUNCTION drain_buffers() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT * FROM tviews_drain()' INTO plan;
    RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
END $$;
INSERT INTO big VALUES (0, 0);
SELECT inserted FROM tviews_drain();
UPDATE big SET n = 1;
SELECT updated FROM tviews_drain();
INSERT INTO big SELECT n, n, repeat('x', 300) FROM generate_series(1, 50000) n;
SELECT inserted FROM tviews_drain();
UPDATE big SET n = -1 WHERE id = 500;
SELECT drain_buffers() < 2000 AS few_buffers;
CREATE OR REPLACE VIEW v_big AS SELECT id, n * 2 AS n FROM big;
UPDATE big SET n = -2 WHERE id = 500;
\o /dev/null
CALL tviews_reconcile('tv_big');
SELECT tviews_drain();
\o
UPDATE big SET n = -3 WHERE id = 500;
SELECT updated FROM tviews_drain();
SELECT n FROM tv_big WHERE id = 500;
SELECT area, sum(contexts) > 0 AS some, sum(bytes) < 8 * 1024 * 1024 AS bounded FROM tviews_memory() WHERE area = 'plans' AND context IS NULL GROUP BY area;

-- rows that are looked at again, and failing ones that are looked for, in batches whose places spill
CREATE TABLE pile (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO pile SELECT i, i FROM generate_series(1, 10000) i;
CREATE VIEW v_pile AS SELECT id, 100 / n AS n FROM pile;
SELECT tviews_create('v_pile');
ALTER TABLE tv_pile ADD stamp int;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.stamp = 1; RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON tv_pile FOR EACH ROW EXECUTE FUNCTION stamp();
SET tviews_batch.work_mem = '512kB';
SET tviews_batch.full_threshold = 1;
UPDATE pile SET n = n + 1;
SELECT keys, failed FROM tviews_drain();
UPDATE pile SET n = n + 1;
UPDATE pile SET n = 0 WHERE id = 77;
SELECT keys, failed FROM tviews_drain();
SELECT count(*) FROM tv_pile JOIN pile USING (id) WHERE tv_pile.n IS DISTINCT FROM 100 / nullif(pile.n, 0);
RESET tviews_batch.work_mem;
RESET tviews_batch.full_threshold;

SET client_min_messages = error;
DROP SCHEMA writes CASCADE;
