--
-- remaining is 0 only when nothing remains, also where the queue is mostly
-- dead rows and its depth is estimated.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA remaining;
SET search_path = remaining, public;
CREATE TABLE t (id int PRIMARY KEY, v int);
INSERT INTO t SELECT i, i FROM generate_series(1, 10) i;
CREATE VIEW v_t AS SELECT id, v FROM t;
SELECT tviews_create('v_t');
ALTER TABLE tviews_batch.queue SET (autovacuum_enabled = off);
-- entries of a table that nobody reads any more: taken and forgotten; more pages than are ever counted one by one,
-- so the depth is an estimate however fast the machine is
INSERT INTO tviews_batch.queue (source, version, started, link) SELECT 1, 1, now(), '\x00' FROM generate_series(1, 800000);
SELECT changes, remaining FROM tviews_drain();
UPDATE t SET v = v + 1 WHERE id <= 3;
SELECT pending_changes > 0 AS some, exact FROM tviews_queue_depth WHERE source IS NULL;
SELECT changes, remaining > 0 AS more FROM tviews_drain(max_changes => 1);
SELECT changes, remaining > 0 AS more FROM tviews_drain(max_changes => 1);
SELECT changes, remaining > 0 AS more FROM tviews_drain(max_changes => 1);
SELECT changes, remaining FROM tviews_drain(max_changes => 1);
SELECT count(*) FROM (TABLE v_t EXCEPT ALL TABLE tv_t) x;
SET client_min_messages = error;
DROP SCHEMA remaining CASCADE;
VACUUM tviews_batch.queue;
ALTER TABLE tviews_batch.queue RESET (autovacuum_enabled);
