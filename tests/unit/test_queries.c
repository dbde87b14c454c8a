/* Proves that with receivers of another tree, with nodes judged by their size, and where particles lie elsewhere than the
 * tree is grown, near leaves and far cells together hold every ordered pair once, that what is far is allowed to be, and
 * that a budget's answer does not depend on where its search begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "tree/domain.h"

enum { SAME, MIRRORED, SHIFTED, AWAY, ONE_POINT, QUERIES };

/* Receivers' keys beside the senders' z, in [0, 1) but for AWAY. */
static double *make_queries(int n, int dim, int kind, const double *z) {
  double *q = malloc(sizeof *q * (size_t)(n * dim + 1));
  for (int i = 0; i < n * dim; i++) {
    int mirrored = (n - 1 - i / dim) * dim + i % dim;
    q[i] = z[i];
    if (kind == MIRRORED) q[i] = z[mirrored];
    if (kind == SHIFTED) q[i] = 0.9 * z[mirrored] * cloud_uniform((uint64_t)i) + 0.05;
    if (kind == AWAY) q[i] = z[mirrored] + 40;
    if (kind == ONE_POINT) q[i] = 0.125;
  }
  return q;
}

typedef struct {
  int n, dim; /* dim: of where particles lie */
  double *z, *q, *place, *place_q, *zs,
      *qs; /* home; where they lie in the order of the senders', of the receivers' slots */
  int64_t *id;
  esp_domain *dom;
} subject;

/* param->place_dim > 0: places of so many dimensions, another's grid for every key. */
static subject build(int n, int dim, int kind, int query, const esp_domain_param *param) {
  const int lie = esp_domain_place_dim(param);
  subject s = {.n = n, .dim = lie, .z = cloud_keys(n, dim, kind), .id = cloud_ids(n)};
  size_t unit = (size_t)lie * sizeof *s.z;
  esp_domain_param with = *param;
  if (query >= 0) s.q = make_queries(n, dim, query, s.z);
  if (param->place_dim) {
    s.place = cloud_keys(n, lie, kind == CLOUD_GRID ? CLOUD_BALL : CLOUD_GRID);
    s.place_q = make_queries(n, lie, SHIFTED, s.place);
    with.place = s.place, with.place_query = query >= 0 ? s.place_q : NULL;
  }
  s.zs = calloc((size_t)n + 1, unit);
  s.qs = calloc((size_t)n + 1, unit);
  int rc = esp_domain_build_self(esp_comm_self(), &with, n, s.z, s.q, s.id, &s.dom);
  if (rc) fail_msg("%s", esp_error_message());
  const double *sent = s.place ? s.place : s.z, *heard = s.place ? s.place_q : s.q;
  assert_int_equal(s.dom->ops->to_slots(s.dom, unit, sent, s.zs), ESP_OK);
  assert_int_equal(s.dom->ops->to_receivers(s.dom, unit, query >= 0 ? heard : sent, s.qs), ESP_OK);
  return s;
}

static void discard(subject *s) {
  esp_domain_free(&s->dom);
  free(s->z), free(s->q), free(s->place), free(s->place_q), free(s->zs), free(s->qs), free(s->id);
}

static int by_angle(const esp_domain *dom, int I, int J) {
  const esp_tree *t = &dom->tree, *r = dom->queries ? dom->queries : t;
  const double *c1 = r->centre + I * t->dim, *c2 = t->centre + J * t->dim, *box = dom->param.lists.box;
  double R = r->radius[I] + t->radius[J];
  for (int a = 0; a < t->dim; a++) {
    if (box[a] > 0 && !(R + sqrt(esp_tree_distance2(1, c1 + a, c2 + a, box + a)) < 0.5 * box[a])) return 0;
  }
  return R < dom->param.lists.theta * sqrt(esp_tree_distance2(t->dim, c1, c2, box));
}

