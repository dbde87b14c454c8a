/* Feature sets come back bit for bit, whole and in shares, whoever wrote which part; the file is the same for any
 * number of ranks; files of other origin with no more than they need are read, broken ones refused by name. */
#include "case.h"

#include <stdio.h>
#include <unistd.h>

#include "io/feature_file.h"

enum { SETS = 5, D = 3, F = 2, T = 1, R = 2 };
static const int64_t SIZE[SETS] = {130, 1, 0, 64, 200};
static char path[256], alone[256];

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static int setup(void **state) {
  (void)state;
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_feature_file_%lld.h5", (long long)pid);
  snprintf(alone, sizeof alone, "test_feature_file_%lld_alone.h5", (long long)pid);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path), remove(alone);
  return 0;
}

static double number(int s, int64_t i, int field, int k) {
  return case_uniform((uint64_t)(((s * 1024 + i) * 8 + field) * 8 + k)) - 0.5;
}

static void fill(int s, int64_t first, int64_t end, int weighted, esp_feature_set *set) {
  *set = (esp_feature_set){.n = SIZE[s],
                           .first = first,
                           .n_home = (int)(end - first),
                           .features = D,
                           .values = F,
                           .targets = T,
                           .hidden = R};
  assert_ok(esp_feature_set_create(set, weighted));
  for (int64_t i = first; i < end; i++) {
    const int64_t row = i - first;
    set->id[row] = 1000 * s + 7 * i;
    for (int k = 0; k < D; k++) set->x[row * D + k] = number(s, i, 0, k);
    for (int k = 0; k < F; k++) set->v[row * F + k] = number(s, i, 1, k);
    for (int k = 0; k < T; k++) set->y[row * T + k] = number(s, i, 2, k);
    for (int k = 0; k < R; k++) set->z[row * R + k] = number(s, i, 3, k);
    if (weighted) set->weight[row] = i % 3;
  }
}

static void compare(int s, int weighted, const esp_feature_set *set) {
  esp_feature_set made;
  const size_t n = (size_t)set->n_home;
  fill(s, set->first, set->first + set->n_home, weighted, &made);
  assert_true(set->n == SIZE[s] && set->features == D && set->values == F && set->targets == T && set->hidden == R);
  assert_memory_equal(set->id, made.id, n * sizeof *made.id);
  assert_memory_equal(set->x, made.x, n * D * sizeof *made.x);
  assert_memory_equal(set->v, made.v, n * F * sizeof *made.v);
  assert_memory_equal(set->y, made.y, n * T * sizeof *made.y);
  assert_memory_equal(set->z, made.z, n * R * sizeof *made.z);
  assert_true((set->weight != NULL) == weighted);
  if (weighted) assert_memory_equal(set->weight, made.weight, n * sizeof *made.weight);
  esp_feature_set_free(&made);
}

static esp_feature_about about_of(int weighted) {
  esp_feature_about about = {.task = "circles",
                             .features = D,
                             .values = F,
                             .targets = T,
                             .hidden = R,
                             .weighted = weighted,
                             .average = 1,
                             .h = 0.25,
                             .seed = 1000000000007};
  return about;
}

/* Sets 0, 1, 2 to train, 3, 4 to test; test sets shared by all ranks, training sets whole, round robin. */
static void write_file(const esp_comm *who, const char *name, int weighted) {
  const int64_t sets[ESP_PARTS] = {3, 2}, *const n[ESP_PARTS] = {SIZE, SIZE + 3};
  const esp_feature_about about = about_of(weighted);
  esp_feature_writer writer;
  esp_feature_set set;
  assert_ok(esp_feature_begin(who, name, &about, sets, n, &writer));
  for (int s = 4; s >= 3; s--) {
    int64_t first, count;
    esp_set_share(SIZE[s], who->rank, who->size, &first, &count);
    fill(s, first, first + count, weighted, &set);
    assert_ok(esp_feature_put(&writer, ESP_PART_TEST, s - 3, &set));
    esp_feature_set_free(&set);
  }
  for (int round = 0; round < 3; round += who->size) {
    const int s = round + who->rank;
    if (s < 3) fill(s, 0, SIZE[s], weighted, &set);
    assert_ok(esp_feature_put(&writer, ESP_PART_TRAIN, s, s < 3 ? &set : NULL));
    if (s < 3) esp_feature_set_free(&set);
  }
  assert_ok(esp_feature_commit(&writer));
}

static uint64_t checksum(const esp_comm *who, const char *name) {
  esp_feature_file file;
  uint64_t sum;
  assert_ok(esp_feature_open(who, name, &file));
  assert_ok(esp_feature_checksum(&file, &sum));
  esp_feature_close(&file);
  return sum;
}

