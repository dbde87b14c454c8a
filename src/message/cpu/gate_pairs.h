/* The gate message (message/pairs/gate.h) between lanes and stream entries, ESP_GATE_AT_ONCE entries a pass. */

/* The message's own loops of fixed dimension are written out for 2, 3, 4 and 8; any other takes the loops over a. */
#define ESP_UNROLL _Pragma("GCC unroll 8")

/* Bodies of vector loops are functions: an array declared in such a loop would stay in memory. */
ESP_INLINE void edge_lane(const int d, const ESP_REAL *restrict x, size_t row, const ESP_REAL (*y)[8],
                          ESP_REAL *restrict r2, ESP_REAL *restrict gate, size_t to_row) {
  ESP_REAL sum[ESP_GATE_AT_ONCE] = {0};
  ESP_UNROLL
  for (int a = 0; a < d; a++) {
    const ESP_REAL at = x[(size_t)a * row];
    ESP_UNROLL
    for (int e = 0; e < ESP_GATE_AT_ONCE; e++) sum[e] = esp_gate_square(y[e][a], at, sum[e]);
  }
  ESP_UNROLL
  for (int e = 0; e < ESP_GATE_AT_ONCE; e++) esp_gate_close(sum[e], r2 + (size_t)e * to_row, gate + (size_t)e * to_row);
}

ESP_INLINE void edges_fixed(const int d, esp_scratch *k, const gate_lanes *t, int j) {
  const ESP_REAL *restrict x = t->key;
  ESP_REAL *restrict r2 = k->r2, *restrict gate = k->gate;
  const size_t row = t->capacity;
  const int padded = t->padded;
  ESP_REAL y[ESP_GATE_AT_ONCE][8];
  for (int e = 0; e < ESP_GATE_AT_ONCE; e++)
    for (int a = 0; a < d; a++) y[e][a] = k->stream.key[(j + e) * d + a];
#pragma omp simd
  for (int l = 0; l < padded; l++) edge_lane(d, x + l, row, y, r2 + l, gate + l, row);
}

static void edges_any(esp_scratch *k, const gate_lanes *t, int j) {
  const int d = k->form.dim, padded = t->padded;
  const size_t row = t->capacity;
  for (int e = 0; e < ESP_GATE_AT_ONCE; e++) {
    ESP_REAL *restrict r2 = k->r2 + (size_t)e * row, *restrict gate = k->gate + (size_t)e * row;
    memset(r2, 0, (size_t)padded * sizeof *r2);
    for (int a = 0; a < d; a++) {
      const ESP_REAL y = k->stream.key[(j + e) * d + a];
      const ESP_REAL *restrict x = t->key + (size_t)a * row;
#pragma omp simd
      for (int l = 0; l < padded; l++) r2[l] = esp_gate_square(y, x[l], r2[l]);
    }
#pragma omp simd
    for (int l = 0; l < padded; l++) esp_gate_close(r2[l], r2 + l, gate + l);
  }
}

static void edges(esp_scratch *k, const gate_lanes *t, int j) {
  switch (k->form.dim) {
    case 2:
      edges_fixed(2, k, t, j);
      break;
    case 3:
      edges_fixed(3, k, t, j);
      break;
    case 4:
      edges_fixed(4, k, t, j);
      break;
    case 8:
      edges_fixed(8, k, t, j);
      break;
    default:
      edges_any(k, t, j);
  }
}

/* acc rows [count] from `first`. */
static void spread(esp_scratch *k, gate_lanes *t, int j, int first, int count) {
  const size_t row = t->capacity;
  const ESP_REAL *restrict g0 = k->gate, *restrict g1 = g0 + row, *restrict g2 = g1 + row, *restrict g3 = g2 + row;
  for (int c = 0; c < count; c++) {
    const ESP_REAL *v = k->stream.value + (size_t)j * (size_t)k->width + c;
    const ESP_REAL v0 = v[0], v1 = v[k->width], v2 = v[2 * k->width], v3 = v[3 * k->width];
    ESP_REAL *restrict acc = t->acc + (size_t)(first + c) * row;
#pragma omp simd
    for (int l = 0; l < t->padded; l++) acc[l] = esp_gate_spread(v0, g0[l], v1, g1[l], v2, g2[l], v3, g3[l], acc[l]);
  }
}

static void score(esp_scratch *k, const gate_lanes *t, int j) {
  const size_t row = t->capacity;
  const int padded = t->padded;
  ESP_REAL *restrict p0 = k->pull, *restrict p1 = p0 + row, *restrict p2 = p1 + row, *restrict p3 = p2 + row;
  for (int c = 0; c < k->width; c++) {
    const ESP_REAL *v = k->stream.value + (size_t)j * (size_t)k->width + c;
    const ESP_REAL v0 = v[0], v1 = v[k->width], v2 = v[2 * k->width], v3 = v[3 * k->width];
    const ESP_REAL *restrict lane = t->value + (size_t)c * row;
    if (!c) {
#pragma omp simd
      for (int l = 0; l < padded; l++)
        p0[l] = v0 * lane[l], p1[l] = v1 * lane[l], p2[l] = v2 * lane[l], p3[l] = v3 * lane[l];
    } else {
#pragma omp simd
      for (int l = 0; l < padded; l++)
        p0[l] = ESP_FMA(v0, lane[l], p0[l]), p1[l] = ESP_FMA(v1, lane[l], p1[l]), p2[l] = ESP_FMA(v2, lane[l], p2[l]),
        p3[l] = ESP_FMA(v3, lane[l], p3[l]);
    }
  }
  for (int e = 0; e < ESP_GATE_AT_ONCE; e++) {
    ESP_REAL *restrict p = k->pull + (size_t)e * row;
    const ESP_REAL *restrict gate = k->gate + (size_t)e * row;
#pragma omp simd
    for (int l = 0; l < padded; l++) p[l] *= gate[l];
  }
}

