/* Gradients for the tests of the multipole method's backward pass, and trials of it: a cloud, dL/da, dL/dy and dL/dm by all
 * pairs, and room for those by the tree. Errors are failures of the test. */
#ifndef TEST_FMM_ADJOINT_CASE_H
#define TEST_FMM_ADJOINT_CASE_H

#include "fmm/adjoint.h"
#include "fmm/specification.h"
#include "unit/fmm_case.h"
#include "unit/fmm_lists.h"

#define VECTORS(a) ((const double(*)[3])(a))

typedef enum {
  FMM_RANDOM, /* normal */
  FMM_SMOOTH, /* the acceleration itself */
  FMM_FEW,    /* random, one in seven a thousand times larger; massless clouds: of half the massless bodies alone */
  FMM_GRADIENTS
} fmm_gradient;
static const char *const fmm_gradient_name[FMM_GRADIENTS] = {"random", "along the force", "of a few"};

typedef struct {
  fmm_cloud cloud;
  esp_fmm_param param;
  esp_fmm_bodies bodies;
  double (*g)[3], (*d)[3], (*truth)[3], *dmass, *truth_dmass;
} trial;

static inline void gradient_make(trial *t, fmm_kind kind, fmm_gradient gradient) {
  for (int i = 0; i < t->cloud.n && gradient != FMM_SMOOTH; i++)
    for (int a = 0; a < 3; a++) {
      const double u = fmm_uniform(i, 20 + (uint32_t)a), v = fmm_uniform(i, 30 + (uint32_t)a);
      t->g[i][a] = sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
      if (gradient != FMM_FEW) continue;
      if (kind == FMM_MASSLESS)
        t->g[i][a] *= i % 3 == 1;
      else
        t->g[i][a] *= i % 7 ? 1 : 1e3;
    }
  if (gradient == FMM_SMOOTH) MUST(esp_fmm_all_pairs(&t->param, &t->bodies, &(esp_fmm_result){.acceleration = t->g}));
}

static inline void trial_truth(trial *t) {
  MUST(esp_fmm_adjoint_all_pairs(&t->param, &t->bodies, VECTORS(t->g),
                                 &(esp_fmm_gradient){t->truth, t->truth_dmass, NULL, NULL}));
}

static inline trial trial_make(fmm_kind kind, int n, fmm_gradient gradient, double eps) {
  trial t = {.param = {4, 1e-3, eps}};
  MUST(fmm_cloud_make(kind, n, 0, &t.cloud));
  MUST(ESP_ALLOC(t.g, n));
  MUST(ESP_ALLOC(t.d, n));
  MUST(ESP_ALLOC(t.truth, n));
  MUST(ESP_ALLOC(t.dmass, n));
  MUST(ESP_ALLOC(t.truth_dmass, n));
  t.bodies = (esp_fmm_bodies){n, VECTORS(t.cloud.x), t.cloud.m, t.cloud.id, NULL};
  gradient_make(&t, kind, gradient);
  trial_truth(&t);
  return t;
}

static inline void trial_free(trial *t) {
  fmm_cloud_free(&t->cloud);
  ESP_FREE(t->g);
  ESP_FREE(t->d);
  ESP_FREE(t->truth);
  ESP_FREE(t->dmass);
  ESP_FREE(t->truth_dmass);
}

static inline void run_specification(trial *t, int order, double tolerance, const esp_fmm_witness *witness) {
  t->param.order = order;
  t->param.tolerance = tolerance;
  MUST(esp_fmm_adjoint_specification(&t->param, &t->bodies, VECTORS(t->g),
                                     &(esp_fmm_gradient){t->d, t->dmass, witness, NULL}));
}

static inline double numbers_error(int n, const double *p, const double *truth) {
  double off = 0, size = 0;
  for (int i = 0; i < n; i++) {
    off += (p[i] - truth[i]) * (p[i] - truth[i]);
    size += truth[i] * truth[i];
  }
  return size > 0 ? sqrt(off / size) : off;
}

static inline double dmass_error(const trial *t) {
  return numbers_error(t->cloud.n, t->dmass, t->truth_dmass);
}

#endif
