--
-- Names made to break quoting: mixed case, reserved words, quotes, spaces,
-- 63 bytes, and clashes with names of our own queries.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA "Odd ""Schema'";
SET search_path = "Odd ""Schema'", public;

CREATE FUNCTION differences(tv regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v regclass := (SELECT view FROM tviews_batch.tview WHERE tview = tv);
    n bigint;
BEGIN
    EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$s EXCEPT ALL TABLE %2$s) x)
                         + (SELECT count(*) FROM (TABLE %2$s EXCEPT ALL TABLE %1$s) x)', tv, v) INTO n;
    RETURN n;
END $$;

CREATE TABLE "Order" ("Select" int PRIMARY KEY, "from; DROP" text, "it's" int, "ctid?" text, "k1" int, tid int, present int, n int, o int, t int, c1 int);
CREATE TABLE "user" ("Select" int PRIMARY KEY, "group" text);
INSERT INTO "user" SELECT i, 'g' || i FROM generate_series(1, 5) i;
INSERT INTO "Order" SELECT i, 'x' || i, i % 5 + 1, 'c', i, i, i, i, i, i, i FROM generate_series(1, 20) i;
CREATE VIEW "v_My View" AS
    SELECT o."Select", o."from; DROP" AS "where", u."group" AS "Group", o."ctid?", o.k1, o.tid, o.present, o.n, o.o, o.t, o.c1
      FROM "Order" o JOIN "user" u ON u."Select" = o."it's";
CREATE VIEW "v_group" AS SELECT "it's" AS "desc", count(*) AS "count", max("tid") AS "tviews_changed" FROM "Order" GROUP BY "it's";
SELECT tviews_create('"v_My View"'), tviews_create('v_group');
CREATE VIEW tviews_changed AS SELECT "Select" AS tviews_keys, "group" AS m1 FROM "user";
SELECT tviews_create('tviews_changed');
DO $$
BEGIN
    EXECUTE format('CREATE VIEW %I AS SELECT "Select" AS %I, "group" FROM "user"', 'v_' || repeat('é', 30), repeat('n', 63));
    PERFORM tviews_create(format('%I', 'v_' || repeat('é', 30))::regclass);
END $$;
SELECT tviews_create_as('"tv_Called Directly"', 'SELECT "group" AS "end", count(*) AS "all" FROM "user" GROUP BY 1');
SELECT tview, key FROM tviews_batch.tview ORDER BY tview::text COLLATE "C";
SELECT source, alias, route, link_columns, lookup_sql FROM tviews_explain('"tv_My View"');

UPDATE "user" SET "group" = 'changed' WHERE "Select" IN (1, 2);
UPDATE "Order" SET "it's" = 3, "from; DROP" = 'moved' WHERE "Select" < 5;
DELETE FROM "Order" WHERE "Select" > 18;
INSERT INTO "user" VALUES (6, 'six');
SELECT changes, failed, remaining FROM tviews_drain();
SELECT tview, differences(tview) FROM tviews_batch.tview ORDER BY tview::text COLLATE "C";
SELECT tview, v.* FROM tviews_batch.tview, tviews_verify(tview) v ORDER BY tview::text COLLATE "C";
SELECT tviews_graph() LIKE '%#quot;%' AS graph_is_escaped;
-- array-typed and whole-row columns
CREATE TABLE arr (ids int[] PRIMARY KEY, n int);
INSERT INTO arr VALUES ('{1,2}', 1), ('{3}', 2), ('{}', 3);
CREATE VIEW v_arr AS SELECT ids, n, to_jsonb(a) AS doc FROM arr a;
SELECT tviews_create('v_arr', key => '{ids}');
UPDATE arr SET n = n + 1 WHERE n < 3;
UPDATE arr SET ids = '{9,9}' WHERE ids = '{3}';
SELECT changes, failed FROM tviews_drain();
SELECT differences('tv_arr');
ALTER TABLE arr ADD COLUMN later text;
UPDATE arr SET later = 'seen';
SELECT changes FROM tviews_drain();
SELECT differences('tv_arr');
SET client_min_messages = error;
DROP SCHEMA "Odd ""Schema'" CASCADE;
SELECT count(*) FROM tviews_batch.tview;
