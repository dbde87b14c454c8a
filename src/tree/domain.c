#include "tree/domain.h"

#include <math.h>

static int check_param(const esp_domain_param *param) {
  ESP_CHECK(param->leaf >= 1, ESP_ERR_CONFIG, "leaf capacity is %d; must be >= 1", param->leaf);
  ESP_CHECK(param->block >= 1, ESP_ERR_CONFIG, "block size is %d; must be >= 1", param->block);
  ESP_CHECK(param->dim >= 1 && param->dim <= ESP_MAX_DIM, ESP_ERR_CONFIG, "key dimension is %d; 1 to %d are allowed",
            param->dim, ESP_MAX_DIM);
  ESP_CHECK(param->place_dim >= 0 && param->place_dim <= ESP_MAX_DIM, ESP_ERR_CONFIG,
            "dimension of places is %d; 0 to %d are allowed", param->place_dim, ESP_MAX_DIM);
  ESP_CHECK(param->lists.theta >= 0 && isfinite(param->lists.theta), ESP_ERR_CONFIG,
            "opening angle theta is %g; must be >= 0 and finite", param->lists.theta);
  ESP_CHECK(param->lists.pairs_per_particle >= 0, ESP_ERR_CONFIG, "budget is %lld pairs a particle; must be >= 0",
            (long long)param->lists.pairs_per_particle);
  ESP_CHECK(param->lists.pairs_limit >= 0, ESP_ERR_CONFIG, "limit is %lld pairs a particle; must be >= 0",
            (long long)param->lists.pairs_limit);
  for (int a = 0; a < param->dim; a++) {
    double box = param->lists.box[a];
    ESP_CHECK(box >= 0 && isfinite(box), ESP_ERR_CONFIG, "box length %g of axis %d; must be > 0, or 0 for open", box,
              a);
  }
  return ESP_OK;
}

static int check_keys(const esp_domain_param *param, const char *name, int n_home, const double *z, const int64_t *id) {
  const double *box = param->lists.box;
  for (int i = 0; i < n_home; i++) {
    for (int a = 0; a < param->dim; a++) {
      double x = z[(size_t)i * (size_t)param->dim + (size_t)a];
      ESP_CHECK(isfinite(x), ESP_ERR_VALUE, "%s of particle id %lld, axis %d, is %g; must be finite", name,
                (long long)id[i], a, x);
      ESP_CHECK(box[a] == 0 || (x >= 0 && x < box[a]), ESP_ERR_VALUE,
                "%s of particle id %lld, axis %d, is %.17g; must lie in [0, %.17g): wrap it into the box first", name,
                (long long)id[i], a, x, box[a]);
    }
  }
  return ESP_OK;
}

int esp_domain_check(const esp_domain_param *param, int n_home, const double *z, const double *query,
                     const int64_t *id) {
  ESP_CALL(check_param(param));
  ESP_CHECK(n_home >= 0, ESP_ERR_ARG, "number of particles is %d; must be >= 0", n_home);
  ESP_CALL(check_keys(param, "key", n_home, z, id));
  if (query) ESP_CALL(check_keys(param, "query key", n_home, query, id));
  return ESP_OK;
}

/* The longest run of own slots that share one point. Where many particles share a point, whole nodes hold nothing else. */
static int64_t longest_run(const esp_domain *dom, const double *keys, int *first) {
  const size_t dim = (size_t)dom->tree.dim;
  int64_t best = 0;
  for (int s = 0, begin = 0; s < dom->n_own; s++) {
    for (size_t a = 0; a < dim; a++)
      if (keys[(size_t)s * dim + a] != keys[(size_t)begin * dim + a]) begin = s;
    if (s - begin + 1 > best) {
      best = s - begin + 1;
      *first = begin;
    }
  }
  return best;
}

int esp_domain_refuse_pairs(const esp_domain *dom, const double *keys, int64_t pairs) {
  const esp_comm *comm = dom->comm;
  const esp_domain_param *param = &dom->param;
  int first = 0, rc = ESP_OK;
  const int64_t mine = longest_run(dom, keys, &first);
  int64_t most = mine;
  ESP_CALL(comm->max_i64(comm, &most, 1));
  const double each = (double)pairs / (double)dom->n;
  if (mine == most && most > param->leaf)
    rc = ESP_FAIL(
        ESP_ERR_LIMIT,
        "at least %.0f near pairs a particle; %lld are allowed: at least %lld particles share one point, among "
        "them id %lld; merge or displace them, or raise the limit",
        each, (long long)param->lists.pairs_limit, (long long)most, (long long)dom->id[first]);
  else if (most <= param->leaf)
    rc = ESP_FAIL(
        ESP_ERR_LIMIT,
        "at least %.0f near pairs a particle; %lld are allowed: raise theta (now %g) or the limit, or lower the "
        "block size (now %d)",
        each, (long long)param->lists.pairs_limit, param->lists.theta, param->block);
  return comm->agree(comm, rc);
}

void esp_domain_free(esp_domain **dom) {
  esp_domain *d = *dom;
  if (!d) return;
  if (d->there) d->there_free(&d->there);
  if (d->rows_there) d->rows_free(&d->rows_there);
  if (d->ops && d->ops->destroy) d->ops->destroy(d);
  ESP_FREE(d->id);
  ESP_FREE(d->block_order);
  ESP_FREE(d->sender_block_order);
  esp_lists_free(&d->lists);
  esp_tree_free(&d->tree);
  if (d->queries) esp_tree_free(d->queries);
  ESP_FREE(d->queries);
  ESP_FREE(*dom);
}
