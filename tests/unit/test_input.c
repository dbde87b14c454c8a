/* Only regular files are read: a folder, a pipe, a device or a socket is named and refused at once; texts end at a bound. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/input.h"

static char folder[64];

static const char *at(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void refused(const char *path, const char *what) {
  FILE *file;
  char *text;
  size_t length;
  for (int k = 0; k < 3; k++) {
    const int rc = k == 0   ? esp_input_check(path, NULL)
                   : k == 1 ? esp_input_open(path, &file)
                            : esp_input_text(path, 100, &text, &length);
    assert_int_equal(rc, ESP_ERR_FILE);
    assert_non_null(strstr(esp_error_message(), path));
    assert_non_null(strstr(esp_error_message(), what));
    esp_error_clear();
  }
}

static void kinds(void **state) {
  (void)state;
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof name.sun_path, "%.60s/socket", folder);
  const int socket_id = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(socket_id, (struct sockaddr *)&name, sizeof name), 0);
  assert_int_equal(mkfifo(at("pipe"), 0600), 0);
  refused(at("pipe"), "is a pipe, not a file"); /* opened, it would wait for a writer */
  refused(at("socket"), "is a socket, not a file");
  refused(folder, "is a folder, not a file");
  refused("/dev/zero", "is a device, not a file"); /* read, it would not end */
  refused(at("nothing"), "cannot be read: No such file");
  close(socket_id);
  unlink(at("pipe"));
  unlink(at("socket"));
}

static void put(const char *path, size_t bytes) {
  FILE *file = fopen(path, "w");
  for (size_t b = 0; b < bytes; b++) fputc('a', file);
  fclose(file);
}

static void texts(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
  char *text;
  size_t length;
  int64_t bytes;
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    put(at("text"), sizes[k]);
    assert_int_equal(esp_input_check(at("text"), &bytes), ESP_OK);
    assert_int_equal(esp_input_text(at("text"), (int64_t)sizes[k], &text, &length), ESP_OK);
    assert_true(length == sizes[k] && strlen(text) == length && bytes == (int64_t)length);
    ESP_FREE(text);
  }
  assert_int_equal(esp_input_text(at("text"), 199999, &text, &length), ESP_ERR_LIMIT);
  assert_non_null(strstr(esp_error_message(), "more than 199999 bytes"));
  esp_error_clear();
  unlink(at("text"));
}

/* What is no line is passed over, and what follows it is not. */
static void lines(void **state) {
  (void)state;
  static const char text[] = "1,a\n\n2\0,b\n3,c\n1234567\n12345678\n9,9,9,9,9\n\n4,d\n5,torn";
  static const char *const expected[] = {"1,a", "", "3,c", "1234567", "", "4,d"};
  char line[8];
  FILE *file = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");
  for (size_t k = 0; k < sizeof expected / sizeof *expected; k++) {
    assert_int_equal(esp_input_line(file, line, sizeof line), 1);
    assert_string_equal(line, expected[k]);
  }
  assert_int_equal(esp_input_line(file, line, sizeof line), 0);
  fclose(file);
}

static int make(void **state) {
  (void)state;
  const char *base = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%.40s/espalier-in-XXXXXX", base ? base : "/tmp");
  return mkdtemp(folder) ? 0 : 1;
}

static int clean(void **state) {
  (void)state;
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kinds), cmocka_unit_test(texts), cmocka_unit_test(lines)};
  return cmocka_run_group_tests(tests, make, clean);
}
