#include "fmm/top.h"

#include <math.h>
#include <string.h>

#include "base/select.h"

enum { KEY, ID, PLACE, STAGES };

/* ---- what follows from counts ---- */

static int64_t leaves(const esp_fmm_top *top) {
  return (top->n + ESP_FMM_LEAF - 1) / ESP_FMM_LEAF;
}

int64_t esp_fmm_cut(const esp_fmm_top *top, int rank) {
  const int64_t G = leaves(top), whole = G / top->size, rest = G % top->size; /* G r overflows */
  const int64_t slot = ESP_FMM_LEAF * (whole * rank + rest * rank / top->size);
  return slot < top->n ? slot : top->n;
}

/* The rank of a slot: that of the last cut not behind it. */
static int owner_of(const esp_fmm_top *top, int64_t slot) {
  int low = 0, high = top->size;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (esp_fmm_cut(top, middle) <= slot)
      low = middle;
    else
      high = middle;
  }
  return low;
}

int esp_fmm_meets(const esp_fmm_top *top, int rank, const esp_fmm_top_node *node) {
  const int64_t first = esp_fmm_cut(top, rank), end = esp_fmm_cut(top, rank + 1);
  return first < end && first < node->first + node->count && node->first < end;
}

int64_t esp_fmm_left_count(int64_t count, int level, int64_t low, int64_t high) {
  int64_t k = count / 2;
  if (level < 40) k = low >= k ? low : high <= k ? high : k;
  k = (k + ESP_FMM_LEAF / 2) / ESP_FMM_LEAF * ESP_FMM_LEAF;
  if (k < ESP_FMM_LEAF) k = ESP_FMM_LEAF;
  return k < count ? k : (count - 1) / ESP_FMM_LEAF * ESP_FMM_LEAF;
}

int esp_fmm_widest_side(const esp_fmm_box *box) {
  int axis = 0;
  for (int a = 1; a < 3; a++)
    if (box->hi[a] - box->lo[a] > box->hi[axis] - box->lo[axis]) axis = a;
  return axis;
}

void esp_fmm_planes(double lo, double hi, double plane[2]) {
  plane[0] = lo + 0.35 * (hi - lo);
  plane[1] = hi - 0.35 * (hi - lo);
}

static int is_piece(const esp_fmm_top *top, const esp_fmm_top_node *node) {
  return node->count <= ESP_FMM_SHARED || owner_of(top, node->first + node->count - 1) == node->owner;
}

/* ---- selection ---- */

/* The level being cut: nodes [first, first + count) of the top. */
typedef struct {
  const esp_comm *comm;
  const esp_fmm_bodies *bodies;
  esp_fmm_top *top;
  double unit[2];
  int64_t before; /* bodies of lower ranks */
  int first, count, room;
  int active, *item, *node; /* bodies in these nodes, and which one */
  int candidates, *candidate;
  uint64_t *image; /* [bodies] */
  /* [room] by node of the level */
  double (*extent)[6]; /* largest of x and of -x */
  int64_t *below;      /* [2] */
  int *axis;
  int64_t *left;
  int64_t *rank;  /* which smallest is wanted among the candidates, from 1; 0: none */
  int64_t *equal; /* candidates that have the image found */
  uint64_t *prefix, *cut[STAGES];
  int64_t *bins;
} selection;

static double coordinate(const selection *s, int item, int axis) {
  return s->bodies->position[item][axis] * s->unit[0] * s->unit[1];
}

/* In the order of what it stands for. */
static uint64_t image(const selection *s, int stage, int item, int axis) {
  if (stage == PLACE) return (uint64_t)(s->before + item);
  if (stage == ID) {
    const int64_t id = s->bodies->id ? s->bodies->id[item] : s->before + item;
    return (uint64_t)id ^ (uint64_t)1 << 63;
  }
  return esp_select_image(coordinate(s, item, axis));
}

static int find_boxes(selection *s) {
  for (int t = 0; t < s->count; t++)
    for (int k = 0; k < 6; k++) s->extent[t][k] = -INFINITY;
  for (int j = 0; j < s->active; j++)
    for (int a = 0; a < 3; a++) {
      double *extent = s->extent[s->node[j] - s->first];
      const double x = coordinate(s, s->item[j], a);
      extent[a] = x > extent[a] ? x : extent[a];
      extent[3 + a] = -x > extent[3 + a] ? -x : extent[3 + a];
    }
  ESP_CALL(s->comm->max_f64(s->comm, s->extent[0], 6 * (size_t)s->count));
  for (int t = 0; t < s->count; t++) {
    esp_fmm_box *box = &s->top->node[s->first + t].box;
    for (int a = 0; a < 3; a++) {
      box->hi[a] = s->extent[t][a];
      box->lo[a] = -s->extent[t][3 + a];
    }
    esp_fmm_box_close(box);
    s->axis[t] = esp_fmm_widest_side(box);
  }
  return ESP_OK;
}

