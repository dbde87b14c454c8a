#include "io/ugrid.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <netcdf.h>
#include <netcdf_par.h>

#include "base/at_hand.h"
#include "io/file_draft.h"

/* Room beyond the numbers: for the file, and for the description of each variable. */
enum { FILE_ROOM = 1 << 17, VARIABLE_ROOM = 1 << 14 };
enum { TIME, FACE, NODE, CORNER, DIMENSIONS };
enum { TOPOLOGY, FACE_NODES, NODE_X, NODE_Y, FACE_X, FACE_Y, X_BOUNDS, Y_BOUNDS, AREA, CLOCK, FIXED };

#define LONGITUDE                   \
  {"standard_name", "longitude"}, { \
    "units", "degrees_east"         \
  }
#define LATITUDE                   \
  {"standard_name", "latitude"}, { \
    "units", "degrees_north"       \
  }
static const struct {
  const char *name;
  nc_type type;
  int rank, dimension[2];
  struct {
    const char *name, *text;
  } attribute[7];
} fixed[FIXED] = {
    [TOPOLOGY] = {"mesh",
                  NC_INT,
                  0,
                  {0},
                  {{"cf_role", "mesh_topology"},
                   {"long_name", "cells of the sphere"},
                   {"node_coordinates", "mesh_node_x mesh_node_y"},
                   {"face_node_connectivity", "mesh_face_nodes"},
                   {"face_coordinates", "mesh_face_x mesh_face_y"},
                   {"face_dimension", "mesh_face"}}},
    [FACE_NODES] = {"mesh_face_nodes",
                    NC_INT,
                    2,
                    {FACE, CORNER},
                    {{"cf_role", "face_node_connectivity"}, {"long_name", "nodes of a cell, counter-clockwise"}}},
    [NODE_X] = {"mesh_node_x", NC_DOUBLE, 1, {NODE}, {LONGITUDE, {"long_name", "longitude of a node"}}},
    [NODE_Y] = {"mesh_node_y", NC_DOUBLE, 1, {NODE}, {LATITUDE, {"long_name", "latitude of a node"}}},
    [FACE_X] = {"mesh_face_x",
                NC_DOUBLE,
                1,
                {FACE},
                {LONGITUDE, {"long_name", "longitude of a cell's centre"}, {"bounds", "mesh_face_x_bounds"}}},
    [FACE_Y] = {"mesh_face_y",
                NC_DOUBLE,
                1,
                {FACE},
                {LATITUDE, {"long_name", "latitude of a cell's centre"}, {"bounds", "mesh_face_y_bounds"}}},
    [X_BOUNDS] = {"mesh_face_x_bounds", NC_DOUBLE, 2, {FACE, CORNER}, {{0}}},
    [Y_BOUNDS] = {"mesh_face_y_bounds", NC_DOUBLE, 2, {FACE, CORNER}, {{0}}},
    [AREA] = {"mesh_face_area",
              NC_DOUBLE,
              1,
              {FACE},
              {{"standard_name", "cell_area"},
               {"units", "m2"},
               {"long_name", "area of a cell"},
               {"mesh", "mesh"},
               {"location", "face"},
               {"coordinates", "mesh_face_x mesh_face_y"}}},
    [CLOCK] = {"time",
               NC_DOUBLE,
               1,
               {TIME},
               {{"standard_name", "time"}, {"long_name", "time of a frame"}, {"axis", "T"}, {"calendar", "standard"}}},
};

typedef struct {
  const esp_set_file *file;
  const esp_comm *comm;
  esp_part part;
  int s;
  const esp_set *set;
  const esp_outlines *all;
  const char *path;
  int64_t frames;
  size_t length[DIMENSIONS];
  uint64_t bytes;
  esp_draft draft;
  int open, id, dimension[DIMENSIONS], variables;
  int fixed[FIXED], column[ESP_COLUMNS]; /* variable; the first of a column's */
  double *rows, *one;                    /* [n_home][width], [n_home]; or longer, for corners */
} writing;

static int check(const writing *w, const char *what, int status) {
  ESP_CHECK(status == NC_NOERR, ESP_ERR_FILE, "%s: %s: %s", w->path, what, nc_strerror(status));
  return ESP_OK;
}

/* ---- what stands in it ---- */

static int is_framed(const writing *w, int k) {
  return w->frames > 0 && w->file->frame[w->part][k] >= 0;
}

static int is_vector(const writing *w, int k) {
  return w->file->layout->column[k].framed && w->set->width[k] == 3;
}

