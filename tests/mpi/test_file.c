/* HDF5 files are whole or absent: rows and attributes come back for any share of the ranks; bad files, a full disk and
 * a file size limit are errors on all ranks that leave the old file and nothing else. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/comm.h"
#include "io/file.h"

static esp_comm *comm;
static char folder[256];

static const char *at(const char *name) {
  static char path[2][512];
  static int turn;
  turn = !turn;
  snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
  return path[turn];
}

/* is there one beside it? */
static int drafts(const char *name) {
  char pattern[600];
  glob_t found = {0};
  snprintf(pattern, sizeof pattern, "%s.*.part", at(name));
  const int none = glob(pattern, 0, NULL, &found);
  globfree(&found);
  return !none;
}

static int64_t size_of(const char *path) {
  struct stat seen;
  return stat(path, &seen) == 0 ? (int64_t)seen.st_size : -1;
}

/* The message of the failure at hand is the same on all ranks and says `what`. */
static void assert_message(const char *what) {
  char text[2048];
  snprintf(text, sizeof text, "%s", esp_error_message());
  if (!strstr(text, what)) fail_msg("'%s' is not in: %s", what, text);
  char first[2048];
  memcpy(first, text, sizeof first);
  MPI_Bcast(first, sizeof first, MPI_CHAR, 0, MPI_COMM_WORLD);
  assert_string_equal(first, text);
  esp_error_clear();
}

static int64_t share(int64_t n, int rank) {
  return n * rank / comm->size;
}

/* n rows whose values tell their place; returns the first failure */
static int write_all(const char *path, int64_t n, int deflate) {
  const int64_t first = share(n, comm->rank), count = share(n, comm->rank + 1) - first;
  double *x = calloc((size_t)(3 * count + 1), 8);
  int64_t *id = calloc((size_t)(count + 1), 8);
  for (int64_t i = 0; i < count; i++) {
    id[i] = first + i;
    for (int k = 0; k < 3; k++) x[3 * i + k] = (double)(10 * (first + i) + k);
  }
  esp_file *file;
  int rc = esp_file_create_begin(comm, path, &file);
  if (!rc) {
    rc = esp_file_group(file, "A");
    if (!rc) rc = esp_file_write(file, "A/x", ESP_FILE_F64, 3, n, first, count, x, deflate);
    if (!rc) rc = esp_file_write(file, "id", ESP_FILE_I64, 0, n, first, count, id, deflate);
    int numbers[3] = {1, 2, 3};
    double h = 0.5;
    if (!rc) rc = esp_file_attr_write(file, "A", "numbers", ESP_FILE_I32, 3, numbers);
    if (!rc) rc = esp_file_attr_write(file, "/", "h", ESP_FILE_F64, 0, &h);
    if (!rc) rc = esp_file_attr_write_string(file, "A", "word", "halo");
    if (rc)
      esp_file_abort(&file);
    else
      rc = esp_file_commit(&file);
  }
  free(x);
  free(id);
  return rc;
}

/* read with the shares turned round, so that other ranks read than wrote */
static void read_all(const char *path, int64_t n) {
  esp_file *file;
  const int r = comm->size - 1 - comm->rank;
  const int64_t first = share(n, r), count = share(n, r + 1) - first;
  double *x = calloc((size_t)(3 * count + 1), 8);
  int64_t *id = calloc((size_t)(count + 1), 8);
  assert_int_equal(esp_file_open(comm, path, &file), ESP_OK);
  assert_int_equal(esp_file_read(file, "A/x", ESP_FILE_F64, 3, n, first, count, x), ESP_OK);
  assert_int_equal(esp_file_read(file, "/id", ESP_FILE_I64, 0, n, first, count, id), ESP_OK);
  for (int64_t i = 0; i < count; i++) {
    assert_int_equal(id[i], first + i);
    for (int k = 0; k < 3; k++) assert_true(x[3 * i + k] == (double)(10 * (first + i) + k));
  }
  int numbers[3];
  double h;
  char word[8];
  assert_int_equal(esp_file_attr_read(file, "A", "numbers", ESP_FILE_I32, 3, numbers), ESP_OK);
  assert_int_equal(numbers[2], 3);
  assert_int_equal(esp_file_attr_read(file, "/", "h", ESP_FILE_F64, 1, &h), ESP_OK);
  assert_true(h == 0.5);
  assert_int_equal(esp_file_attr_read_string(file, "A", "word", word, sizeof word), ESP_OK);
  assert_string_equal(word, "halo");
  esp_file_close(&file);
  free(x);
  free(id);
}

