#include "io/formats.h"

#include <math.h>
#include <string.h>

#include "io/grid/grid.h"
#include "io/grid/netcdf.h"
#include "io/labelled.h"
#include "io/snapshot.h"
#include "io/snapshot_header.h"

/* ---- snapshots: columns by foreign name ---- */

enum { POSITION, VELOCITY, MASS, NAMES };
static const char *const names[NAMES] = {"position", "velocity", "mass"};
static const int widths[NAMES] = {3, 3, 1};

static int place_of(const char *foreign) {
  for (int k = 0; k < NAMES && foreign; k++)
    if (!strcmp(foreign, names[k])) return k;
  return NAMES;
}

/* Every column with a foreign name is one that snapshots have. */
static int check_layout(const char *path, const esp_layout *layout) {
  for (const esp_column *c = layout->column; c->name; c++) {
    if (!c->foreign || c->optional) continue;
    const int k = place_of(c->foreign);
    ESP_CHECK(k < NAMES && c->width == widths[k], ESP_ERR_FORMAT,
              "%s: the data need a column '%s' of %d numbers a particle; a snapshot has position 3, velocity 3, mass 1",
              path, c->foreign, c->width);
  }
  return ESP_OK;
}

static void set_number(esp_set *set, const char *name, int count, const double *value) {
  int at = 0;
  for (const esp_number *number = set->layout->number; number->name; at += number->count, number++) {
    if (strcmp(number->name, name)) continue;
    for (int c = 0; c < count && c < number->count; c++) {
      if (number->whole)
        set->about[at + c].whole = (int64_t)value[c];
      else
        set->about[at + c].real = value[c];
    }
  }
}

/* The set takes over the arrays it has columns for; the others are freed. */
static int take_columns(esp_cloud *cloud, esp_set *set) {
  double **const from[NAMES] = {(double **)&cloud->x, (double **)&cloud->v, &cloud->m};
  const double dim = cloud->dim;
  int rc = ESP_OK;
  set->id = cloud->id;
  cloud->id = NULL;
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_column *c = &set->layout->column[k];
    const int source = place_of(c->foreign);
    set->width[k] = c->optional && source == NAMES ? 0 : c->width;
    if (source < NAMES && c->width == widths[source]) {
      set->value[k] = *from[source];
      *from[source] = NULL;
    }
    if (!set->value[k] && set->width[k] && !rc)
      rc = ESP_ALLOC(set->value[k], (size_t)set->n_home * (size_t)set->width[k]);
  }
  set_number(set, "dim", 1, &dim);
  set_number(set, "G", 1, &cloud->G);
  set_number(set, "box", 3, cloud->box);
  esp_cloud_free(cloud);
  return rc;
}

static int read_snapshot(const esp_comm *comm, const esp_input_param *input, const esp_layout *layout, esp_set *set,
                         esp_origin *origin) {
  esp_snapshot_options options = {.by_place = input->by_place,
                                  .units = input->units,
                                  .cosmology = (esp_cosmology)input->cosmology,
                                  .periodic = (esp_period)input->periodic};
  esp_snapshot_header header;
  esp_cloud cloud;
  int64_t count;
  int rc = ESP_OK;
  *set = (esp_set){.layout = layout};
  ESP_CALL(check_layout(input->file, layout));
  ESP_CALL(esp_error_blame(esp_snapshot_types(input->types, &options.types), "io_types"));
  ESP_CALL(esp_snapshot_read(comm, input->file, &options, &cloud, &header));
  set->n = cloud.n;
  set->n_home = cloud.n_home;
  esp_set_share(cloud.n, comm->rank, comm->size, &set->first, &count);
  ESP_TRY(comm->agree(comm, take_columns(&cloud, set)));
  *origin = (esp_origin){.units = header.units, .time = header.time, .comoving = header.comoving};
  memcpy(origin->note, header.note, sizeof origin->note);
  memcpy(origin->told, header.told, sizeof origin->told);
  for (int t = 0; t < header.types; t++) origin->by_type[t] = header.taken >> t & 1 ? header.count[t] : 0;
done:
  if (rc) esp_set_free(set);
  return rc;
}

static double *column_of(const esp_set *set, int name) {
  for (int k = 0; set->layout->column[k].name; k++)
    if (place_of(set->layout->column[k].foreign) == name) return set->value[k];
  return NULL;
}

static double number_of(const esp_set *set, const char *name, int c, double missing) {
  const int at = esp_set_number(set->layout, name);
  if (at < 0) return missing;
  const esp_number *number = set->layout->number;
  while (strcmp(number->name, name)) number++;
  return number->whole ? (double)set->about[at + c].whole : set->about[at + c].real;
}

