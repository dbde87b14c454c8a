#include "domain/essential.h"

#include <math.h>
#include <string.h>

#include "domain/exchange.h"

static int own_row(const esp_tree *tree, int64_t heap) {
  const int level = esp_heap_level(heap);
  return tree->level_row[level] + (int)(heap - ((int64_t)1 << level) - tree->level_first[level]);
}

static void slots_of(const esp_tree *tree, int64_t heap, int64_t *offset, int64_t *count) {
  const int level = esp_heap_level(heap);
  esp_shape_node(&tree->shape, level, heap - ((int64_t)1 << level), offset, count);
}

/* Rows of the top nodes and of the covering roots, linked. */
static int append_rows(const esp_comm *comm, esp_tree *tree, esp_essential *essential) {
  const esp_cover *cover = essential->cover;
  int row;
  ESP_CALL(ESP_ALLOC(essential->cover_row, cover->n_cover));
  for (int t = 0; t < cover->n_top; t++) ESP_CALL(esp_tree_append(tree, cover->top[t], -1, -1, &row));
  tree->top_rows = cover->n_top;
  for (int i = 0; i < cover->n_cover; i++)
    if (cover->cover_owner[i] == comm->rank)
      essential->cover_row[i] = own_row(tree, cover->cover[i]);
    else
      ESP_CALL(esp_tree_append(tree, cover->cover[i], cover->cover_owner[i], -1, &essential->cover_row[i]));
  for (int t = 0; t < cover->n_top; t++)
    for (int c = 0; c < 2; c++) {
      const int child = cover->top_child[t][c];
      tree->child[2 * (tree->own_rows + t) + c] =
          child >= 0 ? tree->own_rows + child : essential->cover_row[-1 - child];
    }
  essential->base_rows = tree->row_count;
  return ESP_OK;
}

/* What the owner of a covering root tells of it: row at the owner, radius, centre [dim]. */
static int share_cover(const esp_comm *comm, esp_tree *tree, esp_essential *essential) {
  const esp_cover *cover = essential->cover;
  const int dim = tree->dim, first = cover->cover_first[comm->rank], end = cover->cover_first[comm->rank + 1];
  const size_t unit = (size_t)dim + 2;
  double *mine = NULL;
  void *all = NULL;
  size_t *start = NULL;
  int rc = ESP_ALLOC(mine, (size_t)(end - first) * unit);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = first; i < end; i++) {
    double *to = mine + (size_t)(i - first) * unit;
    const int row = essential->cover_row[i];
    to[0] = row; /* exact: rows are int */
    to[1] = tree->radius[row];
    memcpy(to + 2, tree->centre + (size_t)row * (size_t)dim, (size_t)dim * sizeof *to);
  }
  ESP_TRY(comm->gather_all(comm, mine, (size_t)(end - first) * unit * sizeof *mine, &all, start));
  for (int i = 0; i < cover->n_cover; i++) {
    const double *from = (const double *)all + (size_t)i * unit;
    const int row = essential->cover_row[i];
    if (cover->cover_owner[i] == comm->rank) continue;
    tree->owner_row[row] = (int64_t)from[0];
    tree->radius[row] = from[1];
    memcpy(tree->centre + (size_t)row * (size_t)dim, from + 2, (size_t)dim * sizeof *from);
  }
done:
  ESP_FREE(start);
  ESP_FREE(all);
  ESP_FREE(mine);
  return rc;
}

