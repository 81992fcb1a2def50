# bar 3
# update of a column that no TVIEW reads: 1 row and 100,000 rows
. "$root/bench/capture.sh"

# one_row VARIANT ROUND: 5,000 updates by key, the time of one
one_row() {
	local tps
	printf '\\set key random(1, 100000)\nUPDATE tb_%s SET remark = :key WHERE pk = :key;\n' "$1" >"$out/unread.sql"
	tps=$(pgbench -n -M prepared -t "$(full 8000 4000)" -f "$out/unread.sql" 2>"$out/pgbench.log" | awk '/^tps = / { print $3 }')
	[ -n "$tps" ] || die "pgbench failed, see $out/pgbench.log"
	sample "1 row" "$1" ms "$2" "$(calc "1000 / $tps")"
}

# queue_is_empty CASE ROUND: count what is queued
queue_is_empty() { valued "$1" tviews "$2" queued "(SELECT coalesce(sum(pending_changes), 0) FROM tviews_batch.queue_depth())"; }

begin_capture
rounds=$(full 15 3)
sql -c "SELECT tviews_drain()"

for round in $(seq 0 "$rounds"); do
	for variant in $(rotate "$round" "${variants[@]}"); do one_row "$variant" "$round"; done
	{
		queue_is_empty "1 row" "$round"
		for variant in $(rotate "$round" "${variants[@]}"); do
			timed "100000 rows" "$variant" "$round" "UPDATE tb_$variant SET remark = 'round $round'"
		done
		queue_is_empty "100000 rows" "$round"
		tidy
	} | play
done

instructions "1 row=UPDATE TABLE SET remark = 'another remark' WHERE pk = \$1"

figure 3.time "1 row" "$(calc "$(median "1 row" tviews) / $(median "1 row" empty)")"
figure 3.insn "1 row" "$(calc "$(median "1 row" tviews instructions) / $(median "1 row" empty instructions)")"
figure 3.time "100,000 rows" "$(calc "$(median "100000 rows" tviews) / $(median "100000 rows" empty)")"
for c in "1 row" "100000 rows"; do
	figure 3.queued "$c" "$(median "$c" tviews queued)"
	for variant in "${variants[@]}"; do
		[ "$variant" = none ] || also "$c, $variant / none" time "$(calc "$(median "$c" "$variant") / $(median "$c" none)")"
	done
done
