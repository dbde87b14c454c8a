/* Groups and datasets of io/file.h: rows by hyperslabs. */
#include <string.h>

#include "base/count.h"
#include "base/at_hand.h"
#include "io/file.h"

/* MPI-IO counts are ints: a rank moves less than this at once. */
static const int64_t PART_BYTES = (int64_t)1 << 30;
/* Elements of a chunk, about: large enough to compress, small enough for many ranks. */
enum { CHUNK_ELEMENTS = 1 << 16 };

hid_t esp_file_native(esp_file_type type) {
  switch (type) {
    case ESP_FILE_F32:
      return H5T_NATIVE_FLOAT;
    case ESP_FILE_F64:
      return H5T_NATIVE_DOUBLE;
    case ESP_FILE_I32:
      return H5T_NATIVE_INT32;
    case ESP_FILE_I64:
      return H5T_NATIVE_INT64;
    case ESP_FILE_U8:
      return H5T_NATIVE_UINT8;
    case ESP_FILE_U32:
      return H5T_NATIVE_UINT32;
    case ESP_FILE_U64:
      return H5T_NATIVE_UINT64;
    default:
      return H5I_INVALID_HID;
  }
}

size_t esp_file_type_bytes(esp_file_type type) {
  static const size_t bytes[ESP_FILE_TYPES] = {4, 8, 4, 8, 1, 4, 8};
  return bytes[type];
}

static int failed(const esp_file *file, const char *what, const char *name) {
  char text[512];
  esp_file_hdf5_error(text, sizeof text);
  return ESP_FAIL(ESP_ERR_FILE, "%s: %s: %s failed: %s", file->path, name, what, text);
}

/* ---- looking ---- */

/* Every step of the path must be there before H5 may be asked about the next one. */
int esp_file_exists(const esp_file *file, const char *name, int *exists) {
  char step[1024];
  size_t length = strlen(name);
  *exists = 0;
  ESP_CHECK(length < sizeof step, ESP_ERR_LIMIT, "%s: name of more than %zu characters", file->path, sizeof step - 1);
  if (!strcmp(name, "/")) return *exists = 1, ESP_OK;
  for (size_t i = 1; i <= length; i++) {
    if (name[i] != '/' && name[i] != 0) continue;
    memcpy(step, name, i);
    step[i] = 0;
    if (H5Lexists(file->id, step, H5P_DEFAULT) <= 0) return ESP_OK;
  }
  *exists = H5Oexists_by_name(file->id, name, H5P_DEFAULT) > 0;
  return ESP_OK;
}

int esp_file_shape_take(const esp_file *file, const char *what, hid_t type, hid_t space, esp_file_shape *shape) {
  hsize_t dims[H5S_MAX_RANK];
  int rc = type < 0 || space < 0 ? failed(file, "reading the shape", what) : ESP_OK;
  if (!rc) {
    shape->exists = 1;
    shape->class = H5Tget_class(type);
    if (shape->class == H5T_ENUM) shape->class = H5T_INTEGER; /* read as its numbers: what h5py makes of a bool */
    shape->bytes = (int)H5Tget_size(type);
    shape->is_signed = shape->class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
    shape->rank = H5Sget_simple_extent_dims(space, dims, NULL);
    shape->count = H5Sget_simple_extent_type(space) != H5S_NULL;
    for (int k = 0; k < shape->rank && !rc; k++) {
      if (k < 4) shape->dim[k] = (int64_t)dims[k];
      rc = esp_count_mul(&shape->count, (int64_t)dims[k], "%s: elements of %s", file->path, what);
    }
  }
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  return rc;
}

static int shape_of(const esp_file *file, const char *name, esp_file_shape *shape) {
  hid_t set = H5Dopen2(file->id, name, H5P_DEFAULT);
  if (set < 0) return failed(file, "opening the dataset", name);
  int rc = esp_file_shape_take(file, name, H5Dget_type(set), H5Dget_space(set), shape);
  if (!rc) rc = esp_file_claim(file, name, set, shape);
  H5Dclose(set);
  return rc;
}

int esp_file_dataset(const esp_file *file, const char *name, esp_file_shape *shape) {
  int exists;
  memset(shape, 0, sizeof *shape);
  ESP_CALL(esp_file_exists(file, name, &exists));
  if (!exists) return ESP_OK;
  H5O_info_t info;
  if (H5Oget_info_by_name(file->id, name, &info, H5P_DEFAULT) < 0) return failed(file, "looking up the object", name);
  if (info.type != H5O_TYPE_DATASET) return ESP_OK;
  return shape_of(file, name, shape);
}

/* ---- one collective transfer ---- */

