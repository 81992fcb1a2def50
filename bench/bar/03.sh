# bar 3
# update of a column that no TVIEW reads: 1 row and 100,000 rows
. "$root/bench/capture.sh"

# queue_is_empty CASE ROUND: count what is queued
queue_is_empty() { valued "$1" tviews "$2" queued "(SELECT coalesce(sum(pending_changes), 0) FROM tviews_batch.queue_depth())"; }

begin_capture
rounds=$(full 15 3) transactions=$(full 4000 1000)
scripts=$out/pgbench
mkdir -p "$scripts"
for variant in "${variants[@]}"; do
	printf '\\set key random(1, 100000)\nUPDATE tb_%s SET remark = :key WHERE pk = :key;\n' "$variant" >"$scripts/unread-$variant.sql"
done
sql -c "SELECT tviews_drain()"

for round in $(seq 0 "$rounds"); do
	mixed unread "1 row" "$round"
	{
		queue_is_empty "1 row" "$round"
		for variant in $(rotate "$round" "${variants[@]}"); do
			timed "100000 rows" "$variant" "$round" "UPDATE tb_$variant SET remark = 'round $round'"
		done
		queue_is_empty "100000 rows" "$round"
		tidy
	} | play
done

counted="empty tviews"
instructions "1 row=UPDATE TABLE SET remark = 'another remark' WHERE pk = \$1"

figure 3.time "1 row" "$(calc "$(median "1 row" empty tps) / $(median "1 row" tviews tps)")"
figure 3.insn "1 row" "$(calc "$(median "1 row" tviews instructions) / $(median "1 row" empty instructions)")"
figure 3.time "100,000 rows" "$(calc "$(median "100000 rows" tviews) / $(median "100000 rows" empty)")"
figure 3.queued "1 row" "$(median "1 row" tviews queued)"
figure 3.queued "100,000 rows" "$(median "100000 rows" tviews queued)"
for variant in "${variants[@]:1}"; do
	also "1 row, $variant / none" time "$(calc "$(median "1 row" none tps) / $(median "1 row" "$variant" tps)")"
	also "100,000 rows, $variant / none" time "$(calc "$(median "100000 rows" "$variant") / $(median "100000 rows" none)")"
done
