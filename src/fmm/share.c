#include "fmm/share.h"

#include <string.h>

enum { ID, PREVIOUS, ACTIVE, KNOWN };

/* A body on its way; its extra numbers follow. home: of one that is not active, its complement. */
typedef struct {
  double x[3], mass, previous;
  int64_t id;
  int32_t piece, home;
} traveller;

/* A result on its way home. */
typedef struct {
  double acceleration[3], potential;
  int64_t slot, home;
} answer;

static int find_pieces(const esp_fmm_top *top, esp_fmm_share *share) {
  int64_t place = 0;
  ESP_CALL(ESP_ALLOC(share->piece, top->pieces));
  for (int k = 0; k < top->pieces; k++) {
    const esp_fmm_top_node *node = top->node + top->piece[k];
    if (!esp_fmm_meets(top, top->rank, node)) continue;
    ESP_CHECK(place + node->count <= INT32_MAX - 2 * ESP_FMM_LEAF, ESP_ERR_LIMIT,
              "%lld bodies on one rank, 2^31 at most: more ranks are needed", (long long)(place + node->count));
    share->piece[share->pieces++] = (esp_fmm_piece){k, (int)place, share->rows};
    place += node->count;
    share->rows += 2 * (int)((node->count + ESP_FMM_LEAF - 1) / ESP_FMM_LEAF) - 1;
  }
  share->held.n = (int)place;
  return ESP_OK;
}

/* Ranks that hold each piece: those of piece k are rank[start[k]] to rank[start[k + 1] - 1]. */
static int find_holders(const esp_fmm_top *top, int **start, int **rank) {
  size_t room = 0;
  ESP_CALL(ESP_ALLOC(*start, top->pieces + 1));
  for (int k = 0; k < top->pieces; k++) {
    const esp_fmm_top_node *node = top->node + top->piece[k];
    int count = (*start)[k];
    for (int r = node->owner; r < top->size && esp_fmm_cut(top, r) < node->first + node->count; r++) {
      if (!esp_fmm_meets(top, r, node)) continue;
      if (!*rank || (size_t)count == room) ESP_CALL(ESP_GROW(*rank, room, count + 64));
      (*rank)[count++] = r;
    }
    (*start)[k + 1] = count;
  }
  return ESP_OK;
}

/* A copy for each rank that holds the piece. */
static int pack(const esp_fmm_bodies *bodies, const esp_fmm_extra *extra, const int *where, const int *start,
                const int *holder, int64_t *count, int **rank, char **row) {
  const size_t extras = (size_t)extra->count * sizeof(double), unit = sizeof(traveller) + extras;
  int64_t at = 0;
  *count = 0;
  for (int i = 0; i < bodies->n; i++) *count += start[where[i] + 1] - start[where[i]];
  ESP_CALL(ESP_RESERVE(*rank, *count));
  ESP_CALL(ESP_RESERVE(*row, (size_t)*count * unit));
  for (int i = 0; i < bodies->n; i++) {
    traveller t = {.mass = bodies->mass[i], .piece = where[i], .home = extra->active && !extra->active[i] ? ~i : i};
    memcpy(t.x, bodies->position[i], sizeof t.x);
    t.previous = bodies->previous ? bodies->previous[i] : 0;
    t.id = bodies->id ? bodies->id[i] : 0;
    for (int k = start[where[i]]; k < start[where[i] + 1]; k++, at++) {
      (*rank)[at] = holder[k];
      memcpy(*row + (size_t)at * unit, &t, sizeof t);
      if (extras) memcpy(*row + (size_t)at * unit + sizeof t, extra->of + (size_t)i * (size_t)extra->count, extras);
    }
  }
  return ESP_OK;
}

static int hold(int extras, esp_fmm_share *s) {
  const int n = s->held.n;
  ESP_CALL(ESP_RESERVE(s->extras, (size_t)n * (size_t)extras));
  ESP_CALL(ESP_RESERVE(s->position, n));
  ESP_CALL(ESP_RESERVE(s->mass, n));
  ESP_CALL(ESP_RESERVE(s->previous, n));
  ESP_CALL(ESP_RESERVE(s->id, n));
  ESP_CALL(ESP_RESERVE(s->active, n));
  return ESP_RESERVE(s->home, n);
}

/* What came, to its piece. */
static int unpack(const esp_fmm_top *top, const esp_inbox *inbox, const int64_t *known, int extras, esp_fmm_share *s) {
  const size_t room = (size_t)extras * sizeof(double), unit = sizeof(traveller) + room;
  int *next = NULL;
  ESP_CHECK(inbox->start[inbox->count] == s->held.n, ESP_ERR_INTERNAL, "%lld bodies came, not %d",
            (long long)inbox->start[inbox->count], s->held.n);
  ESP_CALL(ESP_ALLOC(next, top->pieces));
  for (int k = 0; k < s->pieces; k++) next[s->piece[k].number] = s->piece[k].place;
  for (int r = 0; r < inbox->count; r++)
    for (int64_t j = inbox->start[r]; j < inbox->start[r + 1]; j++) {
      const char *row = (const char *)inbox->row + (size_t)j * unit;
      traveller t;
      memcpy(&t, row, sizeof t);
      const int i = next[t.piece]++;
      memcpy(s->position[i], t.x, sizeof t.x);
      s->mass[i] = t.mass;
      s->previous[i] = t.previous;
      s->id[i] = t.id;
      s->active[i] = t.home >= 0;
      s->home[i] = (struct esp_fmm_home){inbox->rank[r], t.home >= 0 ? t.home : ~t.home};
      if (room) memcpy(s->extras + (size_t)i * (size_t)extras, row + sizeof t, room);
    }
  ESP_FREE(next);
  s->held.position = (const double(*)[3])s->position;
  s->held.mass = s->mass;
  s->held.id = known[ID] ? s->id : NULL;
  s->held.previous = known[PREVIOUS] ? s->previous : NULL;
  s->extra = (esp_fmm_extra){extras, s->extras, known[ACTIVE] ? s->active : NULL};
  s->arrived = inbox->start[inbox->count] * (int64_t)unit;
  return ESP_OK;
}

