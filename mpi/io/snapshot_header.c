#include "io/snapshot_header.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/count.h"
#include "io/file.h"
#include "io/snapshot_binary.h"
#include "io/snapshot_files.h"
#include "io/snapshot_names.h"
#include "io/snapshot_stated.h"
#include "io/snapshot_virtual.h"

/* ---- one HDF5 header ---- */

/* One value by particle type: 0 for those behind the table's end, or without a table. Behind the last type of the file a
 * count must be 0. */
static int by_type(const esp_file *file, const char *name, esp_file_type type, int types, void *values) {
  enum { LONGEST = 64 };
  esp_file_shape s;
  union {
    int64_t whole[LONGEST];
    double real[LONGEST];
  } table;
  memset(values, 0, ESP_SNAPSHOT_TYPES * 8);
  ESP_CALL(esp_file_attr_shape(file, "Header", name, &s));
  if (!s.exists || s.count == 0) return ESP_OK;
  ESP_CHECK(s.count <= LONGEST, ESP_ERR_FORMAT, "%s: attribute %s of Header has %lld elements, allowed are %d",
            file->path, name, (long long)s.count, LONGEST);
  ESP_CALL(esp_file_attr_read(file, "Header", name, type, (int)s.count, &table));
  for (int t = types; t < s.count && type == ESP_FILE_I64; t++)
    ESP_CHECK(table.whole[t] == 0, ESP_ERR_FORMAT, "%s: %s of type %d is %lld, but NumPart_ThisFile has %d types",
              file->path, name, t, (long long)table.whole[t], types);
  memcpy(values, &table, (size_t)(s.count < types ? s.count : types) * 8);
  return ESP_OK;
}

static int read_types(const esp_file *file, int *types) {
  esp_file_shape s;
  int exists;
  ESP_CALL(esp_file_exists(file, "Header", &exists));
  ESP_CHECK(exists, ESP_ERR_FORMAT, "%s: is HDF5 but no snapshot: group Header is missing", file->path);
  ESP_CALL(esp_file_attr_shape(file, "Header", "NumPart_ThisFile", &s));
  ESP_CHECK(s.exists, ESP_ERR_FORMAT, "%s: is HDF5 but no snapshot: attribute NumPart_ThisFile of Header is missing",
            file->path);
  ESP_CHECK(s.count >= 1 && s.count <= ESP_SNAPSHOT_TYPES, ESP_ERR_FORMAT,
            "%s: attribute NumPart_ThisFile of Header has %lld elements, allowed are 1 to %d", file->path,
            (long long)s.count, ESP_SNAPSHOT_TYPES);
  *types = (int)s.count;
  return ESP_OK;
}

static int read_totals(const esp_file *file, esp_snapshot_header *h) {
  int64_t high[ESP_SNAPSHOT_TYPES];
  ESP_CALL(by_type(file, "NumPart_Total", ESP_FILE_I64, h->types, h->count));
  ESP_CALL(by_type(file, "NumPart_Total_HighWord", ESP_FILE_I64, h->types, high));
  for (int t = 0; t < h->types; t++) {
    ESP_CHECK(h->count[t] >= 0 && high[t] >= 0 && high[t] < (int64_t)1 << 30, ESP_ERR_FORMAT,
              "%s: NumPart_Total of type %d is %lld with high word %lld", file->path, t, (long long)h->count[t],
              (long long)high[t]);
    ESP_CHECK(high[t] == 0 || h->count[t] >> 32 == 0 || h->count[t] >> 32 == high[t], ESP_ERR_FORMAT,
              "%s: NumPart_Total of type %d is %lld, its NumPart_Total_HighWord %lld says otherwise", file->path, t,
              (long long)h->count[t], (long long)high[t]);
    if (h->count[t] >> 32 == 0) h->count[t] += high[t] << 32;
    h->has_totals |= h->count[t] > 0;
  }
  return ESP_OK;
}

static int read_first(const esp_file *file, esp_snapshot_header *h, const int64_t *here) {
  double files = 1;
  ESP_CALL(esp_snapshot_number(file, "Header", "NumFilesPerSnapshot", 0, &files));
  h->files = files >= 2 && files < 1e7 ? (int)files : 1;
  ESP_CALL(read_totals(file, h));
  ESP_CALL(by_type(file, "MassTable", ESP_FILE_F64, h->types, h->mass_table));
  for (int t = 0; t < h->types; t++)
    ESP_CHECK(isfinite(h->mass_table[t]) && h->mass_table[t] >= 0, ESP_ERR_VALUE,
              "%s: MassTable of type %d is %g: must be finite and not negative", file->path, t, h->mass_table[t]);
  return esp_snapshot_stated(file, here, h);
}

