/* The best of the steps of a training so far, and its parameters: a model has those of one step, so where they are the best
 * one's the training's own lie here. Local. */
#ifndef ESP_BEST_H
#define ESP_BEST_H

#include <stdint.h>

#include "base/base.h"

typedef struct {
  int64_t step;    /* 0: there is none yet */
  double value[2]; /* what the loss's validate said of it (net/loss.h) */
  double *other;   /* [count] NULL: nobody looks for it. The best step's, or, if */
  int chosen; /* 1: the model's parameters are the best step's, and these are the ones from which training goes on */
} esp_best;

/* Errors: memory. */
int esp_best_create(int count, esp_best *best);
void esp_best_free(esp_best *best);
/* Of a step that is made, parameters [count] and what is said of it: is it better than all before? Then it is the best.
 * The larger value[0], of equal ones value[1]; of equal steps the first. None is where value[0] is not a number. */
int esp_best_offer(esp_best *best, int64_t step, const double value[2], int count, const double *parameters);
/* The parameters become the best step's, where there is one; and those from which training goes on. */
void esp_best_choose(esp_best *best, int count, double *parameters);
void esp_best_leave(esp_best *best, int count, double *parameters);

#endif
