# lib.sh - what the bars share: a fresh cluster, samples, medians, figures.  Sourced by bench/run.
#
# A bar writes a psql script to standard output and pipes it into "play", which runs it in one session and keeps the
# samples.  The words of such scripts:
#
#   timed CASE VARIANT ROUND SQL           one statement (or several; their times are added), timed by psql, in ms
#   valued CASE VARIANT ROUND UNIT EXPR    the value of an SQL expression, not timed
#   drained CASE VARIANT ROUND             a timed tviews_drain(), with its keys, its rows written and the way taken
#
# A sample is a line "bar,case,variant,unit,round,value" of $samples.  Round 0 warms up and is never counted.
# Figures are derived from medians of samples and compared with the bar that bench/bars has for their id.

out=$root/build/bench

# Settings of every cluster.  full_page_writes is off because "warm, full pages already written" is what is measured;
# checkpoints run when a bar asks for one; autovacuum likewise.
bench_settings=(shared_buffers=1GB synchronous_commit=off fsync=off full_page_writes=off wal_level=replica
	max_wal_size=8GB checkpoint_timeout=1h autovacuum=off work_mem=4MB maintenance_work_mem=256MB
	max_parallel_workers_per_gather=0 max_parallel_maintenance_workers=0 jit=off track_commit_timestamp=off
	log_autovacuum_min_duration=-1 shared_preload_libraries=)

# new_cluster [setting=value ...]: an empty cluster with the extension and the bench's module
new_cluster() {
	"$root/scripts/cluster" start "$cluster" "${bench_settings[@]}" "$@"
	use_cluster "$cluster"
	sql <<-'END'
		CREATE EXTENSION pg_tviews_batch;
		CREATE FUNCTION bench_empty() RETURNS trigger LANGUAGE c AS 'bench';
		CREATE FUNCTION bench_mark() RETURNS void LANGUAGE c AS 'bench';
		CREATE FUNCTION bench_cpu() RETURNS bigint LANGUAGE c AS 'bench';
	END
}

psql_quiet=(psql -X -q -v ON_ERROR_STOP=1)
export PGOPTIONS="-c client_min_messages=warning"

# sql [psql argument ...]: run SQL, print nothing but errors
sql() { "${psql_quiet[@]}" "$@" >/dev/null; }

# ask EXPR: the value of an SQL expression
ask() { "${psql_quiet[@]}" -At -c "SELECT $1"; }

# empty_triggers TABLE: triggers that do nothing, with the transition tables that capture has
empty_triggers() {
	cat <<-END
		CREATE TRIGGER empty_i AFTER INSERT ON $1 REFERENCING NEW TABLE AS new FOR EACH STATEMENT EXECUTE FUNCTION bench_empty();
		CREATE TRIGGER empty_u AFTER UPDATE ON $1 REFERENCING OLD TABLE AS old NEW TABLE AS new FOR EACH STATEMENT EXECUTE FUNCTION bench_empty();
		CREATE TRIGGER empty_d AFTER DELETE ON $1 REFERENCING OLD TABLE AS old FOR EACH STATEMENT EXECUTE FUNCTION bench_empty();
		CREATE TRIGGER empty_t AFTER TRUNCATE ON $1 FOR EACH STATEMENT EXECUTE FUNCTION bench_empty();
	END
}

# ----------
# Scripts
# ----------

timed() { printf '\\echo @ %s,%s,ms,%s\n\\timing on\n%s;\n\\timing off\n\\echo @\n' "$1" "$2" "$3" "$4"; }

valued() { printf 'SELECT %s AS v \\gset\n\\echo = %s,%s,%s,%s,:v\n' "$5" "$1" "$2" "$4" "$3"; }

drained() {
	printf '\\echo @ %s,%s,ms,%s\n\\timing on\n' "$1" "$2" "$3"
	printf 'SELECT keys AS v_keys, inserted + updated + deleted AS v_rows, failed AS v_failed, levels AS v_levels FROM tviews_drain() \\gset\n'
	printf '\\timing off\n\\echo @\n'
	printf '\\echo = %s,%s,keys,%s,:v_keys\n\\echo = %s,%s,rows,%s,:v_rows\n\\echo = %s,%s,failed,%s,:v_failed\n\\echo = %s,%s,levels,%s,:v_levels\n' \
		"$1" "$2" "$3" "$1" "$2" "$3" "$1" "$2" "$3" "$1" "$2" "$3"
	valued "$1" "$2" "$3" way "(SELECT CASE WHEN compared > 0 AND keyed > 0 THEN 'both' WHEN compared > 0 THEN 'compared' ELSE 'keyed' END FROM tviews_drains ORDER BY id DESC LIMIT 1)"
}

