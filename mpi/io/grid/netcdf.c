/* A NetCDF file as an esp_grid_file. */
#include "io/grid/netcdf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <mpi.h>

#include <netcdf.h>
#include <netcdf_par.h>

#include "base/at_hand.h"
#include "base/count.h"
#include "base/input.h"
#include "domain/comm.h"
#include "io/grid/calendar.h"

typedef struct {
  int id;
  int64_t bytes; /* of the file */
} impl;

enum {
  MOST_TEXT = 1 << 16, /* characters of an attribute */
  SQUEEZE = 65536      /* bytes that one byte of a compressed file may become */
};

static int fail(const esp_grid_file *file, const char *what, int code) {
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: %s: %s", file->path, what, nc_strerror(code));
}
#define ESP_NC(file, what, call)               \
  do {                                         \
    const int nc_ = (call);                    \
    if (nc_) return fail((file), (what), nc_); \
  } while (0)

/* ---- attributes ---- */

/* Up to `most` numbers; the number there is. */
static int get_numbers(int id, int var, const char *name, double *value, size_t most) {
  nc_type type;
  size_t length;
  if (nc_inq_att(id, var, name, &type, &length) || type == NC_CHAR || type == NC_STRING || length == 0 || length > most)
    return 0;
  return nc_get_att_double(id, var, name, value) ? 0 : (int)length;
}

/* Of characters, or one string; a number as text; anything else is none. */
static void get_text(int id, int var, const char *name, char *text, size_t size) {
  nc_type type;
  size_t length;
  char *own = NULL;
  double number;
  text[0] = 0;
  if (nc_inq_att(id, var, name, &type, &length)) return;
  if (get_numbers(id, var, name, &number, 1)) {
    snprintf(text, size, "%.15g", number);
  } else if (type == NC_CHAR && length <= MOST_TEXT) {
    if (ESP_ALLOC(own, length + 1)) return esp_error_clear();
    if (!nc_get_att_text(id, var, name, own)) snprintf(text, size, "%s", own);
    ESP_FREE(own);
  } else if (type == NC_STRING && length == 1) {
    char *string = NULL;
    if (nc_get_att_string(id, var, name, &string)) return;
    if (string) snprintf(text, size, "%s", string);
    nc_free_string(1, &string);
  }
  for (size_t k = strlen(text); k > 0 && text[k - 1] == ' '; k--) text[k - 1] = 0;
}

static double default_fill(nc_type type) {
  static const struct {
    nc_type type;
    double fill;
  } rows[] = {{NC_SHORT, NC_FILL_SHORT},   {NC_INT, NC_FILL_INT},       {NC_FLOAT, NC_FILL_FLOAT},
              {NC_DOUBLE, NC_FILL_DOUBLE}, {NC_USHORT, NC_FILL_USHORT}, {NC_UINT, NC_FILL_UINT}};
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
    if (rows[k].type == type) return rows[k].fill;
  return NAN;
}

/* A number; *value stays where there is none. */
static void get_number(int id, int var, const char *name, esp_grid_variable *v, double *value) {
  if (!get_numbers(id, var, name, value, 1) && !nc_inq_attid(id, var, name, NULL)) v->odd = name;
}

static void get_packing(int id, int var, nc_type type, esp_grid_variable *v) {
  double range[2];
  v->scale = 1;
  v->least = -INFINITY;
  v->most = INFINITY;
  get_number(id, var, "scale_factor", v, &v->scale);
  get_number(id, var, "add_offset", v, &v->offset);
  v->fills += get_numbers(id, var, "_FillValue", v->fill, 1);
  if (!v->fills) v->fill[v->fills++] = default_fill(type);
  v->fills += get_numbers(id, var, "missing_value", v->fill + v->fills, (size_t)(ESP_GRID_FILLS - v->fills));
  if (get_numbers(id, var, "valid_range", range, 2) == 2) v->least = range[0], v->most = range[1];
  get_numbers(id, var, "valid_min", &v->least, 1);
  get_numbers(id, var, "valid_max", &v->most, 1);
}

/* ---- the lists ---- */

