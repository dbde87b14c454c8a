/* Files made by other codes are read to the figures found independently: counts, masses, centres of mass, sums of ids,
 * and the same checksum as when one rank reads alone. The folder is named by ESPALIER_DATA; without it this test is
 * skipped.
 *
 * Origin of the constants: h5py 3 and numpy in float64 on the files' float32 values (binary files by struct and
 * numpy.frombuffer); mass = m.sum(), centre = (m x).sum() / m.sum(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain/comm.h"
#include "io/snapshot.h"
#include "cloud_sum.h"

static esp_comm *comm;
static const char *data;

typedef struct {
  const char *file, *dialect;
  const char *types;
  int units;    /* 1: kpc, 1e10 Msun, km/s are given as keys */
  int comoving; /* 1: told by a key */
  int64_t n, zero, id_sum;
  double mass, centre[3], velocity[3], box;
  double tolerance; /* of the centres, absolute */
} known;

static const known files[] = {
    {"isolated_32_dm_smallbox.hdf5",
     "GADGET-2/3 HDF5",
     "all",
     1,
     0,
     32768,
     0,
     536887296,
     185.9656067,
     {-0.3262489391, -0.1979949228, -0.07192846077},
     {-0.07123764982, -0.6842417953, 0.2283234173},
     0,
     1e-8},
    {"arepo_isolated_32_smallbox.hdf5",
     "AREPO HDF5",
     "all",
     0,
     0,
     114423,
     3688,
     81661546368676,
     185.9656104,
     {1499.664028, 1499.805287, 1499.926647},
     {-0.07123765194, -0.6842417951, 0.2283234139},
     0,
     1e-6},
    {"arepo_isolated_32_smallbox.hdf5",
     "AREPO HDF5",
     "1",
     1,
     0,
     32768,
     0,
     536887296,
     156.7076416,
     {1504.308588, 1504.436841, 1504.562908},
     {-0.07123764982, -0.6842417953, 0.2283234173},
     0,
     1e-6},
    /* comoving at a = 1, which its header leaves open: lengths and masses divided by h = 0.6736 */
    {"abacus_mini_n64_l32_z0.hdf5",
     "GADGET-2/3 HDF5",
     "1",
     0,
     1,
     262144,
     0,
     34359607296,
     423508.7858,
     {25.03093827, 25.43342993, 29.19593662},
     {-2.840500042e-06, -0.0003768048457, 0.0003816854074},
     32 / 0.6736,
     2e-8},
    {"gassphere_32.dat",
     "GADGET format 1, little-endian",
     "0,1",
     1,
     0,
     34512,
     0,
     595556328,
     100.0000026,
     {0, 0, 0},
     {0, 0, 0},
     0,
     1e-12},
    {"gassphere_littleendian.dat",
     "GADGET format 1, little-endian",
     "all",
     1,
     0,
     1472,
     0,
     1084128,
     1.000000019,
     {0, 0, 0},
     {0, 0, 0},
     0,
     1e-12},
    {"gassphere_bigendian.dat",
     "GADGET format 1, big-endian",
     "all",
     1,
     0,
     1472,
     0,
     1084128,
     1.000000019,
     {0, 0, 0},
     {0, 0, 0},
     0,
     1e-12},
    /* ids are the places 0 .. 21999; G = 1 without units */
    {"model3_child_compact.tipsy",
     "tipsy, little-endian",
     "all",
     0,
     0,
     22000,
     0,
     241989000,
     97.27809019,
     {1.086871031e-08, -4.192909109e-08, 4.161144129e-08},
     {-5.241240622e-08, 1.160920474e-08, -9.438031378e-09},
     0,
     1e-14},
};

static void path_of(const char *name, char *path, size_t size) {
  snprintf(path, size, "%s/nbody/%s", data, name);
}

static esp_snapshot_options options_of(const known *k) {
  esp_snapshot_options o = {0};
  assert_int_equal(esp_snapshot_types(k->types, &o.types), ESP_OK);
  if (k->units) o.units = (esp_units){3.085678e21, 1.989e43, 1e5};
  if (k->comoving) o.cosmology = ESP_COSMOLOGY_COMOVING;
  return o;
}

/* The whole file read by this rank alone. */
static uint64_t checksum_alone(const char *path, const esp_snapshot_options *o) {
  esp_cloud cloud;
  uint64_t sum;
  assert_int_equal(esp_snapshot_read(esp_comm_self(), path, o, &cloud, NULL), ESP_OK);
  assert_int_equal(cloud.n_home, cloud.n);
  sum = cloud_sum(esp_comm_self(), &cloud);
  esp_cloud_free(&cloud);
  return sum;
}

