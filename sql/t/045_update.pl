# ALTER EXTENSION ... UPDATE from 0.1.0: TVIEWs made with it and changes that wait are not lost, drains alone bring all back,
# and the catalog is that of a fresh installation.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_prepared_transactions = 1\n");
$node->start;

sub value
{
	my ($database, $sql) = @_;
	return $node->safe_psql($database, $sql);
}

# What an installation consists of, as text without oids: one query per kind of thing.
my %catalog = (
	members => q{SELECT pg_describe_object(classid, objid, objsubid) || ': ' || coalesce(obj_description(objid, classid::regclass::text::name), 'no comment')
		FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tviews_batch') AND deptype = 'e'},
	relations => q{SELECT concat_ws(' ', c.oid::regclass, relkind, relpersistence, reloptions, relreplident, relrowsecurity, amname,
			(SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(coalesce(relacl, acldefault('r', relowner))) a))
		FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam WHERE c.oid IN (SELECT oid FROM ours)},
	columns => q{SELECT concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attstorage,
			attacl, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
		FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE attrelid IN (SELECT oid FROM ours) AND attnum > 0 AND NOT attisdropped},
	constraints => q{SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid IN (SELECT oid FROM ours)},
	indexes => q{SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN (SELECT oid FROM ours)},
	parents => q{SELECT concat_ws(' ', inhrelid::regclass, inhparent::regclass, inhseqno) FROM pg_inherits WHERE inhrelid IN (SELECT oid FROM ours)},
	views => q{SELECT concat_ws(' ', oid::regclass, pg_get_viewdef(oid)) FROM ours WHERE relkind = 'v'},
	triggers => q{SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM ours) AND NOT tgisinternal},
	functions => q{SELECT concat_ws(' ', pg_get_functiondef(p.oid),
			(SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(coalesce(proacl, acldefault('f', proowner))) a))
		FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tviews_batch') AND d.deptype = 'e'},
	'event triggers' => q{SELECT concat_ws(' ', evtname, evtevent, evtfoid::regprocedure, evtenabled, evttags) FROM pg_event_trigger},
	extension => q{SELECT concat_ws(' ', extversion, extrelocatable, c.relation::regclass, c.condition)
		FROM pg_extension, unnest(extconfig, extcondition) AS c (relation, condition) WHERE extname = 'pg_tviews_batch'},
	schema => q{SELECT concat_ws(' ', nspname, nspacl, obj_description(oid, 'pg_namespace')) FROM pg_namespace WHERE nspname = 'tviews_batch'},
	sentinels => q{SELECT concat_ws(' ', tableoid::regclass, count(*), count(*) FILTER (WHERE link = uuid_send(tviews_batch.epoch())))
		FROM tviews_batch.queue WHERE source = 0 GROUP BY tableoid},
);

sub rows
{
	my ($database, $kind) = @_;
	return value($database, "WITH ours AS (SELECT c.oid, c.relkind FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
		WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tviews_batch') AND d.deptype = 'e')
		SELECT row FROM ($catalog{$kind}) AS c (row) ORDER BY row COLLATE \"C\"");
}

sub same_catalog
{
	my ($name, $database, $fresh) = @_;
	for my $kind (sort keys %catalog)
	{
		my $expected = rows($fresh, $kind);
		isnt($expected, '', "$name: there are $kind") unless $kind eq 'triggers';
		is(rows($database, $kind), $expected, "$name: $kind");
	}
	return;
}

sub differing
{
	my ($database) = @_;
	return value($database, 'SELECT ' . join(' + ', map { "(SELECT count(*) FROM (TABLE v_$_ EXCEPT ALL TABLE tv_$_) d)
		+ (SELECT count(*) FROM (TABLE tv_$_ EXCEPT ALL TABLE v_$_) d)" } qw(item total)));
}

sub states { return value($_[0], q{SELECT string_agg(DISTINCT state || coalesce(': ' || reason, ''), '; ') FROM tviews_status}) }

value('postgres', "CREATE DATABASE $_") for qw(fresh updated logged);
value('fresh', 'CREATE EXTENSION pg_tviews_batch');

# ---- an installation without TVIEWs, and one with a logged queue
value('logged', q{CREATE EXTENSION pg_tviews_batch VERSION '0.1.0'; ALTER TABLE tviews_batch.queue SET LOGGED});
value('logged', 'ALTER EXTENSION pg_tviews_batch UPDATE');
is(value('logged', 'SELECT changes FROM tviews_drain()'), 0, 'an update without TVIEWs');
is(value('logged', q{SELECT string_agg(relpersistence::text, '') FROM pg_class WHERE relname ~ '^queue(_[0-9])?$'}), 'pppp', 'a logged queue stays logged');
value('logged', 'SELECT tviews_set_queue(false)');
same_catalog('logged and back', 'logged', 'fresh');

# ---- one with TVIEWs.  The library is the new one, which cannot make them in the old tables: they are made in the new
# ones, and what is known of them is brought back into a database with the old.
my $tables = q{
	CREATE TABLE tb_grp (pk_grp int PRIMARY KEY, name text NOT NULL);
	CREATE TABLE tb_item (pk_item int PRIMARY KEY, fk_grp int NOT NULL, price int NOT NULL);
	INSERT INTO tb_grp SELECT i, 'g' || i FROM generate_series(1, 10) i;
	INSERT INTO tb_item SELECT i, i % 10 + 1, i FROM generate_series(1, 200) i;
	CREATE VIEW v_item AS SELECT i.pk_item, i.price, g.name FROM tb_item i JOIN tb_grp g ON g.pk_grp = i.fk_grp;
	CREATE VIEW v_total AS SELECT fk_grp, count(*) AS n, sum(price) AS price FROM tb_item GROUP BY fk_grp;};
value('postgres', "CREATE DATABASE model");
value('model', "CREATE EXTENSION pg_tviews_batch; $tables SELECT tviews_create('v_item'), tviews_create('v_total')");
value('updated', qq{CREATE EXTENSION pg_tviews_batch VERSION '0.1.0'; $tables
	CREATE TABLE tv_item AS TABLE v_item; ALTER TABLE tv_item ADD PRIMARY KEY (pk_item);
	CREATE TABLE tv_total AS TABLE v_total; ALTER TABLE tv_total ADD PRIMARY KEY (fk_grp)});
for my $table (qw(tview source shape captured route lookup))
{
	my $columns = value('updated', "SELECT string_agg(attname, ', ') FROM pg_attribute
		WHERE attrelid = 'tviews_batch.$table'::regclass AND attnum > 0");
	my $rows = value('model', "COPY (SELECT $columns FROM tviews_batch.$table) TO STDOUT");
	value('updated', "COPY tviews_batch.$table ($columns) FROM STDIN;\n$rows\n\\.\n");
}
value('updated', q{UPDATE tviews_batch.tview SET epoch = (SELECT encode(link, 'hex')::uuid FROM tviews_batch.queue WHERE source = 0)});
value('updated', value('model', q{
	SELECT string_agg(pg_get_triggerdef(oid) || format('; ALTER TABLE %s ENABLE ALWAYS TRIGGER %I;', tgrelid::regclass, tgname), E'\n')
	FROM pg_trigger WHERE tgname LIKE 'tviews%'}));
is(value('updated', 'SELECT extversion FROM pg_extension WHERE extname = $$pg_tviews_batch$$'), '0.1.0', 'the old version, with TVIEWs');
# a view of the user's hangs on ours; a role has been granted to drain
value('updated', q{
	CREATE VIEW mine AS SELECT tview, state FROM tviews_status;
	CREATE ROLE drainer; GRANT EXECUTE ON FUNCTION tviews_drain(bigint, integer) TO drainer});
# changes: between the new library and the update writers are let through
value('updated', q{
	UPDATE tb_item SET price = price + 1 WHERE pk_item <= 10;
	INSERT INTO tb_item VALUES (1000, 4, 1000)});
isnt(differing('updated'), 0, 'changes wait');

# nor is a transaction captured that wrote before the update and commits after it: the update waits for it
value('updated', q{BEGIN; UPDATE tb_item SET price = price + 1 WHERE pk_item = 30; PREPARE TRANSACTION 'open'});
my ($status, $out, $err) = $node->psql('updated', q{SET lock_timeout = '10ms'; ALTER EXTENSION pg_tviews_batch UPDATE});
like($err, qr/lock timeout/, 'the update waits for writers');
value('updated', q{COMMIT PREPARED 'open'});

value('updated', 'ALTER EXTENSION pg_tviews_batch UPDATE');
is(value('updated', 'SELECT extversion FROM pg_extension WHERE extname = $$pg_tviews_batch$$'), '0.2.0', 'the new version');
like(states('updated'), qr/^stale: .*the extension was updated$/, 'every TVIEW says so');
value('updated', 'UPDATE tb_item SET price = 0 WHERE pk_item = 20');
value('updated', 'SELECT tviews_drain()') for 1 .. 3;
is(states('updated'), 'ok', 'drains alone: ok');
is(value('updated', 'SELECT count(*) FROM tviews_batch.unfollowed'), 0, 'nothing is left to be derived again');
is(differing('updated'), 0, 'and every TVIEW equals its view');
my $before = value('updated', 'SELECT sum(compared) FROM tviews_drains');
value('updated', q{UPDATE tb_grp SET name = 'later' WHERE pk_grp = 2; DELETE FROM tb_item WHERE pk_item = 7; SELECT tviews_drain()});
is(differing('updated'), 0, 'changes after it are drained');
is(value('updated', 'SELECT sum(compared) FROM tviews_drains'), $before, 'by keys');
value('updated', 'SELECT FROM mine; DROP VIEW mine; REVOKE ALL ON FUNCTION tviews_drain(bigint, integer) FROM drainer');
same_catalog('updated', 'updated', 'fresh');
value('updated', q{SELECT tviews_drop('tv_item'), tviews_drop('tv_total')});
value('updated', 'DROP EXTENSION pg_tviews_batch');

done_testing();
