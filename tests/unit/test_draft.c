/* Files are whole or absent, whoever writes the same one at once and whatever lies at their names: no link is followed,
 * nothing is left beside. */
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/draft.h"

static char folder[64], path[80], other[80];

static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/espalier-draft.XXXXXX");
  if (!mkdtemp(folder)) return 1;
  snprintf(path, sizeof path, "%s/a.txt", folder);
  snprintf(other, sizeof other, "%s/b.txt", folder);
  return 0;
}

static int drafts(void) {
  char pattern[96];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/*.part", folder);
  const int none = glob(pattern, 0, NULL, &found);
  const int count = none ? 0 : (int)found.gl_pathc;
  if (!none) globfree(&found);
  return count;
}

static int tear_down(void **state) {
  (void)state;
  const int left = drafts();
  unlink(path);
  unlink(other);
  return rmdir(folder) || left;
}

static void is_text(const char *file, const char *text) {
  char read[64] = "";
  FILE *stream = fopen(file, "r");
  assert_non_null(stream);
  fread(read, 1, sizeof read - 1, stream);
  fclose(stream);
  assert_string_equal(read, text);
}

static void begin(esp_draft *draft, const char *text) {
  assert_int_equal(esp_draft_begin(path, draft), ESP_OK);
  assert_true(fputs(text, draft->stream) >= 0);
}

static void two_writers(void **state) {
  (void)state;
  esp_draft a, b;
  begin(&a, "first ");
  begin(&b, "second");
  assert_string_not_equal(a.path, b.path);
  assert_int_equal(drafts(), 2);
  fputs("job", a.stream);
  assert_int_equal(esp_draft_keep(&a, path), ESP_OK);
  is_text(path, "first job");
  esp_draft_drop(&a); /* there is none: nothing */
  is_text(path, "first job");
  assert_int_equal(esp_draft_keep(&b, path), ESP_OK);
  is_text(path, "second");
  begin(&a, "third");
  esp_draft_drop(&a);
  is_text(path, "second");
}

/* The older one is replaced; what it pointed to is not touched. */
static void a_link_is_replaced(void **state) {
  (void)state;
  struct stat seen;
  esp_draft draft;
  FILE *precious = fopen(other, "w");
  assert_non_null(precious);
  fputs("precious", precious);
  fclose(precious);
  assert_int_equal(symlink(other, path), 0);
  begin(&draft, "mine");
  assert_int_equal(esp_draft_keep(&draft, path), ESP_OK);
  assert_int_equal(lstat(path, &seen), 0);
  assert_true(S_ISREG(seen.st_mode));
  is_text(path, "mine");
  is_text(other, "precious");
}

static void a_file_that_grows(void **state) {
  (void)state;
  esp_draft draft;
  FILE *stream;
  begin(&draft, "head ");
  assert_int_equal(esp_draft_keep_open(&draft, path, &stream), ESP_OK);
  assert_int_equal(drafts(), 0);
  is_text(path, "head ");
  fputs("line", stream);
  fclose(stream);
  is_text(path, "head line");
}

static void failures(void **state) {
  (void)state;
  esp_draft draft;
  char long_path[5000];
  struct rlimit old, set;
  memset(long_path, 'x', sizeof long_path - 1);
  long_path[sizeof long_path - 1] = 0;
  assert_int_equal(esp_draft_begin(long_path, &draft), ESP_ERR_LIMIT);
  esp_error_clear();
  snprintf(long_path, sizeof long_path, "%s/none/a.txt", folder);
  assert_int_equal(esp_draft_begin(long_path, &draft), ESP_ERR_FILE);
  assert_non_null(strstr(esp_error_message(), "none/a.txt: cannot be written: No such file"));
  esp_error_clear();
  begin(&draft, "old");
  assert_int_equal(esp_draft_keep(&draft, path), ESP_OK);
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  set = old;
  set.rlim_cur = 2;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &set), 0);
  begin(&draft, "too long");
  assert_int_equal(esp_draft_keep(&draft, path), ESP_ERR_FILE);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_non_null(strstr(esp_error_message(), "a.txt: cannot be written: File too large"));
  esp_error_clear();
  is_text(path, "old");
}

static void what_a_signal_finds(void **state) {
  (void)state;
  esp_draft draft, kept;
  begin(&kept, "kept");
  assert_int_equal(esp_draft_keep(&kept, path), ESP_OK);
  begin(&draft, "half");
  assert_int_equal(drafts(), 1);
  esp_passing_remove();
  assert_int_equal(drafts(), 0);
  esp_draft_drop(&draft);
  is_text(path, "kept");
}

static void names(void **state) {
  (void)state;
  assert_true(esp_draft_is("data.h5.0123456789abcdef.part"));
  const char *const others[] = {"",
                                "data.h5.part",
                                ".0123456789abcdef.part",
                                "a.0123456789abcde.part",
                                "a0123.part",
                                "a.0123456789abcdeg.part",
                                "a.0123456789abcdef.parts"};
  for (size_t k = 0; k < sizeof others / sizeof *others; k++) assert_false(esp_draft_is(others[k]));
  esp_draft draft;
  begin(&draft, "");
  assert_true(esp_draft_is(draft.path));
  esp_draft_drop(&draft);
  uint64_t last = esp_unique();
  for (int k = 0; k < 1000; k++) {
    const uint64_t next = esp_unique();
    assert_true(next != last);
    last = next;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(two_writers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_link_is_replaced, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_file_that_grows, set_up, tear_down),
      cmocka_unit_test_setup_teardown(failures, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_a_signal_finds, set_up, tear_down),
      cmocka_unit_test_setup_teardown(names, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
