# pg_dump and pg_restore in their forms: nothing fails, afterwards every TVIEW says that it was restored, and drains alone
# bring all back.  DDL and writes between the restore and the first drain are not missed.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $RESTORED = 'stale: restored from a dump';
my @TVIEWS = ('app.%s_b', 'app.%s_p', 'app.%s_pk', '"Z oo".%s_a');

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;

sub value
{
	my ($database, $sql) = @_;
	return $node->safe_psql($database, $sql);
}

# Rows in which a TVIEW and its view differ, both ways.
sub differing
{
	my ($database) = @_;
	return value($database, 'SELECT ' . join(' + ', map {
		my ($tview, $view) = (sprintf($_, 'tv'), sprintf($_, 'v'));
		"(SELECT count(*) FROM (TABLE $view EXCEPT ALL TABLE $tview) d) + (SELECT count(*) FROM (TABLE $tview EXCEPT ALL TABLE $view) d)"
	} @TVIEWS));
}

sub states
{
	my ($database) = @_;
	return value($database, q{SELECT string_agg(DISTINCT state || coalesce(': ' || reason, ''), '; ') FROM tviews_status});
}

sub database
{
	my ($name) = @_;
	value('postgres', "DROP DATABASE IF EXISTS $name");
	value('postgres', "CREATE DATABASE $name");
	return;
}

sub restore_ok
{
	my ($name, $database, @arguments) = @_;
	return command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($database), @arguments ], $name);
}

# After a restore: stale, then, by drains alone, ok, equal, and capturing.
sub recovers
{
	my ($name, $database) = @_;
	is(states($database), $RESTORED, "$name: every TVIEW says so");
	is(value($database, q{SELECT count(*) FROM tviews_batch.unwatched}), 0, "$name: capture and guards stand") unless $name =~ /disable/;
	for (1 .. @TVIEWS) { value($database, 'SELECT tviews_drain()') }
	is(states($database), 'ok', "$name: a drain for each TVIEW, and all are ok");
	is(differing($database), 0, "$name: every TVIEW equals its view");
	is(value($database, q{SELECT count(*) FROM tviews_batch.unwatched}), 0, "$name: nothing is unwatched");
	value($database, q{
		UPDATE app.tb_b SET qty = qty + 1 WHERE pk_b = 100;
		INSERT INTO app.tb_p VALUES (1000, 2, 7);
		UPDATE app.tb_p1 SET v = 0 WHERE k = 4;
		UPDATE app.tb_a SET name = 'later' WHERE pk_a = 7});
	isnt(differing($database), 0, "$name: changes after it");
	my $before = value($database, 'SELECT sum(compared) FROM tviews_drains');
	value($database, 'SELECT tviews_drain()');
	is(differing($database), 0, "$name: are drained");
	is(value($database, 'SELECT sum(compared) FROM tviews_drains'), $before, "$name: by their keys");
	my ($status, $out, $err) = $node->psql($database, 'DELETE FROM app.tv_b');
	like($err, qr/maintained by drains/, "$name: TVIEWs are guarded");
	return;
}

