#include "verbs/evaluate_files.h"

#include <math.h>

enum { DRAWN_LEVEL = 11, DRAWN_PARTICLES = 6000 };

/* ---- pictures of layer 0 ---- */

/* What is drawn: a tree and its keys [n_own][dim] in slot order. */
typedef struct {
  esp_portrait *to;
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
  esp_portrait *p = d->to;
  if (tree->dim > 2 && (plane < at.low[2] || plane >= at.high[2])) return;
  if (level == last) {
    esp_lines_add(&p->tree, "%.6g,%.6g,%.6g,%.6g,%d,%d\n", at.low[0], at.high[0], at.low[1], at.high[1],
                  p->run->comm->rank, p->run->comm->size);
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
  const esp_comm *comm = d->to->run->comm;
  int64_t n = d->dom->n, every = n > DRAWN_PARTICLES ? n / DRAWN_PARTICLES : 1;
  for (int64_t s = 0; s < d->dom->n_own; s += every) {
    const double *key = d->key + s * d->dom->tree.dim;
    esp_lines_add(&d->to->owners, "%.6g,%.6g,%d,%d\n", key[0], key[1], comm->rank, comm->size);
  }
}

void esp_portrait_domain(esp_portrait *p, const esp_domain *dom) {
  const esp_domain_stats *s = &dom->stats;
  p->own = dom->n_own;
  p->ghosts += s->ghosts;
  p->receiver_ghosts += s->receiver_ghosts;
  p->ghost_cells += s->ghost_cells;
  p->essential_rows += s->essential_rows;
  p->messages += s->messages[ESP_HALO_SOURCES] + s->messages[ESP_HALO_CELLS];
  p->bytes += s->bytes;
  p->moved += s->moved;
  p->near_pairs += dom->lists.near_pairs;
  p->far_pairs += dom->lists.far_pairs;
  p->split += s->seconds_split;
  p->essential += s->seconds_essential;
  p->lists += s->seconds_lists;
  p->halo_setup += s->seconds_halo_setup;
}

int esp_portrait_layer(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)query;
  int rc;
  double *slots = NULL;
  const size_t width = (size_t)dom->tree.dim;
  esp_portrait_domain(context, dom); /* before anything is moved for the picture */
  if (l > 0) return ESP_OK;
  ESP_TRY(dom->comm->agree(dom->comm, ESP_ALLOC(slots, (size_t)dom->n_own * width)));
  ESP_TRY(dom->ops->to_slots(dom, width * sizeof *key, key, slots));
  const drawing d = {context, dom, slots};
  draw_tree(&d);
  draw_owners(&d);
done:
  ESP_FREE(slots);
  return rc;
}

static int add_json(const esp_portrait *p) {
  const esp_comm *comm = p->run->comm;
  int64_t sum[5] = {p->near_pairs + p->far_pairs, p->ghosts, p->bytes, p->moved, p->own}, most = sum[0];
  ESP_CALL(comm->sum_i64(comm, sum, 5));
  ESP_CALL(comm->max_i64(comm, &most, 1));
  cJSON *json = p->run->json;
  const int sharers = p->sharded ? comm->size : 1; /* a whole cloud's work is one rank's */
  cJSON_AddNumberToObject(json, "imbalance_pairs", sum[0] ? (double)most * sharers / (double)sum[0] : 1);
  cJSON_AddNumberToObject(json, "halo_particles", (double)sum[1]);
  cJSON_AddNumberToObject(json, "bytes", (double)sum[2]);
  cJSON_AddNumberToObject(json, "moved_share", sum[4] ? (double)sum[3] / (double)sum[4] : 0);
  return ESP_OK;
}

int esp_portrait_ranks(esp_portrait *p) {
  const esp_run *run = p->run;
  esp_lines ranks = {0};
  if (p->sharded || p->own)
    esp_lines_add(&ranks, "%d,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%.4f,%.4f,%.4f,%.4f,%.4f,%.1f\n",
                  run->comm->rank, (long long)p->own, (long long)p->ghosts, (long long)p->ghost_cells,
                  (long long)p->essential_rows, (long long)p->messages, (long long)p->bytes, (long long)p->moved,
                  (long long)p->near_pairs, (long long)p->far_pairs, p->split, p->essential, p->lists, p->halo_setup,
                  p->forward, (double)esp_memory_peak() / 1048576);
  ESP_CALL(esp_run_lines(run, "ranks.csv",
                         "rank,particles,halo_particles,halo_cells,essential_nodes,messages,bytes,moved,pairs,cells,"
                         "seconds_split,seconds_essential,seconds_lists,seconds_halo_setup,seconds_forward,memory_MiB",
                         &ranks));
  return add_json(p);
}

int esp_portrait_write(esp_portrait *p) {
  ESP_CALL(esp_run_lines(p->run, "tree.csv", "xmin,xmax,ymin,ymax,owner,ranks", &p->tree));
  ESP_CALL(esp_run_lines(p->run, "owners.csv", "x,y,owner,ranks", &p->owners));
  return esp_portrait_ranks(p);
}

int esp_scatter_write(const esp_run *run, const esp_cloud *cloud, const double (*D)[3], int most) {
  esp_lines lines = {0};
  int every = cloud->n_home > most ? cloud->n_home / (most > 0 ? most : 1) : 1;
  for (int i = 0; i < cloud->n_home; i += every) {
    int axis = i / every % cloud->dim;
    esp_lines_add(&lines, "%.6g,0,%.6g\n", cloud->D[i][axis], D[i][axis]);
  }
  return esp_run_lines(run, "scatter.csv", "true,ballistic,predicted", &lines);
}
