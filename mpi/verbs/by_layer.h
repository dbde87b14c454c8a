/* Smoothing by layer (net/smoothing.h): of the states before each layer while the trained network runs on a set, and of its
 * prediction. */
#ifndef ESP_BY_LAYER_H
#define ESP_BY_LAYER_H

#include "net/smoothing.h"
#include "verbs/run.h"

typedef struct {
  esp_smoothing *smoothing; /* NULL: nobody looks */
  int tells;                /* 1: rank 0 of those who hold the set, who has the lines */
  esp_lines lines;
  int states; /* seen so far */
  int samples, least_layer;
  double first, least, last, predicted; /* ratios; NAN: not known */
} esp_by_layer;

/* Looks at eval_states particles of the set; nothing where that is 0. Collective over comm, the ranks that hold the set. Free
 * with esp_by_layer_free, also after a failure. */
int esp_by_layer_begin(const esp_run *run, const esp_comm *comm, const esp_set *set, esp_by_layer *by);
void esp_by_layer_free(esp_by_layer *by);
/* As `state` of a visit; and the prediction, [n_home][width], behind them. Collective over comm. */
int esp_by_layer_state(void *by, int l, int width, const double *state);
int esp_by_layer_predicted(esp_by_layer *by, int width, const double *y);
/* smoothing.csv, its line on the screen, `smoothing` in the results: if there were states. Collective over run->comm. */
int esp_by_layer_write(esp_by_layer *by, const esp_run *run);

#endif
