/* Maps: every point of a grid of longitudes and latitudes has the colour of the cell it lies in. */
#include <math.h>
#include <string.h>

#include "tasks/weather/show.h"
#include "tasks/weather/sphere.h"

enum { EAST = 144, NORTH = 72, APART = 5 }; /* arrows stand so many points apart */

/* What of a cell is drawn: T and its changes in K, those of q in g/kg, land 1; wind in radians an hour, and where it listens. */
typedef struct {
  double x[3], now, came[2], said[2], land, wind[3], c[3];
} drawn;

static void describe(const esp_set *set, int i, const double *y, const double *c, drawn *to) {
  const double unit[2] = {ESP_WEATHER_UNIT_T, 1000 * ESP_WEATHER_UNIT_Q};
  const double hour = 3600 * ESP_WEATHER_UNIT_WIND / ESP_EARTH_RADIUS;
  memcpy(to->x, set->value[ESP_WEATHER_PLACE] + 3 * i, sizeof to->x);
  memcpy(to->c, c + 3 * i, sizeof to->c);
  for (int a = 0; a < 3; a++)
    to->wind[a] = set->value[ESP_WEATHER_WIND] ? hour * set->value[ESP_WEATHER_WIND][3 * i + a] : 0;
  to->now = ESP_WEATHER_ZERO_T + ESP_WEATHER_UNIT_T * set->value[ESP_WEATHER_SENT_T][i];
  for (int v = 0; v < 2; v++) {
    to->came[v] = unit[v] * set->value[ESP_WEATHER_LATER_T + v][i];
    to->said[v] = unit[v] * y[2 * i + v];
  }
  to->land = set->value[ESP_WEATHER_WET] && set->value[ESP_WEATHER_WET][i] < 1;
}

/* What a map shows: degrees; a point farther than `reach` (radians) from every cell belongs to none. */
typedef struct {
  double west, east, south, north, reach;
} frame;

static const frame globe = {-180, 180, -90, 90, 4};

/* Mean distance of the nearest other cell. */
static double nearest_other(const drawn *cell, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    double most = -1;
    for (int64_t j = 0; j < n; j++)
      if (j != i) most = fmax(most, esp_dot3(cell[i].x, cell[j].x));
    sum += acos(fmin(most, 1));
  }
  return sum / (double)n;
}

/* Cells of a part of the sphere that does not go round it are drawn large. */
static frame frame_of(const drawn *cell, int64_t n) {
  const double degree = acos(-1.0) / 180;
  frame f = {180, -180, 90, -90, 0};
  for (int64_t i = 0; i < n; i++) {
    const double east = atan2(cell[i].x[1], cell[i].x[0]) / degree, north = esp_latitude3(cell[i].x) / degree;
    f.west = fmin(f.west, east), f.east = fmax(f.east, east);
    f.south = fmin(f.south, north), f.north = fmax(f.north, north);
  }
  if (n < 2 || f.east - f.west > 270 || f.north - f.south > 120) return globe;
  f.reach = 1.2 * nearest_other(cell, n);
  const double margin = f.reach / degree;
  return (frame){f.west - margin, f.east + margin, fmax(f.south - margin, -90), fmin(f.north + margin, 90), f.reach};
}

/* Longitude and latitude of a point of the grid, and the cell it lies in; NULL: in none. */
static const drawn *grid_at(const frame *f, const drawn *cell, int64_t n, int i, int j, double at[2]) {
  const double degree = acos(-1.0) / 180;
  at[0] = f->west + (i + 0.5) * (f->east - f->west) / EAST,
  at[1] = f->south + (j + 0.5) * (f->north - f->south) / NORTH;
  const double flat = cos(at[1] * degree);
  const double x[3] = {flat * cos(at[0] * degree), flat * sin(at[0] * degree), sin(at[1] * degree)};
  const drawn *c = cell + esp_closest3(cell->x, n, sizeof *cell / sizeof(double), x);
  return acos(fmin(esp_dot3(c->x, x), 1)) <= f->reach ? c : NULL;
}

/* Are two points of other kinds: land, sea, no cell? */
static int differ(const drawn *a, const drawn *b) {
  return a && b ? a->land != b->land : a != b;
}

