#!/bin/bash
# valgrind-leak-test.sh - the leak workload with the server under Valgrind: no leak, no invalid access of ours
# usage: profiling/valgrind-leak-test.sh [short|full|server]
#   short    workloads/leak.sql, on Debian's server: sees malloc leaks and invalid accesses of the C heap
#   full     the same, and every regression test but the two long ones
#   server   workloads/leak.sql on a server with assertions and USE_VALGRIND (profiling/build-server): sees palloc leaks in
#            contexts that live on, writes past a chunk, use after pfree, overwritten fences of the arena
# A report counts as ours when a frame of it is in our library.  Results: build/profiling/valgrind-MODE.*
#
# On your own server: Valgrind cannot attach to a process that runs, so the server must have been started under it:
#   PGHOST=... VALGRIND_LOGS=DIR profiling/valgrind-leak-test.sh     runs leak.sql there, as a superuser, and reads DIR/PID.log of its backend
#   PGHOST=... profiling/valgrind-leak-test.sh                       says how to start it
. "$(dirname "$0")/common.sh"
mode=${1:-full}
case $mode in short | full | server) ;; *) die "usage: valgrind-leak-test.sh [short|full|server]" ;; esac
memcheck=(valgrind --quiet --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=definite,indirect,possible --num-callers=40
	--trace-children=yes --child-silent-after-fork=no)

# The server is the user's: the backend that has run the workload leaves its log when it ends.
own_server_test() {
	local pid log i
	if [ -z "${VALGRIND_LOGS:-}" ]; then
		say "Valgrind cannot attach to a server that runs. Stop yours, and start it as its user with"
		say "    ${memcheck[*]} --suppressions=$PROFILING/valgrind.supp --log-file=DIR/%p.log postgres -D DATA"
		say "with DIR a folder that it can write. Then, as a superuser, in a database without TVIEWs:"
		say "    PGHOST=$PGHOST_GIVEN VALGRIND_LOGS=DIR $0"
		die "VALGRIND_LOGS is not set"
	fi
	begin_server valgrind
	out=$results/valgrind-own
	[ "$("${psql[@]}" -c "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")" = t ] ||
		die "leak.sql empties and damages the extension's own tables and mends them: it needs a superuser"
	[ "$("${psql[@]}" -c "SHOW max_prepared_transactions")" != 0 ] ||
		die "leak.sql prepares transactions: start the server with -c max_prepared_transactions=2 or more"
	say "leak.sql"
	pid=$("${psql[@]}" -c "SELECT pg_backend_pid()" -c '\o /dev/null' -f "$PROFILING/workloads/leak.sql") || die "the workload failed"
	log=$VALGRIND_LOGS/$pid.log
	[ -e "$log" ] || die "there is no $log: is this server under Valgrind, with --log-file=$VALGRIND_LOGS/%p.log?"
	for ((i = 0; i < 600; i++)); do
		[ -d "/proc/$pid" ] || break
		sleep 0.2
	done
	perl "$PROFILING/valgrind-report.pl" "$out.tsv" "$log" | tee "$out.txt" || die "leaks or invalid accesses, see $out.txt"
	say "all reports: $out.txt"
	exit 0
}
[ -z "$own_server" ] || own_server_test

"$root/scripts/setup" profile
find_base
results=$base/profiling
name=valgrind_$mode
dir=$base/$name
out=$results/valgrind-$mode
mkdir -p "$results"
rm -rf "$out".*

# A server that is not in the system's folders is staged from where it is.
if [ "$mode" = server ]; then system_root=$("$PROFILING/build-server"); fi
STAGE_ROOT=${system_root:-} STAGE_PROFILE="$debug_flags" "$root/scripts/stage" "$name"
preload=(shared_preload_libraries=)
"$root/scripts/cluster" start "$name" fsync=off jit=off autovacuum=off max_parallel_workers=0 max_parallel_workers_per_gather=0 \
	max_prepared_transactions=10 statement_timeout=10min ${system_root:+"${preload[@]}"}
"$root/scripts/cluster" pause "$name"
bin=$dir/pg/usr/lib/postgresql/$pg_major/bin
logs=$dir/valgrind
rm -rf "$logs"
mkdir -p "$logs"
chmod 777 "$logs"

# where the server's user can read them; the server's source tree has its own
cp "$PROFILING/valgrind.supp" "$dir/ours.supp"
suppressions=(--suppressions="$dir/ours.supp")
if [ -n "${system_root:-}" ]; then
	cp "$system_root/valgrind.supp" "$dir/server.supp"
	suppressions+=(--suppressions="$dir/server.supp")
fi

stop_server() {
	local status=$?
	trap - EXIT
	if [ -f "$dir/data/postmaster.pid" ]; then
		as_server "$bin/pg_ctl" -D "$dir/data" -m immediate -t 120 -w stop >/dev/null 2>&1 || true
	fi
	"$root/scripts/cluster" stop "$name" >/dev/null 2>&1 || true
	exit "$status"
}
trap stop_server EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "the server under Valgrind"
as_server "${memcheck[@]}" "${suppressions[@]}" --log-file="$logs/%p.log" \
	"$bin/postgres" -D "$dir/data" >>"$dir/server.log" 2>&1 </dev/null &
valgrind=$!
use_cluster "$name"
for ((i = 0; i < 3000; i++)); do # long: the machine may be busy
	! pg_isready -q || break
	kill -0 "$valgrind" 2>/dev/null || break
	sleep 0.2
done
pg_isready -q || die "the server did not start, see $dir/server.log"

"${psql[@]}" -c "CREATE DATABASE leak"
"${psql[@]}" -d leak -c "CREATE EXTENSION pg_tviews_batch" -c "CREATE SCHEMA tviews_profiling"
say "leak.sql"
"${psql[@]}" -d leak -c "DROP SCHEMA tviews_profiling"
"${psql[@]}" -d leak -o /dev/null -f "$PROFILING/workloads/leak.sql" || die "the workload failed"
say "damage.sql"
"${psql[@]}" -d leak -o /dev/null -f "$PROFILING/workloads/damage.sql" || die "the workload failed"
if [ "$mode" = full ]; then
	# their output is looked at elsewhere (make test); under Valgrind some time limits pass
	for test in $leak_tests; do
		say "$test.sql"
		"${psql[@]}" -c "CREATE DATABASE \"$test\""
		psql -X -q -a -d "$test" -o /dev/null -f "$root/sql/$test.sql" >/dev/null 2>"$out.$test.err" || say "(psql broke off, see $out.$test.err)"
		"${psql[@]}" -c "DROP DATABASE \"$test\" WITH (FORCE)"
	done
fi
as_server "$bin/pg_ctl" -D "$dir/data" -m fast -t 600 -w stop >>"$dir/cluster.log" 2>&1 </dev/null || die "the server did not stop"
wait
if grep -E 'PANIC|was terminated by signal|TRAP' "$dir/server.log"; then die "the server crashed, see $dir/server.log"; fi
grep -E 'WARNING: .*arena "' "$dir/server.log" && die "an arena was misused" || true
perl "$PROFILING/valgrind-report.pl" "$out.tsv" "$logs"/*.log | tee "$out.txt" || die "leaks or invalid accesses, see $out.txt"
say "all reports: $out.txt"
