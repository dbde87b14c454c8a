/* Files of fields made by others are read to the figures that ncdump shows of them, on any number of ranks alike. The
 * folder is named by ESPALIER_DATA; without it this test is skipped.
 *
 * Origin of the constants: ncdump -p 9,17 -f c; packed numbers by scale_factor and add_offset, and humidities that are made
 * by the formulas of io/grid/humidity.h, in Python. Those of GRIB are of the same fields as float32 in NetCDF.
 * ranks: 1 2 3 */
#include "grid_fixture.h"

static const char *data;

#define NONE ((double)NAN)
typedef struct {
  const char *file;
  double level;
  int time;
  int64_t n;
  int frames;
  double every, start;
  const char *told;
  /* of one cell, at one time */
  int64_t id;
  int frame;
  double T, q, RH, u, v, ground;
} known;

static const known files[] = {
    {"wfde5_uk_201701_first600h.nc", 0, 0, 250, 600, 1, 412008, "310 masked", 17 * 28 + 14, 599, 281.139435,
     0.00456049852, NONE, NONE, NONE, NONE},
    {"ifs_pl_10deg_20240603.nc", 850, 0, 17 * 36 + 2, 8, 6, 477048, "level 850 hPa", 3 * 36 + 5, 7, 285.528961,
     0.00837291994, 0.792254028, 4.8433857, -0.0270080566, NONE},
    {"geosdas_198701_global_5x4.nc3.nc", 850, 0, 2790, 5, 24, 149016, "NetCDF classic", 20 * 72 + 33, 4, 290.452271,
     0.0128461504, NONE, -2.01934814, -1.23779297, NONE},
    {"geosdas_198701_global_5x4.nc", 850, 0, 2790, 5, 24, 149016, "NetCDF-4", 20 * 72 + 33, 4, 290.452271, 0.0128461504,
     NONE, -2.01934814, -1.23779297, NONE},
    {"era5_tl31_19590102T00.nc3.nc", 850, 0, 2048, 0, 0, -96408, "level 850 hPa", 20 * 64 + 10, -1, 281.833984,
     0.00423037494, NONE, 6.60553885, -0.866294265, NONE},
    {"era5_tl31_19590102T00.nc", 850, 0, 2048, 0, 0, -96408, "level 850 hPa", 20 * 64 + 10, -1, 281.833984,
     0.00423037494, NONE, 6.60553885, -0.866294265, NONE},
    {"gfs_2011011012_f120_2p5deg.nc", 850, 0, 71 * 144 + 2, 0, 0, 359748, "73 x 144", 10 * 144 + 20, -1, 262.700012,
     0.00200732278, 0.99, 1.25999999, 6.67999983, NONE},
    {"ifs_pl_10deg_20240603.grib", 850, 0, 17 * 36 + 2, 8, 6, 477048, "GRIB", 3 * 36 + 5, 7, 285.528961, 0.00837291994,
     0.792254028, 4.8433857, -0.0270080566, NONE},
    {"gfs_2011011012_f120_2p5deg.grib2", 850, 0, 71 * 144 + 2, 0, 0, 359748, "GRIB", 10 * 144 + 20, -1, 262.700012,
     0.00200732084, 0.99, 1.25999999, 6.67999983, NONE},
    {"wrf_katrina_20050828.nc", 0, 4, 2304, 0, 0, 312573, "curvilinear", 10 * 48 + 20, -1, 302.631256, 0.0220776092,
     0.847695003, 11.2642527, -1.53947604, NONE},
    {"era5_davos_plev_202001.nc", 700, 0, 20, 744, 1, 438288, "gregorian", 2 * 5 + 3, 743, 273.29662, 0.00191336961,
     0.346334069, 3.43432253, 2.21025563, NONE},
    {"era5_davos_surf_202001.nc", 0, 0, 20, 744, 1, 438288, "made of dew point", 2 * 5 + 3, 743, 265.779243,
     0.00237271586, 0.842418498, NONE, NONE, 2206.03615},
    {"era5_daily_cancities_1990_1993.nc", 0, 0, 5, 1461, 24, 175320, "5 cells", 2, 1460, 242.755234, 0.000226123142,
     0.73465842, -4.38889456, 1.24208558, NONE},
};

static void near(const known *k, const char *what, double value, double expected) {
  if (!isnan(expected) && !(fabs(value - expected) <= 1e-7 * fabs(expected)))
    fail_msg("%s: %s is %.10g, should be %.10g", k->file, what, value, expected);
}

static void check(const known *k) {
  char path[4096];
  esp_origin origin;
  snprintf(path, sizeof path, "%s/weather/%s", data, k->file);
  const esp_input_param input = {.file = path, .types = "all", .grid = {.level = k->level, .time = k->time}};
  esp_set set = grid_read(&input, &origin);
  if (set.n != k->n || set.frames != k->frames || !strstr(origin.told, k->told))
    fail_msg("%s: %lld cells, %d frames, %s", k->file, (long long)set.n, set.frames, origin.told);
  near(k, "every", set.about[EVERY].real, k->every);
  near(k, "start", set.about[START].real, k->start);
  near(k, "level", set.about[LEVEL].real, k->level);
  near(k, "T", grid_value(&set, HEAT, k->frame, k->id, 0), k->T);
  near(k, "q", grid_value(&set, DAMP, k->frame, k->id, 0), k->q);
  if (set.width[SHARE]) near(k, "RH", grid_value(&set, SHARE, k->frame, k->id, 0), k->RH);
  if (!isnan(k->ground)) near(k, "height", grid_value(&set, GROUND, -1, k->id, 0), k->ground);
  if (set.width[WIND]) {
    double x[3], w[3];
    for (int c = 0; c < 3; c++) {
      x[c] = grid_value(&set, PLACE, -1, k->id, c);
      w[c] = grid_value(&set, WIND, k->frame, k->id, c);
    }
    const double r = hypot(x[0], x[1]);
    near(k, "u", (w[1] * x[0] - w[0] * x[1]) / r, k->u);
    near(k, "v", w[2] / r, k->v);
  }
  esp_set_free(&set);
}

static void all(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
    if (ESP_TEST_GRIB || !strstr(files[k].file, ".grib"))
      check(&files[k]);
    else if (comm->rank == 0)
      printf("left out: %s (built without ecCodes)\n", files[k].file);
  }
  char path[4096]; /* a nest that follows its storm */
  snprintf(path, sizeof path, "%s/weather/wrf_katrina_20050828.nc", data);
  grid_refused(&(esp_input_param){.file = path, .types = "all"}, ESP_ERR_FORMAT, "XLAT changes from time number 1");
}

int main(int argc, char **argv) {
  data = getenv("ESPALIER_DATA");
  if (!data) {
    printf("skipped: ESPALIER_DATA does not name the folder of test data\n");
    return 77;
  }
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) MPI_Abort(PETSC_COMM_WORLD, 1);
  const struct CMUnitTest tests[] = {cmocka_unit_test(all)};
  int failed = cmocka_run_group_tests(tests, grid_begin, grid_end);
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);
  esp_comm_mpi_free(&comm);
  return PetscFinalize() || failed;
}
