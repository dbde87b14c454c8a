#include "net/far_error.h"

#include <math.h>
#include <string.h>

enum {
  HELD = 2,    /* channels at a time: each is two of the cells, which are then no more than a layer's own */
  AT_ONCE = 64 /* blocks at a time */
};
enum { SQUARE, LOWER, SUMS }; /* of a receiver and channel: M^2, or of one sign W; Slo */
enum { WORDS = ESP_EXACT_CELL_WORDS };

/* What the channels at hand need. */
typedef struct {
  const esp_far *far;
  esp_form form; /* of v^2, |v| of each channel */
  esp_widths width;
  int channels, first, held; /* all; those at hand */
  int at_most;               /* receivers of a block */
  double *unit;              /* [channels] a power of two near the largest |v| */
  int *coherent;             /* [channels] 1: all v of one sign, whose errors may add up */
  double *query;             /* [n_own][d] receivers' slots */
  double *source, *cell;     /* [n_own], [row_count] rows of `form` */
  int64_t *acc;              /* [AT_ONCE * at_most][HELD][SUMS][WORDS] */
  size_t *start;             /* [size + 1] */
} work;

/* A receiving block, wherever it is. */
typedef struct {
  int64_t heap;
  int count;
  const double *centre, *query; /* [place dim], [count][d] */
  double radius;
  int64_t *acc; /* [count][HELD][SUMS][WORDS] */
} block;

/* ---- rows ---- */

static double value_of(const esp_layer *layer, size_t i, int c) {
  const int C = layer->param.form.channels;
  return c < C ? layer->host.in.value[i * (size_t)C + (size_t)c] : 1;
}

/* Errors are relative: exact sums may have any unit. */
static int find_units(work *w) {
  const esp_comm *comm = w->far->comm;
  const esp_layer *layer = w->far->layer;
  double *most = NULL; /* [channels][2] of v, of -v */
  ESP_AGREE(comm, ESP_ALLOC(most, 2 * (size_t)w->channels));
  for (int c = 0; c < w->channels; c++)
    for (size_t i = 0; i < (size_t)layer->n_home; i++) {
      const double v = value_of(layer, i, c);
      most[2 * c + (v < 0)] = fmax(most[2 * c + (v < 0)], fabs(v));
    }
  const int rc = comm->max_f64(comm, most, 2 * (size_t)w->channels);
  for (int c = 0; c < w->channels; c++) {
    int power = 0;
    const double largest = fmax(most[2 * c], most[2 * c + 1]);
    if (largest > 0) frexp(largest, &power);
    w->unit[c] = ldexp(1, power);
    w->coherent[c] = !(most[2 * c] > 0) || !(most[2 * c + 1] > 0);
  }
  ESP_FREE(most);
  return rc;
}

static void fill_sources(const work *w, double *home) {
  const esp_layer *layer = w->far->layer;
  const size_t d = (size_t)w->form.dim, width = d + 2 * (size_t)w->held;
  for (size_t i = 0; i < (size_t)layer->n_home; i++) {
    double *row = home + i * width;
    memcpy(row, layer->host.in.key + i * d, d * sizeof *row);
    for (int c = 0; c < w->held; c++) {
      const double v = fabs(value_of(layer, i, w->first + c)) / w->unit[w->first + c];
      row[d + 2 * (size_t)c] = v * v;
      row[d + 2 * (size_t)c + 1] = v;
    }
  }
}

/* Sources and cells of channels first .. first + held - 1. */
static int take_channels(work *w, int first) {
  esp_domain *dom = w->far->layer->dom;
  const esp_comm *comm = w->far->comm;
  double *home = NULL;
  int rc;
  w->first = first, w->held = esp_imin(HELD, w->channels - first);
  w->form.channels = 2 * w->held;
  w->width = esp_form_widths(&w->form);
  const size_t unit = (size_t)w->width.source * sizeof(double), cell = (size_t)w->width.cell;
  const esp_cells cells = esp_form_cells(&w->form, &w->width);
  ESP_FREE(w->source);
  ESP_FREE(w->cell);
  rc = ESP_ALLOC(home, (size_t)w->far->layer->n_home * (size_t)w->width.source);
  if (!rc) rc = ESP_ALLOC(w->source, (size_t)dom->n_own * (size_t)w->width.source);
  if (!rc) rc = ESP_ALLOC(w->cell, (size_t)dom->tree.row_count * cell);
  ESP_TRY(comm->agree(comm, rc));
  fill_sources(w, home);
  ESP_TRY(dom->ops->to_slots(dom, unit, home, w->source));
  esp_cells_upward(&cells, &dom->tree, w->source, w->cell);
  ESP_TRY(dom->ops->halo_begin(dom, ESP_HALO_CELLS, cell * sizeof(double), w->cell));
  ESP_TRY(dom->ops->halo_end(dom, ESP_HALO_CELLS, cell * sizeof(double), w->cell));
  esp_cells_top(&cells, &dom->tree, w->cell);
done:
  ESP_FREE(home);
  return rc;
}

