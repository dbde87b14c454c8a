/* Proves that a layer of the learned relation on several ranks gives, bit by bit, the sums and all gradients of one
 * rank: every form of message and order of far cells, one set of keys and two, fixed trees whose nodes lie at the keys, with
 * and without the particle itself, by a budget, with learned splits and their gradient.
 * ctest: TIMEOUT 600
 * ranks: 1 2 3 4 5 7 */
#include "case.h"

#include "base/set.h"
#include "domain/domain.h"
#include "message/gate.h"
#include "net/layer.h"

enum { WIDE = 6, MOST_DIM = 8, PARAMS = 1 + ESP_GATE_EDGE * WIDE };
enum { LEVELS = 5, NORMALS = ((1 << LEVELS) - 1) * MOST_DIM };
enum { ONE_SET, TWO_SETS, FIXED_TREE, FIXED_TREES, SETS };

/* Rows of all particles, or of a share of them. */
typedef struct {
  int n;
  double *key, *query, *value, *offset, *tree_key, *tree_query, *g, *sum, *dkey, *dquery, *dvalue, *doffset;
  int64_t *id, acc[PARAMS * ESP_EXACT_FULL_WORDS], normal_acc[NORMALS * ESP_EXACT_FULL_WORDS];
} rows;

static double *numbers(int n, int width, const int *index, uint64_t seed, double size) {
  double *x = calloc((size_t)(n * width + 1), sizeof *x);
  for (int k = 0; k < n * width; k++) {
    const int i = index[k / width];
    x[k] = size * (case_uniform((uint64_t)(i * width + k % width) + seed) - 0.5);
  }
  return x;
}

/* A fixed tree that knows most of where the keys are, or nothing would be far: their first numbers, roughly; the others are
 * small. */
static void lie_near(const esp_layer_param *param, int n, double *key, double *tree_key) {
  const int d = param->form.dim, dim = param->domain.dim;
  for (int k = 0; k < n * d; k++)
    if (k % d < dim)
      tree_key[k / d * dim + k % d] += key[k];
    else
      key[k] *= 0.1;
}

/* Every third particle of a case with `ties` lies on its neighbour. */
static rows *rows_make(const esp_layer_param *param, int n, const int *index, int ties) {
  const esp_form *f = &param->form;
  rows *r = calloc(1, sizeof *r);
  int *place = calloc((size_t)n + 1, sizeof *place);
  r->n = n;
  for (int k = 0; k < n; k++) place[k] = ties && index[k] % 3 == 2 ? index[k] - 1 : index[k];
  const double side = f->dim < 5 ? 6 : 0.75; /* so that cells are small enough to be far */
  r->key = numbers(n, f->dim, place, 1000, side);
  r->query = numbers(n, f->dim, place, 5000000, side);
  r->value = numbers(n, f->channels, index, 2000, 2);
  r->offset = numbers(n, f->channels, index, 3000, 2);
  r->tree_key = numbers(n, param->domain.dim, place, 4000, 0.2 * side);
  r->tree_query = numbers(n, param->domain.dim, place, 7000000, 0.2 * side);
  lie_near(param, n, r->key, r->tree_key);
  lie_near(param, n, r->query, r->tree_query);
  r->g = numbers(n, esp_form_widths(f).sum, index, 6000, 2);
  r->sum = calloc((size_t)(n * esp_form_widths(f).sum + 1), sizeof *r->sum);
  r->dkey = calloc((size_t)(n * f->dim + 1), sizeof *r->dkey);
  r->dquery = calloc((size_t)(n * f->dim + 1), sizeof *r->dquery);
  r->dvalue = calloc((size_t)(n * f->channels + 1), sizeof *r->dvalue);
  r->doffset = calloc((size_t)(n * f->channels + 1), sizeof *r->doffset);
  r->id = calloc((size_t)n + 1, sizeof *r->id);
  for (int k = 0; k < n; k++) r->id[k] = ((int64_t)index[k] * 7919 + 13) % 1000003 - 500000;
  free(place);
  return r;
}

