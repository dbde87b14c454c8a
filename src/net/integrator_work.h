/* What the integrator's files share: a set on its way through the layers, and how the sums of a layer are had. */
#ifndef ESP_INTEGRATOR_WORK_H
#define ESP_INTEGRATOR_WORK_H

#include "net/integrator.h"
#include "net/layer.h"
#include "net/network.h"

typedef double esp_vec3[3];
typedef struct esp_integrator_sums esp_integrator_sums;

/* How the parameters lie: `free` of the tableau, which are `table` once they are expanded, then `sets` times `width` of the
 * message. */
typedef struct {
  esp_form form; /* the message as far as its parameters go */
  int free, table, sets, width;
} esp_integrator_shape;

/* What is kept of a pass. */
struct esp_pass {
  int layers;
  esp_layer *layer; /* [L] kept ones, where a tree sums; layer[l].dom is the tree at Y_l */
  esp_vec3 *A;      /* [L][n_home] */
  double mass;      /* of all particles */
  double table[ESP_MAX_TABLE];
};

typedef struct {
  const esp_model *model;
  const esp_integrator_param *param;
  const esp_backend *backend;
  const esp_integrator_sums *sums;
  esp_integrator_shape shape;
  int64_t all;
  int n; /* home particles */
  const int64_t *id;
  const double *m;
  const esp_vec3 *x, *w;
  esp_layer_param layer;
} esp_integrator_walk;

/* A layer's sums at y [n_home][3], and the way back through them. */
struct esp_integrator_sums {
  /* A [n_home][3] is set; message: its parameters, NULL if it has none. layer: what backward needs, kept if `keep`. */
  int (*forward)(const esp_integrator_walk *k, const esp_vec3 *y, const double *message, int l, int keep,
                 const esp_visit *visit, esp_vec3 *A, esp_layer *layer, esp_cost *cost);
  /* dA -> dY [n_home][3], set; dmessage is added to. */
  int (*backward)(const esp_integrator_walk *k, const esp_vec3 *y, const esp_vec3 *dA, esp_layer *layer, esp_vec3 *dY,
                  int64_t *dmessage, esp_cost *cost);
};
/* The row for messages of this kind in this space. */
const esp_integrator_sums *esp_integrator_sums_of(const esp_integrator_param *param, const esp_space *space);

#endif
