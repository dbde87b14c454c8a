/* A cloud as GADGET HDF5. */
#include <stdio.h>

#include "io/file.h"
#include "io/snapshot.h"

enum { LEAST_TYPES = 6 };

static int write_counts(esp_file *file, int types, const int64_t *by_type) {
  uint32_t low[ESP_SNAPSHOT_TYPES] = {0}, high[ESP_SNAPSHOT_TYPES] = {0};
  const double table[ESP_SNAPSHOT_TYPES] = {0};
  const int one = 1;
  int wide = 0;
  for (int t = 0; t < types; t++) {
    low[t] = (uint32_t)by_type[t];
    high[t] = (uint32_t)(by_type[t] >> 32);
    wide |= high[t] > 0;
  }
  /* readers that know 32-bit counts alone can read what fits them */
  if (wide)
    ESP_CALL(esp_file_attr_write(file, "Header", "NumPart_ThisFile", ESP_FILE_I64, types, by_type));
  else
    ESP_CALL(esp_file_attr_write(file, "Header", "NumPart_ThisFile", ESP_FILE_U32, types, low));
  ESP_CALL(esp_file_attr_write(file, "Header", "NumPart_Total", ESP_FILE_U32, types, low));
  ESP_CALL(esp_file_attr_write(file, "Header", "NumPart_Total_HighWord", ESP_FILE_U32, types, high));
  ESP_CALL(esp_file_attr_write(file, "Header", "MassTable", ESP_FILE_F64, types, table));
  return esp_file_attr_write(file, "Header", "NumFilesPerSnapshot", ESP_FILE_I32, 0, &one);
}

/* Physical values: no scale factor, no h. */
static int write_cosmology(esp_file *file, double time) {
  static const char *const zeros[] = {"Redshift", "Omega0", "OmegaLambda"};
  static const char *const flags[] = {"Flag_Sfr",        "Flag_Cooling", "Flag_Feedback",
                                      "Flag_StellarAge", "Flag_Metals",  "Flag_Entropy_ICs"};
  const double zero = 0, one = 1;
  const int off = 0, on = 1;
  ESP_CALL(esp_file_attr_write(file, "Header", "Time", ESP_FILE_F64, 0, &time));
  for (int k = 0; k < 3; k++) ESP_CALL(esp_file_attr_write(file, "Header", zeros[k], ESP_FILE_F64, 0, &zero));
  ESP_CALL(esp_file_attr_write(file, "Header", "HubbleParam", ESP_FILE_F64, 0, &one));
  for (int k = 0; k < 6; k++) ESP_CALL(esp_file_attr_write(file, "Header", flags[k], ESP_FILE_I32, 0, &off));
  ESP_CALL(esp_file_attr_write(file, "Header", "Flag_DoublePrecision", ESP_FILE_I32, 0, &on));
  ESP_CALL(esp_file_group(file, "Parameters"));
  return esp_file_attr_write(file, "Parameters", "ComovingIntegrationOn", ESP_FILE_I32, 0, &off);
}

static int write_box(esp_file *file, const esp_cloud *cloud) {
  const double *b = cloud->box;
  const int periodic = b[0] > 0 || b[1] > 0 || b[2] > 0;
  const int cube = b[0] == b[1] && (b[1] == b[2] || (cloud->dim == 2 && b[2] == 0));
  ESP_CALL(esp_file_attr_write(file, "Header", "BoxSize", ESP_FILE_F64, cube ? 0 : 3, b));
  ESP_CALL(esp_file_attr_write(file, "Header", "Dimension", ESP_FILE_I32, 0, &cloud->dim));
  ESP_CALL(esp_file_group(file, "RuntimePars"));
  return esp_file_attr_write(file, "RuntimePars", "PeriodicBoundariesOn", ESP_FILE_I32, 0, &periodic);
}

/* In both groups: pynbody looks in Parameters alone where there is such a group, others in Header. */
static int write_units(esp_file *file, const esp_cloud *cloud, const esp_units *units) {
  static const char *const place[] = {"Header", "Parameters"};
  ESP_CALL(esp_file_attr_write(file, "Parameters", "GravityConstantInternal", ESP_FILE_F64, 0, &cloud->G));
  if (!units || !(units->length > 0 && units->mass > 0 && units->velocity > 0)) return ESP_OK;
  for (int k = 0; k < 2; k++) {
    ESP_CALL(esp_file_attr_write(file, place[k], "UnitLength_in_cm", ESP_FILE_F64, 0, &units->length));
    ESP_CALL(esp_file_attr_write(file, place[k], "UnitMass_in_g", ESP_FILE_F64, 0, &units->mass));
    ESP_CALL(esp_file_attr_write(file, place[k], "UnitVelocity_in_cm_per_s", ESP_FILE_F64, 0, &units->velocity));
  }
  return ESP_OK;
}

