#!/usr/bin/perl
# long-picture.pl - long.csv, thinned to what a picture shows: 200 rows, each with the memory of each role, and the longest queue and lag
# usage: long-picture.pl SAMPLES.csv
# Growth is against the last sample of the warm-up (a fifth of the time, at most 120 s), in kB.
use strict;
use warnings;

use constant BINS => 200;
my @roles = qw(drain loop writer ddl control);
my (@samples, %start, @bins);
my $end = 0;
while (<>)
{
	chomp;
	my ($seconds, $role, undef, $anonymous, undef, undef, undef, $queue, $lag) = split /,/, $_, -1;
	next if $seconds eq 'seconds';
	push @samples, [ $seconds, $role, $anonymous, $queue, $lag ];
	$end = $seconds if $seconds > $end;
}
my $warm = $end / 5 < 120 ? $end / 5 : 120;
for (@samples)
{
	my ($seconds, $role, $anonymous, $queue, $lag) = @$_;
	my $bin = $bins[ int($seconds / ($end + 1) * BINS) ] //= {};
	$start{$role} = $anonymous if $seconds <= $warm || !defined $start{$role};
	$bin->{$role} = $anonymous;
	$bin->{queue} = $queue if $queue ne '' && $queue > ($bin->{queue} // -1);
	$bin->{lag} = $lag if $lag ne '' && $lag > ($bin->{lag} // -1);
}
print join(',', 'minutes', (map { ("$_ MB", "$_ growth kB") } @roles), 'queue', 'lag ms'), "\n";
for my $n (0 .. $#bins)
{
	my $bin = $bins[$n] // {};
	print join(',', sprintf('%.3f', ($n + 0.5) * ($end + 1) / BINS / 60),
		(map { defined $bin->{$_} ? (sprintf('%.3f', $bin->{$_} / 1048576), sprintf('%.0f', ($bin->{$_} - $start{$_}) / 1024)) : ('NaN', 'NaN') } @roles),
		$bin->{queue} // 'NaN', $bin->{lag} // 'NaN'), "\n";
}
