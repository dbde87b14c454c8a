/* The graph of nearest nodes in raw features: by the cosine of their numbers; of words, by that of which of them they have (1 or
 * 0; an entry of value 0 is none), which makes a better graph than how much each word tells (docs/figures/nodes.md). */
#include <math.h>
#include <string.h>

#include "tasks/nodes/show.h"

/* Rows of all nodes on every rank: of words start and index, or of numbers value. */
typedef struct {
  int64_t n;
  int columns, sparse;
  int64_t *start, *index; /* [n + 1] */
  double *value, *norm;   /* norm [n] */
  int64_t *holders, *who; /* of each word [columns + 1], who has it */
} rows;

static void free_rows(rows *r) {
  ESP_FREE(r->start);
  ESP_FREE(r->index);
  ESP_FREE(r->value);
  ESP_FREE(r->norm);
  ESP_FREE(r->holders);
  ESP_FREE(r->who);
}

/* `bytes` of every rank, one after the other. Collective. */
static int gather(const esp_comm *comm, const void *mine, size_t bytes, void *all) {
  size_t *start = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(start, comm->size + 1)));
  ESP_TRY(comm->gather_all(comm, mine, bytes, all, start));
done:
  ESP_FREE(start);
  return rc;
}

static int gather_words(const esp_comm *comm, const esp_csr *csr, rows *r) {
  const size_t n = (size_t)r->n;
  size_t entries = 0;
  int64_t *length = NULL, *index = NULL;
  void *lengths = NULL;
  int rc = ESP_ALLOC(length, csr->rows);
  if (!rc) rc = ESP_ALLOC(index, csr->start[csr->rows]);
  if (!rc) rc = ESP_ALLOC(r->start, n + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < csr->rows; i++)
    for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++)
      if (!csr->value || csr->value[e] != 0) index[entries++] = csr->index[e], length[i]++;
  ESP_TRY(gather(comm, length, (size_t)csr->rows * sizeof *length, &lengths));
  for (size_t i = 0; i < n; i++) r->start[i + 1] = r->start[i] + ((const int64_t *)lengths)[i];
  ESP_TRY(gather(comm, index, entries * sizeof *index, &r->index));
done:
  ESP_FREE(length);
  ESP_FREE(index);
  ESP_FREE(lengths);
  return rc;
}

/* Who has each word, in ascending order. Local. */
static int turn_words(rows *r) {
  const int64_t entries = r->start[r->n];
  ESP_CALL(ESP_ALLOC(r->holders, r->columns + 1));
  ESP_CALL(ESP_ALLOC(r->who, entries));
  for (int64_t e = 0; e < entries; e++) r->holders[r->index[e] + 1]++;
  for (int c = 0; c < r->columns; c++) r->holders[c + 1] += r->holders[c];
  for (int64_t i = 0; i < r->n; i++)
    for (int64_t e = r->start[i]; e < r->start[i + 1]; e++)
      r->who[r->holders[r->index[e]]++] = i; /* ends as the start of the next word */
  memmove(r->holders + 1, r->holders, (size_t)r->columns * sizeof *r->holders);
  r->holders[0] = 0;
  return ESP_OK;
}

static int take_rows(const esp_comm *comm, const esp_set *set, rows *r) {
  const esp_csr *csr = esp_set_csr(set, ESP_INPUT, ESP_SPARSE);
  *r = (rows){.n = set->n, .sparse = csr != NULL, .columns = esp_set_role_width(set, ESP_INPUT)};
  if (csr) r->columns = (int)csr->columns;
  if (!csr) r->columns = set->width[ESP_NODES_X];
  const size_t width = (size_t)r->columns;
  if (csr)
    ESP_CALL(gather_words(comm, csr, r));
  else
    ESP_CALL(gather(comm, set->value[ESP_NODES_X], (size_t)set->n_home * width * sizeof *r->value, &r->value));
  int rc = ESP_ALLOC(r->norm, r->n);
  if (!rc && csr) rc = turn_words(r);
  ESP_AGREE(comm, rc);
  for (int64_t i = 0; i < r->n; i++) {
    const int64_t first = csr ? r->start[i] : i * r->columns, end = csr ? r->start[i + 1] : first + r->columns;
    double square = 0;
    for (int64_t e = first; e < end; e++) square += csr ? 1 : r->value[e] * r->value[e];
    r->norm[i] = sqrt(square);
  }
  return ESP_OK;
}

