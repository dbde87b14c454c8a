/* Parcels between ranks that know of each other: see base/comm.h. */
#include "domain/comm.h"
#include "domain/exchange.h"

enum { TRANSFER_TAG = 73, TRANSFER_PART = 1 << 30 }; /* MPI counts are ints: longer parcels go in parts */

struct esp_transfer {
  int used;
  MPI_Request *request;
};

static size_t parts_of(int n, const esp_parcel *parcel) {
  size_t parts = 0;
  for (int i = 0; i < n; i++) parts += (parcel[i].bytes + TRANSFER_PART - 1) / TRANSFER_PART;
  return parts;
}

static int post(MPI_Comm mpi, int n, const esp_parcel *parcel, int sends, esp_transfer *t) {
  for (int i = 0; i < n; i++)
    for (size_t at = 0; at < parcel[i].bytes; at += TRANSFER_PART) {
      const size_t left = parcel[i].bytes - at;
      const int bytes = (int)(left < TRANSFER_PART ? left : TRANSFER_PART), rank = parcel[i].rank;
      char *data = (char *)parcel[i].data + at;
      if (sends)
        ESP_MPI(MPI_Isend(data, bytes, MPI_BYTE, rank, TRANSFER_TAG, mpi, t->request + t->used));
      else
        ESP_MPI(MPI_Irecv(data, bytes, MPI_BYTE, rank, TRANSFER_TAG, mpi, t->request + t->used));
      t->used++;
    }
  return ESP_OK;
}

int esp_transfer_begin(const esp_comm *comm, int n_to, const esp_parcel *to, int n_from, const esp_parcel *from,
                       esp_transfer **transfer) {
  const MPI_Comm mpi = esp_comm_mpi_get(comm);
  int rc = ESP_OK;
  *transfer = NULL;
  ESP_TRY(ESP_ALLOC(*transfer, 1));
  ESP_TRY(ESP_ALLOC((*transfer)->request, parts_of(n_to, to) + parts_of(n_from, from)));
  ESP_TRY(post(mpi, n_from, from, 0, *transfer));
  ESP_TRY(post(mpi, n_to, to, 1, *transfer));
done:
  if (rc) (void)!esp_transfer_end(comm, transfer);
  return rc;
}

int esp_transfer_end(const esp_comm *comm, esp_transfer **transfer) {
  int rc = ESP_OK;
  (void)comm;
  if (!*transfer) return ESP_OK;
  const int mpi_code =
      (*transfer)->request ? MPI_Waitall((*transfer)->used, (*transfer)->request, MPI_STATUSES_IGNORE) : MPI_SUCCESS;
  if (mpi_code != MPI_SUCCESS) rc = esp_comm_mpi_fail(mpi_code, "MPI_Waitall", __FILE__, __LINE__, __func__);
  ESP_FREE((*transfer)->request);
  ESP_FREE(*transfer);
  return rc;
}
