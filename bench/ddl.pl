# ddl.pl - called by bench/ddl: the same DDL in turns in three databases, without the extension, with it, and with TVIEWs
#
# What is compared is the processor time of the session that runs the DDL, as the kernel counts it: other work on the machine
# disturbs it little.  A round is so many commands of a kind in each database; medians of rounds are shown.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session;

my ($rounds, $tviews) = @ARGV;
my $many = 25;
my @databases = qw(without with_none with_tviews);
my @commands = (
	[ 'CREATE TABLE', 'CREATE TABLE t%d (id int PRIMARY KEY, v text)' ],
	[ 'CREATE TABLE AS', 'CREATE TABLE c%d AS SELECT 1 AS id' ],
	[ 'ALTER TABLE ADD COLUMN', 'ALTER TABLE t%d ADD COLUMN w int' ],
	[ 'ALTER TABLE SET (...)', 'ALTER TABLE t%d SET (fillfactor = 90)' ],
	[ 'ALTER TABLE RENAME COLUMN', 'ALTER TABLE t%d RENAME COLUMN w TO x' ],
	[ 'CREATE INDEX', 'CREATE INDEX ON t%d (x)' ],
	[ 'COMMENT', q(COMMENT ON TABLE t%d IS 'a comment') ],
	[ 'CREATE VIEW', 'CREATE VIEW w%d AS SELECT id, v FROM t%1$d' ],
	[ 'CREATE OR REPLACE VIEW', 'CREATE OR REPLACE VIEW w%d AS SELECT id, v FROM t%1$d' ],
	[ 'CREATE FUNCTION', 'CREATE FUNCTION f%d() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$' ],
	[ 'CREATE OR REPLACE FUNCTION', 'CREATE OR REPLACE FUNCTION f%d() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$' ],
	[ 'GRANT', 'GRANT SELECT ON t%d TO PUBLIC' ],
	[ 'DROP VIEW', 'DROP VIEW w%d' ],
	[ 'DROP FUNCTION', 'DROP FUNCTION f%d()' ],
	[ 'DROP TABLE', 'DROP TABLE t%d, c%1$d' ]);
my %session;
my %ms;

# Processor time of a session's backend, in ms.
sub used
{
	my $backend = shift;
	open my $file, '<', "/proc/$backend/schedstat" or die "schedstat: $!";
	return (split ' ', <$file>)[0] / 1e6;
}

sub median { my @values = sort { $a <=> $b } @_; return $values[$#values / 2]; }

my $admin = Session->new;
$admin->run("CREATE DATABASE $_") foreach @databases;
foreach my $database (@databases)
{
	$session{$database} = my $s = Session->new($database);
	my $setup = 'SET client_min_messages = error';
	$setup .= '; CREATE EXTENSION pg_tviews_batch' if $database ne 'without';
	$setup .= "; CREATE TABLE a$_ (id int PRIMARY KEY, v int); CREATE VIEW v_a$_ AS SELECT id, v FROM a$_" . ($database eq 'with_tviews' ? "; SELECT tviews_create('v_a$_', key => '{id}')" : '')
	  foreach 1 .. $tviews;
	my $text = $s->run("$setup; ANALYZE");
	die $text if $text =~ /ERROR/;
}
foreach my $round (0 .. $rounds)
{
	foreach my $command (@commands)
	{
		foreach my $i (0 .. $#databases)
		{
			my $database = $databases[ ($i + $round) % @databases ];
			my $s = $session{$database};
			my $before = used($s->{backend});
			my $text = $s->run(join "; ", map { sprintf $command->[1], $_ } 1 .. $many);
			die $text if $text =~ /ERROR/;
			push @{ $ms{$database}{ $command->[0] } }, (used($s->{backend}) - $before) / $many if $round > 0;
		}
	}
}
printf "| command | without, ms | with, no TVIEW | %d TVIEWs | more, ms |\n|---|--:|--:|--:|--:|\n", $tviews;
foreach my $command (@commands)
{
	my ($without, $none, $some) = map { median(@{ $ms{$_}{ $command->[0] } }) } @databases;
	printf "| %s | %.3f | %.2f | %.2f | %.3f |\n", $command->[0], $without, $none / $without, $some / $without, $some - $without;
}
$_->stop foreach $admin, values %session;
