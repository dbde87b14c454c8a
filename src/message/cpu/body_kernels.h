/* The block routines of bodies: lists into streams, streams through the messages, chunk sums to float64. Text of newton.c,
 * newton_mlp.c, correction.c and law.c, each with its own constants
 *   NEWTON    1: the newton message, near and far
 *   LEARNED   1: the learned message, near
 *   LAW       1: it is all there is, far too
 * Positions become ESP_REAL, relative to the block's mean, only after the difference is formed in float64. */
#include "message/cpu/body_lanes.h"

enum { CELL_WORDS = ESP_MASS_ADJOINT * ESP_EXACT_CELL_WORDS, RECEIVER = ESP_BODY + ESP_BODY_SUM };

#include "message/cpu/newton_pairs.h"

/* Of sixteen lanes, halved in a fixed order. */
static double lanes_total(const ESP_REAL *part) {
  double sum[ESP_LANE];
  for (int l = 0; l < ESP_LANE; l++) sum[l] = (double)part[l];
  for (int l = 0; l < 8; l++) sum[l] += sum[l + 8];
  for (int l = 0; l < 4; l++) sum[l] += sum[l + 4];
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* One float64 term a (block, cell, component). */
static void cell_term(int64_t *acc, int c, double term) {
  if (term != 0) esp_exact_add(&ESP_EXACT_CELL, acc + c * ESP_EXACT_CELL_WORDS, term);
}

#include "message/cpu/law_pairs.h"

static void end(esp_scratch **scratch) {
  if (!*scratch) return;
  esp_scratch *k = *scratch;
  ESP_FREE(k->block.x);
  ESP_FREE(k->pick.x);
  ESP_FREE(k->pick.slot);
  ESP_FREE(k->sum);
  ESP_FREE(k->weight);
  ESP_FREE(k->slope);
  ESP_FREE(k->param);
  ESP_FREE(k->cursor);
  ESP_FREE(*scratch);
}

static int lanes_create(esp_lanes *t, int capacity) {
  ESP_CALL(ESP_ALLOC(t->x, (size_t)ESP_LANE_ARRAYS * (size_t)capacity));
  ESP_REAL **const array[ESP_LANE_ARRAYS] = {&t->x,  &t->y,  &t->z,  &t->s,  &t->gx, &t->gy,
                                             &t->gz, &t->ax, &t->ay, &t->az, &t->k};
  for (int a = 1; a < ESP_LANE_ARRAYS; a++) *array[a] = t->x + (size_t)a * (size_t)capacity;
  return ESP_OK;
}

static int begin(const esp_form *form, const esp_domain *dom, esp_scratch **scratch) {
  int rc = ESP_OK;
  esp_scratch *k = NULL;
  *scratch = NULL;
  ESP_TRY(ESP_ALLOC(k, 1));
  int largest = 0;
  for (int b = 0; b < dom->tree.n_block; b++)
    largest = esp_imax(largest, dom->tree.part_count[esp_tree_block_row(&dom->tree, b)]);
  k->capacity = esp_imax(ESP_LANE, pad_lanes(largest));
  ESP_TRY(lanes_create(&k->block, k->capacity));
  ESP_TRY(lanes_create(&k->pick, k->capacity));
  ESP_TRY(ESP_ALLOC(k->pick.slot, k->capacity));
  ESP_TRY(ESP_ALLOC(k->sum, 3 * (size_t)k->capacity));
  const size_t leaves = (size_t)esp_tree_block_leaves(&dom->tree);
  ESP_TRY(ESP_ALLOC(k->cursor, 2 * leaves));
  k->seen = k->cursor + leaves;
  k->hidden = LEARNED ? form->channels : 0;
  const size_t hidden = (size_t)k->hidden;
  ESP_TRY(ESP_ALLOC(k->weight, (ESP_MLP_SUMS + 1) * hidden));
  k->offset = k->weight + ESP_MLP_SUMS * hidden;
  ESP_TRY(ESP_ALLOC(k->slope, ESP_MLP_SUMS * ESP_LANE * hidden));
  ESP_TRY(ESP_ALLOC(k->param, ESP_MLP_SUMS * hidden));
  *scratch = k;
  return ESP_OK;
done:
  end(&k);
  return rc;
}

/* What all blocks of a call share. */
static void space_load(esp_scratch *k, const esp_pairs *p) {
  k->space = (esp_space){.eps2 = (ESP_REAL)(p->form.softening * p->form.softening)};
  for (int a = 0; a < 3; a++) {
    const double period = p->form.period[a];
    if (!(period > 0)) continue;
    k->space.box[a] = (ESP_REAL)period;
    k->space.inverse[a] = (ESP_REAL)(1 / period);
    k->space.periodic = 1;
  }
  if (LEARNED) mlp_load(k, p->param);
}

/* What is done with a full or final chunk. */
typedef void (*flush_routine)(esp_scratch *k, int64_t *cell_acc);

static void flush_near_forward(esp_scratch *k, int64_t *cell_acc) {
  (void)cell_acc;
  lanes_clear(&k->block);
  stream_pad(&k->stream);
  if (NEWTON) newton_near(&k->block, &k->stream, &k->space);
  if (LEARNED) mlp_forward(k);
  lanes_add(&k->block, k->sum, k->capacity);
}

static void flush_far_forward(esp_scratch *k, int64_t *cell_acc) {
  (void)cell_acc;
  lanes_clear(&k->block);
  stream_pad(&k->stream);
  if (NEWTON) newton_far(&k->block, &k->stream, &k->space);
  if (LAW) mlp_forward(k);
  lanes_add(&k->block, k->sum, k->capacity);
}

static void flush_near_receivers(esp_scratch *k, int64_t *cell_acc) {
  (void)cell_acc;
  lanes_clear(&k->block);
  stream_pad(&k->stream);
  if (NEWTON) newton_near_receivers(&k->block, &k->stream, &k->space);
  if (LEARNED) mlp_receivers(k, NULL);
  lanes_add(&k->block, k->sum, k->capacity);
}

static void flush_far_receivers(esp_scratch *k, int64_t *cell_acc) {
  lanes_clear(&k->block);
  if (NEWTON) {
    for (int j = 0; j < k->stream.count; j++) {
      ESP_REAL part[ESP_MASS_ADJOINT][ESP_LANE] = {{0}};
      newton_far_receivers(&k->block, &k->stream, j, &k->space, part);
      int64_t *acc = cell_acc + (size_t)k->stream.row[j] * CELL_WORDS;
      for (int c = 0; c < ESP_MASS_ADJOINT; c++) cell_term(acc, c, lanes_total(part[c]));
    }
  }
  if (LAW) mlp_receivers(k, cell_acc);
  lanes_add(&k->block, k->sum, k->capacity);
}

static void stream_flush(esp_scratch *k, flush_routine flush, int64_t *cell_acc) {
  if (k->stream.count) flush(k, cell_acc);
  k->stream.count = 0;
}

/* The block itself, its near leaves, its far cells, in this order. */
static void stream_lists(esp_scratch *k, const esp_pairs *p, int block, flush_routine near, flush_routine far,
                         int64_t *cell_acc) {
  const esp_tree *tree = &p->dom->tree;
  const esp_lists *lists = &p->dom->lists;
  const int own = tree->part_first[esp_tree_block_row(tree, block)];
  for (int i = 0; i < k->block.count; i++) {
    if (!k->stream.count) k->stream.first = i;
    stream_source(k, p, p->source + (size_t)(own + i) * ESP_BODY);
    if (k->stream.count == ESP_CHUNK) stream_flush(k, near, cell_acc);
  }
  stream_flush(k, near, cell_acc);
  k->stream.first = INT_MIN / 2;
  for (int64_t e = lists->near_start[block]; e < lists->near_start[block + 1]; e++) {
    const double *source = p->source + (size_t)tree->part_first[lists->near[e]] * ESP_BODY;
    const int count = tree->part_count[lists->near[e]];
    for (int j = 0; j < count; j++) {
      stream_source(k, p, source + j * ESP_BODY);
      if (k->stream.count == ESP_CHUNK) stream_flush(k, near, cell_acc);
    }
  }
  stream_flush(k, near, cell_acc);
  for (int64_t e = lists->far_start[block]; e < lists->far_start[block + 1]; e++) {
    stream_cell(k, p, lists->far[e]);
    if (k->stream.count == ESP_CHUNK) stream_flush(k, far, cell_acc);
  }
  stream_flush(k, far, cell_acc);
}

static int forward(const esp_pairs *p, int count, const int *block, double *sum, esp_scratch *k) {
  space_load(k, p);
  for (int b = 0; b < count; b++) {
    const int first = block_load(k, p, block[b], NULL);
    if (!k->block.count) continue;
    stream_lists(k, p, block[b], flush_near_forward, flush_far_forward, NULL);
    for (int i = 0; i < k->block.count; i++)
      for (int c = 0; c < 3; c++) sum[(size_t)(first + i) * ESP_BODY_SUM + (size_t)c] = k->sum[c * k->capacity + i];
  }
  return ESP_OK;
}

static int receivers(const esp_pairs *p, int count, const int *block, const double *dsum, double *dy, int64_t *cell_acc,
                     int64_t *param_acc, esp_scratch *k) {
  space_load(k, p);
  for (int b = 0; b < count; b++) {
    const int first = block_load(k, p, block[b], dsum);
    if (!k->block.count) continue;
    memset(k->param, 0, ESP_MLP_SUMS * (size_t)k->hidden * sizeof *k->param);
    stream_lists(k, p, block[b], flush_near_receivers, flush_far_receivers, cell_acc);
    for (int i = 0; i < k->block.count; i++)
      for (int c = 0; c < 3; c++) dy[(size_t)(first + i) * 3 + (size_t)c] += k->sum[c * k->capacity + i];
    if (LEARNED) mlp_param_add(k, param_acc);
  }
  return ESP_OK;
}

/* Lanes of the leaves that the receiver block at hand has near. */
static void pick_lanes(esp_scratch *k, const esp_tree *tree, int block) {
  const int leaves = esp_tree_block_leaves(tree), own = tree->part_first[esp_tree_block_row(tree, block)];
  const esp_lanes *from = &k->block;
  esp_lanes *t = &k->pick;
  t->count = 0;
  for (int leaf = 0; leaf < leaves; leaf++) {
    if (!k->seen[leaf]) continue;
    const int row = esp_tree_leaf_row(tree, block * leaves + leaf);
    const int first = tree->part_first[row] - own, end = first + tree->part_count[row];
    for (int l = first; l < end; l++) {
      const int to = t->count++;
      t->slot[to] = l;
      t->x[to] = from->x[l];
      t->y[to] = from->y[l];
      t->z[to] = from->z[l];
      t->s[to] = from->s[l];
    }
  }
  if (t->count) lanes_pad(t);
}

static void flush_senders(esp_scratch *k, esp_lanes *t) {
  if (k->stream.count && t->count) {
    lanes_clear(t);
    stream_pad(&k->stream);
    if (NEWTON) newton_near_senders(t, &k->stream, &k->space);
    if (LEARNED) mlp_senders(k, t);
    lanes_add(t, k->sum, k->capacity);
  }
  k->stream.count = 0;
}

static void stream_receiver_block(esp_scratch *k, const esp_pairs *p, int entry, const double *receiver) {
  int first, count;
  esp_lists_receivers(&p->dom->tree, &p->dom->lists, entry, &first, &count);
  for (int j = 0; j < count; j++) {
    stream_receiver(k, p, receiver + (size_t)(first + j) * RECEIVER);
    if (k->stream.count == ESP_CHUNK) flush_senders(k, &k->pick);
  }
  flush_senders(k, &k->pick);
}

static int senders(const esp_pairs *p, int count, const int *block, const double *receiver, double *dy,
                   int64_t *param_acc, esp_scratch *k) {
  (void)param_acc; /* every parameter's gradient is taken at the receivers */
  space_load(k, p);
  const esp_tree *tree = &p->dom->tree;
  const esp_lists *lists = &p->dom->lists;
  const int leaves = esp_tree_block_leaves(tree);
  for (int b = 0; b < count; b++) {
    const int first = block_load(k, p, block[b], NULL);
    if (!k->block.count) continue;
    for (int i = 0; i < k->block.count; i++) {
      if (!k->stream.count) k->stream.first = i;
      stream_receiver(k, p, receiver + (size_t)(first + i) * RECEIVER);
      if (k->stream.count == ESP_CHUNK) flush_senders(k, &k->block);
    }
    flush_senders(k, &k->block);
    k->stream.first = INT_MIN / 2;
    memset(k->cursor, 0, (size_t)leaves * sizeof *k->cursor);
    for (int entry; (entry = esp_lists_next_receiver(tree, lists, block[b], k->cursor, k->seen)) >= 0;) {
      pick_lanes(k, tree, block[b]);
      stream_receiver_block(k, p, entry, receiver);
    }
    for (int i = 0; i < k->block.count; i++) {
      const double mu = p->source[(size_t)(first + i) * ESP_BODY + ESP_BODY_MASS];
      if (!(mu > 0)) continue;
      for (int c = 0; c < 3; c++) {
        double *to = dy + (size_t)(first + i) * 3 + c;
        *to = fma(mu, k->sum[c * k->capacity + i], *to);
      }
    }
  }
  return ESP_OK;
}
