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

/* Columns that are not dense (esp_lying). Writing: kept by each put, local; written at the commit, collective. */
int esp_set_file_sparse_keep(esp_set_writer *writer, esp_part part, int64_t s, int count, const esp_set *set);
int esp_set_file_sparse_write(esp_set_writer *writer);
void esp_set_file_sparse_forget(esp_set_writer *writer);
/* How the group lies: ESP_DENSE if it is none of ours. */
int esp_set_file_sparse_is(const esp_file *file, const char *group, esp_lying *lying);
/* As a dataset is opened: rows in, -1 or those of the others; width in, that of the layout. */
int esp_set_file_sparse_open(esp_set_file *file, esp_part part, int k, int64_t *rows, int *width);
void esp_set_file_sparse_close(esp_set_file *file, esp_part part, int k);
/* Rows of the set's share, in the place of the empty ones. */
int esp_set_file_sparse_read(const esp_set_file *file, esp_part part, int s, int k, esp_set *set);
/* Every entry of rows [first, first + count) of set s, as they lie: in little memory. */
typedef void (*esp_set_file_entry)(void *context, int64_t row, int64_t index, double value);
int esp_set_file_sparse_each(const esp_set_file *file, esp_part part, int s, int k, int64_t first, int64_t count,
                             esp_set_file_entry visit, void *context);

/* A layout made of what is there, owned by file->found. */
struct esp_set_found;
int esp_set_file_find(esp_set_file *file, esp_set_format format);
void esp_set_file_forget(struct esp_set_found **found);

/* Rows of a column (k < 0: the ids, int64), or of its frames. */
int esp_set_file_rows(const esp_set_file *file, esp_part part, int k, int frames, int64_t first, int64_t count,
                      void *data);

#endif
