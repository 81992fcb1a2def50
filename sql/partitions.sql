--
-- Partitions and inheritance children: named by the root or by a leaf, with
-- other column orders, attached, detached and dropped later; a view of one leaf.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA parting;
SET search_path = parting, public;

CREATE FUNCTION drained(OUT changes bigint, OUT differences bigint) LANGUAGE plpgsql AS $$
DECLARE
    t record;
    n bigint;
BEGIN
    SELECT d.changes INTO changes FROM tviews_drain() d;
    differences := 0;
    FOR t IN SELECT tview, view FROM tviews_batch.tview LOOP
        EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$s EXCEPT ALL TABLE %2$s) x)
                             + (SELECT count(*) FROM (TABLE %2$s EXCEPT ALL TABLE %1$s) x)', t.tview, t.view) INTO n;
        differences := differences + n;
    END LOOP;
END $$;

CREATE TABLE m (gone int, id int NOT NULL, day int NOT NULL, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
ALTER TABLE m DROP COLUMN gone;
CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10);
CREATE TABLE m2 (v text, day int NOT NULL, extra_gone int, id int NOT NULL);
ALTER TABLE m2 DROP COLUMN extra_gone;
ALTER TABLE m ATTACH PARTITION m2 FOR VALUES FROM (10) TO (20);
CREATE TABLE m3 PARTITION OF m FOR VALUES FROM (20) TO (40) PARTITION BY LIST (day);
CREATE TABLE m3a PARTITION OF m3 FOR VALUES IN (20, 21, 22);
CREATE TABLE m3b PARTITION OF m3 DEFAULT;
INSERT INTO m (id, day, v) SELECT i, i % 40, 'v' || i FROM generate_series(1, 80) i;
CREATE VIEW v_day AS SELECT day, count(*) AS n, max(v) AS top FROM m GROUP BY day;
CREATE VIEW v_leaf AS SELECT id, day, v FROM m2;
CREATE VIEW v_only AS SELECT id, v FROM ONLY m3a WHERE id > 0;
SELECT tviews_create('v_day'), tviews_create('v_leaf', key => '{id,day}'), tviews_create('v_only', key => '{id}');
SELECT source, relation FROM tviews_batch.captured ORDER BY source::text COLLATE "C", relation::text COLLATE "C";

-- by the root, by a leaf, by a partition between, across partitions
UPDATE m SET v = 'root' WHERE id = 12;
SELECT * FROM drained();
UPDATE m2 SET v = 'leaf' WHERE id = 13;
SELECT * FROM drained();
UPDATE m3 SET v = 'between' WHERE id = 21;
SELECT * FROM drained();
UPDATE m SET day = 15 WHERE id = 3;
SELECT * FROM drained();
UPDATE m3 SET day = 30 WHERE day = 20;
SELECT * FROM drained();
INSERT INTO m2 (id, day, v) VALUES (500, 11, 'direct');
INSERT INTO m3a (id, day, v) VALUES (501, 22, 'direct');
DELETE FROM m WHERE id IN (14, 22);
SELECT * FROM drained();
TRUNCATE m1;
SELECT * FROM drained();
TRUNCATE m3;
SELECT * FROM drained();

-- created, attached with rows, detached, dropped
CREATE TABLE m4 PARTITION OF m FOR VALUES FROM (40) TO (50);
SELECT * FROM tviews_queue_depth;
INSERT INTO m4 (id, day, v) VALUES (600, 44, 'new');
SELECT * FROM drained();
CREATE TABLE m5 (id int NOT NULL, v text, day int NOT NULL);
INSERT INTO m5 VALUES (700, 'came along', 55);
ALTER TABLE m ATTACH PARTITION m5 FOR VALUES FROM (50) TO (60);
SELECT * FROM drained();
UPDATE m5 SET v = 'later';
SELECT * FROM drained();
ALTER TABLE m DETACH PARTITION m5;
SELECT * FROM drained();
SELECT count(*) AS triggers_left FROM pg_trigger WHERE tgrelid = 'm5'::regclass;
DROP TABLE m4;
SELECT * FROM drained();
-- a root above a table that was captured alone
CREATE TABLE single (id int NOT NULL, k int NOT NULL);
INSERT INTO single VALUES (1, 1);
CREATE VIEW v_single AS SELECT k, count(*) AS n FROM single GROUP BY k;
SELECT tviews_create('v_single');
CREATE TABLE above (k int NOT NULL, id int NOT NULL) PARTITION BY RANGE (k);
ALTER TABLE above ATTACH PARTITION single FOR VALUES FROM (0) TO (100);
INSERT INTO above (id, k) VALUES (2, 2), (3, 2);
SELECT * FROM drained();
SELECT * FROM tv_single ORDER BY k;

