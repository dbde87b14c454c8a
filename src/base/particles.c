#include "base/particles.h"

#include <inttypes.h>
#include <math.h>

#include "base/count.h"

int esp_cloud_create(int64_t n, int n_home, int targets, esp_cloud *cloud) {
  ESP_CHECK(n_home >= 0 && n >= n_home, ESP_ERR_ARG,
            "cloud of %" PRId64 " particles, %d held here: need 0 <= held <= all", n, n_home);
  esp_cloud made = {.n = n, .n_home = n_home, .dim = 3, .G = 1, .d = 1, .T = 1};
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(made.id, n_home));
  ESP_TRY(ESP_ALLOC(made.m, n_home));
  ESP_TRY(ESP_ALLOC(made.x, n_home));
  ESP_TRY(ESP_ALLOC(made.v, n_home));
  if (targets) {
    ESP_TRY(ESP_ALLOC(made.D, n_home));
    ESP_TRY(ESP_ALLOC(made.K, n_home));
  }
done:
  if (rc) esp_cloud_free(&made);
  *cloud = made;
  return rc;
}

void esp_cloud_free(esp_cloud *cloud) {
  if (!cloud) return;
  ESP_FREE(cloud->id);
  ESP_FREE(cloud->m);
  ESP_FREE(cloud->x);
  ESP_FREE(cloud->v);
  ESP_FREE(cloud->D);
  ESP_FREE(cloud->K);
  *cloud = (esp_cloud){0};
}

static void scale(double (*array)[3], int n, double factor) {
  if (!array) return;
  for (int i = 0; i < n; i++)
    for (int c = 0; c < 3; c++) array[i][c] *= factor;
}

static void divide(double (*array)[3], int n, double unit) {
  if (!array) return;
  for (int i = 0; i < n; i++)
    for (int c = 0; c < 3; c++) array[i][c] /= unit;
}

int esp_cloud_to_model(esp_cloud *cloud) {
  if (cloud->model) return ESP_OK;
  double d = cloud->d, T = cloud->T;
  ESP_CHECK(d > 0 && isfinite(d), ESP_ERR_VALUE, "unit of length d is %g: must be positive and finite", d);
  ESP_CHECK(T > 0 && isfinite(T), ESP_ERR_VALUE, "unit of time T is %g: must be positive and finite", T);
  double to_mu = cloud->G * T * T / (d * d * d);
  ESP_CHECK(isfinite(to_mu), ESP_ERR_VALUE, "G T^2 / d^3 is %g with G = %g, T = %g, d = %g: must be finite", to_mu,
            cloud->G, T, d);
  divide(cloud->x, cloud->n_home, d);
  divide(cloud->D, cloud->n_home, d);
  scale(cloud->v, cloud->n_home, T / d);
  scale(cloud->K, cloud->n_home, T / d);
  for (int i = 0; i < cloud->n_home; i++) cloud->m[i] *= to_mu;
  for (int c = 0; c < 3; c++) cloud->box[c] /= d;
  cloud->eps /= d;
  cloud->G = 1;
  cloud->model = 1;
  return ESP_OK;
}

static int check_vector(const esp_cloud *cloud, double (*array)[3], const char *name, const char *source) {
  if (!array) return ESP_OK;
  for (int i = 0; i < cloud->n_home; i++)
    for (int c = 0; c < 3; c++) {
      ESP_CHECK(isfinite(array[i][c]), ESP_ERR_VALUE, "%s: particle %" PRId64 ": %s along %c is %g: must be finite",
                source, cloud->id[i], name, "xyz"[c], array[i][c]);
      ESP_CHECK(fabs(array[i][c]) <= ESP_LARGEST, ESP_ERR_VALUE,
                "%s: particle %" PRId64 ": %s along %c is %g: must be at most %g, so that its square is a number",
                source, cloud->id[i], name, "xyz"[c], array[i][c], ESP_LARGEST);
      ESP_CHECK(c < cloud->dim || array[i][c] == 0, ESP_ERR_VALUE,
                "%s: particle %" PRId64 ": %s along z is %g: must be 0 in a cloud of 2 dimensions", source,
                cloud->id[i], name, array[i][c]);
    }
  return ESP_OK;
}

static int check_local(const esp_cloud *cloud, const char *source) {
  ESP_CHECK(cloud->dim == 2 || cloud->dim == 3, ESP_ERR_VALUE, "%s: %d dimensions: must be 2 or 3", source, cloud->dim);
  for (int i = 0; i < cloud->n_home; i++)
    ESP_CHECK(cloud->m[i] >= 0 && cloud->m[i] <= ESP_LARGEST, ESP_ERR_VALUE,
              "%s: particle %" PRId64 ": mass is %g: must be finite and not negative, at most %g", source, cloud->id[i],
              cloud->m[i], ESP_LARGEST);
  ESP_CALL(check_vector(cloud, cloud->x, "position", source));
  ESP_CALL(check_vector(cloud, cloud->v, "velocity", source));
  ESP_CALL(check_vector(cloud, cloud->D, "target D", source));
  ESP_CALL(check_vector(cloud, cloud->K, "target K", source));
  return ESP_OK;
}

int esp_cloud_check(const esp_comm *comm, const esp_cloud *cloud, const char *source) {
  ESP_AGREE(comm, check_local(cloud, source));
  int64_t held = cloud->n_home;
  ESP_CALL(comm->sum_i64(comm, &held, 1));
  ESP_CHECK(held == cloud->n, ESP_ERR_VALUE, "%s: the ranks hold %" PRId64 " particles of %" PRId64, source, held,
            cloud->n);
  return ESP_OK;
}

/* ---- roll-out ---- */

int esp_cloud_advance(esp_cloud *cloud, const double (*D)[3], const double (*K)[3]) {
  ESP_CHECK(cloud->model, ESP_ERR_ARG, "a roll-out needs a cloud in model units");
  for (int i = 0; i < cloud->n_home; i++) {
    for (int a = 0; a < 3; a++) {
      double x = cloud->x[i][a] + (cloud->v[i][a] + D[i][a]), box = cloud->box[a];
      if (box > 0) {
        x -= box * floor(x / box);
        if (x >= box) x = 0;
      }
      cloud->x[i][a] = x;
      cloud->v[i][a] += K[i][a];
    }
  }
  return ESP_OK;
}

int esp_cloud_horizon(esp_cloud *cloud, double factor) {
  ESP_CHECK(cloud->model, ESP_ERR_ARG, "a change of horizon needs a cloud in model units");
  ESP_CHECK(factor > 0, ESP_ERR_VALUE, "horizon times %g: the factor must be > 0", factor);
  cloud->T *= factor;
  for (int i = 0; i < cloud->n_home; i++) {
    cloud->m[i] *= factor * factor;
    for (int a = 0; a < 3; a++) cloud->v[i][a] *= factor;
  }
  return ESP_OK;
}