/* R_J exp(-gap^2 / 4s^2) <= theta s. */
static int by_size(const esp_domain *dom, int I, int J) {
  const esp_tree *t = &dom->tree, *r = dom->queries ? dom->queries : t;
  const double s = dom->param.lists.rule_number, theta = dom->param.lists.theta;
  const double distance = sqrt(esp_tree_distance2(t->dim, r->centre + I * t->dim, t->centre + J * t->dim, NULL));
  const double gap = fmax(0, distance - r->radius[I] - t->radius[J]);
  return theta > 0 && t->radius[J] * exp(-gap * gap / (4 * s * s)) <= theta * s;
}

static int accepted(const esp_domain *dom, int I, int J) {
  return dom->param.lists.rule ? by_size(dom, I, J) : by_angle(dom, I, J);
}

/* The smallest distance of a receiver of block row I from a sender of row J. */
static double closest(const subject *s, int I, int J) {
  const esp_tree *t = &s->dom->tree;
  double least = INFINITY;
  for (int i = t->part_first[I]; i < t->part_first[I] + t->part_count[I]; i++) {
    for (int j = t->part_first[J]; j < t->part_first[J] + t->part_count[J]; j++) {
      least = fmin(least, esp_tree_distance2(s->dim, s->qs + i * s->dim, s->zs + j * s->dim, NULL));
    }
  }
  return sqrt(least);
}

/* Member by member: none lies farther from the cell's centre than the gate of the closest pair allows. */
static void size_allows(const subject *s, int I, int J) {
  const esp_tree *t = &s->dom->tree;
  const double width = s->dom->param.lists.rule_number, gap = closest(s, I, J) * (1 + 1e-12);
  double R = 0;
  for (int j = t->part_first[J]; j < t->part_first[J] + t->part_count[J]; j++)
    R = fmax(R, esp_tree_distance2(s->dim, t->centre + J * s->dim, s->zs + j * s->dim, NULL));
  const double weighed = sqrt(R) * exp(-gap * gap / (4 * width * width));
  assert_true(weighed <= s->dom->param.lists.theta * width * (1 + 1e-9));
}

static void mark(char *seen, const esp_tree *t, int row) {
  for (int j = t->part_first[row]; j < t->part_first[row] + t->part_count[row]; j++) seen[j]++;
}

static int holds(const esp_tree *t, int J, int I) {
  return t->part_first[J] <= t->part_first[I] &&
         t->part_first[J] + t->part_count[J] >= t->part_first[I] + t->part_count[I];
}

static void check_block(const subject *s, int b, char *seen) {
  const esp_domain *dom = s->dom;
  const esp_tree *t = &dom->tree;
  const esp_lists *l = &dom->lists;
  int I = t->level_row[t->shape.block_level] + b, apart = dom->queries != NULL;
  memset(seen, 0, (size_t)s->n + 1);
  if (!apart) mark(seen, t, I);
  for (int64_t e = l->near_start[b]; e < l->near_start[b + 1]; e++) {
    int J = l->near[e];
    assert_int_equal(esp_heap_level(t->heap[J]), t->shape.depth);
    assert_false(accepted(dom, I, J));
    mark(seen, t, J);
  }
  for (int64_t e = l->far_start[b]; e < l->far_start[b + 1]; e++) {
    int J = l->far[e], parent = (int)(t->heap[J] / 2) - 1;
    assert_true(accepted(dom, I, J));
    if (dom->param.lists.rule) size_allows(s, I, J);
    if (parent >= 0 && (apart || !holds(t, parent, I))) assert_false(accepted(dom, I, parent));
    mark(seen, t, J);
  }
  if (t->part_count[I] == 0) return;
  for (int j = 0; j < s->n; j++) assert_int_equal(seen[j], 1);
}

