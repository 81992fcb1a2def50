# common.sh - what the profiling tools share.  Sourced, never run.
#
# Without PGHOST they work on a private server (scripts/stage, scripts/cluster) of which nothing is left running.
# With PGHOST they use that server, with whatever else of libpq's environment is set: the extension must be there,
# drain must be this user's to call, and everything made is in the schema tviews_profiling, dropped at the end.

own_server=$(env | grep -E '^PG(HOST|HOSTADDR|PORT|USER|DATABASE|PASSWORD|PASSFILE|SERVICE|SERVICEFILE|SSLMODE|OPTIONS)=' || true)
[ -n "${PGHOST:-}" ] || own_server=
PGHOST_GIVEN=${PGHOST:-}
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
export PROFILING=$root/profiling
psql=(psql -X -q -A -t -v ON_ERROR_STOP=1)

# leak_tests: the regression tests that are part of the leak workload: all that do not take long natively, for Valgrind makes that 30 times as long
leak_tests=$(sed -n 's/^test: //p' "$root/schedules/regress.schedule" | tr ' ' '\n' | grep -vE '^(schedule|by_hand|lineage_play|lineage_buffers|failing_many|attacks|remaining|pushdown|drain|overflow)$')

# debug_flags: what the extension is built with, so that stacks have names
debug_flags="-g -fno-omit-frame-pointer"

# begin_server NAME [setting=value ...]: make PG* point to a server with the extension; see above
begin_server() {
	server=$1
	shift
	"$root/scripts/setup" profile
	find_base
	results=$base/profiling
	mkdir -p "$results"
	trap end_server EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	if [ -n "$own_server" ]; then
		while IFS= read -r line; do export "${line?}"; done <<<"$own_server"
		check_own_server
		return
	fi
	STAGE_PROFILE=${STAGE_PROFILE-$debug_flags} "$root/scripts/stage" "$server"
	"$root/scripts/cluster" start "$server" jit=off fsync=off autovacuum_naptime=5 "$@"
	use_cluster "$server"
	"${psql[@]}" -c "CREATE EXTENSION pg_tviews_batch"
	"${psql[@]}" -c "CREATE SCHEMA tviews_profiling"
}

# check_own_server: refuse where a drain of ours would be a drain of somebody else's TVIEWs
check_own_server() {
	[ "$("${psql[@]}" -c "SELECT count(*) FROM pg_extension WHERE extname = 'pg_tviews_batch'")" = 1 ] ||
		die "pg_tviews_batch is not in this database"
	[ "$("${psql[@]}" -c "SELECT count(*) FROM tviews_status")" = 0 ] ||
		die "there are TVIEWs in this database; take one without"
	"${psql[@]}" -c "CREATE SCHEMA tviews_profiling" || die "a schema tviews_profiling cannot be made here"
	made_schema=1
}

end_server() {
	local status=$?
	trap - EXIT
	for pid in ${children:-}; do kill "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	if [ -z "$own_server" ]; then
		"$root/scripts/cluster" stop "$server" >/dev/null 2>&1 || true
	elif [ -n "${made_schema:-}" ]; then
		"${psql[@]}" -c "SET client_min_messages = warning" -f "$PROFILING/workloads/remove.sql" || true
	fi
	exit "$status"
}

# verdict NAME MEASURED LIMIT TEXT LIMIT_REPORT TEXT: one line of a result table; bytes; LIMIT '' has no limit
verdict() {
	local ours=- theirs=-
	[ -z "$3" ] || if [ "$2" -le "$3" ]; then ours=pass; else ours=FAIL failed=1; fi
	[ -z "$5" ] || if [ "$2" -le "$5" ]; then theirs=pass; else theirs=FAIL; fi
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$4" "$ours" "$6" "$theirs" >>"$results/$tool.tsv"
	printf '%-44s %12s   ours: %-16s %-5s  report: %-12s %s\n' "$1" "$(human "$2")" "$4" "$ours" "$6" "$theirs"
}

human() { awk -v b="$1" 'BEGIN { if (b < 0) { s = "-"; b = -b } if (b >= 1048576) printf "%s%.1f MB", s, b / 1048576; else printf "%s%.0f kB", s, b / 1024 }'; }
