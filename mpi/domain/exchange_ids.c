/* Exchange by ids: see base/comm.h. */
#include <petscsf.h>

#include "base/directory.h"
#include "base/hash.h"
#include "domain/comm.h"
#include "domain/exchange.h"

struct esp_exchange {
  PetscSF forest;
  esp_row_types units;
};

/* The rank that knows who has an id. */
static int knows(const esp_comm *comm, int64_t id) {
  return (int)(esp_hash_mix(0, (uint64_t)id) % (uint64_t)comm->size);
}

/* id [n] -> the ranks that know them: {id, my rank, place in id}. */
static int tell(const esp_comm *comm, int n, const int64_t *id, esp_inbox *inbox) {
  esp_directory_entry *row = NULL;
  int *dest = NULL;
  *inbox = (esp_inbox){0};
  int rc = ESP_ALLOC(row, n);
  if (!rc) rc = ESP_ALLOC(dest, n);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < n; i++) {
    row[i] = (esp_directory_entry){id[i], comm->rank, i};
    dest[i] = knows(comm, id[i]);
  }
  ESP_TRY(esp_comm_scatter(comm, n, dest, sizeof *row, row, inbox));
done:
  ESP_FREE(dest);
  ESP_FREE(row);
  return rc;
}

typedef struct {
  int rank, row; /* who has it */
  int place;     /* among what was wanted */
} answer;

/* To everyone who asked: who has it. */
static int answer_all(const esp_comm *comm, const esp_inbox *known, const esp_inbox *asked, esp_inbox *answers) {
  esp_directory_entry *entry = known->row;
  const esp_directory_entry *question = asked->row;
  const int64_t n_known = known->start[known->count], n = asked->start[asked->count];
  answer *row = NULL;
  int *dest = NULL;
  int rc = ESP_ALLOC(row, n);
  if (!rc) rc = ESP_ALLOC(dest, n);
  if (!rc) rc = esp_directory_sort(n_known, entry);
  for (int64_t i = 0; !rc && i < n; i++) {
    const esp_directory_entry *found = esp_directory_find(n_known, entry, question[i].id);
    if (!found) rc = esp_directory_missing(question[i].id);
    if (rc) break;
    row[i] = (answer){found->rank, found->row, question[i].row};
    dest[i] = question[i].rank;
  }
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_comm_scatter(comm, n, dest, sizeof *row, row, answers));
done:
  ESP_FREE(dest);
  ESP_FREE(row);
  return rc;
}

static int make_forest(const esp_comm *comm, int n_own, int n_wanted, const esp_inbox *answers, PetscSF *forest) {
  const answer *row = answers->row;
  PetscSFNode *remote;
  ESP_PETSC(PetscSFCreate(esp_comm_mpi_get(comm), forest));
  ESP_PETSC(PetscSFSetType(*forest, PETSCSFBASIC));
  ESP_PETSC(PetscMalloc1((size_t)n_wanted, &remote));
  for (int i = 0; i < n_wanted; i++) {
    remote[row[i].place].rank = row[i].rank;
    remote[row[i].place].index = row[i].row;
  }
  ESP_PETSC(PetscSFSetGraph(*forest, n_own, n_wanted, NULL, PETSC_OWN_POINTER, remote, PETSC_OWN_POINTER));
  ESP_PETSC(PetscSFSetUp(*forest));
  return ESP_OK;
}

int esp_exchange_create(const esp_comm *comm, int n_own, const int64_t *own, int n_wanted, const int64_t *wanted,
                        esp_exchange **exchange) {
  esp_inbox known = {0}, asked = {0}, answers = {0};
  int rc;
  *exchange = NULL;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(*exchange, 1)));
  ESP_TRY(tell(comm, n_own, own, &known));
  ESP_TRY(tell(comm, n_wanted, wanted, &asked));
  ESP_TRY(answer_all(comm, &known, &asked, &answers));
  ESP_TRY(make_forest(comm, n_own, n_wanted, &answers, &(*exchange)->forest));
done:
  esp_inbox_free(&known);
  esp_inbox_free(&asked);
  esp_inbox_free(&answers);
  if (rc) esp_exchange_free(exchange);
  return rc;
}

int esp_exchange_begin(const esp_comm *comm, esp_exchange *exchange, size_t unit, const void *row, void *got) {
  MPI_Datatype type;
  (void)comm;
  ESP_CALL(esp_row_types_get(&exchange->units, unit, &type));
  ESP_PETSC(PetscSFBcastBegin(exchange->forest, type, row, got, MPI_REPLACE));
  return ESP_OK;
}

int esp_exchange_end(const esp_comm *comm, esp_exchange *exchange, size_t unit, const void *row, void *got) {
  MPI_Datatype type;
  (void)comm;
  ESP_CALL(esp_row_types_get(&exchange->units, unit, &type));
  ESP_PETSC(PetscSFBcastEnd(exchange->forest, type, row, got, MPI_REPLACE));
  return ESP_OK;
}

void esp_exchange_free(esp_exchange **exchange) {
  if (!*exchange) return;
  (void)!PetscSFDestroy(&(*exchange)->forest);
  esp_row_types_free(&(*exchange)->units);
  ESP_FREE(*exchange);
}
