# docs/security.md lists every place in src/ that switches users, catches errors, copies raw memory, connects to SPI or
# runs SQL text, with the reason why it is safe.  A place that it does not list, or lists and is gone, fails here:
# look at the code, then write down why.

use strict;
use warnings;

use Cwd qw(realpath);
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = realpath(dirname(__FILE__) . '/../..');

# Headings of docs/security.md, and what is counted under each.
my %calls = (
	'Switches of user' => qr/\b(?:SetUserIdAndSecContext|tvb_owner_enter|tvb_owner_enter_extension)\s*\(/,
	'Errors caught' => qr/\b(?:PG_TRY|BeginInternalSubTransaction)\s*\(/,
	'Raw memory' => qr/\b(?:mem(?:cpy|move)|str(?:n?cpy|n?cat)|sprintf|VARDATA(?:_ANY)?)\s*\(/,
	'SPI connections' => qr/\bSPI_connect(?:_ext)?\s*\(/,
	'SQL text' => qr/\b(?:SPI_execute(?:_with_args)?|SPI_prepare(?:_cursor)?|tvb_sources_ddl|pg_parse_query|tvb_plans_query|tvb_run_(?:query|query_again|write))\s*\(/);

# Count the calls in a file by "heading, file, function".
sub count_calls
{
	my ($path, $found) = @_;
	my $file = basename($path);
	my $function = '';
	my $comment = 0;

	for my $line (split /\n/, slurp_file($path))
	{
		my $code = $line;
		if ($comment) { next unless $code =~ s{^.*?\*/}{}; $comment = 0 }
		$code =~ s{/\*.*?\*/}{}g;
		$comment = 1 if $code =~ s{/\*.*$}{};
		# declarations begin in the first column, as do the names of functions where they are defined
		if ($code =~ /^\w/)
		{
			$function = $1 if $code =~ /^(\w+)\([^;]*$/;
			next;
		}
		for my $heading (keys %calls)
		{
			my $n = () = $code =~ /$calls{$heading}/g;
			$found->{"$heading: $file $function"} += $n if $n;
		}
	}
	return;
}

# The same from the tables of the document: | `file.c` | `function` | number | reason |
sub read_audit
{
	my ($listed, $empty) = ({}, []);
	my $heading = '';

	for my $line (split /\n/, slurp_file("$root/docs/security.md"))
	{
		$heading = $1 if $line =~ /^#+ (.*?)\s*$/;
		next unless $line =~ /^\| `([^`]+)` \| `([^`]+)` \| (\d+) \| (.*?) *\|$/;
		$listed->{"$heading: $1 $2"} += $3;
		push @$empty, "$1 $2" unless $4 =~ /\w{3}/;
	}
	return ($listed, $empty);
}

my %found;
count_calls($_, \%found) for sort(glob("$root/src/*.c"), glob("$root/src/*.h"));
my ($listed, $empty) = read_audit();

cmp_ok(scalar(keys %found), '>', 50, 'the sources were read');
for my $heading (sort keys %calls)
{
	my @places = grep { /^\Q$heading\E: / } keys %{ { %found, %$listed } };
	my @wrong = map { "$_: " . ($found{$_} // 0) . ' in src, ' . ($listed->{$_} // 0) . ' in docs/security.md' }
	  grep { ($found{$_} // 0) != ($listed->{$_} // 0) } sort @places;
	is(join("\n", @wrong), '', "docs/security.md, $heading: as in src");
}
is("@$empty", '', 'every place has its reason');

# What the sources must not have at all.
my %never = (
	'strcpy, strcat, sprintf, gets' => qr/\b(?:strcpy|strcat|sprintf|gets)\s*\(/,
	'NOTIFY from C' => qr/\bAsync_Notify\b/,
	'a search_path set outside of owner.c' => qr/"search_path"/);
for my $what (sort keys %never)
{
	my @files = grep { basename($_) ne 'owner.c' && slurp_file($_) =~ $never{$what} } glob("$root/src/*.c");
	is("@files", '', "src has no $what");
}

# Each SQL function of the extension that is not written in C names its path.
unlike(slurp_file($_), qr/SECURITY DEFINER(?!\s+SET search_path = pg_catalog, pg_temp)/, basename($_) . ': definers have a fixed path')
  for glob("$root/sql/install/*.sql");

done_testing();
