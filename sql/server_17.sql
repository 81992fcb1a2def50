--
-- What PostgreSQL 17 has and older servers have not: another expression for a stored column, MERGE by what the source lacks,
-- with RETURNING and through views, JSON_TABLE, and JSON read as types of users, where what they do not allow is no error.
--
SELECT current_setting('server_version_num')::int < 170000 AS skip \gset
\if :skip
\quit
\endif
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA newer;
SET search_path = newer, public;
CREATE FUNCTION differing(tview text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$I EXCEPT ALL TABLE %2$I) x) + (SELECT count(*) FROM (TABLE %2$I EXCEPT ALL TABLE %1$I) x)',
                   tview, 'v_' || substr(tview, 4)) INTO n;
    RETURN n;
END $$;
CREATE VIEW wrong AS SELECT tview, differing(tview::text) FROM tviews_status WHERE differing(tview::text) <> 0 OR state <> 'ok';

-- another expression is no write of any row
CREATE TABLE line (id int PRIMARY KEY, price int, qty int, total int GENERATED ALWAYS AS (price * qty) STORED);
INSERT INTO line SELECT i, i % 10, i % 7 FROM generate_series(1, 50) i;
CREATE VIEW v_shown AS SELECT id, total FROM line;
CREATE VIEW v_grouped AS SELECT total, count(*) AS n FROM line GROUP BY total;
CREATE VIEW v_other AS SELECT id, qty FROM line;
SELECT tviews_create('v_shown', key => '{id}'), tviews_create('v_grouped'), tviews_create('v_other', key => '{id}');
ALTER TABLE line ALTER COLUMN total SET EXPRESSION AS (price + qty);
SELECT tview, state, reason, differing(tview::text) > 0 AS differs FROM tviews_status ORDER BY tview::text;
DO $$ BEGIN FOR i IN 1..4 LOOP PERFORM tviews_drain(); END LOOP; END $$;
TABLE wrong;
-- and what is captured follows it
UPDATE line SET price = price + 1 WHERE id < 20;
UPDATE line SET qty = qty + 1 WHERE id > 40;
SELECT failed FROM tviews_drain();
TABLE wrong;

-- rows that the source of a MERGE lacks; what it returns is written elsewhere
CREATE TABLE item (id int, region int, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE item_1 PARTITION OF item FOR VALUES IN (1);
CREATE TABLE item_2 (v int, region int NOT NULL, id int NOT NULL);
ALTER TABLE item ATTACH PARTITION item_2 FOR VALUES IN (2);
INSERT INTO item SELECT i, 1 + i % 2, i FROM generate_series(1, 20) i;
CREATE TABLE told (what text, id int, v int);
CREATE VIEW v_item AS SELECT id, region, v FROM item;
CREATE VIEW v_region AS SELECT region, count(*) AS n, sum(v) AS v FROM item GROUP BY region;
CREATE VIEW v_told AS SELECT what, count(*) AS n, sum(v) AS v FROM told GROUP BY what;
SELECT tviews_create('v_item', key => '{id,region}'), tviews_create('v_region'), tviews_create('v_told');
WITH m AS (
    MERGE INTO item i USING (SELECT g AS id, 1 + g % 2 AS region FROM generate_series(10, 25) g) s ON i.id = s.id AND i.region = s.region
    WHEN MATCHED AND i.id % 3 = 0 THEN UPDATE SET v = i.v + 1000
    WHEN NOT MATCHED BY SOURCE AND i.id > 5 THEN DELETE
    WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = -i.v, region = 3 - i.region
    WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.region, 7)
    RETURNING merge_action() AS what, i.id, i.v)
INSERT INTO told SELECT what, id, v FROM m;
SELECT what, count(*) FROM told GROUP BY what ORDER BY what;
SELECT failed FROM tviews_drain();
TABLE wrong;
-- without an INSERT
MERGE INTO item i USING (VALUES (11, 2)) s(id, region) ON i.id = s.id AND i.region = s.region
    WHEN MATCHED THEN UPDATE SET region = 1 WHEN NOT MATCHED BY SOURCE AND i.id % 2 = 0 THEN UPDATE SET v = i.v + 1;
