# Session.pm - a psql that answers each text with its output
package Session;

use strict;
use warnings;
use IPC::Open2;

sub new
{
	my ($class, $database) = @_;
	my $self = bless {}, $class;
	$self->{pid} = open2($self->{out}, $self->{in}, 'psql -X -q -A -t ' . ($database // '') . ' 2>&1');
	($self->{backend}) = $self->run('SELECT pg_backend_pid()') =~ /(\d+)/;
	return $self;
}

sub start
{
	my ($self, $sql) = @_;
	$self->{in}->print("$sql;\n\\echo DONE\n");
	$self->{in}->flush;
}

sub finish
{
	my $self = shift;
	my $text = '';
	my $out = $self->{out};
	while (defined(my $line = <$out>))
	{
		last if $line eq "DONE\n";
		$text .= $line;
	}
	return $text;
}

sub run { my ($self, $sql) = @_; $self->start($sql); return $self->finish; }

sub stop { my $self = shift; $self->{in}->print("\\q\n"); $self->{in}->flush; waitpid $self->{pid}, 0; }

1;
