/* Making: a start, its spin-up, and the frames of its weather. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "tasks/weather/icosahedron.h"
#include "tasks/weather/sphere.h"
#include "tasks/weather/start.h"
#include "tasks/weather/weather.h"

int esp_weather_level(int64_t n, int *level) {
  for (*level = 2; *level <= 10; ++*level)
    if (esp_icosahedron_points(*level) == n) return ESP_OK;
  return ESP_FAIL(ESP_ERR_CONFIG,
                  "%lld cells of weather; a mesh has 162, 642, 2562, 10242, 40962, 163842, 655362, 2621442 or 10485762",
                  (long long)n);
}

static int64_t frames_of(const esp_weather_param *p) {
  return (int64_t)p->days * 24 / p->every + 1;
}

int esp_weather_plan(const void *param, esp_plan *plan) {
  const esp_weather_param *p = param;
  int level;
  strcpy(plan->how, "frames of a record");
  if (plan->foreign) return ESP_OK;
  ESP_CHECK(
      p->of == ESP_WEATHER_OF_CLIMATE, ESP_ERR_CONFIG,
      "data_weather_of record, and no file of one: set -input FILE (NetCDF or GRIB, with temperature and humidity "
      "at equal steps of time; hourly ones of the land of the world: WFDE5, doi 10.24381/cds.20d54e34, of "
      "the Copernicus Climate Data Store)");
  ESP_CALL(esp_weather_level(plan->n, &level));
  plan->sets = 1;
  plan->frames = frames_of(param);
  /* made of others on reading; and a record's */
  for (int k = ESP_WEATHER_SENT_T; k <= ESP_WEATHER_BEFORE_Q; k++) plan->width[k] = 0;
  strcpy(plan->how, "moist thermal shallow water");
  return ESP_OK;
}

/* What a frame, and the mesh, tell of a cell, on its way from its owner to where the file has it. */
enum { FRAME_NUMBERS = 8, CELL_NUMBERS = 7 };
/* What a state tells of a cell: h, h theta, h q, sources of water, what had rained at the last frame, and the wind through its
 * edges where it is their first cell. Behind it stand the frames since the state before. Numbers of the whole: stirring, steps
 * made, and what there was at the start. */
enum {
  STATE_RAIN = ESP_FLOW_FIELDS + ESP_CLIMATE_SOURCES,
  STATE_WIND,
  STATE_NUMBERS = STATE_WIND + 6,
  WHOLE_NUMBERS = ESP_CLIMATE_MODES + 1 + sizeof(esp_flow_budget) / sizeof(double)
};

typedef struct {
  const esp_weather_param *param;
  esp_mesh mesh;
  esp_flow flow;
  esp_climate climate;
  double dt;
  int64_t steps;                  /* from frame to frame */
  double (*wind)[3], *rain, *row; /* [n_own], [n_own], [n_own][STATE_NUMBERS] */
  double *got;                    /* [n_home][STATE_NUMBERS] */
  esp_exchange *home;
  esp_set set;
} making;

static int create(making *m, const esp_backend *backend, int64_t n) {
  const esp_comm *comm = backend->comm;
  esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300};
  int level;
  ESP_CALL(esp_weather_level(n, &level));
  param.nu4 = esp_climate_nu4(level);
  m->steps = (int64_t)ceil(m->param->every * 3600 / esp_climate_dt(level));
  m->dt = m->param->every * 3600.0 / (double)m->steps;
  ESP_CALL(esp_mesh_create(backend, level, m->param->sweeps, &m->mesh));
  ESP_AGREE(comm, esp_flow_create(&m->mesh, &param, &m->flow));
  ESP_CALL(esp_climate_create(&m->flow, &esp_climate_default, &m->climate));
  int64_t first, count;
  esp_set_share(n, comm->rank, comm->size, &first, &count);
  m->set = (esp_set){.n = n, .first = first, .n_home = (int)count, .layout = &esp_weather_layout};
  m->set.frames = (int)frames_of(m->param);
  for (int k = 0; k <= ESP_WEATHER_AREA; k++) m->set.width[k] = esp_weather_layout.column[k].width;
  int rc = esp_set_create(&m->set);
  if (!rc) rc = ESP_ALLOC(m->wind, m->mesh.n_own);
  if (!rc) rc = ESP_ALLOC(m->rain, m->mesh.n_own);
  if (!rc) rc = ESP_ALLOC(m->row, (size_t)m->mesh.n_own * STATE_NUMBERS);
  if (!rc) rc = ESP_ALLOC(m->got, (size_t)count * STATE_NUMBERS);
  ESP_AGREE(comm, rc);
  for (int64_t i = 0; i < count; i++) m->set.id[i] = first + i;
  return comm->exchange_create(comm, m->mesh.n_own, m->mesh.id, (int)count, m->set.id, &m->home);
}

