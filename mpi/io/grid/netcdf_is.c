/* What can be said of a NetCDF file without its library: whether it is one, and, of a classic one, how long it must be. */
#include <stdio.h>
#include <string.h>

#include "base/count.h"
#include "base/input.h"
#include "io/file.h"
#include "io/grid/netcdf.h"

#define NUMBER "_Netcdf4Dimid"

/* ---- is it one ---- */

/* HDF5 with a dimension: a dataset that is one, as every file of NetCDF-4 with variables has. */
static herr_t find_dimension(hid_t group, const char *name, const H5L_info_t *info, void *found) {
  (void)info;
  static const char *const marks[] = {"DIMENSION_LIST", NUMBER, "REFERENCE_LIST"};
  for (size_t k = 0; k < sizeof marks / sizeof *marks && !*(int *)found; k++)
    *(int *)found = H5Aexists_by_name(group, name, marks[k], H5P_DEFAULT) > 0;
  return *(int *)found;
}

static int is_netcdf4(const char *path, int *is) {
  esp_file *file;
  esp_file_shape s;
  hsize_t at = 0;
  ESP_CALL(esp_file_open(esp_comm_self(), path, &file));
  int rc = esp_file_attr_shape(file, "/", "_NCProperties", &s);
  *is = !rc && s.exists;
  if (!rc && !*is) H5Literate(file->id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, find_dimension, is);
  esp_file_close(&file);
  return rc;
}

static int read_start(const char *path, unsigned char start[4]) {
  FILE *f;
  ESP_CALL(esp_input_open(path, &f));
  memset(start, 0, 4);
  (void)!fread(start, 1, 4, f);
  fclose(f);
  return ESP_OK;
}

static int is_classic(const unsigned char start[4]) {
  return !memcmp(start, "CDF", 3) && (start[3] == 1 || start[3] == 2 || start[3] == 5);
}

int esp_netcdf_is(const char *path, int *is) {
  unsigned char start[4];
  *is = 0;
  if (esp_input_check(path, NULL)) return esp_error_clear(), ESP_OK; /* it may name parts of something else */
  ESP_CALL(read_start(path, start));
  *is = is_classic(start);
  if (*is) return ESP_OK;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return H5Fis_hdf5(path) > 0 ? is_netcdf4(path, is) : ESP_OK;
}

/* ---- what the library does not survive in HDF5 ---- */

typedef struct {
  char again[ESP_GRID_NAME],
      odd[ESP_GRID_NAME];   /* a group of several names; a dataset with an attribute that is none */
  char last[ESP_GRID_NAME]; /* the one with the largest number */
  long long number, objects;
  const char *attribute; /* of odd */
} links;

static void keep(char to[ESP_GRID_NAME], const char *name) {
  snprintf(to, ESP_GRID_NAME, "%.*s", ESP_GRID_NAME - 1, name);
}

/* Attributes that the library reads into room for what they should be. */
static const struct {
  const char *name;
  H5T_class_t class;
  int each; /* 1: one for each dimension of the dataset; 0: one */
} known[] = {{NUMBER, H5T_INTEGER, 0},
             {"NAME", H5T_STRING, 0},
             {"CLASS", H5T_STRING, 0},
             {"_Netcdf4Coordinates", H5T_INTEGER, 1},
             {"DIMENSION_LIST", H5T_VLEN, 1}};

static int dimensions_of(hid_t root, const char *name) {
  const hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT), space = dataset < 0 ? dataset : H5Dget_space(dataset);
  const int dimensions = space < 0 ? 0 : H5Sget_simple_extent_ndims(space);
  if (space >= 0) H5Sclose(space);
  if (dataset >= 0) H5Dclose(dataset);
  return dimensions;
}

