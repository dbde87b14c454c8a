/* The learned message between lanes and a stream (see body_lanes.h; message/pairs/law.h). Lanes are receivers (offset W1 +
 * W2 s_j, lane part of W1) or senders (offset W1 + W1 s_i, lane part W2). Every parameter's gradient is taken at the
 * receivers. Lanes are worked on ESP_LANE at a time with h outside, so all loops are over lanes and no sum over h is ever
 * reordered. */
#include "message/pairs/law.h"

/* Order of the rows in scratch: weight, slope and param. */
enum { GAIN = LAW ? ESP_LAW_GAIN : 1 };
enum { MLP_W1, MLP_W1S, MLP_W2, MLP_W3, MLP_V = MLP_W3 + ESP_LAW_EDGE };

/* Sixteen pairs of one stream entry. */
typedef struct {
  ESP_REAL r[3][ESP_LANE], root[ESP_LANE], inverse[ESP_LANE], log[ESP_LANE], kappa[ESP_LANE], tidal[ESP_LANE];
  ESP_REAL phi[ESP_LANE], de[ESP_LAW_EDGE][ESP_LANE], p[ESP_LANE], dphi[ESP_LANE];
} esp_edges;

/* Weights of the call in ESP_REAL, one row a kind. */
static void mlp_load(esp_scratch *k, const double *param) {
  const int H = k->hidden;
  const double gain = GAIN;
  const double *w1 = param, *w2 = w1 + 2 * H, *w3 = w2 + H, *v = w3 + ESP_LAW_EDGE * H;
  for (int h = 0; h < H; h++) {
    k->weight[MLP_W1 * H + h] = (ESP_REAL)w1[2 * h];
    k->weight[MLP_W1S * H + h] = (ESP_REAL)w1[2 * h + 1];
    k->weight[MLP_W2 * H + h] = (ESP_REAL)w2[h];
    for (int f = 0; f < ESP_LAW_EDGE; f++) k->weight[(MLP_W3 + f) * H + h] = (ESP_REAL)w3[ESP_LAW_EDGE * h + f];
    k->weight[MLP_V * H + h] = (ESP_REAL)(gain * v[h]);
  }
}

static void mlp_offset(esp_scratch *k, ESP_REAL s, int row) {
  const int H = k->hidden;
  for (int h = 0; h < H; h++) k->offset[h] = ESP_FMA(k->weight[row * H + h], s, k->weight[MLP_W1 * H + h]);
}

ESP_INLINE void mlp_pair(const esp_entry e, const esp_space p, int correction, ESP_REAL x, ESP_REAL y, ESP_REAL z,
                         esp_edges *restrict o, int l) {
  const esp_edge edge = esp_law_edge(e, p, correction, x, y, z);
  o->r[0][l] = edge.rx;
  o->r[1][l] = edge.ry;
  o->r[2][l] = edge.rz;
  o->root[l] = edge.root;
  o->inverse[l] = edge.inverse;
  o->log[l] = edge.log;
  o->kappa[l] = edge.kappa;
  o->tidal[l] = edge.tidal;
}

/* Geometry and features of the sixteen lanes from `base`. */
static void mlp_edges(const esp_lanes *t, int base, const esp_stream *s, int j, const esp_space *space, int correction,
                      esp_edges *restrict o) {
  const ESP_REAL *restrict x = t->x + base, *restrict y = t->y + base, *restrict z = t->z + base;
  const esp_entry e = entry_of(s, j, 0);
  const esp_space p = *space;
#pragma omp simd
  for (int l = 0; l < ESP_LANE; l++) mlp_pair(e, p, correction, x[l], y[l], z[l], o, l);
}

/* phi; with_slope: de as well. row: what multiplies the lane's feature. */
ESP_INLINE void mlp_phi(const esp_scratch *k, int row, const ESP_REAL *restrict s, int with_slope,
                        esp_edges *restrict o) {
  const int H = k->hidden;
  const ESP_REAL *restrict w = k->weight, *restrict offset = k->offset;
  memset(o->phi, 0, sizeof o->phi);
  memset(o->de, 0, sizeof o->de);
  for (int h = 0; h < H; h++) {
    const ESP_REAL a = offset[h], b = w[row * H + h], v = w[MLP_V * H + h];
    const ESP_REAL w0 = w[MLP_W3 * H + h], w1 = w[(MLP_W3 + 1) * H + h], w2 = w[(MLP_W3 + 2) * H + h];
#pragma omp simd
    for (int l = 0; l < ESP_LANE; l++) {
      const ESP_REAL t = esp_law_input(a, b, s[l], w0, w1, w2, o->log[l], o->root[l], o->inverse[l]);
      const ESP_REAL m = ESP_SIGMOID(t);
      o->phi[l] = ESP_FMA(v, t * m, o->phi[l]);
      if (with_slope) {
        const ESP_REAL d = esp_law_unit_slope(v, t, m);
        o->de[0][l] = ESP_FMA(d, w0, o->de[0][l]);
        o->de[1][l] = ESP_FMA(d, w1, o->de[1][l]);
        o->de[2][l] = ESP_FMA(d, w2, o->de[2][l]);
      }
    }
  }
}

