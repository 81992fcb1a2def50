# pg_cron end to end: tviews_schedule in the database of pg_cron, the hint for another database, the errors

use strict;
use warnings;

use File::Basename;
use File::Spec;
use lib dirname(File::Spec->rel2abs(__FILE__));

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TviewsSession;

my $schema_sql = q{
    CREATE TABLE tb_item (pk_item integer PRIMARY KEY, name text NOT NULL);
    CREATE VIEW v_item AS SELECT pk_item, upper(name) AS name FROM tb_item;
    INSERT INTO tb_item VALUES (1, 'one'), (2, 'two');
};

# fails(NODE, DATABASE, SQL, REGEX, NAME): SQL fails with a message, SQLSTATE and hint as expected
sub fails
{
    my ($node, $database, $sql, $regex, $name) = @_;
    my ($status, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$sql");
    isnt($status, 0, "$name: fails");
    like($err, $regex, $name);
    return $err;
}

# Without pg_cron in the server, the extension works and says what is missing.
my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;
$plain->safe_psql('postgres', 'CREATE EXTENSION pg_tviews_batch');
$plain->safe_psql('postgres', $schema_sql);
is($plain->safe_psql('postgres', q{SELECT tviews_create('v_item')}), 'tv_item', 'TVIEW without pg_cron');
$plain->safe_psql('postgres', q{UPDATE tb_item SET name = 'eins' WHERE pk_item = 1});
$plain->safe_psql('postgres', 'SELECT tviews_drain()');
is($plain->safe_psql('postgres', 'SELECT name FROM tv_item ORDER BY pk_item LIMIT 1'), 'EINS', 'drain without pg_cron');
fails($plain, 'postgres', 'SELECT tviews_schedule()',
    qr/55000: pg_cron is not installed in database "postgres".*HINT:.*shared_preload_libraries.*cron\.database_name = 'postgres'.*CREATE EXTENSION pg_cron/s,
    'schedule without pg_cron');
is($plain->safe_psql('postgres', 'SELECT tviews_unschedule()'), 'f', 'unschedule without pg_cron');
$plain->stop;

my $sharedir = `pg_config --sharedir`;
chomp $sharedir;
if (!-e "$sharedir/extension/pg_cron.control")
{
    diag('pg_cron is not installed: everything that needs it is skipped');
  SKIP: { skip('pg_cron is not installed', 1); }
    done_testing();
    exit 0;
}

my $node = PostgreSQL::Test::Cluster->new('cron');
$node->init;
$node->append_conf('postgresql.conf', "
autovacuum = off
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.host = '" . $node->host . "'
");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_tviews_batch');
$node->safe_psql('postgres', $schema_sql);
$node->safe_psql('postgres', q{SELECT tviews_create('v_item')});

fails($node, 'postgres', 'SELECT tviews_schedule()',
    qr/55000: extension "pg_cron" is not installed in database "postgres".*HINT:.*CREATE EXTENSION pg_cron/s,
    'schedule before CREATE EXTENSION pg_cron');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');

# bad arguments
fails($node, 'postgres', q{SELECT tviews_schedule('7 minutes')}, qr/22023: .*HINT:/s, 'what cron cannot express');
fails($node, 'postgres', q{SELECT tviews_schedule('often')}, qr/22023: .*HINT:/s, 'neither interval nor cron expression');
fails($node, 'postgres', q{SELECT tviews_schedule('61 * * * *')}, qr/invalid schedule/, 'what pg_cron refuses');

# a role without the privileges
$node->safe_psql('postgres', q{CREATE ROLE visitor});
fails($node, 'postgres', q{SET ROLE visitor; SELECT tviews_schedule()}, qr/42501: /, 'schedule without privileges');

# Another database, with names that need quotes: the hint is the statement to run.
my $other = q{oth'er "db" $$ %s};
(my $quoted = $other) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted"});
$node->safe_psql($other, q{CREATE SCHEMA "Odd Schema"; CREATE EXTENSION pg_tviews_batch SCHEMA "Odd Schema"});
$node->safe_psql($other, $schema_sql);
$node->safe_psql($other, q{SELECT "Odd Schema".tviews_create('v_item')});
my $hint = fails($node, $other, q{SELECT "Odd Schema".tviews_schedule('1 minute')},
    qr/55000: pg_cron runs its jobs from database "postgres", not from "\Q$other\E".*HINT:/s,
    'schedule in a database without pg_cron');
my ($statement) = $hint =~ /Run there: (SELECT cron\.schedule_in_database\(.*\);)/;
ok($statement, 'the hint has a statement') or $statement = 'SELECT 1';
$node->safe_psql('postgres', $statement);

# Schedule, replace, unschedule.
my $first = $node->safe_psql('postgres', q{SELECT tviews_schedule('*/5 * * * *')});
like($first, qr/^\d+$/, 'schedule yields the job');
my $second = $node->safe_psql('postgres', q{SELECT tviews_schedule('1 second')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE database = 'postgres'}), '1', 'one job after scheduling twice');
is($node->safe_psql('postgres', q{SELECT jobid FROM cron.job WHERE database = 'postgres'}), $second, 'the newer one');
note($node->safe_psql('postgres', 'SELECT extversion FROM pg_extension WHERE extname = $$pg_cron$$'));
note($node->safe_psql('postgres', 'SELECT schedule, command, database, jobname FROM cron.job'));

# A crash loses a change of the other database that no drain has met, as each finds the drain lock taken.  Nobody but the
# job is there to notice: that it did is seen further down, when its minute has come.
my $holder = TviewsSession->new($node->connstr($other));
my ($locked) = $holder->run('BEGIN; LOCK TABLE tviews_batch.drain_lock IN SHARE UPDATE EXCLUSIVE MODE;');
is($locked, 'done', 'drains of the other database find the lock taken');
$node->safe_psql($other, q{UPDATE tb_item SET name = 'lost' WHERE pk_item = 2});
is($node->safe_psql($other, 'SELECT count(*) FROM tviews_batch.queue WHERE source <> 0'), '1', 'a change waits');
$node->stop('immediate');
$node->start;
$holder->close;
is($node->safe_psql($other, 'SELECT count(*) FROM tviews_batch.queue WHERE source <> 0'), '0', 'the crash took it along');

# The job runs as a superuser: what a view runs does not.
$node->safe_psql('postgres', q{
    CREATE ROLE mallory;
    CREATE SCHEMA den AUTHORIZATION mallory;
    SET ROLE mallory;
    CREATE TABLE den.bait (id integer PRIMARY KEY, n integer);
    INSERT INTO den.bait VALUES (1, 0);
    CREATE FUNCTION den.attack(integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '' $$;
    CREATE VIEW den.v_bait AS SELECT id, den.attack(n) AS did FROM den.bait;
    SELECT public.tviews_create('den.v_bait', key => '{id}');
    CREATE FUNCTION den.try(command text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE command;
        RETURN 'done as ' || current_user;
    EXCEPTION WHEN insufficient_privilege THEN
        RETURN 'refused to ' || current_user;
    END $$;
    CREATE OR REPLACE FUNCTION den.attack(integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        RETURN (SELECT string_agg(DISTINCT den.try(c), ', ')
                  FROM unnest(ARRAY['CREATE ROLE super SUPERUSER', 'ALTER ROLE mallory SUPERUSER', 'RESET ROLE',
                                    'RESET SESSION AUTHORIZATION', 'COPY den.bait TO PROGRAM ''true'' ']) c);
    END $$;
    RESET ROLE;
    UPDATE den.bait SET n = 1});

# Nobody drains but pg_cron: each TVIEW follows its table, every second here, every minute in the other database.
my $deadline = time + 75;
for my $database ('postgres', $other)
{
    $node->safe_psql($database, q{UPDATE tb_item SET name = 'changed' WHERE pk_item = 1});
    is($node->safe_psql($database, q{SELECT count(*) FROM tv_item WHERE name = 'CHANGED'}), '0', "$database: not before a drain");
}
for my $database ('postgres', $other)
{
    my $fresh = 0;
    while (!$fresh && time < $deadline)
    {
        $fresh = $node->safe_psql($database, q{SELECT count(*) FROM tv_item WHERE name = 'CHANGED'});
        sleep 1 unless $fresh;
    }
    ok($fresh, "$database: pg_cron drained");
}
is($node->safe_psql($other, 'SELECT name FROM tv_item WHERE pk_item = 2'), 'LOST', 'the job noticed the crash');
is($node->safe_psql($other, 'SELECT state FROM "Odd Schema".tviews_status'), 'ok', '... and compared what it had to');

is($node->safe_psql('postgres', 'SELECT did FROM den.tv_bait'), 'refused to mallory', "a view under a superuser's job");
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_roles WHERE rolname = 'super' OR rolname = 'mallory' AND rolsuper}),
    '0', 'nobody became a superuser');

# The second drain of the same minute
$node->safe_psql('postgres', q{UPDATE tb_item SET name = 'again' WHERE pk_item = 2});
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM tv_item WHERE name = 'AGAIN'}), 'drained every second');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job_run_details WHERE status = 'failed' AND return_message <> 'server restarted'}),
    '0', 'no run failed, but for those that the crash ended');