static int find_left_counts(selection *s) {
  memset(s->below, 0, 2 * (size_t)s->count * sizeof *s->below);
  for (int j = 0; j < s->active; j++) {
    const int t = s->node[j] - s->first, axis = s->axis[t];
    const esp_fmm_box *box = &s->top->node[s->node[j]].box;
    double plane[2];
    esp_fmm_planes(box->lo[axis], box->hi[axis], plane);
    for (int k = 0; k < 2; k++) s->below[2 * t + k] += coordinate(s, s->item[j], axis) < plane[k];
  }
  ESP_CALL(s->comm->sum_i64(s->comm, s->below, 2 * (size_t)s->count));
  for (int t = 0; t < s->count; t++) {
    const esp_fmm_top_node *node = s->top->node + s->first + t;
    s->left[t] = esp_fmm_left_count(node->count, node->level, s->below[2 * t], s->below[2 * t + 1]);
  }
  return ESP_OK;
}

/* Among the candidates of each node, the rank-th smallest image into prefix; rank becomes its place among those equal to it,
 * and only those stay candidates. */
static int select_images(selection *s) {
  esp_selection by = {.first = s->first,
                      .groups = s->count,
                      .group = s->node,
                      .word = s->image,
                      .candidates = s->candidates,
                      .candidate = s->candidate,
                      .rank = s->rank,
                      .equal = s->equal,
                      .found = s->prefix,
                      .bins = s->bins};
  ESP_CALL(esp_select(s->comm, &by));
  s->candidates = (int)by.candidates;
  return ESP_OK;
}

/* The first body of each node that goes right: its key; where several have that, its id; then its place. */
static int find_cuts(selection *s) {
  int tied = 1;
  s->candidates = s->active;
  for (int j = 0; j < s->active; j++) s->candidate[j] = j;
  for (int t = 0; t < s->count; t++) s->rank[t] = is_piece(s->top, s->top->node + s->first + t) ? 0 : s->left[t] + 1;
  for (int stage = KEY; stage < STAGES; stage++) {
    memset(s->cut[stage], 0, (size_t)s->count * sizeof *s->cut[stage]);
    if (!tied) continue;
    int kept = 0;
    for (int c = 0; c < s->candidates; c++) {
      const int j = s->candidate[c], t = s->node[j] - s->first;
      if (!s->rank[t]) continue;
      s->image[j] = image(s, stage, s->item[j], s->axis[t]);
      s->candidate[kept++] = j;
    }
    s->candidates = kept;
    ESP_CALL(select_images(s));
    tied = 0;
    for (int t = 0; t < s->count; t++) {
      s->cut[stage][t] = s->rank[t] ? s->prefix[t] : 0;
      if (s->rank[t] == 1) s->rank[t] = 0; /* none of its equals goes left */
      tied |= s->rank[t] > 0;
    }
  }
  return ESP_OK;
}

static int goes_left(const selection *s, int j) {
  const int t = s->node[j] - s->first;
  for (int stage = KEY; stage < STAGES; stage++) {
    const uint64_t mine = image(s, stage, s->item[j], s->axis[t]), cut = s->cut[stage][t];
    if (mine != cut) return mine < cut;
  }
  return 0;
}

/* ---- nodes ---- */

static int add_node(esp_fmm_top *top, int64_t first, int64_t count, int level, int *at) {
  if ((size_t)top->count == top->capacity) ESP_CALL(ESP_GROW(top->node, top->capacity, top->count + 1));
  *at = top->count++;
  esp_fmm_top_node *node = top->node + *at;
  *node = (esp_fmm_top_node){.first = first, .count = count, .level = level, .child = {-1, -1}, .piece = -1};
  node->owner = owner_of(top, first);
  return ESP_OK;
}

static int add_children(selection *s) {
  for (int t = 0; t < s->count; t++) {
    const esp_fmm_top_node node = s->top->node[s->first + t];
    int child[2] = {-1, -1};
    if (is_piece(s->top, &node)) continue;
    ESP_CALL(add_node(s->top, node.first, s->left[t], node.level + 1, child));
    ESP_CALL(add_node(s->top, node.first + s->left[t], node.count - s->left[t], node.level + 1, child + 1));
    memcpy(s->top->node[s->first + t].child, child, sizeof child);
  }
  return ESP_OK;
}

