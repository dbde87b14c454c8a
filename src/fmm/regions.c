#include "fmm/regions.h"

#include <math.h>
#include <string.h>

typedef struct {
  const esp_fmm_work *w;
  int64_t limit; /* bodies of an area */
  esp_fmm_region *region;
  size_t count, capacity;
} survey;

static int add(survey *s, const esp_fmm_region *region) {
  if (s->count == s->capacity) ESP_CALL(ESP_GROW(s->region, s->capacity, s->count + 64));
  s->region[s->count++] = *region;
  return ESP_OK;
}

/* Largest radius of the receivers without children in a node. */
static double widest_of(const esp_fmm_rows *own, int row) {
  if (own->cell[row].count <= ESP_FMM_RECEIVERS) return own->node[row].radius;
  return fmax(widest_of(own, row + 1), widest_of(own, own->cell[row].right));
}

static int survey_piece(survey *s, int row) {
  const esp_fmm_rows *own = &s->w->own;
  const esp_fmm_cell *cell = own->cell + row;
  esp_fmm_region region = {.box = own->node[row]};
  if (cell->count <= s->limit) {
    region.widest = widest_of(own, row);
    region.area = 1;
    region.parents = cell->count > ESP_FMM_RECEIVERS;
    return add(s, &region);
  }
  const size_t at = s->count;
  ESP_CALL(add(s, &region));
  ESP_CALL(survey_piece(s, row + 1));
  ESP_CALL(survey_piece(s, cell->right));
  s->region[at].last = (int32_t)s->count;
  return ESP_OK;
}

/* Pieces held come in order. */
static int survey_node(survey *s, int t, int *held) {
  const esp_fmm_work *w = s->w;
  const esp_fmm_top_node *node = w->top.node + t;
  if (!esp_fmm_meets(&w->top, w->comm->rank, node)) return ESP_OK;
  if (node->piece >= 0) return survey_piece(s, w->share.piece[(*held)++].row);
  esp_fmm_region region = {.box = {.radius = node->box.radius, .least = node->least}};
  memcpy(region.box.centre, node->box.centre, sizeof region.box.centre);
  memcpy(region.box.half, node->box.half, sizeof region.box.half);
  const size_t at = s->count;
  ESP_CALL(add(s, &region));
  for (int k = 0; k < 2; k++) ESP_CALL(survey_node(s, node->child[k], held));
  s->region[at].last = (int32_t)s->count;
  return ESP_OK;
}

int esp_fmm_regions_gather(const esp_fmm_work *w, esp_fmm_regions *to) {
  const esp_comm *comm = w->comm;
  enum { AREAS = 64 };
  const int64_t share = w->n / AREAS;
  survey s = {.w = w, .limit = share > ESP_FMM_ESTIMATE ? share : ESP_FMM_ESTIMATE};
  *to = (esp_fmm_regions){0};
  int held = 0, rc = survey_node(&s, 0, &held);
  if (!rc) rc = ESP_ALLOC(to->start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->gather_all(comm, s.region, s.count * sizeof *s.region, (void **)&to->region, to->start));
done:
  ESP_FREE(s.region);
  if (rc) esp_fmm_regions_free(to);
  return rc;
}

void esp_fmm_regions_free(esp_fmm_regions *regions) {
  ESP_FREE(regions->region);
  ESP_FREE(regions->start);
}

static const double rounded = 1 - 1e-5;

static int rule_2_may_fail(const esp_fmm_work *w, const esp_fmm_region *region, double radius, const esp_fmm_cell *cell,
                           double d2) {
  const double least = region->box.least > w->floor ? region->box.least : w->floor;
  const esp_fmm_gate gate = esp_fmm_gate_make(w->order + w->method->gate_order, radius, w->tolerance * least * rounded);
  return !esp_fmm_expands(&gate, w->order + w->method->power, cell, d2 * rounded, w->eps2 * rounded);
}

static int rule_3_may_fail(const esp_fmm_work *w, const esp_fmm_region *region, const esp_fmm_cell *cell, double D2) {
  const double least = region->box.least > w->floor ? region->box.least : w->floor;
  return !w->method->acts(w->order, w->tolerance * least * rounded, cell, D2 * rounded, w->eps2 * rounded);
}

static int estimate_opens(const esp_fmm_work *w, const esp_fmm_region *region, const esp_fmm_cell *cell, double D2) {
  (void)w;
  const double radius = (double)cell->radius;
  return region->area && radius * radius >= D2 * rounded;
}

static int walk_opens(const esp_fmm_work *w, const esp_fmm_region *region, const esp_fmm_cell *cell, double D2) {
  const esp_fmm_node *B = &region->box;
  const double radius = (double)cell->radius;
  double d2 = 0;
  for (int a = 0; a < 3; a++) d2 += (B->centre[a] - cell->c[a]) * (B->centre[a] - cell->c[a]);
  if (!(cell->mass > 0)) return 0;
  if (!region->area) return cell->right > 0 && radius > B->radius && rule_2_may_fail(w, region, B->radius, cell, d2);
  if (region->parents && cell->right > 0 && rule_2_may_fail(w, region, fmin(B->radius, radius), cell, D2)) return 1;
  return rule_3_may_fail(w, region, cell, D2) && rule_2_may_fail(w, region, region->widest, cell, D2);
}

const esp_fmm_purpose esp_fmm_for_estimate = {0, estimate_opens}, esp_fmm_for_walk = {1, walk_opens};

int esp_fmm_region_opens(const esp_fmm_work *w, const esp_fmm_purpose *purpose, const esp_fmm_region *region,
                         const esp_fmm_cell *cell) {
  double D2 = 0;
  for (int a = 0; a < 3; a++) {
    const double gap = fabs(region->box.centre[a] - cell->c[a]) - region->box.half[a];
    D2 += gap > 0 ? gap * gap : 0;
  }
  return purpose->opens(w, region, cell, D2);
}
