#include "tree/lists.h"

#include <math.h>
#include <string.h>

#include "tree/accept.h"

enum { STACK = 72 };

/* 0.001 * 1.1^k */
static const double ladder[] = {
    0.001,          0.0011,         0.00121,        0.001331,       0.0014641,      0.00161051,     0.001771561,
    0.0019487171,   0.00214358881,  0.002357947691, 0.00259374246,  0.002853116706, 0.003138428377, 0.003452271214,
    0.003797498336, 0.004177248169, 0.004594972986, 0.005054470285, 0.005559917313, 0.006115909045, 0.006727499949,
    0.007400249944, 0.008140274939, 0.008954302433, 0.009849732676, 0.01083470594,  0.01191817654,  0.01310999419,
    0.01442099361,  0.01586309297,  0.01744940227,  0.0191943425,   0.02111377675,  0.02322515442,  0.02554766986,
    0.02810243685,  0.03091268053,  0.03400394859,  0.03740434344,  0.04114477779,  0.04525925557,  0.04978518112,
    0.05476369924,  0.06024006916,  0.06626407608,  0.07289048369,  0.08017953205,  0.08819748526,  0.09701723378,
    0.1067189572,   0.1173908529,   0.1291299382,   0.142042932,    0.1562472252,   0.1718719477,   0.1890591425,
    0.2079650567,   0.2287615624,   0.2516377186,   0.2768014905,   0.3044816395,   0.3349298035,   0.3684227838,
    0.4052650622,   0.4457915685,   0.4903707253,   0.5394077978,   0.5933485776,   0.6526834354,   0.7179517789,
    0.7897469568,   0.8687216525,   0.9555938177,   1.0511532,      1.156268519,    1.271895371,    1.399084909,
    1.538993399,    1.692892739,    1.862182013,    2.048400215,    2.253240236,    2.47856426,     2.726420686,
    2.999062754,    3.29896903,     3.628865933,    3.991752526,    4.390927778,    4.830020556,    5.313022612,
    5.844324873,    6.42875736,     7.071633096,    7.778796406,    8.556676047,    9.412343651};

const double *esp_lists_ladder(int *count) {
  *count = (int)(sizeof ladder / sizeof *ladder);
  return ladder;
}

/* What a walk writes to; with `keep` 0 it only counts. */
typedef struct {
  int keep;
  int *near, *far;
  size_t n_near, near_capacity, n_far, far_capacity;
  int64_t near_particles; /* in the near leaves of the block walked last */
  int64_t far_cells;
} sink;

static int sink_near(sink *out, int row) {
  if (out->n_near == out->near_capacity) ESP_CALL(ESP_GROW(out->near, out->near_capacity, out->n_near + 1));
  out->near[out->n_near++] = row;
  return ESP_OK;
}

static int sink_far(sink *out, int row) {
  if (out->n_far == out->far_capacity) ESP_CALL(ESP_GROW(out->far, out->far_capacity, out->n_far + 1));
  out->far[out->n_far++] = row;
  return ESP_OK;
}

/* What the walks of all blocks share. */
typedef struct {
  const esp_tree *tree, *receivers;
  int root, apart; /* apart: receivers have a tree of their own */
  double theta;
  const double *box; /* NULL where every axis is open */
  const esp_lists_param *param;
} walker;

/* By a rule in place of the opening angle. */
static int is_far_by_rule(const walker *w, int block_row, int row, int level) {
  const size_t dim = (size_t)w->tree->dim;
  if (!(w->theta > 0)) return 0;
  const double *c1 = w->receivers->centre + (size_t)block_row * dim, *c2 = w->tree->centre + (size_t)row * dim;
  const double *box = w->box;
  esp_rule_view v = {.block_radius = w->receivers->radius[block_row], .radius = w->tree->radius[row], .level = level};
  v.distance = sqrt(esp_tree_distance2((int)dim, c1, c2, box));
  v.count = w->tree->part_count[row];
  if (!esp_accept_period((int)dim, c1, v.block_radius, c2, v.radius, box)) return 0;
  return w->param->rule->far(w->theta, &w->param->rule_number, &v);
}