/* cosine [n] of node i with all, 0 where one has no features. */
static void cosines(const rows *r, int64_t i, double *cosine) {
  memset(cosine, 0, (size_t)r->n * sizeof *cosine);
  if (r->sparse) {
    for (int64_t e = r->start[i]; e < r->start[i + 1]; e++)
      for (int64_t h = r->holders[r->index[e]]; h < r->holders[r->index[e] + 1]; h++) cosine[r->who[h]]++;
  } else {
    const double *x = r->value + i * r->columns;
    for (int64_t j = 0; j < r->n; j++)
      for (int c = 0; c < r->columns; c++) cosine[j] += x[c] * r->value[j * r->columns + c];
  }
  for (int64_t j = 0; j < r->n; j++)
    cosine[j] = r->norm[i] * r->norm[j] > 0 ? cosine[j] / (r->norm[i] * r->norm[j]) : 0;
}

/* The k nodes of the largest cosine above 0 but i itself, in descending order; how many there are. */
static int nearest(int64_t n, int64_t i, int k, const double *cosine, int64_t *best) {
  int count = 0;
  for (int64_t j = 0; j < n; j++) {
    if (j == i || !(cosine[j] > 0) || (count == k && !(cosine[j] > cosine[best[k - 1]]))) continue;
    int at = count < k ? count++ : k - 1;
    for (; at > 0 && cosine[j] > cosine[best[at - 1]]; at--) best[at] = best[at - 1];
    best[at] = j;
  }
  return count;
}

/* Pairs (i, j) of all ranks become rows of this share, both ways. */
static int keep_pairs(const esp_set *set, size_t pairs, const int64_t *pair, esp_csr *edges) {
  int64_t *row = NULL, *to = NULL, count = 0, twice;
  int rc;
  ESP_TRY(ESP_ALLOC(row, 2 * pairs));
  ESP_TRY(ESP_ALLOC(to, 2 * pairs));
  for (size_t p = 0; p < 2 * pairs; p++) {
    const int64_t i = pair[p] - set->first;
    if (i < 0 || i >= set->n_home) continue;
    row[count] = i, to[count++] = pair[p ^ 1];
  }
  ESP_TRY(esp_csr_of(set->n_home, set->n, count, row, to, NULL, edges, &twice));
done:
  ESP_FREE(row);
  ESP_FREE(to);
  return rc;
}

int esp_nodes_nearest(const esp_comm *comm, const esp_set *set, int k, esp_csr *edges) {
  rows r = {0};
  double *cosine = NULL;
  int64_t *pair = NULL, *best = NULL;
  void *all = NULL;
  size_t pairs = 0, *start = NULL;
  int rc = ESP_OK;
  *edges = (esp_csr){0};
  ESP_CHECK(set->n <= ESP_NODES_NEAREST, ESP_ERR_LIMIT, "nearest of %lld nodes: at most %d", (long long)set->n,
            ESP_NODES_NEAREST);
  ESP_TRY(take_rows(comm, set, &r));
  rc = ESP_ALLOC(cosine, set->n);
  if (!rc) rc = ESP_ALLOC(best, k);
  if (!rc) rc = ESP_ALLOC(pair, 2 * (size_t)k * (size_t)set->n_home);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < set->n_home; i++) {
    cosines(&r, set->first + i, cosine);
    const int count = nearest(set->n, set->first + i, k, cosine, best);
    for (int b = 0; b < count; b++, pairs++) pair[2 * pairs] = set->first + i, pair[2 * pairs + 1] = best[b];
  }
  ESP_TRY(comm->gather_all(comm, pair, 2 * pairs * sizeof *pair, &all, start));
  ESP_TRY(comm->agree(comm, keep_pairs(set, start[comm->size] / (2 * sizeof *pair), all, edges)));
done:
  free_rows(&r);
  ESP_FREE(cosine);
  ESP_FREE(best);
  ESP_FREE(pair);
  ESP_FREE(all);
  ESP_FREE(start);
  return rc;
}
