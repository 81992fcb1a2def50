# docs/monitoring: every query runs as a role that has pg_monitor and nothing else, and says what it should; every
# metric that alerts and the dashboard name is one that the exporter file makes.

use strict;
use warnings;

use Cwd qw(realpath);
use CPAN::Meta::YAML;
use File::Basename;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = realpath(dirname(__FILE__) . '/../..') . '/docs/monitoring';
my $node = PostgreSQL::Test::Cluster->new('monitoring');

$node->init;
$node->append_conf('postgresql.conf', <<CONF);
autovacuum = off
fsync = off
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.launch_active_jobs = off
CONF
$node->start;

# TVIEWs in every state
$node->safe_psql('postgres', <<SQL);
CREATE EXTENSION pg_cron;
CREATE EXTENSION pg_tviews_batch;
CREATE TABLE t (id int PRIMARY KEY, d int NOT NULL);
INSERT INTO t SELECT i, i FROM generate_series(1, 10) i;
CREATE VIEW v_ok AS SELECT id, d FROM t;
CREATE VIEW v_failing AS SELECT id, 10 / d AS q FROM t;
CREATE VIEW v_stale AS SELECT id, d + 1 AS d FROM t;
CREATE VIEW v_paused AS SELECT id, d + 2 AS d FROM t;
SELECT tviews_create('v_ok'), tviews_create('v_failing'), tviews_create('v_stale', populate => false), tviews_create('v_paused');
SELECT tviews_pause('tv_paused');
UPDATE t SET d = 0 WHERE id <= 2;
SELECT tviews_drain();
SET tviews_batch.guard = off;
UPDATE tv_stale SET d = d;
RESET tviews_batch.guard;
UPDATE t SET d = 5 WHERE id = 3;
CREATE ROLE metrics LOGIN IN ROLE pg_monitor;
SQL
$node->safe_psql('postgres', q{SELECT tviews_schedule('1 minute')});

# What a query returns for the exporter's role: a hash per row.
sub rows
{
	my ($sql) = @_;

	$sql =~ s/;\s*\z//;
	my ($status, $out, $err) = $node->psql('postgres', "SELECT coalesce(json_agg(q), '[]') FROM (\n$sql\n) AS q",
		extra_params => [ '-U', 'metrics' ]);
	is($err, '', 'no error') if $err ne '';
	return $status == 0 ? decode_json($out) : undef;
}

# The files to paste.
my %rows;
for my $file (grep { !/cron\.sql$/ } glob "$dir/*.sql")
{
	my $name = basename($file);

	$rows{$name} = rows(slurp_file($file));
	ok($rows{$name}, "$name runs with pg_monitor");
}
my %state = map { $_->{tview} => $_->{state} } @{ $rows{'lag.sql'} };
is_deeply(\%state, { tv_ok => 'ok', tv_failing => 'failing', tv_stale => 'stale', tv_paused => 'paused' },
	'lag.sql lists all TVIEWs');
is_deeply([ map { $_->{tview} } @{ $rows{'status.sql'} } ], [qw(tv_failing tv_paused tv_stale)],
	'status.sql lists those that may differ');
is_deeply([ map { [ $_->{source}, $_->{pending_changes} ] } @{ $rows{'queue.sql'} } ],
	[ [ 't', 1 ], [ undef, 1 ] ], 'queue.sql lists what waits, and the total');
is_deeply([ map { [ @$_{qw(tview sqlstate keys)} ] } @{ $rows{'failures.sql'} } ], [ [ 'tv_failing', '22012', 2 ] ],
	'failures.sql groups failing keys');
is($rows{'drains.sql'}[0]{failed}, 2, 'drains.sql sums up');

# pg_cron shows its tables to the owner of a job only.
$node->safe_psql('postgres', q{INSERT INTO cron.job_run_details (jobid, runid, status, return_message, start_time, end_time)
	SELECT jobid, n, 'succeeded', 'CALL', now(), now() FROM cron.job, generate_series(1, 3) n});
is(scalar(() = $node->safe_psql('postgres', slurp_file("$dir/cron.sql")) =~ /succeeded/g), 3,
	'cron.sql lists the runs of the drain job');

