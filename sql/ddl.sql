--
-- DDL on sources, views and TVIEWs: followed, or the TVIEW says that it is stale and why.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA ddl;
SET search_path = ddl, public;

-- one drain, then every TVIEW beside its view; compared: whole comparisons of that drain
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
CREATE VIEW state AS SELECT tview, level, state, reason, pending_changes AS pending FROM tviews_status ORDER BY tview::text COLLATE "C";

CREATE TABLE tb_a (pk_a int PRIMARY KEY, name text NOT NULL, unread int);
CREATE TABLE tb_b (pk_b int PRIMARY KEY, fk_a int NOT NULL REFERENCES tb_a, qty int NOT NULL, gone int);
INSERT INTO tb_a SELECT i, 'a' || i, i FROM generate_series(1, 5) i;
INSERT INTO tb_b SELECT i, i % 5 + 1, i, i FROM generate_series(1, 20) i;
CREATE VIEW v_b AS SELECT b.pk_b, b.qty, a.name FROM tb_b b JOIN tb_a a ON a.pk_a = b.fk_a;
SELECT tviews_create('v_b');
CREATE VIEW v_a AS SELECT a.pk_a, a.name, (SELECT jsonb_agg(jsonb_build_object('b', b.pk_b, 'n', b.name) ORDER BY b.pk_b)
    FROM tv_b b JOIN tb_b x ON x.pk_b = b.pk_b WHERE x.fk_a = a.pk_a) AS bs FROM tb_a a;
SELECT tviews_create('v_a');
SELECT * FROM drained();

--
-- What concerns nobody: no state changes, nothing is queued, nothing compared
--
CREATE OR REPLACE VIEW v_b AS
    SELECT b.pk_b, b.qty, a.name
      FROM tb_b b JOIN tb_a a ON a.pk_a = b.fk_a;   -- the same in other lines
ALTER TABLE tb_a ADD COLUMN extra int DEFAULT 7;
ALTER TABLE tb_a ALTER COLUMN unread TYPE bigint;
ALTER TABLE tb_b DROP COLUMN gone;
ALTER TABLE tb_a ALTER COLUMN extra SET NOT NULL;
CREATE INDEX ON tb_b (qty);
COMMENT ON TABLE tb_a IS 'comment';
COMMENT ON COLUMN v_b.qty IS 'comment';
ALTER TABLE tb_a SET (fillfactor = 90);
ALTER TABLE tb_a ADD CONSTRAINT positive CHECK (pk_a > 0);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER of_the_user AFTER INSERT ON tb_a FOR EACH STATEMENT EXECUTE FUNCTION nothing();
ALTER TABLE tb_a DISABLE TRIGGER of_the_user;
ALTER TABLE tb_a ENABLE TRIGGER of_the_user;
DROP TRIGGER of_the_user ON tb_a;
CREATE TABLE elsewhere (LIKE tb_a);
ALTER TABLE elsewhere RENAME TO elsewhere_else;
DROP TABLE elsewhere_else;
BEGIN;
ALTER TABLE tb_b RENAME fk_a TO fk_z;
ROLLBACK;
SELECT * FROM state;
SELECT * FROM drained();

--
-- Renames are followed, with changes under way, and compare nothing
--
SET client_min_messages = warning;
UPDATE tb_b SET qty = qty + 100 WHERE pk_b = 1;
ALTER TABLE tb_b RENAME fk_a TO fk_alpha;
UPDATE tb_b SET fk_alpha = 2 WHERE pk_b = 2;
ALTER TABLE tb_a RENAME TO tb_alpha;
UPDATE tb_alpha SET name = 'x' WHERE pk_a = 3;
ALTER TABLE tb_alpha RENAME pk_a TO pk_alpha;
ALTER TABLE tb_b RENAME pk_b TO pk_beta;
DELETE FROM tb_b WHERE pk_beta = 4;
ALTER SCHEMA ddl RENAME TO "D d l";
SET search_path = "D d l", public;
UPDATE tb_b SET qty = 0 WHERE pk_beta = 5;
CREATE SCHEMA ddl_two;
ALTER TABLE tb_alpha SET SCHEMA ddl_two;
UPDATE ddl_two.tb_alpha SET name = 'y' WHERE pk_alpha = 1;
SELECT * FROM state;
SELECT * FROM drained();
-- names that change places
ALTER TABLE tb_b RENAME qty TO t;
ALTER TABLE tb_b RENAME fk_alpha TO qty;
ALTER TABLE tb_b RENAME t TO fk_alpha;
UPDATE tb_b SET qty = 5 WHERE pk_beta IN (6, 7);
SELECT * FROM drained();
ALTER TABLE ddl_two.tb_alpha SET SCHEMA "D d l";
ALTER SCHEMA "D d l" RENAME TO ddl;
SET search_path = ddl, public;
UPDATE tb_b SET fk_alpha = 77 WHERE pk_beta IN (8, 9);
SELECT * FROM drained();
-- of the view, its TVIEW, and a column that is the key
ALTER VIEW v_b RENAME COLUMN pk_b TO pk_beta;
ALTER VIEW v_b RENAME COLUMN name TO alpha;
ALTER VIEW v_b RENAME TO v_beta;
ALTER TABLE tv_b RENAME TO tv_beta;
UPDATE tb_alpha SET name = 'z' WHERE pk_alpha = 4;
SELECT tview, view, key, refresh_key FROM tviews_batch.tview ORDER BY level;
SELECT * FROM drained();
SELECT * FROM tv_beta WHERE pk_beta = 3;
-- partitions and children
CREATE TABLE tb_p (k int NOT NULL, g int NOT NULL, v int, PRIMARY KEY (k, g)) PARTITION BY LIST (g);
CREATE TABLE tb_p1 PARTITION OF tb_p FOR VALUES IN (1);
CREATE TABLE tb_p2 PARTITION OF tb_p FOR VALUES IN (2);
CREATE VIEW v_p AS SELECT g, sum(v) AS v FROM tb_p GROUP BY g;
CREATE VIEW v_leaf AS SELECT k, v FROM tb_p2;
SELECT tviews_create('v_p'), tviews_create('v_leaf', key => '{k}');
INSERT INTO tb_p SELECT i, i % 2 + 1, i FROM generate_series(1, 10) i;
ALTER TABLE tb_p RENAME g TO grp;
ALTER TABLE tb_p RENAME v TO val;
UPDATE tb_p2 SET val = 0 WHERE k = 3;
UPDATE tb_p SET grp = 1 WHERE k = 5;
SELECT * FROM drained();
SELECT * FROM drained();
ALTER TABLE tb_p1 RENAME TO tb_p_one;
UPDATE tb_p_one SET val = 3 WHERE k = 2;
CREATE SCHEMA ddl_three CREATE TABLE tb_p3 PARTITION OF ddl.tb_p FOR VALUES IN (3);
INSERT INTO ddl_three.tb_p3 VALUES (30, 3, 30);
SELECT * FROM drained();
SELECT * FROM state;

