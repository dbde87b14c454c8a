/* The table of tasks: what is made, learned, compared and shown. A row is a const esp_task in a folder of its own
 * (src/tasks/NAME/), listed in tasks/tasks.c; programs of one's own link the same objects with another tasks.c. No verb
 * knows a task by name.
 *
 * `param` is the task's structure, filled from its options (keys data_NAME_*, and those it shares: data_truth ...).
 * Everything is collective over backend->comm unless it says local, and gives the same bits on any number of ranks. */
#ifndef ESP_TASK_H
#define ESP_TASK_H

#include <stdio.h>

#include "base/lines.h"
#include "base/option.h"
#include "base/set.h"
#include "net/loss.h"
#include "net/network.h"

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
  int frames;             /* a set has; 0: none */
  int shared;             /* 1: large enough to be made by all ranks together (n >= data_shard_n); may be set to 0 */
  int width[ESP_COLUMNS]; /* of the columns, 0: not there. In: as the layout fixes them; all sizes of a file alike */
  char how[96];           /* in words, for the progress line: "truth by direct sum" */
} esp_plan;

/* Where a task puts what it makes: mpi/io/make.h, or memory in tests. The set's arrays are taken over (*set is zeroed), in
 * the order in which sets of an item come. Collective where the item is shared, else local. */
typedef struct esp_maker esp_maker;
struct esp_maker {
  int (*put)(esp_maker *maker, esp_set *set);
};

/* What another code's particles are wanted for. */
typedef enum {
  ESP_ADOPT_PLACES, /* where they are: the set is ready as it lies, its space is set, units do not matter */
  ESP_ADOPT_INPUT,  /* to predict from */
  ESP_ADOPT_TARGETS /* to judge predictions: with the truth */
} esp_adopt;

/* ---- comparing ---- */

/* A column of the ladder. value = sum of what judge adds to `over` / sum of what it adds to `under`, exact sums over
 * sets, particles and ranks; then its root, if asked for. No line where nothing was added to `under`. */
typedef struct {
  const char *name;   /* key in JSON, field in the CSV; NULL ends the rows */
  const char *title;  /* on the screen */
  const char *format; /* of the screen and the CSV: "%.5f" */
  int root;
} esp_figure;

/* The sums under way: figure k has acc [2 k] and [2 k + 1], each ESP_EXACT_FULL_WORDS. */
typedef struct {
  int figures;
  int64_t *acc;
} esp_tally;
/* Local; cannot fail. Of a number that all ranks know alike, one rank alone adds. */
void esp_tally_add(esp_tally *tally, int figure, double over, double under);

/* A way to predict. Of two kinds: the trained network changed (vary), or one of its own (predict). */
typedef struct {
  const char *name; /* a CSV field: no comma; NULL ends the rows */
  int64_t largest;  /* not tried above so many particles; 0: no limit */
  int whole;        /* only where a set lies whole on one rank */
  int classical;    /* left out with eval_baselines false */
  int untrained;    /* vary: starts from the untrained network */
  /* vary: of a copy of the network's param; `pairs`: near pairs a particle and layer that the trained network took. Sets
   * *use 0 where it makes no sense for this set or network. NULL: as it is. */
  int (*vary)(void *network_param, const esp_set *set, int64_t pairs, int *use);
  /* y [n_home][targets]; cost->near_pairs, far_pairs are added to (-1: not counted). fitted: of the task's `fit`. Sets *use 0
   * where the method cannot be used on this set. NULL: vary. */
  int (*predict)(const void *fitted, const esp_model *trained, const esp_backend *backend, const esp_set *set,
                 double *y, esp_cost *cost, int *use);
} esp_method;

/* Sets that come from somewhere, borrowed between get and put, in the network's units. Collective over the backend's ranks
 * where they share sets. */
typedef struct {
  int sets;
  const esp_layout *layout;
  int width[ESP_COLUMNS];
  int64_t largest; /* particles */
  int (*get)(void *context, int s, const esp_set **set);
  void (*put)(void *context, int s, const esp_set *set);
  void *context;
} esp_sets;

/* ---- showing ---- */

/* Drawn by gnuplot from a CSV file of the run. */
typedef struct {
  const char *name;   /* NAME.gp, NAME.svg; NULL ends the rows */
  const char *needs;  /* the data file */
  const char *column; /* of its header that must be there; NULL: any file of that name will do */
  const char *title, *caption;
  int width, height;
  const char *script; /* gnuplot commands; `data` is set to the file's name, CSV separators are on */
} esp_picture;