/* What ranks that have bodies give with them: all the same, but for who is active. */
static int find_known(const esp_comm *comm, const esp_fmm_bodies *bodies, int active, int64_t known[KNOWN]) {
  int64_t has[2][KNOWN] = {{bodies->id != NULL, bodies->previous != NULL, active},
                           {bodies->id == NULL, bodies->previous == NULL}};
  if (!bodies->n) memset(has, 0, sizeof has);
  ESP_CALL(comm->max_i64(comm, has[0], 2 * KNOWN));
  ESP_CHECK(!(has[0][ID] && has[1][ID]), ESP_ERR_ARG, "ids on some ranks alone: on all or on none");
  ESP_CHECK(!(has[0][PREVIOUS] && has[1][PREVIOUS]), ESP_ERR_ARG,
            "|a| of before on some ranks alone: on all or on none");
  memcpy(known, has[0], sizeof has[0]);
  return ESP_OK;
}

int esp_fmm_share_make(const esp_comm *comm, const esp_fmm_top *top, const esp_fmm_bodies *bodies,
                       const esp_fmm_extra *extra, const int *where, esp_fmm_share *share) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  int rc, *rank = NULL, *start = NULL, *holder = NULL;
  int64_t count = 0, known[KNOWN];
  char *row = NULL;
  esp_inbox inbox = {0};
  *share = (esp_fmm_share){0};
  ESP_TRY(comm->agree(comm, find_pieces(top, share)));
  if (comm->size == 1) {
    share->held = *bodies;
    share->extra = *extra;
    return ESP_OK;
  }
  ESP_TRY(find_known(comm, bodies, extra->active != NULL, known));
  rc = find_holders(top, &start, &holder);
  if (!rc) rc = pack(bodies, extra, where, start, holder, &count, &rank, &row);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->scatter(comm, count, rank, sizeof(traveller) + (size_t)extra->count * sizeof(double), row, &inbox));
  ESP_FREE(row);
  rc = hold(extra->count, share);
  if (!rc) rc = unpack(top, &inbox, known, extra->count, share);
  ESP_TRY(comm->agree(comm, rc));
done:
  ESP_FREE(start);
  ESP_FREE(holder);
  ESP_FREE(rank);
  ESP_FREE(row);
  esp_inbox_free(&inbox);
  if (rc) esp_fmm_share_free(share);
  return rc;
}

static void take(const answer *a, const esp_fmm_result *to) {
  for (int k = 0; k < 3 && to->acceleration; k++) to->acceleration[a->home][k] = a->acceleration[k];
  if (to->potential) to->potential[a->home] = a->potential;
  if (to->slot) to->slot[a->home] = a->slot;
}

int esp_fmm_share_return(const esp_comm *comm, const esp_fmm_top *top, const esp_fmm_share *share,
                         const esp_fmm_result *from, const esp_fmm_result *to) {
  const int64_t first = esp_fmm_cut(top, comm->rank), end = esp_fmm_cut(top, comm->rank + 1);
  int rc, *rank = NULL;
  int64_t count = 0;
  answer *row = NULL;
  esp_inbox inbox = {0};
  rc = ESP_RESERVE(rank, share->held.n);
  if (!rc) rc = ESP_RESERVE(row, share->held.n);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < share->held.n; i++) {
    if (from->slot[i] < first || from->slot[i] >= end) continue;
    if (share->extra.active && !share->extra.active[i]) continue;
    answer *a = row + count;
    *a = (answer){.slot = from->slot[i], .home = share->home[i].body};
    if (from->acceleration) memcpy(a->acceleration, from->acceleration[i], sizeof a->acceleration);
    if (from->potential) a->potential = from->potential[i];
    rank[count++] = share->home[i].rank;
  }
  ESP_TRY(comm->scatter(comm, count, rank, sizeof *row, row, &inbox));
  for (int64_t j = 0; j < inbox.start[inbox.count]; j++) take((const answer *)inbox.row + j, to);
done:
  ESP_FREE(rank);
  ESP_FREE(row);
  esp_inbox_free(&inbox);
  return rc;
}

void esp_fmm_share_drop(esp_fmm_share *share) {
  ESP_FREE(share->position);
  ESP_FREE(share->mass);
  ESP_FREE(share->id);
  ESP_FREE(share->extras);
}

void esp_fmm_share_free(esp_fmm_share *share) {
  esp_fmm_share_drop(share);
  ESP_FREE(share->piece);
  ESP_FREE(share->previous);
  ESP_FREE(share->active);
  ESP_FREE(share->home);
}
