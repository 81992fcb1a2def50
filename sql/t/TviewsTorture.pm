# Histories for the torture test: the schemas, views and statements of the random
# test under crashes, interruptions, DDL, failing keys and concurrent writers.
#
# A history is a row of episodes.  After each one, and while writers write, it is checked that
# no TVIEW is silently different: at one snapshot, "ok" (or "failing") without pending changes, or ones put off,
# means equal to the view (but for the keys that are listed).  Now and then, and
# at the end, the history settles: whatever was left open is ended, and a bounded
# number of drains must bring every TVIEW to ok, with exactly the failing keys listed.
#
# SQL and the order of episodes come from the seed; moments do not.
package TviewsTorture;

use strict;
use warnings;
use List::Util qw(any first min);
use Time::HiRes qw(sleep time);

use TviewsEpisodes;
use TviewsRandom qw(begin_history statement rnd chance pick);
use TviewsSession;

# What user statements may fail with: constraints, an upsert or MERGE that meets a row twice, locks and
# isolation, an aborted block, and what DDL of the episodes leads to.
my %USUAL = map { $_ => 1 } qw(23502 23503 23505 23514 21000 22012 25P02 42P10 40001 40P01 55P03);

# What a call of the extension may fail with: locks and what an episode does to it.
my %PATIENT = map { $_ => 1 } qw(55P03 40P01 57014 57P01);

my $MAX_DRAINS = 80;
my $SETTLE_SECONDS = 60;

# A history in a database of its own, which is there and has the extension.
sub new
{
	my ($class, $node, $database, $seed) = @_;
	my $base = begin_history($seed);
	my $self = bless {
		node => $node, database => $database, seed => $seed, base => $base, counts => {}, problems => [], log => '',
		prepared => [], extra => 0, silent => [], logged => 0, schema => "h$seed" }, $class;
	srand($seed);
	return $self;
}

sub count { my ($self, $what, @names) = @_; $self->{counts}{$what}{$_}++ for @names; return }

sub note
{
	my ($self, $text) = @_;
	$self->{log} .= $text =~ s/^/-- /mgr . "\n";
	return;
}

sub problem
{
	my ($self, $class, $text) = @_;
	push @{ $self->{problems} }, [ $class, $text ];
	$self->note("PROBLEM $class: $text");
	return if @{ $self->{problems} } > 1 || !$self->{main} || !$self->{main}{open};
	# what the metadata says at that moment
	my (undef, $dump) = $self->{main}->run("SELECT tviews_batch.epoch();\nSELECT t FROM tviews_batch.tview t;\nTABLE tviews_batch.prepared;\nSELECT source::regclass, version, started FROM tviews_batch.queue;", 5);
	$self->note($dump);
	return;
}

sub failed { my ($self) = @_; return scalar @{ $self->{problems} } }

#---------------------------------------------------------------------
# Sessions
#---------------------------------------------------------------------

sub init_sql
{
	my ($self) = @_;
	return "SET client_min_messages = error;\nSET search_path = $self->{schema}, public;\nSET statement_timeout = '20s';\nSET lock_timeout = '1s';\n"
	  . join('', map { "SET $_;\n" } @{ $self->{base}{settings} });
}

sub session
{
	my ($self) = @_;
	for (1 .. 30)
	{
		my $s = TviewsSession->new($self->{node}->connstr($self->{database}), $self->init_sql);
		return $s if $s->{open};
		$self->{greeting} = $s->{greeting};
		sleep 0.2;
	}
	die "no connection: $self->{greeting}";
}

# The session that everything single-threaded happens in.
sub main
{
	my ($self) = @_;
	$self->{main} = $self->session if !$self->{main} || !$self->{main}{open};
	return $self->{main};
}

sub errors_of { my ($text) = @_; return $text =~ /^(?:psql:\S+ )?(?:ERROR|FATAL|PANIC):\s+(\w{5}: .*)$/mg }

# Judge what a session said; mine: it called the extension.
sub judge
{
	my ($self, $how, $text, $mine, $allowed) = @_;
	my $usual = $mine ? \%PATIENT : \%USUAL;
	$self->problem('hung', "nothing came back: $text") if $how eq 'hung';
	for my $error (errors_of($text))
	{
		my $code = substr($error, 0, 5);
		$self->count('error', $code);
		next if $usual->{$code} || ($allowed && ($allowed eq 'any' || $code =~ /^(?:$allowed)$/));
		$self->problem($mine ? 'call failed' : 'writer failed', "$error\n$text");
	}
	# an error in the capture of a change would reach the writer
	$self->problem('capture', $text) if !$mine && $text =~ /tvb_|tviews_batch\./ && $text !~ /(?:ERROR|FATAL):  (?:57|40P01|55P03)/;
	$self->{log} .= $text =~ s/^/--: /mgr if $text ne '';
	return $text;
}