/* Receivers of the fullest block. */
static int fullest(const esp_shape *shape) {
  const int64_t blocks = (int64_t)1 << shape->block_level;
  return (int)((shape->n + blocks - 1) / blocks);
}

static int work_create(const esp_far *far, work *w) {
  const esp_layer *layer = far->layer;
  const esp_form *f = &layer->param.form;
  esp_domain *dom = layer->dom;
  const size_t d = (size_t)f->dim;
  *w = (work){.far = far, .form = *f, .channels = layer->width.sum};
  w->form.den = 0, w->form.order = 2;
  w->at_most = fullest(&dom->tree.shape);
  int rc = ESP_ALLOC(w->unit, w->channels);
  if (!rc) rc = ESP_ALLOC(w->coherent, w->channels);
  if (!rc) rc = ESP_ALLOC(w->query, (size_t)dom->n_own * d);
  if (!rc) rc = ESP_ALLOC(w->acc, (size_t)AT_ONCE * (size_t)w->at_most * HELD * SUMS * WORDS);
  if (!rc) rc = ESP_ALLOC(w->start, far->comm->size + 1);
  ESP_CALL(far->comm->agree(far->comm, rc));
  ESP_CALL(find_units(w));
  const double *query = layer->host.in.query ? layer->host.in.query : layer->host.in.key;
  ESP_CALL(dom->ops->to_receivers(dom, d * sizeof(double), query, w->query));
  return take_channels(w, 0);
}

static void work_free(work *w) {
  ESP_FREE(w->unit);
  ESP_FREE(w->coherent);
  ESP_FREE(w->query);
  ESP_FREE(w->source);
  ESP_FREE(w->cell);
  ESP_FREE(w->acc);
  ESP_FREE(w->start);
}

/* ---- what one node says to a block ---- */

static void add(const block *b, int i, int c, int which, double term) {
  esp_exact_add(&ESP_EXACT_CELL, b->acc + (((size_t)i * HELD + (size_t)c) * SUMS + (size_t)which) * WORDS, term);
}

/* The sum of weights over the particles of an own node, one term a receiver. */
static void near_node(const work *w, const block *b, int row) {
  const esp_tree *tree = &w->far->layer->dom->tree;
  const int d = w->form.dim;
  const size_t width = (size_t)w->width.source;
  const double half = 0.5 / (w->form.unit * w->form.unit);
  for (int i = 0; i < b->count; i++) {
    const double *q = b->query + (size_t)i * (size_t)d;
    double sum[HELD] = {0};
    for (int j = tree->part_first[row]; j < tree->part_first[row] + tree->part_count[row]; j++) {
      const double *k = w->source + (size_t)j * width;
      double square = 0;
      for (int a = 0; a < d; a++) square += (q[a] - k[a]) * (q[a] - k[a]);
      const double G = exp(-half * square);
      for (int c = 0; c < w->held; c++) sum[c] += G * k[d + 2 * c + 1];
    }
    for (int c = 0; c < w->held; c++) add(b, i, c, LOWER, sum[c]);
  }
}

static double lower_of(int d, const double *V, const double *u, double square) {
  double along = 0;
  if (!(V[0] > 0)) return 0;
  for (int a = 0; a < d; a++) along += u[a] * V[1 + a];
  const double away = square - 2 * along / V[0] + esp_moments_trace(d, V) / V[0];
  return V[0] * exp(-0.5 * fmax(away, 0));
}

static void far_node(const work *w, const block *b, int row) {
  const esp_domain *dom = w->far->layer->dom;
  const int d = w->form.dim, M = esp_moments_count(d, 2);
  const double s = w->form.unit, tau = dom->tree.radius[row] / s, *cell = w->cell + (size_t)row * (size_t)w->width.cell;
  const int column = esp_gate_bound_column(tau);
  for (int i = 0; i < b->count; i++) {
    double u[ESP_MAX_DIM], square = 0;
    for (int a = 0; a < d; a++) {
      u[a] = (b->query[(size_t)i * (size_t)d + (size_t)a] - cell[a]) / s;
      square += u[a] * u[a];
    }
    const double rho = sqrt(square);
    for (int c = 0; c < w->held; c++) {
      const double *V = cell + d + 1 + 2 * c * M;
      const double square_sum = esp_gate_bound_square(w->far->table, column, rho, tau, V[0], esp_moments_trace(d, V),
                                                      esp_moments_along(d, V, u));
      /* sum |v Rem| <= sqrt(members sum v^2 Rem^2) */
      add(b, i, c, SQUARE, w->coherent[w->first + c] ? sqrt(cell[d] * square_sum) : square_sum);
      add(b, i, c, LOWER, lower_of(d, V + M, u, square));
    }
  }
}

