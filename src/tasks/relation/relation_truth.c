#include "tasks/relation/relation_truth.h"

#include <math.h>
#include <string.h>

/* LANES partial sums hide the latency of the exponential. Cells a reach is wide, and the most of them on an axis. */
enum { LANES = 32, CELLS_IN_REACH = 8, MOST_CELLS = 1024 };

typedef struct {
  int64_t n;
  int axes, values;
  double *k;    /* [axes][n + LANES] sorted by cell */
  double *v;    /* [values][n + LANES] */
  int *start;   /* [cells + 1] */
  int *place;   /* [n] where global number i lies in the sorted order */
  int cells[2]; /* of axis 0 and 1; the second follow each other */
  double low[2], side[2];
} sources;

/* exp(x) for x <= 0, within 2 units in the last place; below -708 the value there. Without branches, so that loops over
 * it become vectors: 2^m e^f with |f| <= ln(2) / 2 by Taylor's series. */
static inline double gate(double x) {
  const double big = 0x1.8p52;
  x = x > -708 ? x : -708;
  double shifted = x * 0x1.71547652b82fep0 + big;
  const double m = shifted - big;
  const double f = (x - m * 0x1.62e42fefa3800p-1) - m * 0x1.ef35793c76730p-45;
  double p = 1.0 / 6227020800;
  p = p * f + 1.0 / 479001600;
  p = p * f + 1.0 / 39916800;
  p = p * f + 1.0 / 3628800;
  p = p * f + 1.0 / 362880;
  p = p * f + 1.0 / 40320;
  p = p * f + 1.0 / 5040;
  p = p * f + 1.0 / 720;
  p = p * f + 1.0 / 120;
  p = p * f + 1.0 / 24;
  p = p * f + 1.0 / 6;
  p = p * f + 0.5;
  p = p * f + 1;
  p = p * f + 1;
  uint64_t bits, power;
  memcpy(&bits, &p, sizeof bits);
  memcpy(&power, &shifted, sizeof power);
  bits += power << 52;
  memcpy(&p, &bits, sizeof p);
  return p;
}

/* |v| or |t|, whichever is less, with the sign of v t. */
static inline double clipped(double v, double t) {
  return 0.5 * (fabs(v + t) - fabs(v - t));
}

/* Sources [a, b) onto the partial sums [values + 1][LANES]. */
static void add_range(const sources *s, int64_t a, int64_t b, const double *q, double factor, const double *mark,
                      double *sum) {
  const size_t stride = (size_t)s->n + LANES;
  for (int64_t j = a; j < b; j += LANES) {
    double square[LANES] = {0}, g[LANES];
    for (int axis = 0; axis < s->axes; axis++) {
      const double *k = s->k + (size_t)axis * stride + j, at = q[axis];
      for (int l = 0; l < LANES; l++) square[l] += (k[l] - at) * (k[l] - at);
    }
    for (int l = 0; l < LANES; l++) g[l] = gate(factor * square[l]);
    for (int l = 0; l < LANES && b - j < LANES; l++) g[l] = l < b - j ? g[l] : 0;
    for (int l = 0; l < LANES; l++) sum[s->values * LANES + l] += g[l];
    const double *m = s->v + (size_t)(s->values - 1) * stride + j;
    for (int c = 0; c < s->values; c++) {
      const double *v = s->v + (size_t)c * stride + j;
      for (int l = 0; l < LANES; l++) sum[c * LANES + l] += g[l] * (mark ? clipped(v[l], m[l] - *mark) : v[l]);
    }
  }
}

static int cell_of(const sources *s, int side, double x) {
  const double c = floor((x - s->low[side]) / s->side[side]);
  return c <= 0 ? 0 : c >= s->cells[side] - 1 ? s->cells[side] - 1 : (int)c;
}

/* Extent of the sources along `axis` as cells of about reach / CELLS_IN_REACH. */
static void grid_axis(sources *s, int side, int axis, double reach, const double *row, int width) {
  s->low[side] = 0;
  s->side[side] = 1;
  s->cells[side] = 1;
  if (axis < 0 || reach <= 0 || s->n == 0) return;
  double low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; i < s->n; i++) {
    const double x = row[i * width + axis];
    low = x < low ? x : low;
    high = x > high ? x : high;
  }
  const double wanted = (high - low) * CELLS_IN_REACH / reach;
  s->cells[side] = wanted < MOST_CELLS - 1 ? 1 + (int)wanted : MOST_CELLS;
  s->low[side] = low;
  s->side[side] = high > low ? (high - low) / s->cells[side] : 1;
}

static int cell_number(const sources *s, const double *k) {
  const int second = s->axes > 1;
  return (second ? cell_of(s, 0, k[0]) : 0) * s->cells[1] + cell_of(s, 1, k[second]);
}