int esp_snapshot_header_hdf5(const char *path, int first, esp_snapshot_header *head, int64_t *count) {
  esp_file *file = NULL;
  int64_t here[ESP_SNAPSHOT_TYPES] = {0};
  int rc = ESP_OK, types = 0;
  ESP_TRY(esp_file_open(esp_comm_self(), path, &file));
  ESP_TRY(read_types(file, &types));
  ESP_NEED(first || types == head->types, ESP_ERR_FORMAT, "%s: has %d particle types, the first file %d", path, types,
           head->types);
  head->types = types;
  ESP_TRY(by_type(file, "NumPart_ThisFile", ESP_FILE_I64, types, here));
  for (int t = 0; t < types; t++)
    ESP_NEED(here[t] >= 0, ESP_ERR_FORMAT, "%s: NumPart_ThisFile of type %d is %lld, allowed is >= 0", path, t,
             (long long)here[t]);
  ESP_TRY(esp_snapshot_look(file, here, head));
  if (first) ESP_TRY(read_first(file, head, here));
  memcpy(count, here, sizeof here);
done:
  esp_file_close(&file);
  return rc;
}

/* ---- the set ---- */

static int read_one(const char *path, int first, esp_snapshot_header *head, int64_t *count) {
  if (first) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    head->format = ESP_FORMAT_HDF5;
    if (H5Fis_hdf5(path) <= 0) ESP_CALL(esp_snapshot_binary_detect(path, head));
  }
  if (head->format == ESP_FORMAT_HDF5) return esp_snapshot_header_hdf5(path, first, head, count);
  return esp_snapshot_header_binary(path, first, head, count);
}

/* A header that leaves the totals out, as of many initial conditions and cut-out haloes, means what its files add up to. */
static int check_sums(esp_snapshot_set *set) {
  esp_snapshot_header *h = &set->head;
  for (int t = 0; t < h->types; t++) {
    int64_t sum = 0;
    for (int f = 0; f < h->files; f++)
      ESP_CALL(esp_count_add(&sum, set->count[(int64_t)f * h->types + t],
                             "%s: NumPart_ThisFile of type %d over %d files", set->prefix, t, h->files));
    if (!h->has_totals) h->count[t] = sum;
    ESP_CHECK(sum == h->count[t], ESP_ERR_FORMAT,
              "%s: NumPart_Total of type %d is %lld, but NumPart_ThisFile of the %d file(s) add up to %lld",
              set->prefix, t, (long long)h->count[t], h->files, (long long)sum);
  }
  return ESP_OK;
}

/* Of a header that says several files: their names, unless this one has all particles, as a halo cut out of them. */
static int name_files(const char *path, const int64_t *here, esp_snapshot_set *set) {
  esp_snapshot_header *h = &set->head;
  char last[ESP_SNAPSHOT_PATH + 96];
  int is_whole = 1;
  for (int t = 0; t < h->types && h->has_totals; t++) is_whole &= here[t] == h->count[t];
  if (!esp_snapshot_split_name(path, set)) {
    ESP_CHECK(is_whole, ESP_ERR_FORMAT,
              "%s: its header says %d files (NumFilesPerSnapshot), but the name has no number: "
              "allowed is name.K.hdf5 or name.K",
              path, h->files);
    esp_snapshot_note(h, "NumFilesPerSnapshot is %d, but the name has no number: taken as one file", h->files);
    return h->files = 1, ESP_OK;
  }
  esp_snapshot_set_path(set, h->files - 1, last);
  ESP_CHECK(access(last, F_OK) == 0, ESP_ERR_FILE, "%s: cannot be read: %s (%s is one of %d files)", last,
            strerror(errno), path, h->files);
  return ESP_OK;
}

/* Rank 0: the header of the file that was named, and its particles by type. */
static int read_named(const char *given, int64_t *here, char *path, esp_snapshot_set *set) {
  esp_snapshot_header *h = &set->head;
  memset(set, 0, sizeof *set);
  memset(here, 0, ESP_SNAPSHOT_TYPES * sizeof *here);
  h->redshift = h->omega0 = h->omega_lambda = h->hubble = h->comoving_flag = h->periodic_flag = -1;
  ESP_CALL(esp_snapshot_find_file(given, set->prefix, sizeof set->prefix));
  strcpy(path, set->prefix);
  return read_one(path, 1, h, here);
}