static void comes_back(void **state) {
  (void)state;
  uint64_t sums[2];
  for (int weighted = 0; weighted < 2; weighted++) {
    esp_feature_file file;
    esp_feature_set set;
    write_file(comm, path, weighted);
    assert_ok(esp_feature_open(comm, path, &file));
    const esp_feature_about about = about_of(weighted);
    assert_memory_equal(&file.about, &about, sizeof about);
    assert_true(file.sets[0] == 3 && file.sets[1] == 2 && file.n[0][2] == 0 && file.n[1][1] == 200);
    for (int s = 0; s < SETS; s++) {
      const esp_part part = s < 3 ? ESP_PART_TRAIN : ESP_PART_TEST;
      assert_ok(esp_feature_share_read(&file, comm, part, s < 3 ? s : s - 3, &set));
      compare(s, weighted, &set);
      assert_int_equal(sum_over_ranks(set.n_home), SIZE[s]);
      esp_feature_set_free(&set);
      if (s % comm->size == comm->rank) { /* local: the others do not take part */
        assert_ok(esp_feature_set_read(&file, part, s < 3 ? s : s - 3, &set));
        assert_true(set.n_home == SIZE[s]);
        compare(s, weighted, &set);
        esp_feature_set_free(&set);
      }
    }
    assert_int_equal(esp_feature_set_read(&file, ESP_PART_TEST, 2, &set), ESP_ERR_ARG);
    esp_error_clear();
    assert_ok(esp_feature_checksum(&file, &sums[weighted]));
    esp_feature_close(&file);
    if (comm->rank == 0) {
      write_file(esp_comm_self(), alone, weighted);
      assert_true(checksum(esp_comm_self(), alone) == sums[weighted]);
      assert_true(checksum(esp_comm_self(), path) == sums[weighted]);
    }
  }
  assert_true(sums[0] != sums[1]);
  assert_int_equal(esp_file_open_objects(), 0);
}

/* ---- files of other origin ---- */

typedef struct {
  const char *name;
  hid_t type; /* in the file */
  int rank;
  hsize_t dim[2];
  int chunked;
} dataset;

static hid_t serial_create(void) {
  hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(id >= 0);
  return id;
}

static void serial_text(hid_t id, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(text));
  hid_t attribute = H5Acreate2(id, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(attribute >= 0 && H5Awrite(attribute, type, text) >= 0);
  H5Aclose(attribute), H5Sclose(space), H5Tclose(type);
}

static void serial_whole(hid_t id, const char *name, int value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = H5Acreate2(id, name, H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT, &value) >= 0);
  H5Aclose(attribute), H5Sclose(space);
}

