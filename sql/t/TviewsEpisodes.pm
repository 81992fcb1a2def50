# What happens to a history of the torture test (TviewsTorture.pm): one function per kind of episode.
package TviewsEpisodes;

use strict;
use warnings;
use List::Util qw(first);
use Time::HiRes qw(sleep time);

use TviewsRandom qw(statement rnd chance pick shuffled);

my %EPISODES = (
	plain => [ 6, \&plain ],
	crash => [ 6, \&crash ],
	interrupt => [ 4, \&interrupt ],
	concurrent => [ 4, \&concurrent ],
	ddl => [ 6, \&ddl ],
	queue => [ 2, \&queue ],
	pause => [ 2, \&pause ],
	silence => [ 3, \&silence ],
	extra => [ 2, \&extra ]);

# What calls may fail with beside locks: an aborted block; the failing keys of a TVIEW that is compared by hand.
my $HARSH = '25P02|22012|23514';

sub kinds { return sort keys %EPISODES }

sub choose { return pick(map { ($_) x $EPISODES{$_}[0] } kinds()) }

sub play
{
	my ($h, $kind) = @_;
	$EPISODES{$kind}[1]->($h);
	return;
}

#---------------------------------------------------------------------
# Transactions of one session, with drains between them
#---------------------------------------------------------------------

# The statements of one transaction, in one of many forms.
sub transaction
{
	my ($h) = @_;
	my $form = pick(('plain') x 8, ('block') x 5, ('savepoint') x 3, ('rollback') x 2, ('prepare') x 2, 'drain inside');
	$h->count('transaction', $form);
	return statement() if $form eq 'plain';
	return "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . $h->statements(2 + rnd(3)) . "COMMIT;\n\\set ON_ERROR_ROLLBACK off\n" if $form eq 'block';
	return "BEGIN;\n" . $h->statements(1 + rnd(3)) . pick("SELECT 1 / 0;\n", '') . "ROLLBACK;\n" if $form eq 'rollback';
	return "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . statement() . "SAVEPOINT a;\n" . $h->statements(1 + rnd(2)) . "ROLLBACK TO a;\nSAVEPOINT b;\n" . statement()
	  . "RELEASE b;\n" . $h->statements(rnd(2)) . "COMMIT;\n\\set ON_ERROR_ROLLBACK off\n" if $form eq 'savepoint';
	return "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . $h->statements(1 + rnd(2)) . $h->drain_sql_line . $h->statements(1) . pick("COMMIT;\n", "COMMIT;\n", "ROLLBACK;\n") . "\\set ON_ERROR_ROLLBACK off\n" if $form eq 'drain inside';
	my $gid = "g$h->{seed}_" . ++$h->{extra};
	push @{ $h->{prepared} }, { gid => $gid };
	# a prepared TRUNCATE would make drains wait
	return "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . $h->statements(1 + rnd(3), gentle => 1) . "PREPARE TRANSACTION '$gid';\n\\set ON_ERROR_ROLLBACK off\n";
}

sub TviewsTorture::drain_sql_line { return TviewsTorture::drain_sql() . ";\n" }

# End a prepared transaction.
sub end_prepared
{
	my ($h, $p) = @_;
	my $how = chance(.75) ? 'COMMIT' : 'ROLLBACK';
	# it is not there when its PREPARE failed
	my $text = $h->writes("$how PREPARED '$p->{gid}';\n", '42704');
	$h->count('transaction', lc("$how prepared") . ($p->{crashed} ? ' after a crash' : '')) if $text !~ /ERROR/;
	return;
}

sub plain
{
	my ($h) = @_;
	for (1 .. 3 + rnd(8))
	{
		$h->writes(transaction($h));
		end_prepared($h, shift @{ $h->{prepared} }) if @{ $h->{prepared} } && chance(.3);
		$h->drain if chance(.3);
	}
	return;
}

#---------------------------------------------------------------------
# Crashes
#---------------------------------------------------------------------