ESP_INLINE void move_lane(const int d, const ESP_REAL *restrict x, size_t row, const ESP_REAL (*y)[8],
                          const ESP_REAL *restrict pull, size_t pull_row, ESP_REAL *restrict acc) {
  ESP_UNROLL
  for (int a = 0; a < d; a++) {
    const ESP_REAL at = x[(size_t)a * row];
    ESP_REAL sum = acc[(size_t)a * row];
    ESP_UNROLL
    for (int e = 0; e < ESP_GATE_AT_ONCE; e++) sum = esp_gate_move(pull[(size_t)e * pull_row], y[e][a], at, sum);
    acc[(size_t)a * row] = sum;
  }
}

ESP_INLINE void moves_fixed(const int d, esp_scratch *k, gate_lanes *t, int j) {
  const ESP_REAL *restrict x = t->key, *restrict pull = k->pull;
  ESP_REAL *restrict acc = t->acc;
  const size_t row = t->capacity;
  const int padded = t->padded;
  ESP_REAL y[ESP_GATE_AT_ONCE][8];
  for (int e = 0; e < ESP_GATE_AT_ONCE; e++)
    for (int a = 0; a < d; a++) y[e][a] = k->stream.key[(j + e) * d + a];
#pragma omp simd
  for (int l = 0; l < padded; l++) move_lane(d, x + l, row, y, pull + l, row, acc + l);
}

static void moves_any(esp_scratch *k, gate_lanes *t, int j) {
  const int d = k->form.dim, padded = t->padded;
  const size_t row = t->capacity;
  const ESP_REAL *restrict p0 = k->pull, *restrict p1 = p0 + row, *restrict p2 = p1 + row, *restrict p3 = p2 + row;
  for (int a = 0; a < d; a++) {
    const ESP_REAL *y = k->stream.key + j * d + a;
    const ESP_REAL y0 = y[0], y1 = y[d], y2 = y[2 * d], y3 = y[3 * d];
    const ESP_REAL *restrict x = t->key + (size_t)a * row;
    ESP_REAL *restrict acc = t->acc + (size_t)a * row;
#pragma omp simd
    for (int l = 0; l < padded; l++)
      acc[l] = esp_gate_move(
          p3[l], y3, x[l],
          esp_gate_move(p2[l], y2, x[l], esp_gate_move(p1[l], y1, x[l], esp_gate_move(p0[l], y0, x[l], acc[l]))));
  }
}

/* Into the first d rows of acc. */
static void moves(esp_scratch *k, gate_lanes *t, int j) {
  switch (k->form.dim) {
    case 2:
      moves_fixed(2, k, t, j);
      break;
    case 3:
      moves_fixed(3, k, t, j);
      break;
    case 4:
      moves_fixed(4, k, t, j);
      break;
    case 8:
      moves_fixed(8, k, t, j);
      break;
    default:
      moves_any(k, t, j);
  }
}

/* sum of P r2 into acc row `to`. */
static void rate(esp_scratch *k, gate_lanes *t, int to) {
  const size_t row = t->capacity;
  const ESP_REAL *restrict p0 = k->pull, *restrict p1 = p0 + row, *restrict p2 = p1 + row, *restrict p3 = p2 + row;
  const ESP_REAL *restrict r0 = k->r2, *restrict r1 = r0 + row, *restrict r2 = r1 + row, *restrict r3 = r2 + row;
  ESP_REAL *restrict acc = t->acc + (size_t)to * row;
#pragma omp simd
  for (int l = 0; l < t->padded; l++)
    acc[l] = esp_gate_spread(p0[l], r0[l], p1[l], r1[l], p2[l], r2[l], p3[l], r3[l], acc[l]);
}

static void cell_term(int64_t *acc, int place, double term) {
  if (term != 0) esp_exact_add(&ESP_EXACT_CELL, acc + (size_t)place * ESP_EXACT_CELL_WORDS, term);
}

/* dLoss/dkey of entry e of the four at j, which all its lanes add to: to places [d] of the cell's row. */
static void cell_key(const esp_scratch *k, const gate_lanes *t, int j, int e, int64_t *acc, int place) {
  const ESP_REAL *pull = k->pull + (size_t)e * t->capacity;
  for (int a = 0; a < k->form.dim; a++) {
    const ESP_REAL y = k->stream.key[(j + e) * k->form.dim + a];
    const ESP_REAL *x = t->key + (size_t)a * t->capacity;
    ESP_REAL part[ESP_LANE] = {0};
    for (int base = 0; base < t->padded; base += ESP_LANE)
      for (int l = 0; l < ESP_LANE; l++) part[l] = esp_gate_move(pull[base + l], x[base + l], y, part[l]);
    cell_term(acc, place + a, k->slope * lanes_total(part));
  }
}
