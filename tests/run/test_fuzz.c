/* Proves that no spoilt file kills or hangs a reader of the program, makes it take memory that the file cannot fill, leaves
 * something open or is refused without a message; and that what is accepted is what stood in the file, as far as that can
 * be told.
 *
 *   run_test_fuzz [-cases N] [-seed S] [-only WORD]    cases drawn; WORD: in the name of the subject or reader
 *   run_test_fuzz -case 'SUBJECT READER CHANGES' [-keep FILE]    one case; the spoilt file becomes FILE
 *   run_test_fuzz -tell ...                            every case with what came of it
 *   run_test_fuzz -list                                subjects and readers
 *
 * Before those drawn, the cases of tests/run/fuzz/cases.txt: what failed once. A failure is told as a line of that file.
 * Many cases share a child process; a new one goes on where one dies.
 *
 * ctest: TIMEOUT 900 */
#define _GNU_SOURCE
#include "fuzz/fuzz.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <petscsys.h>

#include "base/base.h"
#include "base/hash.h"
#include "io/file.h"

enum {
  CASES = 1500,
  SANITIZED_CASES = 500,
  BATCH = 200,      /* cases of a child at most */
  CPU_SECONDS = 20, /* of one case: a thousand times what it needs */
  WALL_SECONDS = 300,
  MEMORY = 256 << 20, /* bytes that a case may ask for: a thousand times its file */
  TOLD = 64,          /* failures kept */
  DIED_IN_HDF5 = 81,  /* exit codes of a child */
  DIED = 82
};

/* Shared by parent and children. */
typedef struct {
  long at; /* the case at hand */
  long accepted, refused, foreign, failed;
  char line[FUZZ_LINE + 128], why[512];
  char told[TOLD][FUZZ_LINE + 1024];
} board;

static board *shared;
static fuzz_subject subject[FUZZ_SUBJECTS];
static int subjects;
static uint64_t good_sum[FUZZ_SUBJECTS][16];
static const char *keep;
static FILE *tell; /* NULL: failures alone */
static char folder[] = "/tmp/espalier-fuzz-XXXXXX";

static void fail(const char *why) {
  if (shared->failed < TOLD)
    snprintf(shared->told[shared->failed], sizeof shared->told[0], "%s\n    %s", shared->line, why);
  shared->failed++;
}

/* ---- a death ---- */

/* The first frame that is neither ours to blame nor the C library's: is it HDF5's, or NetCDF's? */
static int in_hdf5(void) {
  void *frame[64];
  const int frames = backtrace(frame, 64);
  for (int k = 0; k < frames; k++) {
    Dl_info info;
    if (!dladdr(frame[k], &info) || !info.dli_fname) continue;
    if (strstr(info.dli_fname, "libhdf5") || strstr(info.dli_fname, "libnetcdf")) return 1;
    if (k > 1 && !strstr(info.dli_fname, "libc.so") && !strstr(info.dli_fname, "san.so")) return 0;
  }
  return 0;
}

static void on_signal(int number) {
  const char *what = number == SIGPROF ? "took too much CPU time" : number == SIGALRM ? "hung" : strsignal(number);
  const int foreign = in_hdf5();
  snprintf(shared->why, sizeof shared->why, "%s%s", what, foreign ? ", within HDF5" : "");
  _exit(foreign ? DIED_IN_HDF5 : DIED);
}

static void catch_signals(void) {
  static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPROF, SIGALRM};
  static char stack[1 << 16];
  const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
  void *frame[4];
  backtrace(frame, 4); /* loads what it needs now */
  sigaltstack(&other, NULL);
  for (size_t k = 0; k < sizeof caught / sizeof *caught; k++) sigaction(caught[k], &action, NULL);
}

static void set_timers(int on) {
  const struct itimerval cpu = {.it_value.tv_sec = on ? CPU_SECONDS : 0},
                         wall = {.it_value.tv_sec = on ? WALL_SECONDS : 0};
  setitimer(ITIMER_PROF, &cpu, NULL);
  setitimer(ITIMER_REAL, &wall, NULL);
}

/* ---- one case ---- */

static void copy_file(const char *from, const char *to) {
  char buffer[1 << 16];
  const int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  ssize_t got = 0;
  while (in >= 0 && out >= 0 && (got = read(in, buffer, sizeof buffer)) > 0)
    if (write(out, buffer, (size_t)got) != got) abort();
  if (in < 0 || out < 0 || got < 0) abort();
  close(in), close(out);
}

static int find_reader(const char *name) {
  for (int k = 0; fuzz_readers[k].name; k++)
    if (!strcmp(fuzz_readers[k].name, name)) return k;
  return -1;
}

static int find_subject(const char *name) {
  for (int k = 0; k < subjects; k++)
    if (!strcmp(subject[k].name, name)) return k;
  return -1;
}

