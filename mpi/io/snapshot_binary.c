#include "io/snapshot_binary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/snapshot_bytes.h"
#include "io/snapshot_names.h"
#include "io/snapshot_tipsy.h"

enum { GADGET_TYPES = 6, GADGET_HEADER = 256, BUFFER = 1 << 16 };
enum { GADGET_LEAST = 24 }; /* bytes of a particle: its place and velocity */

/* ---- which format ---- */

int esp_snapshot_binary_detect(const char *path, esp_snapshot_header *head) {
  unsigned char start[32] = {0};
  esp_bytes b;
  ESP_CALL(esp_bytes_open(path, 0, &b));
  int rc = b.size >= 32 ? esp_bytes_get(&b, 0, 32, start) : ESP_OK, found = 0;
  for (int swap = 0; swap < 2 && !found && !rc && b.size >= 32; swap++) {
    const uint32_t first = esp_bytes_word(start, swap);
    head->swap = swap;
    found = 1;
    if (first == GADGET_HEADER)
      head->format = ESP_FORMAT_GADGET1;
    else if (first == 8 && !memcmp(start + 4, "HEAD", 4))
      head->format = ESP_FORMAT_GADGET2;
    else if (esp_snapshot_tipsy_fits(&b, start, swap, head))
      head->format = ESP_FORMAT_TIPSY;
    else
      found = 0;
  }
  esp_bytes_close(&b);
  if (rc) return rc;
  ESP_CHECK(found, ESP_ERR_FORMAT,
            "%s: is no snapshot (%lld bytes): allowed are HDF5, GADGET binary format 1 or 2, tipsy", path,
            (long long)b.size);
  if (head->format != ESP_FORMAT_TIPSY)
    snprintf(head->dialect, sizeof head->dialect, "GADGET format %d, %s-endian",
             head->format == ESP_FORMAT_GADGET1 ? 1 : 2, head->swap ? "big" : "little");
  return ESP_OK;
}

/* ---- headers ---- */

/* A number of a GADGET header, at an offset behind its first marker. */
static int head_real(const esp_bytes *b, const unsigned char *p, int offset, const char *name, double least,
                     double *value) {
  *value = esp_bytes_real(p + offset, 8, b->swap);
  ESP_CHECK(isfinite(*value) && *value >= least, ESP_ERR_VALUE, "%s: %s of the header is %g: must be finite%s", b->path,
            name, *value, least > -INFINITY ? " and not negative" : "");
  return ESP_OK;
}

static int gadget_numbers(const esp_bytes *b, const unsigned char *p, esp_snapshot_header *h) {
  for (int t = 0; t < GADGET_TYPES; t++) ESP_CALL(head_real(b, p, 24 + 8 * t, "mass of a type", 0, &h->mass_table[t]));
  ESP_CALL(head_real(b, p, 72, "Time", -INFINITY, &h->time));
  ESP_CALL(head_real(b, p, 80, "Redshift", -INFINITY, &h->redshift));
  ESP_CALL(head_real(b, p, 128, "BoxSize", 0, &h->box[0]));
  h->box[1] = h->box[2] = h->box[0];
  ESP_CALL(head_real(b, p, 136, "Omega0", -INFINITY, &h->omega0));
  ESP_CALL(head_real(b, p, 144, "OmegaLambda", -INFINITY, &h->omega_lambda));
  return head_real(b, p, 152, "HubbleParam", 0, &h->hubble);
}

