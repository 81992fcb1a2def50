# bar 5
# key pushdown: 100 keys of views over 10,000 and 1,000,000 grouped rows

small=1000 large=$(full 100000 20000)

# change SHAPE SIZE ROUND: reviews change so that 100 keys are touched; "changed" holds them
change() {
	echo "SET search_path = s$2, public; TRUNCATE changed;"
	if [ "$1" = not_key ]; then # ten brands with ten products each
		cat <<-END
			INSERT INTO changed SELECT pk_product FROM tb_product
			 WHERE fk_brand = ANY (SELECT (n * 7919 + $3 * 31) % ($2 / 10) + 1 FROM generate_series(1, 10) n);
			UPDATE tb_review SET rating = rating % 5 + 1, created = created + interval '1 second' WHERE pk_review = ANY (
			SELECT min(pk_review) FROM tb_review
			 WHERE fk_brand = ANY (SELECT (n * 7919 + $3 * 31) % ($2 / 10) + 1 FROM generate_series(1, 10) n) GROUP BY fk_brand);
		END
	else
		cat <<-END
			INSERT INTO changed SELECT (n * 7919 + $3 * 31) % $2 + 1 FROM generate_series(1, 100) n;
			UPDATE tb_review SET rating = rating % 5 + 1, author = author || '.', created = created + interval '1 year'
			 WHERE pk_review = ANY (SELECT min(pk_review) FROM tb_review JOIN changed ON fk_product = pk GROUP BY fk_product);
		END
	fi
	echo "ANALYZE changed;"
}

# one SHAPE KEY: its TVIEW in both sizes, one after the other in each round
one() {
	local round size variant
	for size in $small $large; do
		echo "SET search_path = s$size, public; SELECT tviews_create('v_$1', key => '$3'); ANALYZE tv_$1;"
	done
	for round in $(seq 0 "$(full 11 3)"); do
		for size in $(rotate "$round" $small $large); do
			change "$1" "$size" "$round"
			if [ "$1" != group ]; then
				drained "$1 $size" tviews "$round"
			else # beside a statement that knows how to find the rows of its keys
				for variant in $(rotate "$round" tviews hand); do
					case $variant in
					tviews) drained "$1 $size" tviews "$round" ;;
					hand) timed "$1 $size" hand "$round" "$(hand grouped-update)" ;;
					esac
				done
			fi
			if [ "$size" = "$large" ] && [ "$round" -le "$(full 5 2)" ]; then
				timed "$1 $size" plain "$round" "SELECT * FROM v_$1 WHERE $2 = ANY (ARRAY (SELECT pk FROM changed))"
			fi
		done
	done
}

# drop SHAPE: compare the TVIEW once more, then drop it
drop() {
	local size
	for size in $small $large; do
		[ "$1" != group ] || same "s$size.tv_group" "s$size.hand_group"
		same "s$size.tv_$1" "s$size.v_$1"
		sql -c "SELECT tviews_drop('s$size.tv_$1')"
	done
	sql -c "VACUUM"
}

new_cluster
for size in $small $large; do sql -v schema="s$size" -v products="$size" -f "$root/bench/sql/grouped.sql"; done
sql -c "VACUUM ANALYZE" -c CHECKPOINT
for shape in group distinct_on window nested union_all not_key; do
	key=pk_$shape keys="{pk_$shape}"
	[ $shape != union_all ] || { key=pk_product && keys="{pk_product,kind}"; }
	one $shape $key "$keys" | play
	drop $shape
	expect "$shape $large" tviews rows 100
	figure 5.growth "$shape, $((small * 10)) to $((large * 10)) rows" "$(calc "$(median "$shape $large" tviews) / $(median "$shape $small" tviews)")"
	figure 5.plain "$shape, $((large * 10)) rows" "$(calc "$(median "$shape $large" plain) / $(median "$shape $large" tviews)")"
	also "$shape" "keys a drain; $(ways "$shape $large")" "$(median "$shape $large" tviews keys)"
done
drain=$(calc "$(median "group $large" tviews) / $(median "group $small" tviews)")
hand=$(calc "$(median "group $large" hand) / $(median "group $small" hand)")
also "group" "growth of a hand-written statement for the same keys" "$hand"
also "group" "growth of the drain / growth of the hand-written" "$(calc "$drain / $hand")"
also "group, $((small * 10)) rows" "drain / hand-written" "$(calc "$(median "group $small" tviews) / $(median "group $small" hand)")"
also "group, $((large * 10)) rows" "drain / hand-written" "$(calc "$(median "group $large" tviews) / $(median "group $large" hand)")"
note "100 keys never reach full_threshold, which begins at 1,000 keys."

# columns for gnuplot
{
	echo "shape drain,_$((small * 10))_rows drain,_$((large * 10))_rows plain_view,_$((large * 10))_rows"
	for shape in group distinct_on window nested union_all not_key; do
		echo "${shape//_/-} $(median "$shape $small" tviews) $(median "$shape $large" tviews) $(median "$shape $large" plain)"
	done
} >"$out/pushdown.dat"
