/* Proves that a relation learned through the library has the parameters, predictions, places and neighbours that training on whole
 * sets gives, bit for bit on every rank, however particles and ids lie on the ranks, with sets of no and of one particle, and
 * weights that one rank alone has; that one rank can end the training; that a model goes through a file; and that what is wrong
 * is the same error on every rank, naming it.
 * ctest: TIMEOUT 600 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../relation_train_case.h"
#include "lib/espalier.h"
#include "tasks/task.h"
#include "verbs/keys.h"

enum { D = 5, F = 2, SETS = 4, MOST = 300 };
static int rank, size;

static void good(int rc) {
  if (rc) fail_msg("%s", espalier_error());
}

/* ---- who holds what ---- */

/* HASHED: of three ranks or more one holds none. Ids: those of the rows' numbers, or with gaps, from end to end. */
enum { BLOCKS, HASHED, LAST, LAYS };

static int holder(int lay, int64_t i, int64_t n) {
  if (lay == LAST) return size - 1;
  const int some = size > 2 ? size - 1 : size;
  if (lay == HASHED) return (int)(i * 2654435761 % 1009 % some);
  return (int)(i * i * some / (n * n + 1)); /* uneven, in order */
}

static int64_t gappy(int64_t i, int64_t n) {
  return i == 0 ? INT64_MIN : i == n - 1 ? INT64_MAX : (i - n / 2) * (i % 7 + 1000003);
}

/* Ids ascend: rows of the reference stand in their order. */
static esp_set whole_set(int n, int holes, uint64_t seed) {
  esp_set s = relation_case_set(n, D, F, 0.6, holes, seed);
  for (int i = 0; i < n; i++) s.id[i] = gappy(i, n);
  return s;
}

/* This rank's rows, backwards where ids are given. */
typedef struct {
  int64_t at[MOST], id[MOST];
  double x[MOST * D], v[MOST * F], y[MOST * F], w[MOST];
  espalier_rows rows;
} mine;

static void take(const esp_set *set, int lay, int ids, mine *m) {
  memset(m, 0, sizeof *m);
  int64_t n = 0, to = 0;
  for (int64_t i = 0; i < set->n; i++) n += holder(lay, i, set->n) == rank;
  for (int64_t k = 0; k < set->n; k++) {
    const int64_t i = ids ? set->n - 1 - k : k;
    if (holder(lay, i, set->n) != rank) continue;
    m->at[to] = i;
    m->id[to] = set->id[i];
    memcpy(m->x + to * D, set->value[X] + i * D, D * sizeof(double));
    memcpy(m->v + to * F, set->value[V] + i * F, F * sizeof(double));
    memcpy(m->y + to * F, set->value[Y] + i * F, F * sizeof(double));
    m->w[to++] = set->value[W] ? set->value[W][i] : 1;
  }
  m->rows = (espalier_rows){.n = n, .x = m->x, .sent = m->v, .target = m->y};
  if (ids) m->rows.id = m->id;
  if (set->value[W]) m->rows.weight = m->w;
}

/* ---- the reference: the program's keys, whole sets, one rank ---- */

static const espalier_setting quick[] = {{"net_layers", "2"},  {"net_dim", "3"},     {"net_width", "6"},
                                         {"train_steps", "5"}, {"train_batch", "2"}, {"train_lr", "0.03"},
                                         {"tree_leaf", "4"},   {"tree_block", "8"},  {"tree_error", "0.02"}};
enum { QUICK = sizeof quick / sizeof *quick };

typedef struct {
  esp_set set[SETS];
  esp_train_param how;
  esp_model model;
  esp_adam adam;
} reference;

static int get(void *context, int s, const esp_set **set) {
  *set = &((reference *)context)->set[s];
  return ESP_OK;
}