/* Numbers 0, 1, 2 ... */
static void serial_data(hid_t id, const dataset *d) {
  const hsize_t rows[2] = {16, d->dim[1]};
  hsize_t count = d->rank > 1 ? d->dim[0] * d->dim[1] : d->dim[0];
  hid_t list = H5Pcreate(H5P_DATASET_CREATE), links = H5Pcreate(H5P_LINK_CREATE);
  hid_t space = H5Screate_simple(d->rank, d->dim, NULL);
  double *value = malloc(sizeof *value * (count + 1));
  for (hsize_t i = 0; i < count; i++) value[i] = (double)i;
  H5Pset_create_intermediate_group(links, 1);
  if (d->chunked) H5Pset_chunk(list, d->rank, rows), H5Pset_deflate(list, 4);
  hid_t set = H5Dcreate2(id, d->name, d->type, space, links, list, H5P_DEFAULT);
  assert_true(set >= 0 && H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
  free(value);
  H5Dclose(set), H5Sclose(space), H5Pclose(links), H5Pclose(list);
}

static void own_data(void **state) {
  (void)state;
  const dataset small[] = {{"train/x", H5T_IEEE_F32LE, 2, {150, 2}, 1},
                           {"train/v", H5T_STD_I16LE, 1, {150, 0}, 0},
                           {"train/y", H5T_IEEE_F64LE, 2, {150, 1}, 1}};
  if (comm->rank == 0) {
    hid_t id = serial_create();
    serial_text(id, "format", ESP_FEATURE_FORMAT);
    for (int k = 0; k < 3; k++) serial_data(id, &small[k]);
    H5Fclose(id);
  }
  comm->agree(comm, 0);
  esp_feature_file file;
  esp_feature_set set;
  int is = 0;
  assert_ok(esp_feature_is(comm, path, &is));
  assert_int_equal(is, 1);
  assert_ok(esp_feature_open(comm, path, &file));
  assert_true(file.sets[0] == 1 && file.sets[1] == 0 && file.n[0][0] == 150);
  assert_true(file.about.features == 2 && file.about.values == 1 && file.about.targets == 1 && file.about.hidden == 0);
  assert_string_equal(file.about.task, "");
  assert_ok(esp_feature_share_read(&file, comm, ESP_PART_TRAIN, 0, &set));
  assert_true(!set.weight && !set.z);
  for (int i = 0; i < set.n_home; i++) {
    const int64_t at = set.first + i;
    assert_true(set.id[i] == at && set.v[i] == (double)at && set.y[i] == (double)at);
    assert_true(set.x[2 * i] == (double)(2 * at) && set.x[2 * i + 1] == (double)(2 * at + 1));
  }
  esp_feature_set_free(&set);
  if (comm->rank == comm->size - 1) { /* a compressed dataset, read by one rank alone */
    assert_ok(esp_feature_set_read(&file, ESP_PART_TRAIN, 0, &set));
    assert_true(set.x[299] == 299);
    esp_feature_set_free(&set);
  }
  uint64_t sum;
  assert_ok(esp_feature_checksum(&file, &sum));
  esp_feature_close(&file);
  if (comm->rank == 0) assert_true(checksum(esp_comm_self(), path) == sum);
}

/* ---- broken files ---- */

static void refuse(int code, const char *what) {
  esp_feature_file file;
  comm->agree(comm, 0);
  assert_int_equal(esp_feature_open(comm, path, &file), code);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  if (!strstr(esp_error_message(), path)) fail_msg("the file is not in: %s", esp_error_message());
  assert_null(file.file);
  esp_error_clear();
  comm->agree(comm, 0);
}

/* A file of these datasets, and for a name ending in ':' the attribute of that name. */
static void make(const dataset *d) {
  comm->agree(comm, 0);
  if (comm->rank) return;
  hid_t id = serial_create();
  serial_text(id, "format", ESP_FEATURE_FORMAT);
  for (; d->name; d++) {
    if (strchr(d->name, ':')) {
      char name[32];
      snprintf(name, strlen(d->name), "%s", d->name);
      serial_whole(id, name, (int)d->dim[0]);
    } else {
      serial_data(id, d);
    }
  }
  H5Fclose(id);
}
#define MAKE(...) make((const dataset[]){__VA_ARGS__, {NULL, 0, 0, {0, 0}, 0}})
#define F64 H5T_IEEE_F64LE
#define I64 H5T_STD_I64LE

static void misshapen(void **state) {
  (void)state;
  MAKE({"train/x", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /train/v is missing");
  MAKE({"test/v", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /test/x is missing");
  MAKE({"other/x", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "neither a group /train nor /test");
  MAKE({"train/x", F64, 2, {10, 2}, 0}, {"train/v", F64, 2, {9, 1}, 0});
  refuse(ESP_ERR_FORMAT, "/train/v has shape (9, 1), wanted are 10 rows");
  MAKE({"train/x", F64, 2, {10, 0}, 0}, {"train/v", F64, 2, {10, 1}, 0});
  refuse(ESP_ERR_FORMAT, "/train/x has shape (10, 0), wanted is (rows, columns)");
  MAKE({"train/x", F64, 1, {10, 0}, 0}, {"train/v", F64, 1, {10, 0}, 0}, {"train/id", F64, 1, {10, 0}, 0});
  refuse(ESP_ERR_FORMAT, "/train/id holds neither integers");
  MAKE({"train/x", F64, 1, {10, 0}, 0}, {"train/v", F64, 1, {10, 0}, 0}, {"train/weight", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train/weight has shape (10, 2), wanted is (rows)");
  MAKE({"train/x", F64, 1, {4, 0}, 0}, {"train/v", F64, 1, {4, 0}, 0}, {"train/sets", I64, 2, {1, 3}, 0});
  refuse(ESP_ERR_FORMAT, "/train/sets has shape (1, 3), wanted are integers (sets, 2)");
  /* sets (0, 1), (2, 3): the second needs rows up to 5 */
  MAKE({"train/x", F64, 1, {4, 0}, 0}, {"train/v", F64, 1, {4, 0}, 0}, {"train/sets", I64, 2, {2, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train set 1 has rows [3, +2) of 4");
  MAKE({"train/x", F64, 1, {4, 0}, 0}, {"train/v", F64, 1, {4, 0}, 0}, {"test/x", F64, 2, {4, 3}, 0},
       {"test/v", F64, 1, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "x has 1 columns in /train and 3 in /test");
  MAKE({"train/x", F64, 1, {4, 0}, 0}, {"train/v", F64, 1, {4, 0}, 0}, {"test/x", F64, 1, {4, 0}, 0},
       {"test/v", F64, 1, {4, 0}, 0}, {"test/y", F64, 1, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "y has 0 columns in /train and 1 in /test");
  MAKE({"train/x", F64, 2, {4, 3}, 0}, {"train/v", F64, 1, {4, 0}, 0}, {"features:", 0, 0, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "attribute features is 4, but x has 3 columns");
}

static void not_a_feature_file(void **state) {
  (void)state;
  int is = 1;
  if (comm->rank == 0) {
    hid_t id = serial_create();
    serial_text(id, "format", "espalier ensemble");
    H5Fclose(id);
  }
  refuse(ESP_ERR_FORMAT, "attribute format is \"espalier ensemble\"");
  assert_ok(esp_feature_is(comm, path, &is));
  assert_int_equal(is, 0);
  if (comm->rank == 0) H5Fclose(serial_create());
  refuse(ESP_ERR_FORMAT, "attribute format of / is missing");
  write_file(comm, path, 0);
  if (comm->rank == 0) assert_int_equal(truncate(path, 9000), 0);
  refuse(ESP_ERR_FORMAT, "");
  if (comm->rank == 0) remove(path);
  refuse(ESP_ERR_FILE, "cannot be read");
  is = 1;
  assert_ok(esp_feature_is(comm, path, &is));
  assert_true(is == 0 && !esp_error_message()[0]);
  assert_int_equal(esp_file_open_objects(), 0);
}

/* A forbidden number is named with file, set and id, on every rank, by the set that holds it alone. */
static void forbidden_numbers(void **state) {
  (void)state;
  const int64_t sets[ESP_PARTS] = {0, 2}, *const n[ESP_PARTS] = {NULL, SIZE + 3};
  const esp_feature_about about = about_of(1);
  esp_feature_writer writer;
  esp_feature_file file;
  esp_feature_set set;
  assert_ok(esp_feature_begin(comm, path, &about, sets, n, &writer));
  for (int s = 3; s < 5; s++) {
    fill(s, 0, SIZE[s], 1, &set);
    if (s == 4) set.v[150 * F + 1] = NAN, set.weight[199] = -1;
    assert_ok(esp_feature_put(&writer, ESP_PART_TEST, s - 3, comm->rank == comm->size - 1 ? &set : NULL));
    esp_feature_set_free(&set);
  }
  assert_ok(esp_feature_commit(&writer));
  assert_ok(esp_feature_open(comm, path, &file));
  assert_ok(esp_feature_share_read(&file, comm, ESP_PART_TEST, 0, &set));
  esp_feature_set_free(&set);
  assert_int_equal(esp_feature_share_read(&file, comm, ESP_PART_TEST, 1, &set), ESP_ERR_VALUE);
  const char *said = esp_error_message();
  assert_true(strstr(said, path) && strstr(said, "/test set 1") && !set.x);
  assert_true(strstr(said, "particle 5050: value, column 1") || strstr(said, "particle 5393: weight"));
  esp_error_clear();
  assert_int_equal(esp_feature_set_read(&file, ESP_PART_TEST, 1, &set), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "particle 5050: value, column 1"));
  esp_error_clear();
  esp_feature_close(&file);
}

/* What was not announced is not written, and a failure leaves no file. */
static void wrong_sets(void **state) {
  (void)state;
  const int64_t sets[ESP_PARTS] = {1, 0}, *const n[ESP_PARTS] = {SIZE, NULL};
  esp_feature_about about = about_of(0);
  esp_feature_writer writer;
  esp_feature_set set;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
  assert_ok(esp_feature_begin(comm, path, &about, sets, n, &writer));
  fill(4, 0, SIZE[4], 0, &set);
  assert_int_equal(esp_feature_put(&writer, ESP_PART_TRAIN, 0, &set), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "of 200 for set 0 of /train, which has 130"));
  esp_error_clear();
  assert_int_equal(esp_feature_put(&writer, ESP_PART_TRAIN, 1, &set), ESP_ERR_ARG);
  esp_error_clear();
  esp_feature_set_free(&set);
  esp_feature_abort(&writer);
  esp_feature_abort(&writer);
  assert_int_equal(access(path, F_OK), -1);
  about.values = 0;
  assert_int_equal(esp_feature_begin(comm, path, &about, sets, n, &writer), ESP_ERR_ARG);
  esp_error_clear();
  assert_int_equal(esp_file_open_objects(), 0);
}

int main(int argc, char **argv) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) MPI_Abort(PETSC_COMM_WORLD, 1);
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back),        cmocka_unit_test(own_data),
                                     cmocka_unit_test(misshapen),         cmocka_unit_test(not_a_feature_file),
                                     cmocka_unit_test(forbidden_numbers), cmocka_unit_test(wrong_sets)};
  int failed = cmocka_run_group_tests(tests, setup, teardown);
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);
  esp_comm_mpi_free(&comm);
  return PetscFinalize() || failed;
}