SELECT failed FROM tviews_drain();
TABLE wrong;
-- through a view
CREATE VIEW writable AS SELECT id AS number, region, v FROM item WHERE v < 5000;
MERGE INTO writable w USING (VALUES (12, 1), (90, 2)) s(id, region) ON w.number = s.id AND w.region = s.region
    WHEN MATCHED THEN UPDATE SET region = 2, v = 4000 WHEN NOT MATCHED THEN INSERT (number, region, v) VALUES (s.id, s.region, 1)
    WHEN NOT MATCHED BY SOURCE AND w.number % 5 = 1 THEN DELETE;
SELECT failed FROM tviews_drain();
TABLE wrong;

-- a table made of a column
CREATE TABLE doc (id int PRIMARY KEY, body jsonb);
INSERT INTO doc SELECT i, jsonb_build_object('tags', jsonb_build_array(jsonb_build_object('t', i % 3), jsonb_build_object('t', i % 5))) FROM generate_series(1, 20) i;
CREATE VIEW v_tag AS SELECT t.tag, count(*) AS n, min(d.id) AS first FROM doc d, JSON_TABLE(d.body, '$.tags[*]' COLUMNS (tag int PATH '$.t')) t GROUP BY t.tag;
CREATE VIEW v_first AS SELECT d.id, JSON_VALUE(d.body, '$.tags[0].t' RETURNING int) AS first,
    (SELECT count(*) FROM JSON_TABLE(d.body, '$.tags[*]' COLUMNS (tag int PATH '$.t')) t WHERE t.tag > 1) AS n FROM doc d;
SELECT tviews_create('v_tag', key => '{tag}'), tviews_create('v_first', key => '{id}');
SELECT t.tview, e.source, e.alias, e.route, e.link_columns, e.reason FROM tviews_status t, tviews_explain(t.tview) e
 WHERE t.tview IN ('tv_tag'::regclass, 'tv_first'::regclass) ORDER BY t.tview::text, e.alias;
UPDATE doc SET body = '{"tags": [{"t": 9}, {"t": 1}]}' WHERE id = 4;
UPDATE doc SET body = '{}' WHERE id = 5;
DELETE FROM doc WHERE id = 6;
INSERT INTO doc VALUES (21, '{"tags": [{"t": 11}]}'), (22, NULL);
SELECT failed FROM tviews_drain();
TABLE wrong;

-- what is passed to a path may be NULL, so an outer join stays one
CREATE TABLE tb_r (id int PRIMARY KEY);
CREATE TABLE tb_o (rid int PRIMARY KEY, cust int);
CREATE TABLE tb_c (id int PRIMARY KEY);
INSERT INTO tb_c SELECT generate_series(1, 9);
INSERT INTO tb_r SELECT generate_series(1, 9);
INSERT INTO tb_o SELECT i, i FROM generate_series(2, 9) i;
CREATE VIEW v_passed AS
    SELECT c.id, count(*) AS n FROM tb_r r LEFT JOIN tb_o o ON o.rid = r.id JOIN tb_c c ON c.id = coalesce(o.cust, 1)
     WHERE JSON_VALUE('{"a": 1}'::jsonb, '$.a' PASSING o.cust AS x RETURNING int) = 1 GROUP BY c.id;
SELECT tviews_create('v_passed');
SELECT e.source, e.route FROM tviews_explain('tv_passed') e ORDER BY e.source::text;
INSERT INTO tb_r VALUES (10);
SELECT failed FROM tviews_drain();
TABLE wrong;