static void make(const espalier_setting *setting, int settings, reference *t) {
  static const int n[SETS] = {140, 0, 1, 70};
  const esp_sizes sizes = {.width = {[ESP_INPUT] = D, [ESP_SENT] = F, [ESP_TARGET] = F}};
  esp_config *config;
  esp_stack_param param;
  *t = (reference){.adam.step = 0};
  OK(esp_keys_create(&config));
  for (int k = 0; k < settings; k++) OK(esp_config_set(config, setting[k].key, setting[k].value));
  OK(esp_options_fill(&esp_stack_options, config, &param));
  OK(esp_options_fill(&esp_train_options, config, &t->how));
  esp_config_free(&config);
  for (int s = 0; s < SETS; s++) t->set[s] = whole_set(n[s], s == 3, 30 + (uint64_t)s);
  OK(esp_model_create(&esp_network_stack, &param, &sizes, &t->model));
}

static void train(reference *t) {
  const esp_sets sets = {.sets = SETS, .layout = &esp_relation_layout, .get = get, .context = t};
  const esp_backend self = esp_backend_self();
  const esp_training with = {self.comm, &self, &sets, &esp_loss_nmse, NULL};
  esp_adam_free(&t->adam);
  OK(esp_adam_create(t->model.block.count, &t->adam));
  OK(esp_train(&with, &t->how, NULL, &t->model, &t->adam));
}

static void predict(reference *t, const esp_set *set, double *y) {
  const esp_backend self = esp_backend_self();
  esp_cost cost = {0};
  double bound;
  OK(esp_model_aim(&t->model, &self, set, &bound));
  OK(esp_model_predict(&t->model, &self, set, NULL, y, &cost));
}

static void reference_free(reference *t) {
  for (int s = 0; s < SETS; s++) esp_set_free(&t->set[s]);
  esp_model_free(&t->model);
  esp_adam_free(&t->adam);
}

static espalier_relation *created(const espalier_setting *setting, int settings) {
  espalier_relation *r;
  good(espalier_relation_create(MPI_COMM_WORLD, D, F, F, setting, settings, &r));
  return r;
}

static void assert_checksum(const espalier_relation *r, uint64_t expected) {
  uint64_t sum;
  good(espalier_relation_checksum(r, &sum));
  if (sum != expected) fail_msg("rank %d: parameters %016" PRIx64 ", wanted %016" PRIx64, rank, sum, expected);
}

/* Every rank's own number, added up: of all particles. */
static int64_t total(int64_t value) {
  MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
  return value;
}

/* ---- training and prediction ---- */

static mine part[SETS];
static double y[MOST * F], known[MOST * F];

static int train_part(espalier_relation *r, const reference *t, int lay, int ids, espalier_progress *progress,
                      void *context, int64_t *steps) {
  espalier_rows rows[SETS];
  for (int s = 0; s < SETS; s++) take(&t->set[s], lay, ids, &part[s]), rows[s] = part[s].rows;
  return espalier_relation_train(r, SETS, rows, progress, context, steps);
}

static void assert_prediction(espalier_relation *r, const esp_set *set, int lay, int ids) {
  espalier_stats stats;
  take(set, lay, ids, &part[0]);
  part[0].rows.target = part[0].rows.weight = NULL;
  good(espalier_relation_predict(r, &part[0].rows, y, &stats));
  for (int64_t k = 0; k < part[0].rows.n; k++) assert_memory_equal(y + k * F, known + part[0].at[k] * F, F * sizeof *y);
  assert_true(total(stats.owned) == 2 * set->n); /* two layers */
  assert_true(set->n < 2 || total(stats.near_pairs) > 0);
}

/* Whatever ranks divide among them. Twice: the second training begins where the first one ended. A prediction, which searches for its angle, leaves no trace. */
static void same_bits(void **state) {
  (void)state;
  static const char *const shard[LAYS] = {"clouds", "particles", "auto"};
  espalier_setting own[QUICK + 1];
  reference t;
  uint64_t sum[2];
  memcpy(own, quick, sizeof quick);
  make(quick, QUICK, &t);
  for (int k = 0; k < 2; k++) train(&t), sum[k] = esp_model_checksum(&t.model);
  assert_true(sum[0] != sum[1]);
  predict(&t, &t.set[0], known);
  for (int lay = 0; lay < LAYS; lay++)
    for (int ids = lay == HASHED; ids < 2; ids++) {
      int64_t steps = -1;
      own[QUICK] = (espalier_setting){"train_shard", shard[(lay + ids) % LAYS]};
      espalier_relation *r = created(own, QUICK + 1);
      take(&t.set[0], lay, ids, &part[0]);
      good(espalier_relation_predict(r, &part[0].rows, y, NULL));
      good(train_part(r, &t, lay, ids, NULL, NULL, &steps));
      assert_int_equal(steps, 5);
      assert_checksum(r, sum[0]);
      good(train_part(r, &t, lay, ids, NULL, NULL, NULL));
      assert_checksum(r, sum[1]);
      assert_prediction(r, &t.set[0], lay, ids);
      good(espalier_relation_destroy(&r));
      assert_null(r);
    }
  reference_free(&t);
}

