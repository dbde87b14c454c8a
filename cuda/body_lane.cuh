/* A body a thread, and the stream that passes it: text of cuda/body.cu. From the second cache a block reads 32 bytes (near) or 80 (a
 * cell) a row; a pair reads nothing else. Operations a pair, by count of the text, a product-sum is one, and so is a root or a
 * quotient, which take some eight instructions each: newton 15 forward, 23 receivers, 23 senders; of a cell 37 and 118. The
 * learned message of H units 50 + 28 H forward, 70 + 35 H senders, 70 + 86 H receivers, with the parameters' gradients. */
#include "cuda/body.h"
#include "cuda/stream.cuh"
#include "message/pairs/law.h"
#include "message/pairs/newton.h"

namespace {

enum { CHUNK = 512, FOLD = 3, GROUP = 4 };
/* Rows of weights, as in message/cpu/law_pairs.h. */
enum { W1, W1S, W2, W3, V = W3 + 3, UNITS };

/* Dynamic shared memory of a block. */
struct room {
  esp_mass_entry *cell; /* [CHUNK] of cells, or */
  esp_entry *entry;     /* of bodies, in the same place */
  float *feature;       /* [CHUNK] */
  int *row;             /* [CHUNK] of cells */
  int *start;           /* [threads + 1] */
  float *fold;          /* [FOLD][threads] */
  float *weight;        /* [UNITS][H] */
  double *param;        /* [UNITS][H] */
  double *centre;       /* [3] */
};

size_t room_bytes(int threads, int hidden) {
  return CHUNK * (sizeof(esp_mass_entry) + sizeof(float) + sizeof(int)) + 3 * sizeof(double) +
         (size_t)UNITS * (size_t)hidden * (sizeof(double) + sizeof(float)) +
         (size_t)threads * (FOLD * sizeof(float) + sizeof(int)) + 2 * sizeof(int);
}

__device__ room room_of(unsigned char *memory, int hidden) {
  room r;
  r.centre = (double *)memory;
  r.param = r.centre + 3;
  r.cell = (esp_mass_entry *)(r.param + UNITS * hidden);
  r.entry = (esp_entry *)r.cell;
  r.feature = (float *)(r.cell + CHUNK);
  r.weight = r.feature + CHUNK;
  r.fold = r.weight + UNITS * hidden;
  r.row = (int *)(r.fold + FOLD * blockDim.x);
  r.start = r.row + CHUNK;
  return r;
}

struct lane {
  int count, padded; /* bodies of the block; a multiple of 16 */
  int live;          /* this thread has one of them */
  float x, y, z, s, gx, gy, gz;
  float ax, ay, az, k; /* sums of the chunk under way */
  double sum[3];
};

__device__ esp_space space_of(const esp_cuda_bodies &p) {
  esp_space s;
  s.eps2 = (float)(p.softening * p.softening);
  s.periodic = 0;
  for (int a = 0; a < 3; a++) {
    const double period = p.period[a];
    s.box[a] = s.inverse[a] = 0;
    if (!(period > 0)) continue;
    s.box[a] = (float)period;
    s.inverse[a] = (float)(1 / period);
    s.periodic = 1;
  }
  return s;
}

__device__ void place(const esp_cuda_bodies &p, const double *centre, const double *y, float *rx, float *ry,
                      float *rz) {
  *rx = esp_relative(y[0], centre[0], p.period[0]);
  *ry = esp_relative(y[1], centre[1], p.period[1]);
  *rz = esp_relative(y[2], centre[2], p.period[2]);
}

/* The block's bodies, one a thread, about their mean; gradient may be null. */
template <int LEARNED>
__device__ lane load(const esp_cuda_bodies &p, const room &r, esp_cuda_run own, const double *gradient) {
  const int i = threadIdx.x, slot = own.first + i;
  const double *source = p.source + (size_t)own.first * ESP_CUDA_BODY;
  lane t = {own.count, (own.count + 15) / 16 * 16, i < own.count, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0, 0, 0}};
  if (i < 3) {
    double sum = 0;
    for (int k = 0; k < own.count; k++) sum += source[k * ESP_CUDA_BODY + i] / own.count;
    r.centre[i] = sum;
  }
  __syncthreads();
  if (!t.live) return t;
  place(p, r.centre, source + i * ESP_CUDA_BODY, &t.x, &t.y, &t.z);
  if (LEARNED) t.s = (float)(source[i * ESP_CUDA_BODY + 3] * (1 / p.mean));
  if (gradient) {
    t.gx = (float)gradient[(size_t)slot * 3];
    t.gy = (float)gradient[(size_t)slot * 3 + 1];
    t.gz = (float)gradient[(size_t)slot * 3 + 2];
  }
  return t;
}

__device__ void clear(lane *t) {
  t->ax = t->ay = t->az = t->k = 0;
}

__device__ void close(lane *t) {
  t->sum[0] += (double)t->ax;
  t->sum[1] += (double)t->ay;
  t->sum[2] += (double)t->az;
}

/* One row into the stream: of a sender; of a receiver, behind whose row its gradient stands; of a cell. */
template <int LEARNED>
__device__ void fetch_source(const esp_cuda_bodies &p, const room &r, int slot, int k) {
  const double *y = p.source + (size_t)slot * ESP_CUDA_BODY;
  esp_entry e = {0, 0, 0, (float)y[3], 0, 0, 0};
  place(p, r.centre, y, &e.x, &e.y, &e.z);
  r.entry[k] = e;
  r.feature[k] = LEARNED ? (float)(y[3] / p.mean) : 0;
}

template <int LEARNED>
__device__ void fetch_receiver(const esp_cuda_bodies &p, const room &r, const double *receiver, int slot, int k) {
  const double *y = receiver + (size_t)slot * (ESP_CUDA_BODY + 3);
  esp_entry e = {0, 0, 0, 1, (float)y[4], (float)y[5], (float)y[6]};
  place(p, r.centre, y, &e.x, &e.y, &e.z);
  r.entry[k] = e;
  r.feature[k] = LEARNED ? (float)(y[3] / p.mean) : 0;
}

template <int LEARNED>
__device__ void fetch_cell(const esp_cuda_bodies &p, const room &r, esp_cuda_run far, int k, int as_body) {
  const double *cell = p.cell + (size_t)far.first * ESP_CUDA_MASS_CELL, M = cell[0];
  float x, y, z, c[6];
  place(p, r.centre, cell + 1, &x, &y, &z);
  for (int e = 0; e < 6; e++) c[e] = (float)cell[4 + e];
  if (as_body)
    r.entry[k] = {x, y, z, (float)M, 0, 0, 0};
  else
    r.cell[k] = {x, y, z, (float)M, c[0], c[1], c[2], c[3], c[4], c[5], c[0] + c[3] + c[5]};
  r.feature[k] = LEARNED ? (float)(M / far.count / p.mean) : 0;
  r.row[k] = far.first;
}

/* fold [c][lane]: a number a lane, 0 of a lane that has no body. */
__device__ void fold_put(const room &r, const lane &t, int c, float value) {
  r.fold[c * blockDim.x + threadIdx.x] = t.live ? value : 0.0f;
}

__device__ void cell_term(int64_t *acc, double term) {
  if (term != 0) esp_exact_atomic(ESP_EXACT_CELL_WORDS, ESP_EXACT_CELL_LSB, acc, term);
}

}  // namespace
