/* The nearest senders of each receiver, exactly, over ranks.
 *
 * Every rank holds boxes about the senders of its own nodes. Box and distance are formed by the same steps, each of which
 * rounds monotonically, so no member of a box is nearer than the box is, not even in the last bit. A receiver is looked for
 * first on the rank whose boxes are nearest to it (with one tree, its own); what it then knows says which others to ask. */
#include <math.h>
#include <string.h>

#include "tree/graph_work.h"

/* Receivers at a time: what is asked and answered is small beside the rows. */
enum { CHUNK = 1 << 15 };

typedef struct {
  double *box; /* [rows][2][dim]: least and largest of each axis; of none: +-inf */
  int roots;
  int *root; /* [roots] own rows whose parents are not own */
} boxes;

typedef struct {
  const esp_graph_sides *sides;
  const esp_comm *comm;
  size_t dim;
  int64_t k;
  boxes own;
  double *all;          /* boxes of the roots of every rank, one rank after the other */
  size_t *start;        /* [size + 1] in boxes */
  esp_graph_edge *best; /* [n_own][k] by distance, then id */
  int *found;           /* [n_own] */
} search;

/* ---- boxes ---- */

static double *box_of(const search *s, int row) {
  return s->own.box + (size_t)row * 2 * s->dim;
}

static void box_join(size_t dim, const double *part, double *box) {
  for (size_t a = 0; a < dim; a++) {
    if (part[a] < box[a]) box[a] = part[a];
    if (part[dim + a] > box[dim + a]) box[dim + a] = part[dim + a];
  }
}

/* Squared distance from x to the nearest place of a box, in the steps of esp_graph_distance2. */
static double box_distance2(size_t dim, const double *box, const double *x) {
  double sum = 0;
  for (size_t a = 0; a < dim; a++) {
    const double below = box[a] - x[a], above = x[a] - box[dim + a];
    const double d = below > 0 ? below : above > 0 ? above : 0;
    sum += d * d;
  }
  return sum;
}

/* Children stand behind their parents. */
static void fill_boxes(search *s) {
  const esp_tree *tree = &s->sides->dom->tree;
  const size_t dim = s->dim;
  for (int row = tree->own_rows - 1; row >= 0; row--) {
    double *box = box_of(s, row);
    const int *child = tree->child + 2 * (size_t)row;
    for (size_t a = 0; a < dim; a++) box[a] = INFINITY, box[dim + a] = -INFINITY;
    for (int c = 0; c < 2 && child[0] >= 0; c++) box_join(dim, box_of(s, child[c]), box);
    if (child[0] >= 0) continue;
    for (int j = 0; j < tree->part_count[row]; j++) {
      const double *x = s->sides->key + (size_t)(tree->part_first[row] + j) * dim;
      for (size_t a = 0; a < dim; a++) {
        box[a] = x[a] < box[a] ? x[a] : box[a];
        box[dim + a] = x[a] > box[dim + a] ? x[a] : box[dim + a];
      }
    }
  }
}

static int find_roots(search *s) {
  const esp_tree *tree = &s->sides->dom->tree;
  char *child = NULL;
  ESP_CALL(ESP_ALLOC(child, tree->own_rows));
  for (size_t e = 0; e < 2 * (size_t)tree->own_rows; e++)
    if (tree->child[e] >= 0) child[tree->child[e]] = 1;
  for (int row = 0; row < tree->own_rows; row++)
    if (!child[row] && tree->part_count[row] > 0) s->own.root[s->own.roots++] = row;
  ESP_FREE(child);
  return ESP_OK;
}

