-- pg_tviews_batch 0.2.0
-- Sections: schema, tables, functions, views, event triggers, privileges.

\echo Use "CREATE EXTENSION pg_tviews_batch" to load this file. \quit

----------------------------------------------------------------------
-- Schema
----------------------------------------------------------------------

CREATE SCHEMA tviews_batch;
COMMENT ON SCHEMA tviews_batch IS 'tables of pg_tviews_batch; read the tviews_ views and functions instead';

----------------------------------------------------------------------
-- Tables
--
-- None has a foreign key: pg_restore -j loads them in any order.
----------------------------------------------------------------------

-- a default of tviews_batch.tview
CREATE FUNCTION tviews_batch.epoch() RETURNS uuid
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'tvb_epoch';
COMMENT ON FUNCTION tviews_batch.epoch() IS 'the epoch that the queue belongs to; NULL: the queue was lost, or cannot be read on a standby';

CREATE TABLE tviews_batch.tview (
    tview         regclass PRIMARY KEY,
    view          regclass NOT NULL,
    key           name[] NOT NULL,
    refresh_key   name[] NOT NULL,
    level         integer NOT NULL,
    key_nullable  boolean NOT NULL,
    settings      text[] NOT NULL,
    row_security  boolean NOT NULL DEFAULT false,
    refresh_every interval,
    notes         text[] NOT NULL DEFAULT '{}',
    paused        boolean NOT NULL DEFAULT false,
    stale_reason  text,
    epoch         uuid DEFAULT tviews_batch.epoch(),
    awaits_prepared boolean NOT NULL DEFAULT false,
    broken        text,
    definition    text,
    routes        text,
    keyed         text[] NOT NULL DEFAULT '{}',
    created       timestamptz NOT NULL DEFAULT now(),
    last_refresh  timestamptz,
    last_full     timestamptz,
    last_error    text,
    attempts      integer NOT NULL DEFAULT 0,
    next_try      timestamptz,
    compare_xid   xid,
    compare_started timestamptz,
    compare_rows  bigint,
    compare_total bigint,
    compare_step  bigint,
    compare_pending boolean,
    compare_place bytea
);
COMMENT ON TABLE tviews_batch.tview IS 'one row per TVIEW';
COMMENT ON COLUMN tviews_batch.tview.tview IS 'the table that holds the rows of the view';
COMMENT ON COLUMN tviews_batch.tview.view IS 'the definition';
COMMENT ON COLUMN tviews_batch.tview.key IS 'columns that identify a row';
COMMENT ON COLUMN tviews_batch.tview.refresh_key IS 'the part of the key that changes can be traced to; empty: only whole comparisons are possible';
COMMENT ON COLUMN tviews_batch.tview.level IS '0: reads only tables; else 1 + the highest level among the TVIEWs it reads';
COMMENT ON COLUMN tviews_batch.tview.key_nullable IS 'a key column may be NULL: the table has a NULLS NOT DISTINCT unique index instead of a primary key';
COMMENT ON COLUMN tviews_batch.tview.settings IS 'rendering settings of the creating session, name=value, pinned during refreshes';
COMMENT ON COLUMN tviews_batch.tview.row_security IS 'row security applies to a source for the owner; needs refresh_every';
COMMENT ON COLUMN tviews_batch.tview.refresh_every IS 'compare the whole TVIEW at the first drain after this much time';
COMMENT ON COLUMN tviews_batch.tview.notes IS 'what the analysis noticed, such as results that depend on an order that is not total';
COMMENT ON COLUMN tviews_batch.tview.paused IS 'drains leave it alone';
COMMENT ON COLUMN tviews_batch.tview.stale_reason IS 'why it may differ from its view; NULL: it does not';
COMMENT ON COLUMN tviews_batch.tview.epoch IS 'the epoch of the queue that has all its changes; another than the queue''s: it must be compared';
COMMENT ON COLUMN tviews_batch.tview.awaits_prepared IS 'it was compared after the queue was lost, and will be again when the transactions in tviews_batch.prepared are gone';
COMMENT ON COLUMN tviews_batch.tview.broken IS 'why it cannot be refreshed at all: its view was changed in a way that could not be followed; drains leave it alone';
COMMENT ON COLUMN tviews_batch.tview.definition IS 'fingerprint of the view''s query, to notice that it means something else';
COMMENT ON COLUMN tviews_batch.tview.routes IS 'fingerprint of the routes derived from it';
COMMENT ON COLUMN tviews_batch.tview.keyed IS 'texts of the view''s query with the keys carried into its subqueries: one per pattern of NULLs in refresh_key; empty: the view itself is as good';
COMMENT ON COLUMN tviews_batch.tview.created IS 'when tviews_create made it';
COMMENT ON COLUMN tviews_batch.tview.last_refresh IS 'last time a drain or a comparison looked at it';
COMMENT ON COLUMN tviews_batch.tview.last_full IS 'last time it was compared whole';
COMMENT ON COLUMN tviews_batch.tview.last_error IS 'message of its last lookup or comparison that failed; NULL: the last comparison did not';
COMMENT ON COLUMN tviews_batch.tview.attempts IS 'how often that has happened since a comparison succeeded';
COMMENT ON COLUMN tviews_batch.tview.next_try IS 'after such a failure: not to be compared before';
COMMENT ON COLUMN tviews_batch.tview.compare_xid IS 'a comparison in ranges goes on if this is the xmin of the row; else it starts over';
COMMENT ON COLUMN tviews_batch.tview.compare_started IS 'when its first range was compared';
COMMENT ON COLUMN tviews_batch.tview.compare_rows IS 'rows it has looked at';
COMMENT ON COLUMN tviews_batch.tview.compare_total IS 'rows there are in all, as the planner estimated them';
COMMENT ON COLUMN tviews_batch.tview.compare_step IS 'rows in a range';
COMMENT ON COLUMN tviews_batch.tview.compare_pending IS 'part of it was compared while transactions in tviews_batch.prepared had not ended';
COMMENT ON COLUMN tviews_batch.tview.compare_place IS 'the key at which it goes on, packed';

CREATE TABLE tviews_batch.failure (
    tview        regclass NOT NULL,
    packed       bytea NOT NULL,
    key          jsonb NOT NULL,
    sqlstate     text NOT NULL,
    message      text NOT NULL,
    attempts     integer NOT NULL,
    first_failed timestamptz NOT NULL,
    last_try     timestamptz NOT NULL,
    next_try     timestamptz NOT NULL,
    digest       bytea NOT NULL,
    PRIMARY KEY (tview, digest)
);
COMMENT ON TABLE tviews_batch.failure IS 'keys whose refresh failed; see tviews_failures';
COMMENT ON COLUMN tviews_batch.failure.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_batch.failure.packed IS 'the key, packed in binary form as its refresh_key';
COMMENT ON COLUMN tviews_batch.failure.key IS 'the key, to be read: column and value';
COMMENT ON COLUMN tviews_batch.failure.sqlstate IS 'SQLSTATE of the last error';
COMMENT ON COLUMN tviews_batch.failure.message IS 'its message';
COMMENT ON COLUMN tviews_batch.failure.attempts IS 'how often it was tried';
COMMENT ON COLUMN tviews_batch.failure.first_failed IS 'first time';
COMMENT ON COLUMN tviews_batch.failure.last_try IS 'last time';
COMMENT ON COLUMN tviews_batch.failure.next_try IS 'the first drain after this tries it again';
COMMENT ON COLUMN tviews_batch.failure.digest IS 'digest of packed, which may be too long for an index';

CREATE INDEX failure_next_try ON tviews_batch.failure (tview, next_try);

CREATE TABLE tviews_batch.postponed (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tview    regclass NOT NULL,
    source   oid NOT NULL,
    version  integer NOT NULL,
    link     bytea,
    message  text NOT NULL,
    attempts integer NOT NULL,
    next_try timestamptz NOT NULL,
    since    timestamptz NOT NULL
);
COMMENT ON TABLE tviews_batch.postponed IS 'changes that one TVIEW could not take yet: a lookup failed, or it was locked';
COMMENT ON COLUMN tviews_batch.postponed.id IS 'number';
COMMENT ON COLUMN tviews_batch.postponed.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_batch.postponed.source IS 'the changed table';
COMMENT ON COLUMN tviews_batch.postponed.version IS 'version of the shape the link values are packed with';
COMMENT ON COLUMN tviews_batch.postponed.link IS 'packed link values; NULL: any row of the table may have changed';
COMMENT ON COLUMN tviews_batch.postponed.message IS 'why it waits';
COMMENT ON COLUMN tviews_batch.postponed.attempts IS 'lookups that failed';
COMMENT ON COLUMN tviews_batch.postponed.next_try IS 'the first drain after this tries it again';
COMMENT ON COLUMN tviews_batch.postponed.since IS 'when a drain first put it off';
COMMENT ON SEQUENCE tviews_batch.postponed_id_seq IS 'numbers of postponed changes';

