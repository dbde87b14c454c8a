/* The content of snapshots in every dialect: datasets by each code's names, types without places, ids that are missing, equal
 * or of the upper half of 64 bits, tables of any length, totals left out, parts numbered with leading zeros, files that are
 * virtual over their parts; what is refused names the key that helps, and that key reads it.
 * ranks: 1 2 */
#define _GNU_SOURCE
#include "serial_hdf5.h"
#include "snapshot_fixture.h"

static void names(void **state) {
  (void)state;
  spec owls = {.units = 1, .velocity = "Velocity", .mass = "Mass"};
  spec black_holes = {.dialect = SWIFT, .hubble = 0.7, .mass4 = "DynamicalMasses"};
  for (int files = 1; files <= 3; files += 2) {
    owls.files = black_holes.files = files;
    owls.narrow = owls.table = files > 1;
    fixture("names", &owls);
    expect(at(files > 1 ? "names" : "names.hdf5"), &owls, 0, 1, 1, 1, "GADGET-2/3 HDF5");
    fixture("names", &black_holes);
    expect(at(files > 1 ? "names" : "names.hdf5"), &black_holes, 0, 1, 1, 1, "SWIFT HDF5");
  }
  /* of any other name it is missing; what is whole is told and is read */
  black_holes.files = 1;
  black_holes.mass4 = "SubgridMasses";
  fixture("names", &black_holes);
  REFUSED(at("names.hdf5"), NULL, ESP_ERR_FORMAT, "PartType4/Masses is missing");
  REFUSED(at("names.hdf5"), NULL, ESP_ERR_FORMAT, "what is whole is read with io_types 1");
  expect(at("names.hdf5"), &black_holes, 1 << 1, 1, 1, 1, "SWIFT HDF5");
  assert_int_equal(esp_file_open_objects(), 0);
}

/* The powers of a and h that a dataset states are found under its own name. */
static void exponents(void **state) {
  (void)state;
  const spec s = {.units = 1,
                  .velocity = "Velocity",
                  .mass = "Mass",
                  .comoving = 1,
                  .time = 0.25,
                  .redshift = 3,
                  .omega0 = 0.3,
                  .hubble = 0.5};
  fixture("powers", &s);
  if (comm->rank == 0) {
    hid_t file = H5Fopen(at("powers.hdf5"), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "PartType1/Velocity", H5P_DEFAULT);
    serial_number(set, "aexp-scale-exponent", H5T_NATIVE_DOUBLE, (double[]){1});
    serial_number(set, "h-scale-exponent", H5T_NATIVE_DOUBLE, (double[]){0});
    H5Dclose(set), H5Fclose(file);
  }
  expect(at("powers.hdf5"), &s, 0, 0.5, 0.25, 2, "GADGET-2/3 HDF5"); /* a, not GADGET's a^(1/2) */
}

static const char *note_of(const char *path, const esp_snapshot_options *o) {
  static esp_snapshot_header head;
  esp_cloud cloud;
  DO(esp_snapshot_read(comm, path, o, &cloud, &head));
  esp_cloud_free(&cloud);
  return head.note;
}

static void tracers(void **state) {
  (void)state;
  for (int files = 1; files <= 2; files++) {
    const spec s = {.units = 1, .tracers = 1, .files = files};
    const char *path = at(files > 1 ? "tracers" : "tracers.hdf5");
    fixture("tracers", &s);
    expect(path, &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
    expect(path, &s, 1 << 4, 1, 1, 1, "GADGET-2/3 HDF5");
    assert_string_equal(note_of(path, NULL), "particle type 3 has no places: its 7 particles (tracers) are left out\n");
    assert_string_equal(note_of(path, &(esp_snapshot_options){.types = 1 << 1}), "");
    REFUSED(path, (&(esp_snapshot_options){.types = 1 << 3 | 1 << 1}), ESP_ERR_FORMAT,
            "PartType3/Coordinates is missing; what is whole is read with io_types 1,4");
  }
  /* a type whose group is not there has no tracers: it is damaged */
  const spec s = {.units = 1, .tracers = 1};
  fixture("tracers", &s);
  if (comm->rank == 0) {
    hid_t file = H5Fopen(at("tracers.hdf5"), H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "PartType3", H5P_DEFAULT) >= 0);
    H5Fclose(file);
  }
  REFUSED(at("tracers.hdf5"), NULL, ESP_ERR_FORMAT, "PartType3/Coordinates is missing");
}