static int share_roots(search *s) {
  const size_t unit = 2 * s->dim;
  double *mine = NULL;
  void *all = NULL;
  int rc = ESP_ALLOC(mine, (size_t)s->own.roots * unit);
  if (!rc) rc = ESP_ALLOC(s->start, s->comm->size + 1);
  ESP_TRY(s->comm->agree(s->comm, rc));
  for (int r = 0; r < s->own.roots; r++)
    memcpy(mine + (size_t)r * unit, box_of(s, s->own.root[r]), unit * sizeof *mine);
  ESP_TRY(s->comm->gather_all(s->comm, mine, (size_t)s->own.roots * unit * sizeof *mine, &all, s->start));
  s->all = all;
  for (int r = 0; r <= s->comm->size; r++) s->start[r] /= unit * sizeof *mine;
done:
  ESP_FREE(mine);
  return rc;
}

/* To the nearest sender of a rank, at least; inf: it has none. */
static double rank_distance2(const search *s, int rank, const double *x) {
  double least = INFINITY;
  for (size_t r = s->start[rank]; r < s->start[rank + 1]; r++) {
    const double d2 = box_distance2(s->dim, s->all + r * 2 * s->dim, x);
    if (d2 < least) least = d2;
  }
  return least;
}

/* ---- one receiver among own senders ---- */

/* A sorted list of the nearest; nothing beyond `limit` is of use. */
typedef struct {
  const double *x;
  int64_t self;
  double limit;
  int64_t k;
  int found;
  esp_graph_edge *best;
} asked;

static double worst(const asked *q) {
  return q->found == q->k ? q->best[q->k - 1].distance2 : q->limit;
}

static void insert(asked *q, const esp_graph_edge *one) {
  int at = q->found;
  if (one->distance2 > q->limit || (at == q->k && !esp_graph_nearer(one, &q->best[at - 1]))) return;
  if (at == q->k)
    at--;
  else
    q->found++;
  for (; at > 0 && esp_graph_nearer(one, &q->best[at - 1]); at--) q->best[at] = q->best[at - 1];
  q->best[at] = *one;
}

static void descend(const search *s, int row, asked *q) {
  const esp_graph_sides *sides = s->sides;
  const esp_tree *tree = &sides->dom->tree;
  const int *child = tree->child + 2 * (size_t)row, first = tree->part_first[row];
  if (child[0] >= 0) {
    const double d[2] = {box_distance2(s->dim, box_of(s, child[0]), q->x),
                         box_distance2(s->dim, box_of(s, child[1]), q->x)};
    const int near = d[1] < d[0];
    if (d[near] <= worst(q)) descend(s, child[near], q);
    if (d[!near] <= worst(q)) descend(s, child[!near], q);
    return;
  }
  for (int j = first; j < first + tree->part_count[row]; j++) {
    if (sides->id[j] == q->self) continue;
    const double d2 = esp_graph_distance2(sides->dim, q->x, sides->key + (size_t)j * s->dim);
    if (d2 <= worst(q)) insert(q, &(esp_graph_edge){d2, sides->id[j], sides->number[j]});
  }
}

/* The nearest subtree first, then whatever may be as near as what is known. */
static void look(const search *s, asked *q) {
  double least = INFINITY;
  int nearest = 0;
  for (int r = 0; r < s->own.roots; r++) {
    const double d2 = box_distance2(s->dim, box_of(s, s->own.root[r]), q->x);
    if (d2 < least) least = d2, nearest = r;
  }
  for (int k = 0; k < s->own.roots; k++) {
    const int r = k == 0 ? nearest : k <= nearest ? k - 1 : k;
    const int row = s->own.root[r];
    if (box_distance2(s->dim, box_of(s, row), q->x) <= worst(q)) descend(s, row, q);
  }
}

/* ---- receivers among the senders of other ranks ---- */

/* A question is [slot, id, limit, x], an answer a row of a slot. */
typedef struct {
  int64_t slot, id;
  double limit;
} question;
typedef struct {
  int64_t slot;
  esp_graph_edge edge;
} answer;

/* Rows for ranks, growing. */
typedef struct {
  int64_t rows;
  size_t unit, room, dest_room;
  char *row;
  int *dest;
} outbox;

