# pg_upgrade from an older server: TVIEWs, their metadata and the queue with what waits in it come along, capture goes on.
#
# Needs a second, older server with the extension installed in it: TVIEWS_OLD_SERVER names the folder above its bin,
# TVIEWS_OLD_MODES the ways to transfer files (copy link).  scripts/test-servers sees to both; without, nothing runs.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old_path = $ENV{TVIEWS_OLD_SERVER};
plan skip_all => 'TVIEWS_OLD_SERVER names no older server' unless $old_path && -x "$old_path/bin/pg_ctl";

my @TVIEWS = qw(app.tv_shop app.tv_total app.tv_day app.tv_odd);

# Rows in which TVIEWs and their views differ, both ways.
sub differing
{
	my ($node) = @_;
	return $node->safe_psql('shop', 'SELECT ' . join(' + ', map {
		(my $view = $_) =~ s/tv_/v_/;
		"(SELECT count(*) FROM (TABLE $view EXCEPT ALL TABLE $_) d) + (SELECT count(*) FROM (TABLE $_ EXCEPT ALL TABLE $view) d)"
	} @TVIEWS));
}

sub states
{
	my ($node) = @_;
	return $node->safe_psql('shop', q{SELECT string_agg(DISTINCT state || coalesce(': ' || reason, ''), '; ') FROM tviews_status});
}

# Both servers run initdb with the same locale, encoding and checksums, which have other defaults in newer ones.
sub init_node
{
	my ($name, %params) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, %params);
	my @options = ('--locale=C', '--encoding=UTF8');
	push @options, '--no-data-checksums' if $node->pg_version >= 18;
	$node->init(extra => \@options);
	$node->append_conf('postgresql.conf', "autovacuum = off\n");
	return $node;
}

