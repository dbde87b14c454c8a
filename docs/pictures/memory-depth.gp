# Memory against depth, from the table "Memory" of docs/figures/deep.md:
#   cd docs/pictures && gnuplot memory-depth.gp >memory-depth.svg
set terminal svg size 760,460 fixed enhanced font 'sans,13' background 'white'
set encoding utf8
set datafile separator '|'
set grid lc rgb '#dddddd'
set border lc rgb '#888888'
set logscale xy
set xtics (4, 16, 28, 64, 256, 1024)
set xlabel 'layers'
set ylabel 'state and activations of a step, MiB'
set key left top
table = "sed -n '/^## Memory/,/^!/p' ../figures/deep.md | tr -d '*'"
rows(depth) = sprintf("< %s | grep -E '^\\| [0-9]+ \\| %s \\|'", table, depth)
solved = real(system(table." | grep -F '| equilibrium |' | cut -d '|' -f 6")) # whatever the number of iterations
plot [3:1400] [10:8000] \
  rows('(plain, )?residual') using 2:6 with linespoints lw 2 pt 7 lc rgb '#b03a2e' title 'plain, residual', \
  rows('residual, tied') using 2:6 with linespoints dt 2 lw 2 pt 6 lc rgb '#d68910' title 'residual, tied', \
  solved with lines dt 3 lw 2 lc rgb '#1e8449' title 'equilibrium, any number of iterations', \
  rows('reversible') using 2:6 with linespoints lw 2 pt 5 lc rgb '#1f5fa8' title 'reversible'