static void destroy(making *m, const esp_comm *comm) {
  comm->exchange_free(&m->home);
  ESP_FREE(m->wind);
  ESP_FREE(m->rain);
  ESP_FREE(m->row);
  ESP_FREE(m->got);
  esp_set_free(&m->set);
  esp_climate_free(&m->climate);
  esp_flow_free(&m->flow);
  esp_mesh_free(&m->mesh);
}

static int go_home(making *m, size_t numbers) {
  const esp_comm *comm = m->mesh.comm;
  ESP_CALL(comm->exchange_begin(comm, m->home, numbers * sizeof *m->row, m->row, m->got));
  return comm->exchange_end(comm, m->home, numbers * sizeof *m->row, m->row, m->got);
}

/* Numbers from `at` on of what came, `width` of them, as rows of a column. */
static void take(const making *m, size_t numbers, size_t at, size_t width, double *column) {
  for (size_t i = 0; i < (size_t)m->set.n_home; i++)
    memcpy(column + i * width, m->got + i * numbers + at, width * sizeof *column);
}

static int take_cells(making *m) {
  const esp_mesh *mesh = &m->mesh;
  const double mean = 4 * acos(-1.0) * ESP_EARTH_RADIUS * ESP_EARTH_RADIUS / (double)mesh->cells;
  for (int c = 0; c < mesh->n_own; c++) {
    double *row = m->row + (size_t)c * CELL_NUMBERS;
    memcpy(row, mesh->x[c], sizeof mesh->x[c]);
    row[3] = m->flow.mountain[c], row[4] = m->climate.wet[c], row[5] = m->climate.surface[c];
    row[6] = mesh->area[c] / mean;
  }
  ESP_CALL(go_home(m, CELL_NUMBERS));
  take(m, CELL_NUMBERS, 0, 3, m->set.value[ESP_WEATHER_PLACE]);
  take(m, CELL_NUMBERS, 3, 1, m->set.value[ESP_WEATHER_GROUND]);
  take(m, CELL_NUMBERS, 4, 1, m->set.value[ESP_WEATHER_WET]);
  take(m, CELL_NUMBERS, 5, 1, m->set.value[ESP_WEATHER_SURFACE]);
  take(m, CELL_NUMBERS, 6, 1, m->set.value[ESP_WEATHER_AREA]);
  return ESP_OK;
}

/* What stands in a frame, in the order in which it travels. */
static const struct {
  int column;
  size_t width;
} field[] = {{ESP_WEATHER_WIND, 3}, {ESP_WEATHER_T, 1},  {ESP_WEATHER_Q, 1},
             {ESP_WEATHER_H, 1},    {ESP_WEATHER_RH, 1}, {ESP_WEATHER_RAIN, 1}};

/* Rows of a field in a frame; those of the first frame are the set's own, too. */
static double *field_rows(const making *m, size_t k, int frame) {
  return m->set.frame[field[k].column] + (size_t)frame * (size_t)m->set.n_home * field[k].width;
}

static void begin_set(making *m) {
  for (size_t k = 0; k < sizeof field / sizeof *field && m->set.n_home; k++)
    memcpy(m->set.value[field[k].column], field_rows(m, k, 0), (size_t)m->set.n_home * field[k].width * sizeof(double));
}

static int take_frame(making *m, int frame) {
  const esp_mesh *mesh = &m->mesh;
  const esp_climate *climate = &m->climate;
  size_t at = 0;
  esp_flow_wind(&m->flow, m->wind);
  for (int c = 0; c < mesh->n_own; c++) {
    const double *y = m->flow.cell[c], h = y[ESP_FLOW_H_], theta = y[ESP_FLOW_S] / h, q = y[ESP_FLOW_Q] / h;
    const double full = esp_climate_saturation(&climate->param, theta, h + m->flow.mountain[c]);
    double *row = m->row + (size_t)c * FRAME_NUMBERS;
    memcpy(row, m->wind[c], sizeof m->wind[c]);
    row[3] = theta, row[4] = q, row[5] = h, row[6] = q / full;
    row[7] = frame ? climate->source[c][ESP_CLIMATE_RAINED] - m->rain[c] : 0;
    m->rain[c] = climate->source[c][ESP_CLIMATE_RAINED];
  }
  ESP_CALL(go_home(m, FRAME_NUMBERS));
  for (size_t k = 0; k < sizeof field / sizeof *field; k++) {
    take(m, FRAME_NUMBERS, at, field[k].width, field_rows(m, k, frame));
    at += field[k].width;
  }
  return ESP_OK;
}

