#!/usr/bin/perl
# report.pl - the results of "make profile" as docs/memory-report.md, on standard output
# usage: report.pl CHECKOUT RESULTS
use strict;
use warnings;
use POSIX qw(strftime);

my ($root, $results) = @ARGV;

sub lines { my ($name) = @_; open my $in, '<', "$results/$name" or return (); my @l = <$in>; chomp @l; return @l }
sub command { my $out = `$_[0] 2>/dev/null`; chomp $out; return $out }
sub human { my ($b) = @_; return '' if $b !~ /^-?\d+$/; return abs($b) >= 1048576 ? sprintf('%.1f MB', $b / 1048576) : sprintf('%.0f kB', $b / 1024) }
sub passed { my ($name) = @_; my @l = grep { /^\s*$/ ? 0 : 1 } lines($name); return @l ? $l[-1] : 'not run' }

my $commit = command("git -C $root -c safe.directory='*' log -1 --format='%h of %ci'");
my $cpu = command(q{sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1}) . ', ' . command('nproc') . ' processors, '
	. command(q{awk '/^MemTotal/ { printf "%.0f GB of memory", $2 / 1048576 }' /proc/meminfo});
my $versions = join ', ', command('. /etc/os-release; echo "$PRETTY_NAME"'), 'kernel ' . command('uname -r'),
	'PostgreSQL ' . command(q{dpkg-query -W -f='${Version}' postgresql-15}), 'glibc ' . command(q{dpkg-query -W -f='${Version}' libc6}),
	command('gcc --version | head -n 1'), command('valgrind --version'), command('heaptrack --version');

print <<"END";
# Memory report

Written by `make profile`; [profiling/](../profiling/README.md) says how each figure is measured. Do not edit: run it again.

| | |
|---|---|
| date | @{[ strftime('%Y-%m-%d %H:%M UTC', gmtime) ]} |
| extension | $commit |
| machine | $cpu |
| versions | $versions |

## Budgets

Anonymous memory of one backend, medians over fresh backends, as differences to what the backend had before. *Ours* is what must hold; *report* is the
budget of the report that this project grew out of.

| operation | measured | ours | | report | |
|---|---|---|---|---|---|
END
for (lines('baseline.tsv'))
{
	my ($name, $bytes, $limit, $ours, $theirs_limit, $theirs) = split /\t/;
	print "| $name | @{[ human($bytes) ]} | $limit | $ours | $theirs_limit | $theirs |\n";
}
for (grep { /^refresh, anonymous memory\t/ } lines('refreshes.tsv'))
{
	my (undef, $slope, $unit, $range, $smallest, $verdict) = split /\t/;
	my $ok = $verdict eq 'LEAK' ? 'FAIL' : 'pass';
	print "| $range refreshes in one backend: slope | $slope $unit (would have found $smallest) | no growth | $ok | constant | $ok |\n";
}
my %leak;
for my $mode ('short', 'full', 'server')
{
	for (lines("valgrind-$mode.tsv"))
	{
		my ($kind, $n, $bytes) = split /\t/;
		$leak{$mode}{$kind} = [ $n, $bytes ];
	}
}
for my $mode (grep { $leak{$_} } $leak{full} ? 'full' : 'short', 'server')
{
	my %k = %{ $leak{$mode} };
	my $where = $mode eq 'short' ? "Debian's server, leak workload" : $mode eq 'full' ? "Debian's server, leak workload and regression tests" : 'server with assertions and USE_VALGRIND, leak workload';
	my ($d, $i, $p, $v) = map { $k{$_}[0] } 'definite leak', 'indirect leak', 'possible leak', 'invalid access';
	my $ok = $d + $i + $v == 0 ? 'pass' : 'FAIL';
	print "| leaks (definite, indirect) and invalid accesses of ours; $where | $d, $i; $v (possible: $p) | 0 | $ok | 0 | $ok |\n";
}
my @long = map { [ split /\t/ ] } lines('long.tsv');
my %does = (drain => 'drains', loop => 'the loop', writer => 'writes', ddl => 'TVIEWs created and dropped');
for (grep { $_->[0] =~ /^\w+, anonymous memory$/ } @long)
{
	my ($name, $slope, $unit, $range, $smallest, $verdict) = @$_;
	my ($role) = $name =~ /^(\w+)/;
	my ($control) = $verdict =~ /^(.*) without us$/;
	# what decides is then the line after, the slope beyond that of the control
	($verdict) = map { $_->[5] } grep { $_->[0] eq "$name, more" } @long if $control;
	my $ok = $verdict eq 'LEAK' ? 'FAIL' : 'pass';
	print "| long run, $does{$role}: slope | $slope $unit", $control ? " (control without TVIEWs: $control)" : '', " | no growth | $ok | none | $ok |\n";
}

print <<'END';

A queue entry takes some 45 bytes on a page and its link values in binary form, 5 for an integer and 64 kB at most: a changed row with longer ones is logged as a change of any row of
its table. The changes of a statement share entries from eight on: some 7 bytes for an integer. The caches of a session are bounded: capture plans at 1,000 tables, kept plans by the queries there are in the sources. `tviews_memory()` shows the figures of the own session live and
agrees with the kernel within a tenth. The arena takes no new block for a second batch of the same size. Each of these is tested by `sql/t/070_memory.pl`.
END