static void check_totals(const subject *s) {
  const esp_domain *dom = s->dom;
  const esp_tree *t = &dom->tree;
  const esp_lists *l = &dom->lists;
  int leaf0 = t->level_row[t->shape.depth];
  int64_t near = 0, far = 0, counted;
  for (int b = 0; b < l->n_block; b++) {
    int64_t m = t->part_count[t->level_row[t->shape.block_level] + b];
    if (!dom->queries) near += m * (m - 1);
    for (int64_t e = l->near_start[b]; e < l->near_start[b + 1]; e++) near += m * t->part_count[l->near[e]];
    far += m * (l->far_start[b + 1] - l->far_start[b]);
  }
  assert_int_equal(l->near_pairs, near);
  assert_int_equal(l->far_pairs, far);
  assert_int_equal(esp_lists_count(t, dom->queries, &dom->param.lists, dom->param.lists.theta, &counted), ESP_OK);
  assert_int_equal(counted, near);
  if (dom->param.lists.theta == 0) {
    assert_int_equal(near, (int64_t)s->n * (dom->queries ? s->n : s->n - 1));
    assert_int_equal(far, 0);
  }
  assert_int_equal(l->sender_start[l->n_leaf], l->near_start[l->n_block]);
  for (int leaf = 0; leaf < l->n_leaf; leaf++) {
    for (int64_t e = l->sender_start[leaf]; e < l->sender_start[leaf + 1]; e++) {
      int b = l->sender[e], found = 0;
      if (e > l->sender_start[leaf]) assert_true(l->sender[e - 1] < b);
      for (int64_t f = l->near_start[b]; f < l->near_start[b + 1]; f++) found += l->near[f] == leaf0 + leaf;
      assert_int_equal(found, 1);
    }
  }
}

static void check(int n, int dim, int kind, int query, const esp_domain_param *param, char *seen) {
  subject s = build(n, dim, kind, query, param);
  for (int b = 0; b < s.dom->lists.n_block; b++) check_block(&s, b, seen);
  check_totals(&s);
  discard(&s);
}

static void every_pair_once(void **state) {
  (void)state;
  int sizes[] = {0, 1, 2, 9, 100, 400}, blocks[] = {1, 8, 64}, dims[] = {1, 2, 3, 4, 8, 16};
  double thetas[] = {0, 0.5, 1.3}, widths[] = {0, 0.02, 0.2, 3};
  char *seen = malloc(500);
  for (int c = 0; c < 6 * 3 * 6 * CLOUD_KINDS * (QUERIES + 1); c++) {
    int n = sizes[c % 6], dim = dims[c / 18 % 6], kind = c / 108 % CLOUD_KINDS, query = c / 108 / CLOUD_KINDS - 1;
    for (int p = c % 2; p < 12; p += 2) {
      esp_domain_param param = {.leaf = c % 4 ? 8 : 1, .block = blocks[c / 6 % 3], .dim = dim};
      param.lists.theta = thetas[p % 3];
      if (widths[p / 3] > 0) param.lists.rule = &esp_rule_size, param.lists.rule_number = widths[p / 3];
      if ((c + p) % 5 == 0) param.place_dim = dims[(c + p) % 6];
      check(n, dim, kind, query, &param, seen);
    }
  }
  free(seen);
}

static void every_pair_once_in_a_box(void **state) {
  (void)state;
  char *seen = malloc(500);
  for (int query = 0; query < QUERIES; query++) {
    if (query == AWAY) continue;
    for (int p = 0; p < 9; p++) {
      esp_domain_param param = {.leaf = 4, .block = 8 << p % 3, .dim = 2 + p / 3, .lists = {.theta = 0.9}};
      for (int a = 0; a < param.dim; a++) param.lists.box[a] = a == 1 && p % 2 ? 0 : 1;
      check(400, param.dim, CLOUD_BALL, query, &param, seen);
    }
  }
  free(seen);
}

/* What lies where the gate is shut may be large, what is small against the gate may be close: either spares near pairs that
 * the other does not. */
