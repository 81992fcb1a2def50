--
-- What PostgreSQL 18 has and older servers have not: virtual generated columns, which no trigger sees; NOT NULL that is not valid yet.
--
SELECT current_setting('server_version_num')::int < 180000 AS skip \gset
\if :skip
\quit
\endif
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA computed;
SET search_path = computed, public;
CREATE FUNCTION differing(tview text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT (SELECT count(*) FROM (TABLE %1$I EXCEPT ALL TABLE %2$I) x) + (SELECT count(*) FROM (TABLE %2$I EXCEPT ALL TABLE %1$I) x)',
                   tview, 'v_' || substr(tview, 4)) INTO n;
    RETURN n;
END $$;
CREATE VIEW wrong AS SELECT tview, differing(tview::text) FROM tviews_status WHERE differing(tview::text) <> 0 OR state <> 'ok';

-- a column was dropped, so that numbers and places differ
CREATE TABLE line (gone int, id int PRIMARY KEY, price int, qty int, note text,
    total int GENERATED ALWAYS AS (price * qty) VIRTUAL,
    kind int GENERATED ALWAYS AS (coalesce(price, 0) % 3) VIRTUAL,
    stored int GENERATED ALWAYS AS (price + qty) STORED);
ALTER TABLE line DROP COLUMN gone;
CREATE TABLE kind (kind int PRIMARY KEY, name text);
INSERT INTO kind VALUES (0, 'zero'), (1, 'one'), (2, 'two');
INSERT INTO line (id, price, qty, note) SELECT i, i % 10, i % 7, 'n' FROM generate_series(1, 100) i;

-- shown; grouped by; joined by, also with USING; on the nullable side of an outer join, where NULL is not what the expression says
CREATE VIEW v_shown AS SELECT id, total, stored FROM line;
CREATE VIEW v_grouped AS SELECT kind, count(*) AS n, sum(total) AS total FROM line GROUP BY kind;
CREATE VIEW v_joined AS SELECT l.id, l.total, k.name FROM line l JOIN kind k ON k.kind = l.kind;
CREATE VIEW v_using AS SELECT kind, count(*) AS n FROM line l (i, p) FULL JOIN kind k USING (kind) GROUP BY kind;
CREATE VIEW v_outer AS SELECT k.kind, l.kind AS seen, count(*) AS n FROM kind k LEFT JOIN line l ON l.kind = k.kind AND l.qty = 3 GROUP BY k.kind, l.kind;
CREATE VIEW v_filtered AS SELECT id FROM line WHERE total > 20 AND EXISTS (SELECT FROM kind k WHERE k.kind = line.kind);
CREATE VIEW v_strict AS SELECT k.kind, count(l.total) AS n, max(l.total) AS top FROM kind k LEFT JOIN line l ON l.total = k.kind GROUP BY k.kind;
SELECT tviews_create('v_shown', key => '{id}'), tviews_create('v_grouped'), tviews_create('v_joined', key => '{id}'), tviews_create('v_using'),
       tviews_create('v_outer', key => '{kind,seen}'), tviews_create('v_filtered', key => '{id}'), tviews_create('v_strict');
SELECT t.tview, e.source, e.alias, e.route, e.link_columns, e.reason FROM tviews_status t, tviews_explain(t.tview) e ORDER BY t.tview::text, e.alias;

-- what nobody reads is no change; what a virtual column is made of is one
UPDATE line SET note = note || '!' WHERE id = 5;
SELECT changes FROM tviews_drain();
UPDATE line SET price = price + 1 WHERE id IN (5, 6);
SELECT changes > 0 AS logged FROM tviews_drain();
TABLE wrong;

-- whole rows
CREATE VIEW v_row AS SELECT l.id, to_jsonb(l) AS doc FROM line l;
CREATE VIEW v_row_kind AS SELECT k.kind, (SELECT jsonb_agg(l ORDER BY l.id) FROM line l WHERE l.kind = k.kind) AS docs FROM kind k;
SELECT tviews_create('v_row', key => '{id}'), tviews_create('v_row_kind', key => '{kind}');
SELECT t.tview, e.source, e.alias, e.route, e.link_columns, e.reason FROM tviews_status t, tviews_explain(t.tview) e
 WHERE t.tview::text LIKE 'tv_row%' ORDER BY t.tview::text, e.alias;
