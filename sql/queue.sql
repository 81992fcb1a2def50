-- The queue: what is written to it, and how it is counted.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA queue_test;
SET search_path = queue_test;
DELETE FROM tviews_batch.queue WHERE source <> 0;

CREATE TABLE item (id int, label text);
CREATE TABLE shop (id text);
INSERT INTO tviews_batch.source VALUES ('item', 3, '{id}', '{label}'), ('shop', 1, '{id}', '{}');
INSERT INTO tviews_batch.shape VALUES ('item', 3, '{id}', '{int}'), ('shop', 1, '{id}', '{text}');
INSERT INTO tviews_batch.captured VALUES ('item', 'item'), ('shop', 'shop');
CREATE TRIGGER capture_insert AFTER INSERT ON item REFERENCING NEW TABLE AS n
    FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();
CREATE TRIGGER capture_truncate AFTER TRUNCATE ON item
    FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();
CREATE TRIGGER capture_insert AFTER INSERT ON shop REFERENCING NEW TABLE AS n
    FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();

-- How many changes an entry stands for: where there are many, several are packed into one (queue_pack.c).
CREATE FUNCTION changes(link bytea) RETURNS int LANGUAGE sql AS $$
    SELECT CASE WHEN length(link) BETWEEN 7 AND 1900 AND get_byte(link, 0) = 2 THEN get_byte(link, 1) * 256 + get_byte(link, 2) ELSE 1 END
$$;
-- What queue_depth() says beside what is there.
CREATE VIEW depth AS
    SELECT d.source::regclass, pending_changes, pending_changes = n AS right, d.oldest = q.oldest AS oldest, exact
    FROM tviews_batch.queue_depth() d
        FULL JOIN (SELECT source, sum(changes(link)) AS n, min(started) AS oldest FROM tviews_batch.queue WHERE source <> 0 GROUP BY source) q
            USING (source)
    WHERE source IS NOT NULL
    ORDER BY d.source::regclass::text COLLATE "C";

-- entries
SELECT * FROM depth;
BEGIN;
INSERT INTO item VALUES (1, 'a'), (2, 'b');
SELECT version, started = now() AS started, length(link) FROM tviews_batch.queue WHERE source <> 0;
TRUNCATE item;
SELECT version, started = now() AS started, length(link) FROM tviews_batch.queue WHERE source <> 0 ORDER BY length(link);
INSERT INTO shop VALUES ('x');
-- one's own are counted before they are committed
SELECT * FROM depth;
ROLLBACK;
SELECT * FROM depth;

-- several sources and several transactions
INSERT INTO item VALUES (1, 'a'), (2, 'b');
INSERT INTO item SELECT i, 'c' FROM generate_series(1, 1500) i;
INSERT INTO shop VALUES ('x'), ('y');
SELECT * FROM depth;

-- entries removed are not counted, and come back when the removal is undone
BEGIN;
DELETE FROM tviews_batch.queue WHERE source = 'item'::regclass;
SELECT * FROM depth;
ROLLBACK;
SELECT * FROM depth;
DELETE FROM tviews_batch.queue WHERE source = 'shop'::regclass;
SELECT * FROM depth;
DELETE FROM tviews_batch.queue WHERE source <> 0;

-- links of any length: in line, compressed, out of line; batches end by size too
INSERT INTO shop SELECT repeat(md5(i::text), 10 * i) FROM generate_series(1, 200) i;
INSERT INTO shop SELECT repeat('s', 60000);
SELECT count(*), count(DISTINCT link), max(length(link)) FROM tviews_batch.queue WHERE source <> 0;
SELECT * FROM depth;
DELETE FROM tviews_batch.queue WHERE source <> 0;

