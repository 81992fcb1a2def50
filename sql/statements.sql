--
-- Every kind of writing statement, captured by the same four triggers; the
-- oracle after each.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA stating;
SET search_path = stating, public;

CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL, unread text);
CREATE TABLE post (id int PRIMARY KEY, author int REFERENCES author ON UPDATE CASCADE ON DELETE CASCADE, title text,
                   words int, pages int GENERATED ALWAYS AS (words / 100) STORED);
CREATE INDEX ON post (author);
INSERT INTO author SELECT i, 'a' || i FROM generate_series(1, 10) i;
INSERT INTO post (id, author, title, words) SELECT i, i % 10 + 1, 'p' || i, i * 10 FROM generate_series(1, 50) i;
CREATE VIEW v_author AS
    SELECT a.id, a.name, jsonb_agg(jsonb_build_object('title', p.title, 'pages', p.pages) ORDER BY p.id)
                         FILTER (WHERE p.id IS NOT NULL) AS posts
      FROM author a LEFT JOIN post p ON p.author = a.id GROUP BY a.id;
SELECT tviews_create('v_author');
CREATE VIEW v_pages AS SELECT pages, count(*) AS n FROM post GROUP BY pages;
SELECT tviews_create('v_pages');
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'tviews%' ORDER BY 1, 2;

-- what is pending, then drain, then the differences of both TVIEWs from their views
CREATE FUNCTION drained(OUT changes bigint, OUT wrote bigint, OUT differences bigint) LANGUAGE plpgsql AS $$
BEGIN
    SELECT d.changes, d.inserted + d.updated + d.deleted INTO changes, wrote FROM tviews_drain() d;
    SELECT (SELECT count(*) FROM (TABLE tv_author EXCEPT ALL TABLE v_author) x)
         + (SELECT count(*) FROM (TABLE v_author EXCEPT ALL TABLE tv_author) x)
         + (SELECT count(*) FROM (TABLE tv_pages EXCEPT ALL TABLE v_pages) x)
         + (SELECT count(*) FROM (TABLE v_pages EXCEPT ALL TABLE tv_pages) x) INTO differences;
END $$;

INSERT INTO post (id, author, title, words) VALUES (100, 1, 'x', 1000);
SELECT * FROM drained();
UPDATE post SET title = 'y', words = 2000 WHERE id = 100;
SELECT * FROM drained();
UPDATE post SET author = 2 WHERE id = 100;
SELECT * FROM drained();
DELETE FROM post WHERE id = 100;
SELECT * FROM drained();

-- nothing is logged for columns nobody reads, for equal values, for no rows
UPDATE author SET unread = 'x';
UPDATE author SET name = name;
UPDATE author SET name = 'x' WHERE false;
DELETE FROM author WHERE false;
INSERT INTO author SELECT 1, 'x' WHERE false;
SELECT * FROM tviews_queue_depth;

-- INSERT ... ON CONFLICT
INSERT INTO author (id, name) VALUES (1, 'one'), (11, 'eleven') ON CONFLICT (id) DO UPDATE SET name = excluded.name || '!';
SELECT * FROM drained();
INSERT INTO author (id, name) VALUES (1, 'one'), (12, 'twelve') ON CONFLICT DO NOTHING;
SELECT * FROM drained();
-- MERGE
MERGE INTO author a USING (VALUES (2, 'two'), (3, NULL), (13, 'thirteen')) s(id, name) ON s.id = a.id
    WHEN MATCHED AND s.name IS NULL THEN DELETE
    WHEN MATCHED THEN UPDATE SET name = s.name
    WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name);
SELECT * FROM drained();
-- COPY
COPY author (id, name) FROM stdin;
20	twenty
21	twenty-one
\.
SELECT * FROM drained();
-- writable CTEs, two on one table
WITH gone AS (DELETE FROM post WHERE author = 4 RETURNING id), moved AS (UPDATE post SET author = 20 WHERE author = 5 RETURNING id)
INSERT INTO post (id, author, title, words) SELECT id + 1000, 21, 'copy', 300 FROM moved;
SELECT * FROM drained();
-- foreign-key cascades
UPDATE author SET id = 60 WHERE id = 6;
SELECT * FROM drained();
DELETE FROM author WHERE id = 7;
SELECT * FROM drained();
-- a change that is taken back
BEGIN;
UPDATE author SET name = 'kept' WHERE id = 8;
SAVEPOINT s;
UPDATE author SET name = 'not kept' WHERE id = 9;
ROLLBACK TO s;
COMMIT;
SELECT * FROM drained();
BEGIN;
UPDATE author SET name = 'never';
ROLLBACK;
SELECT * FROM tviews_queue_depth;
-- changed and changed back: looked at, nothing written
UPDATE author SET name = 'there' WHERE id = 9;
UPDATE author SET name = 'a9' WHERE id = 9;
SELECT * FROM drained();
-- a drain in the transaction that changed
BEGIN;
UPDATE author SET name = 'inside' WHERE id = 10;
SELECT * FROM drained();
COMMIT;
SELECT * FROM drained();
-- TRUNCATE
TRUNCATE post;
SELECT * FROM drained();
TRUNCATE author CASCADE;
SELECT * FROM drained();
SELECT count(*) FROM tv_author;

-- a writer without any privilege on our schema
CREATE ROLE regress_writer;
GRANT USAGE ON SCHEMA stating TO regress_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON author, post TO regress_writer;
SET ROLE regress_writer;
SELECT has_schema_privilege('tviews_batch', 'usage') AS schema_usage;
INSERT INTO author VALUES (1, 'w');
INSERT INTO post (id, author, title, words) VALUES (1, 1, 't', 500);
SELECT * FROM tviews_batch.queue WHERE source <> 0;
SELECT * FROM tviews_drain();
RESET ROLE;
SELECT * FROM drained();

SET client_min_messages = error;
DROP SCHEMA stating CASCADE;
DROP ROLE regress_writer;
SELECT count(*) FROM tviews_batch.tview;
