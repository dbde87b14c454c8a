/* Training: batches of items, forward, backward, one exact sum over the ranks, clip, Adam; whatever the network is.
 *
 * What is trained is an esp_learner: a block of parameters, a number of items (clouds, feature sets), and what one item
 * gives to the gradient. net/train_gravity.h and net/train_relation.h make one and train it.
 *
 * Step s takes entries s B .. s B + B - 1 of an endless list that is, epoch by epoch, a permutation of the items drawn
 * from (seed, epoch). Two ways to use the ranks, with the same bits in loss, gradients and parameters for any number
 * of ranks:
 *   whole     entry i of the batch is computed by rank i mod P alone;
 *   sharded   every entry is computed by all ranks together.
 * A run stopped after any step and started again with the same param, from the parameters, moments and step it left,
 * continues as if it had not been stopped, also on another number of ranks. */
#ifndef ESP_TRAIN_H
#define ESP_TRAIN_H

#include "base/comm.h"
#include "base/option.h"
#include "net/optim.h"
#include "net/cost.h"

enum { ESP_TRAIN_PARTS = 2 };

/* What one step did; the same on every rank, but for the times, counts and theta, which are this rank's. */
typedef struct {
  int64_t step, steps;          /* step: made so far, 1-based */
  double loss;                  /* of the batch, before the step */
  double part[ESP_TRAIN_PARTS]; /* the learner's parts of it: means over the batch */
  double gradient;              /* norm before clipping */
  double rate;
  double seconds;    /* of the step */
  double theta;      /* opening angle of the last tree built; 0: none was, or the learner does not tell */
  int64_t particles; /* home particles times items */
  esp_cost cost;     /* over the batch */
} esp_train_record;

/* What is trained. Borrowed pointers. */
typedef struct {
  int count;     /* parameters */
  double *value; /* [count] the same on every rank; updated */
  int sums;      /* exact accumulators of one gradient */
  int items;     /* >= 1 */
  int sharded;   /* 0: whole items, 1: sharded */
  int parts;     /* parts of the loss, 1..ESP_TRAIN_PARTS: loss = sum part_weight part */
  double part_weight[ESP_TRAIN_PARTS];
  /* Item c, forward and back: acc [sums][ESP_EXACT_FULL_WORDS] += this rank's share of weight * d(loss of the item);
   * part [parts] is set; of *record theta is set and the counts and costs are added to. Local where items are whole,
   * collective where they are sharded. */
  int (*item)(void *context, int c, double weight, int64_t *acc, double *part, esp_train_record *record);
  /* Accumulators, summed over batch and ranks -> gradient [count]. Local; cannot fail. */
  void (*map)(void *context, const int64_t *acc, double *gradient);
  void *context;
} esp_learner;

typedef struct {
  int64_t steps; /* of the whole run, resumed ones included */
  int64_t stop;  /* stop after this step without changing the schedule; 0: run to the end */
  int batch;     /* items a step */
  double rate;
  esp_schedule schedule;
  int64_t warmup;           /* steps */
  double beta2;             /* of Adam, in (0, 1) */
  double clip;              /* 0: none */
  uint64_t seed;            /* of the batches */
  int64_t checkpoint_every; /* steps; 0: only after the last */
} esp_train_param;
extern const esp_options esp_train_options; /* train_*, run_seed */

/* Called on every rank; a failure on one stops the training on all. Each may be NULL. */
typedef struct {
  int (*step)(void *context, const esp_train_record *record);
  int (*checkpoint)(void *context, const esp_adam *adam); /* parameters and moments are those after the step */
  void *context;
  /* The sum of `count` exact accumulators over the ranks in another way than comm->sum_i64 (mpi/domain/gradsync.h). */
  int (*sum)(void *sum_context, int64_t *acc, size_t count);
  void *sum_context;
} esp_train_hooks;

/* Runs from adam->step to the end (or stop). comm: all ranks of the training. learner->value and adam are the same on
 * every rank and are updated. hooks may be NULL. Collective over comm. Errors of one rank become those of all.
 * ESP_ERR_CONFIG for param, ESP_ERR_VALUE naming step and loss if the loss or a gradient is not finite. */
int esp_train(const esp_comm *comm, const esp_learner *learner, const esp_train_param *param,
              const esp_train_hooks *hooks, esp_adam *adam);

/* The item at place `entry` of the endless list of batches. Local; `permutation` [items] and *epoch (start with -1)
 * are the caller's memory of the last epoch drawn. */
int esp_train_pick(uint64_t seed, int items, int64_t entry, int *permutation, int64_t *epoch);

#endif
