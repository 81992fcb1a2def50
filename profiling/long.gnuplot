# long.gnuplot - long.csv as a picture: memory of each backend, queue, lag
set terminal svg size 1000,900 font 'sans,13' background rgb 'white'
set output 'long.svg'
set datafile separator ','
set multiplot layout 3,1
set grid
set key outside right
set xlabel 'minutes'
set ylabel 'anonymous memory, MB'
set yrange [0:*]
plot for [r in 'drain loop writer ddl'] 'long.csv' every 15::1 using ($1/60):(stringcolumn(2) eq r ? $4/1048576 : NaN) with points pt 7 ps 0.3 title r
set ylabel 'queue, changes'
plot 'long.csv' every 15::1 using ($1/60):7 with points pt 7 ps 0.3 title 'waiting'
set ylabel 'lag, ms'
plot 'long.csv' every 15::1 using ($1/60):8 with points pt 7 ps 0.3 title 'oldest'
unset multiplot
