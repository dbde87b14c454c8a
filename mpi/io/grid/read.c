/* A grid becomes a set: every rank reads rows, cells that are kept are numbered, and go where their group belongs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sum.h"
#include "io/grid/grid.h"
#include "io/grid/slice.h"

/* ---- from the rows' ranks to the shares' ---- */

typedef struct {
  const esp_comm *comm;
  const esp_grid_slice *slice;
  esp_set *set; /* this rank's share */
  esp_exchange *exchange;
  int64_t *kept; /* [slice->count] places in the slice of the cells that are kept */
} moving;

enum { AT_ONCE = 1 << 22 }; /* numbers that are moved together */

/* What lies as [frames][n][width], for some frames: each cell's numbers side by side. */
static int move_frames(const moving *m, int width, int64_t frames, const double *from, double *to) {
  const int64_t cells = m->slice->set.n_home, mine = m->slice->count, n = m->set->n_home;
  double *row = NULL, *got = NULL;
  int rc = ESP_ALLOC(row, mine * frames * width);
  if (!rc) rc = ESP_ALLOC(got, n * frames * width);
  ESP_TRY(m->comm->agree(m->comm, rc));
  for (int64_t i = 0; i < mine; i++)
    for (int64_t t = 0; t < frames; t++)
      memcpy(row + (i * frames + t) * width, from + (t * cells + m->kept[i]) * width, (size_t)width * sizeof *row);
  const size_t unit = (size_t)(frames * width) * sizeof *row;
  ESP_TRY(m->comm->exchange_begin(m->comm, m->exchange, unit, row, got));
  ESP_TRY(m->comm->exchange_end(m->comm, m->exchange, unit, row, got));
  for (int64_t i = 0; i < n; i++)
    for (int64_t t = 0; t < frames; t++)
      memcpy(to + (t * n + i) * width, got + (i * frames + t) * width, (size_t)width * sizeof *row);
done:
  ESP_FREE(row);
  ESP_FREE(got);
  return rc;
}

static int move_column(const moving *m, int k) {
  const esp_set *from = &m->slice->set;
  const int width = m->set->width[k];
  int64_t largest[2] = {from->n_home, m->set->n_home};
  if (!width || esp_grid_field_of(&m->set->layout->column[k]) == ESP_GRID_FIELDS) return ESP_OK;
  ESP_CALL(move_frames(m, width, 1, from->value[k], m->set->value[k]));
  if (!m->set->frame[k]) return ESP_OK;
  ESP_CALL(m->comm->max_i64(m->comm, largest, 2));
  const int64_t cells = largest[0] > largest[1] ? largest[0] : largest[1], some = AT_ONCE / (cells * width) + 1;
  for (int64_t t = 0; t < m->set->frames; t += some) {
    const int64_t now = m->set->frames - t < some ? m->set->frames - t : some;
    ESP_CALL(move_frames(m, width, now, from->frame[k] + t * from->n_home * width,
                         m->set->frame[k] + t * m->set->n_home * width));
  }
  return ESP_OK;
}

/* Who has which cell by its number among those that are kept; ids are places in the whole grid. */
static int move_cells(moving *m, int64_t first, int64_t columns) {
  const esp_grid_slice *slice = m->slice;
  int64_t *own = NULL, *wanted = NULL, *place = NULL;
  const int n = m->set->n_home, mine = (int)slice->count;
  int rc = ESP_ALLOC(m->kept, mine), at = 0;
  if (!rc) rc = ESP_ALLOC(own, mine);
  if (!rc) rc = ESP_ALLOC(place, mine);
  if (!rc) rc = ESP_ALLOC(wanted, n);
  ESP_TRY(m->comm->agree(m->comm, rc));
  for (int c = 0; c < slice->set.n_home; c++)
    if (slice->kept[c]) m->kept[at++] = c;
  for (int i = 0; i < mine; i++) {
    own[i] = first + i;
    place[i] = slice->first * columns + m->kept[i];
  }
  for (int i = 0; i < n; i++) wanted[i] = m->set->first + i;
  ESP_TRY(m->comm->exchange_create(m->comm, mine, own, n, wanted, &m->exchange));
  ESP_TRY(m->comm->exchange_begin(m->comm, m->exchange, sizeof *place, place, m->set->id));
  ESP_TRY(m->comm->exchange_end(m->comm, m->exchange, sizeof *place, place, m->set->id));
  for (int k = 0; m->set->layout->column[k].name; k++) ESP_TRY(move_column(m, k));
done:
  m->comm->exchange_free(&m->exchange);
  ESP_FREE(m->kept);
  ESP_FREE(own);
  ESP_FREE(place);
  ESP_FREE(wanted);
  return rc;
}

/* ---- what all ranks together know ---- */

/* Areas over their mean; those that are not known are the mean. */
static int settle_areas(const esp_comm *comm, esp_set *set) {
  for (int k = 0; set->layout->column[k].name; k++) {
    double *area = set->value[k], sums[2];
    esp_sum sum = {0};
    if (esp_grid_field_of(&set->layout->column[k]) != ESP_FIELD_AREA || !area) continue;
    for (int i = 0; i < set->n_home; i++)
      if (isfinite(area[i])) esp_sum_add(&sum, 0, area[i]), esp_sum_add(&sum, 1, 1);
    ESP_CALL(esp_sum_end(comm, &sum, 2, sums));
    for (int i = 0; i < set->n_home; i++) area[i] = isfinite(area[i]) && sums[0] > 0 ? area[i] * sums[1] / sums[0] : 1;
  }
  return ESP_OK;
}