static int gadget_head(const esp_bytes *b, esp_snapshot_format format, int first, esp_snapshot_header *h,
                       int64_t *count) {
  unsigned char d[GADGET_HEADER + 8];
  ESP_CALL(esp_bytes_get(b, format == ESP_FORMAT_GADGET2 ? 16 : 0, sizeof d, d));
  ESP_CHECK(
      esp_bytes_word(d, b->swap) == GADGET_HEADER && esp_bytes_word(d + 4 + GADGET_HEADER, b->swap) == GADGET_HEADER,
      ESP_ERR_FORMAT, "%s: header record is marked with %u and %u bytes, should be %d", b->path,
      esp_bytes_word(d, b->swap), esp_bytes_word(d + 4 + GADGET_HEADER, b->swap), GADGET_HEADER);
  const unsigned char *p = d + 4;
  memset(count, 0, ESP_SNAPSHOT_TYPES * sizeof *count);
  for (int t = 0; t < GADGET_TYPES; t++) {
    count[t] = (int32_t)esp_bytes_word(p + 4 * t, b->swap);
    ESP_CHECK(count[t] >= 0, ESP_ERR_FORMAT, "%s: %lld particles of type %d, allowed is >= 0", b->path,
              (long long)count[t], t);
  }
  int64_t all = 0;
  for (int t = 0; t < GADGET_TYPES; t++) all += count[t];
  ESP_CHECK(all <= b->size / GADGET_LEAST, ESP_ERR_FORMAT,
            "%s: truncated: its header claims %lld particles, a file of %lld bytes holds at most %lld", b->path,
            (long long)all, (long long)b->size, (long long)(b->size / GADGET_LEAST));
  if (!first) return ESP_OK;
  h->types = GADGET_TYPES;
  h->dim = 3;
  h->files = (int)esp_bytes_word(p + 124, b->swap);
  if (h->files < 1) h->files = 1;
  ESP_CHECK(h->files < 10000000, ESP_ERR_FORMAT, "%s: header says %d files", b->path, h->files);
  for (int t = 0; t < GADGET_TYPES; t++) {
    const int64_t high = esp_bytes_word(p + 168 + 4 * t, b->swap);
    ESP_CHECK(high < (int64_t)1 << 30, ESP_ERR_FORMAT, "%s: particles of type %d with high word %lld", b->path, t,
              (long long)high);
    h->count[t] = (int64_t)esp_bytes_word(p + 96 + 4 * t, b->swap) + (high << 32);
    h->has_totals |= h->count[t] > 0;
  }
  return gadget_numbers(b, p, h);
}

/* ---- GADGET records ---- */

enum { POS, VEL, ID, MASS, RECORDS };
static const char *const labels[RECORDS] = {"POS ", "VEL ", "ID  ", "MASS"};

typedef struct {
  int64_t at; /* of the first number; 0: not there */
  int width;  /* bytes of a number */
} record;

/* The record at *offset must hold `numbers` of 4 or 8 bytes, between equal markers; *offset moves behind it. */
static int mark(const esp_bytes *b, const char *label, int64_t numbers, int64_t *offset, record *r) {
  unsigned char front[4], back[4];
  ESP_CALL(esp_bytes_get(b, *offset, 4, front));
  const uint32_t seen = esp_bytes_word(front, b->swap);
  r->width = seen == (uint32_t)(4 * numbers) ? 4 : 8;
  ESP_CHECK(seen == (uint32_t)(r->width * numbers), ESP_ERR_FORMAT,
            "%s: record %s at offset %lld is marked with %u bytes, should be %lld or %lld for %lld numbers", b->path,
            label, (long long)*offset, seen, (long long)(4 * numbers), (long long)(8 * numbers), (long long)numbers);
  r->at = *offset + 4;
  *offset = r->at + r->width * numbers;
  ESP_CALL(esp_bytes_get(b, *offset, 4, back));
  ESP_CHECK(esp_bytes_word(back, b->swap) == seen, ESP_ERR_FORMAT,
            "%s: record %s begins with marker %u and ends with %u", b->path, label, seen,
            esp_bytes_word(back, b->swap));
  *offset += 4;
  return ESP_OK;
}

/* Format 2: the name of the record at *offset, or ESP_OK with an empty one at the end of the file. */
static int next_label(const esp_bytes *b, int64_t *offset, char *label) {
  unsigned char d[16];
  label[0] = 0;
  if (*offset + 16 > b->size) return ESP_OK;
  ESP_CALL(esp_bytes_get(b, *offset, sizeof d, d));
  ESP_CHECK(esp_bytes_word(d, b->swap) == 8 && esp_bytes_word(d + 12, b->swap) == 8, ESP_ERR_FORMAT,
            "%s: no record name at offset %lld: markers %u and %u, should be 8", b->path, (long long)*offset,
            esp_bytes_word(d, b->swap), esp_bytes_word(d + 12, b->swap));
  memcpy(label, d + 4, 4);
  label[4] = 0;
  *offset += 16;
  return ESP_OK;
}

static int skip_record(const esp_bytes *b, int64_t *offset) {
  unsigned char d[4];
  ESP_CALL(esp_bytes_get(b, *offset, 4, d));
  *offset += 8 + (int64_t)esp_bytes_word(d, b->swap);
  return ESP_OK;
}