/* Counting sort: stable, so that within a cell global numbers ascend. */
static int sort_sources(const esp_truth_law *law, int64_t n, const double *row, sources *s) {
  const int width = law->axes + law->values;
  const size_t stride = (size_t)n + LANES;
  *s = (sources){.n = n, .axes = law->axes, .values = law->values};
  grid_axis(s, 0, law->axes > 1 ? 0 : -1, law->reach, row, width);
  grid_axis(s, 1, law->axes > 1 ? 1 : 0, law->reach, row, width);
  const int cells = s->cells[0] * s->cells[1];
  ESP_CALL(ESP_ALLOC(s->k, stride * (size_t)law->axes));
  ESP_CALL(ESP_ALLOC(s->v, stride * (size_t)law->values));
  ESP_CALL(ESP_ALLOC(s->start, cells + 2));
  ESP_CALL(ESP_ALLOC(s->place, n));
  int *next = s->start + 1;
  for (int64_t i = 0; i < n; i++) s->start[cell_number(s, row + i * width) + 2]++;
  for (int c = 0; c < cells; c++) s->start[c + 2] += s->start[c + 1];
  for (int64_t i = 0; i < n; i++) {
    const double *from = row + i * width;
    const size_t to = (size_t)next[cell_number(s, from)]++;
    s->place[i] = (int)to;
    for (int a = 0; a < law->axes; a++) s->k[(size_t)a * stride + to] = from[a];
    for (int c = 0; c < law->values; c++) s->v[(size_t)c * stride + to] = from[law->axes + c];
  }
  return ESP_OK;
}

static void sources_free(sources *s) {
  ESP_FREE(s->k);
  ESP_FREE(s->v);
  ESP_FREE(s->start);
  ESP_FREE(s->place);
}

/* All that lies in the cells which the reach of q meets; `skip`: a place that is left out, or -1. */
static void receiver_sum(const sources *s, const esp_truth_law *law, const double *q, int64_t skip, const double *mark,
                         double *partial) {
  const double reach = law->reach > 0 ? law->reach : INFINITY, factor = -0.5 / (law->h * law->h);
  const int second = s->axes > 1, one = s->cells[0] == 1;
  const int from = one ? 0 : cell_of(s, 0, q[0] - reach), to = one ? 0 : cell_of(s, 0, q[0] + reach);
  for (int row = from; row <= to; row++) {
    const double low = s->low[0] + row * s->side[0], high = low + s->side[0];
    const double away = one ? 0 : fmax(0, fmax(low - q[0], q[0] - high));
    const double half = sqrt(fmax(0, reach * reach - away * away));
    const int first = s->cells[1] == 1 ? 0 : cell_of(s, 1, q[second] - half);
    const int last = s->cells[1] == 1 ? 0 : cell_of(s, 1, q[second] + half);
    const int64_t a = s->start[row * s->cells[1] + first], b = s->start[row * s->cells[1] + last + 1];
    if (skip >= a && skip < b) {
      add_range(s, a, skip, q, factor, mark, partial);
      add_range(s, skip + 1, b, q, factor, mark, partial);
    } else {
      add_range(s, a, b, q, factor, mark, partial);
    }
  }
}

/* Everybody's (k, v) in global order. */
static int gather(const esp_comm *comm, const esp_truth_law *law, int n_home, const double *k, const double *v,
                  int64_t *n, double **all) {
  const size_t axes = (size_t)law->axes, values = (size_t)law->values, width = axes + values;
  double *mine = NULL;
  size_t *start = NULL;
  void *bytes = NULL;
  int rc = ESP_ALLOC(mine, (size_t)n_home * width);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (size_t i = 0; i < (size_t)n_home; i++) {
    memcpy(mine + i * width, k + i * axes, axes * sizeof *mine);
    memcpy(mine + i * width + axes, v + i * values, values * sizeof *mine);
  }
  ESP_TRY(comm->gather_all(comm, mine, (size_t)n_home * width * sizeof *mine, &bytes, start));
  *n = (int64_t)(start[comm->size] / (width * sizeof *mine));
  *all = bytes;
  bytes = NULL;
  ESP_NEED(*n <= INT32_MAX - LANES, ESP_ERR_LIMIT, "truth of %lld particles, at most %d", (long long)*n,
           INT32_MAX - LANES);
done:
  ESP_FREE(mine);
  ESP_FREE(start);
  return rc;
}

int esp_truth_sums(const esp_comm *comm, const esp_truth_law *law, int n_home, const double *q, const double *k,
                   const double *v, double *sum) {
  double *all = NULL, *partial = NULL;
  sources s = {0};
  int64_t n = 0, first = n_home;
  const int width = law->values + 1;
  int rc = ESP_OK;
  ESP_TRY(comm->exscan_i64(comm, &first));
  ESP_TRY(gather(comm, law, n_home, k, v, &n, &all));
  rc = sort_sources(law, n, all, &s);
  if (!rc) rc = ESP_ALLOC(partial, width * LANES);
  ESP_TRY(comm->agree(comm, rc));
  ESP_FREE(all);
  for (int i = 0; i < n_home; i++) {
    memset(partial, 0, (size_t)(width * LANES) * sizeof *partial);
    if (!law->only || law->only[i] != 0)
      receiver_sum(&s, law, q + (size_t)i * (size_t)law->axes, law->self ? -1 : s.place[first + i],
                   law->mark ? law->mark + i : NULL, partial);
    for (int c = 0; c < width; c++) {
      double total = 0;
      for (int l = 0; l < LANES; l++) total += partial[c * LANES + l];
      sum[(size_t)i * (size_t)width + (size_t)c] = total;
    }
  }
done:
  ESP_FREE(all);
  ESP_FREE(partial);
  sources_free(&s);
  return rc;
}
