--
-- tviews_create: keys of every kind, inferred and named; views over views,
-- CTEs and other TVIEWs; the oracle after changes of each.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA creating;
SET search_path = creating, public;

-- how many rows a TVIEW and its view differ in, both ways
CREATE FUNCTION differences(tv regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v regclass := (SELECT view FROM tviews_batch.tview WHERE tview = tv);
    n bigint;
BEGIN
    EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$s EXCEPT ALL TABLE %2$s) x)
                         + (SELECT count(*) FROM (TABLE %2$s EXCEPT ALL TABLE %1$s) x)', tv, v) INTO n;
    RETURN n;
END $$;

CREATE TABLE t (
    i int PRIMARY KEY, b bigint UNIQUE, u uuid UNIQUE, s text UNIQUE, d date UNIQUE, n numeric UNIQUE,
    g1 int, g2 text, at timestamptz, amount numeric(10,2));
INSERT INTO t SELECT i, i * 10000000000, md5(i::text)::uuid, 'row ' || i, date '2024-01-01' + i, i / 8.0,
    CASE WHEN i % 5 > 0 THEN i % 5 END, CASE WHEN i % 3 > 0 THEN 'g' || i % 3 END,
    timestamptz '2024-01-01 00:00+00' + i * interval '40 days', i * 1.5
FROM generate_series(1, 60) i;

-- one key of every type, named
CREATE VIEW v_int AS SELECT i, g1 FROM t;
CREATE VIEW v_bigint AS SELECT b, g1 FROM t;
CREATE VIEW v_uuid AS SELECT u, g1 FROM t;
CREATE VIEW v_text AS SELECT s, g1 FROM t;
CREATE VIEW v_date AS SELECT d, g1 FROM t;
CREATE VIEW v_numeric AS SELECT n, g1 FROM t;
CREATE VIEW v_composite AS SELECT g1, g2, count(*) AS n, sum(amount) AS amount FROM t GROUP BY g1, g2;
CREATE VIEW v_year AS SELECT extract(year FROM at AT TIME ZONE 'UTC')::int AS y, sum(amount) AS amount FROM t GROUP BY 1;
CREATE VIEW v_null AS SELECT g2, count(*) AS n, max(amount) AS top FROM t GROUP BY g2;
SELECT tviews_create('v_int', key => '{i}'), tviews_create('v_bigint', key => '{b}'),
       tviews_create('v_uuid', key => '{u}'), tviews_create('v_text', key => '{s}'),
       tviews_create('v_date', key => '{d}'), tviews_create('v_numeric', key => '{n}');
-- inferred: GROUP BY, an expression, a group that may be NULL
SELECT tviews_create('v_composite'), tviews_create('v_year'), tviews_create('v_null');
SELECT tview, key, refresh_key, key_nullable FROM tviews_batch.tview ORDER BY tview::text COLLATE "C";
SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'creating' AND tablename LIKE 'tv\_%' ORDER BY 1, 2;
SELECT relname, relreplident FROM pg_class WHERE relname IN ('tv_null', 'tv_int') ORDER BY 1;
SELECT tv.tview, e.route, e.link_columns FROM tviews_batch.tview tv, tviews_explain(tv.tview) e ORDER BY tv.tview::text COLLATE "C";

-- every key column changes
UPDATE t SET i = i + 100, b = b + 1, u = md5(u::text)::uuid, s = s || '!', d = d + 1000, n = n + 0.001,
             g1 = g1 + 1, g2 = nullif(g2, 'g1'), at = at + interval '1 year' WHERE i % 7 = 0;
DELETE FROM t WHERE i % 11 = 0;
INSERT INTO t (i, g1, g2, at, amount) VALUES (1000, NULL, NULL, '2031-05-05', 1);
UPDATE t SET at = NULL WHERE i = 3;
SELECT changes > 0 AS some, failed, remaining FROM tviews_drain();
SELECT tview, differences(tview) FROM tviews_batch.tview ORDER BY tview::text COLLATE "C";
SELECT * FROM tv_null ORDER BY g2;

