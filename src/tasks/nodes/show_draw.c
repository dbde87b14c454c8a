/* Files of one test set: the learned space, the confusion matrix, accuracy against near pairs. */
#include <math.h>

#include "base/principal_axes.h"
#include "tasks/nodes/show.h"

enum { SAMPLE = 4096, CLASS = 0, SAYS, SPLIT, KEYS };

/* ---- the learned space ---- */

/* Every stride-th node of this rank: class, what is said, split, keys in widths of the gate. */
static int take_sample(const esp_set *set, const double *y, int d, const double *E, double width_of_gate, double **rows,
                       size_t *count) {
  const int K = set->width[ESP_NODES_CLASS];
  const size_t width = (size_t)(KEYS + d);
  const int64_t stride = (set->n + SAMPLE - 1) / SAMPLE > 0 ? (set->n + SAMPLE - 1) / SAMPLE : 1;
  double *z = NULL;
  int rc;
  *count = 0;
  ESP_TRY(ESP_ALLOC(z, (size_t)set->n_home * (size_t)d));
  ESP_TRY(ESP_ALLOC(*rows, ((size_t)(set->n_home / stride) + 1) * width));
  ESP_TRY(esp_convolution_keys(set, d, E, z));
  for (int i = 0; i < set->n_home; i++) {
    if ((set->first + i) % stride) continue;
    double *row = *rows + (*count)++ * width;
    row[CLASS] = esp_nodes_class(set, i);
    row[SAYS] = esp_nodes_largest(y + (size_t)i * (size_t)K, K);
    row[SPLIT] = set->value[ESP_NODES_SPLIT] ? set->value[ESP_NODES_SPLIT][i] : 0;
    for (int k = 0; k < d; k++) row[KEYS + k] = z[i * d + k] / width_of_gate;
  }
done:
  ESP_FREE(z);
  return rc;
}

static int add_space(int n, int d, const double *row, esp_lines *lines) {
  double *axes = NULL;
  int rc;
  ESP_TRY(ESP_ALLOC(axes, 2 * n));
  ESP_TRY(esp_principal_axes(n, KEYS + d, row + KEYS, d, axes));
  for (int i = 0; i < n; i++, row += KEYS + d)
    esp_lines_add(lines, "%.6g,%.6g,%.0f,%.0f,%.0f\n", axes[2 * i], axes[2 * i + 1], row[CLASS], row[SAYS], row[SPLIT]);
done:
  ESP_FREE(axes);
  return rc;
}

static int draw_space(const esp_model *model, const esp_comm *comm, const esp_set *set, const double *y,
                      esp_show *show) {
  const esp_convolution_places at = esp_convolution_places_of(model);
  const double *value = model->block.value;
  const int d = ((const esp_convolution_param *)model->param)->dim;
  double *mine = NULL;
  void *all = NULL;
  size_t *start = NULL, count = 0;
  int rc;
  if (at.E < 0) return ESP_OK;
  esp_lines *lines = show->lines(show, "learned_space.csv", "axis_0,axis_1,class,said,split");
  const size_t bytes = (size_t)(KEYS + d) * sizeof(double);
  rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = take_sample(set, y, d, value + at.E, exp(value[at.scale]), &mine, &count);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->gather_all(comm, mine, count * bytes, &all, start));
  ESP_TRY(comm->agree(comm, comm->rank ? ESP_OK : add_space((int)(start[comm->size] / bytes), d, all, lines)));
done:
  ESP_FREE(mine);
  ESP_FREE(all);
  ESP_FREE(start);
  return rc;
}

/* ---- who is taken for whom ---- */

static int draw_confusion(const esp_comm *comm, const esp_set *set, const double *y, esp_show *show) {
  const int K = set->width[ESP_NODES_CLASS];
  esp_lines *lines = show->lines(show, "confusion.csv", "class,said,nodes,share");
  int64_t *count = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(count, K * K)));
  for (int i = 0; i < set->n_home; i++) {
    const int c = esp_nodes_class(set, i);
    if (c >= 0 && set->value[ESP_NODES_WEIGHT][i] > 0) count[c * K + esp_nodes_largest(y + (size_t)i * (size_t)K, K)]++;
  }
  ESP_TRY(comm->sum_i64(comm, count, (size_t)(K * K)));
  for (int c = 0; c < K && !comm->rank; c++) {
    int64_t all = 0;
    for (int k = 0; k < K; k++) all += count[c * K + k];
    for (int k = 0; k < K; k++)
      esp_lines_add(lines, "%d,%d,%lld,%.4f\n", c, k, (long long)count[c * K + k],
                    all ? (double)count[c * K + k] / (double)all : 0);
  }