static int top_geometry(const esp_comm *comm, const double *z, esp_tree *tree) {
  const int dim = tree->dim;
  double *radius = tree->radius + tree->own_rows;
  for (int row = tree->own_rows + tree->top_rows - 1; row >= tree->own_rows; row--) {
    const int left = tree->child[2 * row], right = tree->child[2 * row + 1];
    int64_t offset, count[2];
    slots_of(tree, tree->heap[left], &offset, &count[0]);
    slots_of(tree, tree->heap[right], &offset, &count[1]);
    esp_tree_join(dim, count[0], tree->centre + (size_t)left * (size_t)dim, count[1],
                  tree->centre + (size_t)right * (size_t)dim, tree->centre + (size_t)row * (size_t)dim);
  }
  for (int t = 0; t < tree->top_rows; t++) {
    const int row = tree->own_rows + t;
    int64_t offset, count;
    slots_of(tree, tree->heap[row], &offset, &count);
    const int64_t first = offset > tree->slot_first ? offset - tree->slot_first : 0;
    int64_t end = offset + count - tree->slot_first;
    if (end > tree->n_own) end = tree->n_own;
    radius[t] = 0;
    for (int64_t s = first; s < end; s++) {
      const double r2 = esp_tree_distance2(dim, z + s * dim, tree->centre + (size_t)row * (size_t)dim, NULL);
      if (r2 > radius[t]) radius[t] = r2;
    }
  }
  ESP_CALL(comm->max_f64(comm, radius, (size_t)tree->top_rows));
  for (int t = 0; t < tree->top_rows; t++) radius[t] = sqrt(radius[t]);
  return ESP_OK;
}

/* Own nodes at or above block level that hold all own blocks: the covering roots, the largest halved again and again.
 */
static int choose_groups(const esp_comm *comm, const esp_tree *tree, const esp_cover *cover, int64_t **heap,
                         int *count) {
  const int first = cover->cover_first[comm->rank], end = cover->cover_first[comm->rank + 1];
  const int room = esp_imax(ESP_ESSENTIAL_GROUPS, end - first);
  *count = end - first;
  ESP_CALL(ESP_ALLOC(*heap, room));
  for (int i = first; i < end; i++) (*heap)[i - first] = cover->cover[i];
  while (*count > 0 && *count < room) {
    int largest = 0;
    for (int g = 1; g < *count; g++)
      if (esp_heap_level((*heap)[g]) < esp_heap_level((*heap)[largest])) largest = g;
    if (esp_heap_level((*heap)[largest]) >= tree->shape.block_level) break;
    (*heap)[largest] *= 2;
    (*heap)[(*count)++] = (*heap)[largest] + 1;
  }
  return ESP_OK;
}

/* Fills one group; 0 if all its blocks are empty. */
static int describe_group(const esp_tree *receivers, const double *box, int64_t heap, double *group) {
  const int dim = receivers->dim, row = own_row(receivers, heap);
  const int up = receivers->shape.block_level - esp_heap_level(heap);
  const int first = own_row(receivers, heap << up), blocks = 1 << up;
  double wide = 0, radius = 0;
  int filled = 0;
  memcpy(group, receivers->centre + (size_t)row * (size_t)dim, (size_t)dim * sizeof *group);
  for (int b = first; b < first + blocks; b++) {
    if (!receivers->part_count[b]) continue;
    filled = 1;
    wide = fmax(wide, esp_tree_distance2(dim, receivers->centre + (size_t)b * (size_t)dim, group, box));
    radius = fmax(radius, receivers->radius[b]);
  }
  group[dim] = sqrt(wide);
  group[dim + 1] = radius;
  return filled;
}

static int publish_groups(const esp_comm *comm, const esp_lists_param *param, const esp_tree *receivers,
                          esp_essential *essential) {
  const size_t unit = (size_t)receivers->dim + 2;
  int64_t *heap = NULL;
  double *mine = NULL;
  void *all = NULL;
  int count = 0, used = 0;
  int rc = choose_groups(comm, receivers, essential->cover, &heap, &count);
  if (!rc) rc = ESP_ALLOC(mine, (size_t)count * unit);
  if (!rc) rc = ESP_ALLOC(essential->group_start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (int g = 0; g < count; g++) used += describe_group(receivers, param->box, heap[g], mine + (size_t)used * unit);
  ESP_TRY(comm->gather_all(comm, mine, (size_t)used * unit * sizeof *mine, &all, essential->group_start));
  essential->group = all;
done:
  ESP_FREE(mine);
  ESP_FREE(heap);
  return rc;
}

int esp_essential_create(const esp_comm *comm, const esp_cover *cover, const esp_lists_param *param,
                         const esp_tree *queries, const double *z, esp_tree *tree, esp_essential *essential) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  *essential = (esp_essential){.cover = cover};
  ESP_AGREE(comm, append_rows(comm, tree, essential));
  ESP_CALL(share_cover(comm, tree, essential));
  ESP_CALL(top_geometry(comm, z, tree));
  ESP_CALL(publish_groups(comm, param, queries ? queries : tree, essential));
  return ESP_OK;
}

