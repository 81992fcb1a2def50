# Histories for the random test: a schema, views over it, and changes with
# drains between them, all from one seed, as one script for psql.
#
# Every choice goes through rnd(), so a seed always gives the same script.
# A history is a list of steps; a step can be left out (skip) without changing
# the others, which is how a failing history is made small.
#
# The script prints lines that start with a word and a bar:
#   STEP|n             step n starts; errors that follow on stderr belong to it
#   ROUTE|view|alias|route
#   DRAIN|changes|keys|written|failed|remaining|busy
#   CHECK|view|missing|unexpected|rows, IMAGE|... the same by text image
#   VERIFY|view|missing|unexpected|different
#   STATUS|view|state
package TviewsRandom;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(history begin_history statement script_of rnd chance pick shuffled);

my ($S, $state);    # the history being made; state of the random numbers

# Own generator: the same on every machine and Perl.
sub rnd
{
	my ($n) = @_;
	$state = ($state * 1103515245 + 12345) & 0x7fffffff;
	my $high = $state >> 8;
	$state = ($state * 1103515245 + 12345) & 0x7fffffff;
	return (($high << 8) ^ ($state >> 15)) % $n;
}
sub chance { return rnd(1000) < $_[0] * 1000 }
sub pick { return $_[ rnd(scalar @_) ] }

sub shuffled
{
	my @in = @_;
	my @out;
	push @out, splice(@in, rnd(scalar @in), 1) while @in;
	return @out;
}
sub count { my ($what, @names) = @_; $S->{counts}{$what}{$_}++ for @names; return }

#---------------------------------------------------------------------
# Tables
#---------------------------------------------------------------------

# Columns of a key, and what the i-th value of its domain looks like.
my @KEY_TYPES = qw(int bigint uuid text date numeric composite);

sub key_columns
{
	my ($type, $name) = @_;
	return $type eq 'composite' ? ([ "${name}a", 'int' ], [ "${name}b", 'text' ]) : ([ $name, $type ]);
}

# The i-th value of a key type (i from 1), one literal per column.
sub key_literals
{
	my ($type, $i) = @_;
	return ($i) if $type eq 'int';
	return (10_000_000_000 + $i) if $type eq 'bigint';
	return (sprintf("'00000000-0000-0000-0000-%012d'", $i)) if $type eq 'uuid';
	return (sprintf("'k%02d'", $i)) if $type eq 'text';
	return ($i . pick('', '.0', '.00')) if $type eq 'numeric';
	return (sprintf("'2024-02-%02d'", $i)) if $type eq 'date';
	return (1 + int($i / 2), "'b" . ($i % 2) . "'");
}

sub link_type
{
	my ($type) = @_;
	return chance(.7) ? 'int' : pick('bigint', 'numeric') if $type eq 'int';
	return chance(.8) ? 'text' : 'varchar(20)' if $type eq 'text';
	return chance(.8) ? 'date' : 'timestamp' if $type eq 'date';
	return $type;
}

# An edge: columns of one table that name a row of another (or of itself).
sub add_edge
{
	my ($from, $to, $name, %how) = @_;
	my @cols = map { $_->[0] } key_columns($to->{type}, $name);
	my @types =
	  $to->{type} eq 'composite' ? ('int', 'text') : (link_type($to->{type}));
	my $cross = $to->{type} ne 'composite' && $types[0] ne $to->{type};
	my $edge = { from => $from, to => $to, cols => \@cols, types => \@types, cross => $cross };
	if ($how{fk} && !$to->{child} && !$cross && chance(.45))
	{
		$edge->{fk} = pick('CASCADE', 'CASCADE', 'SET NULL');
	}
	push @{ $from->{edges} }, $edge;
	return $edge;
}

sub make_tables
{
	my $n = 3 + rnd(3);
	my @t;
	for my $i (0 .. $n - 1)
	{
		my $type = pick(@KEY_TYPES);
		my $t = { name => "t$i", type => $type, edges => [], size => 6,
			key => [ map { $_->[0] } key_columns($type, 'id') ],
			key_types => [ map { $_->[1] } key_columns($type, 'id') ] };
		if (chance(.22)) { $t->{parts} = 1 }
		elsif (chance(.18)) { $t->{child} = "t${i}_child" }
		$t->{gen} = chance(.3);
		push @t, $t;
		count('key type', $type);
	}
	$S->{tables} = \@t;
	add_edge($t[0], $t[1], 'l1', fk => 1);
	add_edge($t[1], $t[2], 'l2', fk => 1);
	add_edge($t[0], $t[2], 'l2', fk => 1) if chance(.7);
	add_edge($t[1], $t[1], 'up');
	if ($n > 3)
	{
		add_edge($t[3], $t[0], 'l0', fk => 1);
		add_edge($t[3], $t[1], 'l1') if chance(.5);
	}
	if ($n > 4)
	{
		add_edge($t[4], $t[2], 'l2', fk => 1);
		add_edge($t[4], $t[0], 'l0') if chance(.5);
	}
	return;
}

# Columns that statements write: [name, type], the key first.
sub columns_of
{
	my ($t) = @_;
	my @c = map { [ $t->{key}[$_], $t->{key_types}[$_] ] } 0 .. $#{ $t->{key} };
	for my $e (@{ $t->{edges} })
	{
		push @c, map { [ $e->{cols}[$_], $e->{types}[$_] ] } 0 .. $#{ $e->{cols} };
	}
	return (@c, [ 'g', 'int' ], [ 'v', 'int' ], [ 'h', 'text' ], [ 'arr', 'int[]' ], [ 'unread', 'text' ]);
}

sub create_table_sql
{
	my ($t) = @_;
	my @sql;
	my $name = $t->{name};
	my @cols = map { "$_->[0] $_->[1]" } columns_of($t);
	s/^arr int\[\]$/arr int[] NOT NULL DEFAULT '{}'/ for @cols;
	push @cols, 'gen int GENERATED ALWAYS AS (coalesce(g, 0) + v) STORED' if $t->{gen};
	my @fks;
	for my $e (grep { $_->{fk} } @{ $t->{edges} })
	{
		push @fks, sprintf('FOREIGN KEY (%s) REFERENCES %s ON DELETE %s ON UPDATE CASCADE',
			join(', ', @{ $e->{cols} }), $e->{to}{name}, $e->{fk});
	}
	my $pk = 'PRIMARY KEY (' . join(', ', @{ $t->{key} }) . ')';
	if (!$t->{parts})
	{
		push @sql, "CREATE TABLE $name (" . join(', ', @cols, $pk, @fks) . ')';
	}
	else
	{
		my $by = $t->{key}[0];
		my ($mid) = key_literals($t->{type}, 3);
		my ($end) = key_literals($t->{type}, 6);
		push @sql, "CREATE TABLE $name (" . join(', ', @cols, $pk, @fks) . ") PARTITION BY RANGE ($by)";
		push @sql, "CREATE TABLE ${name}_p1 PARTITION OF $name FOR VALUES FROM (MINVALUE) TO ($mid)";
		# columns in another order, with a hole
		my @other = shuffled(@cols);
		splice(@other, rnd(scalar @other), 0, 'hole int');
		push @sql, "CREATE TABLE ${name}_p2 (" . join(', ', @other) . ')';
		push @sql, "ALTER TABLE ${name}_p2 DROP COLUMN hole";
		push @sql, map { "ALTER TABLE ${name}_p2 ALTER $_ SET NOT NULL" } @{ $t->{key} };
		push @sql, "ALTER TABLE $name ATTACH PARTITION ${name}_p2 FOR VALUES FROM ($mid) TO ($end)";
		$t->{late} = "FOR VALUES FROM ($end) TO (MAXVALUE)";
		$t->{late_cols} = join(', ', map { s/^arr .*/arr int[] NOT NULL DEFAULT '{}'/r } shuffled(@cols));
		$t->{targets} = [ "${name}_p1", "${name}_p2" ];
		if (chance(.4))
		{
			push @sql, "CREATE TABLE ${name}_p3 PARTITION OF $name $t->{late}";
			push @{ $t->{targets} }, "${name}_p3";
			delete $t->{late};
		}
	}
	if ($t->{child})
	{
		push @sql, "CREATE TABLE $t->{child} (extra int, $pk) INHERITS ($name)";
	}
	for my $e (@{ $t->{edges} })
	{
		push @sql, "CREATE INDEX ON $name (" . join(', ', @{ $e->{cols} }) . ')' if chance(.5);
	}
	return @sql;
}

# A literal for a column; key columns and links come from key_literals.
sub column_value
{
	my ($col) = @_;
	return chance(.12) ? 'NULL' : 1 + rnd(3) if $col eq 'g';
	return chance(.12) ? 'NULL' : 1 + rnd(6) if $col eq 'v';
	return chance(.12) ? 'NULL' : "'h" . (1 + rnd(3)) . "'" if $col eq 'h';
	return pick("'{}'", "'{1}'", "'{2,1}'", "'{3,1,3}'", "'{1,NULL}'", "'{2,3}'") if $col eq 'arr';
	return "'u" . rnd(9) . "'";
}

# Literals for one row: a list in the order of columns_of().
sub row_values
{
	my ($t, $rel) = @_;
	my $i = 1 + rnd($t->{size} + ($t->{parts} ? 2 : 0));
	$i += 10 if $rel && $t->{child} && $rel eq $t->{child};
	my @v = key_literals($t->{type}, $i);
	for my $e (@{ $t->{edges} })
	{
		push @v, edge_values($e);
	}
	return (@v, map { column_value($_) } qw(g v h arr unread));
}

sub edge_values
{
	my ($e) = @_;
	my $to = $e->{to};
	return ('NULL') x @{ $e->{cols} } if chance(.12);
	my $i = 1 + rnd($to->{size});
	$i += 10 if $to->{child} && chance(.25);
	my @v = key_literals($to->{type}, $i);
	$v[0] = 'NULL' if @v > 1 && chance(.05);
	return @v;
}

#---------------------------------------------------------------------
# Views: pieces
#---------------------------------------------------------------------

my $alias_number;
sub alias { return 'a' . ++$alias_number }

sub all_edges { return map { @{ $_->{edges} } } @{ $S->{tables} } }

# An edge between two different tables.
sub edge { return pick(grep { $_->{from} != $_->{to} } all_edges()) }

# An edge that starts at, or leads to, a table; undef if there is none.
sub edge_from { my ($t) = @_; my @e = grep { $_->{from} == $t && $_->{to} != $t } all_edges(); return @e ? pick(@e) : undef }
sub edge_to { my ($t) = @_; my @e = grep { $_->{to} == $t && $_->{from} != $t } all_edges(); return @e ? pick(@e) : undef }

# Two edges one behind the other: child -> parent -> grandparent.
sub chain
{
	my @c;
	for my $e (grep { $_->{from} != $_->{to} } all_edges())
	{
		push @c, map { [ $e, $_ ] } grep { $_->{to} != $_->{from} } @{ $e->{to}{edges} };
	}
	return @{ pick(@c) };
}

