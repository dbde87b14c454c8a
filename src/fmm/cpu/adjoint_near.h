/* Near bodies of the backward pass on the bodies of one receiver, as in near.h. Text of pass.c. */
#include "fmm/cpu/adjoint_expand.h"

/* Bodies that send, in units of the receiver: places; m, g. */
enum { ADJOINT_STREAM = ADJOINT_CHUNK + ESP_FMM_LEAF + 2 };
typedef struct {
  float x[3][ADJOINT_STREAM], sent[ADJOINT_STREAM][ESP_FMM_SENT];
} esp_adjoint_stream;

/* count is even. */
ESP_INLINE void adjoint_near(const int watch, const int with_own, const int dmass, const int alone,
                             esp_adjoint_lanes *b, float eps2, int count, const esp_adjoint_stream *s, int own) {
  for (int lane = 0; lane < b->b.lanes; lane += WIDTH) {
    fv x[3], g[3], sum[4], closest = fv_load(b->b.closest + lane);
    const fv mass = fv_load(b->mass + lane), number = fv_load(lane_number + lane) - fv_all((float)own);
    for (int a = 0; a < 3; a++) {
      x[a] = fv_load(b->b.x[a] + lane);
      g[a] = fv_load(b->g[a] + lane);
    }
    for (int a = 0; a < 4; a++) sum[a] = fv_load(b->b.sum[a] + lane);
    for (int j = 0; j < count; j += 2) {
      const float *const place[3] = {s->x[0] + j, s->x[1] + j, s->x[2] + j};
      adjoint_two(watch, with_own, dmass, alone, eps2, place, s->sent + j, j, number, x, g, mass, sum, &closest);
    }
    for (int a = 0; a < 4; a++) fv_store(b->b.sum[a] + lane, sum[a]);
    fv_store(b->b.closest + lane, closest);
  }
}

/* Another body of neither mass nor g to the end of a stream of an odd number, far from all others. */
static int adjoint_even(esp_adjoint_stream *s, int count) {
  if (count % 2 == 0) return count;
  for (int a = 0; a < 3; a++) s->x[a][count] = 0x1p50f;
  for (int a = 0; a < ESP_FMM_SENT; a++) s->sent[count][a] = 0;
  return count + 1;
}

typedef void (*adjoint_near_routine)(esp_adjoint_lanes *b, float eps2, int count, esp_adjoint_stream *s, int own);

#define ADJOINT_NEAR(name, watch, with_own, dmass, alone)                                                        \
  static __attribute__((noinline)) void name(esp_adjoint_lanes *b, float eps2, int count, esp_adjoint_stream *s, \
                                             int own) {                                                          \
    adjoint_near(watch, with_own, dmass, alone, b, eps2, adjoint_even(s, count), s, own);                        \
  }
#define ADJOINT_NEAR_ROWS(name, dmass, alone)      \
  ADJOINT_NEAR(name##_plain, 0, 0, dmass, alone)   \
  ADJOINT_NEAR(name##_watched, 1, 0, dmass, alone) \
  ADJOINT_NEAR(name##_own, 1, 1, dmass, alone)
ADJOINT_NEAR_ROWS(adjoint_near_place, 0, 0)
ADJOINT_NEAR_ROWS(adjoint_near_place_alone, 0, 1)
ADJOINT_NEAR_ROWS(adjoint_near_both, 1, 0)
ADJOINT_NEAR_ROWS(adjoint_near_both_alone, 1, 1)

typedef struct {
  adjoint_near_routine plain, watched, own;
} adjoint_near_routines;
/* [dmass][alone] */
static const adjoint_near_routines adjoint_near_by[2][2] = {
    {{adjoint_near_place_plain, adjoint_near_place_watched, adjoint_near_place_own},
     {adjoint_near_place_alone_plain, adjoint_near_place_alone_watched, adjoint_near_place_alone_own}},
    {{adjoint_near_both_plain, adjoint_near_both_watched, adjoint_near_both_own},
     {adjoint_near_both_alone_plain, adjoint_near_both_alone_watched, adjoint_near_both_alone_own}}};

/* m and g of the body at a place. */
static const double *adjoint_sent(const esp_fmm_work *w, int place) {
  return w->extra + (size_t)place * ESP_FMM_SENT;
}
