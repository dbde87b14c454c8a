#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/grid/axis.h"
#include "io/grid/unit.h"

/* Levels without a unit are pressures if they reach down to where air is: numbers of levels do not go so far. */
enum { REACH = 300, MOST = 1100 };

int esp_grid_levels(const esp_grid_file *file, int coordinate, double **value, int64_t *count, int *assumed) {
  const esp_grid_variable *v = &file->var[coordinate];
  esp_unit unit = {1, 0};
  double largest = 0;
  *assumed = !v->units[0] || !strcmp(v->units, "1");
  *value = NULL;
  *count = v->rank ? file->dim[v->dim[0]].length : 1;
  if (!*assumed && esp_unit_find(ESP_UNIT_PRESSURE, v->units, &unit)) return ESP_OK;
  ESP_CALL(esp_grid_whole(file, coordinate, value, count));
  for (int64_t k = 0; k < *count; k++) {
    (*value)[k] *= unit.factor;
    largest = fmax(largest, (*value)[k]);
  }
  if (*assumed && !(largest >= REACH && largest <= MOST)) ESP_FREE(*value);
  return ESP_OK;
}

static void list(const double *value, int64_t count, char *text, size_t size) {
  for (int64_t k = 0; k < count && strlen(text) + 16 < size; k++)
    esp_grid_add(text, size, "%s%.7g", k ? ", " : "", value[k]);
}

/* The two nearest. */
static void list_nearest(const double *value, int64_t count, double wanted, char *text, size_t size) {
  double best[2] = {INFINITY, INFINITY};
  for (int64_t k = 0; k < count; k++) {
    if (fabs(value[k] - wanted) < fabs(best[0] - wanted))
      best[1] = best[0], best[0] = value[k];
    else if (fabs(value[k] - wanted) < fabs(best[1] - wanted))
      best[1] = value[k];
  }
  list(best, count > 1 ? 2 : count, text, size);
}

/* dim: the one of its dimensions that may be a level; coordinate: its levels, -1: nobody tells. */
static int choose(const esp_grid_file *file, int var, int coordinate, double wanted, esp_grid_level *level) {
  const char *name = file->var[var].name;
  char text[300] = "";
  double *value = NULL;
  int64_t count = 0;
  int rc = ESP_OK;
  ESP_CALL(esp_grid_levels(file, coordinate, &value, &count, &level->assumed));
  ESP_NEED(value || count == 1, ESP_ERR_FORMAT,
           "%s: the %lld levels of %s (%s, unit '%s') are no pressures: allowed are levels in hPa, mb or Pa",
           file->path, (long long)count, name, file->var[coordinate].name, file->var[coordinate].units);
  ESP_NEED(value || wanted == 0, ESP_ERR_CONFIG, "%s: io_level %g hPa: %s has one level in '%s', which is no pressure",
           file->path, wanted, name, file->var[coordinate].units);
  if (!value) goto done;
  if (wanted == 0) {
    ESP_NEED(count != 1 || (value[0] > 0 && value[0] <= 2 * MOST), ESP_ERR_FORMAT,
             "%s: the level of %s is %g hPa (%s): allowed are pressures above 0, up to %d", file->path, name, value[0],
             file->var[coordinate].name, 2 * MOST);
    list(value, count, text, sizeof text);
    ESP_NEED(count == 1, ESP_ERR_CONFIG, "%s: %s has %lld levels: choose one by key io_level: %s hPa", file->path, name,
             (long long)count, text);
  }
  for (int64_t k = 0; k < count; k++)
    if (wanted == 0 || fabs(value[k] - wanted) <= 1e-4 * wanted) {
      level->index = k;
      level->value = value[k];
      goto done;
    }
  list_nearest(value, count, wanted, text, sizeof text);
  rc = ESP_FAIL(ESP_ERR_CONFIG, "%s: io_level %g hPa: %s does not have it, the nearest are %s hPa", file->path, wanted,
                name, text);
done:
  ESP_FREE(value);
  return rc;
}

int esp_grid_level_choose(const esp_grid_file *file, int var, double wanted, esp_grid_level *level) {
  const esp_grid_variable *v = &file->var[var];
  const int coordinate = esp_axis_find(file, var, ESP_AXIS_LEVEL);
  *level = (esp_grid_level){.dim = -1};
  if (coordinate >= 0 && file->var[coordinate].rank == 1) level->dim = esp_grid_dim_of(v, file->var[coordinate].dim[0]);
  if (coordinate >= 0) return choose(file, var, coordinate, wanted, level);
  ESP_CHECK(wanted == 0, ESP_ERR_CONFIG, "%s: io_level %g hPa: %s has no levels", file->path, wanted, v->name);
  return ESP_OK;
}
