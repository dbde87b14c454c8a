/* Classical methods beside a learned relation, fitted on the training sets of the same file:
 *
 *   mean       the training targets' mean
 *   linear     least squares of y on (x, v)
 *   kernel     b + g sum_j exp(-|x_i - x_j|^2 / 2 s^2) v_j over all pairs in the space of the raw features (an average
 *              if the network's is one); b and g by least squares on up to four training sets, s the best of a ladder
 *              of multiples of the features' spread on one set more
 *   nearest    the same over the `neighbours` nearest in the raw features alone; ties to the lower number
 *
 * Results are the same bits on any number of ranks. */
#ifndef ESP_RELATION_BASELINES_H
#define ESP_RELATION_BASELINES_H

#include "io/feature_file.h"
#include "net/relation.h"
#include "base/least_squares.h"

typedef enum { ESP_BASE_MEAN, ESP_BASE_LINEAR, ESP_BASE_KERNEL, ESP_BASE_NEAREST, ESP_BASELINES } esp_baseline;

/* Largest sets of the methods that look at all pairs; widest data of the others. */
enum { ESP_BASE_PAIRS_N = 16384, ESP_BASE_COLUMNS = 256 };

typedef struct {
  esp_backend backend; /* over all ranks; float32 */
  int average, include_self, neighbours;
  int fitted[ESP_BASELINES];
  esp_least_squares fit[ESP_BASELINES];
  double scale[ESP_BASELINES]; /* s of kernel and nearest */
} esp_baselines;

/* Fit on `file`; param: the network's, for average and include_self. Methods for which the data are too wide, or a
 * training set too large, are left out. Collective. Free with esp_baselines_free, also after a failure. */
int esp_baselines_fit(const esp_backend *backend, const esp_feature_file *file, const esp_relation_param *param,
                      int neighbours, esp_baselines *baselines);
void esp_baselines_free(esp_baselines *baselines);
/* Is it fitted, and are n particles not too many? Local. */
int esp_baseline_can(const esp_baselines *baselines, esp_baseline which, int64_t n);
/* Name into text[64]. Local. */
void esp_baseline_name(const esp_baselines *baselines, esp_baseline which, char text[64]);
/* y [n_home][T]; *pairs: pairs a particle, 0 if none. Collective. */
int esp_baseline_predict(const esp_baselines *baselines, esp_baseline which, const esp_feature_set *set, double *y,
                         double *pairs);

#endif
