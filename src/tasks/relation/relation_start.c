#include "tasks/relation/relation_start.h"

#include <inttypes.h>
#include <math.h>

#include "base/rng.h"
#include "net/aggregate.h"
#include "tasks/relation/relation_truth.h"

static const double NEAREST_ORIGIN = 0.2, FARTHEST_ORIGIN = 0.4;
/* Numbers of the streams that seeds of their own are taken from, so that neither the map nor a set meets the numbers
 * that the run's seed gives to others. */
enum { STREAM_MAP = 0x6d6170, STREAM_SET = 0x736574 };

const char *esp_relation_law_name(int law) {
  static const char *const name[] = {"subspace", "circles", "upstream", "twice", "compare", "file"};
  return law >= 0 && law <= ESP_RELATION_KINDS ? name[law] : NULL;
}

static int targets_of(const esp_relation_start *start) {
  return start->kind == ESP_RELATION_COMPARE ? start->values - 1 : start->values;
}

void esp_relation_widths(const esp_relation_start *start, int width[ESP_COLUMNS]) {
  const int two = start->kind == ESP_RELATION_UPSTREAM || start->kind == ESP_RELATION_TWICE;
  width[ESP_FEATURE_X] = start->features;
  width[ESP_FEATURE_V] = start->values;
  width[ESP_FEATURE_Y] = start->truth == ESP_TRUTH_NONE ? 0 : targets_of(start);
  width[ESP_FEATURE_WEIGHT] = start->kind == ESP_RELATION_UPSTREAM || start->sample > 0;
  width[ESP_FEATURE_Z] = two ? 2 * start->hidden : start->hidden;
}

static int64_t map_rows(const esp_relation_start *start) {
  const int two = start->kind == ESP_RELATION_CIRCLES || start->kind == ESP_RELATION_TWICE;
  return (int64_t)start->hidden * (two ? 2 : 1) + (start->kind == ESP_RELATION_COMPARE);
}

/* Are the sums that all particles need taken over all pairs? */
static int all_of_all(const esp_relation_start *start) {
  return start->truth == ESP_TRUTH_ALL_PAIRS || (start->truth == ESP_TRUTH_BY_SIZE && start->n <= ESP_RELATION_DIRECT);
}

int esp_relation_all_pairs(const esp_relation_start *start) {
  return all_of_all(start) || (start->truth == ESP_TRUTH_BY_SIZE && start->sample > 0);
}

int esp_relation_start_check(const esp_relation_start *s) {
  ESP_CHECK(s->kind >= ESP_RELATION_SUBSPACE && s->kind < ESP_RELATION_KINDS, ESP_ERR_CONFIG,
            "kind of relation %d is not known", (int)s->kind);
  const char *kind = esp_relation_law_name(s->kind);
  ESP_CHECK(s->n >= 0, ESP_ERR_CONFIG, "%s: a set of %" PRId64 " particles, must be >= 0", kind, s->n);
  ESP_CHECK(s->hidden >= 1, ESP_ERR_CONFIG, "%s: %d hidden coordinates, must be >= 1", kind, s->hidden);
  const int fewest = s->kind == ESP_RELATION_COMPARE ? 2 : 1;
  ESP_CHECK(s->values >= fewest, ESP_ERR_CONFIG, "%s: %d values a particle, must be >= %d", kind, s->values, fewest);
  ESP_CHECK(s->h > 0 && isfinite(s->h), ESP_ERR_CONFIG, "%s: width h of the gate is %g, must be > 0", kind, s->h);
  ESP_CHECK(s->draw >= 0, ESP_ERR_CONFIG, "%s: draw %" PRId64 ", must be >= 0", kind, s->draw);
  ESP_CHECK(s->sample >= 0, ESP_ERR_CONFIG, "%s: a sample of %" PRId64 " targets, must be >= 0", kind, s->sample);
  ESP_CHECK(s->sample == 0 || s->truth != ESP_TRUTH_NONE, ESP_ERR_CONFIG,
            "%s: a sample of %" PRId64 " targets of no truth; must be 0 without targets", kind, s->sample);
  if (s->kind == ESP_RELATION_UPSTREAM) {
    ESP_CHECK(s->features == 4 && s->hidden == 2, ESP_ERR_CONFIG,
              "%s: %d features, %d hidden coordinates; it has 4 (place, displacement) and 2", kind, s->features,
              s->hidden);
    return ESP_OK;
  }
  const int64_t least = map_rows(s);
  ESP_CHECK(s->features >= least, ESP_ERR_CONFIG, "%s: %d features, must be >= %" PRId64 " for %d hidden coordinates",
            kind, s->features, least, s->hidden);
  return ESP_OK;
}