done:
  ESP_FREE(count);
  return rc;
}

/* ---- accuracy against near pairs ---- */

/* What one passage over the tree gave. */
typedef struct {
  double share;           /* of all pairs, that were near */
  double accuracy, error; /* and its standard error, of so many nodes drawn by chance */
} resolution;

static int accuracy_of(const esp_comm *comm, const esp_set *set, const double *y, resolution *r) {
  const int K = set->width[ESP_NODES_CLASS];
  int64_t count[2] = {0};
  for (int i = 0; i < set->n_home; i++) {
    const int c = esp_nodes_class(set, i);
    if (c < 0 || !(set->value[ESP_NODES_WEIGHT][i] > 0)) continue;
    count[0] += esp_nodes_largest(y + (size_t)i * (size_t)K, K) == c;
    count[1]++;
  }
  ESP_CALL(comm->sum_i64(comm, count, 2));
  const double nodes = count[1] ? (double)count[1] : 1;
  r->accuracy = (double)count[0] / nodes;
  r->error = sqrt(r->accuracy * (1 - r->accuracy) / nodes);
  return ESP_OK;
}

/* The network over the lists of theta, cells by their plain means, as moments of so wide ones do harm; theta < 0: its own. */
static int try_theta(const esp_model *trained, const esp_backend *backend, const esp_set *set, double theta, int far,
                     double *y, resolution *r) {
  esp_convolution_param p = *(const esp_convolution_param *)trained->param;
  esp_lists_param *lists = &p.domain.lists;
  esp_model varied = {0};
  esp_cost cost = {0};
  const esp_comm *comm = backend->comm;
  int rc;
  p.far = far;
  if (theta >= 0) p.error = 0, p.order = 0, lists->theta = theta, lists->pairs_per_particle = 0, lists->pairs_limit = 0;
  ESP_TRY(comm->agree(comm, esp_model_vary(trained, &p, &trained->sizes, &varied)));
  ESP_TRY(esp_model_predict(&varied, backend, set, NULL, y, &cost));
  ESP_TRY(accuracy_of(comm, set, y, r));
  int64_t pairs = cost.near_pairs, layers = cost.layers;
  ESP_TRY(comm->sum_i64(comm, &pairs, 1));
  ESP_TRY(comm->max_i64(comm, &layers, 1));
  const double n = (double)set->n, all = n * (n - 1) * (double)layers;
  r->share = all > 0 ? (double)pairs / all : 0;
done:
  if (varied.network) esp_model_free(&varied);
  return rc;
}

/* Coarse lists first; the trained network's own last. */
static int draw_resolutions(const esp_model *trained, const esp_backend *backend, const esp_set *set, esp_show *show) {
  static const double theta[] = {8, 5, 3, 1.2, 0, -1};
  const esp_convolution_param *p = trained->param;
  const size_t numbers = (size_t)set->n_home * (size_t)set->width[ESP_NODES_CLASS];
  double *y = NULL;
  int rc;
  if (p->share == 1 || p->stay == 1 || set->n > ESP_NODES_NEAREST) return ESP_OK;
  esp_lines *lines = show->lines(show, "resolution.csv", "share,accuracy,error,near_alone,own");
  ESP_TRY(backend->comm->agree(backend->comm, ESP_ALLOC(y, numbers)));
  for (size_t k = 0; k < sizeof theta / sizeof *theta; k++) {
    resolution both, alone;
    ESP_TRY(try_theta(trained, backend, set, theta[k], 1, y, &both));
    alone = both;
    if (theta[k] != 0) ESP_TRY(try_theta(trained, backend, set, theta[k], 0, y, &alone));
    if (!backend->comm->rank)
      esp_lines_add(lines, "%.6g,%.4f,%.4f,%.4f,%d\n", both.share, both.accuracy, both.error, alone.accuracy,
                    theta[k] < 0);
  }
done:
  ESP_FREE(y);
  return rc;
}

int esp_nodes_show(const void *param, const esp_model *untrained, const esp_model *trained, const esp_backend *backend,
                   const esp_set *set, const double *y, esp_show *show) {
  (void)param, (void)untrained;
  ESP_CALL(draw_space(trained, backend->comm, set, y, show));
  ESP_CALL(draw_confusion(backend->comm, set, y, show));
  return draw_resolutions(trained, backend, set, show);
}
