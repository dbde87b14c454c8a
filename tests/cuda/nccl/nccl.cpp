#include "nccl.h"

#include <stdio.h>
#include <string.h>

#include <memory>
#include <vector>

/* A call: of a group, or a sum alone. */
enum { SEND, RECEIVE, SUM };
struct call {
  int64_t kind, peer, bytes;
};

struct esp_nccl_comm {
  const esp_comm *comm;
  /* what streams have still to copy from */
  std::vector<std::unique_ptr<char[]>> arrived;
};

namespace {

struct state {
  const esp_comm *comm;
  esp_nccl_calls called;
  int depth, communicators;
  /* of the group that is open */
  std::vector<call> calls;
  std::vector<void *> memory;
  ncclComm_t of;
  cudaStream_t stream;
  int rc; /* a call of it that was wrong */
  char text[512];
};
state s;

ncclResult_t result_of(int rc) {
  if (!rc) return ncclSuccess;
  snprintf(s.text, sizeof s.text, "%s", esp_error_message());
  esp_error_clear();
  return ncclInvalidUsage;
}

/* Calls of the other rank, `kind` to or from this one, beside ours of the other kind with it. */
int check_pair(int mine, int other, const call *first, const call *last, int kind) {
  std::vector<int64_t> here, there;
  for (const call &c : s.calls)
    if (c.kind == 1 - kind && c.peer == other) here.push_back(c.bytes);
  for (const call *c = first; c < last; c++)
    if (c->kind == kind && c->peer == mine) there.push_back(c->bytes);
  const int sender = kind == SEND ? other : mine, receiver = kind == SEND ? mine : other;
  const std::vector<int64_t> &sent = kind == SEND ? there : here, &received = kind == SEND ? here : there;
  ESP_CHECK(sent.size() == received.size(), ESP_ERR_INTERNAL,
            "rank %d sends %zu messages to rank %d, which receives %zu in that group", sender, sent.size(), receiver,
            received.size());
  for (size_t k = 0; k < sent.size(); k++)
    ESP_CHECK(sent[k] == received[k], ESP_ERR_INTERNAL,
              "message %zu from rank %d to rank %d: %lld bytes sent, %lld received", k, sender, receiver,
              (long long)sent[k], (long long)received[k]);
  return ESP_OK;
}

/* All ranks are in the same kind of call, with each other's other halves. */
int check_calls(const esp_comm *comm, const char *all, const size_t *start) {
  for (int r = 0; r < comm->size; r++) {
    const call *first = reinterpret_cast<const call *>(all + start[r]);
    const call *last = reinterpret_cast<const call *>(all + start[r + 1]);
    const bool sums = first < last && first->kind == SUM, sum_here = s.calls.size() && s.calls[0].kind == SUM;
    ESP_CHECK(sums == sum_here, ESP_ERR_INTERNAL, "rank %d sums while rank %d does not", sums ? r : comm->rank,
              sums ? comm->rank : r);
    if (sums)
      ESP_CHECK(first->bytes == s.calls[0].bytes, ESP_ERR_INTERNAL, "sums of %lld bytes here, %lld on rank %d",
                (long long)s.calls[0].bytes, (long long)first->bytes, r);
    if (sums) continue;
    ESP_CALL(check_pair(comm->rank, r, first, last, SEND));
    ESP_CALL(check_pair(comm->rank, r, first, last, RECEIVE));
  }
  return ESP_OK;
}

int meet(const esp_comm *comm) {
  void *all = nullptr;
  std::vector<size_t> start((size_t)comm->size + 1);
  int rc = comm->agree(comm, s.rc);
  if (!rc) rc = comm->gather_all(comm, s.calls.data(), s.calls.size() * sizeof(call), &all, start.data());
  if (!rc) rc = comm->agree(comm, check_calls(comm, static_cast<char *>(all), start.data()));
  ESP_FREE(all);
  return rc;
}

/* Bytes as they are when the stream has come here; of what is received, too, so that memory that is no one's is seen. */
int fetch(std::vector<std::unique_ptr<char[]>> *host) {
  int rc = ESP_OK;
  for (size_t k = 0; k < s.calls.size() && !rc; k++) {
    host->emplace_back(new char[(size_t)s.calls[k].bytes]);
    const cudaError_t error =
        cudaMemcpyAsync(host->back().get(), s.memory[k], (size_t)s.calls[k].bytes, cudaMemcpyDeviceToHost, s.stream);
    if (error) rc = ESP_FAIL(ESP_ERR_INTERNAL, "call %zu of the group: %s", k, cudaGetErrorString(error));
  }
  const cudaError_t error = cudaStreamSynchronize(s.stream);
  if (error && !rc) rc = ESP_FAIL(ESP_ERR_INTERNAL, "the stream: %s", cudaGetErrorString(error));
  return rc;
}

int trade(const esp_comm *comm, const std::vector<std::unique_ptr<char[]>> &host) {
  std::vector<esp_parcel> to, from;
  esp_transfer *transfer = nullptr;
  for (size_t k = 0; k < s.calls.size(); k++) {
    const call &c = s.calls[k];
    (c.kind == SEND ? to : from).push_back({(int)c.peer, host[k].get(), (size_t)c.bytes});
  }
  ESP_CALL(comm->transfer_begin(comm, (int)to.size(), to.data(), (int)from.size(), from.data(), &transfer));
  return comm->transfer_end(comm, &transfer);
}

/* Into the stream's order: what all ranks have met for. */
int deliver(ncclComm_t of, std::vector<std::unique_ptr<char[]>> *host) {
  if (s.calls.empty()) return ESP_OK;
  of->arrived.clear(); /* fetch has waited for the stream since */
  for (size_t k = 0; k < s.calls.size(); k++) {
    if (s.calls[k].kind == SEND) continue;
    const size_t bytes = (size_t)s.calls[k].bytes;
    const cudaError_t error = cudaMemcpyAsync(s.memory[k], (*host)[k].get(), bytes, cudaMemcpyHostToDevice, s.stream);
    ESP_CHECK(!error, ESP_ERR_INTERNAL, "%s", cudaGetErrorString(error));
    of->arrived.push_back(std::move((*host)[k]));
  }
  return ESP_OK;
}

int carry_out(ncclComm_t of) {
  const esp_comm *comm = of->comm;
  std::vector<std::unique_ptr<char[]>> host;
  if (!s.rc && s.calls.size()) s.rc = fetch(&host);
  ESP_CALL(meet(comm));
  const bool sums = s.calls.size() && s.calls[0].kind == SUM;
  if (sums)
    ESP_CALL(comm->sum_i64(comm, reinterpret_cast<int64_t *>(host[0].get()), (size_t)s.calls[0].bytes / 8));
  else
    ESP_CALL(trade(comm, host));
  ESP_CALL(deliver(of, &host));
  s.called.sums += sums;
  s.called.groups += !sums;
  for (const call &c : s.calls) {
    s.called.sends += c.kind == SEND;
    s.called.receives += c.kind == RECEIVE;
    s.called.bytes += c.kind == RECEIVE ? c.bytes : 0;
  }
  return ESP_OK;
}

void forget() {
  s.calls.clear();
  s.memory.clear();
  s.rc = ESP_OK;
  s.depth = 0;
}

int add(int kind, void *there, size_t bytes, int peer, ncclComm_t of, cudaStream_t stream) {
  ESP_CHECK(s.depth == 1 || kind == SUM, ESP_ERR_INTERNAL, "a message outside of a group");
  ESP_CHECK(s.depth == 0 || kind != SUM, ESP_ERR_INTERNAL, "a sum within a group of messages");
  ESP_CHECK(kind == SUM || (peer >= 0 && peer < of->comm->size && peer != of->comm->rank), ESP_ERR_INTERNAL,
            "a message with rank %d of %d", peer, of->comm->size);
  ESP_CHECK(bytes > 0, ESP_ERR_INTERNAL, "a message of no bytes");
  ESP_CHECK(s.calls.empty() || stream == s.stream, ESP_ERR_INTERNAL, "two streams in a group");
  s.calls.push_back({kind, peer, (int64_t)bytes});
  s.memory.push_back(there);
  s.stream = stream;
  return ESP_OK;
}

ncclResult_t message(int kind, void *there, size_t bytes, int peer, ncclComm_t of, cudaStream_t stream) {
  const int rc = add(kind, there, bytes, peer, of, stream);
  if (rc && s.depth) s.rc = rc;
  return result_of(rc);
}

}  // namespace

