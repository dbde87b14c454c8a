/* Graphs of any size, each rank its own share. n places q = 0 .. n - 1 on a ring; node i is at place
 *
 *   q(i) = (a i + b) mod n,   a prime to n: neighbours in place are none in number; class floor(K q / n)
 *   x_c  = sqrt(2) cos(2 pi (h_c q / n + phi_c)) + noise N(0, 1),   1 <= h_c <= 4
 *
 * Edges are those of a circulant graph, each kept with probability 1/2: of offsets d_1 .. d_M, near ones up to reach n, others
 * anywhere, the edge of places q and q + d_m is there where a hash of (seed, q, m) is even. Both ends find it by themselves.
 * M = degree offsets give a node about `degree` neighbours: 2 M of them at 1/2. O(degree) time a node. */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "tasks/nodes/data.h"

enum { STREAM = 0x6e6f6465, FREQUENCIES = 4 };

typedef struct {
  int64_t n, a, back, b; /* q = a i + b, i = back (q - b), all mod n */
  uint64_t seed;
  int offsets;
  int64_t *offset; /* [offsets] ascending */
} ring;

static int64_t times(const ring *r, int64_t a, int64_t b) {
  return (int64_t)((__int128)a * b % r->n);
}

static int64_t place_of(const ring *r, int64_t i) {
  return (times(r, r->a, i) + r->b) % r->n;
}

static int64_t node_at(const ring *r, int64_t q) {
  return times(r, r->back, (q - r->b + r->n) % r->n);
}

/* *inverse of a mod n, by Euclid's steps; 0: a is not prime to n. */
static int invert(int64_t a, int64_t n, int64_t *inverse) {
  int64_t r = n, next = a % n, t = 0, t_next = 1;
  while (next) {
    const int64_t whole = r / next, left = r - whole * next, more = t - whole * t_next;
    r = next, next = left, t = t_next, t_next = more;
  }
  *inverse = (t % n + n) % n;
  return r == 1;
}

static void turn(ring *r) {
  if (r->n == 1) {
    r->a = r->back = r->b = 0;
    return;
  }
  r->b = (int64_t)esp_rng_below(r->seed, 1, ESP_RNG_POSITION, 0, (uint64_t)r->n);
  for (uint32_t k = 0;; k++) {
    r->a = 1 + (int64_t)esp_rng_below(r->seed, 0, ESP_RNG_POSITION, k, (uint64_t)(r->n - 1));
    if (invert(r->a, r->n, &r->back)) break;
  }
}

/* Up to `count` offsets in (above, most], one of each of as many stretches of the same length. */
static void add_offsets(ring *r, int64_t above, int64_t most, int64_t count, uint32_t stream) {
  const int64_t room = most - above;
  if (count > room) count = room > 0 ? room : 0;
  for (int64_t m = 0; m < count; m++) {
    const int64_t from = (int64_t)((__int128)room * m / count), to = (int64_t)((__int128)room * (m + 1) / count);
    const uint64_t drawn = esp_rng_below(r->seed, (uint64_t)m, ESP_RNG_SAMPLE, stream, (uint64_t)(to - from));
    r->offset[r->offsets++] = above + 1 + from + (int64_t)drawn;
  }
}

/* Offsets of less than half the ring: an edge then has one offset, from one of its ends. */
static int begin(const esp_nodes_data *data, int64_t n, int64_t number, ring *r) {
  const uint64_t seed = esp_rng_bits(data->seed, STREAM, ESP_RNG_CLOUD, 0);
  const int64_t half = (n - 1) / 2, any = llround(data->any * data->degree);
  int64_t near = (int64_t)ceil(data->reach * (double)n);
  *r = (ring){.n = n, .seed = esp_rng_bits(seed, (uint64_t)number, ESP_RNG_CLOUD, 0)};
  if (near > half) near = half;
  turn(r);
  ESP_CALL(ESP_ALLOC(r->offset, data->degree));
  add_offsets(r, 0, near, data->degree - any, 0);
  add_offsets(r, near, half, any, 1);
  return ESP_OK;
}

