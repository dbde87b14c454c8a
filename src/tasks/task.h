/* The table of tasks: what is made, learned, compared and shown. A row is a const esp_task in a folder of its own
 * (src/tasks/NAME/), listed in tasks/tasks.c; programs of one's own link the same objects with another tasks.c. No verb
 * knows a task by name.
 *
 * `param` is the task's structure, filled from its options (keys data_NAME_*, and those it shares: data_truth ...).
 * Everything is collective over backend->comm unless it says local, and gives the same bits on any number of ranks. */
#ifndef ESP_TASK_H
#define ESP_TASK_H

#include "base/config.h"
#include "base/option.h"
#include "base/set.h"
#include "net/train.h"
#include "tasks/outlines.h"
#include "tasks/showing.h"

/* ---- making ---- */

/* One item to make: `number` counts the items of a part, `index` those of one size. */
typedef struct {
  esp_part part;
  int64_t n, number, index;
} esp_item;

/* What items of one size give. In: part, n, items (as the keys say). */
typedef struct {
  esp_part part;
  int64_t n, items;       /* items may be changed */
  int64_t sets;           /* an item gives */
  int64_t frames;         /* a set has; 0: none */
  int foreign;            /* In: 1: another code's particles, to be adopted: only `how` is asked for */
  int shared;             /* 1: large enough to be made by all ranks together (n >= data_shard_n); may be set to 0 */
  int width[ESP_COLUMNS]; /* of the columns, 0: not there. In: as the layout fixes them; all sizes of a file alike */
  char how[96];           /* in words, for the progress line: "truth by direct sum" */
} esp_plan;

/* A state from which an item that takes long can be continued, by any number of ranks: rows, float64, by number, shared as
 * esp_set_share does, and numbers that are the same on all of them. Its arrays are the task's. */
typedef struct {
  int64_t n;
  int columns, numbers;
  double *row, *number; /* [this rank's rows][columns], [numbers] */
} esp_kept;

/* Where a task puts what it makes: mpi/io/make.h, or memory in tests. The set's arrays are taken over (*set is zeroed), in
 * the order in which sets of an item come. Collective where the item is shared, else local. */
typedef struct esp_maker esp_maker;
struct esp_maker {
  int (*put)(esp_maker *maker, esp_set *set);
  /* A task that can continue an item keeps a state every so many frames, 0: none (and keep and take are not called). States
   * count from 0. take fills what an earlier, broken run kept; *found 0: it did
   * not, and nothing is touched. Collective over comm, the item's. */
  int keep_every;
  int (*keep)(esp_maker *maker, const esp_comm *comm, int64_t at, const esp_kept *kept);
  int (*take)(esp_maker *maker, const esp_comm *comm, int64_t at, esp_kept *kept, int *found);
};

/* What another code's particles are wanted for. */
typedef enum {
  ESP_ADOPT_INPUT,   /* to predict from */
  ESP_ADOPT_TARGETS, /* to judge predictions: with the truth */
  ESP_ADOPT_TRAINING /* to learn from; asked for where `record` says so */
} esp_adopt;

/* How a task's sets come to be: from its keys, or from another code's particles. */
typedef struct {
  int (*plan)(const void *param, esp_plan *plan);
  /* param: a copy for this file alone, on this rank: what several items need may be kept in it. */
  int (*make)(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to);
  /* Another code's particles (columns by their foreign names, numbers by name) become a set of this task, in units of
   * its own; param as for make. NULL: not for this task. */
  int (*adopt)(void *param, const esp_backend *backend, esp_adopt wanted, esp_set *set);
  /* 1: another code's file is what is learned from, too, not only what is judged: both parts of the data are adopted from
   * it. NULL: never. Local, pure. */
  int (*record)(const void *param);
  /* The same for where they are alone: the set is ready as it lies, its space is set, units do not matter. NULL: not for
   * this task. Local. */
  int (*places)(esp_set *set);
  /* Learned, and judged, are pairs of frames of the file's trajectories (io/set_file.h: esp_set_pairs). NULL: the sets as
   * they are. */
  int (*pairs)(const void *param, esp_part part, esp_pairing *pairing);
  /* Outlines of the cells that the particles of `set`, as a file has it, are; the caller's (esp_outlines_free). NULL: they are
   * none. */
  int (*outlines)(const esp_backend *backend, const esp_set *set, esp_outlines *all);
} esp_making;

/* ---- the row ---- */

typedef struct esp_task {
  const char *name, *help;
  const esp_word *words;      /* old words of keys that mean this task, `key` NULL behind the last; NULL: none */
  const esp_options *options; /* data_*; param below is its structure */
  const esp_layout *layout;
  const esp_network *network;
  const esp_loss *loss;
  /* What the configuration alone tells to be wrong; network_param: filled. Local. */
  int (*check)(const void *param, const void *network_param, int trains);
  const esp_making *making;
  int (*ready)(const void *param, esp_set *set); /* file's units -> network's, in place; NULL: they are. Local */
  int (*begin)(const void *param, const esp_backend *backend, esp_model *model,
               const esp_set *first); /* before step 1, and
                                 when a set of other data is to be judged; NULL */
  /* Start values of a training that begins, from the first of its sets, after `begin`; one that goes on has its own. NULL: the
   * network's are all there is. Whole sets: every rank for itself, all find the same. */
  int (*start)(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first);
  /* A set as in the file (not ready) becomes its prediction, in place and in the file's units: to be written as another
   * code's, or as a set of this task. y [n_home][targets], the network's; *elapsed: how much later it is, in the file's
   * units, 0 where there is no such thing. Local. */
  int (*output)(const void *param, const double *y, int targets, esp_set *set, double *elapsed);
  const esp_showing *showing;
  const esp_rolling *rolling; /* NULL: none */
} esp_task;

extern const esp_task *const esp_tasks[];        /* tasks/tasks.c: NULL behind the last */
extern const char esp_task_default[];            /* tasks/tasks.c: that of data_task */
extern const esp_task *const esp_task_of_rows;   /* tasks/tasks.c: the library's, of rows of its callers as they are */
const esp_task *esp_task_find(const char *name); /* NULL: there is none */
/* May another code's particles be given to it, or (cut) the places of such be cut for it? ESP_ERR_CONFIG naming key input and
 * the tasks that take them. Local. */
int esp_task_check_input(const esp_task *task, int cut);
/* Before step 1, on the first of the sets. Whole ones: every rank asks for it by itself, and all find the same. Collective over
 * comm. */
int esp_task_begin(const esp_task *task, const void *param, const esp_comm *comm, const esp_backend *backend,
                   const esp_sets *sets, esp_model *model);
int esp_task_start(const esp_task *task, const void *param, const esp_comm *comm, const esp_backend *backend,
                   const esp_sets *sets, esp_model *model);
/* The task that a word in a data file means: its name, or an old word of key data_task; NULL: none. */
const esp_task *esp_task_of_file(const char *word);

#endif
