/* What is written to an ensemble is read back, whole and in shares, whoever wrote which part; files that are no
 * ensemble, lack a dataset, or hold a table that does not fit are refused with their name. */
#include "case.h"

#include <stdio.h>
#include <unistd.h>

#include "io/ensemble.h"

enum { CLOUDS = 5, FRAMES = 3 };
static const int64_t SIZE[CLOUDS] = {3, 1, 40, 7, 0};

static double number(int c, int i, int field, int k) {
  return case_uniform((uint64_t)(((c * 64 + i) * 8 + field) * 4 + k));
}

static int64_t offset_of(int c) {
  int64_t sum = 0;
  for (int i = 0; i < c; i++) sum += SIZE[i];
  return sum;
}

static esp_ensemble_entry entry_of(int c) {
  esp_ensemble_entry e = {.n = SIZE[c],
                          .offset = offset_of(c),
                          .seed = -5 - c,
                          .dim = 3,
                          .frames = FRAMES,
                          .frame_offset = FRAMES * offset_of(c),
                          .G = 1,
                          .eps = 0.1 * c,
                          .box = {1, 2, c},
                          .d = 1 + c,
                          .T = 2 + c,
                          .Q = 0.5,
                          .displacement_bodies = 1 << c};
  return e;
}

/* Bodies [first, end) of cloud c. */
static void fill(int c, int64_t first, int64_t end, esp_cloud *cloud) {
  assert_int_equal(esp_cloud_create(SIZE[c], (int)(end - first), 1, cloud), ESP_OK);
  for (int64_t j = first; j < end; j++) {
    int i = (int)(j - first);
    cloud->id[i] = j;
    cloud->m[i] = number(c, (int)j, 0, 0);
    for (int k = 0; k < 3; k++) {
      cloud->x[i][k] = number(c, (int)j, 1, k), cloud->v[i][k] = number(c, (int)j, 2, k);
      cloud->D[i][k] = number(c, (int)j, 3, k), cloud->K[i][k] = number(c, (int)j, 4, k);
    }
  }
}

static void compare(int c, int64_t first, const esp_cloud *cloud) {
  esp_cloud made;
  fill(c, first, first + cloud->n_home, &made);
  size_t n = (size_t)cloud->n_home;
  esp_ensemble_entry e = entry_of(c);
  assert_true(cloud->n == SIZE[c] && cloud->d == e.d && cloud->T == e.T && cloud->eps == e.eps && cloud->dim == 3);
  assert_memory_equal(cloud->box, e.box, sizeof e.box);
  assert_memory_equal(cloud->id, made.id, n * sizeof *made.id);
  assert_memory_equal(cloud->m, made.m, n * sizeof *made.m);
  assert_memory_equal(cloud->x, made.x, n * sizeof *made.x);
  assert_memory_equal(cloud->v, made.v, n * sizeof *made.v);
  assert_memory_equal(cloud->D, made.D, n * sizeof *made.D);
  assert_memory_equal(cloud->K, made.K, n * sizeof *made.K);
  esp_cloud_free(&made);
}

/* One cloud of the test set: sharded over the ranks, or whole on rank c mod P. */
static void put(esp_ensemble_writer *writer, int c, int sharded) {
  int64_t mine = c % comm->size == comm->rank, n = SIZE[c];
  int64_t first = sharded ? n * comm->rank / comm->size : 0;
  int64_t end = sharded ? n * (comm->rank + 1) / comm->size : mine * n;
  double x[FRAMES * 40][3], v[FRAMES * 40][3];
  for (int64_t i = 0; i < FRAMES * n * mine; i++) {
    for (int k = 0; k < 3; k++) x[i][k] = number(c, (int)i, 5, k), v[i][k] = number(c, (int)i, 6, k);
  }
  esp_cloud cloud;
  fill(c, first, end, &cloud);
  esp_ensemble_entry entry = entry_of(c);
  esp_ensemble_part part = {.first_entry = mine ? c : 0,
                            .entries = mine,
                            .entry = &entry,
                            .first_row = entry.offset + first,
                            .rows = end - first,
                            .cloud = &cloud,
                            .first_frame_row = mine ? entry.frame_offset : 0,
                            .frame_rows = mine * FRAMES * n,
                            .frame_x = (const double(*)[3])x,
                            .frame_v = (const double(*)[3])v};
  if (esp_ensemble_put(writer, ESP_PART_TEST, &part)) fail_msg("%s", esp_error_message());
  esp_cloud_free(&cloud);
}

