/* What a task compares and shows: figures, methods, pictures, roll-outs. Tables that a row of the table of tasks points
 * to (tasks/task.h); no verb knows which task they are of.
 *
 * `param` is the structure of showing->options (NULL where there are none), whatever the task's own keys are. Everything
 * is collective over backend->comm unless it says local, and gives the same bits on any number of ranks. */
#ifndef ESP_SHOWING_H
#define ESP_SHOWING_H

#include "base/lines.h"
#include "base/option.h"
#include "base/set.h"
#include "net/train.h"

/* ---- comparing ---- */

/* A column of the ladder. value = sum of what judge adds to `over` / sum of what it adds to `under`, exact sums over
 * sets, particles and ranks; then its root, if asked for. Left empty where judge added nothing. The first figure is the one
 * that is drawn. */
typedef struct {
  const char *name;   /* key in JSON, field in the CSV; NULL ends the rows */
  const char *title;  /* on the screen */
  const char *format; /* of the screen and the CSV: "%.5f" */
  int root;
} esp_figure;

/* The sums under way, of this rank: of figure k `over` in acc [2 k], `under` in [2 k + 1], each ESP_EXACT_FULL_WORDS. */
typedef struct {
  int figures;
  int64_t *acc, *added; /* added [figures]: how often */
} esp_tally;
/* Empty sums of the rows. Local. */
int esp_tally_create(const esp_figure *figure, esp_tally *tally);
void esp_tally_free(esp_tally *tally);
/* Local; cannot fail. Of a number that all ranks know alike, one rank alone adds. */
void esp_tally_add(esp_tally *tally, int figure, double over, double under);
/* The figures over all ranks, value [figures], the same on every rank: NAN where nothing was added; a sum `under` of 0
 * counts as 1. The tally stays as it is. Collective. */
int esp_tally_value(const esp_comm *comm, const esp_tally *tally, const esp_figure *figure, double *value);

/* A way to predict. Of two kinds: the trained network changed (vary), or one of its own (predict). */
typedef struct {
  const char *name; /* a CSV field: no comma; NULL ends the rows */
  int64_t largest;  /* not tried above so many particles; 0: no limit */
  int whole;        /* only where a set lies whole on one rank */
  int classical;    /* left out with eval_baselines false */
  int untrained;    /* vary: starts from the untrained network */
  /* What the trained network is here, "the same network over all pairs": its first figure then stands behind the trained network's
   * in one sentence of what evaluate and the report say. NULL: it does not. */
  const char *beside;
  /* vary: of a copy of the network's param; `pairs`: near pairs a particle and layer that the trained network took. Sets
   * *use 0 where it makes no sense for this set or network. NULL: as it is. */
  int (*vary)(void *network_param, const esp_set *set, int64_t pairs, int *use);
  /* y [n_home][targets]; cost->near_pairs, far_pairs are set, near_pairs to -1 where there is nothing to count. param: that
   * of showing; fitted: of its `fit`. Sets *use 0 where the method cannot be used on this set. NULL: vary. Collective over
   * backend->comm. */
  int (*predict)(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                 const esp_set *set, double *y, esp_cost *cost, int *use);
} esp_method;

/* ---- showing ---- */

/* What a column of the CSV files is called in heads of tables, at axes and in sentences of the report. */
typedef struct {
  const char *name, *words; /* name NULL ends the rows */
} esp_heading;

/* Drawn by gnuplot from a CSV file of the run. */
typedef struct {
  const char *name;   /* NAME.gp, NAME.svg; NULL ends the rows */
  const char *needs;  /* the data file */
  const char *column; /* of its header that must be there; NULL: any file of that name will do */
  const char *title, *caption;
  int width, height;
  const char
      *script; /* gnuplot commands; CSV separators are on, and set are data: the file's name; fields: how many columns
                         it has; columns: their names, with blanks between; say(c): what column c is called; figure: what
                         the first figure is called; larger: 1 where more of it is better; watch */
} esp_picture;

