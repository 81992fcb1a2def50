# memory: the arena by itself, tviews_memory() against the kernel's figures, bounded caches and queue entries

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $here = abs_path(dirname(__FILE__));
my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\njit = off\nmax_locks_per_transaction = 1000\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_tviews_batch');

# ----------
# The arena
# ----------
my $build = PostgreSQL::Test::Utils::tempdir;
system_or_bail('make', '-s', '-C', $build, '-f', "$here/arena/Makefile", 'with_llvm=no', 'all');
$node->safe_psql('postgres', join '', map { my ($name, $args, $type) = @$_;
    "CREATE FUNCTION $name($args) RETURNS $type LANGUAGE c AS '$build/arena_test';\n" }
    ['arena_test_blocks', 'int, bigint, int', 'text'], ['arena_test_reset', '', 'text'],
    ['arena_test_error', '', 'void'], ['arena_test_held', '', 'bigint'],
    ['arena_test_misuse', 'text', 'void'], ['arena_test_wiped', '', 'bool']);

is($node->safe_psql('postgres', 'SELECT arena_test_blocks(2, 1, 40)'), 'some 0', 'arena: a second batch of the same small pieces takes no new block');
is($node->safe_psql('postgres', 'SELECT arena_test_blocks(2, 2, 20000)'), 'some 0', 'arena: the same with large pieces');
is($node->safe_psql('postgres', 'SELECT arena_test_reset()'),
    'empty 0, used 104857608, after reset 0, kept 1, together 1, after destroy 0', 'arena: what it says of itself');
my ($ret, $out, $err) = $node->psql('postgres', "SELECT arena_test_error();\nSELECT arena_test_held();", on_error_stop => 0);
like($err, qr/failing with many bytes/, 'arena: an error while it is full');
is($out, '0', 'arena: nothing is held after the error');
for (['by one', qr/write past the end of an allocation of 13 bytes/], ['at the last', qr/write past the end of an allocation of 16 bytes/],
    ['length', qr/length of an allocation .* was overwritten/])
{
    ($ret, $out, $err) = $node->psql('postgres', "SELECT arena_test_misuse('$_->[0]')");
    like($err, $_->[1], "arena: misuse is seen ($_->[0])");
}
($ret, $out, $err) = $node->psql('postgres', "SELECT arena_test_misuse('')");
is($err, '', 'arena: no warning without misuse');
is($node->safe_psql('postgres', 'SELECT arena_test_wiped()'), 't', 'arena: a reset overwrites what was there');

# ----------
# tviews_memory() within a drain, against what the kernel says
# ----------

