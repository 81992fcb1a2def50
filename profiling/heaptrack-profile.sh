#!/bin/bash
# heaptrack-profile.sh - where the heap of a draining backend comes from
# usage: profiling/heaptrack-profile.sh [short|full]       short: 10K changes, full (the default): 100K
#        HEAP_TOOL=massif profiling/heaptrack-profile.sh   with Valgrind's massif instead (slower)
# A single-user server drains under heaptrack: attaching to a backend of a running server hangs in the debugger.
# Results in build/profiling: heap.txt (peak and top allocation sites), heap.folded (stacks and bytes at the peak, for
# flamegraph.pl or speedscope), heap.svg (the largest sites), heap.zst (for heaptrack_gui).
. "$(dirname "$0")/common.sh"
mode=${1:-full}
case $mode in
short) rows=50000 changes=10000 ;;
full) rows=100000 changes=100000 ;;
*) die "usage: heaptrack-profile.sh [short|full]" ;;
esac
[ -z "$own_server" ] || die "a server that runs cannot be attached to: unset PGHOST"
heap_tool=${HEAP_TOOL:-heaptrack}

begin_server heap
"${psql[@]}" -o /dev/null -v rows=$rows -f "$PROFILING/workloads/scale.sql"
"${psql[@]}" -o /dev/null -c "SET search_path = tviews_profiling, public" -c "SELECT tviews_create('v_product')" -c "ANALYZE tv_product" \
	-c "UPDATE tb_product SET price = price + 1 WHERE pk_product <= $changes"
"$root/scripts/cluster" pause heap

dir=$base/heap
bin=$dir/pg/usr/lib/postgresql/$pg_major/bin
work=$dir/heaptrack
mkdir -p "$work"
[ "$(id -u)" != 0 ] || chown "$run_user" "$work"
echo "SELECT changes, keys, updated FROM public.tviews_drain();" >"$work/drain.sql"
chmod a+r "$work/drain.sql"
rm -f "$results"/heap.*
case $heap_tool in
heaptrack)
	as_server heaptrack -o "$work/heap" "$bin/postgres" --single -D "$dir/data" postgres <"$work/drain.sql" >"$work/run.log" 2>&1 ||
		die "heaptrack failed, see $work/run.log"
	cp "$work/heap.zst" "$results/heap.zst"
	heaptrack_print -f "$results/heap.zst" -F "$work/folded" --flamegraph-cost-type peak >"$work/print.log" 2>/dev/null
	cp "$work/folded" "$results/heap.folded"
	perl "$PROFILING/heap-report.pl" "$results/heap.folded" "$results/heap-sites.csv" >"$results/heap.txt"
	grep -aE '^(peak heap|peak RSS|total memory leaked)' "$work/print.log" >>"$results/heap.txt" || true
	(cd "$results" && gnuplot "$PROFILING/heap.gnuplot") || die "gnuplot failed"
	;;
massif)
	as_server valgrind --tool=massif --massif-out-file="$work/massif.out" --depth=20 "$bin/postgres" --single -D "$dir/data" postgres \
		<"$work/drain.sql" >"$work/run.log" 2>&1 || die "massif failed, see $work/run.log"
	ms_print "$work/massif.out" >"$results/heap.txt"
	;;
*) die "HEAP_TOOL is heaptrack or massif" ;;
esac
grep -aE 'changes = "[1-9]' "$work/run.log" >/dev/null || die "nothing was drained, see $work/run.log"
head -n 40 "$results/heap.txt"
grep -q 'tvb_' "$results/heap.txt" || die "no function of ours was seen"
say "results: $results/heap.*"
