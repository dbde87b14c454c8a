#include "tasks/nodes/show.h"

const esp_picture esp_nodes_pictures[] = {
    {"learned_space", "learned_space.csv", "axis_0", "The learned space",
     "Nodes of the test set in the first two principal axes of the keys, coloured by class (left) and by what is said "
     "of them "
     "(right); those without a class are left out.",
     900, 460,
     "set multiplot layout 1,2\nset size square\nunset key\nset xlabel 'first principal axis'\n"
     "set ylabel 'second principal axis'\nstats data using 'class' nooutput name 'C'\n"
     "set cbrange [-0.5:C_max + 0.5]\nset cblabel 'class'\nset palette maxcolors (C_max > 0 ? C_max + 1 : 2)\n"
     "set palette model HSV functions gray*0.9,0.75,0.8\n"
     "do for [w in 'class said'] {\nset title w\n"
     "plot data using (column('class') < 0 ? NaN : column('axis_0')):'axis_1':w with points pt 7 ps 0.35 lc "
     "palette\n}\n"
     "unset multiplot\n"},
    {"confusion", "confusion.csv", "said", "Who is taken for whom",
     "Of the test nodes of a class (row) the share that is said to be of each class (column).", 560, 520,
     "set size square\nunset key\nset xlabel 'said'\nset ylabel 'class'\nset yrange [*:*] reverse\nset xtics 1\nset "
     "ytics 1\n"
     "set cbrange [0:1]\nset palette defined (0 '#ffffff', 1 '#1f5fa8')\n"
     "plot data using 'said':'class':'share' with image, data using 'said':'class':(sprintf('%.2f', column('share'))) "
     "with "
     "labels notitle\n"},
    {"budgets", "budgets.csv", "near_alone", "Accuracy against near pairs",
     "The trained network with other numbers of near pairs, far cells with it and without; at the right all pairs.",
     760, 460,
     "set logscale x\nset xlabel 'near pairs over all pairs'\nset ylabel 'accuracy'\nset key bottom right\n"
     "plot data using 'share':'accuracy' with linespoints lw 2 pt 7 lc rgb '#1f5fa8' title 'near pairs and far cells', "
     "data using 'share':'near_alone' with linespoints lw 2 pt 6 lc rgb '#b03a2e' title 'near pairs alone'\n"},
    {0},
};