# child.link = parent.key
sub on
{
	my ($e, $c, $p) = @_;
	my @l = map { "$c.$_" } @{ $e->{cols} };
	my @r = map { "$p.$_" } @{ $e->{to}{key} };
	count('row', 'equal') if $e->{cross} || $e->{to}{type} eq 'numeric';
	return '(' . join(', ', @l) . ') = (' . join(', ', @r) . ')' if @l > 1 && chance(.3);
	return join(' AND ', map { chance(.5) ? "$l[$_] = $r[$_]" : "$r[$_] = $l[$_]" } 0 .. $#l);
}

# The key of a table: for SELECT (with prefix), its names there, and the bare columns.
sub key_select { my ($t, $a, $p) = @_; return join(', ', map { "$a.$_ AS $p$_" } @{ $t->{key} }) }
sub key_names { my ($t, $p) = @_; return map { "$p$_" } @{ $t->{key} } }
sub key_list { my ($t, $a) = @_; return join(', ', map { "$a.$_" } @{ $t->{key} }) }
sub link_list { my ($e, $a) = @_; return join(', ', map { "$a.$_" } @{ $e->{cols} }) }
sub link_not_null { my ($e, $a) = @_; return join(' AND ', map { "$a.$_ IS NOT NULL" } @{ $e->{cols} }) }
sub link_select { my ($e, $a, $p) = @_; my $i = 0; return join(', ', map { "$a.$_ AS $p" . ++$i } @{ $e->{cols} }) }
sub link_names { my ($e, $p) = @_; my $i = 0; return map { $p . ++$i } @{ $e->{cols} } }

# (c.k1, ...) = (p.id, ...) where the child's columns were renamed k1, ...
sub on_names
{
	my ($e, $names, $a, $p) = @_;
	count('row', 'equal') if $e->{cross} || $e->{to}{type} eq 'numeric';
	return join(' AND ', map { "$a.$names->[$_] = $p.$e->{to}{key}[$_]" } 0 .. $#{$names});
}

# Conditions on plain columns of the aliases.
sub condition
{
	my @a = @_;
	my ($x, $y) = (pick(@a), pick(@a));
	count('row', 'plain');
	return pick(
		"$x.v > 2", "$x.g <> 1", "$x.g IS NOT NULL", "$x.h > 'h1'", "$x.v <= $y.v + 1",
		"coalesce($x.h, '') <> 'h2'", "NULLIF($x.v, $y.g) IS NOT NULL", "$x.g IS DISTINCT FROM $y.v",
		"coalesce($x.g, 1) = $y.g", "$x.g = $y.g", "$x.v = coalesce($y.g, 2)",
		"CASE $x.g WHEN $y.v THEN $x.h = 'h1' ELSE $y.v > 1 END", "$x.g = ANY ($y.arr)",
		"$x.unread IS NULL OR $x.v > 1");
}
sub maybe_and { my ($p, @a) = @_; return chance($p) ? ' AND (' . condition(@a) . ')' : '' }
sub maybe_where { my ($p, @a) = @_; return chance($p) ? ' WHERE (' . condition(@a) . ')' : '' }

# Outputs that do not depend on an order.
sub measure
{
	my ($a, $n) = @_;
	$n //= '';
	return pick("sum($a.v) AS s$n", "max($a.h) AS m$n", "count(DISTINCT $a.g) AS d$n", "array_agg(DISTINCT $a.g ORDER BY $a.g) AS ag$n",
		"jsonb_object_agg($a.h, 1) FILTER (WHERE $a.h IS NOT NULL) AS j$n");
}
sub payload { my ($a, $n) = @_; $n //= ''; return "$a.v AS v$n, $a.h AS h$n" }
sub ordered_agg { my ($t, $a, $n) = @_; return "jsonb_agg(jsonb_build_object('v', $a.v, 'h', $a.h) ORDER BY " . key_list($t, $a) . ") AS doc$n" }

sub result
{
	my ($sql, $key, @more) = @_;
	return { sql => $sql, key => $key, @more };
}

#---------------------------------------------------------------------
# Views: one function per shape.  Each returns undef when the schema lacks
# what it needs.  rows: the rows of the table in section 5 it stands for.
# numeric group values that come from a link have no single image: inexact.
#---------------------------------------------------------------------

sub inexact { my ($e) = @_; return $e->{types}[0] eq 'numeric' }

# A table, or now and then a subquery that has its columns and its unique key,
# so that every shape is tried over every other one.
sub rel
{
	my ($t) = @_;
	return $t->{name} if !chance(.22);
	my ($x, $y, $z) = (alias(), alias(), alias());
	my @all = ((map { $_->[0] } columns_of($t)), $t->{gen} ? 'gen' : ());
	my %as = map { $_ => "$x.$_" } @all;
	my $list = sub { my %more = @_; return join(', ', map { exists $more{$_} ? "$more{$_} AS $_" : $as{$_} } @all) };
	my $key = key_list($t, $x);
	my $e = edge_from($t);
	my $kind = pick(('filter') x 2, ('join') x 3, ('left join') x 3, ('expressions') x 3, ('constant') x 2, 'group', 'distinct', ('window') x 2, 'top of partition', 'except', ('union all') x 2,
		('exists') x 2, ('sublink') x 2, 'limit', 'distinct on', 'lateral');
	return $t->{name} if !$e && $kind =~ /join|exists|sublink|lateral/;
	$S->{derived}++;
	count('derived', $kind);
	my $parent = $e ? "$e->{to}{name} $y" : '';
	return '(SELECT ' . $list->() . " FROM $t->{name} $x WHERE " . condition($x) . ')' if $kind eq 'filter';
	return '(SELECT ' . $list->(g => pick("$x.g", "$y.g")) . " FROM $t->{name} $x JOIN $parent ON " . on($e, $x, $y) . maybe_and(.4, $x, $y) . ')' if $kind eq 'join';
	return '(SELECT ' . $list->(g => pick("$x.g", "$y.g", "coalesce($y.g, 2)"), h => pick("$x.h", "coalesce($y.h, 'h1')")) . " FROM $t->{name} $x LEFT JOIN $parent ON " . on($e, $x, $y)
		. maybe_and(.4, $x, $y) . maybe_where(.3, $x, $y) . ')' if $kind eq 'left join';
	return '(SELECT ' . $list->(g => pick("coalesce($x.g, 1)", "$x.g % 2", "CASE WHEN $x.v > 2 THEN $x.g ELSE 3 END"), v => pick("coalesce($x.v, 0)", "$x.v + 1"), h => pick("$x.h", "coalesce($x.h, 'h3')"))
		. " FROM $t->{name} $x)" if $kind eq 'expressions';
	return '(SELECT ' . $list->(g => pick(1, 2), h => pick("$x.h", "'h2'::text")) . " FROM $t->{name} $x" . maybe_where(.5, $x) . ')' if $kind eq 'constant';
	return '(SELECT ' . $list->(v => "max($x.v)") . " FROM $t->{name} $x GROUP BY " . join(', ', map { $as{$_} } grep { $_ ne 'v' } @all) . pick('', " HAVING count($x.v) > 0") . ')' if $kind eq 'group';
	return '(SELECT DISTINCT ' . $list->() . " FROM $t->{name} $x" . maybe_where(.4, $x) . ')' if $kind eq 'distinct';
	return '(SELECT ' . $list->(v => pick("(sum($x.v) OVER (PARTITION BY $x.g))::int", "(count(*) OVER (PARTITION BY $x.h))::int", "(row_number() OVER (PARTITION BY $x.g ORDER BY $key))::int")) . " FROM $t->{name} $x)" if $kind eq 'window';
	return '(SELECT ' . $list->() . " FROM (SELECT *, row_number() OVER (PARTITION BY $y.g ORDER BY $y.v DESC NULLS LAST, " . key_list($t, $y) . ") AS rn FROM $t->{name} $y) $x WHERE $x.rn <= 2)" if $kind eq 'top of partition';
	return '(SELECT ' . $list->() . " FROM $t->{name} $x EXCEPT SELECT " . join(', ', map { "$y.$_" } @all) . " FROM $t->{name} $y WHERE $y.v > 3)" if $kind eq 'except';
	return '(SELECT ' . $list->() . " FROM $t->{name} $x WHERE $x.v > 3 UNION ALL SELECT " . join(', ', map { $_ eq 'g' && chance(.5) ? 1 : "$y.$_" } @all) . " FROM $t->{name} $y WHERE $y.v <= 3 OR $y.v IS NULL)" if $kind eq 'union all';
	return '(SELECT ' . $list->() . " FROM $t->{name} $x WHERE " . pick('', 'NOT ') . "EXISTS (SELECT 1 FROM $parent WHERE " . on($e, $x, $y) . maybe_and(.5, $x, $y) . '))' if $kind eq 'exists';
	return '(SELECT ' . $list->(v => "(SELECT $y.v FROM $parent WHERE " . on($e, $x, $y) . ')') . " FROM $t->{name} $x)" if $kind eq 'sublink';
	return '(SELECT ' . $list->() . " FROM $t->{name} $x ORDER BY $x.v, $key LIMIT 4)" if $kind eq 'limit';
	return "(SELECT DISTINCT ON ($x.g, $x.h) " . $list->() . " FROM $t->{name} $x ORDER BY $x.g, $x.h, $x.v, $key)" if $kind eq 'distinct on';
	return '(SELECT ' . $list->(g => 'l.g', v => "coalesce(l.n, $x.v)") . " FROM $t->{name} $x LEFT JOIN LATERAL (SELECT $x.g, $y.v AS n FROM $parent WHERE " . on($e, $x, $y) . maybe_and(.4, $y) . ') l ON true)';
}

my %SHAPES;

sub shape { my ($name, $rows, $sub) = @_; $SHAPES{$name} = { rows => $rows, make => $sub }; return }

shape 'inner', ['inner'], sub {
	my ($e1, $e2) = chain();
	my ($c, $p, $g) = (alias(), alias(), alias());
	my ($C, $P, $G) = ($e1->{from}, $e1->{to}, $e2->{to});
	my $style = rnd(3);
	my $sel = 'SELECT ' . key_select($C, $c, 'k') . ', ' . payload($c) . ', ' . payload($p, 'p');
	my @k = key_names($C, 'k');
	return result("$sel FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e1, $c, $p) . maybe_and(.3, $c, $p) . maybe_where(.4, $c, $p), \@k, infer => !$e1->{cross} && @{ $P->{key} } == 1) if $style == 0;
	return result("$sel, " . payload($g, 'g') . " FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e1, $c, $p) . " JOIN @{[rel($G)]} $g ON "
		. on($e2, $p, $g) . maybe_and(.3, $p, $g) . maybe_where(.4, $c, $p, $g), \@k) if $style == 1;
	return result("$sel, $g.v AS gv FROM @{[rel($G)]} $g, @{[rel($P)]} $p, @{[rel($C)]} $c WHERE " . on($e1, $c, $p) . ' AND ' . on($e2, $p, $g)
		. maybe_and(.5, $c, $p, $g), \@k);
};

shape 'inner_group', [ 'inner', 'grouped' ], sub {
	my ($e1, $e2) = chain();
	my ($c, $p, $g) = (alias(), alias(), alias());
	my ($C, $P, $G) = ($e1->{from}, $e1->{to}, $e2->{to});
	my $by = pick("$g.g", "$g.h", "coalesce($g.h, 'x') || $g.g", "$p.g");
	my $nn = chance(.5) ? " WHERE $by IS NOT NULL" : '';
	return result("SELECT $by AS k, count(*) AS n, " . measure($c) . ", max($p.v) AS pv FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e1, $c, $p)
		. " JOIN @{[rel($G)]} $g ON " . on($e2, $p, $g) . maybe_and(.3, $c, $p, $g) . "$nn GROUP BY 1", ['k'], infer => 1);
};

shape 'inner_group_key', [ 'inner', 'grouped' ], sub {
	my ($e1, $e2) = chain();
	my ($c, $p, $g) = (alias(), alias(), alias());
	my ($C, $P, $G) = ($e1->{from}, $e1->{to}, $e2->{to});
	return result('SELECT ' . key_select($G, $g, 'k') . ", count(*) AS n, " . measure($c) . ", " . ordered_agg($C, $c, '') . " FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON "
		. on($e1, $c, $p) . " JOIN @{[rel($G)]} $g ON " . on($e2, $p, $g) . maybe_and(.3, $c, $p, $g) . ' GROUP BY ' . key_list($G, $g), [ key_names($G, 'k') ], infer => 1, entity => $G);
};

shape 'left_chain', ['nullable side'], sub {
	my ($e1, $e2) = chain();
	my ($c, $p, $g) = (alias(), alias(), alias());
	my ($C, $P, $G) = ($e1->{from}, $e1->{to}, $e2->{to});
	my $where = pick('', " WHERE $g.g IS NULL OR $g.g <> 1", " WHERE coalesce($p.v, 3) > 2", " WHERE $g.v IS NULL", " WHERE $p.h = $c.h OR $p.h IS NULL", " WHERE coalesce($p.g, 1) = $c.g", " WHERE coalesce($g.g, 2) = $p.g");
	return result('SELECT ' . key_select($C, $c, 'k') . ', ' . payload($c) . ', ' . payload($p, 'p') . ', ' . payload($g, 'g')
		. " FROM @{[rel($C)]} $c LEFT JOIN @{[rel($P)]} $p ON " . on($e1, $c, $p) . maybe_and(.4, $c, $p)
		. " LEFT JOIN @{[rel($G)]} $g ON " . on($e2, $p, $g) . maybe_and(.3, $c, $p, $g) . $where, [ key_names($C, 'k') ], entity => $C);
};

shape 'left_children', [ 'nullable side', 'preserved side' ], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $where = pick('', '', " WHERE $c.v IS NULL OR $c.v > 2");
	my $join = chance(.3) ? "@{[rel($C)]} $c RIGHT JOIN @{[rel($P)]} $p" : "@{[rel($P)]} $p LEFT JOIN @{[rel($C)]} $c";
	return result('SELECT ' . key_select($P, $p, 'k') . ", count($c.v) AS n, count(*) AS rows, " . measure($c) . ", max($p.h) AS ph FROM $join ON " . on($e, $c, $p)
		. maybe_and(.5, $c, $p) . $where . ' GROUP BY ' . key_list($P, $p), [ key_names($P, 'k') ], infer => 1, entity => $P);
};

shape 'left_nested', ['nullable side'], sub {
	my ($e1, $e2) = chain();
	my ($c, $p, $g) = (alias(), alias(), alias());
	my ($C, $P, $G) = ($e1->{from}, $e1->{to}, $e2->{to});
	my $inner = pick('LEFT JOIN', 'JOIN', 'LEFT JOIN');
	return result('SELECT ' . key_select($G, $g, 'k') . ", count($c.v) AS n, count(*) AS rows, " . measure($c) . " FROM @{[rel($G)]} $g LEFT JOIN (@{[rel($P)]} $p $inner @{[rel($C)]} $c ON "
		. on($e1, $c, $p) . maybe_and(.4, $c, $p) . ') ON ' . on($e2, $p, $g) . pick('', " AND ($c.v IS NULL OR $c.v > 3)", " AND ($c.g IS NULL)", maybe_and(1, $p, $g, $c))
		. ' GROUP BY ' . key_list($G, $g), [ key_names($G, 'k') ], entity => $G);
};

shape 'preserved_group', ['preserved side'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	return result("SELECT $p.g AS k, count(*) AS n, count($c.v) AS cn, " . measure($c) . " FROM @{[rel($P)]} $p LEFT JOIN @{[rel($C)]} $c ON " . on($e, $c, $p)
		. " AND $p.v > 2" . maybe_where(.3, $p) . " GROUP BY $p.g", ['k'], infer => 1) if chance(.5);
	return result("SELECT $c.g AS k, count(*) AS n, " . measure($p) . " FROM @{[rel($C)]} $c LEFT JOIN @{[rel($P)]} $p ON " . on($e, $c, $p)
		. " AND $c.v > 2 GROUP BY $c.g", ['k'], infer => 1);
};

# Conditions over preserved members that stand in an outer join's ON, or in a
# subquery that is there whatever it finds: they decide nothing about those members.
shape 'preserved_condition', ['preserved side'], sub {
	my ($e1, $e2) = chain();
	my ($c, $p, $g) = (alias(), alias(), alias());
	my ($C, $P, $G) = ($e1->{from}, $e1->{to}, $e2->{to});
	my $same = pick("$c.g = $p.g", "$c.v = $p.v", "$c.h = $p.h");
	my $from = "FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e1, $c, $p);
	my $sel = 'SELECT ' . key_select($C, $c, 'k') . ", $p.v";
	my @k = key_names($C, 'k');
	return result("$sel FROM @{[rel($C)]} $c LEFT JOIN @{[rel($P)]} $p ON " . on($e1, $c, $p) . ' WHERE ' . pick("coalesce($p.g, 1) = $c.g", "coalesce($p.v % 2, 1) = $c.v % 2"), \@k, rows => ['nullable side']) if chance(.3);
	my $sub = "(SELECT count(*) AS n FROM @{[rel($G)]} $g WHERE " . on($e2, $p, $g) . " AND $same)";
	return result("$sel, $g.h $from LEFT JOIN @{[rel($G)]} $g ON " . on($e2, $p, $g) . " AND $same", \@k) if chance(.4);
	return result("$sel, z.n $from, LATERAL $sub z", \@k) if chance(.4);
	return result("$sel, $sub AS n $from", \@k) if chance(.5);
	return result("$sel $from WHERE $sub " . pick('= 0', '> 0'), \@k);
};

shape 'nullable_group', ['nullable key'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $from = "FROM @{[rel($C)]} $c LEFT JOIN @{[rel($P)]} $p ON " . on($e, $c, $p) . maybe_and(.3, $c, $p);
	my $style = rnd(5);
	my $by = pick("$p.g", "coalesce($p.h, 'none')", "coalesce($p.g, 0)", "$p.h");
	return result("SELECT $by AS k, count(*) AS n, " . measure($c) . " $from GROUP BY 1", ['k'], infer => 1) if $style == 0;
	return result("SELECT DISTINCT $by AS k $from", ['k'], infer => 1) if $style == 1;
	return result('SELECT ' . key_select($C, $c, 'k') . ", count(*) OVER (PARTITION BY $by) AS n, $p.v AS pv $from", [ key_names($C, 'k') ], rows => ['window']) if $style == 2;
	return result('SELECT ' . key_select($P, $p, 'k') . ', ' . key_select($C, $c, 'c') . ", $c.v, $p.h FROM @{[rel($P)]} $p LEFT JOIN @{[rel($C)]} $c ON " . on($e, $c, $p) . maybe_and(.3, $c, $p),
		[ key_names($P, 'k'), key_names($C, 'c') ]) if $style == 3;
	my $x = alias();
	my $X = pick(@{ $S->{tables} });
	return result('SELECT ' . key_select($C, $c, 'k') . ", z.n $from, LATERAL (SELECT count(*) AS n FROM @{[rel($X)]} $x WHERE $x.g " . pick('IS NOT DISTINCT FROM', '=') . " $p.g) z",
		[ key_names($C, 'k') ]);
};

# a subquery on the nullable side with outputs that are not NULL when its inputs are
shape 'nullable_output', ['nullable key'], sub {
	my $e = edge();
	my ($c, $p, $q) = (alias(), alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $i = 0;
	my @k = map { 'k' . ++$i } @{ $P->{key} };
	$i = 0;
	my $out = pick("1 AS o", "coalesce($p.g, 0) AS o", "$p.g IS NULL AS o", "CASE WHEN $p.v > 2 THEN 1 ELSE 2 END AS o", "$p.g + 1 AS o", "$c.g AS o");
	my $sub = '(SELECT ' . join(', ', map { "$p.$_ AS k" . ++$i } @{ $P->{key} }) . ", $out FROM @{[rel($P)]} $p" . maybe_where(.4, $p) . ')';
	$i = 0;
	my $union = $out !~ /\$c\./ && $out =~ /1 AS o/ && chance(.4) ? " UNION ALL SELECT " . join(', ', map { "$q.$_" } @{ $P->{key} }) . ", 2 FROM @{[rel($P)]} $q WHERE $q.v > 2" : '';
	$sub =~ s/\)$/$union)/ if $union;
	my $match = join(' AND ', map { "x.k" . ($_ + 1) . " = $c.$e->{cols}[$_]" } 0 .. $#k);
	my $from = "FROM @{[rel($C)]} $c LEFT JOIN LATERAL $sub x ON $match";
	my $style = rnd(4);
	return result("SELECT $c.g AS g, x.o, count(*) AS n, " . measure($c) . " $from GROUP BY $c.g, x.o", [ 'g', 'o' ], infer => 1) if $style == 0;
	return result("SELECT x.o, count(*) AS n $from GROUP BY x.o", ['o'], infer => 1) if $style == 1;
	return result('SELECT ' . key_select($C, $c, 'k') . ", count(*) OVER (PARTITION BY x.o) AS n $from", [ key_names($C, 'k') ]) if $style == 2 && !$union;
	return result("SELECT $c.g, count(*) AS n, " . measure($c) . " $from WHERE (x.o IS NULL) = ($c.v > 3) GROUP BY $c.g", ['g']);
};

# sublinks that are more than a table and a condition
shape 'sublink_query', ['sublink'], sub {
	my $e = edge();
	my ($c, $p, $d) = (alias(), alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $key = '(' . key_list($P, $p) . ')';
	my $links = link_list($e, $c);
	my $cond = pick("$key IN (SELECT $links FROM @{[rel($C)]} $c GROUP BY $links HAVING count(*) > 1)",
		"$key IN (SELECT DISTINCT $links FROM @{[rel($C)]} $c WHERE $c.v > 2)",
		"$key IN (SELECT $links FROM @{[rel($C)]} $c UNION SELECT " . link_list($e, $d) . " FROM @{[rel($C)]} $d WHERE $d.v > 1)",
		"$p.g = ANY (ARRAY(SELECT $c.g FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . '))',
		"EXISTS (SELECT $c.g FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . " GROUP BY $c.g HAVING count(*) > 1)",
		"$p.v < (SELECT max(z.s) FROM (SELECT $c.g, sum($c.v) AS s FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . " GROUP BY $c.g) z)",
		"$p.g IN (SELECT z.g FROM (SELECT $c.g, row_number() OVER (ORDER BY $c.v, " . key_list($C, $c) . ") AS rn FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . ') z WHERE z.rn = 1)',
		"$p.g IN (SELECT $c.g FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . " EXCEPT SELECT $d.g FROM @{[rel($C)]} $d WHERE $d.h = $p.h)",
		"EXISTS (SELECT 1 FROM @{[rel($C)]} $c LEFT JOIN @{[rel($P)]} $d ON $d.g = $c.g AND $d.v > $p.v WHERE " . on($e, $c, $p) . " AND $d.g IS NULL)");
	return result('SELECT ' . key_select($P, $p, 'k') . ', ' . payload($p) . " FROM @{[rel($P)]} $p WHERE $cond", [ key_names($P, 'k') ]) if chance(.6);
	return result('SELECT ' . key_select($P, $p, 'k') . ", ($cond) AS x FROM @{[rel($P)]} $p", [ key_names($P, 'k') ]);
};

