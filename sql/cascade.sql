-- Levels: rows that change in one TVIEW are the changes of those that read it.
SET client_min_messages = warning;
CREATE SCHEMA cascade;
SET search_path = cascade, by_hand, public;
CREATE TABLE maintainer (id int PRIMARY KEY, name text);
CREATE TABLE package (id int PRIMARY KEY, maintainer int, section text, size int, note text);
INSERT INTO maintainer SELECT i, 'm' || i FROM generate_series(1, 20) i;
INSERT INTO package SELECT i, i % 20 + 1, 's' || i % 5, i, '' FROM generate_series(1, 400) i;
CREATE VIEW v_package AS
    SELECT p.id, p.maintainer, p.section, p.size, p.note, m.name FROM package p JOIN maintainer m ON m.id = p.maintainer;
SELECT source('package', '{id}'), source('maintainer', '{id}');
SELECT tview('v_package', 'tv_package', '{id}');
SELECT route('tv_package', 'package', 'direct', '{id}', '{1}', '{1}'),
       route('tv_package', 'maintainer', 'lookup', '{id}', '{1}', NULL,
             'SELECT DISTINCT p.id FROM cascade.package p JOIN tviews_changed c ON p.maintainer = c.id');
-- level 1: two TVIEWs over tv_package
CREATE VIEW v_maintainer AS SELECT maintainer, name, count(*) AS packages, sum(size) AS size FROM tv_package GROUP BY maintainer, name;
CREATE VIEW v_section AS SELECT section, max(size) AS biggest FROM tv_package GROUP BY section;
-- only what they read of tv_package is a change to them
SELECT source('tv_package', '{maintainer,name,section}', '{maintainer,name,section,size}', false);
SELECT tview('v_maintainer', 'tv_maintainer', '{maintainer,name}', 1), tview('v_section', 'tv_section', '{section}', 1, nullable => true);
SELECT route('tv_maintainer', 'tv_package', 'direct', '{maintainer,name}', '{1,2}', '{1,2}'),
       route('tv_section', 'tv_package', 'direct', '{section}', '{1}', '{1}');
-- level 2: over both, and over a table of level 0
CREATE VIEW v_summary AS
    SELECT m.name, m.packages, s.section, s.biggest, x.note
    FROM tv_maintainer m JOIN package x ON x.id = m.maintainer JOIN tv_section s ON s.section = x.section;
SELECT source('tv_maintainer', '{name}', NULL, false), source('tv_section', '{section}', '{section,biggest}', false);
SELECT source('package', '{id}', NULL, false);
SELECT tview('v_summary', 'tv_summary', '{name}', 2);
SELECT route('tv_summary', 'tv_maintainer', 'direct', '{name}', '{1}', '{1}'),
       route('tv_summary', 'tv_section', 'lookup', '{section}', '{1}', NULL,
             'SELECT DISTINCT m.name FROM cascade.tv_maintainer m JOIN cascade.package x ON x.id = m.maintainer JOIN tviews_changed c ON c.section = x.section'),
       route('tv_summary', 'package', 'lookup', '{id}', '{1}', NULL,
             'SELECT DISTINCT m.name FROM cascade.tv_maintainer m JOIN tviews_changed c ON c.id = m.maintainer');
CREATE VIEW wrong AS
    SELECT t.tview, o.* FROM (VALUES ('package'), ('maintainer'), ('section'), ('summary')) t (tview), oracle('tv_' || t.tview, 'v_' || t.tview) o
    WHERE o.unexpected + o.missing > 0;
TABLE wrong;

-- one row, three levels
UPDATE package SET size = 100000 WHERE id = 7;
SELECT * FROM drain();
TABLE wrong;
-- a row moves: both its places
UPDATE package SET maintainer = 3, section = 's9' WHERE id = 8;
SELECT * FROM drain();
TABLE wrong;
-- a column nobody reads further up: the cascade stops at once
UPDATE package SET note = 'x' WHERE id = 300;
SELECT * FROM drain();
TABLE wrong;
-- a change that does not change the maximum stops after level 1
UPDATE package SET size = size + 1 WHERE id = 21;
SELECT * FROM drain();
TABLE wrong;
-- a renamed maintainer: OLD and NEW keys further up
UPDATE maintainer SET name = 'renamed' WHERE id = 5;
SELECT * FROM drain();
TABLE wrong;
-- rows come and go
DELETE FROM package WHERE section = 's1';
INSERT INTO package VALUES (1001, 4, 's1', 5, NULL), (1002, 4, NULL, 5, NULL);
SELECT * FROM drain();
TABLE wrong;
-- bounded drains bring each claimed change all the way
UPDATE package SET size = size * 2 WHERE id % 3 = 0;
SELECT changes, levels, remaining FROM drain(max_changes => 20);
SELECT count(*) FROM tv_package JOIN v_package USING (id) WHERE tv_package.size <> v_package.size;
SELECT oracle('tv_maintainer', 'v_maintainer'), oracle('tv_section', 'v_section'), oracle('tv_summary', 'v_summary');
SELECT remaining FROM drain();
TABLE wrong;
-- a comparison of the whole cascades too
SET tviews_batch.guard = off;
UPDATE tv_package SET size = 1 WHERE id <= 10;
-- what reads it is marked as well
SELECT tview, stale_reason FROM tviews_batch.tview ORDER BY tview::text;
UPDATE tviews_batch.tview SET stale_reason = NULL WHERE level > 0;
RESET tviews_batch.guard;
SELECT * FROM tviews_refresh('tv_package');
TABLE wrong;
SELECT levels, keyed, compared FROM tviews_batch.drain ORDER BY id DESC LIMIT 1;
TRUNCATE package;
SELECT changes, deleted, levels FROM drain();
TABLE wrong;
INSERT INTO package SELECT i, i % 20 + 1, 's' || i % 5, i, '' FROM generate_series(1, 400) i;
SELECT changes, inserted, levels FROM drain();
TABLE wrong;
-- a paused TVIEW holds back what comes from it, not the others
SELECT tviews_pause('tv_maintainer');
UPDATE package SET size = 5000 WHERE id <= 3;
SELECT * FROM drain();
TABLE wrong;
SELECT tviews_resume('tv_maintainer');
SELECT * FROM drain();
TABLE wrong;

