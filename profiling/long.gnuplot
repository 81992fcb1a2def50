# long.gnuplot - long-picture.csv as a picture: memory of each backend and its growth, queue, lag
set terminal svg size 1000,1100 font 'sans,13' background rgb 'white'
set output 'long.svg'
set datafile separator ','
set multiplot layout 4,1
set grid
set lmargin 9
set rmargin 26
set tmargin 2
set key at screen 0.985, graph 1 right top
array names[5] = ['drains', 'the loop', 'writes', 'TVIEWs come, go', 'control (no TVIEWs)']
array colours[5] = ['#1b6ca8', '#2e8b57', '#8a63b8', '#d1641f', '#707070']
set title 'anonymous memory, MB'
set yrange [0:*]
plot for [i=1:5] 'long-picture.csv' skip 1 using 1:2*i with points pt 7 ps 0.3 lc rgb colours[i] title names[i]
unset key
set title 'its growth since the warm-up, kB'
set yrange [*:*]
plot for [i=1:5] 'long-picture.csv' skip 1 using 1:2*i+1 with points pt 7 ps 0.3 lc rgb colours[i] 
set yrange [0:*]
set title 'changes waiting (most in each 1/200 of the time)'
plot 'long-picture.csv' skip 1 using 1:12 with impulses lc rgb colours[1]
set xlabel 'minutes'
set title 'lag, ms (longest in each 1/200 of the time)'
plot 'long-picture.csv' skip 1 using 1:13 with impulses lc rgb colours[1]
unset multiplot