/* Variables that a column becomes. */
static int variables_of(const writing *w, int k) {
  const esp_column *column = &w->file->layout->column[k];
  const int width = w->set->width[k];
  if (!column->framed) return width == 1 && column->role != ESP_WEIGHT;
  return is_vector(w, k) ? 2 : width;
}

static int text(const writing *w, int variable, const char *name, const char *value) {
  return value && *value ? check(w, name, nc_put_att_text(w->id, variable, name, strlen(value), value)) : ESP_OK;
}

static int define(writing *w, const char *name, nc_type type, int rank, const int *dimension, int *variable) {
  uint64_t bytes = 8;
  int id[2];
  for (int d = 0; d < rank; d++) {
    id[d] = w->dimension[dimension[d]];
    bytes *= w->length[dimension[d]];
  }
  w->bytes += bytes + VARIABLE_ROOM;
  w->variables++;
  return check(w, name, nc_def_var(w->id, name, type, rank, id, variable));
}

static int define_fixed(writing *w) {
  const int two = 2, zero = 0, none = -1;
  char since[64];
  for (int f = 0; f < FIXED; f++) {
    if (f == CLOCK && !w->frames) continue;
    ESP_CALL(define(w, fixed[f].name, fixed[f].type, fixed[f].rank, fixed[f].dimension, &w->fixed[f]));
    for (int a = 0; a < 7 && fixed[f].attribute[a].name; a++)
      ESP_CALL(text(w, w->fixed[f], fixed[f].attribute[a].name, fixed[f].attribute[a].text));
  }
  ESP_CALL(check(w, "mesh", nc_put_att_int(w->id, w->fixed[TOPOLOGY], "topology_dimension", NC_INT, 1, &two)));
  const int nodes = w->fixed[FACE_NODES];
  ESP_CALL(check(w, fixed[FACE_NODES].name, nc_put_att_int(w->id, nodes, "start_index", NC_INT, 1, &zero)));
  ESP_CALL(check(w, fixed[FACE_NODES].name, nc_put_att_int(w->id, nodes, "_FillValue", NC_INT, 1, &none)));
  snprintf(since, sizeof since, "hours since %s", w->all->since);
  return w->frames ? text(w, w->fixed[CLOCK], "units", since) : ESP_OK;
}

/* Component c of column k. */
static int define_column(writing *w, int k, int c) {
  static const char *const towards[] = {"east", "north"};
  const esp_column *column = &w->file->layout->column[k];
  const int framed = is_framed(w, k), vector = is_vector(w, k), dimension[2] = {TIME, FACE};
  const char *standard_name = w->all->standard_name[k] ? w->all->standard_name[k] : column->foreign;
  char name[NC_MAX_NAME], title[512], standard[128] = "";
  int variable;
  snprintf(name, sizeof name, "%s", column->name);
  snprintf(title, sizeof title, "%s", column->help ? column->help : column->name);
  if (standard_name) snprintf(standard, sizeof standard, "%s", standard_name);
  if (vector) {
    snprintf(name, sizeof name, "%s_%s", column->name, towards[c]);
    snprintf(title, sizeof title, "%s, component to the %s", column->name, towards[c]);
    if (standard_name) snprintf(standard, sizeof standard, "%sward_%s", towards[c], standard_name);
  } else if (w->set->width[k] > 1) {
    snprintf(name, sizeof name, "%s_%d", column->name, c);
  }
  ESP_CALL(define(w, name, NC_DOUBLE, 1 + framed, dimension + !framed, &variable));
  if (c == 0) w->column[k] = variable;
  ESP_CALL(text(w, variable, "long_name", title));
  ESP_CALL(text(w, variable, "standard_name", standard));
  ESP_CALL(text(w, variable, "units", column->unit));
  ESP_CALL(text(w, variable, "mesh", "mesh"));
  ESP_CALL(text(w, variable, "location", "face"));
  ESP_CALL(text(w, variable, "coordinates", "mesh_face_x mesh_face_y"));
  return text(w, variable, "cell_measures", "area: mesh_face_area");
}

static int define_about(writing *w) {
  const esp_value *value = w->set->about;
  char name[NC_MAX_NAME], title[128];
  snprintf(title, sizeof title, "%s: %s set %d", w->file->about.task, esp_part_name(w->part), w->s);
  ESP_CALL(text(w, NC_GLOBAL, "Conventions", "CF-1.8 UGRID-1.0"));
  ESP_CALL(text(w, NC_GLOBAL, "title", title));
  ESP_CALL(text(w, NC_GLOBAL, "source", "espalier"));
  for (const esp_number *number = w->file->layout->number; number->name; value += number->count, number++) {
    double real[ESP_NUMBERS]; /* whole numbers of a set are below 2^53 */
    for (int c = 0; c < number->count; c++) real[c] = number->whole ? (double)value[c].whole : value[c].real;
    snprintf(name, sizeof name, "about_%s", number->name);
    ESP_CALL(check(w, name, nc_put_att_double(w->id, NC_GLOBAL, name, NC_DOUBLE, (size_t)number->count, real)));
  }
  return ESP_OK;
}