-- pk_<entity> is the key by its name
CREATE VIEW v_named AS SELECT i AS pk_named, s FROM t;
SELECT tviews_create('v_named');
SELECT key FROM tviews_batch.tview WHERE tview = 'tv_named'::regclass;

-- inferred: DISTINCT, DISTINCT ON, UNION, the primary key of the preserved table, through a view
CREATE VIEW v_distinct AS SELECT DISTINCT g1, g2 FROM t;
CREATE VIEW v_first AS SELECT DISTINCT ON (g1) g1, i, s FROM t ORDER BY g1, i;
CREATE VIEW v_union AS SELECT g1 FROM t UNION SELECT length(g2) FROM t;
CREATE VIEW v_preserved AS SELECT a.i, a.s, b.s AS other FROM t a LEFT JOIN t b ON b.i = a.g1;
CREATE VIEW v_joined AS SELECT a.i, b.s FROM t a JOIN t b ON b.i = a.g1;
CREATE VIEW v_nested AS SELECT a.i, b.s FROM t a JOIN t b ON (b.i, a.g2) = (a.n, 'g1') AND (b.g1 > 0);
CREATE VIEW v_through AS SELECT * FROM v_preserved WHERE other IS NOT NULL;
CREATE VIEW v_cte AS WITH x AS (SELECT g1, count(*) AS n FROM t GROUP BY g1) SELECT a.g1, a.n, b.n AS again FROM x a JOIN x b ON b.g1 = a.g1;
SELECT tviews_create('v_nested'), tviews_create('v_distinct'), tviews_create('v_first'), tviews_create('v_union'),
       tviews_create('v_preserved'), tviews_create('v_joined'), tviews_create('v_through'),
       tviews_create('v_cte');
CREATE VIEW v_beside AS SELECT a.i, x.n, x.top FROM t a CROSS JOIN LATERAL (SELECT count(*) AS n, max(b.s) AS top FROM t b WHERE b.g1 = a.i) x;
CREATE VIEW v_many AS SELECT b.i, a.n FROM (SELECT g1, count(*) AS n FROM t GROUP BY g1) a JOIN t b ON b.g1 = a.g1;
CREATE VIEW v_crossed AS SELECT a.i, b.n FROM t a CROSS JOIN (SELECT g1, count(*) AS n FROM t GROUP BY g1) b;
SELECT tviews_create('v_beside'), tviews_create('v_many');
SELECT tviews_create('v_crossed');
SELECT tview, key FROM tviews_batch.tview
 WHERE tview::text IN ('tv_distinct', 'tv_first', 'tv_union', 'tv_preserved', 'tv_joined', 'tv_nested', 'tv_through', 'tv_cte', 'tv_beside', 'tv_many')
 ORDER BY tview::text COLLATE "C";

-- what is joined may multiply rows, behind an outer join too, though there are none yet
CREATE TABLE pet_owner (id int PRIMARY KEY, mail text UNIQUE, old text);
CREATE UNIQUE INDEX ON pet_owner (old) WHERE id > 5;
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE pet_name (name text PRIMARY KEY, loose text COLLATE nocase, row pet_owner);
CREATE UNIQUE INDEX ON pet_name (loose COLLATE "C");
CREATE UNIQUE INDEX ON pet_name (row record_image_ops);
CREATE TABLE pet (id int PRIMARY KEY, owner int, mail text, born date);
CREATE TABLE pet_dog (PRIMARY KEY (id)) INHERITS (pet);
CREATE FUNCTION key_of(query text) RETURNS name[] LANGUAGE plpgsql AS $$
DECLARE result name[];
BEGIN
    PERFORM tviews_create_as('tv_key_of', query, populate => false);
    SELECT key INTO result FROM tviews_batch.tview WHERE tview = 'tv_key_of'::regclass;
    PERFORM tviews_drop('tv_key_of');
    DROP VIEW v_key_of;
    RETURN result;
EXCEPTION WHEN invalid_table_definition THEN
    RETURN NULL;
