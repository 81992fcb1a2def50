# bar 11
# the queue does not bloat: 1,000 drains of 10,000 changes while a REPEATABLE READ snapshot, or a writer, stays open

# The changes are made by statements of seven rows, so that each has an entry of its own in the queue: from eight on they share
# entries, and the queue is a fifth as long.

# hold SQL: a session that runs it in a transaction and stays; sets holder to its input
hold() {
	exec {holder}> >("${psql_quiet[@]}" >/dev/null)
	printf '%s\n' "$1" >&"$holder"
	sleep 1
}
release() { exec {holder}>&-; }

# drains CASE COUNT
drains() {
	local round
	for round in $(seq 0 "$2"); do
		echo "CALL make_changes(10000);"
		printf '\\echo @ %s,tviews,ms,%s\n\\timing on\nSELECT changes AS v FROM tviews_drain() \\gset\n\\timing off\n\\echo @\n' "$1" "$round"
		printf '\\echo = %s,tviews,changes,%s,:v\n' "$1" "$round"
		valued "$1" tviews "$round" queue_bytes "queue_bytes()"
	done | play
}

# of CASE UNIT FROM TO: median of those rounds;  largest CASE FROM TO: the queue's largest size
of() {
	awk -F, -v c="$1" -v u="$2" -v lo="$3" -v hi="$4" '$2 == c && $4 == u && $5 >= lo && $5 <= hi { print $6 }' "$samples" |
		sort -g | awk '{ a[NR] = $1 } END { print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'
}
largest() {
	awk -F, -v c="$1" -v lo="$2" -v hi="$3" '$2 == c && $4 == "queue_bytes" && $5 >= lo && $5 <= hi && $6 > m { m = $6 } END { print m + 0 }' "$samples"
}

# report CASE COUNT ID...: figures, with a bar if ids are named
report() {
	local growth size
	expect "$1" tviews changes 10000
	growth=$(calc "$(of "$1" ms $(($2 - 19)) "$2") / $(of "$1" ms 1 20)")
	size=$(calc "$(largest "$1" $(($2 / 2)) "$2") / $(largest "$1" 1 $(($2 / 2)))")
	if [ $# -gt 2 ]; then
		figure 11.growth "$1, $2 drains" "$growth"
		figure 11.size "$1, $2 drains" "$size"
	else
		also "$1, $2 drains" "last drains / first drains" "$growth"
		also "$1, $2 drains" "queue size in the second half / in the first" "$size"
	fi
	also "$1, $2 drains" "largest size of the queue, MB" "$(calc "$(largest "$1" 1 "$2") / 1048576")"
}

count=$(full 1000 100)
new_cluster
sql -f "$root/bench/sql/bloat.sql"
drains "nothing open" $((count / 10 + 20))

hold "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM tb_place;"
drains "a snapshot open" "$count"
release

# a writer that logged a change and stays idle in its transaction
hold "BEGIN; INSERT INTO tb_visit VALUES (1, 0, 1);"
drains "a writer open" $((count / 4 + 20))
release
# what the writer left to do is done once it has ended
sleep 1
drains "the writer gone" 40

report "nothing open" $((count / 10 + 20))
report "a snapshot open" "$count" bar
report "a writer open" $((count / 4 + 20))
report "the writer gone" 40
open=$((count / 4 + 20))
note "A writer that stays open for an hour: what it costs follows the changes drained meanwhile, not the time. Measured are $open drains of 10,000, which is an hour of $((open * 10000 / 3600)) changes a second."
bytes=$(calc "$(largest "a writer open" 1 $((count / 4 + 20))) / 10000 / $((count / 4 + 20))")
also "a writer open" "bytes the queue grows by for each change drained while it stays" "$bytes"
awk -F, '$2 == "a snapshot open" && $4 == "ms" && $5 > 0 { print $5, $6 }' "$samples" >"$out/bloat.dat"
