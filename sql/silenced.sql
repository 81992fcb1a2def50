--
-- tviews_batch.capture = off, however it was switched off and whatever the statement: never silent, one change of
-- all rows for each table that was written, and the TVIEWs are compared.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA silenced;
SET search_path = silenced, public;
CREATE TABLE t (id int PRIMARY KEY, v int);
CREATE TABLE p (id int, day int, v int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE);
INSERT INTO t SELECT i, i FROM generate_series(1, 10) i;
INSERT INTO p SELECT i, i, i FROM generate_series(1, 19) i;
INSERT INTO c SELECT i, i FROM generate_series(1, 10) i;
CREATE VIEW v_t AS SELECT id, v FROM t;
CREATE VIEW v_p AS SELECT id, day, v FROM p;
CREATE VIEW v_c AS SELECT id, t FROM c;
SELECT tviews_create('v_t', key => '{id}'), tviews_create('v_p', key => '{id,day}'), tviews_create('v_c', key => '{id}');

-- what a statement logged, then a drain and the rows that differ
CREATE FUNCTION followed() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    logged text;
    differing int;
BEGIN
    SELECT string_agg(format('%s %s', source::regclass, CASE WHEN link IS NULL THEN 'all' ELSE 'some' END), ', ' ORDER BY source::regclass::text, link)
      INTO logged FROM tviews_batch.queue WHERE source <> 0;
    PERFORM tviews_drain();
    SELECT count(*) INTO differing FROM (
        (TABLE v_t EXCEPT ALL TABLE tv_t) UNION ALL (TABLE tv_t EXCEPT ALL TABLE v_t) UNION ALL
        (TABLE v_c EXCEPT ALL TABLE tv_c) UNION ALL (TABLE tv_c EXCEPT ALL TABLE v_c)) x;
    differing := differing + (SELECT count(*) FROM ((TABLE v_p EXCEPT ALL TABLE tv_p) UNION ALL (TABLE tv_p EXCEPT ALL TABLE v_p)) x);
    RETURN format('%s; %s differ', coalesce(logged, 'nothing'), differing);
END $$;

-- each kind of statement
SET tviews_batch.capture = off;
INSERT INTO t SELECT i, i FROM generate_series(11, 20) i;
SELECT followed();
UPDATE t SET v = v + 1;
SELECT followed();
INSERT INTO t VALUES (1, 0), (21, 0) ON CONFLICT (id) DO UPDATE SET v = 100;
SELECT followed();
MERGE INTO t USING (VALUES (2), (3), (30)) s(id) ON t.id = s.id
    WHEN MATCHED AND s.id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET v = 7 WHEN NOT MATCHED THEN INSERT VALUES (s.id, 1);
SELECT followed();
WITH d AS (DELETE FROM t WHERE id = 20 RETURNING id) UPDATE p SET v = 0 WHERE id IN (SELECT id - 10 FROM d);
SELECT followed();
COPY t FROM STDIN;
40	1
41	1
\.
SELECT followed();
DELETE FROM t WHERE id = 4;
SELECT followed();
UPDATE p SET day = day + 10 WHERE id = 1;
SELECT followed();
UPDATE p1 SET v = 5;
SELECT followed();
MERGE INTO p USING (VALUES (2), (3)) s(id) ON p.id = s.id WHEN MATCHED THEN UPDATE SET v = 8;
SELECT followed();
TRUNCATE p2;
SELECT followed();
TRUNCATE t CASCADE;
SELECT followed();
-- a statement that changes no row is none
UPDATE t SET v = 1;
SELECT followed();
RESET tviews_batch.capture;

-- switched off for a function, a role, a database, and in the midst of a transaction
CREATE FUNCTION load() RETURNS void LANGUAGE sql SET tviews_batch.capture = off AS 'INSERT INTO silenced.t SELECT i, i FROM generate_series(1, 5) i';
SELECT load();
SELECT followed();
UPDATE t SET v = 0 WHERE id = 1;
SELECT followed();
SELECT current_user AS me \gset
CREATE ROLE regress_silenced LOGIN SUPERUSER;
ALTER ROLE regress_silenced SET tviews_batch.capture = off;
\c - regress_silenced
UPDATE silenced.t SET v = 3 WHERE id < 4;
\c - :me
SET search_path = silenced, public;
SET client_min_messages = warning;
SELECT followed();
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET tviews_batch.capture = off;
\c -
UPDATE silenced.t SET v = 4 WHERE id < 3;
ALTER DATABASE :"db" RESET tviews_batch.capture;
\c -
SET search_path = silenced, public;
SET client_min_messages = warning;
SELECT followed();
BEGIN;
UPDATE t SET v = 50 WHERE id = 5;
SET LOCAL tviews_batch.capture = off;
UPDATE t SET v = 6 WHERE id = 4;
COMMIT;
SELECT followed();

-- the row triggers of a table in a subscription
CREATE TRIGGER row AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION tviews_batch.capture();
ALTER TABLE t DISABLE TRIGGER USER;
ALTER TABLE t ENABLE REPLICA TRIGGER row;
SET session_replication_role = replica;
UPDATE t SET v = 8 WHERE id < 3;
SELECT followed();
SET tviews_batch.capture = off;
UPDATE t SET v = 9 WHERE id < 3;
SELECT followed();
RESET tviews_batch.capture;
RESET session_replication_role;

SET client_min_messages = error;
DROP SCHEMA silenced CASCADE;
DROP ROLE regress_silenced;