static void rows_come_back(void **state) {
  (void)state;
  const int64_t sizes[] = {0, 1, 2, 1000, 100000};
  for (int s = 0; s < 5; s++)
    for (int deflate = 0; deflate <= 4; deflate += 4) {
      assert_int_equal(write_all(at("rows.h5"), sizes[s], deflate), ESP_OK);
      read_all(at("rows.h5"), sizes[s]);
      assert_int_equal(esp_file_open_objects(), 0);
    }
  assert_false(drafts("rows.h5"));
}

/* rank 0 owns all, and 32-bit floats are widened */
static void lopsided_and_narrow(void **state) {
  (void)state;
  enum { N = 1001 };
  float *v = calloc(3 * N, 4);
  double *w = calloc(3 * N, 8);
  for (int i = 0; i < 3 * N; i++) v[i] = 0.1f * (float)i;
  const int mine = comm->rank == 0 ? N : 0;
  esp_file *file;
  assert_int_equal(esp_file_create_begin(comm, at("narrow.h5"), &file), ESP_OK);
  assert_int_equal(esp_file_write(file, "v", ESP_FILE_F32, 3, N, 0, mine, v, 0), ESP_OK);
  assert_int_equal(esp_file_write(file, "z", ESP_FILE_F32, 3, N, 0, mine, mine ? v : NULL, 6), ESP_OK);
  assert_int_equal(esp_file_commit(&file), ESP_OK);
  assert_int_equal(esp_file_open(comm, at("narrow.h5"), &file), ESP_OK);
  for (int pass = 0; pass < 2; pass++) {
    memset(w, 0, 3 * N * 8);
    assert_int_equal(esp_file_read(file, pass ? "z" : "v", ESP_FILE_F64, 3, N, 0, mine, w), ESP_OK);
    for (int i = 0; i < 3 * mine; i++) assert_true(w[i] == (double)v[i]);
  }
  esp_file_close(&file);
  free(v);
  free(w);
}

static void wrong_shapes(void **state) {
  (void)state;
  double x[3];
  int64_t id[3];
  esp_file *file;
  esp_file_shape shape;
  assert_int_equal(write_all(at("shapes.h5"), 100, 0), ESP_OK);
  assert_int_equal(esp_file_open(comm, at("shapes.h5"), &file), ESP_OK);
  assert_int_equal(esp_file_read(file, "B/x", ESP_FILE_F64, 3, 100, 0, 1, x), ESP_ERR_FORMAT);
  assert_message("dataset B/x is missing");
  assert_int_equal(esp_file_read(file, "A", ESP_FILE_F64, 3, 100, 0, 1, x), ESP_ERR_FORMAT);
  assert_message("dataset A is missing");
  assert_int_equal(esp_file_read(file, "A/x", ESP_FILE_F64, 0, 100, 0, 1, x), ESP_ERR_FORMAT);
  assert_message("has rank 2 and 3 columns, allowed is rank 1");
  assert_int_equal(esp_file_read(file, "A/x", ESP_FILE_F64, 3, 99, 0, 1, x), ESP_ERR_FORMAT);
  assert_message("has 100 rows, should have 99");
  assert_int_equal(esp_file_read(file, "A/x", ESP_FILE_I64, 3, 100, 0, 1, id), ESP_ERR_FORMAT);
  assert_message("holds floats of 8 bytes, allowed are integers");
  /* on one rank only: the error is everybody's */
  const int last = comm->rank == comm->size - 1;
  assert_int_equal(esp_file_read(file, "id", ESP_FILE_I64, 0, -1, last ? 99 : 0, last ? 2 : 1, id), ESP_ERR_FORMAT);
  assert_message("has 100 rows, rows up to 101 are needed");
  assert_int_equal(esp_file_attr_read(file, "A", "none", ESP_FILE_F64, 1, x), ESP_ERR_FORMAT);
  assert_message("attribute none of A is missing");
  assert_int_equal(esp_file_attr_read(file, "A", "numbers", ESP_FILE_F64, 2, x), ESP_ERR_FORMAT);
  assert_message("has 3 elements, should have 2");
  assert_int_equal(esp_file_attr_read(file, "A", "word", ESP_FILE_F64, 1, x), ESP_ERR_FORMAT);
  assert_message("allowed are numbers");
  assert_int_equal(esp_file_attr_read(file, "/", "h", ESP_FILE_I64, 1, id), ESP_ERR_FORMAT);
  assert_message("must be a whole number");
  assert_int_equal(esp_file_dataset(file, "A/y", &shape), ESP_OK);
  assert_false(shape.exists);
  esp_file_close(&file);
  assert_int_equal(esp_file_open_objects(), 0);
}

