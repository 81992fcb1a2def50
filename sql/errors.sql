--
-- Wrong input: each its own SQLSTATE, message and hint, and nothing left behind.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA wrong;
SET search_path = wrong, public;

-- run a statement that must fail, and show SQLSTATE, message, detail and hint
CREATE FUNCTION refused(statement text) RETURNS TABLE (code text, message text, detail text, hint text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    code := '00000'; message := 'not refused'; RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN NEXT;
END $$;
\pset expanded on

CREATE TABLE t (id int PRIMARY KEY, g int, doc json);
INSERT INTO t SELECT i, i % 3, '{}' FROM generate_series(1, 9) i;
CREATE VIEW v_t AS SELECT id, g, doc FROM t;
CREATE VIEW v_nokey AS SELECT t.g, u.doc FROM t, t u;
CREATE VIEW v_random AS SELECT id, random() AS r FROM t;
CREATE VIEW v_now AS SELECT id, now() AS at FROM t;
CREATE VIEW v_ctid AS SELECT id, t.ctid AS place FROM t;
CREATE VIEW v_lock AS SELECT id FROM t FOR UPDATE;
CREATE VIEW v_sample AS SELECT id FROM t TABLESAMPLE system (10);
CREATE VIEW v_grouped AS SELECT r, count(*) AS n FROM (SELECT t AS r FROM t) s GROUP BY r ORDER BY r USING OPERATOR(pg_catalog.*<);
CREATE VIEW v_distinct AS SELECT DISTINCT r FROM (SELECT t AS r FROM t) s ORDER BY r USING OPERATOR(pg_catalog.*>);
CREATE VIEW v_partition AS SELECT id, count(*) OVER (PARTITION BY t ORDER BY t USING OPERATOR(pg_catalog.*<)) AS n FROM t;
CREATE VIEW v_falling AS SELECT g, count(*) AS n FROM t GROUP BY g ORDER BY g USING >;
CREATE MATERIALIZED VIEW mv AS SELECT g, count(*) AS n FROM t GROUP BY g;
CREATE VIEW v_mv AS SELECT g, n FROM mv;
CREATE TABLE tv_taken (id int);
CREATE VIEW v_taken AS SELECT id FROM t;
CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1';
CREATE VIEW v_mine AS SELECT id, mine(g) AS g FROM t;
CREATE VIEW v_catalog AS SELECT oid, relname FROM pg_class;
CREATE TEMP TABLE passing (id int PRIMARY KEY);
CREATE TEMP VIEW v_temp AS SELECT id FROM passing;

-- the view
SELECT * FROM refused($$SELECT tviews_create('v_absent')$$);
SELECT * FROM refused($$SELECT tviews_create(NULL)$$);
SELECT * FROM refused($$SELECT tviews_create('t')$$);
SELECT * FROM refused($$SELECT tviews_create(4294967295::oid::regclass)$$);
SELECT * FROM refused($$SELECT tviews_create('v_temp')$$);
DO $$BEGIN EXECUTE 'CREATE VIEW v_wide AS SELECT id' || (SELECT string_agg(', id AS c' || i, '') FROM generate_series(1, 800) i) || ' FROM t'; END$$;
SELECT * FROM refused($$SELECT tviews_create('v_wide')$$);
CREATE VIEW v_none AS SELECT FROM t;
SELECT * FROM refused($$SELECT tviews_create('v_none')$$);
-- the name
SELECT * FROM refused($$SELECT tviews_create('v_taken')$$);
SELECT * FROM refused($$SELECT tviews_create('v_t', tview => '')$$);
SELECT * FROM refused(format('CREATE VIEW %I AS SELECT id FROM wrong.t; SELECT tviews_create(%L)',
                             repeat('x', 62), repeat('x', 62)));
SELECT * FROM refused(format($$SELECT tviews_create_as(%L, 'SELECT id FROM wrong.t')$$, 'tv_' || repeat('x', 70)));
-- the key
SELECT * FROM refused($$SELECT tviews_create('v_t', key => '{nothing}')$$);
SELECT * FROM refused($$SELECT tviews_create('v_t', key => '{id,id}')$$);
SELECT * FROM refused($$SELECT tviews_create('v_t', key => '{}')$$);
SELECT * FROM refused($$SELECT tviews_create('v_t', key => '{NULL}')$$);
SELECT * FROM refused($$SELECT tviews_create('v_t', key => '{doc}')$$);
SELECT * FROM refused($$SELECT tviews_create('v_t', key => '{g}')$$);
SELECT * FROM refused($$SELECT tviews_create('v_nokey')$$);
-- what triggers cannot see
SELECT * FROM refused($$SELECT tviews_create('v_random')$$);
SELECT * FROM refused($$SELECT tviews_create('v_random', refresh_every => '1 minute')$$);
CREATE FUNCTION add_some(int, int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT $1 + $2';
CREATE AGGREGATE sum_some(int) (sfunc = add_some, stype = int, initcond = '0');
CREATE VIEW v_sum_some AS SELECT g, sum_some(id) AS s FROM t GROUP BY g;
SELECT * FROM refused($$SELECT tviews_create('v_sum_some')$$);
SELECT * FROM refused($$SELECT tviews_create('v_now')$$);
SELECT * FROM refused($$SELECT tviews_create('v_ctid')$$);
SELECT * FROM refused($$SELECT tviews_create('v_lock')$$);
SELECT * FROM refused($$SELECT tviews_create('v_sample')$$);
SELECT * FROM refused($$SELECT tviews_create('v_grouped', key => '{n}')$$);
SELECT * FROM refused($$SELECT tviews_create('v_distinct')$$);
SELECT * FROM refused($$SELECT tviews_create('v_partition')$$);
SELECT tviews_create('v_falling', populate => false);
SELECT tviews_drop('tv_falling');
SELECT * FROM refused($$SELECT tviews_create('v_mv')$$);
SELECT * FROM refused($$SELECT tviews_create('v_mine')$$);
SELECT * FROM refused($$SELECT tviews_create('v_catalog', key => '{oid}')$$);
CREATE VIEW v_own AS SELECT source, count(*) AS n FROM tviews_batch.queue GROUP BY source;
SELECT * FROM refused($$SELECT tviews_create('v_own')$$);
DROP VIEW v_own;
SELECT * FROM refused($$SELECT tviews_create('v_t', refresh_every => '-1 day')$$);
-- the query of the one-call form
SELECT * FROM refused($$SELECT tviews_create_as('tv_two', 'SELECT id FROM wrong.t; SELECT 1')$$);
SELECT * FROM refused($$SELECT tviews_create_as('tv_two', 'DELETE FROM wrong.t')$$);
SELECT * FROM refused($$SELECT tviews_create_as('tv_two', 'SELEC')$$);
SELECT * FROM refused($$SELECT tviews_create_as(NULL, 'SELECT 1')$$);
-- dropping and others on what is no TVIEW
SELECT * FROM refused($$SELECT tviews_drop('t')$$);
SELECT * FROM refused($$SELECT tviews_drop(NULL)$$);
SELECT * FROM refused($$SELECT tviews_verify('t')$$);
SELECT * FROM refused($$SELECT tviews_refresh('v_t')$$);
SELECT * FROM refused($$SELECT tviews_drain(0)$$);
SELECT * FROM refused($$SELECT tviews_drain(max_ms => -1)$$);

-- nothing was left behind
\pset expanded off
SELECT relname FROM pg_class WHERE relnamespace = 'wrong'::regnamespace AND relname LIKE 'tv%' ORDER BY 1;
SELECT count(*) FROM tviews_batch.tview;
SELECT count(*) FROM tviews_batch.source;
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'tviews%';

-- writing a TVIEW, and dropping one that another is built on
SELECT tviews_create('v_t', key => '{id}');
CREATE VIEW v_top AS SELECT g, count(*) AS n FROM tv_t GROUP BY g;
SELECT tviews_create('v_top');
\pset expanded on
SELECT * FROM refused($$UPDATE tv_t SET g = 0$$);
SELECT * FROM refused($$DELETE FROM tv_t$$);
SELECT * FROM refused($$TRUNCATE tv_t$$);
SELECT * FROM refused($$INSERT INTO tv_t VALUES (0)$$);
SELECT * FROM refused($$SELECT tviews_drop('tv_t')$$);
-- too many levels
SET tviews_batch.max_depth = 2;
CREATE VIEW v_third AS SELECT n, count(*) AS m FROM tv_top GROUP BY n;
SELECT * FROM refused($$SELECT tviews_create('v_third')$$);
RESET tviews_batch.max_depth;
\pset expanded off

-- isolation levels
\set VERBOSITY sqlstate
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tviews_create('v_third');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM tviews_drain();
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT tviews_drop('tv_top');
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM tviews_drain();
ROLLBACK;
\set VERBOSITY default

-- a guard that is off lets repairs through, and says so
SET tviews_batch.guard = off;
UPDATE tv_t SET g = 7 WHERE id = 1;
RESET tviews_batch.guard;
SELECT tview, state, reason FROM tviews_status ORDER BY level;
SELECT * FROM tviews_verify('tv_t');
SELECT updated FROM tviews_drain();
SELECT updated FROM tviews_drain();
SELECT tview, state, reason FROM tviews_status ORDER BY level;
SELECT * FROM tviews_verify('tv_t');

-- refresh_every lets in what triggers cannot see
SELECT tviews_create('v_mv', key => '{g}', refresh_every => '0 seconds');
INSERT INTO t SELECT i, 5, '{}' FROM generate_series(10, 12) i;
REFRESH MATERIALIZED VIEW mv;
SELECT inserted > 0 AS seen FROM tviews_drain();
SELECT * FROM tviews_verify('tv_mv');

DROP SCHEMA wrong CASCADE;
SELECT count(*) FROM tviews_batch.tview;
