/* Proves that the model sees what a host does wrong: an event, a wait or a buffer forgotten, copies and launches that no
 * device takes, device memory that the host touches; and that what is right passes, with streams now and late. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "tests/cuda/model/model.h"
#include "tests/cuda/model/streams.h"

const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "symbolize=0:detect_leaks=0";
}

static int right(int without, int late) {
  float a[STREAMS_N], b[STREAMS_N];
  for (int i = 0; i < STREAMS_N; i++) a[i] = (float)(i + 1);
  esp_model_set_late(late);
  if (streams_double(without, a, b)) fail_msg("%s", esp_error_message());
  for (int i = 0; i < STREAMS_N; i++)
    if (b[i] != 2 * a[i]) return 0;
  return 1;
}

static void streams(void **state) {
  (void)state;
  assert_true(right(0, 0));
  assert_true(right(0, 1));
  assert_false(right(WITHOUT_EVENT, 1));
  assert_false(right(WITHOUT_WAIT, 1));
  assert_false(right(EARLY_COPY, 0));
}

static void refused(void **state) {
  (void)state;
  for (const host_fault *f = host_faults; f->name; f++)
    for (int late = 0; late < 2; late++) {
      esp_error_clear();
      esp_model_set_late(late);
      if (f->call() == ESP_OK) fail_msg("%s: not refused", f->name);
      if (!strstr(esp_error_message(), f->report)) fail_msg("%s: %s", f->name, esp_error_message());
    }
  esp_error_clear();
}

static void passes(void **state) {
  (void)state;
  for (int late = 0; late < 2; late++) {
    esp_model_set_late(late);
    const int line = host_calls();
    if (line) fail_msg("streams.cu:%d", line);
  }
}

static void touched(void **state) {
  (void)state;
  int status;
  fflush(NULL);
  const pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    fclose(stderr);
    host_reads_device();
    _exit(0);
  }
  assert_true(waitpid(pid, &status, 0) == pid);
  assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(streams), cmocka_unit_test(refused), cmocka_unit_test(passes),
                                     cmocka_unit_test(touched)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
