# bar 9
# memory and temporary disk: 10,000,000 queued changes over 5,000,000 keys; a cascade from one row to 5,000,000 keys

items=$(full 5000000 200000)

# phase NAME: what the watcher notes from now on belongs to it
phase() { echo "\\! echo '$1' >$out/watch.phase"; }

# watch: twenty times a second, the anonymous memory of the process in watch.pid and, now and then, the temporary files
watch() {
	local pid name key kb files=0 turn=0
	while { read -r pid <"$out/watch.pid"; } 2>/dev/null; do
		sleep 0.05
		name=$(<"$out/watch.phase")
		turn=$((turn + 1))
		[ $((turn % 4)) != 0 ] || files=$({ du -sk "$temp" 2>/dev/null || true; } | awk '{ print $1 }')
		while read -r key kb _; do
			[ "$key" != RssAnon: ] || echo "$name,$kb,${files:-0}"
		done 2>/dev/null <"/proc/$pid/status" || true
	done >"$out/memory.csv"
}

# script: one session; what it does before the first named phase makes it warm
script() {
	local round third=$((items / 100))
	printf 'SELECT pg_backend_pid() AS pid \\gset\n\\setenv PID :pid\n\\! echo $PID >%s/watch.pid\n' "$out"
	# the throughput to compare with: 100,000 changes
	for round in 0 1 2 3; do
		echo "UPDATE tb_item SET price = price + 1 WHERE pk_item <= 50000; UPDATE tb_item SET price = price + 1 WHERE pk_item <= 50000;"
		drained "100000 changes" tviews "$round"
	done
	echo "UPDATE tb_item SET price = price + 1; UPDATE tb_item SET price = price + 1; CHECKPOINT; SELECT pg_sleep(0.3);"
	phase changes
	echo "SELECT pg_sleep(0.3);"
	drained "$((2 * items)) changes" tviews 1
	valued "$((2 * items)) changes" tviews 1 changes "(SELECT changes FROM tviews_drains ORDER BY id DESC LIMIT 1)"
	valued "$((2 * items)) changes" tviews 1 arena "(SELECT memory_peak FROM tviews_drains ORDER BY id DESC LIMIT 1)"
	phase between
	echo "VACUUM; CHECKPOINT; UPDATE tb_owner SET name = 'another name' WHERE pk_owner = 1; SELECT pg_sleep(0.3);"
	phase cascade
	echo "SELECT pg_sleep(0.3);"
	drained "cascade to $items keys" tviews 1
	phase end
}

# temp_bytes: what the database has written to temporary files
temp_bytes() { ask "temp_bytes FROM pg_stat_database WHERE datname = current_database()"; }

# gain PHASE: MB of anonymous memory above the phase's start;  peak PHASE: largest size of temporary files, bytes
gain() { awk -F, -v p="$1" '$1 == p { if (!n++) first = $2; if ($2 > max) max = $2 } END { printf "%.1f", (max - first) / 1024 }' "$out/memory.csv"; }
peak() { awk -F, -v p="$1" '$1 == p && $3 > max { max = $3 } END { printf "%.0f", max * 1024 }' "$out/memory.csv"; }

new_cluster max_wal_size=2GB
sql -v items="$items" -f "$root/bench/sql/large.sql"
sql -c CHECKPOINT
temp=$base/$cluster/data/base/pgsql_tmp
echo start >"$out/watch.phase"
echo 0 >"$out/watch.pid"
watch &
watcher=$!
written=$(temp_bytes)
script | play || { rm -f "$out/watch.pid" && exit 1; }
rm -f "$out/watch.pid"
wait "$watcher"
sleep 1
written=$(($(temp_bytes) - written))
[ "$items" -gt 1000000 ] || same tv_item v_item

c="$((2 * items)) changes"
expect "$c" tviews rows "$items"
sample "$c" tviews gain_mb 1 "$(gain changes)"
sample "$c" tviews temp_bytes 1 "$(peak changes)"
sample "cascade" tviews gain_mb 1 "$(gain cascade)"
sample "cascade" tviews temp_bytes 1 "$(peak cascade)"
figure 9.memory "$c" "$(median "$c" tviews gain_mb)"
figure 9.memory "cascade to $items keys" "$(median cascade tviews gain_mb)"
figure 9.disk "$c" "$(calc "$(median "$c" tviews temp_bytes) / $((2 * items))")"
figure 9.disk "cascade to $items keys, per key" "$(calc "$(median cascade tviews temp_bytes) / $items")"
figure 9.throughput "$c" "$(calc "($(median "$c" tviews) / $((2 * items))) / ($(median "100000 changes" tviews) / 100000)")"
also "$c" "$(ways "$c"); s" "$(calc "$(median "$c" tviews) / 1000")"
also "$c" "the drain's own report of its arenas, MB" "$(calc "$(median "$c" tviews arena) / 1048576")"
also "cascade to $items keys" "$(ways "cascade to $items keys"); s" "$(calc "$(median "cascade to $items keys" tviews) / 1000")"
also "all drains and writers of this bar" "bytes written to temporary files, MB" "$(calc "$written / 1048576")"
