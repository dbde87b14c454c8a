/* Inside mpi/io: names in a set file and the parts of its reader, shared by its sources. Local. */
#ifndef ESP_SET_FILE_COLUMNS_H
#define ESP_SET_FILE_COLUMNS_H

#include <stddef.h>

#include "io/set_file.h"

enum { ESP_SET_NAME = 96 };

/* "/PART/GROUP/NAME"; group or name may be "". */
void esp_set_file_name(esp_part part, const char *group, const char *name, char text[ESP_SET_NAME]);
/* How esp_file_write counts columns: 0, one dimension, for one number a row. */
int esp_set_file_columns(int width);

/* Which of the formats the file is of, as its place in esp_set_formats, with the message if it is none. */
typedef enum { ESP_SET_NOW, ESP_SET_FEATURES, ESP_SET_ENSEMBLE, ESP_SET_FORMATS } esp_set_format;
extern const char *const esp_set_formats[ESP_SET_FORMATS];
int esp_set_file_format(const esp_file *file, esp_set_format *format);
/* The word for its task, "" if there is none. */
int esp_set_file_word(const esp_file *file, esp_set_format format, char task[ESP_SET_WORD]);

/* Sizes, first rows and frames of each set of a part whose rows are known, and its numbers: allocated in `file`, checked. */
int esp_set_file_sizes(esp_set_file *file, esp_set_format format, esp_part part);
int esp_set_file_numbers(esp_set_file *file, esp_set_format format, esp_part part);

/* A layout made of what is there, owned by file->found. */
struct esp_set_found;
int esp_set_file_find(esp_set_file *file, esp_set_format format);
void esp_set_file_forget(struct esp_set_found **found);

/* Rows of a column (k < 0: the ids, int64), or of its frames. */
int esp_set_file_rows(const esp_set_file *file, esp_part part, int k, int frames, int64_t first, int64_t count,
                      void *data);

#endif
