--
-- Keys of values that are hard to tell apart: composite values and their NULLs.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA vals;
SET search_path = vals, public;
-- how many rows of a view and its TVIEW differ, to the letter
CREATE FUNCTION differ(name) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ((SELECT v::text FROM v_%1$s v EXCEPT ALL SELECT t::text FROM tv_%1$s t)'
                   ' UNION ALL (SELECT t::text FROM tv_%1$s t EXCEPT ALL SELECT v::text FROM v_%1$s v)) AS x', $1) INTO n;
    RETURN n;
END $$;

--
-- A composite value whose fields are all NULL IS NULL, and yet is another value than NULL.
--
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN dpair AS pair;
CREATE TABLE hollow (id int PRIMARY KEY, c pair, d dpair, n int);
INSERT INTO hollow VALUES (1, '(,)', '(,)', 1), (2, NULL, NULL, 2), (3, '(1,)', '(1,)', 3), (4, '(1,x)', '(1,x)', 4), (5, '(,)', NULL, 5), (6, NULL, '(,)', 6);
CREATE VIEW v_hollow AS SELECT c, count(*) AS n, sum(n) AS s FROM hollow GROUP BY c;
CREATE VIEW v_hollow_two AS SELECT c, d, count(*) AS n, sum(n) AS s FROM hollow GROUP BY c, d;
CREATE VIEW v_hollow_window AS SELECT id, count(*) OVER (PARTITION BY c) AS n, sum(n) OVER (PARTITION BY d) AS s FROM hollow;
CREATE VIEW v_hollow_below AS
    SELECT h.id, z.s FROM hollow h LEFT JOIN (SELECT c, d, sum(n) AS s FROM hollow GROUP BY c, d) z ON z.c IS NOT DISTINCT FROM h.c AND z.d IS NOT DISTINCT FROM h.d;
SELECT tviews_create('v_hollow'), tviews_create('v_hollow_two'), tviews_create('v_hollow_window', key => '{id}'), tviews_create('v_hollow_below', key => '{id}');
SELECT c, n, s FROM tv_hollow ORDER BY c;
UPDATE hollow SET n = 10 WHERE id = 1;
SELECT failed FROM tviews_drain();
SELECT differ('hollow'), differ('hollow_two'), differ('hollow_window'), differ('hollow_below');
DELETE FROM hollow WHERE id IN (2, 5);
SELECT failed FROM tviews_drain();
SELECT differ('hollow'), differ('hollow_two'), differ('hollow_window'), differ('hollow_below');
UPDATE hollow SET c = CASE WHEN c IS NOT DISTINCT FROM NULL THEN '(,)'::pair END, d = '(1,)' WHERE id IN (1, 3, 6);
DELETE FROM hollow WHERE id = 4;
SELECT failed FROM tviews_drain();
SELECT differ('hollow'), differ('hollow_two'), differ('hollow_window'), differ('hollow_below');
CREATE TABLE hollow_many (c pair, n int);
INSERT INTO hollow_many SELECT CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '(,)' ELSE ROW(i / 4, NULL)::pair END, i FROM generate_series(1, 4000) i;
CREATE VIEW v_hollow_many AS SELECT c, count(*) AS n, sum(n) AS s FROM hollow_many GROUP BY c;
SELECT tviews_create('v_hollow_many');
-- ranges of keys
SET tviews_batch.batch_keys = 100;
SET tviews_batch.guard = off;
DELETE FROM tv_hollow_many WHERE c IS NOT DISTINCT FROM NULL OR (c).x % 3 = 0;
UPDATE tv_hollow_many SET n = 7 WHERE (c).x % 3 = 1 OR c IS NULL;
INSERT INTO tv_hollow_many VALUES ('(5,x)', 1, 1), ('(100000,)', 1, 1);
RESET tviews_batch.guard;
SELECT differ('hollow_many') > 0 AS spoilt;
CALL tviews_reconcile('tv_hollow_many');
SELECT differ('hollow_many');
SELECT tviews_pause('tv_hollow_many'), tviews_resume('tv_hollow_many');
DELETE FROM hollow_many WHERE c IS NOT DISTINCT FROM NULL;
DO $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        PERFORM tviews_drain();
        EXIT WHEN (SELECT state FROM tviews_status WHERE tview = 'tv_hollow_many'::regclass) = 'ok';
    END LOOP;
