# bar 1
# write tax of one row by key: UPDATE, INSERT, DELETE; prepared, 1 and 4 clients; instructions per statement
. "$root/bench/capture.sh"

# pgbench_script KIND VARIANT: one transaction; every client has keys of its own and counts
pgbench_script() {
	echo '\set n :n + 1'
	case $1 in
	UPDATE) printf '\\set key random(1, 100000)\nUPDATE tb_%s SET quantity = quantity + 1 WHERE pk = :key;\n' "$2" ;;
	INSERT) printf '\\set key 1000000 + :client_id * 100000 + :n\nINSERT INTO tb_%s VALUES (:key, :n %% 1000 + 1, %s, 1.5, 1, %s);\n' "$2" "'a new item'" "'a remark'" ;;
	DELETE) printf '\\set key 1000000 + :client_id * 100000 + :n\nDELETE FROM tb_%s WHERE pk = :key;\n' "$2" ;;
	esac
}

# alone KIND VARIANT CLIENTS ROUND: several clients that all run one variant's statement
alone() {
	sample "$1 $3 clients" "$2" tps "$4" "$(pgbench_run -c "$3" -j "$3" -t "$([ "$2" = pg_ivm ] && echo $((transactions / 20)) || echo "$transactions")" -f "$scripts/$1-$2.sql")"
}

# refill: all rows that DELETE will ask for;  tidy_rows: none of them
refill() {
	local variant
	for variant in "${variants[@]}"; do
		echo "INSERT INTO tb_$variant SELECT 1000000 + c * 100000 + r.pk, fk_parent, name, price, quantity, remark
			FROM generate_series(0, 3) c, make_rows(1, 100 + CASE c WHEN 0 THEN $((transactions * ${#variants[@]})) ELSE $transactions END) r
			ON CONFLICT DO NOTHING;"
	done
	tidy
}
tidy_rows() {
	local variant
	for variant in "${variants[@]}"; do echo "DELETE FROM tb_$variant WHERE pk > 1000000;"; done
	tidy
}

begin_capture
rounds=$(full 15 2) transactions=$(full 3000 1000) turns=$(full 60 10) statements=50
counted="none empty tviews $(full plpgsql '')"
scripts=$out/pgbench
mkdir -p "$scripts"
for variant in "${variants[@]}"; do
	for kind in UPDATE INSERT DELETE; do
		pgbench_script $kind "$variant" >"$scripts/$kind-$variant.sql"
		cpu_script $kind "$variant" $statements >"$scripts/$kind-$variant-cpu.sql"
	done
done

for round in $(seq 0 "$rounds"); do
	for kind in INSERT UPDATE DELETE; do
		[ $kind != DELETE ] || refill | sql
		mixed $kind "$kind 1 clients" "$round"
	done
	tidy_rows | sql
	for kind in INSERT UPDATE DELETE; do
		[ $kind != DELETE ] || refill | sql
		processor $kind "$kind 1 clients" "$round"
	done
	tidy_rows | sql
	for kind in INSERT UPDATE DELETE; do
		[ $kind != DELETE ] || refill | sql
		for variant in $(rotate "$round" "${variants[@]}"); do alone $kind "$variant" 4 "$round"; done
	done
	tidy_rows | sql
done

instructions \
	"UPDATE=UPDATE TABLE SET quantity = quantity + 1 WHERE pk = \$1" \
	"INSERT=INSERT INTO TABLE VALUES (\$1 + 1000000, \$1 % 1000 + 1, 'a new item', 1.5, 1, 'a remark')" \
	"DELETE=DELETE FROM TABLE WHERE pk = \$1 + 1000000"

for clients in 1 4; do
	for kind in UPDATE INSERT DELETE; do
		c="$kind $clients clients"
		none=$(median "$c" none tps)
		figure 1.rate "$kind, $clients client(s)" "$(calc "$(median "$c" tviews tps) / $none")"
		for variant in "${variants[@]}"; do
			case $variant in
			none | tviews) ;;
			*) also "$kind, $clients client(s), $variant / none" "rate" "$(calc "$(median "$c" "$variant" tps) / $none")" ;;
			esac
		done
	done
done
for kind in UPDATE INSERT DELETE; do
	c="$kind 1 clients"
	also "$kind, tviews / none" "processor time of the server" "$(calc "$(median "$c" tviews cpu_us) / $(median "$c" none cpu_us)")"
	also "$kind, empty / none" "processor time of the server" "$(calc "$(median "$c" empty cpu_us) / $(median "$c" none cpu_us)")"
	also "$kind, tviews / empty" "processor time of the server" "$(calc "$(median "$c" tviews cpu_us) / $(median "$c" empty cpu_us)")"
done
for kind in UPDATE INSERT DELETE; do
	figure 1.insn "$kind" "$(calc "$(median $kind tviews instructions) / $(median $kind empty instructions)")"
	also "$kind, tviews / none" "instructions" "$(calc "$(median $kind tviews instructions) / $(median $kind none instructions)")"
	[ -n "$quick" ] || also "$kind, plpgsql / empty" "instructions" "$(calc "$(median $kind plpgsql instructions) / $(median $kind empty instructions)")"
done