-- inheritance
CREATE TABLE person (id int PRIMARY KEY, name text, grp int);
CREATE TABLE staff (salary int, PRIMARY KEY (id)) INHERITS (person);
INSERT INTO person SELECT i, 'p' || i, i % 3 FROM generate_series(1, 9) i;
INSERT INTO staff SELECT i, 's' || i, i % 3, 100 FROM generate_series(11, 19) i;
CREATE VIEW v_grp AS SELECT grp, count(*) AS n, max(name) AS top FROM person GROUP BY grp;
CREATE VIEW v_staff AS SELECT grp, sum(salary) AS salary FROM staff GROUP BY grp;
CREATE VIEW v_parent AS SELECT grp, count(*) AS n FROM ONLY person GROUP BY grp;
SELECT tviews_create('v_grp'), tviews_create('v_staff'), tviews_create('v_parent');
UPDATE person SET grp = 7 WHERE id IN (1, 11);
SELECT * FROM drained();
UPDATE staff SET name = 'zz' WHERE id = 12;
SELECT * FROM drained();
DELETE FROM person WHERE id IN (2, 13);
SELECT * FROM drained();
CREATE TABLE chief () INHERITS (staff);
INSERT INTO chief VALUES (30, 'boss', 2, 1000);
SELECT * FROM drained();
ALTER TABLE chief NO INHERIT staff;
SELECT * FROM drained();
ALTER TABLE chief INHERIT person;
SELECT * FROM drained();
UPDATE chief SET grp = 3;
SELECT * FROM drained();
-- a second parent of a child, which is no ancestor of the source
CREATE TABLE badge (id int, issued int);
CREATE TABLE guard () INHERITS (staff, badge);
INSERT INTO guard (id, name, grp, salary, issued) VALUES (40, 'g1', 1, 50, 1), (41, 'g2', 2, 60, 2);
SELECT * FROM drained();
DELETE FROM badge WHERE issued = 2;
SELECT * FROM drained();
CREATE TABLE locker (id int, grp int);
ALTER TABLE guard INHERIT locker;
SELECT * FROM drained();
UPDATE locker SET grp = 5;
SELECT * FROM drained();
ALTER TABLE guard NO INHERIT locker;
SELECT count(*) AS triggers_left FROM pg_trigger WHERE tgrelid = 'locker'::regclass;
SELECT * FROM drained();

-- a child that goes, and comes back, while it is the parent of another: it is a relative of the source all the time
CREATE TABLE deputy () INHERITS (person);
CREATE TABLE aide () INHERITS (deputy, person);
INSERT INTO deputy VALUES (60, 'd', 1);
SELECT * FROM drained();
ALTER TABLE deputy NO INHERIT person;
SELECT * FROM drained();
ALTER TABLE deputy INHERIT person;
SELECT * FROM drained();
DROP TABLE aide, deputy;
SELECT * FROM drained();
-- rows of a temporary child are in one session's view only
CREATE TEMP TABLE visitor () INHERITS (person);
INSERT INTO visitor VALUES (50, 'v', 1);
SELECT * FROM drained();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
DROP TABLE visitor;
SELECT * FROM drained();
-- and go without DDL
CREATE TEMP TABLE visitor () INHERITS (person);
INSERT INTO visitor VALUES (50, 'v', 1);
SELECT * FROM drained();
SELECT count(*) AS notes FROM tviews_batch.unfollowed;
DISCARD TEMP;
SELECT * FROM drained();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
BEGIN;
CREATE TEMP TABLE visitor () INHERITS (person) ON COMMIT DROP;
INSERT INTO visitor VALUES (51, 'w', 1);
COMMIT;
SELECT * FROM drained();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
SELECT (SELECT count(*) FROM tviews_batch.unfollowed) AS notes, count(*) AS captured FROM tviews_batch.captured WHERE relation NOT IN (SELECT oid FROM pg_class);

