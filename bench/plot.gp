# plot.gp - the curves of a bench run; usage: gnuplot -c plot.gp FOLDER
dir = ARG1
set terminal svg size 720,440 font "sans,13" background "white"
set grid
set key left top
set style data linespoints
set pointsize 0.7

exists_file(f) = int(system("[ -s '" . f . "' ] && echo 1 || echo 0"))

if (exists_file(dir . "/scaling.dat")) {
    set output dir . "/scaling.svg"
    set title "1,000 changed keys against the size of the TVIEW (bar 6)"
    set logscale x
    set xlabel "rows of the TVIEW"
    set ylabel "median, ms"
    set yrange [0:*]
    plot dir . "/scaling.dat" using 1:2 title "drain" lw 2 lc rgb "#0060ad", \
         "" using 1:3 title "fastest hand-written form" lw 2 lc rgb "#dd181f", \
         "" using 1:4 title "INSERT ... ON CONFLICT, array" dt 2 lc rgb "#999999", \
         "" using 1:5 title "INSERT ... ON CONFLICT, join" dt 3 lc rgb "#999999", \
         "" using 1:6 title "UPDATE FROM, array" dt 4 lc rgb "#999999", \
         "" using 1:7 title "UPDATE FROM, join" dt 5 lc rgb "#999999"
    unset logscale
}

if (exists_file(dir . "/pushdown.dat")) {
    set output dir . "/pushdown.svg"
    set title "100 changed keys over grouped tables (bar 5)"
    set logscale y
    set yrange [*:*]
    set xlabel ""
    set ylabel "median, ms"
    set style data histograms
    set style histogram clustered gap 2
    set style fill solid 0.8 border -1
    plot dir . "/pushdown.dat" using 2:xtic(1) title columnheader lc rgb "#9ecae1", \
         "" using 3 title columnheader lc rgb "#0060ad", \
         "" using 4 title columnheader lc rgb "#dd181f"
    unset logscale
    set style data linespoints
}

if (exists_file(dir . "/bloat.dat")) {
    set output dir . "/bloat.svg"
    set title "Drains of 10,000 changes while a snapshot stays open (bar 11)"
    set xlabel "drain"
    set ylabel "ms"
    set yrange [0:*]
    plot dir . "/bloat.dat" using 1:2 with points pt 7 ps 0.3 lc rgb "#0060ad" title "drain"
}
