#include "base/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "base/hash.h"

static const char ENDING[] = ".part";
enum { DIGITS = 16, TRIES = 100 };

uint64_t esp_unique(void) {
  static uint64_t calls;
  char host[256] = "";
  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  (void)!gethostname(host, sizeof host - 1);
  uint64_t state = esp_hash_mix((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
  state = esp_hash_mix(esp_hash_mix(state, (uint64_t)getpid()), ++calls);
  for (const char *c = host; *c; c++) state = esp_hash_mix(state, (uint64_t)*c);
  return state;
}

int esp_draft_is(const char *name) {
  const size_t length = strlen(name), tail = DIGITS + sizeof ENDING - 1;
  if (length <= tail + 1) return 0;
  const char *at = name + length - tail;
  return at[-1] == '.' && strspn(at, "0123456789abcdef") == DIGITS && !strcmp(at + DIGITS, ENDING);
}

/* A name that is there, a link too, is somebody else's: the next one. */
static int create(const char *path, esp_draft *draft, int *file) {
  *file = -1;
  for (int k = 0; k < TRIES && *file < 0; k++) {
    const int length = snprintf(draft->path, sizeof draft->path, "%s.%016" PRIx64 "%s", path, esp_unique(), ENDING);
    ESP_CHECK(length >= 0 && (size_t)length < sizeof draft->path, ESP_ERR_LIMIT, "%s: path longer than %zu characters",
              path, sizeof draft->path - sizeof ENDING - DIGITS - 1);
    *file = open(draft->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (*file < 0 && errno != EEXIST) break;
  }
  ESP_CHECK(*file >= 0, ESP_ERR_FILE, "%s: cannot be written: %s", path, strerror(errno));
  return ESP_OK;
}

int esp_draft_begin(const char *path, esp_draft *draft) {
  int file;
  *draft = (esp_draft){.place = -1};
  ESP_CALL(create(path, draft, &file));
  draft->stream = fdopen(file, "w+");
  if (!draft->stream) {
    close(file);
    unlink(draft->path);
    return ESP_FAIL(ESP_ERR_MEMORY, "%s: no memory to write it", path);
  }
  draft->place = esp_passing_add(draft->path);
  return ESP_OK;
}

/* error: of what was written, 0 if all is well. */
static int settle(esp_draft *draft, const char *path, int error) {
  if (!error && rename(draft->path, path)) error = errno;
  if (error) unlink(draft->path);
  esp_passing_drop(draft->place);
  draft->stream = NULL;
  ESP_CHECK(!error, ESP_ERR_FILE, "%s: cannot be written: %s", path, strerror(error));
  return ESP_OK;
}

/* A stream keeps that it could not be written, and not why: that is the last error there was. */
static int flush(FILE *stream) {
  if (!fflush(stream) && !ferror(stream)) return 0;
  return errno ? errno : EIO;
}

int esp_draft_keep(esp_draft *draft, const char *path) {
  int error = flush(draft->stream);
  if (fclose(draft->stream) && !error) error = errno;
  return settle(draft, path, error);
}

int esp_draft_keep_open(esp_draft *draft, const char *path, FILE **stream) {
  FILE *kept = draft->stream;
  int rc = settle(draft, path, flush(kept));
  if (rc) fclose(kept);
  *stream = rc ? NULL : kept;
  return rc;
}

void esp_draft_drop(esp_draft *draft) {
  if (!draft->stream) return;
  fclose(draft->stream);
  unlink(draft->path);
  esp_passing_drop(draft->place);
  draft->stream = NULL;
}