static void rows_free(rows *r) {
  free(r->key), free(r->query), free(r->value), free(r->offset), free(r->tree_key), free(r->tree_query), free(r->g);
  free(r->sum), free(r->dkey), free(r->dquery), free(r->dvalue), free(r->doffset), free(r->id);
  free(r);
}

/* Returns its far pairs. */
static int64_t pass(const esp_backend *backend, const esp_layer_param *param, int sets, rows *r) {
  double message[PARAMS];
  for (int p = 0; p < PARAMS; p++) message[p] = case_uniform((uint64_t)p + 4242) - 0.5;
  const double *query = sets == ONE_SET ? NULL : r->query;
  const esp_layer_input input = {.id = r->id,
                                 .key = r->key,
                                 .query = query,
                                 .value = r->value,
                                 .offset = esp_message_has(param->form.message, ESP_MESSAGE_OFFSET) ? r->offset : NULL,
                                 .tree_key = sets >= FIXED_TREE ? r->tree_key : NULL,
                                 .tree_query = sets == FIXED_TREES ? r->tree_query : NULL};
  esp_layer layer;
  if (esp_layer_forward(backend, param, r->n, &input, message, r->sum, &layer)) fail_msg("%s", esp_error_message());
  const esp_layer_gradient to = {r->dkey, query ? r->dquery : NULL, r->dvalue,
                                 esp_message_has(param->form.message, ESP_MESSAGE_OFFSET) ? r->doffset : NULL};
  if (esp_layer_backward(backend, &layer, r->g, &to, r->acc,
                         param->domain.split.kind == ESP_SPLIT_LEARNED ? r->normal_acc : NULL))
    fail_msg("%s", esp_error_message());
  assert_int_equal(esp_device_sum(backend->device, backend->comm, r->acc, PARAMS), ESP_OK);
  assert_int_equal(esp_device_sum(backend->device, backend->comm, r->normal_acc, NORMALS), ESP_OK);
  const int64_t far = layer.dom->lists.far_pairs;
  esp_layer_free(&layer);
  return far;
}

static void same(const double *mine, const double *whole, int n, int first, int width) {
  assert_memory_equal(mine, whole + first * width, sizeof *mine * (size_t)(n * width));
}

/* Returns how many are not 0. */
static int same_sums(const int64_t *mine, const int64_t *whole, int count) {
  int moved = 0;
  for (int k = 0; k < count; k++) {
    const double got = esp_exact_value(&ESP_EXACT_FULL, mine + k * ESP_EXACT_FULL_WORDS);
    const double wanted = esp_exact_value(&ESP_EXACT_FULL, whole + k * ESP_EXACT_FULL_WORDS);
    assert_memory_equal(&got, &wanted, sizeof got);
    moved += got != 0;
  }
  return moved;
}

static int moved_normals; /* of the last compare: numbers of normals with a gradient */
static int64_t far_pairs; /* likewise */

static void compare(const esp_layer_param *param, const esp_device *device, int sets, int n, int ties) {
  esp_backend one = esp_backend_self(), many = {.comm = comm, .build = esp_domain_build_mpi, .device = device};
  const esp_form *f = &param->form;
  int64_t first, count;
  int *index = calloc((size_t)n + 1, sizeof *index);
  for (int i = 0; i < n; i++) index[i] = i;
  one.device = device;
  esp_set_share(n, comm->rank, comm->size, &first, &count);
  const int from = (int)first;
  rows *whole = rows_make(param, n, index, ties), *mine = rows_make(param, (int)count, index + first, ties);
  far_pairs = pass(&one, param, sets, whole);
  assert_int_equal(sum_over_ranks(pass(&many, param, sets, mine)), far_pairs);
  same(mine->sum, whole->sum, mine->n, from, esp_form_widths(f).sum);
  same(mine->dkey, whole->dkey, mine->n, from, f->dim);
  same(mine->dquery, whole->dquery, mine->n, from, f->dim);
  same(mine->dvalue, whole->dvalue, mine->n, from, f->channels);
  same(mine->doffset, whole->doffset, mine->n, from, f->channels);
  same_sums(mine->acc, whole->acc, PARAMS);
  moved_normals = same_sums(mine->normal_acc, whole->normal_acc, NORMALS);
  rows_free(whole);
  rows_free(mine);
  free(index);
}

