/* The table of other codes' file formats. A row is a const esp_format, listed in formats.c; no verb knows a format by name.
 *
 * What a file holds becomes the columns of a set by their foreign names (esp_column: "position", "velocity", "mass") and
 * numbers by name ("dim", "G", "box"), in the order of the file, this rank's share whole groups (esp_set_share): order and
 * values do not depend on the number of ranks. A task then makes it its own (esp_task: adopt). Fields on grids:
 * io/grid/grid.h; graphs with classes: io/labelled.h. */
#ifndef ESP_FORMATS_H
#define ESP_FORMATS_H

#include <stdio.h>

#include "base/set.h"
#include "io/input_options.h"

typedef struct esp_format esp_format;

/* What was converted on reading, for whoever writes the particles back. */
typedef struct {
  const esp_format *format;
  esp_units units; /* that the values are in; zeros: not known */
  double time;
  int64_t by_type[ESP_SNAPSHOT_TYPES]; /* particles of each type: the set has them type after type; zeros: not known */
  int comoving;                        /* time is a scale factor: no time to add to */
  char calendar[32];                   /* of a grid, whose time is hours since 1970-01-01 00 UTC in it; "" of others */
  char note[ESP_NOTE];                 /* what was taken otherwise than the file has it: lines for the verb to tell */
  char told[ESP_NOTE];                 /* what was converted, and what was taken from where: a line */
} esp_origin;

struct esp_format {
  const char *name, *help, *extension; /* extension: of what is written, with its dot */
  /* Is the file one of these? By content; local, one rank asks. An error where it cannot be read. */
  int (*is)(const char *path, int *is);
  /* As esp_format_read. */
  int (*read)(const esp_comm *comm, const esp_input_param *input, const esp_layout *layout, esp_set *set,
              esp_origin *origin);
  /* As esp_format_write. NULL: cannot be written. */
  int (*write)(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin, double time,
               int compress);
  int (*print)(const char *path, FILE *out); /* what its header says, in lines; local, one rank */
};

extern const esp_format *const esp_formats[]; /* NULL behind the last */

/* The row of a file. Collective. ESP_ERR_FILE; ESP_ERR_FORMAT, naming the rows, where it is of none. */
int esp_format_find(const esp_comm *comm, const char *path, const esp_format **format);

/* The particles of input->file as this rank's share of a set of the layout: columns with a foreign name that the file has, the
 * others left out or, where they may not be missing, 0. In physical units of the file. *set is the caller's; origin may
 * be NULL. Collective. ESP_ERR_CONFIG without a file; ESP_ERR_FORMAT for a foreign name that the format does not know, unless
 * the column may be missing; those of io/snapshot.h. */
int esp_format_read(const esp_comm *comm, const esp_input_param *input, const esp_layout *layout, esp_set *set,
                    esp_origin *origin);
/* Horizon and softening that a task gave the set, where it has such (numbers T, eps), in words, with what they are in
 * cgs, and T beside the sqrt(2 d / mean_a) of networks' training; else "". Local. */
void esp_format_horizon(const esp_set *set, const esp_origin *origin, char *text, size_t size);
/* The row by which such a set is written: its origin's, or the first that can write. Local. */
const esp_format *esp_format_writer(const esp_origin *origin);
/* A set in physical units, in the order in which it was read, as a file of esp_format_writer; ids and particle types are kept. time: of the particles. Whole or absent. Collective. ESP_ERR_ARG for another number
 * of particles than the origin has of all types. */
int esp_format_write(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin, double time,
                     int compress);

#endif
