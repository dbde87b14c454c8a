/* The table of losses: what is made small. A row is a const esp_loss in a file of its own, listed in net/losses.c.
 *
 * The loss of a batch is the mean over its sets of sum_p weight_p part_p, the parts of a set being normalised by its own
 * targets: sets of any size count alike, the gradient of a set needs nothing of the others, and ranks that share a batch
 * need not meet before the backward pass. Sums are exact, so a loss is the same bits on any number of ranks. */
#ifndef ESP_LOSS_H
#define ESP_LOSS_H

#include "base/option.h"
#include "base/set.h"
#include "net/device.h"

enum { ESP_LOSS_PARTS = 2, ESP_LOSS_VALUES = 2 };

typedef struct {
  const char *name, *help;
  const esp_options *options; /* of its structure, `param` below; NULL: it has none */
  int parts;                  /* 1..ESP_LOSS_PARTS */
  const char *part;           /* the p-th is called this, then the name of the p-th TARGET column; NULL: there is one */
  /* weight [parts]. Local, pure; NULL: all are 1. */
  void (*weights)(const void *param, double *weight);
  /* Of a prediction y [n_home][targets], all TARGET columns side by side: part [parts] is set, and dy [n_home][targets] =
   * factor * d(sum_p weight_p part_p)/dy; dy may be NULL. y and dy lie in the memory of with->device. Collective over with->comm,
   * whose ranks share the set. n = 0 gives 0. ESP_ERR_ARG where the set has no targets, or others than the loss is of; memory. */
  int (*value)(const void *param, const esp_backend *with, const esp_set *set, const double *y, double factor,
               double *dy, double *part);
  /* How good a prediction is where steps of a training are chosen among: value[0], of equal ones value[1], the larger the
   * better; particles weighed by the column of role VALIDATION (none: by nothing, ESP_ERR_ARG). Memory and collectivity as above.
   * NULL: this loss cannot be asked. */
  int (*validate)(const void *param, const esp_backend *with, const esp_set *set, const double *y,
                  double value[ESP_LOSS_VALUES]);
} esp_loss;

/* For a row's own use: exact sums acc [count] in the device's memory, over the ranks, as numbers of the host. Collective. */
int esp_loss_sums(const esp_backend *with, size_t count, int64_t *acc, double *sum);

extern const esp_loss *const esp_losses[]; /* net/losses.c: NULL behind the last */

/* Name of the part that is of a TARGET column; where there is one part alone: the loss's. Local. */
void esp_loss_part_name(const esp_loss *loss, const char *column, char *name, size_t size);

/* sum weight |y - y*|^2 / sum weight |y* - mean y*|^2, the mean a weighted one, each target's own; a denominator that is 0
 * but for the rounding of the mean counts as 1. */
extern const esp_loss esp_loss_nmse;

/* Of each of two TARGET columns by itself: sum weight |y - y*|^2 / sum weight |y*|^2, a denominator of 0 counting as 1. The second
 * counts esp_nmse_columns_param.second times. */
extern const esp_loss esp_loss_nmse_columns;
typedef struct {
  double second;
} esp_nmse_columns_param;

/* sum weight (-sum_c t_c ln p_c) / sum weight, p the softmax of a particle's predictions y, t its targets: 1 at its class, 0
 * elsewhere (all 0: it has none, and counts for nothing). validate: accuracy, the share of the weight whose largest y (the
 * first of equal ones) is at its class; then minus the cross-entropy. A sum of weights of 0 counts as 1. */
extern const esp_loss esp_loss_cross_entropy;

#endif