# Ten seconds: a schedule of pg_cron's own where it has seconds, else a job per minute that runs the loop.
my $seconds = $node->safe_psql('postgres', 'SELECT tviews_batch.cron_has_seconds()') eq 't';
my $job = $node->safe_psql('postgres', q{SELECT tviews_schedule('10 seconds')});
is($node->safe_psql('postgres', "SELECT schedule || ': ' || command FROM cron.job WHERE jobid = $job"),
    $seconds ? '10 seconds: SELECT public.tviews_drain()' : q{* * * * *: CALL public.tviews_drain_loop(run_for => '1 minute', pause => '10 seconds')}, 'every ten seconds');
if ($seconds)
{
    for my $name ('ten', 'twenty')
    {
        $node->safe_psql('postgres', "UPDATE tb_item SET name = '$name' WHERE pk_item = 2");
        ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM tv_item WHERE name = upper('$name')"), "every ten seconds: drained '$name'");
    }
    is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE status = 'succeeded') >= 1 AND NOT bool_or(status = 'failed') FROM cron.job_run_details WHERE jobid = $job"),
        't', 'every ten seconds: the runs of the job');
}

is($node->safe_psql('postgres', 'SELECT tviews_unschedule()'), 't', 'unschedule');
is($node->safe_psql('postgres', 'SELECT tviews_unschedule()'), 'f', 'unschedule again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE database = 'postgres'}), '0', 'no job left');
fails($node, $other, q{SELECT "Odd Schema".tviews_unschedule()}, qr/55000: .*HINT:.*cron\.unschedule/s, 'unschedule in the other database');

# The files in schedules/ run, and running them again adds nothing.
for my $file (glob('schedules/*.sql'), glob('schedules/*.sql'))
{
    my ($status, $out, $err) = $node->psql('postgres', undef, extra_params => [ '-f', $file ], on_error_stop => 1);
    is($status, 0, "$file") or diag($err);
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE database = 'postgres'}), '3', 'three jobs: drain, reconcile, trim');

$node->stop('fast');
done_testing();
