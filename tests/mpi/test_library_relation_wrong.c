/* Proves that what is wrong with settings, rows and results of a relation learned through the library is the same error on every
 * rank, naming it, and changes nothing. */
#include "library_relation_case.h"

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

static int tests(void) {
  const struct CMUnitTest all[] = {cmocka_unit_test(wrong_settings), cmocka_unit_test(wrong_rows)};
  return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv) {
  return run_all(argc, argv, tests);
}
