/* The loss of the table on a feature set. */
#include "net/loss.h"
#include "net/relation.h"

int esp_relation_loss(const esp_comm *comm, const esp_feature_set *set, const double *y, double factor, double *gy,
                      double *nmse) {
  static const esp_column column[] = {{.name = "y", .role = ESP_TARGET},
                                      {.name = "weight", .role = ESP_WEIGHT, .width = 1, .optional = 1},
                                      {.name = NULL}};
  static const esp_layout layout = {.column = column, .units = ""};
  const esp_set view = {.n = set->n,
                        .first = set->first,
                        .n_home = set->n_home,
                        .layout = &layout,
                        .id = set->id,
                        .width = {set->targets, set->weight != NULL},
                        .value = {set->y, set->weight}};
  return esp_loss_nmse.value(NULL, comm, &view, y, factor, gy, nmse);
}
