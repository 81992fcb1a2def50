--
-- Keys with several carriers whose row appears because something is gone.  No stored row tells of it, and when two members of what
-- kept it away go at once, each has lost the partner that led to the other part of the key.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA gone;
SET search_path = gone, public;
SET tviews_batch.full_threshold = 1;

CREATE TABLE p (id int PRIMARY KEY, g int);
CREATE TABLE q (id int PRIMARY KEY, h int, p int);
CREATE TABLE head (id int PRIMARY KEY, g int);
CREATE TABLE line (id int PRIMARY KEY, h int, head int);

CREATE VIEW v_not_exists AS
SELECT p.g, q.h, count(*) AS n FROM p JOIN q ON q.p = p.id
 WHERE NOT EXISTS (SELECT FROM line JOIN head ON head.id = line.head WHERE line.h = q.h AND head.g = p.g)
 GROUP BY p.g, q.h;
CREATE VIEW v_outer AS
SELECT p.g, q.h, count(*) AS n FROM p JOIN q ON q.p = p.id
  LEFT JOIN (line JOIN head ON head.id = line.head) ON line.h = q.h AND head.g = p.g
 WHERE line.id IS NULL GROUP BY p.g, q.h;
CREATE VIEW v_except AS
SELECT p.g, q.h FROM p JOIN q ON q.p = p.id EXCEPT SELECT head.g, line.h FROM line JOIN head ON head.id = line.head;
CREATE VIEW v_having AS
SELECT p.g, q.h, count(*) AS n FROM p JOIN q ON q.p = p.id GROUP BY p.g, q.h HAVING count(*) < 2;
CREATE VIEW v_below AS
SELECT p.g, q.h, sum(x.n) AS n FROM p JOIN q ON q.p = p.id
  LEFT JOIN (SELECT head.g, line.h, count(*) AS n FROM line JOIN head ON head.id = line.head GROUP BY head.g, line.h) x
    ON x.g = p.g AND x.h = q.h
 WHERE coalesce(x.n, 0) < 2 GROUP BY p.g, q.h;

CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS $$
    DELETE FROM p; DELETE FROM q; DELETE FROM head; DELETE FROM line;
    INSERT INTO p VALUES (1, 1), (2, 2), (3, 1);
    INSERT INTO q VALUES (1, 1, 1), (2, 2, 2), (3, 1, 3);
    INSERT INTO head VALUES (1, 1), (2, 1);
    INSERT INTO line VALUES (1, 1, 1), (2, 1, 2);
$$;
CREATE FUNCTION differing(OUT tview text, OUT n bigint) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    FOREACH tview IN ARRAY ARRAY['not_exists', 'outer', 'except', 'having', 'below'] LOOP
        EXECUTE format('SELECT (SELECT count(*) FROM (TABLE v_%1$s EXCEPT ALL TABLE tv_%1$s) d) + (SELECT count(*) FROM (TABLE tv_%1$s EXCEPT ALL TABLE v_%1$s) d)', tview)
           INTO n;
        RETURN NEXT;
    END LOOP;
END $$;

SELECT fill();
SELECT tviews_create('v_not_exists', key => '{g,h}'), tviews_create('v_outer', key => '{g,h}'), tviews_create('v_except', key => '{g,h}'),
       tviews_create('v_having', key => '{g,h}'), tviews_create('v_below', key => '{g,h}');
-- none of them compares the whole for it
SELECT t.tview, e.alias, e.route FROM tviews_batch.tview t, tviews_explain(t.tview) e WHERE t.tview::text ~ '^tv_' AND e.route = 'full';

-- what kept the rows away goes at once
BEGIN;
DELETE FROM line;
DELETE FROM head;
COMMIT;
SELECT failed FROM tviews_drain();
SELECT * FROM differing();
TABLE tv_not_exists ORDER BY g, h;

-- ... moves away
SELECT fill();
SELECT failed FROM tviews_drain();
SELECT * FROM differing();
BEGIN;
UPDATE line SET h = 7;
UPDATE head SET g = 8;
COMMIT;
SELECT failed FROM tviews_drain();
SELECT * FROM differing();

-- ... in two transactions, and a change at a time
SELECT fill();
SELECT failed FROM tviews_drain();
DELETE FROM head WHERE id = 1;
DELETE FROM line WHERE id = 1;
DELETE FROM line WHERE id = 2;
DELETE FROM head WHERE id = 2;
DO $$ BEGIN FOR i IN 1 .. 12 LOOP PERFORM tviews_drain(max_changes => 1); END LOOP; END $$;
SELECT * FROM differing();

-- one of two rows of a group goes, with both carriers
SELECT fill();
SELECT failed FROM tviews_drain();
BEGIN;
DELETE FROM p WHERE id = 3;
DELETE FROM q WHERE id = 3;
COMMIT;
SELECT failed FROM tviews_drain();
SELECT * FROM differing();
TABLE tv_having ORDER BY g, h;

SET client_min_messages = error;
DROP SCHEMA gone CASCADE;
