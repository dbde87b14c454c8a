/* Bodies and cells on the bodies of one receiver, in float32 about its centre and in units of its scale; and the same in
 * float64, for receivers where float32 would show. Text of pass.c.
 *
 *   body   a += m u^3 r                                              r from the receiver's body, u = (r^2 + eps^2)^(-1/2)
 *   cell   a += u^3 { M + u^2 (7.5 u^2 r.Qr - 1.5 tr Q) } r - 3 u^5 Q r
 *
 * and the potential with its sign turned: m u; u { M + u^2 (1.5 u^2 r.Qr - 0.5 tr Q) }. Lanes are receivers, up to 32; each
 * sums in the order of its stream. */
#include "fmm/cpu/expand.h"

enum { RECEIVERS = ESP_FMM_RECEIVERS, STEP = LANES };

typedef struct {
  int count, lanes;         /* bodies; a multiple of LANES: lanes behind are copies of the first */
  float x[3][RECEIVERS];    /* places */
  float sum[4][RECEIVERS];  /* acceleration, potential with its sign turned */
  float closest[RECEIVERS]; /* least r^2 + eps^2 met, the body itself left out; 0: float64 is needed */
} esp_lanes;

/* A cell in units of the receiver. */
typedef struct {
  float x[3], mass, Q[6];
} esp_cell_entry;

/* Closer than this, in units of the scale, float32 would show. */
static const float too_close = 0x1p-12f; /* squared */

static const float lane_number[RECEIVERS] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                             16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

/* watch: closest is kept. own: body j of the stream is lane own + j, and exerts nothing there; < 0: none is. */
ESP_INLINE void near_step(const int watch, const int with_own, const int potential, esp_lanes *b, int lane, float eps2,
                          int count, const float *const *stream, int own) {
  enum { VECTORS = STEP / WIDTH > 2 ? 2 : STEP / WIDTH };
  const float *const sx = stream[0], *const sy = stream[1], *const sz = stream[2], *const sm = stream[3];
  fv x[3][VECTORS], sum[4][VECTORS], closest[VECTORS], number[VECTORS];
  ESP_UNROLL
  for (int v = 0; v < VECTORS; v++) {
    for (int a = 0; a < 3; a++) x[a][v] = fv_load(b->x[a] + lane + v * WIDTH);
    for (int a = 0; a < 4; a++) sum[a][v] = fv_load(b->sum[a] + lane + v * WIDTH);
    closest[v] = fv_load(b->closest + lane + v * WIDTH);
    number[v] = fv_load(lane_number + lane + v * WIDTH) - fv_all((float)own);
  }
  for (int j = 0; j < count; j++) {
    const fv px = fv_all(sx[j]), py = fv_all(sy[j]), pz = fv_all(sz[j]);
    ESP_UNROLL
    for (int v = 0; v < VECTORS; v++) {
      const fv dx = px - x[0][v], dy = py - x[1][v], dz = pz - x[2][v];
      fv q = fv_fma(dx, dx, fv_all(eps2));
      q = fv_fma(dy, dy, q);
      q = fv_fma(dz, dz, q);
      fv m = fv_all(sm[j]);
      if (with_own) { /* no quotient by 0, and none of it in the potential */
        q = fv_other(number[v], (float)j, q, 0x1p80f);
        m = fv_other(number[v], (float)j, m, 0);
      }
      if (watch) closest[v] = fv_min(closest[v], q);
      const fv f = m / (q * fv_sqrt(q));
      sum[0][v] = fv_fma(f, dx, sum[0][v]);
      sum[1][v] = fv_fma(f, dy, sum[1][v]);
      sum[2][v] = fv_fma(f, dz, sum[2][v]);
      if (potential) sum[3][v] = fv_fma(f, q, sum[3][v]);
    }
  }
  ESP_UNROLL
  for (int v = 0; v < VECTORS; v++) {
    for (int a = 0; a < 4; a++) fv_store(b->sum[a] + lane + v * WIDTH, sum[a][v]);
    fv_store(b->closest + lane + v * WIDTH, closest[v]);
  }
}

ESP_INLINE void near_lanes(const int watch, const int with_own, const int potential, esp_lanes *b, float eps2,
                           int count, const float *const *stream, int own) {
  const int step = STEP / WIDTH > 2 ? 2 * WIDTH : STEP;
  for (int lane = 0; lane < b->lanes; lane += step)
    near_step(watch, with_own, potential, b, lane, eps2, count, stream, own);
}

/* Each on its own, so that the compiler sees constants. */
#define NEAR_ROW(name, watch, with_own, potential)                                                            \
  static __attribute__((noinline)) void name(esp_lanes *b, float eps2, int count, const float *const *stream, \
                                             int own) {                                                       \
    near_lanes(watch, with_own, potential, b, eps2, count, stream, own);                                      \
  }
NEAR_ROW(near_plain, 0, 0, 0)
NEAR_ROW(near_watched, 1, 0, 0)
NEAR_ROW(near_own, 1, 1, 0)
NEAR_ROW(near_plain_potential, 0, 0, 1)
NEAR_ROW(near_watched_potential, 1, 0, 1)
NEAR_ROW(near_own_potential, 1, 1, 1)