END $$;
SET client_min_messages = warning;
SELECT joined, key_of('SELECT o.id, o.mail FROM pet_owner o ' || joined) AS key FROM (VALUES
    (1, 'JOIN pet_owner p ON p.id < o.id'), (2, 'JOIN pet_owner p ON p.mail = o.old'), (3, 'JOIN pet_owner p ON p.old = o.mail'),
    (4, 'LEFT JOIN pet_dog p ON p.owner = o.id'), (5, 'LEFT JOIN pet_owner p ON p.mail = o.old AND p.id <> o.id'),
    (6, 'LEFT JOIN pet_owner p ON p.id <= o.id'), (7, 'LEFT JOIN (pet_dog d JOIN pet_owner p ON p.id = d.owner) ON d.id = o.id'),
    (8, 'LEFT JOIN (pet_dog d JOIN pet_owner p ON p.id = d.owner) ON p.id = o.id'), (9, 'LEFT JOIN pet p ON p.id = o.id'),
    (10, 'LEFT JOIN pet_dog d LEFT JOIN pet_owner p ON p.id = d.owner ON d.id = o.id'),
    (11, 'LEFT JOIN pet_dog d ON d.id = o.id LEFT JOIN pet_owner p ON p.id = d.owner'),
    (12, 'LEFT JOIN pet_dog d ON o.id = d.owner WHERE d.id = o.id'),
    (13, 'LEFT JOIN LATERAL (SELECT d.id FROM pet_dog d WHERE d.owner = o.id ORDER BY d.id LIMIT 1) d ON true'),
    (14, 'LEFT JOIN LATERAL (SELECT d.id FROM pet_dog d WHERE d.owner = o.id ORDER BY d.id LIMIT 2) d ON true'),
    (15, 'LEFT JOIN (SELECT d.owner, row_number() OVER (PARTITION BY d.owner ORDER BY d.id) AS n FROM pet_dog d) d ON d.owner = o.id AND d.n = 1'),
    (16, 'LEFT JOIN (SELECT d.owner, row_number() OVER (PARTITION BY d.owner ORDER BY d.id) AS n FROM pet_dog d) d ON d.owner = o.id AND d.n < 3'),
    (17, 'LEFT JOIN (SELECT d.owner, count(*) AS n FROM pet_dog d GROUP BY d.owner) d ON d.owner = o.id'),
    (18, 'LEFT JOIN (SELECT DISTINCT d.owner, d.born FROM pet_dog d) d ON d.owner = o.id'),
    (19, 'CROSS JOIN abs(o.id) a'), (20, 'CROSS JOIN generate_series(1, o.id) a'),
    (21, 'FULL JOIN pet_owner p ON p.id = o.id'), (22, 'RIGHT JOIN pet_dog d ON d.owner = o.id'),
    (23, 'JOIN pet_name p ON p.name = o.mail'), (24, 'JOIN pet_name p ON p.name = (o.mail COLLATE nocase)'),
    (25, 'JOIN pet_name p ON p.loose = o.mail'), (26, 'JOIN pet_name p ON p.row = o')) AS t (n, joined)
 ORDER BY n;
RESET client_min_messages;
DROP FUNCTION key_of;
DROP TABLE pet_name, pet_dog, pet, pet_owner;
DROP COLLATION nocase;

-- what has no fixed order is said; a group that its primary key tells, or of one scale, has one
CREATE TABLE price (id int PRIMARY KEY, amount numeric, rounded numeric(9, 2), tags int[]);
CREATE VIEW v_amount AS SELECT amount, count(*) AS n FROM price GROUP BY amount;
CREATE VIEW v_rounded AS SELECT rounded, tags, count(*) AS n FROM price GROUP BY rounded, tags;
CREATE VIEW v_told AS SELECT p.id, p.amount, count(*) AS n FROM price p JOIN t ON t.g1 = p.id GROUP BY p.id, p.amount;
CREATE VIEW v_either AS SELECT amount FROM price UNION SELECT rounded FROM price;
CREATE VIEW v_listed AS SELECT rounded, jsonb_agg(id) AS ids, jsonb_agg(id ORDER BY amount) AS tied, jsonb_agg(amount ORDER BY id) AS sorted FROM price GROUP BY rounded;
SELECT tviews_create('v_amount'), tviews_create('v_rounded'), tviews_create('v_told'), tviews_create('v_either'), tviews_create('v_listed');
SELECT tview, unnest(notes) AS note FROM tviews_batch.tview
 WHERE tview::text IN ('tv_amount', 'tv_rounded', 'tv_told', 'tv_either', 'tv_listed') ORDER BY tview::text COLLATE "C", 2;
