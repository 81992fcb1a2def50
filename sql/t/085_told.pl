# A transaction is shown to snapshots before it tells others what it did to the catalogs; COMMIT PREPARED removes the files of
# dropped tables in between.  A drain that meets its mark then must not compare with the function that was replaced.
use strict;
use warnings;

use File::Basename;
use File::Spec;
use lib dirname(File::Spec->rel2abs(__FILE__));

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TviewsSession;

my $tables = 2500;
my $node = PostgreSQL::Test::Cluster->new('told');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nmax_prepared_transactions = 2\nmax_locks_per_transaction = 512\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_tviews_batch;
	CREATE FUNCTION plus(int, OUT int) LANGUAGE plpgsql IMMUTABLE AS $$BEGIN $2 := $1; END$$;
	CREATE TABLE item (id int PRIMARY KEY, v int NOT NULL);
	INSERT INTO item SELECT i, i FROM generate_series(1, 10) i;
	CREATE VIEW v_item AS SELECT id, plus(v) AS v FROM item;
	SELECT tviews_create('v_item');
	SELECT tviews_drain();
	SELECT tviews_drain()});

my $drains = TviewsSession->new($node->connstr('postgres'));
my $ddl = TviewsSession->new($node->connstr('postgres'));
for my $round (1 .. 3)
{
	$ddl->run("DO 'BEGIN FOR i IN 1..$tables LOOP EXECUTE format(''CREATE TABLE t%s ()'', i); END LOOP; END';", 180);
	$ddl->run("BEGIN; DO 'BEGIN FOR i IN 1..$tables LOOP EXECUTE format(''DROP TABLE t%s'', i); END LOOP; END';"
		  . " CREATE OR REPLACE FUNCTION plus(int, OUT int) LANGUAGE plpgsql IMMUTABLE AS \$\$BEGIN \$2 := \$1 + $round; END\$\$;"
		  . " PREPARE TRANSACTION 'ddl';", 180);
	# now the function is in the cache of the session that drains
	$drains->run('UPDATE item SET v = v + 1 WHERE id = 1; SELECT tviews_drain();');
	$drains->send("CALL tviews_drain_loop('4 seconds', '100 microseconds');");
	my ($how, $said) = $ddl->run("SELECT FROM pg_sleep(0.5); COMMIT PREPARED 'ddl';", 180);
	is("$how $said", 'done ', "round $round: the transaction is committed");
	($how, $said) = $drains->wait(180);
	is("$how $said", 'done ', "round $round: drains went on");
	is($node->safe_psql('postgres', 'SELECT state FROM tviews_status'), 'ok', "round $round: the TVIEW was compared");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM ((TABLE v_item EXCEPT ALL TABLE tv_item) UNION ALL (TABLE tv_item EXCEPT ALL TABLE v_item)) d'),
		'0', "round $round: with what the function is now");
}
$_->close for $drains, $ddl;
$node->stop;
done_testing();
