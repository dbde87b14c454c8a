#include "verbs/relation_pictures.h"

#include <string.h>

#include "base/principal_axes.h"
#include "verbs/csv_out.h"

enum { SAMPLE = 4096, CELL_LEVEL = 4, ID = 0, CELL, Z0, Z1, X0, X1, TARGET, KEYS };

int esp_relation_cells(const esp_domain *dom, int64_t *cell) {
  const esp_tree *tree = &dom->tree;
  const int level = esp_imin(CELL_LEVEL, tree->shape.depth);
  int64_t *slot = NULL;
  int rc;
  ESP_TRY(dom->comm->agree(dom->comm, ESP_ALLOC(slot, dom->n_own)));
  for (int s = 0; s < dom->n_own; s++)
    slot[s] = ((int64_t)1 << level) + esp_shape_find(&tree->shape, level, tree->slot_first + s);
  ESP_TRY(dom->ops->to_home((esp_domain *)dom, sizeof *slot, slot, cell));
done:
  ESP_FREE(slot);
  return rc;
}

/* ---- the sample ---- */

static void fill_row(const esp_feature_set *set, const int64_t *cell, int i, double *row) {
  const double *x = set->x + (size_t)i * (size_t)set->features;
  const double *z = set->z ? set->z + (size_t)i * (size_t)set->hidden : NULL;
  row[ID] = (double)set->id[i];
  row[CELL] = (double)cell[i];
  row[Z0] = z ? z[0] : 0;
  row[Z1] = z && set->hidden > 1 ? z[1] : 0;
  row[X0] = x[0];
  row[X1] = set->features > 1 ? x[1] : 0;
  row[TARGET] = set->y ? set->y[(size_t)i * (size_t)set->targets] : 0;
}

/* This rank's rows: fixed columns, then the two networks' keys. */
static int take_sample(const esp_relation *const net[2], const esp_feature_set *set, const int64_t *cell, double **rows,
                       int *count) {
  const int d = net[0]->param.dim, width = KEYS + 2 * d;
  const int64_t stride = (set->n + SAMPLE - 1) / SAMPLE > 0 ? (set->n + SAMPLE - 1) / SAMPLE : 1;
  double *key = NULL, *query = NULL;
  int rc, most = (int)(set->n_home / stride) + 1;
  ESP_TRY(ESP_ALLOC(*rows, (size_t)most * (size_t)width));
  ESP_TRY(ESP_ALLOC(key, (size_t)set->n_home * (size_t)d));
  ESP_TRY(ESP_ALLOC(query, (size_t)set->n_home * (size_t)d));
  for (int k = 0; k < 2; k++) {
    ESP_TRY(esp_relation_place(net[k], set, key, net[k]->param.separate ? query : NULL));
    *count = 0;
    for (int i = 0; i < set->n_home; i++) {
      if ((set->first + i) % stride) continue;
      double *row = *rows + (size_t)(*count)++ * (size_t)width;
      fill_row(set, cell, i, row);
      memcpy(row + KEYS + k * d, key + (size_t)i * (size_t)d, (size_t)d * sizeof *key);
    }
  }
done:
  ESP_FREE(key);
  ESP_FREE(query);
  return rc;
}

/* Rank 0 has all rows, in the set's order. */
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

int esp_relation_pictures_write(const esp_run *run, const esp_relation *untrained, const esp_relation *trained,
                                const esp_feature_set *set, const int64_t *cell) {
  const esp_comm *comm = run->comm;
  const esp_relation *const net[2] = {untrained, trained};
  const int d = trained->param.dim, width = KEYS + 2 * d;
  esp_lines space = {0}, cells = {0};
  double *mine = NULL;
  void *all = NULL;
  size_t *start = NULL;
  int count = 0, rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = take_sample(net, set, cell, &mine, &count);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->gather_all(comm, mine, (size_t)count * (size_t)width * sizeof *mine, &all, start));
  const int rows = (int)(start[comm->size] / ((size_t)width * sizeof *mine));
  ESP_TRY(comm->agree(comm, comm->rank ? ESP_OK : add_lines(rows, d, all, &space, &cells)));
  ESP_TRY(esp_run_lines(run, "space.csv", "z0,z1,before_0,before_1,after_0,after_1,target", &space));
  ESP_TRY(esp_run_lines(run, "cells.csv", "x0,x1,cell,hidden0,hidden1", &cells));
done:
  esp_lines_free(&space);
  esp_lines_free(&cells);
  ESP_FREE(mine);
  ESP_FREE(all);
  ESP_FREE(start);
  return rc;
}
