/* The part of bench_gates that compares rules of splitting: the same lists, messages and trained network on trees that
 * are cut in other ways. Hyperplanes have nothing to learn from in gravity (the tree is placed by physics), so those of
 * the rule `learned` are fixed random ones here: what a direction that knows nothing of the cloud costs. */
#ifndef GATES_SPLITS_H
#define GATES_SPLITS_H

#include <time.h>

#include "net/layer.h"
#include "tasks/gravity/metrics.h"
#include "tasks/gravity/nbody_force.h"
#include "tasks/gravity/show.h"

#include "bench/gates_case.h"

enum {
  SPLIT_RULER = 5,
  SPLIT_BASE = 2,
  SPLIT_LINES = 9,
  SPLIT_LEVELS = 10,
  SPLIT_SIZES = 3,
  SPLIT_KINDS = 2,
  SPLIT_TIMES = 9
};

typedef struct {
  const char *name;
  esp_split_kind kind;
  int levels;
  double factor; /* of theta */
} split_line;

/* The first SPLIT_RULER are the widest axis at other angles: what a change of pairs is worth. */
static const split_line split_lines[SPLIT_LINES] = {
    {"widest axis, 0.8 theta", ESP_SPLIT_WIDEST, 0, 0.8},
    {"widest axis, 0.9 theta", ESP_SPLIT_WIDEST, 0, 0.9},
    {"widest axis", ESP_SPLIT_WIDEST, 0, 1},
    {"widest axis, 1.1 theta", ESP_SPLIT_WIDEST, 0, 1.1},
    {"widest axis, 1.2 theta", ESP_SPLIT_WIDEST, 0, 1.2},
    {"principal direction", ESP_SPLIT_PCA, 0, 1},
    {"random hyperplanes, first 2 levels", ESP_SPLIT_LEARNED, 2, 1},
    {"random hyperplanes, first 4 levels", ESP_SPLIT_LEARNED, 4, 1},
    {"random hyperplanes, all levels", ESP_SPLIT_LEARNED, SPLIT_LEVELS, 1},
};

/* Sums over clouds; figures: means over draws. */
typedef struct {
  double force, particles, near, far, seconds, nrmse;
  int clouds, figures;
} split_score;

static inline esp_domain_param split_domain(const settings *s, const split_line *line, const double *normal) {
  esp_domain_param p = {.leaf = (int)s->leaf, .block = (int)s->block, .dim = 3};
  p.lists.theta = s->theta * line->factor;
  p.split = (esp_split_rule){.kind = line->kind, .levels = line->levels, .normal = normal};
  return p;
}

/* Relative 2-norm of the tree force's error at the start places; float64. */
static inline int split_force(const esp_cloud *cloud, const esp_domain_param *domain, const vec3 *direct,
                              split_score *score) {
  esp_backend backend = esp_backend_self();
  const esp_layer_param param = {.domain = *domain,
                                 .form = {.message = &esp_message_newton, .dim = 3, .softening = cloud->eps}};
  const esp_layer_input input = {.id = cloud->id, .key = (const double *)cloud->x, .value = cloud->m};
  const int n = cloud->n_home;
  esp_layer layer;
  vec3 *tree;
  double miss = 0, size = 0;
  backend.device = &esp_device_cpu64;
  ESP_CALL(ESP_ALLOC(tree, n));
  ESP_CALL(esp_layer_forward(&backend, &param, n, &input, NULL, (double *)tree, &layer));
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) {
      miss += (tree[i][a] - direct[i][a]) * (tree[i][a] - direct[i][a]);
      size += direct[i][a] * direct[i][a];
    }
  }
  score->force += sqrt(miss / size);
  score->particles += n;
  score->near += (double)layer.dom->lists.near_pairs;
  score->far += (double)layer.dom->lists.far_pairs;
  score->clouds++;
  esp_layer_free(&layer);
  ESP_FREE(tree);
  return ESP_OK;
}

static inline int split_forces(const settings *s, const esp_cloud *cloud, const double *normal, split_score *score) {
  const vec3 *x = (const vec3 *)cloud->x;
  const int n = cloud->n_home;
  vec3 *direct;
  ESP_CALL(ESP_ALLOC(direct, n));
  ESP_CALL(esp_nbody_direct(esp_comm_self(), n, x, cloud->m, n, x, cloud->eps, NULL, direct, NULL));
  for (int l = 0; l < SPLIT_LINES; l++) {
    const esp_domain_param p = split_domain(s, split_lines + l, normal);
    ESP_CALL(split_force(cloud, &p, (const vec3 *)direct, score + l));
  }
  ESP_FREE(direct);
  return ESP_OK;
}

/* The least processor time of several orders of the cloud, the rules in turn. */
static inline int split_times(const settings *s, const esp_cloud *cloud, const double *normal, split_score *score) {
  double least[SPLIT_LINES];
  esp_shape shape;
  int *order;
  ESP_CALL(esp_shape_make(cloud->n_home, (int)s->leaf, (int)s->block, &shape));
  ESP_CALL(ESP_ALLOC(order, cloud->n_home));
  for (int t = 0; t < SPLIT_TIMES; t++) {
    for (int l = 0; l < SPLIT_LINES; l++) {
      const esp_domain_param p = split_domain(s, split_lines + l, normal);
      const clock_t begin = clock();
      ESP_CALL(esp_tree_order(&shape, &p.split, 0, 0, cloud->n_home, 3, cloud->x[0], cloud->id, order));
      const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
      least[l] = t == 0 ? seconds : fmin(least[l], seconds);
    }
  }
  for (int l = 0; l < SPLIT_LINES; l++) score[l].seconds += least[l];
  ESP_FREE(order);
  return ESP_OK;
}

