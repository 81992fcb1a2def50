# bar 2
# write tax of one statement that changes 100,000 rows: UPDATE, INSERT, DELETE, COPY
. "$root/bench/capture.sh"

# statement KIND VARIANT ROUND; pg_ivm, which takes many times as long, stays out of the later rounds
statement() {
	[ "$2" != pg_ivm ] || [ "$3" -le 2 ] || return 0
	case $1 in
	INSERT) timed INSERT "$2" "$3" "INSERT INTO tb_$2 SELECT * FROM new_rows" ;;
	UPDATE) timed UPDATE "$2" "$3" "UPDATE tb_$2 SET quantity = quantity + 1 WHERE pk > 1000000" ;;
	DELETE) timed DELETE "$2" "$3" "DELETE FROM tb_$2 WHERE pk > 1000000" ;;
	COPY) timed COPY "$2" "$3" "COPY tb_$2 FROM '$copy'" ;;
	esac
}

begin_capture
rounds=$(full 15 2)
copy=$(cat "$base/$cluster/socket")/new_rows.copy
sql -c "CREATE TABLE new_rows AS SELECT * FROM make_rows(1000001, 1100000)" -c "COPY new_rows TO '$copy'"

for round in $(seq 0 "$rounds"); do
	for kind in INSERT UPDATE DELETE COPY; do
		for variant in $(rotate "$round" "${variants[@]}"); do statement $kind "$variant" "$round"; done
		case $kind in UPDATE | COPY) tidy ;; esac
		if [ $kind = COPY ]; then # leave the tables as they were
			for variant in "${variants[@]}"; do echo "DELETE FROM tb_$variant WHERE pk > 1000000;"; done
			tidy
		fi
	done
done | play

for kind in UPDATE INSERT DELETE COPY; do
	figure 2.empty "$kind" "$(calc "$(median $kind tviews) / $(median $kind empty)")"
	ratio=$(calc "$(median $kind tviews) / $(median $kind none)")
	case $kind in
	UPDATE | INSERT) figure 2.none "$kind" "$ratio" ;;
	*) also "$kind, tviews / none" time "$ratio" ;;
	esac
	for variant in "${variants[@]}"; do
		case $variant in
		none | tviews) ;;
		*) also "$kind, $variant / none" time "$(calc "$(median $kind "$variant") / $(median $kind none)")" ;;
		esac
	done
done
