#!/bin/bash
# long-running-test.sh - mixed load for a time; does the memory of long-lived backends grow?
# usage: profiling/long-running-test.sh MINUTES
# One backend writes, one drains 25 times a second, one runs the loop, one creates and drops TVIEWs, pg_cron drains each
# minute.  Each samples itself.  Decided by the slope of its anonymous memory over what it has done (profiling/fit.pl).
# Beside them, in a database without the extension, a backend creates and drops plain tables and triggers: what the server's own
# caches and heap grow by such work is not held against the one that creates and drops TVIEWs.  (Not on a user's server.)
# Results: build/profiling/long.csv, long.tsv, long.svg.  A fifth of the time, at most two minutes, is warm-up.
. "$(dirname "$0")/common.sh"

minutes=${1:-}
[[ $minutes =~ ^[1-9][0-9]*$ ]] || die "usage: long-running-test.sh MINUTES"
seconds=$((minutes * 60))
tool=long failed=0

begin_server long
: >"$results/long.tsv"
"${psql[@]}" -o /dev/null -f "$PROFILING/workloads/measure.sql"
"${psql[@]}" -o /dev/null -f "$PROFILING/workloads/stability/schema.sql"
cron= control=
if [ -z "$own_server" ]; then
	"${psql[@]}" -o /dev/null -c "CREATE EXTENSION pg_cron" -c "SELECT tviews_schedule('1 minute')"
	cron=" and pg_cron"
	"${psql[@]}" -c "CREATE DATABASE control"
	"${psql[@]}" -d control -o /dev/null -f "$PROFILING/workloads/stability/control.sql"
	control=control
fi

# client RATE FILE [DATABASE]: a long-lived backend
client() {
	pgbench -n -c 1 -T "$seconds" -R "$1" -D i=0 -f "$PROFILING/workloads/stability/$2.pgbench" ${3:+"$3"} >"$results/long-$2.log" 2>&1 &
	children="${children:-} $!"
}

began=$("${psql[@]}" -c "SELECT extract(epoch FROM clock_timestamp())")
say "$minutes minutes of writes, drains, a loop, DDL$cron, from $(date -u '+%H:%M:%S') UTC"
client 100 write
client 25 drain
client 0.5 loop
client 0.2 ddl
[ -z "$control" ] || client 0.2 control control
for pid in $children; do
	wait "$pid" || {
		tail -n 5 "$results"/long-*.log >&2
		die "a client failed"
	}
done
children=

# copy_samples DATABASE COLUMNS: CSV, without a header
copy_samples() {
	"${psql[@]}" ${1:+-d "$1"} -c "COPY (SELECT round(extract(epoch FROM at) - $began, 3) AS seconds, role, count, anonymous, contexts, blocks, $2
		FROM tviews_profiling.long_sample ORDER BY at) TO STDOUT (FORMAT csv)"
}
{
	echo seconds,role,count,anonymous,contexts,blocks,extension,queue,lag_ms
	copy_samples "" "extension, queue, round(lag_ms)"
	[ -z "$control" ] || copy_samples control "NULL, NULL, NULL"
} >"$results/long.csv"
"${psql[@]}" -o /dev/null -c "SET search_path = tviews_profiling, public" -c "SELECT tviews_drain()"
different=$("${psql[@]}" -c "SET search_path = tviews_profiling, public" -c "SELECT sum(n) FROM (
		SELECT count(*) AS n FROM (TABLE v_product EXCEPT ALL TABLE tv_product) a UNION ALL SELECT count(*) FROM (TABLE tv_product EXCEPT ALL TABLE v_product) b
		UNION ALL SELECT count(*) FROM (TABLE v_category EXCEPT ALL TABLE tv_category) c UNION ALL SELECT count(*) FROM (TABLE tv_category EXCEPT ALL TABLE v_category) d
		UNION ALL SELECT count(*) FROM (TABLE v_busy EXCEPT ALL TABLE tv_busy) e UNION ALL SELECT count(*) FROM (TABLE tv_busy EXCEPT ALL TABLE v_busy) f) x")
say "rows in which a TVIEW and its view differ at the end: $different"
[ "$different" = 0 ] || failed=1
"${psql[@]}" -F ' ' -c "SELECT 'drains that did something: ' || count(*) || ', changes ' || sum(changes) || ', keys ' || sum(keys) || ', highest memory_peak ' || max(memory_peak) FROM tviews_drains"
if [ -n "$cron" ]; then
	"${psql[@]}" -c "SELECT 'runs of pg_cron: ' || count(*) || ', failed ' || count(*) FILTER (WHERE status = 'failed') FROM cron.job_run_details"
fi

say ""
for role in drain loop writer ddl; do
	against=
	[ $role != ddl ] || against=$control
	perl "$PROFILING/fit.pl" "$results/long.csv" $role "$results/long.tsv" $against || failed=1
done
perl "$PROFILING/long-picture.pl" "$results/long.csv" >"$results/long-picture.csv"
(cd "$results" && gnuplot "$PROFILING/long.gnuplot") || die "gnuplot failed"
say "samples: $results/long.csv, picture: $results/long.svg"
[ $failed = 0 ] || die "memory grows, or a TVIEW is different"
