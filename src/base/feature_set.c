#include "base/feature_set.h"

#include <inttypes.h>

int esp_feature_set_create(esp_feature_set *set, int weighted) {
  const int64_t n = set->n, first = set->first;
  const int n_home = set->n_home;
  ESP_CHECK(n_home >= 0 && first >= 0 && n - n_home >= first, ESP_ERR_ARG,
            "feature set of %" PRId64 " particles, %d held here from number %" PRId64
            ": need 0 <= first, held and "
            "first + held <= all",
            n, n_home, first);
  ESP_CHECK(set->features >= 1 && set->values >= 1 && set->targets >= 0 && set->hidden >= 0, ESP_ERR_ARG,
            "feature set of %d features, %d values, %d targets, %d hidden coordinates: need >= 1, >= 1, >= 0, >= 0",
            set->features, set->values, set->targets, set->hidden);
  esp_feature_set made = {.n = n,
                          .first = first,
                          .n_home = n_home,
                          .features = set->features,
                          .values = set->values,
                          .targets = set->targets,
                          .hidden = set->hidden};
  const size_t rows = (size_t)n_home;
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(made.id, rows));
  ESP_TRY(ESP_ALLOC(made.x, rows * (size_t)made.features));
  ESP_TRY(ESP_ALLOC(made.v, rows * (size_t)made.values));
  if (made.targets) ESP_TRY(ESP_ALLOC(made.y, rows * (size_t)made.targets));
  if (weighted) ESP_TRY(ESP_ALLOC(made.weight, rows));
  if (made.hidden) ESP_TRY(ESP_ALLOC(made.z, rows * (size_t)made.hidden));
done:
  if (rc) esp_feature_set_free(&made);
  *set = made;
  return rc;
}

void esp_feature_set_free(esp_feature_set *set) {
  if (!set) return;
  ESP_FREE(set->id);
  ESP_FREE(set->x);
  ESP_FREE(set->v);
  ESP_FREE(set->y);
  ESP_FREE(set->weight);
  ESP_FREE(set->z);
  *set = (esp_feature_set){0};
}
