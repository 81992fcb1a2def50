# tviews_batch.capture switched off for the whole server, by ALTER SYSTEM and reload, or in its file before it starts:
# sessions that are open hear of it, also in the midst of a transaction, and what they write then is one change of all rows.
# tviews_status says that something is pending before a drain, and nothing differs after it.
use strict;
use warnings;

use File::Basename;
use File::Spec;
use lib dirname(File::Spec->rel2abs(__FILE__));

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TviewsSession;

my $node = PostgreSQL::Test::Cluster->new('capture');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_prepared_transactions = 2\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_tviews_batch;
	CREATE TABLE item (id int PRIMARY KEY, v int NOT NULL);
	INSERT INTO item SELECT i, i FROM generate_series(1, 100) i;
	CREATE VIEW v_item AS SELECT id, v FROM item;
	SELECT tviews_create('v_item');
	SELECT tviews_drain();
	CREATE ROLE writer LOGIN;
	GRANT SELECT, INSERT, UPDATE, DELETE ON item TO writer});

sub value
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

# Do something in a session; what it prints.
sub in_session
{
	my ($session, $sql) = @_;
	my ($how, $text) = $session->run("$sql;");
	die "$how: $text" if $how ne 'done';
	chomp $text;
	return $text;
}

my $open = TviewsSession->new($node->connstr('postgres'));
my $writer = TviewsSession->new($node->connstr('postgres') . ' user=writer');
my $inside = TviewsSession->new($node->connstr('postgres'));

# Change the server's setting, if some SQL is given, and wait until a session has heard of it.
sub reload
{
	my ($session, $sql, $value) = @_;
	my $heard = '';

	# the server knows the setting where the library has been loaded
	in_session($open, $sql) if $sql;
	value('SELECT pg_reload_conf()');
	for (my $i = 0; $i < 600 && $heard ne $value; $i++)
	{
		$heard = in_session($session, 'SHOW tviews_batch.capture');
		select(undef, undef, undef, 0.1) if $heard ne $value;
	}
	is($heard, $value, "an open session hears that capture is $value");
	return;
}

sub differing
{
	return value('SELECT count(*) FROM ((TABLE v_item EXCEPT ALL TABLE tv_item) UNION ALL (TABLE tv_item EXCEPT ALL TABLE v_item)) d');
}

# What waits in the queue, that it is reported, and that one drain brings all of it.
sub followed
{
	my ($expected, $name) = @_;

	is(value(q{SELECT string_agg(DISTINCT CASE WHEN link IS NULL THEN 'all' ELSE 'some' END, ', ') FROM tviews_batch.queue WHERE source <> 0}),
		$expected, "$name: what is logged");
	is(value(q{SELECT state || ' ' || (pending_changes > 0) FROM tviews_status}), 'ok true', "$name: pending before a drain");
	cmp_ok(differing(), '>', 0, "$name: the TVIEW is behind");
	value('SELECT tviews_drain()');
	is(value(q{SELECT state || ' ' || pending_changes FROM tviews_status}), 'ok 0', "$name: nothing is pending after it");
	is(differing(), 0, "$name: nothing differs");
	return;
}

in_session($open, 'UPDATE item SET v = v + 1 WHERE id = 1');
in_session($writer, 'UPDATE item SET v = v + 1 WHERE id = 2');
followed('some', 'capture is on');

# one transaction begins before the reload and goes on after it
in_session($inside, 'BEGIN; UPDATE item SET v = v + 1 WHERE id = 3');
reload($open, 'ALTER SYSTEM SET tviews_batch.capture = off', 'off');
reload($inside, undef, 'off');
in_session($inside, 'UPDATE item SET v = v + 1 WHERE id = 4; COMMIT');
followed('all, some', 'in the midst of a transaction');
in_session($open, 'UPDATE item SET v = v + 1 WHERE id = 5');
followed('all', 'a session that had a plan');
reload($writer, undef, 'off');
in_session($writer, 'DELETE FROM item WHERE id = 6');
followed('all', 'a writer without privileges');
like(in_session($writer, 'SET tviews_batch.capture = on'), qr/42501: /, 'who may not switch it on again');
value('INSERT INTO item VALUES (0, 0)');
followed('all', 'a new session');
in_session($open, q{BEGIN; UPDATE item SET v = v + 1 WHERE id = 7; PREPARE TRANSACTION 'off'});
value(q{COMMIT PREPARED 'off'});
followed('all', 'a prepared transaction');

# off when the server starts
$node->restart;
value('UPDATE item SET v = v + 1 WHERE id = 8');
followed('all', 'off since the server started');

$open = TviewsSession->new($node->connstr('postgres'));
in_session($open, "LOAD 'pg_tviews_batch'");
reload($open, 'ALTER SYSTEM RESET tviews_batch.capture', 'on');
in_session($open, 'UPDATE item SET v = v + 1 WHERE id = 9');
followed('some', 'on again');

$_->close for $open, $writer, $inside;
$node->stop;
done_testing();
