/* Cells as a CF file: NetCDF-4, one dimension. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <mpi.h>

#include <netcdf.h>
#include <netcdf_par.h>

#include "base/at_hand.h"
#include "io/file_draft.h"
#include "io/grid/netcdf.h"
#include "io/grid/plan.h"

#define DEGREES 57.29577951308232

/* ---- numbers of a cell ---- */

typedef struct {
  const esp_comm *comm;
  const char *path;
  const esp_set *set;
  const double *column[ESP_GRID_FIELDS]; /* NULL: the set does not have it */
  int id;                                /* of the library, -1: not open */
} writing;

static double latitude(const writing *w, int field, int i) {
  const double *x = w->column[ESP_FIELD_PLACE] + 3 * i;
  (void)field;
  return atan2(x[2], hypot(x[0], x[1])) * DEGREES;
}
static double longitude(const writing *w, int field, int i) {
  const double *x = w->column[ESP_FIELD_PLACE] + 3 * i;
  (void)field;
  return atan2(x[1], x[0]) * DEGREES;
}
static double itself(const writing *w, int field, int i) {
  return w->column[field][i];
}
/* What is predicted: of the other columns of a set nobody knows what they have become. */
static const struct {
  const char *name, *standard_name, *units;
  int field;
  double (*number)(const writing *w, int field, int i);
} rows[] = {{"lat", "latitude", "degrees_north", ESP_FIELD_PLACE, latitude},
            {"lon", "longitude", "degrees_east", ESP_FIELD_PLACE, longitude},
            {"ta", "air_temperature", "K", ESP_FIELD_TEMPERATURE, itself},
            {"hus", "specific_humidity", "kg kg-1", ESP_FIELD_SPECIFIC, itself}};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- the file ---- */

#define ESP_NC(w, call)                                                                               \
  do {                                                                                                \
    const int nc_ = (call);                                                                           \
    if (nc_) return ESP_FAIL(ESP_ERR_FILE, "%s: cannot be written: %s", (w)->path, nc_strerror(nc_)); \
  } while (0)

static int put_text(const writing *w, int var, const char *name, const char *text) {
  ESP_NC(w, nc_put_att_text(w->id, var, name, strlen(text), text));
  return ESP_OK;
}

static double number_of(const esp_set *set, const char *name, double missing) {
  const int at = esp_set_number(set->layout, name);
  return at < 0 ? missing : set->about[at].real;
}

/* A single number with its unit. */
static int define_number(const writing *w, const char *name, const char *standard_name, const char *units, int *var) {
  ESP_NC(w, nc_def_var(w->id, name, NC_DOUBLE, 0, NULL, var));
  ESP_CALL(put_text(w, *var, "standard_name", standard_name));
  return put_text(w, *var, "units", units);
}

static int define(const writing *w, const esp_origin *origin, int compress, int *var, int *time, int *level) {
  const int has_level = number_of(w->set, "level", 0) > 0;
  int cell;
  *level = -1;
  ESP_CALL(put_text(w, NC_GLOBAL, "Conventions", "CF-1.8"));
  ESP_NC(w, nc_def_dim(w->id, "cell", (size_t)w->set->n, &cell));
  ESP_CALL(define_number(w, "time", "time", "hours since 1970-01-01 00:00:00", time));
  ESP_CALL(put_text(w, *time, "calendar", origin->calendar[0] ? origin->calendar : "standard"));
  if (has_level) ESP_CALL(define_number(w, "plev", "air_pressure", "hPa", level));
  ESP_NC(w, nc_def_var(w->id, "id", NC_INT64, 1, &cell, &var[ROWS]));
  ESP_CALL(put_text(w, var[ROWS], "long_name", "place in the grid that was read, from 0"));
  for (int k = 0; k < ROWS; k++) {
    if (!w->column[rows[k].field]) continue;
    ESP_NC(w, nc_def_var(w->id, rows[k].name, NC_DOUBLE, 1, &cell, &var[k]));
    if (compress) ESP_NC(w, nc_def_var_deflate(w->id, var[k], 1, 1, compress));
    ESP_CALL(put_text(w, var[k], "standard_name", rows[k].standard_name));
    ESP_CALL(put_text(w, var[k], "units", rows[k].units));
    if (rows[k].field != ESP_FIELD_PLACE)
      ESP_CALL(put_text(w, var[k], "coordinates", has_level ? "time plev lat lon" : "time lat lon"));
  }
  ESP_NC(w, nc_enddef(w->id));
  return ESP_OK;
}

