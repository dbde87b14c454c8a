/* What the rooms of src/ may ask of other ranks, as a table of functions. src/ ships the one-rank version
 * (esp_comm_self); mpi/domain/comm.h makes one from an MPI communicator. So the same algorithm text runs in a test
 * without MPI, on many small clouds (each on one rank, esp_comm_self) and on one sharded cloud.
 *
 * All functions are collective over the ranks of the table and return an esp_code. */
#ifndef ESP_COMM_H
#define ESP_COMM_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

typedef struct esp_comm esp_comm;
typedef struct esp_exchange esp_exchange; /* who gives which rows to whom: the table's own */

/* What arrived: rows of one unit, from `count` ranks in ascending order; rows of rank[i] are [start[i], start[i + 1]). */
typedef struct {
  int count;
  int *rank;      /* [count] */
  int64_t *start; /* [count + 1] */
  void *row;      /* [start[count]] of the unit's bytes */
} esp_inbox;
void esp_inbox_free(esp_inbox *inbox);

/* Bytes for one rank, or from one. */
typedef struct {
  int rank;
  void *data;
  size_t bytes;
} esp_parcel;
typedef struct esp_transfer esp_transfer; /* parcels under way: the table's own */

/* What a device keeps of these ranks: how its memory moves between them. `free` is called before the comm is freed. */
typedef struct {
  void *kept; /* NULL: nothing */
  void (*free)(void **kept);
} esp_comm_there;

struct esp_comm {
  int rank, size;
  void *impl;            /* NULL for the one-rank version */
  esp_comm_there *there; /* the comm's; NULL for the one-rank version */
  /* in place, over ranks: sums of int64 words (exact accumulators, counts), maxima. */
  int (*sum_i64)(const esp_comm *comm, int64_t *value, size_t count);
  int (*max_i64)(const esp_comm *comm, int64_t *value, size_t count);
  int (*max_f64)(const esp_comm *comm, double *value, size_t count); /* NaN must not be given */
  /* *value becomes the sum over the ranks below mine (0 on rank 0). */
  int (*exscan_i64)(const esp_comm *comm, int64_t *value);
  int (*broadcast)(const esp_comm *comm, void *data, size_t bytes, int root);
  /* mine [bytes] of every rank, in rank order; *all is allocated here and owned by the caller (ESP_FREE);
   * start [size + 1] byte offsets, caller's. */
  int (*gather_all)(const esp_comm *comm, const void *mine, size_t bytes, void **all, size_t *start);
  /* Agreement on failure: returns the largest code over ranks; every rank's error message becomes that of the lowest
   * failing rank, headed by "rank R: ". Called before every point where one rank's failure would leave others waiting. */
  int (*agree)(const esp_comm *comm, int code);
  /* Rows to the ranks they are for: dest [n] of each of row [n], of `unit` bytes; also to this one. Only the senders know who
   * sends to whom. What comes from a rank is in that rank's order. *inbox is the caller's (esp_inbox_free). */
  int (*scatter)(const esp_comm *comm, int64_t n, const int *dest, size_t unit, const void *row, esp_inbox *inbox);
  /* Rows of other ranks by the ids of what they belong to: rings of a mesh, shards of a sequence. own [n_own]: ids of the rows
   * that are here, each on one rank alone; wanted [n_wanted]: any of them, from any rank, repeated or not. Nobody needs to
   * know who has what. The caller frees it with exchange_free. ESP_ERR_ARG naming the id that two rows have, or none. */
  int (*exchange_create)(const esp_comm *comm, int n_own, const int64_t *own, int n_wanted, const int64_t *wanted,
                         esp_exchange **exchange);
  /* row [n_own] -> got [n_wanted], of `unit` bytes each: got may be read after the end, row must stay until then. Each may be
   * called any number of times, with any unit; one is under way at a time. */
  int (*exchange_begin)(const esp_comm *comm, esp_exchange *exchange, size_t unit, const void *row, void *got);
  int (*exchange_end)(const esp_comm *comm, esp_exchange *exchange, size_t unit, const void *row, void *got);
  void (*exchange_free)(esp_exchange **exchange); /* NULL is fine. Local */
  /* Parcels to ranks that expect them, from ranks that are known to send them: between two ranks in one order and of the
   * same bytes on both sides. Neither data nor `to` and `from` may be touched before the end, which frees *transfer. Several may be
   * under way, begun in one order on all ranks. Errors: memory, ESP_ERR_COMM; not agreed upon. */
  int (*transfer_begin)(const esp_comm *comm, int n_to, const esp_parcel *to, int n_from, const esp_parcel *from,
                        esp_transfer **transfer);
  int (*transfer_end)(const esp_comm *comm, esp_transfer **transfer);
};

/* The one-rank table. No state; the pointer is to a constant. */
const esp_comm *esp_comm_self(void);

/* Run `expr` (local, may fail on some ranks only), agree, and propagate. */
#define ESP_AGREE(comm, expr) ESP_CALL((comm)->agree((comm), (expr)))

#endif
