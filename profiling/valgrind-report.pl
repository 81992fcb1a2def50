#!/usr/bin/perl
# valgrind-report.pl - sort Valgrind's reports: ours (a frame is in our library) or the server's, by kind
# usage: valgrind-report.pl RESULT.tsv LOG...      exit status 1: definite or indirect leaks, or invalid accesses, of ours
# A possible leak (only an inner pointer is left: the server's caches are full of them) is ours if our code allocated it itself.
# Ours are shown, and fail the run unless they are parts of capture plans: these hang on entries of a hash table of the server's,
# which holds its entries in arrays.
use strict;
use warnings;

my ($result, @logs) = @ARGV;
my %count;      # kind -> ours or server -> reports, bytes
my $bad = 0;    # reports that fail the run
my @ours;       # what is to be shown
my %reachable;  # our frame -> bytes

sub take
{
	my ($text) = @_;
	my $kind = $text =~ /definitely lost/ ? 'definite leak' : $text =~ /indirectly lost/ ? 'indirect leak'
		: $text =~ /possibly lost/ ? 'possible leak' : $text =~ /still reachable/ ? 'still reachable'
		: 'invalid access';
	my $mine = $text =~ /pg_tviews_batch\.so|\b(?:src\/)?(?:$::files)\.c:\d+\)/ ? 'ours' : 'server';
	if ($mine eq 'ours' && $kind eq 'possible leak')
	{
		my ($asked) = grep { !/\((?:mcxt|aset|generation|slab|vg_replace_malloc)\.c|: (?:MemoryContext|palloc|repalloc|malloc|AllocSet)/ } $text =~ /^\s+(?:at|by) .*$/mg;
		$mine = 'server' unless ($asked // '') =~ /\((?:$::files)\.c:|pg_tviews_batch/;
	}
	my ($bytes) = $text =~ /^([\d,]+) (?:\(.*?\) )?bytes in/m;
	$bytes = $bytes ? $bytes =~ s/,//gr : 0;
	$count{$kind}{$mine}[0]++;
	$count{$kind}{$mine}[1] += $bytes;
	if ($mine eq 'ours' && $kind eq 'still reachable')
	{
		my ($frame) = $text =~ /: (tvb_\w+|\w+) \((?:$::files)\.c/;
		$reachable{ $frame // '?' } += $bytes;
	}
	elsif ($mine eq 'ours') { push @ours, $text; $bad++ unless $kind eq 'possible leak' && $text =~ /: build_plan \(capture_plan\.c:/ }
}

our $files = join '|', map { s{.*/}{}r =~ s/\.c$//r } glob(($ENV{PROFILING} // 'profiling') . '/../src/*.c');
for my $log (@logs)
{
	my $text = '';
	open my $in, '<', $log or die "$log: $!\n";
	while (<$in>)
	{
		next unless s/^==\d+== ?//;
		if (/^\s*$/ || /^(?:Command|Parent PID|HEAP SUMMARY|LEAK SUMMARY|For )/)
		{
			take($text) if $text =~ /(?:^|\n)\s+(?:at|by) 0x/;
			$text = '';
		}
		else { $text .= $_ }
	}
	take($text) if $text =~ /\n\s+(?:at|by) 0x/;
}

print "processes: " . @logs . "\n";
printf "%-16s %8s %12s %8s %12s\n", '', 'ours', 'bytes', 'server', 'bytes';
open my $out, '>', $result or die "$result: $!\n";
for my $kind ('definite leak', 'indirect leak', 'possible leak', 'invalid access', 'still reachable')
{
	my @line = map { $count{$kind}{$_}[0] // 0, $count{$kind}{$_}[1] // 0 } qw(ours server);
	printf "%-16s %8d %12d %8d %12d\n", $kind, @line;
	print $out join("\t", $kind, @line), "\n";
}
print "\nstill reachable at the end, by the function of ours that asked (all processes):\n" if %reachable;
printf "%12d %s\n", $reachable{$_}, $_ for (sort { $reachable{$b} <=> $reachable{$a} } keys %reachable)[ 0 .. (keys %reachable > 10 ? 9 : keys(%reachable) - 1) ];
print "\n$_" for @ours;
exit($bad > 0);
