/* Lanes and stream of the gated messages: the working arrays of the block routines. Text of gate_kernels.h; every function
 * is static.
 *
 * Lanes: the receivers of one block (or its senders in the senders' pass, or those of its leaves that one other block
 * has near), one row a quantity, padded to a multiple of ESP_LANE, of the plain gate half of that, with copies of lane 0 whose gradient is 0. One lane
 * is one sum. Stream: senders, cells or receivers, ESP_GATE_AT_ONCE of which are worked on together. A chunk is summed
 * in ESP_REAL, chunks are added in float64.
 *
 * Keys are relative to the block's mean and in units of s sqrt(2 ln 2), so that G = 2^-r2 with r2 = |x - y|^2; rho = ln
 * 2 r2. r2 is held at ESP_FAINT, from where on G is exactly 0: no product is ever subnormal, none is 0 times
 * infinity. */
#include <stdint.h>
#include <string.h>

#include "message/cpu/real.h"
#include "message/gate.h"
#include "message/pairs/gate.h"

typedef struct {
  int count, padded;
  size_t capacity;  /* length of a row */
  ESP_REAL *key;    /* [d] */
  ESP_REAL *value;  /* [sum width] receivers: dLoss/d(num, den); senders of the gate: v and, if den, 1 */
  ESP_REAL *offset; /* [C] mlp: u of receivers, w of senders */
  ESP_REAL *acc;    /* [acc_rows] sums of the chunk under way */
  int *slot;        /* the lane of the whole block that this one is; only where lanes are picked */
} gate_lanes;

typedef struct {
  int count;
  ESP_REAL *key;    /* [chunk][d] */
  ESP_REAL *value;  /* [chunk][sum width] as of lanes */
  ESP_REAL *offset; /* [chunk][C] */
  ESP_REAL *weight; /* [chunk] mlp: how many senders the entry stands for */
  int *row;         /* [chunk] mlp, cells: row in the tree */
} gate_stream;

/* The gate's cell at hand (gate_cells.h), M numbers a channel. */
typedef struct {
  int moments, degree[ESP_GATE_MAX_MOMENTS]; /* M; of each monomial */
  ESP_REAL key[ESP_MAX_DIM];                 /* as of lanes */
  const ESP_REAL *poly;                      /* [sum width][M] what it says, a polynomial of lane - key */
  ESP_REAL *part;                            /* [ESP_LANE of sum width M] sums for its adjoint */
  double *term, *halves;                     /* [d + sum width M] one adjoint; [4] of each */
  double power[1 + ESP_MOMENTS_ORDER];       /* of the lanes' unit over s */
  double *rate;                              /* [sum width M] dLoss/dln s through each moment, of the block's cells */
  /* of every row of the tree once it was met, many blocks take it: poly, then as many of -dpoly/dln s through moments */
  ESP_REAL *all;  /* [row_count][2][sum width][M] */
  int *met, pass; /* [row_count] the last pass that met it; the pass at hand */
  double *work;   /* [2][M] */
} gate_cell;

struct esp_scratch {
  esp_form form;
  esp_widths w;
  int width;       /* of a sum */
  int acc_rows;    /* rows of sums of the widest pass */
  size_t capacity; /* lanes of the largest block, padded */
  double scale;    /* 1 / (s sqrt(2 ln 2)) */
  double slope;    /* dLoss/dkey of a sum over P (y - x) */
  double beyond;   /* an entry whose |y|^2 exceeds this has G = 0 in every lane */
  double centre[ESP_MAX_DIM];
  gate_lanes block, pick;
  gate_stream stream;
  double *sum;                /* [acc_rows][capacity] */
  ESP_REAL *r2, *gate, *pull; /* [ESP_GATE_AT_ONCE][capacity] r2, G, P = G dLoss/dG (mlp: -dLoss/drho) */
  ESP_REAL *slope_t;          /* [capacity] mlp: dLoss/dt of one entry and channel */
  ESP_REAL *edge;             /* [3][C] mlp: ln 2 W3[0], W3[0], W3[1] */
  double *param;              /* [param_count] of the block: sum P r2; sums of dLoss/dt r2, then dLoss/dt G */
  double *mean_w;             /* [C] mlp: of the cell at hand */
  unsigned still;             /* of the call at hand: ESP_STILL_... */
  gate_cell cell;
  /* [leaves of a block]: place in the leaf's sender list; 1: near to the receiver block at hand; 1: among the lanes
   * picked */
  int *cursor, *seen, *picked;
};