/* What the largest test set's prediction looked like, layer by layer, for the task's own files: a visit whose context has
 * these first. */
typedef struct {
  esp_lines *(*lines)(void *show, const char *file,
                      const char *header);                   /* every rank's lines, rank by rank, become FILE */
  void (*number)(void *show, const char *key, double value); /* into evaluate's results */
  void *show;
  int ranks, rank; /* of the run */
} esp_show;

typedef struct {
  const esp_figure *figure; /* NULL-terminated, as all below */
  const esp_method *method;
  const esp_picture *picture; /* beside those every task has */
  const char *about;          /* first paragraph of the report, after "Every pair interacts; a tree decides at what
                                 resolution." May hold one %s: the network's words for itself are put there */
  const char *ladder;         /* what the ladder's columns mean */
  /* Numbers that methods are fitted with, from the training sets; *fitted is freed with unfit. NULL: nothing to fit. */
  int (*fit)(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
             void **fitted);
  void (*unfit)(void **fitted);
  /* Errors of y [n_home][targets], and what else is to be known of a prediction, into the tally's figures. seen: what
   * `watch` below found, NAN if nothing. */
  int (*judge)(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
               esp_tally *tally);
  /* A number found while a network runs on `set` (recall): *context is made for a set, `layer` called as a visit, *value read
   * (NAN: not known), freed by unwatch. watch_name: its column in metrics.csv. NULL: none. */
  const char *watch_name;
  int (*watch)(const void *param, const esp_backend *backend, const esp_set *set, esp_visit *visit, double **value);
  void (*unwatch)(esp_visit *visit);
  /* Files of its own from the first of the largest test sets: `layers` is a visit while the trained network runs on it;
   * then `draw` with the prediction. Either may be NULL. */
  int (*draw)(const void *param, const esp_model *untrained, const esp_model *trained, const esp_backend *backend,
              const esp_set *set, const double *y, const esp_visit *seen, const esp_show *show);
} esp_showing;

/* ---- the row ---- */

/* Roll-outs: predictions from predictions. */
typedef struct {
  int (*advance)(esp_set *set, const double *y); /* one step further, in place, in the network's units. Local */
  int (*halve)(esp_set *set);                    /* half the step from now on; NULL: no such thing. Local */
  /* Squared error against a frame and number of terms: columns of frame [.. as in the file], local. NULL: no frames. */
  int (*error)(const esp_set *set, double *const frame[ESP_COLUMNS], int64_t *square, int64_t *terms);
  int (*invariant)(const esp_set *set, double *value); /* what should stay; whole sets, local; NULL: nothing does */
  const char *invariant_name;                          /* "energy_error" */
} esp_rolling;

typedef struct {
  const char *name, *help;
  const char *const *words;   /* old values of data_task that mean this task, NULL-terminated; each is also the value of
                                 data_law it stood for, if the task has that key */
  const esp_options *options; /* data_*; param below is its structure */
  const esp_layout *layout;
  const esp_network *network;
  const esp_loss *loss;
  /* What the configuration alone tells to be wrong; network_param: filled. Local. */
  int (*check)(const void *param, const void *network_param, int trains);
  int (*plan)(const void *param, esp_plan *plan);
  /* param: a copy for this file alone, on this rank: what several items need may be kept in it. */
  int (*make)(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to);
  /* Another code's particles (columns by their foreign names, numbers by name) become a set of this task, in units of
   * its own; param as for make. NULL: not for this task. */
  int (*adopt)(void *param, const esp_backend *backend, esp_adopt wanted, esp_set *set);
  int (*ready)(const void *param, esp_set *set); /* file's units -> network's, in place; NULL: they are. Local */
  int (*begin)(const void *param, const esp_backend *backend, esp_model *model,
               const esp_set *first); /* before step 1, and
                                 when a set of other data is to be judged; NULL */
  /* A set as in the file (not ready) becomes its prediction, in place and in the file's units: to be written as another
   * code's, or as a set of this task. y [n_home][targets], the network's. Local. */
  int (*output)(const void *param, const double *y, esp_set *set);
  const esp_showing *showing;
  const esp_rolling *rolling; /* NULL: none */
} esp_task;

extern const esp_task *const esp_tasks[];        /* tasks/tasks.c: NULL behind the last */
const esp_task *esp_task_find(const char *name); /* NULL: there is none */

#endif