END $$;
SELECT state, differ('hollow_many') FROM tviews_status WHERE tview = 'tv_hollow_many'::regclass;

--
-- The text of a regclass is a name, which changes without a row of the source: wherever it is made, refresh_every is needed.
--
CREATE TYPE noted AS (at int, what regclass);
CREATE TABLE named (id int PRIMARY KEY, r regclass, rs regclass[], n noted, t text);
INSERT INTO named VALUES (1, 'hollow', '{hollow}', '(1,hollow)', 'hollow');
CREATE FUNCTION refused(expression text, source text = 'named') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE VIEW v_named AS SELECT named.id, %s AS x FROM %s', expression, source);
    PERFORM tviews_create('v_named', key => '{id}');
    PERFORM tviews_drop('tv_named');
    DROP VIEW v_named;
    RETURN 'accepted';
EXCEPTION WHEN invalid_object_definition THEN
    RETURN sqlerrm;
END $$;
SELECT x, refused(x) FROM unnest(ARRAY['r::text', 'r::text || t', 'to_jsonb(r)', 'jsonb_build_object(''t'', t, ''r'', r)', 'concat(t, r)', 'format(''%s'', r)', 'rs::text',
    'array_to_string(rs, '','')', 'n::text', 'to_jsonb(named)', 'row_to_json(named)', 'ROW(r, 1)::text', 'xmlforest(r)', 't::regclass', 't::regclass[]',
    'jsonb_populate_record(NULL::noted, ''{}'')', '(SELECT json_agg(m.r) FROM named m)']) x;
SELECT x, refused(x, 'named, LATERAL (SELECT named.r AS y, named.t) z') FROM unnest(ARRAY['to_jsonb(z)', 'z::text']) x;
SELECT refused('z.r::oid', $$named, XMLTABLE('/r' PASSING ('<r>hollow</r>'::xml) COLUMNS r regclass PATH '.') z$$),
       refused('z.r::oid', $$named, json_to_record('{"r": "hollow"}') z (r regclass)$$),
       refused('z.r', $$named, json_to_record('{"r": 1}') z (r int)$$);
-- as a number it may be shown, compared and counted
SELECT x, refused(x) FROM unnest(ARRAY['r', 'rs', 'n', 'r = ''pg_class''::regclass', '(SELECT count(m.r) FROM named m)', '(SELECT max(m.r) FROM named m)', 'r::oid::text', 'to_jsonb(t)', 'ROW(t, 1)::text']) x;

--
-- Constants are read as they were written, and names and times rendered as by the session that made the TVIEW, whatever is set where drains run.
--
CREATE TABLE setting (id int PRIMARY KEY, p int, t text[], s text, x text);
INSERT INTO setting VALUES (1, 1, NULL, 'one', '2024-01-01 00:00 EST'), (2, 1, '{x}', 'Two', '2024-01-01 00:00 IST'), (3, 2, NULL, '\three', '2024-01-01 00:00');
CREATE VIEW v_setting AS
    SELECT s.id, quote_ident(s.s) AS q, format('%I', s.s) AS f, s.x::timestamptz AS at, s.s::xml::text AS xml, coalesce(s.t, '{a,NULL}'::text[]) AS ts, z.n, z.l
      FROM setting s LEFT JOIN (SELECT p, count(*) FILTER (WHERE coalesce(t, '{NULL}') <> '{b,NULL}' AND s <> '\four') AS n, array_agg(coalesce(t[1], ('{NULL}'::text[])[1]) ORDER BY id) AS l
                                  FROM setting GROUP BY p) z ON z.p = s.p;
SELECT tviews_create('v_setting', key => '{id}');
SELECT tviews_refresh_sql('tv_setting') LIKE '%{a,NULL}%' AS a_text_to_be_read;
-- a TVIEW's first drain looks at the view again
SELECT failed FROM tviews_drain();
\c -
SET search_path = vals, public;
SET client_min_messages = warning;
SET array_nulls = off;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET transform_null_equals = on;
SET quote_all_identifiers = on;
SET xmloption = document;
SET timezone_abbreviations = 'India';
SET gin_fuzzy_search_limit = 1;
UPDATE setting SET s = lower(s), t = CASE WHEN id > 1 THEN t END;
SELECT failed FROM tviews_drain();
SELECT * FROM tviews_verify('tv_setting');
RESET ALL;
SET search_path = vals, public;
SET client_min_messages = warning;
SELECT differ('setting');

