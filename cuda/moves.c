#include "cuda/moves.h"

#include <string.h>

#include "cuda/link.h"
#include "cuda/memory.h"
#include "cuda/move.h"

/* A pattern of moves (tree/route.h) as a device has it. */
typedef struct {
  int made;
  int direct;      /* forward, what comes from a rank lies in one piece: it is received there */
  int *first;      /* [in.peers] where, if so: the first row */
  esp_route route; /* of its rows none are left: */
  const int *kept_from, *kept_to, *out, *in, *shared;
  void *rows;  /* the device's memory of those five */
  size_t unit; /* bytes a row that the buffers have room for */
  void *out_buffer, *in_buffer, *share;
  int under_way;
  esp_link_group *group; /* if so: the link's */
} pattern;

typedef struct {
  esp_link *link; /* the comm's; NULL: one rank */
  pattern pattern[ESP_ROUTES];
} kept;

static int worse(int rc, int next) {
  return rc ? rc : next;
}

static int rows_of(const esp_route_side *side) {
  return side->peers ? side->start[side->peers] : 0;
}

static size_t share_pitch(size_t unit) {
  return (unit + 7) / 8 * 8;
}

/* ---- what is kept of a domain ---- */

static void buffers_free(pattern *p) {
  esp_cuda_free(&p->out_buffer);
  esp_cuda_free(&p->in_buffer);
  esp_cuda_free(&p->share);
  p->unit = 0;
}

static void pattern_free(pattern *p) {
  buffers_free(p);
  esp_cuda_free(&p->rows);
  esp_route_free(&p->route);
  ESP_FREE(p->first);
  *p = (pattern){0};
}

static void kept_free(void **there) {
  kept *k = *there;
  for (int kind = 0; kind < ESP_ROUTES; kind++) {
    pattern *p = k->pattern + kind;
    /* left under way by a failure: nothing may go to memory that is freed */
    if (p->under_way) (void)!k->link->ops->arrive(k->link, &p->group), (void)!esp_link_lead(k->link);
    pattern_free(p);
  }
  ESP_FREE(*there);
}

/* Indices to the device, which the host then forgets. */
static int put_rows(pattern *p) {
  esp_route *r = &p->route;
  const struct {
    int count, **host;
    const int **there;
  } part[] = {{r->kept, &r->kept_from, &p->kept_from},
              {r->kept_to ? r->kept : 0, &r->kept_to, &p->kept_to},
              {rows_of(&r->out), &r->out.row, &p->out},
              {rows_of(&r->in), &r->in.row, &p->in},
              {r->shared, &r->shared_row, &p->shared}};
  enum { PARTS = sizeof part / sizeof *part };
  size_t all = 0, at = 0;
  for (int k = 0; k < PARTS; k++) all += (size_t)part[k].count;
  ESP_CALL(esp_cuda_alloc(&p->rows, all * sizeof(int)));
  for (int k = 0; k < PARTS; at += (size_t)part[k++].count) {
    if (!part[k].count) continue;
    int *there = (int *)p->rows + at;
    ESP_CALL(esp_cuda_put(there, *part[k].host, (size_t)part[k].count * sizeof(int)));
    *part[k].there = there;
    ESP_FREE(*part[k].host);
  }
  return ESP_OK;
}

static int find_direct(pattern *p) {
  const esp_route_side *in = &p->route.in;
  ESP_CALL(ESP_ALLOC(p->first, in->peers));
  p->direct = 1;
  for (int i = 0; i < in->peers; i++) {
    p->first[i] = in->row[in->start[i]];
    for (int j = in->start[i]; j < in->start[i + 1]; j++) p->direct &= in->row[j] == p->first[i] + j - in->start[i];
  }
  return ESP_OK;
}

static int pattern_make(const esp_domain *dom, esp_route_kind kind, pattern *p) {
  int rc;
  if (p->made) return ESP_OK;
  ESP_TRY(dom->ops->route(dom, kind, &p->route));
  ESP_TRY(find_direct(p));
  ESP_TRY(put_rows(p));
  p->made = 1;
done:
  if (rc) pattern_free(p);
  return rc;
}

static int pattern_grow(esp_route_kind kind, size_t unit, pattern *p) {
  const esp_route *r = &p->route;
  const int one_way = kind == ESP_ROUTE_SOURCES || kind == ESP_ROUTE_RECEIVERS;
  const size_t out = (size_t)rows_of(&r->out), in = p->direct && one_way ? 0 : (size_t)rows_of(&r->in);
  buffers_free(p);
  ESP_CALL(esp_cuda_alloc(&p->out_buffer, out * unit));
  ESP_CALL(esp_cuda_alloc(&p->in_buffer, in * unit));
  ESP_CALL(esp_cuda_alloc(&p->share, (size_t)r->shared * share_pitch(unit)));
  p->unit = unit;
  return ESP_OK;
}