/* Where a task puts files and numbers of its own about one prediction. */
typedef struct esp_show esp_show;
struct esp_show {
  int ranks, rank; /* of the run */
  /* This rank's lines of FILE, to be added to; every rank's become the file, rank by rank, below `header`. lines->rc tells
   * of a failure, also to the caller. At most ESP_SHOW_FILES files. Never NULL. */
  esp_lines *(*lines)(esp_show *show, const char *file, const char *header);
  void (*number)(esp_show *show, const char *key, double value); /* into evaluate's results; the same on all ranks */
  void *kept;                                                    /* look's, for draw: ESP_ALLOC, freed by the caller */
};
enum { ESP_SHOW_FILES = 8 };

/* A number found while a network runs on `set` (recall): *visit is made for a set and given to forward, as often as one likes,
 * *value then read (NAN: not known), all freed by end. */
typedef struct {
  const char *name; /* its column in metrics.csv */
  int (*begin)(const void *param, const esp_backend *backend, const esp_set *set, esp_visit *visit, double **value);
  void (*end)(esp_visit *visit);
} esp_watching;

/* Who belongs together, where whoever made the data knows it. */
typedef struct {
  int r;                     /* numbers below; 0: nothing is known of this set */
  double *sender, *receiver; /* [n_home][r] the caller's: where a particle is as sender, as receiver; NULL: as sender */
  int neighbours, samples;   /* the nearest that are looked for, of so many particles, drawn by */
  uint64_t seed;
} esp_truth;

typedef struct {
  const esp_options *options; /* eval_*: what the functions below are told; NULL: nothing */
  const esp_figure *figure;   /* NULL-terminated, as the two below */
  int larger;                 /* 1: of the first figure the larger is the better; 0: the smaller */
  const esp_method *method;
  const esp_picture *picture; /* beside those every task has */
  const char *about;          /* first paragraph of the report, after "Every pair interacts; a tree decides at what
                                 resolution." */
  const char *ladder;         /* what the ladder's columns mean */
  const esp_heading
      *heading; /* of its own columns; NULL: figures are called by their titles, the rest as it is written */
  /* Numbers that methods are fitted with, from the training sets; *fitted is freed with unfit. NULL: nothing to fit. */
  int (*fit)(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
             void **fitted);
  void (*unfit)(void **fitted);
  /* Errors of y [n_home][targets], and what else is to be known of a prediction, into the tally's figures. seen: what
   * `watch` below found, NAN if nothing. */
  int (*judge)(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
               esp_tally *tally);
  const esp_watching *watching; /* NULL: nothing */
  /* For graphs of layer l, in the network's units. The truth's arrays are to be freed, also after a failure. Local. NULL:
   * nothing is known. */
  int (*truth)(const void *param, const esp_set *set, int l, esp_truth *truth);
  /* Files of its own about one test set: of `look`, called as a visit is while the trained network runs on it; then of
   * `draw`, with the prediction. The set: the first of the largest ones, or with draws_first the first of all. Collective
   * over the ranks that hold the set; where it lies whole on one, that one alone calls. Either may be NULL. */
  int draws_first;
  int (*look)(const void *param, const esp_set *set, int l, esp_domain *dom, const double *key, const double *query,
              esp_show *show);
  int (*draw)(const void *param, const esp_model *untrained, const esp_model *trained, const esp_backend *backend,
              const esp_set *set, const double *y, esp_show *show);
} esp_showing;

/* ---- rolling ---- */

/* Roll-outs: predictions from predictions. */
typedef struct {
  int (*advance)(esp_set *set, const double *y); /* one step further, in place, in the network's units. Local */
  int (*halve)(esp_set *set);                    /* half the step from now on; NULL: no such thing. Local */
  /* Squared error over number of terms against a frame (columns of frame [.. as in the file]) into a figure, or, of the k-th
   * of `figure` below, into figure + k; 0 without particles. Local. NULL: no frames. */
  int (*error)(const esp_set *set, double *const frame[ESP_COLUMNS], int figure, esp_tally *tally);
  int (*invariant)(const esp_set *set, double *value); /* what should stay; whole sets, local; NULL: nothing does */
  const char *invariant_name;                          /* "energy_error" */
  const esp_figure *figure; /* what `error` tells, NULL-terminated; NULL: one number, the root mean square */
} esp_rolling;

#endif
