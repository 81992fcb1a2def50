--
-- Kept plans: one that was made while a table was known to be empty is made anew when the table has grown, though
-- nobody has analyzed it since.  Plans that are made again and again are simple.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA plans;
SET search_path = plans, public;
SET jit = off;
CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL) WITH (autovacuum_enabled = off);
CREATE TABLE review (id int PRIMARY KEY, product int NOT NULL, stars int NOT NULL) WITH (autovacuum_enabled = off);
CREATE INDEX ON review (product);
INSERT INTO product SELECT i, 'p' || i FROM generate_series(1, 100) i;
ANALYZE product, review;
CREATE VIEW v_product AS SELECT p.id, p.name, r.stars FROM product p
    LEFT JOIN (SELECT product, sum(stars) AS stars FROM review GROUP BY product) r ON r.product = p.id;
SELECT tviews_create('v_product', key => '{id}');

-- one key is refreshed: how many rows of a table are read?
CREATE FUNCTION one(pk int, what regclass = 'review', OUT updated bigint, OUT few_rows_read boolean) LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    UPDATE product SET name = name || 'x' WHERE id = pk;
    SELECT seq_tup_read + idx_tup_fetch INTO before FROM pg_stat_xact_user_tables WHERE relid = what;
    SELECT d.updated INTO updated FROM tviews_drain() d;
    SELECT seq_tup_read + idx_tup_fetch - before < 1000 INTO few_rows_read FROM pg_stat_xact_user_tables WHERE relid = what;
END $$;
SELECT * FROM one(1);
SELECT * FROM one(2);
INSERT INTO review SELECT i, i % 100 + 1, i % 5 FROM generate_series(1, 20000) i;
SELECT changes, updated FROM tviews_drain();
SELECT * FROM one(3);
SELECT * FROM one(4);
-- ... and when it has become small again
TRUNCATE review;
SELECT changes, updated FROM tviews_drain();
SELECT * FROM one(5);
SELECT count(*) FROM (TABLE v_product EXCEPT ALL TABLE tv_product) x;

