/* What the tests of snapshots share: the particles of every fixture, their files in each HDF5 dialect, the comparison
 * of what was read with them, and starting and stopping. Included by one file of each test program. */
#ifndef TEST_SNAPSHOT_FIXTURE_H
#define TEST_SNAPSHOT_FIXTURE_H

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

#include "base/set.h"
#include "domain/comm.h"
#include "io/file.h"
#include "io/info.h"
#include "io/snapshot.h"
#include "cloud_sum.h"

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

enum { N1 = 101, N3 = 7, N4 = 37, GADGET = 0, GADGET4, AREPO, SWIFT, GIZMO };

static double place(int t, int p, int k) {
  return (p * 7 + k * 3 + t) % 64 * 0.25;
}
static double speed(int t, int p, int k) {
  return ((p * 5 + k + t) % 32 - 16) * 0.5;
}
static double weight(int t, int p) {
  return (p + t) % 4 * 0.5;
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

/* As above; none; of the upper half of 64 bits; two alike, and read by place. */
typedef enum { OWN_IDS, NO_IDS, TOP_IDS, TWIN_IDS } ids;

typedef struct {
  int dialect, files, narrow, wide_ids, table, comoving, units, tracers; /* tracers: N3 of type 3, with ids alone */
  int table_types;                                                       /* length of MassTable; 0: of the counts */
  int no_totals, says; /* no NumPart_Total; what NumFilesPerSnapshot says; 0: the truth */
  int digits;          /* of a part's number */
  fault fault;
  ids ids;
  const char *velocity, *mass, *mass4; /* names of datasets, mass4 of type 4; NULL: Velocities, Masses */
  double time, redshift, omega0, hubble;
} spec;

static int64_t id_of(const spec *s, int t, int p) {
  if (s->ids == NO_IDS || s->ids == TWIN_IDS) return t == 1 ? p : N1 + (s->tracers ? N3 : 0) + p;
  if (s->ids == TOP_IDS) return (int64_t)(~UINT64_C(0) - (uint64_t)(1000 * t + p));
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

static void put_text_set(esp_file *f, const char *name, hsize_t n) {
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
    m[i] = s->fault == NEGATIVE_MASS && p == 9 ? -1 : weight(t, p);
    id[i] = (uint64_t)id_of(s, t, s->ids == TWIN_IDS && p == 70 ? 3 : p);
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
    put_text_set(f, name, (hsize_t)n);
  else
    DO(esp_file_write(f, name, real, 3, rows, 0, rows, s->narrow ? (void *)xf : x, s->dialect == SWIFT ? 4 : 0));
  snprintf(name, sizeof name, "PartType%d/%s", t, s->velocity ? s->velocity : "Velocities");
  if (s->fault != NO_DATASET) DO(esp_file_write(f, name, real, 3, n, 0, n, s->narrow ? (void *)vf : v, 0));
  snprintf(name, sizeof name, "PartType%d/ParticleIDs", t);
  if (s->ids == NO_IDS)
    ;
  else if (s->wide_ids || s->ids == TOP_IDS)
    DO(esp_file_write(f, name, ESP_FILE_U64, 0, n, 0, n, id, 0));
  else
    DO(esp_file_write(f, name, ESP_FILE_U32, 0, n, 0, n, id32, 0));
  snprintf(name, sizeof name, "PartType%d/%s", t, t == 4 && s->mass4 ? s->mass4 : s->mass ? s->mass : "Masses");
  if (!(s->table && t == 1) && s->fault != NO_MASS) DO(esp_file_write(f, name, ESP_FILE_F64, 0, n, 0, n, m, 0));
}

static void write_tracers(esp_file *f) {
  uint64_t id[N3] = {1, 2, 3};
  DO(esp_file_group(f, "PartType3"));
  DO(esp_file_write(f, "PartType3/TracerID", ESP_FILE_U64, 0, N3, 0, N3, id, 0));
}

static void write_counts(esp_file *f, const spec *s, int n1, int n4) {
  const int types = s->dialect == SWIFT ? 7 : 6;
  const int n3 = s->tracers ? N3 : 0; /* in the file that has type 4 */
  int32_t here[7] = {0, n1, 0, n4 ? n3 : 0, n4};
  uint32_t total[7] = {0, N1, 0, (uint32_t)n3, N4}, high[7] = {0};
  int64_t total64[7] = {0, N1, 0, n3, N4};
  double table[9] = {0, s->table ? 0.125 : 0};
  if (s->fault == WRONG_TOTAL) total[1]++;
  if (s->fault == NO_PARTICLE) memset(here, 0, sizeof here), memset(total, 0, sizeof total);
  DO(esp_file_attr_write(f, "Header", "NumPart_ThisFile", ESP_FILE_I32, types, here));
  if (s->no_totals) {
    ;
  } else if (s->dialect == GADGET4) {
    DO(esp_file_attr_write(f, "Header", "NumPart_Total", ESP_FILE_I64, types, total64));
  } else {
    DO(esp_file_attr_write(f, "Header", "NumPart_Total", ESP_FILE_U32, types, total));
    DO(esp_file_attr_write(f, "Header", "NumPart_Total_HighWord", ESP_FILE_U32, types, high));
  }
  if (s->dialect != SWIFT || s->table)
    DO(esp_file_attr_write(f, "Header", "MassTable", ESP_FILE_F64, s->table_types ? s->table_types : types, table));
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

/* GIZMO's own names, with the older constant of gravity. */
static void write_gizmo(esp_file *f, const spec *s) {
  int comoving = s->comoving;
  DO(esp_file_attr_write(f, "Header", "ComovingIntegrationOn", ESP_FILE_I32, 0, &comoving));
  put(f, "Header", "Omega_Matter", s->omega0, 0);
  put(f, "Header", "HubbleParam", s->hubble, 0);
  put(f, "Header", "UnitLength_In_CGS", 3.085678e21, 0);
  put(f, "Header", "UnitMass_In_CGS", 1.989e43, 0);
  put(f, "Header", "UnitVelocity_In_CGS", 1e5, 0);
  put(f, "Header", "Gravitational_Constant_In_Code_Inits", 43007.1, 0);
}

static void write_header(esp_file *f, const spec *s, int n1, int n4) {
  int files = s->says ? s->says : s->files ? s->files : 1;
  const int array = s->dialect == SWIFT; /* scalars as arrays of one */
  DO(esp_file_group(f, "Header"));
  write_counts(f, s, n1, n4);
  DO(esp_file_attr_write(f, "Header", "NumFilesPerSnapshot", ESP_FILE_I32, array, &files));
  put(f, "Header", "Time", s->time, array);
  put(f, "Header", "Redshift", s->redshift, array);
  put(f, "Header", "BoxSize", 16, array ? 3 : 0);
  if (s->dialect == SWIFT) return write_swift(f, s);
  if (s->dialect == GIZMO) return write_gizmo(f, s);
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
static inline void fixture(const char *name, const spec *s) {
  const int files = s->files ? s->files : 1;
  MPI_Barrier(MPI_COMM_WORLD); /* the one before is no longer read */
  for (int k = 0; k < files && comm->rank == 0; k++) {
    char path[600];
    esp_file *f;
    const int a1 = N1 * k / files, b1 = N1 * (k + 1) / files;
    const int a4 = k == 0 ? 0 : N4, b4 = N4; /* the first file has all of type 4 */
    if (files > 1)
      snprintf(path, sizeof path, "%s.%0*d.hdf5", at(name), s->digits, k);
    else
      snprintf(path, sizeof path, "%s.hdf5", at(name));
    DO(esp_file_create_begin(esp_comm_self(), path, &f));
    if (s->fault != NO_HEADER) write_header(f, s, b1 - a1, b4 - a4);
    write_type(f, s, 1, a1, b1 - a1);
    if (b4 > a4) write_type(f, s, 4, a4, b4 - a4);
    if (b4 > a4 && s->tracers) write_tracers(f);
    DO(esp_file_commit(&f));
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

/* ---- reading it ---- */

static const esp_units kpc = {3.085678e21, 1.989e43, 1e5};

/* Every particle of mine is the one that belongs to this place, with this value. */
static inline void expect(const char *path, const spec *s, uint32_t types, double fx, double fv, double fm,
                          const char *dialect) {
  esp_cloud cloud;
  esp_snapshot_header head;
  esp_snapshot_options o = {
      .types = types, .by_place = s->ids == TWIN_IDS, .units = s->units || s->dialect == SWIFT ? (esp_units){0} : kpc};
  DO(esp_snapshot_read(comm, path, &o, &cloud, &head));
  assert_string_equal(head.dialect, dialect);
  const int n1 = types == 0 || types >> 1 & 1 ? N1 : 0, n4 = types == 0 || types >> 4 & 1 ? N4 : 0, n = n1 + n4;
  assert_int_equal(cloud.n, n);
  int64_t first, count;
  esp_set_share(n, comm->rank, comm->size, &first, &count);
  const int lo = (int)first;
  assert_int_equal(cloud.n_home, count);
  for (int i = 0; i < cloud.n_home; i++) {
    const int t = lo + i < n1 ? 1 : 4, p = t == 1 ? lo + i : lo + i - n1;
    assert_int_equal(cloud.id[i], id_of(s, t, p));
    for (int k = 0; k < 3; k++) {
      assert_true(fabs(cloud.x[i][k] - place(t, p, k) * fx) < 1e-14 * 100);
      assert_true(fabs(cloud.v[i][k] - speed(t, p, k) * fv) < 1e-14 * 100);
    }
    const double m = s->table && t == 1 ? 0.125 : weight(t, p);
    assert_true(fabs(cloud.m[i] - m * fm) < 1e-14);
  }
  const double g = s->dialect == SWIFT ? 6.67430e-8 * 1.98841e43 / (3.08567758e24 * 1e5 * 1e5)
                                       : 6.67430e-8 * 1.989e43 / (3.085678e21 * 1e5 * 1e5);
  assert_true(fabs(cloud.G - g) < 1e-12 * g);
  const int periodic = s->dialect == GADGET4 || s->comoving;
  assert_true(fabs(cloud.box[2] - (periodic ? 16 * fx : 0)) < 1e-12);
  uint64_t sum, alone;
  sum = cloud_sum(comm, &cloud);
  esp_cloud_free(&cloud);
  DO(esp_snapshot_read(esp_comm_self(), path, &o, &cloud, NULL));
  alone = cloud_sum(esp_comm_self(), &cloud);
  esp_cloud_free(&cloud);
  assert_true(sum == alone);
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

static void clean_folder(void) {
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) remove(at(entry->d_name));
  if (dir) closedir(dir);
}

/* The tests of one program in a folder of their own. */
static int run(int argc, char **argv, int (*tests)(void)) {
  MPI_Init(&argc, &argv);
  signal(SIGXFSZ, SIG_IGN);
  if (esp_comm_mpi_create(MPI_COMM_WORLD, &comm)) MPI_Abort(MPI_COMM_WORLD, 1);
  if (comm->rank == 0) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/espalier-snapshot-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder)) MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  int failed = tests();
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) clean_folder(), rmdir(folder);
  esp_comm_mpi_free(&comm);
  MPI_Finalize();
  return failed ? 1 : 0;
}

#endif
