#!/usr/bin/perl
# heap-report.pl - the largest allocation sites of a drain at its peak, by the innermost function of ours
# usage: heap-report.pl STACKS.folded SITES.csv      (stacks with bytes, as heaptrack_print -F writes them)
use strict;
use warnings;

my ($file, $sites) = @ARGV;
my (%ours, $total, $drain);
open my $in, '<', $file or die "$file: $!\n";
while (<$in>)
{
	my ($stack, $bytes) = /^(.*\S)\s+(\d+)$/ or next;
	$total += $bytes;
	next unless $stack =~ /tvb_drain/;
	$drain += $bytes;
	my @frames = split /;/, $stack;
	my ($at) = grep { $frames[$_] =~ /\(\w+\.c\)/ } reverse 0 .. $#frames;
	next unless defined $at;
	# what it asked of the server: the first named function below that says what for
	my ($asked) = grep { /^(?:SPI_\w+|pg_plan_quer\w+|standard_planner|standard_ExecutorRun|ExecutorStart|tuplestore_\w+|tuplesort_\w+|table_\w+|heap_\w+|MemoryContext\w+|palloc\w*|repalloc\w*)/ } @frames[ $at + 1 .. $#frames ];
	my ($planner) = grep { /planner|pg_plan_quer|scalararraysel/ } @frames[ $at + 1 .. $#frames ];
	my $what = $planner ? 'planner' : $asked // '';
	$frames[$at] =~ s/ \((\w+\.c)\)/ ($1)/;
	$ours{ $frames[$at] . ($what =~ /palloc|MemoryContext/ || $what eq '' ? '' : " -> $what") } += $bytes;
}
printf "heap at the peak: %.1f MB, of these below tviews_drain(): %.1f MB\n", $total / 1e6, $drain / 1e6;
print "by the innermost function of ours, and what it asked of the server:\n";
open my $out, '>', $sites or die "$sites: $!\n";
my $n = 0;
for my $site (sort { $ours{$b} <=> $ours{$a} } keys %ours)
{
	printf "%10.3f MB  %s\n", $ours{$site} / 1e6, $site;
	printf $out "%s,%d\n", $site =~ s/,/ /gr, $ours{$site} if $n < 10;
	last if ++$n == 20;
}
