/* Receivers in lanes, sources in a stream: the working arrays of the block routines of bodies. Text of body_kernels.h;
 * every function is static.
 *
 * Lanes: the particles of one block (or those of its leaves that one other block can see), structure of arrays relative
 * to the block's mean position, padded to a multiple of ESP_LANE with copies of lane 0 whose gradient is 0. One lane is
 * one sum, so the vector length never changes an order of additions. Stream: up to ESP_CHUNK sources, relative to the
 * same place. A chunk is summed in ESP_REAL, chunks are added in float64. */
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "message/cpu/real.h"
#include "message/law.h"
#include "message/pairs/body.h"

enum { ESP_LANE = 16, ESP_CHUNK = 512, ESP_MLP_SUMS = 7 };

typedef struct {
  int count, padded;
  ESP_REAL *x, *y, *z, *s;    /* place, feature of the mlp message */
  ESP_REAL *gx, *gy, *gz;     /* upstream gradient; receivers only */
  ESP_REAL *ax, *ay, *az, *k; /* sums of the chunk under way */
  int *slot;                  /* the lane of the whole block that this one is; only where lanes are picked */
} esp_lanes;
enum { ESP_LANE_ARRAYS = 11 };

typedef struct {
  int count;
  int first; /* in the block's own square: the lane of stream entry 0; else far below 0 */
  ESP_REAL x[ESP_CHUNK], y[ESP_CHUNK], z[ESP_CHUNK];
  ESP_REAL w[ESP_CHUNK], s[ESP_CHUNK];                  /* mass, feature */
  ESP_REAL gx[ESP_CHUNK], gy[ESP_CHUNK], gz[ESP_CHUNK]; /* upstream gradient, where the stream is of receivers */
  ESP_REAL c[6][ESP_CHUNK];                             /* second moment, where it is of cells */
  int row[ESP_CHUNK];
} esp_stream;

struct esp_scratch {
  int capacity; /* lanes of the largest block, padded */
  double centre[3];
  esp_space space;
  esp_lanes block, pick;
  double *sum; /* [3][capacity] */
  esp_stream stream;
  int hidden;
  ESP_REAL *weight; /* [ESP_MLP_SUMS][H]: W1 constant, W1 feature, W2, W3 (3), V */
  ESP_REAL *offset; /* [H] the part of t that one stream entry gives to all lanes */
  ESP_REAL *slope;  /* [H][ESP_MLP_SUMS][ESP_LANE] parameter gradients of the chunk under way */
  double *param;    /* [ESP_MLP_SUMS][H] parameter gradients of the block */
  int *cursor;      /* [leaves of a block] place in the leaf's sender list */
  int *seen;        /* [leaves of a block] 1: this leaf is near to the receiver block at hand */
};

ESP_INLINE int pad_lanes(int count) {
  return (count + ESP_LANE - 1) / ESP_LANE * ESP_LANE;
}

/* A place relative to the block's centre, in its minimum image. */
ESP_INLINE void relative(const struct esp_scratch *k, const double *box, const double *y, ESP_REAL *rx, ESP_REAL *ry,
                         ESP_REAL *rz) {
  *rx = esp_relative(y[0], k->centre[0], box[0]);
  *ry = esp_relative(y[1], k->centre[1], box[1]);
  *rz = esp_relative(y[2], k->centre[2], box[2]);
}

static void lanes_clear(esp_lanes *t) {
  const size_t bytes = (size_t)t->padded * sizeof(ESP_REAL);
  memset(t->ax, 0, bytes);
  memset(t->ay, 0, bytes);
  memset(t->az, 0, bytes);
  memset(t->k, 0, bytes);
}

/* Copies of lane 0 up to the padded count; they are never read out. */
static void lanes_pad(esp_lanes *t) {
  t->padded = pad_lanes(t->count);
  for (int l = t->count; l < t->padded; l++) {
    t->x[l] = t->x[0];
    t->y[l] = t->y[0];
    t->z[l] = t->z[0];
    t->s[l] = t->s[0];
    t->gx[l] = t->gy[l] = t->gz[l] = 0;
  }
}

