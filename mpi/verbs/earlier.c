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

/* of: what only a trained network leaves; the others belong to it where one of those is. The first moves first. What a user
 * may keep there to be read, data and snapshots, stays. */
static const struct {
  const char *name;
  int of;
} FILES[] = {{"checkpoint.h5", 1}, {"metrics.csv", 1},     {"ladder.csv", 1},  {"config.yaml", 0}, {"*.csv", 0},
             {"prediction.h5", 0}, {"prediction.hdf5", 0}, {"[!g]*.json", 0}, /* not the data's generate.json */
             {"*.gp", 0},          {"*.svg", 0},           {"report.html", 0}, {"gnuplot.log", 0}};
enum { ROWS = sizeof FILES / sizeof *FILES };

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

static int move_all(const char *from, const char *to) {
  int rc = ESP_OK;
  for (int row = 0; row < ROWS && !rc; row++) {
    DIR *list = opendir(from);
    ESP_CHECK(list, ESP_ERR_FILE, "%s: cannot be read: %s", from, strerror(errno));
    for (const struct dirent *entry; !rc && (entry = readdir(list));)
      if (!fnmatch(FILES[row].name, entry->d_name, FNM_PERIOD) && is_file(from, entry->d_name))
        rc = move(entry->d_name, from, to);
    closedir(list);
  }
  return rc;
}

static uint64_t data_now(const esp_run *run) {
  char path[4096];
  struct stat seen = {0};
  if (esp_run_path(run, "data.h5", path, sizeof path) || stat(path, &seen)) return 0;
  return esp_hash_mix((uint64_t)seen.st_ino, (uint64_t)seen.st_mtime);
}

int esp_earlier_put_away(const esp_run *run, esp_earlier *earlier) {
  char *folder = earlier->folder;
  int there = 0;
  for (int row = 0; row < ROWS; row++) there |= FILES[row].of && is_file(run->dir, FILES[row].name);
  if (!there) return ESP_OK;
  ESP_CALL(make_folder(run, folder, sizeof earlier->folder));
  earlier->data = data_now(run);
  ESP_CALL(move_all(run->dir, folder));
  esp_run_say(run, "what an earlier training left in %s is in %s now\n", run->dir, folder);
  return ESP_OK;
}

void esp_earlier_put_back(const esp_run *run, const esp_earlier *earlier) {
  if (!earlier->folder[0] || is_file(run->dir, "metrics.csv") || earlier->data != data_now(run)) return;
  if (move_all(earlier->folder, run->dir) || rmdir(earlier->folder)) return; /* the first failure is the one to tell */
  esp_run_say(run, "what an earlier training left in %s is there again\n", run->dir);
}
