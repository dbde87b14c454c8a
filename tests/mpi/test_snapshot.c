/* Every dialect of snapshot headers is read to the particles that were stored, each in its place for any number of
 * ranks, in physical units; what is written is read back; each kind of bad file is the same clear error on all ranks.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <byteswap.h>
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "domain/comm.h"
#include "io/file.h"
#include "io/info.h"
#include "io/snapshot.h"

static esp_comm *comm;
static char folder[256];

static const char *at(const char *name) {
  static char path[4][512];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
  return path[turn];
}

/* ---- the particles of every fixture: values that 32-bit floats hold exactly ---- */

enum { N1 = 101, N4 = 37, GADGET = 0, GADGET4, AREPO, SWIFT };

static double place(int t, int p, int k) {
  return (p * 7 + k * 3 + t) % 64 * 0.25;
}
static double speed(int t, int p, int k) {
  return ((p * 5 + k + t) % 32 - 16) * 0.5;
}
static double weight(int p) {
  return p % 4 * 0.5;
} /* zero masses, too */

typedef enum {
  GOOD,
  NO_DATASET,
  WRONG_RANK,
  WRONG_TYPE,
  SHORT_DATASET,
  WRONG_TOTAL,
  NAN_PLACE,
  NEGATIVE_MASS,
  NO_PARTICLE,
  NO_MASS,
  NO_HEADER
} fault;

typedef struct {
  int dialect, files, narrow, wide_ids, table, comoving, units;
  fault fault;
  double time, redshift, omega0, hubble;
} spec;

static int64_t id_of(const spec *s, int t, int p) {
  return (s->wide_ids ? (int64_t)1 << 40 : 0) + 1000 * t + p;
}

/* ---- writing a fixture; rank 0 alone ---- */

#define DO(call)                                   \
  do {                                             \
    if (call) fail_msg("%s", esp_error_message()); \
  } while (0)

static void put(esp_file *f, const char *object, const char *name, double value, int count) {
  double v[3] = {value, value, value};
  DO(esp_file_attr_write(f, object, name, ESP_FILE_F64, count, v));
}