static void the_gate_spares_pairs(void **state) {
  (void)state;
  esp_domain_param param = {.leaf = 4, .block = 8, .dim = 2, .lists = {.theta = 0.5, .rule = &esp_rule_size}};
  for (int query = -1; query <= SAME; query++) {
    int64_t near[2], far[2];
    for (int wide = 0; wide < 2; wide++) {
      param.lists.rule_number = wide ? 0.5 : 0.02;
      subject s = build(1000, 2, CLOUD_BALL, query, &param);
      near[wide] = s.dom->lists.near_pairs, far[wide] = s.dom->lists.far_pairs;
      discard(&s);
    }
    assert_true(near[0] > 20 * 1000 && near[0] < 100 * 1000 && far[0] > 10 * 1000 && far[0] < 60 * 1000);
    assert_true(near[1] < near[0] / 4 && far[1] < far[0]);
  }
  /* receivers far from all: one cell stands in for everything */
  param.lists.rule_number = 3;
  param.lists.theta = 1e-9;
  subject s = build(300, 2, CLOUD_BALL, AWAY, &param);
  assert_int_equal(s.dom->lists.near_pairs, 0);
  assert_int_equal(s.dom->lists.far_pairs, 300);
  discard(&s);
}

/* Particles that share a point make a cell of no size: it is far at any theta but 0. */
static void a_point_is_far(void **state) {
  (void)state;
  for (int k = 0; k < 4; k++) {
    const int query = k % 2 ? SHIFTED : -1;
    esp_domain_param param = {.leaf = 4, .block = 8, .dim = 3, .lists = {.rule = &esp_rule_size, .rule_number = 1}};
    param.lists.theta = k < 2 ? 0 : 1e-300;
    subject s = build(512, 3, CLOUD_POINT, query, &param);
    const int64_t others = 512 - (query < 0);
    if (k < 2) {
      assert_int_equal(s.dom->lists.near_pairs, 512 * others);
      assert_int_equal(s.dom->lists.far_pairs, 0);
    } else {
      assert_int_equal(s.dom->lists.near_pairs, query < 0 ? 512 * 7 : 0);
      assert_int_equal(s.dom->lists.far_pairs, query < 0 ? 512 * 6 : 512);
    }
    discard(&s);
  }
}

static void same_order(const subject *s, const subject *other) {
  int64_t *mine = calloc((size_t)s->n, sizeof *mine), *its = calloc((size_t)s->n, sizeof *its);
  assert_memory_equal(s->dom->id, other->dom->id, sizeof *mine * (size_t)s->n);
  assert_int_equal(s->dom->ops->to_receivers(s->dom, sizeof *mine, s->id, mine), ESP_OK);
  assert_int_equal(other->dom->ops->to_receivers(other->dom, sizeof *its, other->id, its), ESP_OK);
  assert_memory_equal(mine, its, sizeof *mine * (size_t)s->n);
  free(mine), free(its);
}

/* The node's centre is the mean of its members' places, its radius the largest of their distances from it. */
static void lies(const esp_tree *t, const double *place) {
  for (int row = 0; row < t->row_count; row++) {
    double mean[ESP_MAX_DIM] = {0}, R = 0;
    const int first = t->part_first[row], count = t->part_count[row];
    for (int j = first; j < first + count; j++)
      for (int a = 0; a < t->dim; a++) mean[a] += place[j * t->dim + a] / count;
    for (int j = first; j < first + count; j++)
      R = fmax(R, sqrt(esp_tree_distance2(t->dim, mean, place + j * t->dim, NULL)));
    assert_true(sqrt(esp_tree_distance2(t->dim, mean, t->centre + row * t->dim, NULL)) < 1e-12);
    assert_true(t->radius[row] >= R - 1e-12 && t->radius[row] <= R + 1e-12);
  }
}

