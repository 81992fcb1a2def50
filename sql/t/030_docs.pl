# The documentation is true: the ```sql blocks of README.md and docs/*.md run, in order, in one session and a
# fresh database per file; a plain ``` block right after one shows the end of what it prints.  Every object, column
# and setting of the extension has a comment and stands in docs/reference.md.
#
# Blocks marked ```sql norun need more than a server of their own and are skipped; README.md has none.

use strict;
use warnings;

use Cwd qw(realpath);
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = realpath(dirname(__FILE__) . '/../..');

# Columns whose values differ from run to run.
my $times = qr/^(elapsed_ms|started|oldest_age|lag|last_refresh|last_full|created)$/;

# The sql blocks of a file: first line, text, whether to run it, and the output shown below it, if any.
sub blocks
{
	my ($file) = @_;
	my (@blocks, $block, $fence, $shown);
	my $after = 0;    # only blank lines since the end of a sql block
	my $number = 0;

	for my $line (split /\n/, slurp_file($file))
	{
		$number++;
		if (defined $fence)
		{
			if ($line =~ /^```\s*$/)
			{
				$after = $fence eq 'sql';
				undef $fence;
			}
			elsif ($fence eq 'sql') { $block->{text} .= "$line\n" }
			elsif ($fence eq 'shown') { $block->{shown} .= "$line\n" }
		}
		elsif ($line =~ /^```(.*)$/)
		{
			my $info = $1;
			if ($info =~ /^sql(\s+norun)?\s*$/)
			{
				$fence = 'sql';
				$block = { line => $number, text => '', run => !$1 };
				push @blocks, $block;
			}
			elsif ($info =~ /^\s*$/ && $after)
			{
				$fence = 'shown';
				$block->{shown} = '';
				$block->{shown_line} = $number;
			}
			else
			{
				# a fence that is nearly ```sql would go untested
				fail("$file, line $number: unknown fence \"$info\"") if $info =~ /sql/i;
				$fence = 'other';
			}
			$after = 0;
		}
		elsif ($line =~ /\S/) { $after = 0 }
	}
	fail("$file: the last fence is not closed") if defined $fence;
	return @blocks;
}

# A script with each block on the lines where it stands in the file, so that psql's messages name these.
sub script_of
{
	my (@blocks) = @_;
	my $script = '';
	my $lines = 0;

	for my $block (grep { $_->{run} } @blocks)
	{
		$script .= "\n" x ($block->{line} - 1 - $lines);
		$script .= "\\echo \@block $block->{line}\n$block->{text}";
		$lines = $block->{line} + ($block->{text} =~ tr/\n//);
	}
	return $script;
}

# Lines of output without what may differ: white space, row counts, separators, times.
sub essence
{
	my ($text) = @_;
	my (@lines, %masked);
	my $previous = '';

	for my $line (split /\n/, $text)
	{
		if ($line =~ /^[-+]*-[-+]*$/ && $previous ne '')
		{
			my @names = map { s/^\s+|\s+$//gr } split(/\|/, $previous, -1);
			%masked = map { $_ => 1 } grep { $names[$_] =~ $times } 0 .. $#names;
		}
		elsif ($line =~ /^\s*$/ || $line =~ /^\(\d+ rows?\)$/) { %masked = () }
		else
		{
			my @cells = split(/\|/, $line, -1);
			for my $i (keys %masked) { $cells[$i] = ' (time) ' if $i <= $#cells }
			my $clean = join('|', @cells);
			$clean =~ s/\s+/ /g;
			$clean =~ s/^ | $//g;
			push @lines, $clean;
		}
		$previous = $line;
	}
	return @lines;
}

# Whether the lines shown are the last that were printed.
sub is_end
{
	my ($shown, $printed) = @_;
	return 0 if @$shown == 0 || @$shown > @$printed;
	return join("\n", @$shown) eq join("\n", @{$printed}[ @$printed - @$shown .. $#$printed ]);
}

# Run a file's blocks and compare what it shows.
sub check_file
{
	my ($node, $path) = @_;
	my $name = $path =~ s/^\Q$root\E\///r;
	my @blocks = blocks($path);
	my @run = grep { $_->{run} } @blocks;
	my $skipped = @blocks - @run;
	my $database = lc('docs_' . ($name =~ s/\W/_/gr));
	my $script = "$PostgreSQL::Test::Utils::tmp_check/$database.sql";
	my (%printed, $line);

	note("$name: " . @run . " blocks run, $skipped skipped, "
		  . (grep { defined $_->{shown} } @run) . " with output");
	is($skipped, 0, "$name: all blocks run") if $name eq 'README.md';
	return unless @run;

	append_to_file($script, script_of(@blocks));
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my ($out, $err) = ('', '');
	my $status = IPC::Run::run(
		[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1',
		  '-d', $node->connstr($database), '-f', $script ],
		'<', \undef, '>', \$out, '2>', \$err);
	# psql says "psql:SCRIPT:LINE:"; the script has the file's own lines
	$err =~ s/psql:\Q$script\E:/$name, line /g;
	ok($status, "$name: every block runs") or diag($err);

	for my $text (split /\n/, $out)
	{
		if ($text =~ /^\@block (\d+)$/) { $line = $1; $printed{$line} = '' }
		elsif (defined $line) { $printed{$line} .= "$text\n" }
	}
	for my $block (@run)
	{
		ok(exists $printed{ $block->{line} }, "$name, line $block->{line}: block was reached") if $status;
		next unless defined $block->{shown} && exists $printed{ $block->{line} };
		my @shown = essence($block->{shown});
		my @printed = essence($printed{ $block->{line} });
		ok(is_end(\@shown, \@printed), "$name, line $block->{shown_line}: output is as shown")
		  or diag("shown:\n$block->{shown}printed:\n$printed{$block->{line}}");
	}
	$node->safe_psql('postgres', "DROP DATABASE $database");
	return;
}

# The headings of the reference, and the first cells of its tables under each.
sub entries
{
	my (%headings, %cells, $heading);
	my $fenced = 0;

	for my $line (split /\n/, slurp_file("$root/docs/reference.md"))
	{
		$fenced = !$fenced if $line =~ /^```/;
		next if $fenced;
		if ($line =~ /^#+\s+(.*?)\s*$/)
		{
			$heading = $1 =~ s/`//gr;
			$headings{$heading} = 1;
		}
		elsif (defined $heading && $line =~ /^\|\s*`([^`]+)`/) { $cells{$heading}{$1} = 1 }
	}
	return (\%headings, \%cells);
}

# Every object, column and setting is described in the reference, and nothing else is.
sub check_reference
{
	my ($node) = @_;
	my ($headings, $cells) = entries();
	my %known;

	# heading, and whether it is the name of a relation with columns
	my $objects = $node->safe_psql('postgres', q{
		SELECT CASE d.classid
		            WHEN 'pg_proc'::regclass THEN (SELECT p.oid::regproc || '()' FROM pg_proc p WHERE p.oid = d.objid)
		            WHEN 'pg_class'::regclass THEN d.objid::regclass::text
		            WHEN 'pg_event_trigger'::regclass THEN (SELECT evtname::text FROM pg_event_trigger WHERE oid = d.objid)
		            WHEN 'pg_namespace'::regclass THEN d.objid::regnamespace::text
		            ELSE pg_describe_object(d.classid, d.objid, 0) END,
		       d.classid = 'pg_class'::regclass AND EXISTS (
		            SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relkind IN ('r', 'p', 'v', 'm'))
		  FROM pg_depend d
		  JOIN pg_extension e ON e.oid = d.refobjid
		 WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'pg_tviews_batch' AND d.deptype = 'e'
		   AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (
		            SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relkind NOT IN ('r', 'p', 'v', 'm')))
		   AND d.classid NOT IN ('pg_type'::regclass, 'pg_rewrite'::regclass)
		 ORDER BY 1});
	for my $row (split /\n/, $objects)
	{
		my ($object, $has_columns) = split /\|/, $row;
		$known{$object} = 1;
		ok($headings->{$object}, "docs/reference.md has a heading \"$object\"");
		next unless $has_columns eq 't';
		my $columns = $node->safe_psql('postgres',
			"SELECT attname FROM pg_attribute WHERE attrelid = '$object'::regclass AND attnum > 0 AND NOT attisdropped");
		my @missing = grep { !$cells->{$object}{$_} } split /\n/, $columns;
		my %there = map { $_ => 1 } split /\n/, $columns;
		my @unknown = grep { !$there{$_} } keys %{ $cells->{$object} };
		is("@missing", '', "docs/reference.md has every column of $object");
		is("@unknown", '', "docs/reference.md has no other column of $object");
	}

	# Parameters and result columns of functions.
	my $parameters = $node->safe_psql('postgres', q{
		SELECT p.oid::regproc || '()', unnest(p.proargnames)
		  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_tviews_batch'});
	my @missing = grep { my ($function, $name) = split /\|/; !$cells->{$function}{$name} } split /\n/, $parameters;
	is(join(', ', @missing), '', 'docs/reference.md has every parameter and result column');

	# The settings appear when the library is loaded.
	my $settings = $node->safe_psql('postgres', q{LOAD 'pg_tviews_batch';
		SELECT name, boot_val FROM pg_settings WHERE name LIKE 'tviews\_batch.%'});
	cmp_ok(scalar(split /\n/, $settings), '>', 0, 'there are settings');
	for my $row (split /\n/, $settings)
	{
		my ($setting) = split /\|/, $row;
		$known{$setting} = 1;
		ok($headings->{$setting}, "docs/reference.md has a heading \"$setting\"");
	}

	my @gone = grep { /^tviews[_.]/ && !/ / && !$known{$_} } sort keys %$headings;
	is("@gone", '', 'docs/reference.md describes nothing that does not exist');
	return;
}

# Every object and column has a comment.
sub check_comments
{
	my ($node) = @_;
	is($node->safe_psql('postgres', q{
		SELECT pg_describe_object(d.classid, d.objid, 0)
		  FROM pg_depend d
		  JOIN pg_extension e ON e.oid = d.refobjid
		 WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'pg_tviews_batch' AND d.deptype = 'e'
		   AND d.classid NOT IN ('pg_type'::regclass, 'pg_rewrite'::regclass)
		   AND obj_description(d.objid, d.classid::regclass::name) IS NULL
		 ORDER BY 1}), '', 'every object has a comment');
	is($node->safe_psql('postgres', q{
		SELECT a.attrelid::regclass || '.' || a.attname
		  FROM pg_depend d
		  JOIN pg_extension e ON e.oid = d.refobjid
		  JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p', 'v', 'm')
		  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		 WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'pg_tviews_batch' AND d.deptype = 'e'
		   AND d.classid = 'pg_class'::regclass AND col_description(c.oid, a.attnum) IS NULL
		 ORDER BY 1}), '', 'every column has a comment');
	return;
}

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nmax_prepared_transactions = 5\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_tviews_batch');

check_comments($node);
check_reference($node);
check_file($node, $_) for ("$root/README.md", sort glob("$root/docs/*.md"));

$node->stop('fast');
done_testing();