static void put_text_set(esp_file *f, const char *name) {
  hsize_t n = N1;
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
  DO(esp_file_reserve(f, 4096));
  hid_t set = H5Dcreate2(f->id, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dclose(set);
  H5Sclose(space);
  H5Tclose(type);
}

static void write_type(esp_file *f, const spec *s, int t, int first, int n) {
  char name[64];
  double x[3 * N1], v[3 * N1], m[N1];
  float xf[3 * N1], vf[3 * N1];
  uint64_t id[N1];
  uint32_t id32[N1];
  for (int i = 0; i < n; i++) {
    const int p = first + i;
    for (int k = 0; k < 3; k++) {
      x[3 * i + k] = place(t, p, k);
      v[3 * i + k] = speed(t, p, k);
      if (s->fault == NAN_PLACE && t == 1 && p == 77 && k == 1) x[3 * i + k] = NAN;
      xf[3 * i + k] = (float)x[3 * i + k];
      vf[3 * i + k] = (float)v[3 * i + k];
    }
    m[i] = s->fault == NEGATIVE_MASS && p == 9 ? -1 : weight(p);
    id[i] = (uint64_t)id_of(s, t, p);
    id32[i] = (uint32_t)id[i];
  }
  snprintf(name, sizeof name, "PartType%d", t);
  DO(esp_file_group(f, name));
  const int rows = s->fault == SHORT_DATASET ? n - 1 : n;
  const esp_file_type real = s->narrow ? ESP_FILE_F32 : ESP_FILE_F64;
  snprintf(name, sizeof name, "PartType%d/Coordinates", t);
  if (s->fault == WRONG_RANK)
    DO(esp_file_write(f, name, real, 0, n, 0, n, s->narrow ? (void *)xf : x, 0));
  else if (s->fault == WRONG_TYPE)
    put_text_set(f, name);
  else
    DO(esp_file_write(f, name, real, 3, rows, 0, rows, s->narrow ? (void *)xf : x, s->dialect == SWIFT ? 4 : 0));
  snprintf(name, sizeof name, "PartType%d/Velocities", t);
  if (s->fault != NO_DATASET) DO(esp_file_write(f, name, real, 3, n, 0, n, s->narrow ? (void *)vf : v, 0));
  snprintf(name, sizeof name, "PartType%d/ParticleIDs", t);
  if (s->wide_ids)
    DO(esp_file_write(f, name, ESP_FILE_U64, 0, n, 0, n, id, 0));
  else
    DO(esp_file_write(f, name, ESP_FILE_U32, 0, n, 0, n, id32, 0));
  snprintf(name, sizeof name, "PartType%d/Masses", t);
  if (!(s->table && t == 1) && s->fault != NO_MASS) DO(esp_file_write(f, name, ESP_FILE_F64, 0, n, 0, n, m, 0));
}

static void write_counts(esp_file *f, const spec *s, int n1, int n4) {
  const int types = s->dialect == SWIFT ? 7 : 6;
  int32_t here[7] = {0, n1, 0, 0, n4};
  uint32_t total[7] = {0, N1, 0, 0, N4}, high[7] = {0};
  int64_t total64[7] = {0, N1, 0, 0, N4};
  double table[7] = {0, s->table ? 0.125 : 0};
  if (s->fault == WRONG_TOTAL) total[1]++;
  if (s->fault == NO_PARTICLE) memset(here, 0, sizeof here), memset(total, 0, sizeof total);
  DO(esp_file_attr_write(f, "Header", "NumPart_ThisFile", ESP_FILE_I32, types, here));
  if (s->dialect == GADGET4) {
    DO(esp_file_attr_write(f, "Header", "NumPart_Total", ESP_FILE_I64, types, total64));
  } else {
    DO(esp_file_attr_write(f, "Header", "NumPart_Total", ESP_FILE_U32, types, total));
    DO(esp_file_attr_write(f, "Header", "NumPart_Total_HighWord", ESP_FILE_U32, types, high));
  }
  if (s->dialect != SWIFT || s->table) DO(esp_file_attr_write(f, "Header", "MassTable", ESP_FILE_F64, types, table));
}

static void write_swift(esp_file *f, const spec *s) {
  DO(esp_file_group(f, "Cells"));
  DO(esp_file_group(f, "Units"));
  DO(esp_file_group(f, "Cosmology"));
  put(f, "Units", "Unit length in cgs (U_L)", 3.08567758e24, 1);
  put(f, "Units", "Unit mass in cgs (U_M)", 1.98841e43, 1);
  put(f, "Units", "Unit time in cgs (U_t)", 3.08567758e19, 1);
  int run = s->comoving;
  DO(esp_file_attr_write(f, "Cosmology", "Cosmological run", ESP_FILE_I32, 1, &run));
  put(f, "Cosmology", "Scale-factor", s->comoving ? s->time : 1, 1);
  put(f, "Cosmology", "h", s->hubble, 1);
}

static void write_header(esp_file *f, const spec *s, int n1, int n4) {
  int files = s->files ? s->files : 1;
  const int array = s->dialect == SWIFT; /* scalars as arrays of one */
  DO(esp_file_group(f, "Header"));
  write_counts(f, s, n1, n4);
  DO(esp_file_attr_write(f, "Header", "NumFilesPerSnapshot", ESP_FILE_I32, array, &files));
  put(f, "Header", "Time", s->time, array);
  put(f, "Header", "Redshift", s->redshift, array);
  put(f, "Header", "BoxSize", 16, array ? 3 : 0);
  if (s->dialect == SWIFT) return write_swift(f, s);
  const char *where = "Header";
  if (s->dialect != GADGET) {
    int comoving = s->comoving, one = 1;
    where = "Parameters";
    DO(esp_file_group(f, "Parameters"));
    DO(esp_file_group(f, "Config"));
    DO(esp_file_attr_write(f, "Parameters", "ComovingIntegrationOn", ESP_FILE_I32, 0, &comoving));
    if (s->dialect == GADGET4)
      DO(esp_file_attr_write(f, "Config", "PERIODIC", ESP_FILE_I32, 0, &one));
    else
      DO(esp_file_attr_write_string(f, "Config", "GRAVITY_NOT_PERIODIC", ""));
  }
  put(f, where, "Omega0", s->omega0, 0);
  put(f, where, "HubbleParam", s->hubble, 0);
  if (!s->units) return;
  put(f, where, "UnitLength_in_cm", 3.085678e21, 0);
  put(f, where, "UnitMass_in_g", 1.989e43, 0);
  put(f, where, "UnitVelocity_in_cm_per_s", 1e5, 0);
}

/* path: "name" gives name.hdf5 or, split, name.K.hdf5 */
static void fixture(const char *name, const spec *s) {
  const int files = s->files ? s->files : 1;
  MPI_Barrier(MPI_COMM_WORLD); /* the one before is no longer read */
  for (int k = 0; k < files && comm->rank == 0; k++) {
    char path[600];
    esp_file *f;
    const int a1 = N1 * k / files, b1 = N1 * (k + 1) / files;
    const int a4 = k == 0 ? 0 : N4, b4 = N4; /* the first file has all of type 4 */
    snprintf(path, sizeof path, files > 1 ? "%s.%d.hdf5" : "%s.hdf5", at(name), k);
    DO(esp_file_create_begin(esp_comm_self(), path, &f));
    if (s->fault != NO_HEADER) write_header(f, s, b1 - a1, b4 - a4);
    write_type(f, s, 1, a1, b1 - a1);
    if (b4 > a4) write_type(f, s, 4, a4, b4 - a4);
    DO(esp_file_commit(&f));
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

/* ---- reading it ---- */

static const esp_units kpc = {3.085678e21, 1.989e43, 1e5};

/* Every particle of mine is the one that belongs to this place, with this value. */
static void expect(const char *path, const spec *s, uint32_t types, double fx, double fv, double fm,
                   const char *dialect) {
  esp_cloud cloud;
  esp_snapshot_header head;
  esp_snapshot_options o = {.types = types, .units = s->units || s->dialect == SWIFT ? (esp_units){0} : kpc};
  DO(esp_snapshot_read(comm, path, &o, &cloud, &head));
  assert_string_equal(head.dialect, dialect);
  const int n1 = types == 0 || types >> 1 & 1 ? N1 : 0, n4 = types == 0 || types >> 4 & 1 ? N4 : 0, n = n1 + n4;
  assert_int_equal(cloud.n, n);
  const int lo = (int)((int64_t)n * comm->rank / comm->size), hi = (int)((int64_t)n * (comm->rank + 1) / comm->size);
  assert_int_equal(cloud.n_home, hi - lo);
  for (int i = 0; i < cloud.n_home; i++) {
    const int t = lo + i < n1 ? 1 : 4, p = t == 1 ? lo + i : lo + i - n1;
    assert_int_equal(cloud.id[i], id_of(s, t, p));
    for (int k = 0; k < 3; k++) {
      assert_true(fabs(cloud.x[i][k] - place(t, p, k) * fx) < 1e-14 * 100);
      assert_true(fabs(cloud.v[i][k] - speed(t, p, k) * fv) < 1e-14 * 100);
    }
    const double m = s->table && t == 1 ? 0.125 : weight(p);
    assert_true(fabs(cloud.m[i] - m * fm) < 1e-14);
  }
  const double g = s->dialect == SWIFT ? 6.67430e-8 * 1.98841e43 / (3.08567758e24 * 1e5 * 1e5)
                                       : 6.67430e-8 * 1.989e43 / (3.085678e21 * 1e5 * 1e5);
  assert_true(fabs(cloud.G - g) < 1e-12 * g);
  const int periodic = s->dialect == GADGET4 || s->comoving;
  assert_true(fabs(cloud.box[2] - (periodic ? 16 * fx : 0)) < 1e-12);
  uint64_t sum, alone;
  assert_int_equal(esp_cloud_checksum(comm, &cloud, &sum), ESP_OK);
  esp_cloud_free(&cloud);
  DO(esp_snapshot_read(esp_comm_self(), path, &o, &cloud, NULL));
  assert_int_equal(esp_cloud_checksum(esp_comm_self(), &cloud, &alone), ESP_OK);
  esp_cloud_free(&cloud);
  assert_true(sum == alone);
}

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

static void refused_as(const char *path, const esp_snapshot_options *o, int code, const char *what, int line) {
  esp_cloud cloud;
  char text[2048], first[2048];
  esp_error_clear();
  int rc = esp_snapshot_read(comm, path, o, &cloud, NULL);
  snprintf(text, sizeof text, "%s", esp_error_message());
  if (rc != code || !strstr(text, what)) fail_msg("line %d: code %d, '%s' is not in: %s", line, rc, what, text);
  assert_non_null(strstr(text, folder)); /* names the file */
  memcpy(first, text, sizeof first);
  MPI_Bcast(first, sizeof first, MPI_CHAR, 0, MPI_COMM_WORLD);
  assert_string_equal(first, text);
  esp_error_clear();
}
#define REFUSED(path, o, code, what) refused_as(path, o, code, what, __LINE__)

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
      {NO_PARTICLE, ESP_ERR_VALUE, "has no particle of the types asked for; particles by type: 0, 0, 0, 0, 0, 0"},
      {NO_MASS, ESP_ERR_FORMAT, "PartType1/Masses is missing and MassTable[1]"},
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

/* ---- binary formats ---- */

static void put4(FILE *f, uint32_t w, int swap) {
  if (swap) w = bswap_32(w);
  fwrite(&w, 4, 1, f);
}
static void put_real(FILE *f, double value, int width, int swap) {
  float single = (float)value;
  uint32_t w;
  uint64_t d;
  memcpy(&w, &single, 4);
  memcpy(&d, &value, 8);
  if (width == 4) return put4(f, w, swap);
  if (swap) d = bswap_64(d);
  fwrite(&d, 8, 1, f);
}
static void label(FILE *f, const char *name, uint32_t bytes, int format, int swap) {
  if (format < 2) return;
  put4(f, 8, swap);
  fwrite(name, 4, 1, f);
  put4(f, bytes + 8, swap);
  put4(f, 8, swap);
}

/* types 1 (mass from the table) and 4 (masses in a record) */
static void write_gadget(const char *path, int format, int width, int swap) {
  FILE *f = fopen(path, "wb");
  const int n = N1 + N4;
  label(f, "HEAD", 256, format, swap);
  put4(f, 256, swap);
  for (int t = 0; t < 6; t++) put4(f, t == 1 ? N1 : t == 4 ? N4 : 0, swap);
  for (int t = 0; t < 6; t++) put_real(f, t == 1 ? 0.125 : 0, 8, swap);
  for (int k = 0; k < 46; k++) put4(f, k == 13 ? 1 : k >= 6 && k < 12 ? (k == 7 ? N1 : k == 10 ? N4 : 0) : 0, swap);
  put4(f, 256, swap);
  static const char *const names[] = {"POS ", "VEL ", "JUNK", "ID  ", "MASS"};
  for (int b = 0; b < 5; b++) {
    if (b == 2 && format < 2) continue;
    const uint32_t bytes = (uint32_t)(b < 2 ? 3 * n * width : b == 2 ? 12 : b == 3 ? n * width : N4 * width);
    label(f, names[b], bytes, format, swap);
    put4(f, bytes, swap);
    if (b == 2) put4(f, 1, swap), put4(f, 2, swap), put4(f, 3, swap);
    for (int i = 0; i < n && b != 2; i++) {
      const int t = i < N1 ? 1 : 4, p = t == 1 ? i : i - N1;
      for (int k = 0; k < 3 && b < 2; k++) put_real(f, b ? speed(t, p, k) : place(t, p, k), width, swap);
      const uint32_t id = (uint32_t)(1000 * t + p);
      if (b == 3 && width == 8 && swap) put4(f, 0, swap);
      if (b == 3) put4(f, id, swap);
      if (b == 3 && width == 8 && !swap) put4(f, 0, swap);
      if (b == 4 && t == 4) put_real(f, weight(p), width, swap);
    }
    put4(f, bytes, swap);
  }
  fclose(f);
}

static void binary_gadget(void **state) {
  (void)state;
  const spec s = {.table = 1};
  for (int k = 0; k < 8; k++) {
    const int format = 1 + (k & 1), width = k & 2 ? 8 : 4, swap = k >> 2;
    char dialect[64];
    snprintf(dialect, sizeof dialect, "GADGET format %d, %s-endian", format, swap ? "big" : "little");
    if (comm->rank == 0) write_gadget(at("binary.dat"), format, width, swap);
    MPI_Barrier(MPI_COMM_WORLD);
    expect(at("binary.dat"), &s, 0, 1, 1, 1, dialect);
    expect(at("binary.dat"), &s, 1 << 4, 1, 1, 1, dialect);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  const esp_snapshot_options o = {.units = kpc};
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) {
    write_gadget(at("binary.dat"), 1, 4, 0);
    assert_int_equal(truncate(at("binary.dat"), 3000), 0);
    write_gadget(at("marker.dat"), 1, 4, 0);
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

static void tipsy(void **state) {
  (void)state;
  for (int swap = 0; swap < 2; swap++) {
    if (comm->rank == 0) {
      FILE *f = fopen(at("bodies.tipsy"), "wb");
      put_real(f, 2.5, 8, swap);
      const uint32_t head[6] = {6, 3, 1, 3, 2, 0};
      for (int k = 0; k < 6; k++) put4(f, head[k], swap);
      for (int p = 0; p < 6; p++) {
        const int floats = p < 1 ? 12 : p < 4 ? 9 : 11;
        for (int k = 0; k < floats; k++) put_real(f, 100 * p + k, 4, swap);
      }
      fclose(f);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    esp_cloud cloud;
    esp_snapshot_header head;
    DO(esp_snapshot_read(comm, at("bodies.tipsy"), NULL, &cloud, &head));
    assert_true(cloud.G == 1 && head.time == 2.5 && cloud.n == 6 && head.count[4] == 2);
    for (int i = 0; i < cloud.n_home; i++) {
      const double base = 100.0 * (double)cloud.id[i];
      assert_true(cloud.m[i] == base && cloud.x[i][2] == base + 3 && cloud.v[i][0] == base + 4);
    }
    esp_cloud_free(&cloud);
    MPI_Barrier(MPI_COMM_WORLD);
  }
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
    assert_int_equal(esp_cloud_checksum(comm, &cloud, &sum), ESP_OK);
    DO(esp_snapshot_write(comm, at("ours.hdf5"), &cloud, k ? &kpc : NULL, 0.75, k == 2 ? 4 : 0));
    DO(esp_snapshot_read(comm, at("ours.hdf5"), NULL, &back, &head));
    assert_int_equal(esp_cloud_checksum(comm, &back, &again), ESP_OK);
    assert_true(sum == again && back.G == 1.5 && head.time == 0.75 && back.dim == 3);
    for (int c = 0; c < 3; c++) assert_true(back.box[c] == cloud.box[c]);
    assert_true(k ? head.units.length == kpc.length : head.units.length == 0);
    esp_cloud_free(&back);
    esp_cloud_free(&cloud);
  }
  esp_cloud empty;
  make_cloud(0, &empty);
  DO(esp_snapshot_write(comm, at("empty.hdf5"), &empty, NULL, 0, 0));
  REFUSED(at("empty.hdf5"), NULL, ESP_ERR_VALUE, "has no particle");
  empty.model = 1;
  assert_int_equal(esp_snapshot_write(comm, at("empty.hdf5"), &empty, NULL, 0, 0), ESP_ERR_ARG);
  esp_error_clear();
  esp_cloud_free(&empty);
}

static void size_limit(void **state) {
  (void)state;
  struct rlimit old, set;
  esp_cloud cloud, back;
  uint64_t sum, again;
  make_cloud(10, &cloud);
  assert_int_equal(esp_cloud_checksum(comm, &cloud, &sum), ESP_OK);
  DO(esp_snapshot_write(comm, at("limit.hdf5"), &cloud, NULL, 0, 0));
  esp_cloud_free(&cloud);
  make_cloud(20000, &cloud);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  set = old;
  set.rlim_cur = 500000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &set), 0);
  int rc = esp_snapshot_write(comm, at("limit.hdf5"), &cloud, NULL, 0, 0);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_int_equal(rc, ESP_ERR_FILE);
  esp_error_clear();
  esp_cloud_free(&cloud);
  MPI_Barrier(MPI_COMM_WORLD);
  assert_int_equal(access(at("limit.hdf5.part"), F_OK), -1);
  DO(esp_snapshot_read(comm, at("limit.hdf5"), NULL, &back, NULL));
  assert_int_equal(esp_cloud_checksum(comm, &back, &again), ESP_OK);
  assert_true(sum == again);
  esp_cloud_free(&back);
}

/* ---- info ---- */

static void info(void **state) {
  (void)state;
  char *text = NULL;
  size_t size = 0;
  spec s = {.dialect = SWIFT, .comoving = 1, .time = 0.25, .redshift = 3, .hubble = 0.7};
  fixture("info", &s);
  FILE *out = open_memstream(&text, &size);
  DO(esp_info_print(comm, MPI_COMM_WORLD, at("info.hdf5"), out));
  fclose(out);
  if (comm->rank == 0) {
    static const char *const seen[] = {"SWIFT HDF5",
                                       "type 1       101 particles",
                                       "type 4       37 particles",
                                       "comoving\n",
                                       "16 16 16, periodic",
                                       "PartType4/Coordinates  float64 (37, 3)",
                                       "@NumPart_Total = 0 101 0 0 37 0 0"};
    for (size_t k = 0; k < sizeof seen / sizeof seen[0]; k++)
      if (!strstr(text, seen[k])) fail_msg("'%s' is not in: %s", seen[k], text);
  } else {
    assert_int_equal(size, 0);
  }
  free(text);
  assert_int_equal(esp_info_print(comm, MPI_COMM_WORLD, at("nothing"), stdout), ESP_ERR_FILE);
  esp_error_clear();
  assert_int_equal(esp_file_open_objects(), 0);
}

static void clean(void) {
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) remove(at(entry->d_name));
  if (dir) closedir(dir);
  rmdir(folder);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  signal(SIGXFSZ, SIG_IGN);
  if (esp_comm_mpi_create(MPI_COMM_WORLD, &comm)) MPI_Abort(MPI_COMM_WORLD, 1);
  if (comm->rank == 0) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/espalier-snapshot-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder)) MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_dialects),   cmocka_unit_test(comoving_dialects), cmocka_unit_test(split_files),
      cmocka_unit_test(bad_content),      cmocka_unit_test(bad_options),       cmocka_unit_test(bad_cosmology),
      cmocka_unit_test(bad_files),        cmocka_unit_test(binary_gadget),     cmocka_unit_test(tipsy),
      cmocka_unit_test(written_and_read), cmocka_unit_test(size_limit),        cmocka_unit_test(info),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) clean();
  esp_comm_mpi_free(&comm);
  MPI_Finalize();
  return failed ? 1 : 0;
}
