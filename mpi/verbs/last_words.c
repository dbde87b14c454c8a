#include "verbs/last_words.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/at_hand.h"
#include "base/passing.h"

static const struct {
  int number;
  const char *name;
} deaths[] = {{SIGSEGV, "segmentation fault"},
              {SIGBUS, "bus error"},
              {SIGFPE, "floating point exception"},
              {SIGILL, "illegal instruction"},
              {SIGABRT, "abort"}};
enum { DEATHS = sizeof deaths / sizeof deaths[0] };

static char where[32]; /* "on rank R" */

static void say(const char *text) {
  (void)!write(STDERR_FILENO, text, strlen(text));
}

/* What a handler may call: write, strlen, unlink, raise. */
static void die(int number) {
  int k = 0;
  while (k < DEATHS - 1 && deaths[k].number != number) k++;
  const char *file = esp_at_hand_told();
  say("espalier: ");
  say(deaths[k].name);
  say(where);
  if (file[0]) {
    say(" while ");
    say(file);
    say(": HDF5 may do so where a file is spoilt, h5dump then does so, too; else it is an error of this program\n");
  } else {
    say(" with no file at hand: an error of this program or of a library\n");
  }
  esp_passing_remove();
  raise(number); /* the default action is in place again */
}

void esp_last_words(int rank) {
  static char stack[1 << 16]; /* of its own: a recursion without end has used up the other one */
  const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_handler = die, .sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER};
  snprintf(where, sizeof where, " on rank %d", rank);
  sigaltstack(&own, NULL);
  for (int k = 0; k < DEATHS; k++) sigaction(deaths[k].number, &action, NULL);
}
