--
-- MERGE through a partitioned table: the server leaves rows that its UPDATE moves to
-- another partition out of the transition tables, so all rows count as changed where it could move one.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA merging;
SET search_path = merging, public;
CREATE TABLE m (id int, day int, v int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10);
CREATE TABLE m2 (v int, day int NOT NULL, id int NOT NULL);
ALTER TABLE m ATTACH PARTITION m2 FOR VALUES FROM (10) TO (20);
INSERT INTO m SELECT i, i, i FROM generate_series(0, 19) i;
CREATE VIEW v_day AS SELECT day, count(*) AS n, max(v) AS top FROM m GROUP BY day;
SELECT tviews_create('v_day');
CREATE VIEW difference AS
    SELECT (SELECT count(*) FROM (TABLE v_day EXCEPT ALL TABLE tv_day) x) AS missing,
           (SELECT count(*) FROM (TABLE tv_day EXCEPT ALL TABLE v_day) x) AS unexpected;

-- only moves; moves beside other actions; from a function
MERGE INTO m USING (VALUES (1, 11)) s(id, day) ON m.id = s.id WHEN MATCHED THEN UPDATE SET day = s.day;
SELECT changes FROM tviews_drain();
TABLE difference;
MERGE INTO m USING (VALUES (30, 3), (2, 12), (3, 3), (31, 13), (4, 0)) s(id, day) ON m.id = s.id
    WHEN MATCHED AND s.day = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET day = s.day, v = 100
    WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.day, 7);
SELECT changes > 0 AS logged FROM tviews_drain();
TABLE difference;
DO $$ BEGIN
    UPDATE m SET v = v WHERE id = 5;
    MERGE INTO m USING (VALUES (5, 15)) s(id, day) ON m.id = s.id WHEN MATCHED THEN UPDATE SET day = s.day;
END $$;
SELECT changes FROM tviews_drain();
TABLE difference;

-- after a trigger of the user's that runs statements of its own
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM count(*) FROM m; RETURN NULL; END $$;
CREATE TRIGGER a_look AFTER UPDATE ON m FOR EACH STATEMENT EXECUTE FUNCTION look();
MERGE INTO m USING (VALUES (0, 10)) s(id, day) ON m.id = s.id WHEN MATCHED THEN UPDATE SET day = s.day;
SELECT changes FROM tviews_drain();
TABLE difference;
DROP TRIGGER a_look ON m;

-- the first statement of a session, which loads the library
\c -
SET search_path = merging, public;
MERGE INTO m USING (VALUES (6, 16)) s(id, day) ON m.id = s.id WHEN MATCHED THEN UPDATE SET day = s.day;
SELECT changes FROM tviews_drain();
TABLE difference;
\c -
SET search_path = merging, public;
DO $$ BEGIN
    MERGE INTO m USING (VALUES (7, 17)) s(id, day) ON m.id = s.id WHEN MATCHED THEN UPDATE SET day = s.day;
END $$;
SELECT changes FROM tviews_drain();
TABLE difference;
-- a plain UPDATE, that calls one
CREATE TABLE caller (n int);
INSERT INTO caller VALUES (0);
CREATE FUNCTION merge_back() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    MERGE INTO merging.m USING (VALUES (7, 7)) s(id, day) ON m.id = s.id WHEN MATCHED THEN UPDATE SET day = s.day;
    RETURN 1;
END $$;
\c -
SET search_path = merging, public;
UPDATE caller SET n = merge_back();
SELECT changes FROM tviews_drain();
TABLE difference;
\c -
SET search_path = merging, public;
UPDATE m SET v = 0 WHERE id IN (8, 9);
SELECT source, pending_changes FROM tviews_queue_depth ORDER BY source;
SELECT changes FROM tviews_drain();

