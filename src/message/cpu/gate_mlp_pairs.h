/* The mlp message through the gate (message/pairs/gate_mlp.h), between lanes and one stream entry, channel by channel. */
#include "message/pairs/gate_mlp.h"

static void mlp_load(esp_scratch *k, const double *param) {
  const int C = k->form.channels;
  for (int c = 0; c < C; c++) {
    const double *w3 = param + 1 + ESP_GATE_EDGE * c;
    k->edge[c] = (ESP_REAL)(ESP_LN2 * w3[0]);
    k->edge[C + c] = (ESP_REAL)w3[0];
    k->edge[2 * C + c] = (ESP_REAL)w3[1];
  }
}

/* acc rows [C], then den. */
static void mlp_forward(esp_scratch *k, gate_lanes *t, int j, int e) {
  const int C = k->form.channels, padded = t->padded;
  const size_t row = t->capacity;
  const ESP_REAL *restrict r2 = k->r2 + (size_t)e * row, *restrict gate = k->gate + (size_t)e * row;
  const ESP_REAL n = k->stream.weight[j + e];
  for (int c = 0; c < C; c++) {
    const ESP_REAL b = k->stream.offset[(size_t)(j + e) * (size_t)C + (size_t)c], w0 = k->edge[c],
                   w1 = k->edge[2 * C + c];
    const ESP_REAL *restrict a = t->offset + (size_t)c * row;
    ESP_REAL *restrict acc = t->acc + (size_t)c * row;
#pragma omp simd
    for (int l = 0; l < padded; l++)
      acc[l] = esp_gate_mlp_say(n, gate[l], esp_gate_mlp_input(a[l], b, w0, r2[l], w1, gate[l]), acc[l]);
  }
  if (!k->form.den) return;
  ESP_REAL *restrict acc = t->acc + (size_t)C * row;
#pragma omp simd
  for (int l = 0; l < padded; l++) acc[l] = ESP_FMA(n, gate[l], acc[l]);
}

/* Lanes are receivers. acc: rows d.. [C] du; then [C] sums of dt r2, [C] of dt G. value [C] if not NULL: sums of dt
 * over all lanes. */
static void mlp_receivers(esp_scratch *k, gate_lanes *t, int j, int e, double *value) {
  const int C = k->form.channels, padded = t->padded;
  const size_t row = t->capacity;
  const ESP_REAL *restrict r2 = k->r2 + (size_t)e * row, *restrict gate = k->gate + (size_t)e * row;
  ESP_REAL *restrict pull = k->pull + (size_t)e * row, *restrict dt_to = k->slope_t;
  const ESP_REAL n = k->stream.weight[j + e];
  const ESP_REAL *restrict gd = t->value + (size_t)C * row;
  if (k->form.den)
    for (int l = 0; l < padded; l++) pull[l] = n * gate[l] * gd[l];
  else
    memset(pull, 0, (size_t)padded * sizeof *pull);
  for (int c = 0; c < C; c++) {
    const ESP_REAL b = k->stream.offset[(size_t)(j + e) * (size_t)C + (size_t)c];
    const ESP_REAL w0 = k->edge[c], w3_0 = k->edge[C + c], w3_1 = k->edge[2 * C + c];
    const ESP_REAL *restrict a = t->offset + (size_t)c * row, *restrict gn = t->value + (size_t)c * row;
    ESP_REAL *restrict du = t->acc + (size_t)(k->form.dim + c) * row, *restrict d0 = du + (size_t)C * row,
                       *restrict d1 = d0 + (size_t)C * row;
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL p = pull[l];
      const ESP_REAL s = esp_gate_mlp_input(a[l], b, w0, r2[l], w3_1, gate[l]);
      const ESP_REAL dt = esp_gate_mlp_slope(s, gate[l], n * gn[l], w3_0, w3_1, &p);
      pull[l] = p;
      dt_to[l] = dt;
      du[l] += dt;
      d0[l] = ESP_FMA(dt, r2[l], d0[l]);
      d1[l] = ESP_FMA(dt, gate[l], d1[l]);
    }
    if (!value) continue;
    ESP_REAL part[ESP_LANE] = {0};
    for (int base = 0; base < padded; base += ESP_LANE)
      for (int l = 0; l < ESP_LANE; l++) part[l] += dt_to[base + l];
    value[c] = lanes_total(part);
  }
}

/* Lanes are senders. acc: rows d.. [C] dw. */
static void mlp_senders(esp_scratch *k, gate_lanes *t, int j, int e) {
  const int C = k->form.channels, padded = t->padded;
  const size_t row = t->capacity;
  const ESP_REAL *restrict r2 = k->r2 + (size_t)e * row, *restrict gate = k->gate + (size_t)e * row;
  ESP_REAL *restrict pull = k->pull + (size_t)e * row;
  const ESP_REAL *gradient = k->stream.value + (size_t)(j + e) * (size_t)k->width;
  const ESP_REAL gd = k->form.den ? gradient[C] : 0;
  for (int l = 0; l < padded; l++) pull[l] = gate[l] * gd;
  for (int c = 0; c < C; c++) {
    const ESP_REAL b = k->stream.offset[(size_t)(j + e) * (size_t)C + (size_t)c], gn = gradient[c];
    const ESP_REAL w0 = k->edge[c], w3_0 = k->edge[C + c], w3_1 = k->edge[2 * C + c];
    const ESP_REAL *restrict a = t->offset + (size_t)c * row;
    ESP_REAL *restrict dw = t->acc + (size_t)(k->form.dim + c) * row;
#pragma omp simd
    for (int l = 0; l < padded; l++) {
      ESP_REAL p = pull[l];
      const ESP_REAL s = esp_gate_mlp_input(a[l], b, w0, r2[l], w3_1, gate[l]);
      dw[l] += esp_gate_mlp_slope(s, gate[l], gn, w3_0, w3_1, &p);
      pull[l] = p;
    }
  }
}

/* A cell as one sender of its mean, `count` times. */
static void mlp_cell(esp_scratch *k, int row, const double *cell) {
  const int C = k->form.channels;
  const double count = cell[C];
  if (!(count > 0)) return;
  const int j = stream_key(k, cell + C + 1, 1 / count);
  if (j < 0) return;
  k->stream.row[j] = row;
  k->stream.weight[j] = (ESP_REAL)count;
  for (int c = 0; c < C; c++) k->stream.offset[(size_t)j * (size_t)C + (size_t)c] = (ESP_REAL)(cell[c] / count);
}

/* The adjoints of the cell that entry e of the four at j is; value [C] as mlp_receivers left them. */
static void mlp_cell_close(const esp_scratch *k, const gate_lanes *t, int j, int e, const double *value,
                           int64_t *cell_acc) {
  const int width = k->w.adjoint;
  int64_t *acc = cell_acc + (size_t)k->stream.row[j + e] * (size_t)width * ESP_EXACT_CELL_WORDS;
  for (int c = 0; c < k->form.channels; c++) cell_term(acc, c, value[c]);
  cell_key(k, t, j, e, acc, width - k->form.dim);
}
