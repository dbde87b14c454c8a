/* Inside mpi/io: the columns of an ensemble, shared by its writer and its reader. */
#ifndef ESP_ENSEMBLE_ROWS_H
#define ESP_ENSEMBLE_ROWS_H

#include <stddef.h>

#include "io/ensemble.h"

typedef struct {
  const char *name;
  esp_file_type type;
  int columns;   /* as in esp_file_write: 0 one-dimensional */
  size_t offset; /* table: place in esp_ensemble_entry; particles: place of the pointer in esp_cloud */
  const char *unit, *description;
} esp_ensemble_column;

enum { ESP_ENSEMBLE_PARTICLES = 6, ESP_ENSEMBLE_FRAMES = 2, ESP_ENSEMBLE_NAME = 64 };
extern const esp_ensemble_column esp_ensemble_particles[ESP_ENSEMBLE_PARTICLES];
extern const esp_ensemble_column esp_ensemble_frames[ESP_ENSEMBLE_FRAMES];
const esp_ensemble_column *esp_ensemble_table(int *count);

/* "/SET/GROUP/NAME"; group may be "". */
void esp_ensemble_name(esp_set set, const char *group, const esp_ensemble_column *column, char name[ESP_ENSEMBLE_NAME]);
/* Elements and bytes of a row in memory. */
int esp_ensemble_width(const esp_ensemble_column *column);
/* Move rows [first, first + count) between memory and an open dataset, collectively or by this rank alone. Local
 * errors: ESP_ERR_FILE. */
int esp_ensemble_move(const esp_file *file, hid_t dataset, const esp_ensemble_column *column, int64_t first,
                      int64_t count, int collective, void *in, const void *out);

#endif