# The exporter's file: each query yields the columns that are declared, labels as text, values as numbers.
my $exporter = CPAN::Meta::YAML->read("$dir/postgres_exporter.yaml")->[0];
my %metric;
my %value;
for my $group (sort keys %$exporter)
{
	my $result = rows($exporter->{$group}{query});
	my %usage;

	ok($result && @$result, "$group: the query runs with pg_monitor and has rows") or next;
	for my $column (@{ $exporter->{$group}{metrics} })
	{
		my ($name) = keys %$column;

		$usage{$name} = $column->{$name}{usage};
		ok($column->{$name}{description}, "$group: $name is described");
	}
	is_deeply([ sort keys %{ $result->[0] } ], [ sort keys %usage ], "$group: its columns are declared");
	for my $name (grep { $usage{$_} ne 'LABEL' } keys %usage)
	{
		$metric{"${group}_$name"} = [ grep { $usage{$_} eq 'LABEL' } keys %usage ];
		my @bad = grep { !defined $_->{$name} || $_->{$name} !~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/i } @$result;
		is(scalar @bad, 0, "$group: $name is a number");
		$value{"${group}_$name"}{ $_->{tview} // $_->{source} // '' } = $_->{$name} for @$result;
	}
}
for my $state (qw(stale failing paused ok))
{
	is($value{"pg_tviews_tview_$state"}{"tv_$state"}, 1, "metric for a TVIEW that is $state");
	is($value{"pg_tviews_tview_$state"}{$state eq 'ok' ? 'tv_stale' : 'tv_ok'}, 0, "... and for one that is not");
}
is($value{pg_tviews_failures_keys}{tv_failing}, 2, 'metric of failing keys');
is($value{pg_tviews_failures_keys}{tv_ok}, 0, '... is 0 where none fails');
is($value{pg_tviews_queue_pending_changes}{t}, 1, 'metric of waiting changes');
ok($value{pg_tviews_queue_total_oldest_age_seconds}{''} > 0, 'their age');
is($value{pg_tviews_drains_count}{''}, $node->safe_psql('postgres', 'SELECT max(id) FROM tviews_drains'), 'drains are counted');

# Alerts and dashboard name nothing else.
sub check_expression
{
	my ($where, $expression) = @_;
	my @names = $expression =~ /\b(pg_tviews_\w+)/g;

	ok(@names > 0, "$where names a metric");
	is_deeply([ grep { !$metric{$_} } @names ], [], "$where names metrics of the exporter's file");
}

# labels TEXT NAMES: labels that a text uses are labels of the metrics
sub check_labels
{
	my ($where, $text, $expression) = @_;
	my ($name) = $expression =~ /\b(pg_tviews_\w+)/;
	my %has = map { $_ => 1 } @{ $metric{$name} // [] }, 'instance';
	my @used = $text =~ /\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g;

	is_deeply([ grep { !$has{$_} } @used ], [], "$where uses labels that are there");
}

my $alerts = CPAN::Meta::YAML->read("$dir/alerts.yaml")->[0];
for my $rule (map { @{ $_->{rules} } } @{ $alerts->{groups} })
{
	check_expression("alert $rule->{alert}", $rule->{expr});
	check_labels("alert $rule->{alert}", join(' ', values %{ $rule->{annotations} }), $rule->{expr});
	like($rule->{labels}{severity}, qr/^(critical|warning|info)$/, "alert $rule->{alert} has a severity");
}

my $dashboard = decode_json(slurp_file("$dir/grafana.json"));
my %id;
for my $panel (@{ $dashboard->{panels} })
{
	ok(!$id{ $panel->{id} }++, "panel $panel->{title} has an id of its own");
	for my $target (@{ $panel->{targets} })
	{
		check_expression("panel $panel->{title}", $target->{expr});
		check_labels("panel $panel->{title}", $target->{legendFormat}, $target->{expr});
	}
}

# Every file is mentioned where a reader looks.
my $readme = slurp_file("$dir/README.md");
for my $name (map { basename($_) } glob "$dir/*")
{
	ok($readme =~ /\Q($name)\E/, "README.md mentions $name") if $name ne 'README.md';
}

$node->stop;
done_testing();
