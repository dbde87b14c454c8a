/* Every HDF5 dialect of snapshots is read to the particles that were stored, each in its place for any number of ranks,
 * in physical units; each kind of bad file is the same clear error on all ranks; info shows what is in them. */
#define _GNU_SOURCE
#include "snapshot_fixture.h"

static void plain_dialects(void **state) {
  (void)state;
  static const char *const names[] = {"GADGET-2/3 HDF5", "GADGET-4 HDF5", "AREPO HDF5", "SWIFT HDF5"};
  for (int d = GADGET; d <= SWIFT; d++)
    for (int variant = 0; variant < 2; variant++) {
      spec s = {.dialect = d, .narrow = variant, .wide_ids = !variant, .table = variant, .units = d > GADGET};
      if (d == SWIFT) s.hubble = 0.7, s.time = 3; /* SWIFT's h says nothing about units */
      fixture("plain", &s);
      expect(at("plain.hdf5"), &s, 0, 1, 1, 1, names[d]);
      expect(at("plain.hdf5"), &s, 1 << 4, 1, 1, 1, names[d]);
    }
  assert_int_equal(esp_file_open_objects(), 0);
}

static void comoving_dialects(void **state) {
  (void)state;
  const double a = 0.25, h = 0.5;
  spec s = {.comoving = 1, .units = 1, .time = a, .redshift = 3, .omega0 = 0.3, .hubble = h};
  fixture("comoving", &s);
  expect(at("comoving.hdf5"), &s, 0, a / h, 0.5, 1 / h, "GADGET-2/3 HDF5");
  s.dialect = GADGET4;
  fixture("comoving", &s);
  expect(at("comoving.hdf5"), &s, 0, a / h, 0.5, 1 / h, "GADGET-4 HDF5");
  s.dialect = AREPO;
  fixture("comoving", &s);
  esp_cloud cloud;
  esp_snapshot_header head;
  DO(esp_snapshot_read(comm, at("comoving.hdf5"), NULL, &cloud, &head));
  assert_true(head.comoving && !head.periodic && head.factor[0] == a / h && head.factor[1] == 0.5);
  esp_cloud_free(&cloud);
  s.dialect = SWIFT;
  fixture("comoving", &s);
  expect(at("comoving.hdf5"), &s, 0, a, 1, 1, "SWIFT HDF5");
}

/* files and ranks in any number, named by the stem, the first or another file */
static void split_files(void **state) {
  (void)state;
  static const int files[] = {2, 3, 7};
  for (int k = 0; k < 3; k++) {
    spec s = {.files = files[k], .units = 1, .table = k == 1, .wide_ids = k == 2};
    fixture("split", &s);
    expect(at("split"), &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
    expect(at("split.0.hdf5"), &s, 1 << 1, 1, 1, 1, "GADGET-2/3 HDF5");
    expect(at("split.1.hdf5"), &s, 1 << 4, 1, 1, 1, "GADGET-2/3 HDF5");
  }
  assert_int_equal(esp_file_open_objects(), 0);
}

/* ---- bad files ---- */

static void bad_content(void **state) {
  (void)state;
  static const struct {
    fault fault;
    int code;
    const char *what;
  } bad[] = {
      {NO_DATASET, ESP_ERR_FORMAT, "dataset PartType1/Velocities is missing"},
      {WRONG_RANK, ESP_ERR_FORMAT, "PartType1/Coordinates has rank 1 and 1 columns, allowed is rank 2 with 3"},
      {WRONG_TYPE, ESP_ERR_FORMAT, "PartType1/Coordinates holds strings"},
      {SHORT_DATASET, ESP_ERR_FORMAT, "PartType1/Coordinates has 100 rows, should have 101"},
      {WRONG_TOTAL, ESP_ERR_FORMAT,
       "NumPart_Total of type 1 is 102, but NumPart_ThisFile of the 1 file(s) add up to 101"},
      {NAN_PLACE, ESP_ERR_VALUE, "1077"},
      {NEGATIVE_MASS, ESP_ERR_VALUE, "1009"},
      {NO_PARTICLE, ESP_ERR_VALUE,
       "has no particle of the types asked for (io_types); particles by type: 0, 0, 0, 0, 0, 0"},
      {NO_MASS, ESP_ERR_FORMAT,
       "PartType1/Masses is missing (looked for, too: Mass, DynamicalMasses), and MassTable[1]"},
      {NO_HEADER, ESP_ERR_FORMAT, "group Header is missing"},
  };
  for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
    spec s = {.units = 1, .narrow = k & 1, .fault = bad[k].fault};
    fixture("bad", &s);
    REFUSED(at("bad.hdf5"), NULL, bad[k].code, bad[k].what);
  }
  assert_int_equal(esp_file_open_objects(), 0);
}

static void bad_options(void **state) {
  (void)state;
  uint32_t types;
  assert_int_equal(esp_snapshot_types("0,3", &types), ESP_OK);
  assert_int_equal(types, 9);
  assert_int_equal(esp_snapshot_types("0;3", &types), ESP_ERR_CONFIG);
  assert_int_equal(esp_snapshot_types("16", &types), ESP_ERR_CONFIG);
  spec s = {0};
  fixture("bare", &s);
  REFUSED(at("bare.hdf5"), NULL, ESP_ERR_CONFIG, "has no units");
  REFUSED(at("bare.hdf5"), (&(esp_snapshot_options){.units = kpc, .types = 1 << 2}), ESP_ERR_VALUE, "has no particle");
  REFUSED(at("bare.hdf5"), (&(esp_snapshot_options){.units = kpc, .types = 1 << 9}), ESP_ERR_CONFIG, "types 0 to 5");
  s.units = 1;
  fixture("bare", &s);
  REFUSED(at("bare.hdf5"), (&(esp_snapshot_options){.units = {3e24, 2e43, 1e5}}), ESP_ERR_CONFIG, "states units of");
}

