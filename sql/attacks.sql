--
-- Attacks: nobody's text runs as another role, no name of a writer or drainer
-- leads the extension astray, nothing makes a TVIEW differ without a word.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE ROLE regress_mallory;
CREATE ROLE regress_alice;
CREATE ROLE regress_bob;
CREATE ROLE regress_writer;
CREATE ROLE regress_reader;
CREATE SCHEMA den;
CREATE SCHEMA home;
GRANT ALL ON SCHEMA den TO regress_mallory, regress_alice, regress_bob;
GRANT USAGE ON SCHEMA den, home TO PUBLIC;
CREATE TABLE home.trophy (who text);
SET search_path = den, public;

----------------------------------------------------------------------
-- What a function in a view may do while a superuser drains
----------------------------------------------------------------------

SET ROLE regress_mallory;
CREATE TABLE bait (id int PRIMARY KEY, g int);
INSERT INTO bait VALUES (1, 0);
CREATE TABLE later (id int);
CREATE FUNCTION take_trophy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO home.trophy VALUES ('deferred trigger as ' || current_user);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION take_trophy();
CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'done as ' || current_user;
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate || ' ' || sqlerrm;
END $$;
CREATE FUNCTION attack(int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT '{}'::jsonb $$;
CREATE VIEW v_bait AS SELECT id, attack(g) AS doc FROM bait;
SELECT tviews_create('v_bait', key => '{id}');
CREATE OR REPLACE FUNCTION attack(int) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $f$
DECLARE
    result  jsonb := '{}';
    command text;
BEGIN
    FOREACH command IN ARRAY ARRAY[
        'CREATE ROLE regress_super SUPERUSER', 'ALTER ROLE regress_mallory SUPERUSER', 'GRANT pg_monitor TO regress_mallory',
        'SET ROLE regress_alice', 'SET ROLE NONE', 'RESET ROLE', 'SET LOCAL ROLE NONE',
        'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION',
        $$SELECT set_config('role', 'none', false)$$, 'DISCARD ALL',
        $$COPY den.bait TO PROGRAM 'true'$$, $$COPY den.bait FROM '/dev/null'$$, $$SELECT pg_read_file('PG_VERSION')$$,
        'INSERT INTO home.trophy VALUES (current_user)', 'INSERT INTO den.later VALUES (1)',
        'CREATE TEMP TABLE trap (a int)', 'CREATE TEMP VIEW trap AS SELECT 1',
        'LISTEN den', 'UNLISTEN *', 'PREPARE trap AS SELECT 1', 'DEALLOCATE ALL',
        'DECLARE trap CURSOR WITH HOLD FOR SELECT 1', 'CLOSE ALL', 'COMMIT', 'ROLLBACK', 'SAVEPOINT trap',
        'CREATE EVENT TRIGGER trap ON ddl_command_end EXECUTE FUNCTION den.trap()', 'LOAD ''plpgsql''',
        'SET session_replication_role = replica', 'SET tviews_batch.guard = off', 'SET tviews_batch.capture = off',
        'UPDATE den.tv_bait SET doc = NULL', 'DELETE FROM den.tv_bait', 'ALTER TABLE den.tv_bait DISABLE TRIGGER ALL',
        'DROP TABLE den.tv_bait', 'SELECT public.tviews_drop(''den.tv_bait'')',
        'DELETE FROM tviews_batch.queue', 'TRUNCATE tviews_batch.queue', 'UPDATE tviews_batch.tview SET paused = true',
        'LOCK TABLE tviews_batch.drain_lock',
        'SELECT public.tviews_drain()', 'SELECT public.tviews_refresh(''den.tv_bait'')', 'SELECT public.tviews_retry()',
        'SELECT public.tviews_set_queue(true)', 'CALL public.tviews_reconcile()', 'CALL public.tviews_drain_loop()',
        'SELECT * FROM public.tviews_drains', 'SELECT * FROM public.tviews_queue_depth']
    LOOP
        result := result || jsonb_build_object(command, den.try(command));
    END LOOP;
    RETURN result || jsonb_build_object('user', current_user, 'path', current_setting('search_path'));
END $f$;
RESET ROLE;
UPDATE bait SET g = 1;
SELECT changes, updated, failed FROM tviews_drain();
SELECT key, regexp_replace(value, '^42501 (must (be|have) |permission denied to (alter|create|grant) role|permission denied to COPY).*', '42501') AS value FROM tv_bait, jsonb_each_text(doc) ORDER BY key COLLATE "C";
-- what it does set is gone afterwards, and what it writes is captured
SET ROLE regress_mallory;
CREATE TABLE side (id int PRIMARY KEY, n int);
INSERT INTO side VALUES (1, 0);
CREATE VIEW v_side AS SELECT id, n FROM side;
SELECT tviews_create('v_side', key => '{id}');
CREATE OR REPLACE FUNCTION attack(int) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $f$
BEGIN
    PERFORM set_config(name, value, false)
       FROM (VALUES ('search_path', 'den'), ('row_security', 'off'), ('TimeZone', 'Asia/Tokyo'),
                    ('statement_timeout', '60000'), ('tviews_batch.batch_keys', '500')) AS s (name, value);
    RETURN jsonb_build_object('notify', den.try('NOTIFY den'), 'update', den.try('UPDATE den.side SET n = n + 1'));
END $f$;
RESET ROLE;
UPDATE bait SET g = 2;
SELECT changes, updated, failed FROM tviews_drain();
SELECT doc FROM tv_bait;
SELECT changes, updated, failed FROM tviews_drain();
SELECT * FROM tviews_verify('tv_side');
SELECT tviews_drop('tv_side');
DROP TABLE side CASCADE;
SELECT current_user = session_user AS same_user, name, setting FROM pg_settings
 WHERE name IN ('search_path', 'row_security', 'statement_timeout', 'tviews_batch.batch_keys') ORDER BY name;
SELECT count(*) FROM pg_prepared_statements WHERE name = 'trap';
SELECT count(*) FROM pg_cursors WHERE name = 'trap';
TABLE home.trophy;
SELECT tviews_drop('tv_bait');
DROP TABLE bait CASCADE;

----------------------------------------------------------------------
-- A function that does what no function may stops nobody else
----------------------------------------------------------------------

SET ROLE regress_mallory;
CREATE TABLE bait (id int PRIMARY KEY, state text);
INSERT INTO bait SELECT i, 'SELECT 1' FROM generate_series(1, 4) i;
CREATE FUNCTION run(command text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; RETURN 'done'; END $$;
CREATE PROCEDURE finish() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
CREATE FUNCTION claim(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN den.run($1); END $$;
CREATE VIEW v_bait AS SELECT id, claim(state) AS claim FROM bait;
CREATE VIEW v_good AS SELECT id, state FROM bait;
SELECT tviews_create('v_bait', key => '{id}'), tviews_create('v_good', key => '{id}');
RESET ROLE;
UPDATE bait SET state = (ARRAY['VACUUM den.bait', 'CALL den.finish()', 'LOAD ''$libdir/plugins/nothere''',
                               'SET TRANSACTION READ ONLY'])[id];
INSERT INTO bait VALUES (5, 'SELECT set_config(''transaction_read_only'', ''on'', false)'), (6, 'SELECT 1');
SELECT inserted, failed FROM tviews_drain();
SELECT tview, key, sqlstate FROM tviews_failures ORDER BY key;
TABLE tv_bait ORDER BY id;
SELECT count(*) FROM (TABLE v_good EXCEPT ALL TABLE tv_good) AS x;
UPDATE bait SET state = 'SELECT pg_terminate_backend(pg_backend_pid())' WHERE id = 6;
SELECT count(*) FROM tviews_drain();
SELECT tview, state, regexp_replace(reason, ': [^:]* terminate .*', ': may not terminate') AS reason FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT tviews_drop('tv_bait'), tviews_drop('tv_good');
DROP TABLE bait CASCADE;

----------------------------------------------------------------------
-- Whatever of the owner's runs, runs as the owner, whichever call makes it
----------------------------------------------------------------------

SET ROLE regress_mallory;
CREATE FUNCTION probe(what text, x int) RETURNS int LANGUAGE plpgsql IMMUTABLE COST 1 AS $$
BEGIN
    IF current_user <> 'regress_mallory' THEN
        RAISE WARNING '% ran as %', what, current_user;
    END IF;
    RETURN x;
END $$;
CREATE FUNCTION probe_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM den.probe(TG_NAME, 1);
    RETURN CASE WHEN TG_LEVEL = 'STATEMENT' THEN NULL WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE DOMAIN probed AS int CHECK (probe('domain', coalesce(VALUE, 1)) IS NOT NULL);
CREATE TABLE bait (id int PRIMARY KEY, g int);
INSERT INTO bait SELECT i, i FROM generate_series(1, 3) i;
CREATE VIEW v_bait AS
    SELECT id, probe('constant', 1) AS c, probe('column', g) AS g, 10 / g AS q, g::probed AS d
      FROM bait WHERE probe('where', 1) = 1;
RESET ROLE;
SELECT tviews_create('v_bait', key => '{id}');
SET ROLE regress_mallory;
CREATE INDEX ON tv_bait (probe('index', g));
ALTER TABLE tv_bait ADD CHECK (probe('check', g) IS NOT NULL);
ALTER TABLE tv_bait ADD COLUMN generated int GENERATED ALWAYS AS (probe('generated', g)) STORED;
ALTER TABLE tv_bait ADD COLUMN own int DEFAULT probe('default', 1);
CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON tv_bait FOR EACH ROW EXECUTE FUNCTION probe_trigger();
CREATE TRIGGER b AFTER INSERT OR UPDATE OR DELETE ON tv_bait FOR EACH ROW EXECUTE FUNCTION probe_trigger();
CREATE TRIGGER c BEFORE INSERT OR UPDATE OR DELETE ON tv_bait FOR EACH STATEMENT EXECUTE FUNCTION probe_trigger();
CREATE TRIGGER d AFTER INSERT OR UPDATE OR DELETE ON tv_bait FOR EACH STATEMENT EXECUTE FUNCTION probe_trigger();
CREATE CONSTRAINT TRIGGER e AFTER INSERT OR UPDATE OR DELETE ON tv_bait DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION probe_trigger();
CREATE VIEW v_next AS SELECT g, count(*) AS n, probe('next', g) AS p FROM tv_bait GROUP BY g;
RESET ROLE;
SELECT tviews_create('v_next', key => '{g}'), tviews_create('v_next', key => '{g}', tview => 'tv_empty', populate => false);
UPDATE bait SET g = g + 1;
INSERT INTO bait VALUES (9, 9);
DELETE FROM bait WHERE id = 1;
SELECT changes, inserted, updated, deleted, failed FROM tviews_drain();
UPDATE bait SET g = 0 WHERE id = 2;
SELECT failed FROM tviews_drain();
SELECT tview, key, sqlstate FROM tviews_failures;
UPDATE bait SET g = 5 WHERE id = 2;
SELECT * FROM tviews_verify('tv_bait');
SELECT * FROM tviews_refresh('tv_bait');
CALL tviews_reconcile('tv_bait');
ALTER TABLE bait ADD COLUMN more int;
ALTER TABLE bait RENAME g TO h;
ALTER VIEW v_bait RENAME TO v_bait2;
CREATE OR REPLACE VIEW v_bait2 AS
    SELECT id, probe('constant', 1) AS c, probe('column', h) AS g, 10 / h AS q, h::probed AS d, probe('added', 1) AS added
      FROM bait WHERE probe('where', 2) = 2;
SELECT tviews_pause('tv_bait'), tviews_resume('tv_bait');
SELECT count(*) > 0 AS drained FROM tviews_drain();
SELECT count(*) > 0 AS drained FROM tviews_drain();
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM tviews_explain('tv_bait');
-- the probe does speak
SET ROLE regress_alice;
SELECT probe('call', 1);
RESET ROLE;
DROP VIEW v_next;
SELECT tviews_drop('tv_bait');
DROP TABLE bait, tv_next, tv_empty CASCADE;

----------------------------------------------------------------------
-- A view, or a TVIEW, that was given away
----------------------------------------------------------------------

CREATE TABLE data (id int PRIMARY KEY, g int);
INSERT INTO data SELECT i, i % 3 FROM generate_series(1, 6) i;
GRANT SELECT, TRIGGER ON data TO regress_mallory, regress_alice;
CREATE VIEW v_data AS SELECT id, g FROM data;
SELECT tviews_create('v_data', key => '{id}');
ALTER VIEW v_data OWNER TO regress_mallory;
SET ROLE regress_mallory;
CREATE OR REPLACE VIEW v_data AS SELECT id, probe('a view given away', g) AS g FROM data;
RESET ROLE;
UPDATE data SET g = g + 1;
SELECT updated, failed FROM tviews_drain();
SELECT state, reason = format('cannot be refreshed: view den.v_data belongs to role regress_mallory, TVIEW den.tv_data to role %I', current_user) AS told FROM tviews_status;
DO $$ BEGIN PERFORM tviews_verify('tv_data'); EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING 'verify refused'; END $$;
DO $$ BEGIN PERFORM tviews_refresh('tv_data'); EXCEPTION WHEN OTHERS THEN RAISE WARNING 'refresh refused: %', sqlstate; END $$;
-- also when no event trigger saw it
ALTER EVENT TRIGGER tviews_batch_follow_ddl DISABLE;
ALTER VIEW v_data OWNER TO CURRENT_USER;
UPDATE tviews_batch.tview SET broken = NULL;
ALTER VIEW v_data OWNER TO regress_mallory;
ALTER EVENT TRIGGER tviews_batch_follow_ddl ENABLE ALWAYS;
SELECT updated, failed FROM tviews_drain();
SELECT state, reason LIKE 'cannot be refreshed: view den.v_data belongs to%' AS told FROM tviews_status;
-- given to the same role it goes on
ALTER TABLE tv_data OWNER TO regress_mallory;
SELECT tviews_retry();
SELECT updated, failed FROM tviews_drain();
SELECT state, reason FROM tviews_status;
SET ROLE regress_mallory;
SELECT count(*) FROM (TABLE v_data EXCEPT ALL TABLE tv_data) AS x;
RESET ROLE;
SELECT tviews_drop('tv_data');
DROP VIEW v_data;

----------------------------------------------------------------------
-- An owner who may not read a source any more
----------------------------------------------------------------------

SET ROLE regress_alice;
CREATE VIEW v_alice AS SELECT id, g FROM data;
SELECT tviews_create('v_alice', key => '{id}');
CREATE VIEW v_sum AS SELECT g, count(*) AS n FROM tv_alice GROUP BY g;
SELECT tviews_create('v_sum', key => '{g}');
RESET ROLE;
CREATE VIEW v_data AS SELECT id, g FROM data;
SELECT tviews_create('v_data', key => '{id}');
REVOKE SELECT ON data FROM regress_alice;
UPDATE data SET g = 7 WHERE id = 1;
INSERT INTO data VALUES (10, 1);
SELECT inserted, updated, failed, remaining FROM tviews_drain();
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
GRANT SELECT ON data TO regress_alice;
SELECT tviews_retry();
SELECT inserted > 0 AS inserted, failed FROM tviews_drain();
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM (TABLE v_alice EXCEPT ALL TABLE tv_alice) AS x;
SELECT count(*) FROM (TABLE v_sum EXCEPT ALL TABLE tv_sum) AS x;

----------------------------------------------------------------------
-- Row security
----------------------------------------------------------------------

-- on a source, afterwards: without refresh_every the TVIEW says so, with it the owner's rows count
ALTER TABLE data ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON data TO regress_alice USING (id < 5);
UPDATE data SET g = 8 WHERE id = 2;
SELECT count(*) FROM tviews_drain();
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
ALTER TABLE data DISABLE ROW LEVEL SECURITY;
SELECT count(*) FROM tviews_drain();
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM (TABLE v_alice EXCEPT ALL TABLE tv_alice) AS x;
-- also through views of others, with security_barrier and security_invoker
CREATE VIEW plain AS SELECT id, g FROM data;
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, g FROM data WHERE g < 100;
CREATE VIEW invoker WITH (security_invoker) AS SELECT id, g FROM data;
GRANT SELECT ON plain, barrier, invoker TO regress_alice;
SET ROLE regress_alice;
CREATE VIEW v_nested WITH (security_invoker, security_barrier) AS
    SELECT p.id, b.g, i.g AS h FROM plain p JOIN barrier b USING (id) JOIN invoker i USING (id);
SELECT tviews_create('v_nested', key => '{id}');
RESET ROLE;
UPDATE data SET g = g + 1 WHERE id < 4;
SELECT failed FROM tviews_drain();
SELECT * FROM tviews_verify('tv_nested');
ALTER TABLE data ENABLE ROW LEVEL SECURITY;
SELECT state, reason FROM tviews_status WHERE tview = 'tv_nested'::regclass;
ALTER TABLE data DISABLE ROW LEVEL SECURITY;
SELECT tviews_drop('tv_nested');
SELECT count(*) FROM tviews_drain();

-- on the TVIEW: readers see what its policies allow, drains see all
SET ROLE regress_alice;
ALTER TABLE tv_alice ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON tv_alice FOR SELECT TO regress_reader USING (id < 3);
GRANT SELECT ON tv_alice TO regress_reader;
RESET ROLE;
UPDATE data SET g = g + 1;
SELECT failed FROM tviews_drain();
SELECT * FROM tviews_verify('tv_alice');
SET ROLE regress_reader;
SELECT * FROM tv_alice ORDER BY id;
RESET ROLE;
-- FORCE would hide rows from the owner who refreshes them
ALTER TABLE tv_alice FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tv_alice TO regress_alice USING (id <> 1) WITH CHECK (true);
DELETE FROM data WHERE id = 1;
SELECT count(*) FROM tviews_drain();
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT * FROM tviews_verify('tv_alice');
ALTER TABLE tv_alice NO FORCE ROW LEVEL SECURITY;
SELECT tviews_retry();
SELECT count(*) FROM tviews_drain();
SELECT count(*) FROM tviews_drain();
SELECT tview, state, reason FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT count(*) FROM (TABLE tv_alice EXCEPT ALL TABLE v_alice) AS x;
-- the same where the policies of a source are switched on during refreshes
ALTER TABLE data ENABLE ROW LEVEL SECURITY;
SET ROLE regress_alice;
CREATE VIEW v_every AS SELECT id, g FROM data;
SELECT tviews_create('v_every', key => '{id}', refresh_every => '0');
ALTER TABLE tv_every ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tv_every USING (id <> 2) WITH CHECK (true);
RESET ROLE;
SELECT count(*) AS visible FROM tv_every;
DELETE FROM data WHERE id = 2;
SELECT count(*) FROM tviews_drain();
SELECT state, reason FROM tviews_status WHERE tview = 'tv_every'::regclass;
SELECT * FROM tviews_verify('tv_every');
SELECT tviews_drop('tv_every');
SELECT tviews_drop('tv_sum');
DROP VIEW v_every, v_sum;
SELECT tviews_drop('tv_alice');
DROP VIEW v_alice;
ALTER TABLE data DISABLE ROW LEVEL SECURITY;

----------------------------------------------------------------------
-- What the owner can put on a TVIEW to make it differ
----------------------------------------------------------------------

SELECT count(*) FROM tviews_drain();
CREATE RULE nothing AS ON INSERT TO tv_data DO INSTEAD NOTHING;
INSERT INTO data VALUES (20, 1);
SELECT inserted, failed FROM tviews_drain();
SELECT state, reason FROM tviews_status;
DROP RULE nothing ON tv_data;
CREATE RULE also AS ON INSERT TO tv_data DO ALSO INSERT INTO home.trophy VALUES (NEW.id::text);
SELECT * FROM tviews_refresh('tv_data');
SELECT count(*) FROM (TABLE v_data EXCEPT ALL TABLE tv_data) AS x;
DROP RULE also ON tv_data;
TRUNCATE home.trophy;
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE coalesce(NEW.id, OLD.id)
        WHEN 3 THEN RETURN NULL;
        WHEN 4 THEN NEW.g := 100;
        ELSE NULL;
    END CASE;
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER meddle BEFORE INSERT OR UPDATE OR DELETE ON tv_data FOR EACH ROW EXECUTE FUNCTION meddle();
UPDATE data SET g = g + 1;
SELECT updated, failed FROM tviews_drain();
SELECT key, sqlstate, message FROM tviews_failures ORDER BY key;
SELECT * FROM tviews_verify('tv_data');
SELECT * FROM tviews_refresh('tv_data');
SELECT key, sqlstate FROM tviews_failures ORDER BY key;
DELETE FROM data WHERE id = 3;
SELECT deleted, failed FROM tviews_drain();
DROP TRIGGER meddle ON tv_data;
SELECT * FROM tviews_refresh('tv_data');
SELECT state, reason FROM tviews_status;
-- a column of one's own may be set by a trigger
ALTER TABLE tv_data ADD COLUMN note text;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'g is ' || NEW.g; RETURN NEW; END $$;
CREATE TRIGGER note BEFORE INSERT OR UPDATE ON tv_data FOR EACH ROW EXECUTE FUNCTION note();
UPDATE data SET g = 9 WHERE id = 4;
SELECT updated, failed FROM tviews_drain();
SELECT * FROM tv_data WHERE id = 4;
DROP TRIGGER note ON tv_data;
ALTER TABLE tv_data DROP COLUMN note;

-- the guard
INSERT INTO tv_data VALUES (99, 1);
UPDATE tv_data SET g = 1;
DELETE FROM tv_data;
TRUNCATE tv_data;
COPY tv_data FROM STDIN;
\.
MERGE INTO tv_data t USING data d ON d.id = t.id WHEN MATCHED THEN DELETE;
WITH x AS (DELETE FROM tv_data RETURNING *) SELECT * FROM x;
CREATE VIEW over AS SELECT * FROM tv_data;
UPDATE over SET g = 1;
CREATE RULE onto AS ON INSERT TO home.trophy DO ALSO DELETE FROM den.tv_data;
INSERT INTO home.trophy VALUES ('x');
DROP RULE onto ON home.trophy;
DROP VIEW over;
\set VERBOSITY default
UPDATE tv_data SET g = 1;
\set VERBOSITY terse
-- foreign keys from a TVIEW
CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, 100);
ALTER TABLE tv_data ADD CONSTRAINT to_parent FOREIGN KEY (id) REFERENCES parent ON DELETE CASCADE;
SELECT state, reason FROM tviews_status;
DELETE FROM parent WHERE id = 4;
TRUNCATE parent CASCADE;
ALTER TABLE tv_data DROP CONSTRAINT to_parent, ADD CONSTRAINT to_parent FOREIGN KEY (id) REFERENCES parent;
SELECT state, reason FROM tviews_status;
DELETE FROM parent WHERE id = 4;
DELETE FROM parent WHERE id = 77;
ALTER TABLE tv_data DROP CONSTRAINT to_parent;
-- a child's rows show in the TVIEW; a parent is a way past the guard
CREATE TABLE child () INHERITS (tv_data);
INSERT INTO child VALUES (500, 1);
SELECT state, reason FROM tviews_status;
DROP TABLE child;
SELECT state, reason FROM tviews_status;
CREATE TABLE over (id int, g int);
ALTER TABLE tv_data INHERIT over;
SELECT state, reason FROM tviews_status;
SELECT count(*) FROM tviews_drain();
UPDATE over SET g = -1 WHERE id = 4;
ALTER TABLE tv_data NO INHERIT over;
SELECT state, reason FROM tviews_status;
SELECT updated FROM tviews_drain();
SELECT state, reason FROM tviews_status;
CREATE TABLE whole (id int NOT NULL, g int) PARTITION BY RANGE (id);
ALTER TABLE whole ATTACH PARTITION tv_data DEFAULT;
SELECT state, reason FROM tviews_status;
SELECT count(*) FROM tviews_drain();
INSERT INTO whole VALUES (88, 8);
ALTER TABLE whole DETACH PARTITION tv_data;
SELECT state, reason FROM tviews_status;
SELECT deleted FROM tviews_drain();
SELECT state, reason FROM tviews_status;
SELECT count(*) FROM (TABLE tv_data EXCEPT ALL TABLE v_data) AS x;

----------------------------------------------------------------------
-- Names of writers and drainers
----------------------------------------------------------------------

-- nothing that a writer can name is looked up by capture, nothing a drainer can name by a drain
GRANT SELECT, INSERT, UPDATE, DELETE ON data TO regress_writer;
CREATE SCHEMA trap AUTHORIZATION regress_writer;
GRANT TEMPORARY ON DATABASE :"DBNAME" TO regress_writer;
CREATE PROCEDURE lay_traps() LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{queue,tview,source,route,drain_lock,data,v_data,tv_data,tviews_changed,tviews_keys,tviews_deletes,tviews_updates,tviews_inserts}'::text[]
    LOOP
        EXECUTE format('CREATE TABLE trap.%I (id int, g int)', name);
        EXECUTE format('CREATE TEMP TABLE %I (id int, g int)', name);
    END LOOP;
    CREATE DOMAIN trap.int4 AS text;
    CREATE DOMAIN trap.oid AS text;
    CREATE FUNCTION trap.spring(int, int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''trap sprung as %'', current_user; RETURN false; END';
    CREATE OPERATOR trap.= (LEFTARG = int, RIGHTARG = int, FUNCTION = trap.spring);
    CREATE FUNCTION trap.count() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''trap sprung as %'', current_user; RETURN 0; END';
    CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''trap sprung as %'', current_user; RETURN NULL; END';
    CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''trap sprung as %'', current_user; RETURN NULL; END';
END $$;
GRANT EXECUTE ON PROCEDURE lay_traps TO regress_writer;
SET ROLE regress_writer;
CALL lay_traps();
SET search_path = trap, pg_temp, pg_catalog;
UPDATE den.data SET g = den.data.g + 1 WHERE id OPERATOR(pg_catalog.<) 6;
INSERT INTO den.data VALUES (30, 3);
SELECT now() IS NULL AND 1 = 1 AS trapped;
RESET ROLE;
-- the drainer has the same path, and the temporary tables
SELECT changes, inserted, updated, failed FROM public.tviews_drain();
SELECT * FROM public.tviews_verify('den.tv_data');
SELECT * FROM public.tviews_refresh('den.tv_data');
CALL public.tviews_reconcile('den.tv_data');
SELECT state, pending_changes FROM public.tviews_status;
SELECT pg_catalog.count(*) FROM public.tviews_explain('den.tv_data');
ALTER TABLE den.data ADD COLUMN more int;
CREATE OR REPLACE VIEW den.v_data AS SELECT id, g, more FROM den.data;
SELECT failed FROM public.tviews_drain();
SELECT state FROM public.tviews_status;
SELECT public.tviews_create('den.v_data', tview => 'tv_copy', key => '{id}');
INSERT INTO den.data VALUES (31, 3);
SELECT inserted FROM public.tviews_drain();
SELECT pg_catalog.count(*) FROM (TABLE den.v_data EXCEPT ALL TABLE den.tv_copy) AS x;
SELECT public.tviews_drop('den.tv_copy');
SET search_path = den, public;
DISCARD TEMP;
-- sources that are called like the relations in generated queries
CREATE TABLE tviews_changed (id int PRIMARY KEY, n int);
CREATE TABLE tviews_keys (id int PRIMARY KEY, fk int REFERENCES tviews_changed);
INSERT INTO tviews_changed SELECT i, i FROM generate_series(1, 3) i;
INSERT INTO tviews_keys SELECT i, i % 3 + 1 FROM generate_series(1, 9) i;
CREATE VIEW v_s AS SELECT s.id, n.n, count(*) OVER (PARTITION BY s.id) AS o FROM tviews_keys s JOIN tviews_changed n ON n.id = s.fk;
SELECT tviews_create('v_s', key => '{id}');
UPDATE tviews_changed SET n = n + 10 WHERE id = 1;
SELECT changes, keys, updated FROM tviews_drain();
SELECT count(*) FROM (TABLE v_s EXCEPT ALL TABLE tv_s) AS x;
SELECT tviews_drop('tv_s');

-- Operators that SQL text cannot name: parsed again under another path, they compare otherwise.
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
CREATE TABLE acct (owner citext PRIMARY KEY, bal int);
CREATE TABLE entry (id int PRIMARY KEY, owner citext);
INSERT INTO acct VALUES ('abc', 1), ('def', 2), ('ghi', 3);
INSERT INTO entry VALUES (1, 'ABC'), (2, 'abc'), (3, 'Def'), (4, NULL);
CREATE VIEW v_c1 AS SELECT e.id, a.bal FROM entry e JOIN acct a ON NULLIF(a.owner, e.owner) IS NULL;
CREATE VIEW v_c2 AS SELECT e.id, a.bal FROM entry e JOIN acct a ON a.owner IS NOT DISTINCT FROM e.owner;
CREATE VIEW v_c3 AS SELECT e.id, a.bal FROM entry e JOIN acct a ON CASE a.owner WHEN e.owner THEN true ELSE false END;
CREATE VIEW v_c4 AS SELECT e.id, a.bal FROM entry e JOIN acct a USING (owner);
CREATE VIEW v_c5 AS SELECT e.id, a.bal FROM entry e JOIN acct a ON (a.owner, 1) = (e.owner, 1);
CREATE VIEW v_c6 AS SELECT e.id FROM entry e WHERE e.owner IN (SELECT a.owner FROM acct a WHERE a.bal > 1);
CREATE VIEW v_c7 AS SELECT e.id, a.bal FROM entry e JOIN acct a ON a.owner = ANY (ARRAY[e.owner]);
CREATE VIEW v_c8 AS SELECT e.id, a.bal FROM entry e LEFT JOIN acct a ON a.owner = e.owner AND a.owner <> 'DEF';
DO $$ BEGIN FOR i IN 1..8 LOOP PERFORM tviews_create(format('v_c%s', i)::regclass, key => '{id}'); END LOOP; END $$;
SET search_path = den, pg_catalog;
UPDATE acct SET bal = bal + 10, owner = upper(owner);
UPDATE entry SET owner = upper(owner) WHERE id = 2;
UPDATE entry SET owner = 'GhI' WHERE id = 4;
SELECT changes > 0 AS drained, failed FROM public.tviews_drain();
SET search_path = den, public;
DO $$
DECLARE
    n bigint;
BEGIN
    FOR i IN 1..8 LOOP
        EXECUTE format('SELECT count(*) FROM ((TABLE v_c%1$s EXCEPT ALL TABLE tv_c%1$s) UNION ALL (TABLE tv_c%1$s EXCEPT ALL TABLE v_c%1$s)) AS x', i) INTO n;
        IF n > 0 THEN RAISE WARNING 'v_c%: % rows differ', i, n; END IF;
        PERFORM tviews_drop(format('tv_c%s', i)::regclass);
    END LOOP;
END $$;
SELECT id, bal FROM v_c4 ORDER BY id;
DROP TABLE acct, entry CASCADE;
DROP EXTENSION citext;

-- names made to break quoting
CREATE ROLE "regress_o'b""ob; \ %s $$ $1";
CREATE SCHEMA "s'""; \ %I $$ é" AUTHORIZATION "regress_o'b""ob; \ %s $$ $1";
SET search_path = "s'""; \ %I $$ é", public;
SET ROLE "regress_o'b""ob; \ %s $$ $1";
SELECT repeat('ü', 31) AS long \gset
CREATE TABLE "t'""; -- \ %L $q$
x" ("k'""; \ %s $1" int PRIMARY KEY, "g'"" $$" text, "ORDER" int, :"long" int, "a.b" int);
CREATE TABLE "tv_" ("select" int PRIMARY KEY, "f'"" $$" int);
INSERT INTO "t'""; -- \ %L $q$
x" SELECT i, 'x''" $$', i % 3, i, i FROM generate_series(1, 5) i;
INSERT INTO "tv_" SELECT i, i % 5 + 1 FROM generate_series(1, 10) i;
CREATE VIEW "v_'""; -- \ %s $$" AS
    SELECT a."select" AS "k'""; \ %s $1", b."g'"" $$" AS "g'""", b.:"long", b."ORDER", b."a.b", 1 / (b."a.b" + 1) AS one
      FROM "tv_" a JOIN "t'""; -- \ %L $q$
x" b ON b."k'""; \ %s $1" = a."f'"" $$" AND b."g'"" $$" <> '\';
SELECT tviews_create('"v_''""; -- \ %s $$"', key => ARRAY['k''"; \ %s $1']);
CREATE VIEW "v_2'""" AS
    SELECT "ORDER" AS "ORD""'ER", count(*) AS "n'""", array_agg("g'""" ORDER BY "g'""") AS g FROM "tv_'""; -- \ %s $$" GROUP BY "ORDER";
SELECT tviews_create('"v_2''"""', key => ARRAY['ORD"''ER']);
SELECT tviews_create_as('"s''""; \ %I $$ é"."tv_3''"""', $v$ SELECT "select" AS "kk""'", ("f'"" $$" * 2)::text AS "x%s" FROM tv_ $v$, key => ARRAY['kk"''']);
SELECT tviews_create_as(quote_ident('tv_' || repeat('ü', 30)), $v$ SELECT "select" AS id FROM tv_ $v$, key => '{id}');
RESET ROLE;
-- the settings of whoever drains do not change how names and literals are read
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET quote_all_identifiers = on;
SET transform_null_equals = on;
UPDATE "t'""; -- \ %L $q$
x" SET "g'"" $$" = '"; DROP TABLE x; --' WHERE "k'""; \ %s $1" < 3;
UPDATE "tv_" SET "f'"" $$" = 1 WHERE "select" = 4;
INSERT INTO tv_ VALUES (99, 1);
DELETE FROM tv_ WHERE "select" = 1;
SELECT changes, inserted, updated, deleted, failed, levels FROM tviews_drain();
RESET standard_conforming_strings;
RESET escape_string_warning;
RESET quote_all_identifiers;
RESET transform_null_equals;
SELECT v.* FROM tviews_batch.tview t, tviews_verify(t.tview) v;
SELECT alias, route, lookup_sql FROM tviews_explain('"tv_''""; -- \ %s $$"');
SELECT length(tviews_graph()) > 0 AS graph;
UPDATE "t'""; -- \ %L $q$
x" SET "a.b" = -1 WHERE "k'""; \ %s $1" = 2;
SELECT failed FROM tviews_drain();
SELECT tview, key, message FROM tviews_failures ORDER BY key;
UPDATE "t'""; -- \ %L $q$
x" SET "a.b" = 1 WHERE "k'""; \ %s $1" = 2;
SELECT failed FROM tviews_drain();
ALTER TABLE "tv_" RENAME "f'"" $$" TO "f2'"" \";
ALTER TABLE "tv_" RENAME TO "tvv\'""";
ALTER SCHEMA "s'""; \ %I $$ é" RENAME TO "s2'""; \";
SET search_path = "s2'""; \", public;
UPDATE "tvv\'""" SET "f2'"" \" = 2 WHERE "select" = 5;
SELECT failed FROM tviews_drain();
CALL tviews_reconcile();
SELECT v.* FROM tviews_batch.tview t, tviews_verify(t.tview) v;
SELECT state, count(*) FROM tviews_status GROUP BY state;
SELECT tviews_drop('"tv_2''"""');
SET client_min_messages = error;
DROP OWNED BY "regress_o'b""ob; \ %s $$ $1" CASCADE;
DROP ROLE "regress_o'b""ob; \ %s $$ $1";
SET client_min_messages = warning;
SET search_path = den, public;

----------------------------------------------------------------------
-- Whoever may watch
----------------------------------------------------------------------

SELECT tviews_drop('tv_data');
SET ROLE regress_alice;
CREATE VIEW v_mine AS SELECT id, 1 / g AS g FROM data;
SELECT tviews_create('v_mine', key => '{id}', populate => false);
SET ROLE regress_mallory;
CREATE VIEW v_other AS SELECT id, g FROM data;
SELECT tviews_create('v_other', key => '{id}');
RESET ROLE;
UPDATE data SET g = 0 WHERE id = 5;
SELECT failed FROM tviews_drain();
UPDATE data SET g = 0 WHERE id = 6;
SET ROLE regress_alice;
SELECT tview, state, pending_changes FROM tviews_status;
SELECT tview, key FROM tviews_failures ORDER BY key;
SELECT source, route FROM tviews_explain('tv_mine');
SELECT source, route FROM tviews_explain('tv_other');
SELECT tviews_graph() LIKE '%tv_mine%' AS mine, tviews_graph() LIKE '%tv_other%' AS other;
SELECT * FROM tviews_drains;
SELECT * FROM tviews_queue_depth;
SELECT * FROM tviews_batch.visible;
SELECT tviews_batch.queue_depth();
SELECT tviews_batch.epoch();
SELECT tviews_batch.schedule('x', 'y', 'z');
SELECT tviews_pause('tv_other');
SELECT tviews_drop('tv_other');
SELECT tviews_refresh('tv_other');
SET ROLE regress_reader;
SELECT tview FROM tviews_status;
SELECT tview FROM tviews_failures;
SELECT tviews_graph();
-- a function in a condition is shown no rows but the caller's own
CREATE FUNCTION pg_temp.spy(regclass) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE WARNING ''saw %'', $1; RETURN true; END';
SELECT tview FROM tviews_status WHERE pg_temp.spy(tview);
SELECT tview FROM tviews_failures WHERE pg_temp.spy(tview);
RESET ROLE;
GRANT pg_monitor TO regress_reader;
SET ROLE regress_reader;
SELECT tview FROM tviews_status ORDER BY tview::text COLLATE "C";
SELECT source, route FROM tviews_explain('tv_other');
RESET ROLE;

-- nothing of the extension's own is writable by those who have no more than PUBLIC and pg_monitor
SELECT c.oid::regclass FROM pg_class c
 WHERE c.relnamespace = 'tviews_batch'::regnamespace AND c.relkind IN ('r', 'v', 'S')
   AND has_table_privilege('regress_reader', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER');
SELECT p.oid::regprocedure FROM pg_proc p
 WHERE p.proname ~ '^tviews_(drain|retry|set_queue)' AND has_function_privilege('regress_reader', p.oid, 'EXECUTE');
SELECT has_schema_privilege('regress_writer', 'tviews_batch', 'USAGE') AS usage,
       has_schema_privilege('regress_reader', 'tviews_batch', 'CREATE') AS create;
-- functions that run as the extension's owner have a fixed path
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_tviews_batch'
 WHERE (p.prosecdef OR p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c'))
   AND coalesce(p.proconfig::text, '') NOT LIKE '%search_path=pg_catalog, pg_temp%';

TABLE home.trophy;
SET client_min_messages = error;
DROP SCHEMA den, home, trap CASCADE;
DROP OWNED BY regress_mallory, regress_alice, regress_bob, regress_writer, regress_reader;
DROP ROLE regress_mallory, regress_alice, regress_bob, regress_writer, regress_reader;
SELECT count(*) FROM tviews_batch.tview;
