/* Pictures of one prediction: a cut through the first layer's tree, who owns what, a sample of displacements. */
#include <math.h>

#include "tasks/gravity/cloud.h"
#include "tasks/gravity/show.h"

enum { DRAWN_LEVEL = 11, DRAWN_PARTICLES = 6000, SCATTER = 3000 };

/* What is drawn: a tree and its keys [n_own][dim] in slot order. */
typedef struct {
  esp_lines *to;
  int rank, ranks;
  const esp_domain *dom;
  const double *key;
} drawing;

static void bounds(const drawing *d, int row, double low[3], double high[3]) {
  const esp_tree *tree = &d->dom->tree;
  const int first = tree->part_first[row], count = tree->part_count[row];
  for (int a = 0; a < 3; a++) low[a] = INFINITY, high[a] = -INFINITY;
  for (int i = first; i < first + count; i++)
    for (int a = 0; a < tree->dim; a++) {
      const double at = d->key[(size_t)i * (size_t)tree->dim + (size_t)a];
      low[a] = fmin(low[a], at);
      high[a] = fmax(high[a], at);
    }
}

typedef struct {
  double low[3], high[3];
} region;

/* A node's region is cut, as its particles are, half way between its children along the axis that parts them. */
static void draw_node(const drawing *d, int row, int level, int last, double plane, region at) {
  const esp_tree *tree = &d->dom->tree;
  if (tree->dim > 2 && (plane < at.low[2] || plane >= at.high[2])) return;
  if (level == last) {
    esp_lines_add(d->to, "%.6g,%.6g,%.6g,%.6g,%d,%d\n", at.low[0], at.high[0], at.low[1], at.high[1], d->rank,
                  d->ranks);
    return;
  }
  int left = tree->child[2 * row], right = tree->child[2 * row + 1];
  double low[3], high[3], unused[3];
  bounds(d, left, unused, high);
  bounds(d, right, low, unused);
  int axis = 0;
  for (int a = 1; a < tree->dim; a++)
    if (low[a] - high[a] > low[axis] - high[axis]) axis = a;
  double cut = 0.5 * (low[axis] + high[axis]);
  region first = at, second = at;
  first.high[axis] = second.low[axis] = cut;
  draw_node(d, left, level + 1, last, plane, first);
  draw_node(d, right, level + 1, last, plane, second);
}

/* Nodes of one level, not so many that they cannot be told apart, that the plane through the root's centre cuts. */
static void draw_tree(const drawing *d) {
  const esp_tree *tree = &d->dom->tree;
  int last = tree->shape.depth < DRAWN_LEVEL ? tree->shape.depth : DRAWN_LEVEL;
  if (last < tree->shape.block_level) last = tree->shape.block_level;
  double plane = tree->dim > 2 ? tree->centre[esp_tree_root(tree) * tree->dim + 2] : 0;
  for (int level = 0; level <= last; level++) {
    for (int row = tree->level_row[level]; row < tree->level_row[level + 1]; row++) {
      int parent_is_own = level > 0 && tree->level_row[level] > tree->level_row[level - 1] &&
                          (tree->heap[row] >> 1) >= tree->heap[tree->level_row[level - 1]] &&
                          (tree->heap[row] >> 1) <= tree->heap[tree->level_row[level] - 1];
      if (parent_is_own || tree->part_count[row] == 0) continue;
      region all;
      bounds(d, row, all.low, all.high);
      draw_node(d, row, level, last, plane, all);
    }
  }
}

static void draw_owners(const drawing *d) {
  int64_t n = d->dom->n, every = n > DRAWN_PARTICLES ? n / DRAWN_PARTICLES : 1;
  for (int64_t s = 0; s < d->dom->n_own; s += every) {
    const double *key = d->key + s * d->dom->tree.dim;
    esp_lines_add(d->to, "%.6g,%.6g,%d,%d\n", key[0], key[1], d->rank, d->ranks);
  }
}

int esp_gravity_look(const void *param, const esp_set *set, int l, esp_domain *dom, const double *key,
                     const double *query, esp_show *show) {
  (void)param, (void)set, (void)query;
  const size_t width = (size_t)dom->tree.dim;
  double *slots = NULL;
  int rc;
  if (l > 0) return ESP_OK;
  ESP_TRY(dom->comm->agree(dom->comm, ESP_ALLOC(slots, (size_t)dom->n_own * width)));
  ESP_TRY(dom->ops->to_slots(dom, width * sizeof *key, key, slots));
  drawing d = {.rank = show->rank, .ranks = show->ranks, .dom = dom, .key = slots};
  d.to = show->lines(show, "tree.csv", "xmin,xmax,ymin,ymax,owner,ranks");
  draw_tree(&d);
  d.to = show->lines(show, "owners.csv", "x,y,owner,ranks");
  draw_owners(&d);
done:
  ESP_FREE(slots);
  return rc;
}

int esp_gravity_draw(const void *param, const esp_model *untrained, const esp_model *trained,
                     const esp_backend *backend, const esp_set *set, const double *y, esp_show *show) {
  (void)param, (void)untrained, (void)trained;
  esp_lines *lines = show->lines(show, "scatter.csv", "true,ballistic,predicted");
  const int most = SCATTER / backend->comm->size;
  const int every = set->n_home > most ? set->n_home / (most > 0 ? most : 1) : 1, dim = set->space.dim;
  const double *D = set->value[ESP_CLOUD_D];
  for (int i = 0; i < set->n_home; i += every) {
    const int axis = i / every % dim;
    esp_lines_add(lines, "%.6g,0,%.6g\n", D[3 * (size_t)i + (size_t)axis], y[6 * (size_t)i + (size_t)axis]);
  }
  return ESP_OK;
}
