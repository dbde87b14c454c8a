/* What the header of one HDF5 snapshot states of units, G, cosmology and box, by the names that each code uses. */
#ifndef ESP_SNAPSHOT_STATED_H
#define ESP_SNAPSHOT_STATED_H

#include "io/file.h"
#include "io/snapshot.h"

/* An attribute of one number; *value is left alone where there is none. ESP_ERR_VALUE, naming it, unless it is finite and
 * at least `least`. */
int esp_snapshot_number(const esp_file *file, const char *object, const char *name, double least, double *value);

/* dialect, box and dim, time and cosmology, flags, units and G, exponents, and `from` of what is stated. count: this
 * file's particles by type. By one rank; local. */
int esp_snapshot_stated(const esp_file *file, const int64_t *count, esp_snapshot_header *head);

#endif