-- JSON read as an enum, a domain, a type made of these: the server notes no dependency where the value is made something else of
CREATE TYPE mood AS ENUM ('sad', 'calm');
CREATE FUNCTION is_small(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 < 10; END';
CREATE DOMAIN small AS int CHECK (is_small(VALUE));
CREATE TYPE pair AS (m mood, s small);
CREATE TABLE note (id int PRIMARY KEY, body jsonb);
INSERT INTO note VALUES (1, '{"m": "sad", "s": 1}'), (2, '{"m": "happy", "s": 50}'), (3, '{"m": "calm", "s": 8}');
CREATE VIEW v_mood AS SELECT id, JSON_VALUE(body, '$.m' RETURNING mood) AS m FROM note;
CREATE VIEW v_mood_text AS SELECT id, JSON_VALUE(body, '$.m' RETURNING mood)::text AS m FROM note;
CREATE VIEW v_small AS SELECT id, JSON_VALUE(body, '$.s' RETURNING small DEFAULT 3 ON ERROR) + 0 AS s FROM note;
CREATE VIEW v_smalls AS SELECT id, JSON_QUERY(body, '$.s' RETURNING small[] WITH WRAPPER)::text AS s FROM note;
CREATE VIEW v_pair AS SELECT id, JSON_QUERY(body, '$' RETURNING pair)::text AS p FROM note;
CREATE VIEW v_columns AS SELECT n.id, t.m::text AS m, t.s + 0 AS s FROM note n, JSON_TABLE(n.body, '$' COLUMNS (m mood PATH '$.m', s small PATH '$.s')) t;
CREATE VIEW v_number AS SELECT id, JSON_VALUE(body, '$.s' RETURNING int) AS s FROM note;
SELECT tviews_create('v_mood', key => '{id}'), tviews_create('v_mood_text', key => '{id}'), tviews_create('v_small', key => '{id}'),
       tviews_create('v_smalls', key => '{id}'), tviews_create('v_pair', key => '{id}'), tviews_create('v_columns', key => '{id}'),
       tviews_create('v_number', key => '{id}');
CREATE PROCEDURE drained() LANGUAGE plpgsql AS 'BEGIN FOR i IN 1..10 LOOP PERFORM tviews_drain(); END LOOP; END';
CREATE VIEW due AS SELECT tview, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
CALL drained();
TABLE due;
ALTER TYPE mood ADD VALUE 'happy';
TABLE due;
CALL drained();
TABLE wrong;
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
TABLE due;
CALL drained();
TABLE wrong;
CREATE OR REPLACE FUNCTION is_small(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 < 60; END';
TABLE due;
CALL drained();
TABLE wrong;
ALTER DOMAIN small ADD CONSTRAINT odd CHECK (VALUE % 2 = 1) NOT VALID;
TABLE due;
CALL drained();
TABLE wrong;
ALTER DOMAIN small DROP CONSTRAINT odd;
TABLE due;
CALL drained();
TABLE wrong;
ALTER TYPE pair RENAME ATTRIBUTE s TO n;
TABLE due;
CALL drained();
TABLE wrong;
-- nothing that is read changed
ALTER DOMAIN small SET DEFAULT 3;
CREATE FUNCTION is_small(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE TYPE other AS ENUM ('a');
ALTER TYPE other ADD VALUE 'b';
TABLE due;

-- JSON of names that are looked up in catalogs, and such read out of JSON
CREATE TABLE registered (id int PRIMARY KEY, c regclass);
CREATE VIEW v_object AS SELECT id, JSON_OBJECT('c': c) AS o FROM registered;
CREATE VIEW v_scalar AS SELECT id, JSON_SCALAR(c) AS o FROM registered;
CREATE VIEW v_class AS SELECT id, JSON_VALUE('"newer.item"'::jsonb, '$' RETURNING regclass)::oid AS o FROM registered;
CREATE VIEW v_classes AS SELECT r.id, t.c::oid AS o FROM registered r, JSON_TABLE('"newer.item"'::jsonb, '$' COLUMNS (c regclass PATH '$')) t;
\set VERBOSITY terse
SELECT tviews_create('v_object', key => '{id}');
SELECT tviews_create('v_scalar', key => '{id}');
SELECT tviews_create('v_class', key => '{id}');
SELECT tviews_create('v_classes', key => '{id}');
\set VERBOSITY default

-- the aggregates that JSON_ARRAYAGG and JSON_OBJECTAGG stand for
CREATE VIEW v_aggregates AS SELECT id % 2 AS k, JSON_ARRAYAGG(body ORDER BY id RETURNING jsonb) AS a, JSON_OBJECTAGG(id: body WITH UNIQUE KEYS RETURNING jsonb) AS o FROM note GROUP BY 1;
SET client_min_messages = notice;
SELECT tviews_create('v_aggregates');
SET client_min_messages = warning;
INSERT INTO note VALUES (4, '{"m": "calm"}');
SELECT failed FROM tviews_drain();
TABLE wrong;
SET client_min_messages = error;
DROP SCHEMA newer CASCADE;
