/* A sample of a set's particles in the learned space and in the tree. */
#include <math.h>
#include <string.h>

#include "base/principal_axes.h"
#include "net/stack.h"
#include "tasks/relation/show.h"

enum { SAMPLE = 4096, CELL_LEVEL = 4, CELL = 0, Z0, Z1, X0, X1, TARGET, KEYS };

int esp_relation_look(const void *param, const esp_set *set, int l, esp_domain *dom, const double *key,
                      const double *query, esp_show *show) {
  (void)param, (void)key, (void)query;
  const esp_tree *tree = &dom->tree;
  const int level = esp_imin(CELL_LEVEL, tree->shape.depth);
  int64_t *slot = NULL, *cell = NULL;
  int rc;
  if (l > 0) return ESP_OK;
  rc = ESP_ALLOC(slot, dom->n_own);
  if (!rc) rc = ESP_ALLOC(cell, set->n_home);
  show->kept = cell;
  ESP_TRY(dom->comm->agree(dom->comm, rc));
  for (int s = 0; s < dom->n_own; s++)
    slot[s] = ((int64_t)1 << level) + esp_shape_find(&tree->shape, level, tree->slot_first + s);
  ESP_TRY(dom->ops->to_home(dom, sizeof *slot, slot, cell));
done:
  ESP_FREE(slot);
  return rc;
}

/* ---- where the particles are ---- */

/* Learned keys and queries of the first layer, whatever its tree stands on, [n_home][dim]; queries NULL with one map.
 * Collective. */
static int place(const esp_model *model, const esp_comm *comm, const esp_set *set, int *dim, double **keys,
                 double **queries) {
  esp_stack_param param = *(const esp_stack_param *)model->param;
  esp_model learned = *model;
  esp_place where;
  param.tree_on = ESP_TREE_ON_LEARNED;
  learned.param = &param;
  ESP_CALL(esp_model_places(&learned, comm, set, &where, keys, queries));
  *dim = where.domain.dim;
  return ESP_OK;
}

static void fill_row(const esp_set *set, const int64_t *cell, int i, double *row) {
  static const esp_role role[] = {ESP_HIDDEN, ESP_INPUT, ESP_TARGET};
  static const int at[] = {Z0, X0, TARGET}, most[] = {2, 2, 1};
  row[CELL] = cell ? (double)cell[i] : 0;
  for (int k = 0; k < 3; k++) {
    int width;
    const double *value = esp_set_role(set, role[k], 0, &width);
    for (int a = 0; a < most[k]; a++) row[at[k] + a] = a < width ? value[(size_t)i * (size_t)width + (size_t)a] : 0;
  }
}

/* This rank's rows: fixed columns, then the two networks' keys. */
static int take_sample(const esp_set *set, const int64_t *cell, int d, double *const key[2], double **rows,
                       int *count) {
  const size_t width = (size_t)(KEYS + 2 * d);
  const int64_t stride = (set->n + SAMPLE - 1) / SAMPLE > 0 ? (set->n + SAMPLE - 1) / SAMPLE : 1;
  ESP_CALL(ESP_ALLOC(*rows, ((size_t)(set->n_home / stride) + 1) * width));
  *count = 0;
  for (int i = 0; i < set->n_home; i++) {
    if ((set->first + i) % stride) continue;
    double *row = *rows + (size_t)(*count)++ * width;
    fill_row(set, cell, i, row);
    for (int k = 0; k < 2; k++) memcpy(row + KEYS + k * d, key[k] + (size_t)i * (size_t)d, (size_t)d * sizeof *row);
  }
  return ESP_OK;
}

/* One rank has all rows, in the set's order. */
static int add_lines(int n, int d, const double *row, esp_lines *space, esp_lines *cells) {
  const int width = KEYS + 2 * d;
  double *before = NULL, *after = NULL;
  int rc;
  ESP_TRY(ESP_ALLOC(before, 2 * n));
  ESP_TRY(ESP_ALLOC(after, 2 * n));
  ESP_TRY(esp_principal_axes(n, width, row + KEYS, d, before));
  ESP_TRY(esp_principal_axes(n, width, row + KEYS + d, d, after));
  for (int i = 0; i < n; i++) {
    const double *r = row + (size_t)i * (size_t)width;
    esp_lines_add(space, "%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", r[Z0], r[Z1], before[2 * i], before[2 * i + 1],
                  after[2 * i], after[2 * i + 1], r[TARGET]);
    esp_lines_add(cells, "%.6g,%.6g,%.0f,%.6g,%.6g\n", r[X0], r[X1], r[CELL], r[Z0], r[Z1]);
  }
done:
  ESP_FREE(before);
  ESP_FREE(after);
  return rc;
}

static int draw_sample(const esp_comm *comm, const esp_set *set, int d, double *const key[2], esp_show *show) {
  esp_lines *space = show->lines(show, "space.csv", "z0,z1,before_0,before_1,after_0,after_1,target");
  esp_lines *cells = show->lines(show, "cells.csv", "x0,x1,cell,hidden0,hidden1");
  const size_t width = (size_t)(KEYS + 2 * d) * sizeof(double);
  double *mine = NULL;
  void *all = NULL;
  size_t *start = NULL;
  int count = 0, rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = take_sample(set, show->kept, d, key, &mine, &count);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->gather_all(comm, mine, (size_t)count * width, &all, start));
  ESP_TRY(comm->agree(comm, comm->rank ? ESP_OK : add_lines((int)(start[comm->size] / width), d, all, space, cells)));
done:
  ESP_FREE(mine);
  ESP_FREE(all);
  ESP_FREE(start);
  return rc;
}

int esp_relation_draw(const void *param, const esp_model *untrained, const esp_model *trained,
                      const esp_backend *backend, const esp_set *set, const double *y, esp_show *show) {
  (void)param, (void)y;
  const esp_comm *comm = backend->comm;
  double *key[2] = {0}, *query[2] = {0}, shift = NAN;
  int d = 0, features, rc;
  ESP_TRY(place(untrained, comm, set, &d, &key[0], &query[0]));
  ESP_TRY(place(trained, comm, set, &d, &key[1], &query[1]));
  ESP_TRY(draw_sample(comm, set, d, key, show));
  const double *x = esp_set_role(set, ESP_INPUT, 0, &features);
  if (esp_relation_halves_of(set) == 1 && features == 4)
    ESP_TRY(esp_upstream_shift(comm, set->n_home, x, d, key[1], query[1] ? query[1] : key[1], &shift));
  if (!isnan(shift)) show->number(show, "learned_shift", shift);
done:
  for (int k = 0; k < 2; k++) {
    ESP_FREE(key[k]);
    ESP_FREE(query[k]);
  }
  return rc;
}