# A function in the view looks when it is asked for one key, which is evaluated somewhere among the others.
$node->safe_psql('postgres', q{
    CREATE FUNCTION anonymous() RETURNS bigint LANGUAGE sql AS $$
        SELECT (regexp_match(pg_read_file('/proc/self/smaps_rollup', 0, 100000), 'Anonymous: +(\d+) kB'))[1]::bigint * 1024 $$;
    CREATE FUNCTION held() RETURNS text LANGUAGE sql AS $$
        SELECT sum(bytes) || ' ' || sum(used_bytes) FROM public.tviews_memory() WHERE context IS NULL $$;
    CREATE FUNCTION look(key int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN
        IF key = 50000 THEN
            RAISE NOTICE 'look % %', public.held(), public.anonymous();
        END IF;
        RETURN 1;
    END $$;
    CREATE TABLE tb_big (pk_big int PRIMARY KEY, filler text NOT NULL);
    INSERT INTO tb_big SELECT i, repeat('x', 100) FROM generate_series(0, 99999) i;
    CREATE VIEW v_big AS SELECT pk_big, filler, look(pk_big) AS one FROM tb_big;
    SELECT tviews_create('v_big');
    VACUUM ANALYZE tb_big, tv_big;
});
$node->safe_psql('postgres', 'SELECT tviews_drain()');    # what drains do with a TVIEW that is new takes memory, and leaves it free
$node->safe_psql('postgres', q{UPDATE tb_big SET filler = filler || 'y'});
($ret, $out, $err) = $node->psql('postgres', q{
    SET tviews_batch.full_threshold = 1;
    SET tviews_batch.batch_keys = 1000000;
    SET tviews_batch.work_mem = '256MB';
    SELECT FROM look(50000);
    SELECT busy FROM tviews_drain(max_changes => 1);  -- reads what a session reads once
    SELECT FROM look(50000);
    SELECT 'keys ' || keys FROM tviews_drain();
    SELECT 'peak ' || peak_bytes FROM tviews_memory() WHERE area = 'drain' AND context IS NULL;
    SELECT 'recorded ' || memory_peak FROM tviews_drains ORDER BY id DESC LIMIT 1;
    SELECT 'left ' || bytes FROM tviews_memory() WHERE area = 'drain' AND context IS NULL;
    SELECT 'names ' || count(*) FROM tviews_memory() WHERE area = 'drain' AND context IS NOT NULL;
});
my @looks = map { [split] } $err =~ /NOTICE:  look (\d+ \d+ \d+)/g;
is(scalar(@looks), 3, "looked before, between and within drains") or diag($err);
my ($held, $used, $anonymous) = map { $looks[-1][$_] - $looks[-2][$_] } 0 .. 2;
note("held $held, used $used, anonymous $anonymous; $out");
cmp_ok($held, '>', 20_000_000, 'the drain held much');

# A block's part that was never written to is in no page yet.
cmp_ok($anonymous, '>', 0.9 * $used, 'tviews_memory() agrees with the kernel within a tenth: what is used');
cmp_ok($anonymous, '<', 1.1 * $held, 'what is held');
like($out, qr/^keys 99999$/m, 'all keys in one batch');
my ($peak) = $out =~ /^peak (\d+)$/m;
cmp_ok($peak, '>=', $held, 'the peak is not below what was seen meanwhile');
like($out, qr/^recorded $peak$/m, 'the history has the same peak');
like($out, qr/^left 0$/m, 'nothing is held after the drain');
like($out, qr/^names 0$/m, 'no context is left');

# ----------
# Queue entries are bounded
# ----------

# An integer: 24 bytes of the row's header, 16 of its other columns, at most 6 of the packed value.  From eight changes of a
# statement on, each has its value and a byte in an entry that they share.
my $sizes = q{SELECT count(*), max(pg_column_size(q)) FROM tviews_batch.queue q WHERE source = 'tb_big'::regclass; SELECT FROM tviews_drain();};
is($node->safe_psql('postgres', "UPDATE tb_big SET filler = filler || 'z' WHERE pk_big < 7; $sizes"), '7|46', 'size of a queue entry');
is($node->safe_psql('postgres', "UPDATE tb_big SET filler = filler || 'z' WHERE pk_big < 100; $sizes"), '1|651', 'size of one with 100 changes');

# A link value of more than 64 kB is logged as a change of any row; one below it is logged.
$node->safe_psql('postgres', q{
    CREATE TABLE tb_label (pk_label int PRIMARY KEY, label text NOT NULL);
    CREATE TABLE tb_value (label text NOT NULL, value int NOT NULL);
    CREATE VIEW v_label AS SELECT l.pk_label, count(v.label) AS n FROM tb_label l LEFT JOIN tb_value v ON v.label = l.label GROUP BY l.pk_label;
    SELECT tviews_create('v_label');
    CREATE FUNCTION label(length int) RETURNS text IMMUTABLE LANGUAGE sql AS $$
        SELECT left(string_agg(md5(i::text), ''), length) FROM generate_series(0, length / 32) i $$;
    INSERT INTO tb_label VALUES (1, label(60000)), (2, label(70000)), (3, 'short');
    SELECT tviews_drain();
    INSERT INTO tb_value VALUES ('short', 1), (label(60000), 1);
});
my $entries = q{SELECT count(*), count(link), max(length(link)) FROM tviews_batch.queue WHERE source = 'tb_value'::regclass};
is($node->safe_psql('postgres', $entries), '2|2|60005', 'long link values are logged up to 64 kB');
my $equal = q{SELECT count(*) FROM (SELECT * FROM (TABLE v_label EXCEPT ALL TABLE tv_label) a UNION ALL SELECT * FROM (TABLE tv_label EXCEPT ALL TABLE v_label) b) d};
is($node->safe_psql('postgres', "SELECT FROM tviews_drain(); $equal"), '0', 'and drained');
$node->safe_psql('postgres', q{INSERT INTO tb_value VALUES (label(70000), 1); UPDATE tb_value SET value = 2 WHERE label = 'short'});
is($node->safe_psql('postgres', $entries), '1|0|', 'longer ones are a change of any row');
is($node->safe_psql('postgres', "SELECT FROM tviews_drain(); $equal"), '0', 'and drained as well');
is($node->safe_psql('postgres', 'SELECT n FROM tv_label WHERE pk_label = 2'), '1', 'the long value has arrived');

# ----------
# Capture plans are bounded
# ----------

# One backend writes to 1,200 captured tables; 1,000 plans are kept at most.
$node->safe_psql('postgres', q{
    CREATE TABLE tb_many (pk_many int PRIMARY KEY, value int) PARTITION BY RANGE (pk_many);
    SELECT format('CREATE TABLE tb_many%s PARTITION OF tb_many FOR VALUES FROM (%s) TO (%s)', i, i, i + 1) FROM generate_series(1, 1200) i \\gexec
    CREATE VIEW v_many AS SELECT pk_many, value FROM tb_many;
    SELECT tviews_create('v_many');
});
my $plans = q{SELECT contexts || ' ' || (SELECT bytes FROM tviews_memory() WHERE area = 'capture' AND context IS NULL)
    FROM tviews_memory() WHERE area = 'capture' AND context = 'tviews_batch capture plan'};
my ($after_900, $after_1200) = map { [split] } split /\n/, $node->safe_psql('postgres',
    join('', map { "INSERT INTO tb_many$_ VALUES ($_, 1);\n" } 1 .. 900) . "$plans;\n" .
    join('', map { "INSERT INTO tb_many$_ VALUES ($_, 1);\n" } 901 .. 1200) . "$plans;\n");
is($after_900->[0], 900, 'a plan for each table');
cmp_ok($after_1200->[0], '<', 300, 'the cache starts anew past 1,000');
cmp_ok($after_900->[1] / 900, '<', 8192, 'a full cache has less than 8 MB');
is($node->safe_psql('postgres', 'SELECT inserted FROM tviews_drain()'), '1200', 'all writes were captured');

# ----------
# Kept plans are bounded
# ----------

# One session calls what there is, thrice: nothing is kept the third time that was not after the second.
my $round = q{
    UPDATE tb_label SET label = label || '.';
    SELECT FROM tviews_drain(10);
    SELECT FROM tviews_drain(max_ms => 1000);
    SELECT FROM tviews_refresh('tv_label');
    SELECT FROM tviews_verify('tv_label');
    CALL tviews_reconcile();
    SELECT FROM tviews_pause('tv_label');
    SELECT FROM tviews_resume('tv_label');
    SELECT FROM tviews_retry();
    CREATE VIEW v_short AS SELECT pk_label AS pk_short FROM tb_label;
    SELECT FROM tviews_create('v_short');
    ALTER TABLE tb_label RENAME label TO renamed;
    ALTER TABLE tb_label RENAME renamed TO label;
    SELECT FROM tviews_drain();
    SELECT FROM tviews_drop('tv_short');
    DROP VIEW v_short;
    SELECT FROM tviews_wait('10 ms');
    SELECT contexts || ' ' || bytes FROM tviews_memory() WHERE area = 'plans' AND context IS NULL;
};
my @kept = map { [ split / / ] } grep { /^\d+ \d+$/ } split /\n/, $node->safe_psql('postgres', $round x 3);
is(scalar(@kept), 3, 'looked after each round');
is($kept[2][0], $kept[1][0], 'no more plans are kept after the third round than after the second');
cmp_ok($kept[2][1], '<', 2_000_000, 'all together have less than 2 MB');
note("plans: $kept[2][0] contexts, $kept[2][1] bytes");

$node->stop;
done_testing();
