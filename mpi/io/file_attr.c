/* Attributes of io/file.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"

static int failed(const esp_file *file, const char *what, const char *object, const char *name) {
  char text[512];
  esp_file_hdf5_error(text, sizeof text);
  return ESP_FAIL(ESP_ERR_FILE, "%s: attribute %s of %s: %s failed: %s", file->path, name, object, what, text);
}

/* ---- writing ---- */

static int put(esp_file *file, const char *object, const char *name, hid_t type, hid_t space, const void *data) {
  hid_t attribute = H5I_INVALID_HID;
  int bad = type < 0 || space < 0;
  if (!bad) attribute = H5Acreate_by_name(file->id, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  bad = attribute < 0 || H5Awrite(attribute, type, data) < 0;
  int rc = bad ? failed(file, "writing", object, name) : ESP_OK;
  if (attribute >= 0) H5Aclose(attribute);
  return rc;
}

int esp_file_attr_write(esp_file *file, const char *object, const char *name, esp_file_type type, int count,
                        const void *data) {
  hsize_t dim = (hsize_t)count;
  ESP_CALL(esp_file_reserve(file, (uint64_t)esp_imax(1, count) * esp_file_type_bytes(type)));
  hid_t space = count ? H5Screate_simple(1, &dim, NULL) : H5Screate(H5S_SCALAR);
  int rc = put(file, object, name, esp_file_native(type), space, data);
  if (space >= 0) H5Sclose(space);
  return file->comm->agree(file->comm, rc);
}

int esp_file_attr_write_string(esp_file *file, const char *object, const char *name, const char *text) {
  const size_t length = strlen(text);
  ESP_CALL(esp_file_reserve(file, length));
  hid_t space = H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && H5Tset_size(type, length + 1) < 0) {
    H5Tclose(type);
    type = H5I_INVALID_HID;
  }
  int rc = put(file, object, name, type, space, text);
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  return file->comm->agree(file->comm, rc);
}

/* ---- reading ---- */

int esp_file_attr_shape(const esp_file *file, const char *object, const char *name, esp_file_shape *shape) {
  char what[256];
  int exists;
  memset(shape, 0, sizeof *shape);
  ESP_CALL(esp_file_exists(file, object, &exists));
  if (!exists || H5Aexists_by_name(file->id, object, name, H5P_DEFAULT) <= 0) return ESP_OK;
  hid_t attribute = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0) return failed(file, "opening", object, name);
  snprintf(what, sizeof what, "attribute %s of %s", name, object);
  const int rc = esp_file_shape_take(file, what, H5Aget_type(attribute), H5Aget_space(attribute), shape);
  H5Aclose(attribute);
  return rc;
}

static int get(const esp_file *file, const char *object, const char *name, hid_t type, void *data) {
  hid_t attribute = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
  int bad = attribute < 0 || H5Aread(attribute, type, data) < 0;
  int rc = bad ? failed(file, "reading", object, name) : ESP_OK;
  if (attribute >= 0) H5Aclose(attribute);
  return rc;
}

/* Some writers give counts as floats: whole ones are taken, others are an error. */
static int whole(const esp_file *file, const char *object, const char *name, int count) {
  double *value = NULL;
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(value, count));
  ESP_TRY(get(file, object, name, H5T_NATIVE_DOUBLE, value));
  for (int k = 0; k < count; k++)
    ESP_NEED(value[k] == floor(value[k]) && fabs(value[k]) < 9.0e15, ESP_ERR_FORMAT,
             "%s: attribute %s of %s: element %d is %g, must be a whole number", file->path, name, object, k, value[k]);
done:
  ESP_FREE(value);
  return rc;
}