static uint64_t check(const known *k) {
  char path[1024];
  esp_cloud cloud;
  esp_snapshot_header head;
  esp_snapshot_options o = options_of(k);
  path_of(k->file, path, sizeof path);
  int rc = esp_snapshot_read(comm, path, &o, &cloud, &head);
  if (rc) fail_msg("%s", esp_error_message());
  assert_string_equal(head.dialect, k->dialect);
  assert_int_equal(cloud.n, k->n);
  double sum[7] = {0};
  int64_t whole[2] = {0};
  for (int i = 0; i < cloud.n_home; i++) {
    whole[0] += cloud.id[i];
    whole[1] += cloud.m[i] == 0;
    sum[0] += cloud.m[i];
    for (int c = 0; c < 3; c++) sum[1 + c] += cloud.m[i] * cloud.x[i][c], sum[4 + c] += cloud.m[i] * cloud.v[i][c];
  }
  MPI_Allreduce(MPI_IN_PLACE, sum, 7, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, whole, 2, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
  assert_int_equal(whole[0], k->id_sum);
  assert_int_equal(whole[1], k->zero);
  assert_true(fabs(sum[0] - k->mass) < 1e-9 * k->mass);
  for (int c = 0; c < 3; c++) {
    assert_true(fabs(sum[1 + c] / sum[0] - k->centre[c]) < k->tolerance);
    assert_true(fabs(sum[4 + c] / sum[0] - k->velocity[c]) < 1e-8);
    assert_true(fabs(cloud.box[c] - k->box) < 1e-12 * 50);
  }
  uint64_t checksum;
  checksum = cloud_sum(comm, &cloud);
  if (comm->rank == 0) assert_true(checksum == checksum_alone(path, &o));
  esp_cloud_free(&cloud);
  return checksum;
}

static void known_files(void **state) {
  (void)state;
  uint64_t sums[sizeof files / sizeof files[0]];
  for (size_t k = 0; k < sizeof files / sizeof files[0]; k++) sums[k] = check(&files[k]);
  assert_true(sums[5] == sums[6]); /* the same sphere in both byte orders */
}

/* G of kpc, 1e10 Msun, km/s is GADGET's 43007 (with the older constant 6.672e-8 it is 43007.1) */
static void gravity(void **state) {
  (void)state;
  char path[1024];
  esp_cloud cloud;
  esp_snapshot_options o = options_of(&files[0]);
  path_of(files[0].file, path, sizeof path);
  assert_int_equal(esp_snapshot_read(comm, path, &o, &cloud, NULL), ESP_OK);
  assert_true(fabs(cloud.G - 43007.1 * 6.67430 / 6.672) < 1);
  esp_cloud_free(&cloud);
  path_of(files[7].file, path, sizeof path);
  assert_int_equal(esp_snapshot_read(comm, path, NULL, &cloud, NULL), ESP_OK);
  assert_true(cloud.G == 1);
  esp_cloud_free(&cloud);
}

static void units_are_asked_for(void **state) {
  (void)state;
  char path[1024];
  esp_cloud cloud;
  path_of(files[0].file, path, sizeof path);
  esp_error_clear();
  assert_int_equal(esp_snapshot_read(comm, path, NULL, &cloud, NULL), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "units_length, units_mass, units_velocity"));
  assert_non_null(strstr(esp_error_message(), "UnitLength_in_cm"));
  esp_error_clear();
  /* keys in kpc against a file in Mpc */
  esp_snapshot_options o = options_of(&files[0]);
  o.cosmology = ESP_COSMOLOGY_COMOVING;
  path_of("abacus_mini_n64_l32_z0.hdf5", path, sizeof path);
  assert_int_equal(esp_snapshot_read(comm, path, &o, &cloud, NULL), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "states units of"));
  esp_error_clear();
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int failed = 77;
  char path[1024];
  if (esp_comm_mpi_create(MPI_COMM_WORLD, &comm)) MPI_Abort(MPI_COMM_WORLD, 1);
  data = getenv("ESPALIER_DATA");
  if (data) path_of(files[0].file, path, sizeof path);
  if (!data || access(path, R_OK) != 0) {
    if (comm->rank == 0)
      printf("skipped: ESPALIER_DATA%s%s does not name a folder with nbody/%s\n", data ? " = " : "", data ? data : "",
             files[0].file);
  } else {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_files), cmocka_unit_test(gravity),
                                       cmocka_unit_test(units_are_asked_for)};
    failed = cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
  }
  esp_comm_mpi_free(&comm);
  MPI_Finalize();
  return failed;
}
