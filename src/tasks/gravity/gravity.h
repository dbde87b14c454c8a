/* The task `gravity`: the displacement of bodies under their own gravity over a horizon.
 *
 * Made of nothing: clouds of n bodies (nbody_start.h), a mixed set taking a ball for even items of a size and a
 * Plummer sphere for odd ones. Another code's open particles are taken with their own d and T, and eps = data_eps d,
 * where data_horizon and data_softening do not say otherwise. Truth by direct sum up to 65536 bodies, by the multipole
 * method above (data_truth auto). A tree truth is judged: its force on 1000 sampled bodies at time 0 against the direct sum;
 * its displacements against a direct truth of the same cloud up to 65536 bodies. Above that all bodies would have to
 * be moved by direct sums, so a smaller twin (same kind, data_twin_n bodies) is moved by both forces instead, and that
 * NRMSE of D is given with the twin's size. */
#ifndef ESP_GRAVITY_H
#define ESP_GRAVITY_H

#include "tasks/gravity/cloud.h"
#include "tasks/task.h"

extern const esp_task esp_task_gravity;

enum { ESP_GRAVITY_BALL, ESP_GRAVITY_PLUMMER, ESP_GRAVITY_MIXED }; /* data_kind */
enum { ESP_GRAVITY_AUTO, ESP_GRAVITY_DIRECT, ESP_GRAVITY_TREE };   /* data_truth */

typedef struct {
  int kind;
  double eps;                /* softening over d */
  double horizon, softening; /* of another code's particles, in their units; 0: their own */
  int truth;                 /* force of the targets */
  int steps;
  int order;        /* of a tree truth's expansions */
  double tolerance; /* of a tree truth; 0: the order's own */
  int64_t twin_n;
  uint64_t seed;
  /* Kept while a file is made: the displacement error of the twin by kind, once known. */
  int has_twin[2];
  double twin[2];
} esp_gravity_param;

/* Inside this folder, as the row's members of these names (tasks/task.h). */
extern const esp_options esp_gravity_options;
extern const esp_layout esp_gravity_layout;
int esp_gravity_plan(const void *param, esp_plan *plan);
int esp_gravity_make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to);
int esp_gravity_adopt(void *param, const esp_backend *backend, esp_adopt wanted, esp_set *set);
/* The box's, too. If the opening angle is budgeted (tree_pairs_per_particle > 0): one tree is built where the bodies of
 * the set are at the start, the angle that it chose becomes the model's theta for good, and the budget 0: training and
 * prediction use a fixed angle. ESP_ERR_CONFIG for a budget where the multipole method sums. model: an integrator. Collective over backend->comm, whose ranks share the set. */
int esp_gravity_begin(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first);

#endif
