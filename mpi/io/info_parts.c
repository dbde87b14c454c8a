#include "io/info_parts.h"

#include <inttypes.h>
#include <math.h>

#include "io/relation_checkpoint.h"

/* What is refused is said, and the listing goes on. */
static int refused(const char *what, FILE *out) {
  fprintf(out, "%-12s refused: %s\n", what, esp_error_message());
  esp_error_clear();
  return ESP_OK;
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
