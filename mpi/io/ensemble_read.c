#include <string.h>

#include "io/ensemble_rows.h"

/* ---- opening ---- */

/* Existence, type and shape of one dataset; its rows. */
static int column_rows(const esp_file *file, const char *name, const esp_ensemble_column *column, int64_t *rows) {
  esp_file_shape shape;
  ESP_CALL(esp_file_dataset(file, name, &shape));
  ESP_CHECK(shape.exists, ESP_ERR_FORMAT, "%s: dataset %s is missing", file->path, name);
  int is_float = column->type == ESP_FILE_F64;
  ESP_CHECK(shape.bytes == 8 && shape.class == (is_float ? H5T_FLOAT : H5T_INTEGER), ESP_ERR_FORMAT,
            "%s: dataset %s has elements of %d bytes of another class, allowed are 64-bit %s", file->path, name,
            shape.bytes, is_float ? "floats" : "integers");
  int rank = column->columns ? 2 : 1;
  ESP_CHECK(shape.rank == rank && (rank == 1 || shape.dim[1] == column->columns), ESP_ERR_FORMAT,
            "%s: dataset %s has rank %d, allowed is rank %d with %d columns", file->path, name, shape.rank, rank,
            esp_ensemble_width(column));
  *rows = shape.dim[0];
  return ESP_OK;
}

static int open_column(const esp_ensemble *ens, esp_part set, const char *group, const esp_ensemble_column *column,
                       int64_t *rows, hid_t *dataset) {
  char name[ESP_ENSEMBLE_NAME];
  int64_t found = 0;
  esp_ensemble_name(set, group, column->name, name);
  ESP_CALL(column_rows(ens->file, name, column, &found));
  ESP_CHECK(*rows < 0 || found == *rows, ESP_ERR_FORMAT, "%s: dataset %s has %lld rows, the one before it %lld",
            ens->file->path, name, (long long)found, (long long)*rows);
  *rows = found;
  *dataset = H5Dopen2(ens->file->id, name, H5P_DEFAULT);
  ESP_CHECK(*dataset >= 0, ESP_ERR_FILE, "%s: dataset %s cannot be opened", ens->file->path, name);
  return ESP_OK;
}

static int check_entry(const esp_ensemble *ens, esp_part set, int c) {
  const esp_ensemble_entry *e = &ens->entry[set][c];
  ESP_CHECK(e->n >= 0 && e->offset >= 0 && e->n <= ens->bodies[set] && e->offset <= ens->bodies[set] - e->n,
            ESP_ERR_FORMAT, "%s: /%s cloud %d has rows [%lld, +%lld) of %lld", ens->file->path, esp_part_name(set), c,
            (long long)e->offset, (long long)e->n, (long long)ens->bodies[set]);
  ESP_CHECK(e->frames >= 0 && e->frame_offset >= 0 && (e->n == 0 || e->frames <= ens->frame_rows[set] / e->n) &&
                e->frame_offset <= ens->frame_rows[set] - e->frames * e->n,
            ESP_ERR_FORMAT, "%s: /%s cloud %d has %lld frames from row %lld of %lld", ens->file->path,
            esp_part_name(set), c, (long long)e->frames, (long long)e->frame_offset, (long long)ens->frame_rows[set]);
  ESP_CHECK((e->dim == 2 || e->dim == 3) && e->d > 0 && e->T > 0 && e->eps >= 0, ESP_ERR_FORMAT,
            "%s: /%s cloud %d has dim %lld, d %g, T %g, eps %g; allowed are dim 2 or 3, d and T > 0, eps >= 0",
            ens->file->path, esp_part_name(set), c, (long long)e->dim, e->d, e->T, e->eps);
  return ESP_OK;
}