/* Of the n particles of one type, which begin at number `start` of all, those that lie here; mine begin at `first`. */
typedef struct {
  int64_t at, from, count; /* places among mine, among the type's */
} share;

static share share_of(const esp_cloud *cloud, int64_t start, int64_t n, int64_t first) {
  const int64_t end = first + cloud->n_home;
  const int64_t low = start > first ? start : first, high = start + n < end ? start + n : end;
  return high > low ? (share){low - first, low - start, high - low} : (share){0};
}

static int write_type(esp_file *file, const esp_cloud *cloud, int type, int64_t n, share s, int deflate) {
  const struct {
    const char *name;
    esp_file_type type;
    int columns;
    const void *mine;
  } field[] = {{"Coordinates", ESP_FILE_F64, 3, cloud->x + s.at},
               {"Velocities", ESP_FILE_F64, 3, cloud->v + s.at},
               {"ParticleIDs", ESP_FILE_U64, 0, cloud->id + s.at},
               {"Masses", ESP_FILE_F64, 0, cloud->m + s.at}};
  char name[64];
  snprintf(name, sizeof name, "PartType%d", type);
  ESP_CALL(esp_file_group(file, name));
  for (int k = 0; k < 4; k++) {
    snprintf(name, sizeof name, "PartType%d/%s", type, field[k].name);
    ESP_CALL(esp_file_write(file, name, field[k].type, field[k].columns, n, s.from, s.count,
                            s.count ? field[k].mine : NULL, deflate));
  }
  return ESP_OK;
}

static int write_particles(esp_file *file, const esp_cloud *cloud, int types, const int64_t *by_type, int deflate) {
  int64_t first = cloud->n_home, start = 0;
  ESP_CALL(file->comm->exscan_i64(file->comm, &first));
  for (int t = 0; t < types; start += by_type[t++])
    if (by_type[t] > 0)
      ESP_CALL(write_type(file, cloud, t, by_type[t], share_of(cloud, start, by_type[t], first), deflate));
  return ESP_OK;
}

/* ---- for VTK (VTKHDF 2) ---- */

static int write_grid_head(esp_file *file, const char *group, int64_t minor, const char *type) {
  const int64_t version[2] = {2, minor};
  ESP_CALL(esp_file_attr_write(file, group, "Version", ESP_FILE_I64, 2, version));
  return esp_file_attr_write_string(file, group, "Type", type);
}

/* In a group: what the particles of a type have, by second names. */
static int link_fields(esp_file *file, const char *group, int type) {
  static const char *const fields[] = {"Velocities", "ParticleIDs", "Masses"};
  char name[64], to[64];
  snprintf(name, sizeof name, "%s/Points", group);
  snprintf(to, sizeof to, "PartType%d/Coordinates", type);
  ESP_CALL(esp_file_link(file, name, to));
  snprintf(name, sizeof name, "%s/PointData", group);
  ESP_CALL(esp_file_group(file, name));
  for (int k = 0; k < 3; k++) {
    snprintf(name, sizeof name, "%s/PointData/%s", group, fields[k]);
    snprintf(to, sizeof to, "PartType%d/%s", type, fields[k]);
    ESP_CALL(esp_file_link(file, name, to));
  }
  return ESP_OK;
}

/* The particles of a type as an unstructured grid of one cell, whose corners they all are. Positions and what particles have are
 * the snapshot's by a second name; the corners' numbers shrink to nothing. The group is there. */
