# bar 4
# drain of 1, 100, 10,000 keys of 100,000 product documents, beside hand-written SQL and REFRESH MATERIALIZED VIEW

products=$(full 100000 20000) many=$(full 10000 2000)
forms=(insert_array insert_join update_array update_join)

# change KEYS ROUND: change inventory or a review of so many products, chosen anew each round
change() {
	cat <<-END
		TRUNCATE changed;
		INSERT INTO changed SELECT (n * 7919 + $2 * 31) % $products + 1 FROM generate_series(1, $1) n;
		ANALYZE changed;
		UPDATE tb_inventory SET quantity = quantity + 1 FROM changed WHERE fk_product = pk AND pk % 2 = 0;
		UPDATE tb_review r SET rating = rating % 5 + 1 FROM changed WHERE fk_product = pk AND pk % 2 = 1 AND pk_review <= $products;
	END
}

# documents CASE KEYS ROUND: the drain and every hand-written form, each on its own table
documents() {
	local variant
	change "$2" "$3"
	for variant in $(rotate "$3" tviews "${forms[@]}"); do
		if [ "$variant" = tviews ]; then
			drained "$1" tviews "$3"
		else
			timed "$1" "$variant" "$3" "$(hand "product-${variant/_/-}")"
		fi
	done
}

new_cluster
sql -v products="$products" -f "$root/bench/sql/product.sql"
sql -c CHECKPOINT
{
	for round in $(seq 0 "$(full 25 7)"); do documents "1 keys" 1 "$round"; done
	for round in $(seq 0 "$(full 15 3)"); do documents "100 keys" 100 "$round"; done
	for round in $(seq 0 "$(full 7 2)"); do
		documents "$many keys" "$many" "$round"
		echo "SET tviews_batch.full_threshold = 1;"
		documents "$many keys - full_threshold off" "$many" "$((round + 100 * (round > 0)))"
		echo "RESET tviews_batch.full_threshold; VACUUM; CHECKPOINT;"
	done
	for round in $(seq 0 "$(full 3 1)"); do
		change $((products / 100)) "$round"
		for variant in $(rotate "$round" tviews concurrently refresh); do
			case $variant in
			tviews) drained "1 % of keys" tviews "$round" ;;
			concurrently) timed "1 % of keys" concurrently "$round" "REFRESH MATERIALIZED VIEW CONCURRENTLY mv_product" ;;
			refresh) timed "1 % of keys" refresh "$round" "REFRESH MATERIALIZED VIEW mv_product" ;;
			esac
		done
	done
} | play
same tv_product v_product
same hand_insert_array hand_update_join

for c in "1 keys" "100 keys" "$many keys" "$many keys - full_threshold off"; do
	expect "$c" tviews rows "${c%% *}"
	tviews=$(median "$c" tviews) best=$(fastest "$c" "${forms[@]}")
	figure 4.excess "$c" "$(calc "$tviews - 1.1 * $best")"
	also "$c: drain / hand-written ($(fastest_form "$c" "${forms[@]}"))" "ratio; $(ways "$c"); $(median "$c" tviews keys) keys, $(median "$c" tviews rows) rows written" "$(calc "$tviews / $best")"
done
figure 4.refresh "1 % of $products documents" "$(calc "$(median "1 % of keys" concurrently) / $(median "1 % of keys" tviews)")"
also "the same, REFRESH without CONCURRENTLY / drain" ratio "$(calc "$(median "1 % of keys" refresh) / $(median "1 % of keys" tviews)")"