typedef struct {
  const esp_file *file;
  const char *name;
  hid_t set, type;
  int columns;
  size_t row; /* bytes of a row in memory, in `type` */
} transfer;

static int select_rows(hid_t space, int columns, int64_t first, int64_t count) {
  hsize_t start[2] = {(hsize_t)first, 0}, size[2] = {(hsize_t)count, (hsize_t)columns};
  if (count == 0) return H5Sselect_none(space) < 0;
  return H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL) < 0;
}

/* `columns`: those of the dataset, 0 for a one-dimensional one. Local errors; all ranks come here. */
static int move_part(const transfer *t, int columns, int64_t first, int64_t count, void *in, const void *out) {
  int rank = columns ? 2 : 1;
  hsize_t dims[2] = {(hsize_t)count, (hsize_t)columns};
  hid_t space = H5Dget_space(t->set), memory = H5Screate_simple(rank, dims, NULL), list = H5Pcreate(H5P_DATASET_XFER);
  int bad = space < 0 || memory < 0 || list < 0;
  if (!bad) bad = H5Pset_dxpl_mpio(list, H5FD_MPIO_COLLECTIVE) < 0 || select_rows(space, columns, first, count);
  if (!bad && count == 0) bad = H5Sselect_none(memory) < 0;
  if (!bad)
    bad = (in ? H5Dread(t->set, t->type, memory, space, list, in)
              : H5Dwrite(t->set, t->type, memory, space, list, out)) < 0;
  int rc = bad ? failed(t->file, in ? "reading" : "writing", t->name) : ESP_OK;
  if (list >= 0) H5Pclose(list);
  if (memory >= 0) H5Sclose(memory);
  if (space >= 0) H5Sclose(space);
  return rc;
}

/* Widen count floats lying at the start of the buffer to doubles, in place, last first. */
static void widen(char *data, int64_t count) {
  for (int64_t i = count; i-- > 0;) {
    float value;
    memcpy(&value, data + 4 * i, 4);
    double wide = value;
    memcpy(data + 8 * i, &wide, 8);
  }
}

/* All parts of a transfer: as many as the rank with most rows needs. step: bytes between rows in `data`. */
static int move(const transfer *t, int columns, int64_t n, int64_t first, int64_t count, size_t step, char *in,
                const char *out) {
  const esp_comm *comm = t->file->comm;
  const int64_t rows = esp_imax(1, (int)(PART_BYTES / (int64_t)t->row));
  int64_t parts = 1;
  if (n > rows) {
    parts = (count + rows - 1) / rows;
    ESP_CALL(comm->max_i64(comm, &parts, 1));
  }
  for (int64_t p = 0; p < parts; p++) {
    int64_t done = p * rows < count ? p * rows : count, some = count - done < rows ? count - done : rows;
    char none = 0, *to = in ? in + (size_t)done * step : NULL;
    if (in && some == 0) to = &none;
    ESP_AGREE(comm, move_part(t, columns, first + done, some, to, out ? out + (size_t)done * step : NULL));
    if (in && step != t->row) widen(to, some * (int64_t)(t->row / 4));
  }
  return ESP_OK;
}

/* ---- writing ---- */

hid_t esp_file_timeless(hid_t class) {
  hid_t list = H5Pcreate(class);
  if (list < 0 || H5Pset_obj_track_times(list, 0) >= 0) return list;
  H5Pclose(list);
  return H5I_INVALID_HID;
}

static int make_group(esp_file *file, const char *name, int ordered) {
  ESP_CALL(esp_file_reserve(file, 0));
  hid_t list = esp_file_timeless(H5P_GROUP_CREATE), group = H5I_INVALID_HID;
  const int bad =
      list >= 0 && ordered && H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) < 0;
  if (list >= 0 && !bad) group = H5Gcreate2(file->id, name, H5P_DEFAULT, list, H5P_DEFAULT);
  int rc = group < 0 ? failed(file, "creating the group", name) : ESP_OK;
  if (group >= 0) H5Gclose(group);
  if (list >= 0) H5Pclose(list);
  return file->comm->agree(file->comm, rc);
}

int esp_file_group(esp_file *file, const char *name) {
  return make_group(file, name, 0);
}

int esp_file_group_ordered(esp_file *file, const char *name) {
  return make_group(file, name, 1);
}

int esp_file_link(esp_file *file, const char *name, const char *to) {
  ESP_CALL(esp_file_reserve(file, 0));
  const int bad = H5Lcreate_hard(file->id, to, file->id, name, H5P_DEFAULT, H5P_DEFAULT) < 0;
  return file->comm->agree(file->comm, bad ? failed(file, "making the second name", name) : ESP_OK);
}