/* Row by row from the south; a coast is where the point before, to the west or to the south, is of another kind. */
static void write_map(const frame *f, const drawn *cell, int64_t n, esp_lines *lines) {
  static const drawn none = {.now = NAN, .came = {NAN, NAN}, .said = {NAN, NAN}};
  const drawn *south[EAST] = {NULL}, *west = NULL;
  for (int j = 0; j < NORTH; j++)
    for (int i = 0; i < EAST; i++) {
      double at[2];
      const drawn *here = grid_at(f, cell, n, i, j, at), *c = here ? here : &none;
      const int coast = (i > 0 && differ(west, here)) || (j > 0 && differ(south[i], here));
      esp_lines_add(lines, "%.3f,%.3f,%.2f,%.3f,%.3f,%.3f,%.4f,%.4f,%.4f,%.0f,%d\n", at[0], at[1], c->now, c->came[0],
                    c->said[0], c->said[0] - c->came[0], c->came[1], c->said[1], c->said[1] - c->came[1], c->land,
                    coast);
      west = south[i] = here;
    }
}

/* Degrees of longitude and of latitude that a vector at x is long. */
static void in_degrees(const double x[3], const double v[3], double to[2]) {
  const double pole[3] = {0, 0, 1}, degree = acos(-1.0) / 180;
  double east[3], north[3];
  esp_cross3(pole, x, east);
  esp_unit3(east);
  esp_cross3(x, east, north);
  to[0] = esp_dot3(v, east) / (cos(esp_latitude3(x)) * degree);
  to[1] = esp_dot3(v, north) / degree;
}

/* None near the poles, where degrees of longitude are short. */
static void write_arrows(const frame *f, const drawn *cell, int64_t n, int lead, esp_lines *lines) {
  const double degree = acos(-1.0) / 180, top = 75;
  for (int j = APART / 2; j < NORTH; j += APART)
    for (int i = APART / 2; i < EAST; i += APART) {
      double at[2], wind[2], c[2];
      const drawn *here = grid_at(f, cell, n, i, j, at);
      if (!here || fabs(esp_latitude3(here->x)) > top * degree) continue;
      in_degrees(here->x, here->wind, wind);
      in_degrees(here->x, here->c, c);
      esp_lines_add(lines, "%.2f,%.2f,%.4f,%.4f,%.4f,%.4f\n", atan2(here->x[1], here->x[0]) / degree,
                    esp_latitude3(here->x) / degree, wind[0], wind[1], c[0] / lead, c[1] / lead);
    }
}

static int gather(const esp_comm *comm, const esp_set *set, const double *y, const double *c, void **all) {
  drawn *own = NULL;
  size_t *start = NULL;
  int rc = ESP_ALLOC(own, set->n_home);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < set->n_home; i++) describe(set, i, y, c, &own[i]);
  ESP_TRY(comm->gather_all(comm, own, (size_t)set->n_home * sizeof *own, all, start));
done:
  ESP_FREE(own);
  ESP_FREE(start);
  return rc;
}

int esp_weather_draw(const void *param, const esp_model *untrained, const esp_model *trained,
                     const esp_backend *backend, const esp_set *set, const double *y, esp_show *show) {
  const esp_comm *comm = backend->comm;
  double *c = NULL;
  void *all = NULL;
  int known, rc;
  (void)untrained;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(c, 3 * (size_t)set->n_home)));
  ESP_TRY(esp_weather_tell_shift(param, trained, backend, set, show, c, &known));
  if (set->n > ESP_WEATHER_LOOK_N || set->n == 0) goto done;
  ESP_TRY(gather(comm, set, y, c, &all));
  esp_lines *map =
      show->lines(show, "map.csv", "longitude,latitude,now,dt,dt_said,dt_error,dq,dq_said,dq_error,land,coast");
  const frame f = frame_of(all, set->n);
  if (comm->rank == 0) write_map(&f, all, set->n, map);
  if (!known) goto done;
  esp_lines *arrows = show->lines(show, "shift.csv", "longitude,latitude,wind_east,wind_north,shift_east,shift_north");
  if (comm->rank == 0) write_arrows(&f, all, set->n, ((const esp_weather_show_param *)param)->lead, arrows);