# rotate ROUND ITEM...: the items, begun with another one each round
rotate() {
	local by=$(($1 % ($# - 1)))
	shift
	printf '%s\n' "${@:by+1}" "${@:1:by}"
}

# play [psql argument ...]: run the script on standard input; its samples go to $samples.  An error ends the bar.
play() {
	{ echo '\o /dev/null' && cat; } | "${psql_quiet[@]}" "$@" >"$out/play.log" || die "bar $bar: psql failed, see above"
	awk -v bar="$bar" '
		function flush() { if (key != "" && timed) { split(key, k, ","); print bar "," k[1] "," k[2] "," k[3] "," k[4] "," sum } }
		/^@/ { flush(); key = substr($0, 3); sum = 0; timed = 0 }
		/^Time: / && key != "" { sum += $2; timed = 1 }
		/^= / { print bar "," substr($0, 3) }
		END { flush() }' "$out/play.log" >>"$samples"
}

# sample CASE VARIANT UNIT ROUND VALUE: keep a value that a shell measured
sample() {
	check_number "$1 $2" "$5"
	echo "$bar,$1,$2,$3,$4,$5" >>"$samples"
}

# ----------
# Figures
# ----------

# median CASE VARIANT [UNIT]: of all rounds but 0
median() {
	awk -F, -v c="$1" -v v="$2" -v u="${3:-ms}" '$2 == c && $3 == v && $4 == u && $5 > 0 { print $6 }' "$samples" | sort -g |
		awk '{ a[NR] = $1 } END { if (NR == 0) exit 1; print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }' ||
		die "bar $bar: no samples of $1, $2, ${3:-ms}"
}

# fastest CASE VARIANT...: the smallest median
fastest() {
	local c=$1 v
	shift
	for v in "$@"; do median "$c" "$v"; done | sort -g | head -n 1
}

# calc EXPRESSION: arithmetic, to four digits
calc() { awk "BEGIN { printf \"%.4g\", $1 }"; }

# figure ID CASE VALUE: print a figure with its bar and whether it is reached, and keep it
figure() {
	local op limit what reached
	check_number "$2" "$3"
	read -r _ op limit what < <(grep -E "^${1//./\\.} " "$root/bench/bars") || die "bench/bars has no $1"
	reached=$(awk -v x="$3" -v l="$limit" -v op="$op" 'BEGIN { print (op == "<=" ? x + 0 <= l + 0 : x + 0 >= l + 0) ? "reached" : "not reached" }')
	printf '  %-12s %-44s %10s   bar %s %-5s %s\n' "$1" "$2" "$3" "$op" "$limit" "$reached"
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$bar" "$1" "$2" "$3" "$op" "$limit" "$reached" "$what" >>"$results"
}

# check_number WHAT VALUE: an error inside $(...) must not become a figure
check_number() { [[ $2 =~ ^-?[0-9.]+(e[-+]?[0-9]+)?$ ]] || die "bar $bar: no number for $1: '$2'"; }

# also CASE WHAT VALUE: a figure without a bar
also() {
	check_number "$1" "$3"
	printf '  %-12s %-44s %10s   %s\n' "$bar" "$1" "$3" "$2"
	printf '%s\t\t%s\t%s\t\t\t\t%s\n' "$bar" "$1" "$3" "$2" >>"$results"
}

# note TEXT: a remark that belongs to the bar's figures
note() {
	printf '  %s\n' "$*"
	echo "$*" >>"$notes"
}

# same TABLE VIEW: end the bar if they are not equal; a figure about wrong rows is none
same() {
	[ "$(ask "NOT EXISTS (TABLE $1 EXCEPT ALL TABLE $2) AND NOT EXISTS (TABLE $2 EXCEPT ALL TABLE $1)")" = t ] ||
		die "bar $bar: $1 and $2 differ"
}

# ways CASE: the ways that drains of a case took
ways() { awk -F, -v c="$1" '$2 == c && $3 ~ /^tviews/ && $4 == "way" { print $6 }' "$samples" | sort -u | paste -sd ' '; }

# hand FILE: a hand-written statement of bench/sql
hand() { sed '/^--/d' "$root/bench/sql/$1.sql" | tr -d ';'; }

# expect CASE VARIANT UNIT VALUE: end the bar if a median is another one; then it did not do the work it is timed for
expect() {
	local is
	is=$(median "$1" "$2" "$3")
	[ "$is" = "$4" ] || die "bar $bar, $1: $3 is $is, not $4"
}

# fastest_form CASE VARIANT...: which one has the smallest median
fastest_form() {
	local c=$1 v
	shift
	for v in "$@"; do echo "$(median "$c" "$v") $v"; done | sort -g | awk 'NR == 1 { print $2 }'
}
