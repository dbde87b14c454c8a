#include "net/multipole.h"

void esp_multipole_count(const esp_fmm_cost *pass, esp_cost *cost) {
  const double essential = pass->moments + pass->estimate;
  const esp_cost own = {.layers = 1,
                        .near_pairs = pass->near_pairs,
                        .far_pairs = pass->cell_pairs + pass->expansions,
                        .owned = pass->owned,
                        .ghosts = pass->ghosts,
                        .ghost_cells = pass->ghost_nodes,
                        .messages = pass->messages,
                        .bytes = pass->bytes,
                        .seconds_build = pass->tree + essential + pass->walk,
                        .seconds_forward = pass->expand + pass->near + pass->rest,
                        .seconds_split = pass->tree,
                        .seconds_essential = essential,
                        .seconds_lists = pass->walk};
  esp_cost_add(cost, &own);
}
