# cancel.pl - called by bench/cancel: work of each kind is started and cancelled at random moments
#
# A kind is the SQL that prepares it, once, and the statement that is cancelled.  Whatever is cancelled is undone, so the next
# try finds the same; first it is left to run to its end in a block that is rolled back, to know how long it takes.
# The time is taken by the session that cancels: from pg_cancel_backend to the line with which the other one ends.
use strict;
use warnings;
use FindBin;
use Time::HiRes qw(time sleep);
use lib $FindBin::Bin;
use Session;

my ($rows, $rounds, @wanted) = @ARGV;

my $tables = <<END;
CREATE TABLE item (id int PRIMARY KEY, grp int NOT NULL, d int NOT NULL, t text NOT NULL);
INSERT INTO item SELECT i, i % 1000, 1, 'text of ' || i FROM generate_series(1, $rows) i;
CREATE INDEX ON item (grp);
CREATE TABLE grp (grp int PRIMARY KEY, name text NOT NULL);
INSERT INTO grp SELECT i, 'group ' || i FROM generate_series(0, 999) i;
VACUUM ANALYZE;
END
my $item = "CREATE VIEW v_item AS SELECT id, t || d AS doc FROM item; SELECT tviews_create('v_item', key => '{id}')";
my $joined = "CREATE VIEW v_item AS SELECT i.id, i.t, g.name FROM item i JOIN grp g USING (grp); SELECT tviews_create('v_item', key => '{id}')";
my $touch = "UPDATE item SET t = t || 'x'";
my $tenth = int($rows / 10);

my @kinds = (
	[ 'direct', 'a drain: a change per row, read off the change', $item, $touch, 'SELECT tviews_drain()' ],
	[ 'spilled', 'the same, with work_mem of 1 MB: sets in temporary files', $item, $touch, 'SELECT tviews_drain()', "SET tviews_batch.work_mem = '1MB'" ],
	[ 'lookup', 'a drain: 1,000 changes whose lookup finds all rows', $joined, 'UPDATE grp SET name = upper(name)', 'SELECT tviews_drain()' ],
	[ 'cascade', 'a drain: one change, all rows on two levels',
		"$joined; CREATE VIEW v_up AS SELECT id, md5(name) AS m FROM tv_item; SELECT tviews_create('v_up', key => '{id}')",
		'UPDATE grp SET name = upper(name)', 'SELECT tviews_drain()' ],
	[ 'failing', 'a drain: a tenth of the rows, of which every tenth key fails',
		"CREATE VIEW v_item AS SELECT id, 10 / (d % 10) AS q FROM item; SELECT tviews_create('v_item', key => '{id}')",
		"UPDATE item SET d = (d / 10 + 1) * 10 + CASE id % 10 WHEN 0 THEN 0 ELSE 1 + d / 10 % 5 END WHERE id <= $tenth", 'SELECT tviews_drain()' ],
	[ 'lookups', 'a drain: 10,000 changes, some of whose lookups fail',
		"CREATE TABLE code (c text, n int); CREATE INDEX ON code (n); INSERT INTO code SELECT i::text, i FROM generate_series(1, 10000) i; ANALYZE code;"
		  . " CREATE VIEW v_item AS SELECT i.id, c.c FROM item i JOIN code c ON c.c::int = i.id; SELECT tviews_create('v_item', key => '{id}')",
		"UPDATE code SET c = CASE n % 1000 WHEN 0 THEN 'x' ELSE c || ' ' END", 'SELECT tviews_drain()' ],
	[ 'locked', 'a drain: the changes of a locked TVIEW, which are put off', $item, "UPDATE item SET t = t || 'x' WHERE id <= 9000", 'SELECT tviews_drain()', undef,
		'BEGIN; LOCK TABLE tv_item IN SHARE MODE' ],
	[ 'overflow', 'a drain: a queue above tviews_batch.queue_limit, thrown away', $item,
		"SET tviews_batch.queue_limit = 100000; DO 'BEGIN FOR i IN 0..9 LOOP UPDATE item SET t = t || ''x'' WHERE id % 10 = i; COMMIT; END LOOP; END';"
		  . " RESET tviews_batch.queue_limit; SELECT tviews_drain(1)", 'SELECT tviews_drain()' ],
	[ 'due', 'a drain: refresh_every is over, the whole TVIEW is compared',
		"CREATE VIEW v_item AS SELECT id, t || d AS doc FROM item; SELECT tviews_create('v_item', key => '{id}', refresh_every => '1 microsecond')", '', 'SELECT tviews_drain()' ],
	[ 'refresh', 'tviews_refresh: all rows differ', $item, "SET tviews_batch.guard = off; UPDATE tv_item SET doc = ''", "SELECT tviews_refresh('tv_item')" ],
	[ 'reconcile', 'CALL tviews_reconcile: in ranges', $item, '', "CALL tviews_reconcile('tv_item')" ],
	[ 'verify', 'tviews_verify', $item, '', "SELECT tviews_verify('tv_item')" ],
	[ 'create', 'tviews_create', "CREATE VIEW v_item AS SELECT id, t || d AS doc FROM item", '', "SELECT tviews_create('v_item', key => '{id}')" ],
	[ 'writer', 'a writer: UPDATE of all rows, with capture', $item, '', $touch ],
	[ 'vacuum', 'VACUUM FULL of the queue, a change per row', $item, $touch, 'VACUUM FULL tviews_batch.queue' ]);

