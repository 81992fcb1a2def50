# bar 13
# a new connection's first single-row write to a captured table, library load included
. "$root/bench/capture.sh"

begin_capture
rounds=$(full 60 20)
for round in $(seq 0 "$rounds"); do
	for variant in $(rotate "$round" "${variants[@]}"); do
		timed "first write" "$variant" "$round" "UPDATE tb_$variant SET quantity = quantity + 1 WHERE pk = $((round + 1))" | play
	done
done

figure 13.connect "first write" "$(calc "$(median "first write" tviews) - $(median "first write" none)")"
for variant in "${variants[@]}"; do
	also "first write, $variant" ms "$(median "first write" "$variant")"
done
