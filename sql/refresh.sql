-- One TVIEW, batches of keys: compute, compare, write.
SET client_min_messages = warning;
CREATE SCHEMA refresh;
SET search_path = refresh, by_hand, public;
SET tviews_batch.full_threshold = 1;

--
-- A document per row; several batches; only what differs is written.
--
CREATE TABLE product (pk int PRIMARY KEY, name text, price numeric, unread text);
CREATE TABLE review (id int PRIMARY KEY, fk_product int, stars int);
INSERT INTO product SELECT i, 'p' || i, i FROM generate_series(1, 100) i;
INSERT INTO review SELECT i, i % 100 + 1, i % 5 FROM generate_series(1, 400) i;
CREATE VIEW v_product AS
    SELECT p.pk, jsonb_build_object('name', p.name, 'price', p.price, 'reviews', count(r.id)) AS doc, sum(r.stars) AS stars
    FROM product p LEFT JOIN review r ON r.fk_product = p.pk GROUP BY p.pk;
SELECT source('product', '{pk}', '{pk,name,price}'), source('review', '{fk_product}');
SELECT tview('v_product', 'tv_product', '{pk}');
SELECT route('tv_product', 'product', 'direct', '{pk}', '{1}', '{1}'),
       route('tv_product', 'review', 'lookup', '{fk_product}', '{1}', NULL,
             'SELECT DISTINCT p.pk FROM refresh.product p JOIN tviews_changed c ON c.fk_product = p.pk');
SET tviews_batch.batch_keys = 7;
UPDATE product SET name = name || '!' WHERE pk <= 20;
UPDATE review SET stars = stars WHERE fk_product = 30;
UPDATE review SET fk_product = 31 WHERE fk_product = 32;
DELETE FROM product WHERE pk IN (40, 41);
INSERT INTO product VALUES (101, 'new', 1), (102, 'newer', 2);
UPDATE product SET unread = 'x' WHERE pk = 50;
SELECT * FROM drain();
SELECT * FROM oracle('tv_product', 'v_product');
SELECT * FROM drain();
-- a key may be touched and still be equal: nothing is written
CREATE TABLE before AS SELECT ctid AS tid, xmin AS x, pk FROM tv_product;
UPDATE review SET stars = stars + 1 WHERE fk_product = 60;
UPDATE review SET stars = stars - 1 WHERE fk_product = 60;
SELECT * FROM drain();
SELECT count(*) FROM before b JOIN tv_product t ON t.pk = b.pk AND t.ctid = b.tid AND t.xmin = b.x;
RESET tviews_batch.batch_keys;

-- columns of the user's own are left alone
ALTER TABLE tv_product ADD note text DEFAULT 'none', ADD name text GENERATED ALWAYS AS (doc ->> 'name') STORED;
UPDATE product SET name = 'renamed' WHERE pk = 3;
INSERT INTO product VALUES (103, 'third', 3);
SELECT * FROM drain();
SELECT pk, note, name FROM tv_product WHERE pk IN (3, 103) ORDER BY pk;
ALTER TABLE tv_product DROP note, DROP name;

-- the user's indexes, constraints and triggers work; they run as the owner
CREATE TABLE audit (what text, who name, path text);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO refresh.audit VALUES (TG_OP || ' ' || COALESCE(NEW.pk, OLD.pk), current_user, current_setting('search_path'));
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tv_product FOR EACH ROW EXECUTE FUNCTION audit();
UPDATE product SET price = 0 WHERE pk = 4;
DELETE FROM product WHERE pk = 5;
INSERT INTO product VALUES (104, 'fourth', 4);
SELECT * FROM drain();
SELECT what, who = current_user AS owner, path FROM audit ORDER BY what;
DROP TRIGGER audit ON tv_product;

-- a deferrable constraint is checked in the drain's statements, so two rows may swap
ALTER TABLE tv_product ADD name text GENERATED ALWAYS AS (doc ->> 'name') STORED,
    ADD CONSTRAINT one_name UNIQUE (name) DEFERRABLE INITIALLY DEFERRED;