static int write_grid(esp_file *file, const char *group, int type, int64_t n, share s) {
  enum { POLY_VERTEX = 2, DEFLATE = 6 };
  const int64_t one = 1, ends[2] = {0, n};
  const uint8_t cell = POLY_VERTEX;
  const int mine = file->comm->rank == 0;
  const struct {
    const char *name;
    esp_file_type type;
    int64_t all, first, count;
    const void *values;
    int deflate;
  } field[] = {{"NumberOfPoints", ESP_FILE_I64, 1, 0, mine, &n, 0},
               {"NumberOfConnectivityIds", ESP_FILE_I64, 1, 0, mine, &n, 0},
               {"NumberOfCells", ESP_FILE_I64, 1, 0, mine, &one, 0},
               {"Offsets", ESP_FILE_I64, 2, 0, 2 * mine, ends, 0},
               {"Types", ESP_FILE_U8, 1, 0, mine, &cell, 0},
               {"Connectivity", ESP_FILE_I64, n, s.from, s.count, NULL, DEFLATE}};
  int64_t *corner = NULL;
  char name[64];
  int rc = ESP_ALLOC(corner, s.count);
  ESP_TRY(file->comm->agree(file->comm, rc));
  for (int64_t i = 0; i < s.count; i++) corner[i] = s.from + i;
  ESP_TRY(write_grid_head(file, group, 0, "UnstructuredGrid"));
  for (int k = 0; k < 6; k++) {
    snprintf(name, sizeof name, "%s/%s", group, field[k].name);
    ESP_TRY(esp_file_write(file, name, field[k].type, 0, field[k].all, field[k].first, field[k].count,
                           field[k].values ? field[k].values : corner, field[k].deflate));
  }
  ESP_TRY(link_fields(file, group, type));
done:
  ESP_FREE(corner);
  return rc;
}

/* Several types: a grid each, as positions of two of them are no one dataset that could have a second name. VTK wants the order of
 * the grids, and links to them in Assembly. */
static int write_collection(esp_file *file, const esp_cloud *cloud, int types, const int64_t *by_type, int64_t first) {
  char name[64], to[64];
  int64_t start = 0, index = 0;
  ESP_CALL(esp_file_group_ordered(file, "VTKHDF"));
  ESP_CALL(write_grid_head(file, "VTKHDF", 1, "PartitionedDataSetCollection"));
  for (int t = 0; t < types; start += by_type[t++]) {
    if (by_type[t] == 0) continue;
    snprintf(name, sizeof name, "VTKHDF/PartType%d", t);
    ESP_CALL(esp_file_group(file, name));
    ESP_CALL(esp_file_attr_write(file, name, "Index", ESP_FILE_I64, 0, &index));
    ESP_CALL(write_grid(file, name, t, by_type[t], share_of(cloud, start, by_type[t], first)));
    index++;
  }
  ESP_CALL(esp_file_group_ordered(file, "VTKHDF/Assembly"));
  for (int t = 0; t < types; t++) {
    if (by_type[t] == 0) continue;
    snprintf(name, sizeof name, "VTKHDF/Assembly/PartType%d", t);
    snprintf(to, sizeof to, "/VTKHDF/PartType%d", t);
    ESP_CALL(esp_file_link_soft(file, name, to));
  }
  return ESP_OK;
}

static int write_vtk(esp_file *file, const esp_cloud *cloud, int types, const int64_t *by_type) {
  int64_t first = cloud->n_home;
  ESP_CALL(file->comm->exscan_i64(file->comm, &first));
  if (cloud->n == 0) return ESP_OK;
  for (int t = 0; t < types; t++) {
    if (by_type[t] < cloud->n) continue;
    ESP_CALL(esp_file_group(file, "VTKHDF"));
    return write_grid(file, "VTKHDF", t, cloud->n, share_of(cloud, 0, cloud->n, first));
  }
  return write_collection(file, cloud, types, by_type, first);
}

int esp_snapshot_write(const esp_comm *comm, const char *path, const esp_cloud *cloud, const int64_t *by_type,
                       const esp_units *units, double time, int deflate) {
  const int64_t halo[ESP_SNAPSHOT_TYPES] = {[1] = cloud->n};
  esp_file *file = NULL;
  int rc = ESP_OK, types = LEAST_TYPES;
  int64_t all = 0;
  for (int t = 0; t < ESP_SNAPSHOT_TYPES && by_type; t++) {
    all += by_type[t];
    if (by_type[t] > 0 && t >= types) types = t + 1;
  }
  if (all == 0) by_type = halo, all = cloud->n;
  ESP_CHECK(!cloud->model, ESP_ERR_ARG, "%s: the cloud is in model units; snapshots hold physical ones", path);
  ESP_CHECK(all == cloud->n, ESP_ERR_ARG, "%s: %lld particles of all types in a cloud of %lld", path, (long long)all,
            (long long)cloud->n);
  ESP_CALL(esp_file_create_begin(comm, path, &file));
  ESP_TRY(esp_file_group(file, "Header"));
  ESP_TRY(write_counts(file, types, by_type));
  ESP_TRY(write_cosmology(file, time));
  ESP_TRY(write_box(file, cloud));
  ESP_TRY(write_units(file, cloud, units));
  ESP_TRY(write_particles(file, cloud, types, by_type, deflate));
  ESP_TRY(write_vtk(file, cloud, types, by_type));
  return esp_file_commit(&file);
done:
  esp_file_abort(&file);
  return rc;
}