# several things that need ways of their own, side by side
shape 'mixed', ['inner'], sub {
	my $e = edge();
	my ($c, $p, $d, $w) = (alias(), alias(), alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my @n = link_names($e, 'k');
	my $agg = '(SELECT ' . link_select($e, $c, 'k') . ", count(*) AS n, count(*) FILTER (WHERE $c.v > 2) AS m FROM @{[rel($C)]} $c GROUP BY " . link_list($e, $c) . ') x';
	my $win = '(SELECT ' . key_select($P, $w, 'w') . ", rank() OVER (PARTITION BY $w.g ORDER BY $w.v NULLS LAST) AS r FROM @{[rel($P)]} $w) y";
	my $same = join(' AND ', map { "y.w$_ = $p.$_" } @{ $P->{key} });
	return result('SELECT ' . key_select($P, $p, 'k') . ", x.n, x.m, y.r, (SELECT count(*) FROM @{[rel($C)]} $d WHERE " . on($e, $d, $p) . " AND $d.g = $p.g) AS same FROM @{[rel($P)]} $p LEFT JOIN $agg ON "
		. on_names($e, \@n, 'x', $p) . ' ' . pick('JOIN', 'LEFT JOIN') . " $win ON $same" . pick('', ' WHERE y.r < 3', ' WHERE x.n IS NULL OR y.r > 1'), [ key_names($P, 'k') ]);
};

shape 'window_distinct', ['window'], sub {
	my $C = pick(@{ $S->{tables} });
	my $c = alias();
	return result("SELECT DISTINCT $c.g AS k, count(*) OVER (PARTITION BY $c.h) AS n FROM @{[rel($C)]} $c", [ 'k', 'n' ]) if chance(.5);
	return result("SELECT z.g AS k, max(z.rn) AS top, count(*) AS n FROM (SELECT $c.g, row_number() OVER (PARTITION BY $c.h ORDER BY $c.v, " . key_list($C, $c) . ") AS rn FROM @{[rel($C)]} $c) z GROUP BY z.g", ['k']);
};

# a FULL JOIN with a third table or a condition on one side
shape 'full_join_more', ['full join'], sub {
	my $e = edge();
	my ($c, $p, $d) = (alias(), alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my @n = link_names($e, 'k');
	my $x = '(SELECT ' . link_select($e, $c, 'k') . ", count(*) AS n FROM @{[rel($C)]} $c WHERE " . link_not_null($e, $c) . ' GROUP BY ' . link_list($e, $c) . ') x';
	my $i = 0;
	my $y = '(SELECT ' . join(', ', map { "$p.$_ AS k" . ++$i } @{ $P->{key} }) . ", $p.v, $p.g FROM @{[rel($P)]} $p) y";
	my $using = join(', ', @n);
	return result("SELECT $using, x.n, y.v FROM $x FULL JOIN $y USING ($using) WHERE " . pick('x.n > 1', 'y.v > 2 OR y.v IS NULL', 'x.n = y.g', 'coalesce(x.n, 0) = coalesce(y.g, 1)'), \@n, inexact => 1) if chance(.5);
	return result("SELECT $using, x.n, y.v, $d.h FROM $x FULL JOIN $y USING ($using) LEFT JOIN @{[rel($P)]} $d ON " . join(' AND ', map { "$d.$P->{key}[$_] = $n[$_]" } 0 .. $#n), \@n, inexact => 1);
};

shape 'full_join', ['full join'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $style = rnd(3);
	my @n = link_names($e, 'k');
	my $x = "(SELECT " . link_select($e, $c, 'k') . ", count(*) AS n, " . measure($c) . " FROM @{[rel($C)]} $c WHERE " . link_not_null($e, $c) . ' GROUP BY ' . link_list($e, $c) . ') x';
	my $i = 0;
	my $y = '(SELECT ' . join(', ', map { "$p.$_ AS k" . ++$i } @{ $P->{key} }) . ", $p.v FROM @{[rel($P)]} $p" . maybe_where(.3, $p) . ') y';
	return result('SELECT ' . join(', ', @n) . ", x.n, y.v FROM $x FULL JOIN $y USING (" . join(', ', @n) . ')', \@n, inexact => 1) if $style == 0;
	return result('SELECT ' . join(', ', map { "coalesce(x.$_, y.$_) AS $_" } @n) . ", x.n, y.v FROM $x FULL JOIN $y ON " . join(' AND ', map { "x.$_ = y.$_" } @n), \@n, inexact => 1) if $style == 1;
	return result('SELECT ' . key_select($P, $p, 'k') . ', ' . key_select($C, $c, 'c') . ", $c.v, $p.h FROM @{[rel($P)]} $p FULL JOIN @{[rel($C)]} $c ON " . on($e, $c, $p),
		[ key_names($P, 'k'), key_names($C, 'c') ]);
};

# conditions with a sublink over a child table, seen from parent alias p
sub sublink_condition
{
	my ($e, $p) = @_;
	my $C = $e->{from};
	my $c = alias();
	my $f = edge_from($C);
	my $deeper = '';
	if ($f && chance(.5))
	{
		my $d = alias();
		$deeper = ' AND ' . pick('EXISTS', 'NOT EXISTS') . " (SELECT 1 FROM $f->{to}{name} $d WHERE " . on($f, $c, $d) . maybe_and(.6, $d, $c) . ')';
	}
	my $links = '(' . link_list($e, $c) . ')';
	my $key = '(' . key_list($e->{to}, $p) . ')';
	return pick(
		"EXISTS (SELECT 1 FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . maybe_and(.5, $c, $p) . "$deeper)",
		"NOT EXISTS (SELECT FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . maybe_and(.5, $c, $p) . "$deeper)",
		"$key IN (SELECT " . link_list($e, $c) . " FROM @{[rel($C)]} $c WHERE $c.v > 2$deeper)",
		"$key = ANY (SELECT " . link_list($e, $c) . " FROM @{[rel($C)]} $c WHERE $c.v > 2$deeper)",
		"$p.v >= ALL (SELECT $c.v FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . " AND $c.v IS NOT NULL$deeper)",
		"$p.g NOT IN (SELECT $c.g FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . "$deeper)",
		"($p.v > 4 OR $key IN (SELECT " . link_list($e, $c) . " FROM @{[rel($C)]} $c WHERE " . link_not_null($e, $c) . "$deeper))",
		"(SELECT count(*) FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . "$deeper) > 1");
}

