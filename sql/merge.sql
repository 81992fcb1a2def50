--
-- MERGE through a partitioned table: the server leaves rows that its UPDATE moves to
-- another partition out of the transition tables, so all rows count as changed.
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
SET client_min_messages = error;
DROP SCHEMA merging CASCADE;