/* Active bodies to the children; those in a piece are done. */
static void descend(selection *s, int *where) {
  int kept = 0;
  for (int j = 0; j < s->active; j++) {
    const int i = s->item[j], child = s->top->node[s->node[j]].child[!goes_left(s, j)];
    where[i] = child;
    if (is_piece(s->top, s->top->node + child)) continue;
    s->item[kept] = i;
    s->node[kept++] = child;
  }
  s->active = kept;
}

static void number_pieces(esp_fmm_top *top, int at) {
  esp_fmm_top_node *node = top->node + at;
  if (node->child[0] < 0) {
    top->piece[top->pieces] = at;
    node->piece = top->pieces++;
    return;
  }
  number_pieces(top, node->child[0]);
  number_pieces(top, node->child[1]);
}

/* ---- the whole ---- */

static int prepare(selection *s) {
  const int n = s->bodies->n, room = s->room = 2 * s->comm->size; /* a cut is inside one node of a level */
  ESP_CALL(ESP_RESERVE(s->item, n));
  ESP_CALL(ESP_ALLOC(s->node, n));
  ESP_CALL(ESP_RESERVE(s->candidate, n));
  ESP_CALL(ESP_RESERVE(s->image, n));
  ESP_CALL(ESP_ALLOC(s->extent, room));
  ESP_CALL(ESP_ALLOC(s->below, 2 * room));
  ESP_CALL(ESP_ALLOC(s->axis, room));
  ESP_CALL(ESP_ALLOC(s->left, room));
  ESP_CALL(ESP_ALLOC(s->rank, room));
  ESP_CALL(ESP_ALLOC(s->equal, room));
  ESP_CALL(ESP_ALLOC(s->prefix, room));
  for (int stage = 0; stage < STAGES; stage++) ESP_CALL(ESP_ALLOC(s->cut[stage], room));
  return ESP_ALLOC(s->bins, (size_t)room * ESP_SELECT_BINS);
}

static void discard(selection *s) {
  ESP_FREE(s->item);
  ESP_FREE(s->node);
  ESP_FREE(s->candidate);
  ESP_FREE(s->image);
  ESP_FREE(s->extent);
  ESP_FREE(s->below);
  ESP_FREE(s->axis);
  ESP_FREE(s->left);
  ESP_FREE(s->rank);
  ESP_FREE(s->equal);
  ESP_FREE(s->prefix);
  for (int stage = 0; stage < STAGES; stage++) ESP_FREE(s->cut[stage]);
  ESP_FREE(s->bins);
}

/* Level by level; a level's nodes lie side by side, pieces among them. */
static int cut_levels(selection *s, int *where) {
  for (s->first = 0; s->first < s->top->count; s->first += s->count) {
    s->count = s->top->count - s->first;
    int straddling = 0;
    for (int t = 0; t < s->count; t++) straddling += !is_piece(s->top, s->top->node + s->first + t);
    if (!straddling) return ESP_OK;
    ESP_CALL(find_boxes(s));
    ESP_CALL(find_left_counts(s));
    ESP_CALL(find_cuts(s));
    ESP_AGREE(s->comm, add_children(s));
    descend(s, where);
  }
  return ESP_OK;
}

int esp_fmm_top_make(const esp_comm *comm, const esp_fmm_scale *scale, const esp_fmm_bodies *bodies, esp_fmm_top *top,
                     int *where) {
  ESP_MEMORY_FOR(ESP_MEMORY_LISTS);
  selection s = {.comm = comm, .bodies = bodies, .top = top, .before = bodies->n, .active = bodies->n};
  int rc, root;
  *top = (esp_fmm_top){.rank = comm->rank, .size = comm->size, .n = scale->n};
  esp_fmm_scale_factor(scale->length, s.unit);
  ESP_CALL(comm->exscan_i64(comm, &s.before));
  ESP_TRY(comm->agree(comm, prepare(&s)));
  ESP_TRY(comm->agree(comm, add_node(top, 0, top->n, 0, &root)));
  for (int i = 0; i < bodies->n; i++) s.item[i] = i;
  memset(where, 0, (size_t)bodies->n * sizeof *where);
  if (is_piece(top, top->node)) s.active = 0;
  ESP_TRY(cut_levels(&s, where));
  ESP_TRY(comm->agree(comm, ESP_ALLOC(top->piece, top->count)));
  number_pieces(top, 0);
  for (int i = 0; i < bodies->n; i++) where[i] = top->node[where[i]].piece;
done:
  discard(&s);
  if (rc) esp_fmm_top_free(top);
  return rc;
}

void esp_fmm_top_free(esp_fmm_top *top) {
  ESP_FREE(top->node);
  ESP_FREE(top->piece);
  top->count = top->pieces = 0;
}