shape 'sublink_where', ['sublink'], sub {
	my $e = edge();
	my $p = alias();
	my $P = $e->{to};
	my $f = edge_from($P);
	if ($f && chance(.4))
	{
		# the sublink's conditions name a second outer member
		my ($q, $c) = (alias(), alias());
		my $sub = "(SELECT count(*) FROM $e->{from}{name} $c WHERE " . on($e, $c, $p) . " AND $q.g = $p.g" . maybe_and(.3, $c, $q) . ')';
		my $from = "FROM @{[rel($P)]} $p " . pick('JOIN', 'LEFT JOIN') . " $f->{to}{name} $q ON " . on($f, $p, $q);
		return result('SELECT ' . key_select($P, $p, 'k') . ", $q.v AS qv, $sub AS n $from", [ key_names($P, 'k') ]) if chance(.5);
		return result('SELECT ' . key_select($P, $p, 'k') . ", $q.v AS qv $from WHERE $sub " . pick('= 0', '> 0'), [ key_names($P, 'k') ]);
	}
	return result('SELECT ' . key_select($P, $p, 'k') . ', ' . payload($p) . " FROM @{[rel($P)]} $p WHERE " . sublink_condition($e, $p) . maybe_and(.3, $p), [ key_names($P, 'k') ], infer => 1, entity => $P);
};

