#include "cuda/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/device.h"
#include "cuda/queue.h"

int esp_link_follow(esp_link *link) {
  return esp_queue_order(NULL, link->stream, link->event);
}

int esp_link_lead(esp_link *link) {
  return esp_queue_order(link->stream, NULL, link->event);
}

static int by_bytes(const void *a, const void *b) {
  return memcmp(a, b, ESP_DEVICE_UUID);
}

/* Whether any two ranks have one device. */
static int share_device(const esp_comm *comm, int *shared) {
  char uuid[ESP_DEVICE_UUID] = "", *all = NULL;
  size_t *start = NULL;
  int rc = esp_device_uuid(uuid);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->gather_all(comm, uuid, sizeof uuid, (void **)&all, start));
  qsort(all, (size_t)comm->size, sizeof uuid, by_bytes);
  *shared = 0;
  for (int r = 1; r < comm->size; r++)
    *shared |= !memcmp(all + (size_t)r * sizeof uuid, all + (size_t)(r - 1) * sizeof uuid, sizeof uuid);
done:
  ESP_FREE(all);
  ESP_FREE(start);
  return rc;
}

/* NULL, and why, where NCCL cannot. */
static int try_nccl(const esp_comm *comm, esp_link **link, char *why, size_t room) {
  int shared;
  *link = NULL;
  ESP_CALL(share_device(comm, &shared));
  snprintf(why, room, "%s", shared ? "ranks share a device" : "this program has no NCCL");
  if (shared) return ESP_OK;
  if (!comm->agree(comm, esp_link_nccl(comm, link))) return ESP_OK;
  snprintf(why, room, "%.*s", (int)strcspn(esp_error_message(), "\n"), esp_error_message());
  esp_error_clear();
  if (*link) (*link)->ops->destroy(link);
  return ESP_OK;
}

static int choose(const esp_comm *comm, esp_link **link) {
  char why[128];
  ESP_CALL(try_nccl(comm, link, why, sizeof why));
  if (*link) return ESP_OK;
  const int rc = comm->agree(comm, esp_link_staged(comm, link));
  if (rc && *link) (*link)->ops->destroy(link);
  if (!rc) snprintf((*link)->how, sizeof(*link)->how, "pinned host memory and MPI (%s)", why);
  return rc;
}

static void forget(void **kept) {
  esp_link *link = *kept;
  if (link) link->ops->destroy(&link);
  *kept = NULL;
}

void esp_link_keep(const esp_comm *comm, esp_link *link) {
  forget(&comm->there->kept);
  *comm->there = (esp_comm_there){link, forget};
}

int esp_link_of(const esp_comm *comm, esp_link **link) {
  if (!comm->there->kept) {
    ESP_CALL(choose(comm, link));
    esp_link_keep(comm, *link);
  }
  *link = comm->there->kept;
  return ESP_OK;
}

int esp_link_join(const esp_comm *comm, const char **how) {
  esp_link *link;
  *how = "nothing: one rank";
  if (comm->size == 1) return ESP_OK;
  ESP_CALL(esp_link_of(comm, &link));
  *how = link->how;
  return ESP_OK;
}

int esp_link_sum_i64(const esp_comm *comm, int64_t *there, size_t count) {
  esp_link *link;
  if (comm->size == 1) return ESP_OK;
  ESP_CALL(esp_link_of(comm, &link));
  const int before = esp_link_follow(link), rc = link->ops->sum_i64(link, there, count), after = esp_link_lead(link);
  return before ? before : rc ? rc : after;
}