/* A node on its way: this head, then its centre [dim]. Even rows are left children, odd ones right children. */
typedef struct {
  int64_t parent; /* >= 0: row of the same message; else -1 - index of a covering root */
  int64_t owner_row;
  double radius;
} branch;

typedef struct {
  const esp_tree *tree;
  const double *box;
  double theta;
  const esp_lists_param *param;
  size_t unit; /* bytes of a row */
  const double *group;
  int n_group;
  int *open; /* [depth + 1][n_group] groups that may open the node being visited at each depth */
  char *row;
  size_t rows, room;
  size_t message; /* first row of the message being made */
} sender;

/* By another rule than the opening angle. */
static int rule_opens(const sender *s, const double *group, int row, double distance) {
  const esp_tree *tree = s->tree;
  const double wide = group[tree->dim];
  const esp_rule_view v = {.block_radius = group[tree->dim + 1],
                           .radius = tree->radius[row],
                           .distance = fmax(0, distance - wide),
                           .level = esp_heap_level(tree->heap[row]),
                           .count = tree->part_count[row]};
  return !(s->theta > 0) || s->param->rule->opens(s->theta, &s->param->rule_number, &v, distance + wide);
}

/* Rounding in the walk's own test is some 1e-16 of these terms. */
static int may_open(const sender *s, const double *group, int row) {
  const int dim = s->tree->dim;
  const double *centre = s->tree->centre + (size_t)row * (size_t)dim;
  const double wide = group[dim], sum = group[dim + 1] + s->tree->radius[row];
  const double distance = sqrt(esp_tree_distance2(dim, group, centre, s->box));
  const double slack = 1e-12 * (sum + s->theta * (distance + wide)) + 1e-150;
  if (s->param->rule ? rule_opens(s, group, row, distance) : !(sum + slack < s->theta * (distance - wide))) return 1;
  for (int a = 0; a < dim; a++) {
    if (!(s->box[a] > 0)) continue;
    double d = fabs(group[a] - centre[a]);
    if (d > 0.5 * s->box[a]) d = fabs(s->box[a] - d);
    if (!((sum + d + wide) * (1 + 1e-12) < 0.5 * s->box[a])) return 1;
  }
  return 0;
}

static int visit(sender *s, int row, int64_t name, const int *candidate, int n_candidate, int depth) {
  const esp_tree *tree = s->tree;
  const int dim = tree->dim, *child = tree->child + 2 * (size_t)row;
  int *open = s->open + (size_t)depth * (size_t)s->n_group, n_open = 0;
  if (!tree->part_count[row] || child[0] < 0) return ESP_OK;
  for (int g = 0; g < n_candidate; g++)
    if (may_open(s, s->group + (size_t)candidate[g] * ((size_t)dim + 2), row)) open[n_open++] = candidate[g];
  if (!n_open) return ESP_OK;
  const int64_t first = (int64_t)(s->rows - s->message);
  size_t bytes = s->room;
  ESP_CALL(ESP_GROW(s->row, bytes, (s->rows + 2) * s->unit));
  s->room = bytes;
  for (int c = 0; c < 2; c++) {
    const branch head = {name, child[c], tree->radius[child[c]]};
    char *to = s->row + s->rows++ * s->unit;
    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, tree->centre + (size_t)child[c] * (size_t)dim, (size_t)dim * sizeof(double));
  }
  for (int c = 0; c < 2; c++) ESP_CALL(visit(s, child[c], first + c, open, n_open, depth + 1));
  return ESP_OK;
}

