--
-- Changes of one statement that share entries of the queue: bounded drains take some of them and leave the
-- others as they were.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA pack;
SET search_path = pack, public;
CREATE TABLE t (id int PRIMARY KEY, name text, v int);
INSERT INTO t SELECT i, i, i FROM generate_series(1, 1000) i;
CREATE VIEW v_t AS SELECT id, v FROM t;
SELECT tviews_create('v_t');
CREATE TABLE u (name text, v int);
CREATE VIEW v_u AS SELECT name, sum(v) AS v FROM u GROUP BY name;
SELECT tviews_create('v_u', key => '{name}');
SELECT remaining FROM tviews_drain();

CREATE VIEW entries AS
    SELECT source::regclass, started, xmin, CASE WHEN length(link) BETWEEN 7 AND 1900 AND get_byte(link, 0) = 2
                           THEN get_byte(link, 1) * 256 + get_byte(link, 2) END AS changes,
           CASE WHEN get_byte(link, 0) = 2 THEN substr(link, 4, 4) END AS logged_by
      FROM tviews_batch.queue WHERE source <> 0;
CREATE VIEW wrong AS
    SELECT 't', id::text AS key FROM ((TABLE tv_t EXCEPT ALL TABLE v_t) UNION ALL (TABLE v_t EXCEPT ALL TABLE tv_t)) x
    UNION ALL
    SELECT 'u', name FROM ((TABLE tv_u EXCEPT ALL TABLE v_u) UNION ALL (TABLE v_u EXCEPT ALL TABLE tv_u)) x;

-- few changes have entries of their own, from eight on they share some
UPDATE t SET v = v + 1 WHERE id <= 7;
SELECT count(*), count(changes) FROM entries;
SELECT changes, remaining FROM tviews_drain();
UPDATE t SET v = v + 1 WHERE id <= 8;
SELECT count(*), sum(changes) FROM entries;
SELECT pending_changes, exact FROM tviews_queue_depth WHERE source = 't'::regclass;
SELECT changes, keys, updated, remaining FROM tviews_drain();
UPDATE t SET v = v + 1;
SELECT count(*) < 20 AS few, sum(changes), max(changes) > 200 AS many FROM entries;
SELECT changes, keys, updated, remaining FROM tviews_drain();
TABLE wrong;

-- a bounded drain leaves the rest, with the time and the transaction of the statement
BEGIN;
UPDATE t SET v = v + 1 WHERE id <= 100;
SELECT pg_current_xact_id()::xid::text::bigint AS writer, now() AS started \gset
COMMIT;
SELECT changes, keys, updated, remaining FROM tviews_drain(max_changes => 30);
SELECT changes, started = :'started' AS same_time, xmin::text::bigint <> :writer AS another, logged_by IN
       (int4send(:writer), (SELECT string_agg(substr(int4send(:writer), i, 1), '' ORDER BY i DESC) FROM generate_series(1, 4) i)) AS same_writer
  FROM entries;
SELECT count(*) FROM wrong WHERE key::int <= 100;
SELECT changes, keys, remaining FROM tviews_drain(max_changes => 1);
SELECT changes, logged_by IN
       (int4send(:writer), (SELECT string_agg(substr(int4send(:writer), i, 1), '' ORDER BY i DESC) FROM generate_series(1, 4) i)) AS same_writer
  FROM entries;
-- taken back with the drain
BEGIN;
SELECT changes, remaining FROM tviews_drain(max_changes => 10);
SELECT changes, remaining FROM tviews_drain(max_changes => 58);
SELECT changes, remaining FROM tviews_drain(max_changes => 10);
ROLLBACK;
SELECT changes FROM entries;
SELECT changes, keys, remaining FROM tviews_drain(max_changes => 68);
SELECT changes, keys, remaining FROM tviews_drain(max_changes => 1);
SELECT changes, remaining FROM tviews_drain(max_changes => 1);
TABLE wrong;

-- rolled back with the writer's subtransaction
BEGIN;
UPDATE t SET v = v + 1 WHERE id <= 20;
SAVEPOINT s;
UPDATE t SET v = v + 1 WHERE id <= 50;
ROLLBACK TO s;
COMMIT;
SELECT changes FROM entries;
SELECT changes, keys, updated, remaining FROM tviews_drain();
TABLE wrong;

-- values that are too long for a pack, and those that are just not
INSERT INTO u SELECT rpad(i::text, n, '.'), 1 FROM generate_series(1, 20) i, (VALUES (10), (249), (250), (251), (300), (3000)) v(n);
SELECT count(*) FILTER (WHERE changes IS NULL) AS alone, sum(changes) AS packed, max(changes) FROM entries;
SELECT changes, keys, inserted, remaining FROM tviews_drain();
TABLE wrong;
-- NULLs, and a drain in many steps
INSERT INTO u SELECT nullif(i, 5)::text, i FROM generate_series(1, 400) i;
DO $$
DECLARE
    left_over bigint;
    rounds int := 0;
BEGIN
    LOOP
        SELECT remaining INTO left_over FROM tviews_drain(max_changes => 7);
        rounds := rounds + 1;
        EXIT WHEN left_over = 0 OR rounds > 100;
    END LOOP;
    RAISE WARNING 'drains: %', rounds;
END $$;
TABLE wrong;

-- what is damaged is not read past its end
INSERT INTO tviews_batch.queue SELECT 't'::regclass, max(version), now(), '\x02000500000000020102' FROM tviews_batch.source WHERE source = 't'::regclass;
SELECT changes FROM tviews_drain();
DELETE FROM tviews_batch.queue WHERE source <> 0;
INSERT INTO tviews_batch.queue SELECT 't'::regclass, max(version), now(), '\x020002000000000501' FROM tviews_batch.source WHERE source = 't'::regclass;
SELECT changes FROM tviews_drain();
DELETE FROM tviews_batch.queue WHERE source <> 0;
SELECT changes FROM tviews_drain();
SET client_min_messages = error;
DROP SCHEMA pack CASCADE;
