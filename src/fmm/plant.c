#include "fmm/plant.h"

#include <math.h>
#include <string.h>

typedef struct {
  esp_fmm_work *w;
  const esp_fmm_parcel *parcel;
  const esp_fmm_purpose *purpose;
  esp_fmm_rows *tree;
  size_t row; /* next of the parcel */
  int next;   /* row of the tree */
  int body;   /* place of the next body that came */
  int held;   /* next of the pieces held */
} planting;

static void take_moment(const planting *p, int row) {
  const size_t width = (size_t)p->w->moments;
  if (!p->purpose->whole) return;
  memcpy(p->tree->moment + (size_t)row * width, p->parcel->moment + p->row * width, width * sizeof(float));
}

/* A piece held: its rows as they are, with numbers of their new place. */
static void plant_own(planting *p, const esp_fmm_piece *piece, int64_t count) {
  const esp_fmm_rows *own = &p->w->own, *tree = p->tree;
  const int rows = 2 * (int)((count + ESP_FMM_LEAF - 1) / ESP_FMM_LEAF) - 1, shift = p->next - piece->row;
  const size_t width = (size_t)p->w->moments;
  memcpy(tree->node + p->next, own->node + piece->row, (size_t)rows * sizeof *own->node);
  memcpy(tree->cell + p->next, own->cell + piece->row, (size_t)rows * sizeof *own->cell);
  for (int k = p->next; k < p->next + rows; k++)
    if (tree->cell[k].right > 0) tree->cell[k].right += shift;
  if (p->purpose->whole)
    memcpy(tree->moment + (size_t)p->next * width, own->moment + (size_t)piece->row * width,
           (size_t)rows * width * sizeof *own->moment);
  p->next += rows;
}

/* The rest of a piece that came, from its next row on. */
static int plant_sent(planting *p) {
  ESP_CHECK(p->row < p->parcel->rows, ESP_ERR_INTERNAL, "a parcel of %zu nodes ends too early", p->parcel->rows);
  const esp_fmm_cell *from = p->parcel->row + p->row;
  const int row = p->next++;
  esp_fmm_cell *to = p->tree->cell + row;
  *to = *from;
  take_moment(p, row);
  p->row++;
  if (from->right == ESP_FMM_CHILDREN) {
    ESP_CALL(plant_sent(p));
    p->tree->cell[row].right = p->next;
    return plant_sent(p);
  }
  to->right = from->right == ESP_FMM_NO_CHILDREN ? p->w->absent : -p->w->bodies_held;
  if (from->right != ESP_FMM_BODIES) return ESP_OK;
  to->right = -p->body;
  if (p->purpose->whole) p->body += (int)from->count;
  return ESP_OK;
}

/* A root of which nothing came. */
static void plant_root(planting *p, const esp_fmm_top_node *node) {
  const esp_fmm_gathered *root = p->w->root + node->piece;
  const int row = p->next++;
  p->tree->cell[row] = (esp_fmm_cell){.first = node->first, .count = node->count};
  p->tree->cell[row].right = node->count > ESP_FMM_LEAF ? p->w->absent : -p->w->bodies_held;
  p->w->method->close(p->w, root, &root->box, p->tree, row);
}

static int plant_piece(planting *p, const esp_fmm_top_node *node, esp_fmm_gathered *of) {
  const esp_fmm_share *share = &p->w->share;
  *of = p->w->root[node->piece];
  if (p->held < share->pieces && share->piece[p->held].number == node->piece) {
    plant_own(p, share->piece + p->held++, node->count);
    return ESP_OK;
  }
  if (p->row < p->parcel->rows && p->parcel->row[p->row].first == node->first) return plant_sent(p);
  plant_root(p, node);
  return ESP_OK;
}

static int plant_node(planting *p, int at, esp_fmm_gathered *of) {
  const esp_fmm_top_node *node = p->w->top.node + at;
  esp_fmm_gathered left, right;
  if (node->piece >= 0) return plant_piece(p, node, of);
  const int row = p->next++;
  esp_fmm_node *box = p->tree->node + row;
  *box = (esp_fmm_node){.radius = node->box.radius, .least = node->least};
  memcpy(box->centre, node->box.centre, sizeof box->centre);
  memcpy(box->half, node->box.half, sizeof box->half);
  ESP_CALL(plant_node(p, node->child[0], &left));
  const int second = p->next;
  ESP_CALL(plant_node(p, node->child[1], &right));
  p->w->method->join(p->w, &left, &right, of);
  p->tree->cell[row] = (esp_fmm_cell){.right = second, .first = node->first, .count = node->count};
  p->w->method->close(p->w, of, box, p->tree, row);
  return ESP_OK;
}

