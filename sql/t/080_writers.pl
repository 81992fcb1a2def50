# Eight pgbench clients write hot and uniform keys - several tables, a partitioned source, upserts, deletes, foreign key cascades,
# transactions of several rows, a cascade of three levels - while a loop drains.  No error may reach a writer, no deadlock
# may happen, and at the end every TVIEW equals its view.  WRITERS_TRANSACTIONS=n per client (default 250), WRITERS_CLIENTS=n.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $transactions = $ENV{WRITERS_TRANSACTIONS} // 250;
my $clients = $ENV{WRITERS_CLIENTS} // 8;

my $node = PostgreSQL::Test::Cluster->new('writers');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_connections = 60\ndeadlock_timeout = 200ms\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_tviews_batch;
	CREATE TABLE tb_customer (pk_customer int PRIMARY KEY, region int NOT NULL, name text NOT NULL);
	CREATE TABLE tb_product (pk_product int PRIMARY KEY, name text NOT NULL, price int NOT NULL);
	CREATE TABLE tb_order (pk_order bigint NOT NULL, fk_customer int NOT NULL, day int NOT NULL, PRIMARY KEY (pk_order, day)) PARTITION BY LIST (day);
	CREATE TABLE tb_order_0 PARTITION OF tb_order FOR VALUES IN (0);
	CREATE TABLE tb_order_1 PARTITION OF tb_order FOR VALUES IN (1);
	CREATE TABLE tb_order_2 PARTITION OF tb_order DEFAULT;
	CREATE INDEX ON tb_order (fk_customer);
	CREATE TABLE tb_line (fk_order bigint NOT NULL, day int NOT NULL, n int NOT NULL, fk_product int NOT NULL, amount int NOT NULL,
		PRIMARY KEY (fk_order, n), FOREIGN KEY (fk_order, day) REFERENCES tb_order ON DELETE CASCADE ON UPDATE CASCADE);
	CREATE INDEX ON tb_line (fk_product);
	INSERT INTO tb_customer SELECT i, i % 7, 'c' || i FROM generate_series(1, 200) i;
	INSERT INTO tb_product SELECT i, 'p' || i, i FROM generate_series(1, 100) i;
	INSERT INTO tb_order SELECT i, 1 + i % 200, i % 4 FROM generate_series(1, 1000) i;
	INSERT INTO tb_line SELECT o.pk_order, o.day, n, 1 + (o.pk_order * n) % 100, n FROM tb_order o, generate_series(1, 3) n;

	CREATE VIEW v_order AS SELECT o.pk_order, o.day, o.fk_customer, c.name, jsonb_agg(jsonb_build_object('p', p.name, 'a', l.amount) ORDER BY l.n) AS lines,
		coalesce(sum(l.amount * p.price), 0) AS total
	  FROM tb_order o JOIN tb_customer c ON c.pk_customer = o.fk_customer LEFT JOIN tb_line l ON l.fk_order = o.pk_order AND l.day = o.day
	  LEFT JOIN tb_product p ON p.pk_product = l.fk_product GROUP BY o.pk_order, o.day, o.fk_customer, c.name;
	SELECT tviews_create('v_order', key => '{pk_order,day}');
	CREATE VIEW v_customer AS SELECT c.pk_customer, c.region, c.name, count(o.pk_order) AS orders, coalesce(sum(o.total), 0) AS total
	  FROM tb_customer c LEFT JOIN tv_order o ON o.fk_customer = c.pk_customer GROUP BY c.pk_customer;
	SELECT tviews_create('v_customer');
	CREATE VIEW v_region AS SELECT region, sum(orders) AS orders, sum(total) AS total, count(*) AS customers FROM tv_customer GROUP BY region;
	SELECT tviews_create('v_region', key => '{region}');
	CREATE VIEW v_product AS SELECT p.pk_product, p.name, (SELECT sum(l.amount) FROM tb_line l WHERE l.fk_product = p.pk_product) AS sold FROM tb_product p;
	SELECT tviews_create('v_product');
});