-- columns that the user added to a TVIEW and a view reads
ALTER TABLE tv_package ADD initial text GENERATED ALWAYS AS (left(name, 1)) STORED;
CREATE VIEW v_initial AS SELECT initial, count(*) AS n FROM tv_package GROUP BY initial;
SELECT source('tv_package', '{maintainer,name,section,initial}', '{maintainer,name,section,size,initial}', false);
SELECT tview('v_initial', 'tv_initial', '{initial}', 1, nullable => true);
SELECT route('tv_initial', 'tv_package', 'direct', '{initial}', '{1}', '{1}');
UPDATE maintainer SET name = 'x' || name WHERE id IN (1, 2);
SELECT inserted, updated, deleted, levels FROM drain();
SELECT * FROM oracle('tv_initial', 'v_initial');
DELETE FROM tviews_batch.tview WHERE tview = 'tv_initial'::regclass;
DELETE FROM tviews_batch.route WHERE tview = 'tv_initial'::regclass;
DELETE FROM tviews_batch.lookup WHERE tview = 'tv_initial'::regclass;
ALTER TABLE tv_package DROP initial CASCADE;
TABLE wrong;

--
-- Parts of keys: the rest comes from the stored rows
--
CREATE TABLE customer (id int PRIMARY KEY, region text);
CREATE TABLE article (id int PRIMARY KEY, category text);
CREATE TABLE orders (id int PRIMARY KEY, customer int, article int, amount int);
INSERT INTO customer SELECT i, nullif('r' || i % 4, 'r0') FROM generate_series(1, 20) i;
INSERT INTO article SELECT i, nullif('c' || i % 3, 'c0') FROM generate_series(1, 20) i;
INSERT INTO orders SELECT i, i % 20 + 1, i % 7 + 1, i FROM generate_series(1, 200) i;
CREATE VIEW v_sales AS
    SELECT a.category, c.region, a.id % 2 AS odd, sum(o.amount) AS amount
    FROM orders o JOIN customer c ON c.id = o.customer JOIN article a ON a.id = o.article GROUP BY a.category, c.region, a.id % 2;
SELECT source('customer', '{id,region}'), source('article', '{id,category}'), source('orders', '{customer,article}');
SELECT tview('v_sales', 'tv_sales', '{category,region,odd}', 0, '{region,category}', true);
-- OLD and NEW images of one carrier give its part; the other part is read off the stored rows, or looked up
SELECT route('tv_sales', 'customer', 'direct', '{region}', '{1}', '{1}'),
       route('tv_sales', 'customer', 'lookup', '{id}', '{2,1}', NULL,
             'SELECT DISTINCT a.category, c.region FROM tviews_changed x JOIN cascade.customer c ON c.id = x.id JOIN cascade.orders o ON o.customer = c.id JOIN cascade.article a ON a.id = o.article'),
       route('tv_sales', 'article', 'lookup', '{category}', '{2}', NULL, 'SELECT DISTINCT category FROM tviews_changed'),
       route('tv_sales', 'article', 'lookup', '{id}', '{1,2}', NULL,
             'SELECT DISTINCT c.region, a.category FROM tviews_changed x JOIN cascade.article a ON a.id = x.id JOIN cascade.orders o ON o.article = a.id JOIN cascade.customer c ON c.id = o.customer'),
       route('tv_sales', 'orders', 'lookup', '{customer}', '{1}', NULL, 'SELECT DISTINCT c.region FROM tviews_changed x JOIN cascade.customer c ON c.id = x.customer'),
       route('tv_sales', 'orders', 'lookup', '{article,customer}', '{1,2}', NULL,
             'SELECT DISTINCT c.region, a.category FROM tviews_changed x JOIN cascade.article a ON a.id = x.article JOIN cascade.customer c ON c.id = x.customer');
UPDATE orders SET amount = amount + 1 WHERE id = 5;
SELECT * FROM drain();
SELECT * FROM oracle('tv_sales', 'v_sales');
-- an order goes and its customer moves before one drain
DELETE FROM orders WHERE customer = 3 AND id < 100;
UPDATE customer SET region = 'new' WHERE id = 3;
UPDATE article SET category = NULL WHERE id = 4;
INSERT INTO orders VALUES (1001, 4, 5, 6);
SELECT failed, remaining FROM drain();
SELECT * FROM oracle('tv_sales', 'v_sales');
UPDATE customer SET region = NULL WHERE id < 10;
SELECT failed, remaining FROM drain();
SELECT * FROM oracle('tv_sales', 'v_sales');
SELECT reset();
DROP SCHEMA cascade CASCADE;