static int outbox_add(outbox *out, int dest, char **row) {
  ESP_CALL(ESP_GROW(out->row, out->room, (size_t)(out->rows + 1) * out->unit));
  ESP_CALL(ESP_GROW(out->dest, out->dest_room, out->rows + 1));
  *row = out->row + (size_t)out->rows * out->unit;
  out->dest[out->rows++] = dest;
  return ESP_OK;
}

static void outbox_free(outbox *out) {
  ESP_FREE(out->row);
  ESP_FREE(out->dest);
}

static asked asked_of(const search *s, int slot) {
  return (asked){.x = s->sides->query + (size_t)slot * s->dim,
                 .self = s->sides->home[slot].id,
                 .limit = INFINITY,
                 .k = s->k,
                 .found = s->found[slot],
                 .best = s->best + (size_t)slot * (size_t)s->k};
}

static int ask(const search *s, int slot, int rank, outbox *out) {
  const asked q = asked_of(s, slot);
  const question head = {slot, q.self, worst(&q)};
  char *row;
  ESP_CALL(outbox_add(out, rank, &row));
  memcpy(row, &head, sizeof head);
  memcpy(row + sizeof head, q.x, s->dim * sizeof(double));
  return ESP_OK;
}

static int answer_all(const search *s, const esp_inbox *inbox, size_t unit, outbox *out) {
  esp_graph_edge *best = NULL;
  int rc = ESP_ALLOC(best, s->k);
  for (int p = 0; p < inbox->count && !rc; p++)
    for (int64_t r = inbox->start[p]; r < inbox->start[p + 1] && !rc; r++) {
      const char *row = (const char *)inbox->row + (size_t)r * unit;
      question head;
      memcpy(&head, row, sizeof head);
      asked q = {.self = head.id, .limit = head.limit, .k = s->k, .best = best};
      q.x = (const double *)(const void *)(row + sizeof head);
      look(s, &q);
      for (int e = 0; e < q.found && !rc; e++) {
        const answer one = {head.slot, best[e]};
        char *to;
        rc = outbox_add(out, inbox->rank[p], &to);
        if (!rc) memcpy(to, &one, sizeof one);
      }
    }
  ESP_FREE(best);
  return rc;
}

static void take(const search *s, const esp_inbox *inbox) {
  const answer *row = inbox->row;
  for (int64_t r = 0; r < inbox->start[inbox->count]; r++) {
    asked q = asked_of(s, (int)row[r].slot);
    insert(&q, &row[r].edge);
    s->found[row[r].slot] = q.found;
  }
}

/* The questions are sent, looked for, and what was found is taken. rc: this rank's so far. */
static int exchange(const search *s, int rc, outbox *questions) {
  outbox answers = {.unit = sizeof(answer)};
  esp_inbox inbox = {0}, back = {0};
  ESP_TRY(s->comm->agree(s->comm, rc));
  ESP_TRY(s->comm->scatter(s->comm, questions->rows, questions->dest, questions->unit, questions->row, &inbox));
  ESP_TRY(s->comm->agree(s->comm, answer_all(s, &inbox, questions->unit, &answers)));
  ESP_TRY(s->comm->scatter(s->comm, answers.rows, answers.dest, answers.unit, answers.row, &back));
  take(s, &back);
done:
  esp_inbox_free(&inbox);
  esp_inbox_free(&back);
  outbox_free(&answers);
  questions->rows = 0;
  return rc;
}

/* Where a receiver is looked for first. */
static int first_rank(const search *s, const double *x) {
  int rank = s->comm->rank;
  double least = rank_distance2(s, rank, x);
  for (int r = 0; r < s->comm->size && least > 0; r++) {
    const double d2 = rank_distance2(s, r, x);
    if (d2 < least) least = d2, rank = r;
  }
  return rank;
}