/* ---- the walk of one block through what this rank holds ---- */

/* As the lists judge it (tree/lists.h): 1 far, 0 not; whole: the block itself, all of which is near. */
static int is_far(const work *w, double c, const block *b, int row, int *whole) {
  const esp_domain *dom = w->far->layer->dom;
  const esp_tree *tree = &dom->tree;
  const int level = esp_heap_level(tree->heap[row]), own = esp_heap_level(b->heap);
  *whole = 0;
  if (!dom->queries && level <= own && b->heap >> (own - level) == tree->heap[row]) {
    *whole = level == own;
    return 0;
  }
  const size_t dim = (size_t)tree->dim;
  const esp_rule_view v = {
      .block_radius = b->radius,
      .radius = tree->radius[row],
      .distance = sqrt(esp_tree_distance2((int)dim, b->centre, tree->centre + (size_t)row * dim, NULL)),
      .level = level,
      .count = tree->part_count[row]};
  return c > 0 && esp_rule_size.far(c, &w->form.unit, &v);
}

/* Nodes over several ranks are rank 0's; what is another's it does itself. */
static void walk(const work *w, double c, const block *b) {
  const esp_tree *tree = &w->far->layer->dom->tree;
  int stack[2 * 64], top = 0, whole;
  stack[top++] = esp_tree_root(tree);
  while (top > 0) {
    const int row = stack[--top], own = row < tree->own_rows;
    if (row >= tree->own_rows + tree->top_rows || tree->part_count[row] == 0) continue;
    if (is_far(w, c, b, row, &whole)) {
      if (own || w->far->comm->rank == 0) far_node(w, b, row);
      continue;
    }
    if (own && (whole || tree->child[2 * row] < 0)) {
      near_node(w, b, row);
      continue;
    }
    for (int side = 1; side >= 0; side--)
      if (tree->child[2 * row + side] >= 0) stack[top++] = tree->child[2 * row + side];
  }
}

/* ---- blocks, some at a time ---- */

/* A block as it travels: number, count, radius, centre, queries. */
static size_t block_width(const work *w) {
  return 3 + (size_t)w->far->layer->dom->tree.dim + (size_t)w->at_most * (size_t)w->form.dim;
}

static void pack(const work *w, int b, double *row) {
  const esp_domain *dom = w->far->layer->dom;
  const esp_tree *tree = dom->queries ? dom->queries : &dom->tree;
  const size_t dim = (size_t)tree->dim, d = (size_t)w->form.dim;
  const int at = esp_tree_block_row(tree, b);
  const size_t count = (size_t)tree->part_count[at];
  row[0] = (double)tree->heap[at];
  row[1] = (double)count;
  row[2] = tree->radius[at];
  memcpy(row + 3, tree->centre + (size_t)at * dim, dim * sizeof *row);
  if (count) memcpy(row + 3 + dim, w->query + (size_t)tree->part_first[at] * d, count * d * sizeof *row);
}

/* Own ones of the blocks first, first + stride, ... of which there are `count`; everyone's in *all, *n of them. */
static int gather(const work *w, int64_t first, int stride, int count, void **all, int *n) {
  const esp_comm *comm = w->far->comm;
  const esp_tree *tree = &w->far->layer->dom->tree;
  const size_t width = block_width(w);
  double *mine = NULL;
  size_t held = 0;
  int rc = comm->agree(comm, ESP_ALLOC(mine, (size_t)count * width));
  ESP_TRY(rc);
  for (int k = 0; k < count; k++) {
    const int64_t b = first + (int64_t)k * stride - tree->block_first;
    if (b >= 0 && b < tree->n_block) pack(w, (int)b, mine + held++ * width);
  }
  ESP_TRY(comm->gather_all(comm, mine, held * width * sizeof *mine, all, w->start));
  *n = (int)(w->start[comm->size] / (width * sizeof *mine));
done:
  ESP_FREE(mine);
  return rc;
}

/* Sums of squares of the relative bounds, and how many there are. */
typedef struct {
  double sum;
  int64_t count;
} total;

