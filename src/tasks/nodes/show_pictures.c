#include "tasks/nodes/show.h"

const esp_picture esp_nodes_pictures[] = {
    /* Colours that nobody takes for each other (Okabe and Ito, 2008, and two more) and forms; from class 10 on the colours come
     * again, of other forms. Nodes are drawn in their order, so that no class lies above the others. */
    {"learned_space", "learned_space.csv", "axis_0", "The learned space",
     "Nodes of the test set in the first two principal axes of the keys, in widths of the gate: left by class (rings: "
     "told, that is, learned from), right by what is said of them. Nodes without a class are left out.",
     960, 460,
     "array tint[10] = [0x0072B2, 0xE69F00, 0x009E73, 0xCC79A7, 0x56B4E9, 0xD55E00, 0x000000, 0xB8A800, 0x8C8C8C, "
     "0x882255]\n"
     "array form[5] = [7, 5, 9, 13, 11]\n"
     "tone(c) = tint[int(c) % 10 + 1]\nshape(c) = form[(int(c) % 10 + int(c) / 10) % 5 + 1]\n"
     "has(c) = column('class') < 0 ? NaN : column(c)\n"
     "stats data using 'class' nooutput name 'C'\nstats data using 'said' nooutput name 'S'\n"
     "stats data using 'axis_0' nooutput name 'X'\nstats data using 'axis_1' nooutput name 'Y'\n"
     "most = C_max > S_max ? int(C_max) : int(S_max)\nif (most > 23) { most = 23 }\n"
     "half = 0.53 * (X_max - X_min > Y_max - Y_min ? X_max - X_min : Y_max - Y_min) + 1e-9\n"
     "set xrange [(X_min + X_max) / 2 - half:(X_min + X_max) / 2 + half]\n"
     "set yrange [(Y_min + Y_max) / 2 - half:(Y_min + Y_max) / 2 + half]\n"
     "set multiplot layout 1,2 margins 0.07,0.88,0.13,0.93 spacing 0.08\nset size square\n"
     "set xlabel 'first principal axis / gate width'\nset ylabel 'second principal axis / gate width'\n"
     "set key at screen 0.995,0.92 top right vertical maxrows 30 samplen 1 font ',11'\n"
     "do for [w in 'class said'] {\nset title w eq 'class' ? 'class' : 'what is said'\n"
     "plot data using (has('axis_0')):'axis_1':(shape(has(w))):(tone(has(w))) with points pt variable lc rgb variable "
     "ps 0.4 notitle, "
     "data using (w eq 'class' && column('split') == 1 ? has('axis_0') : NaN):'axis_1' with points pt 6 ps 0.7 lw 0.7 "
     "lc rgb '#000000' title w eq 'class' ? 'told' : '', "
     "for [c=0:most] NaN with points pt shape(c) lc rgb tone(c) title w eq 'class' ? sprintf('class %d', c) : ''\n}\n"
     "unset multiplot\n"},
    {"confusion", "confusion.csv", "said", "Who is taken for whom",
     "Of the test nodes of a class (row) the share that is said to be of each class (column).", 600, 540,
     "stats data using 'said' nooutput name 'S'\nK = int(S_max) + 1\n"
     "set size square\nunset key\nunset grid\nset tics out nomirror\nset xlabel 'class that is said'\nset ylabel "
     "'class'\n"
     "set cblabel 'share of the class'\nset xrange [-0.5:K - 0.5]\nset yrange [K - 0.5:-0.5]\n"
     "if (K <= 24) { set xtics 1; set ytics 1 }\n"
     "set cbrange [0:1]\nset palette defined (0 '#ffffff', 1 '#1f5fa8')\n"
     "plot data using 'said':'class':'share' with image pixels, "
     "data using 'said':'class':(K > 24 ? '' : sprintf(K > 12 ? '%.1f' : '%.2f', column('share'))):"
     "(column('share') > 0.55 ? 0xffffff : 0x222222) with labels font ',11' tc rgb variable\n"},
    {"resolution", "resolution.csv", "near_alone", "Accuracy against near pairs",
     "The trained network over trees of several opening angles, cells by their plain means: near pairs with far cells, "
     "and "
     "alone; at the right all pairs. Large ring: the network's own tree. Bars: standard error of a share of so many "
     "nodes; the "
     "same nodes judge all points, so that these differ by less.",
     760, 460,
     "set logscale x\nset xlabel 'near pairs, % of all pairs' noenhanced\nset ylabel figure noenhanced\n"
     "set key bottom right\nset format x '%g'\n"
     "stats data using 'accuracy' nooutput name 'A'\nstats data using 'near_alone' nooutput name 'B'\n"
     "low = A_min < B_min ? A_min : B_min\nhigh = A_max > B_max ? A_max : B_max\n"
     "set yrange [(low > 0.05 ? low - 0.05 : 0):(high < 0.95 ? high + 0.05 : 1)]\nset offsets graph 0.04, graph 0.04, "
     "0, 0\n"
     "x = \"(100 * column('share'))\"\n"
     "plot data using @x:'near_alone' smooth unique with linespoints lw 2 pt 4 lc rgb '#b8600b' title 'near pairs "
     "alone', "
     "data using @x:'accuracy' smooth unique with lines lw 2 lc rgb '#1f5fa8' notitle, "
     "data using @x:'accuracy':'error' with yerrorbars lw 1 pt 7 lc rgb '#1f5fa8' title 'near pairs and far cells', "
     "data using (column('own') == 1 ? @x : NaN):'accuracy' with points pt 6 ps 2 lw 2 lc rgb '#1f5fa8' title 'own "
     "tree'\n"},
    {0},
};
