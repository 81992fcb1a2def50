# report.sh - what a run leaves: CSV files, curves, and the page docs/performance.md.  Sourced by bench/run.

# report: put the bars' files together in $out; a full run of all bars also becomes docs/performance.md
report() {
	{ echo "bar,case,variant,unit,round,value" && cat "$out"/samples-*.csv; } >"$out/samples.csv"
	{ echo "bar,figure,case,value,op,limit,reached,what" && results_tabs | sed 's/"/""/g; s/\t/","/g; s/^/"/; s/$/"/'; } >"$out/results.csv"
	gnuplot -c "$root/bench/plot.gp" "$out" || die "gnuplot failed"
	page >"$out/performance.md"
	say "" "results: $out/results.csv, samples.csv, performance.md, *.svg"
	if [ -n "$all" ] && [ -z "$quick" ]; then
		mkdir -p "$root/docs/performance"
		cp "$out"/{scaling,pushdown,bloat}.svg "$root/docs/performance/"
		cp "$out/performance.md" "$root/docs/performance.md"
		say "wrote docs/performance.md and docs/performance/*.svg"
	fi
}

# page: docs/performance.md
page() {
	local bar
	cat <<-END
		# Performance

		What pg_tviews_batch costs, measured beside what it is compared with. \`make bench\` writes this page; the paragraphs on what limits a
		figure are written by hand (\`bench/limits.md\`). $(kind_of_run)

		Everything is a ratio or a difference of things measured in the same run, in alternation, in rotating order, on the same machine and server.
		The milliseconds are there to see what the ratios are made of; on another machine they are others.

		## The bars

		A bar that is not reached is called that. "one row" is one statement that changes one row.

		| bar | what is measured | case | measured | bar | |
		|---|---|---|---:|---:|---|
	END
	for bar in $(measured_bars); do bar_rows "$bar"; done
	echo
	echo "$(awk -F'\t' '$7 == "reached"' <(results_tabs) | wc -l) reached, $(awk -F'\t' '$7 == "not reached"' <(results_tabs) | wc -l) not reached."
	machine
	for bar in $(measured_bars); do bar_section "$bar"; done
}

kind_of_run() {
	if [ -n "$quick" ]; then
		echo "This is a quick run: smaller tables, fewer rounds."
	elif [ -z "$all" ]; then
		echo "This page holds some of the bars only."
	fi
}

# results_tabs: all figures, with tabs between the fields
results_tabs() { cat "$out"/results-*.tab; }

measured_bars() {
	local bar
	for bar in $(seq 13); do [ ! -s "$out/results-$bar.tab" ] || echo "$bar"; done
}

bar_rows() {
	awk -F'\t' '$6 != "" {
		printf "| %s | %s | %s | %s | %s %s | %s |\n", $1, $8, $3, $4, ($5 == "<=" ? "&le;" : "&ge;"), $6, ($7 == "reached" ? "reached" : "**not reached**")
	}' "$out/results-$1.tab"
}

# bar_section BAR: its other figures, medians, notes and what limits it
bar_section() {
	echo
	echo "## Bar $1: $(sed -n '2s/^# *//p' "$root/bench/bar/$(printf '%02d' "$1").sh")"
	sed -n "/^## bar $1\$/,/^## bar/{/^## bar/d;p}" "$root/bench/limits.md"
	[ ! -s "$out/notes-$1.txt" ] || { echo && cat "$out/notes-$1.txt"; }
	case $1 in
	5) printf '\n![drains of 100 keys over grouped tables](performance/pushdown.svg)\n' ;;
	6) printf '\n![time against size](performance/scaling.svg)\n' ;;
	11) printf '\n![drains under an open snapshot](performance/bloat.svg)\n' ;;
	esac
	if awk -F'\t' '$6 == "" { n++ } END { exit !n }' "$out/results-$1.tab"; then
		printf '\n| shown besides | | |\n|---|---|---:|\n'
		awk -F'\t' '$6 == "" { printf "| %s | %s | %s |\n", $3, $8, $4 }' "$out/results-$1.tab"
	fi
	printf '\n| medians | variant | | unit | rounds |\n|---|---|---:|---|---:|\n'
	medians "$out/samples-$1.csv"
}

# medians FILE: a line per case, variant and unit
medians() {
	awk -F, '$5 > 0 && $4 != "way" && $4 != "failed" && $4 != "levels" { print $2 "," $3 "," $4 }' "$1" | awk '!seen[$0]++' |
		while IFS=, read -r case variant unit; do
			echo "| $case | $variant | $(samples=$1 median "$case" "$variant" "$unit" | awk '{ printf "%.5g", $1 }') | $unit | $(awk -F, -v c="$case" -v v="$variant" -v u="$unit" '$2 == c && $3 == v && $4 == u && $5 > 0' "$1" | wc -l) |"
		done
}

machine() {
	cat <<-END

		## Machine and server

		| | |
		|---|---|
		| processor | $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores |
		| memory | $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo) |
		| system | $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r) |
		| file system of the cluster | $(df --output=fstype "$base" | tail -n 1) |
		| load when the run began | $load |
		| server | $("$system_pg/bin/postgres" --version) |
		| extension | $(sed -n "s/^default_version *= *//p" "$root/pg_tviews_batch.control" | tr -d "'")$(git -C "$root" rev-parse --short HEAD 2>/dev/null | sed 's/^/, commit /') |
		| settings | $(printf '`%s` ' "${bench_settings[@]}") |
		| tviews_batch.* | as they come |
		| duration | $(cat "$out"/seconds-*.txt | awk '{ s += $1 } END { printf "%.0f min", s / 60 }') |

		\`full_page_writes\` is off because what is measured is a server whose pages have been written since the last checkpoint; checkpoints and
		VACUUM run between rounds, never in them. \`fsync\` is off so that the disk adds to no side: with a disk that takes time, every ratio of
		something that writes to something that writes as much is nearer to 1. A round 0 warms up and is not counted.
	END
}
