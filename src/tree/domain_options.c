#include "tree/domain.h"

#include "base/config.h"

#define OF esp_domain_param
#define BOTH .flags = ESP_OF_MODEL | ESP_OF_TREE

/* An angle alone is no longer found from a budget; one that a search found for this budget goes on. */
static int check(const esp_config *config, const void *before, void *filled) {
  const esp_domain_param *had = before;
  esp_domain_param *param = filled;
  if (before && !config && param->lists.pairs_per_particle > 0) param->lists.theta = had->lists.theta;
  if (before && config && esp_config_is_set(config, "tree_theta") &&
      !esp_config_is_set(config, "tree_pairs_per_particle"))
    param->lists.pairs_per_particle = 0;
  const int least = config && esp_config_is_set(config, "tree_theta_least") && param->lists.theta_least > 0;
  ESP_CHECK(!least || param->lists.pairs_per_particle > 0, ESP_ERR_CONFIG,
            "tree_theta_least %g without a budget: it bounds what tree_pairs_per_particle chooses; set that, or "
            "tree_theta in its place",
            param->lists.theta_least);
  return ESP_OK;
}

const esp_options esp_domain_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_INT_ROW(OF, leaf, "tree_leaf", "8", 1, ESP_COUNT_MAX, "particles",
                    "most particles of a leaf, the smallest cell; near leaves are summed pair by pair", BOTH),
        ESP_INT_ROW(OF, block, "tree_block", "64", 1, ESP_COUNT_MAX, "particles",
                    "most particles of a block, the unit that ranks own; its particles share one list of near leaves "
                    "and far cells",
                    BOTH),
        ESP_REAL_ROW(
            OF, lists.theta, "tree_theta", "0.7", 0, 10, "",
            "opening angle: a cell is far from a block, and acts as a whole, where the sum of their radii is "
            "below theta times the distance of their centres; of learned relations, where its radius, weighed by "
            "exp(-gap^2 / 4 s^2), is at most theta times the gate's width s; 0: every pair is exact. Newton in open "
            "space has the multipole "
            "method in its place, unless this is 0",
            BOTH),
        ESP_WHOLE_ROW(OF, lists.pairs_per_particle, "tree_pairs_per_particle", "0", 0, ESP_COUNT_MAX, "pairs",
                      "most near pairs a particle and layer, on average: the smallest theta is taken that keeps to it; "
                      "0: tree_theta is used",
                      BOTH),
        ESP_REAL_ROW(
            OF, lists.theta_least, "tree_theta_least", "0", 0, 10, "",
            "with tree_pairs_per_particle: the smallest theta it may choose, where few pairs are near anyway; 0: "
            "any",
            BOTH),
        ESP_INT_ROW(OF, lists.theta_halvings, "tree_theta_halvings", "0", 0, 8, "",
                    "with tree_pairs_per_particle: theta is chosen from steps of a factor 1.1, the last of which is "
                    "halved this many times to come closer to the budget; in many dimensions one step is many pairs",
                    BOTH),
        ESP_WHOLE_ROW(OF, lists.pairs_limit, "tree_pairs_limit", "65536", 1, ESP_COUNT_MAX, "pairs",
                      "most near pairs of this tree that a particle may have before the run stops",
                      .flags = ESP_OF_TREE),
        {0}},
    check};
