#include "domain/partition_cuts.h"

#include "domain/hilbert.h"
#include "domain/split.h"

/* With leaves of one particle the covering subtrees of `parts` ranks end at the very particle. */
static int cut_order(const esp_comm *comm, int parts, int dim, int n_home, const double *z, const int64_t *id,
                     int *part) {
  esp_shape shape;
  esp_cover cover = {0};
  int64_t n = n_home;
  int rc;
  ESP_CALL(comm->sum_i64(comm, &n, 1));
  rc = esp_shape_make(n, 1, 1, &shape);
  if (!rc) rc = esp_cover_make(&shape, parts, &cover);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_split(comm, &shape, &cover, NULL, dim, n_home, z, id, part));
  for (int i = 0; i < n_home; i++) part[i] = cover.cover_owner[part[i]];
done:
  esp_cover_free(&cover);
  return rc;
}

int esp_partition_cut(const esp_comm *comm, esp_cut_kind kind, int parts, int dim, int n_home, const double *z,
                      const int64_t *id, int *part) {
  if (kind == ESP_CUT_BISECTION) return cut_order(comm, parts, dim, n_home, z, id, part);
  double *index = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(index, n_home)));
  ESP_TRY(esp_hilbert_order(comm, dim, n_home, z, index));
  ESP_TRY(cut_order(comm, parts, 1, n_home, index, id, part));
done:
  ESP_FREE(index);
  return rc;
}
