# heap.gnuplot - heap-sites.csv as bars
set terminal svg size 1000,420 font 'sans,13' background rgb 'white' noenhanced
set output 'heap.svg'
set datafile separator ','
set style fill solid 0.6
set yrange [*:*] reverse
set xlabel 'MB at the peak'
set grid x
unset key
set ytics nomirror
plot 'heap-sites.csv' using ($2/2e6):0:($2/2e6):(0.35):ytic(1) with boxxyerror