void esp_nccl_over(const esp_comm *comm) {
  s.comm = comm;
}

esp_nccl_calls esp_nccl_called() {
  s.called.pending = s.communicators + (int)s.calls.size();
  return s.called;
}

const char *ncclGetErrorString(ncclResult_t) {
  return s.text;
}

ncclResult_t ncclGetVersion(int *version) {
  *version = 22809;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  memset(id, 0, sizeof *id);
  snprintf(id->internal, sizeof id->internal, "an id");
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank) {
  int rc = ESP_OK;
  const esp_comm *over = s.comm ? s.comm : esp_nccl_world();
  if (ranks != over->size || rank != over->rank || strcmp(id.internal, "an id"))
    rc = esp_fail(ESP_ERR_INTERNAL, __FILE__, __LINE__, __func__, "rank %d of %d with '%s'", rank, ranks, id.internal);
  rc = over->agree(over, rc);
  if (rc) return result_of(rc);
  *comm = s.of = new esp_nccl_comm{over, {}};
  s.communicators++;
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  cudaDeviceSynchronize();
  if (comm->comm != s.comm) esp_nccl_world_free();
  delete comm;
  s.communicators--;
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *state) {
  *state = ncclSuccess;
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  if (s.depth++) s.rc = esp_fail(ESP_ERR_INTERNAL, __FILE__, __LINE__, __func__, "a group within a group");
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (!s.depth) s.rc = esp_fail(ESP_ERR_INTERNAL, __FILE__, __LINE__, __func__, "no group is open");
  const ncclResult_t result = result_of(carry_out(s.of));
  forget();
  return result;
}

ncclResult_t ncclSend(const void *there, size_t count, ncclDataType_t, int peer, ncclComm_t comm, cudaStream_t stream) {
  return message(SEND, const_cast<void *>(there), count, peer, comm, stream);
}

ncclResult_t ncclRecv(void *there, size_t count, ncclDataType_t, int peer, ncclComm_t comm, cudaStream_t stream) {
  return message(RECEIVE, there, count, peer, comm, stream);
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream) {
  int rc = ESP_OK;
  if (from != to || type != ncclInt64 || op != ncclSum)
    rc = esp_fail(ESP_ERR_INTERNAL, __FILE__, __LINE__, __func__, "not a sum of int64 in place");
  if (!rc) rc = add(SUM, to, count * 8, -1, comm, stream);
  s.rc = rc;
  const ncclResult_t result = result_of(carry_out(comm));
  forget();
  return result;
}
