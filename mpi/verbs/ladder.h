/* The ladder: what every method gave on the sets of each size, as lines of CSV files, of the screen and of results. */
#ifndef ESP_LADDER_H
#define ESP_LADDER_H

#include "verbs/run.h"
#include "verbs/trial.h"

/* One method on the sets of one size: sums of this rank. */
typedef struct {
  esp_tally figures;
  int64_t sets, near_pairs, far_pairs, particles; /* sets: those that rank 0 of those who hold them counts */
  int64_t layers;                                 /* of a set */
  int uncounted;                                  /* a trial had no pairs to speak of */
  double seconds;
} esp_rung;

typedef struct {
  esp_run *run;
  const esp_showing *showing;
  int methods, sizes, size; /* size: the one at hand */
  const int64_t *n;         /* [sizes] ascending, borrowed */
  esp_rung *rung;           /* [methods] of the size at hand */
  double *drawn;            /* [methods][sizes] the first figure; NAN: none */
  esp_lines lines, pairs;   /* rank 0 */
  esp_lines result;         /* of the size at hand: the trained network and what stands beside it, in a sentence */
  int beside;               /* how many do */
  cJSON *rows, *fields;
  esp_far_record far; /* of the trained network on the first set of the size, which rank 0 holds */
} esp_ladder;

/* Local. Free with esp_ladder_free, also after a failure. */
int esp_ladder_create(esp_run *run, const esp_showing *showing, int sizes, const int64_t *n, esp_ladder *ladder);
void esp_ladder_free(esp_ladder *ladder);
/* The header on the screen; all rungs empty. Local. */
void esp_ladder_head(const esp_ladder *ladder);
void esp_ladder_clear(esp_ladder *ladder);
/* What a trial on a set gave. Collective over backend->comm. */
int esp_ladder_judge(esp_ladder *ladder, const esp_trials *trials, int method, const esp_backend *backend,
                     const esp_set *set, const esp_trial *trial, double seen);
/* What the trained network's far cells err with on the first set of the size. Collective over backend->comm. */
int esp_ladder_far(esp_ladder *ladder, const esp_trials *trials, const esp_backend *backend, const esp_set *set);
/* The lines of the size at hand; a method without sets has none. Collective over run->comm. */
int esp_ladder_lines(esp_ladder *ladder);
/* ladder.csv, ladder_bars.csv, pairs.csv; the sentence of the largest size, into the results. Collective over run->comm. */
int esp_ladder_write(esp_ladder *ladder);

#endif