typedef void (*near_routine)(esp_lanes *b, float eps2, int count, const float *const *stream, int own);
/* [potential][plain, watched, own] */
static const near_routine near_routines[2][3] = {{near_plain, near_watched, near_own},
                                                 {near_plain_potential, near_watched_potential, near_own_potential}};

static __attribute__((noinline)) void cells_on_lanes(esp_lanes *b, float eps2, int count, const esp_cell_entry *cell) {
  for (int lane = 0; lane < b->lanes; lane += WIDTH) {
    fv x[3], sum[4], closest = fv_load(b->closest + lane);
    for (int a = 0; a < 3; a++) x[a] = fv_load(b->x[a] + lane);
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->sum[a] + lane);
    for (int j = 0; j < count; j++) {
      const float *Q = cell[j].Q;
      const fv trace = fv_all((Q[0] + Q[3]) + Q[5]), M = fv_all(cell[j].mass);
      const fv r[3] = {fv_all(cell[j].x[0]) - x[0], fv_all(cell[j].x[1]) - x[1], fv_all(cell[j].x[2]) - x[2]};
      fv q = fv_fma(r[0], r[0], fv_all(eps2));
      q = fv_fma(r[1], r[1], q);
      q = fv_fma(r[2], r[2], q);
      closest = fv_min(closest, q);
      const fv u = fv_root(q), u2 = u * u, u3 = u * u2;
      const fv Qr[3] = {fv_fma(fv_all(Q[0]), r[0], fv_fma(fv_all(Q[1]), r[1], fv_all(Q[2]) * r[2])),
                        fv_fma(fv_all(Q[1]), r[0], fv_fma(fv_all(Q[3]), r[1], fv_all(Q[4]) * r[2])),
                        fv_fma(fv_all(Q[2]), r[0], fv_fma(fv_all(Q[4]), r[1], fv_all(Q[5]) * r[2]))};
      const fv rQr = u2 * fv_fma(r[0], Qr[0], fv_fma(r[1], Qr[1], r[2] * Qr[2]));
      const fv along = u3 * fv_fma(u2, fv_fnma(fv_all(1.5f), trace, fv_all(7.5f) * rQr), M);
      const fv across = fv_all(-3.0f) * (u3 * u2);
      for (int a = 0; a < 3; a++) sum[a] = fv_fma(across, Qr[a], fv_fma(along, r[a], sum[a]));
      sum[3] = fv_fma(u, fv_fma(u2, fv_fnma(fv_all(0.5f), trace, fv_all(1.5f) * rQr), M), sum[3]);
    }
    for (int a = 0; a < 4; a++) fv_store(b->sum[a] + lane, sum[a]);
    fv_store(b->closest + lane, closest);
  }
}

/* ---- float64 ---- */

typedef struct {
  double x[3][RECEIVERS], sum[4][RECEIVERS];
} esp_wide_lanes;

/* own: the lane that this body is, whose potential it leaves out; any other number: none. */
static void wide_body(esp_wide_lanes *b, double eps2, const double *place, double m, int own) {
  for (int l = 0; l < RECEIVERS; l++) {
    const double r[3] = {place[0] - b->x[0][l], place[1] - b->x[1][l], place[2] - b->x[2][l]};
    const double q = ((r[0] * r[0] + r[1] * r[1]) + r[2] * r[2]) + eps2;
    const double u = q > esp_fmm_together ? 1 / sqrt(q) : 0, f = u * u * u * m;
    for (int a = 0; a < 3; a++) b->sum[a][l] += f * r[a];
    b->sum[3][l] += l == own ? 0 : u * m;
  }
}

/* Q: xx xy xz yy yz zz. */
static void wide_cell(esp_wide_lanes *b, double eps2, const double *place, double M, const double *Q) {
  const double trace = (Q[0] + Q[3]) + Q[5];
  for (int l = 0; l < RECEIVERS; l++) {
    const double r[3] = {place[0] - b->x[0][l], place[1] - b->x[1][l], place[2] - b->x[2][l]};
    const double q = ((r[0] * r[0] + r[1] * r[1]) + r[2] * r[2]) + eps2;
    const double u = q > esp_fmm_together ? 1 / sqrt(q) : 0, u2 = u * u, u3 = u2 * u;
    const double Qr[3] = {(Q[0] * r[0] + Q[1] * r[1]) + Q[2] * r[2], (Q[1] * r[0] + Q[3] * r[1]) + Q[4] * r[2],
                          (Q[2] * r[0] + Q[4] * r[1]) + Q[5] * r[2]};
    const double rQr = u2 * ((r[0] * Qr[0] + r[1] * Qr[1]) + r[2] * Qr[2]);
    const double along = u3 * (M + u2 * (7.5 * rQr - 1.5 * trace)), across = 3 * (u3 * u2);
    for (int a = 0; a < 3; a++) b->sum[a][l] += along * r[a] - across * Qr[a];
    b->sum[3][l] += u * (M + u2 * (1.5 * rQr - 0.5 * trace));
  }
}