static int run_reader(int which, int reader, uint64_t *sum) {
  esp_error_clear();
  fuzz_wrong = NULL;
  set_timers(1);
  const int rc = fuzz_readers[reader].read(&subject[which], sum);
  set_timers(0);
  return rc;
}

static void run_case(int which, int reader, const char *changes) {
  const fuzz_subject *s = &subject[which];
  const size_t held = esp_memory_now();
  const int open = esp_file_open_objects();
  uint64_t sum = 0;
  char why[128];
  copy_file(s->good, s->place);
  const int same = fuzz_spoil(changes, s);
  if (keep) copy_file(s->place, keep);
  esp_memory_reset_peak();
  const int rc = run_reader(which, reader, &sum);
  rc ? shared->refused++ : shared->accepted++;
  if (tell) fprintf(tell, "%s: %s\n", shared->line, rc ? esp_error_message() : "accepted"), fflush(tell);
  if (fuzz_judge(s, rc)) fail(fuzz_judge(s, rc));
  if (!rc && same && sum != good_sum[which][reader]) fail("accepted, with another content");
  if (esp_memory_peak() - held > MEMORY) fail("more memory than the file can fill");
  if (esp_memory_now() != held) fail("memory is not given back");
  snprintf(why, sizeof why, "%d HDF5 objects are left open", esp_file_open_objects() - open);
  if (esp_file_open_objects() != open && !s->leaves) fail(why);
  copy_file(s->good, s->place);
}

/* ---- which cases ---- */

static char (*kept)[FUZZ_LINE + 128];
static long kept_count;

static void load_kept(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/run/fuzz/cases.txt", getenv("ESPALIER_SOURCE"));
  FILE *file = fopen(path, "r");
  kept = calloc(1024, sizeof *kept);
  while (file && kept_count < 1024 && fgets(kept[kept_count], sizeof *kept, file)) {
    kept[kept_count][strcspn(kept[kept_count], "\n")] = 0;
    kept_count += kept[kept_count][0] && kept[kept_count][0] != '#';
  }
  if (file) fclose(file);
}

/* Subject and reader of case k, whole verbs less often, and its changes. */
static void draw(uint64_t seed, long k, const char *only, int *which, int *reader, char changes[FUZZ_LINE]) {
  uint64_t random = esp_hash_mix(esp_hash_mix(0, seed), (uint64_t)k);
  char names[128], *name[8], *rest = names;
  int count = 0;
  do {
    *which = (int)fuzz_below(&random, (uint64_t)subjects);
    snprintf(names, sizeof names, "%s", subject[*which].readers);
    rest = names;
    count = 0;
    for (char *word; (word = strtok_r(rest, " ", &rest));) name[count++] = word;
    *reader = find_reader(name[fuzz_below(&random, (uint64_t)count)]);
    if (fuzz_readers[*reader].verb && fuzz_below(&random, 2)) *reader = find_reader(name[0]);
  } while (only && !strstr(subject[*which].name, only) && !strstr(fuzz_readers[*reader].name, only));
  fuzz_draw(&random, &subject[*which], changes);
}

/* "SUBJECT READER CHANGES" */
static void parse(const char *line, int *which, int *reader, char changes[FUZZ_LINE]) {
  char first[64] = "", second[64] = "";
  int rest = 0;
  sscanf(line, "%63s %63s %n", first, second, &rest);
  *which = find_subject(first);
  *reader = find_reader(second);
  snprintf(changes, FUZZ_LINE, "%s", line + rest);
  if (*which < 0 || *reader < 0) fprintf(stderr, "no such subject or reader: %s\n", line), exit(EXIT_FAILURE);
}

/* ---- children ---- */

/* Cases [from, to), those kept first. */
static void child(long from, long to, uint64_t seed, const char *only) {
  const int log = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const struct rlimit files = {64 << 20, 64 << 20}, none = {0, 0}, space = {(rlim_t)8 << 30, (rlim_t)8 << 30};
  dup2(log, STDOUT_FILENO), dup2(log, STDERR_FILENO);
  setrlimit(RLIMIT_FSIZE, &files), setrlimit(RLIMIT_CORE, &none);
  if (!getenv("ESPALIER_SANITIZED")) setrlimit(RLIMIT_AS, &space); /* the sanitizer maps far more than it uses */
  catch_signals();
  for (shared->at = from; shared->at < to; shared->at++) {
    int which, reader;
    char changes[FUZZ_LINE];
    if (shared->at < kept_count)
      parse(kept[shared->at], &which, &reader, changes);
    else
      draw(seed, shared->at - kept_count, only, &which, &reader, changes);
    snprintf(shared->line, sizeof shared->line, "%s %s %s", subject[which].name, fuzz_readers[reader].name, changes);
    run_case(which, reader, changes);
  }
  _exit(0);
}

