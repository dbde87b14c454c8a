/* The block routines of the gated messages: lists into streams, streams through the messages, chunk sums to float64. Text
 * of gate.c and gate_mlp.c, each with its own constant MLP: 1: the learned message times the gate.
 *
 * Precision: keys float64; pairs in ESP_REAL relative to the receiver block's mean query, the differences to it formed in
 * float64; chunks of senders are added in float64. A G below 2^-ESP_FAINT is exactly 0. */
#include "message/cpu/gate_lanes.h"
#include "message/cpu/gate_scratch.h"

#include "message/cpu/gate_pairs.h"

#include "message/cpu/gate_one.h"

#include "message/cpu/gate_mlp_pairs.h"

#include "message/cpu/gate_cells.h"

/* What all blocks of a call share. */
static void work_load(esp_scratch *k, const esp_pairs *p) {
  k->scale = sqrt(0.5 / ESP_LN2) * exp(-p->param[0]);
  k->slope = 2 * ESP_LN2 * k->scale;
  k->still = MLP ? 0 : p->still;
  if (MLP) mlp_load(k, p->param);
  k->cell.pass++;
}

typedef struct {
  /* what is done with a full or final chunk; cell_acc NULL: of particles, whose owners pull */
  void (*flush)(esp_scratch *k, gate_lanes *t, int64_t *cell_acc);
  int rows;      /* sums of a lane */
  int receivers; /* 1: the stream is of receivers */
} gate_pass;

static void flush_forward(esp_scratch *k, gate_lanes *t, int64_t *cell_acc) {
  (void)cell_acc;
  if (one_chunk(ONE_FORWARD, k, t)) return;
  for (int j = 0; j < k->stream.count; j += ESP_GATE_AT_ONCE) {
    edges(k, t, j);
    if (!MLP) {
      spread(k, t, j, 0, k->width);
      continue;
    }
    for (int e = 0; e < ESP_GATE_AT_ONCE; e++) mlp_forward(k, t, j, e);
  }
}

static void flush_receivers(esp_scratch *k, gate_lanes *t, int64_t *cell_acc) {
  if (one_chunk(ONE_RECEIVERS, k, t)) return;
  for (int j = 0; j < k->stream.count; j += ESP_GATE_AT_ONCE) {
    const int real = esp_imin(ESP_GATE_AT_ONCE, k->stream.count - j);
    edges(k, t, j);
    if (!MLP) score(k, t, j);
    for (int e = 0; e < ESP_GATE_AT_ONCE && MLP; e++) {
      mlp_receivers(k, t, j, e, cell_acc ? k->mean_w : NULL);
      if (cell_acc && e < real) mlp_cell_close(k, t, j, e, k->mean_w, cell_acc);
    }
    moves(k, t, j);
    rate(k, t, rows_receivers(k) - 1);
  }
}

static void flush_senders(esp_scratch *k, gate_lanes *t, int64_t *cell_acc) {
  (void)cell_acc;
  if (!k->still && one_chunk(ONE_SENDERS, k, t)) return;
  for (int j = 0; j < k->stream.count; j += ESP_GATE_AT_ONCE) {
    edges(k, t, j);
    if (!MLP && !(k->still & ESP_STILL_VALUES)) spread(k, t, j, k->form.dim, k->form.channels);
    if (k->still & ESP_STILL_KEYS) continue;
    if (!MLP) score(k, t, j);
    for (int e = 0; e < ESP_GATE_AT_ONCE && MLP; e++) mlp_senders(k, t, j, e);
    moves(k, t, j);
  }
}

static void stream_flush(esp_scratch *k, gate_lanes *t, const gate_pass *pass, int64_t *cell_acc) {
  if (k->stream.count && t->count) {
    lanes_clear(t, pass->rows);
    stream_pad(k);
    pass->flush(k, t, cell_acc);
    lanes_add(k, t, pass->rows);
  }
  k->stream.count = 0;
}

/* Rows of particles through the stream; what is left stays in it. */
static void stream_particles(esp_scratch *k, gate_lanes *t, const gate_pass *pass, const double *row, int count) {
  const ptrdiff_t stride = pass->receivers ? esp_receiver_width(&k->w) : k->w.source;
  while (count) {
    if (k->stream.count == ESP_GATE_CHUNK) stream_flush(k, t, pass, NULL);
    const int take = esp_imin(count, ESP_GATE_CHUNK - k->stream.count);
    stream_rows(k, row, take, pass->receivers);
    row += take * stride;
    count -= take;
  }
}

