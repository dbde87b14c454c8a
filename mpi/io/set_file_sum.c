/* The fingerprint of a set file. Every number is hashed with the name of its column, its set and its place there; the sum is
 * free of order, so ranks may share the rows, and rows may lie anywhere in the file. A number of a set that is 0, or no
 * place among words, is as if it were not there. */
#include "base/hash.h"
#include "io/set_file_columns.h"

enum { BUFFER = 65536 };

static uint64_t hash_text(uint64_t hash, const char *text) {
  for (; *text; text++) hash = esp_hash_mix(hash, (uint64_t)(unsigned char)*text);
  return hash;
}

/* A walk through the rows of all sets of a part: set s, row i of it. */
typedef struct {
  int sets, s;
  int64_t i;
  const int64_t *n, *frames, *row; /* rows of a set: n, or n of each of its frames */
} walk;

static int64_t rows_of(const walk *w, int s) {
  return w->n[s] * (w->frames ? w->frames[s] : 1);
}

static void step(walk *w, int64_t rows) {
  w->i += rows;
  while (w->s < w->sets && w->i >= rows_of(w, w->s)) w->i -= rows_of(w, w->s++);
}

/* Rows from where the walk stands that lie together in the file, up to `most`. */
static int64_t run_of(const walk *w, int64_t most) {
  int64_t run = rows_of(w, w->s) - w->i;
  for (int s = w->s; run < most && s + 1 < w->sets && w->row[s + 1] == w->row[s] + rows_of(w, s); s++)
    run += rows_of(w, s + 1);
  return run < most ? run : most;
}

/* This rank's part of a column (k < 0: the ids), or of its frames. */
static int hash_column(const esp_set_file *f, esp_part part, int k, int frames, uint64_t *buffer, int64_t numbers,
                       uint64_t *sum) {
  const int64_t width = k < 0 ? 1 : f->about.width[k], some = numbers / width;
  const uint64_t salt = hash_text((uint64_t)part + 1, k < 0 ? "id" : f->layout->column[k].name) + (uint64_t)frames;
  walk w = {
      f->sets[part], 0, 0, f->n[part], frames ? f->frames[part] : NULL, frames ? f->frame_row[part] : f->row[part]};
  int64_t all = 0;
  for (int s = 0; s < w.sets; s++) all += rows_of(&w, s);
  const int64_t begin = (int64_t)((__int128)all * f->comm->rank / f->comm->size);
  const int64_t end = (int64_t)((__int128)all * (f->comm->rank + 1) / f->comm->size);
  step(&w, begin);
  for (int64_t left = end - begin; left > 0;) {
    const int64_t run = run_of(&w, left < some ? left : some);
    if (k >= 0 || f->id[part] >= 0) ESP_CALL(esp_set_file_rows(f, part, k, frames, w.row[w.s] + w.i, run, buffer));
    for (int64_t r = 0; r < run; r++, step(&w, 1)) {
      const uint64_t place = esp_hash_mix(salt, (uint64_t)w.s);
      if (k < 0 && f->id[part] < 0) buffer[r] = (uint64_t)w.i;
      for (int64_t c = 0; c < width; c++)
        *sum += esp_hash_mix(esp_hash_mix(place, (uint64_t)(w.i * width + c)), buffer[r * width + c]);
    }
    left -= run;
  }
  return ESP_OK;
}

typedef struct {
  uint64_t place, *sum;
} entries;

static void hash_entry(void *context, int64_t row, int64_t index, double value) {
  const entries *e = context;
  *e->sum += esp_hash_double(esp_hash_mix(esp_hash_mix(e->place, (uint64_t)row), (uint64_t)index), value);
}

/* This rank's part of the rows of every set. */
static int hash_sparse(const esp_set_file *f, esp_part part, int k, uint64_t *sum) {
  const uint64_t salt = hash_text((uint64_t)part + 5, f->layout->column[k].name);
  for (int s = 0; s < f->sets[part]; s++) {
    const int64_t n = f->n[part][s], rank = f->comm->rank, size = f->comm->size;
    const int64_t begin = (int64_t)((__int128)n * rank / size), end = (int64_t)((__int128)n * (rank + 1) / size);
    entries e = {esp_hash_mix(salt, (uint64_t)s), sum};
    ESP_CALL(esp_set_file_sparse_each(f, part, s, k, begin, end - begin, hash_entry, &e));
  }
  return ESP_OK;
}

/* Sizes and numbers of every set: rank 0 alone. */
static void hash_numbers(const esp_set_file *f, esp_part part, uint64_t *sum) {
  const esp_value *value = f->value[part];
  for (int s = 0; s < f->sets[part]; s++) {
    const uint64_t place = esp_hash_mix(hash_text((uint64_t)part + 1, "sets"), (uint64_t)s);
    *sum += esp_hash_mix(esp_hash_mix(place, (uint64_t)f->n[part][s]), (uint64_t)f->frames[part][s]);
    for (const esp_number *number = f->layout->number; number->name; number++) {
      const uint64_t salt = esp_hash_mix(hash_text((uint64_t)part + 3, number->name), (uint64_t)s);
      for (int c = 0; c < number->count; c++, value++) {
        const uint64_t bits = (uint64_t)value->whole; /* a real number's, too */
        if (bits && !(number->names && value->whole < 0)) *sum += esp_hash_mix(esp_hash_mix(salt, (uint64_t)c), bits);
      }
    }
  }
}

static int hash_part(const esp_set_file *f, esp_part part, uint64_t *buffer, int64_t numbers, uint64_t *sum) {
  for (int k = -1; k < 0 || f->layout->column[k].name; k++) {
    if (k < 0 || f->data[part][k] >= 0) ESP_CALL(hash_column(f, part, k, 0, buffer, numbers, sum));
    if (k >= 0 && f->sparse[part][k].start >= 0) ESP_CALL(hash_sparse(f, part, k, sum));
    if (k >= 0 && f->frame[part][k] >= 0) ESP_CALL(hash_column(f, part, k, 1, buffer, numbers, sum));
  }
  if (f->comm->rank == 0) hash_numbers(f, part, sum);
  return ESP_OK;
}

int esp_set_file_checksum(const esp_set_file *file, uint64_t *sum) {
  const esp_comm *comm = file->comm;
  int64_t numbers = BUFFER;
  uint64_t *buffer = NULL;
  for (int k = 0; file->layout->column[k].name; k++)
    if (numbers < file->about.width[k]) numbers = file->about.width[k];
  int rc = ESP_ALLOC(buffer, numbers);
  *sum = 0;
  for (int part = 0; part < ESP_PARTS && !rc; part++) rc = hash_part(file, (esp_part)part, buffer, numbers, sum);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->sum_i64(comm, (int64_t *)sum, 1));
done:
  ESP_FREE(buffer);
  return rc;
}