/* phi, de and the parameters' gradients, whose factor dphi must be known. */
static void mlp_slopes(esp_scratch *k, const ESP_REAL *restrict s, ESP_REAL s_j, esp_edges *restrict o) {
  const int H = k->hidden;
  const ESP_REAL *restrict w = k->weight, *restrict offset = k->offset;
  memset(o->phi, 0, sizeof o->phi);
  memset(o->de, 0, sizeof o->de);
  for (int h = 0; h < H; h++) {
    const ESP_REAL a = offset[h], b = w[MLP_W1S * H + h], v = w[MLP_V * H + h];
    const ESP_REAL w0 = w[MLP_W3 * H + h], w1 = w[(MLP_W3 + 1) * H + h], w2 = w[(MLP_W3 + 2) * H + h];
    ESP_REAL(*restrict slope)[ESP_LANE] = (ESP_REAL(*)[ESP_LANE])(k->slope + (size_t)h * ESP_MLP_SUMS * ESP_LANE);
#pragma omp simd
    for (int l = 0; l < ESP_LANE; l++) {
      const ESP_REAL e0 = o->log[l], e1 = o->root[l], e2 = o->inverse[l];
      const ESP_REAL t = esp_law_input(a, b, s[l], w0, w1, w2, e0, e1, e2);
      const ESP_REAL m = ESP_SIGMOID(t), u = t * m, d = esp_law_unit_slope(v, t, m);
      o->phi[l] = ESP_FMA(v, u, o->phi[l]);
      o->de[0][l] = ESP_FMA(d, w0, o->de[0][l]);
      o->de[1][l] = ESP_FMA(d, w1, o->de[1][l]);
      o->de[2][l] = ESP_FMA(d, w2, o->de[2][l]);
      const ESP_REAL dt = d * o->dphi[l];
      slope[MLP_W1][l] += dt;
      slope[MLP_W1S][l] = ESP_FMA(dt, s[l], slope[MLP_W1S][l]);
      slope[MLP_W2][l] = ESP_FMA(dt, s_j, slope[MLP_W2][l]);
      slope[MLP_W3][l] = ESP_FMA(dt, e0, slope[MLP_W3][l]);
      slope[MLP_W3 + 1][l] = ESP_FMA(dt, e1, slope[MLP_W3 + 1][l]);
      slope[MLP_W3 + 2][l] = ESP_FMA(dt, e2, slope[MLP_W3 + 2][l]);
      slope[MLP_V][l] = ESP_FMA(o->dphi[l], u, slope[MLP_V][l]);
    }
  }
}

static void mlp_forward(esp_scratch *k) {
  esp_lanes *t = &k->block;
  const esp_stream *s = &k->stream;
  esp_edges o;
  for (int j = 0; j < s->count; j++) {
    const ESP_REAL w = s->w[j];
    mlp_offset(k, s->s[j], MLP_W2);
    for (int base = 0; base < t->padded; base += ESP_LANE) {
      ESP_REAL *restrict ax = t->ax + base, *restrict ay = t->ay + base, *restrict az = t->az + base;
      mlp_edges(t, base, s, j, &k->space, !LAW, &o);
      mlp_phi(k, MLP_W1S, t->s + base, 0, &o);
#pragma omp simd
      for (int l = 0; l < ESP_LANE; l++) {
        const ESP_REAL f = w * o.kappa[l] * o.phi[l];
        ax[l] = ESP_FMA(f, o.r[0][l], ax[l]);
        ay[l] = ESP_FMA(f, o.r[1][l], ay[l]);
        az[l] = ESP_FMA(f, o.r[2][l], az[l]);
      }
    }
  }
}

/* dr of one pair. */
ESP_INLINE void mlp_dr(const esp_edges *restrict o, int l, ESP_REAL gx, ESP_REAL gy, ESP_REAL gz, ESP_REAL f,
                       ESP_REAL *dx, ESP_REAL *dy, ESP_REAL *dz) {
  const ESP_REAL c = esp_law_along(o->root[l], o->inverse[l], o->tidal[l], o->p[l], o->dphi[l], f, o->de[0][l],
                                   o->de[1][l], o->de[2][l]);
  *dx = ESP_FMA(c, o->r[0][l], f * gx);
  *dy = ESP_FMA(c, o->r[1][l], f * gy);
  *dz = ESP_FMA(c, o->r[2][l], f * gz);
}

/* The chunk's parameter gradients to float64. */
static void mlp_slope_close(esp_scratch *k) {
  for (int h = 0; h < k->hidden; h++)
    for (int m = 0; m < ESP_MLP_SUMS; m++) {
      const ESP_REAL *slope = k->slope + ((size_t)h * ESP_MLP_SUMS + (size_t)m) * ESP_LANE;
      double sum = 0;
      for (int l = 0; l < ESP_LANE; l++) sum += (double)slope[l];
      k->param[m * k->hidden + h] += sum;
    }
}

