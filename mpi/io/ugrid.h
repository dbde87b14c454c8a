/* Sets whose particles are cells of a sphere (tasks/outlines.h), for other programs: a NetCDF-4 file with the conventions
 * CF-1.8 and UGRID-1.0, float64.
 *
 *   mesh                          the topology: names of the next three
 *   mesh_face_nodes [face][corner]  from 0, counter-clockwise; -1 behind the last
 *   mesh_node_x, _y [node]        longitude and latitude, degrees
 *   mesh_face_x, _y [face]        those of the centre; their bounds, [face][corner], repeat the last corner, so that readers of
 *                                 CF that know no topology draw the same cells
 *   mesh_face_area [face]         m2
 *   time [time]                   hours since the first frame
 *   NAME [time][face]             a framed column of one number; of three, a vector: NAME_east, NAME_north; of other widths
 *                                 NAME_0, NAME_1, ...
 *   NAME [face]                   a column of one number that has no frames and is no weight
 *
 * A column's help is its long_name, its unit its units, `foreign`, or what the outlines say, its standard_name (of a vector with
 * eastward_ and northward_ before it). Numbers of the set are attributes about_NAME of the file. */
#ifndef ESP_UGRID_H
#define ESP_UGRID_H

#include "io/set_file.h"
#include "tasks/outlines.h"

/* 0: this program has no parallel NetCDF, and writing is ESP_ERR_CONFIG. Pure. */
int esp_ugrid_built(void);
/* Set s of a part, its share `set` and its outlines over file->comm, with all frames to PATH, a frame of a column at a time:
 * O(n / P) memory. Whole or absent; the same content from any number of ranks. Collective. Errors: ESP_ERR_FILE,
 * ESP_ERR_LIMIT for more nodes than 2^31 - 1, memory, those of reading. */
int esp_ugrid_write(const esp_set_file *file, esp_part part, int s, const esp_set *set, const esp_outlines *all,
                    const char *path);

#endif