static void bad_cosmology(void **state) {
  (void)state;
  static const struct {
    spec s;
    const char *what;
  } bad[] = {
      {{.time = 0.5, .redshift = 0, .omega0 = 0.3, .hubble = 0.7}, "Redshift 0 does not belong to Time 0.5"},
      {{.time = 0.25, .redshift = 3, .omega0 = 0, .hubble = 0.7}, "but Omega0 is 0"},
      {{.time = 0.25, .redshift = 3, .omega0 = 0.3, .hubble = 0}, "HubbleParam is not positive"},
      {{.time = 0.5, .hubble = 0.7}, "not comoving, but HubbleParam is 0.7"},
      {{.dialect = GADGET4, .time = 0.5, .redshift = 2, .omega0 = 0.3, .hubble = 1}, "not comoving, but Redshift is 2"},
      {{.dialect = AREPO, .comoving = 1, .time = 0.5, .redshift = 2, .hubble = 0.7},
       "which is redshift 1, but Redshift is 2"},
      {{.dialect = SWIFT, .comoving = 1, .time = 0.5, .redshift = 2, .hubble = 0.7},
       "which is redshift 1, but Redshift is 2"},
  };
  for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
    spec s = bad[k].s;
    s.units = 1;
    fixture("cosmo", &s);
    REFUSED(at("cosmo.hdf5"), NULL, ESP_ERR_FORMAT, bad[k].what);
  }
  /* told which, it is read */
  spec s = bad[3].s;
  esp_cloud cloud;
  esp_snapshot_header head;
  s.units = 1;
  fixture("cosmo", &s);
  DO(esp_snapshot_read(comm, at("cosmo.hdf5"), &(esp_snapshot_options){.cosmology = ESP_COSMOLOGY_PHYSICAL}, &cloud,
                       &head));
  assert_true(head.factor[0] == 1 && head.factor[2] == 1);
  esp_cloud_free(&cloud);
}

static void bad_files(void **state) {
  (void)state;
  spec s = {.units = 1, .files = 3};
  fixture("hole", &s);
  if (comm->rank == 0) assert_int_equal(unlink(at("hole.1.hdf5")), 0);
  REFUSED(at("hole"), NULL, ESP_ERR_FILE, "hole.1.hdf5: cannot be read: No such file");
  REFUSED(at("nothing.hdf5"), NULL, ESP_ERR_FILE, "nothing.hdf5: cannot be read: No such file");
  s.files = 1;
  fixture("cut", &s);
  if (comm->rank == 0) {
    assert_int_equal(truncate(at("cut.hdf5"), 6000), 0);
    FILE *text = fopen(at("text.hdf5"), "w");
    fputs("this is a text that is long enough to be looked at\n", text);
    fclose(text);
  }
  REFUSED(at("cut.hdf5"), NULL, ESP_ERR_FORMAT, "truncated");
  REFUSED(at("text.hdf5"), NULL, ESP_ERR_FORMAT, "allowed are HDF5, GADGET binary format 1 or 2, tipsy");
}

/* ---- info ---- */

static void info(void **state) {
  (void)state;
  char *text = NULL;
  size_t size = 0;
  spec s = {.dialect = SWIFT, .comoving = 1, .time = 0.25, .redshift = 3, .hubble = 0.7};
  fixture("info", &s);
  FILE *out = open_memstream(&text, &size);
  DO(esp_info_print(comm, at("info.hdf5"), NULL, out));
  fclose(out);
  if (comm->rank == 0) {
    static const char *const seen[] = {"SWIFT HDF5",
                                       "type 1       101 particles",
                                       "type 4       37 particles",
                                       "cosmology    comoving (Cosmological run of Cosmology)\n",
                                       "16 16 16, periodic (BoxSize of a comoving run)",
                                       "PartType4/Coordinates  float64 (37, 3)",
                                       "@NumPart_Total = 0 101 0 0 37 0 0"};
    for (size_t k = 0; k < sizeof seen / sizeof seen[0]; k++)
      if (!strstr(text, seen[k])) fail_msg("'%s' is not in: %s", seen[k], text);
  } else {
    assert_int_equal(size, 0);
  }
  free(text);
  assert_int_equal(esp_info_print(comm, at("nothing"), NULL, stdout), ESP_ERR_FILE);
  esp_error_clear();
  assert_int_equal(esp_file_open_objects(), 0);
}

static int tests(void) {
  const struct CMUnitTest all[] = {
      cmocka_unit_test(plain_dialects), cmocka_unit_test(comoving_dialects),
      cmocka_unit_test(split_files),    cmocka_unit_test(bad_content),
      cmocka_unit_test(bad_options),    cmocka_unit_test(bad_cosmology),
      cmocka_unit_test(bad_files),      cmocka_unit_test(info),
  };
  return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv) {
  return run(argc, argv, tests);
}