/* Grown on the keys, judged by the places: the lists are those of the same tree whose nodes lie there. */
static void particles_lie_elsewhere(void **state) {
  (void)state;
  for (int k = 0; k < 8; k++) {
    const int query = k % 2 ? SHIFTED : -1;
    esp_domain_param param = {.leaf = 4, .block = 16, .dim = 2, .lists = {.theta = 0.6}};
    if (k % 4 > 1) param.lists.rule = &esp_rule_size, param.lists.rule_number = 0.1;
    subject at_keys = build(700, 2, CLOUD_BALL, query, &param);
    param.place_dim = k < 4 ? 3 : 1;
    subject s = build(700, 2, CLOUD_BALL, query, &param);
    const esp_tree *receivers = s.dom->queries ? s.dom->queries : &s.dom->tree;
    assert_int_equal(s.dom->tree.dim, param.place_dim);
    same_order(&s, &at_keys);
    lies(&s.dom->tree, s.zs);
    lies(receivers, s.qs);
    assert_true(esp_lists_hash(&s.dom->tree, &s.dom->lists) != esp_lists_hash(&at_keys.dom->tree, &at_keys.dom->lists));
    discard(&s);
    /* at the keys themselves: nothing changes */
    esp_domain *dom;
    param.place_dim = 2, param.place = at_keys.z, param.place_query = at_keys.q;
    assert_int_equal(esp_domain_build_self(esp_comm_self(), &param, 700, at_keys.z, at_keys.q, at_keys.id, &dom),
                     ESP_OK);
    assert_true(esp_lists_hash(&dom->tree, &dom->lists) == esp_lists_hash(&at_keys.dom->tree, &at_keys.dom->lists));
    esp_domain_free(&dom);
    discard(&at_keys);
  }
}

/* Each of the two trees is the one its keys would have alone; transfers deliver; the order of the input is nothing. */
static void two_trees_are_two(void **state) {
  (void)state;
  int n = 777;
  esp_domain_param param = {
      .leaf = 8, .block = 32, .dim = 2, .lists = {.theta = 0.6, .rule = &esp_rule_size, .rule_number = 0.1}};
  subject s = build(n, 2, CLOUD_GRID, SHIFTED, &param);
  esp_domain *alone, *turned;
  int64_t *ids = malloc(sizeof *ids * (size_t)n), *back = malloc(sizeof *ids * (size_t)n);
  double *z = malloc(sizeof *z * (size_t)n * 2), *q = malloc(sizeof *q * (size_t)n * 2);
  assert_int_equal(esp_domain_build_self(esp_comm_self(), &param, n, s.q, NULL, s.id, &alone), ESP_OK);
  const esp_tree *queries = s.dom->queries;
  assert_non_null(queries);
  assert_null(alone->queries);
  assert_int_equal(queries->row_count, s.dom->tree.row_count);
  assert_memory_equal(queries->centre, alone->tree.centre, sizeof(double) * 2 * (size_t)queries->row_count);
  assert_memory_equal(queries->radius, alone->tree.radius, sizeof(double) * (size_t)queries->row_count);
  assert_int_equal(s.dom->ops->to_receivers(s.dom, sizeof *ids, s.id, ids), ESP_OK);
  assert_memory_equal(ids, alone->id, sizeof *ids * (size_t)n);
  assert_memory_not_equal(ids, s.dom->id, sizeof *ids * (size_t)n);
  assert_int_equal(s.dom->ops->receivers_home(s.dom, sizeof *ids, ids, back), ESP_OK);
  assert_memory_equal(back, s.id, sizeof *ids * (size_t)n);
  assert_int_equal(s.dom->ops->to_slots(s.dom, sizeof *ids, s.id, ids), ESP_OK);
  assert_memory_equal(ids, s.dom->id, sizeof *ids * (size_t)n);
  for (int i = 0; i < n; i++) {
    int from = (i * 100 + 3) % n;
    memcpy(z + 2 * i, s.z + 2 * from, 2 * sizeof *z);
    memcpy(q + 2 * i, s.q + 2 * from, 2 * sizeof *q);
    ids[i] = s.id[from];
  }
  assert_int_equal(esp_domain_build_self(esp_comm_self(), &param, n, z, q, ids, &turned), ESP_OK);
  assert_true(esp_lists_hash(&turned->tree, &turned->lists) == esp_lists_hash(&s.dom->tree, &s.dom->lists));
  assert_true(esp_lists_sender_hash(&turned->tree, &turned->lists) ==
              esp_lists_sender_hash(&s.dom->tree, &s.dom->lists));
  esp_domain_free(&alone);
  esp_domain_free(&turned);
  discard(&s);
  free(ids), free(back), free(z), free(q);
}

