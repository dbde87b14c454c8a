#include "tasks/relation/show.h"

/* The same scale along both axes of all panels: of what the columns say. Behind all other stats, which see what is in range. */
#define SCALE                                                                                           \
  "low = 0\nhigh = 0\ndo for [c in scaled] {\nstats data using c nooutput name 'S'\n"                   \
  "low = S_min < low ? S_min : low\nhigh = S_max > high ? S_max : high\n}\nrim = 0.03 * (high - low)\n" \
  "if (rim > 0) { set xrange [low-rim:high+rim]\nset yrange [low-rim:high+rim] }\nset size square\nunset key\n"

const esp_picture esp_relation_pictures[] = {
    {"space", "space.csv", "after_0", "The learned space, before and after training",
     "Particles of the first test set in the first two principal axes of the first layer's keys, of the same scale "
     "before and after. Colour: the first (above) and second (below) hidden coordinate, which the network is never "
     "told; of data that have none, the first target.",
     900, 800,
     "stats data using 'z0' nooutput name 'A'\nstats data using 'z1' nooutput name 'B'\n"
     "stats data using 'target' nooutput name 'T'\n"
     "known = A_max > A_min\nrows = known && B_max > B_min ? 2 : 1\n"
     "scaled = 'before_0 before_1 after_0 after_1'\n" SCALE "set multiplot layout rows,2\n"
     "least = !known ? T_min : rows > 1 && B_min < A_min ? B_min : A_min\n"
     "most = !known ? T_max : rows > 1 && B_max > A_max ? B_max : A_max\n"
     "if (most > least) { set cbrange [least:most] }\n"
     "set xlabel 'first principal axis'\nset ylabel 'second principal axis'\n"
     "set palette defined (0 '#2c5aa0', 0.5 '#e8e4d8', 1 '#b03a2e')\n"
     "do for [h=0:rows-1] {\ndo for [w in 'before after'] {\n"
     "set title w.' training' noenhanced\nset cblabel known ? 'hidden coordinate '.h : 'target'\n"
     "plot data using w.'_0':w.'_1':(known ? column('z'.h) : column('target')) with points pt 7 ps 0.35 lc "
     "palette\n}\n}\n"
     "unset multiplot\n"},
    {"cells", "cells.csv", "cell", "The tree's cells",
     "The same particles coloured by the node of the first layer's tree that holds them (the level of 16 nodes): left "
     "in the first two raw features, right, where they are known, in the first two hidden coordinates, where a tree "
     "that found the relation has compact cells.",
     900, 430,
     "stats data using 'hidden0' nooutput name 'A'\nknown = A_max > A_min\n"
     "stats data using 'cell' nooutput name 'C'\n"
     "scaled = known ? 'x0 x1 hidden0 hidden1' : 'x0 x1'\n" SCALE
     "set multiplot layout 1,known ? 2 : 1\nset cblabel 'node of the tree'\nset cbrange [C_min-0.5:C_max+0.5]\n"
     "set palette maxcolors (C_max > C_min ? C_max - C_min + 1 : 2)\nset palette model HSV functions "
     "gray*0.9,0.75,0.8\n"
     "set xlabel 'feature 0'\nset ylabel 'feature 1'\nplot data using 'x0':'x1':'cell' with points pt 7 ps "
     "0.4 lc palette\n"
     "set xlabel 'hidden coordinate 0'\nset ylabel 'hidden coordinate 1'\n"
     "if (known) { plot data using 'hidden0':'hidden1':'cell' with points pt 7 ps 0.4 lc palette }\nunset "
     "multiplot\n"},
    {0},
};
