/* Files for the tests of the program, good ones and spoilt ones.
 *
 *   make_fixture snapshot FILE N KIND     GADGET HDF5 of N particles of type 1; KIND: good, twins (every id twice),
 *                                         point (all at one place), massless, typed (of types 0, 1 and 4, whose
 *                                         ids have the highest of 64 bits)
 *   make_fixture own FILE N D             data as one would write them oneself: a test set alone, float32, without
 *                                         ids, targets and sizes
 *   make_fixture set FILE DATASET I VALUE element I (flat) of a dataset of numbers; VALUE may be nan or inf
 *   make_fixture attribute FILE NAME TEXT text attribute of the root, in place of the old one
 *   make_fixture number FILE OBJECT NAME VALUE   number attribute of an object, in place of the old one
 *   make_fixture header FILE NAME I VALUE whole number I of an attribute of the group Header, all of it 64-bit
 *   make_fixture delete FILE OBJECT
 *   make_fixture rename FILE OBJECT NEW
 *   make_fixture tracers FILE N           N more particles in a snapshot, of type 3, with ids alone
 *   make_fixture flatten FILE DATASET     the same numbers with rank 1 in place of 2, or 2 in place of 1
 *   make_fixture hollow FILE DATASET ROWS so many rows that were never written in place of the numbers
 *   make_fixture retype FILE DATASET      text in place of the numbers, in the same shape
 *   make_fixture sum FILE DATASET         prints a sum over the bits of the numbers and their order
 *   make_fixture sums FILE                the same of every dataset, a line each: name, sum */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

static hid_t must(hid_t id, const char *what) {
  if (id < 0) {
    fprintf(stderr, "make_fixture: %s failed\n", what);
    exit(EXIT_FAILURE);
  }
  return id;
}

static void put_attribute(hid_t object, const char *name, hid_t type, hsize_t count, const void *data) {
  hid_t space = count ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR);
  hid_t attribute = must(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), name);
  must(H5Awrite(attribute, type, data), name);
  H5Aclose(attribute);
  H5Sclose(space);
}

static void put_dataset(hid_t where, const char *name, hid_t type, int rank, const hsize_t *dims, const void *data) {
  hid_t space = must(H5Screate_simple(rank, dims, NULL), name);
  hid_t dataset = must(H5Dcreate2(where, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), name);
  if (data) must(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), name);
  H5Dclose(dataset);
  H5Sclose(space);
}

/* ---- a snapshot ---- */

static double uniform(uint64_t k) {
  uint64_t z = (k + 1) * UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void put_header(hid_t file, const int64_t counts[6]) {
  const double table[6] = {0}, one = 1;
  const int32_t files = 1;
  hid_t header = must(H5Gcreate2(file, "Header", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "Header");
  hid_t parameters = must(H5Gcreate2(file, "Parameters", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "Parameters");
  put_attribute(header, "NumPart_ThisFile", H5T_NATIVE_INT64, 6, counts);
  put_attribute(header, "NumPart_Total", H5T_NATIVE_INT64, 6, counts);
  put_attribute(header, "MassTable", H5T_NATIVE_DOUBLE, 6, table);
  put_attribute(header, "NumFilesPerSnapshot", H5T_NATIVE_INT32, 0, &files);
  put_attribute(header, "UnitLength_in_cm", H5T_NATIVE_DOUBLE, 0, &one);
  put_attribute(header, "UnitMass_in_g", H5T_NATIVE_DOUBLE, 0, &one);
  put_attribute(header, "UnitVelocity_in_cm_per_s", H5T_NATIVE_DOUBLE, 0, &one);
  put_attribute(parameters, "GravityConstantInternal", H5T_NATIVE_DOUBLE, 0, &one);
  H5Gclose(parameters);
  H5Gclose(header);
}

/* count of n particles, of one type, from number `from` on. */
static void put_particles(hid_t file, int64_t n, const char *kind, int type, int64_t from, int64_t count) {
  const size_t room = (size_t)count + 1;
  double(*x)[3] = calloc(room, sizeof *x), (*v)[3] = calloc(room, sizeof *v), *m = calloc(room, sizeof *m);
  uint64_t *id = calloc(room, sizeof *id), top = type == 4 ? UINT64_C(1) << 63 : 0;
  const int point = !strcmp(kind, "point"), twins = !strcmp(kind, "twins"), massless = !strcmp(kind, "massless");
  char name[16];
  for (int64_t k = 0, i = from; k < count; k++, i++) {
    for (int a = 0; a < 3; a++) {
      x[k][a] = point ? 0.5 : uniform((uint64_t)(6 * i + a));
      v[k][a] = 0.3 * (uniform((uint64_t)(6 * i + a + 3)) - 0.5);
    }
    m[k] = massless ? 0 : 1.0 / (double)n;
    id[k] = (uint64_t)(twins ? i / 2 : 7 * i + 3) | top;
  }
  const hsize_t dims[2] = {(hsize_t)count, 3};
  snprintf(name, sizeof name, "PartType%d", type);
  hid_t group = must(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), name);
  put_dataset(group, "Coordinates", H5T_NATIVE_DOUBLE, 2, dims, x);
  put_dataset(group, "Velocities", H5T_NATIVE_DOUBLE, 2, dims, v);
  put_dataset(group, "Masses", H5T_NATIVE_DOUBLE, 1, dims, m);
  put_dataset(group, "ParticleIDs", top ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64, 1, dims, id);
  H5Gclose(group);
  free(x);
  free(v);
  free(m);
  free(id);
}

static void snapshot(const char *path, int64_t n, const char *kind) {
  hid_t file = must(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), path);
  const int64_t third = strcmp(kind, "typed") ? 0 : n / 3, counts[6] = {third, n - 2 * third, 0, 0, third};
  put_header(file, counts);
  for (int64_t t = 0, from = 0; t < 6; from += counts[t++])
    if (counts[t] > 0) put_particles(file, n, kind, (int)t, from, counts[t]);
  must(H5Fclose(file), path);
}

/* ---- spoiling ---- */

static void set_element(hid_t file, const char *name, size_t at, const char *text) {
  hid_t dataset = must(H5Dopen2(file, name, H5P_DEFAULT), name), space = H5Dget_space(dataset),
        type = H5Dget_type(dataset);
  const size_t count = (size_t)H5Sget_simple_extent_npoints(space);
  if (at >= count) must(-1, "set: index");
  if (H5Tget_class(type) == H5T_FLOAT) {
    double *value = malloc(count * sizeof *value);
    must(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value), name);
    value[at] = strtod(text, NULL);
    must(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value), name);
    free(value);
  } else {
    int64_t *value = malloc(count * sizeof *value);
    must(H5Dread(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, value), name);
    value[at] = strtoll(text, NULL, 10);
    must(H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, value), name);
    free(value);
  }
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(dataset);
}

