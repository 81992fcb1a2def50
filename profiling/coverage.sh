#!/bin/bash
# coverage.sh - how much of our code the leak workload runs, and which errors it does not reach
# usage: profiling/coverage.sh           builds with gcov, runs what "valgrind-leak-test.sh full" runs, natively
# Results: build/profiling/coverage.txt (lines by file; the ereports not reached).  Fails below 90 % of the lines.
. "$(dirname "$0")/common.sh"
[ -z "$own_server" ] || die "coverage needs a server of its own: unset PGHOST"

STAGE_PROFILE="--coverage -O0 -fprofile-update=atomic"
begin_server coverage
dir=$base/coverage
"${psql[@]}" -c "DROP SCHEMA tviews_profiling" -o /dev/null -f "$PROFILING/workloads/leak.sql" -f "$PROFILING/workloads/damage.sql"
for test in $leak_tests; do
	"${psql[@]}" -c "CREATE DATABASE \"$test\""
	psql -X -q -d "$test" -o /dev/null -f "$root/sql/$test.sql" >/dev/null 2>&1 || true
	"${psql[@]}" -c "DROP DATABASE \"$test\" WITH (FORCE)"
done
"$root/scripts/cluster" stop coverage

(
	cd "$dir/tree"
	gcov -o src src/*.c >/dev/null 2>&1 || gcov src/*.gcda >/dev/null 2>&1
	perl "$PROFILING/coverage-report.pl" ./*.c.gcov
) >"$results/coverage.txt" || {
	tail -n 3 "$results/coverage.txt"
	die "less than 90 % of the lines, see $results/coverage.txt"
}
grep -E '^(all|ereports)' "$results/coverage.txt"
say "by file, and the errors not reached: $results/coverage.txt"
