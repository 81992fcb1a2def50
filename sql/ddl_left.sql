--
-- DDL whose effects are hard to follow: foreign partitions, metadata that cannot be written, owners, logged and unlogged;
-- the extension in a schema of its own, dropped and created again.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_tviews_batch;
CREATE SCHEMA "Ext s";
CREATE EXTENSION pg_tviews_batch SCHEMA "Ext s";
CREATE SCHEMA ddl_left;
SET search_path = ddl_left, "Ext s";

-- one drain, then every TVIEW that is ok beside its view
CREATE FUNCTION drained(OUT changes bigint, OUT compared bigint, OUT differences bigint) LANGUAGE plpgsql AS $$
DECLARE
    t record;
    n bigint;
    before bigint := coalesce((SELECT sum(d.compared) FROM tviews_drains d), 0);
BEGIN
    SELECT d.changes INTO changes FROM tviews_drain() d;
    compared := (SELECT coalesce(sum(d.compared), 0) FROM tviews_drains d) - before;
    differences := 0;
    FOR t IN SELECT tview, view FROM tviews_status WHERE state = 'ok' LOOP
        EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$s EXCEPT ALL TABLE %2$s) x)
                             + (SELECT count(*) FROM (TABLE %2$s EXCEPT ALL TABLE %1$s) x)', t.tview, t.view) INTO n;
        differences := differences + n;
    END LOOP;
END $$;
CREATE VIEW state AS SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";

--
-- Foreign tables that become part of a source, and cease to be
--
CREATE FOREIGN DATA WRAPPER ddl_nothing;
CREATE SERVER ddl_nowhere FOREIGN DATA WRAPPER ddl_nothing;
CREATE TABLE p (k int, g int, v int) PARTITION BY LIST (g);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE h (k int, v int);
CREATE TABLE x (k int PRIMARY KEY, v int);
CREATE VIEW v_p AS SELECT g, sum(v) AS v FROM p WHERE g = 1 GROUP BY g;
CREATE VIEW v_h AS SELECT k, sum(v) AS v FROM ONLY h GROUP BY k;
CREATE VIEW v_x AS SELECT k, v FROM x;
SELECT tviews_create('v_p'), tviews_create('v_h'), tviews_create('v_x');
CREATE FOREIGN TABLE f2 PARTITION OF p FOR VALUES IN (2) SERVER ddl_nowhere;
TABLE state;
INSERT INTO p1 VALUES (1, 1, 1);
INSERT INTO x VALUES (1, 1);
SELECT * FROM drained();
ALTER TABLE p DETACH PARTITION f2;
TABLE state;
SELECT * FROM drained();
UPDATE p1 SET v = 2;
SELECT * FROM drained();
ALTER TABLE p ATTACH PARTITION f2 FOR VALUES IN (2);
SELECT * FROM state WHERE state <> 'ok';
DROP FOREIGN TABLE f2;
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
TABLE state;
CREATE FOREIGN TABLE fh (k int, v int) SERVER ddl_nowhere;
ALTER FOREIGN TABLE fh INHERIT h;
SELECT * FROM state WHERE state <> 'ok';
DROP SERVER ddl_nowhere CASCADE;
SELECT * FROM state WHERE state <> 'ok';
INSERT INTO h VALUES (1, 1);
SELECT * FROM drained();
TABLE state;
-- a foreign parent: its statements write local children
CREATE SERVER ddl_nowhere FOREIGN DATA WRAPPER ddl_nothing;
CREATE FOREIGN TABLE fp (k int, v int) SERVER ddl_nowhere;
ALTER TABLE x INHERIT fp;
SELECT tgname, tgenabled, tgnewtable FROM pg_trigger WHERE tgrelid = 'fp'::regclass ORDER BY tgname;
SELECT * FROM state WHERE state <> 'ok';
UPDATE x SET v = 5;
SELECT * FROM drained();
ALTER FOREIGN TABLE fp DISABLE TRIGGER tviews_capture_update;
SELECT * FROM state WHERE state <> 'ok';
ALTER TABLE x NO INHERIT fp;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'fp'::regclass;
SELECT * FROM drained();
TABLE state;
-- a view that goes with a column of a foreign table
CREATE FOREIGN TABLE fv (k int, v int) SERVER ddl_nowhere;
CREATE VIEW v_fv AS SELECT k, v FROM fv;
SELECT tviews_create('v_fv', key => '{k}', populate => false, refresh_every => '1 hour');
ALTER FOREIGN TABLE fv DROP COLUMN v CASCADE;
SELECT tview FROM tviews_batch.tview WHERE tview = 'tv_fv'::regclass;
DROP TABLE tv_fv;
DROP SERVER ddl_nowhere CASCADE;
DROP FOREIGN DATA WRAPPER ddl_nothing;

