--
-- DDL after which the same words mean something else: what is stored of a TVIEW as text is parsed again by every session that
-- drains, its view is not. And text search, whose configurations no view names.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_tviews_batch;
CREATE EXTENSION pg_tviews_batch;
CREATE SCHEMA ddl_names;
SET search_path = ddl_names, public;

-- one drain in a new session, then every TVIEW beside its view
CREATE FUNCTION differences(OUT tview text, OUT state text, OUT n bigint) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    PERFORM tviews_drain();
    FOR t IN SELECT s.* FROM tviews_status s ORDER BY s.tview::text COLLATE "C" LOOP
        tview := t.tview;
        state := t.state;
        EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$s EXCEPT ALL TABLE %2$s) x)
                             + (SELECT count(*) FROM (TABLE %2$s EXCEPT ALL TABLE %1$s) x)', t.tview, t.view) INTO n;
        RETURN NEXT;
    END LOOP;
END $$;
-- how a source is followed, whether subqueries are restricted to keys
CREATE VIEW way AS
    SELECT r.tview, r.source, r.route, t.keyed <> '{}' AS keyed
      FROM tviews_batch.route r JOIN tviews_batch.tview t USING (tview) ORDER BY r.tview::text COLLATE "C", r.occurrence;

CREATE TABLE tb_a (id int PRIMARY KEY, g int);
CREATE TABLE tb_b (id int PRIMARY KEY, a int, q int);
INSERT INTO tb_a SELECT i, i FROM generate_series(1, 9) i;
INSERT INTO tb_b SELECT i, i, i FROM generate_series(1, 9) i;

-- a function that suits a call better: called by a condition that lookups have, and in a subquery
CREATE FUNCTION same(int, int DEFAULT 0) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION one(anyelement) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE VIEW v_condition AS SELECT a.id, b.q FROM tb_a a JOIN tb_b b ON a.g = same(b.id);
CREATE VIEW v_subquery AS
    SELECT a.id, t.n FROM tb_a a LEFT JOIN (SELECT a, sum(one(q)) AS n FROM tb_b GROUP BY a) t ON t.a = a.id;
