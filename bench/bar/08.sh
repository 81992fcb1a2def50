# bar 8
# unchanged results: 100,000 changes that leave every document equal

items=$(full 100000 100000)

# unchanged CASE HOW_MANY ROUND: change a source so that no document changes, drain, count rows and WAL
unchanged() {
	# VACUUM: reading pages with dead rows would prune them, and log that, whoever reads
	echo "UPDATE tb_item SET price = price + 0.0001 WHERE pk_item <= $2;"
	echo "VACUUM tb_item; SELECT pg_current_wal_insert_lsn() AS lsn \\gset"
	drained "$1" tviews "$3"
	valued "$1" tviews "$3" wal "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'lsn')"
	valued "$1" tviews "$3" changes "(SELECT changes FROM tviews_drains ORDER BY id DESC LIMIT 1)"
}

new_cluster
sql -v items="$items" -f "$root/bench/sql/unchanged.sql"
for round in $(seq 0 "$(full 5 3)"); do
	unchanged "1 change" 1 "$round"
	unchanged "$items changes" "$items" "$round"
	echo "SET tviews_batch.full_threshold = 1;"
	unchanged "$items changes - full_threshold off" "$items" "$round"
	echo "RESET tviews_batch.full_threshold;"
done | play
same tv_item v_item

one=$(median "1 change" tviews wal)
for c in "$items changes" "$items changes - full_threshold off"; do
	[ "$(median "$c" tviews changes)" -ge "$items" ] || die "bar 8: fewer changes drained than made"
	figure 8.rows "$c" "$(median "$c" tviews rows)"
	more=$(calc "$(median "$c" tviews wal) - $one")
	figure 8.wal "$c" "$(awk -v more="$more" 'BEGIN { print (more <= 512 && more >= -512 ? 0 : more) }')"
	figure 8.levels "$c" "$(median "$c" tviews levels)"
	also "$c" "WAL of the drain, bytes; $one for one change; $(ways "$c")" "$(median "$c" tviews wal)"
done