/* NRMSE of D over the clouds of one kind of a draw. */
static inline int split_network(const settings *s, const split_line *line, const double *normal, const esp_model *model,
                                int clouds, int kind, const esp_cloud *cloud, split_score *score) {
  esp_backend backend = esp_backend_self();
  esp_integrator_param param = *(const esp_integrator_param *)model->param;
  esp_model view = *model;
  esp_tally errors;
  double value[4];
  param.domain = split_domain(s, line, normal);
  view.param = &param;
  ESP_CALL(esp_tally_create(esp_gravity_showing.figure, &errors));
  for (int c = kind; c < clouds; c += SPLIT_KINDS) {
    vec3 *D, *K;
    ESP_CALL(ESP_ALLOC(D, cloud[c].n));
    ESP_CALL(ESP_ALLOC(K, cloud[c].n));
    ESP_CALL(predict_cloud(&view, &backend, cloud + c, D, K, NULL));
    ESP_CALL(esp_errors_add(cloud + c, (const vec3 *)D, (const vec3 *)K, &errors));
    ESP_FREE(D);
    ESP_FREE(K);
  }
  ESP_CALL(esp_tally_value(esp_comm_self(), &errors, esp_gravity_showing.figure, value));
  esp_tally_free(&errors);
  score->nrmse += value[0];
  score->figures++;
  return ESP_OK;
}

/* The force error of the widest axis at that many pairs a particle: straight in logarithms between the ruler's lines.
 */
static inline double split_ruler(const split_score *score, double pairs) {
  double x[SPLIT_RULER], y[SPLIT_RULER];
  int k = 0;
  for (int l = 0; l < SPLIT_RULER; l++) {
    x[l] = log(score[l].near / score[l].particles);
    y[l] = log(score[l].force / score[l].clouds);
  }
  while (k < SPLIT_RULER - 2 && log(pairs) < x[k + 1]) k++; /* pairs fall with theta */
  return exp(y[k] + (log(pairs) - x[k]) * (y[k + 1] - y[k]) / (x[k + 1] - x[k]));
}

static inline void split_print(int n, const char *kind, const split_score *score) {
  for (int l = 0; l < SPLIT_LINES; l++) {
    const split_score *c = score + l;
    const double force = c->force / c->clouds, pairs = c->near / c->particles;
    printf("| %s %d | %s | %.5f | %.5f | %.1f | %.1f | %.2f | %.2f |\n", kind, n, split_lines[l].name, force,
           c->nrmse / c->figures, pairs, c->far / c->particles, force / split_ruler(score, pairs),
           c->seconds / score[SPLIT_BASE].seconds);
  }
}

/* model [trainings]: trained, of four layers. */
static inline int splits(const settings *s, int trainings, const esp_model *model) {
  static const char *const kinds[SPLIT_KINDS] = {"ball", "Plummer"}; /* as make_cloud has them in turn */
  static split_score score[SPLIT_SIZES][SPLIT_KINDS][SPLIT_LINES];
  double normal[3 * ((1 << SPLIT_LEVELS) - 1)];
  static draw d;
  for (int64_t seed = (int64_t)s->draw_first; seed <= (int64_t)s->draw_last; seed++) {
    const int sizes = (double)seed - s->draw_first < s->big_draws ? SIZES : SIZES - 1;
    ESP_CALL(make_draw(s, seed, sizes, &d));
    for (uint64_t k = 0; k < sizeof normal / sizeof *normal; k++) {
      normal[k] = esp_rng_normal((uint64_t)seed, k, ESP_RNG_TEST, 0);
    }
    for (int z = 1; z < sizes; z++) {
      const esp_cloud *cloud = d.cloud[z];
      for (int c = 0; c < size_clouds[z]; c++) {
        ESP_CALL(split_forces(s, cloud + c, normal, score[z - 1][c % SPLIT_KINDS]));
        ESP_CALL(split_times(s, cloud + c, normal, score[z - 1][c % SPLIT_KINDS]));
      }
      for (int k = 0; k < esp_imin(size_clouds[z], SPLIT_KINDS) * SPLIT_LINES * trainings; k++) {
        const int t = k % trainings, l = k / trainings % SPLIT_LINES, kind = k / trainings / SPLIT_LINES;
        ESP_CALL(
            split_network(s, split_lines + l, normal, model + t, size_clouds[z], kind, cloud, &score[z - 1][kind][l]));
      }
    }
    free_draw(&d);
  }
  printf("\n## Rules of splitting: theta %g, B %g, block %g, draws %g to %g, %d trainings\n\n", s->theta, s->leaf,
         s->block, s->draw_first, s->draw_last, trainings);
  printf(
      "Force: relative 2-norm of the tree force's error at the start places, float64. D: NRMSE, trained L 4. Pairs "
      "and\n"
      "cells: a particle, at the start places. At equal pairs: force error over that of the widest axis at an angle\n"
      "that gives as many near pairs (extrapolated beyond 0.8 and 1.2 theta). Time: of ordering the particles, over "
      "the widest axis'.\n\n");
  printf("| cloud | cut by | force | D | pairs | cells | at equal pairs | time |\n|---|---|---|---|---|---|---|---|\n");
  for (int kind = 0; kind < SPLIT_KINDS; kind++) {
    for (int z = 0; z < SPLIT_SIZES; z++) {
      if (score[z][kind]->clouds > 0) split_print(size_n[1 + z], kinds[kind], score[z][kind]);
    }
  }
  return ESP_OK;
}

#endif
