#include "io/grid/file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void esp_grid_close(esp_grid_file *file) {
  if (file->close) file->close(file);
  ESP_FREE(file->dim);
  ESP_FREE(file->var);
  *file = (esp_grid_file){0};
}

int esp_grid_find(const esp_grid_file *file, const char *name) {
  for (int k = 0; k < file->vars; k++)
    if (!strcmp(file->var[k].name, name)) return k;
  return -1;
}

int esp_grid_find_dimension(const esp_grid_file *file, const char *name) {
  for (int k = 0; k < file->dims; k++)
    if (!strcmp(file->dim[k].name, name)) return k;
  return -1;
}

int esp_grid_dim_of(const esp_grid_variable *var, int dim) {
  for (int k = 0; k < var->rank; k++)
    if (var->dim[k] == dim) return k;
  return -1;
}

int esp_grid_whole(const esp_grid_file *file, int var, double **value, int64_t *length) {
  const esp_grid_variable *v = &file->var[var];
  const int64_t start = 0;
  *value = NULL;
  ESP_CHECK(v->rank == 0 || v->rank == 1, ESP_ERR_FORMAT, "%s: variable %s has %d dimensions, should have 1 or none",
            file->path, v->name, v->rank);
  *length = v->rank ? file->dim[v->dim[0]].length : 1;
  ESP_CALL(ESP_ALLOC(*value, *length));
  const int rc = *length ? file->read(file, var, &start, length, *value) : ESP_OK;
  if (rc) ESP_FREE(*value);
  return rc;
}

void esp_grid_add(char *text, size_t size, const char *format, ...) {
  const size_t used = strlen(text);
  va_list list;
  va_start(list, format);
  vsnprintf(text + used, size - used, format, list);
  va_end(list);
}

void esp_grid_shape(const esp_grid_file *file, int var, char *text, size_t size) {
  const esp_grid_variable *v = &file->var[var];
  snprintf(text, size, "%s", v->name);
  for (int k = 0; k < v->rank; k++)
    esp_grid_add(text, size, "%s%s %" PRId64 "%s", k ? ", " : "(", file->dim[v->dim[k]].name,
                 file->dim[v->dim[k]].length, k == v->rank - 1 ? ")" : "");
}