# Functional dependencies make pg_dump write a view twice; partitions make it attach; a schema sorts before and one after ours.
database('original');
value('original', q{
	CREATE EXTENSION pg_tviews_batch;
	CREATE SCHEMA app;
	CREATE SCHEMA "Z oo";
	CREATE TABLE app.tb_a (pk_a int PRIMARY KEY, name text NOT NULL);
	CREATE TABLE app.tb_b (pk_b int PRIMARY KEY, fk_a int NOT NULL REFERENCES app.tb_a, qty int NOT NULL);
	CREATE TABLE app.tb_p (k int, g int, v int) PARTITION BY LIST (g);
	CREATE TABLE app.tb_p1 PARTITION OF app.tb_p FOR VALUES IN (1);
	CREATE TABLE app.tb_p2 PARTITION OF app.tb_p FOR VALUES IN (2);
	INSERT INTO app.tb_a SELECT i, 'a' || i FROM generate_series(1, 50) i;
	INSERT INTO app.tb_b SELECT i, i % 50 + 1, i FROM generate_series(1, 500) i;
	INSERT INTO app.tb_p SELECT i, (i + 1) % 2 + 1, i FROM generate_series(1, 100) i;
	UPDATE app.tb_p SET g = 1 WHERE k = 4;
	CREATE VIEW app.v_b AS SELECT b.pk_b, b.qty, a.name FROM app.tb_b b JOIN app.tb_a a ON a.pk_a = b.fk_a;
	SELECT tviews_create('app.v_b');
	CREATE VIEW "Z oo".v_a AS SELECT a.pk_a, a.name, (SELECT jsonb_agg(b.qty ORDER BY b.pk_b)
		FROM app.tv_b b JOIN app.tb_b x USING (pk_b) WHERE x.fk_a = a.pk_a) AS bs FROM app.tb_a a;
	SELECT tviews_create('"Z oo".v_a');
	CREATE VIEW app.v_p AS SELECT g, sum(v) AS v FROM app.tb_p GROUP BY g;
	SELECT tviews_create('app.v_p');
	CREATE VIEW app.v_pk AS SELECT a.pk_a, a.name, count(*) AS n FROM app.tb_a a JOIN app.tb_b b ON b.fk_a = a.pk_a GROUP BY a.pk_a;
	SELECT tviews_create('app.v_pk');
	UPDATE app.tb_b SET qty = qty + 1 WHERE pk_b < 10;
	UPDATE app.tb_a SET name = 'waits' WHERE pk_a = 3});
isnt(differing('original'), 0, 'changes wait when the dump is made');

my $dir = $PostgreSQL::Test::Utils::tmp_check;
for my $format ([ 'plain', '-Fp' ], [ 'custom', '-Fc' ], [ 'directory', '-Fd', '-j2' ], [ 'clean', '-Fp', '--clean', '--if-exists' ])
{
	my ($name, @arguments) = @$format;
	command_ok([ 'pg_dump', @arguments, '-f', "$dir/$name", '-d', $node->connstr('original') ], "pg_dump, $name");
}

database('copy');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', "$dir/plain" ], 'plain dump');
recovers('plain', 'copy');

# over what is there, with and without changes
for my $round ('clean', 'clean again')
{
	value('copy', q{UPDATE app.tb_b SET qty = qty + 1 WHERE pk_b < 20});
	command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', "$dir/clean" ], "$round dump");
	recovers($round, 'copy');
}

database('copy');
restore_ok('custom', 'copy', "$dir/custom");
recovers('custom', 'copy');
restore_ok('custom, clean', 'copy', '--clean', '--if-exists', "$dir/custom");
recovers('custom, clean', 'copy');

database('copy');
restore_ok('single transaction', 'copy', '-1', "$dir/custom");
recovers('single transaction', 'copy');

database('copy');
restore_ok('jobs', 'copy', '-j2', "$dir/directory");
recovers('jobs', 'copy');

my ($in, $out, $err) = ('', '', '');

# ---- schema and data apart
for my $how ([], ['--disable-triggers'], [ '--disable-triggers', '-j2' ])
{
	my $name = join(' ', 'schema, then data', @$how);
	database('copy');
	restore_ok("$name: schema", 'copy', '--schema-only', "$dir/directory");
	is(value('copy', 'SELECT count(*) FROM tviews_batch.tview'), 0, "$name: no metadata yet");
	like(states('copy'), qr/^stale: nothing is known of it/, "$name: the state says so");
	is(value('copy', 'SELECT count(*) FROM tviews_status'), scalar(@TVIEWS), "$name: of each table");
	restore_ok($name, 'copy', '--data-only', @$how, "$dir/directory");
	recovers($name, 'copy');
}