/* Weights of one rank alone are those of all: the others' are 1. */
static void weights_of_one_rank(void **state) {
  (void)state;
  reference t;
  espalier_rows rows[SETS];
  make(quick, QUICK, &t);
  for (int64_t i = 0; i < t.set[3].n; i++)
    if (holder(HASHED, i, t.set[3].n)) t.set[3].value[W][i] = 1;
  train(&t);
  espalier_relation *r = created(quick, QUICK);
  for (int s = 0; s < SETS; s++) take(&t.set[s], HASHED, 1, &part[s]), rows[s] = part[s].rows;
  if (rank) rows[3].weight = NULL;
  good(espalier_relation_train(r, SETS, rows, NULL, NULL, NULL));
  assert_checksum(r, esp_model_checksum(&t.model));
  espalier_relation_destroy(&r);
  reference_free(&t);
}

/* ---- progress ---- */

typedef struct {
  espalier_relation *r;
  const char *path;
  int64_t calls, stop; /* the last rank ends the training here; 0: nobody does */
  double loss;
} follower;

static int follow(void *context, const espalier_step *step) {
  follower *f = context;
  f->calls++;
  assert_int_equal(step->step, f->calls);
  assert_int_equal(step->steps, 5);
  assert_true(isfinite(step->loss) && step->rate > 0 && step->gradient > 0 && step->seconds >= 0);
  f->loss = step->loss;
  if (f->path && step->step == 2) good(espalier_relation_write(f->r, f->path));
  espalier_relation *r = f->r;
  assert_int_equal(espalier_relation_destroy(&r), 1);
  assert_int_equal(espalier_relation_train(f->r, 1, &part[0].rows, NULL, NULL, NULL), 1);
  return rank == size - 1 && step->step == f->stop ? 7 : 0;
}

static void name_file(char path[64]) {
  long long name = getpid();
  MPI_Bcast(&name, 1, MPI_LONG_LONG, 0, MPI_COMM_WORLD);
  snprintf(path, 64, "test_relation_%08llx.h5", (unsigned long long)name & 0xffffffff);
}

static void one_rank_has_enough(void **state) {
  (void)state;
  reference t;
  char path[64];
  espalier_relation *again;
  int64_t steps;
  name_file(path);
  make(quick, QUICK, &t);
  t.how.stop = 2;
  train(&t);
  espalier_relation *r = created(quick, QUICK);
  follower f = {.r = r, .stop = 2};
  good(train_part(r, &t, HASHED, 1, follow, &f, &steps));
  assert_int_equal(steps, 2);
  assert_int_equal(f.calls, 2);
  assert_checksum(r, esp_model_checksum(&t.model));
  double range[2] = {f.loss, -f.loss};
  MPI_Allreduce(MPI_IN_PLACE, range, 2, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  assert_true(range[0] == -range[1]);
  espalier_relation_destroy(&r);
  /* nobody has; what is written on the way is the model of then */
  r = created(quick, QUICK);
  f = (follower){.r = r, .path = path};
  good(train_part(r, &t, BLOCKS, 0, follow, &f, &steps));
  assert_int_equal(steps, 5);
  good(espalier_relation_read(MPI_COMM_WORLD, path, NULL, 0, &again));
  assert_checksum(again, esp_model_checksum(&t.model));
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) remove(path);
  espalier_relation_destroy(&again);
  espalier_relation_destroy(&r);
  reference_free(&t);
}

/* ---- a file ---- */

