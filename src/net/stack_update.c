#include "net/stack_update.h"

#include <string.h>

#include "base/exact_sum.h"
#include "message/gate.h"
#include "net/dense.h"

/* Rows at a time: what they need for a moment stays in the cache. Whole groups, for the gradients. */
enum { TILE = 4 * ESP_GROUP };

int esp_stack_scratch_create(const esp_stack *relation, int n, int backward, esp_stack_scratch *scratch) {
  int rc = ESP_OK, wide = 0;
  *scratch = (esp_stack_scratch){0};
  for (int l = 0; l < relation->param.layers; l++)
    wide = esp_imax(wide, relation->slot[l].channels + relation->slot[l].in);
  const size_t rows = (size_t)esp_imin(n, TILE);
  const size_t joint = rows * (size_t)wide, hidden = rows * (size_t)relation->param.hidden;
  ESP_TRY(ESP_ALLOC(scratch->joint, joint));
  ESP_TRY(ESP_ALLOC(scratch->t, hidden));
  ESP_TRY(ESP_ALLOC(scratch->hidden, hidden));
  if (backward) ESP_TRY(ESP_ALLOC(scratch->djoint, joint));
  if (backward) ESP_TRY(ESP_ALLOC(scratch->dhidden, hidden));
done:
  if (rc) esp_stack_scratch_free(scratch);
  return rc;
}

void esp_stack_scratch_free(esp_stack_scratch *scratch) {
  ESP_FREE(scratch->joint);
  ESP_FREE(scratch->t);
  ESP_FREE(scratch->hidden);
  ESP_FREE(scratch->djoint);
  ESP_FREE(scratch->dhidden);
}

static size_t sum_width(const esp_stack *relation, int l) {
  const esp_form form = esp_stack_form(relation, l);
  return (size_t)esp_form_widths(&form).sum;
}

/* joint [n][C + H] = [a A; s]. */
static void join(const esp_stack *relation, int l, int n, const double *s, const double *sum, double *joint) {
  const esp_stack_slot *at = &relation->slot[l];
  const esp_aggregate *aggregate = esp_aggregates[relation->param.aggregate];
  const double a = relation->block.value[at->a];
  const size_t C = (size_t)at->channels, H = (size_t)at->in, width = sum_width(relation, l);
  for (size_t i = 0; i < (size_t)n; i++) {
    double *row = joint + i * (C + H);
    aggregate->hear(at->channels, sum + i * width, row);
    for (size_t c = 0; c < C; c++) row[c] = a * row[c];
    memcpy(row + C, s + i * H, H * sizeof *row);
  }
}

/* One tile: joint, t. */
static void forward(const esp_dense *dense, const esp_stack *relation, int l, int n, const double *s, const double *sum,
                    esp_stack_scratch *scratch) {
  const esp_stack_slot *at = &relation->slot[l];
  const double *value = relation->block.value;
  const int h = relation->param.hidden;
  join(relation, l, n, s, sum, scratch->joint);
  dense->forward(n, at->channels + at->in, h, value + at->R1, value + at->b1, 0, scratch->joint, scratch->t);
}

void esp_stack_update_forward(const esp_dense *dense, const esp_stack *relation, int l, int n, const double *s,
                              const double *sum, esp_stack_scratch *scratch, double *o) {
  const esp_stack_slot *at = &relation->slot[l];
  const double *value = relation->block.value;
  const size_t in = (size_t)at->in, out = (size_t)at->out, width = sum_width(relation, l);
  for (int begin = 0; begin < n; begin += TILE) {
    const size_t b = (size_t)begin;
    const int rows = esp_imin(n - begin, TILE);
    forward(dense, relation, l, rows, s + b * in, sum + b * width, scratch);
    dense->silu(rows * relation->param.hidden, scratch->t, scratch->hidden);
    dense->forward(rows, relation->param.hidden, at->out, value + at->R2, value + at->c, 0, scratch->hidden,
                   o + b * out);
  }
}

/* From djoint [n][C + H]: dsum, ds, and the gain's gradient. */
static void part(const esp_stack *relation, int l, int n, const double *sum, const double *djoint, double *dsum,
                 double *ds, int64_t *acc) {
  const esp_stack_slot *at = &relation->slot[l];
  const esp_aggregate *aggregate = esp_aggregates[relation->param.aggregate];
  const double a = relation->block.value[at->a];
  const size_t C = (size_t)at->channels, H = (size_t)at->in, width = sum_width(relation, l);
  double gain = 0, A[ESP_GATE_MAX_CHANNELS], dA[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)n; i++) {
    const double *heard = sum + i * width, *row = djoint + i * (C + H);
    double *to = dsum + i * width;
    aggregate->hear(at->channels, heard, A);
    for (size_t c = 0; c < C; c++) {
      gain += row[c] * A[c];
      dA[c] = a * row[c];
    }
    const double dden = aggregate->hear_back(at->channels, heard, A, dA, to);
    if (width > C) to[C] = dden;
    for (size_t k = 0; k < H && ds; k++) ds[i * H + k] += row[C + k];
    if ((i + 1) % ESP_GROUP && i + 1 < (size_t)n) continue;
    esp_exact_add(&ESP_EXACT_FULL, acc + (size_t)at->a * ESP_EXACT_FULL_WORDS, gain);
    gain = 0;
  }
}

/* One tile. */
static void backward(const esp_dense *dense, const esp_stack *relation, int l, int n, const double *s,
                     const double *sum, const double *d_o, esp_stack_scratch *scratch, double *dsum, double *ds,
                     int64_t *acc) {
  const esp_stack_slot *at = &relation->slot[l];
  const double *value = relation->block.value;
  const int h = relation->param.hidden, wide = at->channels + at->in;
  const size_t words = ESP_EXACT_FULL_WORDS;
  int64_t *R1 = acc + (size_t)at->R1 * words, *b1 = acc + (size_t)at->b1 * words;
  int64_t *R2 = acc + (size_t)at->R2 * words, *c = acc + (size_t)at->c * words;
  forward(dense, relation, l, n, s, sum, scratch);
  dense->silu_both(n * h, scratch->t, scratch->hidden, scratch->t);
  dense->gradient(n, h, at->out, scratch->hidden, d_o, R2, c);
  dense->backward(n, h, at->out, value + at->R2, 0, d_o, scratch->dhidden);
  for (int k = 0; k < n * h; k++) scratch->dhidden[k] *= scratch->t[k];
  dense->gradient(n, wide, h, scratch->joint, scratch->dhidden, R1, b1);
  dense->backward(n, wide, h, value + at->R1, 0, scratch->dhidden, scratch->djoint);
  part(relation, l, n, sum, scratch->djoint, dsum, ds, acc);
}

void esp_stack_update_backward(const esp_dense *dense, const esp_stack *relation, int l, int n, const double *s,
                               const double *sum, const double *d_o, esp_stack_scratch *scratch, double *dsum,
                               double *ds, int64_t *acc) {
  const esp_stack_slot *at = &relation->slot[l];
  const size_t in = (size_t)at->in, out = (size_t)at->out, width = sum_width(relation, l);
  for (int begin = 0; begin < n; begin += TILE) {
    const size_t b = (size_t)begin;
    backward(dense, relation, l, esp_imin(n - begin, TILE), s + b * in, sum + b * width, d_o + b * out, scratch,
             dsum + b * width, ds ? ds + b * in : NULL, acc);
  }
}
