/* What a file of fields holds, in lines: dimensions, variables, levels, times. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/grid/axis.h"
#include "io/grid/grid.h"
#include "io/info_parts.h"

static void print_variable(const esp_grid_file *file, int var, FILE *out) {
  const esp_grid_variable *v = &file->var[var];
  char shape[512];
  fprintf(out, "variable     ");
  esp_grid_shape(file, var, shape, sizeof shape);
  esp_info_text(out, shape);
  if (v->standard_name[0] || v->long_name[0]) {
    fprintf(out, "  ");
    esp_info_text(out, v->standard_name[0] ? v->standard_name : v->long_name);
  }
  if (v->units[0]) {
    fprintf(out, "  [");
    esp_info_text(out, v->units);
    fprintf(out, "]");
  }
  fprintf(out, v->rank < 0 ? "  (no numbers)\n" : "\n");
}

static int print_levels(const esp_grid_file *file, int var, FILE *out) {
  enum { MOST = 64 };
  double *value = NULL;
  int64_t count;
  int assumed;
  ESP_CALL(esp_grid_levels(file, var, &value, &count, &assumed));
  if (value) {
    fprintf(out, "levels       ");
    esp_info_text(out, file->var[var].name);
    for (int64_t k = 0; k < count && k < MOST; k++) fprintf(out, " %.7g", value[k]);
    fprintf(out, count > MOST ? " ... hPa%s\n" : " hPa%s\n", assumed ? " (unit not stated)" : "");
  }
  ESP_FREE(value);
  return ESP_OK;
}

static void print_times(const esp_grid_file *file, int var, FILE *out) {
  char from[64], to[64];
  esp_grid_times t;
  if (esp_grid_times_read(file, var, &t)) {
    fprintf(out, "times        ");
    esp_info_refused(out);
    return;
  }
  if (t.var < 0) return;
  esp_calendar_date(t.calendar, t.start, from, sizeof from);
  esp_calendar_date(t.calendar, t.start + t.every * (double)(t.count - 1), to, sizeof to);
  fprintf(out, "times        ");
  esp_info_text(out, file->var[t.var].name);
  if (t.count > 1)
    fprintf(out, " %" PRId64 " from %s to %s, every %.7g h, %s calendar\n", t.count, from, to, t.every,
            esp_calendar_name(t.calendar));
  else
    fprintf(out, " %s, %s calendar\n", from, esp_calendar_name(t.calendar));
}

/* Of the variable with most dimensions. */
static int widest(const esp_grid_file *file) {
  int best = -1;
  for (int k = 0; k < file->vars; k++)
    if (file->var[k].rank > (best < 0 ? 0 : file->var[best].rank)) best = k;
  return best;
}

int esp_grid_print(esp_grid_opener open, const char *path, FILE *out) {
  esp_grid_file file;
  int rc = ESP_OK;
  ESP_CALL(open(esp_comm_self(), path, &file));
  const int main_one = widest(&file);
  fprintf(out, "grid         %s, %d dimensions, %d variables\n", file.kind, file.dims, file.vars);
  for (int k = 0; k < file.dims; k++) {
    fprintf(out, "dimension    ");
    esp_info_text(out, file.dim[k].name);
    fprintf(out, " %" PRId64 "\n", file.dim[k].length);
  }
  for (int k = 0; k < file.vars; k++) print_variable(&file, k, out);
  for (int k = 0; k < file.vars && !rc; k++)
    if (esp_axis_of(&file, k) == ESP_AXIS_LEVEL && file.var[k].rank == 1) rc = print_levels(&file, k, out);
  if (!rc && main_one >= 0) print_times(&file, main_one, out);
  esp_grid_close(&file);
  return rc;
}
