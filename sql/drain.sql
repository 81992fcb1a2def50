-- The drain as a whole: limits, lock, history, comparison of the whole, roles.
SET client_min_messages = warning;
CREATE SCHEMA drain;
SET search_path = drain, by_hand, public;
CREATE TABLE item (id int PRIMARY KEY, grp int, v int);
INSERT INTO item SELECT i, i % 50, i FROM generate_series(1, 5000) i;
CREATE VIEW v_grp AS SELECT grp, count(*) AS n, sum(v) AS v FROM item GROUP BY grp;
CREATE VIEW v_item AS SELECT id, grp, v * 2 AS w FROM item;
SELECT source('item', '{id,grp}');
SELECT tview('v_grp', 'tv_grp', '{grp}'), tview('v_item', 'tv_item', '{id}');
SELECT route('tv_grp', 'item', 'direct', '{grp}', '{1}', '{1}'),
       route('tv_item', 'item', 'direct', '{id}', '{1}', '{1}');
ANALYZE item, tv_grp, tv_item;

--
-- Nothing to do: no transaction id, no history
--
BEGIN;
SELECT * FROM drain();
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_xid;
COMMIT;
SELECT count(*) FROM tviews_batch.drain;

--
-- Limits bound what is claimed
--
UPDATE item SET v = v + 1 WHERE id <= 30;
SELECT * FROM drain(max_changes => 10);
SELECT * FROM drain(max_changes => 10);
SELECT * FROM drain(max_ms => 60000);
SELECT * FROM oracle('tv_grp', 'v_grp');
SELECT * FROM oracle('tv_item', 'v_item');
-- with a limit on the time, in rounds
UPDATE item SET v = v + 1 WHERE id <= 30;
SELECT changes > 0 AS some FROM drain(max_ms => 1);
SELECT changes >= 0 AS rest FROM drain();
SELECT * FROM oracle('tv_item', 'v_item');
SELECT * FROM drain(max_changes => 0);
SELECT * FROM drain(max_ms => -1);
\echo :LAST_ERROR_SQLSTATE

--
-- Transactions
--
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM tviews_drain();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM tviews_refresh('tv_grp');
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM tviews_drain();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- a drain rolled back gives its entries back
UPDATE item SET v = 0 WHERE id = 1;
BEGIN;
SELECT * FROM drain();
SELECT w FROM tv_item WHERE id = 1;
ROLLBACK;
SELECT w FROM tv_item WHERE id = 1;
SELECT * FROM drain();
SELECT w FROM tv_item WHERE id = 1;
-- so does one in a savepoint; what the transaction itself changed is drained too
BEGIN;
UPDATE item SET v = 7 WHERE id = 1;
SAVEPOINT s;
UPDATE item SET v = 8 WHERE id = 2;
SELECT * FROM drain();
ROLLBACK TO s;
SELECT * FROM drain();
COMMIT;
SELECT * FROM drain();
SELECT * FROM oracle('tv_grp', 'v_grp');
SELECT * FROM oracle('tv_item', 'v_item');