/* The block's particles into lanes, about their mean. Returns the first slot. gradient may be NULL. */
static int block_load(struct esp_scratch *k, const esp_pairs *p, int block, const double *gradient) {
  const int row = esp_tree_block_row(&p->dom->tree, block);
  const int first = p->dom->tree.part_first[row], count = p->dom->tree.part_count[row];
  const double *source = p->source + (size_t)first * ESP_BODY;
  const double unit = LEARNED ? 1 / p->form.mean : 0;
  esp_lanes *t = &k->block;
  t->count = count;
  memset(k->centre, 0, sizeof k->centre);
  for (int i = 0; i < count; i++)
    for (int a = 0; a < 3; a++) k->centre[a] += source[i * ESP_BODY + a] / count;
  for (int i = 0; i < count; i++) {
    /* as the stream does, also where a block spans more than half a box: a particle's own r must be 0 exactly */
    relative(k, p->form.period, source + i * ESP_BODY, &t->x[i], &t->y[i], &t->z[i]);
    t->s[i] = (ESP_REAL)(source[i * ESP_BODY + ESP_BODY_MASS] * unit);
    const double *g = gradient ? gradient + (size_t)(first + i) * ESP_BODY_SUM : NULL;
    t->gx[i] = g ? (ESP_REAL)g[0] : 0;
    t->gy[i] = g ? (ESP_REAL)g[1] : 0;
    t->gz[i] = g ? (ESP_REAL)g[2] : 0;
  }
  if (count) lanes_pad(t);
  memset(k->sum, 0, 3 * (size_t)k->capacity * sizeof *k->sum);
  k->stream.count = 0;
  k->stream.first = INT_MIN / 2;
  return first;
}

static void stream_source(struct esp_scratch *k, const esp_pairs *p, const double *source) {
  esp_stream *s = &k->stream;
  const int j = s->count++;
  relative(k, p->form.period, source, &s->x[j], &s->y[j], &s->z[j]);
  s->w[j] = (ESP_REAL)source[ESP_BODY_MASS];
  s->s[j] = LEARNED ? (ESP_REAL)(source[ESP_BODY_MASS] / p->form.mean) : 0;
}

/* receiver: a source row, then its gradient. */
static void stream_receiver(struct esp_scratch *k, const esp_pairs *p, const double *receiver) {
  esp_stream *s = &k->stream;
  const int j = s->count++;
  relative(k, p->form.period, receiver, &s->x[j], &s->y[j], &s->z[j]);
  s->w[j] = 1;
  s->s[j] = LEARNED ? (ESP_REAL)(receiver[ESP_BODY_MASS] / p->form.mean) : 0;
  s->gx[j] = (ESP_REAL)receiver[ESP_BODY];
  s->gy[j] = (ESP_REAL)receiver[ESP_BODY + 1];
  s->gz[j] = (ESP_REAL)receiver[ESP_BODY + 2];
}

static void stream_cell(struct esp_scratch *k, const esp_pairs *p, int row) {
  const double *cell = p->cell + (size_t)row * ESP_MASS_CELL, M = cell[0];
  esp_stream *s = &k->stream;
  const int j = s->count++;
  relative(k, p->form.period, cell + ESP_MASS_CELL_X, &s->x[j], &s->y[j], &s->z[j]);
  s->w[j] = (ESP_REAL)M;
  s->s[j] = LEARNED ? (ESP_REAL)(M / p->dom->tree.part_count[row] / p->form.mean) : 0;
  for (int c = 0; c < 6; c++) s->c[c][j] = (ESP_REAL)cell[ESP_MASS_CELL_C + c];
  s->row[j] = row;
}

/* Entries of no weight up to a multiple of 4, for loops that take 4 at a time. */
static void stream_pad(esp_stream *s) {
  for (int j = s->count; j % 4; j++) {
    s->x[j] = s->y[j] = s->z[j] = s->w[j] = s->s[j] = s->gx[j] = s->gy[j] = s->gz[j] = 0;
    for (int c = 0; c < 6; c++) s->c[c][j] = 0;
  }
}

/* The chunk's sums to float64. */
static void lanes_add(const esp_lanes *t, double *sum, int capacity) {
  for (int l = 0; l < t->count; l++) {
    const int to = t->slot ? t->slot[l] : l;
    sum[to] += (double)t->ax[l];
    sum[capacity + to] += (double)t->ay[l];
    sum[2 * capacity + to] += (double)t->az[l];
  }
}