done:
  ESP_FREE(c);
  ESP_FREE(all);
  return rc;
}

/* Longitudes and latitudes; a globe's are told at round numbers. */
#define DEGREES                                                                                \
  "set format x '%g°'\nset format y '%g°'\nstats data using 'longitude' nooutput name 'X'\n" \
  "if (X_max - X_min > 270) { set xtics 60\nset ytics 30 }\n"

#define SKILL                                                                                                \
  "set xlabel 'frames ahead'\nset ylabel 'skill'\nset yrange [-0.5:1]\nset key outside right noenhanced\n"   \
  "skill(c) = 1 - (column(c) / column('persistence'))**2\n"                                                  \
  "plot for [c=2:(fields < 9 ? fields : 9)] data using 1:(skill(c)) with linespoints pt 7 ps 0.5 lw 2 "      \
  "title columnheader(c), for [c=10:fields] data using 1:(skill(c)) with linespoints pt 6 ps 0.8 lw 2 dt 3 " \
  "title columnheader(c)\n"

const esp_picture esp_weather_pictures[] = {
    {"map", "map.csv", "dt_said", "What changed, what was predicted, and the difference",
     "Change of temperature (K, left) and of humidity (g/kg, right) over the lead time: as it came, as it was "
     "predicted, and the error, in the same colours. Lines: coasts.",
     1000, 800,
     "set multiplot layout 3,2\nunset key\nset palette defined (-1 '#2c5aa0', 0 '#f4f1e8', 1 '#b03a2e')\n"
     "set size ratio -1\nunset grid\n" DEGREES
     "stats data using 'dt' nooutput name 'T'\nstats data using 'dq' nooutput name 'Q'\n"
     "stats data using 'longitude' nooutput name 'X'\nstats data using 'latitude' nooutput name 'Y'\n"
     "set xrange [X_min:X_max]\nset yrange [Y_min:Y_max]\n"
     "t = 3 * T_stddev\nq = 3 * Q_stddev\n"
     "do for [row=0:2] {\nwhat = row == 0 ? '' : row == 1 ? '_said' : '_error'\n"
     "name = row == 0 ? 'came' : row == 1 ? 'predicted' : 'error'\n"
     "do for [field in 't q'] {\nmost = field eq 't' ? t : q\nset cbrange [-most:most]\n"
     "set title (field eq 't' ? 'temperature: ' : 'humidity: ').name\nset cblabel field eq 't' ? 'K' : 'g/kg'\n"
     "plot data using 'longitude':'latitude':(column('d'.field.what)) with image pixels, data using "
     "(column('coast') > 0 ? column('longitude') : NaN):'latitude' with points pt 5 ps 0.12 lc rgb '#333333'\n}\n}\n"
     "unset multiplot\n"},
    {"shift", "shift.csv", "shift_east", "Where the network listens",
     "Grey: the wind. Red: from a cell to the mean place of what it hears, summed over the layers and divided by the "
     "lead time; a network that listens just where the air comes from has arrows as long as the wind's, against it. "
     "Both: of six hours.",
     1000, 520,
     "unset key\nunset grid\nset size ratio -1\n" DEGREES
     "stats data using 'longitude' nooutput name 'X'\nif (X_max - X_min > 270) { set xrange [-180:180]\nset yrange "
     "[-90:90] }\n"
     "plot data using 'longitude':'latitude':(6*column('wind_east')):(6*column('wind_north')) with vectors "
     "size 2,20 filled lw 0.8 lc rgb '#9aa0a6', data using "
     "'longitude':'latitude':(6*column('shift_east')):(6*column('shift_north')) with vectors size 2,20 filled lw 1.2 "
     "lc rgb '#b03a2e'\n"},
    {"skill_t", "rollout_rmse_t.csv", "persistence", "Skill against lead: temperature",
     "1 - MSE / that of persistence, of temperature predicted from predictions (wind and depth as they were at the "
     "start), over the same starts at every lead.",
     900, 380, SKILL},
    {"skill_q", "rollout_rmse_q.csv", "persistence", "Skill against lead: humidity",
     "1 - MSE / that of persistence, of humidity predicted from predictions (wind and depth as they were at the "
     "start), over the same starts at every lead.",
     900, 380, SKILL},
    {0},
};
