#include "domain/shares.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/set.h"
#include "domain/migrate.h"

/* In the order of signed ids. */
static uint64_t image(int64_t id) {
  return (uint64_t)id ^ UINT64_C(1) << 63;
}

static int by_image(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* How many of word [n], ascending, are below `cut`. */
static int64_t below(int n, const uint64_t *word, uint64_t cut) {
  int low = 0, high = n;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (word[middle] < cut)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* cut [size]: the first word of the share that begins at row begin [size], found bit by bit. */
static int search(const esp_comm *comm, int n_mine, const uint64_t *word, const int64_t *begin, int64_t *count,
                  uint64_t *cut) {
  for (int r = 0; r < comm->size; r++) cut[r] = 0;
  for (int bit = 63; bit >= 0; bit--) {
    for (int r = 1; r < comm->size; r++) count[r] = below(n_mine, word, cut[r] | UINT64_C(1) << bit);
    ESP_CALL(comm->sum_i64(comm, count + 1, (size_t)comm->size - 1));
    for (int r = 1; r < comm->size; r++)
      if (count[r] <= begin[r]) cut[r] |= UINT64_C(1) << bit;
  }
  return ESP_OK;
}

/* Consecutive ids need no search. Largest image, and least. */
static int find_cuts(const esp_comm *comm, int64_t n, int n_mine, const uint64_t *word, const int64_t *begin,
                     int64_t *count, uint64_t *cut) {
  const uint64_t top = UINT64_C(1) << 63;
  int64_t ends[2] = {INT64_MIN, INT64_MIN};
  if (n_mine) ends[0] = (int64_t)(word[n_mine - 1] ^ top), ends[1] = (int64_t)(~word[0] ^ top);
  ESP_CALL(comm->max_i64(comm, ends, 2));
  const uint64_t most = (uint64_t)ends[0] ^ top, least = ~((uint64_t)ends[1] ^ top);
  if (n == 0 || most - least != (uint64_t)n - 1) return search(comm, n_mine, word, begin, count, cut);
  for (int r = 0; r < comm->size; r++) cut[r] = least + (uint64_t)begin[r];
  return ESP_OK;
}

typedef struct {
  uint64_t *word, *cut;
  int64_t *begin, *count;
  int *dest;
} work;

static int work_create(const esp_shares *s, const int64_t *id, work *w) {
  const int size = s->comm->size;
  ESP_CALL(ESP_ALLOC(w->word, s->n_mine));
  ESP_CALL(ESP_ALLOC(w->dest, s->n_mine));
  ESP_CALL(ESP_ALLOC(w->cut, size));
  ESP_CALL(ESP_ALLOC(w->begin, size));
  ESP_CALL(ESP_ALLOC(w->count, size));
  for (int i = 0; i < s->n_mine; i++) w->word[i] = image(id[i]);
  if (s->n_mine) qsort(w->word, (size_t)s->n_mine, sizeof *w->word, by_image);
  for (int r = 0; r < size; r++) esp_set_share(s->n, r, size, &w->begin[r], &w->count[r]);
  for (int r = 0; r < size; r++)
    ESP_CHECK(w->count[r] <= INT32_MAX, ESP_ERR_LIMIT, "%" PRId64 " rows on %d ranks: a rank holds 2^31 - 1 at most",
              s->n, size);
  return ESP_OK;
}

static void work_free(work *w) {
  ESP_FREE(w->word);
  ESP_FREE(w->dest);
  ESP_FREE(w->cut);
  ESP_FREE(w->begin);
  ESP_FREE(w->count);
}

/* Ascending ids to the ranks of their shares. */
static int spread(esp_shares *s, work *w, esp_inbox *inbox) {
  const esp_comm *comm = s->comm;
  int rank = 0;
  for (int i = 0; i < s->n_mine; i++) { /* where there are rows, no rank's share begins behind the last one */
    while (rank + 1 < comm->size && w->cut[rank + 1] <= w->word[i]) rank++;
    w->dest[i] = rank;
  }
  return comm->scatter(comm, s->n_mine, w->dest, sizeof *w->word, w->word, inbox);
}

static int take(esp_shares *s, const esp_inbox *inbox) {
  const int64_t held = inbox->start[inbox->count];
  ESP_CHECK(held == s->n_home, ESP_ERR_INTERNAL, "a share of %d rows has got %" PRId64, s->n_home, held);
  ESP_CALL(ESP_ALLOC(s->id, s->n_home));
  uint64_t *word = inbox->row;
  if (held) qsort(word, (size_t)held, sizeof *word, by_image);
  for (int i = 0; i < s->n_home; i++) s->id[i] = (int64_t)image((int64_t)word[i]);
  return ESP_OK;
}

int esp_shares_create(const esp_comm *comm, int n_mine, const int64_t *id, esp_shares *s) {
  work w = {0};
  esp_inbox inbox = {0};
  int rc;
  *s = (esp_shares){.comm = comm, .n = n_mine, .n_mine = n_mine};
  ESP_CALL(esp_migrate_check_ids(comm, n_mine, id));
  ESP_CALL(comm->sum_i64(comm, &s->n, 1));
  ESP_TRY(comm->agree(comm, work_create(s, id, &w)));
  s->first = w.begin[comm->rank];
  s->n_home = (int)w.count[comm->rank];
  ESP_TRY(find_cuts(comm, s->n, n_mine, w.word, w.begin, w.count, w.cut));
  ESP_TRY(spread(s, &w, &inbox));
  ESP_TRY(comm->agree(comm, take(s, &inbox)));
  ESP_TRY(comm->exchange_create(comm, n_mine, id, s->n_home, s->id, &s->there));
  ESP_TRY(comm->exchange_create(comm, s->n_home, s->id, n_mine, id, &s->back));
done:
  esp_inbox_free(&inbox);
  work_free(&w);
  return rc;
}

int esp_shares_there(const esp_shares *s, size_t unit, const void *mine, void *home) {
  ESP_CALL(s->comm->exchange_begin(s->comm, s->there, unit, mine, home));
  ESP_CALL(s->comm->exchange_end(s->comm, s->there, unit, mine, home));
  return ESP_OK;
}

int esp_shares_back(const esp_shares *s, size_t unit, const void *home, void *mine) {
  ESP_CALL(s->comm->exchange_begin(s->comm, s->back, unit, home, mine));
  ESP_CALL(s->comm->exchange_end(s->comm, s->back, unit, home, mine));
  return ESP_OK;
}

void esp_shares_free(esp_shares *s) {
  if (s->there) s->comm->exchange_free(&s->there);
  if (s->back) s->comm->exchange_free(&s->back);
  ESP_FREE(s->id);
  *s = (esp_shares){0};
}