UPDATE product SET name = CASE pk WHEN 6 THEN 'p7!' ELSE 'p6!' END WHERE pk IN (6, 7);
SELECT * FROM drain();
UPDATE product SET name = 'p9!' WHERE pk = 8;
SELECT * FROM drain();
UPDATE product SET name = 'p8!' WHERE pk = 8;
SELECT * FROM drain();
ALTER TABLE tv_product DROP name;
-- a foreign key to the TVIEW
CREATE TABLE pin (pk int REFERENCES tv_product DEFERRABLE INITIALLY DEFERRED);
INSERT INTO pin VALUES (8);
DELETE FROM product WHERE pk = 8;
SELECT * FROM drain();
SELECT key, sqlstate FROM tviews_failures;
DELETE FROM pin;
SELECT tviews_retry();
SELECT * FROM drain();
SELECT * FROM oracle('tv_product', 'v_product');
DROP TABLE pin;

--
-- Keys of several columns and types, some NULL
--
CREATE TABLE fact (id int PRIMARY KEY, a int, b text, c numeric, d date, x int);
INSERT INTO fact SELECT i, nullif(i % 4, 0), nullif('b' || i % 3, 'b0'), nullif(i % 5, 0)::numeric(10, 2), DATE '2020-01-01' + i % 2, i
FROM generate_series(1, 300) i;
CREATE VIEW v_fact AS SELECT a, b, c, d, count(*) AS n, sum(x) AS x FROM fact GROUP BY a, b, c, d;
SELECT source('fact', '{a,b,c,d}');
SELECT tview('v_fact', 'tv_fact', '{a,b,c,d}', nullable => true);
SELECT route('tv_fact', 'fact', 'direct', '{a,b,c,d}', '{1,2,3,4}', '{1,2,3,4}');
UPDATE fact SET x = x + 1 WHERE id % 7 = 0;
UPDATE fact SET a = NULL WHERE id % 11 = 0;
UPDATE fact SET c = 7.0 WHERE c = 3;
DELETE FROM fact WHERE b IS NULL AND id % 2 = 0;
INSERT INTO fact VALUES (1001, NULL, NULL, NULL, NULL, 5), (1002, NULL, NULL, NULL, '2020-01-01', 6), (1003, 77, NULL, 1, NULL, 1);
SELECT * FROM drain();
SELECT * FROM oracle('tv_fact', 'v_fact');
SET tviews_batch.batch_keys = 3;
UPDATE fact SET x = 0, d = CASE WHEN id % 5 = 0 THEN NULL ELSE d END;
SELECT keys > 50 AS keys, inserted > 0 AS inserted, updated > 0 AS updated, deleted > 0 AS deleted FROM drain();
SELECT * FROM oracle('tv_fact', 'v_fact');
RESET tviews_batch.batch_keys;
DELETE FROM fact;
SELECT inserted, updated, deleted > 0 AS deleted FROM drain();
SELECT * FROM oracle('tv_fact', 'v_fact');

--
-- Key types: arrays, records, domains, ranges, enums, uuid, float, bytea, char(n), name; equal is not identical
--
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN code AS text CHECK (value <> '');
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE TABLE typed (id int PRIMARY KEY, arr int[], rec pair, dom code, rng int4range, en mood, uid uuid, fl float8, by bytea, ch char(4), nm name, iv interval, ts timestamptz);
CREATE VIEW v_arr AS SELECT arr, count(*) AS n FROM typed GROUP BY arr;
CREATE VIEW v_rec AS SELECT rec, dom, count(*) AS n FROM typed GROUP BY rec, dom;
CREATE VIEW v_misc AS SELECT rng, en, uid, fl, by, ch, nm, iv, ts, count(*) AS n FROM typed GROUP BY rng, en, uid, fl, by, ch, nm, iv, ts;
SELECT source('typed', '{arr,rec,dom,rng,en,uid,fl,by,ch,nm,iv,ts}');
SELECT tview('v_arr', 'tv_arr', '{arr}', nullable => true), tview('v_rec', 'tv_rec', '{rec,dom}', nullable => true),
       tview('v_misc', 'tv_misc', '{rng,en,uid,fl,by,ch,nm,iv,ts}', nullable => true);