static inline __attribute__((always_inline)) int walk_block(const walker *w, int block_row, const double *box, int dim,
                                                            sink *out) {
  const esp_tree *tree = w->tree, *receivers = w->receivers;
  size_t width = (size_t)dim;
  int64_t block_heap = receivers->heap[block_row];
  /* apart: a level at which no node is taken for the block's ancestor */
  int block_level = w->apart ? -1 : esp_heap_level(block_heap), stack[STACK], top = 0;
  const double *c1 = receivers->centre + (size_t)block_row * width;
  double R1 = receivers->radius[block_row], theta = w->theta;
  const int ruled = w->param->rule != NULL;
  out->near_particles = out->far_cells = 0;
  stack[top++] = w->root;
  while (top > 0) {
    int row = stack[--top];
    if (tree->part_count[row] == 0) continue;
    int64_t heap = tree->heap[row];
    int level = esp_heap_level(heap);
    int ancestor = level <= block_level && block_heap >> (block_level - level) == heap;
    if (ancestor) {
      if (level == block_level) continue;
    } else if (ruled
                   ? is_far_by_rule(w, block_row, row, level)
                   : esp_accept_angle(dim, c1, R1, tree->centre + (size_t)row * width, tree->radius[row], theta, box)) {
      out->far_cells++;
      if (out->keep) ESP_CALL(sink_far(out, row));
      continue;
    } else if (level == tree->shape.depth) {
      out->near_particles += tree->part_count[row];
      if (out->keep) ESP_CALL(sink_near(out, row));
      continue;
    }
    int left = tree->child[2 * row], right = tree->child[2 * row + 1];
    ESP_CHECK(left >= 0 && right >= 0, ESP_ERR_INTERNAL,
              "the walk of block %lld must open node %lld, whose children are not held", (long long)block_heap,
              (long long)heap);
    stack[top++] = right;
    stack[top++] = left;
  }
  return ESP_OK;
}

static int walk_any(const walker *w, int row, sink *out) {
  int dim = w->tree->dim;
  if (w->box) return walk_block(w, row, w->box, dim, out);
  switch (dim) {
    case 2:
      return walk_block(w, row, NULL, 2, out);
    case 3:
      return walk_block(w, row, NULL, 3, out);
    case 4:
      return walk_block(w, row, NULL, 4, out);
    case 8:
      return walk_block(w, row, NULL, 8, out);
    default:
      return walk_block(w, row, NULL, dim, out);
  }
}

static int walker_make(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, double theta,
                       walker *w) {
  *w = (walker){.tree = tree, .receivers = queries ? queries : tree, .apart = queries != NULL, .theta = theta};
  w->param = param;
  w->root = esp_tree_root(tree);
  for (int a = 0; a < tree->dim; a++) {
    if (param->box[a] > 0) w->box = param->box;
  }
  ESP_CHECK(w->root >= 0 || tree->n_block == 0, ESP_ERR_INTERNAL, "the tree's root is not held");
  ESP_CHECK(w->receivers->n_block == tree->n_block && w->receivers->dim == tree->dim, ESP_ERR_ARG,
            "the receivers' tree has %d blocks in %d dimensions, the senders' %d in %d; they must be alike",
            w->receivers->n_block, w->receivers->dim, tree->n_block, tree->dim);
  return ESP_OK;
}

/* Pairs of the block walked last. */
static int64_t block_pairs(const walker *w, int block_row, const sink *out) {
  int64_t m = w->receivers->part_count[block_row];
  return m * (out->near_particles + (w->apart ? 0 : m - 1));
}