DELETE FROM line WHERE id % 9 = 0;
INSERT INTO line (id, price, qty) VALUES (200, NULL, 3), (201, 2, NULL), (202, 1, 1);
UPDATE kind SET name = 'none' WHERE kind = 0;
SELECT failed FROM tviews_drain();
TABLE wrong;
UPDATE line SET price = price + 3;
UPDATE line SET qty = 3 WHERE id = 200;
SELECT failed FROM tviews_drain();
TABLE wrong;
DELETE FROM line WHERE kind = 1;
SELECT failed FROM tviews_drain();
TABLE wrong;

-- another expression is no write of any row
ALTER TABLE line ALTER COLUMN kind SET EXPRESSION AS (coalesce(qty, 0) % 3);
SELECT DISTINCT state, reason FROM tviews_status;
DO $$ BEGIN FOR i IN 1..9 LOOP PERFORM tviews_drain(); END LOOP; END $$;
TABLE wrong;
UPDATE line SET qty = qty + 1 WHERE id < 50;
SELECT failed FROM tviews_drain();
TABLE wrong;
ALTER TABLE line ALTER COLUMN stored SET EXPRESSION AS (price - qty);
SELECT DISTINCT state, reason FROM tviews_status;
DO $$ BEGIN FOR i IN 1..9 LOOP PERFORM tviews_drain(); END LOOP; END $$;
TABLE wrong;
DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT tview FROM tviews_status LOOP PERFORM tviews_drop(t); END LOOP; END $$;

-- the expression that counts is that of the table which the view names
CREATE TABLE part (id int, v int, twice int GENERATED ALWAYS AS (v * 2) VIRTUAL) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 (v int, twice int GENERATED ALWAYS AS (v * 200) VIRTUAL, id int);
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM (10) TO (20);
CREATE VIEW v_part AS SELECT twice, count(*) AS n FROM part GROUP BY twice;
CREATE VIEW v_leaf AS SELECT twice, count(*) AS n FROM part_2 GROUP BY twice;
SELECT tviews_create('v_part'), tviews_create('v_leaf');
INSERT INTO part (id, v) SELECT i, i FROM generate_series(0, 19) i;
SELECT failed FROM tviews_drain();
TABLE wrong;
UPDATE part SET v = 1 WHERE id > 8;
UPDATE part_2 SET v = 5 WHERE id = 12;
UPDATE part SET id = 3 WHERE id = 15;
SELECT failed FROM tviews_drain();
TABLE wrong;
TABLE v_leaf ORDER BY twice;
SELECT tviews_drop('tv_part'), tviews_drop('tv_leaf');

-- a virtual column of the user's own on a TVIEW, and a TVIEW that reads it
CREATE VIEW v_item AS SELECT id, qty FROM line;
SELECT tviews_create('v_item', key => '{id}');
ALTER TABLE tv_item ADD COLUMN odd int GENERATED ALWAYS AS (qty % 2) VIRTUAL;
CREATE VIEW v_odd AS SELECT odd, count(*) AS n FROM tv_item GROUP BY odd;
CREATE VIEW v_odd_rows AS SELECT t.odd, jsonb_agg(t ORDER BY t.id) AS docs FROM tv_item t GROUP BY t.odd;
SELECT tviews_create('v_odd'), tviews_create('v_odd_rows');
UPDATE line SET qty = qty + 1 WHERE id < 10;
DELETE FROM line WHERE id = 11;
SELECT failed, levels FROM tviews_drain();
SELECT differing('tv_odd'), differing('tv_odd_rows');
SELECT count(*) FROM (SELECT id, qty FROM tv_item EXCEPT ALL TABLE v_item) x;

-- NOT NULL for new rows only: NULLs are there
CREATE TABLE maybe (id int PRIMARY KEY, k int, v int);
INSERT INTO maybe SELECT i, nullif(i % 4, 0), i FROM generate_series(1, 20) i;
ALTER TABLE maybe ADD CONSTRAINT later NOT NULL k NOT VALID;
CREATE VIEW v_maybe AS SELECT k, count(*) AS n, sum(v) AS v FROM maybe GROUP BY k;
SELECT tviews_create('v_maybe');
DELETE FROM maybe WHERE id IN (4, 5);
UPDATE maybe SET k = 1 WHERE id = 8;
SELECT failed FROM tviews_drain();
SELECT differing('tv_maybe');
UPDATE maybe SET k = 2 WHERE k IS NULL;
ALTER TABLE maybe VALIDATE CONSTRAINT later;
DO $$ BEGIN FOR i IN 1..4 LOOP PERFORM tviews_drain(); END LOOP; END $$;
SELECT differing('tv_maybe');
SELECT state, reason FROM tviews_status WHERE tview = 'tv_maybe'::regclass;
SET client_min_messages = error;
DROP SCHEMA computed CASCADE;
