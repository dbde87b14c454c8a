/* Proves that faults of kernels are seen under the model: each kernel of faults.cu, broken, gives a wrong number, a report
 * with the place, or is ended by AddressSanitizer, in at least one of the three orders; and not broken, is right in all.
 * Every run is a process of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "tests/cuda/model/faults.h"
#include "tests/cuda/model/model.h"

enum { RIGHT, WRONG, REPORTED, ENDED }; /* ENDED: by a signal or a sanitizer */

const char *__asan_default_options(void); /* quick deaths */
const char *__asan_default_options(void) {
  return "symbolize=0:detect_leaks=0";
}

static int child(int k, int broken, int order, int out) {
  float a[FAULT_N], b[FAULT_N];
  dup2(out, STDERR_FILENO);
  for (int i = 0; i < FAULT_N; i++) a[i] = (float)(i + 1);
  esp_model_set_order((esp_model_order)order);
  if (fault_run(k, broken, a, b)) {
    dprintf(out, "%s", esp_error_message());
    return REPORTED;
  }
  for (int i = 0; i < FAULT_N; i++)
    if (b[i] != fault_right(k, a, i)) return WRONG;
  return RIGHT;
}

/* What became of it; `text` is what it said. */
static int outcome(int k, int broken, int order, char *text, size_t size) {
  int end[2], status;
  assert_int_equal(pipe(end), 0);
  fflush(NULL);
  const pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) _exit(child(k, broken, order, end[1]));
  close(end[1]);
  size_t got = 0;
  for (ssize_t more; (more = read(end[0], text + got, size - 1 - got)) > 0;) got += (size_t)more;
  text[got] = 0;
  close(end[0]);
  assert_true(waitpid(pid, &status, 0) == pid);
  if (!WIFEXITED(status) || strstr(text, "Sanitizer") || strstr(text, "runtime error")) return ENDED;
  return WEXITSTATUS(status);
}

static void caught(void **state) {
  (void)state;
  static char text[1 << 16];
  const int sanitized = getenv("ESPALIER_SANITIZED") != NULL;
  const fault *f;
  int missed = 0, k;
  for (k = 0; (f = fault_of(k)); k++) {
    int seen = 0, said = f->report == NULL;
    for (int order = 0; order < ESP_MODEL_ORDERS; order++) {
      const int what = outcome(k, 1, order, text, sizeof text);
      if (what != RIGHT) seen++;
      if (what == ENDED) said = sanitized;
      if (what == REPORTED && f->report) said |= strstr(text, f->report) != NULL;
      if (getenv("ESPALIER_SHOW")) printf("%s, order %d: %d %.400s\n", f->name, order, what, text);
      if (outcome(k, 0, order, text, sizeof text) != RIGHT) {
        printf("%s: not broken, and yet not right in order %d: %s\n", f->name, order, text);
        missed++;
      }
    }
    if ((!seen || !said) && (sanitized || !f->sanitizer)) {
      printf("%s: %s\n", f->name, seen ? "another report than expected" : "not seen in any order");
      missed++;
    }
  }
  assert_true(k > 5);
  assert_int_equal(missed, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(caught)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