static int step(making *m, int64_t steps) {
  for (int64_t s = 0; s < steps; s++) ESP_CALL(esp_climate_step(&m->climate, m->dt));
  return ESP_OK;
}

/* What is told of the whole: drifts since `before`. */
static int tell(making *m, uint64_t seed, const esp_flow_budget *before) {
  const esp_mesh *mesh = &m->mesh;
  const double sign[ESP_CLIMATE_SOURCES] = {
      [ESP_CLIMATE_EVAPORATED] = 1, [ESP_CLIMATE_RAINED] = -1, [ESP_CLIMATE_DRIED] = -1, [ESP_CLIMATE_RELAXED] = 1};
  double gained = 0, speed = 0;
  esp_flow_budget after;
  ESP_CALL(esp_flow_budget_take(&m->flow, &after));
  for (int k = 0; k < ESP_CLIMATE_SOURCES; k++) {
    double sum;
    for (int c = 0; c < mesh->n_own; c++) m->row[c] = m->climate.source[c][k];
    ESP_CALL(esp_mesh_integral(mesh, m->row, &sum));
    gained += sign[k] * sum;
  }
  for (int e = 0; e < mesh->n_own_edge; e++) speed = fmax(speed, fabs(m->flow.u[e]));
  ESP_CALL(mesh->comm->max_f64(mesh->comm, &speed, 1));
  m->set.about[ESP_WEATHER_SEED].whole = (int64_t)seed;
  m->set.about[ESP_WEATHER_EVERY].real = m->param->every;
  m->set.about[ESP_WEATHER_SPIN_UP].real = m->param->spin_up;
  m->set.about[ESP_WEATHER_SPEED].real = speed;
  m->set.about[ESP_WEATHER_MASS].real = fabs(after.mass / before->mass - 1);
  m->set.about[ESP_WEATHER_WATER].real = fabs(after.water - before->water - gained) / before->water;
  return ESP_OK;
}

/* ---- states ---- */

/* Between a set's frames, `every` from `first` on, and rows of a state. */
static void move_frames(const making *m, int first, int every, int out, esp_kept *kept) {
  const size_t columns = (size_t)kept->columns;
  size_t at = STATE_NUMBERS;
  for (int frame = first; frame < first + every; frame++)
    for (size_t k = 0; k < sizeof field / sizeof *field; at += field[k].width, k++)
      for (size_t i = 0; i < (size_t)m->set.n_home; i++) {
        double *there = kept->row + i * columns + at, *here = field_rows(m, k, frame) + i * field[k].width;
        memcpy(out ? there : here, out ? here : there, field[k].width * sizeof *here);
      }
}

static int kept_create(const making *m, int every, esp_kept *kept) {
  *kept = (esp_kept){.n = m->set.n, .columns = STATE_NUMBERS + every * FRAME_NUMBERS, .numbers = WHOLE_NUMBERS};
  int rc = ESP_ALLOC(kept->row, (size_t)m->set.n_home * (size_t)kept->columns);
  if (!rc) rc = ESP_ALLOC(kept->number, WHOLE_NUMBERS);
  return m->mesh.comm->agree(m->mesh.comm, rc);
}

static void kept_free(esp_kept *kept) {
  ESP_FREE(kept->row);
  ESP_FREE(kept->number);
}

/* State `at`, behind frame (at + 1) every - 1. */
static int keep(making *m, const esp_flow_budget *before, esp_maker *to, int64_t at) {
  const esp_mesh *mesh = &m->mesh;
  const esp_climate *c = &m->climate;
  esp_kept kept;
  int rc;
  ESP_TRY(kept_create(m, to->keep_every, &kept));
  for (int i = 0; i < mesh->n_own; i++) {
    double *row = m->row + (size_t)i * STATE_NUMBERS;
    memcpy(row, m->flow.cell[i], sizeof m->flow.cell[i]);
    memcpy(row + ESP_FLOW_FIELDS, c->source[i], sizeof c->source[i]);
    row[STATE_RAIN] = m->rain[i];
    for (int k = 0; k < 6; k++) row[STATE_WIND + k] = 0;
  }
  for (int e = 0; e < mesh->n_own_edge; e++)
    m->row[(size_t)mesh->ends[e][0] * STATE_NUMBERS + STATE_WIND + (size_t)mesh->slot[e][0]] = m->flow.u[e];
  ESP_TRY(go_home(m, STATE_NUMBERS));
  for (size_t i = 0; i < (size_t)m->set.n_home; i++)
    memcpy(kept.row + i * (size_t)kept.columns, m->got + i * STATE_NUMBERS, STATE_NUMBERS * sizeof *m->got);
  move_frames(m, (int)at * to->keep_every, to->keep_every, 1, &kept);
  memcpy(kept.number, c->amplitude, sizeof c->amplitude);
  kept.number[ESP_CLIMATE_MODES] = (double)c->steps;
  memcpy(kept.number + ESP_CLIMATE_MODES + 1, before, sizeof *before);
  ESP_TRY(to->keep(to, mesh->comm, at, &kept));
done:
  kept_free(&kept);
  return rc;
}