/* And of all files with it. */
static int read_others(char *path, int64_t *here, esp_snapshot_set *set) {
  esp_snapshot_header *h = &set->head;
  if (h->files > 1) ESP_CALL(name_files(path, here, set));
  ESP_CALL(ESP_ALLOC(set->count, (int64_t)h->files * h->types));
  for (int f = 0; f < h->files; f++) {
    if (h->files > 1) {
      esp_snapshot_set_path(set, f, path);
      ESP_CALL(read_one(path, 0, h, here));
    }
    memcpy(set->count + (int64_t)f * h->types, here, (size_t)h->types * sizeof *here);
  }
  return check_sums(set);
}

/* Virtual datasets, which parallel HDF5 does not read: their parts are, and must have just these particles. */
static int read_parts(const char *whole, const int64_t *count, char *path, esp_snapshot_set *set) {
  int64_t here[ESP_SNAPSHOT_TYPES];
  char part[ESP_SNAPSHOT_PATH], why[512];
  int rc;
  snprintf(part, sizeof part, "%s", path);
  rc = read_named(part, here, path, set);
  if (!rc) rc = read_others(path, here, set);
  for (int t = 0; t < ESP_SNAPSHOT_TYPES && !rc; t++)
    if (set->head.count[t] != count[t])
      rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: has %lld particles of type %d, not %lld", part, (long long)set->head.count[t],
                    t, (long long)count[t]);
  if (!rc) return esp_snapshot_note(&set->head, "its datasets are virtual: %s and its like are read", part), ESP_OK;
  snprintf(why, sizeof why, "%.*s", (int)strcspn(esp_error_message(), "\n"), esp_error_message());
  esp_error_clear();
  return ESP_FAIL(rc,
                  "%s: its datasets are virtual, which parallel HDF5 does not read, and their parts cannot be read in "
                  "their place: %s; with all parts there, `h5repack -l CONTI OLD NEW` makes a plain file of it",
                  whole, why);
}

/* Rank 0: all headers. */
static int read_set(const char *given, esp_snapshot_set *set) {
  int64_t here[ESP_SNAPSHOT_TYPES];
  char path[ESP_SNAPSHOT_PATH + 96], part[ESP_SNAPSHOT_PATH] = "";
  ESP_CALL(read_named(given, here, path, set));
  if (set->head.format == ESP_FORMAT_HDF5) ESP_CALL(esp_snapshot_first_part(path, &set->head, here, part, sizeof part));
  if (part[0]) return read_parts(given, here, strcpy(path, part), set);
  return read_others(path, here, set);
}

int esp_snapshot_kind(const char *given, int *format) {
  esp_snapshot_header head;
  char path[ESP_SNAPSHOT_PATH];
  ESP_CALL(esp_snapshot_find_file(given, path, sizeof path));
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  *format = ESP_FORMAT_HDF5;
  if (H5Fis_hdf5(path) > 0) return ESP_OK;
  const int rc = esp_snapshot_binary_detect(path, &head);
  *format = rc ? -1 : (int)head.format;
  if (rc == ESP_ERR_FORMAT) esp_error_clear();
  return rc == ESP_ERR_FORMAT ? ESP_OK : rc;
}

int esp_snapshot_set_open(const esp_comm *comm, const char *path, esp_snapshot_set *set) {
  memset(set, 0, sizeof *set);
  int rc = comm->agree(comm, comm->rank == 0 ? read_set(path, set) : ESP_OK);
  if (rc) goto done;
  int64_t *count = set->count;
  ESP_TRY(comm->broadcast(comm, set, sizeof *set, 0));
  set->count = count;
  const int64_t cells = (int64_t)set->head.files * set->head.types;
  ESP_TRY(comm->agree(comm, comm->rank ? ESP_ALLOC(set->count, cells) : ESP_OK));
  ESP_TRY(comm->broadcast(comm, set->count, (size_t)cells * sizeof *set->count, 0));
done:
  if (rc) esp_snapshot_set_free(set);
  return rc;
}

void esp_snapshot_set_free(esp_snapshot_set *set) {
  ESP_FREE(set->count);
}

int esp_snapshot_read_header(const esp_comm *comm, const char *path, esp_snapshot_header *header) {
  esp_snapshot_set set;
  ESP_CALL(esp_snapshot_set_open(comm, path, &set));
  *header = set.head;
  esp_snapshot_set_free(&set);
  return ESP_OK;
}
