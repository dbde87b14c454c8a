/* Inside mpi/io: a draft (base/draft.h) that all ranks write to, through HDF5 or another library. Collective over comm. */
#ifndef ESP_FILE_DRAFT_H
#define ESP_FILE_DRAFT_H

#include <stdint.h>

#include <mpi.h>

#include "base/comm.h"
#include "base/draft.h"

/* Of a table of ranks, MPI_COMM_SELF for one without MPI. Local. */
MPI_Comm esp_file_mpi(const esp_comm *comm);
/* Rank 0 makes a draft of PATH, all are told its name. ESP_ERR_FILE. */
int esp_file_draft_begin(const esp_comm *comm, const char *path, esp_draft *draft);
/* Every rank may write `bytes`, and the file system has them. ESP_ERR_FILE if not. */
int esp_file_draft_room(const esp_comm *comm, const char *path, const esp_draft *draft, uint64_t bytes);
/* Brought to disk, the draft becomes PATH. ESP_ERR_FILE: PATH is as it was; the draft is to be dropped. */
int esp_file_draft_keep(const esp_comm *comm, const char *path, esp_draft *draft);

#endif
