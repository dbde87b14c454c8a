/* Text of others is shown without anything that acts on a terminal: escapes, other controls, bytes that are no characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/shown.h"

static void characters(void **state) {
  (void)state;
  static const struct {
    const char *text, *keep, *shown;
  } cases[] = {{"", "", ""},
               {"plain text, 100%", "", "plain text, 100%"},
               {"a\x1b[2Jb", "", "a\\x1b[2Jb"},
               {"x\x1b]0;owned\x07y", "", "x\\x1b]0;owned\\x07y"},
               {"a\nb\tc\r\x7f", "\n", "a\nb\\x09c\\x0d\\x7f"},
               {"h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x99\x82", "", "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x99\x82"},
               {"\xc2\x9b"
                "31m",
                "", "\\xc2\\x9b31m"},                                     /* a control character of two bytes */
               {"\xff\xc3(\xe2\x82", "", "\\xff\\xc3(\\xe2\\x82"},        /* no UTF-8; cut short */
               {"\xc0\x9b\xe0\x80\x9b", "", "\\xc0\\x9b\\xe0\\x80\\x9b"}, /* longer than it need be */
               {"\xed\xa0\x80", "", "\\xed\\xa0\\x80"}};
  char shown[128];
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const size_t length = esp_shown(cases[k].text, cases[k].keep, shown, sizeof shown);
    assert_string_equal(shown, cases[k].shown);
    assert_int_equal(length, strlen(shown));
  }
  assert_int_equal(esp_shown("ab\xc3\xa9", "", shown, 4), 2); /* not half a character */
  assert_int_equal(esp_shown("ab\x1b", "", shown, 6), 2);
  assert_int_equal(esp_shown("ab", "", shown, 1), 0);
}

static void messages(void **state) {
  (void)state;
  (void)ESP_FAIL(ESP_ERR_FORMAT, "format is '%s'\n  and more", "\x1b[31mred");
  assert_non_null(strstr(esp_error_message(), "format is '\\x1b[31mred'\n  and more\n  in messages"));
  esp_error_blame(ESP_ERR_VALUE, "\x1b]0;name");
  assert_null(strchr(esp_error_message(), '\x1b'));
  esp_error_set(ESP_ERR_FILE, esp_error_message());
  assert_non_null(strstr(esp_error_message(), "\\x1b]0;name: format is"));
  esp_error_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(characters), cmocka_unit_test(messages)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
