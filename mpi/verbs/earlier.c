#include "verbs/earlier.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/hash.h"

/* A file is what the first row that it fits says; the first moves first. What a user may keep there to be read, data and
 * snapshots, stays, as do the data's own files. */
enum { DATA, RESULT, TRAINING };
static const struct {
  const char *name;
  int of;
} FILES[] = {{"checkpoint.h5", TRAINING}, {"metrics.csv", TRAINING}, {"memory.csv", TRAINING},
             {"config.yaml", TRAINING},   {"train.json", TRAINING},  {"config-generate.yaml", DATA},
             {"ladder.csv", RESULT},      {"graph.json", RESULT},    {"prediction.h5", RESULT},
             {"prediction.hdf5", RESULT}, {"evaluate.json", RESULT}, {"predict.json", RESULT},
             {"partition.json", RESULT},  {"report.json", RESULT},   {"run.json", RESULT},
             {"report.html", RESULT},     {"gnuplot.log", RESULT},   {"config-*.yaml", RESULT},
             {"*.csv", RESULT},           {"*.gp", RESULT},          {"*.svg", RESULT}};
enum { ROWS = sizeof FILES / sizeof *FILES };

/* ROWS: no row. */
static int row_of(const char *name) {
  int row = 0;
  while (row < ROWS && fnmatch(FILES[row].name, name, FNM_PERIOD)) row++;
  return row;
}

/* A file, or a link; a pipe is nobody's result. */
static int is_file(const char *folder, const char *name) {
  char path[4400];
  struct stat seen;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return !lstat(path, &seen) && (S_ISREG(seen.st_mode) || S_ISLNK(seen.st_mode));
}

static int make_folder(const esp_run *run, char *path, size_t size) {
  for (int k = 1; k < INT_MAX; k++) {
    char name[32];
    snprintf(name, sizeof name, "earlier-%d", k);
    ESP_CALL(esp_run_path(run, name, path, size));
    if (!mkdir(path, 0777)) return ESP_OK;
    if (errno != EEXIST) break;
  }
  return ESP_FAIL(ESP_ERR_FILE, "%s: cannot be made: %s", path, strerror(errno));
}

static int move(const char *name, const char *from_folder, const char *to_folder) {
  char from[4400], to[4400];
  snprintf(from, sizeof from, "%s/%s", from_folder, name);
  snprintf(to, sizeof to, "%s/%s", to_folder, name);
  ESP_CHECK(!rename(from, to), ESP_ERR_FILE, "%s: cannot be moved to %s: %s", from, to, strerror(errno));
  return ESP_OK;
}

/* most: RESULT, or TRAINING with its results. */
static int move_all(const char *from, const char *to, int most) {
  int rc = ESP_OK;
  for (int row = 0; row < ROWS && !rc; row++) {
    if (FILES[row].of == DATA || FILES[row].of > most) continue;
    DIR *list = opendir(from);
    ESP_CHECK(list, ESP_ERR_FILE, "%s: cannot be read: %s", from, strerror(errno));
    for (const struct dirent *entry; !rc && (entry = readdir(list));)
      if (row_of(entry->d_name) == row && is_file(from, entry->d_name)) rc = move(entry->d_name, from, to);
    closedir(list);
  }
  return rc;
}

/* Changes where what the files that went away were made of, or belong to, is made anew. */
static uint64_t made(const esp_run *run, int most) {
  const char *const names[] = {"data.h5", most == TRAINING ? "metrics.csv" : "checkpoint.h5"};
  uint64_t sum = 0;
  for (int k = 0; k < 2; k++) {
    char path[4096];
    struct stat seen = {0};
    if (esp_run_path(run, names[k], path, sizeof path) || stat(path, &seen)) memset(&seen, 0, sizeof seen);
    sum = esp_hash_mix(esp_hash_mix(sum, (uint64_t)seen.st_ino), (uint64_t)seen.st_size);
    sum = esp_hash_mix(esp_hash_mix(sum, (uint64_t)seen.st_mtim.tv_sec), (uint64_t)seen.st_mtim.tv_nsec);
  }
  return sum;
}

static const char *const whose[] = {
    [RESULT] = "what was found with other data or an earlier network", [TRAINING] = "what an earlier training left"};

int esp_earlier_put_away(const esp_run *run, int training, esp_earlier *earlier) {
  char *folder = earlier->folder;
  const int most = earlier->most = training ? TRAINING : RESULT;
  int there = 0;
  for (int row = 0; row < ROWS; row++)
    there |= FILES[row].of != DATA && FILES[row].of <= most && is_file(run->dir, FILES[row].name);
  if (!there) return ESP_OK;
  ESP_CALL(make_folder(run, folder, sizeof earlier->folder));
  ESP_CALL(move_all(run->dir, folder, most));
  earlier->made = made(run, most);
  esp_run_say(run, "%s in %s is in %s now\n", whose[most], run->dir, folder);
  return ESP_OK;
}

void esp_earlier_put_back(const esp_run *run, const esp_earlier *earlier) {
  if (!earlier->folder[0] || earlier->made != made(run, earlier->most)) return;
  /* the first failure is the one to tell */
  if (move_all(earlier->folder, run->dir, earlier->most) || rmdir(earlier->folder)) return;
  esp_run_say(run, "%s in %s is there again\n", whose[earlier->most], run->dir);
}
