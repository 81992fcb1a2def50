--
-- Who may do what: creating, draining, watching; refreshes run as the TVIEW's
-- owner, restricted, with fixed search_path and pinned settings.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE ROLE regress_owner;
CREATE ROLE regress_other;
CREATE ROLE regress_drainer;
CREATE SCHEMA granting AUTHORIZATION regress_owner;
CREATE SCHEMA theirs AUTHORIZATION regress_other;
GRANT USAGE ON SCHEMA theirs TO regress_owner;
GRANT USAGE ON SCHEMA granting TO regress_other, regress_drainer;
SET search_path = granting, public;

SET ROLE regress_other;
CREATE TABLE theirs.data (id int PRIMARY KEY, g int, at timestamptz, x float8);
INSERT INTO theirs.data SELECT i, i % 3, timestamptz '2024-06-01 12:00+00' + i * interval '1 hour', i / 3.0 FROM generate_series(1, 9) i;
RESET ROLE;
SET ROLE regress_owner;
CREATE TABLE own (id int PRIMARY KEY, g int);
INSERT INTO own SELECT i, i % 3 FROM generate_series(1, 9) i;
CREATE VIEW v_own AS SELECT g, count(*) AS n FROM own GROUP BY g;
RESET ROLE;
GRANT SELECT ON theirs.data TO regress_owner;
SET ROLE regress_owner;
CREATE VIEW v_both AS SELECT d.id, d.at::text AS at, to_char(d.x, '9.99') AS x, o.g FROM theirs.data d JOIN own o ON o.id = d.id;
RESET ROLE;

-- creating: the view must be one's own, sources need TRIGGER and SELECT, the schema CREATE
SET ROLE regress_other;
SELECT tviews_create('v_own');
RESET ROLE;
SET ROLE regress_owner;
SELECT tviews_create('v_both', key => '{id}');
RESET ROLE;
GRANT TRIGGER ON theirs.data TO regress_owner;
REVOKE SELECT ON theirs.data FROM regress_owner;
SET ROLE regress_owner;
SELECT tviews_create('v_both', key => '{id}');
RESET ROLE;
GRANT SELECT ON theirs.data TO regress_owner;
ALTER SCHEMA granting OWNER TO CURRENT_USER;
GRANT USAGE ON SCHEMA granting TO regress_owner;
SET ROLE regress_owner;
SELECT tviews_create('v_both', key => '{id}');
RESET ROLE;
ALTER SCHEMA granting OWNER TO regress_owner;
SET ROLE regress_owner;
SET timezone = 'Asia/Tokyo';
SELECT tviews_create('v_both', key => '{id}'), tviews_create('v_own');
RESET timezone;
RESET ROLE;
SELECT tview, pg_get_userbyid(relowner) AS owner FROM tviews_batch.tview JOIN pg_class c ON c.oid = tview ORDER BY tview::text COLLATE "C";
-- a superuser's TVIEW of another's view belongs to the view's owner
SELECT tviews_create('v_own', tview => 'tv_again');
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'tv_again'::regclass;

-- draining is granted by name
SET ROLE regress_drainer;
SELECT * FROM tviews_drain();
CALL tviews_drain_loop('1 second', '1 second');
CALL tviews_reconcile();
SELECT * FROM tviews_refresh('tv_own');
SELECT * FROM tviews_verify('tv_own');
SELECT tviews_pause('tv_own');
SELECT tviews_drop('tv_own');
SELECT * FROM tviews_status;
SELECT * FROM tviews_queue_depth;
RESET ROLE;
GRANT EXECUTE ON FUNCTION tviews_drain(bigint, integer) TO regress_drainer;
GRANT pg_monitor TO regress_drainer;
UPDATE theirs.data SET x = x + 1 WHERE id < 4;
UPDATE own SET g = 5 WHERE id = 1;
SET ROLE regress_drainer;
SELECT pending_changes > 0 AS pending FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT source, pending_changes, exact FROM tviews_queue_depth ORDER BY source::text COLLATE "C";
SELECT changes, remaining FROM tviews_drain();
SELECT changes, role FROM tviews_drains ORDER BY id DESC LIMIT 1;
SELECT count(*) FROM tviews_explain('tv_both');
RESET ROLE;
SET timezone = 'Asia/Tokyo';
SELECT count(*) FROM (TABLE v_both EXCEPT ALL TABLE tv_both) x;
SELECT at FROM tv_both WHERE id = 1;
RESET timezone;
-- verify compares under the pinned settings, whatever the session's are
SET timezone = 'America/New_York';
SET extra_float_digits = 0;
SELECT * FROM tviews_verify('tv_both');
RESET extra_float_digits;
RESET timezone;