static int read_dimensions(int id, esp_grid_file *file) {
  int unlimited;
  ESP_NC(file, "its dimensions", nc_inq(id, &file->dims, &file->vars, &unlimited, &unlimited));
  ESP_CALL(ESP_ALLOC(file->dim, file->dims));
  ESP_CALL(ESP_ALLOC(file->var, file->vars));
  for (int k = 0; k < file->dims; k++) {
    char name[NC_MAX_NAME + 1];
    size_t length;
    ESP_NC(file, "its dimensions", nc_inq_dim(id, k, name, &length));
    snprintf(file->dim[k].name, ESP_GRID_NAME, "%.*s", ESP_GRID_NAME - 1, name);
    file->dim[k].length = (int64_t)length;
  }
  return ESP_OK;
}

/* Dates as texts, as WRF has them: a list of times. */
static void show_stamps(const esp_grid_file *file, esp_grid_variable *v, int rank, const int *dim) {
  if (rank != 2 || strcmp(v->name, "Times") || file->dim[dim[1]].length >= 64) return;
  v->rank = 1;
  v->stamps = 1;
  snprintf(v->units, sizeof v->units, "hours since 1970-01-01 00:00:00");
}

/* What a variable claims, held against what the file can hold, before anyone takes memory for it. */
static int check_claim(const esp_grid_file *file, int var) {
  const esp_grid_variable *v = &file->var[var];
  const int64_t bytes = ((impl *)file->impl)->bytes;
  int64_t numbers = 1;
  for (int k = 0; k < v->rank; k++)
    ESP_CALL(esp_count_mul(&numbers, file->dim[v->dim[k]].length, "%s: numbers of %s", file->path, v->name));
  ESP_CHECK(numbers / SQUEEZE <= bytes, ESP_ERR_FORMAT,
            "%s: variable %s claims %lld numbers; the file has %lld bytes, which hold no more than %d times as many",
            file->path, v->name, (long long)numbers, (long long)bytes, SQUEEZE);
  return ESP_OK;
}

static int read_variable(int id, int var, esp_grid_file *file) {
  esp_grid_variable *v = &file->var[var];
  char name[NC_MAX_NAME + 1];
  nc_type type;
  int rank, dim[NC_MAX_VAR_DIMS];
  ESP_NC(file, "its variables", nc_inq_var(id, var, name, &type, &rank, dim, NULL));
  snprintf(v->name, sizeof v->name, "%.*s", ESP_GRID_NAME - 1, name);
  v->rank = rank <= ESP_GRID_RANK && type >= NC_BYTE && type <= NC_UINT64 && type != NC_CHAR ? rank : -1;
  for (int k = 0; k < rank && k < ESP_GRID_RANK; k++) {
    v->dim[k] = dim[k];
    ESP_CHECK(dim[k] >= 0 && dim[k] < file->dims, ESP_ERR_FORMAT, "%s: variable %s has a dimension of number %d of %d",
              file->path, v->name, dim[k], file->dims);
  }
  ESP_CALL(check_claim(file, var));
  get_text(id, var, "standard_name", v->standard_name, sizeof v->standard_name);
  get_text(id, var, "long_name", v->long_name, sizeof v->long_name);
  get_text(id, var, "units", v->units, sizeof v->units);
  get_text(id, var, "coordinates", v->coordinates, sizeof v->coordinates);
  get_text(id, var, "calendar", v->calendar, sizeof v->calendar);
  get_text(id, var, "axis", v->axis, sizeof v->axis);
  get_text(id, var, "stagger", v->stagger, sizeof v->stagger);
  if (!v->calendar[0]) get_text(id, NC_GLOBAL, "calendar", v->calendar, sizeof v->calendar);
  if (type == NC_CHAR) show_stamps(file, v, rank, dim);
  get_packing(id, var, type, v);
  return ESP_OK;
}

/* ---- reading ---- */

static int read_stamps(const esp_grid_file *file, int var, int64_t start, int64_t count, double *value) {
  const esp_grid_variable *v = &file->var[var];
  const esp_calendar *calendar;
  const size_t length = (size_t)file->dim[v->dim[1]].length, many[2] = {1, length};
  char text[64];
  ESP_CALL(esp_error_in(esp_calendar_find(v->calendar, &calendar), file->path));
  for (int64_t k = 0; k < count; k++) {
    const size_t from[2] = {(size_t)(start + k), 0};
    memset(text, 0, sizeof text);
    ESP_NC(file, v->name, nc_get_vara_text(((impl *)file->impl)->id, var, from, many, text));
    ESP_CHECK(!esp_calendar_hours(calendar, text, &value[k]), ESP_ERR_FORMAT,
              "%s: time number %lld of %s is '%s': allowed are dates as 2005-08-28_12:00:00", file->path, (long long)k,
              v->name, text);
  }
  return ESP_OK;
}

