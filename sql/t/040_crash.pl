# What empties the queue is noticed: kill -9 of a backend and of the postmaster, immediate stop, TRUNCATE, promotion,
# a restored base backup, a restored dump; with transactions prepared before.  Until every TVIEW has been
# compared again it is stale; plain drains bring it back.  A clean restart, or a crash with a logged queue, costs nothing.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $LOST = 'the queue was lost: crash, promotion, restore or TRUNCATE';
my $RESTORED = 'restored from a dump';
my $PENDING = 'a transaction prepared before the queue was lost has not ended';
my $EMPTIED = 'an unlogged table was emptied by a crash';
my $TVIEWS = 3;

my $conf = "
restart_after_crash = on
max_prepared_transactions = 10
autovacuum = off
";

# the value of a query
sub value
{
	my ($node, $sql, $database) = @_;
	return $node->safe_psql($database // 'postgres', $sql);
}

# Rows in which a TVIEW and its view differ, both ways.
sub differing
{
	my ($node, $database) = @_;
	return value($node, join(' + ', map { "(SELECT count(*) FROM (TABLE v_$_ EXCEPT ALL TABLE tv_$_) d)
		+ (SELECT count(*) FROM (TABLE tv_$_ EXCEPT ALL TABLE v_$_) d)" } qw(item total note)) =~ s/^/SELECT /r, $database);
}

# The states, and the reasons, of all TVIEWs: each different one once.
sub states
{
	my ($node, $database) = @_;
	return value($node, q{SELECT string_agg(DISTINCT state || coalesce(': ' || reason, ''), '; ') FROM tviews_status}, $database);
}

sub compared
{
	my ($node, $database) = @_;
	return value($node, 'SELECT coalesce(sum(compared), 0) FROM tviews_drains', $database);
}

# A change that a drain takes, and one that waits in the queue.
my $round = 0;

sub change
{
	my ($node) = @_;
	$round++;
	$node->safe_psql('postgres', "
		UPDATE tb_item SET price = price + 1 WHERE pk_item % 10 = $round % 10;
		SELECT tviews_drain();
		UPDATE tb_item SET name = 'round $round' WHERE pk_item % 7 = $round % 7;
		INSERT INTO tb_note VALUES ($round, 'round $round')");
	return;
}

# The queue was lost: that is said, and drains alone bring everything back.
sub recovers
{
	my ($node, $name, $reason, $database, $changed) = @_;
	my $before = compared($node, $database);
	my $drains = 0;

	is(states($node, $database), "stale: $reason", "$name: everything is stale before the first drain");
	while (states($node, $database) ne 'ok' && $drains < 10)
	{
		value($node, 'SELECT tviews_drain()', $database);
		$drains++;
		isnt(states($node, $database), 'ok', "$name: drain $drains is not the last, and something is still stale")
		  if $drains < $TVIEWS && !$changed;
	}
	# a change that concerns all rows has its TVIEWs compared beside the one whose turn it is
	if ($changed) { cmp_ok($drains, '<=', $TVIEWS, "$name: after at most a drain per TVIEW everything is ok") }
	else { is($drains, $TVIEWS, "$name: one TVIEW is compared per drain, then everything is ok") }
	is(compared($node, $database) - $before, $TVIEWS, "$name: each TVIEW was compared once");
	is(differing($node, $database), 0, "$name: every TVIEW equals its view");
	value($node, 'SELECT tviews_drain()', $database);
	is(compared($node, $database) - $before, $TVIEWS, "$name: then nothing more is compared");
	return;
}

# Nothing was lost: states stay, and nothing is compared.
sub keeps
{
	my ($node, $name, $before) = @_;
	is(states($node), 'ok', "$name: states stay ok");
	value($node, 'SELECT tviews_drain()');
	is(states($node), 'ok', "$name: also after a drain");
	is(compared($node), $before, "$name: nothing was compared");
	is(differing($node), 0, "$name: every TVIEW equals its view");
	return;
}

sub restarted
{
	my ($node) = @_;
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
	return;
}

# A backend that has run some SQL and goes on sleeping is killed the hard way.
sub kill_backend
{
	my ($node, $sql) = @_;
	my ($in, $out, $err) = ('', '', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
		'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(180));
	$in .= "$sql;\nSELECT 'pid ' || pg_backend_pid();\nSELECT pg_sleep(1000);\n";
	$session->pump until $out =~ /pid (\d+)\n/;
	my ($pid) = $out =~ /pid (\d+)\n/;
	kill('KILL', $pid) == 1 or die "could not kill $pid";
	$session->finish;
	restarted($node);
	return;
}

# The postmaster is killed, and started again as soon as its children are gone.
sub kill_postmaster
{
	my ($node) = @_;
	my ($pid) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	$node->kill9;
	for (1 .. 600)
	{
		return if !kill(0, $pid) && $node->start(fail_ok => 1);
		select(undef, undef, undef, 0.1);
	}
	die 'the server did not come back';
}

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', $conf);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_tviews_batch;
	CREATE TABLE tb_item (pk_item int PRIMARY KEY, grp int NOT NULL, name text NOT NULL, price int NOT NULL);
	INSERT INTO tb_item SELECT i, i % 20, 'item ' || i, i FROM generate_series(1, 2000) i;
	CREATE TABLE tb_note (pk_note int PRIMARY KEY, body text);
	CREATE VIEW v_item AS SELECT pk_item, grp, jsonb_build_object('name', name, 'price', price) AS doc FROM tb_item;
	SELECT tviews_create('v_item');
	CREATE VIEW v_total AS SELECT grp AS pk_total, count(*) AS n, sum((doc ->> 'price')::int) AS price, max(doc ->> 'name') AS name
	  FROM tv_item GROUP BY grp;
	SELECT tviews_create('v_total');
	CREATE VIEW v_note AS SELECT pk_note, upper(body) AS body FROM tb_note;
	SELECT tviews_create('v_note');
});
is(states($node), 'ok', 'a new database is ok');
is(compared($node), 0, 'and compares nothing');

# ---- nothing lost
change($node);
$node->restart;
keeps($node, 'clean restart', 0);
change($node);
value($node, 'VACUUM FULL tviews_batch.queue');
keeps($node, 'VACUUM FULL of the queue', 0);
value($node, 'BEGIN; TRUNCATE tviews_batch.queue; ROLLBACK');
change($node);
keeps($node, 'a TRUNCATE rolled back', 0);

# ---- the queue is lost
change($node);
value($node, 'TRUNCATE tviews_batch.queue');
recovers($node, 'TRUNCATE', $LOST);

change($node);
value($node, 'DELETE FROM tviews_batch.queue');
recovers($node, 'DELETE of the whole queue', $LOST);

change($node);
kill_backend($node, 'SELECT 1');
recovers($node, 'kill -9 of an idle backend', $LOST);

change($node);
kill_backend($node, "BEGIN; UPDATE tb_item SET name = 'never' WHERE pk_item < 100; SELECT tviews_drain()");
recovers($node, 'kill -9 of a writer that drained', $LOST);

change($node);
kill_postmaster($node);
recovers($node, 'kill -9 of the postmaster', $LOST);

change($node);
$node->stop('immediate');
$node->start;
# changes after the crash do not hide it
value($node, "UPDATE tb_item SET name = 'after ' || pk_item WHERE pk_item < 50");
recovers($node, 'immediate stop', $LOST);

# ---- what the noticing drain did is undone
change($node);
$node->stop('immediate');
$node->start;
value($node, 'BEGIN; SELECT tviews_drain(); ROLLBACK');
value($node, 'BEGIN; SAVEPOINT s; SELECT tviews_drain(); SELECT tviews_drain(); ROLLBACK TO s; COMMIT');
is(value($node, 'SELECT count(*) FROM tviews_batch.queue WHERE source = 0'), 0, 'the sentinel goes with a drain that is rolled back');
recovers($node, 'drains rolled back after a crash', $LOST);

# ---- a TVIEW made between a crash and the first drain belongs to the new epoch
change($node);
$node->stop('immediate');
$node->start;
value($node, q{CREATE VIEW v_early AS SELECT pk_note, body FROM tb_note; SELECT tviews_create('v_early', key => '{pk_note}')});
is(value($node, q{SELECT state FROM tviews_status WHERE tview = 'tv_early'::regclass}), 'ok', 'a TVIEW made after a crash is ok before a drain');
value($node, q{INSERT INTO tb_note VALUES (-2, 'early')});
$node->stop('immediate');
$node->start;
is(value($node, q{SELECT state || ': ' || reason FROM tviews_status WHERE tview = 'tv_early'::regclass}), "stale: $LOST", 'and stale after the next crash');
value($node, q{SELECT tviews_drop('tv_early'); DROP VIEW v_early});
recovers($node, 'a crash before the first drain', $LOST);

# ---- other ways to recover
change($node);
$node->stop('immediate');
$node->start;
value($node, 'CALL tviews_reconcile()');
is(states($node), 'ok', 'tviews_reconcile notices a crash and clears all TVIEWs');
is(differing($node), 0, 'and they equal their views');

change($node);
$node->stop('immediate');
$node->start;
value($node, q{CALL tviews_drain_loop('2 seconds', '1 minute')});
is(states($node), 'ok', 'tviews_drain_loop notices a crash and clears all TVIEWs without pausing');
is(differing($node), 0, 'and they equal their views');

change($node);
$node->stop('immediate');
$node->start;
value($node, q{SELECT tviews_refresh('tv_item')});
is(value($node, q{SELECT string_agg(state, ' ' ORDER BY tview::text) FROM tviews_status}), 'ok stale stale',
	'tviews_refresh of one TVIEW notices a crash for the others');
value($node, 'SELECT tviews_drain(); SELECT tviews_drain()');
is(states($node), 'ok', 'drains clear these');
is(differing($node), 0, 'and all equal their views');

# ---- a crash in the middle of a comparison in ranges: with an unlogged queue it starts over
sub ranges
{
	my ($node, $n) = @_;
	value($node, 'SET tviews_batch.batch_keys = 100; SELECT tviews_drain()') for 1 .. $n;
	return;
}
value($node, 'UPDATE tb_item SET price = price + 1 WHERE pk_item < 5');
$node->stop('immediate');
$node->start;
ranges($node, 3);
like(states($node), qr/stale: \Q$LOST\E \(\d+% compared\)/, 'ranges: a comparison is under way');
value($node, 'UPDATE tb_item SET price = -7 WHERE pk_item = 1');
$node->stop('immediate');
$node->start;
is(states($node), "stale: $LOST", 'ranges: another crash, and what was compared does not count');
value($node, 'SELECT tviews_drain()') for 1 .. 3;
is(states($node), 'ok', 'ranges: drains clear that');
is(differing($node), 0, 'ranges: every TVIEW equals its view');

# ---- the sentinel goes back to the front, behind which a large queue was written before it
$node->stop('immediate');
$node->start;
value($node, q{DO 'BEGIN FOR i IN 1 .. 2000 LOOP UPDATE tb_item SET price = price + 1 WHERE pk_item = i; END LOOP; END'});
value($node, 'SELECT tviews_drain()');
cmp_ok(value($node, 'SELECT max((ctid::text::point)[0]) FROM tviews_batch.queue WHERE source = 0'), '>', 0, 'the sentinel is behind old entries');
value($node, "SELECT tviews_drain(); SELECT tviews_drain(); VACUUM tviews_batch.queue; UPDATE tb_item SET price = price + 1; SELECT tviews_drain()");
is(value($node, 'SELECT max((ctid::text::point)[0]) FROM tviews_batch.queue WHERE source = 0'), 0, 'a later drain moves it to the front');
keeps($node, 'moving the sentinel', compared($node));

# ---- transactions prepared before the crash
change($node);
$node->safe_psql('postgres', q{
	BEGIN; UPDATE tb_item SET price = -1 WHERE pk_item = 5; PREPARE TRANSACTION 'one';
	BEGIN; INSERT INTO tb_note VALUES (-1, 'prepared'); PREPARE TRANSACTION 'it''s two';});
$node->stop('immediate');
$node->start;
my $before = compared($node);
value($node, 'SELECT tviews_drain()') for 1 .. 5;
is(states($node), "stale: $PENDING", 'prepared: stale while they are pending');
is(compared($node) - $before, $TVIEWS, 'prepared: each TVIEW is compared once meanwhile');
is(differing($node), 0, 'prepared: and equals its view as long as they are');
value($node, q{UPDATE tb_item SET name = 'meanwhile' WHERE pk_item = 6; SELECT tviews_drain()});
is(differing($node), 0, 'prepared: changes are applied meanwhile');
is(compared($node) - $before, $TVIEWS, 'prepared: without comparing');
value($node, q{COMMIT PREPARED 'one'});
isnt(differing($node), 0, 'prepared: a commit after the crash has no entry in the queue');
value($node, 'SELECT tviews_drain()');
is(states($node), "stale: $PENDING", 'prepared: stale, as one of two is still pending');
$node->stop('immediate');
$node->start;
is(states($node), "stale: $LOST", 'prepared: a second crash');
value($node, 'CALL tviews_reconcile()');
is(states($node), "stale: $PENDING", 'prepared: tviews_reconcile cannot clear it');
value($node, 'CALL tviews_reconcile()');
value($node, q{COMMIT PREPARED 'it''s two'});
isnt(differing($node), 0, 'prepared: the second commit has no entry either');
is(states($node), "stale: $PENDING", 'prepared: stale until a drain has looked');
$before = compared($node);
value($node, 'SELECT tviews_drain()') for 1 .. 4;
is(states($node), 'ok', 'prepared: drains after the last has ended clear all TVIEWs');
is(compared($node) - $before, $TVIEWS, 'prepared: by comparing once more');
is(differing($node), 0, 'prepared: every TVIEW equals its view');
is(value($node, 'SELECT count(*) FROM tviews_batch.prepared'), 0, 'prepared: forgotten');

value($node, q{BEGIN; UPDATE tb_item SET price = -2 WHERE pk_item = 7; PREPARE TRANSACTION 'three'});
change($node);
$node->stop('immediate');
$node->start;
value($node, 'SELECT tviews_drain()') for 1 .. 4;
value($node, q{ROLLBACK PREPARED 'three'});
value($node, 'SELECT tviews_drain()') for 1 .. 3;
is(states($node), 'ok', 'prepared: a rollback ends the waiting as well');
is(differing($node), 0, 'prepared: every TVIEW equals its view');

# one that ends between two ranges of a comparison: what was compared before does not count
value($node, q{BEGIN; UPDATE tb_item SET price = -3 WHERE pk_item = 1; PREPARE TRANSACTION 'four'});
change($node);
$node->stop('immediate');
$node->start;
ranges($node, 3);
like(states($node), qr/ \(\d+% compared\)/, 'prepared: a comparison in ranges is under way');
value($node, q{COMMIT PREPARED 'four'});
isnt(differing($node), 0, 'prepared: the commit concerns a range that has been compared');
value($node, 'SELECT tviews_drain();' x 40);
is(states($node), 'ok', 'prepared: drains clear all TVIEWs, ranges or not');
is(differing($node), 0, 'prepared: every TVIEW equals its view');

# ---- a prepared transaction that drained: its sentinel is not there, its writes come late
$node->stop('immediate');
$node->start;
value($node, q{BEGIN; SELECT tviews_drain(); PREPARE TRANSACTION 'drain'});
is(value($node, 'SELECT busy FROM tviews_drain()'), 't', 'a prepared drain keeps the drain lock');
change($node);
$node->stop('immediate');
$node->start;
value($node, q{COMMIT PREPARED 'drain'});
recovers($node, 'a crash after a drain was prepared', $LOST);

# ---- standby and base backup
change($node);
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
change($node);
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(states($standby), 'ok', 'tviews_status works on a standby');
is(value($standby, 'SELECT pending_changes FROM tviews_queue_depth'), 0, 'so does tviews_queue_depth');
my ($status, $out, $err) = $standby->psql('postgres', 'SELECT tviews_drain()');
like($err, qr/during recovery/, 'tviews_drain says that it cannot');
$standby->promote;
recovers($standby, 'promoted standby', $LOST);
$standby->stop;

my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($node, 'base');
$restored->start;
recovers($restored, 'restored base backup', $LOST);
$restored->stop;

# ---- a dump: changes that waited are not in it
change($node);
my $dump = "$PostgreSQL::Test::Utils::tmp_check/crash.dump";
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
value($node, 'CREATE DATABASE copied');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('copied'), $dump ], 'pg_restore');
recovers($node, 'restored dump', $RESTORED, 'copied');
is(states($node), 'ok', 'the database that was dumped stays ok');

# ---- a logged queue
value($node, 'SELECT tviews_drain(); SELECT tviews_set_queue(true)');
$before = compared($node);
for my $how ('immediate', 'kill9')
{
	change($node);
	value($node, q{BEGIN; UPDATE tb_item SET price = -3 WHERE pk_item = 8; PREPARE TRANSACTION 'four'});
	if ($how eq 'kill9') { kill_postmaster($node) }
	else { $node->stop('immediate'); $node->start }
	value($node, q{COMMIT PREPARED 'four'});
	isnt(value($node, 'SELECT pending_changes FROM tviews_queue_depth WHERE source IS NULL'), 0, "logged queue, $how: changes survive");
	keeps($node, "logged queue, $how", $before);
}
# a comparison in ranges goes on after the crash
value($node, q{SELECT tviews_pause('tv_item'), tviews_resume('tv_item')});
ranges($node, 3);
my $place = value($node, q{SELECT compare_rows, compare_place FROM tviews_batch.tview WHERE tview = 'tv_item'::regclass});
like($place, qr/^300\|/, 'logged queue, ranges: three have been compared');
value($node, 'UPDATE tb_item SET price = -8 WHERE pk_item IN (1, 1000)');
kill_postmaster($node);
like(states($node), qr/was paused \(\d+% compared\)/, 'logged queue, ranges: what was compared counts after a crash');
is(value($node, q{SELECT compare_rows, compare_place FROM tviews_batch.tview WHERE tview = 'tv_item'::regclass}),
	$place, 'logged queue, ranges: it goes on at the same place');
my ($code, $told, $notices) = $node->psql('postgres', q{SET tviews_batch.batch_keys = 100; CALL tviews_reconcile('tv_item')});
like($notices, qr/TVIEW "tv_item": \d+% compared, 400 of about \d+ rows\n/, 'logged queue, ranges: tviews_reconcile goes on');
like($notices, qr/TVIEW "tv_item": \d+% compared, 500 of about \d+ rows, about \d+ s left\n/, 'and says how long it will take');
unlike($notices, qr/ 100 of about/, 'and does not start over');
value($node, 'SELECT tviews_drain()');
is(states($node), 'ok', 'logged queue, ranges: ok at the end');
is(differing($node), 0, 'logged queue, ranges: every TVIEW equals its view');
$before = compared($node);

$node->backup('logged');
my $second = PostgreSQL::Test::Cluster->new('second');
$second->init_from_backup($node, 'logged', has_streaming => 1);
$second->start;
change($node);
$node->wait_for_catchup($second, 'replay', $node->lsn('insert'));
isnt(value($second, 'SELECT pending_changes FROM tviews_queue_depth WHERE source IS NULL'), 0, 'a logged queue can be read on a standby');
$second->promote;
is(value($second, 'SELECT string_agg(DISTINCT state, $$ $$) FROM tviews_status'), 'ok', 'logged queue, promoted standby: ok');
value($second, 'SELECT tviews_drain()');
is(compared($second), $before, 'logged queue, promoted standby: nothing is compared');
is(differing($second), 0, 'logged queue, promoted standby: every TVIEW equals its view');
$second->stop;

# an unlogged source is emptied all the same
value($node, 'SELECT tviews_drain(); ALTER TABLE tb_note SET UNLOGGED');
value($node, 'SELECT tviews_drain()') for 1 .. 2;
is(states($node), 'ok', 'an unlogged source');
$before = compared($node);
change($node);
$node->stop('immediate');
$node->start;
is(value($node, q{SELECT string_agg(state || coalesce(': ' || reason, ''), ', ' ORDER BY tview::text) FROM tviews_status}),
	"ok, stale: $EMPTIED, ok", 'logged queue, unlogged source: its TVIEW is stale, others are not');
value($node, 'SELECT tviews_drain()') for 1 .. 2;
is(states($node), 'ok', 'logged queue, unlogged source: ok after a drain');
is(compared($node) - $before, 1, 'logged queue, unlogged source: one TVIEW was compared');
is(differing($node), 0, 'logged queue, unlogged source: every TVIEW equals its view');

# also if it is logged by the time a drain looks
change($node);
$node->stop('immediate');
$node->start;
value($node, 'ALTER TABLE tb_note SET LOGGED');
is(value($node, q{SELECT string_agg(state || coalesce(': ' || reason, ''), ', ' ORDER BY tview::text) FROM tviews_status}),
	"ok, stale: $EMPTIED, ok", 'logged queue, source logged after the crash: its TVIEW is stale, others are not');
value($node, 'SELECT tviews_drain()') for 1 .. 2;
is(states($node), 'ok', 'logged queue, source logged after the crash: ok after a drain');
is(differing($node), 0, 'logged queue, source logged after the crash: every TVIEW equals its view');

# and back: entries stay
change($node);
value($node, 'SELECT tviews_set_queue(false)');
$before = compared($node);
keeps($node, 'unlogged again', $before);
change($node);
$node->stop('immediate');
$node->start;
is(states($node), "stale: $LOST", 'unlogged again: a crash is noticed');
value($node, 'SELECT tviews_drain()') for 1 .. 3;
is(states($node), 'ok', 'unlogged again: and repaired');
is(differing($node), 0, 'unlogged again: every TVIEW equals its view');

($status, $out, $err) = $node->psql('postgres', q{CREATE ROLE visitor; GRANT EXECUTE ON FUNCTION tviews_set_queue(boolean) TO visitor;
	SET ROLE visitor; SELECT tviews_set_queue(true)});
like($err, qr/permission denied to change the queue/, 'tviews_set_queue is for the owner of the extension');

# a TVIEW that is emptied together with its source equals its view, so comparing it tells the one that reads it nothing
value($node, 'SELECT tviews_set_queue(true); ALTER TABLE tb_item SET UNLOGGED; ALTER TABLE tv_item SET UNLOGGED');
value($node, 'SELECT tviews_drain()') for 1 .. 3;
is(states($node), 'ok', 'an unlogged source, an unlogged TVIEW, and one that reads it');
$node->stop('immediate');
$node->start;
is(value($node, 'SELECT (SELECT count(*) FROM tv_item) || $$ $$ || (SELECT count(*) > 0 FROM tv_total)'), '0 true', 'both are emptied, the third is not');
value($node, 'SELECT tviews_drain()') for 1 .. 3;
is(states($node), 'ok', 'unlogged TVIEW: ok after drains');
is(differing($node), 0, 'unlogged TVIEW: every TVIEW equals its view');

done_testing();
