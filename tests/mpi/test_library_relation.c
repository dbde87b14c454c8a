/* Proves that a relation learned through the library has the parameters, predictions, places and neighbours that training on whole
 * sets gives, bit for bit on every rank, however particles and ids lie on the ranks, with sets of no and of one particle, and
 * weights that one rank alone has; that one rank can end the training; and that a model goes through a file.
 * ctest: TIMEOUT 600 */
#include "library_relation_case.h"

/* ---- training and prediction ---- */

static double known[MOST * F];

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

static int tests(void) {
  const struct CMUnitTest all[] = {
      cmocka_unit_test(same_bits),      cmocka_unit_test(weights_of_one_rank),   cmocka_unit_test(one_rank_has_enough),
      cmocka_unit_test(through_a_file), cmocka_unit_test(places_and_neighbours), cmocka_unit_test(few)};
  return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv) {
  return run_all(argc, argv, tests);
}
