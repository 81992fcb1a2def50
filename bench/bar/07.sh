# bar 7
# fan-out: a user with 100,000 posts is renamed; documents embed the user on three levels of TVIEWs

posts=$(full 400000 80000)
c="$((posts / 4)) posts"

new_cluster
sql -v posts="$posts" -f "$root/bench/sql/fanout.sql"
sql -c CHECKPOINT
{
	for round in $(seq 0 "$(full 7 3)"); do
		for writes in $(seq 5); do # a statement of well below a millisecond, so several a round
			for variant in $(rotate "$((round + writes))" none tviews); do
				table=tb_user
				[ "$variant" != none ] || table=tb_user_none
				timed "$c - write" "$variant" "$((round == 0 ? 0 : round * 10 + writes))" "UPDATE $table SET name = 'user 1, round $round.$writes' WHERE pk_user = 1"
			done
		done
		for variant in $(rotate "$round" tviews update insert); do
			case $variant in
			tviews) drained "$c" tviews "$round" ;;
			*) # each form from dead rows of its own
				timed "$c" "$variant" "$round" "BEGIN; $(sed '/^--/d' "$root/bench/sql/fanout-$variant.sql") COMMIT"
				;;
			esac
			echo "VACUUM;"
		done
		echo "CHECKPOINT;"
	done
} | play
for level in user post card; do
	same tv_$level v_$level
	same tv_$level hand_$level
done
expect "$c" tviews levels 3

figure 7.writer "$c" "$(calc "$(median "$c - write" tviews) - $(median "$c - write" none)")"
figure 7.drain "$c" "$(calc "$(median "$c" tviews) / $(fastest "$c" update insert)")"
also "$c" "rows written; hand-written: $(fastest_form "$c" update insert); $(ways "$c")" "$(median "$c" tviews rows)"
