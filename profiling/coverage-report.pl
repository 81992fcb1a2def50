#!/usr/bin/perl
# coverage-report.pl - lines run per file of src/, and the ereports that were not, from gcov's files
# usage: coverage-report.pl FILE.gcov...       exit status 1: less than 90 % of all lines
use strict;
use warnings;

my ($run, $all, $reached, @missed) = (0, 0, 0);
for my $file (sort @ARGV)
{
	my ($r, $a, $source, $report, $message) = (0, 0, '');
	open my $in, '<', $file or die "$file: $!\n";
	while (<$in>)
	{
		my ($count, $line, $text) = /^\s*(\S+?)\*?:\s*(\d+):(.*)$/ or next;
		if ($line == 0)
		{
			$source = $1 if $text =~ /^Source:(.*)/;
			last unless $source =~ m{(?:^|/)src/[^/]+\.c$};
			next;
		}
		if ($text =~ /\b(?:ereport|elog)\(/) { $report = [ $count, $line ] }
		if ($report && $text =~ /((?:errmsg\w*|elog)\(.*)/)
		{
			my $said = $1;
			# an elog is for what cannot happen
			if ($said !~ /^elog/ && $report->[0] ne '-')
			{
				if ($report->[0] =~ /^[#=]/) { push @missed, "$source:$report->[1]: $said" }
				else { $reached++ }
			}
			$report = undef;
		}
		next if $count eq '-';
		$a++;
		$r++ unless $count =~ /^[#=]/;
	}
	next unless $a;
	printf "%-28s %5d of %5d lines %5.1f %%\n", $source, $r, $a, 100 * $r / $a;
	$run += $r;
	$all += $a;
}
die "no lines\n" unless $all;
printf "all: %d of %d lines, %.1f %%\n", $run, $all, 100 * $run / $all;
printf "ereports: %d reached, %d not reached:\n", $reached, scalar @missed;
print "    $_\n" for @missed;
exit($run < 0.9 * $all);