print "\n## The long run\n\n![memory, queue and lag over time](memory-long.svg)\n\n```\n";
print "$_\n" for grep { /minutes of|rows in which|drains that|runs of|bytes a/ } lines('run-long.log');
print <<'END';
```

`a +- b` is the slope of a straight line through the means of blocks and its 99 % interval, widened for neighbouring blocks that are not independent. *Would have found* is the
smallest slope that the run would have found nearly always. Warm-up (at most two minutes) is left out. *Contexts* is what the server's memory contexts have handed out,
*their blocks* what these have from malloc; verdicts are made of anonymous memory. *More* is the slope beyond that of the control, a backend that creates and drops
plain tables and triggers in a database without the extension.

## Planted leaks

A leak of 100 bytes a drain was planted in a copy of the sources (`profiling/planted-leak.sh`):

| leak | tool | what it said |
|---|---|---|
END
my %kind = (malloc => 'malloc', palloc => 'palloc in TopMemoryContext');
my @planted = (
	[ 'palloc', 'long', '`long-running-test.sh %s`' ], [ 'malloc', 'long', '`long-running-test.sh %s`' ],
	[ 'palloc', 'server', '`valgrind-leak-test.sh server`' ], [ 'malloc', 'valgrind', '`valgrind-leak-test.sh short` (CI)' ],
	[ 'palloc', 'baseline', '`baseline-memory.sh short` (CI)' ], [ 'malloc', 'baseline', '`baseline-memory.sh short` (CI)' ]);
for (@planted)
{
	my ($kind, $with, $tool) = @$_;
	my @log = lines("run-planted-$with-$kind.log");
	my ($minutes) = map { /^a leak of.*sh (\d+)/ } @log;
	$tool =~ s/%s/$minutes \/\/ ''/e;
	my @said = grep { /LEAK|drain_end|^definite/ } @log;
	my ($said) = ((grep { /drain_end/ } @said), (grep { /anonymous|definite/ } @said));
	$said = ($said // 'not run') =~ s/\s+/ /gr =~ s/^.*?(?:at|by) 0x[0-9A-F]+: /definite leak, at /r;
	print "| $kind{$kind} | $tool | $said: ", (grep { /^seen/ } @log) ? 'caught' : 'NOT CAUGHT', " |\n";
}
print "\nThe slope that the long run of @{[ (grep { /minutes of/ } lines('run-long.log'))[0] =~ /^(\d+)/ ? $1 : '?' ]} minutes would have found is above. A leak of malloc is seen later than that: it first fills\nwhat the heap has free, some 2 MB in a backend that drains, so a run of ten minutes does not see 100 bytes a drain.\n";
print "\n## Where the memory of a drain comes from\n\n100,000 changes of 100,000 products, heap of the backend at its peak (heaptrack):\n\n![largest sites](memory-heap.svg)\n\n```\n";
my $n = 0;
for (lines('heap.txt')) { print "$_\n" if $n++ < 14 || /^peak/ }
print <<'END';
```

- Keys and changes stand in arenas and hash sets (`tvb_byteset_add`, `tvb_arena_alloc`), at most `tviews_batch.work_mem` together; past their shares they spill to sorts.
- Rows of a TVIEW without triggers, further unique indexes or columns of the user's are written while the query that finds them runs; those of others wait in tuplestores of an eighth of `tviews_batch.work_mem` and then on disk.
- The planner looks at every key of a batch when it estimates `= ANY ($1)`, some 350 bytes a key and condition, freed when the query is over: in a batch whose view has several such
  conditions, a large part. `tviews_batch.batch_keys` bounds it.
- The executor's hash tables and sorts are bounded by the server's `work_mem`, each.
- Plans of queries on the extension's own tables stay with the backend: 1.5 MB when all were used. jit is off in drains.

## Coverage

END
print "$_\n\n" for grep { /^all:/ } lines('coverage.txt');
print "The leak workload (`workloads/leak.sql` and the regression tests) does not reach these errors:\n\n```\n";
print "$_\n" for grep { /^    src/ } lines('coverage.txt');
print <<'END';
```

## What remains

- "Possibly lost" on the server that knows Valgrind is what hangs on an entry of the hash table of capture plans (one that is anything else would have failed the run). The server's hash
  tables hold their entries in arrays, to which only inner pointers point; all of it is freed with the cache, and the cache is bounded. The server's own such reports are some ten thousand.
- Functions in views allocate what they like, and the server caches what they use (relations, plans of PL/pgSQL functions) for the session. It grows with the number of *different* relations a backend has touched, as in any backend.
- A slope below *would have found* is not excluded by the long run. Over a day it would be seen: `long-running-test.sh 1440`.
- glibc keeps some of what a drain freed. A backend that drained ten million changes once stays larger than one that did not; ending the session gives it back.
- How one would see it in production: `memory_peak` in `tviews_drains` rises while `changes` and `keys` do not; `tviews_memory()` in a long-lived session; `Anonymous:` in `/proc/PID/smaps_rollup` of the backend.
END
