#include "io/snapshot.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/set.h"
#include "domain/migrate.h"
#include "io/file.h"
#include "io/snapshot_binary.h"
#include "io/snapshot_header.h"
#include "io/snapshot_names.h"
#include "io/snapshot_units.h"

int esp_snapshot_types(const char *text, uint32_t *types) {
  *types = 0;
  if (!strcmp(text, "all") || !text[0]) return ESP_OK;
  for (const char *p = text; *p;) {
    char *end;
    long t = isdigit((unsigned char)*p) ? strtol(p, &end, 10) : -1;
    ESP_CHECK(t >= 0 && t < ESP_SNAPSHOT_TYPES && (*end == ',' || *end == 0), ESP_ERR_CONFIG,
              "particle types '%s': allowed is 'all' or numbers 0 to %d with commas, as '0,1'", text,
              ESP_SNAPSHOT_TYPES - 1);
    *types |= UINT32_C(1) << t;
    p = *end ? end + 1 : end;
  }
  return ESP_OK;
}

/* ---- one type of one HDF5 file ---- */

/* Ids of 32 or 64 bits; a cloud's are signed: unsigned ones of the upper half are the same bits. */
static int read_ids(esp_file *file, const char *name, int64_t n, int64_t first, int64_t rows, int64_t *id) {
  esp_file_shape s;
  ESP_CALL(esp_file_dataset(file, name, &s));
  return esp_file_read(file, name, s.is_signed ? ESP_FILE_I64 : ESP_FILE_U64, 0, n, first, rows, id);
}

/* A field that is missing: masses are the table's, ids are places and are filled in later. */
static int read_type(esp_file *file, const esp_snapshot_header *h, int type, int64_t n, int64_t first, int64_t rows,
                     esp_cloud *cloud, int at) {
  double *const to[] = {cloud->x[at], cloud->v[at], cloud->m + at};
  static const int columns[] = {3, 3, 0};
  char path[ESP_FIELD_PATH];
  int exists;
  for (int k = ESP_FIELD_POSITION; k <= ESP_FIELD_MASS; k++) {
    ESP_CALL(esp_snapshot_dataset(file, type, (esp_field)k, path, &exists));
    if (exists || k != ESP_FIELD_MASS)
      ESP_CALL(esp_file_read(file, path, ESP_FILE_F64, columns[k], n, first, rows, to[k]));
    else
      for (int64_t i = 0; i < rows; i++) cloud->m[at + i] = h->mass_table[type];
  }
  if (h->by_place) return ESP_OK;
  ESP_CALL(esp_snapshot_dataset(file, type, ESP_FIELD_ID, path, &exists));
  return read_ids(file, path, n, first, rows, cloud->id + at);
}

/* ---- this rank's share of the set ---- */

typedef struct {
  const esp_comm *comm;
  const esp_snapshot_set *set;
  int64_t lo, hi; /* my places in the order of the types that are taken */
  esp_cloud *cloud;
} reading;

static int is_taken(const esp_snapshot_header *h, int t) {
  return (int)(h->taken >> t & 1);
}

/* The rows of file f's type t that are mine, given the place of its first; *at: where they go. */
static int64_t overlap(const reading *r, int64_t start, int64_t n, int64_t *first, int *at) {
  int64_t from = start > r->lo ? start : r->lo, to = start + n < r->hi ? start + n : r->hi;
  if (to < from) to = from;
  *first = to > from ? from - start : 0;
  *at = to > from ? (int)(from - r->lo) : 0;
  return to - from;
}

/* start, place: of the file's first particle of the type in the order of the types that are taken, and of all. */
static int read_file_type(const reading *r, int f, int t, esp_file *open, int64_t start, int64_t place) {
  const esp_snapshot_header *h = &r->set->head;
  const int64_t *count = r->set->count + (int64_t)f * h->types, n = count[t];
  int64_t first;
  int at;
  const int64_t rows = overlap(r, start, n, &first, &at);
  if (n == 0) return ESP_OK;
  for (int64_t i = 0; i < rows && h->by_place; i++) r->cloud->id[at + i] = place + first + i;
  if (open) return read_type(open, h, t, n, first, rows, r->cloud, at);
  if (rows == 0) return ESP_OK;
  char path[ESP_SNAPSHOT_PATH + 96];
  esp_snapshot_set_path(r->set, f, path);
  if (h->format != ESP_FORMAT_HDF5) return esp_snapshot_read_binary(path, h, count, t, first, rows, r->cloud, at);
  esp_file *file;
  ESP_CALL(esp_file_open(esp_comm_self(), path, &file));
  int rc = read_type(file, h, t, n, first, rows, r->cloud, at);
  esp_file_close(&file);
  return rc;
}

/* One HDF5 file is read by all ranks together; of a split one, and of binary ones, each rank opens what it needs. */
static int read_share(const reading *r) {
  const esp_snapshot_header *h = &r->set->head;
  esp_file *open = NULL;
  int rc = ESP_OK;
  int64_t start = 0, place = 0;
  if (h->files == 1 && h->format == ESP_FORMAT_HDF5) ESP_CALL(esp_file_open(r->comm, r->set->prefix, &open));
  for (int t = 0; t < h->types; t++)
    for (int f = 0; f < h->files; f++) {
      const int64_t count = r->set->count[(int64_t)f * h->types + t];
      if (is_taken(h, t)) ESP_TRY(read_file_type(r, f, t, open, start, place));
      if (is_taken(h, t)) start += count;
      place += count;
    }
done:
  esp_file_close(&open);
  return r->comm->agree(r->comm, rc);
}

