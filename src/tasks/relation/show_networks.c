/* The ladder of a learned relation: classical methods, then the network, untrained, trained, and trained on other trees and
 * other pairs. The trained one comes before those that take its number of pairs. */
#include "net/stack.h"
#include "tasks/learned.h"
#include "tasks/relation/show.h"

enum { ALL_PAIRS_N = 16384 };

static int near_alone(void *network_param, const esp_set *set, int64_t pairs, int *use) {
  (void)set, (void)pairs;
  esp_stack_param *p = network_param;
  *use = p->far;
  p->far = 0;
  return ESP_OK;
}

/* Another tree gets as many near pairs as the learned one was given, or took. */
static int other_tree(esp_stack_param *p, esp_tree_on on, int64_t pairs, int *use) {
  esp_lists_param *lists = &p->domain.lists;
  *use = p->tree_on != on && (lists->pairs_per_particle > 0 || lists->theta > 0); /* all pairs: no tree */
  p->tree_on = on;
  if (p->split == ESP_SPLIT_LEARNED) p->split = ESP_SPLIT_WIDEST;
  if (lists->pairs_per_particle == 0) lists->pairs_per_particle = pairs;
  return ESP_OK;
}

static int on_features(void *network_param, const esp_set *set, int64_t pairs, int *use) {
  esp_stack_param *p = network_param;
  p->tree_features = esp_imin(esp_set_role_width(set, ESP_INPUT), ESP_MAX_DIM);
  return other_tree(p, ESP_TREE_ON_FEATURES, pairs, use);
}

static int on_hidden(void *network_param, const esp_set *set, int64_t pairs, int *use) {
  esp_stack_param *p = network_param;
  const int hidden = esp_set_role_width(set, ESP_HIDDEN), halves = esp_relation_halves_of(set), parts = halves ? 2 : 1;
  p->hidden_halves = halves;
  ESP_CALL(other_tree(p, ESP_TREE_ON_HIDDEN, pairs, use));
  *use &= hidden > 0 && hidden % parts == 0 && hidden / parts <= ESP_MAX_DIM;
  return ESP_OK;
}

const esp_method esp_relation_methods[] = {
    {"mean of the targets", .classical = 1, .predict = esp_relation_by_mean},
    {"linear least squares", .classical = 1, .predict = esp_relation_by_linear},
    {"kernel: all pairs in raw features", .classical = 1, .predict = esp_relation_by_kernel},
    {"kernel: nearest in raw features", .classical = 1, .predict = esp_relation_by_nearest},
    {"untrained network", .untrained = 1},
    {.name = "trained network"},
    {"trained network: near pairs alone", .vary = near_alone},
    {"trained network: tree on raw features", .largest = ALL_PAIRS_N, .vary = on_features},
    {"trained network: tree on hidden space", .vary = on_hidden},
    {"trained network: all pairs", .largest = ALL_PAIRS_N, .vary = esp_learned_all_pairs},
    {0},
};