/* ---- the hidden map ---- */

static double dot(int n, const double *a, const double *b) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

int esp_relation_map(const esp_relation_start *start, double *map) {
  const int rows = (int)map_rows(start), D = start->features;
  const uint64_t seed = esp_rng_bits(start->seed, STREAM_MAP, ESP_RNG_CLOUD, 0);
  for (int a = 0; a < rows; a++) {
    double *row = map + (size_t)a * (size_t)D;
    for (int k = 0; k < D; k++) row[k] = esp_rng_normal(seed, (uint64_t)a, ESP_RNG_WEIGHT, (uint32_t)k);
    /* twice is enough: the second round takes out what rounding left in the first */
    for (int round = 0; round < 2; round++) {
      for (int b = 0; b < a; b++) {
        const double *other = map + (size_t)b * (size_t)D, part = dot(D, row, other);
        for (int k = 0; k < D; k++) row[k] -= part * other[k];
      }
      const double norm = sqrt(dot(D, row, row));
      ESP_CHECK(norm > 0, ESP_ERR_INTERNAL, "row %d of the hidden map depends on those before it", a);
      for (int k = 0; k < D; k++) row[k] /= norm;
    }
  }
  return ESP_OK;
}

/* ---- particles ---- */

/* z: so many hidden coordinates. */
static void draw_features(const esp_relation_start *start, uint64_t seed, const double *map, uint64_t id, int hidden,
                          double *x, double *z) {
  const int D = start->features;
  for (int k = 0; k < D; k++) x[k] = esp_rng_normal(seed, id, ESP_RNG_POSITION, (uint32_t)k);
  for (int a = 0; a < hidden; a++) {
    if (start->kind != ESP_RELATION_CIRCLES) {
      z[a] = dot(D, map + (size_t)a * (size_t)D, x);
    } else {
      const double *plane = map + 2 * (size_t)a * (size_t)D, u = dot(D, plane, x), w = dot(D, plane + D, x);
      z[a] = sqrt(u * u + w * w);
    }
  }
}

/* Place, displacement, and both hidden places; is the origin in the square? */
static int draw_upstream(uint64_t seed, uint64_t id, double *x, double *z) {
  int inside = 1;
  const double angle = 2 * 3.14159265358979323846 * esp_rng_uniform(seed, id, ESP_RNG_VELOCITY, 0);
  const double far =
      NEAREST_ORIGIN + (FARTHEST_ORIGIN - NEAREST_ORIGIN) * esp_rng_uniform(seed, id, ESP_RNG_VELOCITY, 1);
  x[2] = far * cos(angle);
  x[3] = far * sin(angle);
  for (int k = 0; k < 2; k++) {
    x[k] = esp_rng_uniform(seed, id, ESP_RNG_POSITION, (uint32_t)k);
    z[k] = x[k];
    z[2 + k] = x[k] - x[2 + k];
    inside &= z[2 + k] >= 0 && z[2 + k] <= 1;
  }
  return inside;
}

static uint64_t set_seed(const esp_relation_start *start) {
  return esp_rng_bits(start->seed, (uint64_t)start->draw, ESP_RNG_CLOUD, STREAM_SET);
}