shape 'sublink_target', ['sublink'], sub {
	my $e = edge();
	my ($p, $c) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $f = edge_from($C);
	my ($join, $and) = ('', '');
	if ($f && chance(.5))
	{
		my $d = alias();
		$join = ' ' . pick('JOIN', 'LEFT JOIN') . " $f->{to}{name} $d ON " . on($f, $c, $d);
		$and = maybe_and(.5, $c, $d);
	}
	my $expr = pick("(SELECT count(*) FROM @{[rel($C)]} $c$join WHERE " . on($e, $c, $p) . "$and)",
		"ARRAY(SELECT $c.v FROM @{[rel($C)]} $c$join WHERE " . on($e, $c, $p) . "$and ORDER BY " . key_list($C, $c) . ')',
		'(SELECT ' . ordered_agg($C, $c, '') . " FROM @{[rel($C)]} $c$join WHERE " . on($e, $c, $p) . "$and)",
		"(SELECT jsonb_agg($c ORDER BY " . key_list($C, $c) . ") FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . ')',
		"EXISTS (SELECT FROM @{[rel($C)]} $c$join WHERE " . on($e, $c, $p) . "$and)");
	count('row', 'whole row') if $expr =~ /jsonb_agg\($c /;
	return result('SELECT ' . key_select($P, $p, 'k') . ", $expr AS x, " . payload($p) . " FROM @{[rel($P)]} $p" . maybe_where(.2, $p), [ key_names($P, 'k') ], infer => 1, entity => $P);
};

shape 'sublink_link', ['sublink'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $cond = pick('(' . link_list($e, $c) . ') IN (SELECT ' . key_list($P, $p) . " FROM @{[rel($P)]} $p WHERE $p.v > 2)",
		"$c.g IN (SELECT $p.g FROM @{[rel($P)]} $p WHERE $p.h = 'h1')",
		"EXISTS (SELECT 1 FROM @{[rel($P)]} $p WHERE " . on($e, $c, $p) . " AND $p.v >= $c.v)",
		"$c.v > (SELECT $p.v FROM @{[rel($P)]} $p WHERE " . on($e, $c, $p) . ')');
	return result('SELECT ' . key_select($C, $c, 'k') . ', ' . payload($c) . " FROM @{[rel($C)]} $c WHERE $cond" . maybe_and(.2, $c), [ key_names($C, 'k') ], infer => 1, entity => $C);
};

shape 'sublink_elsewhere', ['sublink'], sub {
	my $e = edge();
	my ($c, $p, $d) = (alias(), alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $f = edge_from($C) or return;
	my $D = $f->{to};
	my $exists = "EXISTS (SELECT FROM @{[rel($D)]} $d WHERE " . on($f, $c, $d) . " AND $d.v > 2)";
	my $key = [ key_names($P, 'k') ];
	my $sel = 'SELECT ' . key_select($P, $p, 'k');
	my $by = ' GROUP BY ' . key_list($P, $p);
	return pick(
		result("$sel, count($c.v) AS n FROM @{[rel($P)]} $p LEFT JOIN @{[rel($C)]} $c ON " . on($e, $c, $p) . " AND $exists$by", $key),
		result("$sel, count($c.v) AS n FROM @{[rel($P)]} $p LEFT JOIN @{[rel($C)]} $c ON " . on($e, $c, $p) . " AND $c.g IN (SELECT $d.g FROM @{[rel($D)]} $d WHERE $d.v > 2)$by", $key),
		result("$sel, count(*) FILTER (WHERE $exists) AS n FROM @{[rel($P)]} $p JOIN @{[rel($C)]} $c ON " . on($e, $c, $p) . $by, $key),
		result("$sel, sum((SELECT $d.v FROM @{[rel($D)]} $d WHERE " . on($f, $c, $d) . ")) AS n FROM @{[rel($P)]} $p JOIN @{[rel($C)]} $c ON " . on($e, $c, $p) . $by, $key),
		result("$sel, count(*) AS n FROM @{[rel($P)]} $p JOIN @{[rel($C)]} $c ON " . on($e, $c, $p) . "$by HAVING count(*) >= (SELECT count(*) FROM @{[rel($C)]} $d WHERE " . on($e, $d, $p) . " AND $d.v > 2)", $key));
};

shape 'sublink_value', ['sublink value'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $value = "(SELECT $p.g FROM @{[rel($P)]} $p WHERE " . on($e, $c, $p) . ')';
	return result("SELECT $value AS k, count(*) AS n, " . measure($c) . " FROM @{[rel($C)]} $c GROUP BY 1", ['k']) if chance(.4);
	return result('SELECT ' . key_select($C, $c, 'k') . ", count(*) OVER (PARTITION BY $value) AS n FROM @{[rel($C)]} $c", [ key_names($C, 'k') ]) if chance(.5);
	my $x = alias();
	my $X = pick(@{ $S->{tables} });
	return result('SELECT ' . key_select($X, $x, 'k') . ", (SELECT count(*) FROM (SELECT $c.v, $value AS g FROM @{[rel($C)]} $c) z WHERE z.g = $x.g) AS n FROM @{[rel($X)]} $x", [ key_names($X, 'k') ]);
};

shape 'grouped_below', ['grouped'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my @n = link_names($e, 'k');
	my $f = edge_from($C);
	my ($join, $d) = ('', $c);
	if ($f && chance(.5))
	{
		$d = alias();
		$join = ' ' . pick('JOIN', 'LEFT JOIN') . " $f->{to}{name} $d ON " . on($f, $c, $d) . maybe_and(.3, $d);
	}
	my $having = pick('', " HAVING count(*) > 1", " HAVING sum($c.v) > 3");
	my $join_type = pick('LEFT JOIN', 'JOIN');
	my $where = pick('', ' WHERE x.n < 3', ' WHERE x.n IS NULL OR x.n > 1');
	return result('SELECT ' . key_select($P, $p, 'k') . ", x.n, x.dv, $p.h FROM @{[rel($P)]} $p $join_type (SELECT " . link_select($e, $c, 'k')
		. ", count(*) AS n, max($d.v) AS dv FROM @{[rel($C)]} $c$join GROUP BY " . link_list($e, $c) . "$having) x ON " . on_names($e, \@n, 'x', $p) . $where, [ key_names($P, 'k') ], entity => $P);
};

shape 'distinct_below', ['grouped'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my @n = link_names($e, 'k');
	return result('SELECT ' . key_select($P, $p, 'k') . ", count(x.g) AS n FROM @{[rel($P)]} $p LEFT JOIN (SELECT DISTINCT " . link_select($e, $c, 'k') . ", $c.g FROM @{[rel($C)]} $c"
		. maybe_where(.3, $c) . ') x ON ' . on_names($e, \@n, 'x', $p) . ' GROUP BY ' . key_list($P, $p), [ key_names($P, 'k') ]) if chance(.35);
	my $order = join(', ', link_list($e, $c), "$c.v DESC NULLS LAST", key_list($C, $c));
	return result('SELECT ' . key_select($P, $p, 'k') . ", x.v, x.h FROM @{[rel($P)]} $p LEFT JOIN (SELECT DISTINCT ON (" . link_list($e, $c) . ') ' . link_select($e, $c, 'k')
		. ", $c.v, $c.h FROM @{[rel($C)]} $c ORDER BY $order) x ON " . on_names($e, \@n, 'x', $p), [ key_names($P, 'k') ]) if chance(.5);
	return result("SELECT DISTINCT ON ($c.g) $c.g AS k, $c.v, $c.h FROM @{[rel($C)]} $c" . maybe_where(.3, $c) . " ORDER BY $c.g, $c.v DESC NULLS LAST, " . key_list($C, $c), ['k'], infer => 1) if chance(.5);
	return result("SELECT DISTINCT $p.h AS k FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e, $c, $p) . maybe_where(.3, $c, $p), ['k'], infer => 1);
};

shape 'grouped_twice', ['grouped'], sub {
	my $C = pick(@{ $S->{tables} });
	my $c = alias();
	return result("SELECT x.g AS k, sum(x.n) AS n, count(*) AS parts FROM (SELECT $c.g, $c.h, count(*) AS n FROM @{[rel($C)]} $c GROUP BY $c.g, $c.h) x GROUP BY x.g", ['k']) if chance(.5);
	return result("SELECT x.n AS k, count(*) AS groups FROM (SELECT $c.g, count(*) AS n FROM @{[rel($C)]} $c GROUP BY $c.g) x GROUP BY x.n", ['k']);
};

shape 'window', ['window'], sub {
	my $e = edge();
	my $C = $e->{from};
	my ($c, $p) = (alias(), alias());
	my $by = pick("$c.g", "$c.h", link_list($e, $c), "$c.g, $c.h", "$c.v % 2");
	my $sel = 'SELECT ' . key_select($C, $c, 'k') . ", $c.v, row_number() OVER (PARTITION BY $by ORDER BY $c.v, " . key_list($C, $c) . ') AS rn, ';
	my $more = pick("sum($c.v) OVER (PARTITION BY $by) AS s", "count(*) OVER (PARTITION BY $c.h) AS s", "rank() OVER (PARTITION BY $c.g ORDER BY $c.v) AS s",
		"count(*) OVER () AS s", "lag($c.v) OVER (PARTITION BY $by ORDER BY $c.v, " . key_list($C, $c) . ') AS s');
	return result("$sel$more FROM @{[rel($C)]} $c" . maybe_where(.4, $c), [ key_names($C, 'k') ], infer => 1, entity => $C);
};

# windows over the arms of a set operation, and over both sides of a FULL JOIN
shape 'window_split', ['window'], sub {
	my $e = edge();
	my ($c, $p, $x) = (alias(), alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my @k = key_names($C, 'k');
	my @l = link_names($e, 'l');
	my $union = '(SELECT ' . key_select($C, $c, 'k') . ', ' . link_select($e, $c, 'l') . ", 1 AS src, $c.g, $c.v FROM @{[rel($C)]} $c" . maybe_where(.3, $c)
		. ' UNION ALL SELECT ' . key_list($C, $x) . ', ' . link_list($e, $x) . ", 2, $x.g, $x.v FROM @{[rel($C)]} $x" . maybe_where(.5, $x) . ') u';
	my $style = rnd(7);
	my $rank = pick("rank() OVER (PARTITION BY u.g ORDER BY u.v)", "count(*) OVER (PARTITION BY u.g)", "sum(u.v) OVER (PARTITION BY " . join(', ', map { "u.$_" } @l) . ')');
	return result('SELECT ' . join(', ', map { "u.$_" } 'src', @k) . ", $rank AS r FROM $union", [ 'src', @k ], inexact => 1) if $style <= 1;
	return result("SELECT y.g AS k, y.v AS l, y.n, sum(y.n) OVER (PARTITION BY y.v) AS s FROM (SELECT u.g, u.v, count(*) AS n FROM $union GROUP BY u.g, u.v) y", [ 'k', 'l' ]) if $style == 2;
	if ($style == 3)
	{
		my $same = join(' AND ', map { "u.$l[$_] = $p.$P->{key}[$_]" } 0 .. $#l);
		return result('SELECT ' . key_select($P, $p, 'k') . ", (SELECT array_agg(y.v ORDER BY y.n) FROM (SELECT u.v, row_number() OVER (ORDER BY u.v, u.src, "
			. join(', ', map { "u.$_" } @k) . ") AS n FROM $union WHERE $same) y WHERE y.n <= 2) AS top FROM @{[rel($P)]} $p", [ key_names($P, 'k') ]);
	}
	# a condition outside leads each row of an evaluation to another key
	if ($style >= 5)
	{
		my $q = alias();
		my $rows = '(SELECT ' . join(', ', map { "u.$_" } @l) . ", count(*) OVER () AS n FROM $union WHERE u.g = " . ($style == 5 ? $p : $q) . '.g) y';
		my $same = join(' AND ', map { "y.$l[$_] = $p.$P->{key}[$_]" } 0 .. $#l);
		return result('SELECT ' . key_select($P, $p, 'k') . ", (SELECT sum(y.n) FROM $rows WHERE $same) AS s FROM @{[rel($P)]} $p", [ key_names($P, 'k') ]) if $style == 5;
		return result('SELECT ' . key_select($P, $p, 'k') . ", sum(y.n) AS s FROM @{[rel($P)]} $q JOIN LATERAL $rows ON true JOIN @{[rel($P)]} $p ON $same GROUP BY " . key_list($P, $p),
			[ key_names($P, 'k') ]);
	}
	my $using = join(', ', @l);
	my $i = 0;
	my $by = pick($using, $l[0], 'y.g');
	return result("SELECT $using, a.n, y.v, sum(a.n) OVER (PARTITION BY $by) AS s FROM (SELECT " . link_select($e, $c, 'l') . ", count(*) AS n FROM @{[rel($C)]} $c WHERE " . link_not_null($e, $c)
		. ' GROUP BY ' . link_list($e, $c) . ') a FULL JOIN (SELECT ' . join(', ', map { "$p.$_ AS l" . ++$i } @{ $P->{key} }) . ", $p.v, $p.g FROM @{[rel($P)]} $p" . maybe_where(.3, $p) . ") y USING ($using)",
		\@l, inexact => 1);
};

# windows whose PARTITION BY lacks the key
shape 'window_partition', ['window'], sub {
	my $e = edge();
	my ($c, $p, $x) = (alias(), alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my @k = key_names($C, 'k');
	my $sel = 'SELECT ' . key_select($C, $c, 'k');
	my $on = on($e, $c, $p);
	my $rows = "ORDER BY $c.v, " . key_list($C, $c);
	my $by = pick("$c.g", "$c.h", link_list($e, $c));
	my $style = rnd(8);
	return result("$sel, rank() OVER (PARTITION BY $c.g, $c.h ORDER BY $c.v) AS r, sum($c.v) OVER (PARTITION BY $c.g) AS s, dense_rank() OVER (PARTITION BY $c.v, $c.g ORDER BY $c.h) AS d FROM @{[rel($C)]} $c"
		. pick('', " WHERE $c.g IS NOT NULL", " WHERE $c.v > 1"), \@k) if $style == 0;
	return result("$sel, $p.h, rank() OVER (PARTITION BY " . pick("$p.g", "$p.h", "$p.g, $c.h", "$c.g, $p.h", key_list($P, $p)) . " ORDER BY $c.v) AS r FROM @{[rel($C)]} $c "
		. pick('JOIN', 'LEFT JOIN', 'LEFT JOIN') . " @{[rel($P)]} $p ON $on" . maybe_and(.3, $c, $p) . maybe_where(.3, $c, $p), \@k) if $style <= 2;
	return result("WITH w AS ($sel, $c.g, $c.v, row_number() OVER (PARTITION BY $by $rows) AS rn FROM @{[rel($C)]} $c) SELECT " . join(', ', map { "w.$_" } @k)
		. ", w.rn, y.n FROM w LEFT JOIN (SELECT $p.g, count(*) AS n FROM @{[rel($P)]} $p GROUP BY $p.g) y ON y.g = w." . pick('g', 'v') . pick('', ' WHERE w.rn <= 2'), \@k) if $style == 3;
	return result('SELECT ' . key_select($P, $p, 'k') . ", count($c.v) AS n, rank() OVER (PARTITION BY $p.g ORDER BY count($c.v)) AS r FROM $P->{name} $p LEFT JOIN @{[rel($C)]} $c ON $on GROUP BY "
		. key_list($P, $p) . pick('', ' HAVING count(*) < 3'), [ key_names($P, 'k') ]) if $style == 4;
	return result('SELECT ' . key_select($P, $p, 'k') . ", count(y.rn) AS n, sum(y.rn) AS s FROM @{[rel($P)]} $p LEFT JOIN (SELECT " . link_select($e, $c, 'l')
		. ", row_number() OVER (PARTITION BY $c.g $rows) AS rn FROM @{[rel($C)]} $c) y ON " . on_names($e, [ link_names($e, 'l') ], 'y', $p) . pick('', ' AND y.rn < 3') . ' GROUP BY ' . key_list($P, $p),
		[ key_names($P, 'k') ]) if $style == 5;
	return result("$sel, count(*) OVER (PARTITION BY $p.g" . pick('', ", $c.h") . ") AS n, y.m FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON $on LEFT JOIN (SELECT " . link_select($e, $x, 'l')
		. ", count(*) AS m FROM @{[rel($C)]} $x GROUP BY " . link_list($e, $x) . ') y ON ' . on_names($e, [ link_names($e, 'l') ], 'y', $p), \@k) if $style == 6;
	return result("$sel, $c.g, lag($c.v) OVER (PARTITION BY $c.h, $c.g $rows) AS b FROM @{[rel($C)]} $c", [ @k, chance(.5) ? 'g' : () ]);
};

shape 'window_below', ['window'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $over = "OVER (PARTITION BY $p.g ORDER BY $p.v, " . key_list($P, $p) . ')';
	my $i = 0;
	my $sub = '(SELECT ' . join(', ', map { "$p.$_ AS k" . ++$i } @{ $P->{key} }) . ", $p.h, row_number() $over AS rn FROM @{[rel($P)]} $p" . maybe_where(.3, $p) . ') w';
	$i = 0;
	my $match = join(' AND ', map { "w.k" . ++$i . " = $c.$_" } @{ $e->{cols} });
	return result('SELECT ' . key_select($C, $c, 'k') . ", w.rn, w.h, $c.v FROM @{[rel($C)]} $c " . pick('JOIN', 'LEFT JOIN') . " $sub ON $match", [ key_names($C, 'k') ]) if chance(.5);
	my $by = pick("$p.g", "$p.h", "$p.g, $c.h");
	return result('SELECT ' . key_select($C, $c, 'k') . ", count(*) OVER (PARTITION BY $by) AS n, $p.v AS pv FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e, $c, $p), [ key_names($C, 'k') ]) if chance(.6);
	return result("SELECT $p.g AS k, $p.h AS l, count(*) AS n, sum(count(*)) OVER (PARTITION BY $p.g) AS s FROM @{[rel($P)]} $p GROUP BY $p.g, $p.h", [ 'k', 'l' ]);
};

# windows of a query that is correlated: its evaluations are their partitions
shape 'window_correlated', ['window'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $f = edge_from($C);
	my ($from, $d) = ("FROM @{[rel($C)]} $c", $c);
	my $where = ' WHERE ' . on($e, $c, $p);
	if ($f && chance(.5))
	{
		$d = alias();
		if (chance(.3))
		{
			# what correlates stands on the nullable side
			$from = "FROM $f->{to}{name} $d LEFT JOIN @{[rel($C)]} $c ON " . on($f, $c, $d) . ' AND ' . on($e, $c, $p);
			$where = '';
		}
		else
		{
			$from .= ' ' . pick('JOIN', 'LEFT JOIN') . " $f->{to}{name} $d ON " . on($f, $c, $d);
		}
	}
	$where .= ($where ? ' AND (' : ' WHERE (') . condition($c, $d) . ')' if chance(.3);
	my $order = "ORDER BY $d.v, " . key_list($C, $c) . ($d eq $c ? '' : ', ' . key_list($f->{to}, $d));
	my $window = pick("row_number() OVER ($order)", "count(*) OVER ()", "sum($c.v) OVER ($order)", "rank() OVER (PARTITION BY $c.g ORDER BY $d.v)", "lag($c.v) OVER ($order)");
	my $sub = '(SELECT ' . key_select($C, $c, 'c') . ", $c.v, $c.g, $window AS w, row_number() OVER ($order) AS n $from$where) y";
	my @k = key_names($P, 'k');
	my $sel = 'SELECT ' . key_select($P, $p, 'k');
	my $style = rnd(6);
	return result("$sel, y.n, y.v, y.w FROM @{[rel($P)]} $p JOIN LATERAL $sub ON " . pick('true', "y.g = $p.g"), [ @k, 'n' ]) if $style == 0;
	return result("$sel, " . join(', ', map { "y.$_" } key_names($C, 'c')) . ", y.w FROM @{[rel($P)]} $p JOIN LATERAL $sub ON " . pick('true', "y.g = $p.g"), [ @k, key_names($C, 'c') ])
		if $style == 1 && $where =~ /=/ && $d eq $c;
	return result("$sel, sum(y.w) AS s, count(y.v) AS n FROM @{[rel($P)]} $p LEFT JOIN LATERAL $sub ON " . pick('y.n < 3', 'true', "y.g = $p.g") . ' GROUP BY ' . key_list($P, $p), \@k) if $style == 2;
	return result("$sel, (SELECT array_agg(y.v ORDER BY y.n) FROM $sub WHERE y.n <= 2) AS top, " . payload($p) . " FROM @{[rel($P)]} $p", \@k, entity => $P) if $style == 3;
	return result("$sel, $p.v FROM @{[rel($P)]} $p WHERE $p.v " . pick('IN', 'NOT IN') . " (SELECT y.n FROM $sub)", \@k) if $style == 4;
	return result("$sel, y.g, y.m, y.rn FROM @{[rel($P)]} $p JOIN LATERAL (SELECT $c.g, count(*) AS m, row_number() OVER (ORDER BY count(*), $c.g) AS rn FROM @{[rel($C)]} $c WHERE "
		. on($e, $c, $p) . " GROUP BY $c.g) y ON true", [ @k, 'g' ]);
};

shape 'limited_rows', ['limited rows'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my @n = link_names($e, 'l');
	my $rn = 'row_number() OVER (PARTITION BY ' . link_list($e, $c) . " ORDER BY $c.v DESC NULLS LAST, " . key_list($C, $c) . ') AS rn';
	my $sub = '(SELECT ' . key_select($C, $c, 'k') . ', ' . link_select($e, $c, 'l') . ", $c.v, $c.g, $rn FROM @{[rel($C)]} $c) x";
	return result('SELECT ' . join(', ', map { "x.$_" } key_names($C, 'k')) . ", x.v, x.rn FROM $sub WHERE x.rn <= 2", [ key_names($C, 'k') ]) if chance(.3);
	return result('SELECT ' . join(', ', map { "x.$_" } @n) . ", x.rn, x.v FROM $sub WHERE x.rn <= 2", [ @n, 'rn' ], inexact => inexact($e)) if chance(.3);
	return result('SELECT ' . key_select($P, $p, 'k') . ", array_agg(x.v ORDER BY x.rn) AS top FROM @{[rel($P)]} $p JOIN $sub ON " . on_names($e, \@n, 'x', $p)
		. ' AND x.rn <= 2 GROUP BY ' . key_list($P, $p), [ key_names($P, 'k') ]) if chance(.6);
	return result("SELECT x.g AS k, count(*) AS n FROM $sub WHERE x.rn <= 2 GROUP BY x.g", ['k']);
};

shape 'limit', ['limit'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $order = "ORDER BY $c.v DESC NULLS LAST, " . key_list($C, $c);
	my $sub = "(SELECT " . key_select($C, $c, 'c') . ", $c.v, $c.g FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . " $order LIMIT " . pick(1, 2) . ') x';
	my $style = rnd(5);
	return result('SELECT ' . key_select($P, $p, 'k') . ', ' . join(', ', map { "x.$_" } key_names($C, 'c')) . ", x.v FROM @{[rel($P)]} $p, LATERAL $sub",
		[ key_names($P, 'k'), key_names($C, 'c') ]) if $style == 0;
	return result('SELECT ' . key_select($P, $p, 'k') . ", count(x.v) AS n, max(x.g) AS g FROM @{[rel($P)]} $p LEFT JOIN LATERAL $sub ON x.v > 2 GROUP BY " . key_list($P, $p),
		[ key_names($P, 'k') ]) if $style == 1;
	return result('SELECT ' . key_select($P, $p, 'k') . ", (SELECT $c.h FROM @{[rel($C)]} $c WHERE " . on($e, $c, $p) . " $order LIMIT 1) AS h FROM @{[rel($P)]} $p", [ key_names($P, 'k') ], entity => $P) if $style == 2;
	return result('SELECT ' . key_select($C, $c, 'k') . ", $c.v FROM @{[rel($C)]} $c" . maybe_where(.3, $c) . " $order LIMIT 3", [ key_names($C, 'k') ]) if $style == 3;
	return result('SELECT ' . key_select($P, $p, 'k') . ", x.v FROM @{[rel($P)]} $p JOIN LATERAL $sub ON x.g = $p.g", [ key_names($P, 'k'), ]) if $sub =~ /LIMIT 1/;
	return result('SELECT ' . key_select($P, $p, 'k') . ", sum(x.v) AS v FROM @{[rel($P)]} $p JOIN LATERAL $sub ON x.g = $p.g GROUP BY " . key_list($P, $p), [ key_names($P, 'k') ]);
};

shape 'set_operation', ['set operation'], sub {
	my $e = edge();
	my ($c, $p, $x) = (alias(), alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $X = pick(@{ $S->{tables} });
	my $style = rnd(6);
	my $op = pick('UNION', 'EXCEPT', 'INTERSECT', 'UNION ALL', 'EXCEPT ALL', 'INTERSECT ALL');
	my $set = pick('UNION', 'EXCEPT', 'INTERSECT');
	return result('SELECT ' . key_select($C, $c, 'k') . ", 'c' AS what, $c.v FROM @{[rel($C)]} $c UNION ALL SELECT " . key_list($C, $x) . ", 'x', $x.g FROM @{[rel($C)]} $x WHERE $x.v > 2",
		[ key_names($C, 'k'), 'what' ]) if $style == 0;
	return result("SELECT $c.g AS k, $c.h AS l FROM @{[rel($C)]} $c $set SELECT $x.g, $x.h FROM @{[rel($X)]} $x" . maybe_where(.4, $x), [ 'k', 'l' ]) if $style == 1;
	return result("SELECT z.g AS k, count(*) AS n, sum(z.v) AS s FROM (SELECT $c.g, $c.v FROM @{[rel($C)]} $c $op SELECT $x.g, $x.v FROM @{[rel($X)]} $x" . maybe_where(.4, $x) . ') z GROUP BY z.g', ['k']) if $style == 2;
	return result("SELECT $c.g AS k FROM @{[rel($C)]} $c $set SELECT $x.v FROM @{[rel($X)]} $x JOIN @{[rel($C)]} $p ON $p.g = $x.g WHERE $p.v > 2", ['k']) if $style == 3;
	return result("SELECT $p.g AS k FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e, $c, $p) . " $set (SELECT $x.g FROM @{[rel($X)]} $x UNION SELECT $x.v FROM @{[rel($X)]} $x WHERE $x.h = 'h1')", ['k']) if $style == 4;
	my @n = link_names($e, 'k');
	return result('SELECT ' . key_select($P, $p, 'k') . ", count(z.v) AS n FROM @{[rel($P)]} $p LEFT JOIN (SELECT " . link_select($e, $c, 'k') . ", $c.v FROM @{[rel($C)]} $c $op SELECT "
		. link_list($e, $x) . ", $x.g FROM @{[rel($C)]} $x) z ON " . on_names($e, \@n, 'z', $p) . ' GROUP BY ' . key_list($P, $p), [ key_names($P, 'k') ]);
};

shape 'uncorrelated', ['uncorrelated'], sub {
	my ($C, $X) = (pick(@{ $S->{tables} }), pick(@{ $S->{tables} }));
	my ($c, $x) = (alias(), alias());
	my $sel = 'SELECT ' . key_select($C, $c, 'k') . ", $c.v";
	my @k = key_names($C, 'k');
	return pick(
		result("SELECT 1 AS k, count(*) AS n, max($c.v) AS m FROM @{[rel($C)]} $c", ['k'], rows => ['aggregate without GROUP BY']),
		result("$sel, z.m FROM @{[rel($C)]} $c CROSS JOIN (SELECT max($x.v) AS m FROM @{[rel($X)]} $x) z", \@k, rows => ['aggregate without GROUP BY']),
		result("$sel, (SELECT max($x.v) FROM @{[rel($X)]} $x) AS m FROM @{[rel($C)]} $c", \@k),
		result("$sel FROM @{[rel($C)]} $c WHERE EXISTS (SELECT 1 FROM @{[rel($X)]} $x WHERE $x.v > 5)", \@k),
		result("$sel FROM @{[rel($C)]} $c WHERE $c.g NOT IN (SELECT $x.g FROM @{[rel($X)]} $x WHERE $x.v > 4)", \@k),
		result("SELECT $c.g AS k, sum($c.v) AS s FROM @{[rel($C)]} $c GROUP BY $c.g HAVING sum($c.v) > (SELECT avg($x.v) FROM @{[rel($X)]} $x)", ['k']));
};

shape 'recursive', ['recursive CTE'], sub {
	my ($e) = grep { $_->{from} == $_->{to} } all_edges();
	my $T = $e->{from};
	my ($a, $b) = (alias(), alias());
	my $i = 0;
	my @k = map { 'k' . ++$i } @{ $T->{key} };
	$i = 0;
	my $match = join(' AND ', map { "$b." . $e->{cols}[ $_ ] . " = r.k" . ($_ + 1) } 0 .. $#k);
	my $step = join(', ', map { "$b.$_" } @{ $T->{key} });
	return result('WITH RECURSIVE r AS (SELECT ' . join(', ', map { "$a.$_ AS k" . ++$i } @{ $T->{key} }) . ", $a.v AS root, 0 AS depth FROM @{[rel($T)]} $a WHERE $a.g = 1 UNION SELECT $step, r.root, r.depth + 1 "
		. "FROM r JOIN @{[rel($T)]} $b ON $match WHERE r.depth < 4) SELECT " . join(', ', map { "r.$_" } @k) . ', min(r.depth) AS depth, max(r.root) AS root FROM r GROUP BY ' . join(', ', @k), \@k);
};

shape 'grouping_sets', ['grouping sets'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $by = pick("GROUPING SETS (($c.g), ($p.h), ())", "ROLLUP ($c.g, $p.h)", "CUBE ($c.g, $p.h)");
	return result("SELECT $c.g AS k, $p.h AS l, grouping($c.g, $p.h) AS gr, count(*) AS n, sum($c.v) AS s FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e, $c, $p) . " GROUP BY $by", [ 'k', 'l', 'gr' ]);
};

shape 'target_srf', ['target-list SRF'], sub {
	my $C = pick(@{ $S->{tables} });
	my $c = alias();
	return result('SELECT ' . key_select($C, $c, 'k') . ", generate_series(1, $c.v) AS n, $c.h FROM @{[rel($C)]} $c", [ key_names($C, 'k'), 'n' ]) if chance(.5);
	return result("SELECT z.x AS k, count(*) AS n FROM (SELECT unnest($c.arr) AS x, $c.v FROM @{[rel($C)]} $c) z GROUP BY z.x", ['k']);
};

shape 'function', ['function in FROM'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $style = rnd(5);
	return result("SELECT u.x AS k, count(*) AS n, " . measure($c) . " FROM @{[rel($C)]} $c, unnest($c.arr) AS u(x)" . maybe_where(.4, $c) . ' GROUP BY u.x', ['k'], infer => 1) if $style == 0;
	return result('SELECT ' . key_select($C, $c, 'k') . ", u.o, u.x, $p.h FROM @{[rel($C)]} $c CROSS JOIN LATERAL unnest($c.arr) WITH ORDINALITY AS u(x, o) LEFT JOIN @{[rel($P)]} $p ON " . on($e, $c, $p),
		[ key_names($C, 'k'), 'o' ]) if $style == 1;
	return result('SELECT ' . key_select($P, $p, 'k') . ", count(u.x) AS n FROM @{[rel($P)]} $p LEFT JOIN (@{[rel($C)]} $c CROSS JOIN LATERAL unnest($c.arr) AS u(x)) ON u.x = $p.g GROUP BY " . key_list($P, $p),
		[ key_names($P, 'k') ], entity => $P) if $style == 2;
	return result("SELECT s.n AS k, count($c.g) AS rows, " . measure($c) . " FROM generate_series(1, 5) AS s(n) LEFT JOIN @{[rel($C)]} $c ON $c.v = s.n GROUP BY s.n", ['k']) if $style == 3;
	return result("SELECT l.k, l.label, count($c.v) AS n FROM (VALUES (1, 'one'), (2, 'two'), (9, 'nine')) AS l(k, label) LEFT JOIN @{[rel($C)]} $c ON $c.g = l.k GROUP BY l.k, l.label", [ 'k', 'label' ]);
};

shape 'self_join', ['self join'], sub {
	my ($e) = grep { $_->{from} == $_->{to} } all_edges();
	my $T = $e->{from};
	my ($a, $b, $c) = (alias(), alias(), alias());
	my $style = rnd(3);
	my @k = key_names($T, 'k');
	return result('SELECT ' . key_select($T, $a, 'k') . ", $a.v, $b.v AS bv, $c.h AS ch FROM @{[rel($T)]} $a LEFT JOIN @{[rel($T)]} $b ON " . on($e, $a, $b) . maybe_and(.3, $b)
		. " LEFT JOIN @{[rel($T)]} $c ON " . on($e, $b, $c), \@k, entity => $T) if $style == 0;
	return result('SELECT ' . key_select($T, $b, 'k') . ", count($a.v) AS n, " . measure($a) . " FROM @{[rel($T)]} $b " . pick('JOIN', 'LEFT JOIN') . " @{[rel($T)]} $a ON " . on($e, $a, $b)
		. ' GROUP BY ' . key_list($T, $b), \@k, entity => $T) if $style == 1;
	return result('SELECT ' . key_select($T, $a, 'k') . ", (SELECT count(*) FROM @{[rel($T)]} $b WHERE $b.g = $a.g AND $b.v < $a.v) AS n, $a.h FROM @{[rel($T)]} $a", \@k, entity => $T);
};

shape 'several_carriers', ['several carriers'], sub {
	my @two = grep { my $t = $_; (grep { $_->{to} != $t } @{ $t->{edges} }) >= 2 } @{ $S->{tables} };
	my ($c, $p, $q) = (alias(), alias(), alias());
	if (@two && chance(.7))
	{
		my $C = pick(@two);
		my ($e1, $e2) = shuffled(grep { $_->{to} != $C } @{ $C->{edges} });
		my ($P, $Q) = ($e1->{to}, $e2->{to});
		my $from = "FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e1, $c, $p) . ' ' . pick('JOIN', 'JOIN', 'LEFT JOIN') . " @{[rel($Q)]} $q ON " . on($e2, $c, $q) . maybe_and(.2, $c, $q);
		return result("SELECT $p.g AS k, $q.h AS l, count(*) AS n, " . measure($c) . " $from GROUP BY $p.g, $q.h", [ 'k', 'l' ], infer => 1) if chance(.4);
		return result("SELECT DISTINCT $p.g AS k, $q.h AS l, $c.g AS m $from", [ 'k', 'l', 'm' ], infer => 1) if chance(.3);
		return result('SELECT ' . key_select($P, $p, 'k') . ', ' . key_select($Q, $q, 'l') . ", count(*) AS n, " . measure($c) . " $from GROUP BY " . key_list($P, $p) . ', ' . key_list($Q, $q),
			[ key_names($P, 'k'), key_names($Q, 'l') ]);
	}
	my ($e1, $e2) = chain();
	my ($C, $P, $G) = ($e1->{from}, $e1->{to}, $e2->{to});
	return result("SELECT $c.g AS k, $q.h AS l, count(*) AS n, " . measure($p) . " FROM @{[rel($C)]} $c JOIN @{[rel($P)]} $p ON " . on($e1, $c, $p) . " JOIN @{[rel($G)]} $q ON " . on($e2, $p, $q)
		. " GROUP BY $c.g, $q.h", [ 'k', 'l' ], infer => 1) if chance(.6);
	return result('SELECT ' . key_select($C, $c, 'k') . ', ' . key_select($G, $q, 'l') . ", $c.v + $q.v AS s FROM @{[rel($C)]} $c JOIN @{[rel($G)]} $q ON $q.g = $c.g" . maybe_and(.3, $c, $q),
		[ key_names($C, 'k'), key_names($G, 'l') ]);
};

# a row of a key with several carriers appears because something is gone
shape 'several_gone', ['several carriers'], sub {
	my ($e, $f) = (edge(), edge());
	my ($c, $p, $x, $y) = map { alias() } 1 .. 4;
	my $from = "FROM @{[rel($e->{from})]} $c JOIN @{[rel($e->{to})]} $p ON " . on($e, $c, $p);
	my $inner = "@{[rel($f->{from})]} $x JOIN @{[rel($f->{to})]} $y ON " . on($f, $x, $y);
	my $match = "$x.g = $c.g AND $y.h = $p.h";
	my $by = " GROUP BY $c.g, $p.h";
	my $sel = "SELECT $c.g AS k, $p.h AS l";
	my $key = [ 'k', 'l' ];
	return pick(
		result("$sel, count(*) AS n $from WHERE NOT EXISTS (SELECT FROM $inner WHERE $match)$by", $key),
		result("$sel, count(*) AS n $from LEFT JOIN ($inner) ON $match WHERE $x.$f->{from}{key}[0] IS NULL$by", $key),
		result("$sel $from EXCEPT SELECT $x.g, $y.h FROM $inner", $key),
		result("$sel, count(*) AS n $from$by HAVING count(*) < " . pick(2, 3), $key),
		result("$sel, sum(z.n) AS n $from LEFT JOIN (SELECT $x.g, $y.h, count(*) AS n FROM $inner GROUP BY $x.g, $y.h) z ON z.g = $c.g AND z.h = $p.h WHERE coalesce(z.n, 0) < "
			. pick(1, 2) . $by, $key));
};

shape 'equal', ['equal'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my $text = join(" || ':' || ", map { "$p.${_}::text" } @{ $P->{key} });
	return result("SELECT $text AS k, count(*) AS n, " . measure($c) . " FROM @{[rel($P)]} $p " . pick('JOIN', 'LEFT JOIN') . " @{[rel($C)]} $c ON " . on($e, $c, $p) . ' GROUP BY 1', ['k'], infer => 1) if chance(.6);
	return result('SELECT ' . link_select($e, $c, 'k') . ", count(*) AS n, max($p.v) AS pv FROM @{[rel($C)]} $c LEFT JOIN @{[rel($P)]} $p ON " . on($e, $c, $p) . ' GROUP BY ' . link_list($e, $c),
		[ link_names($e, 'k') ], inexact => inexact($e));
};

shape 'generated', [ 'grouped', 'generated column' ], sub {
	my @t = grep { $_->{gen} } @{ $S->{tables} } or return;
	my $C = pick(@t);
	my $c = alias();
	my $e = edge_from($C);
	return result("SELECT $c.gen AS k, count(*) AS n, " . measure($c) . " FROM @{[rel($C)]} $c GROUP BY $c.gen", ['k'], infer => 1) if !$e || chance(.5);
	my $p = alias();
	return result('SELECT ' . key_select($C, $c, 'k') . ", $c.gen, (SELECT count(*) FROM $e->{to}{name} $p WHERE $p.v = $c.gen) AS n FROM @{[rel($C)]} $c WHERE $c.gen > 1", [ key_names($C, 'k') ]);
};

shape 'whole_row', ['whole row'], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	return result('SELECT ' . key_select($C, $c, 'k') . ", to_jsonb($c) AS doc, to_jsonb($p) AS up FROM @{[rel($C)]} $c LEFT JOIN @{[rel($P)]} $p ON " . on($e, $c, $p), [ key_names($C, 'k') ], entity => $C) if chance(.5);
	return result('SELECT ' . key_select($C, $c, 'k') . ", $c AS row, $c.v FROM $C->{name} $c" . maybe_where(.4, $c), [ key_names($C, 'k') ], entity => $C);
};

shape 'cte', [ 'grouped', 'CTE' ], sub {
	my $e = edge();
	my ($c, $p) = (alias(), alias());
	my ($C, $P) = ($e->{from}, $e->{to});
	my @n = link_names($e, 'k');
	my $with = 'WITH s AS ' . pick('', '', 'MATERIALIZED ') . '(SELECT ' . link_select($e, $c, 'k') . ", $c.g, count(*) AS n FROM @{[rel($C)]} $c GROUP BY " . link_list($e, $c) . ", $c.g)";
	return result("$with SELECT " . key_select($P, $p, 'k') . ", sum(x.n) AS n, (SELECT count(*) FROM s y WHERE y.g = $p.g) AS m FROM @{[rel($P)]} $p LEFT JOIN s x ON " . on_names($e, \@n, 'x', $p)
		. ' GROUP BY ' . key_list($P, $p) . ", $p.g", [ key_names($P, 'k') ]);
};

# over another view, or over another TVIEW's table; $S->{views} is not empty
sub over_view
{
	my ($over_tview) = @_;
	my $v = pick(@{ $S->{views} });
	my $rel = ($over_tview ? 'tv_' : 'v_') . $v->{name};
	my ($x, $b) = (alias(), alias());
	my @k = @{ $v->{key} };
	my $inexact = $v->{inexact} || 0;
	my $style = rnd(3);
	my $r;
	if ($v->{entity} && $style == 0)
	{
		my $E = $v->{entity};
		my $match = join(' AND ', map { "$x.$k[$_] = $b.$E->{key}[$_]" } 0 .. $#k);
		$r = result('SELECT ' . key_select($E, $b, 'e') . ", $b.h AS bh, to_jsonb($x) AS doc FROM $E->{name} $b LEFT JOIN $rel $x ON $match" . maybe_where(.3, $b), [ key_names($E, 'e') ], entity => $E);
	}
	elsif ($style == 1)
	{
		$r = result('SELECT ' . join(', ', map { "$x.$_" } @k) . ", to_jsonb($x) AS doc, (SELECT count(*) FROM $rel $b WHERE $b.$k[0] = $x.$k[0]) AS same_k FROM $rel $x", \@k);
	}
	else
	{
		$r = result("SELECT $x.$k[0] AS kk, count(*) AS n, jsonb_agg(to_jsonb($x) ORDER BY to_jsonb($x)) AS docs FROM $rel $x GROUP BY $x.$k[0]", ['kk'], infer => 1, inexact => 1);
		count('row', 'grouped');
	}
	$r->{inexact} ||= $inexact;
	$r->{level} = $over_tview ? $v->{level} + 1 : $v->{level};
	return $r;
}

# Shapes with many variants come up more often.
my %WEIGHT = (
	nullable_group => 4, preserved_condition => 4, full_join => 2, sublink_where => 4, sublink_target => 3, sublink_link => 2, sublink_elsewhere => 3,
	distinct_below => 3, window => 3, window_partition => 4, window_split => 3, window_below => 3, window_correlated => 3, limited_rows => 3, limit => 3, set_operation => 4, function => 3,
	several_carriers => 5, several_gone => 3, self_join => 2, equal => 2, nullable_output => 3, sublink_query => 4, mixed => 3, window_distinct => 2, full_join_more => 2, uncorrelated => 2);
my @SHAPE_NAMES = map { ($_) x ($WEIGHT{$_} // 1) } sort keys %SHAPES;

sub make_views
{
	my $n = 3 + rnd(4);
	$S->{views} = [];
	while (@{ $S->{views} } < $n)
	{
		my $v;
		my %before = map { $_ => { %{ $S->{counts}{$_} // {} } } } qw(row derived);
		if (@{ $S->{views} } && chance(.3))
		{
			my $tview = chance(.6);
			$v = over_view($tview);
			$v->{shape} = $tview ? 'over TVIEW' : 'over view';
			count('row', $v->{shape});
		}
		else
		{
			my $shape = pick(@SHAPE_NAMES);
			$S->{derived} = 0;
			$v = $SHAPES{$shape}{make}->();
			if (!$v)
			{
				$S->{counts}{row} = $before{row};
				$S->{counts}{derived} = $before{derived};
				next;
			}
			$v->{shape} = $shape;
			count('row', @{ $SHAPES{$shape}{rows} }, @{ $v->{rows} // [] });
		}
		$v->{level} //= 0;
		$v->{name} = 'w' . @{ $S->{views} };
		$v->{inferred} = $v->{infer} && !$S->{derived} && chance(.6);
		push @{ $S->{views} }, $v;
	}
	# a plain one, so that every history has a drain that writes some rows and leaves others
	my ($T, $a) = ($S->{tables}[0], alias());
	push @{ $S->{views} }, { name => 'w' . @{ $S->{views} }, key => [ @{ $T->{key} } ], shape => 'plain table', level => 0, inferred => chance(.5),
		sql => 'SELECT ' . key_list($T, $a) . ", $a.g, $a.v, $a.h FROM $T->{name} $a" };
	return;
}

#---------------------------------------------------------------------
# Statements
#---------------------------------------------------------------------

# The relation a statement names: the table, a leaf or a child.
sub target_of
{
	my ($t) = @_;
	if ($t->{targets})
	{
		my $leaf = chance(.5);
		count('statement', $leaf ? 'by leaf' : 'by root');
		return $leaf ? pick(@{ $t->{targets} }) : $t->{name};
	}
	if ($t->{child} && chance(.4))
	{
		count('statement', 'by child');
		return $t->{child};
	}
	return $t->{name};
}

sub names_of { my ($t) = @_; return join(', ', map { $_->[0] } columns_of($t)) }

sub key_match
{
	my ($t, $rel, $own) = @_;
	my $i = 1 + rnd($t->{size});
	$i += 10 if $t->{child} && ($rel eq $t->{child} || !$own && chance(.2));
	my @v = key_literals($t->{type}, $i);
	return join(' AND ', map { "$t->{key}[$_] = $v[$_]" } 0 .. $#v);
}
sub where
{
	my ($t, $rel) = @_;
	return key_match($t, $rel) if chance(.6);
	return pick('g = 1', 'g IS NULL', "h = 'h2'", 'v > 3', 'v < 3', 'g = 2 AND v > 1');
}

sub assignment
{
	my ($t, $what) = @_;
	$what //= pick(qw(g v v h arr link link unread));
	if ($what eq 'link')
	{
		return assignment($t, 'v') if !@{ $t->{edges} };
		my $e = pick(@{ $t->{edges} });
		my @v = edge_values($e);
		return map { "$e->{cols}[$_] = $v[$_]" } 0 .. $#v;
	}
	return "$what = " . column_value($what);
}
sub assignments
{
	my ($t) = @_;
	my %seen;
	return join(', ', grep { !$seen{ (split / /)[0] }++ } map { assignment($t) } 1 .. 1 + rnd(2));
}

my %STATEMENTS = (
	'insert' => [ 10, sub { my ($t) = @_; my $r = target_of($t); return "INSERT INTO $r (" . names_of($t) . ') VALUES (' . join(', ', row_values($t, $r)) . ')' } ],
	'insert several' => [ 8, sub { my ($t) = @_; my $r = target_of($t);
		return "INSERT INTO $r (" . names_of($t) . ') VALUES ' . join(', ', map { '(' . join(', ', row_values($t, $r)) . ')' } 1 .. 2 + rnd(3)) . ' ON CONFLICT DO NOTHING' } ],
	'update' => [ 14, sub { my ($t) = @_; my $r = target_of($t); return "UPDATE $r SET " . assignments($t) . ' WHERE ' . where($t, $r) } ],
	'update key' => [ 6, sub { my ($t) = @_; my $r = target_of($t);
		my @v = key_literals($t->{type}, 1 + rnd($t->{size}) + ($t->{child} && $r eq $t->{child} ? 10 : 0));
		return "UPDATE $r SET " . join(', ', (map { "$t->{key}[$_] = $v[$_]" } 0 .. $#v), chance(.4) ? assignment($t, 'g') : ()) . ' WHERE ' . key_match($t, $r, 1) } ],
	'update link' => [ 10, sub { my ($t) = @_; return if !@{ $t->{edges} }; my $r = target_of($t); return "UPDATE $r SET " . join(', ', assignment($t, 'link')) . ' WHERE ' . where($t, $r) } ],
	'delete' => [ 9, sub { my ($t) = @_; my $r = target_of($t); return "DELETE FROM $r WHERE " . where($t, $r) } ],
	'no-op update' => [ 2, sub { my ($t) = @_; my $r = target_of($t); return "UPDATE $r SET v = v, h = h" } ],
	'unread update' => [ 2, sub { my ($t) = @_; return "UPDATE $t->{name} SET unread = 'x' || unread" } ],
	'upsert' => [ 6, sub { my ($t) = @_; my $r = target_of($t); return if $r ne $t->{name} && $t->{targets} && chance(.5);
		return "INSERT INTO $r (" . names_of($t) . ') VALUES ' . join(', ', map { '(' . join(', ', row_values($t, $r)) . ')' } 1 .. 1 + rnd(2))
			. ' ON CONFLICT (' . join(', ', @{ $t->{key} }) . ') DO UPDATE SET ' . pick('v = excluded.v', 'g = excluded.g, h = excluded.h', assignments($t)) } ],
	'merge' => [ 6, sub { my ($t) = @_; my $r = target_of($t); return if $r eq $t->{name} && $t->{child};
		my $cols = names_of($t);
		my %s; my @rows = grep { my $k = join('|', map { s/\.0+$//r } @{$_}[ 0 .. $#{ $t->{key} } ]); !$s{$k}++ } map { [ row_values($t, $r) ] } 1 .. 2;
		my @types = map { $_->[1] } columns_of($t);
		my $src = join(' UNION ALL ', map { my $row = $_; 'SELECT ' . join(', ', map { "$row->[$_]::$types[$_]" } 0 .. $#types) } @rows);
		return "MERGE INTO $r x USING ($src) s($cols) ON " . join(' AND ', map { "x.$_ = s.$_" } @{ $t->{key} })
			. ' WHEN MATCHED AND s.v > 4 THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.v, g = s.g WHEN NOT MATCHED THEN INSERT (' . $cols . ') VALUES (' . join(', ', map { "s.$_" } split(/, /, $cols)) . ')' } ],
	'copy' => [ 4, sub { my ($t) = @_; my $r = target_of($t);
		my @rows = map { join('\t', map { my $x = $_; $x eq 'NULL' ? '\\\\N' : $x =~ s/^'(.*)'$/$1/r } row_values($t, $r)) } 1 .. 1 + rnd(2);
		# not FROM STDIN: after an error psql before 15.20 takes the data for statements
		return "COPY $r (" . names_of($t) . ") FROM PROGRAM \$p\$printf '" . join('\n', @rows) . "\\n'\$p\$" } ],
	'writable CTE' => [ 5, sub { my ($t) = @_; my $o = pick(@{ $S->{tables} });
		return 'WITH d AS (DELETE FROM ' . $t->{name} . ' WHERE ' . where($t, $t->{name}) . ' RETURNING v), u AS (UPDATE ' . $o->{name} . ' SET h = ' . column_value('h') . ' WHERE ' . where($o, $o->{name})
			. ' RETURNING 1) SELECT count(*) FROM d, u' if $o != $t;
		return "WITH u AS (UPDATE $t->{name} SET g = " . column_value('g') . ' WHERE ' . where($t, $t->{name}) . " RETURNING 1), i AS (INSERT INTO $t->{name} (" . names_of($t) . ') VALUES ('
			. join(', ', row_values($t, $t->{name})) . ') ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM u, i' } ],
	'cascade' => [ 6, sub { my @e = grep { $_->{fk} } all_edges() or return; my $t = pick(@e)->{to};
		my @v = key_literals($t->{type}, 1 + rnd($t->{size}));
		return chance(.5) ? "DELETE FROM $t->{name} WHERE " . key_match($t, $t->{name})
			: "UPDATE $t->{name} SET " . join(', ', map { "$t->{key}[$_] = $v[$_]" } 0 .. $#v) . ' WHERE ' . key_match($t, $t->{name}) } ],
	'truncate' => [ 1, sub { my ($t) = @_; my $r = target_of($t); return "TRUNCATE $r CASCADE" } ],
);

sub statement
{
	my ($kind) = @_;
	for (1 .. 20)
	{
		my $k = $kind;
		if (!defined $k)
		{
			my @all = map { ($_) x $STATEMENTS{$_}[0] } sort keys %STATEMENTS;
			$k = pick(@all);
		}
		my %before = %{ $S->{counts}{statement} // {} };
		my $sql = $STATEMENTS{$k}[1]->(pick(@{ $S->{tables} }));
		if (!$sql)
		{
			$S->{counts}{statement} = \%before;
			next;
		}
		count('statement', $k);
		return "$sql;\n";
	}
	return "SELECT 1;\n";
}
sub statements { my ($n) = @_; return join('', map { statement() } 1 .. $n) }

#---------------------------------------------------------------------
# Steps
#---------------------------------------------------------------------

# Steps are [kind, text, expected]: expected errors are those of user statements.
sub step { my ($kind, $text) = @_; push @{ $S->{steps} }, { kind => $kind, text => $text }; return }

sub drain_sql
{
	my ($max) = @_;
	my $arg = defined $max ? "max_changes => $max" : '';
	# half: some rows were written while changes remained; partial: and more later
	return "SELECT changes AS c, keys AS k, inserted + updated + deleted AS w, failed AS f, remaining AS r, busy AS b,"
	  . " (remaining > 0 AND inserted + updated + deleted > 0)::int AS p, (:half = 1 AND inserted + updated + deleted > 0)::int AS q FROM tviews_drain($arg) \\gset\n"
	  . "\\echo DRAIN|:c|:k|:w|:f|:r|:b\n\\if :q\n\\set partial 1\n\\endif\n\\if :p\n\\set half 1\n\\endif\n";
}
sub drain_step { my ($max) = @_; step('drain', drain_sql($max)); count('statement', defined $max ? 'drain some' : 'drain all'); return }

# One step per TVIEW, so that leaving a view out leaves its checks out.
sub check_steps
{
	for my $v (@{ $S->{views} })
	{
		my ($a, $b) = ("v_$v->{name}", "tv_$v->{name}");
		my $sql = "SELECT 'CHECK', '$v->{name}', (SELECT count(*) FROM (TABLE $a EXCEPT ALL TABLE $b) x_), (SELECT count(*) FROM (TABLE $b EXCEPT ALL TABLE $a) x_), (SELECT count(*) FROM $b);\n";
		if (!$v->{inexact})
		{
			$sql .= "SELECT 'IMAGE', '$v->{name}', (SELECT count(*) FROM (SELECT y_::text FROM $a y_ EXCEPT ALL SELECT z_::text FROM $b z_) x_), (SELECT count(*) FROM (SELECT z_::text FROM $b z_ EXCEPT ALL SELECT y_::text FROM $a y_) x_);\n";
		}
		$sql .= "SELECT 'VERIFY', '$v->{name}', missing, unexpected, " . ($v->{inexact} ? 0 : 'different') . " FROM tviews_verify('$b');\n" if chance(.3);
		step('check', $sql);
		$S->{steps}[-1]{view} = $v->{name};
	}
	step('status', "SELECT 'STATUS', tview, state FROM tviews_status;\n");
	return;
}

sub quiet_point
{
	for (1 .. rnd(3)) { drain_step(1 + rnd(4)) }
	drain_step();
	# a drain may leave something when a limit stopped it
	step('drain', "SELECT (:r > 0)::int AS again \\gset\n\\if :again\n" . drain_sql() . "\\endif\n");
	step('quiet', "\\echo QUIET|:r\n");
	check_steps();
	return;
}

sub transaction
{
	my $kind = pick(('plain') x 12, ('block') x 5, ('savepoint') x 3, ('rollback') x 2, ('prepare') x 2, 'drain inside', 'drain rolled back', ('attach') x 2);
	if ($kind eq 'plain')
	{
		step('statement', statement());
	}
	elsif ($kind eq 'block')
	{
		step('statement', "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . statements(2 + rnd(3)) . "COMMIT;\n\\set ON_ERROR_ROLLBACK off\n");
		count('statement', 'several in a transaction');
	}
	elsif ($kind eq 'savepoint')
	{
		step('statement', "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . statement() . "SAVEPOINT sp;\n" . statements(1 + rnd(2)) . "ROLLBACK TO sp;\n" . statements(rnd(2))
			. "SAVEPOINT sp2;\n" . statement() . "RELEASE sp2;\nCOMMIT;\n\\set ON_ERROR_ROLLBACK off\n");
		count('statement', 'savepoint rollback');
	}
	elsif ($kind eq 'rollback')
	{
		step('statement', "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . statements(1 + rnd(3)) . (chance(.4) ? "SELECT 1/0;\n" : '') . "ROLLBACK;\n\\set ON_ERROR_ROLLBACK off\n");
		count('statement', 'aborted transaction');
	}
	elsif ($kind eq 'prepare')
	{
		my $gid = "g$S->{seed}_" . @{ $S->{steps} };
		my $end = chance(.75) ? 'COMMIT' : 'ROLLBACK';
		my $inside = drain_sql(chance(.5) ? 1 + rnd(3) : undef);
		# a prepared TRUNCATE would make the drain wait for ever
		my $work = join('', map { my $s = statement(); $s =~ /^TRUNCATE/ ? "SELECT 1;\n" : $s } 1 .. 1 + rnd(3));
		step('statement', "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . $work . "PREPARE TRANSACTION '$gid';\n\\set ON_ERROR_ROLLBACK off\n" . $inside . "$end PREPARED '$gid';\n");
		count('statement', lc("$end prepared"));
	}
	elsif ($kind eq 'drain inside')
	{
		step('statement', "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . statements(1 + rnd(2)) . drain_sql(1 + rnd(3)) . statements(1) . "COMMIT;\n\\set ON_ERROR_ROLLBACK off\n");
		count('statement', $kind);
	}
	elsif ($kind eq 'drain rolled back')
	{
		step('statement', "BEGIN;\n\\set ON_ERROR_ROLLBACK on\n" . statements(rnd(2)) . drain_sql(chance(.5) ? 1 + rnd(3) : undef) =~ s/DRAIN/UNDONE/r =~ s/\\if :q.*//sr
			. statements(rnd(2)) . "ROLLBACK;\n\\set ON_ERROR_ROLLBACK off\n");
		count('statement', $kind);
	}
	else
	{
		my @t = grep { $_->{late} } @{ $S->{tables} } or return transaction();
		my $t = pick(@t);
		my $leaf = "$t->{name}_p3";
		my @rows = map { my $i = 6 + rnd(3); my @v = row_values($t); my @k = key_literals($t->{type}, $i); splice(@v, 0, scalar @k, @k); '(' . join(', ', @v) . ')' } 1 .. 2;
		step('statement', "CREATE TABLE $leaf ($t->{late_cols});\n" . join('', map { "ALTER TABLE $leaf ALTER $_ SET NOT NULL;\n" } @{ $t->{key} })
			. "INSERT INTO $leaf (" . names_of($t) . ") VALUES $rows[0];\nALTER TABLE $t->{name} ATTACH PARTITION $leaf $t->{late};\n"
			. "INSERT INTO $leaf (" . names_of($t) . ") VALUES $rows[1] ON CONFLICT DO NOTHING;\n");
		delete $t->{late};
		push @{ $t->{targets} }, $leaf;
		count('statement', 'attach partition');
	}
	return;
}

#---------------------------------------------------------------------
# A history
#---------------------------------------------------------------------

sub create_view_step
{
	my ($v) = @_;
	my $key = $v->{inferred} ? '' : ", key => '{" . join(',', @{ $v->{key} }) . "}'";
	count('statement', $v->{inferred} ? 'inferred key' : 'explicit key');
	step('create', "CREATE VIEW v_$v->{name} AS $v->{sql};\nSELECT 'CREATED', tviews_create('v_$v->{name}'$key);\n"
		. "SELECT 'ROUTE', '$v->{name}', alias, route FROM tviews_explain('tv_$v->{name}');\n");
	$S->{steps}[-1]{view} = $v->{name};
	return;
}

# Changes of every table until bounded drains wrote some rows and then more.
sub force_partial
{
	for my $round (1 .. 8)
	{
		my $work = '';
		for my $t (@{ $S->{tables} })
		{
			$work .= 'INSERT INTO ' . $t->{name} . ' (' . names_of($t) . ') VALUES (' . join(', ', row_values($t, $t->{name})) . ") ON CONFLICT DO NOTHING;\n" for 1 .. 4;
			$work .= "UPDATE $t->{name} SET v = coalesce(v, 0) % 6 + 1, h = 'h' || (v % 3 + 1), g = coalesce(g, 0) % 3 + 1;\n";
		}
		step('force', "SELECT (:partial = 0)::int AS need \\gset\n\\if :need\n$work" . drain_sql(2 * $round) . drain_sql(3) . drain_sql() . "\\endif\n");
	}
	return;
}

# The schema, its rows, views and settings of one history, as first steps; no TVIEW is made yet.
sub begin_history
{
	my ($seed) = @_;
	$S = { seed => $seed, steps => [], counts => {}, views => [] };
	$state = ($seed * 2654435761 + 97) & 0x7fffffff;
	rnd(10) for 1 .. 5;
	$alias_number = 0;
	make_tables();
	my @fill;
	my @ddl;
	# tables that others refer to must be there first: t2, t1, t0, then t3, t4
	my %order = (t2 => 0, t1 => 1, t0 => 2, t3 => 3, t4 => 4);
	for my $t (sort { $order{ $a->{name} } <=> $order{ $b->{name} } } @{ $S->{tables} })
	{
		push @ddl, create_table_sql($t);
		for my $i (1 .. 7)
		{
			my $r = $t->{child} && chance(.35) ? $t->{child} : $t->{name};
			push @fill, "INSERT INTO $r (" . names_of($t) . ') VALUES (' . join(', ', row_values($t, $r)) . ') ON CONFLICT DO NOTHING';
		}
	}
	step('schema', join('', map { "$_;\n" } @ddl));
	step('statement', join('', map { "$_;\n" } @fill));
	make_views();
	my @settings = ('tviews_batch.full_threshold = ' . pick(1, 1, 1, 1, .3));
	push @settings, 'tviews_batch.batch_keys = ' . pick(1, 2, 3) if chance(.5);
	push @settings, 'tviews_batch.work_mem = 64' if chance(.3);
	step('settings', join('', map { "SET $_;\n" } @settings));
	$S->{settings} = \@settings;
	return $S;
}

# All of one history.  The result has the steps and the counts.
sub history
{
	my ($seed) = @_;
	begin_history($seed);
	# some TVIEWs are made when changes are already under way
	for my $v (@{ $S->{views} })
	{
		create_view_step($v);
		transaction() if chance(.15);
	}
	quiet_point();
	my $phases = 3 + rnd(2);
	for my $phase (1 .. $phases)
	{
		for (1 .. 5 + rnd(8))
		{
			transaction();
			drain_step(1 + rnd(3)) if chance(.3);
		}
		quiet_point();
	}
	force_partial();
	quiet_point();
	return $S;
}

# The script of a history; skip is a hash of step numbers and view names to leave out.
sub script_of
{
	my ($h, $skip) = @_;
	$skip //= {};
	my $sql = "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\n\\pset format unaligned\n\\pset tuples_only on\n\\pset fieldsep |\n\\set partial 0\n\\set half 0\n\\set r 0\nSET client_min_messages = error;\nSET statement_timeout = '20s';\n"
	  . "CREATE SCHEMA h$h->{seed};\nSET search_path = h$h->{seed}, public;\n";
	my $n = 0;
	for my $s (@{ $h->{steps} })
	{
		$n++;
		next if $skip->{$n} || ($s->{view} && $skip->{ $s->{view} });
		$sql .= "\\echo STEP|$n\n$s->{text}";
	}
	$sql .= "\\echo STEP|end\n";
	for my $v (reverse @{ $h->{views} })
	{
		next if $skip->{ $v->{name} };
		$sql .= "SELECT 'DROPPED', tviews_drop('tv_$v->{name}');\n";
		$sql .= "DROP VIEW v_$v->{name} CASCADE;\n";
	}
	return $sql . "SET client_min_messages = error;\nDROP SCHEMA h$h->{seed} CASCADE;\n\\echo DONE\n";
}

1;