# One kind: prepare it, let it run once, cancel it.
sub measure
{
	my ($name, $what, $setup, $changes, $work, $settings, $other) = @_;
	my $admin = Session->new;
	my $worker;
	my @times;

	$admin->run('SET client_min_messages = error; DROP SCHEMA IF EXISTS cancel CASCADE; TRUNCATE tviews_batch.queue; CREATE SCHEMA cancel');
	my $path = "SET client_min_messages = error; SET search_path = cancel, public; SET tviews_batch.full_threshold = 1; SET lock_timeout = '1min'";
	my $text = $admin->run("$path; $tables $setup; SELECT count(*) FROM tviews_drain(); CALL tviews_reconcile(); $changes; ANALYZE");
	die "$name: $text" if $text =~ /ERROR/;
	my $locker = Session->new;
	$locker->run("$path; $other") if $other;
	$worker = Session->new;
	$worker->run($path);
	$worker->run($settings) if $settings;
	my $block = $work !~ /^(CALL|VACUUM)/;
	my $begun = time;
	$text = $worker->run($block ? "BEGIN; $work; ROLLBACK" : $work);
	die "$name: $text" if $text =~ /ERROR/;
	my $took = time - $begun;
	$admin->run($changes) if !$block;

	for (my $try = 0; @times < $rounds && $try < $rounds * 3; $try++)
	{
		my $after = rand $took;
		$worker->start($work);
		sleep $after;
		my $sent = time;
		$admin->run("SELECT pg_cancel_backend($worker->{backend})");
		$text = $worker->finish;
		if ($text =~ /canceling statement due to user request/) { push @times, (time - $sent) * 1000; next; }
		die "$name: $text" if $text =~ /ERROR/;

		# too late: it is done and has to be prepared anew
		$worker->run('SELECT 1');
		$admin->run("DROP TABLE tv_item CASCADE") if $name eq 'create';
		$admin->run($changes) if $changes;
	}
	$_->stop foreach $admin, $worker, $locker;
	@times = sort { $a <=> $b } @times;
	printf "| %s | %.1f s | %d | %.0f ms | %.0f ms |\n", $what, $took, scalar @times, $times[$#times / 2] // 0, $times[-1] // 0;
}

$| = 1;
srand 20;
Session->new->run('CREATE EXTENSION pg_tviews_batch');
print "| work | takes | cancels | median | longest |\n|---|--:|--:|--:|--:|\n";
foreach my $kind (@kinds)
{
	measure(@$kind) if !@wanted || grep { $_ eq $kind->[0] } @wanted;
}
