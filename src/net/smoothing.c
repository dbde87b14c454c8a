#include "net/smoothing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* A particle of the sample, in the order of (hash, id). */
typedef struct {
  uint64_t hash;
  int64_t id;
  int index; /* home; then its place as ranks hand over, one after the other */
} member;

struct esp_smoothing {
  const esp_comm *comm;
  int held, count; /* of this rank, of all */
  int *home;       /* [held] home rows */
  int *handed;     /* [count] of the k-th in order: its place as ranks hand over */
  char *differ;    /* of pairs (i, j), j < i, row after row: answers differ */
};

static int by_hash(const void *a, const void *b) {
  const member *p = a, *q = b;
  if (p->hash != q->hash) return p->hash < q->hash ? -1 : 1;
  return (p->id > q->id) - (p->id < q->id);
}

/* list [*mine]: this rank's first `samples` by hash. */
static int offer(const esp_set *set, uint64_t seed, int samples, member *list, int *mine) {
  const double *weight = esp_set_role(set, ESP_WEIGHT, 0, NULL);
  int count = 0;
  for (int i = 0; i < set->n_home; i++)
    if (!weight || weight[i] > 0)
      list[count++] = (member){.hash = esp_hash_mix(seed, (uint64_t)set->id[i]), .id = set->id[i], .index = i};
  qsort(list, (size_t)count, sizeof *list, by_hash);
  *mine = esp_imin(count, samples);
  return ESP_OK;
}

/* The first of all, from what ranks offer; of this rank's the first *held are among them. all [*count] in order, which the
 * caller frees: index is the place among what ranks hand over. */
static int choose(const esp_comm *comm, int samples, const member *list, int mine, int *held, member **all,
                  int *count) {
  void *every = NULL;
  size_t *start = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(start, comm->size + 1)));
  ESP_TRY(comm->gather_all(comm, list, (size_t)mine * sizeof *list, &every, start));
  const size_t offered = start[comm->size] / sizeof *list;
  qsort(every, offered, sizeof *list, by_hash);
  *count = (int)(offered < (size_t)samples ? offered : (size_t)samples);
  for (*held = 0; *held < mine && by_hash(&list[*held], (member *)every + *count - 1) <= 0;) (*held)++;
  ESP_FREE(every);
  ESP_TRY(comm->gather_all(comm, list, (size_t)*held * sizeof *list, &every, start));
  *all = every;
  for (int m = 0; m < *count; m++) (*all)[m].index = m;
  qsort(*all, (size_t)*count, sizeof *list, by_hash);
done:
  ESP_FREE(start);
  return rc;
}

static int draw(esp_smoothing *s, const esp_set *set, int samples, uint64_t seed) {
  const esp_comm *comm = s->comm;
  member *list = NULL, *all = NULL;
  int mine = 0, rc = ESP_ALLOC(list, set->n_home);
  if (!rc) rc = offer(set, seed, samples, list, &mine);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(choose(comm, samples, list, mine, &s->held, &all, &s->count));
  const size_t count = (size_t)s->count;
  rc = ESP_ALLOC(s->home, s->held);
  if (!rc) rc = ESP_ALLOC(s->handed, s->count);
  if (!rc) rc = ESP_ALLOC(s->differ, count * (count + 1) / 2);
  ESP_TRY(comm->agree(comm, rc));
  for (int k = 0; k < s->held; k++) s->home[k] = list[k].index;
  for (int k = 0; k < s->count; k++) s->handed[k] = all[k].index;
done:
  ESP_FREE(list);
  ESP_FREE(all);
  return rc;
}

/* Rows of the sample in order, [count][width], which the caller frees. */
static int collect(const esp_smoothing *s, int width, const double *rows, double **sample) {
  const esp_comm *comm = s->comm;
  const size_t wide = (size_t)width, unit = wide * sizeof *rows;
  double *mine = NULL;
  void *every = NULL;
  size_t *start = NULL;
  int rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = ESP_ALLOC(mine, (size_t)s->held * wide);
  if (!rc) rc = ESP_ALLOC(*sample, (size_t)s->count * wide);
  ESP_TRY(comm->agree(comm, rc));
  for (int k = 0; k < s->held; k++) memcpy(mine + (size_t)k * wide, rows + (size_t)s->home[k] * wide, unit);
  ESP_TRY(comm->gather_all(comm, mine, (size_t)s->held * unit, &every, start));
  for (int k = 0; k < s->count; k++)
    memcpy(*sample + (size_t)k * wide, (const double *)every + (size_t)s->handed[k] * wide, unit);
done:
  ESP_FREE(mine);
  ESP_FREE(every);
  ESP_FREE(start);
  return rc;
}

