/* Files that this HDF5 cannot read say why on all ranks: a filter that is not installed, by number and name, a part that a
 * newer HDF5 wrote, with both versions; and info lists what is there before a part that is broken, by its own name.
 * ranks: 1 2 */
#include "case.h"

#include <stdio.h>
#include <unistd.h>

#include <hdf5.h>

#include "io/file.h"
#include "io/info.h"

static char path[64];

/* ---- making them; rank 0 alone, the others wait ---- */

static size_t copy_chunk(unsigned flags, size_t values, const unsigned *value, size_t bytes, size_t *room,
                         void **data) {
  (void)flags, (void)values, (void)value, (void)room, (void)data;
  return bytes;
}

/* A dataset "A/x" of 12 doubles, by a filter (0: none) that is known only while it is written. */
static void write_file(H5Z_filter_t filter, const char *name) {
  const H5Z_class2_t class = {H5Z_CLASS_T_VERS, filter, 1, 1, name, NULL, NULL, copy_chunk};
  const hsize_t rows = 12, chunk = 4;
  const double x[12] = {1, 2, 3};
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t group = H5Gcreate2(file, "A", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  hid_t space = H5Screate_simple(1, &rows, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
  if (filter) {
    assert_true(H5Zregister(&class) >= 0 && H5Pset_chunk(list, 1, &chunk) >= 0);
    assert_true(H5Pset_filter(list, filter, H5Z_FLAG_MANDATORY, 0, NULL) >= 0);
  }
  hid_t set = H5Dcreate2(group, "x", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT);
  assert_true(set >= 0 && H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
  H5Dclose(set), H5Pclose(list), H5Sclose(space), H5Gclose(group), H5Fclose(file);
  if (filter) assert_true(H5Zunregister(filter) >= 0);
}

/* The first place in the file with these bytes, from `from` on. */
static long find_bytes(const void *bytes, size_t count, long from) {
  static unsigned char all[1 << 16];
  FILE *file = fopen(path, "rb");
  const size_t size = fread(all, 1, sizeof all, file);
  fclose(file);
  for (size_t k = (size_t)from; k + count <= size; k++)
    if (!memcmp(all + k, bytes, count)) return (long)k;
  fail_msg("the bytes are not in the file");
  return 0;
}

static void set_byte(long at, int value) {
  FILE *file = fopen(path, "r+b");
  fseek(file, at, SEEK_SET);
  fputc(value, file);
  fclose(file);
}

static hsize_t address(const char *name) {
  H5O_info_t info;
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(H5Oget_info_by_name(file, name, &info, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  return info.addr;
}

static int read_file(void) {
  esp_file *file;
  double x[12];
  esp_error_clear();
  ESP_CALL(esp_file_open(comm, path, &file));
  const int rc = esp_file_read(file, "A/x", ESP_FILE_F64, 0, 12, 0, comm->rank ? 0 : 12, x);
  esp_file_close(&file);
  return rc;
}

/* Reading fails, naming file, place and what to do; the same on every rank. */
static void refused(const char *a, const char *b, const char *c) {
  char text[2048], first[2048];
  comm->agree(comm, 0);
  assert_int_not_equal(read_file(), ESP_OK);
  snprintf(text, sizeof text, "%s", esp_error_message());
  const char *const words[] = {path, a, b, c};
  for (int k = 0; k < 4; k++)
    if (!strstr(text, words[k])) fail_msg("'%s' is not in: %s", words[k], text);
  memcpy(first, text, sizeof first);
  comm->broadcast(comm, first, sizeof first, 0);
  assert_string_equal(first, text);
  assert_int_equal(esp_file_open_objects(), 0);
  esp_error_clear();
}

/* ---- the tests ---- */

static void filters(void **state) {
  (void)state;
  static const struct {
    H5Z_filter_t number;
    const char *name, *told;
  } missing[] = {{32000, "lzf", "filter 32000 (lzf)"},         {32013, "", "filter 32013 (zfp)"},
                 {32001, "", "filter 32001 (blosc)"},          {32015, "", "filter 32015 (zstd)"},
                 {300, "home-made", "filter 300 (home-made)"}, {301, "", "filter 301 (of unknown name)"}};
  for (size_t k = 0; k < sizeof missing / sizeof *missing; k++) {
    if (comm->rank == 0) write_file(missing[k].number, missing[k].name);
    refused("A/x", missing[k].told, "h5repack -f NONE");
  }
  if (comm->rank == 0) write_file(0, NULL);
  comm->agree(comm, 0);
  assert_int_equal(read_file(), ESP_OK);
}

/* Versions as a newer library writes them, in a file whose headers carry no checksums. */
static void newer(void **state) {
  (void)state;
  char linked[64];
  unsigned v[3];
  H5get_libversion(&v[0], &v[1], &v[2]);
  snprintf(linked, sizeof linked, "linked to HDF5 %u.%u.%u", v[0], v[1], v[2]);
  static const unsigned char layout[] = {3, 1}, type[] = {0x11, 0x20, 0x3f, 0};
  if (comm->rank == 0) {
    write_file(0, NULL);
    const long header = (long)address("A/x");
    set_byte(find_bytes(layout, sizeof layout, header), 5);
  }
  refused("A/x", "written by HDF5 2.0 or later", linked);
  if (comm->rank == 0) {
    write_file(0, NULL);
    const long header = (long)address("A/x");
    set_byte(find_bytes(type, sizeof type, header), 0x51);
  }
  refused("A/x", "written by HDF5 1.12 or later", linked);
  if (comm->rank == 0) {
    write_file(0, NULL);
    set_byte(8, 4);
  }
  refused("cannot be opened", "an HDF5 later than 2.0", linked);
}

static void listing(void **state) {
  (void)state;
  char *text = NULL;
  size_t size = 0;
  if (comm->rank == 0) {
    write_file(0, NULL);
    set_byte((long)address("A/x"), 99); /* the version of its header */
  }
  comm->agree(comm, 0);
  FILE *out = open_memstream(&text, &size);
  assert_int_not_equal(esp_info_print(comm, path, NULL, out), ESP_OK);
  fclose(out);
  if (comm->rank == 0 && !strstr(text, "  A/\n")) fail_msg("'A/' is not in: %s", text);
  if (!strstr(esp_error_message(), "cannot be listed after A: bad object header version number"))
    fail_msg("not told after what: %s", esp_error_message());
  esp_error_clear();
  free(text);
}

static int begin(void **state) {
  (void)state;
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_reason_%lld.h5", (long long)pid);
  return 0;
}

static int end(void **state) {
  (void)state;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
  return 0;
}

CASE_MAIN_WITH(begin, end, cmocka_unit_test(filters), cmocka_unit_test(newer), cmocka_unit_test(listing))
