/* The row of cuda/link.h through the hosts: pinned memory, and the comm's transfers between ranks. A group's host memory is
 * kept for the next one. Ranks agree in each group and sum that what is sent has come from their devices, so that a device
 * that fails fails on all of them. */
#include <stdio.h>

#include "cuda/link.h"
#include "cuda/queue.h"

/* One direction of a group. */
typedef struct {
  int count;
  size_t room, there_room;
  esp_parcel *parcel; /* [count] data: where in `pinned` */
  void **there;       /* [count] of the device */
  void *pinned;
  size_t bytes, pinned_room;
} stage;

struct esp_link_group {
  stage to, from;
  esp_transfer *transfer;
  esp_link_group *next; /* idle ones */
};

typedef struct {
  esp_link link; /* first: the link is the object */
  esp_link_group *open, *idle;
} staged;

static staged *of(esp_link *link) {
  return (staged *)link;
}

static void stage_free(stage *s) {
  ESP_FREE(s->parcel);
  ESP_FREE(s->there);
  esp_pinned_free(&s->pinned);
}

static void group_free(esp_link_group *group) {
  if (!group) return;
  stage_free(&group->to);
  stage_free(&group->from);
  ESP_FREE(group);
}

static void group_rest(staged *s, esp_link_group *group) {
  group->next = s->idle;
  s->idle = group;
}

static int group_begin(esp_link *link) {
  staged *s = of(link);
  ESP_CHECK(!s->open, ESP_ERR_ARG, "a group within a group");
  if (s->idle) {
    s->open = s->idle;
    s->idle = s->open->next;
  } else {
    ESP_CALL(ESP_ALLOC(s->open, 1));
  }
  s->open->to.count = s->open->from.count = 0;
  s->open->to.bytes = s->open->from.bytes = 0;
  return ESP_OK;
}

static int stage_add(staged *s, int sends, int peer, void *there, size_t bytes) {
  ESP_CHECK(s->open, ESP_ERR_ARG, "a parcel for or from rank %d outside of a group", peer);
  stage *at = sends ? &s->open->to : &s->open->from;
  ESP_CALL(ESP_GROW(at->parcel, at->room, at->count + 1));
  ESP_CALL(ESP_GROW(at->there, at->there_room, at->count + 1));
  at->parcel[at->count] = (esp_parcel){.rank = peer, .bytes = bytes};
  at->there[at->count++] = there;
  at->bytes += bytes;
  return ESP_OK;
}

static int send_to(esp_link *link, int peer, const void *there, size_t bytes) {
  return stage_add(of(link), 1, peer, (void *)(uintptr_t)there, bytes);
}

static int receive(esp_link *link, int peer, void *there, size_t bytes) {
  return stage_add(of(link), 0, peer, there, bytes);
}

/* Memory of the host for all of its parcels. */
static int stage_prepare(stage *s) {
  if (s->bytes > s->pinned_room) {
    esp_pinned_free(&s->pinned);
    s->pinned_room = 0;
    ESP_CALL(esp_pinned_alloc(&s->pinned, s->bytes));
    s->pinned_room = s->bytes;
  }
  char *at = s->pinned;
  for (int i = 0; i < s->count; at += s->parcel[i++].bytes) s->parcel[i].data = at;
  return ESP_OK;
}

/* What is sent lies with the host. */
static int fetch(staged *s, esp_link_group *group) {
  ESP_CALL(stage_prepare(&group->to));
  ESP_CALL(stage_prepare(&group->from));
  for (int i = 0; i < group->to.count; i++) {
    const esp_parcel *p = group->to.parcel + i;
    ESP_CALL(esp_queue_get(p->data, group->to.there[i], p->bytes, s->link.stream));
  }
  return esp_queue_wait(s->link.stream);
}

static int group_end(esp_link *link, esp_link_group **group) {
  staged *s = of(link);
  const esp_comm *comm = link->comm;
  int rc = ESP_OK;
  *group = NULL;
  if (!s->open) rc = ESP_FAIL(ESP_ERR_ARG, "no group is open");
  if (!rc) rc = fetch(s, s->open);
  rc = comm->agree(comm, rc);
  esp_link_group *g = s->open;
  s->open = NULL;
  if (!rc) rc = comm->transfer_begin(comm, g->to.count, g->to.parcel, g->from.count, g->from.parcel, &g->transfer);
  if (!rc) *group = g;
  if (rc && g) group_rest(s, g);
  return rc;
}

static int arrive(esp_link *link, esp_link_group **group) {
  esp_link_group *g = *group;
  if (!g) return ESP_OK;
  int rc = link->comm->transfer_end(link->comm, &g->transfer);
  for (int i = 0; !rc && i < g->from.count; i++) {
    const esp_parcel *p = g->from.parcel + i;
    rc = esp_queue_put(g->from.there[i], p->data, p->bytes, link->stream);
  }
  /* the next group's memory is first used by this stream, then by the host, which waits for it: fetch */
  group_rest(of(link), g);
  *group = NULL;
  return rc;
}

static int sum_i64(esp_link *link, int64_t *there, size_t count) {
  const size_t bytes = count * sizeof *there;
  void *host = NULL;
  int rc = esp_pinned_alloc(&host, bytes);
  if (!rc) rc = esp_queue_get(host, there, bytes, link->stream);
  if (!rc) rc = esp_queue_wait(link->stream);
  ESP_TRY(link->comm->agree(link->comm, rc));
  ESP_TRY(link->comm->sum_i64(link->comm, host, count));
  ESP_TRY(esp_queue_put(there, host, bytes, link->stream));
  ESP_TRY(esp_queue_wait(link->stream));
done:
  esp_pinned_free(&host);
  return rc;
}

static void destroy(esp_link **link) {
  staged *s = of(*link);
  group_free(s->open);
  while (s->idle) {
    esp_link_group *group = s->idle;
    s->idle = group->next;
    group_free(group);
  }
  esp_queue_free(&s->link.stream, &s->link.event);
  ESP_FREE(*link);
}

static const esp_link_ops ops = {.name = "staged",
                                 .group_begin = group_begin,
                                 .send = send_to,
                                 .recv = receive,
                                 .group_end = group_end,
                                 .arrive = arrive,
                                 .sum_i64 = sum_i64,
                                 .destroy = destroy};

int esp_link_staged(const esp_comm *comm, esp_link **link) {
  staged *s = NULL;
  *link = NULL;
  ESP_CALL(ESP_ALLOC(s, 1));
  s->link = (esp_link){.ops = &ops, .comm = comm};
  snprintf(s->link.how, sizeof s->link.how, "pinned host memory and MPI");
  const int rc = esp_queue_create(&s->link.stream, &s->link.event);
  if (rc) esp_queue_free(&s->link.stream, &s->link.event);
  if (rc) ESP_FREE(s);
  *link = rc ? NULL : &s->link;
  return rc;
}