/* Of format 2: the particles have no ids where it has no record of them. */
static int look_for_ids(const esp_bytes *b, const int64_t *count, esp_snapshot_header *h) {
  char label[5];
  for (int64_t offset = GADGET_HEADER + 24;;) {
    ESP_CALL(next_label(b, &offset, label));
    if (!label[0]) break;
    if (!memcmp(label, labels[ID], 4)) return ESP_OK;
    ESP_CALL(skip_record(b, &offset));
  }
  for (int t = 0; t < GADGET_TYPES; t++)
    if (count[t] > 0) h->lacks[t] |= 1u << ESP_FIELD_ID;
  return ESP_OK;
}

int esp_snapshot_header_binary(const char *path, int first, esp_snapshot_header *head, int64_t *count) {
  esp_bytes b;
  ESP_CALL(esp_bytes_open(path, head->swap, &b));
  int rc = head->format == ESP_FORMAT_TIPSY ? esp_snapshot_tipsy_header(&b, first, head, count)
                                            : gadget_head(&b, head->format, first, head, count);
  if (!rc && head->format == ESP_FORMAT_GADGET2) rc = look_for_ids(&b, count, head);
  esp_bytes_close(&b);
  return rc;
}

/* What the numbers of a record read as, by up to CHUNKS times CHUNK of them, evenly taken: masses (none negative, one
 * positive), or whole numbers, which as floating point are 0 or smaller than any mass (below 1e-30, in 64 bits 1e-100:
 * whole numbers below 2^27, 2^58). */
typedef enum { MASSES, WHOLE, NEITHER } reading;
enum { CHUNKS = 64, CHUNK = 64 };

static int look(const esp_bytes *b, const record *r, int64_t numbers, reading *as) {
  const double tiny = r->width == 4 ? 1e-30 : 1e-100;
  const int64_t chunks = numbers > CHUNKS * CHUNK ? CHUNKS : 1, each = chunks > 1 ? CHUNK : numbers;
  int negative = 0, small = 0, mass = 0;
  char buffer[CHUNKS * CHUNK * 8];
  for (int64_t c = 0; c < chunks; c++) {
    const int64_t first = chunks > 1 ? c * ((numbers - each) / (chunks - 1)) : 0;
    ESP_CALL(esp_bytes_get(b, r->at + first * r->width, (size_t)(each * r->width), buffer));
    for (int64_t i = 0; i < each; i++) {
      const double value = esp_bytes_real(buffer + i * r->width, r->width, b->swap);
      if (!(value >= 0 && value < INFINITY))
        negative = 1;
      else if (value >= tiny)
        mass = 1;
      else if (value > 0)
        small = 1;
    }
  }
  *as = negative || (small && mass) ? NEITHER : mass ? MASSES : WHOLE;
  return ESP_OK;
}

/* Format 1 does not name its records. Masses lie behind the ids, or, as GIZMO writes, behind two records more of whole
 * numbers (child and generation of an id). Anything else there is refused. */
static int find_masses(const esp_bytes *b, int64_t all, int64_t massive, int64_t *offset, record *found) {
  enum { EXTRA = 2 };
  const int64_t start = *offset;
  for (int k = 0; k <= EXTRA; k++) {
    unsigned char marker[4];
    reading as;
    if (k && *offset + 4 > b->size) break;
    ESP_CALL(esp_bytes_get(b, *offset, 4, marker));
    const uint32_t seen = esp_bytes_word(marker, b->swap);
    const int fits = seen == (uint32_t)(4 * massive) || seen == (uint32_t)(8 * massive);
    const int64_t numbers = fits || k == EXTRA ? massive : all;
    ESP_CALL(mark(b, labels[MASS], numbers, offset, found));
    ESP_CALL(look(b, found, numbers, &as));
    if (as == MASSES && fits && k != 1) return ESP_OK;
    if (as != WHOLE) break;
  }
  return ESP_FAIL(ESP_ERR_FORMAT,
                  "%s: the record behind the ids, at offset %lld, does not read as masses (whole numbers, zeros or "
                  "negative ones), and format 1 does not name its records: give the file as format 2 or HDF5",
                  b->path, (long long)start);
}