static void set_text(hid_t file, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, strlen(text) + 1);
  if (H5Aexists(file, name) > 0) H5Adelete(file, name);
  put_attribute(file, name, type, 0, text);
  H5Tclose(type);
}

static void set_header(hid_t file, const char *name, size_t at, const char *text) {
  int64_t value[64] = {0};
  hid_t header = must(H5Gopen2(file, "Header", H5P_DEFAULT), "Header"),
        attribute = must(H5Aopen(header, name, H5P_DEFAULT), name), space = H5Aget_space(attribute);
  const hsize_t count = (hsize_t)H5Sget_simple_extent_npoints(space);
  if (at >= count || count > 64) must(-1, "header: index");
  must(H5Aread(attribute, H5T_NATIVE_INT64, value), name);
  value[at] = strtoll(text, NULL, 10);
  H5Sclose(space);
  H5Aclose(attribute);
  H5Adelete(header, name);
  put_attribute(header, name, H5T_NATIVE_INT64, count, value);
  H5Gclose(header);
}

static void set_number(hid_t file, const char *object, const char *name, const char *text) {
  const double value = strtod(text, NULL);
  hid_t where = must(H5Oopen(file, object, H5P_DEFAULT), object);
  if (H5Aexists(where, name) > 0) H5Adelete(where, name);
  put_attribute(where, name, H5T_NATIVE_DOUBLE, 0, &value);
  H5Oclose(where);
}

/* In place of a dataset: another rank, or text. The values are kept where they are numbers. */
static void replace(hid_t file, const char *name, int text) {
  hid_t dataset = must(H5Dopen2(file, name, H5P_DEFAULT), name), space = H5Dget_space(dataset),
        type = H5Dget_type(dataset);
  hsize_t dims[4], flat[2] = {(hsize_t)H5Sget_simple_extent_npoints(space), 1};
  const int rank = H5Sget_simple_extent_dims(space, dims, NULL);
  hid_t string = H5Tcopy(H5T_C_S1);
  H5Tset_size(string, 8);
  char *data = calloc(flat[0] + 1, 8);
  if (!text) must(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), name);
  H5Dclose(dataset);
  must(H5Ldelete(file, name, H5P_DEFAULT), name);
  if (text)
    put_dataset(file, name, string, rank, dims, data);
  else
    put_dataset(file, name, type, rank == 1 ? 2 : 1, flat, data);
  free(data);
  H5Tclose(string);
  H5Tclose(type);
  H5Sclose(space);
}