--
-- The guard
--
INSERT INTO tv_item VALUES (0, 0, 0);
\echo :LAST_ERROR_SQLSTATE
UPDATE tv_item SET w = 0 WHERE false;
DELETE FROM tv_item;
TRUNCATE tv_item;
COPY tv_item FROM stdin;
1	1	1
\.
MERGE INTO tv_item t USING (SELECT 1 AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE;
-- an error in a drain does not leave the gate open; what failed is tried again
CREATE VIEW failed AS
    SELECT tview, key, sqlstate, message, attempts FROM tviews_failures
    UNION ALL
    SELECT tview, NULL, NULL, last_error, NULL FROM tviews_status WHERE state = 'stale'
    ORDER BY 1, 2;
CREATE FUNCTION again() RETURNS SETOF failed LANGUAGE sql AS $$ SELECT public.tviews_retry(); SELECT public.tviews_drain(); TABLE drain.failed; $$;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER fail BEFORE UPDATE ON tv_item FOR EACH ROW EXECUTE FUNCTION fail();
UPDATE item SET v = 9 WHERE id = 1;
SELECT * FROM drain();
TABLE failed;
DELETE FROM tv_item;
BEGIN;
DO $$ BEGIN PERFORM tviews_retry(), tviews_drain(); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLERRM; END $$;
DELETE FROM tv_item;
ROLLBACK;
DROP TRIGGER fail ON tv_item;
SELECT * FROM again();
-- nor does a user's trigger pass with a drain's statement
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE TG_ARGV[0]; RETURN NULL; END $$;
CREATE TRIGGER meddle AFTER UPDATE ON tv_item FOR EACH STATEMENT EXECUTE FUNCTION meddle('DELETE FROM drain.tv_item');
UPDATE item SET v = 10 WHERE id = 1;
\set VERBOSITY terse
SELECT * FROM again();
CREATE OR REPLACE TRIGGER meddle AFTER UPDATE ON tv_item FOR EACH STATEMENT EXECUTE FUNCTION meddle('DELETE FROM drain.tv_grp');
SELECT * FROM again();
-- or start another drain
CREATE OR REPLACE TRIGGER meddle AFTER UPDATE ON tv_item FOR EACH STATEMENT EXECUTE FUNCTION meddle('SELECT public.tviews_drain()');
SELECT * FROM again();
BEGIN;
DO $$ BEGIN PERFORM tviews_retry(), tviews_drain(); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLERRM; END $$;
DROP TRIGGER meddle ON tv_item;
SELECT * FROM again();
ROLLBACK;
\set VERBOSITY default
DROP TRIGGER meddle ON tv_item;
SELECT * FROM again();
-- guard off: stale, with what reads it
SET tviews_batch.guard = off;
UPDATE tv_item SET w = -1 WHERE id <= 3;
DELETE FROM tv_item WHERE id = 4;
RESET tviews_batch.guard;
SELECT tview, stale_reason FROM tviews_batch.tview ORDER BY 1;
SELECT * FROM tviews_verify('tv_item');
SELECT * FROM drain();
SELECT * FROM tviews_verify('tv_item');
SELECT tview, stale_reason FROM tviews_batch.tview WHERE stale_reason IS NOT NULL;

--
-- What cannot be traced to keys is compared whole
--
TRUNCATE item;
SELECT * FROM drain();
SELECT keyed, compared FROM tviews_batch.drain ORDER BY id DESC LIMIT 1;
SELECT count(*) FROM tv_grp;
INSERT INTO item SELECT i, i % 50, i FROM generate_series(1, 5000) i;
SELECT changes, keys, inserted, levels FROM drain();
-- many keys
SELECT keyed, compared FROM tviews_batch.drain ORDER BY id DESC LIMIT 1;
UPDATE item SET v = v + 1 WHERE id <= 1200;
SELECT changes, keys, updated FROM drain();
ANALYZE tv_item;
UPDATE item SET v = v + 1 WHERE id <= 2000;
SELECT changes, keys, updated FROM drain();
SET tviews_batch.full_threshold = 1;
UPDATE item SET v = v + 1 WHERE id <= 2000;
SELECT changes, keys, updated FROM drain();
RESET tviews_batch.full_threshold;
-- a route that is full
UPDATE tviews_batch.route SET route = 'full' WHERE tview = 'tv_grp'::regclass;
UPDATE item SET v = v + 1 WHERE id = 1;
SELECT * FROM drain();
SELECT keyed, compared FROM tviews_batch.drain ORDER BY id DESC LIMIT 1;
UPDATE tviews_batch.route SET route = 'direct' WHERE tview = 'tv_grp'::regclass;
-- a shape that lacks a link column, or is not known
SELECT source('item', '{id}');
UPDATE item SET v = v + 1 WHERE id = 1;
SELECT * FROM drain();
SELECT keyed, compared FROM tviews_batch.drain ORDER BY id DESC LIMIT 1;
UPDATE item SET v = v + 1 WHERE id = 2;
DELETE FROM tviews_batch.shape WHERE version = 2;
SELECT * FROM drain();
SELECT keyed, compared FROM tviews_batch.drain ORDER BY id DESC LIMIT 1;
-- entries older than a TVIEW do not concern it
SELECT source('item', '{id,grp}');
UPDATE item SET v = v + 1 WHERE id = 3;
UPDATE tviews_batch.route SET since_version = 99 WHERE tview = 'tv_grp'::regclass;
SELECT * FROM drain();
UPDATE tviews_batch.route SET since_version = 1 WHERE tview = 'tv_grp'::regclass;
SELECT * FROM tviews_refresh('tv_grp');
SELECT * FROM oracle('tv_grp', 'v_grp');
SELECT * FROM oracle('tv_item', 'v_item');
-- an interval that is over
UPDATE tviews_batch.tview SET refresh_every = '1 hour', last_full = now() WHERE tview = 'tv_grp'::regclass;
SELECT * FROM drain();
UPDATE tviews_batch.tview SET last_full = now() - interval '2 hours' WHERE tview = 'tv_grp'::regclass;
SELECT * FROM drain();
SELECT * FROM drain();
-- the clock was set back
UPDATE tviews_batch.tview SET last_full = now() + interval '2 hours' WHERE tview = 'tv_grp'::regclass;
SELECT * FROM drain();
SELECT last_full <= now() AS noted FROM tviews_batch.tview WHERE tview = 'tv_grp'::regclass;
-- one that ends when the calendar has ended
UPDATE tviews_batch.tview SET refresh_every = '300000 years' WHERE tview = 'tv_grp'::regclass;
SELECT * FROM drain();
UPDATE tviews_batch.tview SET refresh_every = '2000000000 days' WHERE tview = 'tv_grp'::regclass;
SELECT * FROM drain();
UPDATE tviews_batch.tview SET refresh_every = '2000000000 hours' WHERE tview = 'tv_grp'::regclass;
SELECT * FROM drain();
UPDATE tviews_batch.tview SET refresh_every = NULL;

--
-- More than memory holds
--
SET tviews_batch.work_mem = '64kB';
SET tviews_batch.full_threshold = 1;
INSERT INTO item SELECT i, i % 50, i FROM generate_series(5001, 25000) i;
SELECT * FROM drain();
UPDATE item SET v = v + 1;
SELECT * FROM drain();
RESET tviews_batch.full_threshold;
DELETE FROM item WHERE id > 5000;
SELECT changes, keys, deleted FROM drain();
SELECT * FROM oracle('tv_grp', 'v_grp');
SELECT * FROM oracle('tv_item', 'v_item');
-- a whole comparison tells those above it of more
CREATE TABLE few (id int PRIMARY KEY, v int);
CREATE VIEW v_pair AS SELECT a.id AS i, b.id AS j, sum(b.v) OVER () AS s FROM few a CROSS JOIN few b;
SELECT tviews_create('v_pair', key => '{i,j}');
CREATE VIEW v_above AS SELECT i, j, s FROM tv_pair;
SELECT tviews_create('v_above', key => '{i,j}');
INSERT INTO few SELECT i, i FROM generate_series(1, 120) i;
SELECT changes, inserted, levels FROM tviews_drain();
SELECT * FROM oracle('tv_pair', 'v_pair');
SELECT * FROM oracle('tv_above', 'v_above');
SELECT tviews_drop('tv_above');
DROP VIEW v_above;
SELECT tviews_drop('tv_pair');
DROP VIEW v_pair;
RESET tviews_batch.work_mem;

--
-- Pause and resume
--
SELECT tviews_pause('tv_item');
UPDATE item SET v = 1 WHERE id = 10;
SELECT * FROM drain();
SELECT * FROM tviews_verify('tv_item');
SELECT tviews_resume('tv_item');
SELECT stale_reason FROM tviews_batch.tview WHERE tview = 'tv_item'::regclass;
SELECT * FROM drain();
SELECT * FROM tviews_verify('tv_item');
SELECT tviews_resume('tv_item');
SELECT stale_reason FROM tviews_batch.tview WHERE tview = 'tv_item'::regclass;

--
-- Stale: one a drain; changes are applied meanwhile
--
UPDATE tviews_batch.tview SET stale_reason = 'test';
UPDATE item SET v = 5 WHERE id = 5;
SELECT * FROM drain();
SELECT * FROM oracle('tv_item', 'v_item');
SELECT tview, stale_reason FROM tviews_batch.tview ORDER BY level, tview::oid;
CALL tviews_reconcile();
SELECT tview, stale_reason FROM tviews_batch.tview WHERE stale_reason IS NOT NULL;
SET client_min_messages = notice;
CALL tviews_reconcile('tv_item');
UPDATE tviews_batch.tview SET stale_reason = 'test';
CALL tviews_reconcile();
SET client_min_messages = warning;

--
-- The loop
--
UPDATE item SET v = 6 WHERE id = 6;
CALL tviews_drain_loop('200 milliseconds', '50 milliseconds');
SELECT * FROM oracle('tv_item', 'v_item');
SELECT * FROM oracle('tv_grp', 'v_grp');
SET default_transaction_isolation = 'serializable';
UPDATE item SET v = 7 WHERE id = 6;
CALL tviews_drain_loop('100 milliseconds', '50 milliseconds');
UPDATE tviews_batch.tview SET stale_reason = 'test';
CALL tviews_reconcile();
RESET default_transaction_isolation;
SELECT * FROM oracle('tv_item', 'v_item');
SELECT tview FROM tviews_batch.tview WHERE stale_reason IS NOT NULL;
BEGIN;
CALL tviews_drain_loop();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
CALL tviews_reconcile();
ROLLBACK;
DO $$ BEGIN CALL tviews_drain_loop('100 milliseconds', '50 milliseconds'); END $$;
CALL tviews_drain_loop('0 seconds');
CALL tviews_drain_loop('1 minute', '-1 second');
\echo :LAST_ERROR_SQLSTATE
CALL tviews_drain_loop(NULL);

--
-- History
--
SELECT count(*) > 10 AS many, bool_and(role = current_user) AS role, bool_and(elapsed_ms >= 0) AS elapsed, bool_or(memory_peak > 0) AS memory FROM tviews_batch.drain;
SET tviews_batch.history = 3;
UPDATE item SET v = 11 WHERE id = 11;
SELECT * FROM drain();
SELECT count(*) FROM tviews_batch.drain;
RESET tviews_batch.history;

--
-- Roles: whoever drains, it is the TVIEW's owner who computes and writes
--
CREATE ROLE tvb_owner;
CREATE ROLE tvb_drainer;
CREATE ROLE tvb_writer;
CREATE SCHEMA theirs AUTHORIZATION tvb_owner;
GRANT USAGE ON SCHEMA by_hand, drain TO tvb_owner, tvb_drainer, tvb_writer;
GRANT USAGE ON SCHEMA theirs TO tvb_writer, tvb_drainer;
CREATE FUNCTION theirs.who() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT current_user || ' ' || current_setting('search_path') $$;
ALTER FUNCTION theirs.who OWNER TO tvb_owner;
CREATE TABLE theirs.t (id int PRIMARY KEY);
CREATE VIEW theirs.v_t AS SELECT id, theirs.who() AS who FROM theirs.t;
SET search_path = theirs, by_hand, public;
SELECT source('t', '{id}');
SELECT tview('v_t', 'tv_t', '{id}');
SELECT route('tv_t', 't', 'direct', '{id}', '{1}', '{1}');
ALTER TABLE t OWNER TO tvb_owner;
ALTER VIEW v_t OWNER TO tvb_owner;
ALTER TABLE tv_t OWNER TO tvb_owner;
GRANT INSERT ON t TO tvb_writer;
GRANT EXECUTE ON FUNCTION tviews_drain(bigint, integer) TO tvb_drainer;
SET ROLE tvb_writer;
INSERT INTO theirs.t VALUES (1);
SET ROLE tvb_drainer;
SELECT inserted FROM tviews_drain();
SELECT * FROM tviews_batch.tview;
SELECT * FROM theirs.tv_t;
SELECT * FROM tviews_verify('theirs.tv_t');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM tviews_refresh('theirs.tv_t');
SELECT tviews_pause('theirs.tv_t');
\echo :LAST_ERROR_SQLSTATE
SELECT current_user, current_setting('search_path');
RESET ROLE;
SELECT * FROM theirs.tv_t;
INSERT INTO theirs.t VALUES (2);
SELECT inserted FROM tviews_drain();
SELECT * FROM theirs.tv_t ORDER BY id;
-- what the owner wrote cannot become somebody else, or leave things behind
CREATE FUNCTION theirs.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE TG_ARGV[0]; RETURN NULL; END $$;
GRANT tvb_writer TO tvb_owner;
CREATE TRIGGER trap AFTER INSERT ON theirs.tv_t FOR EACH ROW EXECUTE FUNCTION theirs.trap('SET ROLE tvb_writer');
INSERT INTO theirs.t VALUES (3);
\set VERBOSITY terse
SELECT * FROM drain.again();
CREATE OR REPLACE TRIGGER trap AFTER INSERT ON theirs.tv_t FOR EACH ROW EXECUTE FUNCTION theirs.trap('SET SESSION AUTHORIZATION DEFAULT');
SELECT * FROM drain.again();
CREATE OR REPLACE TRIGGER trap AFTER INSERT ON theirs.tv_t FOR EACH ROW EXECUTE FUNCTION theirs.trap('CREATE TEMP TABLE trap ()');
SELECT * FROM drain.again();
CREATE OR REPLACE TRIGGER trap AFTER INSERT ON theirs.tv_t FOR EACH ROW EXECUTE FUNCTION theirs.trap('SET search_path = theirs');
SELECT * FROM drain.again();
SELECT current_user = session_user AS same, current_setting('search_path');
DROP TRIGGER trap ON theirs.tv_t;
-- the owner lost a privilege
SET ROLE tvb_owner;
REVOKE SELECT ON theirs.v_t FROM tvb_owner;
RESET ROLE;
INSERT INTO theirs.t VALUES (4);
SELECT * FROM drain.again();
GRANT SELECT ON theirs.v_t TO tvb_owner;
SELECT * FROM drain.again();
SELECT * FROM tviews_refresh('t');
SELECT * FROM tviews_refresh(NULL);
SELECT * FROM tviews_refresh(0);
SELECT tviews_pause(NULL);
SELECT reset();
DROP SCHEMA drain, theirs CASCADE;
REVOKE ALL ON SCHEMA by_hand FROM tvb_owner, tvb_drainer, tvb_writer;
DROP OWNED BY tvb_owner, tvb_drainer, tvb_writer;
DROP ROLE tvb_owner, tvb_drainer, tvb_writer;
