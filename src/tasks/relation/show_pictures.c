#include "tasks/relation/show.h"

const esp_picture esp_relation_pictures[] = {
    {"space", "space.csv", "after_0", "The learned space, before and after training",
     "Particles of the first test set in the first two principal axes of the first layer's keys. Colour: the first "
     "(above) and second (below) hidden coordinate, which the network is never told; of data that have none, the first "
     "target.",
     860, 800,
     "stats data using 'z0' nooutput name 'A'\nstats data using 'z1' nooutput name 'B'\n"
     "known = A_max > A_min\nrows = known && B_max > B_min ? 2 : 1\nset multiplot layout rows,2\n"
     "set size square\nunset key\nunset colorbox\nset palette defined (0 '#2c5aa0', 0.5 '#e8e4d8', 1 '#b03a2e')\n"
     "do for [h=0:rows-1] {\ndo for [w in 'before after'] {\n"
     "set title w.' training: '.(known ? 'hidden coordinate '.h : 'target') noenhanced\n"
     "plot data using w.'_0':w.'_1':(known ? column('z'.h) : column('target')) with points pt 7 ps 0.35 lc "
     "palette\n}\n}\n"
     "unset multiplot\n"},
    {"cells", "cells.csv", "cell", "The tree's cells",
     "The same particles coloured by the node of the first layer's tree that holds them (the level of 16 nodes): left "
     "in the first two raw features, right, where they are known, in the first two hidden coordinates, where a tree "
     "that "
     "found the relation has compact cells.",
     860, 430,
     "stats data using 'hidden0' nooutput name 'A'\nknown = A_max > A_min\nset multiplot layout 1,known ? 2 : 1\n"
     "set size square\nunset key\nunset colorbox\nset cbrange [16:32]\nset palette model HSV functions gray,0.75,0.8\n"
     "set xlabel 'feature 0'\nset ylabel 'feature 1'\nplot data using 'x0':'x1':(column('cell')) with points pt 7 ps "
     "0.4 lc palette\n"
     "set xlabel 'hidden coordinate 0'\nset ylabel 'hidden coordinate 1'\n"
     "if (known) { plot data using 'hidden0':'hidden1':(column('cell')) with points pt 7 ps 0.4 lc palette }\nunset "
     "multiplot\n"},
    {0},
};
