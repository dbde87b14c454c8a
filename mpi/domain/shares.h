/* Rows that lie on the ranks as their owner likes, in the order of their ids as a set wants them: whole groups, rank after
 * rank (base/set.h). So what is computed on a set does not depend on who held what. */
#ifndef ESP_MPI_SHARES_H
#define ESP_MPI_SHARES_H

#include "base/comm.h"

typedef struct {
  const esp_comm *comm; /* borrowed */
  int64_t n, first;     /* rows in all; number of the first of this rank's share */
  int n_mine, n_home;   /* rows that the owner has here; rows of the share */
  int64_t *id;          /* [n_home] ascending */
  esp_exchange *there, *back;
} esp_shares;

/* id [n_mine] unique over all ranks. Where the ids are not consecutive numbers, 64 reductions of P - 1 words find the cuts.
 * Collective. Errors, on all ranks: ESP_ERR_VALUE for an id that occurs twice, ESP_ERR_LIMIT for a share of over 2^31 - 1 rows;
 * memory. *shares is the caller's (esp_shares_free), also after a failure. */
int esp_shares_create(const esp_comm *comm, int n_mine, const int64_t *id, esp_shares *shares);
/* Rows of `unit` bytes: mine [n_mine] -> home [n_home], and back. Collective. */
int esp_shares_there(const esp_shares *shares, size_t unit, const void *mine, void *home);
int esp_shares_back(const esp_shares *shares, size_t unit, const void *home, void *mine);
void esp_shares_free(esp_shares *shares);

#endif
