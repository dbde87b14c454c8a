#include "tree/given.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An edge on its way, by numbers of the set. */
typedef struct {
  int64_t receiver, sender;
  double weight;
} edge;

/* What the making of a graph needs. */
typedef struct {
  const esp_comm *comm;
  int64_t n, first;
  int n_home;
  int64_t *bound; /* [size + 1] numbers of rank r: bound[r] .. bound[r + 1] - 1 */
  double *degree; /* [n_home] sums of rows, self edges added where they are */
  double *other;  /* [fetched_in] those of senders elsewhere */
  int64_t *found; /* numbers elsewhere, sorted, each once */
} making;

/* ---- who has what ---- */

static int rank_of(const making *m, int64_t number) {
  int low = 0,
      high = m->comm->size; /* the last whose numbers begin at `number` or before: ranks of none come before it */
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    if (m->bound[middle] <= number)
      low = middle;
    else
      high = middle;
  }
  return low;
}

static int check_share(const making *m) {
  const int64_t begin = m->bound[m->comm->rank], all = m->bound[m->comm->size];
  ESP_CHECK(all == m->n, ESP_ERR_ARG, "edges of %lld particles of a set of %lld", (long long)all, (long long)m->n);
  ESP_CHECK(m->n_home == 0 || m->first == begin, ESP_ERR_ARG,
            "edges of particles from number %lld on, where ranks below have %lld: shares must lie in order",
            (long long)m->first, (long long)begin);
  return ESP_OK;
}

static int find_shares(making *m) {
  const int64_t mine = m->n_home;
  const int ranks = m->comm->size;
  int64_t *all = NULL;
  size_t *start = NULL;
  int rc = ESP_ALLOC(start, ranks + 1);
  if (!rc) rc = ESP_ALLOC(m->bound, ranks + 1);
  ESP_TRY(m->comm->agree(m->comm, rc));
  ESP_TRY(m->comm->gather_all(m->comm, &mine, sizeof mine, (void **)&all, start));
  for (int r = 0; r < ranks; r++) m->bound[r + 1] = m->bound[r] + all[r];
  ESP_TRY(m->comm->agree(m->comm, check_share(m)));
done:
  ESP_FREE(start);
  ESP_FREE(all);
  return rc;
}

static int check_edges(const making *m, const esp_csr *edges) {
  for (int i = 0; i < m->n_home; i++)
    for (int64_t e = edges->start[i]; e < edges->start[i + 1]; e++) {
      const int64_t number = m->first + i, sender = edges->index[e];
      ESP_CHECK(sender >= 0 && sender < m->n, ESP_ERR_VALUE,
                "an edge of particle number %lld is with number %lld; allowed: 0 to %lld", (long long)number,
                (long long)sender, (long long)m->n - 1);
      ESP_CHECK(!edges->value || (isfinite(edges->value[e]) && edges->value[e] >= 0), ESP_ERR_VALUE,
                "the edge of particle number %lld with number %lld weighs %g; must be finite, 0 or more",
                (long long)number, (long long)sender, edges->value[e]);
    }
  return ESP_OK;
}

/* ---- own receivers ---- */

/* By numbers, with self edges in their place where they are added, not yet weighed against each other. */
static int fill_in(making *m, const esp_csr *edges, esp_given_weights weights, esp_csr *in) {
  const int selves = weights == ESP_GIVEN_SYMMETRIC, values = weights != ESP_GIVEN_AS_IS || edges->value;
  int64_t count = edges->start[m->n_home];
  for (int i = 0; i < m->n_home && selves; i++) { /* one that is given, too, is made heavier */
    int there = 0;
    for (int64_t e = edges->start[i]; e < edges->start[i + 1]; e++) there |= edges->index[e] == m->first + i;
    count += !there;
  }
  ESP_CALL(esp_csr_create(m->n_home, m->n, count, values, in));
  ESP_CALL(ESP_ALLOC(m->degree, m->n_home));
  int64_t to = 0;
  for (int i = 0; i < m->n_home; i++) {
    const int64_t own = m->first + i;
    int missing = selves;
    for (int64_t e = edges->start[i]; e <= edges->start[i + 1]; e++) {
      const int end = e == edges->start[i + 1];
      if (missing && (end || edges->index[e] > own)) {
        in->index[to] = own;
        in->value[to++] = 1;
        missing = 0;
      }
      if (end) break;
      const int self = missing && edges->index[e] == own;
      in->index[to] = edges->index[e];
      if (values) in->value[to] = (edges->value ? edges->value[e] : 1) + self;
      missing -= self;
      to++;
    }
    in->start[i + 1] = to;
    for (int64_t e = in->start[i]; e < to && values; e++) m->degree[i] += in->value[e];
  }
  return ESP_OK;
}