static int define_all(writing *w) {
  static const char *const names[DIMENSIONS] = {"time", "mesh_face", "mesh_node", "mesh_corner"};
  ESP_CALL(check(w, "fill", nc_set_fill(w->id, NC_NOFILL, NULL)));
  for (int d = w->frames ? TIME : FACE; d < DIMENSIONS; d++)
    ESP_CALL(check(w, names[d], nc_def_dim(w->id, names[d], w->length[d], &w->dimension[d])));
  ESP_CALL(define_fixed(w));
  for (int k = 0; w->file->layout->column[k].name; k++)
    for (int c = 0; c < variables_of(w, k); c++) ESP_CALL(define_column(w, k, c));
  return define_about(w);
}

/* ---- numbers ---- */

/* Rows [first, first + count) of `width` numbers, of a frame if it has any (>= 0). Collective. */
static int put(const writing *w, int variable, int64_t frame, int64_t first, int64_t count, int width,
               const double *rows) {
  const size_t start[3] = {(size_t)frame, count ? (size_t)first : 0, 0};
  const size_t counts[3] = {1, (size_t)count, (size_t)width};
  const int skip = frame < 0;
  ESP_AGREE(w->comm, check(w, "numbers", nc_put_vara_double(w->id, variable, start + skip, counts + skip, rows)));
  return ESP_OK;
}

static void degrees(int64_t n, double (*const x)[3], double *longitude, double *latitude) {
  const double unit = 180 / acos(-1.0);
  for (int64_t i = 0; i < n; i++) {
    longitude[i] = unit * atan2(x[i][1], x[i][0]);
    latitude[i] = unit * atan2(x[i][2], hypot(x[i][0], x[i][1]));
  }
}

static int put_places(const writing *w, int longitude, int64_t first, int64_t count, double (*const x)[3]) {
  degrees(count, x, w->rows, w->one);
  ESP_CALL(put(w, w->fixed[longitude], -1, first, count, 1, w->rows));
  return put(w, w->fixed[longitude + 1], -1, first, count, 1, w->one);
}

static int put_bounds(const writing *w) {
  const esp_set *set = w->set;
  const int most = w->all->most;
  const int64_t count = (int64_t)set->n_home * most;
  degrees(count, w->all->corner, w->rows, w->one);
  for (int64_t at = 0; at < count; at++) /* a cell has a first corner */
    if (w->all->node[at] < 0) w->rows[at] = w->rows[at - 1], w->one[at] = w->one[at - 1];
  ESP_CALL(put(w, w->fixed[X_BOUNDS], -1, set->first, set->n_home, most, w->rows));
  return put(w, w->fixed[Y_BOUNDS], -1, set->first, set->n_home, most, w->one);
}

static int put_mesh(const writing *w) {
  const esp_set *set = w->set;
  const esp_outlines *all = w->all;
  const size_t start[2] = {set->n_home ? (size_t)set->first : 0}, count[2] = {(size_t)set->n_home, (size_t)all->most};
  const int mine = w->comm->rank == 0;
  ESP_AGREE(w->comm, check(w, fixed[FACE_NODES].name,
                           nc_put_vara_longlong(w->id, w->fixed[FACE_NODES], start, count, (long long *)all->node)));
  ESP_CALL(put_places(w, NODE_X, all->first, all->n_node, all->place));
  ESP_CALL(put_places(w, FACE_X, set->first, set->n_home, all->centre));
  ESP_CALL(put_bounds(w));
  ESP_CALL(put(w, w->fixed[AREA], -1, set->first, set->n_home, 1, all->area));
  for (int64_t f = 0; f < w->frames; f++) {
    const double time = (double)f * all->hours;
    ESP_CALL(put(w, w->fixed[CLOCK], -1, f, mine, 1, &time));
  }
  return ESP_OK;
}

