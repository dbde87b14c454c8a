/* One humidity is made of another, with a pressure from a level, a key or a variable; impossible ones are mended with a note.
 * ranks: 1 2 3 */
#include "grid_fixture.h"

static double dry(spot at) {
  return true_damp(at) / (1 - true_damp(at));
}
/* Vapour at 850 hPa, and of saturation. */
static double vapour(spot at) {
  return true_damp(at) * 850 / (0.622 + 0.378 * true_damp(at));
}
static double share(spot at) {
  const double T = true_heat(at);
  return vapour(at) / (6.112 * exp(17.67 * (T - 273.15) / (T - 29.65)));
}
static double percent(spot at) {
  return 100 * share(at);
}
static double dew_point(spot at) {
  const double y = log(vapour(at) / 6.112) / 17.67;
  return (273.15 - 29.65 * y) / (1 - y);
}
static double at_surface(spot at) {
  (void)at;
  return 85000;
}
static double beyond(spot at) {
  if (at.t == 1 && at.y == 2) return at.x ? -1 : 140;
  return 50;
}

static void humidity(void **state) {
  (void)state;
  static const struct {
    const char *name, *attributes;
    double (*value)(spot);
  } rows[] = {{"Q2", "units=kg kg-1", dry},
              {"r", "standard_name=relative_humidity;units=%", percent},
              {"hurs", "standard_name=relative_humidity", share},
              {"d2m", "units=K", dew_point}};
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
    for (int way = 0; way < 3; way++) { /* pressure: a level, a key, a variable */
      fixture f = usual();
      esp_origin origin;
      f.var[V_DAMP] = (fixture_var){rows[k].name, "tlyx", NC_DOUBLE, rows[k].attributes, rows[k].value};
      f.var[V_HEAT].value = true_heat;
      if (way) {
        f.dim[1].length = 1, f.var[V_LEVEL].name = "height";
        f.var[V_LEVEL].attributes = "units=m";
        f.var[V_LEVEL].dims = "l";
        f.dim[1].name = "height";
      }
      if (way == 2) f.var[V_MORE] = (fixture_var){"sp", "tyx", NC_FLOAT, "units=Pa", at_surface};
      grid_make(&f);
      esp_input_param input = at_level(way ? 0 : 850);
      if (way == 1) input.grid.pressure = 850;
      esp_set set = grid_read(&input, &origin);
      for (int t = 0; t < TIMES; t++)
        for (int64_t id = 0; id < CELLS; id += 37) {
          grid_near(grid_value(&set, DAMP, t, id, 0) / true_damp(of_id(id, t, 0)), 1, 1e-12);
          grid_near(grid_value(&set, SHARE, t, id, 0) / share(of_id(id, t, 0)), 1, 1e-12);
        }
      esp_set_free(&set);
      grid_remove();
    }
  fixture f = usual();
  esp_origin origin;
  f.var[V_DAMP] = (fixture_var){"r", "tlyx", NC_DOUBLE, "units=%", beyond};
  grid_make(&f);
  const esp_input_param input = at_level(500);
  esp_set set = grid_read(&input, &origin);
  grid_near(grid_value(&set, SHARE, 1, 2 * COLUMNS, 0), 1.4, 1e-15);
  grid_near(grid_value(&set, SHARE, 1, 2 * COLUMNS + 1, 0), 0, 0);
  grid_near(grid_value(&set, DAMP, 1, 2 * COLUMNS + 1, 0), 0, 0);
  assert_non_null(strstr(origin.note, "15 values of r below 0 are taken as 0"));
  assert_non_null(strstr(origin.note, "1 values of r are above 100 %"));
  esp_set_free(&set);
  grid_remove();
}

CASE_MAIN_WITH(grid_begin, grid_end, cmocka_unit_test(humidity))