static void write_file(const char *path, int sharded, int backwards) {
  esp_ensemble_writer writer;
  int64_t clouds[ESP_PARTS] = {0, CLOUDS}, bodies[ESP_PARTS] = {0, offset_of(CLOUDS - 1)};
  int64_t frame_rows[ESP_PARTS] = {0, FRAMES * bodies[1]};
  assert_int_equal(esp_ensemble_begin(comm, path, clouds, bodies, frame_rows, &writer), ESP_OK);
  for (int c = 0; c < CLOUDS; c++) put(&writer, backwards ? CLOUDS - 1 - c : c, sharded);
  assert_int_equal(esp_ensemble_commit(&writer), ESP_OK);
}

static void file_name(char *path, size_t size) {
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, size, "test_ensemble_%lld.h5", (long long)pid);
}

static void check_file(const char *path, uint64_t *checksum) {
  esp_ensemble ens;
  if (esp_ensemble_open(comm, path, &ens)) fail_msg("%s", esp_error_message());
  assert_int_equal(ens.clouds[ESP_PART_TRAIN], 0);
  assert_int_equal(ens.clouds[ESP_PART_TEST], CLOUDS);
  for (int c = 0; c < CLOUDS; c++) {
    esp_ensemble_entry e = entry_of(c);
    assert_memory_equal(&ens.entry[ESP_PART_TEST][c], &e, sizeof e);
    esp_cloud cloud;
    if (c % comm->size == comm->rank) { /* each rank for itself */
      assert_int_equal(esp_ensemble_cloud(&ens, ESP_PART_TEST, c, &cloud), ESP_OK);
      compare(c, 0, &cloud);
      esp_cloud_free(&cloud);
    }
    assert_int_equal(esp_ensemble_share(&ens, comm, ESP_PART_TEST, c, &cloud), ESP_OK);
    compare(c, SIZE[c] * comm->rank / comm->size, &cloud);
    esp_cloud_free(&cloud);
    for (int f = 0; f < FRAMES && SIZE[c] > 1; f++) {
      double x[40][3], v[40][3];
      assert_int_equal(esp_ensemble_frame(&ens, ESP_PART_TEST, c, f, 1, (int)SIZE[c] - 1, x, v), ESP_OK);
      assert_true(x[0][2] == number(c, f * (int)SIZE[c] + 1, 5, 2) && v[0][0] == number(c, f * (int)SIZE[c] + 1, 6, 0));
    }
  }
  esp_cloud cloud;
  assert_int_equal(esp_ensemble_share(&ens, comm, ESP_PART_TEST, CLOUDS, &cloud), ESP_ERR_ARG);
  esp_error_clear();
  assert_int_equal(esp_ensemble_checksum(&ens, checksum), ESP_OK);
  esp_ensemble_close(&ens);
  assert_int_equal(esp_file_open_objects(), 0);
}

