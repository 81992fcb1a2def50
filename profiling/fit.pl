#!/usr/bin/perl
# fit.pl - does a backend's memory grow with what it does?
# usage: fit.pl SAMPLES.csv ROLE RESULT.tsv [CONTROL]        exit status 1: it does
#
# The warm-up is left out: a fifth of the time, at most 120 s; the samples of refreshes begin after theirs.  The rest is cut into
# blocks of equal length, 40 at most and of five samples at least; a straight line is fitted to the blocks' means by least squares.
# Neighbouring blocks are not independent: the standard error is widened by the residuals' first autocorrelation.  The interval is
# the 99 % one.
#
# A heap can also grow to its high mark slowly, while what is allocated in it stays the same.  A leak grows as fast at the end as
# at the beginning: where the last third of the run grew by no more than the tolerance, the verdict is "settles".
#
# An allocator's heap settles in steps of pages, so 64 kB over the whole run is no leak; 192 kB in a long run of less than ten
# minutes, in which caches still fill.  A leak it is when the whole interval is above that.  The smallest slope that would have
# been found nearly always is that plus twice the interval's half.
# (What leaks from malloc first fills what the heap has free, some 2 MB in a backend that drains, before it is seen as memory.)
#
# With CONTROL, a role that does the like without the extension, what decides is the difference of the two slopes.
use strict;
use warnings;

my ($file, $role, $result, $control) = @ARGV;
my (%samples, $end);
open my $in, '<', $file or die "$file: $!\n";
<$in>;
while (<$in>)
{
	my ($seconds, $who, $count, $anonymous, $contexts, $blocks) = split /,/;
	$end = $seconds if !defined $end || $seconds > $end;
	push @{ $samples{$who} }, [ $seconds, $count, $anonymous, $contexts, $blocks ];
}
my $warm = $end / 5 < 120 ? $end / 5 : 120;
$samples{$_} = [ grep { $_->[0] >= $warm } @{ $samples{$_} } ] for keys %samples;
my @rows = @{ $samples{$role} // [] };
die "$role: too few samples\n" if @rows < 10;
my @control = $control ? @{ $samples{$control} // [] } : ();
die "$control: too few samples\n" if $control && @control < 10;
my $tolerance = ($role ne 'refresh' && $rows[-1][0] - $rows[0][0] < 600 ? 192 : 64) * 1024;

# two-sided 99 % points of Student's distribution
sub student
{
	my ($df) = @_;
	my %t = (1 => 63.66, 2 => 9.92, 3 => 5.84, 4 => 4.60, 5 => 4.03, 6 => 3.71, 7 => 3.50, 8 => 3.36, 10 => 3.17, 15 => 2.95, 20 => 2.85, 30 => 2.75);
	my ($best) = sort { $b <=> $a } grep { $_ <= $df } keys %t;
	return $t{$best};
}

# slope and the half of its interval, of column over count
sub fit
{
	my ($column, @rows) = @_;
	my $n = int(@rows / 5) < 40 ? int(@rows / 5) : 40;
	$n = 4 if $n < 4;
	my (@x, @y);
	for my $block (0 .. $n - 1)
	{
		my @part = @rows[ int($block * @rows / $n) .. int(($block + 1) * @rows / $n) - 1 ];
		my ($sx, $sy) = (0, 0);
		($sx, $sy) = ($sx + $_->[1], $sy + $_->[$column]) for @part;
		push @x, $sx / @part;
		push @y, $sy / @part;
	}
	my ($mx, $my) = (0, 0);
	($mx, $my) = ($mx + $x[$_] / $n, $my + $y[$_] / $n) for 0 .. $n - 1;
	my ($sxx, $sxy) = (0, 0);
	($sxx, $sxy) = ($sxx + ($x[$_] - $mx)**2, $sxy + ($x[$_] - $mx) * ($y[$_] - $my)) for 0 .. $n - 1;
	my $slope = $sxy / $sxx;
	my @e = map { $y[$_] - $my - $slope * ($x[$_] - $mx) } 0 .. $n - 1;
	my ($rss, $lag) = (0, 0);
	$rss += $_**2 for @e;
	$lag += $e[$_] * $e[ $_ - 1 ] for 1 .. $n - 1;
	my $r = $rss > 0 ? $lag / $rss : 0;
	$r = 0 if $r < 0;
	$r = 0.9 if $r > 0.9;
	my $half = student($n - 2) * sqrt($rss / ($n - 2) / $sxx * (1 + $r) / (1 - $r));
	return ($slope, $half);
}

my %unit = (refresh => 'refresh', drain => 'drain', loop => 'call of the loop', writer => 'write', ddl => 'create and drop');
my $range = $rows[-1][1] - $rows[0][1];
my $floor = $tolerance / $range;
my $leak = 0;
open my $out, '>>', $result or die "$result: $!\n";

# one line of the result
sub put_line
{
	my ($name, $slope, $half, $verdict) = @_;
	my $smallest = $floor + 2 * $half;
	printf "%-7s %-18s %9.1f +- %.1f bytes a %s over %d; would have found %.0f: %s\n", $role, $name, $slope, $half, $unit{$role}, $range, $smallest, $verdict;
	print $out join("\t", "$role, $name", sprintf('%.1f +- %.1f', $slope, $half), "bytes a $unit{$role}", $range, sprintf('%.0f', $smallest), $verdict), "\n";
}

# with the control's slope taken off, where there is one
sub judge
{
	my ($name, $column) = @_;
	my ($slope, $half) = fit($column, @rows);
	my $verdict = $slope - $half > $floor ? 'LEAK' : 'no leak';
	my @last = @rows[ int(@rows * 2 / 3) .. $#rows ];
	my $end = $verdict eq 'LEAK' ? (fit($column, @last))[0] * ($last[-1][1] - $last[0][1]) : 0;
	$verdict = sprintf('settles (%+.0f kB in the last third)', $end / 1024) if $verdict eq 'LEAK' && $end <= $tolerance;
	if ($control)
	{
		my ($without, $without_half) = fit($column, @control);
		my ($more, $more_half) = ($slope - $without, sqrt($half**2 + $without_half**2));

		put_line($name, $slope, $half, sprintf('%.1f +- %.1f without us', $without, $without_half));
		$verdict = 'no leak' if $verdict eq 'LEAK' && $more - $more_half <= $floor;
		($name, $slope, $half) = ("$name, more", $more, $more_half);
	}
	put_line($name, $slope, $half, $verdict);
	$leak = 1 if $verdict eq 'LEAK';
}

judge('anonymous memory', 2);
judge('server\'s contexts', 3);
judge('their blocks', 4);
exit $leak;
