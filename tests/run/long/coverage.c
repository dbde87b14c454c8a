/* The readers under libFuzzer, which keeps what reaches new code: tests/run/long/coverage.sh builds and runs it. One subject
 * and reader a process, named by the environment (FUZZ_SUBJECT, FUZZ_READER). An input of a text or a binary file is its
 * bytes. One of a HDF5 file is a line of changes as in tests/run/fuzz/cases.txt, since bytes seldom pass HDF5's own checks:
 * the coverage of our code then tells which changes are worth more of their kind. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <petscsys.h>

#include "base/base.h"
#include "fuzz/fuzz.h"
#include "io/file.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

static fuzz_subject subject[FUZZ_SUBJECTS], *chosen;
static const fuzz_reader *reader;
static uint64_t good_sum;
static char folder[] = "/tmp/espalier-coverage-XXXXXX";

static void run(const char *format, const char *a, const char *b) {
  char command[2 * FUZZ_PATH + 64];
  snprintf(command, sizeof command, format, a, b);
  if (system(command)) abort();
}

static void clean(void) {
  run("rm -rf %s%s", folder, "");
}

static void put(const uint8_t *data, size_t size) {
  FILE *file = fopen(chosen->place, "wb");
  if (!file || fwrite(data, 1, size, file) != size || fclose(file)) abort();
}

static size_t get(const char *path, uint8_t *data, size_t most) {
  FILE *file = fopen(path, "rb");
  const size_t got = file ? fread(data, 1, most, file) : 0;
  if (file) fclose(file);
  return got;
}

/* 1: what can be read is what the good file holds. */
static int place(const uint8_t *data, size_t size) {
  static uint8_t good[1 << 22];
  char line[FUZZ_LINE];
  if (chosen->kind != FUZZ_HDF5) return put(data, size), 0;
  put(good, get(chosen->good, good, sizeof good));
  snprintf(line, sizeof line, "%.*s", (int)size, (const char *)data);
  return fuzz_spoil(line, chosen);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  const char *subject_name = getenv("FUZZ_SUBJECT"), *reader_name = getenv("FUZZ_READER"),
             *seeds = getenv("FUZZ_SEEDS");
  int none = 1;
  (void)argc;
  if (!subject_name || !reader_name || !mkdtemp(folder)) abort();
  atexit(clean);
  PetscInitialize(&none, &(char **){(char *[]){(*argv)[0], NULL}}, NULL, NULL);
  static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  for (size_t k = 0; k < sizeof caught / sizeof *caught; k++)
    signal(caught[k], SIG_DFL);                     /* MPI's; libFuzzer sets its own */
  dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO); /* verbs; libFuzzer speaks on stderr */
  const int subjects = fuzz_subjects(folder, subject);
  for (int k = 0; k < subjects; k++)
    if (!strcmp(subject[k].name, subject_name)) chosen = &subject[k];
  for (reader = fuzz_readers; reader->name && strcmp(reader->name, reader_name); reader++) continue;
  if (!chosen || !reader->name) abort();
  run("cp %s %s", chosen->good, chosen->place);
  if (reader->read(chosen, &good_sum)) abort();
  if (seeds && chosen->kind != FUZZ_HDF5) run("cp %s %s", chosen->good, seeds);
  return 0;
}

static void need(const char *wrong) {
  if (!wrong) return;
  fprintf(stderr, "WRONG: %s\n", wrong);
  abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t sum = 0;
  const size_t held = esp_memory_now();
  const int open = esp_file_open_objects(), same = place(data, size);
  esp_error_clear();
  fuzz_wrong = NULL;
  const int rc = reader->read(chosen, &sum);
  need(fuzz_judge(chosen, rc));
  need(!rc && same && sum != good_sum ? "accepted, with another content" : NULL);
  need(esp_memory_now() != held ? "memory is not given back" : NULL);
  need(esp_file_open_objects() != open ? "HDF5 objects are left open" : NULL);
  return 0;
}

/* One change more, one less, or another number at the end of one. */
static size_t mutate_line(uint64_t *random, char *line, size_t most) {
  char changes[FUZZ_LINE] = "", more[FUZZ_LINE];
  char *change[16], *rest = line;
  int count = 0;
  while (count < 16 && (change[count] = strtok_r(rest, ";", &rest))) count++;
  const uint64_t turn = fuzz_below(random, 4), which = fuzz_below(random, (uint64_t)count);
  fuzz_draw(random, chosen, more);
  for (int k = 0; k < count; k++) {
    char *last = strrchr(change[k], '|');
    if ((uint64_t)k == which && turn == 0) continue;
    const int number =
                  !strncmp(change[k], "one|", 4) || !strncmp(change[k], "value|", 6) || !strncmp(change[k], "el", 2),
              other = (uint64_t)k == which && turn == 1 && last && number;
    const size_t used = strlen(changes);
    if (other) *last = 0;
    snprintf(changes + used, sizeof changes - used, "%s%s%s%s", used ? ";" : "", change[k], other ? "|" : "",
             other ? fuzz_number(random) : "");
  }
  const size_t used = strlen(changes);
  if (turn > 1 || !used) snprintf(changes + used, sizeof changes - used, "%s%s", used ? ";" : "", more);
  const size_t length = strlen(changes);
  memcpy(line, changes, length < most ? length : most);
  return length < most ? length : most;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  uint64_t random = seed;
  char line[FUZZ_LINE];
  if (chosen->kind == FUZZ_HDF5) {
    snprintf(line, sizeof line, "%.*s", (int)size, (const char *)data);
    size = mutate_line(&random, line, most < sizeof line ? most : sizeof line);
    memcpy(data, line, size);
    return size;
  }
  if (fuzz_below(&random, 4)) return LLVMFuzzerMutate(data, size, most);
  put(data, size);
  fuzz_draw(&random, chosen, line);
  fuzz_spoil(line, chosen);
  return get(chosen->place, data, most);
}