SELECT count(tviews_drop(tview)) FROM tviews_batch.tview WHERE view IN (SELECT ('v_' || x)::regclass FROM unnest('{amount,rounded,told,either,listed}'::text[]) AS x);
CREATE VIEW v_highest AS SELECT rounded, max(amount) AS a FROM price GROUP BY rounded;
CREATE VIEW v_middle AS SELECT rounded, percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) AS a FROM price GROUP BY rounded;
CREATE VIEW v_summed AS SELECT rounded, sum(DISTINCT amount) AS a FROM price GROUP BY rounded;
CREATE VIEW v_over AS SELECT id, min(amount) OVER (PARTITION BY rounded) AS a FROM price;
CREATE VIEW v_itself AS SELECT rounded, jsonb_agg(amount ORDER BY amount) AS a FROM price GROUP BY rounded;
CREATE VIEW v_fixed AS SELECT tags, max(rounded) AS r, min(id) AS i, count(DISTINCT amount) AS n, sum(amount) AS a, jsonb_agg(rounded ORDER BY rounded) AS l FROM price GROUP BY tags;
SELECT tviews_create('v_highest'), tviews_create('v_middle'), tviews_create('v_summed'), tviews_create('v_over'), tviews_create('v_itself'), tviews_create('v_fixed');
SELECT tview, unnest(coalesce(nullif(notes, '{}'), '{none}')) AS note FROM tviews_batch.tview
 WHERE tview::text IN ('tv_highest', 'tv_middle', 'tv_summed', 'tv_over', 'tv_itself', 'tv_fixed') ORDER BY tview::text COLLATE "C", 2;
SELECT count(tviews_drop(tview)) FROM tviews_batch.tview WHERE view IN (SELECT ('v_' || x)::regclass FROM unnest('{highest,middle,summed,over,itself,fixed}'::text[]) AS x);

-- rows of an outer join's preserved side are not told by the other side: it may have none
CREATE VIEW v_order_left AS SELECT a.rounded, jsonb_agg(a.id ORDER BY b.id) AS l FROM price a LEFT JOIN price b ON b.id = a.id GROUP BY a.rounded;
CREATE VIEW v_order_full AS SELECT count(*) AS n, jsonb_agg(b.id ORDER BY a.id) AS l FROM price a FULL JOIN price b ON b.id = a.id;
CREATE VIEW v_order_right AS SELECT a.rounded, jsonb_agg(a.id ORDER BY a.id) AS l FROM price b RIGHT JOIN price a ON b.id = a.id GROUP BY a.rounded;
CREATE VIEW v_order_inner AS SELECT a.rounded, jsonb_agg(a.id ORDER BY b.id) AS l FROM price a JOIN price b ON b.id = a.id GROUP BY a.rounded;
SELECT tviews_create('v_order_left'), tviews_create('v_order_full', key => '{n}'), tviews_create('v_order_right'), tviews_create('v_order_inner');
SELECT tview, unnest(coalesce(nullif(notes, '{}'), '{none}')) AS note FROM tviews_batch.tview
 WHERE starts_with(tview::text, 'tv_order_') ORDER BY tview::text COLLATE "C";
SELECT count(tviews_drop(tview)) FROM tviews_batch.tview WHERE starts_with(tview::text, 'tv_order_');