int esp_file_link_soft(esp_file *file, const char *name, const char *to) {
  ESP_CALL(esp_file_reserve(file, 0));
  const int bad = H5Lcreate_soft(to, file->id, name, H5P_DEFAULT, H5P_DEFAULT) < 0;
  return file->comm->agree(file->comm, bad ? failed(file, "making the link", name) : ESP_OK);
}

/* Chunk rows, and the bytes the dataset may take: compressed chunks are first allocated, then moved. */
static hsize_t chunk_rows(int64_t n, int columns, size_t element, uint64_t *bytes) {
  const int64_t wide = columns ? columns : 1;
  int64_t rows = CHUNK_ELEMENTS / wide > 0 ? CHUNK_ELEMENTS / wide : 1;
  if (rows > n) rows = n > 0 ? n : 1;
  const uint64_t chunks = (uint64_t)((n + rows - 1) / rows);
  *bytes = chunks * (2 * (uint64_t)(rows * wide) * element + 512);
  return (hsize_t)rows;
}

static int create_set(esp_file *file, const char *name, esp_file_type type, int columns, int64_t n, int deflate,
                      hsize_t rows, hid_t *set) {
  hsize_t dims[2] = {(hsize_t)n, (hsize_t)columns}, chunk[2] = {rows, (hsize_t)columns};
  int rank = columns ? 2 : 1;
  hid_t space = H5Screate_simple(rank, dims, NULL), list = esp_file_timeless(H5P_DATASET_CREATE);
  int bad = space < 0 || list < 0;
  if (!bad && deflate)
    bad =
        H5Pset_chunk(list, rank, chunk) < 0 || H5Pset_shuffle(list) < 0 || H5Pset_deflate(list, (unsigned)deflate) < 0;
  if (!bad) *set = H5Dcreate2(file->id, name, esp_file_native(type), space, H5P_DEFAULT, list, H5P_DEFAULT);
  int rc = *set < 0 ? failed(file, "creating the dataset", name) : ESP_OK;
  if (list >= 0) H5Pclose(list);
  if (space >= 0) H5Sclose(space);
  return rc;
}

int esp_file_write(esp_file *file, const char *name, esp_file_type type, int columns, int64_t n, int64_t first,
                   int64_t count, const void *data, int deflate) {
  const size_t element = esp_file_type_bytes(type), row = element * (size_t)esp_imax(1, columns);
  uint64_t bytes = (uint64_t)n * row;
  hsize_t rows = 1;
  hid_t set = H5I_INVALID_HID;
  int rc = ESP_OK;
  if (n >= 0 && (first < 0 || count < 0 || first + count > n))
    rc = ESP_FAIL(ESP_ERR_ARG, "%s: %s: rows [%lld, %lld) of %lld", file->path, name, (long long)first,
                  (long long)(first + count), (long long)n);
  ESP_AGREE(file->comm, rc);
  if (deflate) rows = chunk_rows(n, columns, element, &bytes);
  ESP_CALL(esp_file_reserve(file, bytes));
  rc = file->comm->agree(file->comm, create_set(file, name, type, columns, n, deflate, rows, &set));
  if (!rc && n > 0) {
    transfer t = {file, name, set, esp_file_native(type), columns, row};
    rc = move(&t, columns, n, first, count, row, NULL, data ? data : "");
  }
  if (set >= 0) H5Dclose(set);
  return rc;
}

/* ---- reading ---- */

static const char *class_name(H5T_class_t class) {
  switch (class) {
    case H5T_INTEGER:
      return "integers";
    case H5T_FLOAT:
      return "floats";
    case H5T_STRING:
      return "strings";
    case H5T_COMPOUND:
      return "compounds";
    default:
      return "values of another class";
  }
}

static int check_set(const esp_file *file, const char *name, const esp_file_shape *s, esp_file_type type, int columns,
                     int64_t n, int64_t first, int64_t count) {
  const int wants_float = type == ESP_FILE_F32 || type == ESP_FILE_F64;
  ESP_CHECK(s->exists, ESP_ERR_FORMAT, "%s: dataset %s is missing", file->path, name);
  ESP_CHECK(s->class == H5T_INTEGER || (s->class == H5T_FLOAT && wants_float), ESP_ERR_FORMAT,
            "%s: dataset %s holds %s of %d bytes, allowed are %s", file->path, name, class_name(s->class), s->bytes,
            wants_float ? "floats and integers" : "integers");
  const int64_t wide = s->rank == 2 ? s->dim[1] : 1;
  ESP_CHECK(columns ? s->rank == 2 && wide == columns : s->rank == 1 || (s->rank == 2 && wide == 1), ESP_ERR_FORMAT,
            "%s: dataset %s has rank %d and %lld columns, allowed is rank %d with %d columns", file->path, name,
            s->rank, (long long)wide, columns ? 2 : 1, esp_imax(1, columns));
  ESP_CHECK(n < 0 || s->dim[0] == n, ESP_ERR_FORMAT, "%s: dataset %s has %lld rows, should have %lld", file->path, name,
            (long long)s->dim[0], (long long)n);
  ESP_CHECK(first >= 0 && count >= 0 && first + count <= s->dim[0], ESP_ERR_FORMAT,
            "%s: dataset %s has %lld rows, rows up to %lld are needed", file->path, name, (long long)s->dim[0],
            (long long)(first + count));
  return ESP_OK;
}

