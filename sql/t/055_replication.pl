# Logical replication: sources in a subscription are captured (initial copy, rows, TRUNCATE, partitions), whenever they came
# into it; TVIEWs cannot be written by it unnoticed; a publisher FOR ALL TABLES can do all that it could do before.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @TVIEWS = qw(item total part);

sub cluster
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 'logical');
	# the publisher's decoding is not to wait for a snapshot of running transactions
	$node->append_conf('postgresql.conf', "autovacuum = off\nwal_receiver_status_interval = 1\nmax_prepared_transactions = 2\n");
	$node->start;
	return $node;
}

sub value
{
	my ($node, $sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sub differing
{
	my ($node, @tviews) = @_;
	return value($node, 'SELECT ' . join(' + ', map { "(SELECT count(*) FROM (TABLE v_$_ EXCEPT ALL TABLE tv_$_) d)
		+ (SELECT count(*) FROM (TABLE tv_$_ EXCEPT ALL TABLE v_$_) d)" } @tviews));
}

sub states
{
	my ($node) = @_;
	return value($node, q{SELECT string_agg(DISTINCT state || coalesce(': ' || reason, ''), '; ') FROM tviews_status});
}

# a drain compares one stale TVIEW
sub drains { my ($node) = @_; value($node, 'SELECT tviews_drain()') for 0 .. @TVIEWS; return }

sub compared { return value($_[0], 'SELECT coalesce(sum(compared), 0) FROM tviews_drains') }

my $publisher = cluster('publisher');
my $subscriber = cluster('subscriber');
my $TABLES = q{
	CREATE TABLE tb_grp (pk_grp int PRIMARY KEY, label text NOT NULL);
	CREATE TABLE tb_item (pk_item int PRIMARY KEY, fk_grp int NOT NULL, price int NOT NULL, unread int, long text);
	CREATE TABLE tb_part (k int, g int, v int, PRIMARY KEY (k, g)) PARTITION BY LIST (g);
	CREATE TABLE tb_part1 PARTITION OF tb_part FOR VALUES IN (1);
	CREATE TABLE tb_part2 PARTITION OF tb_part FOR VALUES IN (2);};
value($publisher, $TABLES);
value($publisher, q{
	INSERT INTO tb_grp SELECT i, 'g' || i FROM generate_series(1, 10) i;
	INSERT INTO tb_item SELECT i, i % 10 + 1, i FROM generate_series(1, 100) i;
	INSERT INTO tb_part SELECT i, i % 2 + 1, i FROM generate_series(1, 20) i;
	CREATE PUBLICATION pub FOR TABLE tb_item, tb_part WITH (publish_via_partition_root = true)});
value($subscriber, $TABLES);
value($subscriber, q{
	CREATE EXTENSION pg_tviews_batch;
	CREATE VIEW v_item AS SELECT i.pk_item, i.price, i.long, g.label FROM tb_item i LEFT JOIN tb_grp g ON g.pk_grp = i.fk_grp;
	CREATE VIEW v_total AS SELECT fk_grp, count(*) AS n, sum(price) AS price FROM tb_item GROUP BY fk_grp;
	CREATE VIEW v_part AS SELECT g, sum(v) AS v FROM tb_part GROUP BY g;
	SELECT tviews_create('v_item'), tviews_create('v_total'), tviews_create('v_part')});

# Replicate SQL of the publisher, drain, compare; changes says whether the drain must have had some.
sub follows
{
	my ($name, $sql, %options) = @_;
	value($publisher, $sql);
	$publisher->wait_for_catchup($options{subscription} // 'sub');
	my $before = compared($subscriber);
	isnt(differing($subscriber, @TVIEWS), 0, "$name: replicated") unless $options{quiet};
	cmp_ok(value($subscriber, 'SELECT changes FROM tviews_drain()'), '>', 0, "$name: captured") unless $options{quiet};
	is(differing($subscriber, @TVIEWS), 0, "$name: every TVIEW equals its view");
	is(compared($subscriber), $before, "$name: by keys") unless $options{whole};
	is(states($subscriber), 'ok', "$name: states are ok");
	return;
}

my $connection = $publisher->connstr . ' dbname=postgres';
value($subscriber, "CREATE SUBSCRIPTION sub CONNECTION '$connection' PUBLICATION pub");
is(value($subscriber, q{SELECT string_agg(tgrelid::regclass || ' ' || tgenabled::text, ', ' ORDER BY tgrelid::regclass::text)
	FROM pg_trigger WHERE tgname = 'tviews_capture_row'}), 'tb_item R, tb_part1 R, tb_part2 R', 'CREATE SUBSCRIPTION: row triggers for replication');
$subscriber->wait_for_subscription_sync($publisher, "sub");
follows('initial copy', 'SELECT 1');
follows('INSERT', 'INSERT INTO tb_item VALUES (200, 1, 200), (201, 77, 1)');
follows('UPDATE', 'UPDATE tb_item SET price = price + 1 WHERE pk_item <= 10');
follows('UPDATE of a key', 'UPDATE tb_item SET pk_item = 300, fk_grp = 3 WHERE pk_item = 200');
follows('large values', q{UPDATE tb_item SET long = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i) WHERE pk_item = 7});
follows('UPDATE beside a large value', 'UPDATE tb_item SET price = 0 WHERE pk_item = 7');
follows('DELETE', 'DELETE FROM tb_item WHERE pk_item BETWEEN 20 AND 30');
follows('a partition moves', 'UPDATE tb_part SET g = 3 - g WHERE k <= 4');
follows('several in one transaction', 'BEGIN; INSERT INTO tb_item VALUES (400, 4, 4); UPDATE tb_item SET fk_grp = 5 WHERE pk_item = 400;
	DELETE FROM tb_item WHERE pk_item = 11; SAVEPOINT s; DELETE FROM tb_item; ROLLBACK TO s; COMMIT');
value($publisher, 'UPDATE tb_item SET unread = 1');
$publisher->wait_for_catchup('sub');
is(value($subscriber, 'SELECT changes FROM tviews_drain()'), 0, 'a column that nobody reads');
follows('TRUNCATE', 'TRUNCATE tb_item', whole => 1);
follows('after it', 'INSERT INTO tb_item SELECT i, i % 10 + 1, i FROM generate_series(1, 50) i');

# ---- what comes into the subscription later: a table, a partition, a TVIEW
value($publisher, 'ALTER PUBLICATION pub ADD TABLE tb_grp');
value($subscriber, 'ALTER SUBSCRIPTION sub REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($publisher, "sub");
follows('a table added', q{UPDATE tb_grp SET label = 'changed' WHERE pk_grp = 3});
value($_, 'CREATE TABLE tb_part3 PARTITION OF tb_part FOR VALUES IN (3)') for $publisher, $subscriber;
value($subscriber, 'SELECT tviews_drain()');
follows('a partition added', 'INSERT INTO tb_part VALUES (30, 3, 30)');
value($publisher, 'CREATE TABLE tb_late (pk_late int PRIMARY KEY, n int); INSERT INTO tb_late VALUES (1, 1), (2, 2); ALTER PUBLICATION pub ADD TABLE tb_late');
value($subscriber, 'CREATE TABLE tb_late (pk_late int PRIMARY KEY, n int)');
value($subscriber, 'ALTER SUBSCRIPTION sub REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($publisher, "sub");
value($subscriber, q{CREATE VIEW v_late AS SELECT pk_late, n FROM tb_late; SELECT tviews_create('v_late')});
push @TVIEWS, 'late';
follows('a TVIEW added', 'UPDATE tb_late SET n = n + 1');

# ---- the row trigger is missing or disabled
for my $how ('DROP TRIGGER tviews_capture_row ON tb_late', 'ALTER TABLE tb_late DISABLE TRIGGER tviews_capture_row')
{
	value($subscriber, $how);
	like(states($subscriber), qr/stale: a trigger of the extension was/, "$how: noticed");
	value($publisher, 'UPDATE tb_late SET n = n + 1');
	$publisher->wait_for_catchup('sub');
	value($subscriber, 'SELECT tviews_drain(); SELECT tviews_drain()');
	like(states($subscriber), qr/stale: table tb_late is in a subscription and its trigger tviews_capture_row is disabled or missing/, "$how: stays stale");
	value($subscriber, 'ALTER TABLE tb_late ENABLE REPLICA TRIGGER tviews_capture_row') if $how =~ /DISABLE/;
	value($subscriber, q{SELECT tviews_refresh('tv_late')});
	is(states($subscriber), 'ok', "$how: tviews_refresh mends it");
	follows($how, 'UPDATE tb_late SET n = n + 1', whole => 1);
}
value($subscriber, 'ALTER TABLE tb_late DISABLE TRIGGER ALL; ALTER TABLE tb_late ENABLE TRIGGER ALL');
is(value($subscriber, q{SELECT string_agg(tgenabled::text, '' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'tb_late'::regclass}),
	'AARAA', 'ENABLE TRIGGER ALL: each is enabled as it was');
value($subscriber, 'SELECT tviews_drain()');
# nobody sees that a table comes into the subscription
value($subscriber, 'DROP TRIGGER tviews_capture_row ON tb_grp; SELECT tviews_drain(); ALTER EVENT TRIGGER tviews_batch_follow_ddl DISABLE');
value($subscriber, 'ALTER SUBSCRIPTION sub REFRESH PUBLICATION; ALTER EVENT TRIGGER tviews_batch_follow_ddl ENABLE ALWAYS;
	UPDATE tviews_batch.watched SET event_triggers = (SELECT rows FROM tviews_batch.event_triggers)');
value($subscriber, 'SELECT tviews_drain()');
like(states($subscriber), qr/stale: table tb_grp is in a subscription/, 'without event triggers: stale');
value($publisher, q{UPDATE tb_grp SET label = 'unseen' WHERE pk_grp = 4});
$publisher->wait_for_catchup('sub');
value($subscriber, 'ALTER SUBSCRIPTION sub REFRESH PUBLICATION');
like(states($subscriber), qr/stale: table (public\.)?tb_grp is in a subscription/, 'with them: the next ALTER SUBSCRIPTION mends it');
drains($subscriber);
is(states($subscriber), 'ok', 'and a drain compares');
is(differing($subscriber, @TVIEWS), 0, 'what was not captured');

# ---- replica role: captured by statement triggers and once more by row triggers, which costs and does no harm
value($subscriber, q{SET session_replication_role = replica; UPDATE tb_item SET price = 1000 WHERE pk_item <= 3; INSERT INTO tb_part VALUES (90, 2, 1);
	COPY tb_late FROM PROGRAM 'printf "100\\t1\\n"'});
value($subscriber, 'SET session_replication_role = replica; SELECT tviews_drain()');
is(differing($subscriber, @TVIEWS), 0, 'writes and a drain in replica role');
is(states($subscriber), 'ok', 'replica role: ok');
value($subscriber, q{SELECT tviews_drain(); UPDATE tb_item SET price = 1001 WHERE pk_item = 1});
is(value($subscriber, 'SELECT changes FROM tviews_drain()'), 1, 'an ordinary write is captured once');

# ---- a TVIEW in a subscription
value($publisher, 'CREATE TABLE tv_item (pk_item int PRIMARY KEY, price int, long text, label text); INSERT INTO tv_item VALUES (1, -1);
	CREATE PUBLICATION wrong FOR TABLE tv_item');
value($subscriber, "CREATE SUBSCRIPTION wrong CONNECTION '$connection' PUBLICATION wrong WITH (copy_data = false)");
is(value($subscriber, q{SELECT tgenabled FROM pg_trigger WHERE tgname = 'tviews_guard_row'}), 'R', 'a TVIEW in a subscription gets a guard per row');
my $log = -s $subscriber->logfile;
value($publisher, 'INSERT INTO tv_item VALUES (-5, -5)');
ok($subscriber->wait_for_log(qr/TVIEW "tv_item" is maintained by drains and cannot be changed directly/, $log), 'replication cannot write it');
is(differing($subscriber, @TVIEWS), 0, 'nor did it');
value($subscriber, q{SET session_replication_role = replica; UPDATE tb_item SET price = 2000 WHERE pk_item = 1; SELECT tviews_drain()});
is(differing($subscriber, @TVIEWS), 0, 'drains can, in replica role too');
value($subscriber, q{SET session_replication_role = replica; SET tviews_batch.guard = off; UPDATE tv_item SET price = 7 WHERE pk_item = 1});
is(states($subscriber), 'ok; stale: written directly', 'with the guard off it is stale');
value($subscriber, 'SELECT tviews_drain()');
is(states($subscriber), 'ok', 'until a drain has compared it');
value($subscriber, 'DROP TRIGGER tviews_guard_row ON tv_item; SELECT tviews_drain()');
like(states($subscriber), qr/stale: table tv_item is in a subscription and its trigger tviews_guard_row/, 'without the guard per row: stale');
$subscriber->poll_query_until('postgres', 'SELECT count(*) = 1 FROM tv_item WHERE pk_item = -5') or die;
value($subscriber, 'DROP SUBSCRIPTION wrong');
like(states($subscriber), qr/stale: table (public\.)?tv_item is in a subscription/, 'it stays stale when the subscription goes');
drains($subscriber);
is(states($subscriber), 'ok', 'until a drain has compared it');
is(differing($subscriber, @TVIEWS), 0, 'what replication wrote is gone');

# ---- a publisher FOR ALL TABLES
value($publisher, q{
	CREATE PUBLICATION everything FOR ALL TABLES;
	CREATE EXTENSION pg_tviews_batch;
	CREATE VIEW v_total AS SELECT fk_grp, count(*) AS n, sum(100 / (price + 1)) AS price FROM tb_item GROUP BY fk_grp;
	CREATE VIEW v_null AS SELECT n AS grp, count(*) AS rows FROM tb_late GROUP BY n;
	SELECT tviews_create('v_total'), tviews_create('v_null', key => '{grp}');
	INSERT INTO tb_late VALUES (10, NULL), (11, NULL);
	SELECT tviews_drain();
	SELECT tviews_pause('tv_null'); SELECT tviews_resume('tv_null');
	UPDATE tb_item SET price = -1 WHERE pk_item = 1;
	SELECT tviews_drain();
	UPDATE tb_item SET price = 1 WHERE pk_item = 1; DELETE FROM tb_late WHERE pk_late > 5;
	SELECT tviews_drain()});
is(differing($publisher, 'total', 'null'), 0, 'FOR ALL TABLES: drains work');
is(value($publisher, q{SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
	WHERE i.indisprimary AND a.attgenerated <> '' AND i.indrelid::regclass::text LIKE 'tviews_batch.%'}), 0,
	'FOR ALL TABLES: no replica identity has a generated column, which PostgreSQL 18 does not update');
is(states($publisher), 'ok', 'FOR ALL TABLES: failing keys come and go');
value($publisher, 'SELECT tviews_set_queue(true)');
value($publisher, 'UPDATE tb_item SET price = price + 1; SELECT tviews_drain(); DELETE FROM tb_item WHERE pk_item = 2; SELECT tviews_drain()');
value($publisher, 'ALTER TABLE tb_item RENAME price TO prize; UPDATE tb_item SET prize = prize + 1; SELECT tviews_drain()');
is(differing($publisher, 'total', 'null'), 0, 'FOR ALL TABLES: with a logged queue, too');
value($publisher, 'TRUNCATE tviews_batch.queue');
value($publisher, 'CALL tviews_reconcile()');
is(states($publisher), 'ok', 'FOR ALL TABLES: recovery from a lost queue');
value($publisher, q{SELECT tviews_set_queue(false); SELECT tviews_drop('tv_null'); DROP TABLE tv_total});

# ---- the extension's own tables in a subscription
value($publisher, q{SELECT tviews_create('v_total')});
value($subscriber, "CREATE SUBSCRIPTION own CONNECTION '$connection' PUBLICATION everything WITH (connect = false)");
value($subscriber, 'ALTER TABLE tb_item RENAME price TO prize');
value($publisher, 'CREATE PUBLICATION own FOR TABLE tviews_batch.drain');
value($subscriber, 'ALTER SUBSCRIPTION own SET (slot_name = NONE); DROP SUBSCRIPTION own');
value($subscriber, "CREATE SUBSCRIPTION own CONNECTION '$connection' PUBLICATION own WITH (copy_data = false)");
like(states($subscriber), qr/stale: table tviews_batch.drain of the extension is in a subscription/, 'own tables in a subscription: stale');
value($subscriber, 'DROP SUBSCRIPTION own');
drains($subscriber);

# ---- and the end of it
value($subscriber, 'DROP SUBSCRIPTION sub; UPDATE tb_item SET prize = 5 WHERE pk_item = 5; SELECT tviews_drain()');
is(differing($subscriber, @TVIEWS), 0, 'without a subscription');
is(states($subscriber), 'ok', 'all are ok');
value($subscriber, q{SELECT tviews_drop('tv_item'), tviews_drop('tv_total')});
is(value($subscriber, q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'tb_item'::regclass}), 0, 'tviews_drop takes row triggers along');

done_testing();
