/* How memory of one rank's device gets to another's: a table of functions, a row each of
 *   nccl     NCCL, device to device: ncclSend and ncclRecv in groups, ncclAllReduce
 *   staged   pinned memory of the hosts, and MPI between them: where ranks share a device, which NCCL refuses, and in programs
 *            without NCCL
 * A link has a stream of its own, on which all of its work runs in the order in which it is given; it neither waits for the main
 * stream nor that for it, but by esp_link_follow and esp_link_lead.
 *
 * Collective over the comm: groups and sums come in one order on all ranks, also where a rank has nothing to send. What a rank
 * sends to another in a group the other receives in the same group, in the same order, of the same bytes. Local errors do not
 * keep a rank from taking part; but what NCCL itself reports may leave other ranks waiting. */
#ifndef ESP_CUDA_LINK_H
#define ESP_CUDA_LINK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/comm.h"

typedef struct esp_link esp_link;
typedef struct esp_link_group esp_link_group; /* a group under way: the row's own */

typedef struct {
  const char *name;
  /* Sends and receives between these two are one group. */
  int (*group_begin)(esp_link *link);
  /* The memory is the device's; not to be touched until the group has arrived. bytes > 0; peer is another rank. */
  int (*send)(esp_link *link, int peer, const void *there, size_t bytes);
  int (*recv)(esp_link *link, int peer, void *there, size_t bytes);
  /* What the link was told to follow has been given to the device. *group: until `arrive`. Several may be under way. */
  int (*group_end)(esp_link *link, esp_link_group **group);
  /* On the link's stream, all has been sent and what is received is in its place; the host may have to wait for that. NULL *group
   * is fine (nothing is under way). */
  int (*arrive)(esp_link *link, esp_link_group **group);
  /* In place, over all ranks: words in the device's memory. On the link's stream. */
  int (*sum_i64)(esp_link *link, int64_t *there, size_t count);
  void (*destroy)(esp_link **link); /* all of it */
} esp_link_ops;

/* The head of every row's own data. */
struct esp_link {
  const esp_link_ops *ops;
  const esp_comm *comm; /* borrowed */
  void *stream, *event;
  char how[192]; /* for the reader: by what, and why not by NCCL */
};

/* What the link is given from now on waits for what the main stream has been given by now; and the other way. Local. */
int esp_link_follow(esp_link *link);
int esp_link_lead(esp_link *link);

/* The rows. Collective. *link is the caller's (ops->destroy). NULL without an error: this program has no NCCL. Errors: memory,
 * ESP_ERR_COMM with what NCCL says; not agreed upon. */
int esp_link_nccl(const esp_comm *comm, esp_link **link);
int esp_link_staged(const esp_comm *comm, esp_link **link);

/* The comm's, which has over one rank: the comm frees it. Collective: chosen at the first call, by what the ranks' devices are;
 * NCCL that does not start is no error, but how it is done says so. Errors, on all ranks: memory, ESP_ERR_COMM. */
int esp_link_of(const esp_comm *comm, esp_link **link);
/* Another one in its place, which becomes the comm's. Local. */
void esp_link_keep(const esp_comm *comm, esp_link *link);

/* As those of net/device.h; nothing to do for one rank. */
int esp_link_join(const esp_comm *comm, const char **how);
int esp_link_sum_i64(const esp_comm *comm, int64_t *there, size_t count);

#ifdef __cplusplus
}
#endif
#endif
