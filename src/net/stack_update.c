#include <string.h>

#include "base/exact_sum.h"
#include "message/gate.h"
#include "net/stack_work.h"

/* Rows at a time: what they need for a moment stays in the cache. Whole groups, for the gradients. */
enum { TILE = 4 * ESP_GROUP, WORDS = ESP_EXACT_FULL_WORDS };

int esp_stack_scratch_create(const esp_stack_walk *k, int backward, esp_stack_scratch *scratch) {
  int wide = 0;
  for (int l = 0; l < k->param->layers; l++) wide = esp_imax(wide, k->plan->slot[l].own + k->plan->slot[l].in);
  const size_t rows = (size_t)esp_imin(k->n, TILE);
  const size_t joint = rows * (size_t)wide, hidden = rows * (size_t)k->param->hidden;
  ESP_CALL(ESP_ALLOC(scratch->joint, joint));
  ESP_CALL(ESP_ALLOC(scratch->t, hidden));
  ESP_CALL(ESP_ALLOC(scratch->hidden, hidden));
  if (backward) ESP_CALL(ESP_ALLOC(scratch->djoint, joint));
  if (backward) ESP_CALL(ESP_ALLOC(scratch->dhidden, hidden));
  if (backward) ESP_CALL(ESP_ALLOC(scratch->heard, (size_t)wide * (size_t)k->param->hidden));
  return ESP_OK;
}

void esp_stack_scratch_free(esp_stack_scratch *scratch) {
  ESP_FREE(scratch->joint);
  ESP_FREE(scratch->t);
  ESP_FREE(scratch->hidden);
  ESP_FREE(scratch->djoint);
  ESP_FREE(scratch->dhidden);
  ESP_FREE(scratch->heard);
}

/* One tile of rows: joint [n][own + H] = [a A; s], t. */
static void join(const esp_stack_walk *k, const esp_stack_slot *at, int n, const double *s, const double *sum,
                 const esp_stack_scratch *scratch) {
  const esp_aggregate *aggregate = esp_aggregates[k->param->aggregate];
  const double a = k->value[at->a];
  const size_t C = (size_t)at->own, H = (size_t)at->in, width = (size_t)at->wide.sum;
  double A[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)n; i++) {
    double *row = scratch->joint + i * (C + H);
    aggregate->hear(at->form.channels, sum + i * width, A);
    for (size_t c = 0; c < C; c++) row[c] = a * A[c];
    memcpy(row + C, s + i * H, H * sizeof *row);
  }
  k->dense->forward(n, (int)(C + H), k->param->hidden, k->value + at->R1, k->value + at->b1, 0, scratch->joint,
                    scratch->t);
}

/* joint [n][own + H] -> its a A alone [n][own], in the same place. */
static void keep_heard(const esp_stack_slot *at, int n, double *joint) {
  const size_t C = (size_t)at->own, wide = C + (size_t)at->in;
  for (size_t i = 1; i < (size_t)n; i++) memmove(joint + i * C, joint + i * wide, C * sizeof *joint);
}

void esp_stack_update(const esp_stack_walk *k, int l, double *o) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_stack_scratch *scratch = &k->pass->scratch;
  const double *s = esp_stack_state(k, l), *sum = k->pass->at[l].sum;
  const int h = k->param->hidden;
  for (int begin = 0; begin < k->n; begin += TILE) {
    const size_t b = (size_t)begin;
    const int rows = esp_imin(k->n - begin, TILE);
    join(k, at, rows, s + b * (size_t)at->in, sum + b * (size_t)at->wide.sum, scratch);
    k->dense->silu((size_t)rows * (size_t)h, scratch->t, scratch->hidden);
    k->dense->forward(rows, h, at->out, k->value + at->R2, k->value + at->c, 0, scratch->hidden,
                      o + b * (size_t)at->out);
    if (at->R3 < 0) continue;
    keep_heard(at, rows, scratch->joint);
    k->dense->forward(rows, at->own, at->out, k->value + at->R3, NULL, 1, scratch->joint, o + b * (size_t)at->out);
  }
}

/* djoint [n][wide], of what is heard alone where nobody asks for the state's: wide = own. */
static void joint_back(const esp_stack_walk *k, const esp_stack_slot *at, int n, int wide,
                       const esp_stack_scratch *scratch) {
  const int h = k->param->hidden, all = at->own + at->in;
  const double *R1 = k->value + at->R1;
  for (int u = 0; u < h && wide < all; u++)
    memcpy(scratch->heard + (size_t)u * (size_t)wide, R1 + (size_t)u * (size_t)all, (size_t)wide * sizeof *R1);
  k->dense->backward(n, wide, h, wide < all ? scratch->heard : R1, 0, scratch->dhidden, scratch->djoint);
}