# a session that knew that there was nothing to capture goes on writing
sub start_writer
{
	return IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('copy') ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(180));
}
database('copy');
restore_ok('writer: schema', 'copy', '--schema-only', "$dir/custom");
my $writer = start_writer();

sub writer_inserts
{
	my ($key) = @_;
	$in .= "INSERT INTO app.tb_p VALUES ($key, 1, 1) RETURNING k;\n";
	$writer->pump until $out =~ /^$key$/m;
	return;
}

writer_inserts(2000);
restore_ok('writer', 'copy', '--data-only', "$dir/custom");
value('copy', 'SELECT tviews_drain()');
writer_inserts(2001);
value('copy', 'SELECT tviews_drain()') for 1 .. @TVIEWS;
writer_inserts(2002);
value('copy', 'SELECT tviews_drain()');
is(differing('copy'), 0, 'a session older than the metadata is captured from the first drain on');
$writer->finish;

# one whose transaction stays open holds up the TVIEWs of the tables that it wrote, and no others
database('copy');
restore_ok('open writer', 'copy', "$dir/custom");
$in = "BEGIN;\n";
$writer = start_writer();
writer_inserts(2003);
value('copy', q{SET client_min_messages = error; SET tviews_batch.lock_timeout = '100ms'; SELECT tviews_drain()}) for 1 .. @TVIEWS;
is(value('copy', q{SELECT string_agg(tview || ' ' || state, ', ' ORDER BY tview::text COLLATE "C") FROM tviews_status}),
	'"Z oo".tv_a ok, app.tv_b ok, app.tv_p stale, app.tv_pk ok', 'a writer that stays open holds up its own TVIEWs alone');
value('copy', q{UPDATE app.tb_b SET qty = qty + 1 WHERE pk_b = 100; SET client_min_messages = error; SELECT tviews_drain()});
is(value('copy', 'SELECT count(*) FROM (TABLE app.v_b EXCEPT ALL TABLE app.tv_b) d'), 0, '... the others are drained');
$in .= "COMMIT;\n";
writer_inserts(2004);
value('copy', q{SELECT pg_sleep(1.1)});
value('copy', 'SELECT tviews_drain()') for 1 .. @TVIEWS;
is(states('copy'), 'ok', '... and when it has ended all are');
is(differing('copy'), 0, '... equal');
$writer->finish;

# ---- what happens between the restore and the first drain
database('copy');
restore_ok('before the first drain', 'copy', "$dir/custom");
value('copy', q{
	CREATE TABLE app.tb_p3 PARTITION OF app.tb_p FOR VALUES IN (3);
	CREATE TABLE app.tb_p4 (LIKE app.tb_p);
	ALTER TABLE app.tb_p ATTACH PARTITION app.tb_p4 FOR VALUES IN (4);
	ALTER TABLE app.tb_b RENAME qty TO quantity;
	ALTER TABLE app.tv_b RENAME qty TO quantity;
	ALTER VIEW app.v_b RENAME qty TO quantity;
	DROP TRIGGER tviews_capture_update ON app.tb_a;
	UPDATE app.tb_a SET name = 'unseen' WHERE pk_a = 9});
value('copy', 'SELECT tviews_drain()') for 1 .. @TVIEWS;
is(states('copy'), 'ok', 'DDL between the restore and the first drain');
value('copy', q{INSERT INTO app.tb_p3 VALUES (3000, 3, 1); INSERT INTO app.tb_p4 VALUES (3000, 4, 1);
	UPDATE app.tb_a SET name = 'seen' WHERE pk_a = 10; UPDATE app.tb_b SET quantity = 0 WHERE pk_b = 20});
value('copy', 'SELECT tviews_drain()');
is(states('copy'), 'ok', 'states stay ok');
is(differing('copy'), 0, 'and is captured after it');

# the original was never touched
value('original', 'SELECT tviews_drain()');
is(states('original'), 'ok', 'the database that was dumped stays ok');
is(differing('original'), 0, 'and its changes are drained');

done_testing();