/* Collective transfers: every rank makes the same calls, and goes on after a failure, which is told at the end. */
static int put_rows(const writing *w, const int *var, int time, int level, double hours, double *row) {
  const size_t first = (size_t)w->set->first, count = (size_t)w->set->n_home;
  const double hPa = number_of(w->set, "level", 0);
  int code = nc_put_var_double(w->id, time, &hours), next = 0;
  if (level >= 0) next = nc_put_var_double(w->id, level, &hPa);
  code = code ? code : next;
  next = nc_var_par_access(w->id, var[ROWS], NC_COLLECTIVE);
  code = code ? code : next;
  next = nc_put_vara_longlong(w->id, var[ROWS], &first, &count, (const long long *)(const void *)w->set->id);
  code = code ? code : next;
  for (int k = 0; k < ROWS; k++) {
    if (!w->column[rows[k].field]) continue;
    for (int i = 0; i < w->set->n_home; i++) row[i] = rows[k].number(w, rows[k].field, i);
    next = nc_var_par_access(w->id, var[k], NC_COLLECTIVE);
    code = code ? code : next;
    next = nc_put_vara_double(w->id, var[k], &first, &count, row);
    code = code ? code : next;
  }
  ESP_NC(w, code);
  return ESP_OK;
}

/* What the library may take beside the rows. */
enum { FILE_ROOM = 1 << 17 };

static int write_draft(writing *w, const esp_draft *draft, const esp_origin *origin, double hours, int compress) {
  const esp_comm *comm = w->comm;
  const uint64_t bytes = (uint64_t)w->set->n * (ROWS + 1) * sizeof(double) + FILE_ROOM;
  int var[ROWS + 1], time, level;
  double *row = NULL;
  int rc = comm->agree(comm, ESP_ALLOC(row, w->set->n_home));
  if (rc) return rc;
  int code = nc_create_par(draft->path, NC_CLOBBER | NC_NETCDF4, esp_file_mpi(comm), MPI_INFO_NULL, &w->id);
  if (code) w->id = -1, rc = ESP_FAIL(ESP_ERR_FILE, "%s: cannot be written: %s", w->path, nc_strerror(code));
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_file_draft_room(comm, w->path, draft, bytes)); /* the library may wait for ever where a disk is full */
  ESP_TRY(comm->agree(comm, define(w, origin, compress, var, &time, &level)));
  ESP_TRY(comm->agree(comm, put_rows(w, var, time, level, hours, row)));
done:
  ESP_FREE(row);
  code = 0;
  if (w->id >= 0) code = rc ? nc_abort(w->id) : nc_close(w->id);
  if (!rc && code) rc = ESP_FAIL(ESP_ERR_FILE, "%s: cannot be written: %s", w->path, nc_strerror(code));
  return comm->agree(comm, rc);
}

int esp_netcdf_write(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin, double time,
                     int compress) {
  writing w = {.comm = comm, .path = path, .set = set, .id = -1};
  esp_draft draft = {0};
  /* a set that was moved on from a later frame says so */
  const double hours = number_of(set, "start", origin->time) + time - origin->time;
  for (int k = 0; set->layout->column[k].name; k++) {
    const int field = esp_grid_field_of(&set->layout->column[k]);
    if (field < ESP_GRID_FIELDS) w.column[field] = set->value[k];
  }
  ESP_CHECK(w.column[ESP_FIELD_PLACE] && !set->ready, ESP_ERR_ARG, "%s: cells need places, in units of a file", path);
  esp_at_hand("writing", path);
  int rc = esp_file_draft_begin(comm, path, &draft);
  if (!rc) rc = write_draft(&w, &draft, origin, hours, compress);
  if (!rc) rc = esp_file_draft_keep(comm, path, &draft);
  esp_at_hand(NULL, NULL);
  if (rc) esp_draft_drop(&draft);
  return rc;
}