static int take_bodies(esp_fmm_work *w, const esp_fmm_parcel *parcel) {
  const size_t all = (size_t)w->n + parcel->bodies;
  ESP_CHECK(all < INT32_MAX, ESP_ERR_LIMIT, "%zu bodies on one rank with those of others; fewer than 2^31", all);
  for (int a = 0; a < 3; a++)
    if (all > w->room[a]) ESP_CALL(ESP_GROW(w->x[a], w->room[a], all));
  if (all > w->room[3]) ESP_CALL(ESP_GROW(w->mass, w->room[3], all));
  const size_t extras = (size_t)w->share.extra.count;
  if (all * extras > w->room[4]) ESP_CALL(ESP_GROW(w->extra, w->room[4], all * extras));
  if (extras && parcel->bodies)
    memcpy(w->extra + (size_t)w->n * extras, parcel->extra, parcel->bodies * extras * sizeof *w->extra);
  for (size_t j = 0; j < parcel->bodies; j++) {
    for (int a = 0; a < 3; a++) w->x[a][(size_t)w->n + j] = parcel->body[j].x[a];
    w->mass[(size_t)w->n + j] = parcel->body[j].mass;
  }
  return ESP_OK;
}

static int make_rows(esp_fmm_work *w, const esp_fmm_parcel *parcel) {
  const size_t rows = (size_t)w->top.count + (size_t)w->own.rows + parcel->rows;
  ESP_CHECK(rows < INT32_MAX - 16, ESP_ERR_LIMIT, "%zu nodes on one rank; fewer than 2^31", rows);
  ESP_CALL(ESP_ALLOC(w->tree.node, rows));
  ESP_CALL(ESP_ALLOC(w->tree.cell, rows + 1));
  return ESP_ALLOC(w->tree.moment, (rows + 1) * (size_t)w->moments);
}

static int put_together(esp_fmm_work *w, const esp_fmm_purpose *purpose, const esp_fmm_parcel *parcel) {
  esp_fmm_gathered all;
  planting p = {.w = w, .parcel = parcel, .purpose = purpose, .tree = &w->tree, .body = w->n};
  ESP_CALL(make_rows(w, parcel));
  w->absent = INT32_MAX;
  w->bodies_held = w->n + (int)parcel->bodies;
  ESP_CALL(plant_node(&p, 0, &all));
  ESP_CHECK(p.row == parcel->rows && p.held == w->share.pieces, ESP_ERR_INTERNAL, "%zu of %zu nodes were taken", p.row,
            parcel->rows);
  w->tree.rows = p.next;
  return ESP_OK;
}

/* The cell without mass. */
static void close_tree(esp_fmm_work *w) {
  const esp_fmm_node *root = w->tree.node;
  w->tree.cell[w->tree.rows] = (esp_fmm_cell){.c = {root->centre[0] + 2, root->centre[1], root->centre[2]}};
  memset(w->tree.moment + (size_t)w->tree.rows * (size_t)w->moments, 0, (size_t)w->moments * sizeof *w->tree.moment);
}

int esp_fmm_plant(esp_fmm_work *w, const esp_fmm_purpose *purpose, const esp_fmm_parcel *parcel) {
  ESP_MEMORY_FOR(ESP_MEMORY_LISTS);
  esp_fmm_unplant(w);
  if (w->comm->size == 1) {
    w->tree = w->own;
    w->bodies_held = w->n;
  } else {
    if (purpose->whole) ESP_CALL(take_bodies(w, parcel));
    ESP_CALL(put_together(w, purpose, parcel));
  }
  close_tree(w);
  if ((size_t)w->tree.rows + 2 > w->queue_capacity) ESP_CALL(ESP_GROW(w->queue, w->queue_capacity, w->tree.rows + 2));
  for (int v = 0; v < ESP_FMM_VERDICTS; v++)
    if ((size_t)w->tree.rows + 16 > w->list_capacity[v])
      ESP_CALL(ESP_GROW(w->list[v], w->list_capacity[v], w->tree.rows + 16));
  return ESP_OK;
}

void esp_fmm_unplant(esp_fmm_work *w) {
  if (w->tree.cell == w->own.cell) {
    w->tree = (esp_fmm_rows){0};
    return;
  }
  ESP_FREE(w->tree.node);
  ESP_FREE(w->tree.cell);
  ESP_FREE(w->tree.moment);
}
