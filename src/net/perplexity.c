#include "net/perplexity.h"

#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/set.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, STEPS = 20 };

/* The receivers that are asked, the same on every rank. */
typedef struct {
  int count, d;
  double *row;  /* [count][1 + d] number, key */
  double *near; /* [count] least |z_i - z_j|^2 */
  double far;   /* the largest */
  int64_t *acc; /* [count][2][WORDS] */
} asked;

static int is_asked(int64_t n, int64_t number) {
  const int64_t wanted = n < ESP_PERPLEXITY_SAMPLE ? n : ESP_PERPLEXITY_SAMPLE;
  return (int64_t)((__int128)(number + 1) * wanted / n) > (int64_t)((__int128)number * wanted / n);
}

static int gather(const esp_comm *comm, int64_t n, int64_t first, int n_home, const double *z, asked *a) {
  const size_t width = (size_t)a->d + 1;
  double *mine = NULL;
  size_t *start = NULL, count = 0;
  void *all = NULL;
  int rc = ESP_ALLOC(mine, (size_t)n_home * width);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < n_home; i++) {
    if (!is_asked(n, first + i)) continue;
    mine[count * width] = (double)(first + i);
    memcpy(mine + count++ * width + 1, z + (size_t)i * (size_t)a->d, (size_t)a->d * sizeof *z);
  }
  ESP_TRY(comm->gather_all(comm, mine, count * width * sizeof *mine, &all, start));
  a->row = all;
  a->count = (int)(start[comm->size] / (width * sizeof *mine));
  rc = ESP_ALLOC(a->near, a->count);
  if (!rc) rc = ESP_ALLOC(a->acc, (size_t)a->count * 2 * WORDS);
  ESP_TRY(comm->agree(comm, rc));
done:
  ESP_FREE(mine);
  ESP_FREE(start);
  return rc;
}

static double square(int d, const double *a, const double *b) {
  double sum = 0;
  for (int c = 0; c < d; c++) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

/* Least and largest distances of what is asked. */
static int find_range(const esp_comm *comm, int64_t first, int n_home, const double *z, asked *a) {
  for (int i = 0; i < a->count; i++) a->near[i] = -INFINITY;
  for (int i = 0; i < a->count; i++) {
    const double *row = a->row + (size_t)i * ((size_t)a->d + 1);
    for (int j = 0; j < n_home; j++) {
      if (row[0] == (double)(first + j)) continue;
      const double r = square(a->d, row + 1, z + (size_t)j * (size_t)a->d);
      a->near[i] = fmax(a->near[i], -r);
      a->far = fmax(a->far, r);
    }
  }
  ESP_CALL(comm->max_f64(comm, a->near, (size_t)a->count));
  for (int i = 0; i < a->count; i++) a->near[i] = -a->near[i];
  return comm->max_f64(comm, &a->far, 1);
}

/* How many of them hear of more than exp(entropy) senders. One term a (group of senders, sum). */
static int count_above(const esp_comm *comm, int64_t first, int n_home, const double *z, double t, double entropy,
                       asked *a, int *above) {
  memset(a->acc, 0, (size_t)a->count * 2 * WORDS * sizeof *a->acc);
  for (int i = 0; i < a->count; i++) {
    const double *row = a->row + (size_t)i * ((size_t)a->d + 1);
    for (int begin = 0; begin < n_home; begin += ESP_GROUP) {
      double term[2] = {0};
      for (int j = begin; j < n_home && j < begin + ESP_GROUP; j++) {
        if (row[0] == (double)(first + j)) continue;
        const double e = (square(a->d, row + 1, z + (size_t)j * (size_t)a->d) - a->near[i]) / (2 * t), w = exp(-e);
        term[0] += w;
        term[1] += w > 0 ? w * e : 0;
      }
      esp_exact_add_row(&ESP_EXACT_FULL, a->acc + (size_t)i * 2 * WORDS, term, 2);
    }
  }
  esp_exact_carry(&ESP_EXACT_FULL, a->acc, (size_t)a->count * 2);
  ESP_CALL(comm->sum_i64(comm, a->acc, (size_t)a->count * 2 * WORDS));
  *above = 0;
  for (int i = 0; i < a->count; i++) {
    const double sum = esp_exact_value(&ESP_EXACT_FULL, a->acc + (size_t)i * 2 * WORDS);
    *above += log(sum) + esp_exact_value(&ESP_EXACT_FULL, a->acc + ((size_t)i * 2 + 1) * WORDS) / sum > entropy;
  }
  return ESP_OK;
}

int esp_perplexity_temperature(const esp_comm *comm, int64_t n, int64_t first, int n_home, int d, const double *z,
                               double perplexity, double *t) {
  asked a = {.d = d};
  const double entropy = log(perplexity < (double)(n - 1) ? perplexity : (double)(n - 1) / 2);
  double low, high;
  int above = 0, rc;
  *t = 1;
  if (n < 3) return ESP_OK;
  ESP_TRY(gather(comm, n, first, n_home, z, &a));
  ESP_TRY(find_range(comm, first, n_home, z, &a));
  if (!(a.far > 0)) goto done;
  low = log(a.far) - 30, high = log(a.far) + 5;
  for (int s = 0; s < STEPS; s++) {
    const double middle = (low + high) / 2;
    ESP_TRY(count_above(comm, first, n_home, z, exp(middle), entropy, &a, &above));
    if (2 * above > a.count)
      high = middle;
    else
      low = middle;
  }
  *t = exp((low + high) / 2);
done:
  ESP_FREE(a.row);
  ESP_FREE(a.near);
  ESP_FREE(a.acc);
  return rc;
}
