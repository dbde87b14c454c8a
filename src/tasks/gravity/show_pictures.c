#include "tasks/gravity/show.h"

/* Who owns what has a colour a rank, told by the bar. */
#define OWNERS                                                                                            \
  "set size ratio -1\nset xlabel 'x, mean spacings'\nset ylabel 'y, mean spacings'\n"                     \
  "stats data using 'ranks' nooutput name 'R'\nset cbrange [-0.5:R_max-0.5]\nset cblabel 'owning rank'\n" \
  "set cbtics ceil(R_max/16.0)\nset palette maxcolors (R_max > 1 ? R_max : 2)\n"

const esp_picture esp_gravity_pictures[] = {
    {"scatter", "scatter.csv", NULL, "Predicted against true displacement",
     "Components of D of a sample of particles of the largest test set, in mean spacings; the line is equality.", 560,
     520,
     "set size square\nset key left top\nset xlabel 'true, mean spacings'\nset ylabel 'predicted, mean spacings'\n"
     "stats data using 'true' nooutput name 'A'\nstats data using 'predicted' nooutput name 'B'\n"
     "low = A_min < B_min ? A_min : B_min\nhigh = A_max > B_max ? A_max : B_max\n"
     "if (high > low) { set xrange [low:high]\nset yrange [low:high] }\n"
     "plot x with lines lc rgb '#999999' title 'equal', data using 'true':'ballistic' with dots lc rgb '#cc8800' title "
     "'ballistic (0)', '' using 'true':'predicted' with points pt 7 ps 0.25 lc rgb '#1f5fa8' title 'trained "
     "network'\n"},
    {"tree", "tree.csv", NULL, "The tree's cells and who owns them",
     "Nodes of one level of the first layer's tree that the mid-plane cuts (of a two-dimensional set: all). Colour: "
     "owning rank.",
     700, 620,
     OWNERS "set palette model HSV functions gray*0.85,0.45,0.95\nset style fill solid 0.8 border lc rgb '#555555'\n"
            "plot data using "
            "((column('xmin')+column('xmax'))/2):((column('ymin')+column('ymax'))/2):'xmin':'xmax':'ymin':'ymax':"
            "'owner' with boxxyerror lc palette notitle\n"},
    {"owners", "owners.csv", NULL, "Which rank owns what",
     "A sample of the particles, coloured by the rank that owns their slot.", 700, 620,
     OWNERS "set palette model HSV functions gray*0.85,0.8,0.75\n"
            "plot data using 'x':'y':'owner' with points pt 7 ps 0.25 lc palette notitle\n"},
    {0},
};