-- the view's functions run as the TVIEW's owner, whoever drains, and cannot leave it
SET ROLE regress_owner;
CREATE FUNCTION who(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN current_user || ' ' || current_setting('search_path');
END $$;
CREATE VIEW v_who AS SELECT id, granting.who(g) AS who FROM own;
SELECT tviews_create('v_who', key => '{id}');
RESET ROLE;
UPDATE own SET g = g + 1;
SELECT changes FROM tviews_drain();
SELECT DISTINCT who FROM tv_who;
CREATE TABLE trophy (who text);
SET ROLE regress_owner;
CREATE FUNCTION attack(command text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE command;
    RETURN 'did ' || command || ' as ' || current_user;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN sqlerrm;
END $$;
CREATE OR REPLACE FUNCTION who(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN granting.attack('RESET ROLE') || '; ' || granting.attack('RESET SESSION AUTHORIZATION')
           || '; ' || granting.attack('CREATE TEMP TABLE trap (a int)')
           || '; ' || granting.attack('INSERT INTO granting.trophy VALUES (current_user)');
END $$;
RESET ROLE;
UPDATE own SET g = g + 1;
SELECT changes FROM tviews_drain();
SELECT DISTINCT who FROM tv_who;
TABLE trophy;

SELECT tviews_drop('tv_both');
DROP VIEW v_both;

-- row security: what triggers cannot see needs refresh_every; the owner's rows are what counts
ALTER TABLE theirs.data ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON theirs.data TO regress_owner USING (id < 5);
SET ROLE regress_owner;
CREATE VIEW v_few AS SELECT id, g FROM theirs.data;
SELECT tviews_create('v_few', key => '{id}');
SELECT tviews_create('v_few', key => '{id}', refresh_every => '0 seconds');
SELECT count(*) FROM tv_few;
RESET ROLE;
INSERT INTO theirs.data VALUES (0, 0), (50, 0);
SELECT inserted FROM tviews_drain();
SELECT * FROM tv_few ORDER BY id;

-- a nested view is read as its owner, whoever owns the one above it
ALTER TABLE theirs.data DISABLE ROW LEVEL SECURITY;
SET ROLE regress_owner;
CREATE VIEW few AS SELECT id, g FROM theirs.data;
RESET ROLE;
CREATE VIEW v_nested AS SELECT id, g FROM few;
SELECT tviews_create('v_nested', key => '{id}');
ALTER TABLE theirs.data ENABLE ROW LEVEL SECURITY;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_nested'::regclass;
SELECT tviews_drop('tv_nested');
SELECT tviews_create('v_nested', key => '{id}');
SELECT tviews_create('v_nested', key => '{id}', refresh_every => '0 seconds');
INSERT INTO theirs.data VALUES (-1, 0), (60, 0);
SELECT inserted FROM tviews_drain();
SELECT count(*), min(id), max(id) FROM tv_nested;

-- nobody is told when a role loses what kept row security away from it: the status says so
ALTER ROLE regress_owner BYPASSRLS;
SET ROLE regress_owner;
CREATE VIEW v_all AS SELECT id, g FROM theirs.data;
SELECT tviews_create('v_all', key => '{id}');
RESET ROLE;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_all'::regclass;
ALTER ROLE regress_owner NOBYPASSRLS;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_all'::regclass;
GRANT regress_other TO regress_owner;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_all'::regclass;
REVOKE regress_other FROM regress_owner;
CALL tviews_reconcile();
SELECT state, reason FROM tviews_status WHERE tview = 'tv_all'::regclass;
-- nor when the owner of a nested view does
ALTER ROLE regress_owner BYPASSRLS;
CREATE VIEW v_through AS SELECT id, g FROM few;
SELECT tviews_create('v_through', key => '{id}');
SELECT state, reason FROM tviews_status WHERE tview = 'tv_through'::regclass;
ALTER ROLE regress_owner NOBYPASSRLS;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_through'::regclass;
ALTER VIEW few SET (security_invoker);
SELECT state, reason FROM tviews_status WHERE tview = 'tv_through'::regclass;
SELECT count(tviews_drain()) FROM generate_series(1, 3);
SELECT count(*) FROM (TABLE v_through EXCEPT ALL TABLE tv_through) x;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_through'::regclass;
-- nor when that view is given away with all that its owner has
ALTER VIEW few RESET (security_invoker);
ALTER ROLE regress_owner BYPASSRLS;
CALL tviews_reconcile('tv_through');
SELECT state, reason FROM tviews_status WHERE tview = 'tv_through'::regclass;
CREATE ROLE regress_heir;
GRANT USAGE ON SCHEMA theirs TO regress_heir;
GRANT SELECT ON theirs.data TO regress_heir;
REASSIGN OWNED BY regress_owner TO regress_heir;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_through'::regclass;

SET client_min_messages = error;
DROP SCHEMA granting, theirs CASCADE;
DROP OWNED BY regress_owner, regress_other, regress_drainer, regress_heir;
DROP ROLE regress_owner, regress_other, regress_drainer, regress_heir;
SELECT count(*) FROM tviews_batch.tview;
