/* A NetCDF file of cells has the same bytes from any number of ranks; its polygons close the sphere: each edge is of two faces, in
 * opposite directions, Euler's number is 2, areas from the nodes are those of the file and of the mesh, and 4 pi R^2 in all;
 * bounds are the nodes; fields and wind are the set's. What cannot be written leaves nothing.
 * ranks: 1 2 3 */
#include "case.h"

#include <unistd.h>

#include "domain/domain.h"
#include "io/input_options.h"
#include "io/make.h"
#include "io/make_options.h"
#include "io/ugrid.h"
#include "tasks/weather/sphere.h"
#include "tasks/weather/weather.h"

enum { N = 162, NODES = 2 * (N - 2), MOST = 6, FRAMES = 3 };
static esp_file *netcdf; /* the second of the files, read as HDF5 */
static char path[4][64]; /* data, by all ranks, by one, nowhere */

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

/* A day of weather. */
static int setup(void **state) {
  static const char *const set[][2] = {
      {"data_n", "162"},          {"data_clouds", "0"},         {"data_test_n", "162"},       {"data_test_clouds", "2"},
      {"data_weather_days", "1"}, {"data_weather_every", "12"}, {"data_weather_spin_up", "1"}};
  static const char *const names[] = {"data.h5", "all.nc", "alone.nc"};
  const esp_options *const tables[] = {&esp_make_options, &esp_input_options, esp_task_weather.options, NULL};
  int64_t pid = getpid();
  esp_config *config;
  esp_weather_param param;
  esp_make_report report;
  (void)state;
  comm->broadcast(comm, &pid, sizeof pid, 0);
  for (int k = 0; k < 3; k++) snprintf(path[k], sizeof path[k], "test_ugrid_%lld_%s", (long long)pid, names[k]);
  snprintf(path[3], sizeof path[3], "no/such/folder/w.nc");
  assert_ok(esp_config_create(tables, &config));
  for (size_t k = 0; k < sizeof set / sizeof *set; k++) assert_ok(esp_config_set(config, set[k][0], set[k][1]));
  assert_ok(esp_options_fill(esp_task_weather.options, config, &param));
  assert_ok(esp_make(comm, config, &esp_task_weather, &param, path[0], NULL, NULL, &report));
  esp_config_free(&config);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  esp_file_close(&netcdf);
  comm->agree(comm, 0);
  for (int k = 0; k < 3 && comm->rank == 0; k++) remove(path[k]);
  return 0;
}

static void need_netcdf(void) {
  if (!esp_ugrid_built()) skip();
}

static int write_by(const esp_comm *who, const char *to) {
  const esp_backend backend = {
      .comm = who, .build = who->size > 1 ? esp_domain_build_mpi : esp_domain_build_self, .device = &esp_device_cpu64};
  esp_set_file file;
  esp_set set;
  esp_outlines all;
  assert_ok(esp_set_open(who, path[0], &esp_weather_layout, &file));
  assert_ok(esp_set_read(&file, who, ESP_PART_TEST, 1, &set));
  assert_ok(esp_task_weather.making->outlines(&backend, &set, &all));
  const int rc = esp_ugrid_write(&file, ESP_PART_TEST, 1, &set, &all, to);
  esp_outlines_free(&all);
  esp_set_free(&set);
  esp_set_close(&file);
  return rc;
}

/* ---- read as HDF5 ---- */

static int64_t node[N][MOST];
static double node_x[NODES], node_y[NODES], place[NODES][3], centre[N][3];

static void get(const char *name, int columns, int64_t n, void *data) {
  assert_ok(esp_file_read(netcdf, name, ESP_FILE_F64, columns, n, 0, n, data));
}

static void on_sphere(double longitude, double latitude, double x[3]) {
  const double unit = acos(-1.0) / 180, c = cos(unit * latitude);
  x[0] = c * cos(unit * longitude), x[1] = c * sin(unit * longitude), x[2] = sin(unit * latitude);
}

static void read_mesh(void) {
  static double x[N], y[N];
  assert_ok(esp_file_open(esp_comm_self(), path[1], &netcdf));
  assert_ok(esp_file_read(netcdf, "mesh_face_nodes", ESP_FILE_I64, MOST, N, 0, N, node));
  get("mesh_node_x", 0, NODES, node_x);
  get("mesh_node_y", 0, NODES, node_y);
  get("mesh_face_x", 0, N, x);
  get("mesh_face_y", 0, N, y);
  for (int v = 0; v < NODES; v++) on_sphere(node_x[v], node_y[v], place[v]);
  for (int i = 0; i < N; i++) on_sphere(x[i], y[i], centre[i]);
}

static void same_bytes(void **state) {
  (void)state;
  need_netcdf();
  assert_ok(write_by(comm, path[1]));
  if (comm->rank == 0) {
    assert_ok(write_by(esp_comm_self(), path[2]));
    case_same_bytes(path[1], path[2]);
  }
  read_mesh();
}

static int degree_of(int i) {
  return node[i][5] < 0 ? 5 : 6;
}

static void closed(void **state) {
  static char edge[NODES][NODES];
  static int around[NODES];
  int edges = 0;
  (void)state;
  need_netcdf();
  for (int i = 0; i < N; i++)
    for (int k = 0; k < degree_of(i); k++) {
      const int64_t a = node[i][k], b = node[i][(k + 1) % degree_of(i)];
      assert_true(a >= 0 && a < NODES && b >= 0 && b < NODES);
      around[a]++;
      assert_int_equal(edge[a][b]++, 0);
      edges++;
    }
  for (int a = 0; a < NODES; a++) {
    assert_int_equal(around[a], 3);
    for (int b = 0; b < NODES; b++) assert_int_equal(edge[a][b], edge[b][a]);
  }
  assert_int_equal(N - edges / 2 + NODES, 2);
}