/* Component c of rows of column k, in w->one. */
static void take(const writing *w, int k, int c, const double *rows) {
  const int width = w->set->width[k];
  for (int i = 0; i < w->set->n_home; i++) {
    const double *v = rows + (size_t)i * (size_t)width, *x = w->all->centre[i];
    const double longitude = atan2(x[1], x[0]), inward = -x[2];
    const double towards[2][3] = {{-sin(longitude), cos(longitude), 0},
                                  {inward * cos(longitude), inward * sin(longitude), hypot(x[0], x[1])}};
    w->one[i] = is_vector(w, k) ? towards[c][0] * v[0] + towards[c][1] * v[1] + towards[c][2] * v[2] : v[c];
  }
}

static int put_column(const writing *w, int k, int64_t frame) {
  const esp_set *set = w->set;
  const double *rows = frame < 0 ? set->value[k] : w->rows;
  if (frame >= 0)
    ESP_AGREE(w->comm, esp_set_read_frame(w->file, w->part, w->s, frame, k, set->first, set->n_home, w->rows));
  for (int c = 0; c < variables_of(w, k); c++) {
    take(w, k, c, rows);
    ESP_CALL(put(w, w->column[k] + c, frame, set->first, set->n_home, 1, w->one));
  }
  return ESP_OK;
}

static int put_all(const writing *w) {
  const esp_column *column = w->file->layout->column;
  ESP_CALL(put_mesh(w));
  for (int k = 0; column[k].name; k++)
    if (variables_of(w, k) && !is_framed(w, k)) ESP_CALL(put_column(w, k, -1));
  for (int64_t f = 0; f < w->frames; f++)
    for (int k = 0; column[k].name; k++)
      if (variables_of(w, k) && is_framed(w, k)) ESP_CALL(put_column(w, k, f));
  return ESP_OK;
}

/* ---- the file ---- */

/* What is at hand for the longest of the rows. Local. */
static int begin(writing *w) {
  int width = w->all->most;
  for (int k = 0; w->file->layout->column[k].name; k++) width = esp_imax(width, w->set->width[k]);
  const size_t rows = (size_t)w->set->n_home * (size_t)width, nodes = (size_t)w->all->n_node;
  ESP_CHECK(w->all->nodes <= INT32_MAX, ESP_ERR_LIMIT, "%s: %lld nodes, at most %d", w->path, (long long)w->all->nodes,
            INT32_MAX);
  ESP_CALL(ESP_ALLOC(w->rows, rows > nodes ? rows : nodes));
  return ESP_ALLOC(w->one, rows > nodes ? rows : nodes);
}

static int end_definitions(const writing *w) {
  ESP_CALL(check(w, "definitions", nc_enddef(w->id)));
  for (int v = 0; v < w->variables; v++) ESP_CALL(check(w, "access", nc_var_par_access(w->id, v, NC_COLLECTIVE)));
  return ESP_OK;
}

static int create(writing *w) {
  const int mode = NC_NETCDF4 | NC_CLOBBER;
  ESP_CALL(esp_file_draft_begin(w->comm, w->path, &w->draft));
  const int status = nc_create_par(w->draft.path, mode, esp_file_mpi(w->comm), MPI_INFO_NULL, &w->id);
  w->open = status == NC_NOERR;
  ESP_AGREE(w->comm, check(w, "cannot be created", status));
  ESP_AGREE(w->comm, define_all(w));
  ESP_CALL(esp_file_draft_room(w->comm, w->path, &w->draft, w->bytes + FILE_ROOM));
  ESP_AGREE(w->comm, end_definitions(w));
  return ESP_OK;
}

static int finish(writing *w) {
  const int status = nc_close(w->id);
  w->open = 0;
  ESP_AGREE(w->comm, check(w, "cannot be closed", status));
  return esp_file_draft_keep(w->comm, w->path, &w->draft);
}

int esp_ugrid_built(void) {
  return 1;
}

int esp_ugrid_write(const esp_set_file *file, esp_part part, int s, const esp_set *set, const esp_outlines *all,
                    const char *path) {
  const int64_t frames = file->frames[part][s];
  writing w = {.file = file, .comm = file->comm, .part = part, .s = s, .set = set, .all = all, .path = path};
  int rc;
  w.frames = frames;
  w.length[TIME] = (size_t)frames, w.length[FACE] = (size_t)set->n;
  w.length[NODE] = (size_t)all->nodes, w.length[CORNER] = (size_t)all->most;
  esp_at_hand("writing", path);
  ESP_TRY(w.comm->agree(w.comm, begin(&w)));
  ESP_TRY(create(&w));
  ESP_TRY(put_all(&w));
  ESP_TRY(finish(&w));
done:
  if (w.open) nc_abort(w.id);
  esp_draft_drop(&w.draft);
  esp_at_hand(NULL, NULL);
  ESP_FREE(w.rows);
  ESP_FREE(w.one);
  return rc;
}