static int find_records(const esp_bytes *b, esp_snapshot_format format, const int64_t numbers[RECORDS],
                        record found[RECORDS]) {
  int64_t offset = GADGET_HEADER + 8 + (format == ESP_FORMAT_GADGET2 ? 16 : 0);
  memset(found, 0, RECORDS * sizeof *found);
  if (format == ESP_FORMAT_GADGET1) {
    for (int k = 0; k < MASS; k++)
      if (numbers[k] > 0) ESP_CALL(mark(b, labels[k], numbers[k], &offset, &found[k]));
    return numbers[MASS] > 0 ? find_masses(b, numbers[ID], numbers[MASS], &offset, &found[MASS]) : ESP_OK;
  }
  for (;;) {
    char label[5];
    int k;
    ESP_CALL(next_label(b, &offset, label));
    if (!label[0]) break;
    for (k = 0; k < RECORDS && memcmp(label, labels[k], 4) != 0; k++) continue;
    if (k == RECORDS || numbers[k] == 0)
      ESP_CALL(skip_record(b, &offset));
    else
      ESP_CALL(mark(b, label, numbers[k], &offset, &found[k]));
  }
  for (int k = 0; k < RECORDS; k++)
    ESP_CHECK(numbers[k] == 0 || found[k].at, ESP_ERR_FORMAT, "%s: record '%s' is missing", b->path, labels[k]);
  return ESP_OK;
}

/* Numbers [first, first + count) of a record as doubles, or as ids. */
static int numbers_get(const esp_bytes *b, const record *r, int64_t first, int64_t count, double *real_out,
                       int64_t *id_out) {
  char buffer[BUFFER];
  const int64_t most = (int64_t)sizeof buffer / r->width;
  for (int64_t done = 0; done < count;) {
    const int64_t some = count - done < most ? count - done : most;
    ESP_CALL(esp_bytes_get(b, r->at + (first + done) * r->width, (size_t)(some * r->width), buffer));
    for (int64_t i = 0; i < some; i++) {
      const char *p = buffer + i * r->width;
      if (real_out)
        real_out[done + i] = esp_bytes_real(p, r->width, b->swap);
      else
        id_out[done + i] = r->width == 4 ? (int64_t)esp_bytes_word(p, b->swap) : (int64_t)esp_bytes_long(p, b->swap);
    }
    done += some;
  }
  return ESP_OK;
}

static int read_gadget(const esp_bytes *b, const esp_snapshot_header *h, const int64_t *count, int type, int64_t first,
                       int64_t rows, esp_cloud *cloud, int at) {
  int64_t before = 0, massive_before = 0, all = 0, massive = 0;
  for (int t = 0; t < h->types; t++) {
    const int64_t own = h->mass_table[t] == 0 ? count[t] : 0;
    if (t < type) before += count[t], massive_before += own;
    all += count[t], massive += own;
  }
  const int64_t ids = h->by_place && h->format == ESP_FORMAT_GADGET2 ? 0 : all; /* need not be there */
  const int64_t numbers[RECORDS] = {3 * all, 3 * all, ids, massive};
  record found[RECORDS];
  ESP_CALL(find_records(b, h->format, numbers, found));
  ESP_CALL(numbers_get(b, &found[POS], 3 * (before + first), 3 * rows, cloud->x[at], NULL));
  ESP_CALL(numbers_get(b, &found[VEL], 3 * (before + first), 3 * rows, cloud->v[at], NULL));
  if (!h->by_place) ESP_CALL(numbers_get(b, &found[ID], before + first, rows, NULL, cloud->id + at));
  if (h->mass_table[type] == 0) return numbers_get(b, &found[MASS], massive_before + first, rows, cloud->m + at, NULL);
  for (int64_t i = 0; i < rows; i++) cloud->m[at + i] = h->mass_table[type];
  return ESP_OK;
}

int esp_snapshot_read_binary(const char *path, const esp_snapshot_header *head, const int64_t *count, int type,
                             int64_t first, int64_t rows, esp_cloud *cloud, int at) {
  esp_bytes b;
  ESP_CALL(esp_bytes_open(path, head->swap, &b));
  int rc = head->format == ESP_FORMAT_TIPSY ? esp_snapshot_tipsy_read(&b, head, count, type, first, rows, cloud, at)
                                            : read_gadget(&b, head, count, type, first, rows, cloud, at);
  esp_bytes_close(&b);
  return rc;
}