/* ---- numbers to places ---- */

static int by_number(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int is_own(const making *m, int64_t number) {
  return number >= m->first && number < m->first + m->n_home;
}

/* m->found: what the rows name of other ranks' particles. */
static int find_others(making *m, const esp_csr *side, int *fetched) {
  const int64_t entries = side->start[side->rows];
  int64_t count = 0, kept = 0;
  ESP_FREE(m->found);
  for (int64_t e = 0; e < entries; e++) count += !is_own(m, side->index[e]);
  ESP_CALL(ESP_ALLOC(m->found, count));
  count = 0;
  for (int64_t e = 0; e < entries; e++)
    if (!is_own(m, side->index[e])) m->found[count++] = side->index[e];
  if (count) qsort(m->found, (size_t)count, sizeof *m->found, by_number);
  for (int64_t k = 0; k < count; k++)
    if (k == 0 || m->found[k] != m->found[k - 1]) m->found[kept++] = m->found[k];
  ESP_CHECK(kept + m->n_home < INT32_MAX, ESP_ERR_LIMIT,
            "%lld particles here have %lld neighbours elsewhere: use more ranks", (long long)m->n_home,
            (long long)kept);
  *fetched = (int)kept;
  return ESP_OK;
}

static void to_places(const making *m, int fetched, esp_csr *side) {
  const int64_t entries = side->start[side->rows];
  side->columns = m->n_home + (int64_t)fetched;
  for (int64_t e = 0; e < entries; e++) {
    const int64_t number = side->index[e];
    if (is_own(m, number)) {
      side->index[e] = number - m->first;
      continue;
    }
    const int64_t *at = bsearch(&number, m->found, (size_t)fetched, sizeof number, by_number);
    side->index[e] = m->n_home + (at - m->found);
  }
}

/* One side's exchange; its indices become places. Collective. */
static int find_places(making *m, esp_csr *side, int *fetched, esp_exchange **exchange) {
  int64_t *own = NULL;
  int rc = find_others(m, side, fetched);
  if (!rc) rc = ESP_ALLOC(own, m->n_home);
  ESP_TRY(m->comm->agree(m->comm, rc));
  for (int i = 0; i < m->n_home; i++) own[i] = m->first + i;
  ESP_TRY(m->comm->exchange_create(m->comm, m->n_home, own, *fetched, m->found, exchange));
  to_places(m, *fetched, side);
done:
  ESP_FREE(own);
  return rc;
}

/* ---- weights ---- */

static int fetch_degrees(making *m, esp_given *given) {
  const size_t one = sizeof *m->degree;
  ESP_AGREE(m->comm, ESP_ALLOC(m->other, given->fetched_in));
  ESP_CALL(m->comm->exchange_begin(m->comm, given->senders, one, m->degree, m->other));
  return m->comm->exchange_end(m->comm, given->senders, one, m->degree, m->other);
}

static void weigh(const making *m, esp_given_weights weights, esp_csr *in) {
  for (int i = 0; i < m->n_home; i++)
    for (int64_t e = in->start[i]; e < in->start[i + 1]; e++) {
      const int64_t j = in->index[e];
      if (weights == ESP_GIVEN_SYMMETRIC)
        in->value[e] /= sqrt(m->degree[i] * (j < m->n_home ? m->degree[j] : m->other[j - m->n_home]));
      else
        in->value[e] = m->degree[i] > 0 ? in->value[e] / m->degree[i] : 0;
    }
}

/* ---- own senders ---- */

/* Edges whose senders are elsewhere, with their ranks. Local. */
static int pack(const making *m, const esp_csr *in, int64_t *count, edge **row, int **dest) {
  const int64_t entries = in->start[in->rows];
  int64_t to = 0;
  for (int64_t e = 0; e < entries; e++) to += in->index[e] >= m->n_home;
  *count = to;
  ESP_CALL(ESP_RESERVE(*row, to));
  ESP_CALL(ESP_RESERVE(*dest, to));
  to = 0;
  for (int i = 0; i < in->rows; i++)
    for (int64_t e = in->start[i]; e < in->start[i + 1]; e++) {
      if (in->index[e] < m->n_home) continue;
      const int64_t sender = m->found[in->index[e] - m->n_home];
      (*row)[to] = (edge){m->first + i, sender, in->value ? in->value[e] : 1};
      (*dest)[to++] = rank_of(m, sender);
    }
  return ESP_OK;
}

/* One edge of an own sender: counted, or, where the rows have room, put behind those of its row. */
static void put(const making *m, esp_csr *out, int64_t *end, int64_t sender, int64_t receiver, double weight) {
  int64_t *at = &end[sender - m->first];
  if (out->index) out->index[*at] = receiver;
  if (out->value) out->value[*at] = weight;
  ++*at;
}

/* All of them, receivers in ascending order: what came from ranks below, own ones, what came from ranks above. */
static void put_all(const making *m, const esp_csr *in, const esp_inbox *inbox, esp_csr *out, int64_t *end) {
  const edge *row = inbox->row;
  int own = 0;
  for (int k = 0; k <= inbox->count; k++) {
    if (!own && (k == inbox->count || inbox->rank[k] > m->comm->rank)) {
      own = 1;
      for (int i = 0; i < in->rows; i++)
        for (int64_t e = in->start[i]; e < in->start[i + 1]; e++)
          if (in->index[e] < m->n_home)
            put(m, out, end, m->first + in->index[e], m->first + i, in->value ? in->value[e] : 1);
    }
    for (int64_t e = k < inbox->count ? inbox->start[k] : 0; k < inbox->count && e < inbox->start[k + 1]; e++)
      put(m, out, end, row[e].sender, row[e].receiver, row[e].weight);
  }
}

static int transpose(const making *m, const esp_csr *in, const esp_inbox *inbox, esp_csr *out) {
  int64_t *end = NULL, entries = 0;
  int rc = ESP_ALLOC(end, m->n_home + 1);
  ESP_TRY(rc);
  esp_csr counted = {0};
  put_all(m, in, inbox, &counted, end);
  for (int i = 0; i < m->n_home; i++) entries += end[i];
  ESP_TRY(esp_csr_create(m->n_home, m->n, entries, in->value != NULL, out));
  for (int i = 0; i < m->n_home; i++) out->start[i + 1] = out->start[i] + end[i];
  memcpy(end, out->start, (size_t)m->n_home * sizeof *end);
  put_all(m, in, inbox, out, end);
done:
  ESP_FREE(end);
  return rc;
}

static int make_out(making *m, esp_given *given) {
  edge *row = NULL;
  int *dest = NULL;
  int64_t count;
  esp_inbox inbox = {0};
  int rc = pack(m, &given->in, &count, &row, &dest);
  ESP_TRY(m->comm->agree(m->comm, rc));
  ESP_TRY(m->comm->scatter(m->comm, count, dest, sizeof *row, row, &inbox));
  ESP_FREE(row);
  ESP_FREE(dest);
  rc = transpose(m, &given->in, &inbox, &given->out);
  ESP_TRY(m->comm->agree(m->comm, rc));
  ESP_TRY(find_places(m, &given->out, &given->fetched_out, &given->receivers));
done:
  ESP_FREE(row);
  ESP_FREE(dest);
  esp_inbox_free(&inbox);
  return rc;
}

int esp_given_create(const esp_comm *comm, int64_t n, int64_t first, const esp_csr *edges, esp_given_weights weights,
                     esp_given *given) {
  ESP_MEMORY_FOR(ESP_MEMORY_LISTS);
  making m = {.comm = comm, .n = n, .first = first, .n_home = edges->rows};
  int rc;
  *given = (esp_given){.comm = comm, .n_home = edges->rows};
  ESP_TRY(find_shares(&m));
  rc = check_edges(&m, edges);
  if (!rc) rc = fill_in(&m, edges, weights, &given->in);
  ESP_TRY(comm->agree(comm, rc));
  given->edges = edges->start[edges->rows];
  ESP_TRY(comm->sum_i64(comm, &given->edges, 1));
  ESP_TRY(find_places(&m, &given->in, &given->fetched_in, &given->senders));
  if (weights == ESP_GIVEN_SYMMETRIC) ESP_TRY(fetch_degrees(&m, given));
  if (weights != ESP_GIVEN_AS_IS) weigh(&m, weights, &given->in);
  ESP_TRY(make_out(&m, given));
done:
  ESP_FREE(m.bound);
  ESP_FREE(m.degree);
  ESP_FREE(m.other);
  ESP_FREE(m.found);
  if (rc) esp_given_free(given);
  return rc;
}

void esp_given_free(esp_given *given) {
  esp_csr_free(&given->in);
  esp_csr_free(&given->out);
  if (given->senders) given->comm->exchange_free(&given->senders);
  if (given->receivers) given->comm->exchange_free(&given->receivers);
  *given = (esp_given){0};
}