static void draw_particles(const esp_relation_start *start, const double *map, esp_set *set) {
  const uint64_t seed = set_seed(start);
  const int *width = set->width, hidden = width[ESP_FEATURE_Z];
  double *weight = set->value[ESP_FEATURE_WEIGHT];
  for (int i = 0; i < set->n_home; i++) {
    const uint64_t id = (uint64_t)(set->first + i);
    double *x = set->value[ESP_FEATURE_X] + (size_t)i * (size_t)width[ESP_FEATURE_X];
    double *v = set->value[ESP_FEATURE_V] + (size_t)i * (size_t)width[ESP_FEATURE_V];
    double *z = set->value[ESP_FEATURE_Z] + (size_t)i * (size_t)hidden;
    set->id[i] = (int64_t)id;
    if (weight) weight[i] = 1;
    if (start->kind == ESP_RELATION_UPSTREAM)
      weight[i] = draw_upstream(seed, id, x, z);
    else
      draw_features(start, seed, map, id, hidden, x, z);
    for (int c = 0; c < start->values; c++) v[c] = esp_rng_normal(seed, id, ESP_RNG_MASS, (uint32_t)c);
  }
}

/* ---- a sample of them, to be scored alone ---- */

static int64_t count_up_to(const esp_set *set, const uint64_t *number, uint64_t most) {
  int64_t count = 0;
  for (int i = 0; i < set->n_home; i++) count += set->value[ESP_FEATURE_WEIGHT][i] != 0 && number[i] <= most;
  return count;
}

/* The least number that k particles do not exceed, by halving: 64 counts, whatever the ranks hold. */
static int find_threshold(const esp_comm *comm, const esp_set *set, const uint64_t *number, int64_t k,
                          uint64_t *threshold) {
  uint64_t low = 0, high = UINT64_MAX;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    int64_t count = count_up_to(set, number, middle);
    ESP_CALL(comm->sum_i64(comm, &count, 1));
    if (count >= k)
      high = middle;
    else
      low = middle + 1;
  }
  *threshold = low;
  return ESP_OK;
}

/* Of the particles of weight other than 0, those with the k least numbers drawn by (seed, id) keep their weight (all of
 * them where there are no more; k + 1 where two of the 64-bit numbers are alike); the others' becomes 0. So a sample of
 * k is part of one of k + 1, and the same on any number of ranks. */
static int take_sample(const esp_comm *comm, uint64_t seed, int64_t k, esp_set *set) {
  uint64_t *number = NULL, threshold;
  int rc = ESP_OK;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(number, set->n_home)));
  for (int i = 0; i < set->n_home; i++) number[i] = esp_rng_bits(seed, (uint64_t)set->id[i], ESP_RNG_SAMPLE, 0);
  ESP_TRY(find_threshold(comm, set, number, k, &threshold));
  for (int i = 0; i < set->n_home; i++) {
    if (number[i] > threshold) set->value[ESP_FEATURE_WEIGHT][i] = 0;
  }
done:
  ESP_FREE(number);
  return rc;
}

/* ---- targets ---- */

/* One hop's rows, [n_home] each. */
typedef struct {
  double *sum;               /* [F + 1] */
  double *sender, *receiver; /* [r] */
  double *mark;              /* NULL or 1 */
  const double *only;        /* NULL, or borrowed: 0 where no sums are wanted */
} hop;

static void hop_free(hop *h) {
  ESP_FREE(h->sum);
  ESP_FREE(h->sender);
  ESP_FREE(h->receiver);
  ESP_FREE(h->mark);
}

static int hop_create(const esp_relation_start *start, size_t rows, hop *h) {
  const size_t r = (size_t)start->hidden;
  ESP_CALL(ESP_ALLOC(h->sum, rows * (size_t)(start->values + 1)));
  ESP_CALL(ESP_ALLOC(h->sender, rows * r));
  ESP_CALL(ESP_ALLOC(h->receiver, rows * r));
  if (start->kind == ESP_RELATION_COMPARE) ESP_CALL(ESP_ALLOC(h->mark, rows));
  return ESP_OK;
}

/* Senders' and receivers' places: columns sender .. and receiver .. of the hidden coordinates. to [n_home][T] = the
 * sums of `values` [n_home][F]; it may be the values themselves. */