static void bad_files(void **state) {
  (void)state;
  esp_file *file;
  assert_int_equal(esp_file_open(comm, at("none.h5"), &file), ESP_ERR_FILE);
  assert_message("none.h5: cannot be read: No such file");
  assert_int_equal(esp_file_open(comm, folder, &file), ESP_ERR_FILE);
  assert_message("is a folder");
  if (comm->rank == 0) {
    FILE *text = fopen(at("text.h5"), "w");
    fputs("not a hierarchical file\n", text);
    fclose(text);
  }
  assert_int_equal(esp_file_open(comm, at("text.h5"), &file), ESP_ERR_FORMAT);
  assert_message("text.h5: is not an HDF5 file (24 bytes)");
  assert_int_equal(write_all(at("cut.h5"), 1000, 0), ESP_OK);
  if (comm->rank == 0) assert_int_equal(truncate(at("cut.h5"), 3000), 0);
  assert_int_equal(esp_file_open(comm, at("cut.h5"), &file), ESP_ERR_FORMAT);
  assert_message("truncated file");
  assert_int_equal(esp_file_create_begin(comm, at("nofolder/a.h5"), &file), ESP_ERR_FILE);
  assert_message("nofolder/a.h5: cannot be written");
  assert_int_equal(esp_file_open_objects(), 0);
}

/* `rank` alone has the limit (-1: all have) */
static void with_limit(rlim_t bytes, int rank, int64_t n, int deflate) {
  struct rlimit old, set;
  const int64_t before = size_of(at("limit.h5"));
  MPI_Barrier(MPI_COMM_WORLD);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  set = old;
  if (rank < 0 || rank == comm->rank) set.rlim_cur = bytes;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &set), 0);
  int rc = write_all(at("limit.h5"), n, deflate);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_int_equal(rc, ESP_ERR_FILE);
  assert_message("file size limit");
  MPI_Barrier(MPI_COMM_WORLD);
  assert_int_equal(size_of(at("limit.h5")), before);
  assert_false(drafts("limit.h5"));
  assert_int_equal(esp_file_open_objects(), 0);
}

static void size_limit(void **state) {
  (void)state;
  assert_int_equal(write_all(at("limit.h5"), 50, 0), ESP_OK);
  with_limit(0, -1, 20000, 0);
  with_limit(100, -1, 20000, 0);
  with_limit(200000, -1, 20000, 0);
  with_limit(600000, -1, 20000, 0); /* x fits, id does not */
  with_limit(200000, -1, 20000, 4);
  with_limit(200000, comm->size - 1, 20000, 0);
  read_all(at("limit.h5"), 50);
  assert_int_equal(write_all(at("limit.h5"), 20000, 0), ESP_OK);
  read_all(at("limit.h5"), 20000);
}

/* a disk that is full: a small file system, where the machine lets us have one */
static void full_disk(void **state) {
  (void)state;
  const char *small = getenv("ESPALIER_SMALL_DISK");
  if (!small) return;
  char path[512];
  snprintf(path, sizeof path, "%s/a.h5", small);
  assert_int_equal(write_all(path, 100, 0), ESP_OK);
  assert_int_equal(write_all(path, 10000000, 0), ESP_ERR_FILE);
  assert_message("no space");
  read_all(path, 100);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  signal(SIGXFSZ, SIG_IGN);
  if (esp_comm_mpi_create(MPI_COMM_WORLD, &comm)) MPI_Abort(MPI_COMM_WORLD, 1);
  if (comm->rank == 0) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/espalier-file-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder)) MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_come_back), cmocka_unit_test(lopsided_and_narrow), cmocka_unit_test(wrong_shapes),
      cmocka_unit_test(bad_files),      cmocka_unit_test(size_limit),          cmocka_unit_test(full_disk),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Barrier(MPI_COMM_WORLD);
  static const char *const names[] = {"rows.h5", "narrow.h5", "shapes.h5", "text.h5", "cut.h5", "limit.h5"};
  if (comm->rank == 0) {
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) remove(at(names[k]));
    rmdir(folder);
  }
  esp_comm_mpi_free(&comm);
  MPI_Finalize();
  return failed ? 1 : 0;
}
