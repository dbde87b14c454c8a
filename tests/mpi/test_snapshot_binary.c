/* GADGET's binary formats and tipsy are read in both byte orders and widths, with their record marks checked; snapshots
 * that are written are read back the same, and a file size limit leaves the old one. */
#define _GNU_SOURCE
#include <glob.h>

#include "snapshot_fixture.h"
#include "binary_fixture.h"

static void binary_gadget(void **state) {
  (void)state;
  for (int k = 0; k < 16; k++) {
    const spec s = {.table = k >> 3};
    const int format = 1 + (k & 1), width = k & 2 ? 8 : 4, swap = k >> 2 & 1;
    char dialect[64];
    snprintf(dialect, sizeof dialect, "GADGET format %d, %s-endian", format, swap ? "big" : "little");
    if (comm->rank == 0) write_gadget(at("binary.dat"), format, width, swap, s.table);
    MPI_Barrier(MPI_COMM_WORLD);
    expect(at("binary.dat"), &s, 0, 1, 1, 1, dialect);
    expect(at("binary.dat"), &s, 1 << 4, 1, 1, 1, dialect);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  const esp_snapshot_options o = {.units = kpc};
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) {
    write_gadget(at("binary.dat"), 1, 4, 0, 1);
    assert_int_equal(truncate(at("binary.dat"), 3000), 0);
    write_gadget(at("marker.dat"), 1, 4, 0, 1);
    FILE *f = fopen(at("marker.dat"), "r+b");
    fseek(f, 264, SEEK_SET);
    put4(f, 77, 0);
    fclose(f);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  REFUSED(at("binary.dat"), &o, ESP_ERR_FORMAT, "truncated");
  REFUSED(at("marker.dat"), &o, ESP_ERR_FORMAT,
          "record POS  at offset 264 is marked with 77 bytes, should be 1656 or 3312");
}

/* Format 2 names its records: ids need not be there. */
static void without_ids(void **state) {
  (void)state;
  const spec s = {.ids = NO_IDS, .table = 2};
  const esp_snapshot_options o = {.units = kpc};
  esp_cloud cloud;
  esp_snapshot_header head;
  for (int swap = 0; swap < 2; swap++) {
    MPI_Barrier(MPI_COMM_WORLD);
    if (comm->rank == 0) write_gadget(at("bare.dat"), 2, 4, swap, s.table);
    MPI_Barrier(MPI_COMM_WORLD);
    expect(at("bare.dat"), &s, 0, 1, 1, 1, swap ? "GADGET format 2, big-endian" : "GADGET format 2, little-endian");
    expect(at("bare.dat"), &s, 1 << 4, 1, 1, 1,
           swap ? "GADGET format 2, big-endian" : "GADGET format 2, little-endian");
  }
  DO(esp_snapshot_read(comm, at("bare.dat"), &o, &cloud, &head));
  assert_non_null(strstr(head.note, "no ids (ParticleIDs) of particle type 1, 4"));
  esp_cloud_free(&cloud);
}

/* Format 1 does not name its records: of type 4 alone, with what lies between ids and masses. */
static void write_between(const char *path, int width, int swap, const double (*between)[N4], int count) {
  FILE *f = fopen(path, "wb");
  put4(f, 256, swap);
  for (int t = 0; t < 6; t++) put4(f, t == 4 ? N4 : 0, swap);
  for (int t = 0; t < 6; t++) put_real(f, 0, 8, swap);
  for (int k = 0; k < 46; k++) put4(f, k == 10 ? N4 : k == 13, swap);
  put4(f, 256, swap);
  for (int b = 0; b < 4 + count; b++) {
    const int own = b < 3 ? b : b < 3 + count ? 3 : 4; /* places, velocities, ids, between, masses */
    const uint32_t bytes = (uint32_t)(own < 2 ? 3 * N4 * 4 : own == 2 ? N4 * 4 : N4 * width);
    put4(f, bytes, swap);
    for (int p = 0; p < N4; p++) {
      for (int k = 0; k < 3 && own < 2; k++) put_real(f, own ? speed(4, p, k) : place(4, p, k), 4, swap);
      if (own == 2) put4(f, (uint32_t)(4000 + p), swap);
      if (own == 3) put_real(f, between[b - 3][p], width, swap);
      if (own == 4) put_real(f, weight(4, p), width, swap);
    }
    put4(f, bytes, swap);
  }
  fclose(f);
}

/* The bits of a whole number as a floating point number of that width. */
static double whole(int64_t value, int width) {
  double wide;
  float narrow;
  const int32_t low = (int32_t)value;
  memcpy(&wide, &value, 8);
  memcpy(&narrow, &low, 4);
  return width == 8 ? wide : narrow;
}

static void records_between(void **state) {
  (void)state;
  const esp_snapshot_options o = {.units = kpc};
  const char *path = at("between.dat");
  for (int k = 0; k < 8; k++) {
    const int width = k & 1 ? 8 : 4, swap = k >> 1 & 1;
    double between[3][N4] = {{0}};
    for (int p = 0; p < N4; p++) {
      between[0][p] = whole(k & 4 ? 4000 + p : 0, width); /* as GIZMO before any split: 0 */
      between[1][p] = whole(p % 3, width);
      between[2][p] = 1 + p; /* might be masses */
    }
    const struct { int count, good; } tried[] = {{0, 1}, {2, 1}, {1, 0}};
    for (int t = 0; t < 3; t++) {
      MPI_Barrier(MPI_COMM_WORLD);
      if (comm->rank == 0) write_between(path, width, swap, (const double(*)[N4])between, tried[t].count);
      MPI_Barrier(MPI_COMM_WORLD);
      esp_cloud cloud;
      if (!tried[t].good) {
        REFUSED(path, &o, ESP_ERR_FORMAT, "does not read as masses");
        continue;
      }
      DO(esp_snapshot_read(comm, path, &o, &cloud, NULL));
      for (int i = 0; i < cloud.n_home; i++) assert_true(cloud.m[i] == weight(4, (int)cloud.id[i] - 4000));
      esp_cloud_free(&cloud);
    }
    for (int p = 0; p < N4; p++) between[0][p] = -1 - p;
    MPI_Barrier(MPI_COMM_WORLD);
    if (comm->rank == 0) write_between(path, width, swap, (const double(*)[N4])between, 2);
    MPI_Barrier(MPI_COMM_WORLD);
    REFUSED(path, &o, ESP_ERR_FORMAT, "give the file as format 2 or HDF5");
  }
}

static void tipsy(void **state) {
  (void)state;
  static const char *const precision[] = {"", ", double positions", ", double"};
  for (int k = 0; k < 6; k++) {
    char dialect[64];
    snprintf(dialect, sizeof dialect, "tipsy, %s-endian%s", k % 2 ? "big" : "little", precision[2 - k / 2]);
    if (comm->rank == 0) write_tipsy(at("bodies.tipsy"), k % 2, 3 * (2 - k / 2));
    MPI_Barrier(MPI_COMM_WORLD);
    esp_cloud cloud;
    esp_snapshot_header head;
    DO(esp_snapshot_read(comm, at("bodies.tipsy"), NULL, &cloud, &head));
    assert_string_equal(head.dialect, dialect);
    assert_string_equal(head.note, "");
    assert_true(cloud.G == 1 && head.time == 2.5 && cloud.n == 6 && head.count[4] == 2);
    for (int i = 0; i < cloud.n_home; i++) {
      const double base = 100.0 * (double)cloud.id[i];
      assert_true(cloud.m[i] == base && cloud.x[i][2] == base + 3 && cloud.v[i][0] == base + 4);
      assert_true(cloud.x[i][0] == base + 1 && cloud.v[i][2] == base + 6);
    }
    esp_cloud_free(&cloud);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  /* its own G is 1: units that make another of it are refused */
  const double unit = 6.67430e-8; /* mass over length and velocity squared */
  const esp_snapshot_options kilo = {.units = kpc}, own = {.units = {1e20, 1e20 / unit, 1}};
  REFUSED(at("bodies.tipsy"), &kilo, ESP_ERR_CONFIG, "G is 1 (tipsy, by the format); the keys units_length 3.085");
  REFUSED(at("bodies.tipsy"), &kilo, ESP_ERR_CONFIG, "make it 43021.93: leave them out (units_length 0");
  esp_cloud bodies;
  DO(esp_snapshot_read(comm, at("bodies.tipsy"), &own, &bodies, NULL));
  assert_true(bodies.G == 1);
  esp_cloud_free(&bodies);
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) assert_int_equal(truncate(at("bodies.tipsy"), 200), 0);
  MPI_Barrier(MPI_COMM_WORLD);
  REFUSED(at("bodies.tipsy"), NULL, ESP_ERR_FORMAT, "(truncated)");
}

/* ---- writing ---- */

static void make_cloud(int64_t n, esp_cloud *cloud) {
  const int64_t lo = n * comm->rank / comm->size, hi = n * (comm->rank + 1) / comm->size;
  DO(esp_cloud_create(n, (int)(hi - lo), 0, cloud));
  cloud->dim = 3;
  cloud->G = 1.5;
  for (int i = 0; i < cloud->n_home; i++) {
    cloud->id[i] = ((int64_t)1 << 45) + lo + i;
    cloud->m[i] = 1.0 / (double)(1 + lo + i);
    for (int k = 0; k < 3; k++) {
      cloud->x[i][k] = sin((double)(3 * (lo + i) + k));
      cloud->v[i][k] = cos((double)(3 * (lo + i) + k));
    }
  }
}

static void written_and_read(void **state) {
  (void)state;
  static const int64_t sizes[] = {1, 2, 5000};
  for (int k = 0; k < 3; k++) {
    esp_cloud cloud, back;
    esp_snapshot_header head;
    uint64_t sum, again;
    make_cloud(sizes[k], &cloud);
    if (k) cloud.box[0] = cloud.box[1] = 2, cloud.box[2] = k == 1 ? 2 : 4;
    sum = cloud_sum(comm, &cloud);
    DO(esp_snapshot_write(comm, at("ours.hdf5"), &cloud, NULL, k ? &kpc : NULL, 0.75, k == 2 ? 4 : 0));
    DO(esp_snapshot_read(comm, at("ours.hdf5"), NULL, &back, &head));
    again = cloud_sum(comm, &back);
    assert_true(sum == again && back.G == 1.5 && head.time == 0.75 && back.dim == 3);
    for (int c = 0; c < 3; c++) assert_true(back.box[c] == cloud.box[c]);
    assert_true(k ? head.units.length == kpc.length : head.units.length == 0);
    esp_cloud_free(&back);
    esp_cloud_free(&cloud);
  }
  esp_cloud empty;
  make_cloud(0, &empty);
  DO(esp_snapshot_write(comm, at("empty.hdf5"), &empty, NULL, NULL, 0, 0));
  REFUSED(at("empty.hdf5"), NULL, ESP_ERR_VALUE, "has no particle");
  empty.model = 1;
  assert_int_equal(esp_snapshot_write(comm, at("empty.hdf5"), &empty, NULL, NULL, 0, 0), ESP_ERR_ARG);
  esp_error_clear();
  esp_cloud_free(&empty);
}

static void size_limit(void **state) {
  (void)state;
  struct rlimit old, set;
  esp_cloud cloud, back;
  uint64_t sum, again;
  make_cloud(10, &cloud);
  sum = cloud_sum(comm, &cloud);
  DO(esp_snapshot_write(comm, at("limit.hdf5"), &cloud, NULL, NULL, 0, 0));
  esp_cloud_free(&cloud);
  make_cloud(20000, &cloud);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  set = old;
  set.rlim_cur = 500000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &set), 0);
  int rc = esp_snapshot_write(comm, at("limit.hdf5"), &cloud, NULL, NULL, 0, 0);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_int_equal(rc, ESP_ERR_FILE);
  esp_error_clear();
  esp_cloud_free(&cloud);
  MPI_Barrier(MPI_COMM_WORLD);
  assert_int_equal(glob(at("limit.hdf5.*.part"), 0, NULL, &(glob_t){0}), GLOB_NOMATCH);
  DO(esp_snapshot_read(comm, at("limit.hdf5"), NULL, &back, NULL));
  again = cloud_sum(comm, &back);
  assert_true(sum == again);
  esp_cloud_free(&back);
}

static int tests(void) {
  const struct CMUnitTest all[] = {
      cmocka_unit_test(binary_gadget), cmocka_unit_test(records_between),  cmocka_unit_test(without_ids),
      cmocka_unit_test(tipsy),         cmocka_unit_test(written_and_read), cmocka_unit_test(size_limit),
  };
  return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv) {
  return run(argc, argv, tests);
}