--
-- Logged, unlogged, inheritance, and DDL in one transaction with writes
--
ALTER TABLE x SET UNLOGGED;
UPDATE x SET v = 2;
SELECT * FROM drained();
ALTER TABLE x SET LOGGED;
UPDATE x SET v = 3;
SELECT * FROM drained();
CREATE TABLE h2 (k int, v int);
INSERT INTO h2 VALUES (7, 7);
CREATE VIEW v_all AS SELECT k, sum(v) AS v FROM h GROUP BY k;
SELECT tviews_create('v_all');
ALTER TABLE h2 INHERIT h;
SELECT * FROM drained();
UPDATE h2 SET v = 8;
SELECT * FROM drained();
BEGIN;
UPDATE h2 SET v = 9;
ALTER TABLE h2 NO INHERIT h;
UPDATE h2 SET v = 10;
INSERT INTO h VALUES (7, 1);
COMMIT;
SELECT * FROM drained();
BEGIN;
ALTER TABLE h2 INHERIT h;
INSERT INTO h2 VALUES (11, 11);
ROLLBACK;
SELECT * FROM drained();
TABLE state;

--
-- The metadata cannot be written: the command succeeds, the state says so, drains make up for it
--
ALTER TABLE tviews_batch.tview ADD CONSTRAINT ddl_refused CHECK (false) NOT VALID;
SET client_min_messages = notice;
CREATE OR REPLACE VIEW v_x AS SELECT k, v + 1 AS v FROM x;
SELECT * FROM state WHERE state <> 'ok';
SET client_min_messages = warning;
UPDATE x SET v = 4;
\set VERBOSITY terse
SELECT * FROM tviews_drain();
\set VERBOSITY default
SELECT * FROM state WHERE state <> 'ok';
ALTER TABLE tviews_batch.tview DROP CONSTRAINT ddl_refused;
SELECT compared, differences FROM drained();
TABLE state;
-- a partition that cannot be captured
ALTER TABLE tviews_batch.captured ADD CONSTRAINT ddl_refused CHECK (false) NOT VALID;
CREATE TABLE p3 (k int, g int, v int);
INSERT INTO p3 VALUES (3, 3, 3);
CREATE OR REPLACE VIEW v_p AS SELECT g, sum(v) AS v FROM p GROUP BY g;
SELECT compared, differences FROM drained();
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES IN (3);
SELECT * FROM state WHERE state <> 'ok';
ALTER TABLE tviews_batch.captured DROP CONSTRAINT ddl_refused;
UPDATE p3 SET v = 30;
SELECT compared, differences FROM drained();
TABLE state;
UPDATE p3 SET v = 31;
SELECT * FROM drained();
-- the routes of a view cannot be replaced: it alone cannot be refreshed
ALTER TABLE tviews_batch.route ADD CONSTRAINT ddl_refused CHECK (tview <> 'tv_x'::regclass) NOT VALID;
CREATE OR REPLACE VIEW v_x AS SELECT x.k, x.v + h.v AS v FROM x LEFT JOIN h USING (k);
SELECT * FROM state WHERE state <> 'ok';
UPDATE p3 SET v = 32;
SELECT changes, differences FROM drained();
ALTER TABLE tviews_batch.route DROP CONSTRAINT ddl_refused;
CALL tviews_reconcile('tv_x');
TABLE state;
UPDATE h SET v = 100 WHERE k = 1;
SELECT * FROM drained();
-- nothing at all can be written
BEGIN;
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SAVEPOINT s;
ALTER TABLE x RENAME v TO w;
ROLLBACK TO s;
COMMIT;
TABLE state;

-- the extension's schema has another name for a time
UPDATE x SET v = 0;
SELECT changes FROM drained();
ALTER SCHEMA tviews_batch RENAME TO hidden;
UPDATE x SET v = 9;
ALTER SCHEMA hidden RENAME TO tviews_batch;
SELECT * FROM state WHERE tview = 'tv_x'::regclass;
CALL tviews_reconcile();
SELECT differences FROM drained();
SELECT * FROM state WHERE state <> 'ok';

