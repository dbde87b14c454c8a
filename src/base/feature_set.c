#include "base/feature_set.h"

#include <inttypes.h>
#include <math.h>

#include "base/hash.h"

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

static int check_field(const esp_feature_set *set, const double *field, int columns, const char *name,
                       const char *source) {
  if (!field) return ESP_OK;
  for (int i = 0; i < set->n_home; i++)
    for (int c = 0; c < columns; c++) {
      const double value = field[(size_t)i * (size_t)columns + (size_t)c];
      ESP_CHECK(isfinite(value), ESP_ERR_VALUE, "%s: particle %" PRId64 ": %s, column %d, is %g: must be finite",
                source, set->id[i], name, c, value);
    }
  return ESP_OK;
}

static int check_local(const esp_feature_set *set, int64_t below, const char *source) {
  ESP_CALL(check_field(set, set->x, set->features, "feature", source));
  ESP_CALL(check_field(set, set->v, set->values, "value", source));
  ESP_CALL(check_field(set, set->y, set->targets, "target", source));
  ESP_CALL(check_field(set, set->weight, 1, "weight", source));
  ESP_CALL(check_field(set, set->z, set->hidden, "hidden coordinate", source));
  for (int i = 0; i < set->n_home && set->weight; i++)
    ESP_CHECK(set->weight[i] >= 0, ESP_ERR_VALUE, "%s: particle %" PRId64 ": weight, column 0, is %g: must be >= 0",
              source, set->id[i], set->weight[i]);
  if (set->n_home == 0) return ESP_OK;
  ESP_CHECK(set->first == below, ESP_ERR_VALUE,
            "%s: the share begins with particle number %" PRId64 ", the ranks below hold %" PRId64 ": must be equal",
            source, set->first, below);
  ESP_CHECK(set->first % ESP_GROUP == 0, ESP_ERR_VALUE,
            "%s: the share begins with particle number %" PRId64 ": must be a multiple of %d", source, set->first,
            ESP_GROUP);
  return ESP_OK;
}

int esp_feature_set_check(const esp_comm *comm, const esp_feature_set *set, const char *source) {
  int64_t below = set->n_home, held = set->n_home;
  ESP_CALL(comm->exscan_i64(comm, &below));
  ESP_AGREE(comm, check_local(set, below, source));
  ESP_CALL(comm->sum_i64(comm, &held, 1));
  ESP_CHECK(held == set->n, ESP_ERR_VALUE, "%s: the ranks hold %" PRId64 " particles of %" PRId64, source, held,
            set->n);
  return ESP_OK;
}

static uint64_t hash_row(uint64_t hash, const double *field, int columns, int row) {
  for (int c = 0; c < columns; c++) hash = esp_hash_double(hash, field[(size_t)row * (size_t)columns + (size_t)c]);
  return hash;
}

int esp_feature_set_checksum(const esp_comm *comm, const esp_feature_set *set, uint64_t *sum) {
  uint64_t total = 0, sizes = 0;
  sizes = esp_hash_mix(sizes, (uint64_t)set->features);
  sizes = esp_hash_mix(sizes, (uint64_t)set->values);
  sizes = esp_hash_mix(sizes, (uint64_t)set->targets);
  for (int i = 0; i < set->n_home; i++) {
    uint64_t hash = esp_hash_mix(sizes, (uint64_t)set->id[i]);
    hash = hash_row(hash, set->x, set->features, i);
    hash = hash_row(hash, set->v, set->values, i);
    hash = hash_row(hash, set->y, set->targets, i);
    total += esp_hash_double(hash, set->weight ? set->weight[i] : 1);
  }
  int64_t word = (int64_t)total;
  ESP_CALL(comm->sum_i64(comm, &word, 1));
  *sum = (uint64_t)word;
  return ESP_OK;
}