# What is upgraded: two levels, a partitioned source, names that need quotes, and changes nobody has drained.
sub fill
{
	my ($node) = @_;
	$node->safe_psql('postgres', 'CREATE DATABASE shop');
	$node->safe_psql('shop', q{
		CREATE EXTENSION pg_tviews_batch;
		CREATE SCHEMA app;
		CREATE TABLE app.shop (id int PRIMARY KEY, name text, region text);
		CREATE TABLE app.sale (id int, day date, shop int, amount numeric, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
		CREATE TABLE app.sale_1 PARTITION OF app.sale FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
		CREATE TABLE app.sale_2 PARTITION OF app.sale FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
		CREATE TABLE app."odd ""one""" ("the key" int PRIMARY KEY, "a, b" int);
		INSERT INTO app.shop SELECT i, 'shop ' || i, 'r' || i % 5 FROM generate_series(1, 200) i;
		INSERT INTO app.sale SELECT i, date '2024-01-01' + i % 60, 1 + i % 200, i FROM generate_series(1, 5000) i;
		INSERT INTO app."odd ""one""" SELECT i, i % 7 FROM generate_series(1, 50) i;
		CREATE VIEW app.v_shop AS SELECT s.id, s.name, s.region, count(x.id) AS sales, sum(x.amount) AS amount
			FROM app.shop s LEFT JOIN app.sale x ON x.shop = s.id GROUP BY s.id;
		SELECT tviews_create('app.v_shop');
		CREATE VIEW app.v_total AS SELECT region, sum(amount) AS amount, jsonb_agg(name ORDER BY id) AS shops FROM app.tv_shop GROUP BY region;
		SELECT tviews_create('app.v_total');
		CREATE VIEW app.v_day AS SELECT day, count(*) AS n, max(amount) AS top FROM app.sale GROUP BY day;
		SELECT tviews_create('app.v_day');
		CREATE VIEW app.v_odd AS SELECT "a, b", array_agg("the key" ORDER BY "the key") AS keys FROM app."odd ""one""" GROUP BY "a, b";
		SELECT tviews_create('app.v_odd')});
	change($node);
	$node->safe_psql('shop', 'SELECT tviews_drain()');
	change($node);
	# leaves a part of an entry
	$node->safe_psql('shop', 'SELECT tviews_drain(max_changes => 5)');
	return;
}

# Changes of every source, which all TVIEWs show.
sub change
{
	my ($node, $region) = @_;
	$region //= 'region';
	$node->safe_psql('shop', qq{
		UPDATE app.shop SET name = name || '!', $region = 'r' || (id + length(name)) % 6 WHERE id % 20 = 1;
		UPDATE app.sale SET amount = amount + 1 WHERE id % 100 = 3;
		DELETE FROM app.sale WHERE id = (SELECT min(id) FROM app.sale);
		INSERT INTO app.sale_2 SELECT max(id) + 1, '2024-02-07', 3, 5 FROM app.sale;
		UPDATE app."odd ""one""" SET "a, b" = "a, b" + 1 WHERE "the key" < 4});
	return;
}

sub pending
{
	my ($node) = @_;
	return $node->safe_psql('shop', q{SELECT pending_changes FROM tviews_queue_depth WHERE source IS NULL});
}

for my $mode (split ' ', $ENV{TVIEWS_OLD_MODES} // 'copy')
{
	my $old = init_node("old_$mode", install_path => $old_path);
	$old->start;
	fill($old);
	my $what = 'from ' . int($old->pg_version->major) . ", $mode";
	my $pending = pending($old);
	cmp_ok($pending, '>', 0, "$what: changes wait");
	isnt(differing($old), 0, "$what: and show");
	is($old->safe_psql('shop', q{SELECT count(*) > 0, bool_or(substr(link, 4, 4) <> '\x00000000') FROM tviews_batch.queue
		WHERE source <> 0 AND length(link) >= 7 AND get_byte(link, 0) = 2}), 't|t', "$what: in entries of several, one of them a rest");
	$old->stop;

	my $new = init_node("new_$mode");
	my $dir = PostgreSQL::Test::Utils::tempdir;
	chdir $dir or die "could not change to $dir: $!";
	command_ok(
		[ 'pg_upgrade', '--no-sync', '--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
		  '--old-bindir', $old->config_data('--bindir'), '--new-bindir', $new->config_data('--bindir'),
		  '--socketdir', $new->host, '--old-port', $old->port, '--new-port', $new->port,
		  ($mode eq 'link' ? '--link' : ()) ],
		"$what: pg_upgrade");
	$new->start;

	is(states($new), 'ok', "$what: no TVIEW is stale");
	is(pending($new), $pending, "$what: the same changes wait");
	my $compared = $new->safe_psql('shop', 'SELECT coalesce(sum(compared), 0) FROM tviews_drains');
	is($new->safe_psql('shop', 'SELECT failed FROM tviews_drain()'), 0, "$what: they are drained");
	is(differing($new), 0, "$what: every TVIEW equals its view");
	change($new);
	isnt(differing($new), 0, "$what: changes after it");
	is($new->safe_psql('shop', 'SELECT failed FROM tviews_drain()'), 0, "$what: are drained");
	is(differing($new), 0, "$what: every TVIEW equals its view again");
	is($new->safe_psql('shop', 'SELECT coalesce(sum(compared), 0) FROM tviews_drains'), $compared, "$what: by keys, nothing was compared");
	is(states($new), 'ok', "$what: all are ok");
	is($new->safe_psql('shop', 'SELECT count(*) FROM tviews_batch.unwatched'), 0, "$what: capture and guards stand");
	my ($status, $out, $err) = $new->psql('shop', 'DELETE FROM app.tv_shop');
	like($err, qr/maintained by drains/, "$what: TVIEWs are guarded");

	# DDL is followed; a crash empties the queue and is noticed
	$new->safe_psql('shop', q{ALTER TABLE app.shop RENAME COLUMN region TO area;
		CREATE TABLE app.sale_3 PARTITION OF app.sale FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
		INSERT INTO app.sale VALUES (100000, '2024-03-03', 4, 9);
		CREATE VIEW app.v_new AS SELECT id, upper(name) AS name FROM app.shop;
		SELECT tviews_create('app.v_new', key => '{id}')});
	like(states($new), qr/stale: the view was changed/, "$what: the first DDL compares, as the view is stored otherwise");
	for (1 .. @TVIEWS + 1) { $new->safe_psql('shop', 'SELECT tviews_drain()') }
	is(states($new), 'ok', "$what: DDL was followed");
	is(differing($new), 0, "$what: every TVIEW equals its view after DDL");
	change($new, 'area');
	$new->stop('immediate');
	$new->start;
	like(states($new), qr/^stale: the queue was lost/, "$what: a crash is noticed");
	for (1 .. @TVIEWS + 1) { $new->safe_psql('shop', 'SELECT tviews_drain()') }
	is(states($new), 'ok', "$what: and made up for");
	is(differing($new), 0, "$what: every TVIEW equals its view after a crash");

	$new->safe_psql('shop', q{DROP EXTENSION pg_tviews_batch CASCADE; CREATE EXTENSION pg_tviews_batch});
	$new->stop;
}

done_testing();
