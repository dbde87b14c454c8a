/* Home <-> slots: particles to the ranks that own their slots, once; afterwards rows of any size, both ways.
 *
 * Home row i of rank r has exactly one slot, and every slot exactly one home row, so one star forest (roots: home rows,
 * leaves: slots) serves both ways: broadcast home -> slots, reduce with MPI_REPLACE slots -> home. Only ranks that
 * share particles talk. Memory O(n_home + n_own). */
#ifndef ESP_MPI_MIGRATE_H
#define ESP_MPI_MIGRATE_H

#include <petscsf.h>

#include "domain/exchange.h"
#include "domain/split.h"
#include "tree/grower.h"

typedef struct {
  int n_home, n_own;
  int64_t moved;   /* home rows whose slot is on another rank */
  int64_t arrived; /* own slots whose home is on another rank */
  PetscSF forest;
  esp_row_types units;
} esp_migrate;

/* ESP_ERR_VALUE on all ranks if an id occurs twice, on whichever ranks. Collective; O(log P) messages a rank, memory
 * O(n_home) for hashed ids. */
int esp_migrate_check_ids(const esp_comm *comm, int n_home, const int64_t *id);
/* The least id, as unsigned, that occurs more than once, the same on any ranks; *found 0: none does. As check_ids. */
int esp_migrate_find_twin(const esp_comm *comm, int n_home, const int64_t *id, int *found, uint64_t *twin);

/* Move keys and ids once, order each covering subtree, and keep the pattern. cover_of [n_home] from esp_split. Out:
 * `grower` orders them. slot_id [n_own], slot_z [n_own][dim] in slot order, the caller's (ESP_FREE). Collective. Errors, on all ranks:
 * memory, ESP_ERR_COMM, ESP_ERR_INTERNAL where a subtree did not get its particles. On failure nothing is left to free.
 */
int esp_migrate_create(const esp_comm *comm, const esp_shape *shape, const esp_cover *cover, const esp_split_rule *rule,
                       const esp_grower *grower, int dim, int n_home, const double *z, const int64_t *id,
                       const int *cover_of, esp_migrate *migrate, int64_t **slot_id, double **slot_z);
/* Rows of `unit` bytes: home [n_home] -> slots [n_own], and back. Collective. Nothing is allocated by us after the
 * first use of a unit. */
int esp_migrate_to_slots(esp_migrate *migrate, size_t unit, const void *home, void *slots);
int esp_migrate_to_home(esp_migrate *migrate, size_t unit, const void *slots, void *home);
void esp_migrate_free(esp_migrate *migrate);

#endif