-- aggregates as window functions, arrays of a query's rows, rows that LIMIT chooses
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE named (name text COLLATE nocase NOT NULL, s text PRIMARY KEY);
CREATE UNIQUE INDEX ON named (name COLLATE "C");
CREATE TABLE parent (i int PRIMARY KEY, s text);
CREATE TABLE child () INHERITS (parent);
CREATE VIEW v_elements AS SELECT row_number() OVER (ORDER BY n) AS i, x FROM (VALUES
    (1, 'string_agg(s, s) OVER (PARTITION BY g1)'), (2, 'string_agg(s, s) OVER (PARTITION BY g1 ORDER BY i)'), (3, 'string_agg(g2, s) OVER (ORDER BY g2)'),
    (4, 'sum(g1) OVER (ORDER BY g1 ROWS 1 PRECEDING)'), (5, 'sum(g1) OVER (ORDER BY g1)'), (6, 'sum(g1) OVER (ORDER BY g1, i ROWS 1 PRECEDING)'),
    (7, 'sum(i::float8) OVER (PARTITION BY g1)'), (8, 'max(i::float8) OVER (PARTITION BY g1)'), (9, 'rank() OVER (ORDER BY g1 ROWS 1 PRECEDING)'),
    (10, 'ARRAY(SELECT x.s FROM t x WHERE x.g1 = t.g1)'), (11, 'ARRAY(SELECT x.s FROM t x ORDER BY x.g1)'), (12, 'ARRAY(SELECT x.s FROM t x ORDER BY x.i)'),
    (13, 'ARRAY(SELECT x.g1 FROM t x ORDER BY x.g1)'), (14, 'ARRAY(SELECT x.s FROM t x WHERE x.i = t.g1)'), (15, 'ARRAY(SELECT max(x.s) FROM t x)'),
    (16, 'ARRAY(SELECT x + 1 FROM generate_series(1, t.g1) x)'), (17, 'ARRAY(SELECT DISTINCT x.g1 FROM t x)'),
    (18, 'ARRAY(SELECT x.g1 FROM t x UNION SELECT x.i FROM t x ORDER BY 1)'),
    (19, '(SELECT max(y.i) FROM (SELECT x.i FROM t x ORDER BY x.g1 FETCH FIRST 2 ROWS WITH TIES) y)'),
    (20, '(SELECT max(y.i) FROM (SELECT x.i FROM t x ORDER BY x.g1 OFFSET 1 FETCH FIRST 2 ROWS WITH TIES) y)'),
    (21, '(SELECT x.s FROM named x ORDER BY x.s LIMIT 1)'), (22, '(SELECT x.s FROM named x ORDER BY x.name LIMIT 1)'),
    (23, '(SELECT n.name FROM t x JOIN named n ON n.s = x.s ORDER BY x.i LIMIT 1)'),
    (24, '(SELECT n.name FROM t x JOIN named n ON n.s = x.s COLLATE nocase ORDER BY x.i LIMIT 1)'),
    (25, '(SELECT x.s FROM (SELECT p.* FROM parent p) x ORDER BY x.i LIMIT 1)'),
    (26, '(SELECT x.i FROM (SELECT p.i, count(*) FROM (SELECT * FROM parent) p GROUP BY p.i) x ORDER BY x.i LIMIT 1)'),
    (27, '(SELECT x.s FROM (SELECT p.* FROM ONLY parent p) x ORDER BY x.i LIMIT 1)')) AS e (n, x);