/* Slots [slot, end). */
static int find_chunk(const search *s, int slot, int end, outbox *out, int *first) {
  int rc = ESP_OK;
  for (int i = slot; i < end && !rc; i++) {
    asked q = asked_of(s, i);
    first[i - slot] = first_rank(s, q.x);
    if (first[i - slot] == s->comm->rank) {
      look(s, &q);
      s->found[i] = q.found;
    } else {
      rc = ask(s, i, first[i - slot], out);
    }
  }
  if (s->comm->size == 1) return rc;
  ESP_CALL(exchange(s, rc, out));
  for (int i = slot; i < end && !rc; i++) {
    asked q = asked_of(s, i);
    if (first[i - slot] != s->comm->rank) look(s, &q);
    s->found[i] = q.found;
    for (int r = 0; r < s->comm->size && !rc; r++) {
      if (r == s->comm->rank || r == first[i - slot] || s->start[r] == s->start[r + 1]) continue;
      if (rank_distance2(s, r, q.x) <= worst(&q)) rc = ask(s, i, r, out);
    }
  }
  return exchange(s, rc, out);
}

static int find_all(const search *s) {
  const int own = s->sides->dom->n_own;
  int64_t chunks = own / CHUNK + 1;
  outbox out = {.unit = sizeof(question) + s->dim * sizeof(double)};
  int *first = NULL, rc = ESP_OK;
  ESP_TRY(s->comm->agree(s->comm, ESP_ALLOC(first, CHUNK)));
  ESP_TRY(s->comm->max_i64(s->comm, &chunks, 1));
  for (int64_t c = 0; c < chunks; c++) {
    const int64_t from = c * CHUNK < own ? c * CHUNK : own, to = from + CHUNK < own ? from + CHUNK : own;
    ESP_TRY(find_chunk(s, (int)from, (int)to, &out, first));
  }
done:
  outbox_free(&out);
  ESP_FREE(first);
  return rc;
}

/* ---- rows ---- */

static void nearest_edges(void *context, int slot, esp_graph_edge *to) {
  const search *s = context;
  memcpy(to, s->best + (size_t)slot * (size_t)s->k, (size_t)s->found[slot] * sizeof *to);
}

static int search_create(search *s) {
  const esp_domain *dom = s->sides->dom;
  const size_t own = (size_t)dom->n_own;
  int rc = ESP_ALLOC(s->own.box, (size_t)dom->tree.own_rows * 2 * s->dim);
  if (!rc) rc = ESP_ALLOC(s->own.root, dom->tree.own_rows);
  if (!rc) rc = ESP_RESERVE(s->best, own * (size_t)s->k);
  if (!rc) rc = ESP_ALLOC(s->found, own);
  if (!rc) rc = find_roots(s);
  ESP_AGREE(s->comm, rc);
  fill_boxes(s);
  return share_roots(s);
}

int esp_graph_nearest(esp_domain *dom, int64_t first, int dim, const double *key, const double *query, int64_t k,
                      esp_graph *graph) {
  esp_graph_sides sides = {0};
  search s = {.sides = &sides, .comm = dom->comm, .dim = (size_t)dim, .k = dom->n ? k : 0};
  int rc;
  *graph = (esp_graph){0};
  ESP_CHECK(dom->n == 0 || (k >= 1 && k < dom->n), ESP_ERR_CONFIG,
            "%lld nearest of %lld particles: at least 1 and at most %lld, as none is its own neighbour", (long long)k,
            (long long)dom->n, (long long)(dom->n - 1));
  ESP_TRY(esp_graph_sides_create(dom, first, dim, key, query, &sides));
  ESP_TRY(search_create(&s));
  ESP_TRY(find_all(&s));
  const esp_graph_rows rows = {s.found, nearest_edges, &s};
  ESP_TRY(esp_graph_deliver(&sides, &rows, first, graph));
done:
  esp_graph_sides_free(&sides);
  ESP_FREE(s.own.box);
  ESP_FREE(s.own.root);
  ESP_FREE(s.all);
  ESP_FREE(s.start);
  ESP_FREE(s.best);
  ESP_FREE(s.found);
  return rc;
}
