/* Outlines of the mesh's cells: corners are as far from the three cells around them, whose places are the set's. */
#include <string.h>

#include "tasks/weather/icosahedron.h"
#include "tasks/weather/sphere.h"
#include "tasks/weather/weather.h"

enum { MOST = 6 };

/* Neighbours of this rank's cells, and where they lie. */
typedef struct {
  int64_t *near;  /* [n_home][MOST] the cell itself behind the last */
  double (*x)[3]; /* [n_home][MOST] */
} ring;

static int find_near(const esp_set *set, int level, ring *r) {
  ESP_CALL(ESP_ALLOC(r->near, (size_t)set->n_home * MOST));
  ESP_CALL(ESP_ALLOC(r->x, (size_t)set->n_home * MOST));
  for (int i = 0; i < set->n_home; i++) {
    ESP_CHECK(set->id[i] == set->first + i, ESP_ERR_VALUE,
              "cell %lld has the id %lld: those of a mesh are numbered in its order, from 0",
              (long long)(set->first + i), (long long)set->id[i]);
    int64_t *near = r->near + (size_t)i * MOST;
    for (int k = esp_icosahedron_neighbours(level, set->id[i], near); k < MOST; k++) near[k] = set->id[i];
  }
  return ESP_OK;
}

static int fetch(const esp_comm *comm, const esp_set *set, const ring *r) {
  const double *x = set->value[ESP_WEATHER_PLACE];
  esp_exchange *exchange = NULL;
  int rc;
  ESP_TRY(comm->exchange_create(comm, set->n_home, set->id, set->n_home * MOST, r->near, &exchange));
  ESP_TRY(comm->exchange_begin(comm, exchange, sizeof *r->x, x, r->x));
  ESP_TRY(comm->exchange_end(comm, exchange, sizeof *r->x, x, r->x));
done:
  comm->exchange_free(&exchange);
  return rc;
}

/* The same bits from whichever of its three cells it is seen. */
static void set_corner(const int64_t id[3], const double *const x[3], double to[3]) {
  int first = 0;
  for (int k = 1; k < 3; k++)
    if (id[k] < id[first]) first = k;
  esp_circumcentre3(x[first], x[(first + 1) % 3], x[(first + 2) % 3], to);
}

static void outline(const esp_set *set, int level, const ring *r, int i, esp_outlines *all) {
  const int64_t id = set->id[i], *near = r->near + (size_t)i * MOST;
  const double *x = set->value[ESP_WEATHER_PLACE] + 3 * (size_t)i, (*there)[3] = r->x + (size_t)i * MOST;
  int64_t *node = all->node + (size_t)i * MOST;
  double(*corner)[3] = all->corner + (size_t)i * MOST;
  int degree = 0;
  for (int k = 0; k < MOST; k++) node[k] = -1, degree += near[k] != id;
  esp_icosahedron_triangles(level, id, node);
  for (int k = 0; k < degree; k++) {
    const int next = (k + 1) % degree;
    set_corner((const int64_t[3]){id, near[k], near[next]}, (const double *const[3]){x, there[k], there[next]},
               corner[k]);
    if (node[k] / 2 == id) memcpy(all->place[node[k] - all->first], corner[k], sizeof corner[k]);
  }
  for (int k = 0; k < degree; k++) all->area[i] += esp_triangle3(x, corner[k], corner[(k + 1) % degree]);
  all->area[i] *= ESP_EARTH_RADIUS * ESP_EARTH_RADIUS;
  memcpy(all->centre[i], x, sizeof all->centre[i]);
}

static int level_of(const esp_set *set, int *level) {
  ESP_CHECK(set->value[ESP_WEATHER_WET], ESP_ERR_VALUE,
            "weather of a record: how its cells lie is known only of a climate's mesh");
  return esp_weather_level(set->n, level);
}

int esp_weather_outlines(const esp_backend *backend, const esp_set *set, esp_outlines *all) {
  const esp_comm *comm = backend->comm;
  const int64_t nodes = 2 * (set->n - 2), first = 2 * set->first, end = first + 2 * (int64_t)set->n_home;
  const int64_t from = first < nodes ? first : nodes,
                to = end < nodes ? end : nodes; /* none are numbered by the poles */
  ring r = {0};
  int rc, level = 0;
  *all = (esp_outlines){0};
  ESP_TRY(comm->agree(comm, level_of(set, &level)));
  ESP_TRY(comm->agree(comm, find_near(set, level, &r)));
  ESP_TRY(fetch(comm, set, &r));
  ESP_TRY(comm->agree(comm, esp_outlines_create(set, MOST, (int)(to - from), all)));
  all->nodes = nodes, all->first = from;
  all->hours = set->about[ESP_WEATHER_EVERY].real;
  all->since = "2000-01-01 00:00:00"; /* a year without seasons: any day */
  all->standard_name[ESP_WEATHER_T] = "air_potential_temperature";
  all->standard_name[ESP_WEATHER_SURFACE] = "surface_temperature";
  for (int i = 0; i < set->n_home; i++) outline(set, level, &r, i, all);
done:
  ESP_FREE(r.near);
  ESP_FREE(r.x);
  if (rc) esp_outlines_free(all);
  return rc;
}
