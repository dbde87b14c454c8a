/* Why HDF5 could not read, in words that say what to do: files of a newer HDF5, filters that are not installed. */
#include <stdio.h>
#include <string.h>

#include "io/file.h"

/* ---- a newer HDF5 ---- */

/* Parts of a file whose version this library does not know, in HDF5's own words, and who wrote newer ones first. */
static const struct {
  const char *words, *writer;
} newer[] = {{"bad version number for layout message", "HDF5 2.0 or later"},
             {"bad version number for datatype message", "HDF5 1.12 or later (complex numbers: 2.0)"},
             {"bad superblock version number", "an HDF5 later than 2.0"}};

static void add_newer(char *text, size_t size) {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  for (size_t k = 0; k < sizeof newer / sizeof *newer; k++) {
    const size_t used = strlen(text);
    if (strcmp(text, newer[k].words)) continue;
    snprintf(text + used, size - used,
             ": damaged, or written by %s, while this program is linked to HDF5 %u.%u.%u; where such an HDF5 is "
             "installed, `h5repack OLD NEW` makes a file that can be read here",
             newer[k].writer, major, minor, release);
    return;
  }
}

/* ---- the innermost message ---- */

typedef struct {
  char *text;
  size_t size;
} error_text;

static herr_t innermost(unsigned n, const H5E_error2_t *error, void *data) {
  error_text *out = data;
  if (n == 0 && error->desc) snprintf(out->text, out->size, "%s", error->desc);
  return 0;
}

void esp_file_hdf5_error(char *text, size_t size) {
  error_text out = {text, size};
  text[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &out);
  add_newer(text, size);
}

/* ---- filters ---- */

/* Numbers registered with The HDF Group, for files that do not name their filters themselves. */
static const struct {
  H5Z_filter_t number;
  const char *name;
} filters[] = {{H5Z_FILTER_DEFLATE, "deflate"},
               {H5Z_FILTER_SZIP, "szip"},
               {305, "lzo"},
               {307, "bzip2"},
               {32000, "lzf"},
               {32001, "blosc"},
               {32003, "snappy"},
               {32004, "lz4"},
               {32008, "bitshuffle"},
               {32009, "spdp"},
               {32013, "zfp"},
               {32014, "fpzip"},
               {32015, "zstd"},
               {32017, "sz"},
               {32022, "bitgroom"},
               {32023, "granular bitround"},
               {32024, "sz3"},
               {32026, "blosc2"},
               {32028, "sperr"},
               {0, "of unknown name"}};

static int check_filter(const esp_file *file, const char *name, hid_t list, unsigned k) {
  char own[64] = "";
  size_t values = 0;
  unsigned flags;
  int row = 0;
  const H5Z_filter_t number = H5Pget_filter2(list, k, &flags, &values, NULL, sizeof own, own, NULL);
  if (number < 0 || H5Zfilter_avail(number) > 0) return ESP_OK;
  while (filters[row].number && filters[row].number != number) row++;
  return ESP_FAIL(ESP_ERR_FORMAT,
                  "%s: dataset %s was written with filter %d (%s), which this HDF5 does not have: set HDF5_PLUGIN_PATH "
                  "to the folder of its plugin, or, where the filter is installed, rewrite the file: "
                  "`h5repack -f NONE OLD NEW`",
                  file->path, name, (int)number, own[0] ? own : filters[row].name);
}

int esp_file_check_filters(const esp_file *file, const char *name, hid_t dataset) {
  const hid_t list = H5Dget_create_plist(dataset);
  const int count = list >= 0 ? H5Pget_nfilters(list) : 0;
  int rc = ESP_OK;
  for (int k = 0; k < count && !rc; k++) rc = check_filter(file, name, list, (unsigned)k);
  if (list >= 0) H5Pclose(list);
  return rc;
}