--
-- Owners
--
CREATE ROLE ddl_left_one;
CREATE ROLE ddl_left_two;
GRANT USAGE ON SCHEMA ddl_left, "Ext s" TO ddl_left_one, ddl_left_two;
GRANT CREATE ON SCHEMA ddl_left TO ddl_left_one, ddl_left_two;
GRANT SELECT, TRIGGER ON x TO ddl_left_one;
SET ROLE ddl_left_one;
CREATE VIEW v_mine AS SELECT k, v FROM x;
SELECT tviews_create('v_mine');
RESET ROLE;
REASSIGN OWNED BY ddl_left_one TO ddl_left_two;
UPDATE x SET v = 5;
SELECT changes, differences FROM drained();
SELECT tview, state, replace(reason, 'view "v_mine"', 'table "x"') FROM state WHERE state <> 'ok';
GRANT SELECT, TRIGGER ON x TO ddl_left_two;
CALL tviews_reconcile('tv_mine');
TABLE state;
SELECT differences FROM drained();
DROP OWNED BY ddl_left_two;
TABLE state;
DROP OWNED BY ddl_left_one;
DROP ROLE ddl_left_one, ddl_left_two;
DROP TABLE h, h2 CASCADE;
TABLE state;

--
-- Event triggers are off for a time: what was done meanwhile is found when they are on again
--
CREATE TABLE ma (id int PRIMARY KEY, v int);
CREATE TABLE mb (LIKE ma INCLUDING ALL);
CREATE TABLE mc (LIKE ma INCLUDING ALL);
CREATE TABLE mp (k int, g int, v int) PARTITION BY LIST (g);
CREATE TABLE mp1 PARTITION OF mp FOR VALUES IN (1);
CREATE TABLE mp2 (k int, g int, v int);
INSERT INTO ma SELECT i, i FROM generate_series(1, 3) i;
INSERT INTO mb TABLE ma;
INSERT INTO mp2 VALUES (2, 2, 2);
CREATE FUNCTION mf(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE VIEW v_ma AS SELECT id, ddl_left.mf(v) AS v FROM ma;
CREATE VIEW v_mb AS SELECT id, v FROM mb;
CREATE VIEW v_mc AS SELECT id, v FROM mc;
CREATE VIEW v_mp AS SELECT g, sum(v) AS v FROM mp GROUP BY g;
SELECT tviews_create('v_ma'), tviews_create('v_mb'), tviews_create('v_mc'), tviews_create('v_mp');
SELECT * FROM drained();
ALTER EVENT TRIGGER tviews_batch_follow_ddl DISABLE;
ALTER EVENT TRIGGER tviews_batch_follow_drop DISABLE;
SELECT DISTINCT state, reason FROM state;
ALTER TABLE mp ATTACH PARTITION mp2 FOR VALUES IN (2);
CREATE OR REPLACE FUNCTION mf(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + 1; END';
CREATE OR REPLACE VIEW v_mb AS SELECT id, v + 1 AS v FROM mb;
DROP TABLE mc CASCADE;
SELECT changes FROM drained();
ALTER EVENT TRIGGER tviews_batch_follow_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER tviews_batch_follow_ddl ENABLE ALWAYS;
SELECT tview, state, reason FROM state WHERE tview <> 'tv_mc'::regclass;
CALL tviews_reconcile();
TABLE state;
INSERT INTO mp2 VALUES (3, 2, 5);
UPDATE mb SET v = 7;
SELECT * FROM drained();
INSERT INTO tv_mc VALUES (9, 9);
DROP TABLE ma, mb, mp CASCADE;
TABLE state;

--
-- Commands that event triggers of the user run inside of ours
--
CREATE TABLE na (id int PRIMARY KEY, v int);
CREATE TABLE nb (LIKE na INCLUDING ALL);
CREATE TABLE np (k int, g int, v int) PARTITION BY LIST (g);
CREATE TABLE np1 PARTITION OF np FOR VALUES IN (1);
CREATE TYPE npair AS (x int, y int);
CREATE TABLE nc (id int PRIMARY KEY, p npair);
INSERT INTO na SELECT i, i FROM generate_series(1, 3) i;
INSERT INTO np VALUES (1, 1, 1);
INSERT INTO nc VALUES (1, '(1,2)');
CREATE FUNCTION nf(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE VIEW v_na AS SELECT id, v FROM na;
CREATE VIEW v_nf AS SELECT id, nf(v) AS v FROM na;
CREATE VIEW v_nr AS SELECT id, v FROM na;
CREATE VIEW v_np AS SELECT k, sum(v) AS v FROM np GROUP BY k;
CREATE VIEW v_nc AS SELECT id, to_jsonb(p) AS p FROM nc;
CREATE VIEW v_gone AS SELECT id, 1 AS one FROM na;
CREATE VIEW v_nb AS SELECT id, v FROM nb;
CREATE VIEW v_fails AS SELECT id, 1 / (v - 1) AS v FROM na;
SELECT tviews_create('v_na'), tviews_create('v_nf'), tviews_create('v_nr'), tviews_create('v_np'), tviews_create('v_nc'), tviews_create('v_gone');
CALL tviews_reconcile();
UPDATE na SET v = v + 10 WHERE id = 3;
CREATE TABLE was_here (n int);
CREATE FUNCTION ntrigger() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ddl_left.was_here) THEN
        RETURN;
    END IF;
    INSERT INTO ddl_left.was_here VALUES (1);
    CREATE OR REPLACE VIEW ddl_left.v_na AS SELECT id, v + 1000 AS v FROM ddl_left.na;
    CREATE OR REPLACE FUNCTION ddl_left.nf(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + 5; END';
    CREATE TABLE ddl_left.np2 PARTITION OF ddl_left.np FOR VALUES IN (2);
    INSERT INTO ddl_left.np VALUES (2, 2, 2);
    DROP TABLE ddl_left.np1;
    ALTER TABLE ddl_left.na RENAME v TO w;
    ALTER VIEW ddl_left.v_nr RENAME v TO w;
    ALTER TYPE ddl_left.npair DROP ATTRIBUTE y;
    DROP VIEW ddl_left.v_gone;
    BEGIN
        PERFORM "Ext s".tviews_create('ddl_left.v_fails');
    EXCEPTION WHEN division_by_zero THEN
    END;
END $$;
CREATE EVENT TRIGGER ddl_left_nested ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION ntrigger();
SELECT tviews_create('v_nb');
DROP EVENT TRIGGER ddl_left_nested;
SELECT differences FROM drained();
CALL tviews_reconcile();
INSERT INTO np VALUES (3, 2, 3);
UPDATE na SET w = w + 1 WHERE id = 2;
SELECT * FROM drained();
SELECT tview, state FROM state WHERE tview::text ~ '^tv_[ng]';
TABLE tv_nr ORDER BY id;
-- after an error inside of such a command DDL is followed as before
DO $$ BEGIN PERFORM "Ext s".tviews_create('v_fails'); EXCEPTION WHEN division_by_zero THEN END $$;
CREATE OR REPLACE VIEW v_nr AS SELECT id, -w AS w FROM na;
SELECT tview, state, reason FROM state WHERE tview = 'tv_nr'::regclass;
SELECT differences FROM drained();
DROP TABLE na, nb, np, nc CASCADE;

--
-- A view that goes with a temporary function, without DDL
--
CREATE TABLE ta (id int PRIMARY KEY, v int);
INSERT INTO ta VALUES (1, 1);
CREATE FUNCTION pg_temp.passing(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE VIEW v_ta AS SELECT id, pg_temp.passing(v) AS v FROM ta;
SELECT tviews_create('v_ta');
SELECT tview, state, reason FROM state WHERE tview = 'tv_ta'::regclass;
DISCARD TEMP;
SELECT tview, state, reason FROM state WHERE tview = 'tv_ta'::regclass;
UPDATE ta SET v = 2;
SELECT differences FROM drained();
SELECT tviews_drop('tv_ta');
DROP TABLE ta;

--
-- The extension goes: ordinary tables stay; it comes back
--
DROP EXTENSION pg_tviews_batch;
SET client_min_messages = error;
ALTER EXTENSION pg_tviews_batch SET SCHEMA public;
DROP VIEW state;
DROP EXTENSION pg_tviews_batch CASCADE;
SET client_min_messages = warning;
SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'tviews%';
SELECT nspname FROM pg_namespace WHERE nspname = 'tviews_batch';
SELECT evtname FROM pg_event_trigger;
UPDATE x SET v = 6;
INSERT INTO tv_p VALUES (99, 99);
CREATE EXTENSION pg_tviews_batch SCHEMA public;
SELECT public.tviews_create('v_p');
DROP TABLE tv_p;
SELECT public.tviews_create('v_p');
SELECT tview, state FROM public.tviews_status;
TABLE tv_p;
DROP SCHEMA ddl_left CASCADE;
DROP SCHEMA "Ext s";
DROP EXTENSION pg_tviews_batch;
