/* Checkpoints: a model, its optimiser's moments and the step, in one HDF5 file that does not depend on the number of
 * ranks. Written beside and renamed: a failure leaves an older file as it was.
 *
 * Layout: attributes of / (format "espalier checkpoint", version, step, layers, tableau, message, hidden, seed, leaf,
 * block, theta, pairs_per_particle, pairs_limit, precision, moments), datasets /parameters, /moment1, /moment2 [count]
 * float64, and /table with one attribute a parameter group: name = [offset, rows, columns].
 *
 * All functions are collective; errors are the same on every rank: ESP_ERR_FILE (missing, not HDF5, cannot be written),
 * ESP_ERR_FORMAT (truncated, no checkpoint, a missing or misshapen dataset or attribute), ESP_ERR_CONFIG (a checkpoint
 * of another model; the message names every difference: key, value in the file, value of the run). */
#ifndef ESP_CHECKPOINT_H
#define ESP_CHECKPOINT_H

#include "net/integrator.h"
#include "net/optim.h"

enum { ESP_CHECKPOINT_PRECISION = 16 };

/* precision: name of the ops table used ("cpu32"). adam may be NULL: no moments, step 0. */
int esp_checkpoint_write(const esp_comm *comm, const char *path, const esp_integrator *model, const esp_adam *adam,
                         const char *precision);
/* Read a model from the file alone: *model is created as the file describes it; so is *adam unless NULL. precision
 * [ESP_CHECKPOINT_PRECISION] gets the ops name; may be NULL. */
int esp_checkpoint_read(const esp_comm *comm, const char *path, esp_integrator *model, esp_adam *adam, char *precision);
/* Continue: the file must hold the model that `model` (created from the run's configuration) is: same layers, tableau,
 * message, hidden, leaf, block, seed, precision and, unless it is budgeted, theta. Then value, theta, moments and step
 * are taken over. adam may be NULL. */
int esp_checkpoint_resume(const esp_comm *comm, const char *path, esp_integrator *model, esp_adam *adam,
                          const char *precision);

#endif