-- a child may have NULLs where its parent has none: a partition of a window, too
-- 18 lets a child have NULLs only where the parent's NOT NULL is not inherited
SELECT current_setting('server_version_num')::int >= 180000 AS no_inherit \gset
\if :no_inherit
CREATE TABLE kin (id int PRIMARY KEY, g int CONSTRAINT kin_g NOT NULL NO INHERIT, v int);
CREATE TABLE kid (PRIMARY KEY (id)) INHERITS (kin);
\else
CREATE TABLE kin (id int PRIMARY KEY, g int NOT NULL, v int);
CREATE TABLE kid (PRIMARY KEY (id)) INHERITS (kin);
ALTER TABLE kid ALTER g DROP NOT NULL;
\endif
INSERT INTO kin VALUES (1, 1, 1);
INSERT INTO kid VALUES (2, NULL, 1), (3, NULL, 2);
CREATE VIEW v_kin AS SELECT id, g, sum(v) OVER (PARTITION BY g) AS s FROM kin;
SELECT tviews_create('v_kin', key => '{id}');
UPDATE kid SET v = 10 WHERE id = 2;
SELECT updated FROM tviews_drain();
TABLE v_kin EXCEPT ALL TABLE tv_kin;
SELECT tviews_drop('tv_kin');
DROP VIEW v_kin;

-- and its key may have a NULL; nor does the parent's primary key tell one row
INSERT INTO kid VALUES (1, 2, 7);
CREATE VIEW v_kin AS SELECT g, count(*) AS n, sum(v) AS s FROM kin GROUP BY g;
SET client_min_messages = notice;
SELECT tviews_create('v_kin');
CREATE TABLE like_kin (v int PRIMARY KEY, name text);
INSERT INTO like_kin VALUES (1, 'one'), (7, 'seven'), (8, 'eight');
CREATE VIEW v_like_kin AS SELECT l.v, x.g FROM like_kin l JOIN (SELECT id, v, max(g) AS g FROM kin GROUP BY id) x ON x.v = l.v;
SELECT tviews_create('v_like_kin', key => '{v}');
SET client_min_messages = warning;
SELECT source, route FROM tviews_explain('tv_like_kin') ORDER BY 1;
INSERT INTO kid VALUES (4, NULL, 8);
UPDATE kid SET g = 5 WHERE id = 2;
UPDATE kid SET g = 9 WHERE id = 1;
SELECT failed FROM tviews_drain();
TABLE v_kin EXCEPT ALL TABLE tv_kin;
TABLE tv_kin EXCEPT ALL TABLE v_kin;
SELECT * FROM tviews_verify('tv_like_kin');
SELECT tviews_drop('tv_kin'), tviews_drop('tv_like_kin');
-- where all children are as their parent is, the key is a primary key
UPDATE kid SET g = 0 WHERE g IS NULL;
ALTER TABLE kid ALTER g SET NOT NULL;
SELECT tviews_create('v_kin');
SELECT conname FROM pg_constraint WHERE conrelid = 'tv_kin'::regclass AND contype = 'p';
SELECT tviews_drop('tv_kin');
DROP VIEW v_kin, v_like_kin;
DROP TABLE like_kin;

-- partitions that generate a column otherwise than the table above says: what is shown of it through that is not what is stored
SELECT CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'GENERATED ALWAYS AS (k + 7) STORED' ELSE '' END AS generated \gset
CREATE TABLE made (id int NOT NULL, k int NOT NULL, g int :generated, o int GENERATED ALWAYS AS (id % 2) STORED) PARTITION BY LIST (k);
CREATE TABLE made1 (id int NOT NULL, k int NOT NULL, g int GENERATED ALWAYS AS (id % 2 + k - k + 10) STORED, o int GENERATED ALWAYS AS (id % 2) STORED);
CREATE TABLE made2 (o int GENERATED ALWAYS AS (id % 2) STORED, g int GENERATED ALWAYS AS (id % 2 + k - k + 100) STORED, k int NOT NULL, id int NOT NULL);
ALTER TABLE made ATTACH PARTITION made1 FOR VALUES IN (1);
ALTER TABLE made ATTACH PARTITION made2 FOR VALUES IN (2);
INSERT INTO made1 (id, k) SELECT i, 1 FROM generate_series(1, 3) i;
CREATE VIEW v_made AS SELECT g, count(*) AS n FROM made GROUP BY g;
CREATE VIEW v_made_id AS SELECT id, g FROM made;
SELECT tviews_create('v_made'), tviews_create('v_made_id', key => '{id}');
UPDATE made SET k = 2 WHERE id = 1;
SELECT * FROM drained();
INSERT INTO made (id, k) VALUES (4, 2);
SELECT * FROM drained();
UPDATE made2 SET k = 2;
SELECT * FROM drained();
TABLE tv_made ORDER BY g;
SELECT tviews_drop('tv_made'), tviews_drop('tv_made_id');
-- where all compute the same, what is shown of a row that is updated is right
CREATE VIEW v_odd AS SELECT o, count(*) AS n, sum(k) AS k FROM made GROUP BY o;
SELECT tviews_create('v_odd');
UPDATE made SET k = 3 - k WHERE id = 1;
SELECT count(*) AS entries, count(link) AS of_values FROM tviews_batch.queue WHERE source = 'made'::regclass;
SELECT * FROM drained();
INSERT INTO made (id, k) VALUES (6, 2);
SELECT * FROM drained();
TABLE tv_odd ORDER BY o;
SELECT tviews_drop('tv_odd');

