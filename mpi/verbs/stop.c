#define _GNU_SOURCE
#include "verbs/stop.h"

#include <signal.h>
#include <string.h>

#include "base/passing.h"

/* A handler has nothing but these. */
static volatile sig_atomic_t waits, came;

static void on_signal(int number) {
  const int again = number == SIGINT && came == SIGINT;
  if (number != SIGUSR1 && (!waits || again)) {
    esp_passing_remove();
    signal(number, SIG_DFL);
    raise(number); /* acts when the handler returns */
  }
  came = number;
}

void esp_stop_listen(void) {
  static const int numbers[] = {SIGTERM, SIGHUP, SIGINT, SIGUSR1};
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (int k = 0; k < (int)(sizeof numbers / sizeof *numbers); k++) {
    struct sigaction before;
    if (!sigaction(numbers[k], NULL, &before) && before.sa_handler == SIG_IGN) continue; /* nohup, or a shell's & */
    sigaction(numbers[k], &action, NULL);
  }
}

void esp_stop_patient(int patient) {
  waits = patient;
}

int esp_stop_asked(void) {
  return came != 0;
}
