/* A graph as Matrix Market text. Every rank knows how long its lines are before it makes them, so all write their parts of
 * one draft at once, each in its place. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/at_hand.h"
#include "io/file_draft.h"
#include "io/graph_file.h"

enum { LINE = 96, PART = 1 << 20 };

typedef struct {
  const esp_comm *comm;
  const char *path;
  const esp_graph *graph;
  const esp_graph_about *about;
  char head[1024], *part; /* part [PART + LINE] */
  int64_t from, end;      /* bytes of this rank's lines; end: of the file */
  esp_draft draft;
  int fd;
} text;

static int head_of(text *t) {
  const esp_graph_about *a = t->about;
  char kind[64];
  snprintf(kind, sizeof kind, a->neighbours ? "%" PRId64 " nearest senders of each receiver" : "near lists",
           a->neighbours);
  const int length = snprintf(
      t->head, sizeof t->head,
      "%%%%MatrixMarket matrix coordinate real general\n"
      "%% espalier graph, version 1: task %s, network %s, layer %d: %s\n"
      "%% rows: receivers; columns: senders, of a row nearest first, ties to the lower id; by their place in the set\n"
      "%% weight: %s, in a learned space of %d dimensions, scale %.17g\n"
      "%% checkpoint %016" PRIx64 ", data %016" PRIx64 ", checksum %016" PRIx64
      "\n"
      "%" PRId64 " %" PRId64 " %" PRId64 "\n",
      a->task, a->network, a->layer, kind, a->scale > 0 ? "exp(-distance^2 / (2 scale^2))" : "1 (no gate)", a->dim,
      a->scale, a->checkpoint, a->data, a->checksum, t->graph->n, t->graph->n, t->graph->edges);
  ESP_CHECK(length > 0 && length < (int)sizeof t->head, ESP_ERR_LIMIT, "%s: a heading of %d characters", t->path,
            length);
  return ESP_OK;
}

static int digits(int64_t value) {
  int count = 1;
  for (; value >= 10; value /= 10) count++;
  return count;
}

static int print(const text *t, int row, int64_t e, char *to) {
  return snprintf(to, LINE, "%" PRId64 " %" PRId64 " %.16e\n", t->graph->first + row + 1, t->graph->sender[e] + 1,
                  esp_graph_weight(t->about, t->graph->distance[e]));
}

/* Of the line that `print` makes: an exponent has two digits, but for weights that are all but nothing. */
static int length_of(const text *t, int row, int64_t e) {
  char line[LINE];
  const double weight = esp_graph_weight(t->about, t->graph->distance[e]);
  if (weight > 0 && weight < 1e-98) return print(t, row, e, line);
  return digits(t->graph->first + row + 1) + digits(t->graph->sender[e] + 1) + (int)sizeof "  1.2345678901234567e-01";
}

static int measure(text *t) {
  const esp_graph *graph = t->graph;
  int64_t own = 0;
  for (int i = 0; i < graph->n_home; i++)
    for (int64_t e = graph->start[i]; e < graph->start[i + 1]; e++) own += length_of(t, i, e);
  t->from = t->end = own;
  ESP_CALL(t->comm->exscan_i64(t->comm, &t->from));
  ESP_CALL(t->comm->sum_i64(t->comm, &t->end, 1));
  t->from += (int64_t)strlen(t->head);
  t->end += (int64_t)strlen(t->head);
  return ESP_OK;
}

static int put(const text *t, const char *bytes, int64_t count, int64_t at) {
  while (count > 0) {
    const ssize_t some = pwrite(t->fd, bytes, (size_t)count, (off_t)at);
    if (some < 0 && errno == EINTR) continue;
    ESP_CHECK(some > 0, ESP_ERR_FILE, "%s: cannot be written: %s", t->path, strerror(errno));
    bytes += some, count -= some, at += some;
  }
  return ESP_OK;
}

static int put_lines(const text *t) {
  const esp_graph *graph = t->graph;
  int64_t at = t->from, held = 0;
  if (t->comm->rank == 0) ESP_CALL(put(t, t->head, (int64_t)strlen(t->head), 0));
  for (int i = 0; i < graph->n_home; i++)
    for (int64_t e = graph->start[i]; e < graph->start[i + 1]; e++) {
      held += print(t, i, e, t->part + held);
      if (held < PART) continue;
      ESP_CALL(put(t, t->part, held, at));
      at += held;
      held = 0;
    }
  ESP_CALL(put(t, t->part, held, at));
  ESP_CHECK(fsync(t->fd) == 0, ESP_ERR_FILE, "%s: cannot be brought to disk: %s", t->path, strerror(errno));
  return ESP_OK;
}

static int open_draft(text *t) {
  t->fd = open(t->draft.path, O_WRONLY | O_CLOEXEC);
  ESP_CHECK(t->fd >= 0, ESP_ERR_FILE, "%s: cannot be opened: %s", t->draft.path, strerror(errno));
  return ESP_OK;
}

static int put_all(text *t) {
  const int rc = put_lines(t), closed = close(t->fd);
  t->fd = -1;
  ESP_CALL(rc);
  ESP_CHECK(closed == 0, ESP_ERR_FILE, "%s: cannot be closed: %s", t->path, strerror(errno));
  return ESP_OK;
}

int esp_graph_write_text(const esp_comm *comm, const char *path, const esp_graph *graph, const esp_graph_about *about) {
  text t = {.comm = comm, .path = path, .graph = graph, .about = about, .fd = -1};
  int rc = head_of(&t);
  esp_at_hand("writing", path);
  if (!rc) rc = ESP_ALLOC(t.part, PART + LINE);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(measure(&t));
  ESP_TRY(esp_file_draft_begin(comm, path, &t.draft));
  ESP_TRY(esp_file_draft_room(comm, path, &t.draft, (uint64_t)t.end));
  ESP_TRY(comm->agree(comm, open_draft(&t)));
  ESP_TRY(comm->agree(comm, put_all(&t)));
  ESP_TRY(esp_file_draft_keep(comm, path, &t.draft));
done:
  if (t.fd >= 0) close(t.fd);
  esp_draft_drop(&t.draft);
  esp_at_hand(NULL, NULL);
  ESP_FREE(t.part);
  return rc;
}