static int is_edge(const ring *r, int64_t q, int m) {
  return (esp_hash_mix(esp_hash_mix(r->seed, (uint64_t)q), (uint64_t)m) >> 32 & 1) == 0;
}

/* Neighbours of node i, in no order; their number. to [2 offsets]. */
static int neighbours(const ring *r, int64_t i, int64_t *to) {
  const int64_t q = place_of(r, i);
  int count = 0;
  for (int m = 0; m < r->offsets; m++) {
    const int64_t on = (q + r->offset[m]) % r->n, before = (q - r->offset[m] + r->n) % r->n;
    if (is_edge(r, q, m)) to[count++] = node_at(r, on);
    if (is_edge(r, before, m)) to[count++] = node_at(r, before);
  }
  return count;
}

static int draw_edges(const ring *r, esp_set *set) {
  esp_csr *csr = &set->csr[ESP_NODES_EDGES];
  int64_t *to = NULL, entries = 0, twice;
  int rc, row;
  ESP_TRY(ESP_ALLOC(to, 2 * r->offsets));
  for (int i = 0; i < set->n_home; i++) entries += neighbours(r, set->first + i, to);
  esp_csr_free(csr);
  ESP_TRY(esp_csr_create(set->n_home, set->n, entries, 0, csr));
  for (int i = 0; i < set->n_home; i++)
    csr->start[i + 1] = csr->start[i] + neighbours(r, set->first + i, csr->index + csr->start[i]);
  ESP_TRY(esp_csr_sort(csr, &row, &twice));
  ESP_NEED(row < 0, ESP_ERR_INTERNAL, "an edge to %lld stands twice", (long long)twice);
done:
  ESP_FREE(to);
  return rc;
}

static void draw_features(const esp_nodes_data *data, const ring *r, esp_set *set) {
  const double turn = 2 * acos(-1.0);
  const size_t width = (size_t)data->width;
  for (size_t c = 0; c < width; c++) {
    const double h = 1 + (double)esp_rng_below(r->seed, c, ESP_RNG_WEIGHT, 0, FREQUENCIES);
    const double phase = esp_rng_uniform(r->seed, c, ESP_RNG_WEIGHT, 1);
    for (int i = 0; i < set->n_home; i++) {
      const uint64_t id = (uint64_t)(set->first + i);
      const double place = ((double)place_of(r, set->first + i) + 0.5) / (double)r->n;
      set->value[ESP_NODES_X][(size_t)i * width + c] =
          sqrt(2.0) * cos(turn * (h * place + phase)) +
          (data->noise > 0 ? data->noise * esp_rng_normal(r->seed, id, ESP_RNG_VELOCITY, (uint32_t)c) : 0);
    }
  }
}

int esp_nodes_draw(const esp_nodes_data *data, const esp_comm *comm, int64_t n, int64_t number, esp_set *set) {
  const int K = data->classes;
  ring r;
  int64_t count;
  int rc;
  *set = (esp_set){.n = n, .layout = &esp_nodes_layout};
  set->width[ESP_NODES_X] = data->width;
  set->width[ESP_NODES_EDGES] = 1;
  set->width[ESP_NODES_CLASS] = K;
  esp_set_share(n, comm->rank, comm->size, &set->first, &count);
  ESP_CHECK(count <= INT32_MAX, ESP_ERR_LIMIT, "%lld nodes on one rank, at most %d", (long long)count, INT32_MAX);
  set->n_home = (int)count;
  ESP_CALL(begin(data, n, number, &r));
  ESP_TRY(esp_set_create(set));
  for (int i = 0; i < set->n_home; i++) {
    const int64_t q = place_of(&r, set->first + i);
    set->id[i] = set->first + i;
    set->value[ESP_NODES_CLASS][(size_t)i * (size_t)K + (size_t)((__int128)K * q / n)] = 1;
  }
  draw_features(data, &r, set);
  ESP_TRY(draw_edges(&r, set));
done:
  ESP_FREE(r.offset);
  if (rc) esp_set_free(set);
  return rc;
}