# Rows are always taken in the order customer, product, order, so that writers cannot deadlock among themselves.
my %scripts = (
	hot => q{
		\set c random(1, 3)
		\set p random(1, 100)
		BEGIN;
		UPDATE tb_customer SET name = 'c' || :p WHERE pk_customer = :c;
		UPDATE tb_product SET price = :p WHERE pk_product = 1;
		END;
	},
	order => q{
		\set o random(1, 2000000000)
		\set c random(1, 200)
		\set d random(0, 3)
		\set p random(1, 100)
		BEGIN;
		INSERT INTO tb_order VALUES (:o, :c, :d) ON CONFLICT (pk_order, day) DO UPDATE SET fk_customer = excluded.fk_customer;
		INSERT INTO tb_line VALUES (:o, :d, 1, :p, 1), (:o, :d, 2, 1, 2), (:o, :d, 3, :p, 3) ON CONFLICT (fk_order, n) DO UPDATE SET amount = excluded.amount;
		END;
	},
	upsert => q{
		\set c random_zipfian(1, 250, 1.2)
		\set r random(0, 6)
		INSERT INTO tb_customer VALUES (:c, :r, 'new') ON CONFLICT (pk_customer) DO UPDATE SET region = excluded.region;
	},
	change => q{
		\set o random(1, 1000)
		\set d random(0, 3)
		\set c random(1, 200)
		BEGIN;
		SAVEPOINT a;
		UPDATE tb_order SET fk_customer = :c WHERE pk_order = :o;
		ROLLBACK TO a;
		UPDATE tb_order SET day = :d, fk_customer = :c WHERE pk_order = :o;
		END;
	},
	remove => q{
		\set o random(1, 1000)
		DELETE FROM tb_order WHERE pk_order = :o;
	},
	line => q{
		\set o random(1, 1000)
		\set p random_zipfian(1, 100, 1.1)
		UPDATE tb_line SET fk_product = :p, amount = amount + 1 WHERE fk_order = :o AND n = 1;
	});
my %weight = (hot => 3, order => 4, upsert => 3, change => 3, remove => 1, line => 4);
my @files;
for my $name (sort keys %scripts)
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/writers_$name.sql";
	open my $fh, '>', $file or die "$file: $!";
	print $fh $scripts{$name} =~ s/^\s+//mgr;
	close $fh;
	push @files, '-f', "$file\@$weight{$name}";
}

# the loop, again and again until the writers are done
my ($out, $err) = ('', '');
my $calls = "$PostgreSQL::Test::Utils::tmp_check/writers_loop.sql";
append_to_file($calls, "CALL tviews_drain_loop('2 seconds', '5 ms');\n" x 600);
my $loop = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $calls ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(1800));

# An UPDATE that meets a row which another one has moved to another partition fails by the server's rules, so transactions may be tried again.
my ($said, $errors) = ('', '');
my $ok = IPC::Run::run([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $transactions, '-M', 'prepared', '--max-tries=100', @files, '-d', $node->connstr('postgres') ],
	'>', \$said, '2>', \$errors, IPC::Run::timeout(1500));
ok($ok, 'no error reached a writer') or diag($errors);
like($said, qr/transactions actually processed: @{[$clients * $transactions]}\//, 'all transactions were made');
note $said =~ /^(tps.*)/m;

# the loop is ended as a cron job would be
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL tviews_drain_loop%' AND pid <> pg_backend_pid()});
$loop->finish;
unlike($err, qr/ERROR/, 'the loop met no error') or diag($err);
$node->poll_query_until('postgres', 'SELECT remaining = 0 AND NOT busy FROM tviews_drain()') or die 'drains do not end';

cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM tviews_drains'), '>', 5, 'drains were at work meanwhile');
is($node->safe_psql('postgres', 'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()'), 0, 'no deadlock');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT state, ' ') FROM tviews_status}), 'ok', 'every TVIEW is ok');
for my $v (qw(order customer region product))
{
	is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM (TABLE v_$v EXCEPT ALL TABLE tv_$v) a) + (SELECT count(*) FROM (TABLE tv_$v EXCEPT ALL TABLE v_$v) b)"), 0, "tv_$v equals its view");
}

# The statement that loads the library is seen by what the portal says of it, whatever protocol it comes with: its rows are told one by one.
# Writers may have removed the row.
$node->safe_psql('postgres', 'INSERT INTO tb_order VALUES (1, 1, 0) ON CONFLICT DO NOTHING; SELECT FROM tviews_drain()');
my $one = "$PostgreSQL::Test::Utils::tmp_check/writers_one.sql";
append_to_file($one, "UPDATE tb_order SET fk_customer = fk_customer % 200 + 1 WHERE pk_order = 1;\n");
for my $protocol (qw(simple extended prepared))
{
	IPC::Run::run([ 'pgbench', '-n', '-t', 1, '-M', $protocol, '-f', $one, '-d', $node->connstr('postgres') ], '>', \$said, '2>', \$errors, IPC::Run::timeout(180));
	is($node->safe_psql('postgres', 'SELECT bool_and(link IS NOT NULL) FROM tviews_batch.queue WHERE source <> 0'), 't', "the first statement, $protocol protocol");
	$node->safe_psql('postgres', 'SELECT tviews_drain()');
}
$node->stop;
done_testing();
