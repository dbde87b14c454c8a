/* Training: batches of sets, forward, backward, one exact sum over the ranks, clip, Adam; whatever network, loss and data.
 *
 * Step s takes entries s B .. s B + B - 1 of an endless list that is, epoch by epoch, a permutation of the sets drawn
 * from (seed, epoch). Two ways to use the ranks, with the same bits in loss, gradients and parameters for any number
 * of ranks:
 *   whole     entry i of the batch is computed by rank i mod P alone;
 *   shared    every entry is computed by all ranks together.
 * A run stopped after any step and started again with the same param, from the parameters, moments and step it left,
 * continues as if it had not been stopped, also on another number of ranks. When checkpoints are written, and when somebody
 * asks to stop, changes no bit of a step.
 *
 * Validated: after every K-th step, and the last, the loss says how good predictions of all sets are (net/loss.h: validate,
 * the mean over the sets; by forward passes that keep nothing). The parameters of the best such step are the model's when
 * the training ends; adam->best has its step and values, and the parameters from which a training goes on. What a search
 * has found for the network (esp_network.aim) is the last step's. */
#ifndef ESP_TRAIN_H
#define ESP_TRAIN_H

#include "net/loss.h"
#include "net/network.h"
#include "net/optim.h"

/* Steps after which a network's search (esp_network.aim) is made anew, on the first set of the step's batch, which all ranks
 * then look at: counted from the first step of the whole run, so that a run that goes on searches where one that did not
 * stop does. */
enum { ESP_TRAIN_AIM = 20 };
/* Terms of a loss: its parts, and behind them what the network adds (esp_network.adds). */
enum { ESP_TRAIN_TERMS = ESP_LOSS_PARTS + 1 };

/* Sets that come from somewhere, in the network's units, borrowed between get and put. */
typedef struct {
  int sets, shared; /* shared 1: each lies over all ranks; 0: whole on whoever asks for it */
  const esp_layout *layout;
  int width[ESP_COLUMNS];
  int64_t largest; /* particles */
  /* Local where sets are whole, collective where they are shared. */
  int (*get)(void *context, int s, const esp_set **set);
  void (*put)(void *context, int s, const esp_set *set); /* may be NULL */
  void *context;
} esp_sets;

/* What one step did; the same on every rank, but for times and costs, which are this rank's. */
typedef struct {
  int64_t step, steps;          /* step: made so far, 1-based */
  double loss;                  /* of the batch, before the step: what the network adds included */
  int terms;                    /* parts of the loss, and one more if the network adds to it */
  double term[ESP_TRAIN_TERMS]; /* means over the batch */
  double gradient;              /* norm before clipping */
  double rate;
  double seconds;                    /* of the step */
  int64_t particles;                 /* home particles times sets */
  double bound;                      /* of what the network's last search chose; NAN: there was none in this run */
  double validated[ESP_LOSS_VALUES]; /* what validate says of the parameters behind the step; NAN: it was not asked */
  int64_t best;                      /* the best step so far; 0: there is none */
  esp_cost cost;                     /* over the batch; theta: of the last set */
  int stop;                          /* 1: somebody asked to stop, and this was the last step */
} esp_train_record;

typedef struct {
  int64_t steps; /* of the whole run, resumed ones included */
  int64_t stop;  /* stop after this step without changing the schedule; 0: run to the end */
  int batch;     /* sets a step */
  double rate;
  esp_schedule schedule;
  int64_t warmup; /* steps */
  double beta2;   /* of Adam, in (0, 1) */
  double clip;    /* 0: none */
  double
      decay; /* times the parameters that are neither held nor undecayed, added to the gradient of a step before it is
                    clipped; 0: none */
  uint64_t seed;             /* of the batches */
  int64_t checkpoint_every;  /* steps; 0: not by steps */
  double checkpoint_minutes; /* 0: not by time, which is rank 0's; there is one after the last step in any case */
  int64_t validate;          /* K; 0: never, and the last step's parameters are the model's */
} esp_train_param;
extern const esp_options esp_train_options; /* train_*, run_seed */

/* What ranks divide among them. */
typedef struct {
  enum { ESP_SHARD_CLOUDS, ESP_SHARD_PARTICLES, ESP_SHARD_AUTO } shard;
} esp_shard_param;
extern const esp_options esp_shard_options; /* train_shard */
/* Are sets of at most `largest` particles each shared by all ranks? auto: above 8192 particles. Local, pure. */
int esp_shard_by_size(const esp_shard_param *param, int64_t largest);
/* In a training, whose sets keep ranks busy that a small batch would leave idle; but not where particles settle, and travel from
 * layer to layer. Local, pure. */
int esp_shard_by_batch(const esp_shard_param *param, const esp_network *network, int ranks, int batch, int64_t largest);

/* Called on every rank; a failure on one stops the training on all. Each may be NULL. */
typedef struct {
  /* Is this rank asked to stop? If one is, all stop after the step at hand, with a checkpoint. Local, once a step. */
  int (*stop)(void *context);
  int (*step)(void *context, const esp_train_record *record);
  /* After `step`: do all end behind this step? The same on every rank. Local. */
  int (*enough)(void *context);
  int (*checkpoint)(void *context, const esp_adam *adam); /* parameters and moments are those after the step */
  void *context;
} esp_train_hooks;

/* What is trained on, by whom. Borrowed. */
typedef struct {
  const esp_comm *comm;       /* all ranks of the training */
  const esp_backend *backend; /* with whole sets of one rank, else of comm */
  const esp_sets *sets;       /* at least one */
  const esp_loss *loss;
  const void *loss_param;
} esp_training;

/* Runs from adam->step to the end (or stop, or until somebody asks to). model and adam are the same on every rank and are updated. hooks may be NULL.
 * Collective over comm. Errors of one rank become those of all. ESP_ERR_CONFIG for param, and for steps that are to be validated by a loss that cannot be asked; ESP_ERR_VALUE naming step and
 * loss if the loss or a gradient is not finite. Measured good: bodies rate 0.01 by cosine after 20 steps of warm-up, beta2
 * 0.999, clip 0.3; relations rate 0.02 held for half of 400 steps, 60 of them warm-up, beta2 0.99, clip 1, one set a step. */
int esp_train(const esp_training *training, const esp_train_param *param, const esp_train_hooks *hooks,
              esp_model *model, esp_adam *adam);

/* The set at place `entry` of the endless list of batches. Local; `permutation` [sets] and *epoch (start with -1)
 * are the caller's memory of the last epoch drawn. */
int esp_train_pick(uint64_t seed, int sets, int64_t entry, int *permutation, int64_t *epoch);

#endif