static int attr_read(const esp_file *file, const char *object, const char *name, esp_file_type type, int count,
                     void *data) {
  esp_file_shape s;
  ESP_CALL(esp_file_attr_shape(file, object, name, &s));
  ESP_CHECK(s.exists, ESP_ERR_FORMAT, "%s: attribute %s of %s is missing", file->path, name, object);
  ESP_CHECK(s.class == H5T_INTEGER || s.class == H5T_FLOAT, ESP_ERR_FORMAT,
            "%s: attribute %s of %s is of HDF5 class %d, allowed are numbers", file->path, name, object, (int)s.class);
  ESP_CHECK(s.count == count, ESP_ERR_FORMAT, "%s: attribute %s of %s has %lld elements, should have %d", file->path,
            name, object, (long long)s.count, count);
  if (s.class == H5T_FLOAT && type != ESP_FILE_F32 && type != ESP_FILE_F64) ESP_CALL(whole(file, object, name, count));
  return get(file, object, name, esp_file_native(type), data);
}

int esp_file_attr_read(const esp_file *file, const char *object, const char *name, esp_file_type type, int count,
                       void *data) {
  return file->comm->agree(file->comm, attr_read(file, object, name, type, count, data));
}

static int read_variable(const esp_file *file, const char *object, const char *name, char *text, size_t size) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  char *value = NULL;
  int rc = ESP_OK;
  /* the file's character set, else HDF5 refuses to convert */
  hid_t attribute = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
  hid_t stored = attribute >= 0 ? H5Aget_type(attribute) : H5I_INVALID_HID;
  H5Tset_size(type, H5T_VARIABLE);
  if (stored >= 0) H5Tset_cset(type, H5Tget_cset(stored));
  if (stored < 0 || H5Aread(attribute, type, &value) < 0) rc = failed(file, "reading", object, name);
  if (!rc && value && strlen(value) >= size)
    rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: attribute %s of %s has %zu characters, allowed are %zu", file->path, name,
                  object, strlen(value), size - 1);
  if (!rc) strcpy(text, value ? value : "");
  if (value) H5Dvlen_reclaim(type, space, H5P_DEFAULT, &value);
  if (stored >= 0) H5Tclose(stored);
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
  return rc;
}

static int read_string(const esp_file *file, const char *object, const char *name, char *text, size_t size) {
  esp_file_shape s;
  ESP_CALL(esp_file_attr_shape(file, object, name, &s));
  ESP_CHECK(s.exists, ESP_ERR_FORMAT, "%s: attribute %s of %s is missing", file->path, name, object);
  ESP_CHECK(s.class == H5T_STRING && s.count == 1, ESP_ERR_FORMAT,
            "%s: attribute %s of %s is of HDF5 class %d with %lld elements, should be one string", file->path, name,
            object, (int)s.class, (long long)s.count);
  hid_t attribute = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
  hid_t type = attribute >= 0 ? H5Aget_type(attribute) : H5I_INVALID_HID;
  const int variable = type >= 0 && H5Tis_variable_str(type) > 0;
  int rc = type < 0 ? failed(file, "opening", object, name) : ESP_OK;
  if (!rc && !variable && (size_t)s.bytes > size - 1 && H5Tget_strpad(type) != H5T_STR_NULLTERM)
    rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: attribute %s of %s has %d characters, allowed are %zu", file->path, name, object,
                  s.bytes, size - 1);
  if (!rc && !variable && (size_t)s.bytes > size)
    rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: attribute %s of %s has %d characters, allowed are %zu", file->path, name, object,
                  s.bytes, size - 1);
  if (!rc && !variable) {
    memset(text, 0, size);
    if (H5Aread(attribute, type, text) < 0) rc = failed(file, "reading", object, name);
  }
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
  return rc || !variable ? rc : read_variable(file, object, name, text, size);
}

int esp_file_attr_read_string(const esp_file *file, const char *object, const char *name, char *text, size_t size) {
  int rc = read_string(file, object, name, text, size);
  if (!rc) {
    text[size - 1] = 0;
    for (size_t k = strlen(text); k > 0 && text[k - 1] == ' '; k--) text[k - 1] = 0;
  }
  return file->comm->agree(file->comm, rc);
}