-- a foreign table below a relation that is captured: statements that write it cannot give their rows to triggers
CREATE EXTENSION IF NOT EXISTS postgres_fdw SCHEMA public;
DO $$
BEGIN
    EXECUTE format('CREATE SERVER parting_self FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
                   split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER parting_self;
CREATE TABLE away (id int, k int, v text);
CREATE TABLE near (id int, k int, v text) PARTITION BY LIST (k);
CREATE TABLE near1 PARTITION OF near FOR VALUES IN (1);
CREATE TABLE near2 PARTITION OF near FOR VALUES IN (2);
CREATE VIEW v_near AS SELECT v, count(*) AS n FROM near1 GROUP BY v;
SELECT tviews_create('v_near');
CREATE VIEW images AS SELECT tgrelid::regclass AS relation, tgname, tgoldtable, tgnewtable, tgenabled FROM pg_trigger
    WHERE tgname ~ '^tviews_capture' AND tgname !~ 'truncate' ORDER BY tgrelid::regclass::text COLLATE "C", tgname;
CREATE FOREIGN TABLE near3 PARTITION OF near FOR VALUES IN (3) SERVER parting_self OPTIONS (schema_name 'parting', table_name 'away');
SELECT * FROM images WHERE relation IN ('near'::regclass, 'near1'::regclass);
INSERT INTO near VALUES (1, 1, 'a'), (2, 2, 'a'), (3, 3, 'a');
SELECT * FROM drained();
UPDATE near SET v = 'b';
SELECT * FROM drained();
UPDATE near SET k = 1 WHERE id = 2;
SELECT * FROM drained();
DELETE FROM near WHERE id IN (1, 3);
SELECT * FROM drained();
UPDATE near1 SET v = 'c';
SELECT count(*) AS entries, count(link) AS of_values FROM tviews_batch.queue WHERE source = 'near1'::regclass;
SELECT * FROM drained();
TABLE tv_near;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_near'::regclass;
-- what is disabled stays so
ALTER TABLE near DISABLE TRIGGER tviews_capture_delete;
ALTER TABLE near DETACH PARTITION near3;
SELECT * FROM images WHERE relation = 'near'::regclass;
ALTER TABLE near ENABLE ALWAYS TRIGGER tviews_capture_delete;
ALTER TABLE near ATTACH PARTITION near3 FOR VALUES IN (3);
SELECT DISTINCT tgoldtable, tgnewtable, tgenabled FROM images WHERE relation = 'near'::regclass;
DROP FOREIGN TABLE near3;
SELECT count(*) AS with_images FROM images WHERE relation = 'near'::regclass AND coalesce(tgoldtable, tgnewtable) IS NOT NULL;
-- children: an INSERT writes its table alone
CREATE TABLE kith (id int, v text);
CREATE TABLE kith1 () INHERITS (kith);
CREATE FOREIGN TABLE kith2 () INHERITS (kith) SERVER parting_self OPTIONS (schema_name 'parting', table_name 'away');
CREATE VIEW v_kith AS SELECT v, count(*) AS n FROM kith1 GROUP BY v;
SELECT tviews_create('v_kith');
SELECT * FROM images WHERE relation = 'kith'::regclass;
INSERT INTO kith VALUES (1, 'a');
INSERT INTO kith1 VALUES (2, 'a');
INSERT INTO away VALUES (3, 3, 'a');
SELECT * FROM drained();
UPDATE kith SET v = 'b';
SELECT * FROM drained();
DELETE FROM kith WHERE id <> 2;
SELECT * FROM drained();
TABLE tv_kith;
SELECT tviews_drop('tv_near'), tviews_drop('tv_kith');
SELECT count(*) AS triggers_left FROM images WHERE relation IN ('near'::regclass, 'kith'::regclass);

-- a TVIEW with a child: whoever reads it reads the child's rows, and follows what is written there
CREATE TABLE base (id int PRIMARY KEY, n int);
INSERT INTO base SELECT i, i FROM generate_series(1, 5) i;
CREATE VIEW v_base AS SELECT id, n FROM base;
SELECT tviews_create('v_base');
CREATE VIEW v_above AS SELECT id, n FROM tv_base;
SELECT tviews_create('v_above', key => '{id}');
CREATE FUNCTION above(OUT changes bigint, OUT differences bigint, OUT state text, OUT reason text) LANGUAGE plpgsql AS $$
BEGIN
    SELECT d.changes INTO changes FROM tviews_drain() d;
    SELECT count(*) INTO differences FROM ((TABLE tv_above EXCEPT ALL TABLE v_above) UNION ALL (TABLE v_above EXCEPT ALL TABLE tv_above)) x;
    SELECT s.state, s.reason INTO state, reason FROM tviews_status s WHERE tview = 'tv_above'::regclass;
END $$;
CREATE TABLE child () INHERITS (tv_base);
CREATE TABLE grandchild () INHERITS (child);
INSERT INTO child VALUES (77, 7);
INSERT INTO grandchild VALUES (78, 8);
SELECT * FROM above();
UPDATE child SET n = n + 1;
UPDATE base SET n = n + 1 WHERE id = 1;
SELECT * FROM above();
ALTER TABLE grandchild NO INHERIT child;
SELECT * FROM above();
UPDATE grandchild SET n = 0;
DELETE FROM child;
INSERT INTO child VALUES (79, 9);
SELECT * FROM above();
DROP TABLE child;
SELECT * FROM above();
SELECT count(*) FROM tviews_batch.captured WHERE source = 'tv_base'::regclass;
SELECT state FROM tviews_status WHERE tview = 'tv_base'::regclass;
-- made for one that has a child
ALTER TABLE grandchild INHERIT tv_base;
CREATE VIEW v_beside AS SELECT id, n FROM tv_base;
SELECT tviews_create('v_beside', key => '{id}');
UPDATE grandchild SET n = 1;
SELECT * FROM above();
SELECT count(*) FROM ((TABLE tv_beside EXCEPT ALL TABLE v_beside) UNION ALL (TABLE v_beside EXCEPT ALL TABLE tv_beside)) x;
SELECT tviews_drop('tv_beside');
SELECT tviews_drop('tv_above');
DROP VIEW v_beside, v_above;
DROP TABLE grandchild;
-- a TVIEW that is a child of a table: whoever reads that is told of what drains write, by the next drain
CREATE TABLE over (id int NOT NULL, n int);
INSERT INTO over VALUES (90, 0);
CREATE VIEW v_above AS SELECT id, n FROM over;
SELECT tviews_create('v_above', key => '{id}');
ALTER TABLE tv_base INHERIT over;
SELECT * FROM above();
UPDATE base SET n = n + 1 WHERE id < 3;
DELETE FROM base WHERE id = 4;
SELECT * FROM above();
SELECT * FROM above();
ALTER TABLE tv_base NO INHERIT over;
SELECT * FROM above();
SELECT tviews_drop('tv_above');
SELECT tviews_drop('tv_base');
DROP VIEW v_above, v_base;

-- DDL that concerns nobody is not looked at
CREATE TABLE elsewhere (a int);
ALTER TABLE elsewhere ADD COLUMN b int;
SELECT * FROM tviews_queue_depth;
SELECT tview, state FROM tviews_status WHERE state <> 'ok';

SET client_min_messages = error;
DROP SCHEMA parting CASCADE;
DROP EXTENSION postgres_fdw CASCADE;
SELECT (SELECT count(*) FROM tviews_batch.tview) AS tviews, (SELECT count(*) FROM tviews_batch.captured) AS captured;
SELECT changes FROM tviews_drain();