/* With one tree the block itself, then its near leaves. */
static void stream_near(esp_scratch *k, const esp_pairs *p, int block, const gate_pass *pass) {
  const esp_tree *tree = &p->dom->tree;
  const esp_lists *lists = &p->dom->lists;
  const size_t width = (size_t)k->w.source;
  gate_lanes *t = &k->block;
  if (!p->dom->queries) {
    const int row = esp_tree_block_row(tree, block);
    stream_particles(k, t, pass, p->source + (size_t)tree->part_first[row] * width, tree->part_count[row]);
  }
  for (int64_t e = lists->near_start[block]; e < lists->near_start[block + 1]; e++) {
    const int row = lists->near[e];
    stream_particles(k, t, pass, p->source + (size_t)tree->part_first[row] * width, tree->part_count[row]);
  }
  stream_flush(k, t, pass, NULL);
}

/* What is near, unless keys are constants on the way back; then far cells. */
static void stream_lists(esp_scratch *k, const esp_pairs *p, int block, const gate_pass *pass, int64_t *cell_acc) {
  const esp_lists *lists = &p->dom->lists;
  const size_t cell_width = (size_t)k->w.cell;
  gate_lanes *t = &k->block;
  if (!(cell_acc && (k->still & ESP_STILL_KEYS))) stream_near(k, p, block, pass);
  if (!MLP) {
    cells_say(k, t, p, block, pass->rows, cell_acc);
    return;
  }
  for (int64_t e = lists->far_start[block]; e < lists->far_start[block + 1]; e++) {
    if (k->stream.count == ESP_GATE_CHUNK) stream_flush(k, t, pass, cell_acc);
    mlp_cell(k, lists->far[e], p->cell + (size_t)lists->far[e] * cell_width);
  }
  stream_flush(k, t, pass, cell_acc);
}

/* The block's receivers into lanes; returns its first slot. gradient may be NULL. */
static int receivers_load(esp_scratch *k, const esp_pairs *p, int block, const double *gradient) {
  const int row = esp_tree_block_row(&p->dom->tree, block), first = p->dom->tree.part_first[row];
  const int width = k->w.query;
  const double *query = p->query + (size_t)first * (size_t)width;
  const gate_rows from = {.key = query,
                          .key_stride = width,
                          .value = gradient ? gradient + (size_t)first * (size_t)k->width : NULL,
                          .value_stride = k->width,
                          .values = gradient ? k->width : 0,
                          .offset = MLP ? query + k->form.dim : NULL,
                          .offset_stride = width};
  block_load(k, p->dom->tree.part_count[row], &from);
  return first;
}

static int forward(const esp_pairs *p, int count, const int *block, double *sum, esp_scratch *k) {
  const gate_pass pass = {flush_forward, rows_forward(k), 0};
  work_load(k, p);
  for (int b = 0; b < count; b++) {
    const int first = receivers_load(k, p, block[b], NULL), W = k->width;
    if (!k->block.count) continue;
    stream_lists(k, p, block[b], &pass, NULL);
    for (int i = 0; i < k->block.count; i++)
      for (int c = 0; c < W; c++)
        sum[(size_t)(first + i) * (size_t)W + (size_t)c] = k->sum[(size_t)c * k->capacity + (size_t)i];
  }
  return ESP_OK;
}

/* The block's sums to the gradients of its rows [count][width]. */
static void gradient_add(const esp_scratch *k, int width, double *to) {
  for (int i = 0; i < k->block.count; i++)
    for (int c = 0; c < width; c++, to++)
      *to = fma(c < k->form.dim ? k->slope : 1, k->sum[(size_t)c * k->capacity + (size_t)i], *to);
}

static double row_total(const esp_scratch *k, int row) {
  double sum = 0;
  for (int i = 0; i < k->block.count; i++) sum += k->sum[(size_t)row * k->capacity + (size_t)i];
  return sum;
}

/* The block's gradients by ln s and W3: one float64 term each. */
static void param_add(const esp_scratch *k, int64_t *param_acc) {
  const int C = k->form.channels, d = k->form.dim;
  double scale = 2 * ESP_LN2 * row_total(k, rows_receivers(k) - 1);
  for (int m = 0; m < k->width * k->cell.moments && !MLP; m++) scale += k->cell.rate[m];
  if (scale != 0) esp_exact_add(&ESP_EXACT_FULL, param_acc, scale);
  for (int c = 0; c < C && MLP; c++)
    for (int f = 0; f < ESP_GATE_EDGE; f++) {
      const double term = (f ? 1 : ESP_LN2) * row_total(k, d + C + f * C + c);
      int64_t *acc = param_acc + (size_t)(1 + ESP_GATE_EDGE * c + f) * ESP_EXACT_FULL_WORDS;
      if (term != 0) esp_exact_add(&ESP_EXACT_FULL, acc, term);
    }
}

