/* GRIB files, editions 1 and 2, told by content and opened as an esp_grid_file: a variable is a short name of ecCodes at one
 * kind of level; its dimensions are times of validity, levels, and those of its grid. */
#ifndef ESP_GRIB_H
#define ESP_GRIB_H

#include "io/grid/file.h"

/* Needs no library of GRIB. Local, one rank. */
int esp_grib_is(const char *path, int *is);

/* ---- grib.c and grib_index.c, or grib_none.c, which says that this program was built without ecCodes ---- */

/* Rank 0 lists the messages; every rank then reads those that it needs. */
int esp_grib_open(const esp_comm *comm, const char *path, esp_grid_file *file);

/* One field: a message, or a part of one. */
typedef struct {
  int64_t offset;                                        /* bytes */
  int part;                                              /* of the message, from 0 */
  char name[32], standard_name[64], units[32], kind[40]; /* kind of level: "isobaricInhPa" */
  char grid[40], grid_type[32];                          /* a fingerprint of the grid; "regular_ll" */
  int64_t columns, rows, points;                         /* columns 0: points in no order */
  double level, hours;                                   /* of validity, since 1970-01-01 00 UTC */
} esp_grib_field;

/* Inside: all fields of a file, in its order; *field is the caller's. Local. ESP_ERR_FILE, ESP_ERR_FORMAT. */
int esp_grib_list(const char *path, esp_grib_field **field, int64_t *count);
/* All its numbers [points], NaN where it has none; `key`: "values", "latitudes", "longitudes". Local. */
int esp_grib_numbers(const char *path, const esp_grib_field *field, const char *key, double *value);

#endif