static int run_hop(const esp_comm *comm, const esp_relation_start *start, const esp_set *set, int sender, int receiver,
                   const double *values, hop *h, double *to) {
  const int r = start->hidden, F = start->values, T = targets_of(start);
  const int upstream = start->kind == ESP_RELATION_UPSTREAM;
  esp_truth_law law = {.axes = r, .values = F, .h = start->h, .self = upstream, .mark = h->mark, .only = h->only};
  if (!(h->only ? esp_relation_all_pairs(start) : all_of_all(start))) law.reach = ESP_RELATION_REACH * start->h;
  for (int i = 0; i < set->n_home; i++) {
    const double *z = set->value[ESP_FEATURE_Z] + (size_t)i * (size_t)set->width[ESP_FEATURE_Z];
    for (int a = 0; a < r; a++) {
      h->sender[i * r + a] = z[sender + a];
      h->receiver[i * r + a] = z[receiver + a];
    }
  }
  ESP_CALL(esp_truth_sums(comm, &law, set->n_home, h->receiver, h->sender, values, h->sum));
  for (int i = 0; i < set->n_home; i++) {
    const double *from = h->sum + (size_t)i * (size_t)(F + 1);
    const double over = upstream || start->average ? from[F] + ESP_AGGREGATE_FLOOR : 1;
    for (int c = 0; c < T; c++) to[(size_t)i * (size_t)T + (size_t)c] = from[c] / over;
  }
  return ESP_OK;
}

static int make_targets(const esp_comm *comm, const esp_relation_start *start, const double *map, esp_set *set) {
  const int r = start->hidden, D = start->features;
  double *const *value = set->value, *y = value[ESP_FEATURE_Y];
  hop h = {0};
  int rc = ESP_OK;
  ESP_TRY(comm->agree(comm, hop_create(start, (size_t)set->n_home, &h)));
  for (int i = 0; i < set->n_home && h.mark; i++)
    h.mark[i] = dot(D, map + (size_t)r * (size_t)D, value[ESP_FEATURE_X] + (size_t)i * (size_t)D);
  const int receiver = start->kind == ESP_RELATION_UPSTREAM ? r : 0, twice = start->kind == ESP_RELATION_TWICE;
  const double *const only = start->sample > 0 ? value[ESP_FEATURE_WEIGHT] : NULL;
  h.only = twice ? NULL : only;
  ESP_TRY(run_hop(comm, start, set, 0, receiver, value[ESP_FEATURE_V], &h, y));
  h.only = only;
  if (twice) ESP_TRY(run_hop(comm, start, set, r, r, y, &h, y));
done:
  hop_free(&h);
  return rc;
}

int esp_relation_make(const esp_comm *comm, const esp_relation_start *start, esp_set *set) {
  const int upstream = start->kind == ESP_RELATION_UPSTREAM;
  int64_t count;
  double *map = NULL;
  int rc = ESP_OK;
  *set = (esp_set){.n = start->n, .layout = &esp_relation_layout};
  ESP_CALL(esp_relation_start_check(start));
  esp_relation_widths(start, set->width);
  set->about[ESP_FEATURE_AVERAGE].whole = start->average;
  set->about[ESP_FEATURE_H].real = start->h;
  set->about[ESP_FEATURE_SEED].whole = (int64_t)start->seed;
  set->about[ESP_FEATURE_LAW].whole = start->kind;
  esp_set_share(start->n, comm->rank, comm->size, &set->first, &count);
  if (count > INT32_MAX)
    rc = ESP_FAIL(ESP_ERR_LIMIT, "%" PRId64 " particles on one rank, at most %d", count, INT32_MAX);
  set->n_home = (int)count;
  if (!rc) rc = esp_set_create(set);
  if (!rc) rc = ESP_ALLOC(map, (size_t)map_rows(start) * (size_t)start->features);
  if (!rc && !upstream) rc = esp_relation_map(start, map);
  ESP_TRY(comm->agree(comm, rc));
  draw_particles(start, map, set);
  if (start->sample > 0) ESP_TRY(take_sample(comm, set_seed(start), start->sample, set));
  if (set->width[ESP_FEATURE_Y]) ESP_TRY(make_targets(comm, start, map, set));
done:
  ESP_FREE(map);
  if (rc) esp_set_free(set);
  return rc;
}
