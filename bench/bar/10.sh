# bar 10
# freshness: tviews_drain_loop with 100 ms pause beside 1,000 single-row writes a second; an idle loop's processor time

# A row is written once and by one statement, so the transaction that wrote its newest version is the one that changed it, and the
# one that wrote its document's is the drain that showed it.  The server keeps the commit time of both: their difference is
# the time from commit to visible, and nothing has to poll.
seconds=$(full 20 5) rest=$(full 10 3)

# start_loop SECONDS: drain in the background; sets loop (the shell's job) and backend (the server's process)
start_loop() {
	sql -c "CALL tviews_drain_loop('$1 seconds', '100 milliseconds')" &
	loop=$!
	sleep 1
	backend=$(ask "pid FROM pg_stat_activity WHERE query LIKE 'CALL tviews_drain_loop%' AND pid <> pg_backend_pid()")
	[ -n "$backend" ] || die "the loop does not run"
}

# ticks PID: processor time of a process, in ticks
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

new_cluster track_commit_timestamp=on
sql -f "$root/bench/sql/fresh.sql"
sql -c CHECKPOINT
printf '\\set n :n + 1\nUPDATE tb_item SET price = -price WHERE pk_item = :n;\n' >"$out/fresh.sql"

start_loop $((seconds + 5))
before=$(ticks "$backend")
pgbench -n -M prepared -D n=1000 -R 1000 -T "$seconds" -f "$out/fresh.sql" >"$out/pgbench.log" 2>&1 || die "pgbench failed"
busy=$(($(ticks "$backend") - before))
wait "$loop"
sql -c "SELECT tviews_drain()"
same tv_item v_item

# the first second is the loop's and pgbench's start
latency="SELECT 1000 * extract(epoch FROM pg_xact_commit_timestamp(v.xmin) - pg_xact_commit_timestamp(t.xmin)) AS ms
  FROM tb_item t JOIN tv_item v USING (pk_item) WHERE t.price < 0 AND t.pk_item > 2000"
sample "1000 writes a second" tviews writes 1 "$(ask "count(*) FROM ($latency) l")"
sample "1000 writes a second" tviews median_ms 1 "$(ask "percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM ($latency) l")"
sample "1000 writes a second" tviews p99_ms 1 "$(ask "percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) FROM ($latency) l")"
sample "1000 writes a second" tviews max_ms 1 "$(ask "max(ms) FROM ($latency) l")"

start_loop $((rest + 3))
before=$(ticks "$backend")
sleep "$rest"
idle=$(($(ticks "$backend") - before))
wait "$loop"
hz=$(getconf CLK_TCK)
sample idle tviews percent 1 "$(calc "100 * $idle / $hz / $rest")"

c="1000 writes a second"
figure 10.median "$c" "$(calc "$(median "$c" tviews median_ms)")"
figure 10.p99 "$c" "$(calc "$(median "$c" tviews p99_ms)")"
figure 10.idle "idle loop" "$(median idle tviews percent)"
also "$c" "longest, ms" "$(calc "$(median "$c" tviews max_ms)")"
also "$c" "writes measured" "$(median "$c" tviews writes)"
also "$c" "processor time of the loop, % of a core" "$(calc "100 * $busy / $hz / $seconds")"