CREATE INDEX postponed_tview ON tviews_batch.postponed (tview, next_try);

CREATE TABLE tviews_batch.source (
    source       regclass PRIMARY KEY,
    version      integer NOT NULL,
    link_columns name[] NOT NULL,
    read_columns name[]
);
COMMENT ON TABLE tviews_batch.source IS 'one row per table that TVIEWs read: what capture logs of it';
COMMENT ON COLUMN tviews_batch.source.source IS 'the table; also a TVIEW''s table when another TVIEW reads it';
COMMENT ON COLUMN tviews_batch.source.version IS 'version of the shape that entries are now written with';
COMMENT ON COLUMN tviews_batch.source.link_columns IS 'columns logged for each changed row, in packing order';
COMMENT ON COLUMN tviews_batch.source.read_columns IS 'columns any TVIEW reads; NULL: all, also ones added later';

CREATE TABLE tviews_batch.shape (
    source       regclass NOT NULL,
    version      integer NOT NULL,
    link_columns name[] NOT NULL,
    types        regtype[] NOT NULL,
    PRIMARY KEY (source, version)
);
COMMENT ON TABLE tviews_batch.shape IS 'the shapes that queue entries of a source have been packed with';
COMMENT ON COLUMN tviews_batch.shape.source IS 'the table';
COMMENT ON COLUMN tviews_batch.shape.version IS 'the version written in the queue entry';
COMMENT ON COLUMN tviews_batch.shape.link_columns IS 'columns in packing order';
COMMENT ON COLUMN tviews_batch.shape.types IS 'their types';

CREATE TABLE tviews_batch.captured (
    source   regclass NOT NULL,
    relation regclass NOT NULL,
    PRIMARY KEY (source, relation)
);
COMMENT ON TABLE tviews_batch.captured IS 'the relations that carry capture triggers on behalf of a source: itself, its descendants, its ancestors';
COMMENT ON COLUMN tviews_batch.captured.source IS 'the table a TVIEW reads';
COMMENT ON COLUMN tviews_batch.captured.relation IS 'the table that carries the triggers';

CREATE INDEX captured_relation ON tviews_batch.captured (relation);

CREATE TABLE tviews_batch.route (
    tview         regclass NOT NULL,
    occurrence    integer NOT NULL,
    source        regclass NOT NULL,
    alias         text NOT NULL,
    route         text NOT NULL CHECK (route IN ('direct', 'lookup', 'full')),
    link_columns  name[] NOT NULL,
    read_columns  name[],
    since_version integer NOT NULL,
    reason        text,
    nested        regclass,
    PRIMARY KEY (tview, occurrence)
);
COMMENT ON TABLE tviews_batch.route IS 'how a changed row becomes keys, per TVIEW and occurrence of a source';
COMMENT ON COLUMN tviews_batch.route.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_batch.route.occurrence IS 'number of the occurrence in the view, from 1';
COMMENT ON COLUMN tviews_batch.route.source IS 'the table read there';
COMMENT ON COLUMN tviews_batch.route.alias IS 'its alias in the view';
COMMENT ON COLUMN tviews_batch.route.route IS 'direct: the key is read off the change; lookup: a query finds it; full: the whole TVIEW is compared';
COMMENT ON COLUMN tviews_batch.route.link_columns IS 'columns of the source that the route needs';
COMMENT ON COLUMN tviews_batch.route.read_columns IS 'columns of the source that the view reads; NULL: all';
COMMENT ON COLUMN tviews_batch.route.since_version IS 'entries of an older shape of the source committed before the TVIEW was filled and do not concern it';
COMMENT ON COLUMN tviews_batch.route.reason IS 'why the route is full';
COMMENT ON COLUMN tviews_batch.route.nested IS 'the nested view as whose owner it is read, if any';

CREATE INDEX route_source ON tviews_batch.route (source);

CREATE TABLE tviews_batch.lookup (
    tview          regclass NOT NULL,
    occurrence     integer NOT NULL,
    ord            integer NOT NULL,
    link_columns   name[] NOT NULL,
    key_columns    integer[] NOT NULL,
    direct_columns integer[],
    sql            text NOT NULL,
    PRIMARY KEY (tview, occurrence, ord)
);
COMMENT ON TABLE tviews_batch.lookup IS 'the queries of a route; each yields a set of refresh keys or of parts of them';
COMMENT ON COLUMN tviews_batch.lookup.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_batch.lookup.occurrence IS 'the route''s occurrence';
COMMENT ON COLUMN tviews_batch.lookup.ord IS 'number of the query in its route, from 1';
COMMENT ON COLUMN tviews_batch.lookup.link_columns IS 'columns of tviews_changed in the query, in order';
COMMENT ON COLUMN tviews_batch.lookup.key_columns IS 'positions in refresh_key, from 1, that the query''s columns yield; fewer than all: a part, matched against the view''s rows and the stored ones';
COMMENT ON COLUMN tviews_batch.lookup.direct_columns IS 'when each output is a link column as it is: its position in link_columns, from 1; the query need not run';
COMMENT ON COLUMN tviews_batch.lookup.sql IS 'the query; tviews_changed stands for the changed link values';

CREATE UNLOGGED TABLE tviews_batch.queue (
    source  oid NOT NULL,
    version integer NOT NULL,
    started timestamptz NOT NULL,
    link    bytea
) USING heap WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE tviews_batch.queue IS 'changes that no drain has taken yet; with its children a ring of tables, of which writers use one; see tviews_queue_depth';
COMMENT ON COLUMN tviews_batch.queue.source IS 'the changed table; 0: the sentinel, whose link is the epoch';
COMMENT ON COLUMN tviews_batch.queue.version IS 'version of the shape the link values are packed with';
COMMENT ON COLUMN tviews_batch.queue.started IS 'start of the writing transaction';
COMMENT ON COLUMN tviews_batch.queue.link IS 'packed link values; NULL: any row of the table may have changed';

CREATE UNLOGGED TABLE tviews_batch.queue_2 () INHERITS (tviews_batch.queue)
    USING heap WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE tviews_batch.queue_2 IS 'part of the queue';
COMMENT ON COLUMN tviews_batch.queue_2.source IS 'the changed table; 0: the sentinel, whose link is the epoch';
COMMENT ON COLUMN tviews_batch.queue_2.version IS 'version of the shape the link values are packed with';
COMMENT ON COLUMN tviews_batch.queue_2.started IS 'start of the writing transaction';
COMMENT ON COLUMN tviews_batch.queue_2.link IS 'packed link values; NULL: any row of the table may have changed';

CREATE UNLOGGED TABLE tviews_batch.queue_3 () INHERITS (tviews_batch.queue)
    USING heap WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE tviews_batch.queue_3 IS 'part of the queue';
COMMENT ON COLUMN tviews_batch.queue_3.source IS 'the changed table; 0: the sentinel, whose link is the epoch';
COMMENT ON COLUMN tviews_batch.queue_3.version IS 'version of the shape the link values are packed with';
COMMENT ON COLUMN tviews_batch.queue_3.started IS 'start of the writing transaction';
COMMENT ON COLUMN tviews_batch.queue_3.link IS 'packed link values; NULL: any row of the table may have changed';

CREATE UNLOGGED TABLE tviews_batch.queue_4 () INHERITS (tviews_batch.queue)
    USING heap WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE tviews_batch.queue_4 IS 'part of the queue';
COMMENT ON COLUMN tviews_batch.queue_4.source IS 'the changed table; 0: the sentinel, whose link is the epoch';
COMMENT ON COLUMN tviews_batch.queue_4.version IS 'version of the shape the link values are packed with';
COMMENT ON COLUMN tviews_batch.queue_4.started IS 'start of the writing transaction';
COMMENT ON COLUMN tviews_batch.queue_4.link IS 'packed link values; NULL: any row of the table may have changed';

CREATE TABLE tviews_batch.queue_current (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    member integer NOT NULL
);
COMMENT ON TABLE tviews_batch.queue_current IS 'which table of the queue writers use; no row: the first';
COMMENT ON COLUMN tviews_batch.queue_current.one IS 'true';
COMMENT ON COLUMN tviews_batch.queue_current.member IS '0: queue, 1: queue_2, 2: queue_3, 3: queue_4';

-- what empties the queue, or a part of it, takes a sentinel along
WITH epoch AS MATERIALIZED (SELECT uuid_send(gen_random_uuid()) AS link),
    s2 AS (INSERT INTO tviews_batch.queue_2 SELECT 0, 0, now(), link FROM epoch),
    s3 AS (INSERT INTO tviews_batch.queue_3 SELECT 0, 0, now(), link FROM epoch),
    s4 AS (INSERT INTO tviews_batch.queue_4 SELECT 0, 0, now(), link FROM epoch)