static void ids_of_every_kind(void **state) {
  (void)state;
  for (int files = 1; files <= 3; files += 2)
    for (int tracers = 0; tracers < 2; tracers++) {
      spec s = {.units = 1, .files = files, .tracers = tracers, .ids = NO_IDS};
      const char *path = at(files > 1 ? "ids" : "ids.hdf5");
      fixture("ids", &s);
      expect(path, &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
      expect(path, &s, 1 << 4, 1, 1, 1, "GADGET-2/3 HDF5"); /* the same places, whichever types are read */
      assert_non_null(
          strstr(note_of(path, NULL), "no ids (ParticleIDs) of particle type 1, 4: particles are numbered"));
      s.ids = TOP_IDS;
      fixture("ids", &s);
      expect(path, &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
      s.ids = TWIN_IDS;
      fixture("ids", &s);
      REFUSED(path, NULL, ESP_ERR_VALUE, "particle id 3 occurs more than once");
      REFUSED(path, NULL, ESP_ERR_VALUE, "io_ids place");
      expect(path, &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
    }
}

/* Ids of the upper half come back from what is written as they were. */
static void upper_ids_written(void **state) {
  (void)state;
  const spec s = {.units = 1, .ids = TOP_IDS};
  esp_cloud cloud;
  esp_snapshot_header head;
  fixture("upper", &s);
  DO(esp_snapshot_read(comm, at("upper.hdf5"), NULL, &cloud, &head));
  DO(esp_snapshot_write(comm, at("written.hdf5"), &cloud, NULL, &head.units, 0, 0));
  esp_cloud_free(&cloud);
  if (comm->rank == 0) {
    uint64_t id[N1 + N4];
    hid_t file = H5Fopen(at("written.hdf5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "PartType1/ParticleIDs", H5P_DEFAULT), type = H5Dget_type(set);
    assert_int_equal(H5Tget_sign(type), H5T_SGN_NONE);
    assert_true(H5Dread(set, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, id) >= 0);
    assert_true(id[0] == (uint64_t)id_of(&s, 1, 0) && id[N1] == (uint64_t)id_of(&s, 4, 0));
    H5Tclose(type), H5Dclose(set), H5Fclose(file);
  }
}

static void tables(void **state) {
  (void)state;
  static const int lengths[] = {2, 6, 9};
  for (int d = GADGET; d <= SWIFT; d += SWIFT)
    for (int k = 0; k < 3; k++) {
      const spec s = {.dialect = d, .units = 1, .table = 1, .table_types = lengths[k], .hubble = d == SWIFT ? 0.7 : 0};
      fixture("table", &s);
      expect(at("table.hdf5"), &s, 0, 1, 1, 1, d == SWIFT ? "SWIFT HDF5" : "GADGET-2/3 HDF5");
    }
  /* one that ends before the type: its mass is missing */
  const spec s = {.units = 1, .table = 1, .table_types = 1};
  fixture("table", &s);
  REFUSED(at("table.hdf5"), NULL, ESP_ERR_FORMAT, "PartType1/Masses is missing");
  expect(at("table.hdf5"), &s, 1 << 4, 1, 1, 1, "GADGET-2/3 HDF5");
}

/* A count of a type that the file does not have is not dropped. */
static void counts(void **state) {
  (void)state;
  const spec s = {.units = 1};
  fixture("counts", &s);
  if (comm->rank == 0) {
    const int64_t total[7] = {0, N1, 0, 0, N4, 0, 5};
    const hsize_t types = 7;
    hid_t file = H5Fopen(at("counts.hdf5"), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t header = H5Gopen2(file, "Header", H5P_DEFAULT), space = H5Screate_simple(1, &types, NULL);
    H5Adelete(header, "NumPart_Total");
    hid_t made = H5Acreate2(header, "NumPart_Total", H5T_NATIVE_INT64, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(made, H5T_NATIVE_INT64, total) >= 0);
    H5Aclose(made), H5Sclose(space), H5Gclose(header), H5Fclose(file);
  }
  REFUSED(at("counts.hdf5"), NULL, ESP_ERR_FORMAT, "NumPart_Total of type 6 is 5, but NumPart_ThisFile has 6 types");
}

static void totals_left_out(void **state) {
  (void)state;
  spec s = {.units = 1, .no_totals = 1};
  fixture("whole", &s);
  expect(at("whole.hdf5"), &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
  s.files = 3;
  fixture("parts", &s);
  expect(at("parts"), &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
  /* cut out of a snapshot of many files, with its header; with totals that are another's it is a part of those */
  for (int totals = 0; totals < 2; totals++) {
    s = (spec){.units = 1, .no_totals = !totals, .says = 600};
    fixture("cutout", &s);
    expect(at("cutout.hdf5"), &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
    assert_string_equal(note_of(at("cutout.hdf5"), NULL),
                        "NumFilesPerSnapshot is 600, but the name has no number: taken as one file\n");
  }
  s.fault = WRONG_TOTAL;
  fixture("cutout", &s);
  REFUSED(at("cutout.hdf5"), NULL, ESP_ERR_FORMAT, "600 files (NumFilesPerSnapshot), but the name has no number");
}

static void padded_parts(void **state) {
  (void)state;
  static const struct {
    int files, digits;
    const char *any;
  } parts[] = {
      {2, 2, "padded.01.hdf5"}, {3, 3, "padded.000.hdf5"}, {12, 2, "padded.10.hdf5"}, {12, 1, "padded.11.hdf5"}};
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
    const spec s = {.units = 1, .files = parts[k].files, .digits = parts[k].digits};
    fixture("padded", &s);
    expect(at("padded"), &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
    expect(at(parts[k].any), &s, 0, 1, 1, 1, "GADGET-2/3 HDF5");
    MPI_Barrier(MPI_COMM_WORLD);
    if (comm->rank == 0) clean_folder();
  }
}

/* In place of a dataset of n rows one that is made of those of `files` parts; only file 0 has type 4. */
static void make_virtual(hid_t file, int t, const char *field, int columns, int files) {
  char name[64], part[64];
  const int n = t == 1 ? N1 : N4;
  const hsize_t dims[2] = {(hsize_t)n, (hsize_t)columns};
  const int rank = columns ? 2 : 1;
  snprintf(name, sizeof name, "PartType%d/%s", t, field);
  hid_t old = H5Dopen2(file, name, H5P_DEFAULT), type = H5Dget_type(old), list = H5Pcreate(H5P_DATASET_CREATE);
  hid_t space = H5Screate_simple(rank, dims, NULL);
  for (int k = 0; k < (t == 1 ? files : 1); k++) {
    const int from = t == 1 ? n * k / files : 0, to = t == 1 ? n * (k + 1) / files : n;
    const hsize_t start[2] = {(hsize_t)from, 0}, count[2] = {(hsize_t)(to - from), (hsize_t)columns};
    hid_t source = H5Screate_simple(rank, count, NULL);
    snprintf(part, sizeof part, "parts.%d.hdf5", k);
    assert_true(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0);
    assert_true(H5Pset_virtual(list, space, part, name, source) >= 0);
    H5Sclose(source);
  }
  H5Sselect_all(space);
  H5Dclose(old);
  assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
  hid_t made = H5Dcreate2(file, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
  assert_true(made >= 0);
  H5Dclose(made), H5Sclose(space), H5Pclose(list), H5Tclose(type);
}

static void virtual_files(void **state) {
  (void)state;
  static const char *const fields[] = {"Coordinates", "Velocities", "Masses", "ParticleIDs"};
  spec s = {.dialect = SWIFT, .hubble = 0.7};
  fixture("meta", &s);
  s.files = 3;
  fixture("parts", &s);
  if (comm->rank == 0) {
    hid_t file = H5Fopen(at("meta.hdf5"), H5F_ACC_RDWR, H5P_DEFAULT);
    for (int k = 0; k < 8; k++) make_virtual(file, k < 4 ? 1 : 4, fields[k % 4], k % 4 < 2 ? 3 : 0, 3);
    assert_true(H5Fclose(file) >= 0);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  expect(at("meta.hdf5"), &s, 0, 1, 1, 1, "SWIFT HDF5");
  expect(at("meta.hdf5"), &s, 1 << 4, 1, 1, 1, "SWIFT HDF5");
  assert_non_null(strstr(note_of(at("meta.hdf5"), NULL), "its datasets are virtual: "));
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) assert_int_equal(rename(at("parts.2.hdf5"), at("gone.hdf5")), 0);
  REFUSED(at("meta.hdf5"), NULL, ESP_ERR_FILE, "parts.2.hdf5: cannot be read: No such file");
  if (comm->rank == 0) assert_int_equal(rename(at("gone.hdf5"), at("parts.2.hdf5")), 0);
  /* parts of another snapshot, and parts that are none */
  s.tracers = 1;
  fixture("parts", &s);
  REFUSED(at("meta.hdf5"), NULL, ESP_ERR_FORMAT, "has 7 particles of type 3, not 0; with all parts there, `h5repack");
  s = (spec){.dialect = SWIFT, .files = 3, .fault = NO_HEADER};
  fixture("parts", &s);
  REFUSED(at("meta.hdf5"), NULL, ESP_ERR_FORMAT, "parts.0.hdf5: is HDF5 but no snapshot");
  assert_int_equal(esp_file_open_objects(), 0);
}

static int tests(void) {
  const struct CMUnitTest all[] = {cmocka_unit_test(names),
                                   cmocka_unit_test(exponents),
                                   cmocka_unit_test(tracers),
                                   cmocka_unit_test(ids_of_every_kind),
                                   cmocka_unit_test(upper_ids_written),
                                   cmocka_unit_test(tables),
                                   cmocka_unit_test(counts),
                                   cmocka_unit_test(totals_left_out),
                                   cmocka_unit_test(padded_parts),
                                   cmocka_unit_test(virtual_files)};
  return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv) {
  return run(argc, argv, tests);
}