SELECT tviews_create('v_condition', key => '{id}');
SELECT tviews_create('v_subquery');
UPDATE tb_b SET q = 10 WHERE id = 1;
SELECT * FROM differences();
TABLE way;
SET quote_all_identifiers = on;
CREATE FUNCTION one(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 2; END';
CREATE OR REPLACE FUNCTION same(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + 1; END';
\c
SET search_path = ddl_names, public;
UPDATE tb_b SET q = 20 WHERE id = 2;
SELECT * FROM differences();
TABLE way;
-- one that only gets the name; unique again, the lookup is one again with the next DDL that concerns it
DROP FUNCTION same(int);
CREATE FUNCTION other(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + 1; END';
ALTER TABLE tb_b ALTER q SET NOT NULL;
SELECT * FROM way WHERE tview = 'tv_condition'::regclass;
ALTER FUNCTION other(int) RENAME TO same;
\c
SET search_path = ddl_names, public;
UPDATE tb_b SET q = 30 WHERE id = 3;
SELECT * FROM differences();
-- one of another name concerns nobody
CREATE FUNCTION elsewhere(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
SELECT * FROM differences();
-- a type of the name: a call with one argument may mean a cast; and a procedure
DROP FUNCTION one(int), same(int);
ALTER TABLE tb_b ALTER q DROP NOT NULL;
TABLE way;
CREATE DOMAIN one AS int;
CREATE DOMAIN same AS int;
\c
SET search_path = ddl_names, public;
UPDATE tb_b SET q = 31 WHERE id = 3;
SELECT * FROM differences();
DROP DOMAIN one, same;
ALTER TABLE tb_b ALTER q SET NOT NULL;
TABLE way;
CREATE PROCEDURE one(int) LANGUAGE plpgsql AS 'BEGIN END';
\c
SET search_path = ddl_names, public;
UPDATE tb_b SET q = 32 WHERE id = 3;
SELECT * FROM differences();
DROP PROCEDURE one(int);
DROP VIEW v_condition, v_subquery;
DROP TABLE tv_condition, tv_subquery;

-- an operator
CREATE FUNCTION is_same(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 = $2; END';
CREATE OPERATOR === (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = is_same);
CREATE VIEW v_operator AS SELECT a.id, b.q FROM tb_a a JOIN tb_b b ON a.g === b.id;
SELECT tviews_create('v_operator', key => '{id}');
CREATE FUNCTION is_next(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 = $2 + 1; END';
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = is_next);
\c
SET search_path = ddl_names, public;
UPDATE tb_b SET q = 40 WHERE id = 4;
SELECT * FROM differences();
TABLE way;
DROP VIEW v_operator;
DROP TABLE tv_operator;

-- a cast that was not there, and one that is dropped
CREATE TYPE kind AS ENUM ('1', '2', '3', '4', '5', '6', '7', '8', '9', '10');
CREATE TYPE boxed AS (n int);
CREATE TABLE tb_k (id int PRIMARY KEY, k kind, q int);
INSERT INTO tb_k SELECT i, i::text::kind, i FROM generate_series(1, 9) i;
CREATE FUNCTION box(int) RETURNS boxed LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN row($1)::ddl_names.boxed; END';
CREATE CAST (int AS boxed) WITH FUNCTION box(int);
CREATE TABLE tb_box (id int PRIMARY KEY, b boxed);
INSERT INTO tb_box SELECT i, i::boxed FROM generate_series(1, 9) i;
CREATE VIEW v_label AS SELECT a.id, k.q FROM tb_a a JOIN tb_k k ON a.g::text = k.k::text;
CREATE VIEW v_boxed AS SELECT x.id, b.q FROM tb_box x JOIN tb_b b ON x.b = b.id::boxed;
SELECT tviews_create('v_label', key => '{id}');
SELECT tviews_create('v_boxed', key => '{id}');
TABLE way;
CREATE FUNCTION shifted(kind) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1::name::text || ''0''; END';
CREATE CAST (kind AS text) WITH FUNCTION shifted(kind);
DROP CAST (int AS boxed);
\c
SET search_path = ddl_names, public;
UPDATE tb_k SET q = 50 WHERE id = 5;
UPDATE tb_b SET q = 50 WHERE id = 5;
SELECT * FROM differences();
TABLE way;
DROP CAST (kind AS text);
CREATE CAST (int AS boxed) WITH FUNCTION box(int);
TABLE way;
-- one that takes the place of another
CREATE FUNCTION box_next(int) RETURNS boxed LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN row($1 + 1)::ddl_names.boxed; END';
DROP CAST (int AS boxed);
CREATE CAST (int AS boxed) WITH FUNCTION box_next(int);
\c
SET search_path = ddl_names, public;
UPDATE tb_b SET q = 60 WHERE id = 6;
SELECT * FROM differences();
DROP VIEW v_label, v_boxed;
DROP TABLE tv_label, tv_boxed;

-- text search: a configuration of one's own that is named, the one that is set, a dictionary; what does not use it is not compared
CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING REPLACE simple WITH plain;
CREATE TABLE tb_t (id int PRIMARY KEY, t text);
INSERT INTO tb_t SELECT i, 'the running horse ' || i FROM generate_series(1, 9) i;
SET default_text_search_config = 'ddl_names.words';
CREATE VIEW v_named AS SELECT id, to_tsvector('ddl_names.words', t) AS v FROM tb_t;
CREATE VIEW v_set AS SELECT id, t @@ 'run' AS v FROM tb_t;
CREATE VIEW v_without AS SELECT id, t FROM tb_t;
SELECT tviews_create('v_named');
SELECT tviews_create('v_set');
SELECT tviews_create('v_without');
RESET default_text_search_config;
ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING REPLACE plain WITH english_stem;
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SET default_text_search_config = 'ddl_names.words';
SELECT * FROM differences();
ALTER TEXT SEARCH DICTIONARY english_stem (StopWords);
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
ALTER TEXT SEARCH DICTIONARY english_stem (StopWords = english);
CALL tviews_reconcile();
SELECT * FROM differences();
-- the name that TVIEWs keep means another configuration
ALTER TEXT SEARCH CONFIGURATION words RENAME TO words_before;
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
CALL tviews_reconcile();
SELECT * FROM differences();
DROP TEXT SEARCH CONFIGURATION words;
ALTER TEXT SEARCH CONFIGURATION words_before RENAME TO words;
CALL tviews_reconcile();
RESET default_text_search_config;
-- what goes with a dictionary: a configuration, a column that is generated with it, a view
CREATE TEXT SEARCH DICTIONARY doomed (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION doomed (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION doomed ALTER MAPPING REPLACE simple WITH doomed;
CREATE TABLE tb_d (id int PRIMARY KEY, t text, v tsvector GENERATED ALWAYS AS (to_tsvector('ddl_names.doomed', t)) STORED);
INSERT INTO tb_d VALUES (1, 'x');
CREATE VIEW v_doc AS SELECT id, to_jsonb(d) AS doc FROM tb_d d;
CREATE VIEW v_doomed AS SELECT id, to_tsvector('ddl_names.doomed', t) AS v FROM tb_d;
SELECT tviews_create('v_doc'), tviews_create('v_doomed');
CALL tviews_reconcile();
SELECT * FROM differences();
SET client_min_messages = error;
DROP TEXT SEARCH DICTIONARY doomed CASCADE;
RESET client_min_messages;
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
CALL tviews_reconcile();
SELECT * FROM differences();
TABLE tv_doc;
DROP VIEW v_doc;
DROP TABLE tb_d, tv_doc, tv_doomed;

-- a rule on a TVIEW that does something else as well
CREATE TABLE told (n int);
CREATE RULE also AS ON UPDATE TO tv_without DO ALSO INSERT INTO ddl_names.told VALUES (1);
UPDATE tb_t SET t = 'x' WHERE id = 1;
SELECT tview, n FROM differences() WHERE tview = 'tv_without';
TABLE told;

-- values become JSON by a cast to json, and are compared as elements by the operator class, that their type has
CREATE TYPE colour AS ENUM ('red', 'blue');
CREATE TYPE release AS (major int, minor int);
CREATE TABLE tb_c (id int PRIMARY KEY, c colour, x release[], y release[]);
INSERT INTO tb_c VALUES (1, 'red', '{"(1,2)"}', '{"(2,1)"}'), (2, 'blue', '{"(3,1)"}', '{"(1,2)"}');
CREATE VIEW v_colour AS SELECT id, to_jsonb(c) AS j, jsonb_build_object('all', array_agg(c)) AS o FROM tb_c GROUP BY id;
CREATE VIEW v_less AS SELECT id, x < y AS less, x = y AS equal FROM tb_c;
SELECT tviews_create('v_colour');
SELECT tviews_create('v_less');
CREATE FUNCTION json_of(colour) RETURNS json LANGUAGE sql IMMUTABLE AS $$ SELECT '{"colour": 1}'::json $$;
CREATE CAST (colour AS json) WITH FUNCTION json_of(colour);
SELECT tview, state, reason FROM tviews_status WHERE tview IN ('tv_colour'::regclass, 'tv_less'::regclass) ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
CREATE OR REPLACE FUNCTION json_of(colour) RETURNS json LANGUAGE sql IMMUTABLE AS $$ SELECT '2'::json $$;
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
SET quote_all_identifiers = on;
DROP CAST (colour AS json);
RESET quote_all_identifiers;
SELECT tview, state, reason FROM tviews_status WHERE tview IN ('tv_colour'::regclass, 'tv_less'::regclass) ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
CREATE FUNCTION release_cmp(release, release) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $2.major - $1.major';
CREATE FUNCTION release_lt(release, release) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.major > $2.major';
CREATE FUNCTION release_eq(release, release) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.major = $2.major';
CREATE OPERATOR <# (LEFTARG = release, RIGHTARG = release, FUNCTION = release_lt);
CREATE OPERATOR =# (LEFTARG = release, RIGHTARG = release, FUNCTION = release_eq);
CREATE OPERATOR CLASS release_ops DEFAULT FOR TYPE release USING btree AS
    OPERATOR 1 <#, OPERATOR 3 =#, FUNCTION 1 release_cmp(release, release);
SELECT tview, state, reason FROM tviews_status WHERE tview IN ('tv_colour'::regclass, 'tv_less'::regclass) ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
CREATE OR REPLACE FUNCTION release_cmp(release, release) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.minor - $2.minor';
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
CREATE OR REPLACE FUNCTION release_eq(release, release) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
TABLE tv_less;
-- it is gone: rows are compared as rows again
DROP OPERATOR CLASS release_ops USING btree;
SELECT tview, state, reason FROM tviews_status WHERE tview IN ('tv_colour'::regclass, 'tv_less'::regclass) ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
TABLE tv_less;
DROP VIEW v_colour, v_less;
DROP TABLE tv_colour, tv_less;

-- a function that another role owns now: as whom it runs may show
CREATE FUNCTION as_whom(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER AS
    $$ BEGIN RETURN current_user = 'regress_names_owner'; END $$;
CREATE VIEW v_whom AS SELECT id, as_whom(id) AS whom FROM tb_c;
SELECT tviews_create('v_whom');
CREATE ROLE regress_names_owner;
GRANT USAGE, CREATE ON SCHEMA ddl_names TO regress_names_owner;
ALTER FUNCTION as_whom OWNER TO regress_names_owner;
SELECT tview, state, reason FROM tviews_status WHERE tview = 'tv_whom'::regclass;
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT i FROM tviews_drain()) d;
SELECT * FROM differences();
DROP VIEW v_whom;
DROP TABLE tv_whom;

-- the version of a collation, by which a column is sorted or a view says that it sorts, and of the database's
CREATE COLLATION sorting (PROVIDER = libc, LOCALE = 'POSIX');
CREATE DOMAIN sorted AS text COLLATE sorting;
CREATE TABLE tb_column (id int PRIMARY KEY, a text COLLATE sorting, q int);
INSERT INTO tb_column VALUES (1, 'x', 1), (2, 'X', 1);
CREATE TABLE tb_domain (id int PRIMARY KEY, a sorted, q int);
INSERT INTO tb_domain VALUES (1, 'x', 1), (2, 'X', 1);
CREATE VIEW v_column AS SELECT q, string_agg(a, ',' ORDER BY a) AS s FROM tb_column GROUP BY q;
CREATE VIEW v_domain AS SELECT q, min(a) AS s FROM tb_domain GROUP BY q;
CREATE VIEW v_said AS SELECT id, c::text < 'm' COLLATE sorting AS s FROM tb_c;
SELECT tviews_create('v_column'), tviews_create('v_domain'), tviews_create('v_said');
SET client_min_messages = warning;
CALL tviews_reconcile();
ALTER COLLATION sorting REFRESH VERSION;
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
CALL tviews_reconcile();
-- what ALTER DATABASE ... REFRESH COLLATION VERSION writes where there is another
SELECT coalesce(quote_literal(datcollversion), 'NULL') AS version FROM pg_database WHERE datname = current_database() \gset
UPDATE pg_database SET datcollversion = 'other' WHERE datname = current_database();
SELECT DISTINCT state, reason FROM tviews_status;
CALL tviews_reconcile();
SELECT DISTINCT state, reason FROM tviews_status;
UPDATE pg_database SET datcollversion = :version WHERE datname = current_database();
SELECT compared FROM tviews_drain(), LATERAL (SELECT compared FROM tviews_drains ORDER BY id DESC LIMIT 1) d;
SELECT DISTINCT reason FROM tviews_status WHERE state <> 'ok';
CALL tviews_reconcile();
SELECT * FROM differences();

-- functions that nothing in a view's query names: of a type, of an operator class that is not the type's default or is of one of the
-- server's types, of a domain's check
CREATE TYPE signed;
CREATE FUNCTION signed_in(cstring) RETURNS signed LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION signed_out(signed) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE signed (INPUT = signed_in, OUTPUT = signed_out, LIKE = int4);
CREATE FUNCTION version_cmp(text, text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT btarraycmp(string_to_array($1, '.')::int[], string_to_array($2, '.')::int[]) $$;
CREATE FUNCTION version_lt(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN ddl_names.version_cmp($1, $2) < 0; END';
CREATE OPERATOR <# (LEFTARG = text, RIGHTARG = text, FUNCTION = version_lt);
CREATE OPERATOR CLASS version_ops FOR TYPE text USING btree AS OPERATOR 1 <#, OPERATOR 3 =, FUNCTION 1 version_cmp(text, text);
CREATE TYPE versions AS RANGE (subtype = text, subtype_opclass = version_ops);
CREATE FUNCTION json_cmp(json, json) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT btint4cmp($1::text::int, $2::text::int) $$;
CREATE FUNCTION json_lt(json, json) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN ddl_names.json_cmp($1, $2) < 0; END';
CREATE FUNCTION json_eq(json, json) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN ddl_names.json_cmp($1, $2) = 0; END';
CREATE OPERATOR <# (LEFTARG = json, RIGHTARG = json, FUNCTION = json_lt);
CREATE OPERATOR =# (LEFTARG = json, RIGHTARG = json, FUNCTION = json_eq);
CREATE OPERATOR CLASS json_ops DEFAULT FOR TYPE json USING btree AS OPERATOR 1 <#, OPERATOR 3 =#, FUNCTION 1 json_cmp(json, json);
CREATE FUNCTION allowed(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE DOMAIN allowed_int AS int CHECK (allowed(VALUE));
CREATE TABLE tb_s (id int PRIMARY KEY, s signed);
CREATE TABLE tb_u (id int PRIMARY KEY, t text, j json);
INSERT INTO tb_s VALUES (1, '-1'), (2, '5');
INSERT INTO tb_u VALUES (1, '1.10', '1'), (2, '1.9', '2'), (3, '10.1', '3');
CREATE VIEW v_shown AS SELECT id, s::text AS s, to_jsonb(s) AS j FROM tb_s;
CREATE VIEW v_ranges AS SELECT id, versions('1.0', '1.15') @> t AS inside FROM tb_u;
CREATE VIEW v_sorting AS SELECT id > 0 AS all_of_them, string_agg(t, ', ' ORDER BY t USING <#) AS t FROM tb_u GROUP BY id > 0;
CREATE VIEW v_elements AS SELECT id, ARRAY[j] < ARRAY['2'::json] AS less FROM tb_u;
CREATE VIEW v_allowed AS SELECT id, id::allowed_int AS allowed FROM tb_u;
CREATE VIEW v_unconcerned AS SELECT id, t FROM tb_u;
SELECT tviews_create('v_shown'), tviews_create('v_ranges'), tviews_create('v_sorting', key => '{all_of_them}'), tviews_create('v_elements'),
       tviews_create('v_allowed'), tviews_create('v_unconcerned');
CALL tviews_reconcile();
CREATE OR REPLACE FUNCTION signed_out(signed) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'oidout';
CREATE OR REPLACE FUNCTION version_cmp(text, text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT bttextcmp($1 COLLATE "C", $2 COLLATE "C") $$;
\c
SET search_path = ddl_names, public;
SET client_min_messages = warning;
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
CALL tviews_reconcile();
SELECT tview, n FROM differences() WHERE tview ~ 'shown|ranges|sorting|elements|allowed|unconcerned';
CREATE OR REPLACE FUNCTION json_cmp(json, json) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT btint4cmp($2::text::int, $1::text::int) $$;
SELECT tview, state, reason FROM tviews_status WHERE tview = 'tv_elements'::regclass;
CALL tviews_reconcile();
SELECT tview, n FROM differences() WHERE tview ~ 'shown|ranges|sorting|elements|allowed|unconcerned';
CREATE OR REPLACE FUNCTION allowed(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 <> 2; END';
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
SELECT failed FROM tviews_drain();
SELECT tview, state FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
CREATE OR REPLACE FUNCTION allowed(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CALL tviews_reconcile();
SELECT tview, state, n FROM differences() WHERE tview ~ 'shown|ranges|sorting|elements|allowed|unconcerned';
-- rows are compared by what the family of their operators has for the types
CREATE FUNCTION cross_lt(int, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2::numeric';
CREATE FUNCTION cross_cmp(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT sign($1 - $2::numeric)::int';
CREATE FUNCTION cross_back(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT sign($2::numeric - $1)::int';
CREATE OPERATOR <# (LEFTARG = int, RIGHTARG = text, FUNCTION = cross_lt);
CREATE OPERATOR FAMILY cross_ops USING btree;
ALTER OPERATOR FAMILY cross_ops USING btree ADD OPERATOR 1 <# (int, text), FUNCTION 1 (int, text) cross_cmp(int, text);
CREATE VIEW v_cross AS SELECT id, ROW(id, id) <# ROW(left(t, 1), t) AS less FROM tb_u;
SELECT tviews_create('v_cross');
BEGIN;
ALTER OPERATOR FAMILY cross_ops USING btree DROP FUNCTION 1 (int, text);
ALTER OPERATOR FAMILY cross_ops USING btree ADD FUNCTION 1 (int, text) cross_back(int, text);
COMMIT;
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
CALL tviews_reconcile();
SELECT tview, n FROM differences() WHERE tview = 'tv_cross';
-- a class that goes concerns those who are compared by it: nobody who uses the type otherwise
DROP OPERATOR CLASS version_ops USING btree CASCADE;
DROP OPERATOR CLASS json_ops USING btree;
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
-- nor do classes of access methods by which nothing is compared concern anybody: the script of this one gives functions of them again
CREATE EXTENSION btree_gist SCHEMA public;
SELECT tview, state, reason FROM tviews_status WHERE state <> 'ok' ORDER BY tview::text COLLATE "C";
DROP EXTENSION btree_gist;
DROP TABLE tb_s, tb_u CASCADE;
DROP TABLE tv_shown, tv_ranges, tv_sorting, tv_elements, tv_allowed, tv_cross, tv_unconcerned;

-- a table or view that is not read, only its row type is named, and a sequence that is only named
CREATE TABLE row_1 (x int, y int);
CREATE TABLE row_2 (x int, y int, z int);
CREATE VIEW view_1 AS SELECT 1 AS x;
CREATE VIEW view_2 AS SELECT 1 AS x, 2 AS y;
CREATE SEQUENCE seq_1;
CREATE SEQUENCE seq_2;
CREATE TABLE tb_doc (id int PRIMARY KEY, a int, doc jsonb, rel oid);
INSERT INTO tb_doc SELECT i, i % 3 + 1, jsonb_build_object('x', i, 'y', 2, 'z', 3), 'seq_1'::regclass FROM generate_series(1, 6) i;
CREATE VIEW v_rows AS
    SELECT a.id, t.s FROM tb_a a LEFT JOIN (SELECT a, jsonb_agg(to_jsonb(jsonb_populate_record(NULL::row_1, doc)) ORDER BY id) AS s FROM tb_doc GROUP BY a) t ON t.a = a.id;
CREATE VIEW v_rows_of_view AS
    SELECT a.id, t.s FROM tb_a a LEFT JOIN (SELECT a, jsonb_agg(to_jsonb(jsonb_populate_record(NULL::view_1, doc)) ORDER BY id) AS s FROM tb_doc GROUP BY a) t ON t.a = a.id;
CREATE VIEW v_sequence AS
    SELECT a.id, t.n FROM tb_a a LEFT JOIN (SELECT a, count(*) AS n FROM tb_doc WHERE rel = 'seq_1'::regclass GROUP BY a) t ON t.a = a.id;
SELECT tviews_create('v_rows'), tviews_create('v_rows_of_view'), tviews_create('v_sequence');
SELECT DISTINCT tview, keyed FROM way WHERE tview::text ~ 'rows|sequence' ORDER BY 1;
SELECT * FROM differences() WHERE tview ~ 'rows|sequence';
ALTER TABLE row_1 RENAME TO row_3;
ALTER TABLE row_2 RENAME TO row_1;
ALTER VIEW view_1 RENAME TO view_3;
ALTER VIEW view_2 RENAME TO view_1;
ALTER SEQUENCE seq_1 RENAME TO seq_3;
ALTER SEQUENCE seq_2 RENAME TO seq_1;
\c
SET search_path = ddl_names, public;
SET client_min_messages = warning;
UPDATE tb_doc SET doc = doc || '{"y": 9}' WHERE id = 1;
SELECT * FROM differences() WHERE tview ~ 'rows|sequence';
DROP VIEW v_rows, v_rows_of_view, v_sequence;
DROP TABLE tb_doc, tv_rows, tv_rows_of_view, tv_sequence;

-- a name in a constant that is an array or a row: the view has its number, and nobody says that another table has the name now
CREATE TABLE called_1 (x int);
CREATE TABLE called_2 (x int);
CREATE TYPE called AS (name regclass, n int);
CREATE TABLE tb_called (id int PRIMARY KEY, a int, name regclass, k called);
INSERT INTO tb_called SELECT i, i, 'called_1', '(called_1,1)' FROM generate_series(1, 9) i;
CREATE TABLE tb_caller (id int PRIMARY KEY, kind int);
INSERT INTO tb_caller SELECT i, i FROM generate_series(1, 9) i;
CREATE VIEW v_names AS SELECT k.a, count(*) AS n FROM tb_called k JOIN tb_caller p ON p.kind = k.id WHERE k.name = ANY ('{called_1}'::regclass[]) GROUP BY k.a;
CREATE VIEW v_name_in_row AS
    SELECT a.id, t.n FROM tb_a a LEFT JOIN (SELECT a, count(*) AS n FROM tb_called WHERE k = '(called_1,1)'::called GROUP BY a) t ON t.a = a.id;
CREATE VIEW v_name_alone AS
    SELECT a.id, t.n FROM tb_a a LEFT JOIN (SELECT a, count(*) AS n FROM tb_called WHERE name = 'called_1'::regclass GROUP BY a) t ON t.a = a.id;
SELECT tviews_create('v_names'), tviews_create('v_name_in_row'), tviews_create('v_name_alone');
SELECT * FROM differences() WHERE n <> 0 OR state <> 'ok';
ALTER TABLE called_1 RENAME TO called_3;
ALTER TABLE called_2 RENAME TO called_1;
\c
SET search_path = ddl_names, public;
INSERT INTO tb_caller VALUES (11, 1);
INSERT INTO tb_called VALUES (11, 2, 'called_3', '(called_3,1)'), (12, 3, 'called_1', '(called_1,1)');
SELECT * FROM differences() WHERE n <> 0 OR state <> 'ok';
SELECT * FROM way WHERE tview::text LIKE '%tv_name\_%' OR tview::text LIKE '%tv_names';

-- an access privilege shows names of roles
CREATE VIEW v_acl AS SELECT 1 AS id, to_jsonb(makeaclitem(10, 10, 'SELECT', false)) AS acl FROM tb_c;
\set VERBOSITY terse
SELECT tviews_create('v_acl', key => '{id}');
\set VERBOSITY default
DROP VIEW v_acl;

SET client_min_messages = error;
DROP SCHEMA ddl_names CASCADE;
DROP ROLE regress_names_owner;
DROP EXTENSION pg_tviews_batch CASCADE;