# Something of the extension, or of a writer, that is under way when something happens to it: name, SQL.
sub work
{
	my ($h) = @_;
	my $v = pick(@{ $h->{views} });
	my $slow = chance(.5) ? "SET torture.slow = '0.0" . (1 + rnd(4)) . "';\n" : '';
	return pick(
		[ 'drain', $slow . TviewsTorture::drain_sql(all => 1) . ";\n" ],
		[ 'drain', $slow . TviewsTorture::drain_sql(all => 1) . ";\n" ],
		[ 'bounded drains', $slow . join('', map { $h->drain_sql_line } 1 .. 4) ],
		[ 'drain in a block', $slow . "BEGIN;\n" . TviewsTorture::drain_sql(all => 1) . ";\nSELECT pg_sleep(0.05);\nCOMMIT;\n" ],
		[ 'loop', "${slow}CALL tviews_drain_loop('1 second', '10 ms');\n" ],
		[ 'reconcile', "${slow}CALL tviews_reconcile('tv_$v->{name}');\nCALL tviews_reconcile();\n" ],
		[ 'refresh', "${slow}SELECT tviews_refresh('tv_$v->{name}');\n" ],
		[ 'set_queue', 'SELECT tviews_set_queue(' . pick('true', 'false') . ");\n" ],
		[ 'resume', "SELECT tviews_pause('tv_$v->{name}');\nSELECT tviews_resume('tv_$v->{name}');\n" . TviewsTorture::drain_sql(all => 1) . ";\n" ],
		[ 'writer', join('', map { transaction($h) } 1 .. 5) ],
		[ 'writer', "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . $h->statements(6) . "SELECT pg_sleep(0.1);\nCOMMIT;\n\\set ON_ERROR_ROLLBACK off\n" ]);
}

# The server dies or stops; then it is there again, without any session.
sub bring_down
{
	my ($h) = @_;
	my $node = $h->{node};
	my $how = pick('backend', 'backend', 'backend', 'auxiliary', 'postmaster', 'immediate', 'restart');
	$h->note("down: $how");
	if ($how eq 'backend' || $how eq 'auxiliary')
	{
		my @pids = map { $_->{backend} } grep { $_ && $_->{open} } $h->{main}, @{ $h->{others} // [] };
		@pids = @{ $h->{auxiliary} } if $how eq 'auxiliary';
		my $pid = pick(@pids);
		kill 'KILL', $pid;
		# until the postmaster knows, whoever asks is answered, and then thrown out
		for (1 .. 600) { last if !kill(0, $pid); sleep 0.05 }
	}
	elsif ($how eq 'postmaster') { $node->kill9 }
	else { $node->stop($how eq 'immediate' ? 'immediate' : 'fast') }
	$_->close for grep { $_ } $h->{main}, @{ $h->{others} // [] };
	bring_up($h, $how);
	$h->count('crash', $how);
	know_prepared($h);
	if ($how ne 'restart') { $_->{crashed} = 1 for @{ $h->{prepared} } }
	return $how;
}

# Forget those whose PREPARE failed or was not reached.
sub know_prepared
{
	my ($h) = @_;
	my %there = map { $_ => 1 } split /\n/, $h->value('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()');
	$h->{prepared} = [ grep { $there{ $_->{gid} } } @{ $h->{prepared} } ];
	return;
}

sub bring_up
{
	my ($h, $how) = @_;
	my $node = $h->{node};
	my $deadline = time + 60;
	while ($how !~ /backend|auxiliary/ && time < $deadline)
	{
		# refused while processes of the old one are there
		last if system("pg_ctl -w -D '@{[$node->data_dir]}' -l '@{[$node->logfile]}' start >/dev/null 2>&1") == 0;
		sleep 0.1;
	}
	$node->_update_pid(-1);
	while (time < $deadline)
	{
		my $s = TviewsSession->new($node->connstr('postgres'));
		return if $s->{open} && (($s->run('SELECT 1;', 5))[1] // '') eq "1\n";
		sleep 0.1;
	}
	die 'the server did not come back';
}

# Pids of the server's own processes, while it can be asked.
sub know_auxiliary
{
	my ($h) = @_;
	$h->{auxiliary} = [ split /\n/, $h->value("SELECT pid FROM pg_stat_activity WHERE backend_type IN ('checkpointer', 'background writer', 'walwriter')") ];
	return;
}

sub crash
{
	my ($h) = @_;
	$h->writes(transaction($h)) for 1 .. rnd(4);
	$h->drain if chance(.3);
	$h->writes(transaction($h)) for 1 .. rnd(3);
	# once more while the first is being recovered from
	for my $time (1 .. (chance(.3) ? 2 : 1))
	{
		know_auxiliary($h);
		my $logged = $h->{logged};
		my @stale = grep { $_->[1] eq 'stale' } $h->states;
		my ($name, $sql) = @{ work($h) };
		$h->{log} .= $sql;
		$h->main->send($sql);
		sleep(chance(.2) ? 0 : rand(.06));
		my $how = bring_down($h);
		$h->count('crashed', $name);
		# with a logged queue a crash loses nothing, and a clean restart never does
		my $lost = grep { $_->[1] eq 'stale' } $h->states;
		$h->problem('lost', "$how during $name: $lost TVIEWs are stale") if $lost && !@stale && $name !~ /set_queue|resume/ && ($how eq 'restart' || $logged) && !$h->{unlogged};
		$h->honest("after $how during $name");
		$h->{logged} = $h->value("SELECT relpersistence = 'p' FROM pg_class WHERE oid = 'tviews_batch.queue'::regclass") eq 't';
		$h->writes(transaction($h)) for 1 .. rnd(2);
		end_prepared($h, shift @{ $h->{prepared} }) if @{ $h->{prepared} } && chance(.3);
		$h->drain for 1 .. rnd(3);
	}
	return;
}

#---------------------------------------------------------------------
# Interruptions: cancel, terminate, timeouts
#---------------------------------------------------------------------

sub interrupt
{
	my ($h) = @_;
	$h->writes(transaction($h)) for 1 .. 1 + rnd(4);
	for (1 .. 1 + rnd(3))
	{
		my ($name, $sql) = @{ work($h) };
		my $how = pick('cancel', 'cancel', 'terminate', 'statement_timeout');
		$sql = "SET statement_timeout = '" . (5 + rnd(40)) . "ms';\n${sql}SET statement_timeout = '20s';\n" if $how eq 'statement_timeout';
		$h->{log} .= $sql;
		my $s = $h->session;
		$s->send($sql);
		sleep rand(.05);
		$h->main->run('SELECT pg_' . ($how eq 'cancel' ? 'cancel' : 'terminate') . "_backend($s->{backend});") if $how ne 'statement_timeout';
		my ($end, $text) = $s->wait(60);
		# 38000: the signal went to the program that COPY reads from, too
		$h->judge($end, $text, $name ne 'writer', $name eq 'writer' ? '57014|57P01|42704|38000' : $HARSH);
		$h->count('interrupted', "$name, $how") if $text =~ /57014|57P01/;
		$h->count('interrupt', $how) if $text =~ /57014|57P01/;
		$s->close;
		$h->drain if chance(.3);
	}
	$h->{logged} = $h->value("SELECT relpersistence = 'p' FROM pg_class WHERE oid = 'tviews_batch.queue'::regclass") eq 't';
	return;
}

#---------------------------------------------------------------------
# Several writers and a loop
#---------------------------------------------------------------------

# What one writer does, in transactions of any isolation level.
sub writer_sql
{
	my ($h, $gentle) = @_;
	my $sql = '';
	for (1 .. 4 + rnd(8))
	{
		my $level = pick('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
		my $form = rnd(4);
		my $work = $h->statements(1 + rnd(4), gentle => $gentle);
		$h->count('isolation', $level);
		$sql .= "BEGIN ISOLATION LEVEL $level;\n";
		$sql .= "\\set ON_ERROR_ROLLBACK on\n" if $form > 1;
		$sql .= $form == 3 ? "SAVEPOINT a;\n" . $h->statements(1, gentle => $gentle) . "ROLLBACK TO a;\n$work" : $work;
		$sql .= sprintf("SELECT pg_sleep(%.3f);\n", rnd(20) / 1000) if chance(.4);
		$sql .= (chance(.85) ? 'COMMIT' : 'ROLLBACK') . ";\n\\set ON_ERROR_ROLLBACK off\n";
	}
	return $sql;
}

# What somebody else does while a loop runs.
sub busybody_sql
{
	my ($h) = @_;
	my $v = pick(@{ $h->{views} });
	return pick(
		$h->drain_sql_line, $h->drain_sql_line,
		"SELECT tviews_refresh('tv_$v->{name}');\n",
		"CALL tviews_reconcile('tv_$v->{name}');\n",
		"SELECT tviews_pause('tv_$v->{name}');\nSELECT pg_sleep(0.02);\nSELECT tviews_resume('tv_$v->{name}');\n",
		"SELECT count(*) FROM tviews_status;\n",
		"SELECT tviews_retry();\n",
		"VACUUM tviews_batch.queue;\n",
		"SELECT tviews_set_queue(" . pick('true', 'false') . ");\n",
		"SELECT tviews_verify('tv_$v->{name}');\n");
}

sub concurrent
{
	my ($h) = @_;
	my $gentle = chance(.7);    # a TRUNCATE is no matter of snapshots, so what an observer sees proves nothing
	my @writers = map { $h->session } 1 .. 2 + rnd(3);
	my ($loop, $busybody) = ($h->session, $h->session);
	my $crash = chance(.2);
	$h->{others} = [ @writers, $loop, $busybody ];
	end_prepared($h, $_) for splice @{ $h->{prepared} };
	know_auxiliary($h);
	for my $w (@writers)
	{
		my $sql = writer_sql($h, $gentle);
		$h->{log} .= "-- a writer\n$sql";
		$w->send($sql);
	}
	my $deadline = time + 60;
	my $looping = 'CALL tviews_drain_loop(' . pick("'1 second', '5 ms'", "'300 ms', '1 ms'") . ');';
	$loop->send($looping);
	$busybody->send(my $busy = busybody_sql($h));
	my $crash_at = time + rand(.3);
	while ((grep { !$_->idle } @writers) && time < $deadline)
	{
		if ($crash && time > $crash_at)
		{
			$h->{crashing} = 1;
			bring_down($h);
			$h->count('crashed', 'concurrent writers');
			last;
		}
		$h->honest('while writers write', 1) if $gentle && !$h->failed;
		$h->count('concurrent', 'observed') if $gentle;
		if ($loop->idle) { again($h, $loop, $looping) }
		elsif (chance(.1)) { $h->main->run('SELECT pg_' . pick('cancel', 'cancel', 'terminate') . "_backend($loop->{backend});"); $h->count('concurrent', 'loop interrupted') }
		if ($busybody->idle) { again($h, $busybody, busybody_sql($h)) }
		sleep 0.01;
	}
	for my $s (@writers, $loop, $busybody)
	{
		next if !$s->{open};
		my ($how, $text) = $s->wait(30);
		my $writer = grep { $_ == $s } @writers;
		$h->judge($how, $text, !$writer, $writer ? undef : $HARSH);
		$s->close;
	}
	$h->count('concurrent', 'writers') for @writers;
	$h->{others} = [];
	$h->{crashing} = 0;
	$h->{logged} = $h->value("SELECT relpersistence = 'p' FROM pg_class WHERE oid = 'tviews_batch.queue'::regclass") eq 't';
	return;
}

# Judge what a session of the extension's has said, open it again if need be, and send it more.
sub again
{
	my ($h, $s, $sql) = @_;
	my ($how, $text) = $s->wait(1);
	$h->judge($how, $text, 1, $HARSH);
	$s->take_over($h->session) if !$s->{open};
	$s->send($sql);
	return;
}

#---------------------------------------------------------------------
# DDL
#---------------------------------------------------------------------

my %DDL = (
	'add column' => sub { my ($h, $t) = @_; my $c = 'x' . ++$h->{extra};
		return ("ALTER TABLE $t->{name} ADD COLUMN $c int DEFAULT 7;\n", sub { "UPDATE $t->{name} SET $c = 8 WHERE v > 2;\n" }, pick('', "ALTER TABLE $t->{name} DROP COLUMN $c;\n")) },
	'drop column' => sub { my ($h, $t) = @_; return ("ALTER TABLE $t->{name} DROP COLUMN unread;\nALTER TABLE $t->{name} ADD COLUMN unread text;\n") },
	'rename column' => sub { my ($h, $t) = @_; my $c = pick(qw(g v h));
		my $value = $c eq 'h' ? "'h2'" : 1 + rnd(3);
		return ("ALTER TABLE $t->{name} RENAME COLUMN $c TO other;\n", sub { "UPDATE $t->{name} SET other = $value WHERE other IS NOT NULL;\nDELETE FROM $t->{name} WHERE other IS NULL;\n" }, "ALTER TABLE $t->{name} RENAME COLUMN other TO $c;\n") },
	'rename table' => sub { my ($h, $t) = @_;
		return ("ALTER TABLE $t->{name} RENAME TO other;\n", sub { 'UPDATE other SET v = ' . (1 + rnd(6)) . " WHERE g = 1;\n" }, "ALTER TABLE other RENAME TO $t->{name};\n") },
	'rename key' => sub { my ($h, $t) = @_; my $k = $t->{key}[0];
		return ("ALTER TABLE $t->{name} RENAME COLUMN $k TO other;\n", sub { "DELETE FROM $t->{name} WHERE v = 1;\nUPDATE $t->{name} SET h = 'h3' WHERE v = 2;\n" }, "ALTER TABLE $t->{name} RENAME COLUMN other TO $k;\n") },
	'alter type' => sub { my ($h, $t) = @_; return ("ALTER TABLE $t->{name} ALTER unread TYPE varchar(200);\nALTER TABLE $t->{name} ALTER unread TYPE text;\n") },
	'replace view' => \&replace_view,
	'break view' => \&break_view,
	'rename view column' => sub { my ($h) = @_; my $v = first { $_->{name} eq 'wc' } @{ $h->{views} };
		return ("ALTER VIEW v_$v->{name} RENAME COLUMN h TO other;\n", sub { "UPDATE $v->{table}{name} SET h = 'h1' WHERE v > 1;\n" }, "ALTER VIEW v_$v->{name} RENAME COLUMN other TO h;\n") },
	'rename view and TVIEW' => sub { my ($h) = @_; my $v = pick(@{ $h->{views} });
		return ("ALTER VIEW v_$v->{name} RENAME TO other_view;\nALTER TABLE tv_$v->{name} RENAME TO other_tview;\n", sub { statement() }, "ALTER VIEW other_view RENAME TO v_$v->{name};\nALTER TABLE other_tview RENAME TO tv_$v->{name};\n") },
	'detach partition' => \&detach_partition,
	'index' => sub { my ($h, $t) = @_; my $v = pick(@{ $h->{views} }); return ("CREATE INDEX ON $t->{name} (v);\nCREATE INDEX ON tv_$v->{name} ($v->{key}[0]);\nANALYZE $t->{name};\nCOMMENT ON TABLE $t->{name} IS 'c';\n") },
	'unlogged' => sub { my ($h, $t) = @_;
		return if $t->{parts};
		$h->{unlogged} = 1;
		return ("ALTER TABLE $t->{name} SET UNLOGGED;\n" . ($t->{child} && chance(.5) ? "ALTER TABLE $t->{child} SET UNLOGGED;\n" : '')) },
	'unlogged TVIEW' => sub { my ($h) = @_; my $v = pick(@{ $h->{views} }); $h->{unlogged} = 1; return ("ALTER TABLE tv_$v->{name} SET UNLOGGED;\n") },
	'rewrite' => sub { my ($h, $t) = @_; return (pick("VACUUM FULL $t->{name};\n", "ALTER TABLE $t->{name} ADD COLUMN y timestamptz DEFAULT clock_timestamp();\nALTER TABLE $t->{name} DROP COLUMN y;\n")) },
	'swap' => sub { my ($h, $t) = @_;
		return if $t->{parts} || $t->{child};
		# a new table under the old name: the views keep reading the old one
		return ("CREATE TABLE other (LIKE $t->{name} INCLUDING ALL);\nBEGIN;\nALTER TABLE $t->{name} RENAME TO older;\nALTER TABLE other RENAME TO $t->{name};\nCOMMIT;\n",
			sub { "UPDATE older SET v = 1 WHERE v = 2;\nUPDATE older SET g = 3 WHERE g = 1;\n" . statement() },
			"BEGIN;\nALTER TABLE $t->{name} RENAME TO other;\nALTER TABLE older RENAME TO $t->{name};\nCOMMIT;\nDROP TABLE other CASCADE;\n") });

# Another column, or another condition.
sub replace_view
{
	my ($h) = @_;
	my $v = pick(grep { !$_->{bad} } @{ $h->{views} });
	my $sql = chance(.5) ? "SELECT q_.*, " . rnd(9) . ' AS extra' . ++$h->{extra} . " FROM ($v->{sql}) q_"
	  : "SELECT q_.* FROM ($v->{sql}) q_ WHERE q_.$v->{key}[0] IS NULL OR q_.$v->{key}[0]::text !~ '" . pick('[05]$', '[13]$', 'x') . "'";
	$v->{next} = $sql;
	return ("CREATE OR REPLACE VIEW v_$v->{name} AS $sql;\n", undef, '', sub { $v->{sql} = $sql });
}

# To what no TVIEW can follow; then back to what it can.
sub break_view
{
	my ($h) = @_;
	my $v = pick(grep { !$_->{bad} } @{ $h->{views} });
	my $c = 'extra' . ++$h->{extra};
	$v->{broken} = 1;
	my $mended = "SELECT q_.*, 0.5::float8 AS $c FROM ($v->{sql}) q_";
	return ("CREATE OR REPLACE VIEW v_$v->{name} AS SELECT q_.*, random() AS $c FROM ($v->{sql}) q_;\n", sub { statement() }, "CREATE OR REPLACE VIEW v_$v->{name} AS $mended;\n", sub { $v->{sql} = $mended });
}

# Rows come and go with a partition.
sub detach_partition
{
	my ($h) = @_;
	my $t = first { $_->{parts} } shuffled(@{ $h->{base}{tables} });
	return if !$t;
	my $leaf = pick(@{ $t->{targets} });
	my $bound = $h->value("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = to_regclass('$leaf') AND relispartition");
	return if $bound !~ /^FOR VALUES/;
	return ("ALTER TABLE $t->{name} DETACH PARTITION $leaf" . pick('', ' CONCURRENTLY') . ";\n", sub { "UPDATE $leaf SET v = 2 WHERE v = 1;\nDELETE FROM $leaf WHERE v = 4;\n" . statement() },
		"ALTER TABLE $t->{name} ATTACH PARTITION $leaf $bound;\n");
}

# One change of the schema, writes between its parts, drains anywhere.
sub ddl
{
	my ($h) = @_;
	# what is prepared holds locks
	end_prepared($h, $_) for splice @{ $h->{prepared} };
	for (1 .. 1 + rnd(2))
	{
		my $kind = pick(sort keys %DDL);
		my ($do, $between, $undo, $done) = $DDL{$kind}->($h, pick(@{ $h->{base}{tables} }));
		next if !$do;
		$h->writes(transaction($h)) if chance(.6);
		end_prepared($h, $_) for splice @{ $h->{prepared} };
		my $one = $between && chance(.3) && $do !~ /CONCURRENTLY/;    # all of it in one transaction
		$h->writes("BEGIN;\n") if $one;
		$h->note("ddl: $kind");
		my $failed = $h->writes($do, '0A000|2BP01|42P07|42P16|55000|55006|42701|42703|42P01|2F003|42830') =~ /ERROR/;
		if (!$failed)
		{
			$h->drain if chance(.4);
			$h->honest("after DDL: $kind") if chance(.5) && !$one && $do !~ /other_view|TO other;/;
			$h->writes($between->(), '42P01|42703') if $between;
			$h->drain if chance(.4) && !$one;
		}
		my $text = $undo && !$failed ? $h->writes($undo, '42P01|42703|2BP01|55000') : '';
		$h->writes(($failed || $text =~ /ERROR/ || chance(.2) ? 'ROLLBACK' : 'COMMIT') . ";\n") if $one;
		$done->() if $done && !$failed && !$one;
		if ($one) { $_->{sql} = $h->value("SELECT pg_get_viewdef('v_$_->{name}'::regclass)") =~ s/;\s*$//r for @{ $h->{views} } }
		delete $_->{broken} for @{ $h->{views} };
		$h->count('ddl', $kind) if !$failed;
	}
	return;
}

#---------------------------------------------------------------------
# The queue itself, pauses, silence
#---------------------------------------------------------------------

sub queue
{
	my ($h) = @_;
	$h->writes(transaction($h)) for 1 .. 1 + rnd(3);
	my $kind = pick('logged', 'logged', 'unlogged', 'truncate', 'vacuum full', 'vacuum', 'delete');
	end_prepared($h, $_) for splice @{ $h->{prepared} };
	my $to = $kind eq 'logged' ? 'true' : 'false';
	if ($kind =~ /logged/) { $h->call("SELECT tviews_set_queue($to)"); $h->{logged} = $h->value("SELECT relpersistence = 'p' FROM pg_class WHERE oid = 'tviews_batch.queue'::regclass") eq 't' }
	elsif ($kind eq 'truncate') { $h->call('TRUNCATE tviews_batch.queue') }
	elsif ($kind eq 'delete') { $h->call('DELETE FROM tviews_batch.queue') }
	elsif ($kind eq 'vacuum') { $h->call('VACUUM tviews_batch.queue') }
	else { $h->call('VACUUM FULL tviews_batch.queue') }
	$h->count('queue', $kind);
	$h->honest("queue: $kind");
	$h->writes(transaction($h)) for 1 .. rnd(3);
	return;
}

sub pause
{
	my ($h) = @_;
	my $v = pick(@{ $h->{views} });
	$h->call("SELECT tviews_pause('tv_$v->{name}')");
	$h->{paused}{ $v->{name} } = 1;
	$h->writes(transaction($h)) for 1 .. 1 + rnd(4);
	$h->drain for 1 .. rnd(3);
	$h->honest('paused');
	if (chance(.6)) { $h->call("SELECT tviews_resume('tv_$v->{name}')"); delete $h->{paused}{ $v->{name} } }
	$h->count('pause', 'paused');
	return;
}

# Writes that no trigger, or not the usual one, sees.
sub silence
{
	my ($h) = @_;
	my $kind = pick('disabled', 'disabled', 'all disabled', 'dropped', 'capture off', 'replica', 'guard off');
	end_prepared($h, $_) for splice @{ $h->{prepared} };
	my $work = join('', map { statement() } 1 .. 2 + rnd(3));
	my $relation = $h->value('SELECT relation FROM tviews_batch.captured ORDER BY relation::text OFFSET ' . rnd(6) . ' LIMIT 1') || 't0';
	my $trigger = 'tviews_capture_' . pick(qw(insert update delete truncate));
	my $v = pick(@{ $h->{views} });
	if ($kind =~ /disabled/)
	{
		my $which = $kind eq 'disabled' ? $trigger : 'USER';
		$h->writes("ALTER TABLE $relation DISABLE TRIGGER $which;\n");
		$h->writes($work);
		$h->honest("$relation: trigger $which is disabled");
		$h->drain if chance(.5);
		$h->writes(statement());
		$h->honest("$relation: trigger $which is disabled");
		$h->writes("ALTER TABLE $relation ENABLE " . pick('', $which eq 'USER' ? '' : 'ALWAYS ') . "TRIGGER $which;\n");
	}
	elsif ($kind eq 'dropped')
	{
		$h->writes("DROP TRIGGER $trigger ON $relation;\n", '2BP01|42704');
		$h->writes($work);
		$h->{dropped} = 1;
	}
	elsif ($kind eq 'capture off') { $h->writes("SET tviews_batch.capture = off;\n${work}RESET tviews_batch.capture;\n") }
	elsif ($kind eq 'replica') { $h->writes("SET session_replication_role = replica;\n${work}RESET session_replication_role;\n") }
	else
	{
		$h->writes("SET tviews_batch.guard = off;\n" . pick("DELETE FROM tv_$v->{name};\n", "TRUNCATE tv_$v->{name};\n", "DELETE FROM tv_$v->{name} WHERE $v->{key}[0] IS NOT NULL;\n") . "RESET tviews_batch.guard;\n");
	}
	$h->count('silence', $kind);
	return;
}

# A TVIEW that comes and goes; one that is made again.
sub extra
{
	my ($h) = @_;
	my $t = pick(@{ $h->{base}{tables} });
	my $name = 'wx' . ++$h->{extra};
	my $k = join(', ', @{ $t->{key} });
	my $v = { name => $name, key => [ @{ $t->{key} } ], sql => "SELECT $k, v, h, arr FROM $t->{name}" };
	end_prepared($h, $_) for splice @{ $h->{prepared} };
	$h->writes("CREATE VIEW v_$name AS $v->{sql};\n");
	my $made = $h->call(TviewsTorture::create_tview_sql($v, empty => chance(.5))) !~ /ERROR/;
	push @{ $h->{views} }, $v if $made;
	$h->writes(transaction($h)) for 1 .. rnd(4);
	end_prepared($h, $_) for splice @{ $h->{prepared} };
	$h->drain if chance(.6);
	$h->honest('with one more');
	if ($made)
	{
		my $how = pick('DROP TABLE', 'DROP VIEW', 'tviews_drop', 'keep');
		$h->count('extra', $how);
		my $text = $how eq 'DROP TABLE' ? $h->writes("DROP TABLE tv_$name;\n") : $how eq 'DROP VIEW' ? $h->writes("DROP VIEW v_$name;\n")
		  : $how eq 'tviews_drop' ? $h->call("SELECT tviews_drop('tv_$name')") : '';
		pop @{ $h->{views} } if $how ne 'keep' && $text !~ /ERROR/;
	}
	return if chance(.5);
	# one of the others: dropped and made in one transaction, perhaps undone
	my $o = pick(@{ $h->{views} });
	# without rows that it refuses: tviews_create would, too
	my $mend = $o->{bad} ? "UPDATE $o->{table}{name} SET v = 4 WHERE $o->{bad};\n" : '';
	my $text = $h->call("BEGIN;\n${mend}SELECT tviews_drop('tv_$o->{name}');\n" . TviewsTorture::create_tview_sql($o, empty => chance(.5)) . ";\n" . ($o->{after} // '') . pick('COMMIT', 'COMMIT', 'ROLLBACK'), '2BP01|25P02|55P03');
	$h->count('extra', 'made again') if $text !~ /ERROR/;
	return;
}

#---------------------------------------------------------------------
# Ending what was left open
#---------------------------------------------------------------------

sub end_all
{
	my ($h) = @_;
	end_prepared($h, $_) for splice @{ $h->{prepared} };
	$h->call("SELECT tviews_resume('tv_$_')") for sort keys %{ $h->{paused} };
	# also those that a session paused which did not live to resume them
	my @paused = map { $_->[0] } grep { $_->[1] eq 'paused' } $h->states;
	$h->call("SELECT tviews_resume('tv_$_')") for @paused;
	$h->{paused} = {};
	if (delete $h->{dropped})
	{
		$h->honest('a trigger is missing');
		# whatever the reason shown: a lost queue may stand before the trigger
		$h->call("SELECT tviews_refresh('tv_$_->[0]')", 'any') for grep { $_->[1] eq 'stale' } $h->states;
	}
	return;
}

1;
