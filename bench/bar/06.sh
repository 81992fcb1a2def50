# bar 6
# flat scaling: 1,000 changed keys of TVIEWs with 10,000 to 5,000,000 rows, beside hand-written SQL

sizes=(10000 100000 $(full "1000000 5000000" 300000))
forms=(insert_array insert_join update_array update_join)

# change SIZE ROUND: another 1,000 keys, spread over the table
change() {
	cat <<-END
		SET search_path = s$1, public;
		TRUNCATE changed;
		INSERT INTO changed SELECT (n::bigint * 7919 * ($1 / 10000) + $2 * 31) % $1 + 1 FROM generate_series(1, 1000) n;
		ANALYZE changed;
		UPDATE tb_item SET price = price + 1 FROM changed WHERE pk_item = pk;
	END
}

# one CASE SIZE ROUND: the drain and the hand-written forms; these write whatever the document is, so two forms can share a table
one() {
	local variant
	for variant in $(rotate "$3" tviews "${forms[@]}"); do
		if [ "$variant" = tviews ]; then
			drained "$1" tviews "$3"
		else
			timed "$1" "$variant" "$3" "$(hand "flat-${variant/_/-}")"
		fi
	done
}

# curve: the medians as columns for gnuplot
curve() {
	local size variant
	{
		echo "size tviews hand ${forms[*]}"
		for size in "${sizes[@]}"; do
			echo "$size" "$(median "$size rows" tviews)" "$(fastest "$size rows" "${forms[@]}")" \
				$(for variant in "${forms[@]}"; do median "$size rows" "$variant"; done)
		done
	} >"$out/scaling.dat"
}

new_cluster shared_buffers=2GB
for size in "${sizes[@]}"; do sql -v schema="s$size" -v items="$size" -f "$root/bench/sql/flat.sql"; done
sql -c CHECKPOINT
{
	for round in $(seq 0 "$(full 11 5)"); do
		for size in $(rotate "$round" "${sizes[@]}"); do
			change "$size" "$round"
			one "$size rows" "$size" "$round"
		done
	done
	echo "SET tviews_batch.full_threshold = 1;"
	for round in $(seq 0 "$(full 11 3)"); do
		change 10000 "$round"
		one "10000 rows - full_threshold off" 10000 "$round"
	done
} | play
for size in "${sizes[@]}"; do
	[ "$size" -gt 1000000 ] || same "s$size.tv_item" "s$size.v_item"
done

for c in "${sizes[@]/%/ rows}" "10000 rows - full_threshold off"; do
	expect "$c" tviews rows 1000
	figure 6.hand "$c" "$(calc "$(median "$c" tviews) / $(fastest "$c" "${forms[@]}")")"
	also "$c" "keys a drain; $(ways "$c"); hand-written: $(fastest_form "$c" "${forms[@]}")" "$(median "$c" tviews keys)"
done
first="${sizes[0]} rows" last="${sizes[-1]} rows"
drain=$(calc "$(median "$last" tviews) / $(median "$first" tviews)")
hand=$(calc "$(fastest "$last" "${forms[@]}") / $(fastest "$first" "${forms[@]}")")
figure 6.growth "${sizes[0]} to ${sizes[-1]} rows" "$(calc "$drain / $hand")"
also "growth of the drain" ratio "$drain"
also "growth of hand-written" ratio "$hand"
curve
