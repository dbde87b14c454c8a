#include "io/snapshot.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/set.h"
#include "io/file.h"
#include "io/snapshot_binary.h"
#include "io/snapshot_header.h"
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

/* Ids of 32 or 64 bits; a cloud's are signed, so unsigned ones of the upper half are refused, not wrapped. */
static int read_ids(esp_file *file, const char *name, int64_t n, int64_t first, int64_t rows, int64_t *id) {
  esp_file_shape s;
  ESP_CALL(esp_file_dataset(file, name, &s));
  ESP_CALL(esp_file_read(file, name, s.is_signed ? ESP_FILE_I64 : ESP_FILE_U64, 0, n, first, rows, id));
  int rc = ESP_OK;
  for (int64_t i = 0; i < rows && !rc && !s.is_signed; i++)
    if (id[i] < 0)
      rc = ESP_FAIL(ESP_ERR_VALUE, "%s: %s: row %lld is %llu, allowed are ids below 2^63", file->path, name,
                    (long long)(first + i), (unsigned long long)id[i]);
  return file->comm->agree(file->comm, rc);
}

static int read_masses(esp_file *file, const esp_snapshot_header *h, int type, int64_t n, int64_t first, int64_t rows,
                       double *m) {
  char name[64];
  esp_file_shape s;
  snprintf(name, sizeof name, "PartType%d/Masses", type);
  ESP_CALL(esp_file_dataset(file, name, &s));
  if (s.exists) return esp_file_read(file, name, ESP_FILE_F64, 0, n, first, rows, m);
  ESP_CHECK(h->mass_table[type] != 0, ESP_ERR_FORMAT,
            "%s: dataset %s is missing and MassTable[%d] of Header is 0 or missing: one of both must give the mass",
            file->path, name, type);
  for (int64_t i = 0; i < rows; i++) m[i] = h->mass_table[type];
  return ESP_OK;
}

static int read_type(esp_file *file, const esp_snapshot_header *h, int type, int64_t n, int64_t first, int64_t rows,
                     esp_cloud *cloud, int at) {
  char name[64];
  snprintf(name, sizeof name, "PartType%d/Coordinates", type);
  ESP_CALL(esp_file_read(file, name, ESP_FILE_F64, 3, n, first, rows, cloud->x + at));
  snprintf(name, sizeof name, "PartType%d/Velocities", type);
  ESP_CALL(esp_file_read(file, name, ESP_FILE_F64, 3, n, first, rows, cloud->v + at));
  snprintf(name, sizeof name, "PartType%d/ParticleIDs", type);
  ESP_CALL(read_ids(file, name, n, first, rows, cloud->id + at));
  return read_masses(file, h, type, n, first, rows, cloud->m + at);
}

/* ---- this rank's share of the set ---- */

typedef struct {
  const esp_comm *comm;
  const esp_snapshot_set *set;
  uint32_t types;
  int64_t lo, hi; /* my places in the order of the chosen types */
  esp_cloud *cloud;
} reading;

static int chosen(uint32_t types, int t) {
  return types == 0 || (types >> t & 1);
}

/* The rows of file f's type t that are mine, given the place of its first; *at: where they go. */
static int64_t overlap(const reading *r, int64_t start, int64_t n, int64_t *first, int *at) {
  int64_t from = start > r->lo ? start : r->lo, to = start + n < r->hi ? start + n : r->hi;
  if (to < from) to = from;
  *first = to > from ? from - start : 0;
  *at = to > from ? (int)(from - r->lo) : 0;
  return to - from;
}

static int read_file_type(const reading *r, int f, int t, esp_file *open, int64_t start) {
  const esp_snapshot_header *h = &r->set->head;
  const int64_t *count = r->set->count + (int64_t)f * h->types, n = count[t];
  int64_t first;
  int at;
  const int64_t rows = overlap(r, start, n, &first, &at);
  if (n == 0) return ESP_OK;
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
  int64_t start = 0;
  if (h->files == 1 && h->format == ESP_FORMAT_HDF5) ESP_CALL(esp_file_open(r->comm, r->set->prefix, &open));
  for (int t = 0; t < h->types; t++)
    for (int f = 0; f < h->files && chosen(r->types, t); f++) {
      ESP_TRY(read_file_type(r, f, t, open, start));
      start += r->set->count[(int64_t)f * h->types + t];
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

static int count_chosen(const char *path, const esp_snapshot_header *h, uint32_t types, int64_t *n) {
  char list[256] = "";
  *n = 0;
  for (int t = 0; t < h->types; t++) {
    if (chosen(types, t)) ESP_CALL(esp_count_add(n, h->count[t], "%s: particles of types 0 to %d", path, t));
    size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%lld", t ? ", " : "", (long long)h->count[t]);
  }
  ESP_CHECK(types == 0 || types >> h->types == 0, ESP_ERR_CONFIG,
            "%s: has particle types 0 to %d, a higher one was asked for", path, h->types - 1);
  ESP_CHECK(*n > 0, ESP_ERR_VALUE, "%s: has no particle of the types asked for; particles by type: %s", path, list);
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

int esp_snapshot_read(const esp_comm *comm, const char *path, const esp_snapshot_options *options, esp_cloud *cloud,
                      esp_snapshot_header *header) {
  const esp_snapshot_options none = {0};
  const esp_snapshot_options *o = options ? options : &none;
  esp_snapshot_set set;
  int64_t n = 0;
  memset(cloud, 0, sizeof *cloud);
  ESP_CALL(esp_snapshot_set_open(comm, path, &set));
  int rc = count_chosen(path, &set.head, o->types, &n);
  if (!rc) rc = esp_snapshot_settle(path, o, &set.head);
  ESP_TRY(comm->agree(comm, rc));
  reading r = {comm, &set, o->types, 0, 0, cloud};
  esp_set_share(n, comm->rank, comm->size, &r.lo, &r.hi);
  r.hi += r.lo;
  ESP_TRY(comm->agree(comm, make_cloud(path, &set.head, &r, n)));
  ESP_TRY(read_share(&r));
  scale(&set.head, cloud);
  ESP_TRY(esp_cloud_check(comm, cloud, path));
  ESP_TRY(check_mass(comm, path, cloud));
  if (header) *header = set.head;
done:
  if (rc) esp_cloud_free(cloud);
  esp_snapshot_set_free(&set);
  return rc;
}