/* The first message of a sanitizer in the child's log. */
static void read_log(char *why, size_t size) {
  char line[512];
  FILE *file = fopen("log", "r");
  while (file && fgets(line, sizeof line, file))
    if (strstr(line, "ERROR: AddressSanitizer") || strstr(line, "runtime error")) {
      line[strcspn(line, "\n")] = 0;
      snprintf(why, size, "%s", line);
      break;
    }
  if (file) fclose(file);
}

static void run_all(long cases, uint64_t seed, const char *only) {
  for (long next = 0; next < cases;) {
    const long to = next + BATCH < cases ? next + BATCH : cases;
    int status;
    shared->why[0] = 0;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) child(next, to, seed, only);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) perror("fork"), exit(EXIT_FAILURE);
    next = shared->at;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
    next++;
    if (!shared->why[0]) read_log(shared->why, sizeof shared->why);
    if (!shared->why[0]) snprintf(shared->why, sizeof shared->why, "the process ended, status %x", (unsigned)status);
    if (WIFEXITED(status) && WEXITSTATUS(status) == DIED_IN_HDF5)
      shared->foreign++, printf("not ours: %s\n    %s\n", shared->line, shared->why);
    else
      fail(shared->why);
  }
}

/* What the unspoilt files give. */
static void read_good(void) {
  for (int k = 0; k < subjects; k++) copy_file(subject[k].good, subject[k].place);
  for (int k = 0; k < subjects; k++) {
    char names[128], *rest = names;
    snprintf(names, sizeof names, "%s", subject[k].readers);
    for (char *word; (word = strtok_r(rest, " ", &rest));) {
      const int reader = find_reader(word);
      copy_file(subject[k].good, subject[k].place);
      if (run_reader(k, reader, &good_sum[k][reader]) || fuzz_wrong) {
        fprintf(stderr, "the good %s, %s: %s\n", subject[k].name, word, fuzz_wrong ? fuzz_wrong : esp_error_message());
        exit(EXIT_FAILURE);
      }
    }
  }
}

static int drop(const char *path, const struct stat *seen, int kind, struct FTW *walk) {
  (void)seen, (void)kind, (void)walk;
  return remove(path);
}

static void list(void) {
  for (int k = 0; k < subjects; k++)
    printf("%-24s %7ld bytes  %s\n", subject[k].name, subject[k].size, subject[k].readers);
}

int main(int argc, char **argv) {
  long cases = getenv("ESPALIER_SANITIZED") ? SANITIZED_CASES : CASES;
  uint64_t seed = 1;
  const char *only = NULL, *one = NULL;
  int listed = 0, told = 0, none = 1;
  for (int k = 1; k < argc; k++) {
    if (k + 1 < argc && !strcmp(argv[k], "-cases"))
      cases = atol(argv[++k]);
    else if (k + 1 < argc && !strcmp(argv[k], "-seed"))
      seed = strtoull(argv[++k], NULL, 10);
    else if (k + 1 < argc && !strcmp(argv[k], "-only"))
      only = argv[++k];
    else if (k + 1 < argc && !strcmp(argv[k], "-case"))
      one = argv[++k];
    else if (k + 1 < argc && !strcmp(argv[k], "-keep"))
      keep = argv[++k];
    else if (!strcmp(argv[k], "-list"))
      listed = 1;
    else if (!strcmp(argv[k], "-tell"))
      told = 1;
  }
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || !mkdtemp(folder) || chdir(folder)) return perror(folder), EXIT_FAILURE;
  if (PetscInitialize(&none, &(char **){(char *[]){argv[0], NULL}}, NULL, NULL)) return EXIT_FAILURE;
  setenv("PATH", folder, 1); /* no gnuplot: its pictures are not what is tested */
  const int out = dup(STDOUT_FILENO);
  if (told) tell = fdopen(dup(out), "w");
  if (!freopen("made", "w", stdout)) return EXIT_FAILURE;
  subjects = fuzz_subjects(folder, subject);
  read_good();
  fflush(stdout);
  dup2(out, STDOUT_FILENO);
  if (one)
    kept = calloc(1, sizeof *kept), snprintf(*kept, sizeof *kept, "%s", one), kept_count = 1, cases = 0;
  else
    load_kept();
  if (listed)
    list();
  else
    run_all(kept_count + cases, seed, only);
  for (long k = 0; k < shared->failed && k < TOLD; k++) printf("FAIL: %s\n", shared->told[k]);
  printf("%ld cases kept, %ld drawn: %ld accepted, %ld refused, %ld ended within HDF5, %ld failed\n", kept_count, cases,
         shared->accepted, shared->refused, shared->foreign, shared->failed);
  if (one) {
    char line[512];
    FILE *log = fopen("log", "r");
    while (log && fgets(line, sizeof line, log)) fputs(line, stdout);
  }
  nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS);
  PetscFinalize();
  return shared->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