INSERT INTO tviews_batch.queue SELECT 0, 0, now(), link FROM epoch;

CREATE TABLE tviews_batch.overflow (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source    regclass NOT NULL,
    closed_by xid8,
    fence     xid8,
    done      boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE tviews_batch.overflow IS 'sources of which more changes waited than tviews_batch.queue_limit: one change of all rows';
COMMENT ON COLUMN tviews_batch.overflow.id IS 'several writers may mark a source at once';
COMMENT ON COLUMN tviews_batch.overflow.source IS 'the table';
COMMENT ON COLUMN tviews_batch.overflow.closed_by IS 'the drain that told writers to log again; NULL: they log no changes of the source';
COMMENT ON COLUMN tviews_batch.overflow.fence IS 'transactions below this one may not have logged their changes';
COMMENT ON COLUMN tviews_batch.overflow.done IS 'they have ended, and the TVIEWs are marked to be compared';

CREATE UNLOGGED TABLE tviews_batch.unlogged_sentinel (one boolean PRIMARY KEY);
COMMENT ON TABLE tviews_batch.unlogged_sentinel IS 'one row; without it unlogged tables were emptied, which matters where the queue was not';
COMMENT ON COLUMN tviews_batch.unlogged_sentinel.one IS 'true';
INSERT INTO tviews_batch.unlogged_sentinel VALUES (true);

CREATE TABLE tviews_batch.prepared (
    gid text PRIMARY KEY,
    xid xid NOT NULL
);
COMMENT ON TABLE tviews_batch.prepared IS 'transactions that were prepared when the queue was lost: their changes have no entries';
COMMENT ON COLUMN tviews_batch.prepared.gid IS 'the name given to PREPARE TRANSACTION';
COMMENT ON COLUMN tviews_batch.prepared.xid IS 'its transaction id';

CREATE TABLE tviews_batch.unfollowed (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tview   regclass,
    class   oid,
    object  oid,
    message text NOT NULL,
    before  name,
    after   name,
    CHECK (num_nulls(class, object) = CASE WHEN tview IS NULL THEN 0 ELSE 2 END)
);
COMMENT ON TABLE tviews_batch.unfollowed IS 'TVIEWs that depend on DDL which could not be followed, and what may concern others: the next drain derives them again';
COMMENT ON COLUMN tviews_batch.unfollowed.id IS 'number';
COMMENT ON COLUMN tviews_batch.unfollowed.tview IS 'the TVIEW; NULL: those that depend on the object';
COMMENT ON COLUMN tviews_batch.unfollowed.class IS 'the catalog of the object';
COMMENT ON COLUMN tviews_batch.unfollowed.object IS 'what was altered';
COMMENT ON COLUMN tviews_batch.unfollowed.message IS 'the error, or why the command could not see all TVIEWs';
COMMENT ON COLUMN tviews_batch.unfollowed.before IS 'the column of the TVIEW that is to be renamed, as its view''s was, or NULL';
COMMENT ON COLUMN tviews_batch.unfollowed.after IS 'its name in the view';
COMMENT ON SEQUENCE tviews_batch.unfollowed_id_seq IS 'numbers of rows in tviews_batch.unfollowed';

CREATE TABLE tviews_batch.young (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tview   regclass NOT NULL,
    objects text NOT NULL,
    fence   xid8,
    looked  pg_snapshot
);

CREATE TABLE tviews_batch.watched (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    event_triggers text NOT NULL,
    server         integer NOT NULL,
    seen           text,
    fence          xid8,
    collation_version text
);
COMMENT ON TABLE tviews_batch.young IS 'TVIEWs made or derived again a short time ago: DDL may end that did not see them so, and drains look at them again';
COMMENT ON COLUMN tviews_batch.young.id IS 'number';
COMMENT ON COLUMN tviews_batch.young.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_batch.young.objects IS 'fingerprint of what the view depends on, from before the TVIEW was filled; empty: only its texts name something else';
COMMENT ON COLUMN tviews_batch.young.fence IS 'transactions below it may not have seen the row; NULL: no drain has looked yet';
COMMENT ON COLUMN tviews_batch.young.looked IS 'what the last drain that looked could see; the next looks when a transaction below the fence has ended since';
COMMENT ON SEQUENCE tviews_batch.young_id_seq IS 'numbers of rows in tviews_batch.young';
COMMENT ON TABLE tviews_batch.watched IS 'the event triggers as they were when all DDL was known to have been followed, and the database''s collation';
COMMENT ON COLUMN tviews_batch.watched.one IS 'there is one row';
COMMENT ON COLUMN tviews_batch.watched.event_triggers IS 'their rows in the catalog; others: they were switched off for a time';
COMMENT ON COLUMN tviews_batch.watched.server IS 'major version of the server: pg_upgrade writes these rows anew';
COMMENT ON COLUMN tviews_batch.watched.seen IS 'their rows as a drain has found them after a change, as long as DDL may be under way that they did not follow';
COMMENT ON COLUMN tviews_batch.watched.fence IS 'transactions below it may have such DDL';
COMMENT ON COLUMN tviews_batch.watched.collation_version IS 'version of the database''s collation; another one sorts text otherwise, perhaps';

CREATE TABLE tviews_batch.drain (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started     timestamptz NOT NULL,
    elapsed_ms  double precision NOT NULL,
    changes     bigint NOT NULL,
    keys        bigint NOT NULL,
    inserted    bigint NOT NULL,
    updated     bigint NOT NULL,
    deleted     bigint NOT NULL,
    failed      bigint NOT NULL,
    levels      integer NOT NULL,
    remaining   bigint NOT NULL,
    keyed       integer NOT NULL,
    compared    integer NOT NULL,
    memory_peak bigint NOT NULL,
    role        name NOT NULL
);
COMMENT ON TABLE tviews_batch.drain IS 'history of drains, the newest tviews_batch.history of them';
COMMENT ON COLUMN tviews_batch.drain.id IS 'number of the drain';
COMMENT ON COLUMN tviews_batch.drain.started IS 'when it began';
COMMENT ON COLUMN tviews_batch.drain.elapsed_ms IS 'how long it took, in milliseconds';
COMMENT ON COLUMN tviews_batch.drain.changes IS 'queue entries claimed';
COMMENT ON COLUMN tviews_batch.drain.keys IS 'keys evaluated';
COMMENT ON COLUMN tviews_batch.drain.inserted IS 'rows inserted into TVIEWs';
COMMENT ON COLUMN tviews_batch.drain.updated IS 'rows updated in TVIEWs';
COMMENT ON COLUMN tviews_batch.drain.deleted IS 'rows deleted from TVIEWs';
COMMENT ON COLUMN tviews_batch.drain.failed IS 'keys whose refresh failed';
COMMENT ON COLUMN tviews_batch.drain.levels IS 'levels on which a TVIEW was refreshed';
COMMENT ON COLUMN tviews_batch.drain.remaining IS 'queue entries left, possibly an estimate';
COMMENT ON COLUMN tviews_batch.drain.keyed IS 'TVIEWs refreshed key by key';
COMMENT ON COLUMN tviews_batch.drain.compared IS 'TVIEWs compared whole';
COMMENT ON COLUMN tviews_batch.drain.memory_peak IS 'the most bytes it was seen to hold, the executor''s of its queries among them';
COMMENT ON COLUMN tviews_batch.drain.role IS 'who drained';
COMMENT ON SEQUENCE tviews_batch.drain_id_seq IS 'numbers of drains';

CREATE TABLE tviews_batch.drain_lock (one boolean PRIMARY KEY) WITH (autovacuum_enabled = off);
COMMENT ON TABLE tviews_batch.drain_lock IS 'locked in SHARE UPDATE EXCLUSIVE mode by whatever writes TVIEWs; always empty';
COMMENT ON COLUMN tviews_batch.drain_lock.one IS 'unused';

----------------------------------------------------------------------
-- Functions: capture
----------------------------------------------------------------------

CREATE FUNCTION tviews_batch.capture() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_capture_trigger';
COMMENT ON FUNCTION tviews_batch.capture() IS 'statement trigger on sources: logs the link values of changed rows';

CREATE FUNCTION tviews_batch.guard() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_guard_trigger';
COMMENT ON FUNCTION tviews_batch.guard() IS 'statement trigger on TVIEWs: refuses writes that are not a drain''s';

CREATE FUNCTION tviews_batch.queue_depth(OUT source oid, OUT pending_changes bigint, OUT oldest timestamptz, OUT exact boolean)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 20 AS 'MODULE_PATHNAME', 'tvb_queue_depth';
COMMENT ON FUNCTION tviews_batch.queue_depth() IS 'entries of the queue per source; see the view tviews_queue_depth';

CREATE FUNCTION tviews_batch.unlogged_lost() RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- an unlogged table cannot be read on a standby
    IF pg_is_in_recovery() THEN
        RETURN false;
    END IF;
    RETURN NOT EXISTS (SELECT FROM tviews_batch.unlogged_sentinel);
END
$$;
COMMENT ON FUNCTION tviews_batch.unlogged_lost() IS 'whether unlogged tables were emptied since a drain last looked; false on a standby';

----------------------------------------------------------------------
-- Functions: definition
----------------------------------------------------------------------

CREATE FUNCTION tviews_create(view regclass, tview name DEFAULT NULL, key name[] DEFAULT NULL,
                              populate boolean DEFAULT true, refresh_every interval DEFAULT NULL)
    RETURNS regclass
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_create';
COMMENT ON FUNCTION tviews_create(regclass, name, name[], boolean, interval) IS 'make a TVIEW of a view';

CREATE FUNCTION tviews_create_as(tview text, query text, key name[] DEFAULT NULL,
                                 populate boolean DEFAULT true, refresh_every interval DEFAULT NULL)
    RETURNS regclass
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_create_as';
COMMENT ON FUNCTION tviews_create_as(text, text, name[], boolean, interval) IS 'make a view of a query and a TVIEW of the view';

CREATE FUNCTION tviews_drop(tview regclass, keep_table boolean DEFAULT false)
    RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_drop';
COMMENT ON FUNCTION tviews_drop(regclass, boolean) IS 'remove a TVIEW, the triggers nobody else needs, and its metadata';

----------------------------------------------------------------------
-- Functions: draining
----------------------------------------------------------------------

CREATE FUNCTION tviews_drain(max_changes bigint DEFAULT NULL, max_ms integer DEFAULT NULL,
                             OUT changes bigint, OUT keys bigint, OUT inserted bigint, OUT updated bigint,
                             OUT deleted bigint, OUT failed bigint, OUT levels integer, OUT remaining bigint,
                             OUT busy boolean, OUT elapsed_ms double precision)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_drain';
COMMENT ON FUNCTION tviews_drain(bigint, integer) IS 'bring TVIEWs up to date with the changes queued';

CREATE PROCEDURE tviews_drain_loop(run_for interval DEFAULT '1 minute', pause interval DEFAULT '1 second')
    LANGUAGE c AS 'MODULE_PATHNAME', 'tvb_drain_loop';
COMMENT ON PROCEDURE tviews_drain_loop(interval, interval) IS 'drain again and again, one transaction per batch';

CREATE FUNCTION tviews_wait(timeout interval DEFAULT '10 seconds') RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_wait';
COMMENT ON FUNCTION tviews_wait(interval) IS 'wait until everything committed before the call has been drained by somebody else; false: not within the timeout';

CREATE FUNCTION tviews_retry(tview regclass DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_retry';
COMMENT ON FUNCTION tviews_retry(regclass) IS 'let the next drain try failed keys and comparisons again; NULL: of all TVIEWs';

CREATE FUNCTION tviews_refresh(tview regclass, OUT inserted bigint, OUT updated bigint, OUT deleted bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_refresh';
COMMENT ON FUNCTION tviews_refresh(regclass) IS 'compare a whole TVIEW with its view and write what differs';

CREATE PROCEDURE tviews_reconcile(tview regclass DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'tvb_reconcile';
COMMENT ON PROCEDURE tviews_reconcile(regclass) IS 'compare TVIEWs with their views in ranges of keys, one transaction each; NULL: all that need it';

CREATE FUNCTION tviews_verify(tview regclass, OUT missing bigint, OUT unexpected bigint, OUT different bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_verify';
COMMENT ON FUNCTION tviews_verify(regclass) IS 'count the rows that a TVIEW lacks, has too many, or has different from its view; read-only';

CREATE FUNCTION tviews_pause(tview regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_pause';
COMMENT ON FUNCTION tviews_pause(regclass) IS 'let drains leave a TVIEW alone';

CREATE FUNCTION tviews_resume(tview regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_resume';
COMMENT ON FUNCTION tviews_resume(regclass) IS 'end a pause; the next drain compares the TVIEW whole';

CREATE FUNCTION tviews_set_queue(logged boolean) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_set_queue';
COMMENT ON FUNCTION tviews_set_queue(boolean) IS 'make the queue survive a crash, or not';

CREATE FUNCTION tviews_refresh_sql(tview regclass) RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tvb_refresh_sql';
COMMENT ON FUNCTION tviews_refresh_sql(regclass) IS 'the query that evaluates a batch of keys of a TVIEW';


----------------------------------------------------------------------
-- Functions: following the user's DDL
----------------------------------------------------------------------

CREATE FUNCTION tviews_batch.follow_ddl() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'tvb_follow_ddl';
COMMENT ON FUNCTION tviews_batch.follow_ddl() IS 'event trigger: capture, routes and columns follow what was created or altered';

CREATE FUNCTION tviews_batch.follow_drop() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'tvb_follow_drop';
COMMENT ON FUNCTION tviews_batch.follow_drop() IS 'event trigger: dropped tables and TVIEWs are forgotten';

CREATE EVENT TRIGGER tviews_batch_follow_ddl ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE SCHEMA', 'ALTER SCHEMA',
                 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA',
                 'CREATE VIEW', 'ALTER VIEW', 'CREATE RULE', 'ALTER MATERIALIZED VIEW',
                 'CREATE FUNCTION', 'ALTER FUNCTION', 'ALTER ROUTINE', 'CREATE AGGREGATE', 'ALTER AGGREGATE',
                 'CREATE PROCEDURE', 'ALTER PROCEDURE', 'CREATE TYPE', 'CREATE DOMAIN', 'ALTER INDEX',
                 'ALTER TYPE', 'ALTER DOMAIN', 'ALTER SEQUENCE', 'ALTER OPERATOR', 'ALTER COLLATION', 'ALTER EXTENSION',
                 'CREATE OPERATOR', 'CREATE OPERATOR CLASS', 'ALTER OPERATOR FAMILY', 'CREATE CAST', 'CREATE TEXT SEARCH CONFIGURATION',
                 'ALTER TEXT SEARCH CONFIGURATION', 'ALTER TEXT SEARCH DICTIONARY',
                 'CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION')
    EXECUTE FUNCTION tviews_batch.follow_ddl();
COMMENT ON EVENT TRIGGER tviews_batch_follow_ddl IS 'pg_tviews_batch: TVIEWs follow what was created or altered';
ALTER EVENT TRIGGER tviews_batch_follow_ddl ENABLE ALWAYS;

CREATE EVENT TRIGGER tviews_batch_before_subscription ON ddl_command_start
    WHEN TAG IN ('ALTER SUBSCRIPTION', 'DROP SUBSCRIPTION')
    EXECUTE FUNCTION tviews_batch.follow_ddl();
COMMENT ON EVENT TRIGGER tviews_batch_before_subscription IS 'pg_tviews_batch: what replication wrote unseen stays stale when the subscription changes';
ALTER EVENT TRIGGER tviews_batch_before_subscription ENABLE ALWAYS;

CREATE EVENT TRIGGER tviews_batch_follow_drop ON sql_drop
    EXECUTE FUNCTION tviews_batch.follow_drop();
COMMENT ON EVENT TRIGGER tviews_batch_follow_drop IS 'pg_tviews_batch: dropped tables, views, TVIEWs and triggers are noticed';
ALTER EVENT TRIGGER tviews_batch_follow_drop ENABLE ALWAYS;

----------------------------------------------------------------------
-- Functions: schedule
----------------------------------------------------------------------

CREATE FUNCTION tviews_batch.cron_job(every text, seconds boolean DEFAULT false, OUT schedule text, OUT command text)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    SET IntervalStyle = postgres
AS $$
DECLARE
    field  constant text := '[0-9a-z*,/$-]+';
    drain  constant text := 'SELECT @extschema@.tviews_drain()';
    period interval;
    secs   numeric;
BEGIN
    IF every IS NULL THEN
        RAISE EXCEPTION 'schedule must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    every := lower(btrim(every, E' \t\n'));

    -- minute, hour and day of month have no letters, so an interval is never taken for a cron expression
    IF every ~ format('^[0-9*,/-]+\s+[0-9*,/-]+\s+[0-9*,/$-]+\s+%1$s\s+%1$s$', field) THEN
        schedule := every;
        command := drain;
        RETURN;
    END IF;

    BEGIN
        period := every::interval;
    EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR interval_field_overflow THEN
        RAISE EXCEPTION '"%" is neither an interval nor a cron expression', every
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Examples: ''10 seconds'', ''5 minutes'', ''1 hour'', ''*/15 8-18 * * 1-5''.';
    END;

    secs := extract(epoch FROM period);
    IF extract(year FROM period) <> 0 OR extract(month FROM period) <> 0 OR secs > 86400 THEN
        RAISE EXCEPTION 'cron cannot run a job every %', every
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Use a cron expression of five fields, such as ''0 4 * * 0'' for Sundays at 4:00.';
    ELSIF secs < 0.01 THEN
        RAISE EXCEPTION 'interval between drains must be at least 10 milliseconds'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF secs < 60 AND seconds AND secs = trunc(secs) THEN
        schedule := format('%s seconds', trunc(secs));
        command := drain;
    ELSIF secs < 60 THEN
        -- the loop ends before its minute does: pg_cron makes up for runs it missed
        schedule := '* * * * *';
        command := 'CALL @extschema@.tviews_drain_loop(run_for => ''1 minute'', pause => '''
                   || trim_scale(secs) || CASE WHEN secs = 1 THEN ' second'')' ELSE ' seconds'')' END;
    ELSIF secs IN (60, 120, 180, 240, 300, 360, 600, 720, 900, 1200, 1800) THEN
        schedule := CASE secs WHEN 60 THEN '* * * * *' ELSE format('*/%s * * * *', trunc(secs / 60)) END;
        command := drain;
    ELSIF secs IN (3600, 7200, 10800, 14400, 21600, 28800, 43200) THEN
        schedule := CASE secs WHEN 3600 THEN '0 * * * *' ELSE format('0 */%s * * *', trunc(secs / 3600)) END;
        command := drain;
    ELSIF secs = 86400 THEN
        schedule := '0 0 * * *';
        command := drain;
    ELSE
        RAISE EXCEPTION 'cron cannot run a job every %', every
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Use less than a minute, a number of minutes that divides an hour, a number of hours '
                         'that divides a day, or a cron expression of five fields.';
    END IF;
END
$$;
COMMENT ON FUNCTION tviews_batch.cron_job(text, boolean) IS 'the pg_cron schedule and command for a time between drains; seconds: pg_cron is 1.5 or newer';

CREATE FUNCTION tviews_batch.cron_job_name() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- pg_cron keeps 63 bytes of a name
    SELECT 'pg_tviews_batch drain '
           || CASE WHEN octet_length(datname) <= 40 THEN datname::text ELSE 'of database ' || oid END
      FROM pg_database
     WHERE datname = current_database();
END;
COMMENT ON FUNCTION tviews_batch.cron_job_name() IS 'name of the pg_cron job that drains this database';

CREATE FUNCTION tviews_batch.cron_has_seconds() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- installed here, or what would be
    SELECT coalesce(string_to_array(substring(coalesce(
                        (SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'),
                        (SELECT default_version FROM pg_available_extensions WHERE name = 'pg_cron'))
                    FROM '^\d+(?:\.\d+)*'), '.')::int[] >= ARRAY[1, 5], false);
END;
COMMENT ON FUNCTION tviews_batch.cron_has_seconds() IS 'whether pg_cron is 1.5 or newer and can run a job every few seconds';

CREATE FUNCTION tviews_batch.schedule(name text, schedule text, command text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    me      constant text := quote_ident(current_user);
    db      constant text := current_database();
    home    text;
    old     bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
        -- pg_settings hides the setting from roles that may not see it
        SELECT setting INTO home FROM pg_settings WHERE pg_settings.name = 'cron.database_name';
        IF home = db THEN
            RAISE EXCEPTION 'extension "pg_cron" is not installed in database "%"', db
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Run CREATE EXTENSION pg_cron as a superuser.';
        ELSIF home IS NOT NULL THEN
            RAISE EXCEPTION 'pg_cron runs its jobs from database "%", not from "%"', home, db
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = format('Run there: SELECT cron.schedule_in_database(%L, %L, %L, %L);',
                                    name, schedule, command, db);
        ELSE
            RAISE EXCEPTION 'pg_cron is not installed in database "%"', db
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = format('Install it, set shared_preload_libraries = ''pg_cron'' and cron.database_name = %L, '
                                    'restart the server and run CREATE EXTENSION pg_cron; '
                                    'or let another scheduler run "%s".', db, command);
        END IF;
    END IF;

    -- the job runs as the role that schedules it
    IF NOT has_schema_privilege('cron', 'USAGE') THEN
        RAISE EXCEPTION 'permission denied for schema cron'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('A superuser can run GRANT USAGE ON SCHEMA cron TO %s.', me);
    ELSIF NOT has_function_privilege('@extschema@.tviews_drain(bigint, integer)'::regprocedure, 'EXECUTE')
       OR NOT has_function_privilege('@extschema@.tviews_drain_loop(interval, interval)'::regprocedure, 'EXECUTE') THEN
        RAISE EXCEPTION 'permission denied to drain'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('The job would run as %s; its EXECUTE privilege on tviews_drain and tviews_drain_loop is missing.', me);
    END IF;

    -- replace by a new job rather than update: pg_cron stores the host when a job is made
    FOR old IN SELECT jobid FROM cron.job WHERE jobname = name AND database = db LOOP
        PERFORM cron.unschedule(old);
    END LOOP;
    RETURN cron.schedule(name, schedule, command);
END
$$;
COMMENT ON FUNCTION tviews_batch.schedule(text, text, text) IS 'create or replace the pg_cron job that drains; see tviews_schedule';

CREATE FUNCTION tviews_batch.unschedule(name text) RETURNS boolean
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    db      constant text := current_database();
    home    text;
    old     bigint;
    removed boolean := false;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
        SELECT setting INTO home FROM pg_settings WHERE pg_settings.name = 'cron.database_name';
        IF home <> db THEN
            RAISE EXCEPTION 'pg_cron runs its jobs from database "%", not from "%"', home, db
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = format('Run there: SELECT cron.unschedule(%L);', name);
        END IF;
        RETURN false;
    ELSIF NOT has_schema_privilege('cron', 'USAGE') THEN
        RAISE EXCEPTION 'permission denied for schema cron'
            USING ERRCODE = 'insufficient_privilege';
    END IF;

    FOR old IN SELECT jobid FROM cron.job WHERE jobname = name AND database = db LOOP
        PERFORM cron.unschedule(old);
        removed := true;
    END LOOP;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION tviews_batch.unschedule(text) IS 'remove the pg_cron job that drains; see tviews_unschedule';

-- bodies that are parsed now, so that the caller needs no USAGE on the schema tviews_batch
CREATE FUNCTION tviews_schedule(every text DEFAULT '1 minute') RETURNS bigint
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT tviews_batch.schedule(tviews_batch.cron_job_name(), j.schedule, j.command)
      FROM tviews_batch.cron_job(every, tviews_batch.cron_has_seconds()) j;
END;
COMMENT ON FUNCTION tviews_schedule(text) IS 'let pg_cron drain: every interval or by a cron expression; replaces an earlier schedule';

CREATE FUNCTION tviews_unschedule() RETURNS boolean
    LANGUAGE sql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT tviews_batch.unschedule(tviews_batch.cron_job_name());
END;
COMMENT ON FUNCTION tviews_unschedule() IS 'remove the pg_cron job that drains; false if there was none';

----------------------------------------------------------------------
-- Functions: watching
----------------------------------------------------------------------

-- what tviews_explain and tviews_graph read: they run as their caller, these views as the extension's owner
CREATE VIEW tviews_batch.visible WITH (security_barrier) AS
    SELECT t.tview, t.notes
      FROM tviews_batch.tview t
      JOIN pg_catalog.pg_class c ON c.oid = t.tview
     WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW tviews_batch.visible IS 'TVIEWs that the current role may watch: its own; with pg_monitor, all';
COMMENT ON COLUMN tviews_batch.visible.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_batch.visible.notes IS 'what the analysis noticed';

CREATE VIEW tviews_batch.visible_route WITH (security_barrier) AS
    SELECT r.tview, r.occurrence, r.source, r.alias, r.route, r.link_columns,
           (SELECT string_agg(l.sql, E'\n;\n' ORDER BY l.ord)
              FROM tviews_batch.lookup l
             WHERE l.tview = r.tview AND l.occurrence = r.occurrence AND l.direct_columns IS NULL) AS lookup_sql,
           coalesce(r.reason, (SELECT string_agg(n.note, '; ') FROM unnest(v.notes) AS n(note))) AS reason
      FROM tviews_batch.route r
      JOIN tviews_batch.visible v ON v.tview = r.tview;
COMMENT ON VIEW tviews_batch.visible_route IS 'routes of TVIEWs that the current role may watch';
COMMENT ON COLUMN tviews_batch.visible_route.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_batch.visible_route.occurrence IS 'number of the occurrence in the view, from 1';
COMMENT ON COLUMN tviews_batch.visible_route.source IS 'the table read there';
COMMENT ON COLUMN tviews_batch.visible_route.alias IS 'its alias in the view';
COMMENT ON COLUMN tviews_batch.visible_route.route IS 'direct, lookup or full';
COMMENT ON COLUMN tviews_batch.visible_route.link_columns IS 'columns of the source that the route needs';
COMMENT ON COLUMN tviews_batch.visible_route.lookup_sql IS 'its queries';
COMMENT ON COLUMN tviews_batch.visible_route.reason IS 'why the route is full, or what the analysis noticed';

CREATE FUNCTION tviews_explain(tview regclass,
                               OUT source regclass, OUT alias text, OUT route text, OUT link_columns name[],
                               OUT lookup_sql text, OUT reason text)
    RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.source, r.alias, r.route, r.link_columns, r.lookup_sql, r.reason
      FROM tviews_batch.visible_route r
     WHERE r.tview = $1
     ORDER BY r.occurrence;
END;
COMMENT ON FUNCTION tviews_explain(regclass) IS 'how a change of each source of a TVIEW becomes keys';

CREATE FUNCTION tviews_graph() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH node AS (
        SELECT tview AS rel, true AS is_tview FROM tviews_batch.visible
        UNION
        SELECT source, false FROM tviews_batch.visible_route
         WHERE source NOT IN (SELECT tview FROM tviews_batch.visible)),
    edge AS (
        SELECT source, tview, string_agg(DISTINCT route, ', ' ORDER BY route) AS routes
          FROM tviews_batch.visible_route GROUP BY source, tview)
    SELECT E'graph LR\n' || coalesce((
        SELECT string_agg(format(CASE WHEN is_tview THEN E'    n%s["%s"]\n' ELSE E'    n%s[("%s")]\n' END,
                                 rel::oid, replace(replace(rel::text, '"', '#quot;'), E'\n', ' ')), ''
                          ORDER BY is_tview, rel::text)
          FROM node), '') || coalesce((
        SELECT string_agg(format(E'    n%s -->|%s| n%s\n', source::oid, routes, tview::oid), ''
                          ORDER BY source::text, tview::text)
          FROM edge), '');
END;
COMMENT ON FUNCTION tviews_graph() IS 'which TVIEW is built on what, as Mermaid text';

CREATE FUNCTION tviews_memory(OUT area text, OUT context text, OUT contexts bigint, OUT bytes bigint,
                              OUT used_bytes bigint, OUT peak_bytes bigint)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'tvb_memory';
COMMENT ON FUNCTION tviews_memory() IS 'memory that the extension holds in this session, by area and memory context; the row without a context is the area''s total';

----------------------------------------------------------------------
-- Views
----------------------------------------------------------------------

CREATE VIEW tviews_queue_depth AS
    WITH depth AS (
        SELECT source, pending_changes, oldest, exact FROM tviews_batch.queue_depth())
    SELECT source::regclass AS source, pending_changes,
           clock_timestamp() - oldest AS oldest_age, exact
      FROM depth
     WHERE source IS NOT NULL
    UNION ALL
    SELECT NULL, coalesce(sum(pending_changes), 0)::bigint,
           clock_timestamp() - min(oldest), coalesce(bool_and(exact), true)
      FROM depth;
COMMENT ON VIEW tviews_queue_depth IS 'changes that wait for a drain, per source; the row without a source is the total';
COMMENT ON COLUMN tviews_queue_depth.source IS 'the changed table; NULL: the total';
COMMENT ON COLUMN tviews_queue_depth.pending_changes IS 'entries committed and not drained yet';
COMMENT ON COLUMN tviews_queue_depth.oldest_age IS 'time since the oldest of them began to be written';
COMMENT ON COLUMN tviews_queue_depth.exact IS 'false: the queue is long (more than 100,000 entries, 32 MB or 6 ms of reading), the numbers are estimated';

CREATE VIEW tviews_batch.unlogged AS
    WITH RECURSIVE emptied(relation) AS (
        SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relpersistence = 'u' AND c.relkind IN ('r', 'p')),
    tview(tview) AS (
        SELECT t.tview FROM tviews_batch.tview t WHERE t.tview IN (SELECT relation FROM emptied)
        UNION
        SELECT r.tview FROM tviews_batch.route r JOIN tviews_batch.captured s USING (source)
         WHERE s.relation IN (SELECT relation FROM emptied)
        UNION
        SELECT r.tview FROM tviews_batch.route r WHERE r.source IN (SELECT relation FROM emptied))
    SELECT tview FROM tview;
COMMENT ON VIEW tviews_batch.unlogged IS 'TVIEWs that are unlogged or read unlogged tables: a crash empties these';
COMMENT ON COLUMN tviews_batch.unlogged.tview IS 'the TVIEW';

CREATE VIEW tviews_batch.event_triggers AS
    SELECT e.rows, e.server, e.firing,
           e.firing AND NOT EXISTS (SELECT FROM tviews_batch.watched w WHERE w.event_triggers = e.rows OR w.server <> e.server) AS switched
      FROM (SELECT coalesce(string_agg(format('%s/%s', oid, xmin), ' ' ORDER BY evtname::text COLLATE "C"), '') AS rows,
                   count(*) = 3 AND bool_and(evtenabled = 'A') AS firing,
                   current_setting('server_version_num')::integer / 10000 AS server
              FROM pg_catalog.pg_event_trigger
             WHERE evtname IN ('tviews_batch_follow_ddl', 'tviews_batch_follow_drop', 'tviews_batch_before_subscription')) e;
COMMENT ON VIEW tviews_batch.event_triggers IS 'the extension''s event triggers: one row';
COMMENT ON COLUMN tviews_batch.event_triggers.rows IS 'their rows in the catalog';
COMMENT ON COLUMN tviews_batch.event_triggers.server IS 'major version of the server';
COMMENT ON COLUMN tviews_batch.event_triggers.firing IS 'all fire, in all sessions';
COMMENT ON COLUMN tviews_batch.event_triggers.switched IS 'they did not for a time, and no drain has made up for it';

CREATE VIEW tviews_batch.unwatched AS
    WITH RECURSIVE ups (tview, ancestor) AS (
        SELECT t.tview, i.inhparent FROM tviews_batch.tview t JOIN pg_catalog.pg_inherits i ON i.inhrelid = t.tview
        UNION
        SELECT u.tview, i.inhparent FROM ups u JOIN pg_catalog.pg_inherits i ON i.inhrelid = u.ancestor),
    relation AS (
        SELECT DISTINCT r.tview, c.relation
          FROM tviews_batch.route r
          JOIN tviews_batch.captured c ON c.source = r.source),
    firing AS (
        SELECT tgrelid, tgfoid, bit_or(tgtype::integer) AS events
          FROM pg_catalog.pg_trigger
         WHERE tgenabled = 'A' AND NOT tgisinternal
           -- made again by somebody: for some columns, or on a condition
           AND tgattr[0] IS NULL AND tgqual IS NULL
           AND tgfoid IN ('tviews_batch.capture()'::regprocedure, 'tviews_batch.guard()'::regprocedure)
         GROUP BY tgrelid, tgfoid)
    SELECT r.tview, format('capture on table %s is disabled or was dropped', r.relation) AS reason
      FROM relation r
      LEFT JOIN pg_catalog.pg_class c ON c.oid = r.relation
     WHERE NOT EXISTS (
           SELECT FROM firing f
            WHERE f.tgrelid = r.relation AND f.tgfoid = 'tviews_batch.capture()'::regprocedure
              -- through a foreign table, local children are updated and deleted from
              AND (f.events & 60 = 60 OR c.relkind = 'f' AND f.events & 24 = 24))
    UNION ALL
    SELECT r.tview, format('guard trigger of TVIEW %s is disabled or was dropped', r.guarded)
      FROM (SELECT tview, tview AS guarded FROM tviews_batch.tview
            UNION
            SELECT s.tview, s.source FROM tviews_batch.route s JOIN tviews_batch.tview t ON t.tview = s.source) r
     WHERE NOT EXISTS (
           SELECT FROM firing f
            WHERE f.tgrelid = r.guarded AND f.tgfoid = 'tviews_batch.guard()'::regprocedure)
    UNION ALL
    SELECT r.tview, format('table %s is in a subscription and its trigger tviews_%s_row is disabled or missing', r.relation, r.function)
      FROM (SELECT tview, relation, 'capture' AS function FROM relation
            UNION ALL
            SELECT tview, tview, 'guard' FROM tviews_batch.tview
            UNION ALL
            SELECT s.tview, s.source, 'guard' FROM tviews_batch.route s JOIN tviews_batch.tview t ON t.tview = s.source) r
      JOIN pg_catalog.pg_class c ON c.oid = r.relation AND c.relkind = 'r'
     WHERE EXISTS (
           SELECT FROM pg_catalog.pg_subscription_rel s
            WHERE s.srrelid = r.relation OR s.srrelid IN (SELECT pg_catalog.pg_partition_ancestors(r.relation)))
       AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_trigger g
            WHERE g.tgrelid = r.relation AND g.tgtype & 29 = 29 AND g.tgenabled IN ('A', 'R')
              AND g.tgfoid = CASE r.function WHEN 'capture' THEN 'tviews_batch.capture()'::regprocedure
                                  ELSE 'tviews_batch.guard()'::regprocedure END)
    UNION ALL
    SELECT t.tview, format('table %s of the extension is in a subscription: what is known of TVIEWs would be that of another database', s.srrelid::regclass)
      FROM tviews_batch.tview t,
           pg_catalog.pg_subscription_rel s JOIN pg_catalog.pg_class c ON c.oid = s.srrelid
     WHERE c.relnamespace = 'tviews_batch'::regnamespace
    UNION ALL
    SELECT u.tview, 'DDL could not be followed: ' || u.message
      FROM tviews_batch.unfollowed u WHERE u.tview IS NOT NULL
    UNION ALL
    SELECT t.tview, format('event trigger %s is disabled or was dropped: DDL is not followed', e.name)
      FROM tviews_batch.tview t, (VALUES ('tviews_batch_follow_ddl'), ('tviews_batch_follow_drop'),
               ('tviews_batch_before_subscription')) AS e (name)
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = e.name AND evtenabled = 'A')
    UNION ALL
    SELECT t.tview, 'event triggers were switched off for a time: DDL was not followed'
      FROM tviews_batch.tview t, tviews_batch.event_triggers e WHERE e.switched
    UNION ALL
    SELECT t.tview, 'the collation of the database was given another version'
      FROM tviews_batch.tview t, tviews_batch.watched w, pg_catalog.pg_database d
     WHERE d.datname = pg_catalog.current_database() AND d.datcollversion IS DISTINCT FROM w.collation_version
    UNION ALL
    SELECT r.tview, format('row security of table %s applies to %I now, the owner of %s', r.source, o.rolname COLLATE "default",
                           CASE WHEN c.oid = r.tview THEN 'the TVIEW' ELSE format('view %s', c.oid::regclass) END)
      FROM (SELECT tview, source, tview AS reader FROM tviews_batch.route
            UNION
            SELECT tview, source, nested FROM tviews_batch.route WHERE nested IS NOT NULL) r
      JOIN tviews_batch.tview t ON t.tview = r.tview AND NOT t.row_security
      JOIN pg_catalog.pg_class s ON s.oid = r.source AND s.relrowsecurity
      JOIN pg_catalog.pg_class c ON c.oid = r.reader
      JOIN pg_catalog.pg_roles o ON o.oid = c.relowner AND NOT o.rolsuper AND NOT o.rolbypassrls
     WHERE s.relforcerowsecurity OR NOT pg_has_role(o.oid, s.relowner, 'USAGE')
    UNION ALL
    SELECT t.tview, CASE WHEN i.inhrelid = t.tview
                         THEN format('it can be written through its parent table %s', i.inhparent::regclass)
                         ELSE format('queries of it also return rows of its child table %s', i.inhrelid::regclass) END
      FROM tviews_batch.tview t JOIN pg_catalog.pg_inherits i ON t.tview IN (i.inhrelid, i.inhparent)
    UNION ALL
    -- a drain writes it, and captures that as a writer would
    SELECT r.tview, format('rows of TVIEW %s show in table %s, which it reads: what drains change there follows a drain later', u.tview, r.source)
      FROM tviews_batch.route r JOIN ups u ON u.ancestor = r.source
    UNION ALL
    -- DETACH CONCURRENTLY commits this before it waits, and no event trigger is called for it
    SELECT r.tview, format('partition %s of table %s is detached, but not finally: ALTER TABLE ... DETACH PARTITION ... FINALIZE',
                           i.inhrelid::regclass, i.inhparent::regclass)
      FROM relation r JOIN pg_catalog.pg_inherits i ON i.inhrelid = r.relation AND i.inhdetachpending
    UNION ALL
    SELECT r.tview, format('rows of the temporary table %s are in the view for one session only', c.oid::regclass)
      FROM relation r JOIN pg_catalog.pg_class c ON c.oid = r.relation AND c.relpersistence = 't'
    UNION ALL
    -- it goes with temporary functions or types that it uses, when their session ends, and no event trigger is called for that
    SELECT t.tview, 'its view is gone, and DDL did not tell'
      FROM tviews_batch.tview t WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.view);
COMMENT ON VIEW tviews_batch.unwatched IS 'TVIEWs that may change without notice: a trigger of the extension does not fire, row security applies that did not, the table has a parent or children, a source a partition half detached or a temporary child, or the view is gone';
COMMENT ON COLUMN tviews_batch.unwatched.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_batch.unwatched.reason IS 'why';

CREATE VIEW tviews_status WITH (security_barrier) AS
    WITH RECURSIVE depth AS MATERIALIZED (
        SELECT source, pending_changes, oldest FROM tviews_batch.queue_depth()),
    queue AS MATERIALIZED (
        SELECT epoch, epoch IS NULL AND pg_is_in_recovery() AS unreadable, tviews_batch.unlogged_lost() AS unlogged_lost
          FROM tviews_batch.epoch() AS epoch),
    lost AS MATERIALIZED (
        -- what the next drain will find
        SELECT t.tview,
               CASE WHEN queue.epoch IS NULL THEN 'the queue was lost: crash, promotion, restore or TRUNCATE'
                    WHEN queue.epoch <> t.epoch OR t.epoch IS NULL THEN 'restored from a dump'
                    ELSE 'an unlogged table was emptied by a crash' END AS reason
          FROM tviews_batch.tview t CROSS JOIN queue
         WHERE ((queue.epoch IS DISTINCT FROM t.epoch OR t.epoch IS NULL) AND NOT queue.unreadable)
            OR (queue.unlogged_lost AND t.tview IN (SELECT u.tview FROM tviews_batch.unlogged u))),
    -- what follows is done once for all TVIEWs: for each of them it would be thought dear enough to be compiled, which takes a second
    below (tview, source) AS (
        SELECT tview, source FROM tviews_batch.route
        UNION
        SELECT b.tview, r.source FROM below b JOIN tviews_batch.route r ON r.tview = b.source),
    pending AS MATERIALIZED (
        SELECT c.tview, sum(c.changes) AS pending_changes, min(c.since) AS oldest
          FROM (SELECT b.tview, d.pending_changes, d.oldest FROM below b JOIN depth d ON d.source = b.source::oid
                UNION ALL
                SELECT o.tview, count(*), min(o.since) FROM tviews_batch.postponed o GROUP BY o.tview
                UNION ALL
                SELECT b.tview, o.changes, o.since
                  FROM (SELECT tview, count(*) AS changes, min(since) AS since FROM tviews_batch.postponed GROUP BY tview) o
                  JOIN below b ON b.source = o.tview) AS c (tview, changes, since)
         GROUP BY c.tview),
    unwatched AS MATERIALIZED (
        SELECT tview, min(reason) AS reason FROM tviews_batch.unwatched GROUP BY tview)
    SELECT t.tview, t.view, t.level, t.key,
           CASE WHEN t.paused THEN 'paused'
                WHEN lost.reason IS NOT NULL OR w.reason IS NOT NULL THEN 'stale'
                WHEN f.keys > 0 OR late.changes > 0 THEN 'failing'
                ELSE 'ok' END AS state,
           CASE WHEN t.paused THEN 'paused by tviews_pause'
                WHEN lost.reason IS NOT NULL OR w.reason IS NOT NULL THEN coalesce(lost.reason, w.reason)
                WHEN f.keys > 0 OR late.changes > 0 THEN concat_ws('; ',
                     CASE f.keys WHEN 0 THEN NULL WHEN 1 THEN '1 key failed' ELSE f.keys || ' keys failed' END,
                     CASE late.changes WHEN 0 THEN NULL WHEN 1 THEN '1 change waits: ' || late.message
                          ELSE late.changes || ' changes wait: ' || late.message END)
                ELSE (SELECT format('foreign key %I would write the TVIEW, which only drains may: make it NO ACTION', k.conname COLLATE "default")
                        FROM pg_catalog.pg_constraint k
                       WHERE k.conrelid = t.tview AND k.contype = 'f'
                         AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
                       ORDER BY k.conname LIMIT 1) END AS reason,
           CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS rows,
           coalesce(p.pending_changes, 0)::bigint AS pending_changes,
           clock_timestamp() - p.oldest AS lag,
           t.last_refresh, coalesce(t.last_error, f.message, late.message) AS last_error
      FROM tviews_batch.tview t
      JOIN tviews_batch.visible v ON v.tview = t.tview
      LEFT JOIN LATERAL (
           SELECT count(*) AS keys, (array_agg(e.message ORDER BY e.last_try DESC))[1] AS message
             FROM tviews_batch.failure e WHERE e.tview = t.tview) f ON true
      LEFT JOIN LATERAL (
           SELECT count(*) AS changes, (array_agg(o.message ORDER BY o.id DESC))[1] AS message
             FROM tviews_batch.postponed o WHERE o.tview = t.tview) late ON true
      LEFT JOIN pg_catalog.pg_class c ON c.oid = t.tview
      LEFT JOIN lost ON lost.tview = t.tview
      LEFT JOIN pending p ON p.tview = t.tview
      LEFT JOIN LATERAL (
           SELECT coalesce('cannot be refreshed: ' || t.broken,
                           t.stale_reason || CASE WHEN t.compare_xid = t.xmin AND NOT t.awaits_prepared
                                THEN format(' (%s%% compared)', least(99, 100 * t.compare_rows / greatest(t.compare_total, 1)))
                                ELSE '' END,
                           (SELECT format('more changes of table %s waited than tviews_batch.queue_limit allows', min(o.source::oid)::regclass)
                              FROM tviews_batch.overflow o JOIN tviews_batch.route r USING (source)
                             WHERE r.tview = t.tview AND NOT o.done HAVING count(*) > 0),
                           (SELECT u.reason FROM unwatched u WHERE u.tview = t.tview)) AS reason
           ) w ON true
    UNION ALL
    SELECT g.tgrelid, NULL, NULL, NULL, 'stale',
           'nothing is known of it: restore the data of the dump too, or drop the table and call tviews_create',
           NULL, 0, NULL, NULL, NULL
      FROM pg_catalog.pg_trigger g
     WHERE g.tgname = 'tviews_guard' AND g.tgfoid = 'tviews_batch.guard()'::regprocedure
       AND g.tgrelid NOT IN (SELECT t.tview FROM tviews_batch.tview t)
       AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = g.tgrelid
                      AND (pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')));
COMMENT ON VIEW tviews_status IS 'one row per TVIEW of the current role (with pg_monitor: of all): whether it is up to date, and if not, why';
COMMENT ON COLUMN tviews_status.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_status.view IS 'its definition';
COMMENT ON COLUMN tviews_status.level IS '0: reads only tables; else 1 + the highest level among the TVIEWs it reads';
COMMENT ON COLUMN tviews_status.key IS 'columns that identify a row';
COMMENT ON COLUMN tviews_status.state IS 'ok, failing, stale or paused';
COMMENT ON COLUMN tviews_status.reason IS 'why it is not ok; or, if it is, what its owner should change';
COMMENT ON COLUMN tviews_status.rows IS 'rows, as the planner estimates them; NULL: never analyzed';
COMMENT ON COLUMN tviews_status.pending_changes IS 'changes that concern it, directly or through other TVIEWs: in the queue, or put off';
COMMENT ON COLUMN tviews_status.lag IS 'time since the oldest of them began to be written, or was put off; NULL: none';
COMMENT ON COLUMN tviews_status.last_refresh IS 'last time a drain or comparison looked at it';
COMMENT ON COLUMN tviews_status.last_error IS 'message of the last failure that still matters';

CREATE VIEW tviews_failures WITH (security_barrier) AS
    SELECT tview, key, sqlstate, message, attempts, next_try
      FROM tviews_batch.failure
     WHERE tview IN (SELECT v.tview FROM tviews_batch.visible v);
COMMENT ON VIEW tviews_failures IS 'keys whose refresh failed: their rows are as they were before';
COMMENT ON COLUMN tviews_failures.tview IS 'the TVIEW';
COMMENT ON COLUMN tviews_failures.key IS 'the key: column and value';
COMMENT ON COLUMN tviews_failures.sqlstate IS 'SQLSTATE of the last error';
COMMENT ON COLUMN tviews_failures.message IS 'its message';
COMMENT ON COLUMN tviews_failures.attempts IS 'how often it was tried';
COMMENT ON COLUMN tviews_failures.next_try IS 'the first drain after this tries it again; a change of one of its sources does so at once';

CREATE VIEW tviews_drains AS
    SELECT id, started, elapsed_ms, changes, keys, inserted, updated, deleted, failed,
           levels, remaining, keyed, compared, memory_peak, role
      FROM tviews_batch.drain;
COMMENT ON VIEW tviews_drains IS 'history of drains that did something';
COMMENT ON COLUMN tviews_drains.id IS 'number of the drain';
COMMENT ON COLUMN tviews_drains.started IS 'when it began';
COMMENT ON COLUMN tviews_drains.elapsed_ms IS 'how long it took, in milliseconds';
COMMENT ON COLUMN tviews_drains.changes IS 'queue entries claimed';
COMMENT ON COLUMN tviews_drains.keys IS 'keys evaluated';
COMMENT ON COLUMN tviews_drains.inserted IS 'rows inserted into TVIEWs';
COMMENT ON COLUMN tviews_drains.updated IS 'rows updated in TVIEWs';
COMMENT ON COLUMN tviews_drains.deleted IS 'rows deleted from TVIEWs';
COMMENT ON COLUMN tviews_drains.failed IS 'keys whose refresh failed';
COMMENT ON COLUMN tviews_drains.levels IS 'levels on which a TVIEW was refreshed';
COMMENT ON COLUMN tviews_drains.remaining IS 'queue entries left, possibly an estimate';
COMMENT ON COLUMN tviews_drains.keyed IS 'TVIEWs refreshed key by key';
COMMENT ON COLUMN tviews_drains.compared IS 'TVIEWs compared whole';
COMMENT ON COLUMN tviews_drains.memory_peak IS 'the most bytes it was seen to hold, the executor''s of its queries among them';
COMMENT ON COLUMN tviews_drains.role IS 'who drained';

----------------------------------------------------------------------
-- Configuration tables: pg_dump carries TVIEWs and what is known of them
----------------------------------------------------------------------

SELECT pg_catalog.pg_extension_config_dump('tviews_batch.tview', '');
SELECT pg_catalog.pg_extension_config_dump('tviews_batch.source', '');
SELECT pg_catalog.pg_extension_config_dump('tviews_batch.shape', '');
SELECT pg_catalog.pg_extension_config_dump('tviews_batch.captured', '');
SELECT pg_catalog.pg_extension_config_dump('tviews_batch.route', '');
SELECT pg_catalog.pg_extension_config_dump('tviews_batch.lookup', '');
SELECT pg_catalog.pg_extension_config_dump('tviews_batch.failure', '');

----------------------------------------------------------------------
-- Privileges: draining is granted by name; watching all TVIEWs is pg_monitor's, one's own everybody's
----------------------------------------------------------------------

REVOKE ALL ON FUNCTION tviews_drain(bigint, integer) FROM PUBLIC;
REVOKE ALL ON PROCEDURE tviews_drain_loop(interval, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION tviews_set_queue(boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION tviews_retry(regclass) FROM PUBLIC;

-- Who has no USAGE on the schema cannot name what is granted to PUBLIC in it; the views above, which show only what
-- the role may see, and the functions whose bodies are parsed already, can.

GRANT USAGE ON SCHEMA tviews_batch TO pg_monitor;
GRANT SELECT ON tviews_batch.tview, tviews_batch.source, tviews_batch.shape, tviews_batch.captured,
    tviews_batch.route, tviews_batch.lookup, tviews_batch.failure, tviews_batch.postponed, tviews_batch.drain, tviews_batch.prepared, tviews_batch.overflow, tviews_batch.unfollowed,
    tviews_batch.unlogged, tviews_batch.unwatched, tviews_batch.watched, tviews_batch.young, tviews_batch.event_triggers TO pg_monitor;
GRANT SELECT ON tviews_batch.visible, tviews_batch.visible_route TO PUBLIC;
GRANT SELECT ON tviews_queue_depth, tviews_drains TO pg_monitor;
GRANT SELECT ON tviews_status, tviews_failures TO PUBLIC;

----------------------------------------------------------------------
-- From here on DDL is followed
----------------------------------------------------------------------

INSERT INTO tviews_batch.watched (event_triggers, server, collation_version)
    SELECT e.rows, e.server, d.datcollversion
      FROM tviews_batch.event_triggers e, pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database();

----------------------------------------------------------------------
-- Small, and known to be: the planner takes ten pages for a table that was never analyzed
----------------------------------------------------------------------

ANALYZE tviews_batch.tview, tviews_batch.source, tviews_batch.captured, tviews_batch.route, tviews_batch.failure, tviews_batch.postponed,
    tviews_batch.overflow, tviews_batch.unfollowed, tviews_batch.watched;