/* ---- the whole ---- */

static void scale(const esp_snapshot_header *h, esp_cloud *cloud) {
  for (int i = 0; i < cloud->n_home; i++) {
    for (int c = 0; c < 3; c++) {
      cloud->x[i][c] *= h->factor[0];
      cloud->v[i][c] *= h->factor[1];
    }
    cloud->m[i] *= h->factor[2];
  }
}

/* Of all types: each has a place. */
static int check_count(const char *path, const esp_snapshot_header *h) {
  int64_t all = 0;
  for (int t = 0; t < h->types; t++)
    ESP_CALL(esp_count_add(&all, h->count[t], "%s: particles of types 0 to %d", path, t));
  return ESP_OK;
}

static int64_t count_taken(const esp_snapshot_header *h) {
  int64_t n = 0;
  for (int t = 0; t < h->types; t++) n += is_taken(h, t) ? h->count[t] : 0;
  return n;
}

/* Equal ids are refused here, where a key helps, not by the first tree. */
static int check_ids(const esp_comm *comm, const char *path, const esp_snapshot_header *h, const esp_cloud *cloud) {
  int found = 0;
  uint64_t id = 0;
  if (h->by_place) return ESP_OK;
  ESP_CALL(esp_migrate_find_twin(comm, cloud->n_home, cloud->id, &found, &id));
  ESP_CHECK(!found, ESP_ERR_VALUE,
            "%s: particle id %llu occurs more than once (particles that were split or spawned may share one): "
            "io_ids place numbers particles by their place in the file instead",
            path, (unsigned long long)id);
  return ESP_OK;
}

static int make_cloud(const char *path, const esp_snapshot_header *h, const reading *r, int64_t n) {
  ESP_CHECK(r->hi - r->lo <= INT_MAX, ESP_ERR_LIMIT,
            "%s: %lld particles on one rank, allowed are 2^31 - 1: use more ranks", path, (long long)(r->hi - r->lo));
  ESP_CALL(esp_cloud_create(n, (int)(r->hi - r->lo), 0, r->cloud));
  r->cloud->dim = h->dim;
  r->cloud->model = 0;
  r->cloud->G = h->G;
  r->cloud->eps = r->cloud->d = r->cloud->T = 0;
  for (int c = 0; c < 3; c++) r->cloud->box[c] = h->periodic ? h->box[c] * h->factor[0] : 0;
  return ESP_OK;
}

/* Bodies without any mass: what was read as masses is something else, or nothing to move by. */
static int check_mass(const esp_comm *comm, const char *path, const esp_cloud *cloud) {
  int64_t massive = 0;
  for (int i = 0; i < cloud->n_home; i++) massive |= cloud->m[i] > 0;
  ESP_CALL(comm->max_i64(comm, &massive, 1));
  ESP_CHECK(massive, ESP_ERR_VALUE, "%s: the total mass of %lld particles is 0", path, (long long)cloud->n);
  return ESP_OK;
}

/* A periodic box that a key opens: how much of it the particles span. */
static int measure_spread(const esp_comm *comm, const esp_snapshot_options *o, const esp_cloud *cloud,
                          esp_snapshot_header *h) {
  double end[6];
  if (o->periodic != ESP_PERIOD_OPEN || !(h->comoving || h->periodic_flag == 1)) return ESP_OK;
  for (int c = 0; c < 6; c++) end[c] = -INFINITY;
  for (int i = 0; i < cloud->n_home; i++)
    for (int c = 0; c < 3; c++) {
      end[c] = fmax(end[c], cloud->x[i][c]);
      end[3 + c] = fmax(end[3 + c], -cloud->x[i][c]);
    }
  ESP_CALL(comm->max_f64(comm, end, 6));
  for (int c = 0; c < h->dim; c++)
    if (h->box[c] > 0) h->spread[c] = (end[c] + end[3 + c]) / (h->box[c] * h->factor[0]);
  return ESP_OK;
}

int esp_snapshot_read(const esp_comm *comm, const char *path, const esp_snapshot_options *options, esp_cloud *cloud,
                      esp_snapshot_header *header) {
  const esp_snapshot_options none = {0};
  const esp_snapshot_options *o = options ? options : &none;
  esp_snapshot_set set;
  memset(cloud, 0, sizeof *cloud);
  ESP_CALL(esp_snapshot_set_open(comm, path, &set));
  int rc = check_count(path, &set.head);
  if (!rc) rc = esp_snapshot_choose(path, o, &set.head);
  if (!rc) rc = esp_snapshot_settle(path, o, &set.head);
  ESP_TRY(comm->agree(comm, rc));
  const int64_t n = count_taken(&set.head);
  reading r = {comm, &set, 0, 0, cloud};
  esp_set_share(n, comm->rank, comm->size, &r.lo, &r.hi);
  r.hi += r.lo;
  ESP_TRY(comm->agree(comm, make_cloud(path, &set.head, &r, n)));
  ESP_TRY(read_share(&r));
  ESP_TRY(check_ids(comm, path, &set.head, cloud));
  scale(&set.head, cloud);
  ESP_TRY(esp_cloud_check(comm, cloud, path));
  ESP_TRY(check_mass(comm, path, cloud));
  ESP_TRY(measure_spread(comm, o, cloud, &set.head));
  esp_snapshot_tell(&set.head);
  if (header) *header = set.head;
done:
  if (rc) esp_cloud_free(cloud);
  esp_snapshot_set_free(&set);
  return rc;
}