static void areas(void **state) {
  static double area[N], bounds[2][N][MOST];
  const double sphere = 4 * acos(-1.0) * ESP_EARTH_RADIUS * ESP_EARTH_RADIUS;
  double sum = 0;
  esp_set_file file;
  esp_set set;
  (void)state;
  need_netcdf();
  get("mesh_face_area", 0, N, area);
  assert_ok(esp_set_open(esp_comm_self(), path[0], &esp_weather_layout, &file));
  assert_ok(esp_set_read(&file, esp_comm_self(), ESP_PART_TEST, 1, &set));
  const double *share = set.value[ESP_WEATHER_AREA];
  get("mesh_face_x_bounds", MOST, N, bounds[0]);
  get("mesh_face_y_bounds", MOST, N, bounds[1]);
  for (int i = 0; i < N; i++) {
    const int degree = degree_of(i);
    double polygon = 0, turn[3];
    for (int k = 0; k < MOST; k++) {
      const int64_t v = node[i][k < degree ? k : degree - 1], next = node[i][(k + 1) % degree];
      assert_true(bounds[0][i][k] == node_x[v] && bounds[1][i][k] == node_y[v]);
      if (k >= degree) continue;
      esp_cross3(place[v], place[next], turn);
      assert_true(esp_dot3(turn, centre[i]) > 0); /* counter-clockwise */
      polygon += esp_triangle3(centre[i], place[v], place[next]) * ESP_EARTH_RADIUS * ESP_EARTH_RADIUS;
    }
    assert_true(fabs(polygon / area[i] - 1) < 1e-12 && fabs(share[i] * sphere / N / area[i] - 1) < 1e-12);
    sum += polygon;
  }
  assert_true(fabs(sum / sphere - 1) < 1e-13);
  esp_set_free(&set);
  esp_set_close(&file);
}

static const struct {
  const char *of, *name, *text;
} said[] = {{"T", "units", "K"},
            {"T", "standard_name", "air_potential_temperature"},
            {"q", "standard_name", "specific_humidity"},
            {"wind_east", "standard_name", "eastward_wind"},
            {"wind_north", "standard_name", "northward_wind"},
            {"time", "units", "hours since 2000-01-01 00:00:00"},
            {"mesh", "node_coordinates", "mesh_node_x mesh_node_y"}};

static void fields(void **state) {
  static double got[2][FRAMES][N], wanted[3 * N], time[FRAMES];
  const double unit = acos(-1.0) / 180;
  char text[64];
  esp_set_file file;
  (void)state;
  need_netcdf();
  assert_ok(esp_set_open(esp_comm_self(), path[0], &esp_weather_layout, &file));
  get("time", 0, FRAMES, time);
  get("T", N, FRAMES, got[0]);
  for (int f = 0; f < FRAMES; f++) {
    assert_true(time[f] == 12 * f);
    assert_ok(esp_set_read_frame(&file, ESP_PART_TEST, 1, f, ESP_WEATHER_T, 0, N, wanted));
    assert_memory_equal(got[0][f], wanted, sizeof got[0][f]);
  }
  get("wind_east", N, FRAMES, got[0]);
  get("wind_north", N, FRAMES, got[1]);
  for (int f = 0; f < FRAMES; f++) {
    assert_ok(esp_set_read_frame(&file, ESP_PART_TEST, 1, f, ESP_WEATHER_WIND, 0, N, wanted));
    for (int i = 0; i < N; i++) {
      const double *w = wanted + 3 * i, longitude = atan2(centre[i][1], centre[i][0]);
      double north[3];
      on_sphere(longitude / unit, asin(centre[i][2]) / unit + 90, north);
      const double east[3] = {-sin(longitude), cos(longitude), 0};
      for (int a = 0; a < 3; a++) assert_true(fabs(got[0][f][i] * east[a] + got[1][f][i] * north[a] - w[a]) < 1e-6);
    }
  }
  for (size_t k = 0; k < sizeof said / sizeof *said; k++) {
    assert_ok(esp_file_attr_read_string(netcdf, said[k].of, said[k].name, text, sizeof text));
    assert_string_equal(text, said[k].text);
  }
  esp_set_close(&file);
}

static void nowhere(void **state) {
  (void)state;
  need_netcdf();
  assert_int_equal(write_by(comm, path[3]), ESP_ERR_FILE);
  assert_non_null(strstr(esp_error_message(), path[3]));
  esp_error_clear();
}

/* Cells of a record lie on its own grid. */
static void of_a_record(void **state) {
  const esp_backend backend = {.comm = comm, .build = esp_domain_build_mpi, .device = &esp_device_cpu64};
  esp_set set = {.n = N, .layout = &esp_weather_layout, .width = {3}};
  esp_outlines all;
  (void)state;
  assert_ok(esp_set_create(&set));
  assert_int_equal(esp_task_weather.making->outlines(&backend, &set, &all), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "weather of a record"));
  esp_error_clear();
  esp_set_free(&set);
}

static void without(void **state) {
  (void)state;
  if (esp_ugrid_built()) skip();
  assert_int_equal(write_by(comm, path[1]), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "built without NetCDF"));
  esp_error_clear();
}

CASE_MAIN_WITH(setup, teardown, cmocka_unit_test(same_bytes), cmocka_unit_test(closed), cmocka_unit_test(areas),
               cmocka_unit_test(fields), cmocka_unit_test(nowhere), cmocka_unit_test(of_a_record),
               cmocka_unit_test(without))