void esp_format_horizon(const esp_set *set, const esp_origin *origin, char *text, size_t size) {
  const double T = number_of(set, "T", 0, 0), eps = number_of(set, "eps", 0, 0), length = origin->units.length;
  const double own = sqrt(2 * number_of(set, "d", 0, 0) / number_of(set, "mean_a", 0, 0));
  char time_cgs[64] = "", length_cgs[64] = "", times[64] = "";
  text[0] = 0;
  if (!(T > 0)) return;
  if (length > 0) {
    snprintf(time_cgs, sizeof time_cgs, " (%.5g s)", T * length / origin->units.velocity);
    snprintf(length_cgs, sizeof length_cgs, " (%.5g cm)", eps * length);
  }
  if (isfinite(own) && fabs(T - own) > 1e-9 * own) snprintf(times, sizeof times, ", %.4g times their own", T / own);
  snprintf(text, size, "; horizon %.7g length / velocity%s%s, softening %.7g length%s", T, time_cgs, times, eps,
           length_cgs);
}

static int write_gadget(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin,
                        double time, int compress) {
  esp_cloud cloud = {.n = set->n,
                     .n_home = set->n_home,
                     .model = set->ready,
                     .dim = (int)number_of(set, "dim", 0, 3),
                     .G = number_of(set, "G", 0, 1),
                     .id = set->id,
                     .m = column_of(set, MASS),
                     .x = (double(*)[3])(void *)column_of(set, POSITION),
                     .v = (double(*)[3])(void *)column_of(set, VELOCITY)};
  for (int c = 0; c < 3; c++) cloud.box[c] = number_of(set, "box", c, 0);
  ESP_CHECK(cloud.x && cloud.v && cloud.m, ESP_ERR_ARG, "%s: a snapshot needs positions, velocities and masses", path);
  return esp_snapshot_write(comm, path, &cloud, origin->by_type, &origin->units, time, compress);
}

static int is_one(const char *path, int first, int last, int *is) {
  int format;
  ESP_CALL(esp_snapshot_kind(path, &format));
  *is = format >= first && format <= last;
  return ESP_OK;
}
/* Any HDF5 file but those of NetCDF, and of graphs: what it lacks is told when it is read. */
static int is_gadget_hdf5(const char *path, int *is) {
  ESP_CALL(esp_netcdf_is(path, is));
  if (!*is) ESP_CALL(esp_labelled_is(path, is));
  if (*is) return *is = 0, ESP_OK;
  return is_one(path, ESP_FORMAT_HDF5, ESP_FORMAT_HDF5, is);
}
static int is_gadget_binary(const char *path, int *is) {
  return is_one(path, ESP_FORMAT_GADGET1, ESP_FORMAT_GADGET2, is);
}
static int is_tipsy(const char *path, int *is) {
  return is_one(path, ESP_FORMAT_TIPSY, ESP_FORMAT_TIPSY, is);
}

/* ---- the table ---- */

static const esp_format gadget_hdf5 = {
    "gadget_hdf5",     "HDF5 of GADGET, AREPO and SWIFT", ".hdf5", is_gadget_hdf5, read_snapshot, write_gadget,
    esp_snapshot_print};
static const esp_format gadget_binary = {
    "gadget_binary", "GADGET binary format 1 or 2", NULL, is_gadget_binary, read_snapshot, NULL, esp_snapshot_print};
static const esp_format tipsy = {"tipsy", "tipsy", NULL, is_tipsy, read_snapshot, NULL, esp_snapshot_print};

const esp_format *const esp_formats[] = {&gadget_hdf5,
                                         &gadget_binary,
                                         &tipsy,
                                         &esp_format_netcdf,
                                         &esp_format_grib,
                                         &esp_format_graph_hdf5,
                                         &esp_format_matrix_market,
                                         NULL};

/* Place in the table. */
static int find(const char *path, int64_t *place) {
  char allowed[512] = "";
  for (int k = 0; esp_formats[k]; k++) {
    const size_t used = strlen(allowed);
    int is = 0;
    ESP_CALL(esp_formats[k]->is(path, &is));
    if (is) return *place = k, ESP_OK;
    snprintf(allowed + used, sizeof allowed - used, "%s%s", k ? ", " : "", esp_formats[k]->help);
  }
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: is no snapshot: allowed are %s", path, allowed);
}

int esp_format_find(const esp_comm *comm, const char *path, const esp_format **format) {
  int64_t place = 0;
  *format = NULL;
  ESP_CALL(comm->agree(comm, comm->rank == 0 ? find(path, &place) : ESP_OK));
  ESP_CALL(comm->broadcast(comm, &place, sizeof place, 0));
  *format = esp_formats[place];
  return ESP_OK;
}

int esp_format_read(const esp_comm *comm, const esp_input_param *input, const esp_layout *layout, esp_set *set,
                    esp_origin *origin) {
  const esp_format *format;
  esp_origin own;
  *set = (esp_set){.layout = layout};
  ESP_CHECK(input->file[0], ESP_ERR_CONFIG, "no snapshot given: set -input FILE");
  ESP_CALL(esp_format_find(comm, input->file, &format));
  ESP_CALL(format->read(comm, input, layout, set, origin ? origin : &own));
  if (origin) origin->format = format;
  return ESP_OK;
}

const esp_format *esp_format_writer(const esp_origin *origin) {
  const esp_format *format = origin->format;
  for (int k = 0; (!format || !format->write) && esp_formats[k]; k++) format = esp_formats[k];
  return format;
}

int esp_format_write(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin, double time,
                     int compress) {
  return esp_format_writer(origin)->write(comm, path, set, origin, time, compress);
}