-- exact up to 100,000 entries, an estimate above; from empty tables, as the room of old entries counts
TRUNCATE tviews_batch.queue;
INSERT INTO item SELECT i, 'd' FROM generate_series(1, 9000) i;
INSERT INTO shop VALUES ('x'), ('y');
SELECT * FROM depth;
INSERT INTO item SELECT i, 'e' FROM generate_series(1, 391000) i;
SELECT source, pending_changes BETWEEN 360000 AND 440000 AS near, oldest, exact FROM depth WHERE source = 'item'::regclass;
-- mostly dead
DELETE FROM tviews_batch.queue WHERE get_byte(link, 1) <> 7 AND source <> 0;
SELECT coalesce(max(pending_changes), 0) < 40000 AS few FROM tviews_batch.queue_depth();
DELETE FROM tviews_batch.queue WHERE source <> 0;
SELECT * FROM depth;

-- the table is found again when the extension has been made anew
DROP SCHEMA queue_test CASCADE;
DROP EXTENSION pg_tviews_batch;
CREATE EXTENSION pg_tviews_batch SCHEMA public;
CREATE SCHEMA queue_test;
CREATE TABLE item (id int, label text);
INSERT INTO tviews_batch.source VALUES ('item', 1, '{id}', '{label}');
INSERT INTO tviews_batch.shape VALUES ('item', 1, '{id}', '{int}');
INSERT INTO tviews_batch.captured VALUES ('item', 'item');
CREATE TRIGGER capture_insert AFTER INSERT ON item REFERENCING NEW TABLE AS n
    FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();
INSERT INTO item VALUES (1, 'a');
SELECT source::regclass, pending_changes, exact FROM tviews_batch.queue_depth();
BEGIN;
DROP EXTENSION pg_tviews_batch CASCADE;
INSERT INTO item VALUES (2, 'b');
ROLLBACK;
INSERT INTO item VALUES (3, 'c');
SELECT source::regclass, pending_changes, exact FROM tviews_batch.queue_depth();

-- long links stand in a table of their own, which is emptied with the one they belong to, not before: here page 0
-- of a table that is not current has entries that a bounded drain leaves
DELETE FROM tviews_batch.queue WHERE source <> 0;
ALTER TABLE tviews_batch.queue_2 SET (autovacuum_enabled = off, toast.autovacuum_enabled = off);
CREATE FUNCTION long_link(i int) RETURNS bytea LANGUAGE sql AS
    $$ SELECT string_agg(sha512((i * 1000 + j)::text::bytea), '' ORDER BY j) FROM generate_series(1, 120) j $$;
CREATE VIEW long_pages AS
    SELECT pg_relation_size(oid) / current_setting('block_size')::int AS entries,
           pg_relation_size(reltoastrelid) / current_setting('block_size')::int > 256 AS many_links,
           pg_relation_size(reltoastrelid) = 0 AS no_links
    FROM pg_class WHERE oid = 'tviews_batch.queue_2'::regclass;
INSERT INTO tviews_batch.queue_2 SELECT 1, 1, now(), long_link(i) FROM generate_series(1, 400) i;
SELECT changes, remaining FROM public.tviews_drain();
VACUUM (PROCESS_TOAST false) tviews_batch.queue_2;
INSERT INTO tviews_batch.queue_2 SELECT 1, 1, now(), long_link(i) FROM generate_series(1, 2) i;
SELECT (ctid::text::point)[0] AS page FROM tviews_batch.queue_2 WHERE source <> 0;
SELECT changes, remaining FROM public.tviews_drain(max_changes => 1);
TABLE long_pages;
SELECT count(*), sum(length(link)) FROM tviews_batch.queue WHERE source <> 0;
SELECT changes, remaining FROM public.tviews_drain();
INSERT INTO tviews_batch.queue VALUES (1, 1, now(), NULL);
SELECT changes, remaining FROM public.tviews_drain();
TABLE long_pages;
ALTER TABLE tviews_batch.queue_2 RESET (autovacuum_enabled, toast.autovacuum_enabled);

DELETE FROM tviews_batch.queue WHERE source <> 0;
DELETE FROM tviews_batch.captured;
DELETE FROM tviews_batch.source;
DELETE FROM tviews_batch.shape;
DROP SCHEMA queue_test CASCADE;
