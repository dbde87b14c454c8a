#include "domain/transpose.h"

#include "domain/exchange.h"

/* "Block receives from your leaf." */
typedef struct {
  int64_t block, leaf_row;
} request;

static int pack(const esp_tree *tree, const esp_lists *lists, int64_t *count, int **dest, request **row) {
  const int base = tree->own_rows + tree->top_rows;
  *count = 0;
  for (int64_t e = 0; e < lists->near_start[lists->n_block]; e++) *count += lists->near[e] >= base;
  ESP_CALL(ESP_ALLOC(*dest, *count));
  ESP_CALL(ESP_ALLOC(*row, *count));
  int64_t at = 0;
  for (int b = 0; b < lists->n_block; b++)
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++) {
      const int leaf = lists->near[e];
      if (leaf < base) continue;
      (*dest)[at] = tree->owner[leaf];
      (*row)[at++] = (request){tree->block_first + b, tree->owner_row[leaf]};
    }
  return ESP_OK;
}

/* Ghost blocks ascending: requests come by rank, and of one rank by block, and blocks ascend with ranks. */
static int name_blocks(const esp_tree *tree, const esp_inbox *inbox, esp_lists *lists, int **owner) {
  const request *row = inbox->row;
  const int64_t n = inbox->start[inbox->count];
  int blocks = 0;
  for (int64_t i = 0; i < n; i++) blocks += i == 0 || row[i].block != row[i - 1].block;
  ESP_CALL(ESP_ALLOC(lists->ghost_block, blocks));
  ESP_CALL(ESP_ALLOC(lists->ghost_first, blocks + 1));
  ESP_CALL(ESP_ALLOC(*owner, blocks));
  lists->ghost_first[0] = tree->n_own;
  for (int m = 0; m < inbox->count; m++)
    for (int64_t i = inbox->start[m]; i < inbox->start[m + 1]; i++) {
      const int known = lists->n_ghost_block;
      if (known && lists->ghost_block[known - 1] == row[i].block) continue;
      lists->ghost_block[known] = row[i].block;
      (*owner)[lists->n_ghost_block++] = inbox->rank[m];
    }
  return ESP_OK;
}

/* Remote requests [from, to) of the inbox go to the lists; *ghost counts the ghost blocks met. */
static void add_remote(const esp_inbox *inbox, int64_t from, int64_t to, int leaf0, esp_lists *lists, int64_t *at,
                       int *ghost) {
  const request *row = inbox->row;
  for (int64_t i = from; i < to; i++) {
    while (lists->ghost_block[*ghost] != row[i].block) ++*ghost;
    lists->sender[at[row[i].leaf_row - leaf0]++] = lists->n_block + *ghost;
  }
}

static int fill(const esp_tree *tree, const esp_inbox *inbox, int rank, esp_lists *lists) {
  const int leaf0 = tree->level_row[tree->shape.depth], own_end = tree->own_rows;
  const request *row = inbox->row;
  const int64_t n = inbox->start[inbox->count];
  int64_t *at = NULL, below = 0;
  int ghost = 0;
  lists->n_leaf = tree->level_row[tree->shape.depth + 1] - leaf0;
  ESP_CALL(ESP_ALLOC(lists->sender_start, lists->n_leaf + 1));
  for (int64_t i = 0; i < n; i++) {
    ESP_CHECK(row[i].leaf_row >= leaf0 && row[i].leaf_row < own_end, ESP_ERR_INTERNAL, "row %lld is not an own leaf",
              (long long)row[i].leaf_row);
    lists->sender_start[row[i].leaf_row - leaf0 + 1]++;
  }
  for (int64_t e = 0; e < lists->near_start[lists->n_block]; e++)
    if (lists->near[e] < own_end) lists->sender_start[lists->near[e] - leaf0 + 1]++;
  for (int leaf = 0; leaf < lists->n_leaf; leaf++) lists->sender_start[leaf + 1] += lists->sender_start[leaf];
  ESP_CALL(ESP_ALLOC(lists->sender, lists->sender_start[lists->n_leaf]));
  ESP_CALL(ESP_ALLOC(at, lists->n_leaf));
  for (int leaf = 0; leaf < lists->n_leaf; leaf++) at[leaf] = lists->sender_start[leaf];
  for (int m = 0; m < inbox->count && inbox->rank[m] < rank; m++) below = inbox->start[m + 1];
  add_remote(inbox, 0, below, leaf0, lists, at, &ghost);
  for (int b = 0; b < lists->n_block; b++)
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++)
      if (lists->near[e] < own_end) lists->sender[at[lists->near[e] - leaf0]++] = b;
  add_remote(inbox, below, n, leaf0, lists, at, &ghost);
  ESP_FREE(at);
  return ESP_OK;
}

int esp_transpose_create(const esp_comm *comm, const esp_tree *tree, esp_lists *lists, int **owner) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  int64_t count = 0;
  int *dest = NULL;
  request *row = NULL;
  esp_inbox inbox = {0};
  *owner = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, pack(tree, lists, &count, &dest, &row)));
  ESP_TRY(esp_comm_scatter(comm, count, dest, sizeof *row, row, &inbox));
  rc = name_blocks(tree, &inbox, lists, owner);
  if (!rc) rc = fill(tree, &inbox, comm->rank, lists);
  ESP_TRY(comm->agree(comm, rc));
done:
  esp_inbox_free(&inbox);
  ESP_FREE(row);
  ESP_FREE(dest);
  return rc;
}