# Run statements of a user in the main session.
sub writes
{
	my ($self, $sql, $allowed) = @_;
	$self->{log} .= $sql;
	my ($how, $text) = $self->main->run($sql);
	return $self->judge($how, $text, 0, $allowed);
}

# Call something of the extension there.
sub call
{
	my ($self, $sql, $allowed) = @_;
	$self->{log} .= "$sql;\n";
	my ($how, $text) = $self->main->run("$sql;");
	return $self->judge($how, $text, 1, $allowed);
}

# One value of a query that must work.
sub value
{
	my ($self, $sql) = @_;
	my ($how, $text) = $self->main->run("$sql;");
	$self->problem('query failed', "$sql\n$text") if $how ne 'done' || errors_of($text);
	chomp $text;
	return $text;
}

# Some statements, each its own transaction unless a block is begun around them.
sub statements
{
	my ($self, $n, %how) = @_;
	my $sql = '';
	for (1 .. $n)
	{
		my $s = statement();
		$s = "SELECT 1;\n" if $how{gentle} && $s =~ /^TRUNCATE/;
		$sql .= $s;
	}
	return $sql;
}

sub drain_sql
{
	my (%how) = @_;
	my $arg = $how{all} ? '' : pick('', 'max_changes => ' . (1 + rnd(4)), 'max_changes => ' . (1 + rnd(4)), 'max_ms => ' . (1 + rnd(3)));
	return "SELECT 'DRAIN', changes, keys, inserted + updated + deleted, failed, remaining, busy FROM tviews_drain($arg)";
}

sub drain
{
	my ($self, %how) = @_;
	my $text = $self->call(drain_sql(%how));
	$self->count('done', 'drains');
	return $text =~ /^DRAIN\|(\d+)\|(\d+)\|(\d+)\|(\d+)\|(\d+)\|(\w)$/m ? [ $1, $2, $3, $4, $5, $6 ] : undef;
}

#---------------------------------------------------------------------
# Views and the oracle
#---------------------------------------------------------------------

# Three more: a division by zero, a level above it, a CHECK of the user's on the
# TVIEW, with a trigger that can be slow.
sub failing_views
{
	my ($self) = @_;
	my ($T, $U) = @{ $self->{base}{tables} }[ 0, 1 ];
	my $k = join(', ', @{ $T->{key} });
	my $u = join(', ', @{ $U->{key} });
	return (
		{ name => 'wf', key => [ @{ $T->{key} } ], table => $T, bad => 'v = 3', sql => "SELECT $k, g, h, 12 / (v - 3) AS q FROM $T->{name}",
			safe => "SELECT $k, g, h, CASE WHEN v <> 3 THEN 12 / (v - 3) END AS q FROM $T->{name}" },
		{ name => 'wg', key => ['g'], sql => 'SELECT g, count(*) AS n, sum(q) AS q FROM tv_wf GROUP BY g' },
		{ name => 'wc', key => [ @{ $U->{key} } ], table => $U, bad => 'v = 5', sql => "SELECT $u, g, h, v * 10 AS v10 FROM $U->{name}",
			after => "ALTER TABLE tv_wc ADD CHECK (v10 <> 50);\nCREATE TRIGGER slow BEFORE INSERT OR UPDATE OR DELETE ON tv_wc FOR EACH ROW EXECUTE FUNCTION slow();\n" });
}

sub create_tview_sql
{
	my ($v, %how) = @_;
	my @args = ("'v_$v->{name}'");
	push @args, "key => '{" . join(',', @{ $v->{key} }) . "}'" if !$v->{inferred};
	push @args, 'populate => false' if $how{empty};
	return 'SELECT tviews_create(' . join(', ', @args) . ')';
}

# Schema, rows and TVIEWs.
sub build
{
	my ($self) = @_;
	my $base = $self->{base};
	$self->{log} .= $self->init_sql;
	$self->writes("CREATE SCHEMA $self->{schema};\n" . join('', map { $_->{text} } grep { $_->{kind} ne 'settings' } @{ $base->{steps} }));
	$self->writes("UPDATE $base->{tables}[0]{name} SET v = 4 WHERE v = 3;\nUPDATE $base->{tables}[1]{name} SET v = 4 WHERE v = 5;\n"
		  . "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN PERFORM pg_sleep(nullif(current_setting('torture.slow', true), '')::float8); RETURN coalesce(NEW, OLD); END\$\$;\n");
	$self->{views} = [ failing_views($self), @{ $base->{views} } ];
	for my $v (@{ $self->{views} })
	{
		$self->writes("CREATE VIEW v_$v->{name} AS $v->{sql};\n");
		# a view as well, so that it follows what is renamed
		$self->writes("CREATE VIEW safe_$v->{name} AS $v->{safe};\n") if $v->{safe};
		$self->call(create_tview_sql($v, empty => chance(.2)));
		$self->writes($v->{after}) if $v->{after};
		$self->writes($self->statements(1)) if chance(.2) && $v->{name} !~ /^w[fgc]/;
	}
	$self->count('episode', 'create');
	return;
}

