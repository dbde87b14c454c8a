/* A dataset that claims more than its file holds of it is refused on all ranks, before its rows are read, with what is
 * claimed and what is there; however rows are stored, those that lie in the file are read.
 * ranks: 1 3 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain/comm.h"
#include "io/file.h"

enum { N = 1000, CHUNK = 64 };
static esp_comm *comm;
static char path[256];

/* How the rows of a dataset are stored. */
typedef struct {
  const char *name;
  hsize_t rows, columns; /* columns 0: one dimension */
  hsize_t chunk;         /* rows, 0: contiguous */
  int deflate, compact, external;
  hsize_t written; /* rows, the first ones */
  const char *refused;
} kind;

static const kind kinds[] = {
    {"plain", N, 3, .written = N},
    {"compact", 10, 3, .compact = 1, .written = 10},
    {"chunked", N, 3, .chunk = CHUNK, .written = N},
    {"deflated", N, 3, .chunk = CHUNK, .deflate = 1, .written = N},
    {"flat", 1 << 20, 0, .chunk = 1 << 20, .deflate = 9, .written = 1 << 20}, /* zeros: one in a thousand */
    {"empty", 0, 3, .chunk = CHUNK},
    {"none", 0, 3, .written = 0},
    {"hollow", (hsize_t)1 << 30, 3, .refused = "dataset hollow claims 3221225472 elements of 8 bytes"},
    {"unwritten", (hsize_t)1 << 30, 0, .chunk = CHUNK, .refused = "holds 0 bytes and 0 of 16777216 chunks"},
    {"deflated_hollow", (hsize_t)1 << 30, 0, .chunk = CHUNK, .deflate = 1, .refused = "0 of 16777216 chunks"},
    {"partly", N, 3, .chunk = CHUNK, .written = N - CHUNK, .refused = "15 of 16 chunks"},
    {"deflated_partly", N, 3, .chunk = CHUNK, .deflate = 1, .written = CHUNK, .refused = "1 of 16 chunks"},
    {"wrapped", (hsize_t)1 << 61, 8, .chunk = CHUNK, .refused = "elements of wrapped: 2305843009213693952 x 8"},
    {"bytes", (hsize_t)1 << 61, 0, .chunk = CHUNK, .refused = "bytes of dataset bytes: 2305843009213693952 x 8"},
    {"external", N, 3, .external = 1, .refused = "rows in another file"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void put(hid_t file, const kind *k) {
  const hsize_t dims[2] = {k->rows, k->columns}, chunk[2] = {k->chunk, k->columns}, some[2] = {k->written, k->columns};
  const hsize_t zero[2] = {0};
  const int rank = k->columns ? 2 : 1;
  hid_t space = H5Screate_simple(rank, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
  if (k->chunk) H5Pset_chunk(list, rank, chunk);
  if (k->deflate) H5Pset_deflate(list, (unsigned)k->deflate);
  if (k->compact) H5Pset_layout(list, H5D_COMPACT);
  if (k->external) H5Pset_external(list, "/etc/hostname", 0, H5F_UNLIMITED);
  hid_t set = H5Dcreate2(file, k->name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT);
  assert_true(set >= 0);
  if (k->written) {
    hid_t memory = H5Screate_simple(rank, some, NULL);
    double *x = calloc(k->written * (k->columns ? k->columns : 1), sizeof *x);
    x[k->columns] = 7;
    assert_true(H5Sselect_hyperslab(space, H5S_SELECT_SET, zero, NULL, some, NULL) >= 0);
    assert_true(H5Dwrite(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, x) >= 0);
    free(x);
    H5Sclose(memory);
  }
  H5Dclose(set);
  H5Pclose(list);
  H5Sclose(space);
}

static void claims(void **state) {
  (void)state;
  esp_file *file;
  esp_file_shape shape;
  assert_int_equal(esp_file_open(comm, path, &file), ESP_OK);
  for (int k = 0; k < KINDS; k++) {
    const int columns = (int)kinds[k].columns, good = !kinds[k].refused;
    double x[2][3] = {{1}, {1}};
    const int rc = esp_file_dataset(file, kinds[k].name, &shape);
    if (good != (rc == ESP_OK)) fail_msg("%s: %d %s", kinds[k].name, rc, esp_error_message());
    if (!good && !strstr(esp_error_message(), kinds[k].refused)) fail_msg("%s: %s", kinds[k].name, esp_error_message());
    if (!good && !strstr(esp_error_message(), path)) fail_msg("no file: %s", esp_error_message());
    esp_error_clear();
    if (good) assert_true(shape.exists && shape.dim[0] == (int64_t)kinds[k].rows);
    const int64_t rows = kinds[k].rows ? 2 : 0;
    assert_int_equal(esp_file_read(file, kinds[k].name, ESP_FILE_F64, columns, -1, 0, rows, x), rc);
    esp_error_clear();
    if (good && rows) assert_true(columns ? x[0][0] == 0 && x[1][0] == 7 : x[0][0] == 7);
  }
  assert_int_equal(esp_file_expect(file, "plain", N), ESP_OK);
  assert_int_equal(esp_file_expect(file, "nowhere", N), ESP_OK);
  assert_int_equal(esp_file_expect(file, "plain", N + 1), ESP_ERR_FORMAT);
  assert_non_null(strstr(esp_error_message(), "plain has 1000 rows, should have 1001"));
  esp_error_clear();
  esp_file_close(&file);
  assert_int_equal(esp_file_open_objects(), 0);
}

static void is_virtual(void **state) {
  (void)state;
  esp_file *file;
  esp_file_shape shape;
  assert_int_equal(esp_file_open(comm, path, &file), ESP_OK);
  assert_int_equal(esp_file_dataset(file, "virtual", &shape), ESP_ERR_FORMAT);
  assert_non_null(
      strstr(esp_error_message(), "dataset virtual is virtual: its rows lie in other files, as in 'part.0.h5'"));
  esp_error_clear();
  assert_int_equal(esp_file_expect(file, "virtual", N + 1), ESP_OK);
  esp_file_close(&file);
  assert_int_equal(esp_file_open_objects(), 0);
}

static void put_virtual(hid_t file) {
  const hsize_t dims[2] = {N, 3};
  hid_t space = H5Screate_simple(2, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
  assert_true(H5Pset_virtual(list, space, "part.0.h5", "x", space) >= 0);
  hid_t set = H5Dcreate2(file, "virtual", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT);
  assert_true(set >= 0);
  H5Dclose(set);
  H5Pclose(list);
  H5Sclose(space);
}

static int make(void **state) {
  (void)state;
  if (comm->rank == 0) {
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (int k = 0; k < KINDS; k++) put(file, &kinds[k]);
    put_virtual(file);
    H5Fclose(file);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  return 0;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  if (esp_comm_mpi_create(MPI_COMM_WORLD, &comm)) MPI_Abort(MPI_COMM_WORLD, 1);
  if (comm->rank == 0) {
    const char *base = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/espalier-claim-XXXXXX", base ? base : "/tmp");
    const int fd = mkstemp(path);
    if (fd < 0) MPI_Abort(MPI_COMM_WORLD, 1);
    close(fd);
  }
  MPI_Bcast(path, sizeof path, MPI_CHAR, 0, MPI_COMM_WORLD);
  const struct CMUnitTest tests[] = {cmocka_unit_test(claims), cmocka_unit_test(is_virtual)};
  const int failed = cmocka_run_group_tests(tests, make, NULL);
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) remove(path);
  esp_comm_mpi_free(&comm);
  MPI_Finalize();
  return failed ? 1 : 0;
}
