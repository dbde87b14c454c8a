#include <stdio.h>
#include <string.h>

#include "io/ensemble_rows.h"

static const int64_t VERSION = 1;

static int create_column(esp_file *file, esp_part set, const char *group, const esp_ensemble_column *column,
                         int64_t rows) {
  char name[ESP_ENSEMBLE_NAME];
  esp_ensemble_name(set, group, column->name, name);
  ESP_CALL(esp_file_write(file, name, column->type, column->columns, rows, 0, 0, NULL, 0));
  ESP_CALL(esp_file_attr_write_string(file, name, "unit", column->unit));
  ESP_CALL(esp_file_attr_write_string(file, name, "description", column->description));
  return ESP_OK;
}

/* The table, and as its attribute the unit and meaning of every field. */
static int create_table(esp_file *file, esp_part set, int64_t clouds) {
  char name[ESP_ENSEMBLE_NAME], text[4096];
  int fields, used = 0;
  const esp_ensemble_column *table = esp_ensemble_table(&fields);
  hsize_t rows = (hsize_t)clouds;
  esp_ensemble_name(set, "", "clouds", name);
  ESP_CALL(esp_file_reserve(file, (uint64_t)clouds * sizeof(esp_ensemble_entry)));
  hid_t space = H5Screate_simple(1, &rows, NULL), type = esp_ensemble_table_type(), dataset = H5I_INVALID_HID;
  if (space >= 0 && type >= 0) dataset = H5Dcreate2(file->id, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  int rc = dataset < 0 ? ESP_FAIL(ESP_ERR_FILE, "%s: table %s cannot be created", file->path, name) : ESP_OK;
  if (dataset >= 0) H5Dclose(dataset);
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  ESP_AGREE(file->comm, rc);
  for (int k = 0; k < fields && used < (int)sizeof text; k++) {
    used += snprintf(text + used, sizeof text - (size_t)used, "%s [%s]: %s\n", table[k].name, table[k].unit,
                     table[k].description);
  }
  ESP_CALL(esp_file_attr_write_string(file, name, "description", text));
  return ESP_OK;
}

static int create_set(esp_ensemble_writer *writer, esp_part set) {
  char name[ESP_ENSEMBLE_NAME];
  snprintf(name, sizeof name, "/%s", esp_part_name(set));
  ESP_CALL(esp_file_group(writer->file, name));
  for (int k = 0; k < ESP_ENSEMBLE_PARTICLES; k++) {
    ESP_CALL(create_column(writer->file, set, "", &esp_ensemble_particles[k], writer->bodies[set]));
  }
  ESP_CALL(create_table(writer->file, set, writer->clouds[set]));
  if (!writer->frame_rows[set]) return ESP_OK;
  esp_ensemble_name(set, "", "frames", name);
  ESP_CALL(esp_file_group(writer->file, name));
  for (int k = 0; k < ESP_ENSEMBLE_FRAMES; k++) {
    ESP_CALL(create_column(writer->file, set, "frames", &esp_ensemble_frames[k], writer->frame_rows[set]));
  }
  return ESP_OK;
}

int esp_ensemble_begin(const esp_comm *comm, const char *path, const int64_t clouds[ESP_PARTS],
                       const int64_t bodies[ESP_PARTS], const int64_t frame_rows[ESP_PARTS],
                       esp_ensemble_writer *writer) {
  int rc = ESP_OK;
  memset(writer, 0, sizeof *writer);
  ESP_CALL(esp_file_create_begin(comm, path, &writer->file));
  for (int set = 0; set < ESP_PARTS; set++) {
    writer->clouds[set] = clouds[set];
    writer->bodies[set] = bodies[set];
    writer->frame_rows[set] = frame_rows[set];
  }
  ESP_TRY(esp_file_attr_write_string(writer->file, "/", "format", "espalier ensemble"));
  ESP_TRY(esp_file_attr_write(writer->file, "/", "version", ESP_FILE_I64, 0, &VERSION));
  for (int set = 0; set < ESP_PARTS; set++) ESP_TRY(create_set(writer, (esp_part)set));
done:
  if (rc) esp_ensemble_abort(writer);
  return rc;
}

/* This rank's rows of one dataset of `all` rows. Collective. */
static int put_rows(const esp_ensemble_writer *writer, const char *name, hid_t type, int columns, int64_t all,
                    int64_t first, int64_t rows, const void *data) {
  const esp_comm *comm = writer->file->comm;
  int rc = ESP_OK;
  if (all == 0) return ESP_OK;
  hid_t dataset = H5Dopen2(writer->file->id, name, H5P_DEFAULT);
  if (dataset < 0 || type < 0) rc = ESP_FAIL(ESP_ERR_FILE, "%s: dataset %s cannot be opened", writer->file->path, name);
  if (!rc && (first < 0 || rows < 0 || first + rows > all))
    rc = ESP_FAIL(ESP_ERR_ARG, "%s: %s: rows [%lld, %lld) of %lld", writer->file->path, name, (long long)first,
                  (long long)(first + rows), (long long)all);
  rc = comm->agree(comm, rc);
  if (!rc)
    rc = comm->agree(comm, esp_ensemble_move(writer->file, name, dataset, type, columns, first, rows, 1, NULL, data));
  if (dataset >= 0) H5Dclose(dataset);
  return rc;
}

static int put_table(const esp_ensemble_writer *writer, esp_part set, const esp_ensemble_part *part) {
  char name[ESP_ENSEMBLE_NAME];
  esp_ensemble_name(set, "", "clouds", name);
  hid_t type = esp_ensemble_table_type();
  int rc = put_rows(writer, name, type, 0, writer->clouds[set], part->first_entry, part->entries, part->entry);
  if (type >= 0) H5Tclose(type);
  ESP_CALL(rc);
  return ESP_OK;
}

int esp_ensemble_put(esp_ensemble_writer *writer, esp_part set, const esp_ensemble_part *part) {
  char name[ESP_ENSEMBLE_NAME];
  ESP_CALL(put_table(writer, set, part));
  for (int k = 0; k < ESP_ENSEMBLE_PARTICLES; k++) {
    const esp_ensemble_column *column = &esp_ensemble_particles[k];
    const void *data = NULL;
    if (part->rows) memcpy(&data, (const char *)part->cloud + column->offset, sizeof data);
    esp_ensemble_name(set, "", column->name, name);
    ESP_CALL(put_rows(writer, name, esp_file_native(column->type), column->columns, writer->bodies[set],
                      part->first_row, part->rows, data));
  }
  const void *frames[ESP_ENSEMBLE_FRAMES] = {part->frame_x, part->frame_v};
  for (int k = 0; k < ESP_ENSEMBLE_FRAMES && writer->frame_rows[set]; k++) {
    const esp_ensemble_column *column = &esp_ensemble_frames[k];
    esp_ensemble_name(set, "frames", column->name, name);
    ESP_CALL(put_rows(writer, name, esp_file_native(column->type), column->columns, writer->frame_rows[set],
                      part->first_frame_row, part->frame_rows, frames[k]));
  }
  return ESP_OK;
}

int esp_ensemble_commit(esp_ensemble_writer *writer) {
  ESP_CALL(esp_file_commit(&writer->file));
  return ESP_OK;
}

void esp_ensemble_abort(esp_ensemble_writer *writer) {
  esp_file_abort(&writer->file);
}
