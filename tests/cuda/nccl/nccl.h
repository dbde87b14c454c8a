/* What cuda/nccl/link.cu takes of NCCL, under the model of CUDA (../model): memory moves by the transfers of an esp_comm, and every
 * call is held against those of the other ranks. A group, and a sum, is where all ranks meet.
 *
 * Told by the call that closes the group, on all ranks, before anything moves, in the text of ncclGetErrorString: a send without
 * its receive in the same group, or a receive without its send; another number of bytes, message by message in order; a group
 * here, a sum there; memory that is not, or not wholly, the device's; a call outside of a group. What a device does in
 * the order of streams is done so here: what is sent is what the stream has come to when the group is closed, what is received is
 * there when the stream goes on, and not before.
 *
 * Not seen: two messages of one length between two ranks that change places, but by what arrives. */
#ifndef ESP_MODEL_NCCL_H
#define ESP_MODEL_NCCL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <cuda_runtime.h>
extern "C" {
#endif
#include "base/comm.h"

/* ---- for tests ---- */

/* The ranks of all communicators made from now on; without a call, those of esp_nccl_world. */
void esp_nccl_over(const esp_comm *comm);
/* All of MPI's, made at the first call; for nccl.cpp alone, as is the other, which frees them. */
const esp_comm *esp_nccl_world(void);
void esp_nccl_world_free(void);
/* What this rank has called by now, in groups and sums that were right. */
typedef struct {
  int64_t groups, sends, receives, bytes, sums; /* bytes: received */
  int pending; /* communicators that are not destroyed; calls in a group that is open */
} esp_nccl_calls;
esp_nccl_calls esp_nccl_called(void);

/* ---- as NCCL has them ---- */

#ifdef __cplusplus
enum ncclResult_t { ncclSuccess = 0, ncclInvalidUsage = 5 };
enum ncclDataType_t { ncclInt8 = 0, ncclInt64 = 4 };
enum ncclRedOp_t { ncclSum = 0 };
typedef struct esp_nccl_comm *ncclComm_t;
struct ncclUniqueId {
  char internal[128];
};
const char *ncclGetErrorString(ncclResult_t result);
ncclResult_t ncclGetVersion(int *version);
ncclResult_t ncclGetUniqueId(ncclUniqueId *id);
ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *state);
ncclResult_t ncclGroupStart();
ncclResult_t ncclGroupEnd();
ncclResult_t ncclSend(const void *there, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream);
ncclResult_t ncclRecv(void *there, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream);
ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream);
}
#endif
#endif
