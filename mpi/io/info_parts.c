#include "io/info_parts.h"

#include <inttypes.h>
#include <math.h>

#include "io/feature_columns.h"
#include "io/relation_checkpoint.h"

/* What is refused is said, and the listing goes on. */
static int refused(const char *what, FILE *out) {
  fprintf(out, "%-12s refused: %s\n", what, esp_error_message());
  esp_error_clear();
  return ESP_OK;
}

/* ---- feature files ---- */

/* Sizes in file order, equal neighbours together. */
static void print_sets(const esp_feature_file *f, esp_part part, FILE *out) {
  enum { MOST = 12 };
  int runs = 0;
  fprintf(out, "%-12s %d set%s, %" PRId64 " rows:", esp_part_name(part), f->sets[part], f->sets[part] == 1 ? "" : "s",
          f->rows[part]);
  for (int s = 0; s < f->sets[part];) {
    int end = s + 1;
    while (end < f->sets[part] && f->n[part][end] == f->n[part][s]) end++;
    if (runs++ < MOST) fprintf(out, "%s %d of %" PRId64, runs > 1 ? "," : "", end - s, f->n[part][s]);
    s = end;
  }
  fprintf(out, "%s particles\n", runs > MOST ? ", ..." : "");
}

typedef struct {
  double low, high, sum, square;
  int64_t count, strange; /* not finite */
} range;

static void range_add(range *r, int64_t count, const double *value) {
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(value[i])) {
      r->strange++;
      continue;
    }
    r->low = r->count && r->low < value[i] ? r->low : value[i];
    r->high = r->count && r->high > value[i] ? r->high : value[i];
    r->sum += value[i];
    r->square += value[i] * value[i];
    r->count++;
  }
}

static int print_range(const esp_feature_file *f, esp_part part, int k, FILE *out) {
  char name[ESP_FEATURE_NAME];
  const int width = k == ESP_COLUMN_WEIGHT ? f->has[part].weight : esp_feature_width(&f->about, k);
  const int64_t rows = f->rows[part], some = 65536 / esp_imax(1, width) + 1;
  double *value = NULL;
  range r = {0};
  int rc = ESP_OK;
  if (!width || !rows) return ESP_OK;
  esp_feature_name(part, esp_feature_columns[k].name, name);
  ESP_TRY(ESP_ALLOC(value, some * width));
  for (int64_t first = 0; first < rows; first += some) {
    const int64_t count = rows - first < some ? rows - first : some;
    ESP_TRY(esp_file_read(f->file, name, ESP_FILE_F64, width == 1 ? 0 : width, rows, first, count, value));
    range_add(&r, count * width, value);
  }
  fprintf(out, "  %-10s %d column%s", esp_feature_columns[k].name, width, width == 1 ? "" : "s");
  if (r.count) {
    const double n = (double)r.count;
    fprintf(out, ", %.6g to %.6g, mean %.3g, rms %.3g", r.low, r.high, r.sum / n, sqrt(r.square / n));
  }
  if (r.strange) fprintf(out, ", %" PRId64 " not finite", r.strange);
  fprintf(out, "\n");
done:
  ESP_FREE(value);
  return rc;
}

static void print_about(const esp_feature_about *a, FILE *out) {
  fprintf(out, "features     %d features, %d values, %d targets, %d hidden coordinates%s\n", a->features, a->values,
          a->targets, a->hidden, a->weighted ? ", weights" : "");
  if (!a->task[0]) return;
  fprintf(out, "task         %s, width h %.6g, target is %s, seed %" PRId64 "\n", a->task, a->h,
          a->average ? "an average" : "a sum", a->seed);
}

int esp_info_features(const char *path, FILE *out) {
  esp_feature_file file;
  int rc = ESP_OK;
  if (esp_feature_open(esp_comm_self(), path, &file)) return refused("features", out);
  print_about(&file.about, out);
  for (int part = 0; part < ESP_PARTS; part++) {
    print_sets(&file, (esp_part)part, out);
    for (int k = ESP_COLUMN_X; k < ESP_FEATURE_COLUMNS; k++) ESP_TRY(print_range(&file, (esp_part)part, k, out));
  }
done:
  esp_feature_close(&file);
  return rc;
}

/* ---- checkpoints of a learned relation ---- */

static void print_param(const esp_relation_param *p, const char *precision, FILE *out) {
  fprintf(out, "relation     %d layer%s, %d features, %d values, %d targets; %s messages%s, %s%s\n", p->layers,
          p->layers == 1 ? "" : "s", p->features, p->values, p->targets, p->mlp ? "mlp" : "gated",
          p->far ? "" : " of near pairs alone", p->average ? "average" : "sum",
          p->include_self ? ", own included" : "");
  fprintf(out, "keys         %s embedding to %d dimensions, %s; tree on %s keys, %s splits\n",
          esp_embed_name(p->embedding), p->dim, p->separate ? "queries of their own" : "one map",
          esp_tree_on_name(p->tree_on), esp_split_name(p->split));
  fprintf(out, "tree         leaf %d, block %d, theta %.6g", p->domain.leaf, p->domain.block, p->domain.lists.theta);
  if (p->domain.lists.pairs_per_particle > 0)
    fprintf(out, ", %" PRId64 " pairs a particle", p->domain.lists.pairs_per_particle);
  if (p->gate_tolerance > 0) fprintf(out, ", gate tolerance %.3g", p->gate_tolerance);
  fprintf(out, "%s; %s\n", p->fade ? ", fading with the gate" : "", precision);
}

int esp_info_relation(const char *path, FILE *out) {
  esp_relation relation;
  char precision[ESP_CHECKPOINT_PRECISION];
  if (esp_relation_checkpoint_read(esp_comm_self(), path, &relation, NULL, precision)) return refused("relation", out);
  print_param(&relation.param, precision, out);
  fprintf(out, "parameters   %d\n", relation.block.count);
  for (int e = 0; e < relation.block.entries; e++) {
    const esp_entry *entry = &relation.block.entry[e];
    const int count = entry->rows * entry->columns;
    double square = 0;
    for (int i = 0; i < count; i++)
      square += relation.block.value[entry->offset + i] * relation.block.value[entry->offset + i];
    fprintf(out, "  %-24s %d x %d from %d, rms %.3g\n", entry->name, entry->rows, entry->columns, entry->offset,
            count ? sqrt(square / count) : 0);
  }
  esp_relation_free(&relation);
  return ESP_OK;
}
