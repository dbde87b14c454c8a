#include "io/owners.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "domain/partition.h"
#include "io/file.h"

/* Of this rank's particles, at home. */
typedef struct {
  int64_t *slot;
  int *owner; /* [n_home][count] */
} places;

typedef int (*to_home)(esp_domain *dom, size_t unit, const void *slots, void *home);

/* From the slots of one of the trees. owner: those of its own slots, [n_own][count]. */
static int take_home(esp_domain *dom, const esp_tree *tree, to_home move, int count, const int *owner, places *home) {
  int64_t *slot = NULL;
  const size_t n = (size_t)dom->n_home;
  int rc = ESP_ALLOC(slot, dom->n_own);
  if (!rc) rc = ESP_ALLOC(home->slot, n);
  if (!rc) rc = ESP_ALLOC(home->owner, n * (size_t)count);
  ESP_TRY(dom->comm->agree(dom->comm, rc));
  for (int s = 0; s < dom->n_own; s++) slot[s] = tree->slot_first + s;
  ESP_TRY(move(dom, sizeof *slot, slot, home->slot));
  ESP_TRY(move(dom, (size_t)count * sizeof *owner, owner, home->owner));
done:
  ESP_FREE(slot);
  return rc;
}

/* Trees of one shape have the same owners, slot by slot. */
static int find_places(esp_domain *dom, int count, const int64_t *ranks, places *sender, places *receiver) {
  const size_t columns = (size_t)count;
  int *part = NULL, *owner = NULL;
  int rc = ESP_ALLOC(part, dom->n_own);
  if (!rc) rc = ESP_ALLOC(owner, (size_t)dom->n_own * columns);
  ESP_TRY(dom->comm->agree(dom->comm, rc));
  for (size_t r = 0; r < columns; r++) {
    esp_partition_tree(dom, (int)ranks[r], part);
    for (size_t s = 0; s < (size_t)dom->n_own; s++) owner[s * columns + r] = part[s];
  }
  ESP_TRY(take_home(dom, &dom->tree, dom->ops->to_home, count, owner, sender));
  if (dom->queries) ESP_TRY(take_home(dom, dom->queries, dom->ops->receivers_home, count, owner, receiver));
done:
  ESP_FREE(part);
  ESP_FREE(owner);
  return rc;
}

static uint64_t hash_places(uint64_t hash, const places *p, size_t i, size_t columns) {
  hash = esp_hash_mix(hash, (uint64_t)p->slot[i]);
  for (size_t r = 0; r < columns; r++) hash = esp_hash_mix(hash, (uint64_t)p->owner[i * columns + r]);
  return hash;
}

static int sum_places(const esp_comm *comm, const esp_set *set, int count, const places *sender, const places *receiver,
                      uint64_t *checksum) {
  uint64_t sum = 0;
  for (size_t i = 0; i < (size_t)set->n_home; i++) {
    uint64_t hash = hash_places(esp_hash_mix(0, (uint64_t)set->id[i]), sender, i, (size_t)count);
    if (receiver->slot) hash = hash_places(hash, receiver, i, (size_t)count);
    sum += hash;
  }
  int64_t word = (int64_t)sum;
  ESP_CALL(comm->sum_i64(comm, &word, 1));
  *checksum = (uint64_t)word;
  return ESP_OK;
}

static int write_places(esp_file *file, const esp_set *set, const char *of, int count, const places *p) {
  char name[32];
  snprintf(name, sizeof name, "%sslot", of);
  ESP_CALL(esp_file_write(file, name, ESP_FILE_I64, 0, set->n, set->first, set->n_home, p->slot, 0));
  snprintf(name, sizeof name, "%sowner", of);
  return esp_file_write(file, name, ESP_FILE_I32, count, set->n, set->first, set->n_home, p->owner, 0);
}

static int write_attributes(esp_file *file, const char *task, const esp_domain_param *param, int count,
                            const int64_t *ranks, uint64_t checksum) {
  const int version = 1;
  char text[20];
  snprintf(text, sizeof text, "%016" PRIx64, checksum);
  ESP_CALL(esp_file_attr_write_string(file, "/", "format", "espalier owners"));
  ESP_CALL(esp_file_attr_write(file, "/", "version", ESP_FILE_I32, 0, &version));
  ESP_CALL(esp_file_attr_write_string(file, "/", "task", task));
  ESP_CALL(esp_file_attr_write(file, "/", "ranks", ESP_FILE_I64, count, ranks));
  ESP_CALL(esp_file_attr_write(file, "/", "dim", ESP_FILE_I32, 0, &param->dim));
  ESP_CALL(esp_file_attr_write(file, "/", "tree_leaf", ESP_FILE_I32, 0, &param->leaf));
  ESP_CALL(esp_file_attr_write(file, "/", "tree_block", ESP_FILE_I32, 0, &param->block));
  ESP_CALL(esp_file_attr_write(file, "/", "tree_theta", ESP_FILE_F64, 0, &param->lists.theta));
  return esp_file_attr_write_string(file, "/", "checksum", text);
}

int esp_owners_write(const char *path, const char *task, const esp_set *set, esp_domain *dom, int count,
                     const int64_t *ranks, uint64_t *checksum) {
  places sender = {0}, receiver = {0};
  esp_file *file = NULL;
  int rc;
  ESP_TRY(find_places(dom, count, ranks, &sender, &receiver));
  ESP_TRY(sum_places(dom->comm, set, count, &sender, &receiver, checksum));
  ESP_TRY(esp_file_create_begin(dom->comm, path, &file));
  ESP_TRY(write_attributes(file, task, &dom->param, count, ranks, *checksum));
  ESP_TRY(esp_file_write(file, "id", ESP_FILE_U64, 0, set->n, set->first, set->n_home, set->id, 0));
  ESP_TRY(write_places(file, set, "", count, &sender));
  if (dom->queries) ESP_TRY(write_places(file, set, "receiver_", count, &receiver));
  rc = esp_file_commit(&file);
done:
  esp_file_abort(&file);
  ESP_FREE(sender.slot);
  ESP_FREE(sender.owner);
  ESP_FREE(receiver.slot);
  ESP_FREE(receiver.owner);
  return rc;
}
