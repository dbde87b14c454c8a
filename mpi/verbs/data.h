/* The data of a run: its task, its set file, and the sets in it, one by one or all of a part for a training. */
#ifndef ESP_DATA_H
#define ESP_DATA_H

#include "io/formats.h"
#include "io/set_file.h"
#include "tasks/task.h"
#include "verbs/run.h"

typedef struct {
  const esp_run *run; /* borrowed */
  const esp_task *task;
  void *param;     /* the task's, owned */
  char path[4096]; /* of the file */
  esp_set_file file;
} esp_data;

/* data_file or data.h5, with at least `least` sets of `part`: ESP_ERR_VALUE naming the file and the key otherwise. To be
 * closed unless it fails. Collective. */
int esp_data_open(const esp_run *run, esp_part part, int least, esp_data *data);
void esp_data_close(esp_data *data);
/* This rank's share over comm of a set, in the network's units. Collective over comm. */
int esp_data_set(const esp_data *data, const esp_comm *comm, esp_part part, int s, esp_set *set);

/* Another code's file, shared over run->comm, as a set of the run's task to predict from, in units of the task's own (not ready
 * yet); says what was taken of it. Errors: those of io/formats.h and of the task's adopt. Collective. */
int esp_data_foreign(esp_run *run, const char *verb, const esp_input_param *input, void *param,
                     const esp_device *device, esp_set *set, esp_origin *origin);

/* Sets of one part, kept in memory as long as they fit (2^27 numbers on a rank); those beyond are read again each time, so
 * one at a time may be held. */
typedef struct {
  esp_sets sets; /* to be used; context is this structure: it must not be moved */
  const esp_data *data;
  esp_part part;
  const esp_backend *backend; /* shared: over whose ranks, which settle for the model unless it is NULL */
  const esp_model *model;
  esp_set *kept; /* [sets]; id NULL where none is kept */
  int64_t numbers;
  esp_set passing; /* the one that is not kept */
} esp_data_sets;

/* backend, model: borrowed, may be set later than this, before the first get. Local. */
int esp_data_sets_create(const esp_data *data, esp_part part, int shared, esp_data_sets *all);
void esp_data_sets_free(esp_data_sets *all);

#endif