/* Every field must be there, with elements of 8 bytes of its class. */
static int check_table(const esp_ensemble *ens, const char *name, hid_t stored) {
  int fields;
  const esp_ensemble_column *table = esp_ensemble_table(&fields);
  ESP_CHECK(H5Tget_class(stored) == H5T_COMPOUND, ESP_ERR_FORMAT, "%s: dataset %s is no table (no compound type)",
            ens->file->path, name);
  for (int k = 0; k < fields; k++) {
    int at = H5Tget_member_index(stored, table[k].name);
    ESP_CHECK(at >= 0, ESP_ERR_FORMAT, "%s: table %s lacks the field %s", ens->file->path, name, table[k].name);
    hid_t field = H5Tget_member_type(stored, (unsigned)at);
    hid_t base =
        field >= 0 && table[k].columns && H5Tget_class(field) == H5T_ARRAY ? H5Tget_super(field) : H5I_INVALID_HID;
    hid_t element = table[k].columns ? base : field;
    int good = element >= 0 && H5Tget_size(field) == 8u * (size_t)esp_ensemble_width(table + k) &&
               H5Tget_class(element) == (table[k].type == ESP_FILE_F64 ? H5T_FLOAT : H5T_INTEGER);
    if (base >= 0) H5Tclose(base);
    if (field >= 0) H5Tclose(field);
    ESP_CHECK(good, ESP_ERR_FORMAT, "%s: table %s: field %s must be %d 64-bit %s", ens->file->path, name, table[k].name,
              esp_ensemble_width(table + k), table[k].type == ESP_FILE_F64 ? "floats" : "integers");
  }
  return ESP_OK;
}

/* The table of an open dataset; every rank reads all of it. Local. */
static int load_table(esp_ensemble *ens, esp_part set, const char *name, hid_t dataset) {
  hid_t stored = H5Dget_type(dataset), space = H5Dget_space(dataset), type = esp_ensemble_table_type();
  hssize_t clouds = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
  int rc = ESP_OK;
  ESP_NEED(stored >= 0 && type >= 0 && clouds >= 0, ESP_ERR_FILE, "%s: table %s cannot be read", ens->file->path, name);
  ESP_TRY(check_table(ens, name, stored));
  ESP_NEED(clouds <= INT32_MAX && H5Sget_simple_extent_ndims(space) == 1, ESP_ERR_FORMAT,
           "%s: table %s has %lld rows and rank %d, allowed are rank 1 and at most %d rows", ens->file->path, name,
           (long long)clouds, H5Sget_simple_extent_ndims(space), INT32_MAX);
  ens->clouds[set] = (int)clouds;
  ESP_TRY(ESP_ALLOC(ens->entry[set], clouds));
  ESP_TRY(esp_ensemble_move(ens->file, name, dataset, type, 0, 0, clouds, 0, ens->entry[set], NULL));
done:
  if (stored >= 0) H5Tclose(stored);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  return rc;
}

static int read_table(esp_ensemble *ens, esp_part set) {
  char name[ESP_ENSEMBLE_NAME];
  esp_file_shape shape;
  esp_ensemble_name(set, "", "clouds", name);
  ESP_CALL(esp_file_dataset(ens->file, name, &shape));
  ESP_CHECK(shape.exists, ESP_ERR_FORMAT, "%s: table %s is missing", ens->file->path, name);
  hid_t dataset = H5Dopen2(ens->file->id, name, H5P_DEFAULT);
  ESP_CHECK(dataset >= 0, ESP_ERR_FILE, "%s: table %s cannot be opened", ens->file->path, name);
  int rc = load_table(ens, set, name, dataset);
  H5Dclose(dataset);
  return rc;
}

/* Local. */
static int open_set(esp_ensemble *ens, esp_part set) {
  int64_t rows = -1;
  for (int k = 0; k < ESP_ENSEMBLE_PARTICLES; k++) {
    ESP_CALL(open_column(ens, set, "", &esp_ensemble_particles[k], &rows, &ens->particle[set][k]));
  }
  ens->bodies[set] = rows;
  char name[ESP_ENSEMBLE_NAME];
  int exists = 0;
  rows = -1;
  esp_ensemble_name(set, "frames", esp_ensemble_frames[0].name, name);
  ESP_CALL(esp_file_exists(ens->file, name, &exists));
  for (int k = 0; k < ESP_ENSEMBLE_FRAMES && exists; k++) {
    ESP_CALL(open_column(ens, set, "frames", &esp_ensemble_frames[k], &rows, &ens->frame[set][k]));
  }
  ens->frame_rows[set] = exists ? rows : 0;
  ESP_CALL(read_table(ens, set));
  for (int c = 0; c < ens->clouds[set]; c++) ESP_CALL(check_entry(ens, set, c));
  return ESP_OK;
}

