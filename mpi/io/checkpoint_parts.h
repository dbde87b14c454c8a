/* Inside mpi/io: what the checkpoints of all kinds of network share: a description of named fields as attributes of /,
 * the parameter table, the blocks of parameters and moments.
 *
 * All functions are collective over the file's comm where they take a file. */
#ifndef ESP_CHECKPOINT_PARTS_H
#define ESP_CHECKPOINT_PARTS_H

#include <stddef.h>

#include "base/block.h"
#include "io/file.h"
#include "net/optim.h"

enum { ESP_CHECKPOINT_TEXT = 32 };

/* A field of a description: an int64_t, uint64_t, double or char [ESP_CHECKPOINT_TEXT] at `offset` of the structure. */
typedef enum { ESP_FIELD_WHOLE, ESP_FIELD_SEED, ESP_FIELD_REAL, ESP_FIELD_TEXT } esp_checkpoint_kind;
typedef struct {
  const char *name;
  esp_checkpoint_kind kind;
  size_t offset;
  int same; /* must a run have the file's value to go on from it? */
} esp_checkpoint_field;

/* The format and version as attributes, then the fields. */
int esp_checkpoint_put_fields(esp_file *file, const char *format, const esp_checkpoint_field *field, int fields,
                              const void *description);
/* ESP_ERR_FORMAT for another format, naming what the file is, another version, a missing field. */
int esp_checkpoint_get_fields(esp_file *file, const char *format, const esp_checkpoint_field *field, int fields,
                              void *description);

/* Table and parameters, and moments unless adam is NULL. */
int esp_checkpoint_put_block(esp_file *file, const esp_block *block, const esp_adam *adam);
/* The other way: the table must be that of `block`, numbers finite. adam (of block->count): moments (must be there, as
 * `moments` tells) and `step`; NULL: not read. */
int esp_checkpoint_get_block(esp_file *file, const esp_block *block, int64_t moments, int64_t step, esp_adam *adam);

/* Differences between what a file and a run are, in words, a line each. */
typedef struct {
  char text[2048];
  size_t length;
} esp_differences;
void esp_differences_add(esp_differences *all, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Those of all fields that must be the same. */
void esp_differences_fields(esp_differences *all, const esp_checkpoint_field *field, int fields, const void *in_file,
                            const void *in_run);
/* ESP_ERR_CONFIG with all of them, if there are any. Local. */
int esp_differences_refuse(const esp_differences *all, const char *path);

/* The kind whose name is `seen`. ESP_ERR_FORMAT if there is none. Local. */
int esp_checkpoint_kind_of(const char *path, const char *what, const char *seen, int kinds, const char *const *name,
                           int *kind);

#endif
