--
-- One bad key does not stop the rest: keys whose document raises, writes that
-- are refused, lookups and comparisons that fail; same batch, other TVIEWs,
-- later levels; retries; what is nobody's key.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA failing;
SET search_path = failing, public;

CREATE FUNCTION drain() RETURNS TABLE (changes bigint, keys bigint, written bigint, failed bigint, remaining bigint)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT d.changes, d.keys, d.inserted + d.updated + d.deleted, d.failed, d.remaining FROM tviews_drain() d;
    -- what failed is tried again when the test says so, however long it takes
    UPDATE tviews_batch.failure SET next_try = next_try + interval '1 day' WHERE next_try < now() + interval '2 hours';
    UPDATE tviews_batch.postponed SET next_try = next_try + interval '1 day' WHERE next_try < now() + interval '2 hours';
    UPDATE tviews_batch.tview SET next_try = next_try + interval '1 day' WHERE next_try < now() + interval '2 hours';
END $$;
-- differences beside the keys that are said to fail
CREATE FUNCTION oracle(tview text, view text, key text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format($q$SELECT count(*) FROM (
        (SELECT * FROM %2$s EXCEPT ALL SELECT * FROM %1$s) UNION ALL
        (SELECT * FROM %1$s EXCEPT ALL SELECT * FROM %2$s)) d
        WHERE NOT EXISTS (SELECT FROM tviews_failures f WHERE f.tview = %3$L::regclass AND f.key->>%4$L = d.%4$I::text)$q$,
        tview, view, tview, key) INTO n;
    RETURN n;
END $$;
CREATE VIEW failures AS SELECT tview, key, sqlstate, message, attempts FROM tviews_failures ORDER BY tview::text, key;

-- division by zero, a bad cast; a second TVIEW of the same table; a level above
CREATE TABLE item (pk_item int PRIMARY KEY, grp int NOT NULL, d int NOT NULL, txt text NOT NULL);
CREATE INDEX ON item (grp);
INSERT INTO item SELECT i, i % 10, 1, i::text FROM generate_series(1, 1000) i;
CREATE VIEW v_item AS SELECT pk_item, grp, 1000 / d AS q, txt::int AS n FROM item;
CREATE VIEW v_plain AS SELECT pk_item, txt FROM item;
CREATE VIEW v_safe AS SELECT pk_item, grp, CASE WHEN d = 0 OR txt !~ '^\d+$' THEN -1 ELSE 1000 / d END AS q,
    CASE WHEN txt ~ '^\d+$' THEN txt::int END AS n FROM item;
SELECT tviews_create('v_item');
SELECT tviews_create('v_plain', key => '{pk_item}');
CREATE VIEW v_grp AS SELECT grp, count(*) AS items, sum(q) AS q, sum(n) AS n FROM tv_item GROUP BY grp;
SELECT tviews_create('v_grp');
UPDATE item SET d = CASE WHEN pk_item % 100 = 7 THEN 0 ELSE 2 END,
                txt = CASE WHEN pk_item % 100 = 9 THEN 'many' ELSE (pk_item + 1)::text END;
SET tviews_batch.full_threshold = 1;
SET tviews_batch.batch_keys = 300;
SELECT * FROM drain();
SELECT tview, count(*), min(key->>'pk_item'), sqlstate, min(attempts), max(attempts) FROM tviews_failures GROUP BY 1, 4 ORDER BY 4;
SELECT message FROM tviews_failures WHERE key = '{"pk_item": 9}';
SELECT oracle('tv_item', 'v_safe', 'pk_item') AS item, oracle('tv_plain', 'v_plain', 'pk_item') AS plain, oracle('tv_grp', 'v_grp', 'grp') AS grp;
SELECT tview, state, reason, last_error IS NOT NULL AS error FROM tviews_status ORDER BY level, tview::text;
SELECT keys, failed FROM tviews_drains ORDER BY id DESC LIMIT 1;
-- rows of failed keys are as they were
SELECT * FROM tv_item WHERE pk_item IN (7, 9);
-- nothing is due yet, then all of it
SELECT * FROM drain();
SELECT tviews_retry('tv_item');
SELECT * FROM drain();
SELECT min(attempts), max(attempts), bool_and(next_try - last_try > '1 day 1 second') AS longer FROM tviews_batch.failure;
-- mended: at once, and the failure is gone
UPDATE item SET d = 4 WHERE d = 0 AND pk_item < 500;
SELECT * FROM drain();
SELECT count(*) FROM tviews_failures;
UPDATE item SET d = 4 WHERE d = 0;
UPDATE item SET txt = '1' WHERE txt = 'many';
SELECT * FROM drain();
TABLE failures;
SELECT oracle('tv_item', 'v_item', 'pk_item') AS item, oracle('tv_plain', 'v_plain', 'pk_item') AS plain, oracle('tv_grp', 'v_grp', 'grp') AS grp;
SELECT tview, state, reason, last_error FROM tviews_status ORDER BY level, tview::text;
-- a failed key whose row goes
UPDATE item SET d = 0 WHERE pk_item = 5;
SELECT * FROM drain();
DELETE FROM item WHERE pk_item = 5;
SELECT * FROM drain();
TABLE failures;
-- the delay grows, up to an hour
UPDATE item SET d = 0 WHERE pk_item = 6;
SELECT * FROM drain();
DO $$ BEGIN FOR i IN 1 .. 14 LOOP PERFORM tviews_retry(), tviews_drain(); END LOOP; END $$;
SELECT attempts, date_trunc('minute', next_try - last_try) AS wait FROM tviews_batch.failure;
UPDATE item SET d = 1 WHERE pk_item = 6;
SELECT * FROM drain();

-- above the threshold the comparison fails, and the keys that fail are found all the same
SET tviews_batch.full_threshold = 0;
UPDATE item SET grp = grp + 1, d = CASE WHEN pk_item = 50 THEN 0 ELSE 2 END;
SELECT * FROM drain();
TABLE failures;
SELECT oracle('tv_item', 'v_safe', 'pk_item') AS item, oracle('tv_grp', 'v_grp', 'grp') AS grp;
RESET tviews_batch.full_threshold;
RESET tviews_batch.batch_keys;
-- so is a comparison that was asked for
SET client_min_messages = notice;
SELECT * FROM tviews_refresh('tv_item');
SET client_min_messages = warning;
SELECT * FROM tviews_verify('tv_plain');
SELECT tviews_pause('tv_item'), tviews_resume('tv_item');
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
UPDATE item SET d = 1 WHERE d = 0;
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';

-- what refuses on the TVIEW: a CHECK of the user's, a trigger, a column made shorter
ALTER TABLE tv_plain ADD CONSTRAINT no_bad CHECK (txt <> 'bad');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.txt = 'worse' THEN RAISE EXCEPTION 'refused: %', NEW.pk_item; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON tv_plain FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TABLE word (pk_word int PRIMARY KEY, w varchar(20));
CREATE VIEW v_word AS SELECT pk_word, w FROM word;
SELECT tviews_create('v_word');
ALTER TABLE tv_word ALTER w TYPE varchar(5);
UPDATE item SET txt = CASE pk_item % 100 WHEN 1 THEN 'bad' WHEN 2 THEN 'worse' ELSE '5' END WHERE pk_item <= 200;
INSERT INTO word VALUES (1, 'short'), (2, 'much longer'), (3, NULL);
SELECT * FROM drain();
SELECT tview, key, sqlstate, split_part(message, ' row', 1) FROM failures;
SELECT count(*) FROM tv_plain WHERE txt = '5';
TABLE tv_word;
UPDATE item SET txt = '6' WHERE txt IN ('bad', 'worse');
UPDATE word SET w = 'long' WHERE pk_word = 2;
SELECT * FROM drain();
TABLE failures;
SELECT oracle('tv_item', 'v_item', 'pk_item'), oracle('tv_plain', 'v_plain', 'pk_item'), oracle('tv_word', 'v_word', 'pk_word');

-- a row that was refused is not told to the next level: only its own key is evaluated
ALTER TABLE tv_item ADD CONSTRAINT no_hundred CHECK (q <> 100);
UPDATE item SET d = 10 WHERE pk_item = 8;
SELECT * FROM drain();
UPDATE item SET d = 1 WHERE pk_item = 8;
SELECT * FROM drain();
SELECT oracle('tv_item', 'v_item', 'pk_item') AS item, oracle('tv_grp', 'v_grp', 'grp') AS grp;

-- a key that is not unique in the view; composite keys with NULL; names that need quotes
CREATE TABLE "Odd t" (id int PRIMARY KEY, "a ""b" int, t text, d int NOT NULL);
INSERT INTO "Odd t" SELECT i, CASE WHEN i % 3 > 0 THEN i % 3 END, i::text, 1 FROM generate_series(1, 9) i;
CREATE VIEW "v_Odd" AS SELECT "a ""b", t, 10 / d AS q FROM "Odd t";
SELECT tviews_create('"v_Odd"', key => '{"a \"b",t}');
INSERT INTO "Odd t" VALUES (10, 1, '1', 1), (11, NULL, 'x"y', 1), (12, NULL, 'x"y', 1), (13, NULL, 'z', 1), (14, NULL, 'u', 0), (15, 2, 'u', 0);
SELECT * FROM drain();
SELECT key, sqlstate, message FROM failures;
SELECT * FROM "tv_Odd" ORDER BY 2, 1;
DELETE FROM "Odd t" WHERE id IN (10, 12);
UPDATE "Odd t" SET d = 1;
SELECT * FROM drain();
TABLE failures;
SELECT * FROM tviews_verify('"tv_Odd"');

-- two rows may swap a value under a unique index of the user's, also beside a key that fails
CREATE TABLE slot (pk_slot int PRIMARY KEY, place int NOT NULL, d int NOT NULL DEFAULT 1);
INSERT INTO slot SELECT i, i FROM generate_series(1, 20) i;
CREATE VIEW v_slot AS SELECT pk_slot, place, 1 / d AS q FROM slot;
SELECT tviews_create('v_slot');
CREATE VIEW v_slot_safe AS SELECT pk_slot, place, CASE WHEN d <> 0 THEN 1 / d END AS q FROM slot;
ALTER TABLE tv_slot ADD UNIQUE (place);
UPDATE slot SET place = 21 - place;
SELECT * FROM drain();
SELECT oracle('tv_slot', 'v_slot', 'pk_slot');
UPDATE slot SET place = CASE WHEN place > 10 THEN place - 10 ELSE place + 10 END WHERE pk_slot BETWEEN 4 AND 7 OR pk_slot BETWEEN 14 AND 17;
UPDATE slot SET d = 0 WHERE pk_slot IN (3, 20);
SELECT * FROM drain();
SELECT key, sqlstate FROM failures;
SELECT oracle('tv_slot', 'v_slot_safe', 'pk_slot');
UPDATE slot SET d = 1;
SELECT * FROM drain();
TABLE failures;
-- a place that a failing row holds is had when both are tried again
UPDATE slot SET place = 21 - place, d = pk_slot - 20 WHERE pk_slot IN (1, 20);
SELECT * FROM drain();
SELECT key, sqlstate FROM failures;
UPDATE slot SET d = 1 WHERE pk_slot = 20;
SELECT tviews_retry();
SELECT * FROM drain();
TABLE failures;
SELECT oracle('tv_slot', 'v_slot', 'pk_slot');

-- a lookup that fails has no key to blame: its changes wait, and are tried again; the others go on
CREATE TABLE author (pk_author int PRIMARY KEY, code text NOT NULL, name text);
CREATE TABLE book (pk_book int PRIMARY KEY, author_code text NOT NULL, title text);
INSERT INTO author SELECT i, i::text, 'a' || i FROM generate_series(1, 5) i;
INSERT INTO book SELECT i, (1 + i % 5)::text, 'b' || i FROM generate_series(1, 20) i;
CREATE VIEW v_book AS SELECT b.pk_book, b.title, a.name FROM book b JOIN author a ON a.code::int = b.author_code::int;
CREATE VIEW v_title AS SELECT pk_book AS pk_title, title FROM book;
SELECT tviews_create('v_book');
SELECT tviews_create('v_title');
SELECT source, route FROM tviews_explain('tv_book') ORDER BY 1;
UPDATE author SET code = 'x1', name = 'A' WHERE pk_author = 1;
UPDATE book SET title = 'B' WHERE pk_book = 1;
SELECT changes FROM drain();
SELECT tview, state FROM tviews_status WHERE state <> 'ok';
SELECT oracle('tv_title', 'v_title', 'pk_title');
SELECT changes FROM drain();
SELECT attempts, message, next_try > clock_timestamp() AS later FROM tviews_batch.postponed ORDER BY id;
-- the value itself makes the lookup fail, so the change goes on waiting; all others are taken
UPDATE author SET code = '1' WHERE pk_author = 1;
UPDATE author SET name = 'B' WHERE pk_author = 2;
SELECT tviews_retry('tv_book') >= 0 AS retried;
SELECT changes FROM drain();
SELECT state FROM tviews_status WHERE tview = 'tv_book'::regclass;
SELECT oracle('tv_book', 'v_book', 'pk_book');
SELECT compared, keyed FROM tviews_drains ORDER BY id DESC LIMIT 1;
SELECT attempts FROM tviews_batch.postponed ORDER BY id;
-- one that fails for what it reads, is taken when that is mended; nothing is compared
UPDATE book SET author_code = 'x' WHERE pk_book = 7;
UPDATE author SET name = 'C' WHERE pk_author = 3;
SELECT changes FROM drain();
SELECT count(*) AS waiting FROM tviews_batch.postponed;
SELECT state, reason, pending_changes, lag IS NOT NULL AS lags FROM tviews_status WHERE tview = 'tv_book'::regclass;
UPDATE book SET author_code = '3' WHERE pk_book = 7;
SELECT tviews_retry('tv_book') >= 0 AS retried;
SELECT changes FROM drain();
SELECT count(*) AS waiting FROM tviews_batch.postponed;
SELECT oracle('tv_book', 'v_book', 'pk_book');
SELECT compared, keyed FROM tviews_drains ORDER BY id DESC LIMIT 1;
-- it goes on failing: the TVIEW is compared, which fails as well until the view can be evaluated
SET tviews_batch.retry_limit = 3;
UPDATE author SET code = 'x1', name = 'AA' WHERE pk_author = 1;
SELECT changes FROM drain();
SELECT tviews_retry('tv_book') >= 0 AS retried;
SELECT changes FROM drain();
SELECT state, reason FROM tviews_status WHERE tview = 'tv_book'::regclass;
SELECT tviews_retry('tv_book') >= 0 AS retried;
SELECT changes FROM drain();
SELECT state, reason FROM tviews_status WHERE tview = 'tv_book'::regclass;
SELECT attempts, next_try > clock_timestamp() AS later FROM tviews_batch.tview WHERE tview = 'tv_book'::regclass;
SELECT count(*) FROM tviews_batch.postponed;
UPDATE author SET code = '1' WHERE pk_author = 1;
SELECT tviews_retry('tv_book') >= 0 AS retried;
SELECT changes FROM drain();
SELECT state, reason, last_error FROM tviews_status WHERE tview = 'tv_book'::regclass;
SELECT oracle('tv_book', 'v_book', 'pk_book');
-- a limit of 0: at once; too many to be kept: one change for all rows stands for them
SET tviews_batch.retry_limit = 0;
UPDATE author SET code = 'x1' WHERE pk_author = 1;
SELECT changes FROM drain();
SELECT state, reason FROM tviews_status WHERE tview = 'tv_book'::regclass;
RESET tviews_batch.retry_limit;
UPDATE author SET code = '1' WHERE pk_author = 1;
SELECT tviews_retry('tv_book') >= 0 AS retried;
SELECT changes FROM drain();
SELECT oracle('tv_book', 'v_book', 'pk_book');
SET tviews_batch.batch_keys = 5;
UPDATE author SET code = 'y' || code, name = name || '?';
SELECT changes FROM drain();
SELECT source::regclass, link IS NULL AS everything FROM tviews_batch.postponed;
UPDATE author SET code = substr(code, 2);
RESET tviews_batch.batch_keys;
SET tviews_batch.retry_limit = 2;
SELECT tviews_retry('tv_book') >= 0 AS retried;
SELECT changes FROM drain();
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM tviews_retry(), tviews_drain(); END LOOP; END $$;
RESET tviews_batch.retry_limit;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_book'::regclass;
SELECT oracle('tv_book', 'v_book', 'pk_book');

-- something that the definition names is gone: that TVIEW is stale, the others go on
CREATE FUNCTION twice(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT f * $1 FROM failing.factor); END $$;
CREATE TABLE factor (f int);
INSERT INTO factor VALUES (2);
CREATE VIEW v_twice AS SELECT pk_word AS pk_twice, twice(pk_word) AS n FROM word;
SELECT tviews_create('v_twice');
ALTER TABLE factor RENAME TO other;
INSERT INTO word VALUES (4, 'four');
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
TABLE failures;
SELECT oracle('tv_word', 'v_word', 'pk_word');
ALTER TABLE other RENAME TO factor;
SELECT tviews_retry();
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
SELECT oracle('tv_twice', 'v_twice', 'pk_twice');

-- nobody's key: the drain ends, and the claims come back
CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN IF $1 > 100 THEN RAISE EXCEPTION 'from outside' USING ERRCODE = current_setting('failing.code'), HINT = coalesce(current_setting('failing.hint', true), 'none'); END IF; RETURN $1; END $$;
CREATE VIEW v_slow AS SELECT pk_word AS pk_slow, slow(pk_word) AS n FROM word;
SELECT tviews_create('v_slow');
\set VERBOSITY terse
INSERT INTO word VALUES (101, 'hi');
SET failing.code = '40001';
SELECT * FROM drain();
SET failing.code = '40P01';
SELECT * FROM drain();
SET failing.code = '53100';
SELECT * FROM drain();
SET failing.code = '53200';
SELECT * FROM drain();
SET failing.code = '57014';
SELECT * FROM drain();
SET failing.code = '57P01';
SELECT * FROM drain();
SET failing.code = '58030';
SELECT * FROM drain();
\set VERBOSITY default
TABLE failures;
SELECT pending_changes FROM tviews_queue_depth WHERE source IS NULL;
SELECT oracle('tv_word', 'v_word', 'pk_word') AS waiting;
-- more locks than there are: the TVIEW's changes wait, the others are drained
SET failing.code = '53200';
SET failing.hint = 'You might need to increase max_locks_per_transaction.';
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
SELECT oracle('tv_word', 'v_word', 'pk_word') AS not_waiting;
SELECT tviews_retry();
SELECT * FROM drain();
SELECT tview, message, attempts FROM tviews_batch.postponed;
TABLE failures;
-- when it goes on it is stale, and compared later and later
SET tviews_batch.retry_limit = 3;
SELECT tviews_retry();
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
SELECT count(*) FROM tviews_batch.postponed;
SELECT tviews_retry();
SELECT * FROM drain();
SELECT tview, stale_reason, attempts FROM tviews_batch.tview WHERE attempts > 0;
RESET tviews_batch.retry_limit;
-- damaged data can be a key's
SET failing.code = 'XX001';
RESET failing.hint;
SELECT tviews_retry();
SELECT * FROM drain();
TABLE failures;
SELECT oracle('tv_word', 'v_word', 'pk_word') AS not_waiting;
-- the same of a limit that the server meets while one key's document is made: no key is blamed, nothing is written, nothing is lost
CREATE TABLE pile (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO pile SELECT i, 10 FROM generate_series(1, 50) i;
CREATE VIEW v_pile AS SELECT id, (SELECT count(*) FROM (SELECT x FROM generate_series(1, p.n) x ORDER BY x DESC) s) AS n FROM pile p;
SELECT tviews_create('v_pile', key => '{id}');
DELETE FROM word WHERE pk_word = 101;
SELECT * FROM drain();
UPDATE pile SET n = CASE WHEN id = 25 THEN 200000 ELSE 11 END;
SET work_mem = '64kB';
SET temp_file_limit = '256kB';
\set VERBOSITY sqlstate
SELECT * FROM drain();
SELECT * FROM drain();
\set VERBOSITY default
SELECT count(*) AS failures, (SELECT pending_changes FROM tviews_queue_depth WHERE source IS NULL) AS pending,
       (SELECT count(*) FROM tv_pile WHERE n <> 10) AS changed,
       (SELECT string_agg(DISTINCT state, ', ') FROM tviews_status) AS states FROM tviews_failures;
RESET temp_file_limit;
SELECT * FROM drain();
SELECT state, oracle('tv_pile', 'v_pile', 'id') FROM tviews_status WHERE tview = 'tv_pile'::regclass;
RESET work_mem;
SELECT tviews_drop('tv_pile');
INSERT INTO word VALUES (101, 'hi');
-- a lock that lock_timeout gave up: the TVIEW's changes wait, the others are drained
SET failing.code = '55P03';
SELECT * FROM drain();
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
SELECT oracle('tv_word', 'v_word', 'pk_word') AS not_waiting;
SET failing.code = 'P0001';
SELECT tviews_retry();
SELECT * FROM drain();
TABLE failures;
SELECT oracle('tv_word', 'v_word', 'pk_word') AS waiting;

-- 1.0 = 1.00: a key that succeeds under one image has failed under none
CREATE TABLE num (id numeric PRIMARY KEY, d int);
CREATE VIEW v_num AS SELECT id, 10 / d AS q FROM num;
SELECT tviews_create('v_num', key => '{id}');
INSERT INTO num VALUES (1.00, 1);
SELECT * FROM drain();
UPDATE num SET id = 1.0, d = 0;
SELECT * FROM drain();
SELECT tview, key, attempts FROM failures WHERE tview = 'tv_num'::regclass;
UPDATE num SET d = 2;
SELECT * FROM drain();
SELECT tview, key, attempts FROM failures WHERE tview = 'tv_num'::regclass;
SELECT state, oracle('tv_num', 'v_num', 'id') FROM tviews_status WHERE tview = 'tv_num'::regclass;
SELECT tviews_drop('tv_num');

-- a key too long for any index
CREATE TABLE tome (word text, n int);
CREATE VIEW v_tome AS SELECT word, sum(n) AS n FROM tome GROUP BY word;
SELECT tviews_create('v_tome');
INSERT INTO tome SELECT string_agg(sha256(i::text::bytea)::text, ''), 1 FROM generate_series(1, 200) i;
INSERT INTO tome VALUES ('short', 1);
SELECT * FROM drain();
SELECT tview, length(key->>'word'), sqlstate, attempts FROM failures WHERE tview = 'tv_tome'::regclass;
SELECT oracle('tv_tome', 'v_tome', 'word');
SELECT tviews_retry('tv_tome');
SELECT * FROM drain();
DELETE FROM tome WHERE word <> 'short';
SELECT * FROM drain();
SELECT state, oracle('tv_tome', 'v_tome', 'word') FROM tviews_status WHERE tview = 'tv_tome'::regclass;
SELECT tviews_drop('tv_tome');

-- a trigger of the user's on a TVIEW may not write the TVIEW, while a drain does
CREATE TABLE pair (id int PRIMARY KEY, v int);
CREATE VIEW v_pair AS SELECT id, v FROM pair;
SELECT tviews_create('v_pair', key => '{id}');
INSERT INTO pair VALUES (1, 1), (2, 2);
SELECT * FROM drain();
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE failing.tv_pair SET v = 0 WHERE id = 2; RETURN NULL; END $$;
CREATE TRIGGER meddle AFTER UPDATE ON tv_pair FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION meddle();
UPDATE pair SET v = 10 WHERE id = 1;
SELECT * FROM drain();
SELECT tview, key, sqlstate, message FROM failures WHERE tview = 'tv_pair'::regclass;
TABLE tv_pair ORDER BY id;
DROP TRIGGER meddle ON tv_pair;
SELECT tviews_retry('tv_pair');
SELECT * FROM drain();
SELECT state, oracle('tv_pair', 'v_pair', 'id') FROM tviews_status WHERE tview = 'tv_pair'::regclass;
SELECT tviews_drop('tv_pair');

-- keys that failed are of another refresh key than the view's now: forgotten when it has been compared
CREATE TABLE gauge (id int PRIMARY KEY, n bigint NOT NULL, d int NOT NULL);
CREATE VIEW v_gauge AS SELECT id, count(*) OVER (PARTITION BY id) AS n, 1 / d AS q FROM gauge;
SELECT tviews_create('v_gauge', key => '{id,n}');
INSERT INTO gauge SELECT i, 5, CASE WHEN i <> 7 THEN 1 ELSE 0 END FROM generate_series(1, 40) i;
SELECT * FROM drain();
CREATE OR REPLACE VIEW v_gauge AS SELECT id, n, 1 / d AS q FROM gauge;
SET tviews_batch.batch_keys = 10;
UPDATE gauge SET d = 1 WHERE id = 8;
SELECT failed FROM tviews_drain();
CALL tviews_reconcile('tv_gauge');
SELECT tview, key FROM tviews_failures WHERE tview = 'tv_gauge'::regclass;
UPDATE gauge SET d = 1 WHERE id = 7;
SELECT * FROM drain();
SELECT state, oracle('tv_gauge', 'v_gauge', 'id') FROM tviews_status WHERE tview = 'tv_gauge'::regclass;
SELECT tviews_drop('tv_gauge');
-- ... which are no values of the columns that it has now
CREATE TABLE label (id int PRIMARY KEY, name text NOT NULL, words text[] NOT NULL, tags text[] NOT NULL, d int NOT NULL);
CREATE VIEW v_label AS SELECT l.name AS a, ARRAY[t.tag] AS b, 10 / l.d AS q FROM label l, unnest(l.tags) t (tag);
SELECT tviews_create('v_label', key => '{a,b}');
INSERT INTO label SELECT i, repeat('a', 100) || i, ARRAY['w' || i], ARRAY['t' || i], CASE WHEN i <> 7 THEN 1 ELSE 0 END FROM generate_series(1, 40) i;
SELECT * FROM drain();
SELECT t.refresh_key, count(*) FROM tviews_batch.tview t JOIN tviews_batch.failure f USING (tview) WHERE tview = 'tv_label'::regclass GROUP BY 1;
CREATE OR REPLACE VIEW v_label AS SELECT t.tag AS a, l.words AS b, 10 / l.d AS q FROM label l, unnest(l.tags) t (tag);
SELECT t.refresh_key, count(f) FROM tviews_batch.tview t LEFT JOIN tviews_batch.failure f USING (tview) WHERE tview = 'tv_label'::regclass GROUP BY 1;
CALL tviews_reconcile('tv_label');
UPDATE label SET d = 1 WHERE d = 0;
SELECT changes, failed FROM drain();
SELECT state, oracle('tv_label', 'v_label', 'a') FROM tviews_status WHERE tview = 'tv_label'::regclass;
SELECT tviews_drop('tv_label');
RESET tviews_batch.batch_keys;

-- a retry is for those who may drain, and holds the drain lock
CREATE ROLE tvb_nobody;
SET ROLE tvb_nobody;
SELECT tviews_retry();
RESET ROLE;
DROP ROLE tvb_nobody;
SELECT tviews_retry('word');
-- dropping a TVIEW forgets its failures
SELECT tviews_drop('tv_slow');
TABLE failures;

SET client_min_messages = error;
DROP SCHEMA failing CASCADE;
SELECT count(*) FROM tviews_batch.failure;