int esp_ensemble_open(const esp_comm *comm, const char *path, esp_ensemble *ens) {
  int rc = ESP_OK;
  char format[64];
  esp_file_shape shape;
  memset(ens, 0, sizeof *ens);
  memset(ens->particle, 0xff, sizeof ens->particle);
  memset(ens->frame, 0xff, sizeof ens->frame);
  ens->comm = comm;
  ESP_CALL(esp_file_open(comm, path, &ens->file));
  ESP_TRY(esp_file_attr_shape(ens->file, "/", "format", &shape));
  ESP_NEED(shape.exists, ESP_ERR_FORMAT, "%s: attribute format of / is missing: not an ensemble", path);
  ESP_TRY(esp_file_attr_read_string(ens->file, "/", "format", format, sizeof format));
  ESP_NEED(!strcmp(format, "espalier ensemble"), ESP_ERR_FORMAT,
           "%s: attribute format is \"%s\", must be \"espalier ensemble\"", path, format);
  for (int set = 0; set < ESP_PARTS; set++) ESP_TRY(comm->agree(comm, open_set(ens, (esp_part)set)));
done:
  if (rc) esp_ensemble_close(ens);
  return rc;
}

void esp_ensemble_close(esp_ensemble *ens) {
  for (int set = 0; set < ESP_PARTS; set++) {
    for (int k = 0; k < ESP_ENSEMBLE_PARTICLES; k++) {
      if (ens->file && ens->particle[set][k] >= 0) H5Dclose(ens->particle[set][k]);
    }
    for (int k = 0; k < ESP_ENSEMBLE_FRAMES; k++) {
      if (ens->file && ens->frame[set][k] >= 0) H5Dclose(ens->frame[set][k]);
    }
    ESP_FREE(ens->entry[set]);
  }
  esp_file_close(&ens->file);
  memset(ens, 0, sizeof *ens);
}

/* ---- clouds ---- */

static int read_particles(const esp_ensemble *ens, esp_part set, int64_t first, int count, esp_cloud *cloud) {
  for (int k = 0; k < ESP_ENSEMBLE_PARTICLES; k++) {
    void *data;
    memcpy(&data, (char *)cloud + esp_ensemble_particles[k].offset, sizeof data);
    const esp_ensemble_column *column = &esp_ensemble_particles[k];
    ESP_CALL(esp_ensemble_move(ens->file, column->name, ens->particle[set][k], esp_file_native(column->type),
                               column->columns, first, count, 0, data, NULL));
  }
  return ESP_OK;
}

/* Bodies [first, first + count) of cloud c. Local. */
static int read_cloud(const esp_ensemble *ens, esp_part set, int c, int64_t first, int64_t count, esp_cloud *cloud) {
  memset(cloud, 0, sizeof *cloud);
  ESP_CHECK(c >= 0 && c < ens->clouds[set], ESP_ERR_ARG, "%s: cloud %d of /%s, which has %d", ens->file->path, c,
            esp_part_name(set), ens->clouds[set]);
  const esp_ensemble_entry *e = &ens->entry[set][c];
  ESP_CHECK(count <= INT32_MAX, ESP_ERR_LIMIT, "%s: %lld bodies of cloud %d on one rank, at most %d", ens->file->path,
            (long long)count, c, INT32_MAX);
  ESP_CALL(esp_cloud_create(e->n, (int)count, 1, cloud));
  cloud->dim = (int)e->dim;
  cloud->model = 0;
  cloud->G = e->G;
  cloud->eps = e->eps;
  memcpy(cloud->box, e->box, sizeof cloud->box);
  cloud->d = e->d;
  cloud->T = e->T;
  int rc = read_particles(ens, set, e->offset + first, (int)count, cloud);
  if (rc) esp_cloud_free(cloud);
  return rc;
}

int esp_ensemble_share(const esp_ensemble *ens, const esp_comm *comm, esp_part set, int c, esp_cloud *cloud) {
  int64_t n = c >= 0 && c < ens->clouds[set] ? ens->entry[set][c].n : 0;
  int64_t first = n * comm->rank / comm->size, end = n * (comm->rank + 1) / comm->size;
  int rc = ESP_OK;
  ESP_TRY(comm->agree(comm, read_cloud(ens, set, c, first, end - first, cloud)));
  ESP_TRY(esp_cloud_check(comm, cloud, ens->file->path));
done:
  if (rc) esp_cloud_free(cloud);
  return rc;
}

int esp_ensemble_cloud(const esp_ensemble *ens, esp_part set, int c, esp_cloud *cloud) {
  ESP_CALL(esp_ensemble_share(ens, esp_comm_self(), set, c, cloud));
  return ESP_OK;
}

