/* Checkpoints of a learned relation: the model, its optimiser's moments and the step, in one HDF5 file that does not
 * depend on the number of ranks. Written beside and renamed: a failure leaves an older file as it was.
 *
 * Layout: as in io/checkpoint.h, with format "espalier relation checkpoint" and every field of esp_relation_param as an
 * attribute of /: layers, features, values, targets, embedding, dim, embed_hidden, separate, mlp, channels, average,
 * include_self, width, hidden, tree_on, tree_features, hidden_halves, split, split_levels, far, fade, gate_tolerance, seed,
 * leaf, block, theta, pairs_per_particle, pairs_limit; precision, step, moments; datasets /parameters, /moment1, /moment2; /table.
 *
 * All functions are collective; errors as in io/checkpoint.h. A gravity network's checkpoint is ESP_ERR_FORMAT, saying
 * what it is. */
#ifndef ESP_RELATION_CHECKPOINT_H
#define ESP_RELATION_CHECKPOINT_H

#include "io/checkpoint.h" /* ESP_CHECKPOINT_PRECISION */
#include "net/relation.h"

#define ESP_RELATION_CHECKPOINT_FORMAT "espalier relation checkpoint"

/* precision: name of the ops table used ("cpu32"). adam may be NULL: no moments, step 0. */
int esp_relation_checkpoint_write(const esp_comm *comm, const char *path, const esp_relation *relation,
                                  const esp_adam *adam, const char *precision);
/* Read a relation from the file alone: *relation is created as the file describes it; so is *adam unless NULL. precision
 * [ESP_CHECKPOINT_PRECISION] gets the ops name; may be NULL. */
int esp_relation_checkpoint_read(const esp_comm *comm, const char *path, esp_relation *relation, esp_adam *adam,
                                 char *precision);
/* Continue: the file must hold what `relation` (created from the run's configuration) is, field by field, and the
 * precision; but for pairs_limit, and theta where it is budgeted. Then values, theta, moments and step are taken over; a
 * failure leaves both as they were. adam may be NULL. */
int esp_relation_checkpoint_resume(const esp_comm *comm, const char *path, esp_relation *relation, esp_adam *adam,
                                   const char *precision);

#endif
