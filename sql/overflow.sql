--
-- queue_limit: more changes of a source than that become one change of all rows, and the state says so.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA overflow;
SET search_path = overflow, public;
CREATE TABLE t (id int PRIMARY KEY, v int, note text);
INSERT INTO t SELECT i, i FROM generate_series(1, 5000) i;
CREATE TABLE other (id int PRIMARY KEY, v int);
INSERT INTO other VALUES (1, 1);
CREATE VIEW v_t AS SELECT id, v FROM t;
CREATE VIEW v_other AS SELECT id, v FROM other;
SELECT tviews_create('v_t');
CREATE VIEW v_sum AS SELECT id % 10 AS id, sum(v) AS v FROM tv_t GROUP BY id % 10;
SELECT tviews_create('v_sum', key => '{id}');
SELECT tviews_create('v_other');
SELECT remaining FROM tviews_drain();
CREATE VIEW state AS SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
CREATE VIEW marks AS SELECT source, closed_by IS NOT NULL AS closing, fence IS NOT NULL AS fenced, done FROM tviews_batch.overflow;
-- an entry may be a pack of changes (queue_pack.c)
CREATE VIEW logged AS
    SELECT source, CASE WHEN length(link) BETWEEN 7 AND 1900 AND get_byte(link, 0) = 2
                        THEN get_byte(link, 1) * 256 + get_byte(link, 2) ELSE 1 END AS changes
      FROM tviews_batch.queue;
CREATE VIEW waiting AS SELECT source::regclass, sum(changes) AS count FROM logged WHERE source <> 0 GROUP BY source ORDER BY 1;
CREATE VIEW wrong AS
    SELECT * FROM ((TABLE tv_t EXCEPT ALL TABLE v_t) UNION ALL (TABLE v_t EXCEPT ALL TABLE tv_t)) x
    UNION ALL
    SELECT * FROM ((TABLE tv_sum EXCEPT ALL TABLE v_sum) UNION ALL (TABLE v_sum EXCEPT ALL TABLE tv_sum)) x
    UNION ALL
    SELECT * FROM ((TABLE tv_other EXCEPT ALL TABLE v_other) UNION ALL (TABLE v_other EXCEPT ALL TABLE tv_other)) x;
SET tviews_batch.queue_limit = 1000;
-- a mark goes when no transaction is left that began before, autovacuum's count as well: a drain that met one is undone and tried again
CREATE PROCEDURE drain_quiet(max bigint, OUT changes bigint, OUT levels int) LANGUAGE plpgsql AS $$
BEGIN
    FOR try IN 1 .. 1000 LOOP
        SELECT d.changes, d.levels INTO changes, levels FROM tviews_drain(max_changes => max) d;
        EXIT WHEN NOT EXISTS (SELECT FROM marks WHERE NOT done);
        ROLLBACK;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;

-- a transaction that is undone takes its mark along, a subtransaction too
CREATE PROCEDURE fill(n int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        UPDATE t SET v = v + 1 WHERE id <= 400;
    END LOOP;
END $$;
BEGIN;
CALL fill(6);
TABLE marks;
ROLLBACK;
TABLE marks;
BEGIN;
SAVEPOINT s;
CALL fill(6);
SELECT sum(changes) BETWEEN 1200 AND 2000 AS skipped FROM logged WHERE source <> 0;
TABLE marks;
ROLLBACK TO s;
UPDATE t SET v = v + 1 WHERE id <= 10;
TABLE waiting;
COMMIT;
TABLE marks;
SELECT changes FROM tviews_drain();
TABLE wrong;

-- the mark stops the logging of this source only
CALL fill(6);
TABLE marks;
TABLE state;
SELECT sum(changes) AS before FROM logged \gset
UPDATE t SET v = v + 1;
DELETE FROM t WHERE id > 4900;
INSERT INTO t SELECT i, i FROM generate_series(6001, 6010) i;
UPDATE t SET note = 'unread';
SELECT sum(changes) - :before AS logged FROM logged;
UPDATE other SET v = 2;
SELECT sum(changes) - :before AS logged FROM logged;
SELECT tviews_wait('0 seconds');
-- a TVIEW made now is filled, and not trusted before the mark has gone
CREATE VIEW v_late AS SELECT id, -v AS v FROM t;
SELECT tviews_create('v_late');
TABLE state;
DELETE FROM t WHERE id = 1;

-- the first drain has writers log again; what waited is not looked at one by one
SELECT changes = :before - 4 + 1 AS all, keys FROM tviews_drain();
TABLE marks;
TABLE state;
UPDATE t SET v = -1 WHERE id = 2;
TABLE waiting;
-- the next one compares
CALL drain_quiet(1, NULL, NULL);
TABLE state;
SELECT compared > 0 AS compared FROM tviews_drains ORDER BY id DESC LIMIT 1;
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM tviews_drain(); END LOOP; END $$;
TABLE marks;
TABLE state;
TABLE wrong;
SELECT * FROM ((TABLE tv_late EXCEPT ALL TABLE v_late) UNION ALL (TABLE v_late EXCEPT ALL TABLE tv_late)) x;
SELECT tviews_wait('0 seconds');
TABLE waiting;

-- bounded drains: entries from before the mark was taken away are passed over to the end
CALL fill(6);
SELECT changes, keys FROM tviews_drain(max_changes => 100);
UPDATE t SET v = -2 WHERE id = 3;
CALL drain_quiet(100, NULL, NULL);
TABLE marks;
UPDATE t SET v = -3 WHERE id = 4;
SELECT remaining, keys FROM tviews_drain(max_changes => 5000);
TABLE marks;
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM tviews_drain(); END LOOP; END $$;
TABLE marks;
TABLE state;
TABLE wrong;

-- two drains in one transaction do not pass for two
CALL fill(6);
BEGIN;
SELECT changes > 0 AS some FROM tviews_drain();
SELECT changes > 0 AS some FROM tviews_drain();
TABLE marks;
COMMIT;
TABLE state;
CALL drain_quiet(NULL, NULL, NULL);
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM tviews_drain(); END LOOP; END $$;
TABLE state;
TABLE wrong;

-- TRUNCATE, and a source that has gone
CALL fill(6);
TRUNCATE t;
DROP VIEW wrong;
SELECT tviews_drop('tv_sum'), tviews_drop('tv_late');
DROP VIEW v_sum;
SELECT tviews_drop('tv_t');
DROP VIEW v_t, v_late;
DROP TABLE t;
SELECT changes > 0 AS some FROM tviews_drain();
CALL drain_quiet(NULL, NULL, NULL);
SELECT count(*) FROM tviews_drain();
TABLE marks;
TABLE state;

RESET tviews_batch.queue_limit;
SET client_min_messages = error;
DROP SCHEMA overflow CASCADE;
