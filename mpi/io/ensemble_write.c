#include <string.h>

#include "io/ensemble_rows.h"

static const int64_t VERSION = 1;

static int create_column(esp_file *file, esp_set set, const char *group, const esp_ensemble_column *column,
                         int64_t rows) {
  char name[ESP_ENSEMBLE_NAME];
  esp_ensemble_name(set, group, column, name);
  ESP_CALL(esp_file_write(file, name, column->type, column->columns, rows, 0, 0, NULL, 0));
  ESP_CALL(esp_file_attr_write_string(file, name, "unit", column->unit));
  ESP_CALL(esp_file_attr_write_string(file, name, "description", column->description));
  return ESP_OK;
}

static int create_set(esp_ensemble_writer *writer, esp_set set) {
  int columns;
  const esp_ensemble_column *table = esp_ensemble_table(&columns);
  char name[ESP_ENSEMBLE_NAME] = "/";
  strcat(name, esp_set_name(set));
  ESP_CALL(esp_file_group(writer->file, name));
  for (int k = 0; k < ESP_ENSEMBLE_PARTICLES; k++) {
    ESP_CALL(create_column(writer->file, set, "", &esp_ensemble_particles[k], writer->bodies[set]));
  }
  strcat(name, "/clouds");
  ESP_CALL(esp_file_group(writer->file, name));
  for (int k = 0; k < columns; k++) ESP_CALL(create_column(writer->file, set, "clouds", table + k, writer->clouds[set]));
  if (!writer->frame_rows[set]) return ESP_OK;
  strcpy(strstr(name, "/clouds"), "/frames");
  ESP_CALL(esp_file_group(writer->file, name));
  for (int k = 0; k < ESP_ENSEMBLE_FRAMES; k++) {
    ESP_CALL(create_column(writer->file, set, "frames", &esp_ensemble_frames[k], writer->frame_rows[set]));
  }
  return ESP_OK;
}

int esp_ensemble_begin(const esp_comm *comm, const char *path, const int64_t clouds[ESP_SETS],
                       const int64_t bodies[ESP_SETS], const int64_t frame_rows[ESP_SETS],
                       esp_ensemble_writer *writer) {
  int rc = ESP_OK;
  memset(writer, 0, sizeof *writer);
  ESP_CALL(esp_file_create_begin(comm, path, &writer->file));
  for (int set = 0; set < ESP_SETS; set++) {
    writer->clouds[set] = clouds[set];
    writer->bodies[set] = bodies[set];
    writer->frame_rows[set] = frame_rows[set];
  }
  ESP_TRY(esp_file_attr_write_string(writer->file, "/", "format", "espalier ensemble"));
  ESP_TRY(esp_file_attr_write(writer->file, "/", "version", ESP_FILE_I64, 0, &VERSION));
  for (int set = 0; set < ESP_SETS; set++) ESP_TRY(create_set(writer, (esp_set)set));
done:
  if (rc) esp_ensemble_abort(writer);
  return rc;
}

static int put_column(const esp_ensemble_writer *writer, esp_set set, const char *group,
                      const esp_ensemble_column *column, int64_t all, int64_t first, int64_t rows, const void *data) {
  char name[ESP_ENSEMBLE_NAME];
  int rc = ESP_OK;
  if (all == 0) return ESP_OK;
  esp_ensemble_name(set, group, column, name);
  hid_t dataset = H5Dopen2(writer->file->id, name, H5P_DEFAULT);
  if (dataset < 0) rc = ESP_FAIL(ESP_ERR_FILE, "%s: dataset %s cannot be opened", writer->file->path, name);
  if (!rc && (first < 0 || rows < 0 || first + rows > all))
    rc = ESP_FAIL(ESP_ERR_ARG, "%s: %s: rows [%lld, %lld) of %lld", writer->file->path, name, (long long)first,
                  (long long)(first + rows), (long long)all);
  rc = writer->file->comm->agree(writer->file->comm, rc);
  if (!rc) {
    rc = esp_ensemble_move(writer->file, dataset, column, first, rows, 1, NULL, rows ? data : "");
    rc = writer->file->comm->agree(writer->file->comm, rc);
  }
  if (dataset >= 0) H5Dclose(dataset);
  return rc;
}

/* One column of the table, gathered from the entries. */
static int put_table(const esp_ensemble_writer *writer, esp_set set, const esp_ensemble_part *part) {
  int columns, rc = ESP_OK;
  const esp_ensemble_column *table = esp_ensemble_table(&columns);
  char *packed = NULL;
  rc = ESP_ALLOC(packed, part->entries * 24);
  ESP_TRY(writer->file->comm->agree(writer->file->comm, rc));
  for (int k = 0; k < columns; k++) {
    size_t bytes = (size_t)esp_ensemble_width(table + k) * esp_file_type_bytes(table[k].type);
    for (int64_t e = 0; e < part->entries; e++) {
      memcpy(packed + (size_t)e * bytes, (const char *)(part->entry + e) + table[k].offset, bytes);
    }
    ESP_TRY(put_column(writer, set, "clouds", table + k, writer->clouds[set], part->first_entry, part->entries, packed));
  }
done:
  ESP_FREE(packed);
  return rc;
}

int esp_ensemble_put(esp_ensemble_writer *writer, esp_set set, const esp_ensemble_part *part) {
  ESP_CALL(put_table(writer, set, part));
  for (int k = 0; k < ESP_ENSEMBLE_PARTICLES; k++) {
    const esp_ensemble_column *column = &esp_ensemble_particles[k];
    const void *data = NULL;
    if (part->rows) memcpy(&data, (const char *)part->cloud + column->offset, sizeof data);
    ESP_CALL(put_column(writer, set, "", column, writer->bodies[set], part->first_row, part->rows, data));
  }
  const void *frames[ESP_ENSEMBLE_FRAMES] = {part->frame_x, part->frame_v};
  for (int k = 0; k < ESP_ENSEMBLE_FRAMES && writer->frame_rows[set]; k++) {
    ESP_CALL(put_column(writer, set, "frames", &esp_ensemble_frames[k], writer->frame_rows[set], part->first_frame_row,
                        part->frame_rows, frames[k]));
  }
  return ESP_OK;
}

int esp_ensemble_commit(esp_ensemble_writer *writer) {
  ESP_CALL(esp_file_commit(&writer->file));
  return ESP_OK;
}

void esp_ensemble_abort(esp_ensemble_writer *writer) { esp_file_abort(&writer->file); }
