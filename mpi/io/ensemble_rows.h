/* Inside mpi/io: the columns of an ensemble, shared by its writer and its reader. */
#ifndef ESP_ENSEMBLE_ROWS_H
#define ESP_ENSEMBLE_ROWS_H

#include <stddef.h>

#include "io/ensemble.h"

typedef struct {
  const char *name;
  esp_file_type type;
  int columns;   /* as in esp_file_write: 0 one-dimensional; table: 0 or the length of an array field */
  size_t offset; /* table: place in esp_ensemble_entry; particles: place of the pointer in esp_cloud */
  const char *unit, *description;
} esp_ensemble_column;

enum { ESP_ENSEMBLE_PARTICLES = 6, ESP_ENSEMBLE_FRAMES = 2, ESP_ENSEMBLE_NAME = 64 };
extern const esp_ensemble_column esp_ensemble_particles[ESP_ENSEMBLE_PARTICLES];
extern const esp_ensemble_column esp_ensemble_frames[ESP_ENSEMBLE_FRAMES];
/* The table: the fields of esp_ensemble_entry, all of 8 bytes an element, and the compound type they make, in memory
 * and in the file alike (the caller closes it; negative on failure). */
const esp_ensemble_column *esp_ensemble_table(int *count);
hid_t esp_ensemble_table_type(void);

/* "/SET/GROUP/NAME"; group may be "". */
void esp_ensemble_name(esp_part set, const char *group, const char *column, char name[ESP_ENSEMBLE_NAME]);
/* Elements of a row. */
int esp_ensemble_width(const esp_ensemble_column *column);
/* Move rows [first, first + count) between memory and an open dataset, collectively or by this rank alone. type: of an
 * element in memory. Local errors: ESP_ERR_FILE naming `name`. */
int esp_ensemble_move(const esp_file *file, const char *name, hid_t dataset, hid_t type, int columns, int64_t first,
                      int64_t count, int collective, void *in, const void *out);

#endif