/* Is attribute k of a dataset what it should be? A number of a dimension is read. */
static int is_sound(hid_t root, const char *name, size_t k, long long *number) {
  const hid_t a = H5Aopen_by_name(root, name, known[k].name, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = a < 0 ? a : H5Aget_space(a), type = a < 0 ? a : H5Aget_type(a);
  const hssize_t wanted = known[k].each ? dimensions_of(root, name) : 1;
  int sound =
      type >= 0 && space >= 0 && H5Tget_class(type) == known[k].class && H5Sget_simple_extent_npoints(space) == wanted;
  if (sound && k == 0) sound = H5Aread(a, H5T_NATIVE_LLONG, number) >= 0 && *number >= 0;
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  if (a >= 0) H5Aclose(a);
  return sound;
}

static herr_t look_at(hid_t root, const char *name, const H5O_info_t *info, void *data) {
  links *l = data;
  l->objects++;
  if (info->type == H5O_TYPE_GROUP && info->rc > 1) keep(l->again, name);
  for (size_t k = 0; k < sizeof known / sizeof *known && info->type == H5O_TYPE_DATASET; k++) {
    long long number = -1;
    if (H5Aexists_by_name(root, name, known[k].name, H5P_DEFAULT) <= 0) continue;
    if (!is_sound(root, name, k, &number)) keep(l->odd, name), l->attribute = known[k].name;
    if (number > l->number) l->number = number, keep(l->last, name);
  }
  return 0;
}

int esp_netcdf_check_links(const char *path) {
  links l = {.number = -1};
  esp_file *file;
  ESP_CALL(esp_file_open(esp_comm_self(), path, &file));
  const int bad = H5Ovisit(file->id, H5_INDEX_NAME, H5_ITER_NATIVE, look_at, &l) < 0;
  esp_file_close(&file);
  ESP_CHECK(!bad, ESP_ERR_FORMAT, "%s: its objects cannot be listed: the file is damaged", path);
  ESP_CHECK(!l.again[0], ESP_ERR_FORMAT, "%s: group %s has several names, allowed is one: it may lie in itself", path,
            l.again);
  ESP_CHECK(!l.odd[0], ESP_ERR_FORMAT, "%s: attribute %s of %s has another type or length than NetCDF-4 gives it", path,
            l.attribute, l.odd);
  ESP_CHECK(l.number < l.objects, ESP_ERR_FORMAT,
            "%s: attribute " NUMBER " of %s is no number of a dimension, allowed are 0 to %lld", path, l.last,
            l.objects - 1);
  return ESP_OK;
}

/* ---- the header of a classic file ---- */

/* The file format specification of NetCDF classic, 64-bit offset and 64-bit data. */
enum { DIMENSIONS = 10, VARIABLES, ATTRIBUTES }; /* tags of lists */
typedef struct {
  FILE *stream;
  int version, bad;
  int64_t size; /* of the file */
} header;

static int64_t number(header *h, int bytes) {
  uint64_t value = 0;
  for (int k = 0; k < bytes; k++) {
    const int c = h->bad ? EOF : getc(h->stream);
    h->bad |= c == EOF;
    value = value << 8 | (uint64_t)(c & 255);
  }
  return (int64_t)value;
}
/* A length; and a count of what the header lists, of which no file has so many, nor more than bytes. */
static int64_t count(header *h) {
  const int64_t n = number(h, h->version == 5 ? 8 : 4);
  h->bad |= n < 0;
  return h->bad ? 0 : n;
}
static int64_t count_listed(header *h) {
  enum { MOST = 1 << 20 };
  const int64_t n = count(h);
  h->bad |= n > h->size || n > MOST;
  return h->bad ? 0 : n;
}
static void skip(header *h, int64_t bytes) {
  h->bad |= bytes < 0 || bytes > h->size || fseek(h->stream, (long)((bytes + 3) / 4 * 4), SEEK_CUR) != 0;
}
/* Of a list that is called by a tag, or of one that is not there. */
static int64_t count_list(header *h, int64_t tag) {
  const int64_t seen = number(h, 4), n = count_listed(h);
  h->bad |= seen != tag && (seen || n);
  return h->bad ? 0 : n;
}
/* The library takes longer ones, and writes them behind the end of what its callers have. */
static void skip_name(header *h) {
  enum { MOST = 256 };
  const int64_t length = count_listed(h);
  h->bad |= !length || length > MOST;
  skip(h, length);
}
static int64_t width(int64_t type) {
  static const int bytes[] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
  return type > 0 && type < 12 ? bytes[type] : 0;
}
static void skip_attributes(header *h) {
  for (int64_t n = count_list(h, ATTRIBUTES); n > 0 && !h->bad; n--) {
    skip_name(h);
    const int64_t bytes = width(number(h, 4));
    h->bad |= !bytes;
    const int64_t values = count_listed(h);
    skip(h, values * bytes);
  }
}

/* Where a variable ends (without records), or its last record would, with `records` of `step` bytes. */
typedef struct {
  int64_t begin, bytes;
  int is_record;
} extent;

static int read_extent(const char *path, header *h, int64_t dims, const int64_t *length, extent *e) {
  skip_name(h);
  const int64_t rank = count_listed(h);
  int64_t values = 1;
  e->is_record = 0;
  for (int64_t k = 0; k < rank && !h->bad; k++) {
    const int64_t dim = count(h);
    h->bad |= dim < 0 || dim >= dims;
    if (h->bad) break;
    if (length[dim] == 0 && k == 0)
      e->is_record = 1;
    else
      ESP_CALL(esp_count_mul(&values, length[dim], "%s: values of a variable", path));
  }
  skip_attributes(h);
  const int64_t bytes = width(number(h, 4));
  count(h); /* the size that is stated overflows in large files */
  e->begin = number(h, h->version == 1 ? 4 : 8);
  h->bad |= !bytes || e->begin < 0;
  e->bytes = values;
  return esp_count_mul(&e->bytes, h->bad ? 0 : bytes, "%s: bytes of a variable", path);
}

/* Bytes that the file must have. */
static int read_need(const char *path, header *h, int64_t *need) {
  int64_t *length = NULL, step = 0, records, dims, vars, last = 0;
  extent *e = NULL;
  int record_vars = 0, rc = ESP_OK;
  fseek(h->stream, 4, SEEK_SET);
  records = count(h);
  dims = count_list(h, DIMENSIONS);
  ESP_TRY(ESP_ALLOC(length, dims));
  for (int64_t k = 0; k < dims && !h->bad; k++) skip_name(h), length[k] = count(h);
  skip_attributes(h);
  vars = count_list(h, VARIABLES);
  ESP_TRY(ESP_ALLOC(e, vars));
  for (int64_t k = 0; k < vars && !h->bad; k++) {
    ESP_TRY(read_extent(path, h, dims, length, &e[k]));
    record_vars += e[k].is_record;
    last = e[k].is_record ? e[k].bytes : last;
    if (e[k].is_record) ESP_TRY(esp_count_add(&step, (e[k].bytes + 3) / 4 * 4, "%s: bytes of a record", path));
  }
  if (record_vars == 1) step = last; /* alone, it is not padded */
  if (records == 0xffffffff && h->version != 5) records = 0;
  for (int64_t k = 0; k < vars && !h->bad; k++) {
    int64_t end = records > 0 ? records - 1 : 0;
    ESP_TRY(esp_count_mul(&end, e[k].is_record ? step : 0, "%s: bytes of all records", path));
    ESP_TRY(esp_count_add(&end, e[k].begin, "%s: bytes", path));
    ESP_TRY(esp_count_add(&end, e[k].is_record && records == 0 ? 0 : e[k].bytes, "%s: bytes", path));
    if (end > *need) *need = end;
  }
done:
  ESP_FREE(length);
  ESP_FREE(e);
  return rc;
}

int esp_netcdf_check_length(const char *path) {
  unsigned char start[4];
  header h = {0};
  int64_t need = 0;
  ESP_CALL(esp_input_check(path, &h.size));
  ESP_CALL(read_start(path, start));
  ESP_CHECK(is_classic(start), ESP_ERR_FORMAT, "%s: is no classic NetCDF file (byte 3 is %d, allowed are 1, 2, 5)",
            path, start[3]);
  h.version = start[3];
  ESP_CALL(esp_input_open(path, &h.stream));
  const int rc = read_need(path, &h, &need);
  fclose(h.stream);
  ESP_CALL(rc);
  ESP_CHECK(!h.bad, ESP_ERR_FORMAT, "%s: the header of this classic NetCDF file is broken or cut off (%lld bytes)",
            path, (long long)h.size);
  ESP_CHECK(need <= h.size, ESP_ERR_FORMAT,
            "%s: by its header this classic NetCDF file has %lld bytes, it has %lld: it is cut off", path,
            (long long)need, (long long)h.size);
  return ESP_OK;
}
