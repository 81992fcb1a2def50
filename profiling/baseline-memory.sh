#!/bin/bash
# baseline-memory.sh - what one backend holds, step by step, and the peaks of drains, against the budgets
# usage: profiling/baseline-memory.sh [short|full]      full (the default): also 1M and 10M changes, 100,000 refreshes
# Figures are medians over fresh backends, and differences to what the backend had before.  Results: build/profiling/baseline.*
. "$(dirname "$0")/common.sh"

mode=${1:-full}
case $mode in
short) backends=3 rows=20000 sizes="1000 10000" many=21000 warm=12000 every=100 ;;
full) backends=7 rows=100000 sizes="1000 10000 100000 1000000" many=130000 warm=30000 every=500 ;;
*) die "usage: baseline-memory.sh [short|full]" ;;
esac

tool=baseline failed=0
begin_server baseline
: >"$results/$tool.tsv"
: >"$results/refreshes.tsv"
export PEAKFILE=$results/peak
[ -z "$own_server" ] || PEAKFILE=

value() { "${psql[@]}" -c "SET search_path = tviews_profiling" -c "$1"; }

# growth FROM TO: median over backends of how much more anonymous memory a backend had at one step than at another
growth() {
	value "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY b.anonymous - a.anonymous)
	         FROM sample a JOIN sample b USING (backend) WHERE a.step = '$1' AND b.step = '$2'"
}

# run_peak STEP CHANGE SETTINGS
run_peak() {
	"${psql[@]}" -o /dev/null -v step="$1" -v change="$2" -v settings="${3:-}" -f "$PROFILING/workloads/peak.sql"
}

# peak STEP: median of the peaks of a step
peak() { value "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY bytes) FROM peak WHERE step = '$1'"; }

"${psql[@]}" -f "$PROFILING/workloads/measure.sql"

say "one backend, step by step ($backends backends)"
for ((i = 0; i < backends; i++)); do
	"${psql[@]}" -o /dev/null -f "$PROFILING/workloads/baseline.sql" 2>"$results/baseline.log" || { cat "$results/baseline.log"; die "the workload failed"; }
done

say "drains of many changes ($rows products)"
"${psql[@]}" -o /dev/null -v rows="$rows" -f "$PROFILING/workloads/scale.sql"
value "SET search_path = tviews_profiling, public; SELECT FROM tviews_create('v_product'); ANALYZE tv_product" >/dev/null
for size in $sizes; do
	change="UPDATE tb_product SET price = price + 1 WHERE pk_product <= $size;"
	if [ "$size" -gt "$rows" ]; then
		# as many changes, several of each row
		change=
		for ((i = 0; i < size / rows; i++)); do change="$change UPDATE tb_product SET price = price + 1;"; done
	fi
	n=$backends
	[ "$size" -lt 100000 ] || n=3
	for ((i = 0; i < n; i++)); do run_peak "$size changes" "$change"; done
done

say "one refresh after another"
pgbench -n -c 1 -t $many -D i=0 -D warm=$warm -D every=$every -f "$PROFILING/workloads/refreshes.pgbench" >"$results/refreshes.log" 2>&1 ||
	die "pgbench failed, see $results/refreshes.log"
value "SET search_path = tviews_profiling, public; SELECT FROM tviews_drop('tv_product')" >/dev/null

say "cascades"
keyed="SET tviews_batch.full_threshold = 1;"
level=0
"${psql[@]}" -o /dev/null -c "SET search_path = tviews_profiling, public" -c "SELECT tviews_create('v_level0')"
for depth in 1 2 5 10; do
	while [ $((level + 1)) -lt $depth ]; do
		level=$((level + 1))
		"${psql[@]}" -o /dev/null -c "SET search_path = tviews_profiling, public" \
			-c "CREATE VIEW v_level$level AS SELECT pk_level$((level - 1)) AS pk_level$level, value + 1 AS value FROM tv_level$((level - 1))" \
			-c "SELECT tviews_create('v_level$level')"
	done
	for i in 1 2 3; do run_peak "cascade $depth" "UPDATE tb_level SET value = value + 1;" "$keyed"; done
done
"${psql[@]}" -o /dev/null -c "SET search_path = tviews_profiling, public" \
	-c "SET client_min_messages = warning" -c "DROP TABLE tb_level CASCADE"

