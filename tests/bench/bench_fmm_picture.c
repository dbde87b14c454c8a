/* Draws the lists of one receiver of the multipole method and of all nodes above it, as SVG: docs/pictures/fmm.svg. Not a test: run
 * it by hand.
 *
 *   bench_fmm_picture > fmm.svg */
#include <stdio.h>

#include "fmm/fmm.h"
#include "unit/fmm_case.h"

enum { N = 3000, SIDE = 580, EDGE = 10 };

/* A node of a list: the bodies of its slots. */
typedef struct {
  esp_fmm_kind kind;
  int64_t i, count_i, j, count_j;
} entry;
typedef struct {
  entry *list;
  size_t count, capacity;
  int failed;
} entries;

static void note(void *context, esp_fmm_kind kind, int64_t i, int64_t count_i, int64_t j, int64_t count_j) {
  entries *e = context;
  if (e->count == e->capacity && ESP_GROW(e->list, e->capacity, e->count + 1)) e->failed = 1;
  if (!e->failed) e->list[e->count++] = (entry){kind, i, count_i, j, count_j};
}

typedef struct {
  double lo[2], hi[2];
} square;

static square box_of(const double (*x)[3], const int *body, int64_t first, int64_t count) {
  square b = {{1e9, 1e9}, {-1e9, -1e9}};
  for (int64_t s = first; s < first + count; s++)
    for (int a = 0; a < 2; a++) {
      b.lo[a] = fmin(b.lo[a], x[body[s]][a]);
      b.hi[a] = fmax(b.hi[a], x[body[s]][a]);
    }
  return b;
}

/* Of the picture, from places in [-2, 2]. */
static double px(double x) {
  return EDGE + (x + 2) / 4 * (SIDE - 2 * EDGE);
}

static void draw(square b, const char *fill, double opacity, const char *stroke, double width) {
  printf(
      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" fill-opacity=\"%.2f\" stroke=\"%s\" "
      "stroke-width=\"%.1f\"/>\n",
      px(b.lo[0]), px(b.lo[1]), px(b.hi[0]) - px(b.lo[0]), px(b.hi[1]) - px(b.lo[1]), fill, opacity, stroke, width);
}

static void draw_lists(const double (*x)[3], const int *body, const entries *e, int64_t first, int64_t count) {
  static const char *const level[] = {"#123a66", "#1f5fa8", "#4b86c6", "#86b0dc", "#b5d0ea", "#d6e5f3"};
  int64_t above = -1;
  int depth = -1;
  printf(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
      SIDE, SIDE, SIDE, SIDE);
  for (size_t k = 0; k < e->count; k++) {
    const entry *l = e->list + k;
    if (l->i > first || l->i + l->count_i < first + count || l->kind == ESP_FMM_NOTHING) continue;
    if (l->count_i != above) depth++;
    above = l->count_i;
    const square b = box_of(x, body, l->j, l->count_j);
    if (l->kind == ESP_FMM_EXPAND) draw(b, level[depth < 5 ? depth : 5], 0.55, "#555555", 0.7);
    if (l->kind == ESP_FMM_CELL) draw(b, "#d08a2a", 0.45, "#555555", 0.7);
    if (l->kind == ESP_FMM_NEAR) draw(b, "#bb2222", 0.3, "#bb2222", 0.7);
  }
  printf("<path stroke=\"#222222\" stroke-width=\"2\" stroke-linecap=\"round\" d=\"");
  for (int s = 0; s < N; s++) printf("M%.1f %.1fh0", px(x[body[s]][0]), px(x[body[s]][1]));
  printf("\"/>\n");
  draw(box_of(x, body, first, count), "#ffffff", 0, "#000000", 2.5);
  printf("</svg>\n");
}

static int run(void) {
  static double x[N][3], m[N];
  static int64_t slot[N];
  static int body[N];
  entries e = {0};
  for (int i = 0; i < N; i++) {
    double place[3];
    fmm_plummer(i, 0.95, place);
    const double r = sqrt(place[0] * place[0] + place[1] * place[1]),
                 shrink = r > 1.9 ? 1.9 / r * fmm_uniform(i, 7) : 1;
    for (int a = 0; a < 2; a++) x[i][a] = place[a] * shrink;
    m[i] = 1.0 / N;
  }
  const esp_fmm_param param = {4, 2e-3, 0.01};
  const esp_fmm_bodies bodies = {N, (const double(*)[3])x, m, NULL, NULL};
  const esp_fmm_witness witness = {note, &e};
  ESP_CALL(ESP_GROW(e.list, e.capacity, 1024));
  ESP_CALL(esp_fmm_force(esp_comm_self(), &param, &bodies, &(esp_fmm_result){.slot = slot, .witness = &witness}));
  if (e.failed) return ESP_ERR_MEMORY;
  for (int i = 0; i < N; i++) body[slot[i]] = i;
  /* the last receiver of bodies in the middle of the order */
  int64_t first = 0, count = 0;
  for (size_t k = 0; k < e.count; k++)
    if (e.list[k].kind == ESP_FMM_NEAR && e.list[k].i <= slot[12] && slot[12] < e.list[k].i + e.list[k].count_i)
      first = e.list[k].i, count = e.list[k].count_i;
  draw_lists((const double(*)[3])x, body, &e, first, count);
  ESP_FREE(e.list);
  return ESP_OK;
}

int main(void) {
  const int rc = run();
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  return rc != ESP_OK;
}
