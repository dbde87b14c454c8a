/* A cloud as GADGET HDF5. */
#include "io/file.h"
#include "io/snapshot.h"

enum { TYPES = 6 };

static int write_counts(esp_file *file, int64_t n) {
  const uint32_t low[TYPES] = {0, (uint32_t)n}, high[TYPES] = {0, (uint32_t)(n >> 32)};
  const uint64_t here[TYPES] = {0, (uint64_t)n};
  const double table[TYPES] = {0};
  const int one = 1;
  /* readers that know 32-bit counts alone can read what fits them */
  if (n >> 32)
    ESP_CALL(esp_file_attr_write(file, "Header", "NumPart_ThisFile", ESP_FILE_U64, TYPES, here));
  else
    ESP_CALL(esp_file_attr_write(file, "Header", "NumPart_ThisFile", ESP_FILE_U32, TYPES, low));
  ESP_CALL(esp_file_attr_write(file, "Header", "NumPart_Total", ESP_FILE_U32, TYPES, low));
  ESP_CALL(esp_file_attr_write(file, "Header", "NumPart_Total_HighWord", ESP_FILE_U32, TYPES, high));
  ESP_CALL(esp_file_attr_write(file, "Header", "MassTable", ESP_FILE_F64, TYPES, table));
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

static int write_units(esp_file *file, const esp_cloud *cloud, const esp_units *units) {
  ESP_CALL(esp_file_attr_write(file, "Parameters", "GravityConstantInternal", ESP_FILE_F64, 0, &cloud->G));
  if (!units || !(units->length > 0 && units->mass > 0 && units->velocity > 0)) return ESP_OK;
  ESP_CALL(esp_file_attr_write(file, "Header", "UnitLength_in_cm", ESP_FILE_F64, 0, &units->length));
  ESP_CALL(esp_file_attr_write(file, "Header", "UnitMass_in_g", ESP_FILE_F64, 0, &units->mass));
  return esp_file_attr_write(file, "Header", "UnitVelocity_in_cm_per_s", ESP_FILE_F64, 0, &units->velocity);
}

static int write_particles(esp_file *file, const esp_cloud *cloud, int deflate) {
  int64_t first = cloud->n_home;
  ESP_CALL(file->comm->exscan_i64(file->comm, &first));
  const int64_t n = cloud->n, count = cloud->n_home;
  ESP_CALL(esp_file_group(file, "PartType1"));
  ESP_CALL(esp_file_write(file, "PartType1/Coordinates", ESP_FILE_F64, 3, n, first, count, cloud->x, deflate));
  ESP_CALL(esp_file_write(file, "PartType1/Velocities", ESP_FILE_F64, 3, n, first, count, cloud->v, deflate));
  ESP_CALL(esp_file_write(file, "PartType1/ParticleIDs", ESP_FILE_U64, 0, n, first, count, cloud->id, deflate));
  return esp_file_write(file, "PartType1/Masses", ESP_FILE_F64, 0, n, first, count, cloud->m, deflate);
}

int esp_snapshot_write(const esp_comm *comm, const char *path, const esp_cloud *cloud, const esp_units *units,
                       double time, int deflate) {
  esp_file *file = NULL;
  int rc = ESP_OK;
  ESP_CHECK(!cloud->model, ESP_ERR_ARG, "%s: the cloud is in model units; snapshots hold physical ones", path);
  ESP_CALL(esp_file_create_begin(comm, path, &file));
  ESP_TRY(esp_file_group(file, "Header"));
  ESP_TRY(write_counts(file, cloud->n));
  ESP_TRY(write_cosmology(file, time));
  ESP_TRY(write_box(file, cloud));
  ESP_TRY(write_units(file, cloud, units));
  if (cloud->n > 0) ESP_TRY(write_particles(file, cloud, deflate));
  return esp_file_commit(&file);
done:
  esp_file_abort(&file);
  return rc;
}