--
-- Nor do constants lose digits or their time zone on the way into texts, whatever the session that made the TVIEW shows of them.
--
SET extra_float_digits = 0;
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'Asia/Kolkata';
SET IntervalStyle = 'sql_standard';
CREATE TABLE fixed (id int PRIMARY KEY, p int, x float8, at timestamptz);
INSERT INTO fixed SELECT i, i % 4, i, timestamptz '2024-01-01 00:00:00+00' + (i - 5) * interval '2 hours' FROM generate_series(1, 9) i;
CREATE TABLE fixed_sum AS SELECT id, x FROM fixed;
CREATE VIEW v_digits AS
    SELECT f.id, f.x * float8 '0.12345678901234567' AS y, z.s, z.d
      FROM fixed f LEFT JOIN (SELECT p, max(x * float8 '0.76543210987654321') AS s, max(at + interval '-1 day +02:00') AS d FROM fixed GROUP BY p) z ON z.p = f.p;
CREATE VIEW v_zone AS SELECT f.id, (SELECT sum(g.x) FROM fixed m JOIN fixed_sum g ON g.id = m.p WHERE m.id = f.p AND m.at > timestamptz '2024-01-01 00:00') AS s FROM fixed f;
SELECT tviews_create('v_digits', key => '{id}'), tviews_create('v_zone', key => '{id}');
SELECT tviews_refresh_sql('tv_digits') LIKE '%0.7654321098765432%' AS keys_carried_in;
UPDATE fixed SET x = x + 10 WHERE id = 3;
SELECT failed FROM tviews_drain();
UPDATE fixed_sum SET x = x + 10 WHERE id = 3;
SELECT failed FROM tviews_drain();
SELECT differ('digits'), differ('zone');
RESET extra_float_digits;
RESET DateStyle;
RESET TimeZone;
RESET IntervalStyle;
SELECT differ('digits');

--
-- A key that an outer join makes NULL, of a domain that refuses NULL
--
CREATE DOMAIN grade AS int NOT NULL;
CREATE DOMAIN label AS text CHECK (VALUE IS NOT NULL AND VALUE <> '');
CREATE TABLE exam (id int PRIMARY KEY, g grade, l label);
CREATE TABLE pupil (id int PRIMARY KEY, exam int);
INSERT INTO exam VALUES (1, 1, 'a');
INSERT INTO pupil VALUES (1, 1), (2, 2), (3, NULL);
CREATE VIEW v_grade AS SELECT e.g, count(*) AS n FROM pupil p LEFT JOIN exam e ON e.id = p.exam GROUP BY e.g;
CREATE VIEW v_label AS SELECT e.l, count(*) AS n FROM pupil p LEFT JOIN exam e ON e.id = p.exam GROUP BY e.l;
SELECT tviews_create('v_grade', key => '{g}'), tviews_create('v_label', key => '{l}');
INSERT INTO exam VALUES (2, 2, 'b');
UPDATE pupil SET exam = 1 WHERE id = 3;
SELECT inserted, updated, deleted FROM tviews_drain();
DELETE FROM exam WHERE id = 1;
SELECT inserted, updated, deleted FROM tviews_drain();
SELECT differ('grade'), differ('label');
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';

--
-- In the hour that a clock skips two timestamps are one point of time, so that what is equal to it twice need not be equal:
-- neither keys nor changed values go on from there.
--
SET TimeZone = 'America/New_York';
CREATE TABLE shift (id int PRIMARY KEY, at timestamp, note text);
CREATE TABLE bell (id int PRIMARY KEY, at timestamptz);
CREATE TABLE chime (id int PRIMARY KEY, at timestamp, w int);
CREATE INDEX ON shift (at);
CREATE INDEX ON bell (at);
INSERT INTO shift VALUES (1, '2020-03-08 02:30'), (2, '2020-03-08 03:30'), (3, '2020-03-08 04:30');
INSERT INTO bell VALUES (1, '2020-03-08 03:30-04');
INSERT INTO chime VALUES (1, '2020-03-08 02:30'), (2, '2020-03-08 03:30'), (3, '2020-03-08 03:30');
INSERT INTO shift SELECT i, timestamp '2021-01-01' + i * interval '1 minute' FROM generate_series(4, 3000) i;
INSERT INTO bell SELECT i, timestamptz '2022-01-01' + i * interval '1 minute' FROM generate_series(4, 3000) i;
ANALYZE shift, bell, chime;
CREATE VIEW v_rung AS
 SELECT s.at, s.note, c.id, c.n
   FROM shift s LEFT JOIN bell b ON b.at = s.at LEFT JOIN (SELECT at, id, count(*) AS n FROM chime GROUP BY at, id) c ON c.at = b.at;