-- partitions grow as well
CREATE TABLE note (id int PRIMARY KEY, product int NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE note_1 PARTITION OF note FOR VALUES FROM (0) TO (100000) WITH (autovacuum_enabled = off);
CREATE INDEX ON note (product);
ANALYZE note;
CREATE VIEW v_noted AS SELECT p.id, p.name, n.notes FROM product p
    LEFT JOIN (SELECT product, count(*) AS notes FROM note GROUP BY product) n ON n.product = p.id;
SELECT tviews_create('v_noted', key => '{id}');
SELECT * FROM one(6, 'note_1');
INSERT INTO note SELECT i, i % 100 + 1 FROM generate_series(1, 20000) i;
SELECT changes, updated FROM tviews_drain();
SELECT * FROM one(7, 'note_1');
SELECT tviews_drop('tv_noted');

-- a subquery that tells which rows of another one are needed has its own condition once: an index would be searched for each
-- pair of keys
CREATE TABLE event (id int PRIMARY KEY, product int NOT NULL, kind int NOT NULL, at int NOT NULL);
CREATE TABLE alarm (id int PRIMARY KEY, kind int NOT NULL);
CREATE VIEW v_last AS SELECT p.id, l.kind, a.n FROM product p
    LEFT JOIN (SELECT DISTINCT ON (product) product, kind FROM event ORDER BY product, at DESC, id) l ON l.product = p.id
    LEFT JOIN (SELECT kind, count(*) AS n FROM alarm GROUP BY kind) a ON a.kind = l.kind;
CREATE FUNCTION times(sql text, what text) RETURNS bigint RETURN (SELECT count(*) FROM regexp_matches(sql, what, 'g'));
SELECT tviews_create('v_last', key => '{id}');
SELECT times(sql, 'EXISTS') AS tells, times(sql, '[.]product = ANY') AS conditions FROM tviews_refresh_sql('tv_last') sql;
SELECT tviews_drop('tv_last');
-- with ties it might choose other rows the second time, and the row that is needed would not be there
CREATE OR REPLACE VIEW v_last AS SELECT p.id, l.kind, a.n FROM product p
    LEFT JOIN (SELECT DISTINCT ON (product) product, kind FROM event ORDER BY product, at DESC) l ON l.product = p.id
    LEFT JOIN (SELECT kind, count(*) AS n FROM alarm GROUP BY kind) a ON a.kind = l.kind;
SELECT tviews_create('v_last', key => '{id}');
SELECT times(sql, 'EXISTS') AS tells, times(sql, '[.]product = ANY') AS conditions FROM tviews_refresh_sql('tv_last') sql;
SELECT tviews_drop('tv_last');
-- ... but it may show something chosen, or numbered, that is not compared
CREATE OR REPLACE VIEW v_last AS SELECT p.id, l.kind, a.n FROM product p
    LEFT JOIN (SELECT product, kind, row_number() OVER (PARTITION BY product ORDER BY at DESC) AS place FROM event) l ON l.product = p.id AND l.place = 1
    LEFT JOIN (SELECT kind, count(*) AS n FROM alarm GROUP BY kind) a ON a.kind = l.kind;
SELECT tviews_create('v_last', key => '{id}');
SELECT times(sql, 'EXISTS') AS tells, times(sql, '[.]product = ANY') AS conditions FROM tviews_refresh_sql('tv_last') sql;
SELECT tviews_drop('tv_last');
CREATE VIEW v_seen AS SELECT e.id, e.kind, (SELECT x.kind FROM event x WHERE x.product = e.product ORDER BY x.at LIMIT 1) AS first FROM event e;
CREATE VIEW v_of_kind AS SELECT s.id, s.first, a.n FROM v_seen s LEFT JOIN (SELECT kind, count(*) AS n FROM alarm GROUP BY kind) a ON a.kind = s.kind;
CREATE VIEW v_of_first AS SELECT s.id, s.kind, a.n FROM v_seen s LEFT JOIN (SELECT kind, count(*) AS n FROM alarm GROUP BY kind) a ON a.kind = s.first;
SELECT tviews_create('v_of_kind', key => '{id}'), tviews_create('v_of_first', key => '{id}');
SELECT tview, times(tviews_refresh_sql(tview), 'EXISTS') AS tells FROM unnest('{tv_of_kind,tv_of_first}'::regclass[]) tview;

-- two tables whose changes are looked up by the same words, with the columns in another order, or of another type
CREATE TABLE ref (id int PRIMARY KEY, g int, h int);
CREATE TABLE left_first (id int PRIMARY KEY, g int, ref int);
CREATE TABLE right_first (id int PRIMARY KEY, ref int, g int);
CREATE TABLE wide_ref (id int PRIMARY KEY, g int, ref bigint);
INSERT INTO ref SELECT i, i - 1, 100 + i FROM generate_series(1, 9) i;
CREATE VIEW v_words AS
SELECT r.h FROM left_first f JOIN ref r ON r.id = f.ref AND r.g = f.g
UNION SELECT r.h FROM right_first s JOIN ref r ON r.id = s.ref AND r.g = s.g
UNION SELECT r.h FROM wide_ref w JOIN ref r ON r.id = w.ref AND r.g = w.g;
SELECT tviews_create('v_words', key => '{h}');
SELECT source, alias, regexp_replace(lookup_sql, '\s+', ' ', 'g') AS lookup_sql FROM tviews_explain('tv_words') WHERE alias <> 'r' ORDER BY alias;
INSERT INTO left_first VALUES (1, 1, 2);
SELECT keys, inserted FROM tviews_drain();
INSERT INTO right_first VALUES (1, 4, 3);
SELECT keys, inserted FROM tviews_drain();
INSERT INTO wide_ref VALUES (1, 5, 6);
SELECT keys, inserted FROM tviews_drain();
INSERT INTO left_first VALUES (2, 7, 8);
SELECT keys, inserted FROM tviews_drain();
TABLE v_words EXCEPT ALL TABLE tv_words;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_words'::regclass;
SELECT tviews_drop('tv_words');

-- a set operation whose arms have different types is evaluated for its keys, in each arm
CREATE TABLE said (id bigint PRIMARY KEY, what varchar(20));
CREATE VIEW v_feed AS SELECT 'ref' AS kind, id, h::text AS what FROM ref UNION ALL SELECT 'said', id, what FROM said;
SELECT tviews_create('v_feed', key => '{kind,id}');
SELECT arms FROM (SELECT count(*) AS arms FROM regexp_matches(tviews_refresh_sql('tv_feed'), 'id = ANY \(\$2\)', 'g')) x;
INSERT INTO said VALUES (7, 'seven');
SELECT keys, inserted FROM tviews_drain();
TABLE v_feed EXCEPT ALL TABLE tv_feed;
SELECT tviews_drop('tv_feed');

-- each set operation inside another one compares by its own type: char(n) takes other strings for equal than text does
CREATE TABLE code (id int PRIMARY KEY, code char(4));
CREATE TABLE used (id int PRIMARY KEY, code varchar);
CREATE TABLE word (id int PRIMARY KEY, word text);
CREATE TABLE label (word text PRIMARY KEY, label text);
INSERT INTO code VALUES (1, 'x'), (2, 'y');
INSERT INTO used VALUES (1, 'x ');
INSERT INTO label VALUES ('x', 'ex'), ('y', 'why');
CREATE VIEW v_codes AS SELECT word AS k FROM word UNION ALL (SELECT code FROM code EXCEPT SELECT code FROM used);
CREATE VIEW v_label AS SELECT l.word, l.label, w.k AS unused FROM label l LEFT JOIN v_codes w ON w.k = l.word;
SELECT tviews_create('v_codes', key => '{k}'), tviews_create('v_label', key => '{word}');
UPDATE label SET label = label || 's';
SELECT updated FROM tviews_drain();
TABLE v_label EXCEPT ALL TABLE tv_label;
DELETE FROM used;
SELECT changes FROM tviews_drain();
(TABLE v_codes EXCEPT ALL TABLE tv_codes) UNION ALL (TABLE tv_codes EXCEPT ALL TABLE v_codes);
TABLE v_label EXCEPT ALL TABLE tv_label;
-- ... but one with numbers of other sizes inside is evaluated for its keys
CREATE VIEW v_ids AS SELECT id::bigint AS id FROM word UNION ALL (SELECT id FROM code EXCEPT SELECT id FROM used);
SELECT tviews_create('v_ids', key => '{id}');
SELECT times(tviews_refresh_sql('tv_ids'), 'id = ANY') AS arms;
SELECT tviews_drop('tv_codes'), tviews_drop('tv_label'), tviews_drop('tv_ids');
DROP VIEW v_codes, v_label, v_ids;

-- a CTE that is read twice and chooses among ties is evaluated once: one copy might choose otherwise than the other
CREATE TABLE offer (id int PRIMARY KEY, product int NOT NULL, rank int NOT NULL);
INSERT INTO offer SELECT i, i % 100 + 1, 0 FROM generate_series(1, 20000) i;
CREATE INDEX ON offer (product);
ANALYZE offer;
CREATE VIEW v_best AS WITH best AS (SELECT DISTINCT ON (product) product, id FROM offer ORDER BY product, rank)
SELECT p.id, p.name, b.id AS offer FROM product p JOIN best b ON b.product = p.id JOIN best also ON also.id = b.id;
SELECT tviews_create('v_best', key => '{id}');
UPDATE product SET name = name || 'x' WHERE id < 4;
SELECT updated, deleted FROM tviews_drain();
SELECT count(*) FROM tv_best;
SELECT tviews_drop('tv_best');
-- ... and is evaluated for the keys where all that read it are about them; so is what one reads that reads another one
CREATE OR REPLACE VIEW v_best AS WITH placed AS (SELECT product, id, row_number() OVER (PARTITION BY product ORDER BY rank) AS place FROM offer),
    first AS (SELECT product, id, place FROM placed WHERE place < 3)
SELECT p.id, p.name, a.id AS offer, b.id AS next FROM product p LEFT JOIN first a ON a.product = p.id AND a.place = 1
    LEFT JOIN first b ON b.product = p.id AND b.place = a.place + 1 LEFT JOIN placed c ON c.product = p.id AND c.place = 3;
SELECT tviews_create('v_best', key => '{id}');
SELECT regexp_replace(sql, '\s+', ' ', 'g') AS sql FROM tviews_refresh_sql('tv_best') sql;
UPDATE product SET name = name || 'x' WHERE id < 4;
SELECT updated FROM tviews_drain();
SELECT tviews_drop('tv_best');
DROP VIEW v_best;
-- not where one of them is not, be it in a sublink
CREATE VIEW v_best AS WITH placed AS (SELECT product, id, row_number() OVER (PARTITION BY product ORDER BY rank) AS place FROM offer)
SELECT p.id, p.name, a.id AS offer, (SELECT count(*) FROM placed WHERE place = 1) AS next FROM product p LEFT JOIN placed a ON a.product = p.id AND a.place = 1;
SELECT tviews_create('v_best', key => '{id}');
SELECT times(tviews_refresh_sql('tv_best'), 'product = ANY') AS conditions;
SELECT tviews_drop('tv_best');
DROP VIEW v_best;
-- the order of rows that an aggregate of the user's may depend on
CREATE AGGREGATE any_of(int) (SFUNC = int4larger, STYPE = int);
CREATE VIEW v_best AS WITH best AS (SELECT product, any_of(id) AS id FROM offer GROUP BY product)
SELECT p.id, p.name, b.id AS offer FROM product p JOIN best b ON b.product = p.id JOIN best also ON also.id = b.id;
SELECT tviews_create('v_best', key => '{id}');
SELECT times(tviews_refresh_sql('tv_best'), 'product = ANY') AS conditions;
SELECT tviews_drop('tv_best');
DROP VIEW v_best;
-- which of equal values it shows makes no difference: it is written out, and each copy is evaluated for its own rows
CREATE VIEW v_best AS WITH best AS (SELECT product, max(id::numeric) AS id FROM offer GROUP BY product)
SELECT p.id, p.name, b.id AS offer, n.id AS next FROM product p JOIN best b ON b.product = p.id JOIN event e ON e.id = p.id JOIN best n ON n.product = e.product;
SELECT tviews_create('v_best', key => '{id}');
SELECT times(tviews_refresh_sql('tv_best'), 'product = ANY') AS conditions, times(tviews_refresh_sql('tv_best'), 'EXISTS') AS tells;
SELECT tviews_drop('tv_best');
DROP VIEW v_best;
-- all references in the arms of a set operation, by the conditions that they share
CREATE VIEW v_placed AS WITH placed AS (SELECT product, id, row_number() OVER (PARTITION BY product ORDER BY rank) AS place FROM offer)
SELECT product, place, id FROM placed WHERE place = 1 UNION ALL SELECT product, 2, count(*) FROM placed GROUP BY product;
SELECT tviews_create('v_placed', key => '{product,place}');
SELECT times(tviews_refresh_sql('tv_placed'), 'product = ANY') AS conditions, times(tviews_refresh_sql('tv_placed'), 'place = ANY') AS of_one;
SELECT tviews_drop('tv_placed');

-- MATERIALIZED keeps conditions from rows that it leaves out
CREATE FUNCTION is_number(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1 ~ '^\d+$'; END $$;
INSERT INTO word VALUES (1, '5'), (4, 'five');
CREATE VIEW v_number AS WITH number AS MATERIALIZED (SELECT id % 3 AS id, word FROM word WHERE is_number(word))
SELECT p.id, p.name, n.numbers FROM product p LEFT JOIN (SELECT id, count(*) AS numbers FROM number WHERE word::int > 3 GROUP BY id) n ON n.id = p.id;
SELECT tviews_create('v_number', key => '{id}');
UPDATE product SET name = name || 'x' WHERE id = 1;
SELECT updated, failed FROM tviews_drain();
SELECT tviews_drop('tv_number');

-- a CTE that reads a recursive one is written out where another one has that name: the text would mean that one
CREATE VIEW v_shadow AS WITH RECURSIVE r AS (SELECT 1 AS id, 1 AS depth UNION SELECT id + 1, depth FROM r WHERE id < 5),
    deepest AS (SELECT id, max(depth) AS depth FROM r GROUP BY id)
SELECT p.id, p.name, s.depth, s.inner_depth FROM product p LEFT JOIN (
    WITH RECURSIVE r AS (SELECT 1 AS id, 2 AS depth UNION SELECT id + 1, depth FROM r WHERE id < 5)
    SELECT d.id, d.depth, max(r.depth) AS inner_depth FROM r JOIN deepest d ON d.id = r.id GROUP BY d.id, d.depth) s ON s.id = p.id;
SELECT tviews_create('v_shadow', key => '{id}');
UPDATE product SET name = name || 'x' WHERE id = 1;
SELECT changes FROM tviews_drain();
TABLE v_shadow EXCEPT ALL TABLE tv_shadow;
SELECT tviews_drop('tv_shadow');
-- but one is found by its name from further inside
CREATE VIEW v_inside AS WITH RECURSIVE r AS (SELECT 1 AS id, 1 AS depth UNION SELECT id + 1, depth FROM r WHERE id < 5)
SELECT p.id, p.name, s.place, s.depth FROM product p LEFT JOIN (
    SELECT a.id, rank() OVER (PARTITION BY e.product ORDER BY a.id) AS place,
           (SELECT r.depth FROM r WHERE r.id = a.id) AS depth FROM alarm a LEFT JOIN event e ON e.id = a.kind) s ON s.id = p.id;
INSERT INTO alarm VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO event VALUES (1, 1, 1, 1);
SELECT tviews_create('v_inside', key => '{id}');
SELECT times(tviews_refresh_sql('tv_inside'), 'FROM r') AS arms;
UPDATE product SET name = name || 'x' WHERE id < 4;
SELECT changes FROM tviews_drain();
TABLE v_inside EXCEPT ALL TABLE tv_inside;
SELECT tviews_drop('tv_inside');

-- rows of one group that the primary key of a parent does not tell are in one partition of a window, whatever their columns
CREATE TABLE part (id int PRIMARY KEY, kind text NOT NULL);
CREATE TABLE spare () INHERITS (part);
INSERT INTO part VALUES (1, 'a'), (2, 'a'), (3, 'a');
INSERT INTO spare VALUES (3, 'c');
CREATE VIEW v_part AS SELECT p.id, p.name, w.of FROM product p
    JOIN (SELECT id, sum(count(*)) OVER (PARTITION BY kind) AS of FROM part GROUP BY id) w ON w.id = p.id;
SELECT tviews_create('v_part', key => '{id}');
UPDATE product SET name = name || 'x' WHERE id = 1;
SELECT updated FROM tviews_drain();
TABLE v_part EXCEPT ALL TABLE tv_part;
SELECT tviews_drop('tv_part');

-- a condition that tells equal values apart does not go below what groups or numbers them, nor beside it, where the planner would move it
CREATE EXTENSION citext SCHEMA plans;
CREATE TABLE mention (id int PRIMARY KEY, who citext NOT NULL, stars numeric NOT NULL);
INSERT INTO mention VALUES (1, 'ann', 1.0), (2, 'ANN', 1.00), (3, 'bob', 2);
CREATE TABLE person (name text PRIMARY KEY, age int);
INSERT INTO person VALUES ('ann', 1), ('bob', 2);
CREATE VIEW v_person AS SELECT p.name, p.age, m.mentions FROM person p
    LEFT JOIN (SELECT g.who::text AS name, g.mentions FROM (SELECT who, count(*) AS mentions FROM mention GROUP BY who) g) m ON m.name = p.name;
CREATE VIEW v_mention AS SELECT p.name, p.age, m.id, m.mentions FROM person p
    LEFT JOIN (SELECT w.who::text AS name, w.id, w.mentions FROM (SELECT id, who, count(*) OVER (PARTITION BY who) AS mentions FROM mention) w) m ON m.name = p.name;
CREATE VIEW v_sorted AS SELECT p.name, p.age, m.id, m.mentions FROM person p
    LEFT JOIN (SELECT w.who::text AS name, w.id, w.mentions FROM (SELECT id, who, count(*) OVER (PARTITION BY who) AS mentions FROM mention) w ORDER BY 2) m ON m.name = p.name;
CREATE VIEW v_stars AS SELECT w.stars::text AS stars, w.id, w.alike, p.age FROM (SELECT id, stars, count(*) OVER (PARTITION BY stars) AS alike FROM mention) w
    JOIN person p ON p.age = w.id;
SELECT tviews_create('v_person', key => '{name}'), tviews_create('v_mention', key => '{name,id}'), tviews_create('v_sorted', key => '{name,id}'),
       tviews_create('v_stars', key => '{stars,id}');
UPDATE person SET age = age + 10 WHERE name = 'ann';
UPDATE person SET age = 1 WHERE name = 'ann';
SELECT changes FROM tviews_drain();
TABLE v_person EXCEPT ALL TABLE tv_person;
TABLE v_mention EXCEPT ALL TABLE tv_mention;
TABLE v_sorted EXCEPT ALL TABLE tv_sorted;
(TABLE v_stars EXCEPT ALL TABLE tv_stars) UNION ALL (TABLE tv_stars EXCEPT ALL TABLE v_stars);
SELECT count(tviews_drop(tview)) FROM unnest('{tv_person,tv_mention,tv_sorted,tv_stars}'::regclass[]) tview;
-- nor does what follows from a range of keys
INSERT INTO mention SELECT i, CASE WHEN i % 2 = 0 THEN 'ann' ELSE 'ANN' END, i FROM generate_series(4, 100) i;
CREATE VIEW v_often AS SELECT p.name, p.age, m.id, m.mentions FROM person p
    JOIN (SELECT w.who::text AS name, w.id, w.mentions FROM (SELECT id, who, count(*) OVER (PARTITION BY who) AS mentions FROM mention) w) m ON m.name = p.name;
SELECT tviews_create('v_often', key => '{name,id}', populate => false);
SET tviews_batch.batch_keys = 5;
CALL tviews_reconcile('tv_often');
RESET tviews_batch.batch_keys;
SELECT count(*) FROM tv_often;
TABLE v_often EXCEPT ALL TABLE tv_often;
SELECT tviews_drop('tv_often');
-- a view that groups nothing is in nobody's way; COALESCE that is compared as its arguments are tells none of them apart
CREATE VIEW v_plain AS SELECT m.id, m.who, m.stars FROM mention m WHERE m.id > 0;
CREATE VIEW v_spelt AS SELECT p.name, p.age, m.n FROM person p
    LEFT JOIN (SELECT who::text AS name, count(*) AS n FROM v_plain GROUP BY who::text) m ON m.name = p.name;
CREATE TABLE rating (stars numeric PRIMARY KEY, word text);
INSERT INTO rating VALUES (1, 'poor'), (2, 'fair'), (3, 'good');
CREATE VIEW v_rating AS SELECT r.stars, r.word, f.a, f.b FROM rating r LEFT JOIN (SELECT stars, x.n AS a, y.n AS b
    FROM (SELECT stars, count(*) AS n FROM mention GROUP BY stars) x FULL JOIN (SELECT stars, count(*) AS n FROM v_plain GROUP BY stars) y USING (stars)) f ON f.stars = r.stars;
SELECT tviews_create('v_spelt', key => '{name}'), tviews_create('v_rating', key => '{stars}');
SELECT tview, count(*) AS restricted FROM unnest('{tv_spelt,tv_rating}'::regclass[]) tview, regexp_matches(tviews_refresh_sql(tview), '(who|stars)\S* = ANY', 'g') GROUP BY tview ORDER BY tview::text;
UPDATE person SET age = age + 1;
UPDATE rating SET word = upper(word) WHERE stars < 3;
SELECT updated FROM tviews_drain();
(TABLE v_spelt EXCEPT ALL TABLE tv_spelt) UNION ALL (TABLE tv_spelt EXCEPT ALL TABLE v_spelt);
(TABLE v_rating EXCEPT ALL TABLE tv_rating) UNION ALL (TABLE tv_rating EXCEPT ALL TABLE v_rating);
SELECT count(tviews_drop(tview)) FROM unnest('{tv_spelt,tv_rating}'::regclass[]) tview;

-- tviews_status is thought to be cheap, or the server would compile it, which takes a second
CREATE FUNCTION cost(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan #>> '{0,Plan,Total Cost}';
END $$;
SELECT cost('TABLE tviews_status') < current_setting('jit_above_cost')::numeric / 2 AS cheap;

DROP SCHEMA plans CASCADE;