ESP_INLINE int pad_lanes(int count) {
  return (count + ESP_LANE - 1) / ESP_LANE * ESP_LANE;
}

static void lanes_clear(gate_lanes *t, int rows) {
  for (int r = 0; r < rows; r++) memset(t->acc + (size_t)r * t->capacity, 0, (size_t)t->padded * sizeof *t->acc);
}

ESP_INLINE void row_pad(ESP_REAL *row, int count, int padded, ESP_REAL with) {
  for (int l = count; l < padded; l++) row[l] = with;
}

/* Copies of lane 0 up to the padded count; they are never read out. */
static void lanes_pad(const esp_scratch *k, gate_lanes *t) {
  t->padded = MLP ? pad_lanes(t->count) : (t->count + ESP_LANE / 2 - 1) / (ESP_LANE / 2) * (ESP_LANE / 2);
  for (int a = 0; a < k->form.dim; a++) {
    ESP_REAL *row = t->key + (size_t)a * t->capacity;
    row_pad(row, t->count, t->padded, row[0]);
  }
  for (int c = 0; c < k->width; c++) row_pad(t->value + (size_t)c * t->capacity, t->count, t->padded, 0);
  for (int c = 0; c < k->form.channels && MLP; c++)
    row_pad(t->offset + (size_t)c * t->capacity, t->count, t->padded, 0);
}

/* What a block's rows are made of: where key, value and offset stand in them; NULL = none. */
typedef struct {
  const double *key, *value, *offset; /* of the block's first particle */
  int key_stride, value_stride, offset_stride, values;
} gate_rows;

/* Centre of the block's keys, its lanes about it, and how far away anything is heard. */
static void block_load(esp_scratch *k, int count, const gate_rows *from) {
  const int d = k->form.dim;
  gate_lanes *t = &k->block;
  t->count = count;
  k->stream.count = 0;
  for (int a = 0; a < d; a++) k->centre[a] = 0;
  for (int i = 0; i < count; i++)
    for (int a = 0; a < d; a++) k->centre[a] += from->key[i * (ptrdiff_t)from->key_stride + a] / count;
  double radius = 0;
  for (int i = 0; i < count; i++) {
    double r2 = 0;
    for (int a = 0; a < d; a++) {
      const double r = esp_gate_place(from->key[i * (ptrdiff_t)from->key_stride + a], 1, k->centre[a], k->scale);
      t->key[(size_t)a * t->capacity + (size_t)i] = (ESP_REAL)r;
      r2 = fma(r, r, r2);
    }
    radius = fmax(radius, r2);
    for (int c = 0; c < k->width; c++) /* beyond what the rows hold: the 1 that den sums */
      t->value[(size_t)c * t->capacity + (size_t)i] =
          c < from->values ? (ESP_REAL)from->value[i * (ptrdiff_t)from->value_stride + c] : 1;
    for (int c = 0; c < k->form.channels && from->offset; c++)
      t->offset[(size_t)c * t->capacity + (size_t)i] = (ESP_REAL)from->offset[i * (ptrdiff_t)from->offset_stride + c];
  }
  if (count) lanes_pad(k, t);
  /* with room for the rounding of every r2 to ESP_REAL */
  const double reach = (sqrt(radius) + sqrt((double)ESP_FAINT)) * (1 + 1e-4);
  k->beyond = reach * reach;
  memset(k->sum, 0, (size_t)k->acc_rows * k->capacity * sizeof *k->sum);
  for (int m = 0; m < k->width * k->cell.moments && !MLP; m++) k->cell.rate[m] = 0;
}

