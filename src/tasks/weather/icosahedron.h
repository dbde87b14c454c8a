/* The icosahedral grid: the icosahedron's 12 corners and, bisection by bisection, the midpoints of all edges, brought to the
 * unit sphere: 10 4^level + 2 points, of which 12 have five neighbours, the others six.
 *
 * A point's number is (rhombus, i, j): two triangles of the icosahedron make a rhombus, five of them from the north pole down
 * to the lower ring of corners, five from the upper ring down to the south pole; each owns n x n points, n = 2^level, and
 * the two poles come last. So places and neighbours follow from a number alone, and nobody needs the whole grid.
 *
 * Lineage: R. Sadourny, A. Arakawa, Y. Mintz, Mon. Wea. Rev. 96 (1968) 351; numbering by rhombi: D. Majewski et al.,
 * Mon. Wea. Rev. 130 (2002) 319. Everything is local and pure; levels 1 to 12. */
#ifndef ESP_ICOSAHEDRON_H
#define ESP_ICOSAHEDRON_H

#include <stdint.h>

/* Points of a level. */
int64_t esp_icosahedron_points(int level);
/* Place of a point on the unit sphere. */
void esp_icosahedron_place(int level, int64_t id, double x[3]);
/* Numbers of the neighbours, counter-clockwise seen from outside; returns how many, 5 or 6. */
int esp_icosahedron_neighbours(int level, int64_t id, int64_t neighbour[6]);
/* The triangles of the grid, 20 4^level of them: those of numbers 2 id and 2 id + 1 have a corner at point id, which is no
 * pole. Numbers of those around a point, the k-th between its neighbours k and k + 1. */
void esp_icosahedron_triangles(int level, int64_t id, int64_t triangle[6]);

#endif
