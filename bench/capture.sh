# capture.sh - what bars 1 to 3 share: the tables of bench/sql/capture.sql.  Sourced by them.

# begin_capture: a new cluster with the tables; sets variants
begin_capture() {
	new_cluster
	sql -f "$root/bench/sql/capture.sql"
	empty_triggers tb_empty | sql
	variants=(none empty tviews plpgsql)
	if [ "$(ask "to_regclass('tb_pg_ivm') IS NOT NULL")" = t ]; then
		variants+=(pg_ivm)
	else
		note "pg_ivm is not installed here, so it is not measured."
	fi
}

# tidy: what stands between two rounds, not timed: dead rows and queued changes go, a checkpoint is over
tidy() { echo "SELECT tviews_drain(); TRUNCATE plpgsql_queue; VACUUM; CHECKPOINT;"; }

# Scripts for pgbench are $scripts/KIND-VARIANT.sql; $transactions of them make a run.
#
# mixed KIND CASE ROUND: one client that takes the variants' statements in random turns, so that whatever else the machine does meets
# all of them alike.  The rate of a variant is one by the mean time of its transactions, without the slowest 5 % of each.
# pg_ivm, which is slower by far, gets fewer turns.
mixed() {
	local variant tps files=()
	for variant in "${variants[@]}"; do files+=(-f "$scripts/$1-$variant.sql@$([ "$variant" = pg_ivm ] && echo 1 || echo 20)"); done
	rm -f "$scripts"/log.*
	pgbench_run -t $((transactions * ${#variants[@]})) -l --log-prefix="$scripts/log" "${files[@]}" >/dev/null
	for variant in "${!variants[@]}"; do
		tps=$(awk -v i="$variant" '$4 == i { print $3 }' "$scripts"/log.* | sort -n |
			awk '{ t[NR] = $1 } END { n = int(NR * 0.95); for (i = 1; i <= n; i++) s += t[i]; printf "%.0f", 1e6 * n / s }')
		sample "$2" "${variants[variant]}" tps "$3" "$tps"
	done
}

# processor KIND CASE ROUND: the server's own processor time for a statement, whatever else the machine does.  $scripts/KIND-VARIANT-cpu.sql
# are turns of many statements between two looks at the clock of the server process; one client takes them in random order.
processor() {
	local variant files=()
	for variant in "${variants[@]}"; do
		[ "$variant" = pg_ivm ] || files+=(-f "$scripts/$1-$variant-cpu.sql")
	done
	pgbench_run -t $((turns * ${#files[@]} / 2)) "${files[@]}" >/dev/null
	for variant in "${variants[@]}"; do
		[ "$variant" = pg_ivm ] ||
			sample "$2" "$variant" cpu_us "$3" "$(ask "percentile_cont(0.5) WITHIN GROUP (ORDER BY us) FROM cpu_log WHERE variant = '$variant'")"
	done
	sql -c "TRUNCATE cpu_log"
}

# cpu_script KIND VARIANT STATEMENTS: a turn; needs pgbench_script KIND VARIANT
cpu_script() {
	local script n
	script=$(pgbench_script "$1" "$2")
	echo '\set n :n + 1'
	echo 'SELECT bench_cpu() AS c1 \gset'
	for ((n = 0; n < $3; n++)); do echo "$script"; done
	echo 'SELECT bench_cpu() AS c2 \gset'
	echo "INSERT INTO cpu_log VALUES ('$2', (CAST(:c2 AS bigint) - CAST(:c1 AS bigint)) / (1000.0 * $3));"
}

# pgbench_run ARGUMENT...: run pgbench, print its rate
pgbench_run() {
	local tps
	tps=$({ pgbench -n -M prepared -D n=0 "$@" 2>"$out/pgbench.log" || true; } | awk '/^tps = / { print $3 }')
	[ -n "$tps" ] && ! grep -q -i error "$out/pgbench.log" || die "pgbench failed, see $out/pgbench.log"
	echo "$tps"
}

# instructions CASE=SQL...: run each statement 500 times, prepared, in a single-user server under valgrind, for the variants in
# $counted, and keep the instructions per execution, from reading the command to the end of its transaction.  In SQL, TABLE is the variant's table and $1 a number that grows by one.
instructions() {
	local variant case file part
	for variant in $counted; do fresh_rows "$variant"; done | sql
	sql -c "SELECT tviews_drain()" -c "VACUUM ANALYZE" -c CHECKPOINT
	rm -rf "$out/callgrind-$bar" && mkdir "$out/callgrind-$bar" # profiles of the variant with capture stay here
	"$root/scripts/cluster" stop "$cluster" >/dev/null
	for variant in $counted; do
		file=$base/$cluster/single
		rm -rf "$file" "$base/$cluster/copy" && mkdir "$file"
		cp -a "$base/$cluster/data" "$base/$cluster/copy"
		single_script "$variant" "$@" >"$file/script.sql"
		[ "$(id -u)" != 0 ] || chown -R "$run_user" "$file"
		as_server setarch -R valgrind --tool=callgrind --dump-before=bench_mark \
			--callgrind-out-file="$file/out" --log-file="$file/log" \
			"$base/$cluster/pg/usr/lib/postgresql/$pg_major/bin/postgres" --single -D "$base/$cluster/copy" \
			-c shared_preload_libraries= postgres <"$file/script.sql" >"$file/stdout" 2>&1 ||
			die "postgres --single failed, see $file"
		! grep -m 3 -E 'ERROR|FATAL' "$file/stdout" || die "postgres --single failed, see $file/stdout"
		part=1 # out.1 ends where the first case begins
		for case in "$@"; do
			part=$((part + 1))
			sample "${case%%=*}" "$variant" instructions 1 \
				"$(awk '/^(totals|summary):/ { n = $2 } END { printf "%d", n / 500 }' "$file/out.$part")"
			[ "$variant" != tviews ] || sample "${case%%=*}" tviews "instructions in the trigger function" 1 \
				"$(callgrind_annotate --inclusive=yes --threshold=100 "$file/out.$part" |
					awk '/:tvb_capture_trigger/ { gsub(/,/, "", $1); if ($1 + 0 > n) n = $1 + 0 } END { printf "%d", n / 500 }')"
		done
		[ "$variant" != tviews ] || cp "$file"/out.[2-9] "$out/callgrind-$bar"/
	done
	rm -rf "$base/$cluster/copy"
}

# fresh_rows VARIANT: the table as it began, with room on its pages, so that what earlier rounds left there makes no difference
fresh_rows() {
	echo "TRUNCATE tb_$1; ALTER TABLE tb_$1 SET (fillfactor = 80); INSERT INTO tb_$1 SELECT * FROM make_rows(1, 100000);"
}

single_script() {
	local variant=$1 case n at=0
	shift
	for case in "$@"; do
		at=$((at + 1))
		echo "PREPARE s$at(int) AS ${case#*=}" | sed "s/TABLE/tb_$variant/"
	done
	for n in $(seq 20); do # warm: plans become generic, caches are filled
		for at in $(seq $#); do echo "EXECUTE s$at($n)"; done
	done
	echo "SELECT bench_mark()"
	for at in $(seq $#); do
		for n in $(seq 21 520); do echo "EXECUTE s$at($n)"; done
		echo "SELECT bench_mark()"
	done
}