CREATE VIEW v_heard AS SELECT s.id, c.id AS c, c.w FROM shift s LEFT JOIN bell b ON b.at = s.at LEFT JOIN chime c ON c.at = b.at;
-- one such equality is as good as any
CREATE VIEW v_once AS SELECT s.id, s.note, b.n FROM shift s LEFT JOIN (SELECT at, count(*) AS n FROM bell GROUP BY at) b ON b.at = s.at;
SELECT tviews_create('v_rung', key => '{at,id}'), tviews_create('v_heard', key => '{id,c}'), tviews_create('v_once', key => '{id}');
SELECT alias, route, reason FROM tviews_explain('tv_heard') ORDER BY alias;
SELECT alias, route, reason FROM tviews_explain('tv_once') ORDER BY alias;
UPDATE shift SET note = 'early' WHERE id = 1;
SELECT failed FROM tviews_drain();
SELECT differ('rung'), differ('heard'), differ('once');
UPDATE chime SET w = 7 WHERE id = 2;
SELECT failed FROM tviews_drain();
SELECT differ('rung'), differ('heard'), differ('once');
INSERT INTO bell VALUES (2, '2020-03-08 03:30-04');
DELETE FROM bell WHERE id = 1;
SELECT failed FROM tviews_drain();
SELECT differ('rung'), differ('heard'), differ('once');
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok';
RESET TimeZone;

--
-- A CTE that shows one of several equal values and is read twice shows the same one twice.
--
CREATE TABLE price (id int, amount numeric, x int);
CREATE TABLE tag (id int PRIMARY KEY, amount numeric, note text);
CREATE INDEX ON price (amount, id);
CREATE INDEX ON tag (amount);
INSERT INTO price VALUES (1, 1.00, 1), (2, 1.0, 1);
INSERT INTO price SELECT i, i, i FROM generate_series(3, 20000) i;
INSERT INTO tag SELECT i, i FROM generate_series(1, 2000) i;
UPDATE price SET x = 2 WHERE id = 1;
VACUUM ANALYZE price, tag;
CREATE VIEW v_same AS
  WITH p AS (SELECT amount, count(*) AS n FROM price GROUP BY amount)
SELECT t.id, t.note, a.n, b.n AS same FROM tag t JOIN p a ON a.amount = t.amount LEFT JOIN p b ON b.amount::text = a.amount::text;
CREATE VIEW v_shown AS
  WITH p AS (SELECT amount, count(*) AS n FROM price GROUP BY amount)
SELECT t.id, t.note, a.n, a.amount::text = b.amount::text AS same FROM tag t JOIN p a ON a.amount = t.amount
  JOIN p b ON b.amount = a.amount AND b.n > 0;
CREATE VIEW v_plain AS
  WITH p AS (SELECT amount, count(*) AS n FROM price GROUP BY amount)
SELECT t.id, t.note, a.n, b.n AS next FROM tag t JOIN p a ON a.amount = t.amount LEFT JOIN p b ON b.amount = t.id AND b.amount > 0;
SELECT tviews_create('v_same', key => '{id}'), tviews_create('v_shown', key => '{id}'), tviews_create('v_plain', key => '{id}');
UPDATE tag SET note = 'new' WHERE id = 1;
SELECT failed FROM tviews_drain();
SELECT differ('same'), differ('shown'), differ('plain');
-- where nothing tells them apart, it is restricted for each reference
SELECT tviews_refresh_sql('tv_same') ~ 'price' AS same, tviews_refresh_sql('tv_plain') ~ 'price' AS plain;

SET client_min_messages = error;
DROP SCHEMA vals CASCADE;
