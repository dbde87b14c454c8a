/* What is told of a set file: parts, sizes, columns with their units, numbers in words, fingerprint; also of one that is of no
 * known task, of version 1, or refused.
 * ranks: 1 2 */
#include "set_fixture.h"

#include "io/info.h"

static const esp_layout *known(const char *task) {
  return !strcmp(task, "circles") ? &layout : NULL;
}

static void info_of(esp_info_layout by, const char *what[]) {
  static char text[1 << 16];
  FILE *out = tmpfile();
  comm->agree(comm, 0);
  assert_ok(esp_info_print(comm, path, by, out));
  rewind(out);
  text[fread(text, 1, sizeof text - 1, out)] = 0;
  fclose(out);
  for (; *what && comm->rank == 0; what++) {
    if (!strstr(text, *what)) fail_msg("'%s' is not in:\n%s", *what, text);
  }
  comm->agree(comm, 0);
}

static void info(void **state) {
  (void)state;
  char sum[32];
  write_file(comm, path, 1, 0);
  snprintf(sum, sizeof sum, "checksum     %016llx\n", (unsigned long long)checksum(comm, path, &layout));
  info_of(known,
          (const char *[]){"sets         version 2, task circles\n",
                           "train        3 sets, 131 rows: 1 of 130, 1 of 1, 1 of 0 particles\n",
                           "test         2 sets, 264 rows: 1 of 64, 1 of 200 particles\n",
                           "  frames     856 rows: 1 of 4, 1 of 3 frames\n", "  weight     1 column, 0 to 2, mean",
                           "  x          3 columns [length], -0.", "  h                  0.25\n",
                           "  seed               -7 to -5\n", "  law                circles\n",
                           "  box                0 0 3 to 0 0 4 [length]\n", sum, "test/sets  int64 (2, 2)", NULL});
  info_of(NULL, (const char *[]){"sets         version 2, task circles, which is not known here\n", sum,
                                 "  x          3 columns [length], -0.", "  box                0 0 3 to 0 0 4\n",
                                 "  law                1\n", NULL});
  serial_ensemble(0);
  info_of(known, (const char *[]){"sets         version 1, task circles\n", "  frames     856 rows", NULL});
  info_of(NULL, (const char *[]){"  more               1\n", "  box                0 0 3 to 0 0 4\n", NULL});
  MAKE({"train/x", F64, 2, {10, 2}, 0}, {"train/w", F64, 2, {10, 2}, 0});
  info_of(known, (const char *[]){"sets         version 2, of no task\n", "  w          2 columns, 0 to 19", NULL});
  MAKE({"other/x", F64, 2, {10, 2}, 0});
  info_of(NULL, (const char *[]){"sets         refused: ", "neither a group /train", "contents", NULL});
  assert_int_equal(esp_file_open_objects(), 0);
}

CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(info))
