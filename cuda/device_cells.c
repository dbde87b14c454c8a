/* What the device keeps of a domain's rows, made when it is first asked for; and its table of walks. */
#include "cuda/device_cells.h"

#include <string.h>

#include "cuda/memory.h"
#include "message/gate.h"
#include "message/newton.h"

typedef struct {
  esp_cuda_tree tree;
  void *memory; /* members, child, first, count: in one piece */
} kept;

static void kept_free(void **there) {
  kept *k = *there;
  if (k) esp_cuda_free(&k->memory);
  esp_free(there);
}

/* Top rows of one level after the other, levels without any left out. */
static void top_levels(const esp_tree *tree, esp_cuda_tree *t) {
  int before = -1;
  t->tops = 0;
  for (int row = tree->own_rows; row < t->held; row++) {
    const int level = esp_heap_level(tree->heap[row]);
    if (level != before) t->top_level[t->tops++] = row;
    before = level;
  }
  t->top_level[t->tops] = t->held;
}

int esp_cuda_tree_put(const esp_tree *tree, esp_cuda_tree *t, void **memory) {
  const size_t all = (size_t)tree->row_count;
  *t = (esp_cuda_tree){.own = tree->own_rows, .held = tree->own_rows + tree->top_rows, .levels = tree->shape.depth + 1};
  memcpy(t->own_level, tree->level_row, sizeof tree->level_row);
  top_levels(tree, t);
  const size_t own = (size_t)t->own, held = (size_t)t->held, ints = 2 * held + 2 * own;
  const size_t bytes = all * sizeof(double) + ints * sizeof(int);
  int rc = ESP_OK;
  char *host = NULL;
  *memory = NULL;
  ESP_TRY(ESP_ALLOC(host, bytes));
  double *members = (double *)host;
  int *child = (int *)(host + all * sizeof(double)), *first = child + 2 * held, *count = first + own;
  for (int row = 0; row < tree->row_count; row++) members[row] = esp_tree_members(tree, row);
  memcpy(child, tree->child, 2 * held * sizeof *child);
  memcpy(first, tree->part_first, own * sizeof *first);
  memcpy(count, tree->part_count, own * sizeof *count);
  ESP_TRY(esp_cuda_alloc(memory, bytes));
  ESP_TRY(esp_cuda_put(*memory, host, bytes));
  t->members = *memory;
  t->child = (const int *)(t->members + all);
  t->first = t->child + 2 * held, t->count = t->first + own;
done:
  ESP_FREE(host);
  if (rc) esp_cuda_free(memory);
  return rc;
}

/* What is kept is no part of what the domain is: it is made of a constant one, too. */
static int kept_of(const esp_domain *dom, const esp_cuda_tree **tree) {
  if (!dom->rows_there) {
    esp_domain *keeper = (esp_domain *)dom;
    kept *k = NULL;
    ESP_CALL(ESP_ALLOC(k, 1));
    keeper->rows_there = k, keeper->rows_free = kept_free;
    const int rc = esp_cuda_tree_put(&dom->tree, &k->tree, &k->memory);
    if (rc) kept_free(&keeper->rows_there);
    ESP_CALL(rc);
  }
  *tree = &((kept *)dom->rows_there)->tree;
  return ESP_OK;
}

static int cells_of(const esp_cells *c, esp_cuda_cells *to) {
  *to = (esp_cuda_cells){.source = c->source, .dsource = c->dsource, .cell = c->cell, .adjoint = c->adjoint};
  if (c->algebra == &esp_mass_cells) {
    to->kind = ESP_CUDA_CELLS_MASS;
    return ESP_OK;
  }
  ESP_CHECK(c->algebra == &esp_gate_cells || c->algebra == &esp_gate_mlp_cells, ESP_ERR_INTERNAL,
            "cells that this device does not know");
  to->kind = c->algebra == &esp_gate_cells ? ESP_CUDA_CELLS_GATE : ESP_CUDA_CELLS_SUMS;
  to->gate = esp_gate_cells_form_of(c->form);
  return ESP_OK;
}

static int upward(const esp_cells *c, const esp_domain *dom, const double *source, double *cell) {
  const esp_cuda_tree *tree;
  esp_cuda_cells cells;
  ESP_CALL(cells_of(c, &cells));
  ESP_CALL(kept_of(dom, &tree));
  return esp_cuda_cells_upward(&cells, tree, source, cell);
}

static int top(const esp_cells *c, const esp_domain *dom, double *cell) {
  const esp_cuda_tree *tree;
  esp_cuda_cells cells;
  ESP_CALL(cells_of(c, &cells));
  ESP_CALL(kept_of(dom, &tree));
  return esp_cuda_cells_top(&cells, tree, cell);
}

static int downward(const esp_cells *c, const esp_domain *dom, const double *source, const double *cell,
                    double *adjoint, double *dsource) {
  const esp_cuda_tree *tree;
  esp_cuda_cells cells;
  ESP_CALL(cells_of(c, &cells));
  ESP_CALL(kept_of(dom, &tree));
  return esp_cuda_cells_downward(&cells, tree, source, cell, adjoint, dsource);
}

const esp_device_cells esp_device_cells_cuda = {upward, top, downward};
