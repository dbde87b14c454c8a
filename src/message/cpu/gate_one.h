/* The gate message of one channel, with den or without, in 2, 3, 4 or 8 dimensions: the steps of gate_pairs.h in
 * one loop over lanes, so that nothing of a pair is stored. */

enum { ONE_FORWARD, ONE_RECEIVERS, ONE_SENDERS };

/* Entries by value: the compiler must not fear that sums written to lanes change them. */
typedef struct {
  ESP_REAL key[ESP_GATE_AT_ONCE][8], value[ESP_GATE_AT_ONCE][2];
} one_entries;

ESP_INLINE void one_lane(const int d, const int W, const int pass, const one_entries *y, const ESP_REAL *restrict x,
                         const ESP_REAL *restrict value, ESP_REAL *restrict acc, size_t row) {
  ESP_REAL r2[ESP_GATE_AT_ONCE], g[ESP_GATE_AT_ONCE], p[ESP_GATE_AT_ONCE];
  edge_lane(d, x, row, y->key, r2, g, 1);
  if (pass != ONE_RECEIVERS) {
    /* num and den, or dv */
    const int first = pass == ONE_FORWARD ? 0 : d, count = pass == ONE_FORWARD ? W : 1;
    ESP_UNROLL
    for (int c = 0; c < count; c++)
      acc[(size_t)(first + c) * row] = esp_gate_spread(y->value[0][c], g[0], y->value[1][c], g[1], y->value[2][c], g[2],
                                                       y->value[3][c], g[3], acc[(size_t)(first + c) * row]);
  }
  if (pass == ONE_FORWARD) return;
  const ESP_REAL v0 = value[0], v1 = W > 1 ? value[row] : 0;
  ESP_UNROLL
  for (int e = 0; e < ESP_GATE_AT_ONCE; e++)
    p[e] = g[e] * (W > 1 ? ESP_FMA(y->value[e][1], v1, y->value[e][0] * v0) : y->value[e][0] * v0);
  move_lane(d, x, row, y->key, p, 1, acc);
  if (pass == ONE_RECEIVERS)
    acc[(size_t)d * row] = esp_gate_spread(p[0], r2[0], p[1], r2[1], p[2], r2[2], p[3], r2[3], acc[(size_t)d * row]);
}

ESP_INLINE void one_fixed(const int d, const int W, const int pass, esp_scratch *k, gate_lanes *t) {
  const ESP_REAL *restrict x = t->key, *restrict value = t->value;
  ESP_REAL *restrict acc = t->acc;
  const size_t row = t->capacity;
  const int padded = t->padded;
  for (int j = 0; j < k->stream.count; j += ESP_GATE_AT_ONCE) {
    one_entries y;
    for (int e = 0; e < ESP_GATE_AT_ONCE; e++) {
      for (int a = 0; a < d; a++) y.key[e][a] = k->stream.key[(j + e) * d + a];
      for (int c = 0; c < W; c++) y.value[e][c] = k->stream.value[(j + e) * W + c];
    }
#pragma omp simd
    for (int l = 0; l < padded; l++) one_lane(d, W, pass, &y, x + l, value + l, acc + l, row);
  }
}

/* The whole chunk; 0 where the form is another. */
ESP_INLINE int one_chunk(const int pass, esp_scratch *k, gate_lanes *t) {
  if (MLP || k->form.channels != 1) return 0;
  switch (2 * k->form.dim + k->width) {
    case 2 * 2 + 1:
      one_fixed(2, 1, pass, k, t);
      return 1;
    case 2 * 2 + 2:
      one_fixed(2, 2, pass, k, t);
      return 1;
    case 2 * 3 + 1:
      one_fixed(3, 1, pass, k, t);
      return 1;
    case 2 * 3 + 2:
      one_fixed(3, 2, pass, k, t);
      return 1;
    case 2 * 4 + 1:
      one_fixed(4, 1, pass, k, t);
      return 1;
    case 2 * 4 + 2:
      one_fixed(4, 2, pass, k, t);
      return 1;
    case 2 * 8 + 1:
      one_fixed(8, 1, pass, k, t);
      return 1;
    case 2 * 8 + 2:
      one_fixed(8, 2, pass, k, t);
      return 1;
    default:
      return 0;
  }
}
