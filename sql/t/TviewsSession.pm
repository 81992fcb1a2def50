# A psql that is kept open, for tests whose server may die at any moment.
# Every wait has a deadline; what it prints, errors included, comes back in order.
package TviewsSession;

use strict;
use warnings;
use IPC::Open3;
use IO::Select;
use Time::HiRes qw(time);

my $number = 0;

# A session on a database; init is run first.
sub new
{
	my ($class, $connection, $init) = @_;
	my $self = bless { got => '', open => 0 }, $class;
	local $ENV{PGCONNECT_TIMEOUT} = 30;
	$self->{pid} = open3($self->{in}, $self->{out}, undef, 'psql', '-XAtq', '-F', '|', '-v', 'VERBOSITY=verbose', '-d', $connection, '-f', '-');
	$self->{in}->autoflush(1);
	$self->{select} = IO::Select->new($self->{out});
	$self->{open} = 1;
	$self->send("\\set SHOW_CONTEXT errors\nSELECT 'PID|' || pg_backend_pid();\n" . ($init // ''));
	my ($how, $text) = $self->wait(60);
	($self->{backend}) = $text =~ /^PID\|(\d+)$/m;
	$self->{greeting} = $text;
	$self->close if !$self->{backend};
	return $self;
}

# Send some SQL and do not wait for it.
sub send
{
	my ($self, $sql) = @_;
	return if !$self->{open};
	local $SIG{PIPE} = 'IGNORE';
	$self->{mark} = 'END|' . ++$number;
	$self->{in}->print("$sql\n\\echo $self->{mark}\n");
	return;
}

# Wait for what was sent: ('done', text), ('gone', text) when the server went away,
# ('hung', text) when the time is over; the session is closed in the last two cases.
sub wait
{
	my ($self, $seconds) = @_;
	my $deadline = time + $seconds;
	while ($self->{open})
	{
		if ($self->{got} =~ s/^(.*?)^\Q$self->{mark}\E\n//ms) { return ('done', $1) }
		my $left = $deadline - time;
		if ($left <= 0 || !$self->{select}->can_read($left))
		{
			next if $left > 0;
			return ('hung', $self->close);
		}
		return ('gone', $self->close) if !sysread($self->{out}, $self->{got}, 65536, length $self->{got});
	}
	return ('gone', '');
}

sub run { my ($self, $sql, $seconds) = @_; $self->send($sql); return $self->wait($seconds // 60) }

# Whether it has finished what was sent; takes what has come, does not wait.
sub idle
{
	my ($self) = @_;
	while ($self->{open} && $self->{got} !~ /^\Q$self->{mark}\E$/m && $self->{select}->can_read(0))
	{
		return 1 if !sysread($self->{out}, $self->{got}, 65536, length $self->{got});
	}
	return !$self->{open} || $self->{got} =~ /^\Q$self->{mark}\E$/m;
}

# Be what another session was, which is no more.
sub take_over
{
	my ($self, $other) = @_;
	%$self = %$other;
	$other->{open} = 0;
	return;
}

# End it, whatever it does; what it had printed.
sub close
{
	my ($self) = @_;
	return '' if !$self->{open};
	$self->{open} = 0;
	close $self->{in};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	close $self->{out};
	return $self->{got};
}

sub DESTROY { my ($self) = @_; local $?; $self->close; return }

1;
