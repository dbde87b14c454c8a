/* Outlines of the cells of a sphere that the particles of a set are, for other programs: polygons, each corner a node that the
 * cells around it share. */
#ifndef ESP_OUTLINES_H
#define ESP_OUTLINES_H

#include <stdint.h>

#include "base/set.h"

/* Of this rank's share of the set; corners, nodes and centres are points of the unit sphere. A column of three numbers that is
 * framed is a vector along x, y, z, tangent to the sphere. */
typedef struct {
  int most;             /* corners that a cell has at most */
  int64_t *node;        /* [n_home][most] of a corner, counter-clockwise seen from outside; -1 behind the last */
  double (*corner)[3];  /* [n_home][most] its place */
  double (*centre)[3];  /* [n_home] */
  double *area;         /* [n_home] m^2 */
  int64_t nodes, first; /* nodes in all; the first of those whose places are here: each is on one rank, in rank order */
  int n_node;
  double (*place)[3];                     /* [n_node] */
  double hours;                           /* between two frames */
  const char *since;                      /* date of the first frame, "2000-01-01 00:00:00" */
  const char *standard_name[ESP_COLUMNS]; /* CF's, of a column for which it is not `foreign`; NULL: it is */
} esp_outlines;

/* Allocates for a share of n_home particles and n_node nodes; zeroed. Local. */
int esp_outlines_create(const esp_set *set, int most, int n_node, esp_outlines *all);
void esp_outlines_free(esp_outlines *all);

#endif
