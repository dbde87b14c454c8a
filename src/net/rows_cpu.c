#include <math.h>
#include <string.h>

#include "base/base.h"
#include "base/functions.h"
#include "base/set.h"
#include "message/gate.h"
#include "net/aggregate.h"
#include "net/rows.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* ---- places, elementwise ---- */

static void columns(int n, int count, int from_width, int from_first, const double *from, int to_width, int to_first,
                    double *to) {
  const size_t wide = (size_t)from_width, too = (size_t)to_width, bytes = (size_t)count * sizeof *to;
  if (!bytes) return;
  if (count == from_width && count == to_width) {
    if (n) memcpy(to, from, (size_t)n * bytes);
    return;
  }
  for (size_t i = 0; i < (size_t)n; i++)
    memcpy(to + i * too + (size_t)to_first, from + i * wide + (size_t)from_first, bytes);
}

static void copy(size_t count, const double *x, double *y) {
  if (count) memcpy(y, x, count * sizeof *y);
}

static void zero(size_t count, double *y) {
  if (count) memset(y, 0, count * sizeof *y);
}

static void add(size_t count, const double *a, const double *b, double *y) {
  for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

static void subtract(size_t count, const double *a, const double *b, double *y) {
  for (size_t i = 0; i < count; i++) y[i] = a[i] - b[i];
}

static void times(size_t count, const double *a, const double *b, double *y) {
  for (size_t i = 0; i < count; i++) y[i] = a[i] * b[i];
}

static void add_columns(int n, int count, int from_width, int from_first, const double *from, int to_width,
                        int to_first, double *to) {
  for (size_t i = 0; i < (size_t)n; i++) {
    const double *row = from + i * (size_t)from_width + (size_t)from_first;
    double *sum = to + i * (size_t)to_width + (size_t)to_first;
    for (int c = 0; c < count; c++) sum[c] += row[c];
  }
}

/* ---- silu ---- */

/* Row by row: no room for silu(t) of all rows is asked for. */
static void add_silu(int n, int in, int out, const double *W, const double *t, double *y) {
  for (size_t r = 0; r < (size_t)n; r++)
    for (int j = 0; j < in; j++) {
      const double each = esp_silu64(t[r * (size_t)in + (size_t)j]);
      for (int a = 0; a < out; a++) y[r * (size_t)out + (size_t)a] += each * W[a * in + j];
    }
}

/* ---- what was heard ---- */

static void hear(const esp_heard *h, int n, int state, const double *gain, const double *sum, const double *s,
                 double *joint) {
  const esp_aggregate *aggregate = esp_aggregates[h->aggregate];
  const double a = *gain;
  const size_t C = (size_t)h->own, H = (size_t)state;
  double A[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)n; i++) {
    double *row = joint + i * (C + H);
    aggregate->hear(h->channels, sum + i * (size_t)h->width, A);
    for (size_t c = 0; c < C; c++) row[c] = a * A[c];
    memcpy(row + C, s + i * H, H * sizeof *row);
  }
}

static void hear_back(const esp_heard *h, int n, int state, const double *gain, const double *sum, const double *djoint,
                      double *dsum, double *ds, int64_t *gain_acc) {
  const esp_aggregate *aggregate = esp_aggregates[h->aggregate];
  const double a = *gain;
  const size_t C = (size_t)h->own, H = ds ? (size_t)state : 0, width = (size_t)h->width;
  double group = 0, A[ESP_GATE_MAX_CHANNELS], dA[ESP_GATE_MAX_CHANNELS] = {0};
  for (size_t i = 0; i < (size_t)n; i++) {
    const double *heard = sum + i * width, *row = djoint + i * (C + H);
    double *to = dsum + i * width;
    aggregate->hear(h->channels, heard, A);
    for (size_t c = 0; c < C; c++) {
      group += row[c] * A[c];
      dA[c] = a * row[c];
    }
    const double dden = aggregate->hear_back(h->channels, heard, A, dA, to);
    if (h->width > h->channels) to[h->channels] = dden;
    for (size_t c = 0; c < H; c++) ds[i * H + c] += row[C + c];
    if ((i + 1) % ESP_GROUP && i + 1 < (size_t)n) continue;
    esp_exact_add(&ESP_EXACT_FULL, gain_acc, group);
    group = 0;
  }
}

/* ---- differences from silence ---- */

static void centre(int n, int channels, const double *offset, double *sum) {
  const size_t C = (size_t)channels;
  for (size_t i = 0; i < (size_t)n; i++) {
    double *row = sum + i * (C + 1);
    for (size_t c = 0; c < C; c++) row[c] -= row[C] * esp_silu64(offset[i * C + c]);
  }
}

static void centre_back_sum(int n, int channels, const double *offset, double *dsum) {
  const size_t C = (size_t)channels;
  for (size_t i = 0; i < (size_t)n; i++) {
    double *row = dsum + i * (C + 1), part = 0;
    for (size_t c = 0; c < C; c++) part += row[c] * esp_silu64(offset[i * C + c]);
    row[C] -= part;
  }
}

static void centre_back_offset(int n, int channels, const double *offset, const double *sum, const double *dsum,
                               double *doffset) {
  const size_t C = (size_t)channels;
  for (size_t i = 0; i < (size_t)n; i++) {
    const double den = sum[i * (C + 1) + C];
    for (size_t c = 0; c < C; c++)
      doffset[i * C + c] -= den * (dsum[i * (C + 1) + c] * esp_silu_slope64(offset[i * C + c]));
  }
}