static double square(size_t width, const double *a, const double *b) {
  double sum = 0;
  for (size_t c = 0; c < width; c++) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

/* Targets [count][width], each over its spread, if it has any. */
static void even(int count, int width, double *target) {
  const size_t n = (size_t)count, wide = (size_t)width;
  for (size_t c = 0; c < wide; c++) {
    double mean = 0, variance = 0;
    for (size_t k = 0; k < n; k++) mean += target[k * wide + c] / count;
    for (size_t k = 0; k < n; k++) variance += (target[k * wide + c] - mean) * (target[k * wide + c] - mean) / count;
    for (size_t k = 0; k < n && variance > 0; k++) target[k * wide + c] /= sqrt(variance);
  }
}

static void compare(const esp_smoothing *s, int width, const double *target) {
  const size_t n = (size_t)s->count, wide = (size_t)width;
  double sum = 0;
  size_t p = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) sum += square(wide, target + i * wide, target + j * wide);
  const double mean = n > 1 ? sum / ((double)n * (double)(n - 1) / 2) : 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) s->differ[p++] = square(wide, target + i * wide, target + j * wide) > mean;
}

int esp_smoothing_create(const esp_comm *comm, const esp_set *set, int samples, uint64_t seed, esp_smoothing **made) {
  const int width = esp_set_role_width(set, ESP_TARGET);
  const double *rows;
  double *own = NULL, *target = NULL;
  int rc = ESP_ALLOC(*made, 1);
  if (*made) (*made)->comm = comm;
  if (!rc) rc = esp_set_rows(set, ESP_TARGET, &rows, &own);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(draw(*made, set, samples, seed));
  ESP_TRY(collect(*made, width, rows, &target));
  even((*made)->count, width, target);
  compare(*made, width, target);
done:
  ESP_FREE(own);
  ESP_FREE(target);
  return rc;
}

void esp_smoothing_free(esp_smoothing **smoothing) {
  esp_smoothing *s = *smoothing;
  if (s) ESP_FREE(s->home);
  if (s) ESP_FREE(s->handed);
  if (s) ESP_FREE(s->differ);
  ESP_FREE(*smoothing);
}

int esp_smoothing_samples(const esp_smoothing *smoothing) {
  return smoothing->count;
}

int esp_smoothing_of(const esp_smoothing *s, int width, const double *rows, double *ratio, double *spread) {
  enum { ALIKE, DIFFER };
  const size_t n = (size_t)s->count, wide = (size_t)width;
  double sum[2] = {0, 0}, pairs[2] = {0, 0}, from_0 = 0, *sample = NULL;
  size_t p = 0;
  int rc;
  ESP_TRY(collect(s, width, rows, &sample));
  for (size_t i = 0; i < n; i++) {
    for (size_t c = 0; c < wide; c++) from_0 += sample[i * wide + c] * sample[i * wide + c];
    for (size_t j = 0; j < i; j++, p++) {
      sum[(int)s->differ[p]] += square(wide, sample + i * wide, sample + j * wide);
      pairs[(int)s->differ[p]]++;
    }
  }
  const double all = (sum[ALIKE] + sum[DIFFER]) / (pairs[ALIKE] + pairs[DIFFER]);
  *ratio = sqrt(sum[DIFFER] / pairs[DIFFER] / (sum[ALIKE] / pairs[ALIKE]));
  *spread = sqrt(all / (2 * from_0 / (double)n));
  if (!isfinite(*ratio)) *ratio = NAN;
  if (!isfinite(*spread)) *spread = NAN;
done:
  ESP_FREE(sample);
  return rc;
}