static int receivers(const esp_pairs *p, int count, const int *block, const double *gradient, double *dquery,
                     int64_t *cell_acc, int64_t *param_acc, esp_scratch *k) {
  const gate_pass pass = {flush_receivers, rows_receivers(k), 0};
  work_load(k, p);
  const int width = k->w.query;
  for (int b = 0; b < count; b++) {
    const int first = receivers_load(k, p, block[b], gradient);
    if (!k->block.count) continue;
    stream_lists(k, p, block[b], &pass, cell_acc);
    if (k->still & ESP_STILL_KEYS) continue;
    gradient_add(k, width, dquery + (size_t)first * (size_t)width);
    param_add(k, param_acc);
  }
  return ESP_OK;
}

/* Lanes of the leaves that the receiver block at hand has near. */
static void pick_lanes(esp_scratch *k, const esp_tree *tree, int block) {
  const int leaves = esp_tree_block_leaves(tree), own = tree->part_first[esp_tree_block_row(tree, block)];
  const size_t stride = k->capacity, real = sizeof(ESP_REAL);
  const gate_lanes *from = &k->block;
  gate_lanes *t = &k->pick;
  t->count = 0;
  for (int leaf = 0; leaf < leaves; leaf++) {
    k->picked[leaf] = k->seen[leaf];
    if (!k->seen[leaf]) continue;
    const int row = esp_tree_leaf_row(tree, block * leaves + leaf), count = tree->part_count[row];
    const size_t at = (size_t)(tree->part_first[row] - own), to = (size_t)t->count, bytes = (size_t)count * real;
    for (int l = 0; l < count; l++) t->slot[t->count++] = (int)at + l;
    for (size_t a = 0; a < (size_t)k->form.dim; a++)
      memcpy(t->key + a * stride + to, from->key + a * stride + at, bytes);
    for (size_t c = 0; c < (size_t)k->width && !MLP; c++)
      memcpy(t->value + c * stride + to, from->value + c * stride + at, bytes);
    for (size_t c = 0; c < (size_t)k->form.channels && MLP; c++)
      memcpy(t->offset + c * stride + to, from->offset + c * stride + at, bytes);
  }
  if (t->count) lanes_pad(k, t);
}

/* The block's senders into lanes; returns its first slot. */
static int senders_load(esp_scratch *k, const esp_pairs *p, int block) {
  const int row = esp_tree_block_row(&p->dom->tree, block), first = p->dom->tree.part_first[row];
  const int width = k->w.source;
  const double *source = p->source + (size_t)first * (size_t)width, *value = source + k->form.dim;
  const gate_rows from = {.key = source,
                          .key_stride = width,
                          .value = MLP ? NULL : value,
                          .value_stride = width,
                          .values = MLP ? 0 : k->form.channels,
                          .offset = MLP ? value : NULL,
                          .offset_stride = width};
  block_load(k, p->dom->tree.part_count[row], &from);
  return first;
}

static int senders(const esp_pairs *p, int count, const int *block, const double *receiver, double *dsource,
                   int64_t *param_acc, esp_scratch *k) {
  (void)param_acc; /* every parameter's gradient is taken at the receivers */
  const gate_pass pass = {flush_senders, rows_senders(k), 1};
  work_load(k, p);
  const esp_tree *tree = &p->dom->tree;
  const esp_lists *lists = &p->dom->lists;
  const size_t leaves = (size_t)esp_tree_block_leaves(tree);
  const int width = k->w.source, stride = esp_receiver_width(&k->w);
  for (int b = 0; b < count; b++) {
    const int first = senders_load(k, p, block[b]);
    if (!k->block.count) continue;
    if (!p->dom->queries) stream_particles(k, &k->block, &pass, receiver + (ptrdiff_t)first * stride, k->block.count);
    stream_flush(k, &k->block, &pass, NULL);
    memset(k->cursor, 0, leaves * sizeof *k->cursor);
    memset(k->picked, 0, leaves * sizeof *k->picked);
    for (int entry; (entry = esp_lists_next_receiver(tree, lists, block[b], k->cursor, k->seen)) >= 0;) {
      int from, many;
      if (memcmp(k->seen, k->picked, leaves * sizeof *k->seen)) {
        stream_flush(k, &k->pick, &pass, NULL);
        pick_lanes(k, tree, block[b]);
      }
      esp_lists_receivers(tree, lists, entry, &from, &many);
      stream_particles(k, &k->pick, &pass, receiver + (ptrdiff_t)from * stride, many);
    }
    stream_flush(k, &k->pick, &pass, NULL);
    gradient_add(k, width, dsource + (size_t)first * (size_t)width);
  }
  return ESP_OK;
}
