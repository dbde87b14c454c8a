/* The row of cuda/link.h by NCCL: a group of the link is one of NCCL's, on the link's stream; sums are of integers, the same bits
 * in any order. One communicator a comm; its id goes through the comm's broadcast. */
#include "cuda/link.h"

#include <cstdio>

#include <nccl.h>

#include "cuda/queue.h"

#define ESP_NCCL(expr)                                                                   \
  do {                                                                                   \
    const ncclResult_t esp_nccl_ = (expr);                                               \
    if (esp_nccl_ != ncclSuccess)                                                        \
      return esp_fail(ESP_ERR_COMM, __FILE__, __LINE__, __func__, "NCCL: %s: %s", #expr, \
                      ncclGetErrorString(esp_nccl_));                                    \
  } while (0)

namespace {

struct linked {
  esp_link link; /* first: the link is the object */
  ncclComm_t comm;
};

ncclComm_t comm_of(esp_link *link) {
  return reinterpret_cast<linked *>(link)->comm;
}

cudaStream_t stream_of(esp_link *link) {
  return static_cast<cudaStream_t>(link->stream);
}

int group_begin(esp_link *) {
  ESP_NCCL(ncclGroupStart());
  return ESP_OK;
}

int send_to(esp_link *link, int peer, const void *there, size_t bytes) {
  ESP_NCCL(ncclSend(there, bytes, ncclInt8, peer, comm_of(link), stream_of(link)));
  return ESP_OK;
}

int receive(esp_link *link, int peer, void *there, size_t bytes) {
  ESP_NCCL(ncclRecv(there, bytes, ncclInt8, peer, comm_of(link), stream_of(link)));
  return ESP_OK;
}

/* What was given to the stream by now arrives in its order: there is nothing to keep. */
int group_end(esp_link *, esp_link_group **group) {
  *group = nullptr;
  ESP_NCCL(ncclGroupEnd());
  return ESP_OK;
}

int arrive(esp_link *link, esp_link_group **) {
  ncclResult_t state = ncclSuccess;
  ESP_NCCL(ncclCommGetAsyncError(comm_of(link), &state));
  ESP_NCCL(state);
  return ESP_OK;
}

int sum_i64(esp_link *link, int64_t *there, size_t count) {
  if (count) ESP_NCCL(ncclAllReduce(there, there, count, ncclInt64, ncclSum, comm_of(link), stream_of(link)));
  return ESP_OK;
}

void destroy(esp_link **link) {
  linked *made = reinterpret_cast<linked *>(*link);
  if (made->comm) ncclCommDestroy(made->comm);
  esp_queue_free(&made->link.stream, &made->link.event);
  ESP_FREE(*link);
}

const esp_link_ops ops = {"nccl", group_begin, send_to, receive, group_end, arrive, sum_i64, destroy};

int id_make(ncclUniqueId *id) {
  ESP_NCCL(ncclGetUniqueId(id));
  return ESP_OK;
}

int connect(const esp_comm *comm, const ncclUniqueId &id, linked *made) {
  int version = 0;
  ESP_NCCL(ncclCommInitRank(&made->comm, comm->size, id, comm->rank));
  ESP_NCCL(ncclGetVersion(&version));
  snprintf(made->link.how, sizeof made->link.how, "NCCL %d.%d.%d", version / 10000, version / 100 % 100, version % 100);
  return ESP_OK;
}

}  // namespace

int esp_link_nccl(const esp_comm *comm, esp_link **link) {
  linked *made = nullptr;
  ncclUniqueId id = {};
  *link = nullptr;
  int rc = ESP_ALLOC(made, 1);
  if (!rc) rc = esp_queue_create(&made->link.stream, &made->link.event);
  if (!rc && comm->rank == 0) rc = id_make(&id);
  rc = comm->agree(comm, rc);
  if (!rc) rc = comm->broadcast(comm, &id, sizeof id, 0);
  if (!rc) {
    made->link.ops = &ops;
    made->link.comm = comm;
    rc = connect(comm, id, made);
  }
  if (rc && made) {
    esp_queue_free(&made->link.stream, &made->link.event);
    ESP_FREE(made);
  }
  if (made) *link = &made->link;
  return rc;
}