/* " (Tair 310, Qair 312)": how many cells lack which variable. */
static void tell_lacking(const esp_grid_plan *p, const esp_grid_counts *c, char *text, size_t size) {
  int some = 0;
  for (int q = 0; q < ESP_QUANTITIES; q++)
    if (c->lacking[q])
      esp_grid_add(text, size, "%s%s %" PRId64, some++ ? ", " : " (", p->file->var[p->source[q].var].name,
                   c->lacking[q]);
  if (some) esp_grid_add(text, size, ")");
}

static void tell_counts(const esp_grid_plan *p, const esp_grid_counts *c, int64_t n, esp_origin *origin) {
  const int64_t cells = p->frame.space.rows * p->frame.space.columns;
  for (int q = 0; q < ESP_QUANTITIES; q++)
    if (c->raised[q])
      esp_grid_add(origin->note, sizeof origin->note, "%" PRId64 " values of %s below %g are taken as %g\n",
                   c->raised[q], p->file->var[p->source[q].var].name, esp_quantity_rows[q].floor,
                   esp_quantity_rows[q].floor);
  if (c->saturated)
    esp_grid_add(origin->note, sizeof origin->note, "%" PRId64 " values of %s are above 100 %%, and stay\n",
                 c->saturated, p->file->var[p->source[ESP_RELATIVE].var].name);
  if (c->poles)
    esp_grid_add(origin->note, sizeof origin->note,
                 "%" PRId64 " cells at a pole are left out: one stands for its row, with the area of the cap\n",
                 c->poles);
  if (p->frame.space.repeated)
    esp_grid_add(origin->note, sizeof origin->note, "the last column is the first again, and is left out\n");
  esp_grid_add(origin->told, sizeof origin->told, "; %" PRId64 " of %" PRId64 " cells, %" PRId64 " masked", n, cells,
               c->masked);
  tell_lacking(p, c, origin->told, sizeof origin->told);
}

static void put_number(esp_set *set, const char *name, double value) {
  const int at = esp_set_number(set->layout, name);
  if (at >= 0) set->about[at].real = value;
}

static int make_share(const esp_comm *comm, const esp_grid_plan *p, int64_t n, esp_set *set) {
  int64_t count;
  *set = (esp_set){.layout = p->layout, .n = n};
  set->frames = p->times > 1 ? (int)p->times : 0;
  memcpy(set->width, p->width, sizeof set->width);
  esp_set_share(n, comm->rank, comm->size, &set->first, &count);
  set->n_home = (int)count;
  ESP_CALL(esp_set_create(set));
  put_number(set, "every", p->times > 1 ? p->frame.times.every : 0);
  put_number(set, "start", esp_grid_plan_start(p));
  put_number(set, "level", p->level);
  return ESP_OK;
}

/* ---- the whole ---- */

static int read_planned(const esp_comm *comm, const esp_grid_plan *p, esp_set *set, esp_origin *origin) {
  const int64_t rows = p->frame.space.rows, rank = comm->rank, size = comm->size;
  esp_grid_slice slice = {.first = (int64_t)((__int128)rows * rank / size)};
  slice.rows = (int64_t)((__int128)rows * (rank + 1) / size) - slice.first;
  moving m = {.comm = comm, .slice = &slice, .set = set};
  int rc;
  ESP_TRY(comm->agree(comm, esp_grid_slice_read(p, &slice)));
  esp_grid_counts counts = slice.counts;
  int64_t n = slice.count, first = slice.count;
  ESP_TRY(comm->sum_i64(comm, &n, 1));
  ESP_TRY(comm->exscan_i64(comm, &first));
  ESP_TRY(comm->sum_i64(comm, (int64_t *)(void *)&counts, sizeof counts / sizeof(int64_t)));
  char lacking[512] = "";
  tell_lacking(p, &counts, lacking, sizeof lacking);
  ESP_NEED(n > 0, ESP_ERR_VALUE,
           "%s: all %" PRId64 " cells are masked%s: a cell needs all variables, at each of %" PRId64
           " times (io_level chooses another level, io_time one time)",
           p->file->path, rows * p->frame.space.columns, lacking, p->times);
  ESP_TRY(comm->agree(comm, make_share(comm, p, n, set)));
  ESP_TRY(move_cells(&m, first, p->frame.space.columns));
  ESP_TRY(settle_areas(comm, set));
  esp_grid_plan_tell(p, origin->told, sizeof origin->told);
  tell_counts(p, &counts, n, origin);
  origin->time = esp_grid_plan_start(p);
  snprintf(origin->calendar, sizeof origin->calendar, "%s", esp_calendar_name(p->frame.times.calendar));
done:
  esp_grid_slice_free(&slice);
  return rc;
}

int esp_grid_read(const esp_comm *comm, esp_grid_opener open, const esp_input_param *input, const esp_layout *layout,
                  esp_set *set, esp_origin *origin) {
  esp_grid_file file;
  esp_grid_plan plan;
  int rc;
  *set = (esp_set){.layout = layout};
  *origin = (esp_origin){0};
  ESP_CALL(open(comm, input->file, &file));
  ESP_TRY(comm->agree(comm, esp_grid_plan_make(&file, &input->grid, layout, &plan, origin->note, sizeof origin->note)));
  ESP_TRY(read_planned(comm, &plan, set, origin));
done:
  esp_grid_close(&file);
  if (rc) esp_set_free(set);
  return rc;
}