MB=$((1024 * 1024))
say ""
verdict "library loaded" "$(growth plain loaded)" $MB "< 1 MB" $((10 * MB)) "< 10 MB"
verdict "first TVIEW created, with the server's caches" "$(growth 'before the first creation' 'first creation')" "" "-" $((5 * MB)) "< 5 MB"
verdict "each further TVIEW created, kept" "$(($(growth 'before further creations' 'further creations') / 18))" $((256 * 1024)) "< 256 kB" $((5 * MB)) "< 5 MB"
verdict "first capture" "$(growth 'further creations' 'first capture')" "" "-" "" "-"
verdict "second capture" "$(growth 'first capture' 'second capture')" "" "-" "" "-"
verdict "first drain, kept" "$(growth 'second capture' 'first drain')" "" "-" "" "-"
verdict "TVIEWs dropped, against before creation" "$(growth 'before the first creation' dropped)" "" "-" "" "-"
for size in $sizes; do
	case $size in
	1000) verdict "1K changes, peak" "$(peak "$size changes")" $((8 * MB)) "< 8 MB" $((50 * MB)) "< 50 MB" ;;
	10000) verdict "10K changes, peak" "$(peak "$size changes")" $((16 * MB)) "< 16 MB" $((100 * MB)) "< 100 MB" ;;
	100000) verdict "100K changes, peak" "$(peak "$size changes")" $((64 * MB)) "< 64 MB" $((500 * MB)) "< 500 MB" ;;
	1000000) verdict "1M changes, peak" "$(peak "$size changes")" $((64 * MB)) "< 64 MB" "" "-" ;;
	esac
done
five=$(peak "cascade 5") ten=$(peak "cascade 10")
verdict "cascade, 1 level, peak" "$(peak "cascade 1")" $((64 * MB)) "< 64 MB" $((200 * MB)) "< 200 MB"
verdict "cascade, 2 levels, peak" "$(peak "cascade 2")" $((64 * MB)) "< 64 MB" $((200 * MB)) "< 200 MB"
verdict "cascade, 5 levels, peak" "$five" $((64 * MB)) "< 64 MB" $((200 * MB)) "< 200 MB"
verdict "cascade, 10 levels, peak" "$ten" $((64 * MB)) "< 64 MB" $((200 * MB)) "< 200 MB"
# From three levels on there is one that reads changes of a TVIEW and makes some of its own, which is as much as is held at once.
# Each further one brings relations to the server's caches, and may bring no more than that.
verdict "cascade, each level above the fifth" "$(((ten - five) / 5))" $((256 * 1024)) "< 256 kB" $((20 * MB)) "linear"
if [ "$mode" = full ]; then
	say "ten million changes"
	"${psql[@]}" -o /dev/null -c "SET search_path = tviews_profiling, public" -c "SELECT tviews_create('v_many')"
	run_peak "10000000 changes" "INSERT INTO tb_many SELECT i, i % 1000 = 0 FROM generate_series(1, 10000000) i; ANALYZE tb_many;" "$keyed"
	"${psql[@]}" -o /dev/null -c "SET search_path = tviews_profiling, public" -c "SELECT tviews_drop('tv_many')" -c "TRUNCATE tb_many"
	verdict "10M changes, peak" "$(peak "10000000 changes")" $((64 * MB)) "< 64 MB" "" "-"
fi
"${psql[@]}" -c "COPY (SELECT 0 AS seconds, 'refresh' AS role, count, anonymous, used, contexts FROM tviews_profiling.sample
		WHERE step = 'refreshes' ORDER BY at) TO STDOUT (FORMAT csv, HEADER)" >"$results/refreshes.csv"
perl "$PROFILING/fit.pl" "$results/refreshes.csv" refresh "$results/refreshes.tsv" || failed=1
"${psql[@]}" -c "COPY (SELECT * FROM tviews_profiling.sample ORDER BY at) TO STDOUT (FORMAT csv, HEADER)" >"$results/baseline-samples.csv"
"${psql[@]}" -c "COPY (SELECT * FROM tviews_profiling.peak) TO STDOUT (FORMAT csv, HEADER)" >"$results/baseline-peaks.csv"
say "all figures: $results/baseline-samples.csv, $results/baseline-peaks.csv"
[ $failed = 0 ] || die "a budget is broken"