/* Near pairs that fall from step to step of the ladder, and a note of how often they were asked for. */
typedef struct {
  int fits, asked; /* the first step that fits */
} stair;

static int climb(void *context, const esp_lists_param *param, double theta, int64_t *pairs) {
  stair *s = context;
  int count, at = 0;
  const double *ladder = esp_lists_ladder(&count);
  while (ladder[at] != theta) assert_in_range(++at, 1, count - 1);
  assert_int_equal(param->pairs_limit, param->pairs_per_particle);
  *pairs = param->pairs_per_particle * 50 + (at < s->fits ? 1 : 0);
  s->asked++;
  return ESP_OK;
}

/* Beyond `most` of a rule no step is taken, whatever the budget. */
static void any_start_finds_the_same_step(void **state) {
  (void)state;
  int count;
  const double *ladder = esp_lists_ladder(&count);
  for (int ruled = 0; ruled < 2; ruled++) {
    int steps = count;
    while (ruled && ladder[steps - 1] > esp_rule_size.most) steps--;
    assert_true(steps > 1 && (!ruled || steps < count));
    for (int fits = 0; fits <= count; fits++)
      for (int start = -3; start < 8 * count; start++) {
        esp_lists_param param = {.pairs_per_particle = 10, .rule = ruled ? &esp_rule_size : NULL, .rule_number = 1};
        param.theta = start < -1 ? 15.0 + start : start < 0 ? 0 : ladder[start / 8] * (1 + 0.01 * (start % 8 - 4));
        stair s = {.fits = fits};
        double theta = -1;
        assert_int_equal(esp_lists_choose(&param, 50, climb, &s, &theta), ESP_OK);
        const int answer = fits < steps ? fits : steps - 1;
        assert_true(theta == ladder[answer]);
        if (start >= 0 && param.theta == ladder[answer]) assert_in_range(s.asked, 1, 2);
        assert_in_range(s.asked, 1, 14);
        if (start < 0) assert_in_range(s.asked, 6, 7);
      }
  }
}

/* No step below the least is counted but one, and none is taken. */
static void a_budget_has_a_floor(void **state) {
  (void)state;
  int count;
  const double *ladder = esp_lists_ladder(&count);
  for (int fits = 0; fits < count; fits++)
    for (int at = 0; at < count; at++)
      for (int between = 0; between < 2; between++)
        for (int start = -1; start < count; start += 7) {
          const double least = ladder[at] * (1 + 0.05 * between);
          esp_lists_param param = {
              .pairs_per_particle = 10, .theta_least = least, .theta = start < 0 ? 0 : ladder[start]};
          stair s = {.fits = fits};
          double theta = -1;
          assert_int_equal(esp_lists_choose(&param, 50, climb, &s, &theta), ESP_OK);
          assert_true(theta == fmax(ladder[fits], least));
          if (at >= count - 2) assert_in_range(s.asked, 0, 1);
        }
}