--
-- The view is replaced
--
CREATE OR REPLACE VIEW v_beta AS SELECT b.pk_beta, b.fk_alpha AS qty, upper(a.name) AS alpha FROM tb_b b JOIN tb_alpha a ON a.pk_alpha = b.qty WHERE b.pk_beta > 2;
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
UPDATE tb_alpha SET name = 'replaced' WHERE pk_alpha = 2;
SELECT * FROM drained();
-- new columns, one of a table not read so far, with changes before and after
CREATE TABLE tb_c (pk_c int PRIMARY KEY, label varchar(10) COLLATE "C" NOT NULL);
INSERT INTO tb_c SELECT i, 'c' || i FROM generate_series(1, 5) i;
UPDATE tb_alpha SET name = 'before' WHERE pk_alpha = 1;
CREATE OR REPLACE VIEW v_beta AS SELECT b.pk_beta, b.fk_alpha AS qty, upper(a.name) AS alpha, c.label, ARRAY[c.pk_c] AS "Odd ""one"""
    FROM tb_b b JOIN tb_alpha a ON a.pk_alpha = b.qty LEFT JOIN tb_c c ON c.pk_c = a.pk_alpha;
UPDATE tb_c SET label = 'after' WHERE pk_c = 1;
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
UPDATE tb_c SET label = 'later' WHERE pk_c = 2;
SELECT * FROM drained();
SELECT attname, format_type(atttypid, atttypmod), attcollation::regcollation FROM pg_attribute WHERE attrelid = 'tv_beta'::regclass AND attnum > 3 ORDER BY attnum;
SELECT source, route FROM tviews_explain('tv_beta');
-- a view that it reads is replaced
CREATE VIEW v_inner AS SELECT pk_c, label FROM tb_c;
CREATE VIEW v_outer AS SELECT pk_c, label FROM v_inner;
SELECT tviews_create('v_outer', key => '{pk_c}');
CREATE OR REPLACE VIEW v_inner AS SELECT pk_c, lower(label)::varchar(10) COLLATE "C" AS label FROM tb_c WHERE pk_c < 4;
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
-- whole rows
CREATE VIEW v_whole AS SELECT pk_c, to_jsonb(c) AS doc FROM tb_c c;
SELECT tviews_create('v_whole', key => '{pk_c}');
ALTER TABLE tb_c ADD COLUMN n int DEFAULT 3;
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
UPDATE tb_c SET n = 4 WHERE pk_c = 3;
SELECT * FROM drained();
ALTER TABLE tb_c RENAME n TO number;
SELECT * FROM drained();
ALTER TABLE tb_c ALTER number TYPE text USING 'n' || number;
SELECT * FROM drained();
ALTER TABLE tb_c DROP COLUMN number;
SELECT * FROM drained();
SELECT * FROM tv_whole WHERE pk_c = 3;
DROP VIEW v_whole, v_outer CASCADE;
-- a column that is read cannot change its type
ALTER TABLE tb_b ALTER fk_alpha TYPE bigint;
ALTER TABLE tb_b DROP COLUMN fk_alpha;

