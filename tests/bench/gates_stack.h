/* Rows of bench_relation that compare stacks of layers, and messages. */
#ifndef GATES_STACK_H
#define GATES_STACK_H

#include "relation_gates_case.h"

typedef void (*stack_row)(const char *name, const setup *s, double *nmse, double *recall);

/* The same data with 1, 2, 3 layers; the trees of two layers told, and on the raw features. The rate goes as 1 / L, the
 * steps are the same. */
static void stack_rows(setup s, stack_row row) {
  static const char *const name[] = {"one layer", "two layers", "three layers"};
  for (int layers = 1; layers <= 3; layers++) {
    s.net.layers = layers, s.train.rate = 0.02 / layers;
    row(name[layers - 1], &s, NULL, NULL);
  }
  s.net.layers = 2, s.train.rate = 0.01;
  s.net.tree_on = ESP_TREE_ON_HIDDEN, s.net.hidden_halves = s.data.kind == ESP_RELATION_TWICE ? 2 : 0;
  row("two layers, oracle tree", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_FEATURES;
  row("two layers, tree on raw features", &s, NULL, NULL);
}

/* subspace or circles as a stack is trained: it would learn few draws by heart. */
static setup stacked(setup s, int steps) {
  s.net.channels = 8;
  s.train.steps = steps, s.pool = 512;
  return s;
}

/* Gate and mlp messages. */
static void message_rows(setup s, stack_row row) {
  s.net.message = 0;
  row("gate", &s, NULL, NULL);
  s.net.message = 1;
  s.net.channels = 16;
  row("mlp, 16 channels", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_HIDDEN;
  row("mlp, oracle tree", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_FEATURES;
  row("mlp, tree on raw features", &s, NULL, NULL);
}

#endif