/* All messages: to [size], start [size + 1] in rows. */
static int pack(const esp_comm *comm, const esp_essential *essential, sender *s, int *to, int64_t *start, int *n_to) {
  const esp_cover *cover = essential->cover;
  const size_t group_unit = ((size_t)s->tree->dim + 2) * sizeof(double);
  int *all = NULL, most = 0, rc;
  for (int r = 0; r < comm->size; r++)
    most = esp_imax(most, (int)((essential->group_start[r + 1] - essential->group_start[r]) / group_unit));
  ESP_TRY(ESP_ALLOC(all, most));
  ESP_TRY(ESP_ALLOC(s->open, ((size_t)s->tree->shape.depth + 1) * (size_t)most));
  for (int g = 0; g < most; g++) all[g] = g;
  *n_to = 0;
  start[0] = 0;
  for (int r = 0; r < comm->size; r++) {
    if (r == comm->rank) continue;
    s->group = essential->group + essential->group_start[r] / sizeof(double);
    s->n_group = (int)((essential->group_start[r + 1] - essential->group_start[r]) / group_unit);
    s->message = s->rows;
    for (int i = cover->cover_first[comm->rank]; i < cover->cover_first[comm->rank + 1]; i++)
      ESP_TRY(visit(s, essential->cover_row[i], -1 - i, all, s->n_group, 0));
    to[*n_to] = r;
    start[++*n_to] = (int64_t)s->rows;
  }
done:
  ESP_FREE(all);
  return rc;
}

static int unpack(const esp_inbox *inbox, size_t unit, esp_tree *tree, const esp_essential *essential) {
  const int dim = tree->dim;
  for (int m = 0; m < inbox->count; m++) {
    const int first = tree->row_count;
    for (int64_t j = inbox->start[m]; j < inbox->start[m + 1]; j++) {
      const char *from = (const char *)inbox->row + (size_t)j * unit;
      const int side = (int)((j - inbox->start[m]) & 1);
      branch head;
      int row;
      memcpy(&head, from, sizeof head);
      const int parent = head.parent >= 0 ? first + (int)head.parent : essential->cover_row[-1 - head.parent];
      ESP_CALL(esp_tree_append(tree, 2 * tree->heap[parent] + side, inbox->rank[m], head.owner_row, &row));
      tree->child[2 * (size_t)parent + (size_t)side] = row;
      tree->radius[row] = head.radius;
      memcpy(tree->centre + (size_t)row * (size_t)dim, from + sizeof head, (size_t)dim * sizeof(double));
    }
  }
  return ESP_OK;
}

static void forget(esp_tree *tree, int base_rows) {
  tree->row_count = base_rows;
  for (int row = tree->own_rows + tree->top_rows; row < base_rows; row++)
    tree->child[2 * (size_t)row] = tree->child[2 * (size_t)row + 1] = -1;
}

int esp_essential_exchange(const esp_comm *comm, const esp_lists_param *param, double theta, esp_tree *tree,
                           esp_essential *essential) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  sender s = {.tree = tree,
              .box = param->box,
              .param = param,
              .theta = theta,
              .unit = sizeof(branch) + (size_t)tree->dim * sizeof(double)};
  int *to = NULL, n_to = 0;
  int64_t *start = NULL;
  esp_inbox inbox = {0};
  forget(tree, essential->base_rows);
  int rc = ESP_ALLOC(to, comm->size);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = pack(comm, essential, &s, to, start, &n_to);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_comm_exchange(comm, n_to, to, start, s.unit, s.row, &inbox));
  essential->rows = inbox.start[inbox.count];
  ESP_TRY(comm->agree(comm, unpack(&inbox, s.unit, tree, essential)));
done:
  esp_inbox_free(&inbox);
  ESP_FREE(start);
  ESP_FREE(to);
  ESP_FREE(s.row);
  ESP_FREE(s.open);
  return rc;
}

void esp_essential_free(esp_essential *essential) {
  ESP_FREE(essential->cover_row);
  ESP_FREE(essential->group_start);
  ESP_FREE(essential->group);
}