/* ---- what is carried along ---- */

static void carry(const esp_carriage *k, int n, const double *sum, const double *before, double *after) {
  const size_t F = (size_t)k->carried;
  for (size_t i = 0; i < (size_t)n; i++) {
    const double *num = sum + i * (size_t)k->width + (size_t)k->own, weight = num[F] + k->stay;
    for (size_t f = 0; f < F; f++) after[i * F + f] = (num[f] + k->stay * before[i * F + f]) / weight;
  }
}

static void carry_out(int n, int carried, const double *gain, const double *after, const double *start, double *y) {
  const size_t F = (size_t)carried;
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t f = 0; f < F; f++) y[i * F + f] += gain[f] * (after[i * F + f] - start[i * F + f]);
}

static void carry_out_back(int count, int carried, const double *gain, const double *after, const double *start,
                           const double *dy, double *dr, int64_t *gain_acc) {
  const size_t F = (size_t)carried, n = (size_t)count;
  for (size_t f = 0; f < F; f++) {
    double group = 0;
    for (size_t i = 0; i < n; i++) {
      dr[i * F + f] = gain[f] * dy[i * F + f];
      group += dy[i * F + f] * (after[i * F + f] - start[i * F + f]);
      if ((i + 1) % ESP_GROUP && i + 1 < n) continue;
      esp_exact_add(&ESP_EXACT_FULL, gain_acc + f * WORDS, group);
      group = 0;
    }
  }
}

static void carry_back(const esp_carriage *k, int n, const double *sum, const double *after, double *dr, double *dsum) {
  const size_t F = (size_t)k->carried;
  for (size_t i = 0; i < (size_t)n; i++) {
    const size_t at = i * (size_t)k->width + (size_t)k->own;
    const double weight = sum[at + F] + k->stay;
    double *to = dsum + at;
    for (size_t f = 0; f < F; f++) {
      const double part = dr[i * F + f] / weight;
      to[f] += part;
      to[F] -= part * after[i * F + f];
      dr[i * F + f] = k->stay * part;
    }
  }
}

/* ---- losses ---- */

static double weight_of(const esp_scored *s, size_t i) {
  return s->weight ? s->weight[i] : 1;
}

static void loss_mean(const esp_scored *s, int64_t *acc) {
  const size_t T = (size_t)s->width;
  for (size_t i = 0; i < (size_t)s->n; i++) {
    const double weight = weight_of(s, i);
    for (size_t c = 0; c < T; c++) esp_exact_add(&ESP_EXACT_FULL, acc + c * WORDS, weight * s->targets[i * T + c]);
    esp_exact_add(&ESP_EXACT_FULL, acc + T * WORDS, weight);
  }
}

static void loss_squares(const esp_scored *s, const double *y, const double *mean, int64_t *acc) {
  const size_t T = (size_t)s->width;
  for (size_t i = 0; i < (size_t)s->n; i++) {
    const double *row = y + i * (size_t)s->row + (size_t)s->at;
    double error = 0, spread = 0;
    for (size_t c = 0; c < T; c++) {
      const double t = s->targets[i * T + c], e = row[c] - t, d = mean ? t - mean[c] : t;
      error += e * e;
      spread += d * d;
    }
    esp_exact_add(&ESP_EXACT_FULL, acc, weight_of(s, i) * error);
    esp_exact_add(&ESP_EXACT_FULL, acc + WORDS, weight_of(s, i) * spread);
  }
}

static void loss_slope(const esp_scored *s, const double *y, double a, double over, double *dy) {
  const size_t T = (size_t)s->width;
  for (size_t i = 0; i < (size_t)s->n; i++) {
    const size_t at = i * (size_t)s->row + (size_t)s->at;
    const double scale = a * weight_of(s, i) / over;
    for (size_t c = 0; c < T; c++) dy[at + c] = scale * (y[at + c] - s->targets[i * T + c]);
  }
}

/* ---- sums ---- */

static void find_bad(size_t count, const double *y, int64_t *bad) {
  *bad = -1;
  for (size_t i = 0; i < count && *bad < 0; i++)
    if (!isfinite(y[i])) *bad = (int64_t)i;
}

static void exact_value(const esp_exact_format *format, const int64_t *acc, size_t count, double *y) {
  for (size_t k = 0; k < count; k++) y[k] = esp_exact_value(format, acc + k * (size_t)format->words);
}

const esp_rows esp_rows_cpu = {
    .tile = 4 * ESP_GROUP,
    .state = &esp_rows_state_cpu,
    .graph = &esp_rows_graph_cpu,
    .columns = columns,
    .copy = copy,
    .zero = zero,
    .add = add,
    .subtract = subtract,
    .times = times,
    .add_columns = add_columns,
    .add_silu = add_silu,
    .hear = hear,
    .hear_back = hear_back,
    .centre = centre,
    .centre_back_sum = centre_back_sum,
    .centre_back_offset = centre_back_offset,
    .carry = carry,
    .carry_out = carry_out,
    .carry_out_back = carry_out_back,
    .carry_back = carry_back,
    .loss_mean = loss_mean,
    .loss_squares = loss_squares,
    .loss_slope = loss_slope,
    .finite = find_bad,
    .exact_carry = esp_exact_carry,
    .exact_value = exact_value,
};
