--
-- Thousands of failing keys: these, and only these, are left out.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA failing_many;
SET search_path = failing_many, public;
CREATE TABLE item (pk_item int PRIMARY KEY, d int NOT NULL);
INSERT INTO item SELECT i, 1 FROM generate_series(1, 30000) i;
CREATE VIEW v_item AS SELECT pk_item, 100 / d AS q, jsonb_build_object('d', d, 'pk', pk_item) AS doc FROM item;
SELECT tviews_create('v_item');
SET tviews_batch.full_threshold = 1;
-- one of ten, half of them side by side
UPDATE item SET d = CASE WHEN pk_item % 20 = 7 OR pk_item BETWEEN 15001 AND 16500 THEN 0 ELSE 2 END;
SELECT count(*) AS failing FROM item WHERE d = 0;
SELECT failed, remaining FROM tviews_drain();
SELECT count(*) AS wrong FROM item i FULL JOIN tviews_failures f ON f.tview = 'tv_item'::regclass AND (f.key->>'pk_item')::int = i.pk_item
 WHERE (i.d = 0) <> (f.sqlstate IS NOT NULL AND f.sqlstate = '22012');
SELECT count(*) FROM (SELECT pk_item, 100 / d AS q FROM item WHERE d <> 0 EXCEPT ALL SELECT pk_item, q FROM tv_item) x;
SELECT count(*) FROM tv_item WHERE q = 100;
SELECT memory_peak < 64 * 1024 * 1024 AS bounded FROM tviews_drains ORDER BY id DESC LIMIT 1;
UPDATE item SET d = 4;
SELECT failed FROM tviews_drain();
SELECT count(*) FROM tviews_failures;
TABLE v_item EXCEPT ALL TABLE tv_item;
TABLE tv_item EXCEPT ALL TABLE v_item;

SET client_min_messages = error;
DROP SCHEMA failing_many CASCADE;