static void a_domain_may_begin_anywhere(void **state) {
  (void)state;
  for (int query = -1; query < QUERIES; query++) {
    for (int k = 0; k < 24; k++) {
      esp_domain_param param = {.leaf = 8, .block = 8, .dim = 3};
      param.lists.pairs_per_particle = 20 << k % 6;
      if (k >= 12) param.lists.rule = &esp_rule_size, param.lists.rule_number = k < 18 ? 0.05 : 0.3;
      if (k % 5 == 4) param.place_dim = 2;
      subject full = build(600, 3, CLOUD_BALL, query, &param);
      param.lists.theta = 2.2 * cloud_uniform((uint64_t)(k * 7 + query + 1));
      subject warm = build(600, 3, CLOUD_BALL, query, &param);
      assert_true(warm.dom->param.lists.theta == full.dom->param.lists.theta);
      assert_true(k < 12 || full.dom->param.lists.theta <= esp_rule_size.most);
      assert_true(esp_lists_hash(&warm.dom->tree, &warm.dom->lists) ==
                  esp_lists_hash(&full.dom->tree, &full.dom->lists));
      discard(&full);
      discard(&warm);
    }
  }
}

static void refused(const esp_domain_param *param, int n, const double *z, const double *q, const int64_t *id, int code,
                    const char *words, const char *more) {
  esp_domain *dom = NULL;
  size_t held = esp_memory_now();
  esp_error_clear();
  assert_int_equal(esp_domain_build_self(esp_comm_self(), param, n, z, q, id, &dom), code);
  assert_null(dom);
  if (!strstr(esp_error_message(), words) || !strstr(esp_error_message(), more)) {
    fail_msg("message lacks '%s' or '%s': %s", words, more, esp_error_message());
  }
  assert_int_equal(esp_memory_now(), held);
  esp_error_clear();
}

static void bad_input_is_named(void **state) {
  (void)state;
  int n = 200;
  double *z = cloud_keys(n, 3, CLOUD_BALL), *q = make_queries(n, 3, SHIFTED, z);
  int64_t *id = cloud_ids(n), kept_id = id[150];
  esp_domain_param good = {.leaf = 8, .block = 32, .dim = 3, .lists = {.theta = 0.7}}, p = good;
  p.place_dim = -1;
  refused(&p, n, z, q, id, ESP_ERR_CONFIG, "places", "-1");
  p.place_dim = ESP_MAX_DIM + 1;
  refused(&p, n, z, NULL, id, ESP_ERR_CONFIG, "places", "65");
  p = good;
  q[3 * 7 + 1] = 1.5;
  p.lists.box[1] = 1.5;
  refused(&p, n, z, q, id, ESP_ERR_VALUE, "query key of particle id -444554", "1.5");
  q[3 * 7 + 1] = NAN;
  refused(&good, n, z, q, id, ESP_ERR_VALUE, "query key of particle id -444554", "axis 1");
  q[3 * 7 + 1] = 0.5;
  id[150] = id[3];
  refused(&good, n, z, q, id, ESP_ERR_VALUE, "twice", "-476230");
  id[150] = kept_id;
  p = good;
  p.lists.theta = 0;
  p.lists.pairs_limit = n - 1; /* with queries a particle meets itself, too */
  refused(&p, n, z, q, id, ESP_ERR_LIMIT, "pairs", "199");
  p.lists.pairs_limit = n;
  esp_domain *dom;
  assert_int_equal(esp_domain_build_self(esp_comm_self(), &p, n, z, q, id, &dom), ESP_OK);
  esp_domain_free(&dom);
  free(z), free(q), free(id);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair_once),
                                     cmocka_unit_test(every_pair_once_in_a_box),
                                     cmocka_unit_test(the_gate_spares_pairs),
                                     cmocka_unit_test(a_point_is_far),
                                     cmocka_unit_test(particles_lie_elsewhere),
                                     cmocka_unit_test(two_trees_are_two),
                                     cmocka_unit_test(any_start_finds_the_same_step),
                                     cmocka_unit_test(a_budget_has_a_floor),
                                     cmocka_unit_test(a_domain_may_begin_anywhere),
                                     cmocka_unit_test(bad_input_is_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