int esp_lists_walk(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, esp_lists *lists) {
  memset(lists, 0, sizeof *lists);
  int rc = ESP_OK;
  sink out = {.keep = 1};
  walker w;
  ESP_TRY(walker_make(tree, queries, param, param->theta, &w));
  ESP_TRY(ESP_ALLOC(lists->near_start, tree->n_block + 1));
  ESP_TRY(ESP_ALLOC(lists->far_start, tree->n_block + 1));
  ESP_TRY(ESP_GROW(out.near, out.near_capacity, 16));
  ESP_TRY(ESP_GROW(out.far, out.far_capacity, 16));
  lists->n_block = tree->n_block;
  for (int b = 0; b < tree->n_block; b++) {
    int row = esp_tree_block_row(tree, b);
    if (tree->part_count[row] > 0) {
      ESP_TRY(walk_any(&w, row, &out));
      lists->near_pairs += block_pairs(&w, row, &out);
      lists->far_pairs += out.far_cells * tree->part_count[row];
    }
    lists->near_start[b + 1] = (int64_t)out.n_near;
    lists->far_start[b + 1] = (int64_t)out.n_far;
  }
done:
  lists->near = out.near;
  lists->far = out.far;
  if (rc) esp_lists_free(lists);
  return rc;
}

int esp_lists_count(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, double theta,
                    int64_t *near_pairs) {
  sink out = {.keep = 0};
  walker w;
  ESP_CALL(walker_make(tree, queries, param, theta, &w));
  int64_t sum = 0;
  __int128 limit = param->pairs_limit > 0 ? (__int128)param->pairs_limit * tree->shape.n : INT64_MAX;
  for (int b = 0; b < tree->n_block && sum <= limit; b++) {
    int row = esp_tree_block_row(tree, b);
    if (tree->part_count[row] == 0) continue;
    ESP_CALL(walk_any(&w, row, &out));
    sum += block_pairs(&w, row, &out);
  }
  *near_pairs = sum;
  return ESP_OK;
}

/* The step nearest to theta, -1 outside of the ladder. The last one is never counted: it is taken if no other fits. */
static int first_step(int count, double theta) {
  int nearest = 0;
  if (!(theta >= ladder[0] && theta <= ladder[count - 1])) return -1;
  for (int k = 1; k < count - 1; k++) {
    if (fabs(ladder[k] - theta) < fabs(ladder[nearest] - theta)) nearest = k;
  }
  return nearest;
}

/* Between two steps of the ladder, of which the wider one fits and the other does not. What lies below theta_least is not
 * taken, so it is not looked for. */
static int halve(const esp_lists_param *param, __int128 budget, esp_lists_counter counter, void *context, double tight,
                 double *wide) {
  for (int k = 0; k < param->theta_halvings; k++) {
    if (*wide <= param->theta_least) break;
    const double between = sqrt(tight * *wide);
    int64_t pairs;
    ESP_CALL(counter(context, param, between, &pairs));
    if (pairs <= budget)
      *wide = between;
    else
      tight = between;
  }
  return ESP_OK;
}

int esp_lists_choose(const esp_lists_param *param, int64_t n, esp_lists_counter counter, void *context, double *theta) {
  int count;
  (void)esp_lists_ladder(&count);
  const double most = param->theta_most > 0 ? param->theta_most : param->rule ? param->rule->most : 0;
  while (most > 0 && count > 1 && ladder[count - 1] > most) count--;
  esp_lists_param limited = *param;
  limited.pairs_limit = param->pairs_per_particle;
  __int128 budget = (__int128)param->pairs_per_particle * n;
  int low = 0, high = count - 1, stride = 1, way = 0, at = first_step(count, param->theta);
  int warm = at >= 0;
  while (low < high && ladder[low + 1] <= param->theta_least) low++;
  at = esp_imax(low, at);
  while (low < high) {
    if (way < 0) at = esp_imax(low, high - stride);
    if (way > 0) at = esp_imin(high - 1, low + stride - 1);
    if (!warm) at = (low + high) / 2;
    int64_t pairs;
    ESP_CALL(counter(context, &limited, ladder[at], &pairs));
    int fits = pairs <= budget, now = fits ? -1 : 1;
    if (fits) {
      high = at;
    } else {
      low = at + 1;
    }
    /* outward in growing strides until the answer lies between two steps, then halves */
    if (way) stride *= 2;
    if (way && now != way) warm = 0;
    way = now;
  }
  double found = ladder[high];
  if (high > 0) ESP_CALL(halve(&limited, budget, counter, context, ladder[high - 1], &found));
  *theta = fmax(found, param->theta_least);
  return ESP_OK;
}