-- nothing of this where no row can move
MERGE INTO m2 USING (VALUES (12, 12), (13, 13)) s(id, day) ON m2.id = s.id WHEN MATCHED THEN UPDATE SET v = 1000;
SELECT changes FROM tviews_drain();
UPDATE m SET day = day + 10 WHERE id = 9;
SELECT changes FROM tviews_drain();
TABLE difference;
MERGE INTO m USING (VALUES (11, 11), (12, 12), (13, 13)) s(id, day) ON m.id = s.id WHEN MATCHED THEN UPDATE SET v = 2000;
SELECT changes FROM tviews_drain();
TABLE difference;
MERGE INTO m USING (VALUES (11, 11), (40, 14), (14, 14), (41, 2), (15, 15)) s(id, day) ON m.id = s.id
    WHEN MATCHED THEN UPDATE SET v = 3000 + s.id
    WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.day, 8);
SELECT changes > 0 AS logged FROM tviews_drain();
TABLE difference;

-- a partition that the MERGE does not read is not locked
BEGIN;
MERGE INTO m USING (VALUES (3)) s(id) ON m.id = s.id AND m.day = 3 WHEN MATCHED THEN UPDATE SET v = 4000;
SELECT relation::regclass FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN ('m1'::regclass, 'm2'::regclass);
COMMIT;
SELECT changes FROM tviews_drain();
TABLE difference;

-- a key further down, whose partition has its columns in another order
CREATE TABLE m3 (v int NOT NULL, day int NOT NULL, id int NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE m3a PARTITION OF m3 FOR VALUES FROM (0) TO (100);
CREATE TABLE m3b PARTITION OF m3 FOR VALUES FROM (100) TO (200);
ALTER TABLE m ATTACH PARTITION m3 FOR VALUES FROM (20) TO (30);
INSERT INTO m VALUES (50, 20, 1), (51, 21, 1), (52, 22, 1);
SELECT changes > 0 AS logged FROM tviews_drain();
MERGE INTO m USING (VALUES (50), (51)) s(id) ON m.id = s.id WHEN MATCHED THEN UPDATE SET id = m.id + 100, v = 2;
SELECT changes FROM tviews_drain();
TABLE difference;
MERGE INTO m3 USING (VALUES (150), (52)) s(id) ON m3.id = s.id WHEN MATCHED THEN UPDATE SET v = 3, id = 202 - s.id;
SELECT changes FROM tviews_drain();
TABLE difference;
DROP TABLE m3;

-- a trigger that moves a row
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.day := NEW.day + 10; RETURN NEW; END';
CREATE TRIGGER move BEFORE UPDATE ON m1 FOR EACH ROW WHEN (NEW.v = -1) EXECUTE FUNCTION move();
SELECT count(*) FROM tviews_drain();
MERGE INTO m USING (VALUES (0), (41)) s(id) ON m.id = s.id WHEN MATCHED THEN UPDATE SET v = -1;
SELECT changes FROM tviews_drain();
TABLE difference;

-- a row that a foreign key changes because of MERGE
CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, 30);
CREATE TABLE child (id int, grp int REFERENCES parent ON UPDATE CASCADE, PRIMARY KEY (id, grp)) PARTITION BY RANGE (grp);
CREATE TABLE child1 PARTITION OF child FOR VALUES FROM (0) TO (50);
CREATE TABLE child2 PARTITION OF child FOR VALUES FROM (50) TO (100);
INSERT INTO child SELECT i, i FROM generate_series(1, 30) i;
CREATE VIEW v_grp AS SELECT grp, count(*) AS n FROM child GROUP BY grp;
SELECT tviews_create('v_grp');
MERGE INTO parent USING (VALUES (3), (4)) s(id) ON parent.id = s.id WHEN MATCHED THEN UPDATE SET id = parent.id + 60;
SELECT changes > 0 AS logged FROM tviews_drain();
SELECT (SELECT count(*) FROM (TABLE v_grp EXCEPT ALL TABLE tv_grp) x) AS missing,
       (SELECT count(*) FROM (TABLE tv_grp EXCEPT ALL TABLE v_grp) x) AS unexpected;
SET client_min_messages = error;
DROP SCHEMA merging CASCADE;
