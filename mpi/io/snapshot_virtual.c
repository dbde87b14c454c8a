#include "io/snapshot_virtual.h"

#include <stdio.h>
#include <string.h>

#include "io/snapshot_names.h"

/* As an open dataset's properties name it; "" for one of another layout. */
static ssize_t source_of(hid_t list, char *source, size_t size) {
  size_t sources = 0;
  if (H5Pget_layout(list) != H5D_VIRTUAL) return 0;
  if (H5Pget_virtual_count(list, &sources) < 0) return -1;
  return sources ? H5Pget_virtual_filename(list, 0, source, size) : 0;
}

static int first_source(const esp_file *file, const char *name, char *source, size_t size) {
  char text[512] = "";
  const hid_t set = H5Dopen2(file->id, name, H5P_DEFAULT), list = set >= 0 ? H5Dget_create_plist(set) : H5I_INVALID_HID;
  const ssize_t length = list >= 0 ? source_of(list, source, size) : -1;
  if (length < 0) esp_file_hdf5_error(text, sizeof text);
  if (list >= 0) H5Pclose(list);
  if (set >= 0) H5Dclose(set);
  ESP_CHECK(length >= 0, ESP_ERR_FORMAT, "%s: dataset %s: its layout cannot be read: %s", file->path, name, text);
  ESP_CHECK((size_t)length < size, ESP_ERR_LIMIT, "%s: dataset %s: its source has a name of more than %zu characters",
            file->path, name, size - 1);
  return ESP_OK;
}

static int search(const esp_file *file, const esp_snapshot_header *h, const int64_t *count, char *source, size_t size) {
  char name[ESP_FIELD_PATH];
  int exists;
  source[0] = 0;
  for (int t = 0; t < h->types; t++)
    for (int k = 0; k < ESP_FIELDS && count[t] > 0 && !source[0]; k++) {
      ESP_CALL(esp_snapshot_dataset(file, t, (esp_field)k, name, &exists));
      if (exists) ESP_CALL(first_source(file, name, source, size));
    }
  return ESP_OK;
}

int esp_snapshot_first_part(const char *path, const esp_snapshot_header *head, const int64_t *count, char *part,
                            size_t size) {
  char source[1024];
  esp_file *file;
  const char *base = strrchr(path, '/');
  ESP_CALL(esp_file_open(esp_comm_self(), path, &file));
  int rc = search(file, head, count, source, sizeof source);
  esp_file_close(&file);
  ESP_CALL(rc);
  const int folder = base && source[0] && source[0] != '/' ? (int)(base - path) + 1 : 0;
  ESP_CHECK(snprintf(part, size, "%.*s%s", folder, path, source) < (int)size, ESP_ERR_LIMIT,
            "%s: its part %s has a path of more than %zu characters", path, source, size - 1);
  return ESP_OK;
}