# Whether a row of a TVIEW is one that f, a row of tviews_failures, names.
sub same_key
{
	my ($v, $row) = @_;
	my $t = $v->{table};
	return "f.tview = 'tv_$v->{name}'::regclass AND " . join(' AND ', map { "(f.key->>'$t->{key}[$_]')::$t->{key_types}[$_] = $row.$t->{key}[$_]" } 0 .. $#{ $t->{key} });
}

# The number of rows in which a TVIEW and its view differ, but for failing keys that are listed.
sub difference_sql
{
	my ($v) = @_;
	return "CASE WHEN state = 'stale' THEN 0 ELSE -1 END" if $v->{broken};    # it may have other columns
	my ($a, $b) = ($v->{safe} ? "(TABLE safe_$v->{name})" : "(TABLE v_$v->{name})", "(TABLE tv_$v->{name})");
	my $but = $v->{bad} ? " WHERE NOT EXISTS (SELECT FROM tviews_failures f WHERE @{[same_key($v, 'd_')]})" : '';
	return "(SELECT count(*) FROM (($a EXCEPT ALL $b) UNION ALL ($b EXCEPT ALL $a)) d_$but)";
}

# One query, so one snapshot: a line per TVIEW with state, pending changes and differing rows.
sub state_sql
{
	my ($self, $always) = @_;
	return "WITH s AS MATERIALIZED (SELECT tview, state, reason, pending_changes FROM tviews_status)\n" . join(" UNION ALL\n", map {
		"SELECT 'STATE', '$_->{name}', state, pending_changes, "
		  . ($always ? difference_sql($_) : "CASE WHEN state = 'ok' AND pending_changes = 0 OR state = 'failing' AND pending_changes = 0 AND NOT EXISTS (SELECT FROM tviews_batch.postponed p WHERE p.tview = s.tview) THEN @{[difference_sql($_)]} END")
		  . ", reason FROM s WHERE tview = to_regclass('tv_$_->{name}')"
	} @{ $self->{views} });
}

# Name, state, pending changes, differing rows and reason of each TVIEW.
sub states
{
	my ($self, $always, $patient) = @_;
	my ($how, $text) = $self->main->run($self->state_sql($always) . ';');
	my @states = map { [ split(/\|/, $_, 5) ] } $text =~ /^STATE\|(.*)$/mg;
	return if $patient && $text =~ /55P03|57014/;
	$self->problem('states', "states cannot be told: $text") if $how ne 'done' || errors_of($text) || @states != @{ $self->{views} };
	return @states;
}

# No TVIEW is silently different.
sub honest
{
	my ($self, $when, $patient) = @_;
	for my $s ($self->states(0, $patient))
	{
		$self->count('honest', $s->[1] eq 'ok' && $s->[2] > 0 ? 'pending' : $s->[1]);
		$self->problem('silently different', "$when: tv_$s->[0] is $s->[1], nothing is pending, and $s->[3] rows differ") if $s->[3];
	}
	return;
}

# Drain until nothing remains and nothing is stale; whether that was reached.
sub calm
{
	my ($self, $may_stay) = @_;
	my $deadline = time + $SETTLE_SECONDS;
	my $patience = $may_stay ? time + 3 : $deadline;
	my @stale;
	for my $n (1 .. $MAX_DRAINS)
	{
		my $d = $self->drain(all => $n > 3);
		my $nothing = $d && $d->[4] == 0 && $d->[5] eq 'f';
		@stale = grep { $_->[1] eq 'stale' && !($may_stay && $_->[4] =~ $may_stay) } $self->states if $nothing;
		# changes that were put off are taken a second later; for what is prepared they may have to wait
		my $late = $nothing && time < $patience && ($self->main->run("SELECT 'LATE', count(*) FROM tviews_batch.postponed;"))[1] =~ /^LATE\|[1-9]/m;
		return 1 if $nothing && !@stale && !$late;
		sleep 0.5 if $late;
		return 0 if $self->failed || time > $deadline;
		# a comparison that failed is tried again after a second
		sleep((any { $_->[4] =~ /failed/ } @stale) ? 0.5 : 0.05) if $n > 10;
	}
	return 0;
}

# Everything is ended, and then everything must be ok and equal.
sub settle
{
	my ($self) = @_;
	TviewsEpisodes::know_prepared($self);
	if (@{ $self->{prepared} } && !$self->{dropped} && chance(.5))
	{
		# what is prepared is not there yet: all are equal to what can be seen
		$self->calm(qr/prepared/) or $self->problem('restless', 'with prepared transactions: ' . join('; ', map { "tv_$_->[0] $_->[1] $_->[4]" } $self->states));
		my $lost = any { $_->{crashed} } @{ $self->{prepared} };
		for my $s (grep { $_->[1] ne 'paused' } $self->states(1))
		{
			$self->problem('prepared', "tv_$s->[0] is $s->[1] ($s->[4]), $s->[3] rows differ") if ($s->[3] > 0 && $s->[4] !~ /wait: it is locked/) || ($s->[1] eq 'stale' && !$lost && $s->[4] !~ /prepared/);
			$self->problem('prepared', "tv_$s->[0] is ok although a transaction prepared before the crash is pending") if $lost && !$self->{logged} && $s->[1] ne 'stale';
		}
		$self->count('episode', 'settled with prepared');
	}
	TviewsEpisodes::end_all($self);
	$self->honest('before settling');
	$self->calm or $self->problem('restless', join('; ', map { "tv_$_->[0] $_->[1] $_->[4]" } grep { $_->[1] ne 'ok' } $self->states));
	$self->settled;
	return;
}

# The checks of a quiet point.
sub settled
{
	my ($self) = @_;
	for my $s ($self->states(1))
	{
		my $v = first { $_->{name} eq $s->[0] } @{ $self->{views} };
		$self->count('done', 'comparisons');
		$self->problem('different', "tv_$s->[0] is $s->[1] and $s->[3] rows differ") if $s->[3] > 0;
		$self->problem('state', "tv_$s->[0] is $s->[1]: $s->[4]") if $s->[1] ne 'ok' && !($s->[1] eq 'failing' && $v->{bad});
		$self->check_failures($v) if $v->{bad};
	}
	my $before = $self->value('SELECT coalesce(max(id), 0) FROM tviews_drains');
	my $d = $self->drain(all => 1);
	# a failing key may be due again
	$self->problem('idle', "a drain of nothing did @$d[0 .. 4]") if $d && ($d->[0] || $d->[2] || $d->[4]);
	return;
}

# tviews_failures lists exactly the keys that fail; perhaps under several images (1.0, 1.00).
sub check_failures
{
	my ($self, $v) = @_;
	my $t = $v->{table};
	my $k = join(', ', @{ $t->{key} });
	my $listed = 'SELECT ' . join(', ', map { "(f.key->>'$t->{key}[$_]')::$t->{key_types}[$_]" } 0 .. $#{ $t->{key} }) . " FROM tviews_failures f WHERE f.tview = 'tv_$v->{name}'::regclass";
	my $failing = "SELECT $k FROM $t->{name} WHERE $v->{bad}";
	my $text = $self->value("SELECT (SELECT count(*) FROM ($failing EXCEPT $listed) x) || ' ' || (SELECT count(*) FROM ($listed EXCEPT $failing) x) || ' ' || (SELECT count(*) FROM ($failing) x)");
	my ($missing, $wrong, $all) = split / /, $text;
	$self->problem('failures', "tv_$v->{name}: $missing failing keys are not listed, $wrong listed do not fail, of $all") if $missing || $wrong;
	$self->{counts}{done}{'failing keys'} += $all // 0;
	return;
}

#---------------------------------------------------------------------
# A history
#---------------------------------------------------------------------

# Play it; the problems found are in {problems}.
sub play
{
	my ($self) = @_;
	$self->build;
	$self->settle if chance(.7);
	my $episodes = 3 + rnd(4);
	for my $n (1 .. $episodes)
	{
		last if $self->failed;
		my $kind = TviewsEpisodes::choose();
		$self->note("episode $n: $kind");
		TviewsEpisodes::play($self, $kind);
		$self->count('episode', $kind);
		$self->honest("after $kind") if !$self->failed;
		$self->settle if !$self->failed && chance(.4);
	}
	$self->settle if !$self->failed;
	return;
}

# End its sessions and whatever would keep its database from being dropped.
sub end
{
	my ($self) = @_;
	$_->close for grep { $_ } $self->{main}, @{ $self->{others} // [] };
	return;
}

1;
