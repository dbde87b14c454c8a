/* What a dataset claims, held against what its file holds of it, before anyone takes memory for its rows. */
#include "base/count.h"
#include "io/file.h"

/* Bytes that one byte of a compressed chunk may become: zeros of any filter in use become fewer. */
enum { SQUEEZE = 65536 };

typedef struct {
  H5D_layout_t layout;
  int filters;
  int64_t chunks, written; /* needed for all rows, there; both 0: not chunked */
  uint64_t bytes;          /* that lie in the file */
  uint64_t file;           /* its length */
} holding;

static int64_t chunks_of(hid_t list, int rank, const hsize_t *dim) {
  hsize_t chunk[H5S_MAX_RANK];
  int64_t all = 1;
  if (H5Pget_chunk(list, rank, chunk) != rank) return -1;
  for (int k = 0; k < rank; k++)
    if (!chunk[k] || esp_count_mul(&all, (int64_t)(dim[k] / chunk[k] + (dim[k] % chunk[k] != 0)), "chunks")) return -1;
  return all;
}

/* Not 0: HDF5 cannot tell. */
static int look(const esp_file *file, hid_t set, hid_t list, hid_t space, holding *h) {
  hsize_t dim[H5S_MAX_RANK], size = 0, written = 0;
  const int rank = H5Sget_simple_extent_dims(space, dim, NULL);
  *h = (holding){.layout = H5Pget_layout(list), .filters = H5Pget_nfilters(list)};
  if (rank < 0 || h->layout < 0 || H5Fget_filesize(file->id, &size) < 0) return 1;
  h->file = size;
  h->bytes = H5Dget_storage_size(set);
  if (h->layout != H5D_CHUNKED) return 0;
  h->chunks = chunks_of(list, rank, dim);
  if (h->chunks < 0 || H5Dget_num_chunks(set, space, &written) < 0) return 1;
  h->written = (int64_t)written;
  return 0;
}

/* Rows that lie in other files are not read through this one. */
static int refuse_elsewhere(const esp_file *file, const char *name, hid_t list) {
  char other[256] = "";
  if (H5Pget_layout(list) == H5D_VIRTUAL) {
    H5Pget_virtual_filename(list, 0, other, sizeof other);
    return ESP_FAIL(ESP_ERR_FORMAT, "%s: dataset %s is virtual: its rows lie in other files, as in '%s'; give those",
                    file->path, name, other);
  }
  ESP_CHECK(H5Pget_external_count(list) == 0, ESP_ERR_FORMAT,
            "%s: dataset %s has its rows in another file, allowed are rows in the file itself", file->path, name);
  return ESP_OK;
}

static int check(const esp_file *file, const char *name, const esp_file_shape *shape, const holding *h) {
  int64_t bytes = shape->count;
  ESP_CALL(esp_count_mul(&bytes, shape->bytes, "%s: bytes of dataset %s", file->path, name));
  const uint64_t need = h->filters ? (uint64_t)bytes / SQUEEZE : (uint64_t)bytes;
  ESP_CHECK(
      h->bytes >= need && h->bytes <= h->file && h->written >= h->chunks, ESP_ERR_FORMAT,
      "%s: dataset %s claims %lld elements of %d bytes; the file, of %llu bytes, holds %llu bytes and %lld of %lld "
      "chunks of it",
      file->path, name, (long long)shape->count, shape->bytes, (unsigned long long)h->file,
      (unsigned long long)h->bytes, (long long)h->written, (long long)h->chunks);
  return ESP_OK;
}

int esp_file_claim(const esp_file *file, const char *name, hid_t set, const esp_file_shape *shape) {
  const int numbers = shape->class == H5T_INTEGER || shape->class == H5T_FLOAT || shape->class == H5T_COMPOUND;
  holding h;
  if (file->writing || !numbers || shape->count == 0) return ESP_OK;
  hid_t list = H5Dget_create_plist(set), space = H5Dget_space(set);
  int rc = ESP_OK;
  ESP_NEED(list >= 0 && space >= 0, ESP_ERR_FORMAT, "%s: dataset %s: how it is stored cannot be read", file->path,
           name);
  ESP_TRY(refuse_elsewhere(file, name, list));
  ESP_NEED(!look(file, set, list, space, &h), ESP_ERR_FORMAT, "%s: dataset %s: how it is stored cannot be read",
           file->path, name);
  ESP_TRY(check(file, name, shape, &h));
done:
  if (space >= 0) H5Sclose(space);
  if (list >= 0) H5Pclose(list);
  return rc;
}

static int is_virtual(const esp_file *file, const char *name) {
  int exists;
  if (esp_file_exists(file, name, &exists) || !exists) return esp_error_clear(), 0;
  hid_t set = H5Dopen2(file->id, name, H5P_DEFAULT), list = set >= 0 ? H5Dget_create_plist(set) : H5I_INVALID_HID;
  const int is = list >= 0 && H5Pget_layout(list) == H5D_VIRTUAL;
  if (list >= 0) H5Pclose(list);
  if (set >= 0) H5Dclose(set);
  return is;
}

int esp_file_expect(const esp_file *file, const char *name, int64_t n) {
  esp_file_shape s;
  if (is_virtual(file, name)) return ESP_OK;
  ESP_CALL(esp_file_dataset(file, name, &s));
  ESP_CHECK(!s.exists || (s.rank > 0 && s.dim[0] == n), ESP_ERR_FORMAT,
            "%s: dataset %s has %lld rows, should have %lld", file->path, name, (long long)s.dim[0], (long long)n);
  return ESP_OK;
}