/* The linear path's part of djoint [n][wide], and its gradient; joint is used up. */
static void linear_back(const esp_stack_walk *k, const esp_stack_slot *at, int n, int wide_d, const double *dout,
                        const esp_stack_scratch *scratch, int64_t *acc) {
  const size_t C = (size_t)at->own, wide = (size_t)wide_d;
  keep_heard(at, n, scratch->joint);
  k->dense->gradient(n, at->own, at->out, scratch->joint, dout, acc + (size_t)at->R3 * WORDS, NULL);
  k->dense->backward(n, at->own, at->out, k->value + at->R3, 0, dout, scratch->joint);
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t c = 0; c < C; c++) scratch->djoint[i * wide + c] += scratch->joint[i * C + c];
}

/* From djoint [n][wide]: dsum, ds, and the gain's gradient. */
static void part(const esp_stack_walk *k, const esp_stack_slot *at, int n, int wide, const double *sum,
                 const double *djoint, double *dsum, double *ds, int64_t *acc) {
  const esp_aggregate *aggregate = esp_aggregates[k->param->aggregate];
  const double a = k->value[at->a];
  const size_t C = (size_t)at->own, H = (size_t)at->in, width = (size_t)at->wide.sum, all = (size_t)at->form.channels;
  double gain = 0, A[ESP_GATE_MAX_CHANNELS], dA[ESP_GATE_MAX_CHANNELS] = {0};
  for (size_t i = 0; i < (size_t)n; i++) {
    const double *heard = sum + i * width, *row = djoint + i * (size_t)wide;
    double *to = dsum + i * width;
    aggregate->hear(at->form.channels, heard, A);
    for (size_t c = 0; c < C; c++) {
      gain += row[c] * A[c];
      dA[c] = a * row[c];
    }
    const double dden = aggregate->hear_back(at->form.channels, heard, A, dA, to);
    if (width > all) to[all] = dden;
    for (size_t c = 0; c < H && ds; c++) ds[i * H + c] += row[C + c];
    if ((i + 1) % ESP_GROUP && i + 1 < (size_t)n) continue;
    esp_exact_add(&ESP_EXACT_FULL, acc + (size_t)at->a * WORDS, gain);
    gain = 0;
  }
}

void esp_stack_update_back(const esp_stack_walk *k, int l, const double *d_o, esp_stack_scratch *scratch, double *dsum,
                           double *ds, int64_t *acc) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_dense *dense = k->dense;
  const double *value = k->value, *s = esp_stack_state(k, l), *sums = k->pass->at[l].sum;
  const int h = k->param->hidden, wide = at->own + at->in, wide_d = ds ? wide : at->own;
  int64_t *R1 = acc + (size_t)at->R1 * WORDS, *b1 = acc + (size_t)at->b1 * WORDS;
  int64_t *R2 = acc + (size_t)at->R2 * WORDS, *c = acc + (size_t)at->c * WORDS;
  for (int begin = 0; begin < k->n; begin += TILE) {
    const size_t b = (size_t)begin, state = b * (size_t)at->in, sum = b * (size_t)at->wide.sum;
    const double *dout = d_o + b * (size_t)at->out;
    const int n = esp_imin(k->n - begin, TILE);
    join(k, at, n, s + state, sums + sum, scratch);
    dense->silu_both((size_t)n * (size_t)h, scratch->t, scratch->hidden, scratch->t);
    dense->gradient(n, h, at->out, scratch->hidden, dout, R2, c);
    dense->backward(n, h, at->out, value + at->R2, 0, dout, scratch->dhidden);
    for (int u = 0; u < n * h; u++) scratch->dhidden[u] *= scratch->t[u];
    dense->gradient(n, wide, h, scratch->joint, scratch->dhidden, R1, b1);
    joint_back(k, at, n, wide_d, scratch);
    if (at->R3 >= 0) linear_back(k, at, n, wide_d, dout, scratch, acc);
    part(k, at, n, wide_d, sums + sum, scratch->djoint, dsum + sum, ds ? ds + state : NULL, acc);
  }
}

/* ---- differences from silence ---- */

void esp_stack_centre(const esp_stack_walk *k, int l) {
  const size_t C = (size_t)k->plan->slot[l].form.channels;
  double silence[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)k->n; i++) {
    double *row = k->pass->at[l].sum + i * (C + 1);
    k->dense->silu(C, k->pass->at[l].offset + i * C, silence);
    for (size_t c = 0; c < C; c++) row[c] -= row[C] * silence[c];
  }
}

void esp_stack_centre_back_sum(const esp_stack_walk *k, int l, double *dsum) {
  const size_t C = (size_t)k->plan->slot[l].form.channels;
  double silence[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)k->n; i++) {
    double *row = dsum + i * (C + 1), part = 0;
    k->dense->silu(C, k->pass->at[l].offset + i * C, silence);
    for (size_t c = 0; c < C; c++) part += row[c] * silence[c];
    row[C] -= part;
  }
}

void esp_stack_centre_back_offset(const esp_stack_walk *k, int l, const double *dsum, double *du) {
  const size_t C = (size_t)k->plan->slot[l].form.channels;
  double part[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)k->n; i++) {
    const double den = k->pass->at[l].sum[i * (C + 1) + C];
    k->dense->silu_back(C, k->pass->at[l].offset + i * C, dsum + i * (C + 1), part);
    for (size_t c = 0; c < C; c++) du[i * C + c] -= den * part[c];
  }
}