static int open_set(const esp_file *file, const char *name, hid_t *set) {
  *set = H5Dopen2(file->id, name, H5P_DEFAULT);
  return *set < 0 ? failed(file, "opening the dataset", name) : esp_file_check_filters(file, name, *set);
}

int esp_file_read(esp_file *file, const char *name, esp_file_type type, int columns, int64_t n, int64_t first,
                  int64_t count, void *data) {
  const esp_comm *comm = file->comm;
  esp_file_shape s;
  hid_t set = H5I_INVALID_HID;
  int rc = esp_file_dataset(file, name, &s);
  if (!rc) rc = check_set(file, name, &s, type, columns, n, first, count);
  ESP_AGREE(comm, rc);
  if (s.dim[0] == 0) return ESP_OK;
  /* HDF5 gives up collective transfer where it must convert: read what lies there, widen here */
  const int narrow = type == ESP_FILE_F64 && s.class == H5T_FLOAT && s.bytes == 4;
  const esp_file_type moved = narrow ? ESP_FILE_F32 : type;
  const size_t wide = (size_t)esp_imax(1, columns);
  rc = comm->agree(comm, open_set(file, name, &set));
  if (!rc) {
    transfer t = {file, name, set, esp_file_native(moved), columns, esp_file_type_bytes(moved) * wide};
    rc =
        move(&t, s.rank == 2 ? (int)s.dim[1] : 0, s.dim[0], first, count, esp_file_type_bytes(type) * wide, data, NULL);
  }
  if (set >= 0) H5Dclose(set);
  return rc;
}

int esp_file_read_open(const esp_file *file, const char *name, hid_t dataset, esp_file_type type, int columns,
                       int64_t first, int64_t count, void *data) {
  const size_t row = esp_file_type_bytes(type) * (size_t)esp_imax(1, columns);
  const int64_t rows = esp_imax(1, (int)(PART_BYTES / (int64_t)row));
  hid_t space = H5Dget_space(dataset);
  const int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1, wide = rank > 1 ? esp_imax(1, columns) : 0;
  int bad = rank < 1;
  esp_at_hand("reading", file->path);
  for (int64_t done = 0; done < count && !bad; done += rows) {
    const int64_t some = count - done < rows ? count - done : rows;
    const hsize_t dims[2] = {(hsize_t)some, (hsize_t)wide};
    hid_t memory = H5Screate_simple(rank, dims, NULL);
    bad = memory < 0 || select_rows(space, wide, first + done, some) ||
          H5Dread(dataset, esp_file_native(type), memory, space, H5P_DEFAULT, (char *)data + (size_t)done * row) < 0;
    if (memory >= 0) H5Sclose(memory);
  }
  const int rc = bad ? failed(file, "reading", name) : ESP_OK;
  esp_at_hand(NULL, NULL); /* it may stay open for long */
  if (space >= 0) H5Sclose(space);
  return rc;
}

int esp_file_put(esp_file *file, const char *name, esp_file_type type, int columns, int64_t first, int64_t count,
                 const void *data) {
  const esp_comm *comm = file->comm;
  const size_t row = esp_file_type_bytes(type) * (size_t)esp_imax(1, columns);
  esp_file_shape s;
  hid_t set = H5I_INVALID_HID;
  int rc = esp_file_dataset(file, name, &s);
  if (!rc) rc = check_set(file, name, &s, type, columns, -1, first, count);
  ESP_AGREE(comm, rc);
  if (s.dim[0] == 0) return ESP_OK;
  rc = comm->agree(comm, open_set(file, name, &set));
  if (!rc) {
    transfer t = {file, name, set, esp_file_native(type), columns, row};
    rc = move(&t, s.rank == 2 ? (int)s.dim[1] : 0, s.dim[0], first, count, row, NULL, data ? data : "");
  }
  if (set >= 0) H5Dclose(set);
  return rc;
}
