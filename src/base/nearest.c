#include "base/nearest.h"

#include <math.h>
#include <string.h>

enum { TILE = 256 };

void esp_nearest_free(esp_nearest *nearest) {
  ESP_FREE(nearest->distance2);
  ESP_FREE(nearest->index);
  ESP_FREE(nearest->value);
}

/* Squared distances from one particle to a tile of others, lying axis by axis. */
static void distances(int dim, int n, int first, const double *axes, const double *x, double *d2) {
  const int count = esp_imin(TILE, n - first);
  for (int j = 0; j < count; j++) d2[j] = 0;
  for (int a = 0; a < dim; a++) {
    const double *axis = axes + (size_t)a * (size_t)n + first, at = x[a];
    for (int j = 0; j < count; j++) d2[j] += (axis[j] - at) * (axis[j] - at);
  }
}

/* Keeps the k smallest, ascending; later ones do not push out equal ones. */
static void keep(int k, int *held, double *d2, int *index, double distance2, int number) {
  int at = *held < k ? (*held)++ : k - 1;
  while (at > 0 && d2[at - 1] > distance2) {
    d2[at] = d2[at - 1];
    index[at] = index[at - 1];
    at--;
  }
  d2[at] = distance2;
  index[at] = number;
}

static void find_one(esp_nearest *nearest, int i, int64_t self, int dim, int n, const double *axes, const double *x) {
  const int k = nearest->k;
  double *d2 = nearest->distance2 + (size_t)i * (size_t)k, tile[TILE];
  int *index = nearest->index + (size_t)i * (size_t)k, held = 0;
  for (int first = 0; first < n; first += TILE) {
    distances(dim, n, first, axes, x, tile);
    for (int j = 0; j < TILE && first + j < n; j++)
      if (first + j != self && (held < k || tile[j] < d2[k - 1])) keep(k, &held, d2, index, tile[j], first + j);
  }
}

int esp_nearest_find(const esp_comm *comm, int64_t count, int64_t first, int n_home, int dim, const double *x_home,
                     int values, const double *v_home, int neighbours, esp_nearest *nearest) {
  const int n = (int)count;
  void *x = NULL, *v = NULL;
  double *axes = NULL;
  size_t *start = NULL;
  *nearest = (esp_nearest){.n_home = n_home, .values = values};
  ESP_CHECK(count <= INT32_MAX, ESP_ERR_LIMIT, "nearest of %lld particles: at most %d can be looked at",
            (long long)count, INT32_MAX);
  nearest->k = esp_imin(neighbours, n > 0 ? n - 1 : 0);
  int rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = ESP_ALLOC(nearest->distance2, (size_t)n_home * (size_t)nearest->k);
  if (!rc) rc = ESP_ALLOC(nearest->index, (size_t)n_home * (size_t)nearest->k);
  if (!rc) rc = ESP_ALLOC(nearest->value, (size_t)n * (size_t)values);
  if (!rc) rc = ESP_ALLOC(axes, (size_t)n * (size_t)dim);
  ESP_TRY(comm->agree(comm, rc));
  /* shares lie in the set's order, rank after rank */
  ESP_TRY(comm->gather_all(comm, x_home, (size_t)n_home * (size_t)dim * sizeof(double), &x, start));
  ESP_TRY(comm->gather_all(comm, v_home, (size_t)n_home * (size_t)values * sizeof(double), &v, start));
  memcpy(nearest->value, v, (size_t)n * (size_t)values * sizeof(double));
  for (int i = 0; i < n; i++)
    for (int a = 0; a < dim; a++)
      axes[(size_t)a * (size_t)n + (size_t)i] = ((double *)x)[(size_t)i * (size_t)dim + (size_t)a];
  for (int i = 0; i < n_home && nearest->k > 0; i++)
    find_one(nearest, i, first + i, dim, n, axes, x_home + (size_t)i * (size_t)dim);
done:
  ESP_FREE(x);
  ESP_FREE(v);
  ESP_FREE(axes);
  ESP_FREE(start);
  return rc;
}

void esp_nearest_sum(const esp_nearest *nearest, double s, int average, const double *own, double *sum) {
  const int k = nearest->k, F = nearest->values, width = F + (average ? 1 : 0);
  for (int i = 0; i < nearest->n_home; i++) {
    double *to = sum + (size_t)i * (size_t)width;
    for (int c = 0; c < F; c++) to[c] = own ? own[(size_t)i * (size_t)F + (size_t)c] : 0;
    if (average) to[F] = own ? 1 : 0;
    for (int e = 0; e < k; e++) {
      const size_t at = (size_t)i * (size_t)k + (size_t)e;
      const double gate = exp(-nearest->distance2[at] / (2 * s * s));
      for (int c = 0; c < F; c++) to[c] += gate * nearest->value[(size_t)nearest->index[at] * (size_t)F + (size_t)c];
      if (average) to[F] += gate;
    }
  }
}
