--
-- tviews_wait: what it waits for, and what not.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA wait;
SET search_path = wait, public;
CREATE TABLE t (id int PRIMARY KEY, v int);
INSERT INTO t SELECT i, i FROM generate_series(1, 10) i;
CREATE VIEW v_t AS SELECT id, v FROM t;
SELECT tviews_create('v_t');
SELECT changes >= 0 AS drained FROM tviews_drain();

-- nothing to wait for
SELECT tviews_wait();
SELECT tviews_wait('0 seconds');

-- a change, until it is drained
UPDATE t SET v = 0 WHERE id = 1;
SELECT tviews_wait('0 seconds'), tviews_wait('20 milliseconds');
SELECT changes FROM tviews_drain();
SELECT tviews_wait();

-- one's own, not committed
BEGIN;
UPDATE t SET v = 1 WHERE id = 1;
SELECT tviews_wait();
SAVEPOINT s;
UPDATE t SET v = 2 WHERE id = 1;
SELECT tviews_wait();
ROLLBACK TO s;
SELECT tviews_wait();
COMMIT;
SELECT tviews_wait('0 seconds');
-- a drain that is undone has drained nothing; its own transaction sees it as done
BEGIN;
SELECT changes FROM tviews_drain();
SELECT tviews_wait('0 seconds');
ROLLBACK;
SELECT tviews_wait('0 seconds');
SELECT changes FROM tviews_drain();

-- a prepared transaction has not committed
BEGIN;
UPDATE t SET v = 3 WHERE id = 1;
PREPARE TRANSACTION 'wait';
SELECT tviews_wait('0 seconds');
COMMIT PREPARED 'wait';
SELECT tviews_wait('0 seconds');
SELECT changes FROM tviews_drain();
SELECT tviews_wait('0 seconds');

-- paused: no drain would do anything; resumed: stale until compared
SELECT tviews_pause('tv_t');
UPDATE t SET v = 4 WHERE id = 1;
SELECT tviews_wait('0 seconds');
SELECT changes FROM tviews_drain();
SELECT tviews_wait('0 seconds');
SELECT tviews_resume('tv_t');
SELECT tviews_wait('0 seconds');
SELECT changes FROM tviews_drain();
SELECT tviews_wait('0 seconds');

-- the queue is lost, or a part of it
TRUNCATE tviews_batch.queue;
SELECT tviews_wait('0 seconds');
SELECT changes FROM tviews_drain();
SELECT tviews_wait('0 seconds');
TRUNCATE tviews_batch.queue_3;
SELECT tviews_wait('0 seconds');
SELECT state, reason FROM tviews_status;
SELECT changes FROM tviews_drain();
SELECT tviews_wait('0 seconds');
SELECT state, reason FROM tviews_status;
SELECT count(*), count(DISTINCT link) FROM tviews_batch.queue WHERE source = 0;

-- a TVIEW that cannot be refreshed is not waited for
ALTER TABLE t RENAME COLUMN v TO w;
CREATE OR REPLACE VIEW v_t AS SELECT id, w AS v FROM t WHERE random() > 2;
SELECT state, reason FROM tviews_status;
SELECT tviews_wait('0 seconds');

-- calls that are refused
SELECT tviews_wait('-1 second');
SELECT tviews_wait(NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tviews_wait();
ROLLBACK;
BEGIN READ ONLY;
SELECT tviews_wait();
ROLLBACK;
SET statement_timeout = '50ms';
UPDATE t SET w = 5 WHERE id = 2;
SELECT tviews_wait();
RESET statement_timeout;

-- everybody may
CREATE ROLE regress_waiter;
SET ROLE regress_waiter;
SELECT public.tviews_wait('0 seconds');
RESET ROLE;
DROP ROLE regress_waiter;

SET client_min_messages = error;
DROP SCHEMA wait CASCADE;
SELECT changes >= 0 AS drained FROM tviews_drain();