SELECT route('tv_arr', 'typed', 'direct', '{arr}', '{1}', '{1}'),
       route('tv_rec', 'typed', 'lookup', '{dom,rec}', '{2,1}', NULL, 'SELECT DISTINCT dom, rec FROM tviews_changed'),
       route('tv_misc', 'typed', 'direct', '{rng,en,uid,fl,by,ch,nm,iv,ts}', '{1,2,3,4,5,6,7,8,9}', '{1,2,3,4,5,6,7,8,9}');
INSERT INTO typed VALUES
    (1, '{1,2}', '(1,a)', 'x', '[1,5)', 'low', '00000000-0000-0000-0000-000000000001', 0.1, '\x01', 'ab', 'n', '1 day', '2020-01-01 00:00+00'),
    (2, '{1,2}', '(1,a)', 'x', '[1,5)', 'low', '00000000-0000-0000-0000-000000000001', 0.1, '\x01', 'ab', 'n', '2 days', '2020-01-01 00:00+00'),
    (3, '{}', '(1,)', 'y', 'empty', 'high', NULL, '-0', '\x', 'ab  ', 'n', NULL, 'infinity'),
    (4, '{NULL,1}', NULL, NULL, NULL, NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL),
    (5, NULL, '(,)', 'y', '(,)', 'high', NULL, 0, '\x', 'a', 'n', NULL, '-infinity');
SELECT * FROM drain();
SELECT * FROM oracle('tv_arr', 'v_arr');
SELECT * FROM oracle('tv_rec', 'v_rec');
SELECT * FROM tviews_verify('tv_misc');
UPDATE typed SET arr = arr || 3, rec = CASE id WHEN 1 THEN '(2,b)'::pair ELSE rec END, fl = 0, iv = '1 day' WHERE id <> 4;
DELETE FROM typed WHERE id = 4;
SELECT * FROM drain();
SELECT * FROM oracle('tv_arr', 'v_arr');
SELECT * FROM oracle('tv_rec', 'v_rec');
SELECT * FROM tviews_verify('tv_misc');

-- an equal key with another image is an update, with the type's own equality (citext: not in pg_catalog)
CREATE EXTENSION citext SCHEMA public;
CREATE TABLE word (id int PRIMARY KEY, w citext, n numeric);
INSERT INTO word VALUES (1, 'Abc', 1.0), (2, 'def', 2);
CREATE VIEW v_word AS SELECT w, n, id FROM word;
SELECT source('word', '{w,n}');
SELECT tview('v_word', 'tv_word', '{w,n}');
SELECT route('tv_word', 'word', 'direct', '{w,n}', '{1,2}', '{1,2}');
UPDATE word SET w = 'aBC', n = 1.00 WHERE id = 1;
SELECT * FROM drain();
SELECT w, n, id FROM tv_word ORDER BY id;

--
-- Columns whose types have no equality are compared by image
--
CREATE TABLE odd (id int PRIMARY KEY, j json, p point, x xml);
INSERT INTO odd SELECT i, '{"a": 1}', point(i, i), '<a/>' FROM generate_series(1, 3) i;
CREATE VIEW v_odd AS SELECT * FROM odd;
SELECT source('odd', '{id}');
SELECT tview('v_odd', 'tv_odd', '{id}');
SELECT route('tv_odd', 'odd', 'direct', '{id}', '{1}', '{1}');
UPDATE odd SET j = '{"a":  1}' WHERE id = 1;
UPDATE odd SET p = point(1, 2) WHERE id = 2;
UPDATE odd SET p = p WHERE id = 3;
SELECT * FROM drain();
SELECT * FROM tviews_verify('tv_odd');
SELECT id, j, p, x FROM tv_odd ORDER BY id;

