# The random test: histories of changes over generated schemas and views, with
# drains between them; at every quiet point each TVIEW must equal its view.
#
#   HISTORIES=n   how many (default 200)        SEED=n    the first seed (default 1)
#   WORKERS=n     at once (default 2)           COUNTS=off  do not demand that everything occurred
#   SKIP=3,7,w1   leave out steps and views (with HISTORIES=1)
#   MINIMISE=1    make the first failing history small and print it
use strict;
use warnings;

use File::Basename;
use File::Spec;
use IPC::Run;
use POSIX ();
use Storable qw(store retrieve);
use Time::HiRes qw(time);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib dirname(File::Spec->rel2abs(__FILE__));
use TviewsRandom qw(history script_of);

my $histories = $ENV{HISTORIES} // 200;
my $first = $ENV{SEED} // 1;
my $workers = $ENV{WORKERS} // 2;
my %skip = map { $_ => 1 } split(/,/, $ENV{SKIP} // '');

# What must occur at least once in a run.
my %DEMANDED = (
	'row' => [
		'inner', 'nullable side', 'preserved side', 'nullable key', 'full join', 'sublink', 'sublink value', 'grouped', 'window',
		'limited rows', 'limit', 'set operation', 'aggregate without GROUP BY', 'uncorrelated', 'recursive CTE', 'grouping sets',
		'target-list SRF', 'function in FROM', 'self join', 'several carriers', 'plain', 'equal', 'generated column', 'whole row', 'CTE',
		'over view', 'over TVIEW' ],
	'derived' => [
		'filter', 'join', 'left join', 'expressions', 'constant', 'group', 'distinct', 'window', 'top of partition', 'except', 'union all',
		'exists', 'sublink', 'limit', 'distinct on', 'lateral' ],
	'route' => [qw(direct lookup full)],
	'key type' => [qw(int bigint uuid text date numeric composite)],
	'statement' => [
		'insert', 'insert several', 'update', 'update key', 'update link', 'delete', 'no-op update', 'unread update', 'upsert', 'merge',
		'copy', 'writable CTE', 'cascade', 'truncate', 'by root', 'by leaf', 'by child', 'several in a transaction', 'savepoint rollback',
		'aborted transaction', 'commit prepared', 'rollback prepared', 'drain inside', 'drain rolled back', 'attach partition',
		'explicit key', 'inferred key', 'drain some', 'drain all' ]);

# What statements of a history may fail with: constraints, a MERGE or upsert
# that meets a row twice, the division that aborts a transaction, an upsert
# into a table whose attaching failed.
my %ALLOWED = map { $_ => 1 } qw(23502 23503 23505 23514 21000 22012 25P02 42P10);

my $node = PostgreSQL::Test::Cluster->new('random');
$node->init;
$node->append_conf('postgresql.conf', <<CONF);
fsync = off
full_page_writes = off
synchronous_commit = off
jit = off
autovacuum = off
restart_after_crash = on
max_prepared_transactions = 20
max_wal_size = 2GB
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE template_random');
$node->safe_psql('template_random', 'CREATE EXTENSION pg_tviews_batch');

my $scripts = $PostgreSQL::Test::Utils::tmp_check . '/random';
mkdir $scripts;

# Run psql on a database; (exit code, stdout, stderr).
sub run_psql
{
	my ($database, @args) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr($database), @args ], '<', \'', '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub fresh_database
{
	my ($database) = @_;
	for (1 .. 50)
	{
		# prepared transactions that an unfinished history left behind hold locks
		my (undef, $gids) = run_psql('postgres', '-At', '-c', "SELECT gid FROM pg_prepared_xacts WHERE database = '$database'");
		run_psql($database, '-c', "ROLLBACK PREPARED '$_'") for split /\n/, $gids // '';
		my ($code) = run_psql('postgres', '-c', "DROP DATABASE IF EXISTS $database WITH (FORCE)", '-c', "CREATE DATABASE $database TEMPLATE template_random");
		return if $code == 0;
		sleep 1;
	}
	return;
}

# The problems in what psql printed: [class, text, step].
sub problems_of
{
	my ($script, $out, $err) = @_;
	my @problems;
	my (@step_of_line, $step);
	my @lines = split(/\n/, $script, -1);
	for my $i (0 .. $#lines)
	{
		$step = $1 if $lines[$i] =~ /^\\echo STEP\|(\S+)/;
		$step_of_line[ $i + 1 ] = $step;
	}
	for my $line (split /\n/, $err)
	{
		next if $line !~ /^psql:[^:]*:(\d+): (?:ERROR|FATAL|PANIC|error):\s+(?:(\w{5}): )?(.*)/;
		my ($at, $state, $text) = ($1, $2 // '', $3);
		my $ours = ($lines[ $at - 1 ] // '') =~ /tviews_/;
		next if $ALLOWED{$state} && !$ours;
		push @problems, [ "error $state", "$state $text", $step_of_line[$at] ];
	}
	$step = undef;
	my (@drains, $done);
	for my $line (split /\n/, $out)
	{
		my ($word, @f) = split(/\|/, $line, -1);
		next if !defined $word;
		$step = $f[0] if $word eq 'STEP';
		$done = 1 if $word eq 'DONE';
		if ($word eq 'CHECK' || $word eq 'IMAGE' || $word eq 'VERIFY')
		{
			my $view = shift @f;
			pop @f if $word eq 'CHECK';
			push @problems, [ lc("$word $view"), "$view: " . join(', ', @f), $step ] if grep { $_ ne '0' } @f;
		}
		push @problems, [ 'status', "@f", $step ] if $word eq 'STATUS' && $f[1] ne 'ok';
		push @problems, [ 'quiet', "$f[0] changes remain after a full drain", $step ] if $word eq 'QUIET' && $f[0] ne '0';
		if ($word eq 'DRAIN')
		{
			push @drains, [@f];
			push @problems, [ 'drain', "failed $f[3], busy $f[5]", $step ] if $f[3] ne '0' || $f[5] ne 'f';
		}
	}
	push @problems, [ 'unfinished', 'psql did not reach the end: ' . substr($err, -300), $step ] if !$done;
	return (\@problems, \@drains);
}

# A drain wrote something while changes were left, and a later one wrote more.
sub has_partial_drain
{
	my ($drains) = @_;
	my $seen;
	for my $d (@$drains)
	{
		return 1 if $seen && $d->[2] > 0;
		$seen = 1 if $d->[2] =~ /^\d+$/ && $d->[2] > 0 && $d->[4] > 0;
	}
	return 0;
}

# Play a history; (problems, drains, stdout, script).
sub play
{
	my ($h, $database, $skipped) = @_;
	my $script = script_of($h, $skipped);
	my $file = "$scripts/$h->{seed}.$database.sql";
	open my $fh, '>', $file or die "$file: $!";
	print $fh $script;
	close $fh;
	my ($code, $out, $err) = run_psql($database, '-f', $file);
	unlink $file;
	my ($problems, $drains) = problems_of($script, $out, $err);
	return ($problems, $drains, $out, $script, $err);
}

# Leave out as much as possible while the first problem stays.
sub minimise
{
	my ($h, $database, $class) = @_;
	my %out = %skip;
	my $still = sub {
		fresh_database($database);
		my ($problems) = play($h, $database, $_[0]);
		return @$problems && $problems->[0][0] eq $class;
	};
	my $try = sub {
		my %more = (%out, map { $_ => 1 } @_);
		%out = %more if $still->(\%more);
		return;
	};
	my @steps = map { my $k = $h->{steps}[$_]{kind}; $k =~ /^(?:statement|drain|check|status|quiet|force|settings)$/ ? $_ + 1 : () } 0 .. $#{ $h->{steps} };
	for my $size (32, 8, 2, 1)
	{
		my @left = grep { !$out{$_} } reverse @steps;
		while (@left) { $try->(splice(@left, 0, $size)) }
		$try->($_->{name}) for grep { !$out{ $_->{name} } } reverse @{ $h->{views} };
	}
	fresh_database($database);
	my ($problems, undef, undef, $script) = play($h, $database, \%out);
	return (join(',', sort keys %out), $script, $problems);
}

# Every workers-th history; the results go to a file.
sub work
{
	my ($worker) = @_;
	my $database = "random_$worker";
	my %result = (counts => {}, failed => [], checks => 0, nonempty => 0, partial => 0, drains => 0, played => 0, writes => 0);
	fresh_database($database);
	for (my $i = $worker; $i < $histories; $i += $workers)
	{
		my $seed = $first + $i;
		my $h = history($seed);
		my ($problems, $drains, $out, $script, $err) = play($h, $database, \%skip);
		push @$problems, [ 'partial', 'no drain wrote some but not all rows', 0 ] if !@$problems && !%skip && !has_partial_drain($drains);
		$result{played}++;
		$result{drains} += @$drains;
		for my $what (keys %{ $h->{counts} })
		{
			$result{counts}{$what}{$_} += $h->{counts}{$what}{$_} for keys %{ $h->{counts}{$what} };
		}
		$result{counts}{route}{$_}++ for $out =~ /^ROUTE\|.*\|(\w+)$/mg;
		for ($out =~ /^CHECK\|\w+\|\d+\|\d+\|(\d+)$/mg) { $result{checks}++; $result{nonempty}++ if $_ > 0 }
		if (@$problems)
		{
			open my $fh, '>', "$scripts/failed_$seed.sql" or die $!;
			print $fh $script;
			close $fh;
			open $fh, '>', "$scripts/failed_$seed.out" or die $!;
			print $fh $out, $err;
			close $fh;
			push @{ $result{failed} }, { seed => $seed, problems => $problems,
				views => { map { $_->{name} => "$_->{shape}: $_->{sql}" } @{ $h->{views} } } };
			fresh_database($database);
		}
	}
	store(\%result, "$scripts/result_$worker");
	return;
}

my $began = time;
my @children;
for my $worker (0 .. $workers - 1)
{
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		eval { work($worker); 1 } or print STDERR $@;
		POSIX::_exit(0);
	}
	push @children, $pid;
}
waitpid($_, 0) for @children;

my %all = (counts => {}, failed => [], checks => 0, nonempty => 0, drains => 0, played => 0);
for my $worker (0 .. $workers - 1)
{
	my $r = -e "$scripts/result_$worker" ? retrieve("$scripts/result_$worker") : {};
	$all{$_} += $r->{$_} // 0 for qw(checks nonempty drains played);
	push @{ $all{failed} }, @{ $r->{failed} // [] };
	for my $what (keys %{ $r->{counts} // {} })
	{
		$all{counts}{$what}{$_} += $r->{counts}{$what}{$_} for keys %{ $r->{counts}{$what} };
	}
}

note sprintf('seeds %d to %d: %d histories in %.1f s, %d drains, %d comparisons (%d with rows)',
	$first, $first + $histories - 1, $all{played}, time - $began, @all{qw(drains checks nonempty)});
is($all{played}, $histories, 'every history was played');

my @failed = sort { $a->{seed} <=> $b->{seed} } @{ $all{failed} };
is(scalar @failed, 0, 'TVIEWs equal their views at every quiet point');
for my $f (@failed[ 0 .. ($#failed < 9 ? $#failed : 9) ])
{
	my @p = @{ $f->{problems} };
	my ($class, $text, $step) = @{ $p[0] };
	my ($view) = $text =~ /\b(?:tv_)?(w\d)\b/;
	diag sprintf("seed %d, step %s: %s: %s (%d problems)%s\n  script: %s\n  again:  SEED=%d HISTORIES=1 COUNTS=off [MINIMISE=1] prove with this file",
		$f->{seed}, $step // '?', $class, $text, scalar @p, $view ? "\n  $view is $f->{views}{$view}" : '', "$scripts/failed_$f->{seed}.sql", $f->{seed});
}
diag('more failed: ' . join(', ', map { $_->{seed} } @failed[ 10 .. $#failed ])) if @failed > 10;

if (@failed && $ENV{MINIMISE})
{
	my $f = $failed[0];
	my ($left_out, $script, $problems) = minimise(history($f->{seed}), 'random_0', $f->{problems}[0][0]);
	diag("SKIP=$left_out\n$script\n" . join("\n", map { "@$_[0, 1]" } @$problems));
}
elsif (@failed)
{
	diag("the script of seed $failed[0]{seed}:\n" . slurp_file("$scripts/failed_$failed[0]{seed}.sql"));
}

for my $what (sort keys %{ $all{counts} })
{
	note "$what: " . join(', ', map { "$_ $all{counts}{$what}{$_}" } sort keys %{ $all{counts}{$what} });
}
if (($ENV{COUNTS} // '') ne 'off')
{
	for my $what (sort keys %DEMANDED)
	{
		my @missing = grep { !$all{counts}{$what}{$_} } @{ $DEMANDED{$what} };
		is(join(', ', @missing), '', "every $what occurred");
	}
	cmp_ok($all{nonempty}, '>', $all{checks} / 2, 'most comparisons were of TVIEWs with rows');
}

$node->stop;
done_testing();
