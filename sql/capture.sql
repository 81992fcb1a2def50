-- Capture: which changes the statement triggers log.
-- The metadata and the triggers are made by hand here; tviews_create makes them elsewhere.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
-- what is captured is written by hand here: nothing shall tidy it up
ALTER EVENT TRIGGER tviews_batch_follow_ddl DISABLE;
ALTER EVENT TRIGGER tviews_batch_follow_drop DISABLE;
CREATE SCHEMA capture_test;
SET search_path = capture_test;
DELETE FROM tviews_batch.queue WHERE source <> 0;

-- Say that a source is captured on the relations given, itself among them or not.
CREATE FUNCTION capture_source(src regclass, link name[], read name[], VARIADIC relations regclass[])
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    relation regclass;
BEGIN
    INSERT INTO tviews_batch.source VALUES (src, 1, link, read);
    INSERT INTO tviews_batch.shape
        SELECT src, 1, link, coalesce(array_agg(a.atttypid::regtype ORDER BY u.ord), '{}')
        FROM unnest(link) WITH ORDINALITY AS u (col, ord)
            JOIN pg_attribute a ON a.attrelid = src AND a.attname = u.col;
    FOREACH relation IN ARRAY relations LOOP
        INSERT INTO tviews_batch.captured VALUES (src, relation);
        IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = 'capture_insert') THEN
            CONTINUE;
        END IF;
        EXECUTE format('CREATE TRIGGER capture_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS n
            FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()', relation);
        EXECUTE format('CREATE TRIGGER capture_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS o NEW TABLE AS n
            FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()', relation);
        EXECUTE format('CREATE TRIGGER capture_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS o
            FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()', relation);
        EXECUTE format('CREATE TRIGGER capture_truncate AFTER TRUNCATE ON %s
            FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()', relation);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER capture_insert, ENABLE ALWAYS TRIGGER capture_update,
            ENABLE ALWAYS TRIGGER capture_delete, ENABLE ALWAYS TRIGGER capture_truncate', relation);
    END LOOP;
END $$;

-- A packed row as text, for integers, text and uuid, in the byte order of most machines.
CREATE FUNCTION unpack(link bytea, types regtype[]) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    pos int := 0;
    type regtype;
    width int;
    n bigint;
    result text := '';
BEGIN
    FOREACH type IN ARRAY types LOOP
        result := result || CASE WHEN result = '' THEN '' ELSE ',' END;
        pos := pos + 1;
        IF get_byte(link, pos - 1) = 0 THEN
            result := result || 'null';
            CONTINUE;
        END IF;
        width := CASE type WHEN 'int2'::regtype THEN 2 WHEN 'int4'::regtype THEN 4 WHEN 'int8'::regtype THEN 8
                           WHEN 'uuid'::regtype THEN 16 ELSE 0 END;
        IF width = 0 THEN
            FOR i IN REVERSE 3..0 LOOP
                width := width * 256 + get_byte(link, pos + i);
            END LOOP;
            pos := pos + 4;
        END IF;
        IF type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
            n := 0;
            FOR i IN REVERSE width - 1..0 LOOP
                n := n * 256 + get_byte(link, pos + i);
            END LOOP;
            result := result || n;
        ELSIF type = 'uuid'::regtype THEN
            result := result || encode(substr(link, pos + 1, width), 'hex')::uuid;
        ELSIF width > 40 THEN
            result := result || width || ' bytes ' || md5(substr(link, pos + 1, width));
        ELSE
            result := result || convert_from(substr(link, pos + 1, width), 'UTF8');
        END IF;
        pos := pos + width;
    END LOOP;
    IF pos <> length(link) THEN
        RAISE EXCEPTION 'packed row is % bytes, % expected', length(link), pos;
    END IF;
    RETURN result;
END $$;

-- The values of an entry: where there are many, several are packed into one (queue_pack.c).
CREATE FUNCTION singly(link bytea) RETURNS SETOF bytea LANGUAGE plpgsql AS $$
DECLARE
    pos int := 7;
BEGIN
    IF coalesce(length(link), 0) NOT BETWEEN 7 AND 1900 OR get_byte(link, 0) <> 2 THEN
        RETURN NEXT link;
        RETURN;
    END IF;
    FOR i IN 1 .. get_byte(link, 1) * 256 + get_byte(link, 2) LOOP
        RETURN NEXT substr(link, pos + 2, get_byte(link, pos));
        pos := pos + 1 + get_byte(link, pos);
    END LOOP;
    IF pos <> length(link) THEN
        RAISE EXCEPTION 'pack is % bytes, % expected', length(link), pos;
    END IF;
END $$;

-- Take what is in the queue.  "times" counts equal entries.
CREATE FUNCTION taken(OUT source text, OUT change text, OUT times bigint)
    RETURNS SETOF record LANGUAGE sql SET search_path = capture_test SECURITY DEFINER AS $$
    WITH entry AS (DELETE FROM tviews_batch.queue WHERE source <> 0 RETURNING *)
    SELECT e.source::regclass::text COLLATE "C", change COLLATE "C", count(*)
    FROM entry e LEFT JOIN tviews_batch.shape s USING (source, version),
        LATERAL singly(e.link) AS value,
        LATERAL coalesce(unpack(value, s.types), '(everything)') AS change
    GROUP BY 1, 2 ORDER BY 1, 2
$$;

----------------------------------------------------------------------
-- Statements
----------------------------------------------------------------------

CREATE TABLE item (id int PRIMARY KEY, fk int, label text, unread int);
SELECT capture_source('item', '{id,fk}', '{label}', 'item');

INSERT INTO item VALUES (1, 10, 'a'), (2, 20, 'b'), (3, NULL, 'c');
SELECT * FROM taken();
-- a moved row touches both places
UPDATE item SET fk = 11 WHERE id = 1;
SELECT * FROM taken();
-- a read column
UPDATE item SET label = 'bb' WHERE id = 2;
SELECT * FROM taken();
-- what nobody reads, and what does not change
UPDATE item SET unread = 1;
UPDATE item SET label = label, fk = fk;
UPDATE item SET label = 'x' WHERE false;
DELETE FROM item WHERE false;
INSERT INTO item SELECT 4 WHERE false;
SELECT * FROM taken();
-- of many rows, those that changed
UPDATE item SET label = CASE id WHEN 3 THEN 'cc' ELSE label END, unread = 2;
SELECT * FROM taken();
-- NULL and not NULL
UPDATE item SET label = NULL WHERE id = 1;
UPDATE item SET label = NULL WHERE id = 1;
UPDATE item SET fk = NULL WHERE id = 2;
SELECT * FROM taken();
DELETE FROM item WHERE id <> 1;
SELECT * FROM taken();
TRUNCATE item;
SELECT * FROM taken();

-- several events in one statement
INSERT INTO item VALUES (1, 10, 'a'), (2, 20, 'b');
SELECT * FROM taken();
INSERT INTO item VALUES (1, 12, 'z'), (5, 50, 'e') ON CONFLICT (id) DO UPDATE SET fk = excluded.fk;
SELECT * FROM taken();
INSERT INTO item VALUES (1, 12, 'z') ON CONFLICT DO NOTHING;
SELECT * FROM taken();
MERGE INTO item USING (VALUES (1, 'm'), (2, NULL), (6, 'f')) AS v (id, label) ON item.id = v.id
    WHEN MATCHED AND v.label IS NULL THEN DELETE
    WHEN MATCHED THEN UPDATE SET label = v.label
    WHEN NOT MATCHED THEN INSERT VALUES (v.id, 60, v.label);
SELECT * FROM taken();
WITH gone AS (DELETE FROM item WHERE id = 6 RETURNING *),
     moved AS (UPDATE item SET fk = 51 WHERE id = 5 RETURNING *)
    INSERT INTO item SELECT id + 1, fk, label FROM gone;
SELECT * FROM taken();
COPY item (id, fk, label) FROM stdin;
20	200	copied
21	\N	copied
\.
SELECT * FROM taken();

-- equal values are logged once a statement, few or many
CREATE TABLE visit (id int, item int, unread int);
SELECT capture_source('visit', '{item}', '{}', 'visit');
INSERT INTO visit SELECT i, 1 FROM generate_series(1, 100) i;
SELECT * FROM taken();
INSERT INTO visit SELECT i, i % 8 FROM generate_series(1, 100) i;
SELECT count(*), sum(times) FROM taken();
INSERT INTO visit SELECT i, i % 50 FROM generate_series(1, 1000) i;
SELECT count(*), sum(times) FROM taken();
UPDATE visit SET item = item + 100;
SELECT count(*), sum(times) FROM taken();
TRUNCATE visit;
DELETE FROM tviews_batch.queue WHERE source <> 0;
INSERT INTO visit SELECT i, i FROM generate_series(1, 150000) i;
SELECT count(*) >= 150000 AS all, count(DISTINCT value) FROM tviews_batch.queue, singly(link) AS value WHERE source <> 0;
DELETE FROM tviews_batch.queue WHERE source <> 0;
UPDATE visit SET unread = 1;
SELECT count(*) FROM tviews_batch.queue WHERE source <> 0;
DELETE FROM visit WHERE id > 5;
SELECT count(*) < 300000 AS few, count(DISTINCT value) FROM tviews_batch.queue, singly(link) AS value WHERE source <> 0;
DELETE FROM tviews_batch.queue WHERE source <> 0;
-- more than queue_limit of them in one statement: any row
SET tviews_batch.queue_limit = 1000;
INSERT INTO visit SELECT i, i FROM generate_series(1, 1000) i;
SELECT count(*), count(*) FILTER (WHERE change = '(everything)') FROM taken();
INSERT INTO visit SELECT i, i FROM generate_series(1, 5000) i;
SELECT count(*), count(*) FILTER (WHERE change = '(everything)') FROM taken();
RESET tviews_batch.queue_limit;

-- no link columns: one change for any row
CREATE TABLE setting (name text, value text, unread int);
SELECT capture_source('setting', '{}', '{name,value}', 'setting');
INSERT INTO setting VALUES ('a', '1'), ('b', '2');
SELECT * FROM taken();
UPDATE setting SET unread = 1;
UPDATE setting SET value = 1 WHERE false;
SELECT * FROM taken();
UPDATE setting SET value = '3';
SELECT * FROM taken();

-- all columns are read, also later ones
CREATE TABLE whole (id int, a int);
SELECT capture_source('whole', '{id}', NULL, 'whole');
INSERT INTO whole VALUES (1, 1);
UPDATE whole SET a = 1;
SELECT * FROM taken();
ALTER TABLE whole ADD b int, DROP a;
UPDATE whole SET b = 2;
SELECT * FROM taken();
UPDATE whole SET b = 2;
SELECT * FROM taken();

-- capture = off
SET tviews_batch.capture = off;
UPDATE item SET unread = 3 WHERE false;
SELECT * FROM taken();
UPDATE item SET label = 'off';
INSERT INTO visit SELECT i, i FROM generate_series(1, 10) i;
SELECT * FROM taken();
RESET tviews_batch.capture;

----------------------------------------------------------------------
-- Foreign keys
----------------------------------------------------------------------

CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE kid (id int, parent int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, label text);
CREATE TABLE pet (id int, parent int REFERENCES parent ON DELETE SET NULL ON UPDATE NO ACTION);
SELECT capture_source('kid', '{parent}', '{id,label}', 'kid'), capture_source('pet', '{id,parent}', '{}', 'pet');
INSERT INTO parent VALUES (1), (2), (3);
INSERT INTO kid VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO pet VALUES (1, 1);
SELECT * FROM taken();
UPDATE parent SET id = 22 WHERE id = 2;
SELECT * FROM taken();
DELETE FROM parent WHERE id = 1;
SELECT * FROM taken();

----------------------------------------------------------------------
-- Transactions
----------------------------------------------------------------------

TRUNCATE item;
INSERT INTO item VALUES (1, 10, 'a');
DELETE FROM tviews_batch.queue WHERE source <> 0;
BEGIN;
INSERT INTO item VALUES (2, 20, 'b');
SAVEPOINT s;
UPDATE item SET fk = 99;
ROLLBACK TO s;
UPDATE item SET fk = 12 WHERE id = 1;
SAVEPOINT t;
INSERT INTO item VALUES (3, 30, 'c');
RELEASE t;
COMMIT;
SELECT * FROM taken();
BEGIN;
UPDATE item SET fk = 99;
ROLLBACK;
DO $$
BEGIN
    UPDATE item SET fk = 98;
    RAISE EXCEPTION 'undo';
EXCEPTION WHEN raise_exception THEN
    NULL;
END $$;
INSERT INTO item VALUES (7, 1, 'a'), (1, 1, 'a');
SELECT * FROM taken();

----------------------------------------------------------------------
-- Who writes, and how
----------------------------------------------------------------------

-- a writer without any privilege on our tables, with tables of our names in front
CREATE ROLE regress_capture_writer;
GRANT USAGE, CREATE ON SCHEMA capture_test TO regress_capture_writer;
GRANT ALL ON item TO regress_capture_writer;
SET ROLE regress_capture_writer;
CREATE TABLE queue (x int);
CREATE TABLE captured (x int);
CREATE TEMP TABLE source (x int);
SET search_path = capture_test, pg_temp, pg_catalog;
SELECT has_schema_privilege('tviews_batch', 'USAGE') AS schema, has_table_privilege('item', 'INSERT') AS item;
UPDATE item SET fk = 13 WHERE id = 1;
SET search_path = '';
UPDATE capture_test.item SET fk = 14 WHERE id = 1;
SET tviews_batch.capture = off;
RESET ROLE;
SET search_path = capture_test;
SELECT * FROM taken();
SELECT count(*) FROM queue;
DROP TABLE queue, captured, source;

-- replica role: only ENABLE ALWAYS and ENABLE REPLICA triggers fire
SET session_replication_role = replica;
UPDATE item SET fk = 15 WHERE id = 1;
RESET session_replication_role;
SELECT * FROM taken();

-- another trigger on the same statement reads the same rows, before and after ours
CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    olds int;
    news int;
BEGIN
    SELECT count(*) INTO olds FROM o;
    SELECT count(*) INTO news FROM n LIMIT 1;
    PERFORM FROM o, n LIMIT 1;
    RAISE WARNING '% sees % old, % new', tg_name, olds, news;
    RETURN NULL;
END $$;
CREATE TRIGGER before_capture AFTER UPDATE ON item REFERENCING OLD TABLE AS o NEW TABLE AS n
    FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
CREATE TRIGGER later_than_capture AFTER UPDATE ON item REFERENCING OLD TABLE AS o NEW TABLE AS n
    FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
UPDATE item SET fk = fk + 1;
SELECT * FROM taken();
-- so does ours, made twice by mistake
CREATE TRIGGER capture_again AFTER UPDATE ON item REFERENCING OLD TABLE AS o NEW TABLE AS n
    FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();
UPDATE item SET label = 'again' WHERE id = 1;
SELECT * FROM taken();
DROP TRIGGER capture_again ON item;
DROP TRIGGER before_capture ON item;
DROP TRIGGER later_than_capture ON item;

-- more rows than fit in memory
SET work_mem = '64kB';
INSERT INTO visit SELECT i, i % 10 FROM generate_series(1, 20000) i;
UPDATE visit SET item = CASE WHEN id = 20000 THEN 77 ELSE item END, unread = 5;
RESET work_mem;
SELECT * FROM taken() WHERE change = '77';
TRUNCATE visit;
DELETE FROM tviews_batch.queue WHERE source <> 0;

-- as a row trigger, which is what logical replication fires
CREATE TABLE replicated (a text, id int, fk int, unread int);
SELECT capture_source('replicated', '{id,fk}', '{a}', 'replicated');
DROP TRIGGER capture_insert ON replicated;
DROP TRIGGER capture_update ON replicated;
DROP TRIGGER capture_delete ON replicated;
CREATE TRIGGER capture_row AFTER INSERT OR UPDATE OR DELETE ON replicated
    FOR EACH ROW EXECUTE FUNCTION tviews_batch.capture();
ALTER TABLE replicated ENABLE REPLICA TRIGGER capture_row;
INSERT INTO replicated VALUES ('not logged', 0, 0);
SET session_replication_role = replica;
INSERT INTO replicated VALUES ('x', 1, 1), ('y', 2, 2);
UPDATE replicated SET unread = 1;
UPDATE replicated SET fk = 3 WHERE id = 1;
DELETE FROM replicated WHERE id = 2;
TRUNCATE replicated;
RESET session_replication_role;
SELECT * FROM taken();

-- triggers made wrongly
CREATE TABLE wrong (id int);
SELECT capture_source('wrong', '{id}', '{}', 'wrong');
DROP TRIGGER capture_update ON wrong;
CREATE TRIGGER no_tables AFTER UPDATE ON wrong FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();
INSERT INTO wrong VALUES (1);
UPDATE wrong SET id = 2;
SELECT * FROM taken();
CREATE TRIGGER too_early BEFORE DELETE ON wrong FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();
DELETE FROM wrong;
DROP TABLE wrong;
SELECT tviews_batch.capture();

----------------------------------------------------------------------
-- Values
----------------------------------------------------------------------

CREATE TABLE value (id bigint, small int2, key uuid, word text, n name, doc text, unread int);
ALTER TABLE value ALTER doc SET STORAGE EXTERNAL;
SELECT capture_source('value', '{id,small,key,word}', '{doc}', 'value');
INSERT INTO value VALUES (1000000000000, 7, '00000000-0000-0000-0000-00000000000a', 'word', 'name', repeat('d', 10000)),
    (2, NULL, NULL, '', NULL, NULL);
SELECT * FROM taken();
-- a toasted column that nobody changed, that got the same value, and that got another of the same length
UPDATE value SET unread = 1;
UPDATE value SET doc = repeat('d', 10000) WHERE small = 7;
SELECT * FROM taken();
UPDATE value SET doc = repeat('e', 10000) WHERE small = 7;
SELECT * FROM taken();
-- the same, kept in another way
UPDATE value SET doc = repeat('f', 1000) WHERE id = 2;
ALTER TABLE value ALTER doc SET STORAGE EXTENDED;
DELETE FROM tviews_batch.queue WHERE source <> 0;
UPDATE value SET doc = repeat('f', 1000) WHERE id = 2;
UPDATE value SET doc = repeat('e', 10000) WHERE small = 7;
SELECT * FROM taken();
-- long link values: plain, compressed, out of line
UPDATE value SET word = repeat('w', 1000) WHERE id = 2;
UPDATE value SET word = repeat('w', 60000) WHERE id = 2;
UPDATE value SET word = (SELECT string_agg(md5(i::text), '' ORDER BY i) FROM generate_series(1, 300) i) WHERE id = 2;
SELECT * FROM taken();
SELECT length(word), md5(word) FROM value WHERE id = 2;

-- image, not equality
CREATE TABLE image (n numeric, c char(5), f float8);
SELECT capture_source('image', '{}', '{n,c,f}', 'image');
INSERT INTO image VALUES (1.0, 'a', '-0');
DELETE FROM tviews_batch.queue WHERE source <> 0;
UPDATE image SET n = 1.00;
SELECT * FROM taken();
UPDATE image SET f = 0;
SELECT * FROM taken();
UPDATE image SET n = 1.00, c = 'a ', f = 0;
SELECT * FROM taken();

-- generated columns
CREATE TABLE made (id int, doubled int GENERATED ALWAYS AS (id * 2) STORED, unread int);
SELECT capture_source('made', '{doubled}', '{doubled}', 'made');
INSERT INTO made VALUES (1), (NULL);
COPY made (id) FROM stdin;
3
\.
SELECT * FROM taken();
UPDATE made SET unread = 1;
UPDATE made SET id = 5 WHERE id = 1;
DELETE FROM made WHERE id = 3;
SELECT * FROM taken();

----------------------------------------------------------------------
-- Partitions
----------------------------------------------------------------------

CREATE TABLE sale (id int, region int, fk int, label text, twice int GENERATED ALWAYS AS (fk * 2) STORED)
    PARTITION BY LIST (region);
CREATE TABLE sale_1 (junk text, label text, fk int, id int, region int, twice int GENERATED ALWAYS AS (fk * 2) STORED);
ALTER TABLE sale_1 DROP junk;
ALTER TABLE sale ATTACH PARTITION sale_1 FOR VALUES IN (1);
CREATE TABLE sale_2 PARTITION OF sale FOR VALUES IN (2);
SELECT capture_source('sale', '{fk}', '{id,label}', 'sale', 'sale_1', 'sale_2');
-- a view that reads one partition only
SELECT capture_source('sale_1', '{id}', '{label}', 'sale', 'sale_1');
-- a table's generated column cannot be trusted in rows that came through the root
CREATE TABLE other_sale (LIKE sale INCLUDING GENERATED) PARTITION BY LIST (region);
CREATE TABLE other_sale_1 (twice int GENERATED ALWAYS AS (fk * 2) STORED, label text, fk int, region int, id int);
ALTER TABLE other_sale ATTACH PARTITION other_sale_1 FOR VALUES IN (1);
CREATE TABLE other_sale_2 PARTITION OF other_sale FOR VALUES IN (2);
SELECT capture_source('other_sale', '{twice}', '{twice}', 'other_sale', 'other_sale_1', 'other_sale_2');

INSERT INTO sale VALUES (1, 1, 10, 'a'), (2, 2, 20, 'b');
SELECT * FROM taken();
INSERT INTO sale_1 (id, region, fk, label) VALUES (3, 1, 30, 'c');
INSERT INTO sale_2 VALUES (4, 2, 40, 'd');
SELECT * FROM taken();
-- across partitions: nobody reads region, but rows come into sale_1 and leave it
UPDATE sale SET region = 3 - region WHERE id IN (1, 2);
SELECT * FROM taken();
UPDATE sale SET region = 3 - region, fk = fk + 1 WHERE id IN (1, 2);
SELECT * FROM taken();
UPDATE sale SET label = label || 'x' WHERE id = 4;
SELECT * FROM taken();
DELETE FROM sale_1 WHERE id = 3;
SELECT * FROM taken();
COPY sale (id, region, fk, label) FROM stdin;
5	1	50	e
6	2	60	f
\.
SELECT * FROM taken();
-- a BEFORE trigger drops a row on its way
CREATE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER dropper BEFORE INSERT ON sale_2 FOR EACH ROW EXECUTE FUNCTION drop_row();
UPDATE sale SET region = 2 WHERE id = 5;
SELECT count(*) FROM sale WHERE id = 5;
SELECT * FROM taken();
DROP TRIGGER dropper ON sale_2;
TRUNCATE sale_1;
SELECT * FROM taken();
TRUNCATE sale;
SELECT * FROM taken();

INSERT INTO other_sale VALUES (1, 1, 10);
SELECT * FROM taken();
INSERT INTO other_sale VALUES (2, 2, 20);
SELECT * FROM taken();
INSERT INTO other_sale_1 (id, region, fk) VALUES (3, 1, 30);
SELECT * FROM taken();
UPDATE other_sale SET fk = fk + 1 WHERE id = 1;
SELECT * FROM taken();
UPDATE other_sale SET region = 3 - region, fk = fk + 1 WHERE id <= 2;
SELECT * FROM taken();

----------------------------------------------------------------------
-- Inheritance
----------------------------------------------------------------------

CREATE TABLE animal (id int, name text);
CREATE TABLE dog (collar int) INHERITS (animal);
-- animal is an ancestor of dog and lacks a link column of it
SELECT capture_source('animal', '{id}', '{name}', 'animal', 'dog');
SELECT capture_source('dog', '{collar}', '{name}', 'animal', 'dog');
INSERT INTO dog VALUES (1, 'rex', 100);
SELECT * FROM taken();
UPDATE animal SET name = 'max';
SELECT * FROM taken();
UPDATE animal SET name = 'moritz' WHERE false;
SELECT * FROM taken();
-- cat's link column is in animal, a column that is read is not, and a trigger sets that
CREATE TABLE cat (lives int) INHERITS (animal);
SELECT capture_source('cat', '{id}', '{lives}', 'animal', 'cat');
CREATE TABLE fish (lives int) INHERITS (animal);
SELECT capture_source('fish', '{id}', NULL, 'animal', 'fish');
CREATE FUNCTION lose_life() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN new.lives := new.lives - 1; RETURN new; END $$;
CREATE TRIGGER lose_life BEFORE UPDATE ON cat FOR EACH ROW EXECUTE FUNCTION lose_life();
CREATE TRIGGER lose_life BEFORE UPDATE ON fish FOR EACH ROW EXECUTE FUNCTION lose_life();
INSERT INTO cat VALUES (2, 'tom', 9);
INSERT INTO fish VALUES (3, 'nemo', 9);
DELETE FROM tviews_batch.queue WHERE source <> 0;
UPDATE animal SET name = name;
SELECT * FROM taken();
UPDATE cat SET name = name;
SELECT * FROM taken();
-- a source is gone and the metadata is not
DROP TABLE fish;
UPDATE animal SET name = 'heidi' WHERE id = 2;
SELECT source::regclass::text ~ '^[0-9]+$' AS gone, count(*) FROM tviews_batch.queue WHERE source <> 0 GROUP BY 1;
DELETE FROM tviews_batch.queue WHERE source <> 0;
TRUNCATE dog;
SELECT * FROM taken();

----------------------------------------------------------------------
-- Plans follow the metadata
----------------------------------------------------------------------

CREATE TABLE shifting (id int, a int, b int);
SELECT capture_source('shifting', '{id}', '{a}', 'shifting');
INSERT INTO shifting VALUES (1, 1, 1);
UPDATE shifting SET b = 2;
SELECT * FROM taken();
-- b is read from now on, and logged; rolled back, then for good
BEGIN;
INSERT INTO tviews_batch.shape VALUES ('shifting', 2, '{id,b}', '{int,int}');
UPDATE tviews_batch.source SET version = 2, link_columns = '{id,b}' WHERE source = 'shifting'::regclass;
ALTER TABLE shifting SET (fillfactor = 90);
UPDATE shifting SET b = 3;
SELECT version, change FROM (SELECT * FROM tviews_batch.queue WHERE source <> 0) q, LATERAL unpack(link, '{int,int}') AS change;
ROLLBACK;
UPDATE shifting SET b = 3;
SELECT * FROM taken();
INSERT INTO tviews_batch.shape VALUES ('shifting', 2, '{id,b}', '{int,int}');
UPDATE tviews_batch.source SET version = 2, link_columns = '{id,b}' WHERE source = 'shifting'::regclass;
ALTER TABLE shifting SET (fillfactor = 90);
UPDATE shifting SET b = 4;
SELECT * FROM taken();
-- columns move
ALTER TABLE shifting DROP a, ADD c int, ADD a int;
UPDATE shifting SET a = 5;
SELECT * FROM taken();
UPDATE shifting SET c = 5;
SELECT * FROM taken();
-- what no longer fits is everything: another type, another name, no shape; a column that is read and gone is compared no more
BEGIN;
ALTER TABLE shifting ALTER b TYPE bigint;
UPDATE shifting SET a = 6;
SELECT * FROM taken();
ROLLBACK;
BEGIN;
ALTER TABLE shifting RENAME b TO bb;
UPDATE shifting SET a = 6;
SELECT * FROM taken();
UPDATE shifting SET a = 6;
SELECT * FROM taken();
ROLLBACK;
BEGIN;
ALTER TABLE shifting RENAME a TO aa;
UPDATE shifting SET aa = 6;
SELECT * FROM taken();
ROLLBACK;
BEGIN;
DELETE FROM tviews_batch.shape WHERE source = 'shifting'::regclass;
ALTER TABLE shifting RESET (fillfactor);
UPDATE shifting SET a = 6;
SELECT * FROM taken();
ROLLBACK;
UPDATE shifting SET a = 6;
SELECT * FROM taken();
-- nothing is captured here any more
BEGIN;
DELETE FROM tviews_batch.source WHERE source = 'shifting'::regclass;
ALTER TABLE shifting RESET (fillfactor);
UPDATE shifting SET a = 7;
DELETE FROM tviews_batch.captured WHERE source = 'shifting'::regclass;
ALTER TABLE shifting SET (fillfactor = 91);
UPDATE shifting SET a = 8;
SELECT * FROM taken();
ROLLBACK;
-- our tables are gone
BEGIN;
ALTER TABLE shifting SET (fillfactor = 92);
ALTER TABLE tviews_batch.captured RENAME TO captured_gone;
UPDATE shifting SET a = 7;
SELECT * FROM taken();
ALTER TABLE tviews_batch.queue RENAME TO queue_gone;
UPDATE shifting SET a = 8;
SELECT count(*) FROM tviews_batch.queue_gone WHERE source <> 0;
ROLLBACK;
UPDATE shifting SET a = 9;
SELECT * FROM taken();

-- clean up
DELETE FROM tviews_batch.captured;
DELETE FROM tviews_batch.source;
DELETE FROM tviews_batch.shape;
DROP SCHEMA capture_test CASCADE;
DROP ROLE regress_capture_writer;
ALTER EVENT TRIGGER tviews_batch_follow_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER tviews_batch_follow_drop ENABLE ALWAYS;
