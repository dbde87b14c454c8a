/* Bodies and cells on the bodies of one receiver, up to 32 in lanes (fmm/pairs/near.h). Text of pass.c. */
#include "fmm/cpu/expand.h"
#include "fmm/pairs/near.h"

enum { STEP = LANES };

typedef struct {
  int count, lanes;         /* bodies; a multiple of LANES: lanes behind are copies of the first */
  float x[3][RECEIVERS];    /* places */
  float sum[4][RECEIVERS];  /* acceleration, potential with its sign turned */
  float closest[RECEIVERS]; /* least r^2 + eps^2 met, the body itself left out; 0: float64 is needed */
} esp_lanes;

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
      near_body(watch, with_own, potential, eps2, px, py, pz, fv_all(sm[j]), number[v], (float)j, x[0][v], x[1][v],
                x[2][v], &sum[0][v], &sum[1][v], &sum[2][v], &sum[3][v], &closest[v]);
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
    for (int j = 0; j < count; j++) near_cell(cell + j, eps2, x, sum, &closest);
    for (int a = 0; a < 4; a++) fv_store(b->sum[a] + lane, sum[a]);
    fv_store(b->closest + lane, closest);
  }
}

/* ---- float64 ---- */

typedef struct {
  double x[3][RECEIVERS], sum[4][RECEIVERS];
} esp_wide_lanes;

/* own: the lane that this body is; any other number: none. */
static void wide_body_on(esp_wide_lanes *b, double eps2, const double *place, double m, int own) {
  for (int l = 0; l < RECEIVERS; l++)
    wide_body(eps2, place, m, l == own, b->x[0][l], b->x[1][l], b->x[2][l], &b->sum[0][l], &b->sum[1][l], &b->sum[2][l],
              &b->sum[3][l]);
}

static void wide_cell_on(esp_wide_lanes *b, double eps2, const double *place, double M, const double *Q) {
  for (int l = 0; l < RECEIVERS; l++)
    wide_cell(eps2, place, M, Q, b->x[0][l], b->x[1][l], b->x[2][l], &b->sum[0][l], &b->sum[1][l], &b->sum[2][l],
              &b->sum[3][l]);
}
