/* Training: batches of clouds, forward, backward, one exact sum over the ranks, clip, Adam.
 *
 * Step s takes entries s B .. s B + B - 1 of an endless list that is, epoch by epoch, a permutation of the clouds drawn
 * from (seed, epoch). Two ways to use the ranks, with the same bits in loss, gradients and parameters for any number
 * of ranks:
 *   clouds     entry i of the batch is computed by rank i mod P, whole, with a backend over one rank;
 *   particles  every entry is computed by all ranks, with a backend over all of them.
 * A run stopped after any step and started again with the same param, from the model, moments and step it left,
 * continues as if it had not been stopped, also on another number of ranks. */
#ifndef ESP_TRAIN_H
#define ESP_TRAIN_H

#include "net/loss.h"
#include "net/model.h"
#include "net/optim.h"

/* Where clouds come from. Clouds are in model units, with targets. `get` is local when sharded is 0 (this rank alone
 * asks for a whole cloud), collective when it is 1 (every rank gets its share). Between get and put the cloud is
 * borrowed. */
typedef struct {
  int clouds;  /* >= 1 */
  int sharded; /* 0: clouds, 1: particles */
  int (*get)(void *context, int c, const esp_cloud **cloud);
  void (*put)(void *context, int c, const esp_cloud *cloud); /* may be NULL */
  void *context;
} esp_train_data;

typedef struct {
  int64_t steps;            /* of the whole run, resumed ones included */
  int64_t stop;             /* stop after this step without changing the schedule; 0: run to the end */
  int batch;                /* clouds a step */
  double rate;              /* 0.01 */
  int64_t warmup;           /* 20 */
  double clip;              /* 0.3; 0: none */
  double lambda;            /* weight of K, 0.5 */
  uint64_t seed;            /* of the batches */
  int64_t checkpoint_every; /* steps; 0: only after the last */
} esp_train_param;

/* What one step did; the same on every rank, but for the times and counts, which are this rank's. */
typedef struct {
  int64_t step, steps; /* step: made so far, 1-based */
  double loss, D, K;   /* of the batch, before the step; D, K: mean NMSE */
  double gradient;     /* norm before clipping */
  double rate;
  double seconds;      /* of the step */
  int64_t particles;   /* home particles times clouds */
  esp_model_cost cost; /* over the batch */
} esp_train_record;

/* Called on every rank; a failure on one stops the training on all. Each may be NULL. */
typedef struct {
  int (*step)(void *context, const esp_train_record *record);
  int (*checkpoint)(void *context, const esp_model *model, const esp_adam *adam);
  void *context;
  /* The sum of `count` exact accumulators over the ranks in another way than comm->sum_i64 (mpi/domain/gradsync.h). */
  int (*sum)(void *sum_context, int64_t *acc, size_t count);
  void *sum_context;
} esp_train_hooks;

/* Runs from adam->step to the end (or stop). comm: all ranks of the training; backend->comm: one rank (clouds) or comm
 * (particles). model and adam are the same on every rank and are updated. Collective over comm. Errors of one rank
 * become those of all. ESP_ERR_VALUE naming step and loss if the loss or a gradient is not finite. */
int esp_train(const esp_comm *comm, const esp_backend *backend, const esp_train_data *data,
              const esp_train_param *param, const esp_train_hooks *hooks, esp_model *model, esp_adam *adam);

/* If the opening angle is budgeted (pairs_per_particle > 0): build one tree of the given cloud's start positions, take
 * the angle it chose as model->param.domain.lists.theta for good, and set the budget to 0. The cloud: number 0 of data;
 * with whole clouds rank 0 decides for all. Call it before esp_train; esp_train and prediction use a fixed angle.
 * Collective. */
int esp_train_fix_theta(const esp_comm *comm, const esp_backend *backend, const esp_train_data *data, esp_model *model);

/* The cloud at place `entry` of the endless list of batches. Local; `permutation` [clouds] and *epoch (start with -1)
 * are the caller's memory of the last epoch drawn. */
int esp_train_pick(uint64_t seed, int clouds, int64_t entry, int *permutation, int64_t *epoch);

#endif
