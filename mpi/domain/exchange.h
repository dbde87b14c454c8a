/* Exchanges between ranks that only the senders know of. Collective over comm, which must be one of
 * esp_comm_mpi_create. No rank needs to know who will send to it; messages are sent only where there are rows; nothing
 * of size P^2.
 *
 * Sparse exchange: neighbours are found by the nonblocking-consensus algorithm of Hoefler, Siebert, Lumsdaine,
 * "Scalable communication protocols for dynamic sparse data exchange", PPoPP 2010 (PetscCommBuildTwoSided). Routed
 * exchange: the log-step scheme of Bruck et al., "Efficient algorithms for all-to-all communications", IEEE TPDS 8
 * (1997).
 *
 * A failure on one rank (memory) is the same failure on all. No rows at all and one rank are fine. */
#ifndef ESP_MPI_EXCHANGE_H
#define ESP_MPI_EXCHANGE_H

#include <mpi.h>

#include "base/comm.h"

/* Send rows to some ranks (also to myself): for i < n_to, rows [start[i], start[i+1]) of `row` go to rank to[i]; each
 * rank at most once, no empty part is sent. Neighbours unknown to the receivers are found; messages only where rows
 * are. Fails on all ranks if it fails on one (memory). */
int esp_comm_exchange(const esp_comm *comm, int n_to, const int *to, const int64_t *start, size_t unit, const void *row,
                      esp_inbox *inbox);
/* That of the table (base/comm.h): sorts rows by destination first. */
int esp_comm_scatter(const esp_comm *comm, int64_t n, const int *dest, size_t unit, const void *row, esp_inbox *inbox);
/* int64 words to ranks that are spread evenly (hashes): ceil(log2 P) messages a rank whatever the destinations. word
 * [n] and dest [n] in; *out [*n_out], owned by the caller, in no particular order. */
int esp_comm_route(const esp_comm *comm, int64_t n, const int *dest, const int64_t *word, int64_t *n_out,
                   int64_t **out);

/* The four of the table (base/comm.h). Who has an id is found through a directory: id -> the rank of its hash. Two sparse
 * exchanges, then a PetscSF forest. */
int esp_exchange_create(const esp_comm *comm, int n_own, const int64_t *own, int n_wanted, const int64_t *wanted,
                        esp_exchange **exchange);
int esp_exchange_begin(const esp_comm *comm, esp_exchange *exchange, size_t unit, const void *row, void *got);
int esp_exchange_end(const esp_comm *comm, esp_exchange *exchange, size_t unit, const void *row, void *got);
void esp_exchange_free(esp_exchange **exchange);

/* Those of the table: one MPI message a parcel, several where it is over 1 GiB. */
int esp_transfer_begin(const esp_comm *comm, int n_to, const esp_parcel *to, int n_from, const esp_parcel *from,
                       esp_transfer **transfer);
int esp_transfer_end(const esp_comm *comm, esp_transfer **transfer);

/* MPI types of rows of a given number of bytes, made at first use and kept. Local. */
typedef struct {
  int count;
  size_t room;
  struct {
    size_t unit;
    MPI_Datatype type;
  } * entry;
} esp_row_types;
int esp_row_types_get(esp_row_types *units, size_t unit, MPI_Datatype *type);
void esp_row_types_free(esp_row_types *units);

#endif