/* dy_i of one stream entry, at the sixteen lanes from `base`, into a; its own dr a lane into part. */
static void mlp_receivers_entry(esp_scratch *k, int base, int j, ESP_REAL part[restrict 3][ESP_LANE]) {
  const esp_stream *s = &k->stream;
  const esp_lanes *t = &k->block;
  const ESP_REAL *restrict gx = t->gx + base, *restrict gy = t->gy + base, *restrict gz = t->gz + base;
  ESP_REAL *restrict ax = t->ax + base, *restrict ay = t->ay + base, *restrict az = t->az + base;
  const int self = s->first + j - base;
  const ESP_REAL w = s->w[j];
  esp_edges o;
  mlp_offset(k, s->s[j], MLP_W2);
  mlp_edges(t, base, s, j, &k->space, !LAW, &o);
  if (self >= 0 && self < ESP_LANE) o.kappa[self] = 0;
#pragma omp simd
  for (int l = 0; l < ESP_LANE; l++) {
    o.p[l] = esp_dot3(o.r[0][l], o.r[1][l], o.r[2][l], gx[l], gy[l], gz[l]);
    o.dphi[l] = w * o.kappa[l] * o.p[l];
  }
  mlp_slopes(k, t->s + base, s->s[j], &o);
#pragma omp simd
  for (int l = 0; l < ESP_LANE; l++) {
    ESP_REAL dx, dy, dz;
    mlp_dr(&o, l, gx[l], gy[l], gz[l], w * o.kappa[l] * o.phi[l], &dx, &dy, &dz);
    ax[l] -= dx;
    ay[l] -= dy;
    az[l] -= dz;
    part[0][l] = dx;
    part[1][l] = dy;
    part[2][l] = dz;
  }
}

/* A lane's gradients are summed over the chunk, then those of sixteen lanes. cell_acc NULL: the stream is of particles,
 * whose owners pull. */
static void mlp_receivers(esp_scratch *k, int64_t *cell_acc) {
  double term[ESP_CHUNK][3] = {{0}};
  ESP_REAL part[3][ESP_LANE];
  for (int base = 0; base < k->block.padded; base += ESP_LANE) {
    memset(k->slope, 0, ESP_MLP_SUMS * ESP_LANE * (size_t)k->hidden * sizeof *k->slope);
    for (int j = 0; j < k->stream.count; j++) {
      mlp_receivers_entry(k, base, j, part);
      for (int c = 0; c < 3 && cell_acc; c++) term[j][c] += lanes_total(part[c]);
    }
    mlp_slope_close(k);
  }
  for (int j = 0; j < k->stream.count && cell_acc; j++)
    for (int c = 0; c < 3; c++) cell_term(cell_acc + (size_t)k->stream.row[j] * CELL_WORDS, c, term[j][c]);
}

/* Lanes are senders, whose mass is left out. */
static void mlp_senders(esp_scratch *k, esp_lanes *t) {
  const esp_stream *s = &k->stream;
  esp_edges o;
  for (int j = 0; j < s->count; j++) {
    const ESP_REAL gx = s->gx[j], gy = s->gy[j], gz = s->gz[j];
    mlp_offset(k, s->s[j], MLP_W1S);
    for (int base = 0; base < t->padded; base += ESP_LANE) {
      ESP_REAL *restrict ax = t->ax + base, *restrict ay = t->ay + base, *restrict az = t->az + base;
      const int self = s->first + j - base;
      mlp_edges(t, base, s, j, &k->space, !LAW, &o);
      if (self >= 0 && self < ESP_LANE) o.kappa[self] = 0;
      mlp_phi(k, MLP_W2, t->s + base, 1, &o);
#pragma omp simd
      for (int l = 0; l < ESP_LANE; l++) {
        ESP_REAL dx, dy, dz;
        o.p[l] = esp_dot3(o.r[0][l], o.r[1][l], o.r[2][l], gx, gy, gz);
        o.dphi[l] = o.kappa[l] * o.p[l];
        mlp_dr(&o, l, gx, gy, gz, o.kappa[l] * o.phi[l], &dx, &dy, &dz);
        ax[l] += dx;
        ay[l] += dy;
        az[l] += dz;
      }
    }
  }
}

/* The block's parameter gradients: one float64 term each, in the order of the parameter block. */
static void mlp_param_add(const esp_scratch *k, int64_t *param_acc) {
  const int H = k->hidden;
  const double gain = GAIN;
  for (int m = 0; m < ESP_MLP_SUMS; m++)
    for (int h = 0; h < H; h++) {
      const double sum = k->param[m * H + h] * (m == MLP_V ? gain : 1);
      int to = 0;
      if (m < MLP_W2)
        to = 2 * h + m;
      else if (m == MLP_W2)
        to = 2 * H + h;
      else if (m < MLP_V)
        to = 3 * H + ESP_LAW_EDGE * h + (m - MLP_W3);
      else
        to = (3 + ESP_LAW_EDGE) * H + h;
      if (sum != 0) esp_exact_add(&ESP_EXACT_FULL, param_acc + (size_t)to * ESP_EXACT_FULL_WORDS, sum);
    }
}