static void unpack(const esp_grid_variable *v, size_t count, double *value) {
  for (size_t k = 0; k < count; k++) {
    int missing = !(value[k] >= v->least && value[k] <= v->most);
    for (int f = 0; f < v->fills; f++) missing |= value[k] == v->fill[f];
    value[k] = missing ? NAN : value[k] * v->scale + v->offset;
  }
}

static int read_part(const esp_grid_file *file, int var, const int64_t *start, const int64_t *count, double *value) {
  const esp_grid_variable *v = &file->var[var];
  size_t from[ESP_GRID_RANK] = {0}, many[ESP_GRID_RANK] = {1}, all = 1;
  if (v->stamps) return read_stamps(file, var, start[0], count[0], value);
  ESP_CHECK(!v->odd, ESP_ERR_FORMAT, "%s: attribute %s of variable %s is not one number", file->path, v->odd, v->name);
  for (int k = 0; k < v->rank; k++) {
    from[k] = (size_t)start[k];
    many[k] = (size_t)count[k];
    all *= many[k];
  }
  const int code = nc_get_vara_double(((impl *)file->impl)->id, var, from, many, value);
  if (code) return fail(file, v->name, code);
  unpack(v, all, value);
  return ESP_OK;
}

/* ---- opening ---- */

static void close_file(esp_grid_file *file) {
  impl *own = file->impl;
  if (own && own->id >= 0) nc_close(own->id);
  ESP_FREE(own);
  file->impl = NULL;
  esp_at_hand(NULL, NULL);
}

static int is_classic(const char *path) {
  char start[3] = "";
  FILE *f = fopen(path, "rb");
  const int classic = f && fread(start, 1, 3, f) == 3 && !memcmp(start, "CDF", 3);
  if (f) fclose(f);
  return classic;
}

static int open_here(const esp_comm *comm, int classic, esp_grid_file *file) {
  MPI_Comm mpi = comm->impl ? esp_comm_mpi_get(comm) : MPI_COMM_SELF;
  impl *own = file->impl;
  ESP_CALL(comm->agree(comm, classic ? esp_netcdf_check_length(file->path) : esp_netcdf_check_links(file->path)));
  const int code = classic ? nc_open(file->path, NC_NOWRITE, &own->id)
                           : nc_open_par(file->path, NC_NOWRITE, mpi, MPI_INFO_NULL, &own->id);
  if (code) own->id = -1;
  ESP_CHECK(!code, ESP_ERR_FORMAT, "%s: cannot be opened as NetCDF: %s", file->path, nc_strerror(code));
  return ESP_OK;
}

static int read_lists(esp_grid_file *file) {
  const int id = ((impl *)file->impl)->id;
  ESP_CALL(read_dimensions(id, file));
  for (int k = 0; k < file->vars; k++) ESP_CALL(read_variable(id, k, file));
  return ESP_OK;
}

int esp_netcdf_open(const esp_comm *comm, const char *path, esp_grid_file *file) {
  impl *own = NULL;
  *file = (esp_grid_file){.path = path, .read = read_part, .close = close_file};
  int64_t bytes = 0;
  int rc = esp_input_check(path, &bytes);
  const int classic = !rc && is_classic(path);
  if (!rc) rc = ESP_ALLOC(own, 1);
  if (own) *own = (impl){.id = -1, .bytes = bytes};
  file->impl = own;
  file->kind = classic ? "NetCDF classic" : "NetCDF-4";
  ESP_TRY(comm->agree(comm, rc));
  esp_at_hand("reading", path);
  ESP_TRY(comm->agree(comm, open_here(comm, classic, file)));
  ESP_TRY(comm->agree(comm, read_lists(file)));
done:
  if (rc) esp_grid_close(file);
  return rc;
}
