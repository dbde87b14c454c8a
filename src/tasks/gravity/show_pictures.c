#include "tasks/gravity/show.h"

const esp_picture esp_gravity_pictures[] = {
    {"scatter", "scatter.csv", NULL, "Predicted against true displacement",
     "Components of D of a sample of particles of the largest test set, in mean spacings; the line is equality.", 560,
     520,
     "set size square\nset key left top\nset xlabel 'true'\nset ylabel 'predicted'\n"
     "plot x with lines lc rgb '#999999' title 'equal', data using 'true':'ballistic' with dots lc rgb '#cc8800' title "
     "'ballistic (0)', '' using 'true':'predicted' with points pt 7 ps 0.25 lc rgb '#1f5fa8' title 'trained "
     "network'\n"},
    {"tree", "tree.csv", NULL, "The tree's cells and who owns them",
     "Nodes of one level of the first layer's tree that the mid-plane cuts (of a two-dimensional set: all). Colour: "
     "owning rank.",
     640, 620,
     "set size ratio -1\nunset colorbox\nset cbrange [0:1]\nset palette model HSV functions gray,0.45,0.95\nset style "
     "fill solid 0.8 border lc "
     "rgb '#555555'\nset xlabel 'x'\nset ylabel 'y'\n"
     "plot data using "
     "((column('xmin')+column('xmax'))/2):((column('ymin')+column('ymax'))/2):'xmin':'xmax':'ymin':'ymax':"
     "(column('owner')/(column('ranks')+0.0)) with boxxyerror lc palette notitle\n"},
    {"owners", "owners.csv", NULL, "Which rank owns what",
     "A sample of the particles, coloured by the rank that owns their slot.", 640, 620,
     "set size ratio -1\nunset colorbox\nset cbrange [0:1]\nset palette model HSV functions gray,0.8,0.75\nset xlabel "
     "'x'\nset ylabel 'y'\n"
     "plot data using 'x':'y':(column('owner')/(column('ranks')+0.0)) with points pt 7 ps 0.25 lc palette notitle\n"},
    {0},
};
