-- damage.sql - what only a superuser brings about: the extension's tables damaged or away, DDL behind the back of its event triggers.
-- Run after leak.sql in a database that is thrown away.  That drains meet it without a leak or an invalid access is what counts here.
SET client_min_messages = error;
CREATE SCHEMA IF NOT EXISTS tviews_profiling;
SET search_path = tviews_profiling, public;
SET tviews_batch.batch_keys = 10;

-- run a statement, whether it fails or not; it must fail with a code, if one is given
CREATE FUNCTION meets(statement text, code text = NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN OTHERS THEN
        IF code IS NULL OR SQLSTATE = code THEN
            RETURN;
        END IF;
        RAISE EXCEPTION '%: % instead of %', statement, SQLERRM, code;
    END;
    IF code IS NOT NULL THEN
        RAISE EXCEPTION '% did not fail', statement;
    END IF;
END $$;

CREATE PROCEDURE behind(statement text) LANGUAGE plpgsql AS $$
BEGIN
    ALTER EVENT TRIGGER tviews_batch_follow_ddl DISABLE;
    ALTER EVENT TRIGGER tviews_batch_follow_drop DISABLE;
    EXECUTE statement;
    ALTER EVENT TRIGGER tviews_batch_follow_ddl ENABLE ALWAYS;
    ALTER EVENT TRIGGER tviews_batch_follow_drop ENABLE ALWAYS;
END $$;

CREATE TABLE tb_item (pk_item int PRIMARY KEY, fk_group int NOT NULL, value int NOT NULL);
CREATE TABLE tb_group (pk_group int PRIMARY KEY, name text NOT NULL);
INSERT INTO tb_group SELECT i, 'group ' || i FROM generate_series(1, 10) i;
INSERT INTO tb_item SELECT i, i % 10 + 1, i FROM generate_series(1, 200) i;
CREATE INDEX ON tb_item (fk_group);
CREATE VIEW v_item AS SELECT i.pk_item, g.name, i.value FROM tb_item i JOIN tb_group g ON g.pk_group = i.fk_group;
ANALYZE tb_item, tb_group;

-- a table of the extension is away
SELECT tviews_create('v_item');
ALTER TABLE tviews_batch.drain_lock RENAME TO away;
SELECT meets('SELECT tviews_drain()', '42P01');
ALTER TABLE tviews_batch.away RENAME TO drain_lock;
ALTER TABLE tviews_batch.queue RENAME TO away;
SELECT meets('UPDATE tviews_profiling.tb_item SET value = value + 1');
SELECT meets('SELECT tviews_drain()');
ALTER TABLE tviews_batch.away RENAME TO queue;
ALTER TABLE tviews_batch.overflow RENAME TO away;
SELECT meets('UPDATE tviews_profiling.tb_item SET value = value + 1');
SELECT meets('SELECT tviews_drain()');
ALTER TABLE tviews_batch.away RENAME TO overflow;
CALL behind('ALTER TABLE tviews_batch.captured RENAME TO away');
SELECT meets('ALTER TABLE tviews_profiling.tb_item RENAME COLUMN value TO amount');
CALL behind('ALTER TABLE tviews_batch.away RENAME TO captured');
SELECT meets('SELECT tviews_drain()');
SELECT meets('CALL tviews_reconcile()');

-- changes that are no changes
UPDATE tb_group SET name = name || '.';
UPDATE tviews_batch.queue SET link = '\x00' WHERE source <> 0;
SELECT meets('SELECT tviews_drain()');
UPDATE tviews_batch.queue SET link = '\x0102030405060708090a0b0c0d0e0f' WHERE source <> 0;
SELECT meets('SELECT tviews_drain()');
DELETE FROM tviews_batch.queue WHERE source <> 0;
DELETE FROM tviews_batch.postponed;
SELECT meets('SELECT tviews_refresh(''tv_item'')');

-- a comparison in ranges finds its place damaged
UPDATE tviews_batch.tview SET stale_reason = 'damaged', compare_xid = pg_current_xact_id()::xid, compare_started = now(), compare_rows = 10,
       compare_total = 200, compare_step = 10, compare_pending = false, compare_place = '\x00';
SELECT meets('SELECT tviews_drain()');
UPDATE tviews_batch.tview SET stale_reason = 'damaged', next_try = NULL, compare_xid = pg_current_xact_id()::xid, compare_started = now(), compare_rows = 10,
       compare_total = 200, compare_step = 10, compare_pending = false, compare_place = '\x07ffff0000000000';
SELECT meets('SELECT tviews_drain()');
UPDATE tb_item SET fk_group = fk_group % 10 + 1 WHERE pk_item < 4;
UPDATE tviews_batch.tview SET stale_reason = 'damaged', next_try = NULL, compare_xid = pg_current_xact_id()::xid, compare_started = now(), compare_rows = 10,
       compare_total = 200, compare_step = 10, compare_pending = false,
       compare_place = '\x010500'::bytea || (SELECT link FROM tviews_batch.queue WHERE source = 'tb_item'::regclass AND link IS NOT NULL LIMIT 1);
SELECT meets('SELECT tviews_drain()');
UPDATE tviews_batch.tview SET compare_place = NULL, next_try = NULL;
SELECT meets('SELECT tviews_refresh(''tv_item'')');

-- tables, views and columns that changed behind its back
CALL behind('ALTER TABLE tv_item RENAME COLUMN name TO label');
UPDATE tb_item SET fk_group = fk_group % 10 + 1;
SELECT meets('SELECT tviews_drain()');
SELECT meets('SELECT tviews_verify(''tv_item'')');
CALL behind('ALTER TABLE tv_item RENAME COLUMN label TO name');
CALL behind('ALTER TABLE tv_item ALTER COLUMN name TYPE varchar(100)');
UPDATE tb_item SET fk_group = fk_group % 10 + 1;
SELECT meets('SELECT tviews_drain()');
SELECT meets('SELECT tviews_refresh(''tv_item'')');
SELECT meets('SELECT tviews_verify(''tv_item'')');
CALL behind('ALTER TABLE tv_item RENAME COLUMN pk_item TO pk');
UPDATE tb_item SET fk_group = fk_group % 10 + 1;
SELECT meets('SELECT tviews_drain()');
SELECT meets('SELECT tviews_retry(); SELECT tviews_drain()');
CALL behind('ALTER TABLE tv_item RENAME COLUMN pk TO pk_item');
CALL behind('ALTER VIEW v_item RENAME COLUMN pk_item TO pk');
SELECT meets('ALTER TABLE tb_group ALTER COLUMN name TYPE varchar(200)');
SELECT meets('ALTER TABLE tb_group ADD COLUMN more int');
SELECT meets('CREATE OR REPLACE VIEW v_item AS SELECT i.pk_item AS pk, g.name, i.amount AS value FROM tb_item i JOIN tb_group g ON g.pk_group = i.fk_group WHERE g.pk_group > 0');
SELECT meets('SELECT tviews_drain()');
CALL behind('ALTER VIEW v_item RENAME COLUMN pk TO pk_item');
CALL behind('DROP VIEW v_item');
UPDATE tb_item SET fk_group = fk_group % 10 + 1;
SELECT meets('SELECT tviews_drain()');
SELECT meets('SELECT tviews_verify(''tv_item'')');
SELECT meets('SELECT tviews_refresh(''tv_item'')');
SELECT meets('CALL tviews_reconcile()');
SELECT meets('SELECT * FROM tviews_status');
SELECT meets('SELECT tviews_drop(''tv_item'')');

-- more changes than the queue takes
SET tviews_batch.queue_limit = 1000;
CREATE TABLE tb_full (pk_full int PRIMARY KEY, value int NOT NULL);
CREATE VIEW v_full AS SELECT pk_full, value FROM tb_full;
SELECT tviews_create('v_full');
INSERT INTO tb_full SELECT i, i FROM generate_series(1, 600) i;
UPDATE tb_full SET value = value + 1;
UPDATE tb_full SET value = value + 1;
SELECT meets('SELECT tviews_drain()');
SELECT meets('SELECT tviews_drain()');
RESET tviews_batch.queue_limit;

-- a view for which no range pays
CREATE VIEW v_costly AS SELECT pk_item % 50 AS pk_costly, count(*) AS n FROM tb_item GROUP BY pk_item % 50;
SELECT tviews_create('v_costly', key => '{pk_costly}');
CALL tviews_reconcile('tv_costly');

-- names, limits, rights, types
SELECT meets(format('SELECT tviews_create_as(%L, ''SELECT 1 AS pk_x'')', repeat('x', 63)), '42622');
SELECT meets('CALL tviews_drain_loop(run_for => ''0 seconds'')', '22023');
SELECT meets('CALL tviews_drain_loop(pause => ''0 seconds'')');
SELECT meets('SELECT tviews_wait(''-1 second'')', '22023');
CREATE ROLE tviews_profiling_role;
GRANT EXECUTE ON FUNCTION public.tviews_set_queue(boolean) TO tviews_profiling_role;
DO $$
BEGIN
    SET LOCAL ROLE tviews_profiling_role;
    PERFORM public.tviews_set_queue(true);
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END $$;

-- refreshes within refreshes: a trigger on a TVIEW that drains, and so on
CREATE TABLE tb_deep (pk_deep int PRIMARY KEY, value int NOT NULL);
CREATE VIEW v_deep AS SELECT pk_deep, value FROM tb_deep;
SELECT tviews_create('v_deep');
CREATE FUNCTION deeper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tviews_profiling.tb_deep SET value = value + 1;
    PERFORM public.tviews_refresh('tviews_profiling.tv_deep');
    RETURN NULL;
END $$;
CREATE TRIGGER deeper AFTER INSERT OR UPDATE ON tv_deep FOR EACH STATEMENT EXECUTE FUNCTION deeper();
INSERT INTO tb_deep VALUES (1, 1);
SELECT meets('SELECT tviews_drain()');
SELECT meets('SELECT tviews_refresh(''tv_deep'')');

RESET tviews_batch.batch_keys;
DROP SCHEMA tviews_profiling CASCADE;
DROP OWNED BY tviews_profiling_role;
DROP ROLE tviews_profiling_role;
