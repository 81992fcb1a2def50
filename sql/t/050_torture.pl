# The torture test: histories under crashes, interruptions, DDL, failing keys and concurrent writers (TviewsTorture.pm).
#
#   TORTURE_SECONDS=n  for how long (make torture SECONDS=n); without it a fixed number of histories
#   HISTORIES=n        how many then (default 16)   SEED=n     the first seed (default 1; with TORTURE_SECONDS: by the clock)
#   WORKERS=n          at once (default 2)          SHOW=1     print the log of each failed history
use strict;
use warnings;

use File::Basename;
use File::Spec;
use POSIX ();
use Storable qw(store retrieve);
use Time::HiRes qw(time);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib dirname(File::Spec->rel2abs(__FILE__));
use TviewsSession;
use TviewsTorture;

my $seconds = $ENV{TORTURE_SECONDS};
my $workers = $ENV{WORKERS} // 2;
my $histories = $seconds ? 1_000_000_000 : $ENV{HISTORIES} // 16;
my $first = $ENV{SEED} // ($seconds ? time % 1_000_000 * 100 : 1);
my $deadline = time + ($seconds // 1800);

# What must have occurred in a long run, which is one of so many histories: how long they take is the machine's matter.
my $LONG = 200;
my %DEMANDED = (
	episode => [ TviewsEpisodes::kinds(), 'create', 'settled with prepared' ],
	crash => [qw(backend auxiliary postmaster immediate restart)],
	crashed => [ 'drain', 'bounded drains', 'drain in a block', 'loop', 'reconcile', 'refresh', 'set_queue', 'writer', 'concurrent writers' ],
	interrupt => [qw(cancel terminate statement_timeout)],
	concurrent => [ 'writers', 'observed', 'loop interrupted' ],
	isolation => [ 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE' ],
	transaction => [ 'plain', 'block', 'savepoint', 'rollback', 'prepare', 'drain inside', 'commit prepared', 'rollback prepared', 'commit prepared after a crash', 'rollback prepared after a crash' ],
	ddl => [ 'add column', 'drop column', 'rename column', 'rename table', 'rename key', 'alter type', 'replace view', 'break view', 'rename view column', 'rename view and TVIEW',
		'detach partition', 'index', 'unlogged', 'unlogged TVIEW', 'rewrite', 'swap' ],
	queue => [ 'logged', 'unlogged', 'truncate', 'vacuum full', 'vacuum', 'delete' ],
	silence => [ 'disabled', 'all disabled', 'dropped', 'capture off', 'replica', 'guard off' ],
	extra => [ 'DROP TABLE', 'DROP VIEW', 'tviews_drop', 'keep', 'made again' ],
	pause => ['paused'],
	done => ['failing keys']);

my $directory = $PostgreSQL::Test::Utils::tmp_check . '/torture';
mkdir $directory;

# A server of its own for each worker, as a crash concerns all sessions.
sub start_node
{
	my ($worker) = @_;
	my $node = PostgreSQL::Test::Cluster->new("torture_$worker");
	# with wal_level = minimal a crash after CREATE DATABASE spoils the copies of unlogged indexes, without any help of ours
	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', <<CONF);
fsync = off
full_page_writes = off
jit = off
autovacuum = off
restart_after_crash = on
max_prepared_transactions = 20
shared_buffers = 32MB
checkpoint_timeout = 1h
CONF
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE template_torture');
	$node->safe_psql('template_torture', 'CREATE EXTENSION pg_tviews_batch');
	return $node;
}

sub fresh_database
{
	my ($node) = @_;
	for (1 .. 30)
	{
		my $s = TviewsSession->new($node->connstr('postgres'));
		my (undef, $gids) = $s->run("SELECT gid FROM pg_prepared_xacts WHERE database = 'torture';");
		if ($gids =~ /\S/)
		{
			my $inside = TviewsSession->new($node->connstr('torture'));
			$inside->run("ROLLBACK PREPARED '$_';") for split /\n/, $gids;
		}
		my (undef, $text) = $s->run("SET statement_timeout = '10s';\nDROP DATABASE IF EXISTS torture WITH (FORCE);\nCREATE DATABASE torture TEMPLATE template_torture;");
		return if $text !~ /ERROR|FATAL/ && $s->{open};
		Time::HiRes::sleep(0.3);
	}
	die 'no fresh database';
}

# Every workers-th history; what came of it goes to a file.
sub work
{
	my ($worker, $node) = @_;
	my %result = (counts => {}, failed => [], played => 0);
	for (my $i = $worker; $i < $histories && time < $deadline; $i += $workers)
	{
		fresh_database($node);
		my $h = TviewsTorture->new($node, 'torture', $first + $i);
		eval { $h->play; 1 } or $h->problem('broke off', $@);
		$h->end;
		$result{played}++;
		for my $what (keys %{ $h->{counts} })
		{
			$result{counts}{$what}{$_} += $h->{counts}{$what}{$_} for keys %{ $h->{counts}{$what} };
		}
		if ($h->failed)
		{
			my $file = "$directory/failed_$h->{seed}.sql";
			open my $fh, '>', $file or die "$file: $!";
			print $fh $h->{log};
			close $fh;
			push @{ $result{failed} }, { seed => $h->{seed}, problems => $h->{problems}, file => $file };
			$node->start(fail_ok => 1) if !defined $node->{_pid};
		}
		store(\%result, "$directory/result_$worker");
	}
	return;
}

my $began = time;
my @nodes = map { start_node($_) } 0 .. $workers - 1;
my @children;
$SIG{TERM} = $SIG{INT} = sub { die "interrupted\n" };
for my $worker (0 .. $workers - 1)
{
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		$SIG{TERM} = $SIG{INT} = sub { POSIX::_exit(1) };
		eval { work($worker, $nodes[$worker]); 1 } or print STDERR $@;
		POSIX::_exit(0);
	}
	push @children, $pid;
}
waitpid($_, 0) for @children;
@children = ();

# The workers have started servers that these objects do not know of; before their own END.
END
{
	local $?;
	kill 'TERM', @children;
	for my $node (@nodes)
	{
		$node->_update_pid(-1);
		$node->stop('immediate', fail_ok => 1);
	}
}

my %all = (counts => {}, failed => [], played => 0);
for my $worker (0 .. $workers - 1)
{
	my $r = -e "$directory/result_$worker" ? retrieve("$directory/result_$worker") : {};
	$all{played} += $r->{played} // 0;
	push @{ $all{failed} }, @{ $r->{failed} // [] };
	for my $what (keys %{ $r->{counts} // {} })
	{
		$all{counts}{$what}{$_} += $r->{counts}{$what}{$_} for keys %{ $r->{counts}{$what} };
	}
}

note sprintf('%d histories from seed %d in %.0f s', $all{played}, $first, time - $began);
for my $what (sort keys %{ $all{counts} })
{
	note "$what: " . join(', ', map { "$_ $all{counts}{$what}{$_}" } sort keys %{ $all{counts}{$what} });
}
if ($seconds) { cmp_ok($all{played}, '>', 0, 'histories were played') }
else { is($all{played}, $histories, 'every history was played') }
my @failed = sort { $a->{seed} <=> $b->{seed} } @{ $all{failed} };
is(scalar @failed, 0, "no TVIEW was silently different, and all came back (seed $first)");
for my $f (@failed)
{
	diag("seed $f->{seed}: " . join("\n  ", map { substr("$_->[0]: $_->[1]", 0, 600) } @{ $f->{problems} }[ 0 .. ($#{ $f->{problems} } < 3 ? $#{ $f->{problems} } : 3) ]) . "\n  log: $f->{file}; again: SEED=$f->{seed} HISTORIES=1 WORKERS=1");
	diag(slurp_file($f->{file})) if $ENV{SHOW};
}
if ($seconds && $all{played} >= $LONG)
{
	for my $what (sort keys %DEMANDED)
	{
		my @missing = grep { !$all{counts}{$what}{$_} } @{ $DEMANDED{$what} };
		is(join(', ', @missing), '', "every kind of $what occurred");
	}
}
done_testing();