/* What is written is the resolution that training has found, not that of a set that was asked for. */
static void resolution_of_training(espalier_relation *r, reference *t, const char *path) {
  const esp_backend self = esp_backend_self();
  const double theta = ((esp_stack_param *)t->model.param)->domain.lists.theta;
  espalier_relation *again;
  esp_cost cost = {0};
  esp_set other = whole_set(280, 0, 8);
  for (int k = 0; k < 280 * D; k++) other.value[X][k] *= 6;
  OK(esp_model_predict(&t->model, &self, &t->set[3], NULL, known, &cost));
  take(&other, HASHED, 1, &part[0]);
  good(espalier_relation_predict(r, &part[0].rows, y, NULL));
  good(espalier_relation_write(r, path));
  good(espalier_relation_read(MPI_COMM_WORLD, path, NULL, 0, &again));
  assert_prediction(again, &t->set[3], HASHED, 1);
  espalier_relation_destroy(&again);
  predict(t, &other, known);
  assert_true(((esp_stack_param *)t->model.param)->domain.lists.theta != theta);
  ((esp_stack_param *)t->model.param)->domain.lists.theta = theta;
  esp_set_free(&other);
}

static void through_a_file(void **state) {
  (void)state;
  const espalier_setting use[] = {
      {"tree_error", "0.02"}, {"net_dim", "2"}, {"train_steps", "5"}, {"train_batch", "2"}, {"train_lr", "0.03"}};
  char path[64];
  reference t;
  espalier_relation *r, *again;
  int wide[4];
  name_file(path);
  make(quick, QUICK, &t);
  train(&t);
  r = created(quick, QUICK);
  good(train_part(r, &t, HASHED, 1, NULL, NULL, NULL));
  resolution_of_training(r, &t, path);
  good(espalier_relation_read(MPI_COMM_WORLD, path, use, 5, &again));
  good(espalier_relation_widths(again, &wide[0], &wide[1], &wide[2], &wide[3]));
  assert_memory_equal(wide, ((int[]){D, F, F, 3}), sizeof wide); /* net_dim is the file's */
  assert_checksum(again, esp_model_checksum(&t.model));
  predict(&t, &t.set[0], known);
  assert_prediction(again, &t.set[0], HASHED, 1);
  assert_prediction(r, &t.set[0], HASHED, 1);
  train(&t); /* goes on alike */
  good(train_part(r, &t, HASHED, 1, NULL, NULL, NULL));
  assert_checksum(r, esp_model_checksum(&t.model));
  espalier_relation_destroy(&again);
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) remove(path);
  espalier_relation_destroy(&r);
  reference_free(&t);
}

/* ---- where they are ---- */

enum { K = 6 };