/* The flow and its climate become those of m->got, which goes where the cells are. */
static int put_state(making *m, const esp_kept *kept, esp_flow_budget *before) {
  const esp_mesh *mesh = &m->mesh;
  const esp_comm *comm = mesh->comm;
  esp_climate *c = &m->climate;
  const size_t unit = STATE_NUMBERS * sizeof *m->row;
  esp_exchange *away = NULL;
  int rc;
  ESP_TRY(comm->exchange_create(comm, m->set.n_home, m->set.id, mesh->n_own, mesh->id, &away));
  ESP_TRY(comm->exchange_begin(comm, away, unit, m->got, m->row));
  ESP_TRY(comm->exchange_end(comm, away, unit, m->got, m->row));
  for (int i = 0; i < mesh->n_own; i++) {
    const double *row = m->row + (size_t)i * STATE_NUMBERS;
    memcpy(m->flow.cell[i], row, sizeof m->flow.cell[i]);
    memcpy(c->source[i], row + ESP_FLOW_FIELDS, sizeof c->source[i]);
    m->rain[i] = row[STATE_RAIN];
  }
  for (int e = 0; e < mesh->n_own_edge; e++)
    m->flow.u[e] = m->row[(size_t)mesh->ends[e][0] * STATE_NUMBERS + STATE_WIND + (size_t)mesh->slot[e][0]];
  memcpy(c->amplitude, kept->number, sizeof c->amplitude);
  c->steps = (int64_t)kept->number[ESP_CLIMATE_MODES];
  memcpy(before, kept->number + ESP_CLIMATE_MODES + 1, sizeof *before);
  ESP_TRY(esp_mesh_fill_cells(mesh, sizeof *m->flow.cell, m->flow.cell));
  ESP_TRY(esp_mesh_fill_edges(mesh, sizeof *m->flow.u, m->flow.u));
done:
  comm->exchange_free(&away);
  return rc;
}

/* All frames that were kept, and the state behind the last; *frames: how many there are. */
static int go_on(making *m, esp_maker *to, esp_flow_budget *before, int *frames) {
  const int every = to->keep_every;
  esp_kept kept;
  int rc, found = 1;
  ESP_TRY(kept_create(m, every, &kept));
  for (*frames = 0; *frames + every < m->set.frames; *frames += every) {
    ESP_TRY(to->take(to, m->mesh.comm, *frames / every, &kept, &found));
    if (!found) break;
    move_frames(m, *frames, every, 0, &kept);
  }
  for (size_t i = 0; i < (size_t)m->set.n_home; i++)
    memcpy(m->got + i * STATE_NUMBERS, kept.row + i * (size_t)kept.columns, STATE_NUMBERS * sizeof *m->got);
  if (*frames) ESP_TRY(put_state(m, &kept, before));
done:
  kept_free(&kept);
  return rc;
}

/* ---- the whole ---- */

int esp_weather_make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  const esp_weather_param *p = param;
  /* whole numbers of a file are below 2^53 */
  const uint64_t seed = esp_rng_bits(p->seed, (uint64_t)item->number, ESP_RNG_CLOUD, 1 + (uint32_t)item->part) >> 16;
  making m = {.param = p};
  esp_flow_budget before;
  int rc, frame = 0;
  ESP_TRY(create(&m, backend, item->n));
  ESP_TRY(esp_climate_start(&m.climate, seed));
  ESP_TRY(esp_flow_budget_take(&m.flow, &before));
  ESP_TRY(take_cells(&m));
  if (to->keep_every) ESP_TRY(go_on(&m, to, &before, &frame));
  if (frame == 0) ESP_TRY(step(&m, (int64_t)p->spin_up * 24 / p->every * m.steps));
  for (; frame < m.set.frames; frame++) {
    if (frame) ESP_TRY(step(&m, m.steps));
    ESP_TRY(take_frame(&m, frame));
    const int made = frame + 1;
    if (to->keep_every && made % to->keep_every == 0 && made < m.set.frames)
      ESP_TRY(keep(&m, &before, to, made / to->keep_every - 1));
  }
  begin_set(&m);
  ESP_TRY(tell(&m, seed, &before));
  ESP_TRY(to->put(to, &m.set));
done:
  destroy(&m, backend->comm);
  return rc;
}