static const esp_form forms[] = {{.message = &esp_message_gate, .dim = 2, .channels = 2, .order = 3},
                                 {.message = &esp_message_gate, .dim = 8, .channels = 3, .den = 1, .order = 2},
                                 {.message = &esp_message_gate, .dim = 3, .channels = 6, .den = 1, .order = 1},
                                 {.message = &esp_message_gate, .dim = 4, .channels = 1, .den = 1, .order = 0},
                                 {.message = &esp_message_gate_mlp, .dim = 3, .channels = 5, .den = 1}};
enum { FORMS = 5 };

static esp_layer_param param_of(int form, int sets, double theta, int include_self) {
  esp_layer_param param = {
      .domain = {.leaf = 8, .block = 32, .dim = sets < FIXED_TREE ? forms[form].dim : 2, .lists = {.theta = theta}},
      .form = forms[form],
      .include_self = include_self};
  return param;
}

static void every_form(void **state) {
  (void)state;
  for (int form = 0; form < FORMS; form++)
    for (int sets = 0; sets < SETS; sets++)
      for (int self = 0; self < 2; self++) {
        const esp_layer_param param = param_of(form, sets, 0.7, self);
        compare(&param, (sets + self) % 2 ? &esp_device_cpu64 : &esp_device_cpu32, sets, 700, self);
        if (far_pairs < 700) fail_msg("form %d, keys %d: %lld far pairs", form, sets, (long long)far_pairs);
      }
}

static void few(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 3, 65, 130};
  for (int k = 0; k < FORMS * SETS; k++)
    for (int s = k % 2; s < 5; s += 2) {
      const esp_layer_param param = param_of(k % FORMS, k / FORMS, 0.7, k / FORMS % 2);
      compare(&param, &esp_device_cpu32, k / FORMS, sizes[s], s > 1);
    }
}

static void budget_and_all_pairs(void **state) {
  (void)state;
  for (int k = 0; k < FORMS; k++) {
    const int sets = k % 2;
    esp_layer_param param = param_of(k, sets, 0, 0);
    compare(&param, &esp_device_cpu32, sets, 400, 0);
    param.domain.lists.theta = 0.05;
    compare(&param, &esp_device_cpu32, sets, 900, 0);
    param.domain.lists.pairs_per_particle = 100;
    compare(&param, &esp_device_cpu32, sets, 900, 1);
    param.domain.split.kind = ESP_SPLIT_PCA;
    param.near_only = 1;
    compare(&param, &esp_device_cpu32, sets, 500, 0);
  }
}

static void learned_splits(void **state) {
  (void)state;
  double normal[NORMALS];
  const int sizes[] = {0, 1, 3, 130, 700};
  for (int k = 0; k < NORMALS; k++) normal[k] = case_uniform((uint64_t)k + 777) - 0.5;
  for (int k = 0; k < 3 * 5; k++) {
    const int form = k % 3, n = sizes[k / 3]; /* of every order but 0 */
    esp_layer_param param = param_of(form, ONE_SET, k % 2 ? 0 : 0.7, k % 4 < 2);
    param.domain.split = (esp_split_rule){.kind = ESP_SPLIT_LEARNED, .levels = LEVELS - k % 2, .normal = normal};
    compare(&param, &esp_device_cpu32, ONE_SET, n, k % 5 == 0);
    const int levels = n < 130 ? 0 : esp_imin(n == 130 ? 3 : 5, param.domain.split.levels); /* above blocks of 32 */
    assert_int_equal(moved_normals, ((1 << levels) - 1) * forms[form].dim);
  }
}

CASE_MAIN(cmocka_unit_test(every_form), cmocka_unit_test(few), cmocka_unit_test(budget_and_all_pairs),
          cmocka_unit_test(learned_splits))