static int prepare(esp_domain *dom, esp_route_kind kind, size_t unit) {
  if (!dom->there) {
    ESP_CALL(esp_alloc(&dom->there, 1, sizeof(kept), __FILE__, __LINE__, __func__));
    dom->there_free = kept_free;
  }
  pattern *p = ((kept *)dom->there)->pattern + kind;
  ESP_CALL(pattern_make(dom, kind, p));
  return unit > p->unit ? pattern_grow(kind, unit, p) : ESP_OK;
}

/* Ranks ask for the same, so that all of them meet here, or none: what one of them could not prepare, none has. */
static int pattern_of(esp_domain *dom, esp_route_kind kind, size_t unit, kept **k, pattern **p) {
  if (kind == ESP_ROUTE_RECEIVER_SLOTS && !dom->queries) kind = ESP_ROUTE_SLOTS;
  ESP_CHECK(unit > 0 && unit <= INT32_MAX, ESP_ERR_ARG, "a row of %zu bytes; must be 1 to 2^31 - 1", unit);
  *k = dom->there;
  if (!*k || !(*k)->pattern[kind].made || unit > (*k)->pattern[kind].unit) {
    const int rc = dom->comm->agree(dom->comm, prepare(dom, kind, unit));
    *k = dom->there;
    if (rc && *k) pattern_free((*k)->pattern + kind);
    ESP_CALL(rc);
  }
  *p = (*k)->pattern + kind;
  if (dom->comm->size > 1 && !(*k)->link) ESP_CALL(esp_link_of(dom->comm, &(*k)->link));
  return ESP_OK;
}

/* ---- a move ---- */

/* One use of a pattern. */
typedef struct {
  esp_link *link;
  pattern *p;
  int back, add; /* add: what comes, and what stays, is added as words */
  size_t unit;
} use;

static int move_rows(const use *u, int n, const void *from, const int *from_row, void *to, const int *to_row) {
  if (u->add) return esp_cuda_move_add(n, (int)(u->unit / sizeof(int64_t)), from, from_row, to, to_row);
  return esp_cuda_move(n, u->unit, from, (esp_cuda_rows){u->unit, from_row}, to, (esp_cuda_rows){u->unit, to_row});
}

/* Rows that stay, and those that leave into their buffer. */
static int pack(const use *u, const void *from, void *to) {
  const pattern *p = u->p;
  const esp_route *r = &p->route;
  const int *kept_from = u->back ? p->kept_to : p->kept_from, *kept_to = u->back ? p->kept_from : p->kept_to;
  int rc = move_rows(u, r->kept, from, kept_from, to, kept_to);
  if (!u->link) return rc;
  const esp_cuda_rows rows = {u->unit, u->back ? p->in : p->out}, packed = {u->unit, NULL};
  return worse(rc, esp_cuda_move(rows_of(u->back ? &r->in : &r->out), u->unit, from, rows,
                                 u->back ? p->in_buffer : p->out_buffer, packed));
}

/* Own covering roots beside zeros. */
static int share_pack(const use *u, const char *from) {
  const pattern *p = u->p;
  const esp_route *r = &p->route;
  const size_t pitch = share_pitch(u->unit);
  const int rc = esp_cuda_zero(p->share, (size_t)r->shared * pitch);
  if (rc || !r->shared_own_count) return rc;
  return esp_cuda_move(r->shared_own_count, u->unit, from, (esp_cuda_rows){u->unit, p->shared + r->shared_own},
                       (char *)p->share + (size_t)r->shared_own * pitch, (esp_cuda_rows){pitch, NULL});
}

static int share_unpack(const use *u, char *to) {
  const esp_cuda_rows rows = {u->unit, u->p->shared}, from = {share_pitch(u->unit), NULL};
  return esp_cuda_move(u->p->route.shared, u->unit, u->p->share, from, to, rows);
}

/* One group: a message to each rank that something goes to, and from each that something comes from. */
static int trade(const use *u, char *to) {
  pattern *p = u->p;
  esp_link *link = u->link;
  const esp_route_side *out = u->back ? &p->route.in : &p->route.out, *in = u->back ? &p->route.out : &p->route.in;
  char *send = u->back ? p->in_buffer : p->out_buffer, *receive = u->back ? p->out_buffer : p->in_buffer;
  int rc = link->ops->group_begin(link);
  for (int i = 0; i < out->peers; i++) {
    const size_t rows = (size_t)(out->start[i + 1] - out->start[i]);
    rc = worse(rc, link->ops->send(link, out->rank[i], send + (size_t)out->start[i] * u->unit, rows * u->unit));
  }
  for (int i = 0; i < in->peers; i++) {
    const size_t rows = (size_t)(in->start[i + 1] - in->start[i]);
    char *place = !u->back && p->direct ? to + (size_t)p->first[i] * u->unit : receive + (size_t)in->start[i] * u->unit;
    rc = worse(rc, link->ops->recv(link, in->rank[i], place, rows * u->unit));
  }
  return worse(rc, link->ops->group_end(link, &p->group));
}