/* Header's arrays of 6 say n of type 3. */
static void tracers(hid_t file, int64_t n) {
  static const char *const counts[] = {"NumPart_ThisFile", "NumPart_Total"};
  const hsize_t rows = (hsize_t)n;
  int64_t *id = calloc((size_t)n + 1, sizeof *id);
  hid_t group = must(H5Gcreate2(file, "PartType3", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "PartType3");
  hid_t header = must(H5Gopen2(file, "Header", H5P_DEFAULT), "Header");
  for (int64_t i = 0; i < n; i++) id[i] = i;
  put_dataset(group, "TracerID", H5T_NATIVE_INT64, 1, &rows, id);
  for (int k = 0; k < 2; k++) {
    int64_t count[6];
    hid_t attribute = must(H5Aopen(header, counts[k], H5P_DEFAULT), counts[k]);
    must(H5Aread(attribute, H5T_NATIVE_INT64, count), counts[k]);
    count[3] = n;
    must(H5Awrite(attribute, H5T_NATIVE_INT64, count), counts[k]);
    H5Aclose(attribute);
  }
  free(id);
  H5Gclose(header);
  H5Gclose(group);
}

static void hollow(hid_t file, const char *name, hsize_t rows) {
  hid_t dataset = must(H5Dopen2(file, name, H5P_DEFAULT), name), space = H5Dget_space(dataset),
        type = H5Dget_type(dataset);
  hsize_t dims[4];
  const int rank = H5Sget_simple_extent_dims(space, dims, NULL);
  H5Dclose(dataset);
  must(H5Ldelete(file, name, H5P_DEFAULT), name);
  dims[0] = rows;
  put_dataset(file, name, type, rank, dims, NULL);
  H5Tclose(type);
  H5Sclose(space);
}

static uint64_t sum_of(hid_t file, const char *name) {
  hid_t dataset = must(H5Dopen2(file, name, H5P_DEFAULT), name), space = H5Dget_space(dataset),
        type = H5Dget_type(dataset);
  const size_t bytes = (size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type);
  unsigned char *data = malloc(bytes + 1);
  must(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), name);
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (size_t b = 0; b < bytes; b++) sum = (sum ^ data[b]) * UINT64_C(0x100000001b3);
  free(data);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(dataset);
  return sum;
}

static herr_t print_sum(hid_t file, const char *name, const H5O_info_t *info, void *context) {
  (void)context;
  if (info->type == H5O_TYPE_DATASET) printf("%s %016llx\n", name, (unsigned long long)sum_of(file, name));
  return 0;
}

static void own(const char *path, int n, int columns) {
  hid_t file = must(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), path);
  hid_t test = must(H5Gcreate2(file, "test", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "test");
  const hsize_t x_dims[2] = {(hsize_t)n, (hsize_t)columns}, v_dims[2] = {(hsize_t)n, 1};
  float *x = malloc(((size_t)n * (size_t)columns + 1) * sizeof *x), *v = malloc(((size_t)n + 1) * sizeof *v);
  for (int i = 0; i < n * columns; i++) x[i] = (float)((i * 7919 + 13) % 1009) / 300 - 1.7f;
  for (int i = 0; i < n; i++) v[i] = (float)((i * 104729) % 11) - 5;
  put_dataset(test, "x", H5T_NATIVE_FLOAT, 2, x_dims, x);
  put_dataset(test, "v", H5T_NATIVE_FLOAT, 2, v_dims, v);
  set_text(file, "format", "espalier set");
  free(x);
  free(v);
  H5Gclose(test);
  H5Fclose(file);
}

int main(int argc, char **argv) {
  const char *verb = argc > 3 || (argc == 3 && !strcmp(argv[1], "sums")) ? argv[1] : "";
  if (!strcmp(verb, "own") && argc == 5) return own(argv[2], atoi(argv[3]), atoi(argv[4])), EXIT_SUCCESS;
  if (!strcmp(verb, "snapshot") && argc == 5) return snapshot(argv[2], atoll(argv[3]), argv[4]), EXIT_SUCCESS;
  const unsigned access = strncmp(verb, "sum", 3) ? H5F_ACC_RDWR : H5F_ACC_RDONLY;
  hid_t file = must(*verb ? H5Fopen(argv[2], access, H5P_DEFAULT) : -1, "opening the file");
  if (!strcmp(verb, "set") && argc == 6)
    set_element(file, argv[3], (size_t)atoll(argv[4]), argv[5]);
  else if (!strcmp(verb, "header") && argc == 6)
    set_header(file, argv[3], (size_t)atoll(argv[4]), argv[5]);
  else if (!strcmp(verb, "number") && argc == 6)
    set_number(file, argv[3], argv[4], argv[5]);
  else if (!strcmp(verb, "attribute") && argc == 5)
    set_text(file, argv[3], argv[4]);
  else if (!strcmp(verb, "sums"))
    must(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, print_sum, NULL), "looking through the file");
  else if (!strcmp(verb, "delete"))
    must(H5Ldelete(file, argv[3], H5P_DEFAULT), argv[3]);
  else if (!strcmp(verb, "rename") && argc == 5)
    must(H5Lmove(file, argv[3], file, argv[4], H5P_DEFAULT, H5P_DEFAULT), argv[3]);
  else if (!strcmp(verb, "tracers"))
    tracers(file, atoll(argv[3]));
  else if (!strcmp(verb, "flatten"))
    replace(file, argv[3], 0);
  else if (!strcmp(verb, "sum"))
    printf("%016llx\n", (unsigned long long)sum_of(file, argv[3]));
  else if (!strcmp(verb, "hollow") && argc == 5)
    hollow(file, argv[3], (hsize_t)atoll(argv[4]));
  else if (!strcmp(verb, "retype"))
    replace(file, argv[3], 1);
  else
    must(-1, "reading the command");
  must(H5Fclose(file), argv[2]);
  return EXIT_SUCCESS;
}