static void places_and_neighbours(void **state) {
  (void)state;
  static double place[MOST * 3], all[MOST][3], weight[MOST * K];
  static int64_t neighbour[MOST * K], slot[MOST], taken[MOST];
  static int owner[MOST];
  espalier_relation *r = created(quick, QUICK);
  esp_set set = whole_set(200, 0, 3);
  for (int twice = 0; twice < 2; twice++) { /* then with particles at one place: ties by id */
    for (int c = 0; c < 40 * D && twice; c++) set.value[X][c] = set.value[X][c % D];
    take(&set, HASHED, 1, &part[0]);
    const int64_t n = part[0].rows.n;
    memset(all, 0, sizeof all), memset(taken, 0, sizeof taken);
    good(espalier_relation_place(r, &part[0].rows, place));
    for (int64_t k = 0; k < n; k++) memcpy(all[part[0].at[k]], place + 3 * k, sizeof *all);
    MPI_Allreduce(MPI_IN_PLACE, all, MOST * 3, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    good(espalier_relation_neighbors(r, &part[0].rows, K, neighbour, weight));
    for (int64_t k = 0; k < n; k++) {
      const double *at = all[part[0].at[k]];
      double last = -1;
      int64_t before = 0, nearer = 0;
      for (int e = 0; e < K; e++) {
        int64_t j = 0;
        while (j < set.n && set.id[j] != neighbour[k * K + e]) j++;
        assert_true(j < set.n && j != part[0].at[k]);
        const double d2 = pow(at[0] - all[j][0], 2) + pow(at[1] - all[j][1], 2) + pow(at[2] - all[j][2], 2);
        assert_true(d2 > last || (d2 == last && j > before));
        assert_true(fabs(weight[k * K + e] - exp(-d2 / 2)) < 1e-14); /* net_scale 1 */
        last = d2, before = j;
      }
      for (int64_t j = 0; j < set.n; j++) {
        const double d2 = pow(at[0] - all[j][0], 2) + pow(at[1] - all[j][1], 2) + pow(at[2] - all[j][2], 2);
        nearer += j != part[0].at[k] && (d2 < last || (d2 == last && j <= before));
      }
      assert_int_equal(nearer, K);
    }
    good(espalier_relation_partition(r, &part[0].rows, owner, slot));
    for (int64_t k = 0; k < n; k++) taken[slot[k]] += 1 + (int64_t)1000 * owner[k];
    MPI_Allreduce(MPI_IN_PLACE, taken, MOST, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    for (int64_t s = 0; s < set.n; s++) {
      assert_int_equal(taken[s] % 1000, 1);
      assert_true(taken[s] / 1000 < size && (s == 0 || taken[s] >= taken[s - 1]));
      assert_true(labs((long)(taken[s] / 1000 * set.n / size - s)) <= set.n / size + 8);
    }
  }
  esp_set_free(&set);
  espalier_relation_destroy(&r);
}

/* Nobody, or one alone. */
static void few(void **state) {
  (void)state;
  espalier_relation *r = created(quick, QUICK);
  for (int n = 0; n < 4; n++) {
    int64_t neighbour[3 * K], slot[3] = {0};
    double weight[3 * K], place[9];
    int owner[3];
    esp_set set = whole_set(n, 0, 9);
    take(&set, LAST, 1, &part[0]);
    const int64_t mine = part[0].rows.n;
    good(espalier_relation_predict(r, &part[0].rows, mine ? y : NULL, NULL));
    good(espalier_relation_place(r, &part[0].rows, mine ? place : NULL));
    good(espalier_relation_partition(r, &part[0].rows, owner, slot));
    good(espalier_relation_neighbors(r, &part[0].rows, K, neighbour, weight));
    for (int64_t e = 0; e < mine * K; e++) {
      assert_true((neighbour[e] == -1) == (e % K >= n - 1));
      assert_true((weight[e] == 0) == (e % K >= n - 1));
    }
    for (int64_t i = 0; i < mine; i++) assert_true(isfinite(y[i * F]) && slot[i] >= 0 && slot[i] < n);
    esp_set_free(&set);
  }
  espalier_relation_destroy(&r);
}

/* ---- what is wrong ---- */

/* The same code on every rank, with a message that holds all of "a|b". */
static void refused(int code, int expected, const char *words) {
  int range[2] = {code, -code};
  char all[256];
  MPI_Allreduce(MPI_IN_PLACE, range, 2, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  if (range[0] != expected || -range[1] != expected)
    fail_msg("codes %d to %d, wanted %d: %s", -range[1], range[0], expected, espalier_error());
  snprintf(all, sizeof all, "%s", words);
  for (char *rest = all, *word; (word = strtok_r(rest, "|", &rest));)
    if (!strstr(espalier_error(), word)) fail_msg("'%s' is not in: %s", word, espalier_error());
}

static int create(int features, const char *key, const char *word) {
  const espalier_setting setting = {key, word};
  espalier_relation *r;
  const int rc = espalier_relation_create(MPI_COMM_WORLD, features, F, F, &setting, 1, &r);
  espalier_relation_destroy(&r);
  return rc;
}

static void wrong_settings(void **state) {
  (void)state;
  espalier_relation *r;
  const int odd = size > 1 && rank == size - 1;
  refused(create(D, "net_dimm", "3"), 2, "net_dimm|net_dim'");
  refused(create(D, "data_law", "file"), 2, "data_law");
  refused(create(D, "net_dim", "many"), 2, "net_dim|many|integer in [1, 64]");
  refused(create(D, "net_message", "newton"), 2, "net_message|newton|gate");
  refused(create(D, "train_checkpoint_every", "3"), 2, "train_checkpoint_every|espalier_relation_write");
  refused(create(D, NULL, "3"), 1, "setting[0]: key");
  refused(create(0, "net_dim", "3"), 2, "features = 0");
  refused(create(5000, "net_dim", "3"), 2, "features 5000|4096");
  refused(espalier_relation_create(MPI_COMM_WORLD, D, F, F, NULL, 2, &r), 1, "2 settings at NULL");
  refused(espalier_relation_create(MPI_COMM_WORLD, D, F, F, NULL, 0, NULL), 1, "no place");
  refused(espalier_relation_create(MPI_COMM_NULL, D, F, F, NULL, 0, &r), 1, "MPI_COMM_NULL");
  refused(espalier_relation_read(MPI_COMM_WORLD, "none.h5", NULL, 0, &r), 3, "none.h5");
  assert_null(r);
  refused(espalier_relation_read(MPI_COMM_WORLD, odd || size == 1 ? NULL : "none.h5", NULL, 0, &r), 1, "path");
  if (size == 1) return;
  refused(create(D, "net_dim", odd ? "3" : "2"), 5, "settings differ");
  refused(create(odd ? D : D + 1, "net_dim", "3"), 5, "features differ");
  refused(create(D, odd ? "net_dimm" : "net_dim", "3"), 2, "net_dimm");
}

static void wrong_rows(void **state) {
  (void)state;
  const int odd = rank == size - 1;
  esp_set set = whole_set(60, 0, 5);
  espalier_relation *r = created(quick, QUICK);
  espalier_rows rows[2];
  uint64_t before, after;
  take(&set, LAST, 1, &part[0]);
  take(&set, LAST, 1, &part[1]);
  rows[0] = part[0].rows, rows[1] = part[1].rows;
  good(espalier_relation_checksum(r, &before));
  part[1].x[3] = NAN;
  refused(espalier_relation_train(r, 2, rows, NULL, NULL, NULL), 5,
          "set 1: particle 9223372036854775807: x, column 3|nan");
  refused(espalier_relation_predict(r, &rows[1], y, NULL), 5, "x, column 3|nan");
  part[1].x[3] = 1e200;
  refused(espalier_relation_place(r, &rows[1], y), 5, "x, column 3|1e+200");
  part[1].x[3] = 0, part[1].w[2] = -1, rows[1].weight = part[1].w;
  refused(espalier_relation_train(r, 2, rows, NULL, NULL, NULL), 5, "set 1: particle|weight|-1");
  rows[1].weight = NULL, part[1].id[4] = part[1].id[5];
  refused(espalier_relation_train(r, 2, rows, NULL, NULL, NULL), 5, "set 1|occurs more than once");
  refused(espalier_relation_train(r, 0, rows, NULL, NULL, NULL), 5, "sets = 0");
  refused(espalier_relation_train(r, 2, odd ? NULL : rows, NULL, NULL, NULL), 1, "2 sets at NULL");
  refused(espalier_relation_predict(r, odd ? NULL : rows, y, NULL), 1, "no rows");
  refused(espalier_relation_predict(r, rows, odd ? NULL : y, NULL), 1, "no place for the results of 60");
  refused(espalier_relation_predict(NULL, rows, y, NULL), 1, "no relation");
  refused(espalier_relation_neighbors(r, rows, 0, (int64_t[]){0}, NULL), 5, "k = 0");
  if (odd) rows[0].target = NULL;
  refused(espalier_relation_train(r, 1, rows, NULL, NULL, NULL), 1, "set 0: 60 particles without target");
  if (odd) rows[0].sent = NULL;
  refused(espalier_relation_predict(r, rows, y, NULL), 1, "60 particles without sent");
  if (odd) rows[0].n = -1;
  refused(espalier_relation_predict(r, rows, y, NULL), 6, "n = -1");
  if (size > 1) refused(espalier_relation_train(r, odd ? 2 : 1, rows, NULL, NULL, NULL), 5, "sets differ");
  good(espalier_relation_checksum(r, &after));
  assert_true(before == after);
  espalier_relation_destroy(&r);
  esp_set_free(&set);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_bits),
      cmocka_unit_test(weights_of_one_rank),
      cmocka_unit_test(one_rank_has_enough),
      cmocka_unit_test(through_a_file),
      cmocka_unit_test(places_and_neighbours),
      cmocka_unit_test(few),
      cmocka_unit_test(wrong_settings),
      cmocka_unit_test(wrong_rows),
  };
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