--
-- Names
--
CREATE SCHEMA "Odd ""Schema";
CREATE TABLE "Odd ""Schema"."Select" ("Order" int, "a b" text, k1 text, c1 text, tid text, present text, ctid_ text, s text, PRIMARY KEY ("Order", "a b"));
CREATE VIEW "Odd ""Schema"."View" AS SELECT k1, "a b", c1, tid, present, s, "Order" FROM "Odd ""Schema"."Select";
SET search_path = "Odd ""Schema", by_hand, public;
SELECT source('"Select"', '{"Order","a b"}');
SELECT tview('"View"', 'Tv "x', '{"Order","a b"}');
SELECT route('"Tv ""x"', '"Select"', 'direct', '{"Order","a b"}', '{1,2}', '{1,2}');
INSERT INTO "Select" VALUES (1, 'x', 'k', 'c', 't', 'p', 'q', 's'), (2, 'y', 'k', 'c', 't', 'p', 'q', 's');
SELECT * FROM drain();
UPDATE "Select" SET s = 'other' WHERE "Order" = 2;
DELETE FROM "Select" WHERE "Order" = 1;
SELECT * FROM drain();
SELECT * FROM oracle('"Tv ""x"', '"View"');
SET search_path = refresh, by_hand, public;

--
-- A view that has two rows for a key
--
CREATE TABLE dup (id int PRIMARY KEY, k int, v int);
INSERT INTO dup VALUES (1, 1, 1), (2, 2, 2);
CREATE VIEW v_dup AS SELECT k, v FROM dup;
SELECT source('dup', '{k}');
SELECT tview('v_dup', 'tv_dup', '{k}');
SELECT route('tv_dup', 'dup', 'direct', '{k}', '{1}', '{1}');
\set VERBOSITY terse
INSERT INTO dup VALUES (3, 2, 3);
SELECT * FROM drain();
SELECT key, sqlstate, message FROM tviews_failures;
SELECT * FROM tviews_refresh('tv_dup');
SELECT * FROM tviews_verify('tv_dup');
UPDATE dup SET v = 2 WHERE id = 3;
SELECT * FROM drain();
SELECT * FROM tviews_verify('tv_dup');
-- for a key that is not there yet the unique index says so
UPDATE dup SET k = 9 WHERE k = 2;
SELECT * FROM drain();
SELECT key, sqlstate, message FROM tviews_failures;
DELETE FROM dup WHERE id = 3;
SELECT * FROM drain();
SELECT * FROM oracle('tv_dup', 'v_dup');
-- where the index was dropped the view is asked
BEGIN;
ALTER TABLE tv_dup DROP CONSTRAINT tv_dup_pkey;
INSERT INTO dup VALUES (4, 20, 1), (5, 20, 2), (6, 21, 1);
SELECT * FROM drain();
SELECT key, sqlstate, message FROM tviews_failures;
SELECT * FROM tviews_refresh('tv_dup');
ROLLBACK;
-- the table does not fit the view
ALTER TABLE tv_dup ALTER v TYPE bigint;
UPDATE dup SET v = 5 WHERE id = 1;
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
ALTER TABLE tv_dup ALTER v TYPE int;
SELECT tviews_retry('tv_dup');
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
SELECT * FROM oracle('tv_dup', 'v_dup');

--
-- The settings of the creating session show in the data, not the drainer's
--
CREATE TABLE moment (id int PRIMARY KEY, at timestamptz, f float8, i interval, b bytea);
CREATE VIEW v_moment AS SELECT id, jsonb_build_object('at', at) AS doc, concat(at, f, i, b) AS txt, to_char(at, 'HH24') AS hour FROM moment;
SELECT source('moment', '{id}');
SELECT tview('v_moment', 'tv_moment', '{id}');
SELECT route('tv_moment', 'moment', 'direct', '{id}', '{1}', '{1}');
INSERT INTO moment VALUES (1, '2020-06-01 12:00+00', 0.1, '1 day 2 hours', '\x01');
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = -3; SET bytea_output = 'escape';
SELECT * FROM drain();
TABLE tv_moment;
SELECT * FROM tviews_verify('tv_moment');
SHOW TimeZone;
RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET bytea_output;
SELECT * FROM tviews_verify('tv_moment');

SELECT tviews_refresh_sql('tv_dup');
SELECT tviews_refresh_sql('tv_fact');
SELECT tviews_refresh_sql('product');
SELECT reset();
DROP SCHEMA refresh, "Odd ""Schema" CASCADE;
DROP EXTENSION citext;