int esp_ensemble_frame(const esp_ensemble *ens, esp_part set, int c, int64_t f, int64_t first, int count,
                       double (*x)[3], double (*v)[3]) {
  ESP_CHECK(c >= 0 && c < ens->clouds[set], ESP_ERR_ARG, "%s: cloud %d of /%s, which has %d", ens->file->path, c,
            esp_part_name(set), ens->clouds[set]);
  const esp_ensemble_entry *e = &ens->entry[set][c];
  ESP_CHECK(f >= 0 && f < e->frames && first >= 0 && count >= 0 && first + count <= e->n, ESP_ERR_ARG,
            "%s: bodies [%lld, +%d) of frame %lld asked for; cloud %d of /%s has %lld bodies, %lld frames",
            ens->file->path, (long long)first, count, (long long)f, c, esp_part_name(set), (long long)e->n,
            (long long)e->frames);
  void *data[ESP_ENSEMBLE_FRAMES] = {x, v};
  for (int k = 0; k < ESP_ENSEMBLE_FRAMES; k++) {
    ESP_CALL(esp_ensemble_move(ens->file, esp_ensemble_frames[k].name, ens->frame[set][k], H5T_NATIVE_DOUBLE, 3,
                               e->frame_offset + f * e->n + first, count, 0, data[k], NULL));
  }
  return ESP_OK;
}

/* ---- fingerprint ---- */

static uint64_t mix(uint64_t h) {
  h ^= h >> 31;
  h *= 0x7fb5d329728ea185u;
  h ^= h >> 27;
  h *= 0x81dadef4bc2dd44du;
  return h ^ h >> 33;
}

/* Every 64-bit element is hashed with its place; the sum is free of order, so ranks may share the rows. */
static int hash_column(const esp_ensemble *ens, hid_t dataset, const esp_ensemble_column *column, int64_t rows,
                       uint64_t *salt, uint64_t *buffer, int64_t buffer_rows, uint64_t *sum) {
  int width = esp_ensemble_width(column);
  int64_t begin = rows * ens->comm->rank / ens->comm->size, end = rows * (ens->comm->rank + 1) / ens->comm->size;
  *salt = mix(*salt + 1);
  if (ens->comm->rank == 0) *sum += mix(*salt ^ (uint64_t)rows);
  for (int64_t first = begin; first < end; first += buffer_rows) {
    int64_t count = end - first < buffer_rows ? end - first : buffer_rows;
    ESP_CALL(esp_ensemble_move(ens->file, column->name, dataset, esp_file_native(column->type), column->columns, first,
                               count, 0, buffer, NULL));
    for (int64_t i = 0; i < count * width; i++) {
      *sum += mix(mix(*salt + (uint64_t)(first * width + i)) ^ buffer[i]);
    }
  }
  return ESP_OK;
}

static int hash_set(const esp_ensemble *ens, esp_part set, uint64_t *salt, uint64_t *buffer, int64_t buffer_rows,
                    uint64_t *sum) {
  int columns;
  const esp_ensemble_column *table = esp_ensemble_table(&columns);
  for (int k = 0; k < ESP_ENSEMBLE_PARTICLES; k++) {
    ESP_CALL(hash_column(ens, ens->particle[set][k], &esp_ensemble_particles[k], ens->bodies[set], salt, buffer,
                         buffer_rows, sum));
  }
  for (int k = 0; k < ESP_ENSEMBLE_FRAMES && ens->frame_rows[set]; k++) {
    ESP_CALL(hash_column(ens, ens->frame[set][k], &esp_ensemble_frames[k], ens->frame_rows[set], salt, buffer,
                         buffer_rows, sum));
  }
  for (int k = 0; k < columns && ens->comm->rank == 0; k++) {
    for (int c = 0; c < ens->clouds[set]; c++) {
      const uint64_t *word = (const uint64_t *)(const void *)((const char *)(ens->entry[set] + c) + table[k].offset);
      for (int w = 0; w < esp_ensemble_width(table + k); w++) {
        *sum += mix(mix((uint64_t)set << 60 ^ (uint64_t)k << 48 ^ (uint64_t)c << 2 ^ (uint64_t)w) ^ word[w]);
      }
    }
  }
  return ESP_OK;
}

int esp_ensemble_checksum(const esp_ensemble *ens, uint64_t *sum) {
  enum { ROWS = 16384 };
  uint64_t *buffer = NULL, salt = 1;
  int rc = ESP_ALLOC(buffer, 3 * ROWS);
  *sum = 0;
  for (int set = 0; set < ESP_PARTS && !rc; set++) rc = hash_set(ens, (esp_part)set, &salt, buffer, ROWS, sum);
  ESP_TRY(ens->comm->agree(ens->comm, rc));
  ESP_TRY(ens->comm->sum_i64(ens->comm, (int64_t *)sum, 1));
done:
  ESP_FREE(buffer);
  return rc;
}
