#define _GNU_SOURCE
#include "verbs/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "base/draft.h"

/* ---- who holds it ---- */

/* space: of process numbers; containers of one host have their own. start: in ticks since the machine started, 0: not
 * known. */
typedef struct {
  char host[256], space[64], since[32];
  long process;
  unsigned long long start;
} holder;

/* When a process started; 0 if there is none that could work. */
static int started(long process, unsigned long long *start) {
  char path[64], text[1024] = "", state = 'X';
  snprintf(path, sizeof path, "/proc/%ld/stat", process);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  /* its name, in brackets, may hold anything */
  const char *at = strrchr(text, ')');
  if (!at || sscanf(at, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &state,
                    start) != 2)
    return 0;
  return state != 'Z' && state != 'X';
}

static holder myself(void) {
  holder h = {.host = "?", .space = "?", .process = getpid()};
  const time_t now = time(NULL);
  struct tm local;
  gethostname(h.host, sizeof h.host - 1);
  const ssize_t length = readlink("/proc/self/ns/pid", h.space, sizeof h.space - 1);
  h.space[length > 0 ? length : 1] = 0;
  started(h.process, &h.start);
  if (localtime_r(&now, &local)) strftime(h.since, sizeof h.since, "%Y-%m-%dT%H:%M:%S", &local);
  return h;
}

static const char FORM[] = "host %s process %ld start %llu space %s since %s\n";

static int read_holder(const char *path, holder *h) {
  char text[512] = "";
  const int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  if (size < 0) return 0;
  return sscanf(text, "host %255s process %ld start %llu space %63s since %31s", h->host, &h->process, &h->start,
                h->space, h->since) == 5;
}

/* ---- taking it ---- */

/* 0, or why not. */
static int create(const char *path, const holder *h) {
  char text[512];
  const int length = snprintf(text, sizeof text, FORM, h->host, h->process, h->start, h->space, h->since);
  const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (file < 0) return errno;
  errno = 0;
  int error = write(file, text, (size_t)length) == length ? 0 : errno ? errno : EIO;
  if (close(file) && !error) error = errno;
  if (error) unlink(path);
  return error;
}

/* ESP_OK: the lock at path is that of an ended job. */
static int judge(const char *dir, const char *path, const holder *me) {
  holder h = {.host = ""};
  unsigned long long start = 0;
  ESP_CHECK(read_holder(path, &h), ESP_ERR_FILE,
            "%s: is no lock that can be read; if no other job works in %s, remove it, or give another -run_name", path,
            dir);
  ESP_CHECK(!strcmp(h.host, me->host) && !strcmp(h.space, me->space), ESP_ERR_FILE,
            "%s: a job works there: process %ld on host %s, since %s; wait for it or give another -run_name; if that "
            "job has ended, remove %s",
            dir, h.process, h.host, h.since, path);
  const int there = h.start ? started(h.process, &start) && start == h.start : !kill((pid_t)h.process, 0);
  ESP_CHECK(!there, ESP_ERR_FILE,
            "%s: a job works there: process %ld of this host, since %s; wait for it or give another -run_name", dir,
            h.process, h.since);
  return ESP_OK;
}

static int take(const char *dir, const char *path) {
  const holder me = myself();
  int error = create(path, &me);
  if (error == EEXIST) {
    ESP_CALL(judge(dir, path, &me));
    unlink(path);
    error = create(path, &me);
  }
  ESP_CHECK(!error, ESP_ERR_FILE, "%s: cannot be written: %s", path, strerror(error));
  return ESP_OK;
}

/* Closes the folder. */
static void remove_drafts(int folder) {
  DIR *list = fdopendir(folder);
  for (const struct dirent *entry; list && (entry = readdir(list));)
    if (esp_draft_is(entry->d_name)) unlinkat(folder, entry->d_name, 0);
  if (list)
    closedir(list);
  else
    close(folder);
}

int esp_lock_take(const char *dir, esp_lock *lock) {
  *lock = (esp_lock){.place = -1};
  const int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ESP_CHECK(folder >= 0, ESP_ERR_FILE, "%s: cannot be opened: %s", dir, strerror(errno));
  /* two that find the lock of an ended job must not both take it; where a folder cannot be held, it takes bad luck */
  (void)!flock(folder, LOCK_EX);
  snprintf(lock->path, sizeof lock->path, "%s/run.lock", dir);
  int rc = take(dir, lock->path);
  if (rc) {
    close(folder);
    lock->path[0] = 0;
    return rc;
  }
  lock->place = esp_passing_add(lock->path);
  remove_drafts(folder);
  return ESP_OK;
}

void esp_lock_drop(esp_lock *lock) {
  if (!lock->path[0]) return;
  unlink(lock->path);
  esp_passing_drop(lock->place);
  lock->path[0] = 0;
}