/* A key times `times` into stream place j; 1 if any lane can hear it. */
ESP_INLINE int key_to(const int d, const esp_scratch *k, const double *restrict key, double times,
                      ESP_REAL *restrict to) {
  double r2 = 0;
  for (int a = 0; a < d; a++) {
    const double r = esp_gate_place(key[a], times, k->centre[a], k->scale);
    r2 = fma(r, r, r2);
    to[a] = (ESP_REAL)r;
  }
  return !(r2 > k->beyond);
}

/* A new entry: its number, or -1 where no lane can hear it. */
static int stream_key(esp_scratch *k, const double *key, double times) {
  const int d = k->form.dim, j = k->stream.count, heard = key_to(d, k, key, times, k->stream.key + (ptrdiff_t)j * d);
  k->stream.count += heard;
  return heard ? j : -1;
}

/* Rows of particles: key, then `offsets` numbers, then `values`; `one`: and a 1, which den sums. What no lane can hear
 * is written over by the next. */
ESP_INLINE void rows_to(const int d, esp_scratch *k, const double *row, int count, int stride, int offsets, int values,
                        int one) {
  gate_stream *s = &k->stream;
  int j = s->count;
  for (int i = 0; i < count; i++, row += stride) {
    const int heard = key_to(d, k, row, 1, s->key + (ptrdiff_t)j * d);
    ESP_REAL *offset = s->offset + (ptrdiff_t)j * offsets, *value = s->value + (ptrdiff_t)j * k->width;
    for (int c = 0; c < offsets; c++) offset[c] = (ESP_REAL)row[d + c];
    for (int c = 0; c < values; c++) value[c] = (ESP_REAL)row[d + offsets + c];
    if (one) value[values] = 1;
    s->weight[j] = 1;
    j += heard;
  }
  s->count = j;
}

/* count <= the places that are free. Near senders, or receivers in the backward pass. */
static void stream_rows(esp_scratch *k, const double *row, int count, int receivers) {
  const esp_form *f = &k->form;
  const int stride = receivers ? esp_receiver_width(&k->w) : k->w.source;
  const int offsets = MLP ? f->channels : 0, values = receivers ? k->width : f->channels - offsets;
  const int one = !receivers && !MLP && f->den;
  switch (f->dim) {
    case 2:
      rows_to(2, k, row, count, stride, offsets, values, one);
      break;
    case 4:
      rows_to(4, k, row, count, stride, offsets, values, one);
      break;
    case 8:
      rows_to(8, k, row, count, stride, offsets, values, one);
      break;
    default:
      rows_to(f->dim, k, row, count, stride, offsets, values, one);
  }
}

/* Entries that give nothing, up to a multiple of those worked on together. */
static void stream_pad(esp_scratch *k) {
  const size_t d = (size_t)k->form.dim, C = (size_t)k->form.channels, W = (size_t)k->width;
  gate_stream *s = &k->stream;
  for (size_t j = (size_t)s->count; j % ESP_GATE_AT_ONCE; j++) {
    memset(s->key + j * d, 0, d * sizeof *s->key);
    memset(s->value + j * W, 0, W * sizeof *s->value);
    if (MLP) memset(s->offset + j * C, 0, C * sizeof *s->offset);
    s->weight[j] = 0;
  }
}

/* The chunk's sums to float64. */
static void lanes_add(esp_scratch *k, const gate_lanes *t, int rows) {
  for (int r = 0; r < rows; r++) {
    const ESP_REAL *acc = t->acc + (size_t)r * t->capacity;
    double *sum = k->sum + (size_t)r * k->capacity;
    if (!t->slot) {
      for (int l = 0; l < t->count; l++) sum[l] += (double)acc[l];
    } else {
      for (int l = 0; l < t->count; l++) sum[t->slot[l]] += (double)acc[l];
    }
  }
}

/* A sum over lanes in float64, by sixteen partial sums halved in a fixed order. */
ESP_INLINE double lanes_total(const ESP_REAL *part) {
  double sum[8];
#pragma omp simd
  for (int l = 0; l < 8; l++) sum[l] = (double)part[l] + (double)part[l + 8];
#pragma omp simd
  for (int l = 0; l < 4; l++) sum[l] += sum[l + 4];
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}