CREATE FUNCTION notes_of(expression text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE result text[];
BEGIN
    PERFORM tviews_create_as('tv_notes_of', 'SELECT t.i, ' || expression || ' AS x FROM t', key => '{i}', populate => false);
    SELECT notes INTO result FROM tviews_batch.tview WHERE tview = 'tv_notes_of'::regclass;
    PERFORM tviews_drop('tv_notes_of');
    DROP VIEW v_notes_of;
    RETURN result;
END $$;
SET client_min_messages = warning;
SELECT i, x, notes_of(x) AS notes FROM v_elements ORDER BY i;
DROP TABLE parent, child;
RESET client_min_messages;
DROP FUNCTION notes_of;
DROP VIEW v_elements;
DROP TABLE named;
DROP COLLATION nocase;

-- a column under ROLLUP is NULL in rows of its own
CREATE VIEW v_rolled AS SELECT i, count(*) AS n FROM t GROUP BY ROLLUP (i);
SELECT tviews_create('v_rolled', key => '{i}');
SELECT key_nullable, differences('tv_rolled') FROM tviews_batch.tview WHERE tview = 'tv_rolled'::regclass;
SELECT tviews_drop('tv_rolled');
-- and ties with the NULL of another row
CREATE VIEW v_tied AS SELECT g1, grouping(g1) AS g, row_number() OVER (ORDER BY g1) AS r FROM t GROUP BY ROLLUP (g1);
SET client_min_messages = warning;
SELECT tviews_create('v_tied', key => '{g1,g}');
RESET client_min_messages;
SELECT notes FROM tviews_batch.tview WHERE tview = 'tv_tied'::regclass;
SELECT tviews_drop('tv_tied');
DROP VIEW v_tied;

-- text that is read as a date: the clock decides where it says today
CREATE TABLE said (id int PRIMARY KEY, t text, j jsonb);
CREATE VIEW v_said_cast AS SELECT id, t::date AS d FROM said;
CREATE VIEW v_said_array AS SELECT id, string_to_array(t, ' ')::timestamptz[] AS d FROM said;
CREATE VIEW v_said_range AS SELECT id, t::tsmultirange AS d FROM said;
CREATE VIEW v_said_json AS SELECT s.id, r.d FROM said s, jsonb_to_record(s.j) AS r (d date);
CREATE VIEW v_said_plain AS SELECT id, to_date(t, 'YYYY-MM-DD') AS d, date '2024-01-01' AS e, t::interval AS i, t::int AS n FROM said;
SELECT tviews_create('v_said_cast');
SELECT tviews_create('v_said_array'), tviews_create('v_said_range'), tviews_create('v_said_json', key => '{id}'), tviews_create('v_said_plain');
SELECT tview, unnest(coalesce(nullif(notes, '{}'), '{none}')) AS note FROM tviews_batch.tview
 WHERE starts_with(tview::text, 'tv_said_') ORDER BY tview::text COLLATE "C";
SELECT count(tviews_drop(tview)) FROM tviews_batch.tview WHERE starts_with(tview::text, 'tv_said_');

-- other names, other schemas, no table yet
CREATE SCHEMA creating_too;
SELECT tviews_create('v_int', tview => 'another', key => '{i}');
CREATE VIEW creating_too.plain AS SELECT i, s FROM t;
SELECT tviews_create('creating_too.plain');
SELECT tviews_create('v_int', tview => 'tv_later', key => '{i}', populate => false);
SELECT count(*) FROM tv_later;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_later'::regclass;
SELECT inserted > 0 AS filled FROM tviews_drain();
SELECT state, reason FROM tviews_status WHERE tview = 'tv_later'::regclass;

-- the one-call form
SELECT tviews_create_as('tv_called', 'SELECT g1, count(*) AS n FROM t GROUP BY g1');
SELECT tviews_create_as('creating_too.tv_called', 'SELECT g2, count(*) AS n FROM t GROUP BY g2');
SELECT replace(pg_get_viewdef('v_called'), 't.g1', 'g1') AS viewdef;   -- PostgreSQL 16 and newer leave the t out

-- over the tables of other TVIEWs, three levels
CREATE VIEW v_l1 AS SELECT g1, sum(n) AS n FROM tv_composite GROUP BY g1;
SELECT tviews_create('v_l1');
CREATE VIEW v_l2 AS SELECT n, count(*) AS groups FROM tv_l1 GROUP BY n;
SELECT tviews_create('v_l2');
SELECT tview, level FROM tviews_batch.tview WHERE level > 0 ORDER BY level;
DELETE FROM t WHERE g2 = 'g2';
UPDATE t SET g1 = 1 WHERE g1 = 2;
SELECT remaining, levels FROM tviews_drain();
SELECT tview, differences(tview) FROM tviews_batch.tview ORDER BY tview::text COLLATE "C";

-- dropping: what others need stays, what nobody needs goes
DROP VIEW v_l2;
SELECT tview FROM tviews_status WHERE level = 2;
SELECT tviews_drop('tv_l1');
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'tviews\_capture%';
DROP VIEW v_l1;
SELECT count(tviews_drop(tview)) FROM tviews_batch.tview;
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'tviews\_%';
SELECT (SELECT count(*) FROM tviews_batch.tview) AS tviews, (SELECT count(*) FROM tviews_batch.source) AS sources,
       (SELECT count(*) FROM tviews_batch.route) AS routes, (SELECT count(*) FROM tviews_batch.captured) AS captured;
SELECT tviews_create('v_int', key => '{i}');
SELECT tviews_drop('tv_int', keep_table => true);
SELECT count(*) > 0 AS kept FROM tv_int;
DELETE FROM tv_int;

-- rows that the view leaves out are no error of a lookup that would be one for them; long columns do not make it wide
CREATE TABLE part (id int PRIMARY KEY, x int, kind text, code text, body text, doc jsonb DEFAULT '3');
INSERT INTO part SELECT i, i, 'number', i::text, 'b' || i, '["a", "b"]' FROM generate_series(1, 5) i;
CREATE VIEW v_divided AS SELECT t.i, count(*) AS n FROM t JOIN part p ON t.i = 10 / p.x WHERE p.x <> 0 AND p.body IS NOT NULL GROUP BY t.i;
CREATE VIEW v_number AS SELECT p.code::int AS code, count(*) AS n, min(p.body) AS body FROM part p WHERE p.kind = 'number' AND p.body > 'a' GROUP BY p.code::int;
CREATE VIEW v_per AS SELECT p.id, count(*) OVER (PARTITION BY 10 / p.x) AS n FROM part p WHERE p.x <> 0;
CREATE VIEW v_spelled AS SELECT lower(p.kind) AS kind, count(*) AS n FROM part p WHERE p.x <> 0 GROUP BY lower(p.kind);
CREATE VIEW v_element AS SELECT e.e AS element, count(*) AS n FROM part p, jsonb_array_elements_text(p.doc) AS e (e) WHERE jsonb_typeof(p.doc) = 'array' GROUP BY e.e;
SELECT tviews_create('v_divided'), tviews_create('v_number'), tviews_create('v_per', key => '{id}'), tviews_create('v_spelled'), tviews_create('v_element');
SELECT tview, l.link_columns, regexp_replace(sql, '\s+', ' ', 'g') AS sql FROM tviews_batch.lookup l JOIN tviews_batch.route USING (tview, occurrence)
 WHERE source = 'part'::regclass ORDER BY tview::text COLLATE "C", ord;
INSERT INTO part VALUES (6, 0, 'word', 'six', 'b'), (7, 0, 'number', '7', 'b'), (8, 1, 'word', 'eight', 'b');
SELECT failed FROM tviews_drain();
SELECT tview, state, last_error FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
UPDATE part SET x = 1 - x, kind = 'number', code = '6', doc = '["b"]' WHERE id >= 6;
UPDATE part SET x = 0, kind = 'word', code = 'one', doc = '{}' WHERE id = 1;
SELECT failed FROM tviews_drain();
SELECT tview, state, last_error FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
DELETE FROM part WHERE id <> 3;
SELECT failed FROM tviews_drain();
SELECT tview, state, last_error FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
SELECT tview, differences(tview) FROM tviews_batch.tview ORDER BY tview::text COLLATE "C";
SELECT count(tviews_drop(tview)) FROM tviews_batch.tview;
DROP VIEW v_divided, v_number, v_per, v_spelled, v_element;
DROP TABLE part;

-- a cast to a domain that rejects NULL is not evaluated for rows that the view does not have
CREATE DOMAIN creating.some_int AS int NOT NULL;
CREATE TABLE creating.has_some (id int PRIMARY KEY, g int);
INSERT INTO creating.has_some SELECT i, i FROM generate_series(1, 3) i;
CREATE VIEW creating.v_has_some AS SELECT id, g::creating.some_int AS d, (g::creating.some_int) + 1 AS e FROM creating.has_some;
SELECT tviews_create('creating.v_has_some', key => '{id}');
DELETE FROM creating.has_some WHERE id = 1;
SELECT deleted, failed FROM tviews_drain();
SELECT * FROM tviews_verify('creating.tv_has_some');

DROP SCHEMA creating, creating_too CASCADE;