static void add_totals(const work *w, int receivers, total *t) {
  for (int k = 0; k < receivers; k++)
    for (int c = 0; c < w->held; c++) {
      const int64_t *acc = w->acc + ((size_t)k * HELD + (size_t)c) * SUMS * WORDS;
      const double sum = esp_exact_value(&ESP_EXACT_CELL, acc), lower = esp_exact_value(&ESP_EXACT_CELL, acc + WORDS);
      if (!(lower > 0)) continue;
      t->sum += (w->coherent[w->first + c] ? sum * sum : sum) / lower / lower;
      t->count++;
    }
}

static int add_blocks(work *w, double c, int64_t first, int stride, int count, total *t) {
  const esp_comm *comm = w->far->comm;
  const size_t width = block_width(w), row = HELD * SUMS * WORDS, dim = (size_t)w->far->layer->dom->tree.dim;
  void *all = NULL;
  int n = 0, rc, receivers = 0;
  ESP_TRY(gather(w, first, stride, count, &all, &n));
  memset(w->acc, 0, (size_t)count * (size_t)w->at_most * row * sizeof *w->acc);
  for (int k = 0; k < n; k++) {
    const double *from = (const double *)all + (size_t)k * width;
    const block b = {.heap = (int64_t)from[0],
                     .count = (int)from[1],
                     .radius = from[2],
                     .centre = from + 3,
                     .query = from + 3 + dim,
                     .acc = w->acc + (size_t)receivers * row};
    if (b.count) walk(w, c, &b);
    receivers += b.count;
  }
  esp_exact_carry(&ESP_EXACT_CELL, w->acc, (size_t)receivers * HELD * SUMS);
  ESP_TRY(comm->sum_i64(comm, w->acc, (size_t)receivers * row));
  add_totals(w, receivers, t);
done:
  ESP_FREE(all);
  return rc;
}

int64_t esp_far_blocks(const esp_layer *layer, int *stride) {
  const int64_t blocks = (int64_t)1 << layer->dom->tree.shape.block_level;
  *stride = blocks < ESP_FAR_FEW ? 1 : ESP_FAR_STRIDE;
  return (blocks + *stride - 1) / *stride;
}

static int bound(work *w, double c, double *beta) {
  int stride;
  const int64_t blocks = esp_far_blocks(w->far->layer, &stride);
  total t = {0};
  for (int first = 0; first < w->channels; first += HELD) {
    if (w->first != first) ESP_CALL(take_channels(w, first));
    for (int64_t b = 0; b < blocks; b += AT_ONCE)
      ESP_CALL(
          add_blocks(w, c, b * stride + stride - 1, stride, blocks - b < AT_ONCE ? (int)(blocks - b) : AT_ONCE, &t));
  }
  *beta = t.count ? sqrt(t.sum / (double)t.count) : 0;
  return ESP_OK;
}

/* ---- what others call ---- */

int esp_far_bound(const esp_far *far, double c, double *beta) {
  work w;
  int rc;
  ESP_TRY(work_create(far, &w));
  ESP_TRY(bound(&w, c, beta));
done:
  work_free(&w);
  return rc;
}

/* low: the last step known to fit, -1: none; high: the first known not to. */
static int search(work *w, double error, double begin, const double *ladder, int count, double *c, double *beta) {
  int low = -1, high = count, at = 0, stride = 1, way = 0, outward = begin >= ladder[0] && begin <= ladder[count - 1];
  double now = NAN, best = NAN;
  for (int k = 1; k < count; k++)
    if (fabs(ladder[k] - begin) < fabs(ladder[at] - begin)) at = k;
  while (high - low > 1) {
    if (!outward)
      at = (low + high) / 2;
    else if (way)
      at = way > 0 ? esp_imin(high - 1, low + stride) : esp_imax(low + 1, high - stride);
    ESP_CALL(bound(w, ladder[at], &now));
    const int fits = now <= error, turn = fits ? 1 : -1;
    if (fits)
      low = at, best = now;
    else
      high = at;
    if (way) stride *= 2;
    if (way && turn != way) outward = 0;
    way = turn;
  }
  *c = ladder[esp_imax(low, 0)];
  *beta = low < 0 ? now : best;
  return ESP_OK;
}

int esp_far_choose(const esp_far *far, double error, double begin, double *c, double *beta) {
  int count, rc;
  const double *ladder = esp_lists_ladder(&count);
  work w;
  while (ladder[count - 1] > esp_rule_size.most) count--;
  ESP_TRY(work_create(far, &w));
  ESP_TRY(search(&w, error, begin, ladder, count, c, beta));
done:
  work_free(&w);
  return rc;
}