/* A rank that fails here takes part all the same. */
static int begin(const use *u, const void *from, void *to) {
  const esp_route *r = &u->p->route;
  const int shares = r->shared && !u->back;
  int rc = pack(u, from, to);
  if (!u->link) return rc;
  if (shares) rc = worse(rc, share_pack(u, from));
  u->p->under_way = 1;
  rc = worse(rc, esp_link_follow(u->link));
  rc = worse(rc, trade(u, to));
  if (!shares) return rc;
  const size_t words = (size_t)r->shared * share_pitch(u->unit) / sizeof(int64_t);
  return worse(rc, u->link->ops->sum_i64(u->link, u->p->share, words));
}

static int end(const use *u, void *to) {
  pattern *p = u->p;
  if (!u->link) return ESP_OK;
  int rc = u->link->ops->arrive(u->link, &p->group);
  rc = worse(rc, esp_link_lead(u->link));
  p->under_way = 0;
  if (u->back)
    rc = worse(rc, move_rows(u, rows_of(&p->route.out), p->out_buffer, NULL, to, p->out));
  else if (!p->direct)
    rc = worse(rc, move_rows(u, rows_of(&p->route.in), p->in_buffer, NULL, to, p->in));
  return p->route.shared && !u->back ? worse(rc, share_unpack(u, to)) : rc;
}

/* ---- the table ---- */

static int use_of(esp_domain *dom, esp_route_kind kind, int back, size_t unit, use *u) {
  kept *k;
  *u = (use){.back = back, .unit = unit};
  ESP_CALL(pattern_of(dom, kind, unit, &k, &u->p));
  u->link = k->link;
  return ESP_OK;
}

static int move_all(esp_domain *dom, esp_route_kind kind, int back, size_t unit, const void *from, void *to) {
  use u;
  ESP_CALL(use_of(dom, kind, back, unit, &u));
  const esp_route *r = &u.p->route;
  dom->stats.bytes += (int64_t)rows_of(back ? &r->out : &r->in) * (int64_t)unit;
  const int rc = begin(&u, from, to);
  return worse(rc, end(&u, to));
}

static int to_slots(esp_domain *dom, size_t unit, const void *home, void *slots) {
  return move_all(dom, ESP_ROUTE_SLOTS, 0, unit, home, slots);
}

static int to_home(esp_domain *dom, size_t unit, const void *slots, void *home) {
  return move_all(dom, ESP_ROUTE_SLOTS, 1, unit, slots, home);
}

static int to_receivers(esp_domain *dom, size_t unit, const void *home, void *slots) {
  return move_all(dom, ESP_ROUTE_RECEIVER_SLOTS, 0, unit, home, slots);
}

static int receivers_home(esp_domain *dom, size_t unit, const void *slots, void *home) {
  return move_all(dom, ESP_ROUTE_RECEIVER_SLOTS, 1, unit, slots, home);
}

static esp_route_kind route_of(esp_halo_kind kind) {
  return kind == ESP_HALO_SOURCES     ? ESP_ROUTE_SOURCES
         : kind == ESP_HALO_RECEIVERS ? ESP_ROUTE_RECEIVERS
                                      : ESP_ROUTE_CELLS;
}

static int halo_begin(esp_domain *dom, esp_halo_kind kind, size_t unit, void *array) {
  use u;
  ESP_CALL(use_of(dom, route_of(kind), 0, unit, &u));
  return begin(&u, array, array);
}

static int halo_end(esp_domain *dom, esp_halo_kind kind, size_t unit, void *array) {
  use u;
  ESP_CALL(use_of(dom, route_of(kind), 0, unit, &u));
  dom->stats.bytes += (int64_t)esp_route_arriving(&u.p->route) * (int64_t)unit;
  return end(&u, array);
}

static int cells_reduce(esp_domain *dom, int words, int64_t *acc) {
  use u;
  ESP_CHECK(words >= 1, ESP_ERR_ARG, "%d words a cell; must be >= 1", words);
  const size_t wide = (size_t)words, unit = wide * sizeof *acc;
  ESP_CALL(use_of(dom, ESP_ROUTE_CELLS, 1, unit, &u));
  const esp_route *r = &u.p->route;
  u.add = 1;
  int rc = begin(&u, acc, acc);
  rc = worse(rc, esp_cuda_zero(acc + (size_t)r->ghost_first * wide, (size_t)r->ghost_count * unit));
  if (u.link && r->top_count)
    rc = worse(rc, u.link->ops->sum_i64(u.link, acc + (size_t)r->top_first * wide, (size_t)r->top_count * wide));
  return worse(rc, end(&u, acc));
}

const esp_domain_ops esp_cuda_moves = {.name = "cuda",
                                       .to_slots = to_slots,
                                       .to_home = to_home,
                                       .halo_begin = halo_begin,
                                       .halo_end = halo_end,
                                       .cells_reduce = cells_reduce,
                                       .to_receivers = to_receivers,
                                       .receivers_home = receivers_home};