--
-- What cannot be followed stays stale, with the reason; others go on
--
CREATE OR REPLACE VIEW v_p AS SELECT grp AS g, sum(val) AS v FROM tb_p WHERE random() < 2 GROUP BY grp;
SELECT * FROM state WHERE state <> 'ok';
UPDATE tb_p SET val = 9 WHERE k = 3;
SELECT * FROM drained();
SELECT tviews_refresh('tv_p');
CREATE OR REPLACE VIEW v_p AS SELECT grp AS g, sum(val) AS v FROM tb_p GROUP BY grp;
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
CREATE OR REPLACE VIEW v_p AS SELECT grp AS g, sum(val) AS v FROM tb_p WHERE now() > '2000-01-01' GROUP BY grp;
SELECT * FROM state WHERE state <> 'ok';
CREATE OR REPLACE VIEW v_p AS SELECT grp AS g, sum(val) AS v FROM tb_p GROUP BY grp;
-- the TVIEW's own columns
ALTER TABLE tv_p RENAME v TO w;
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
ALTER TABLE tv_p RENAME w TO v;
SELECT * FROM drained();
ALTER TABLE tv_p ALTER v TYPE numeric;
SELECT * FROM state WHERE state <> 'ok';
ALTER TABLE tv_p ALTER v TYPE bigint;
SELECT * FROM drained();
ALTER TABLE tv_p DROP COLUMN g;
SELECT * FROM state WHERE state <> 'ok';
SELECT tviews_drop('tv_p');
SELECT tviews_create('v_p');
-- the owner of the view may not read a new source
CREATE ROLE ddl_owner;
GRANT USAGE, CREATE ON SCHEMA ddl TO ddl_owner;
GRANT SELECT, TRIGGER ON tb_c TO ddl_owner;
CREATE TABLE tb_priv (pk int PRIMARY KEY, name text NOT NULL);
INSERT INTO tb_priv VALUES (1, 'secret');
GRANT SELECT ON tb_priv TO ddl_owner;
SET ROLE ddl_owner;
CREATE VIEW v_owned AS SELECT pk_c, label::text AS label FROM tb_c;
SELECT tviews_create('v_owned', key => '{pk_c}');
CREATE OR REPLACE VIEW v_owned AS SELECT pk AS pk_c, name COLLATE "C" AS label FROM tb_priv;
RESET ROLE;
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
GRANT TRIGGER ON tb_priv TO ddl_owner;
SELECT tviews_refresh('tv_owned');
UPDATE tb_priv SET name = 'granted';
SELECT * FROM drained();
SELECT * FROM state;
ALTER TABLE tb_priv ENABLE ROW LEVEL SECURITY;
SELECT tview, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();
ALTER TABLE tb_priv DISABLE ROW LEVEL SECURITY;
SELECT tview, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();