static void written_is_read(void **state) {
  (void)state;
  char path[256];
  uint64_t sum[3];
  file_name(path, sizeof path);
  for (int way = 0; way < 3; way++) {
    write_file(path, way % 2, way / 2);
    check_file(path, sum + way);
  }
  assert_true(sum[0] == sum[1] && sum[1] == sum[2]);
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

/* A change of one number, or of two numbers' places, shows in the checksum. */
static void checksum_sees_places(void **state) {
  (void)state;
  char path[256];
  uint64_t sum[3];
  file_name(path, sizeof path);
  for (int way = 0; way < 3; way++) {
    esp_ensemble_writer writer;
    int64_t clouds[ESP_PARTS] = {1, 0}, bodies[ESP_PARTS] = {2, 0}, none[ESP_PARTS] = {0, 0};
    esp_cloud cloud;
    esp_ensemble_entry entry = {.n = 2, .dim = 3, .d = 1, .T = 1};
    assert_int_equal(esp_cloud_create(2, 2, 1, &cloud), ESP_OK);
    cloud.id[1] = 1, cloud.x[0][way == 1] = 1, cloud.m[1] = way == 2 ? 0x1p-60 : 0;
    esp_ensemble_part part = {.entries = 1, .entry = &entry, .rows = 2, .cloud = &cloud};
    if (comm->rank) memset(&part, 0, sizeof part);
    assert_int_equal(esp_ensemble_begin(comm, path, clouds, bodies, none, &writer), ESP_OK);
    assert_int_equal(esp_ensemble_put(&writer, ESP_PART_TRAIN, &part), ESP_OK);
    assert_int_equal(esp_ensemble_commit(&writer), ESP_OK);
    esp_cloud_free(&cloud);
    esp_ensemble ens;
    assert_int_equal(esp_ensemble_open(comm, path, &ens), ESP_OK);
    assert_int_equal(esp_ensemble_checksum(&ens, sum + way), ESP_OK);
    esp_ensemble_close(&ens);
  }
  assert_true(sum[0] != sum[1] && sum[1] != sum[2] && sum[0] != sum[2]);
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

/* A file with a table that points past the particles, then one without a dataset, then one of another format. */
static void refused(void **state) {
  (void)state;
  char path[256];
  esp_ensemble ens;
  file_name(path, sizeof path);
  assert_int_equal(esp_ensemble_open(comm, "no_such_file.h5", &ens), ESP_ERR_FILE);
  esp_error_clear();
  for (int way = 0; way < 3; way++) {
    esp_ensemble_writer writer;
    int64_t clouds[ESP_PARTS] = {1, 0}, bodies[ESP_PARTS] = {2, 0}, none[ESP_PARTS] = {0, 0};
    esp_ensemble_entry entry = {.n = 2, .offset = way == 0, .dim = way == 1 ? 4 : 3, .d = 1, .T = 1};
    esp_ensemble_part part = {.entries = comm->rank == 0, .entry = &entry};
    assert_int_equal(esp_ensemble_begin(comm, path, clouds, bodies, none, &writer), ESP_OK);
    assert_int_equal(esp_ensemble_put(&writer, ESP_PART_TRAIN, &part), ESP_OK);
    if (way == 2) assert_true(H5Ldelete(writer.file->id, "/train/v", H5P_DEFAULT) >= 0);
    assert_int_equal(esp_ensemble_commit(&writer), ESP_OK);
    assert_int_equal(esp_ensemble_open(comm, path, &ens), ESP_ERR_FORMAT);
    assert_non_null(strstr(esp_error_message(), path));
    assert_non_null(strstr(esp_error_message(), way == 0 ? "rows [1, +2) of 2" : way == 1 ? "dim 4" : "/train/v"));
    esp_error_clear();
    assert_int_equal(esp_file_open_objects(), 0);
  }
  esp_file *file;
  assert_int_equal(esp_file_create_begin(comm, path, &file), ESP_OK);
  assert_int_equal(esp_file_commit(&file), ESP_OK);
  assert_int_equal(esp_ensemble_open(comm, path, &ens), ESP_ERR_FORMAT);
  esp_error_clear();
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
}

CASE_MAIN(cmocka_unit_test(written_is_read), cmocka_unit_test(checksum_sees_places), cmocka_unit_test(refused))
