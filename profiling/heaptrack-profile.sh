#!/bin/bash
# heaptrack-profile.sh - where the heap of a draining backend comes from
# usage: profiling/heaptrack-profile.sh [short|full]       short: 10K changes, full (the default): 100K
#        HEAP_TOOL=massif profiling/heaptrack-profile.sh   with Valgrind's massif instead (slower)
#        PGHOST=... profiling/heaptrack-profile.sh         attaches to a backend of your own server, which must run on this machine
# Without PGHOST a single-user server drains under heaptrack from its start.  To attach takes gdb and the right to trace the
# backend (root); where that is not to be had, massif on a private server is the alternative.
# Results in build/profiling: heap.txt (peak and top allocation sites), heap.folded (stacks and bytes at the peak, for
# flamegraph.pl or speedscope), heap.svg (the largest sites), heap.zst or heap.gz (for heaptrack_gui).
. "$(dirname "$0")/common.sh"
mode=${1:-full}
case $mode in
short) rows=50000 changes=10000 ;;
full) rows=100000 changes=100000 ;;
*) die "usage: heaptrack-profile.sh [short|full]" ;;
esac
heap_tool=${HEAP_TOOL:-heaptrack}
[ -z "$own_server" ] || [ "$heap_tool" = heaptrack ] || die "massif cannot attach to a server that runs: unset PGHOST, and it starts one of its own"

begin_server heap
rm -f "$results"/heap.* "$results"/heap-sites.csv
"${psql[@]}" -o /dev/null -v rows=$rows -f "$PROFILING/workloads/scale.sql"
"${psql[@]}" -o /dev/null -c "SET search_path = tviews_profiling, public" -c "SELECT tviews_create('v_product')" -c "ANALYZE tv_product" \
	-c "UPDATE tb_product SET price = price + 1 WHERE pk_product <= $changes"

# from_start: heaptrack or massif on a private server in single-user mode
from_start() {
	local dir=$base/heap bin work
	"$root/scripts/cluster" pause heap
	bin=$dir/pg/usr/lib/postgresql/$pg_major/bin
	work=$dir/heaptrack
	mkdir -p "$work"
	[ "$(id -u)" != 0 ] || chown "$run_user" "$work"
	echo "SELECT changes, keys, updated FROM public.tviews_drain();" >"$work/drain.sql"
	chmod a+r "$work/drain.sql"
	case $heap_tool in
	heaptrack)
		as_server heaptrack -o "$work/heap" "$bin/postgres" --single -D "$dir/data" postgres <"$work/drain.sql" >"$work/run.log" 2>&1 ||
			die "heaptrack failed, see $work/run.log"
		data=$(find "$work" -name 'heap.zst' -o -name 'heap.gz') # as it finds zstd or not
		cp "$data" "$results/"
		data=$results/$(basename "$data")
		;;
	massif)
		as_server valgrind --tool=massif --massif-out-file="$work/massif.out" --depth=20 "$bin/postgres" --single -D "$dir/data" postgres \
			<"$work/drain.sql" >"$work/run.log" 2>&1 || die "massif failed, see $work/run.log"
		ms_print "$work/massif.out" >"$results/heap.txt"
		;;
	*) die "HEAP_TOOL is heaptrack or massif" ;;
	esac
	grep -aE 'changes = "[1-9]' "$work/run.log" >/dev/null || die "nothing was drained, see $work/run.log"
}

# debugger COMMAND...: gdb's commands on the backend that is to drain
debugger() {
	local arguments=() command
	for command in "$@"; do arguments+=(--eval-command="$command"); done
	timeout 120 gdb --batch-silent -n -iex="set auto-solib-add off" -p "$backend" "${arguments[@]}" --eval-command=detach </dev/null >>"$work/gdb.log" 2>&1
}

# attached: heaptrack on a backend of the user's server, from before the drain until after it
attached() {
	local lib open to from
	lib=$(readlink -f /usr/lib/heaptrack/libheaptrack_inject.so) || die "heaptrack is not installed as Debian has it"
	work=$results/heap-attached
	rm -rf "$work"
	mkdir -m 777 "$work"
	chmod 777 "$work"
	coproc session { exec psql -X -q -A -t -v ON_ERROR_STOP=1; }
	to=${session[1]} from=${session[0]}
	children=$session_PID
	echo "SELECT pg_backend_pid();" >&"$to"
	read -r -t 30 backend <&"$from" || die "no answer from the server"
	grep -q '^postgres' "/proc/$backend/cmdline" 2>/dev/null ||
		die "process $backend is not to be seen: the server runs on another machine. There, run this as root; or unset PGHOST and use a private server"
	command -v gdb >/dev/null || die "gdb is not installed, without which heaptrack cannot attach: install it; or unset PGHOST and use a private server"
	open=$(/usr/lib/heaptrack/libexec/heaptrack_env dlopen "$lib")
	say "attaching to backend $backend"
	debugger "sharedlibrary libc.so" "call (void) $open" "sharedlibrary libheaptrack_inject" "call (void) heaptrack_inject(\"$work/raw\")" || true
	[ -e "$work/raw" ] ||
		die "heaptrack cannot attach to the backend, see $work/gdb.log. It takes the right to trace it: run this as root; or unset PGHOST and use HEAP_TOOL=massif, which starts a private server"
	echo "SELECT changes FROM tviews_drain();" >&"$to"
	read -r -t 600 changes <&"$from" || die "the drain did not end"
	[ "$changes" -gt 0 ] || die "nothing was drained"
	debugger "sharedlibrary libheaptrack_inject" "call (void) heaptrack_stop()" || die "heaptrack could not be told to stop, see $work/gdb.log"
	echo '\q' >&"$to"
	wait "$session_PID" || true
	children=
	/usr/lib/heaptrack/libexec/heaptrack_interpret <"$work/raw" 2>>"$work/gdb.log" | gzip >"$results/heap.gz"
}

data=
if [ -z "$own_server" ]; then
	from_start
else
	attached
	data=$results/heap.gz
fi
if [ "$heap_tool" = heaptrack ]; then
	heaptrack_print -f "$data" -F "$results/heap.folded" --flamegraph-cost-type peak >"$results/heap.print" 2>/dev/null
	perl "$PROFILING/heap-report.pl" "$results/heap.folded" "$results/heap-sites.csv" >"$results/heap.txt"
	grep -aE '^(peak heap|peak RSS|total memory leaked)' "$results/heap.print" >>"$results/heap.txt" || true
	(cd "$results" && gnuplot "$PROFILING/heap.gnuplot") || die "gnuplot failed"
fi
head -n 40 "$results/heap.txt"
grep -q 'tvb_' "$results/heap.txt" || die "no function of ours was seen"
say "results: $results/heap.*"
