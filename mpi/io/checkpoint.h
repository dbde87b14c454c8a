/* Checkpoints: a model of any network, its optimiser's moments and the step, in one HDF5 file that does not depend on the
 * number of ranks. Written beside and renamed: a failure leaves an older file as it was.
 *
 * Layout: attributes of /: format "espalier checkpoint", version 2, network, task (which it was trained for), precision,
 * step, moments (1: they are there), run (an id) and loss (of the step), if they are known, size_input, size_sent, size_target ... (numbers a particle by role), columns (those that are seen and sent, base/set.h: esp_set_taken), and one for each
 * row of the network's options that has an ESP_OF_* flag, by its name (net_layers, tree_theta ...; base/option.h).
 * Datasets /parameters, /moment1, /moment2 [count] float64; where the best of the steps is looked for (net/train.h), parameters
 * are its, and there are /last, those from which a training goes on, and the attributes best_step and best_value [2];  and /table with one attribute a parameter group: name =
 * [offset, rows, columns]. Version 1 (a format for each of two networks, attributes named as in the rows' `was`) is read,
 * too.
 *
 * All functions are collective; errors are the same on every rank: ESP_ERR_FILE (missing, not HDF5, cannot be written),
 * ESP_ERR_FORMAT (truncated, no checkpoint, a missing or misshapen dataset or attribute), ESP_ERR_CONFIG (a checkpoint
 * of another model; the message names every difference: key, value in the file, value of the run). */
#ifndef ESP_CHECKPOINT_H
#define ESP_CHECKPOINT_H

#include "net/network.h"
#include "net/optim.h"

enum { ESP_CHECKPOINT_PRECISION = 16, ESP_RUN_ID = 17 };

/* Where a checkpoint comes from. */
typedef struct {
  char run[ESP_RUN_ID]; /* the run it belongs to: 16 hexadecimal digits; "": not known */
  int64_t step;         /* reading: its step */
  double loss;          /* of that step; NAN: not known */
} esp_checkpoint_origin;

/* precision: name of the device used ("cpu32"). adam may be NULL: no moments, step 0. task: "" if it is not known. from may
 * be NULL: nothing is known. */
int esp_checkpoint_write(const esp_comm *comm, const char *path, const esp_model *model, const esp_adam *adam,
                         const char *task, const char *precision, const esp_checkpoint_origin *from);
/* Where it comes from, without the model. */
int esp_checkpoint_origin_read(const esp_comm *comm, const char *path, esp_checkpoint_origin *from);
/* Read a model from the file alone: *model is created as the file describes it; so is *adam unless NULL. precision
 * [ESP_CHECKPOINT_PRECISION] gets the device's name; may be NULL. */
int esp_checkpoint_read(const esp_comm *comm, const char *path, esp_model *model, esp_adam *adam, char *precision);
/* Continue: the file must hold the model that `model` (created from the run's configuration) is: the same network, sizes,
 * precision, and rows of ESP_OF_MODEL and ESP_OF_DATA, but for what a search has found (esp_options_continue). Then
 * parameters, moments, step and what was found are taken over; a failure leaves model and adam as they were. adam may be
 * NULL. */
int esp_checkpoint_resume(const esp_comm *comm, const char *path, esp_model *model, esp_adam *adam,
                          const char *precision);
/* Is this the attribute `format` of a checkpoint, of either version? Local, pure. */
int esp_checkpoint_is(const char *format);

#endif
