/* A file of fields on grids as the other files of this folder see it: a list of dimensions, a list of variables with the
 * attributes that matter, and one function that reads a part of a variable. Whoever knows a library (netcdf.c, grib.c)
 * fills it in. Numbers come unpacked, NaN where the file has none. Everything here is local unless it says collective. */
#ifndef ESP_GRID_FILE_H
#define ESP_GRID_FILE_H

#include <stdint.h>

#include "base/base.h"
#include "base/comm.h"

enum { ESP_GRID_NAME = 128, ESP_GRID_TEXT = 256, ESP_GRID_RANK = 8, ESP_GRID_FILLS = 3 };

typedef struct {
  char name[ESP_GRID_NAME];
  int64_t length;
} esp_grid_dimension;

/* Texts that are longer are cut; "": the file has none. */
typedef struct {
  char name[ESP_GRID_NAME];
  int rank;               /* -1: more than ESP_GRID_RANK dimensions, or no numbers: not to be read */
  int dim[ESP_GRID_RANK]; /* places in the list of dimensions */
  char standard_name[ESP_GRID_NAME], long_name[ESP_GRID_TEXT], units[ESP_GRID_NAME], coordinates[ESP_GRID_TEXT];
  char calendar[ESP_GRID_NAME], axis[8], stagger[8];
  /* of packed numbers: value = scale * number + offset, NaN where the number is one of fill, or out of range */
  double scale, offset, fill[ESP_GRID_FILLS], least, most;
  int fills;
  const char *odd; /* the name of such a one that is no number, so that nothing can be read; NULL */
  int stamps;      /* texts of dates, shown as hours (io/grid/calendar.h) */
} esp_grid_variable;

typedef struct esp_grid_file esp_grid_file;
struct esp_grid_file {
  const char *path; /* borrowed */
  const char *kind; /* "NetCDF-4", "NetCDF classic", "GRIB" */
  int dims, vars;
  esp_grid_dimension *dim;
  esp_grid_variable *var;
  /* count [rank] numbers a dimension from start [rank], in the order of the variable's dimensions. */
  int (*read)(const esp_grid_file *file, int var, const int64_t *start, const int64_t *count, double *value);
  void (*close)(esp_grid_file *file);
  void *impl; /* the library's */
};

/* Opens a file of one kind. Collective: agrees; *file is closed by esp_grid_close. */
typedef int (*esp_grid_opener)(const esp_comm *comm, const char *path, esp_grid_file *file);

/* Lists freed, the library's file closed. A zeroed one is fine. */
void esp_grid_close(esp_grid_file *file);
/* Place of a variable, or of a dimension, by its name; -1: there is none. */
int esp_grid_find(const esp_grid_file *file, const char *name);
int esp_grid_find_dimension(const esp_grid_file *file, const char *name);
/* Place of a dimension among those of a variable; -1: it does not have it. */
int esp_grid_dim_of(const esp_grid_variable *var, int dim);
/* All numbers of a variable of at most one dimension; *value [length] is the caller's (ESP_FREE). */
int esp_grid_whole(const esp_grid_file *file, int var, double **value, int64_t *length);
/* "name(time 8, level 6, lat 19)". */
void esp_grid_shape(const esp_grid_file *file, int var, char *text, size_t size);
/* Append, printf-like, to a text of `size` bytes; what does not fit is cut. */
void esp_grid_add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