--
-- Functions and types
--
CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * i';
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (x int, y int);
CREATE TYPE nested AS (p pair);
CREATE TABLE tb_f (pk_f int PRIMARY KEY, n int, m mood, ms mood[], p pair, q nested[]);
INSERT INTO tb_f SELECT i, i, 'good', '{bad}', ROW(i, i)::pair, ARRAY[ROW(ROW(i, i))::nested] FROM generate_series(1, 3) i;
CREATE VIEW v_f AS SELECT pk_f, twice(n) AS n2 FROM tb_f;
CREATE VIEW v_mood AS SELECT pk_f, m::text AS m, to_jsonb(p) AS p, to_jsonb(q) AS q FROM tb_f;
SELECT tviews_create('v_f'), tviews_create('v_mood', key => '{pk_f}');
CREATE OR REPLACE FUNCTION unrelated(i int) RETURNS int LANGUAGE sql AS 'SELECT i';
ALTER TYPE mood ADD VALUE 'new';
ALTER FUNCTION twice(int) RENAME TO doubled;
SELECT * FROM state WHERE state <> 'ok';
CREATE OR REPLACE FUNCTION doubled(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * i + 1';
SELECT * FROM state WHERE state <> 'ok';
SELECT * FROM drained();
ALTER TYPE mood RENAME VALUE 'good' TO 'fine';
SELECT tview, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();
SELECT * FROM drained();
ALTER TYPE pair ADD ATTRIBUTE z int;
SELECT tview, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();
SELECT * FROM drained();
SELECT * FROM tv_mood WHERE pk_f = 1;

-- a table's row type, as the type of a column elsewhere, and of a domain
CREATE TABLE tb_row (x int);
CREATE DOMAIN row_domain AS tb_row;
CREATE TABLE tb_rows (pk_rows int PRIMARY KEY, r tb_row, rs tb_row[], d row_domain);
INSERT INTO tb_rows VALUES (1, '(1)', '{(2)}', '(3)');
CREATE VIEW v_rows AS SELECT pk_rows, r FROM tb_rows;
CREATE VIEW v_rows_text AS SELECT pk_rows, r::text, to_jsonb(rs) AS rs, to_jsonb(d) AS d FROM tb_rows;
CREATE VIEW v_rows_number AS SELECT pk_rows FROM tb_rows;
SELECT tviews_create('v_rows'), tviews_create('v_rows_text', key => '{pk_rows}'), tviews_create('v_rows_number', key => '{pk_rows}');
CREATE VIEW v_rows_above AS SELECT pk_rows, to_jsonb(r) AS r FROM tv_rows;
SELECT tviews_create('v_rows_above', key => '{pk_rows}');
ALTER TABLE tb_row ADD COLUMN y int;
SELECT tview, reason FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
ALTER TABLE tb_row RENAME x TO z;
SELECT count(*) FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
ALTER TABLE tb_row DROP COLUMN y;
SELECT count(*) FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
ALTER TABLE tb_row ALTER z SET DEFAULT 1;
SELECT count(*) FROM state WHERE state <> 'ok';
SELECT * FROM drained();
TABLE tv_rows_text;
TABLE tv_rows_above;
SELECT tviews_drop('tv_rows_above'), tviews_drop('tv_rows_text'), tviews_drop('tv_rows_number');
DROP VIEW v_rows_above, v_rows_text, v_rows_number;
SELECT tviews_drop('tv_rows');
DROP VIEW v_rows;
DROP TABLE tb_rows, tb_row CASCADE;

-- columns of rows that are read as a whole, rewritten or exchanged for others of the same name
CREATE TABLE tb_cols (pk_cols int PRIMARY KEY, v int, x int);
CREATE TABLE tb_cols_child () INHERITS (tb_cols);
INSERT INTO tb_cols VALUES (1, 1, 1);
INSERT INTO tb_cols_child VALUES (2, 2, 2);
CREATE VIEW v_cols AS SELECT pk_cols, to_jsonb(c) AS c FROM tb_cols c;
CREATE VIEW v_cols_child AS SELECT pk_cols, c::text FROM tb_cols_child c;
CREATE VIEW v_cols_number AS SELECT pk_cols FROM tb_cols;
SELECT tviews_create('v_cols', key => '{pk_cols}'), tviews_create('v_cols_child', key => '{pk_cols}'), tviews_create('v_cols_number', key => '{pk_cols}');
ALTER TABLE tb_cols ALTER v TYPE int USING v * 10;
SELECT tview, reason FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
ALTER TABLE tb_cols DROP x, ADD x int DEFAULT 7;
SELECT tview, reason FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
SELECT * FROM drained();
TABLE tv_cols;
TABLE tv_cols_child;
SELECT tviews_drop('tv_cols'), tviews_drop('tv_cols_child'), tviews_drop('tv_cols_number');
DROP TABLE tb_cols, tb_cols_child CASCADE;

-- a nested view read as a whole: its columns' names show
CREATE VIEW part_f AS SELECT pk_f, n AS amount FROM tb_f;
CREATE VIEW v_part AS SELECT pk_f, to_jsonb(p) AS p FROM part_f p WHERE pk_f < 3;
CREATE VIEW v_part_plain AS SELECT pk_f, p.amount FROM part_f p;
SELECT tviews_create('v_part', key => '{pk_f}'), tviews_create('v_part_plain', key => '{pk_f}');
ALTER VIEW part_f RENAME amount TO number;
SELECT tview, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();
TABLE tv_part;
SELECT tviews_drop('tv_part'), tviews_drop('tv_part_plain');
DROP VIEW v_part, v_part_plain, part_f;

ALTER FUNCTION doubled(int) VOLATILE;
SELECT tview, reason FROM state WHERE state <> 'ok';
ALTER FUNCTION doubled(int) IMMUTABLE;
SELECT * FROM drained();
SELECT * FROM state WHERE state <> 'ok';

--
-- Capture and guard switched off, on again, or dropped
--
ALTER TABLE tb_f DISABLE TRIGGER ALL;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();
SELECT * FROM drained();
SELECT tview, state, reason FROM state WHERE state <> 'ok';
UPDATE tb_f SET n = 50;
ALTER TABLE tb_f ENABLE TRIGGER ALL;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'tb_f'::regclass ORDER BY 1;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();
SELECT * FROM drained();
SELECT tview, state, reason FROM state WHERE state <> 'ok';
CREATE OR REPLACE TRIGGER tviews_capture_update AFTER UPDATE OF pk_f ON tb_f FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();
ALTER TABLE tb_f ENABLE ALWAYS TRIGGER tviews_capture_update;
UPDATE tb_f SET n = 55;
SELECT * FROM drained();
SELECT tview, state, reason FROM state WHERE state <> 'ok';
DROP TRIGGER tviews_capture_update ON tb_f;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();
SELECT * FROM drained();
UPDATE tb_f SET n = 60;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
SELECT tviews_refresh('tv_f');                     -- makes the trigger again
SELECT tview, state, reason FROM state WHERE state <> 'ok';
SELECT * FROM drained();
UPDATE tb_f SET n = 61 WHERE pk_f = 1;
SELECT * FROM drained();
-- so does a comparison of all that are stale, also when drains have compared them since
DROP TRIGGER tviews_capture_delete ON tb_f;
SELECT * FROM drained();
SELECT * FROM drained();
CALL tviews_reconcile();
SELECT tview, state, reason FROM state WHERE state <> 'ok';
ALTER TABLE tv_f DISABLE TRIGGER tviews_guard;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
UPDATE tv_f SET n2 = 0;
ALTER TABLE tv_f ENABLE TRIGGER tviews_guard;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'tv_f'::regclass ORDER BY 1;
SELECT * FROM drained();
DROP TRIGGER tviews_guard ON tv_f;
SELECT * FROM drained();
SELECT tview, state, reason FROM state WHERE state <> 'ok';
SELECT tviews_refresh('tv_f');
SELECT tview, state, reason FROM state WHERE state <> 'ok';
-- under names that the user has given them
ALTER TRIGGER tviews_capture_insert ON tb_f RENAME TO "mine now";
ALTER TRIGGER tviews_guard ON tv_f RENAME TO "this, too";
ALTER TABLE tb_f DISABLE TRIGGER "mine now";
INSERT INTO tb_f (pk_f, n) VALUES (10, 10);
ALTER TABLE tb_f ENABLE ALWAYS TRIGGER "mine now";
SELECT tview, state, reason FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
SELECT * FROM drained();
ALTER TABLE tv_f DISABLE TRIGGER "this, too";
UPDATE tv_f SET n2 = 0;
ALTER TABLE tv_f ENABLE ALWAYS TRIGGER "this, too";
SELECT tview, state, reason FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
SELECT * FROM drained();
CREATE TRIGGER of_the_user AFTER INSERT ON tb_f FOR EACH STATEMENT EXECUTE FUNCTION nothing();
DROP TRIGGER of_the_user ON tb_f;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
DROP TRIGGER "mine now" ON tb_f;
INSERT INTO tb_f (pk_f, n) VALUES (11, 11);
CREATE VIEW v_again AS SELECT pk_f FROM tb_f;
SELECT tviews_create('v_again', key => '{pk_f}');          -- makes the trigger again
SELECT tview, state, reason FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
SELECT * FROM drained();
DROP TABLE tv_again;
DROP VIEW v_again;
-- without event triggers nothing of this is noticed, but that is shown; also when they are on again, until drains have compared
ALTER EVENT TRIGGER tviews_batch_follow_ddl DISABLE;
SELECT DISTINCT state, reason FROM state;
ALTER TABLE tb_f DISABLE TRIGGER tviews_capture_insert;
ALTER TABLE tb_f RENAME n TO renamed;
ALTER EVENT TRIGGER tviews_batch_follow_ddl ENABLE ALWAYS;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
ALTER TABLE tb_f ENABLE ALWAYS TRIGGER tviews_capture_insert;
CALL tviews_reconcile();
UPDATE tb_f SET renamed = 62 WHERE pk_f = 1;
SELECT * FROM drained();
SELECT tview, state, reason FROM state WHERE state <> 'ok';

--
-- Cycles and levels
--
CREATE VIEW v_c1 AS SELECT pk_c, 1 AS n FROM tb_c;
SELECT tviews_create('v_c1', key => '{pk_c}');
CREATE VIEW v_c2 AS SELECT pk_c, n + 1 AS n FROM tv_c1;
SELECT tviews_create('v_c2', key => '{pk_c}');
CREATE VIEW v_c3 AS SELECT pk_c, n + 1 AS n FROM tv_c2;
SELECT tviews_create('v_c3', key => '{pk_c}');
CREATE OR REPLACE VIEW v_c1 AS SELECT pk_c, n FROM tv_c2;
SELECT * FROM state WHERE tview::text LIKE 'tv_c_';
INSERT INTO tb_c VALUES (6, 'c6');
SELECT * FROM drained();
SELECT * FROM drained();
CREATE OR REPLACE VIEW v_c1 AS SELECT pk_c, n FROM tv_c1;
SELECT * FROM state WHERE tview::text LIKE 'tv_c_';
CREATE OR REPLACE VIEW v_c1 AS SELECT pk_c, 10 AS n FROM tb_c;
SELECT * FROM state WHERE tview::text LIKE 'tv_c_';
SELECT * FROM drained();
SELECT * FROM drained();
SELECT * FROM drained();
SELECT * FROM tv_c3 ORDER BY 1 LIMIT 2;
-- a level less for those above, more for those below
CREATE OR REPLACE VIEW v_c2 AS SELECT pk_c, 5 AS n FROM tb_c;
SELECT * FROM state WHERE tview::text LIKE 'tv_c_';
SELECT * FROM drained();
CREATE OR REPLACE VIEW v_c1 AS SELECT pk_c, n FROM tv_c3;
SELECT * FROM state WHERE tview::text LIKE 'tv_c_';
SELECT * FROM drained();
DELETE FROM tb_c WHERE pk_c = 6;
SELECT * FROM drained();
SELECT tviews_drop('tv_c3', keep_table => true);
SELECT * FROM state WHERE tview::text LIKE 'tv_c_';
UPDATE tv_c3 SET n = 77 WHERE pk_c = 1;
SELECT * FROM drained();

--
-- Drops
--
DROP TABLE tb_f;
ALTER TABLE tb_f DROP COLUMN m CASCADE;
SELECT * FROM drained();
SELECT tview FROM state WHERE tview::text IN ('tv_mood', 'tv_f');
UPDATE tv_mood SET m = 'by hand' WHERE pk_f = 1;        -- an ordinary table now
DROP TABLE tv_c1;
DROP VIEW v_f;
SELECT tview FROM state WHERE tview::text IN ('tv_mood', 'tv_f');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'tb_f'::regclass;
DROP TABLE tb_f;
DROP TABLE tv_beta CASCADE;
SELECT * FROM state;
UPDATE tb_alpha SET name = 'w' WHERE pk_alpha = 1;
SELECT * FROM drained();
DROP TABLE tb_p CASCADE;
SELECT * FROM state;
-- a TVIEW that reads another's rows as a whole shows a column that is added or renamed, also where no row changes by it
CREATE TABLE tb_w (id int PRIMARY KEY, v int);
INSERT INTO tb_w VALUES (1, 1);
CREATE VIEW v_w AS SELECT id, v FROM tb_w;
SELECT tviews_create('v_w', key => '{id}');
CREATE VIEW v_shown AS SELECT w.id, to_jsonb(w) AS doc FROM tv_w w;
SELECT tviews_create('v_shown', key => '{id}');
CREATE OR REPLACE VIEW v_w AS SELECT id, v, NULL::int AS n FROM tb_w;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_shown'::regclass;
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM tviews_drain(); END LOOP; END $$;
SELECT doc, (SELECT state FROM tviews_status WHERE tview = 'tv_shown'::regclass) FROM tv_shown;
ALTER VIEW v_w RENAME COLUMN v TO renamed;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_shown'::regclass;
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM tviews_drain(); END LOOP; END $$;
SELECT doc, (SELECT state FROM tviews_status WHERE tview = 'tv_shown'::regclass) FROM tv_shown;
DROP TABLE tv_w CASCADE;
DROP TABLE tb_w CASCADE;
-- a session that has written to a source captures what a replaced view reads more of it, also through a partition
CREATE TABLE tb_more (id int, g int, n int, m int) PARTITION BY RANGE (id);
CREATE TABLE tb_more_1 PARTITION OF tb_more FOR VALUES FROM (0) TO (10);
CREATE VIEW v_more AS SELECT g, count(*) AS c FROM tb_more GROUP BY g;
SELECT tviews_create('v_more');
INSERT INTO tb_more VALUES (1, 1, 1, 1);
UPDATE tb_more SET g = 2;
UPDATE tb_more_1 SET g = 3;
SELECT * FROM drained();
CREATE OR REPLACE VIEW v_more AS SELECT g, count(*) AS c, sum(n) AS n FROM tb_more GROUP BY g;
SELECT * FROM drained();
UPDATE tb_more SET n = 2;
SELECT * FROM drained();
CREATE OR REPLACE VIEW v_more AS SELECT g, count(*) AS c, sum(n) AS n, sum(m) AS m FROM tb_more GROUP BY g;
SELECT * FROM drained();
UPDATE tb_more_1 SET m = 2;
SELECT * FROM drained();
TABLE tv_more;
DROP TABLE tb_more CASCADE;
DROP TABLE tv_more;
-- a table of a composite type takes part in what is done to the type
CREATE TYPE shape AS (id int, g int, n int);
CREATE TABLE tb_typed OF shape (PRIMARY KEY (id));
INSERT INTO tb_typed VALUES (1, 1, 1), (2, 1, 2);
CREATE VIEW v_typed AS SELECT id, to_jsonb(t) AS doc FROM tb_typed t;
CREATE VIEW v_sum AS SELECT g, sum(n) AS n FROM tb_typed GROUP BY g;
SELECT tviews_create('v_typed'), tviews_create('v_sum');
UPDATE tb_typed SET n = 3 WHERE id = 1;
ALTER TYPE shape RENAME ATTRIBUTE g TO h CASCADE;
SELECT * FROM drained();
ALTER TYPE shape ADD ATTRIBUTE m int CASCADE;
SELECT * FROM drained();
UPDATE tb_typed SET h = 2 WHERE id = 1;
SELECT * FROM drained();
UPDATE tb_typed SET m = 2 WHERE id = 1;
SELECT * FROM drained();
TABLE tv_typed ORDER BY id;
DROP TABLE tb_typed CASCADE;
DROP TABLE tv_typed, tv_sum;
DROP TYPE shape;
-- a view's query is its rule, which can be replaced as such
CREATE TABLE tb_ruled (id int PRIMARY KEY, n int, m int);
INSERT INTO tb_ruled VALUES (1, 10, 100);
CREATE VIEW v_below AS SELECT id, n FROM tb_ruled;
CREATE VIEW v_ruled AS SELECT id, n FROM v_below;
SELECT tviews_create('v_ruled', key => '{id}');
CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO v_below DO INSTEAD SELECT id, m AS n FROM tb_ruled;
SELECT * FROM drained();
UPDATE tb_ruled SET m = 101;
SELECT * FROM drained();
TABLE tv_ruled;
DROP TABLE tb_ruled CASCADE;
DROP TABLE tv_ruled;
-- other values, or another column, under the name and with the type that a column of a row read as a whole had
CREATE TABLE tb_values (id int PRIMARY KEY, n int, extra int);
INSERT INTO tb_values VALUES (1, 1, 1);
CREATE VIEW v_values AS SELECT id, to_jsonb(t) AS doc FROM tb_values t;
CREATE VIEW v_n AS SELECT id, n FROM tb_values;
SELECT tviews_create('v_values');
CREATE VIEW v_above AS SELECT w.id, to_jsonb(w) AS doc FROM tv_values w;
SELECT tviews_create('v_n'), tviews_create('v_above', key => '{id}');
ALTER TABLE tb_values ALTER COLUMN extra TYPE int USING extra + 1;
SELECT * FROM state;
SELECT * FROM drained();
ALTER TABLE tb_values DROP COLUMN extra, ADD COLUMN extra int DEFAULT 7;
SELECT * FROM drained();
TABLE tv_values;
-- the same done to a TVIEW
ALTER TABLE tv_n ALTER COLUMN n TYPE int USING n + 1;
SELECT * FROM drained();
ALTER TABLE tv_n DROP COLUMN n, ADD COLUMN n int;
SELECT * FROM drained();
ALTER TABLE tv_values ALTER COLUMN id TYPE int;
SELECT * FROM drained();
TABLE tv_n;
DROP TABLE tb_values CASCADE;
DROP TABLE tv_values CASCADE;
DROP TABLE tv_n, tv_above;
-- entries of the queue whose type is gone cannot be read, and hold up nothing
CREATE TYPE shade AS ENUM ('low', 'high');
CREATE TABLE tb_shade (id int PRIMARY KEY, shade shade);
CREATE TABLE tb_calm (id int PRIMARY KEY, v int);
CREATE VIEW v_shade AS SELECT shade, count(*) AS n FROM tb_shade GROUP BY shade;
CREATE VIEW v_calm AS SELECT id, v FROM tb_calm;
SELECT tviews_create('v_shade'), tviews_create('v_calm');
INSERT INTO tb_shade VALUES (1, 'low'), (2, 'high');
SELECT tviews_drop('tv_shade');
DROP VIEW v_shade;
ALTER TABLE tb_shade ALTER shade TYPE text;
DROP TYPE shade;
INSERT INTO tb_calm VALUES (1, 1);
CREATE VIEW v_shade AS SELECT shade, count(*) AS n FROM tb_shade GROUP BY shade;
SELECT tviews_create('v_shade');
INSERT INTO tb_shade VALUES (3, 'low');
SELECT * FROM drained();
TABLE tv_calm;
DROP TABLE tb_shade, tb_calm CASCADE;
DROP TABLE tv_shade, tv_calm;
-- columns that go with their type, out of rows that are read as a whole and out of values of row types
CREATE TYPE hue AS ENUM ('red');
CREATE TYPE paint AS (n int, hue hue);
CREATE TABLE tb_wall (id int PRIMARY KEY, hue hue);
CREATE TABLE tb_house (id int PRIMARY KEY, wall tb_wall, paint paint);
CREATE VIEW v_wall AS SELECT id, to_jsonb(w) AS doc FROM tb_wall w;
CREATE VIEW v_house AS SELECT id, to_jsonb(wall) AS wall FROM tb_house;
CREATE VIEW v_paint AS SELECT id, to_jsonb(paint) AS paint FROM tb_house;
SELECT tviews_create('v_wall'), tviews_create('v_house'), tviews_create('v_paint');
INSERT INTO tb_wall VALUES (1, 'red');
INSERT INTO tb_house SELECT 1, w, (1, 'red')::paint FROM tb_wall w;
SELECT * FROM drained();
DROP TYPE hue CASCADE;
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text;
SELECT * FROM drained();
SELECT * FROM drained();
SELECT * FROM drained();
TABLE tv_wall;
TABLE tv_house;
TABLE tv_paint;
DROP TABLE tb_wall, tb_house CASCADE;
DROP TYPE paint;
DROP TABLE tv_wall, tv_house, tv_paint;
-- the TVIEW has columns of the user's: one that is altered shows where it is read as a whole; one whose name a column of the view is given is the view's
CREATE TABLE tb_own (id int PRIMARY KEY, name text, price numeric);
INSERT INTO tb_own VALUES (1, 'one', 1.25), (2, 'two', 2.75);
CREATE VIEW v_own AS SELECT id, name, price FROM tb_own;
SELECT tviews_create('v_own');
ALTER TABLE tv_own ADD COLUMN mine int DEFAULT 4, ADD COLUMN label text;
CREATE VIEW v_over AS SELECT id, to_jsonb(t) - 'label' AS doc FROM tv_own t;
SELECT tviews_create('v_over', key => '{id}');
SELECT changes FROM tviews_drain();
SELECT changes FROM tviews_drain();
ALTER TABLE tv_own ALTER COLUMN mine TYPE int USING mine + 1;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
TABLE tv_over;
DROP TABLE tv_over, tv_own CASCADE;
SELECT tviews_create('v_own');
ALTER TABLE tv_own ADD COLUMN label text;
SELECT changes FROM tviews_drain();
SELECT changes FROM tviews_drain();
ALTER VIEW v_own RENAME COLUMN name TO label;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
CALL tviews_reconcile();
SELECT id, label, price FROM tv_own;
-- a column that would cut the view's values, and one of the key's that sorts otherwise
ALTER TABLE tv_own ALTER COLUMN price TYPE numeric(10, 1);
SELECT tview, state, reason FROM state WHERE state <> 'ok';
ALTER TABLE tv_own ALTER COLUMN price TYPE numeric;
CALL tviews_reconcile();
SELECT id, label, price FROM tv_own;
CREATE VIEW v_sorted AS SELECT label AS pk_sorted, id FROM v_own;
SELECT tviews_create('v_sorted');
ALTER TABLE tv_sorted ALTER COLUMN pk_sorted TYPE text COLLATE "C";
SELECT tview, state, reason FROM state WHERE state <> 'ok';
ALTER TABLE tv_sorted ALTER COLUMN pk_sorted TYPE text;
CALL tviews_reconcile();
SELECT tview, state, reason FROM state WHERE state <> 'ok';
DROP TABLE tb_own CASCADE;
DROP TABLE tv_own, tv_sorted;
-- ALTER INDEX renames tables, too
CREATE TABLE tb_one (id int PRIMARY KEY, g int);
CREATE TABLE tb_two (id int PRIMARY KEY, g int);
CREATE TABLE tb_three (id int PRIMARY KEY, g int, n int);
INSERT INTO tb_one VALUES (1, 1);
INSERT INTO tb_three VALUES (1, 1, 1);
CREATE VIEW v_one AS SELECT a.id, b.n FROM tb_one a JOIN tb_three b ON a.g = b.g;
SELECT tviews_create('v_one', key => '{id}');
SELECT * FROM drained();
SELECT * FROM drained();
ALTER INDEX tb_one RENAME TO tb_was_one;
ALTER INDEX tb_two RENAME TO tb_one;
UPDATE tb_three SET n = 2;
SELECT * FROM drained();
DROP TABLE tb_one, tb_was_one, tb_three CASCADE;
DROP TABLE tv_one;
-- a table that deferred constraints of the transaction are to be checked for cannot be given triggers: the next drain does
CREATE TABLE tb_ref (id int PRIMARY KEY);
CREATE TABLE tb_deferred (id int PRIMARY KEY, ref int REFERENCES tb_ref DEFERRABLE INITIALLY DEFERRED);
INSERT INTO tb_ref VALUES (1), (2);
CREATE VIEW v_ref AS SELECT id, 0::bigint AS n FROM tb_ref;
SELECT tviews_create('v_ref');
SELECT * FROM drained();
SELECT * FROM drained();
SET client_min_messages = error;
BEGIN;
INSERT INTO tb_deferred VALUES (1, 1);
CREATE OR REPLACE VIEW v_ref AS SELECT id, (SELECT count(*) FROM tb_deferred d WHERE d.ref = r.id) AS n FROM tb_ref r;
COMMIT;
SET client_min_messages = warning;
SELECT tview, state, reason FROM state WHERE state <> 'ok';
SELECT compared, differences FROM drained();
INSERT INTO tb_deferred VALUES (2, 2);
SELECT * FROM drained();
TABLE tv_ref;
DROP TABLE tb_ref, tb_deferred CASCADE;
DROP TABLE tv_ref;
-- a view is dropped whose TVIEW others read: it is a table like others
CREATE TABLE tb_low (id int PRIMARY KEY, g int);
INSERT INTO tb_low VALUES (1, 1), (2, 1);
CREATE VIEW v_low AS SELECT id, g FROM tb_low;
SELECT tviews_create('v_low');
CREATE VIEW v_high AS SELECT g, count(*) AS n FROM tv_low GROUP BY g;
SELECT tviews_create('v_high');
DROP VIEW v_low;
INSERT INTO tv_low VALUES (3, 2);
SELECT * FROM drained();
TABLE tv_high;
DROP TABLE tb_low, tv_low CASCADE;
DROP TABLE tv_high;
-- commands that drop a view, or columns, along with something else
CREATE TYPE duo AS (x int, y int);
CREATE TABLE tb_duo (id int PRIMARY KEY, d duo);
INSERT INTO tb_duo VALUES (1, '(1,2)');
CREATE VIEW v_duo AS SELECT id, (d).x FROM tb_duo;
SELECT tviews_create('v_duo');
ALTER TYPE duo DROP ATTRIBUTE x CASCADE;
SELECT tview, view FROM tviews_batch.tview WHERE tview = 'tv_duo'::regclass;
INSERT INTO tv_duo VALUES (3, 3);
DROP TABLE tb_duo, tv_duo;
DROP TYPE duo;
-- a domain that allows less: rows of the view fail; and as much as before
CREATE DOMAIN positive AS int;
CREATE TABLE tb_pos (id int PRIMARY KEY, n int, p positive);
INSERT INTO tb_pos VALUES (1, -1, 1), (2, 2, 2);
CREATE VIEW v_pos AS SELECT id, n::positive::bigint AS n FROM tb_pos;
CREATE VIEW v_in AS SELECT id, p::int AS p FROM tb_pos;
SELECT tviews_create('v_pos'), tviews_create('v_in');
SELECT * FROM drained();
SELECT * FROM drained();
ALTER DOMAIN positive ADD CONSTRAINT positive CHECK (VALUE > 0);
SELECT tview, state, reason FROM state WHERE state <> 'ok';
SELECT changes FROM drained();
SELECT changes FROM drained();
SELECT tview, state, reason FROM state WHERE state <> 'ok';
ALTER DOMAIN positive DROP CONSTRAINT positive;
SELECT changes, differences FROM drained();
SELECT tview, state, reason FROM state WHERE state <> 'ok';
DROP TABLE tb_pos CASCADE;
DROP TABLE tv_pos, tv_in;
DROP DOMAIN positive;
DROP OWNED BY ddl_owner CASCADE;
DROP ROLE ddl_owner;
SELECT * FROM state;
RESET search_path;
DROP SCHEMA ddl CASCADE;
SELECT count(*) FROM tviews_status;
SELECT count(*) FROM tviews_batch.captured;
SELECT count(*) FROM tviews_batch.source;
DROP SCHEMA ddl_two CASCADE;
DROP SCHEMA ddl_three CASCADE;
DROP EXTENSION pg_tviews_batch;
