#include "io/info_parts.h"

#include <math.h>
#include <string.h>

#include "base/shown.h"
#include "io/checkpoint.h"

void esp_info_text(FILE *out, const char *text) {
  char shown[4096];
  esp_shown(text, "", shown, sizeof shown);
  fputs(shown, out);
}

void esp_info_refused(FILE *out) {
  const char *message = esp_error_message();
  fprintf(out, "refused: %.*s\n", (int)strcspn(message, "\n"), message);
  esp_error_clear();
}

/* ---- checkpoints ---- */

typedef struct {
  const char *param;
  FILE *out;
} page;

static int print_row(void *context, const esp_option *row, size_t offset) {
  const page *p = context;
  char text[512];
  double real;
  if (!(row->flags & (ESP_OF_MODEL | ESP_OF_TREE))) return 0; /* what the data said is no key */
  esp_option_print(row, p->param + offset, text, sizeof text);
  if (row->type == ESP_OPTION_REAL) {
    memcpy(&real, p->param + offset, sizeof real);
    snprintf(text, sizeof text, "%.10g", real);
  }
  fprintf(p->out, "  %-24s %s%s%s\n", row->name, text, row->unit[0] ? " " : "", row->unit);
  return 0;
}

static void print_block(const esp_block *block, FILE *out) {
  fprintf(out, "parameters   %d\n", block->count);
  for (int e = 0; e < block->entries; e++) {
    const esp_entry *entry = &block->entry[e];
    const int count = entry->rows * entry->columns;
    double square = 0;
    for (int i = 0; i < count; i++) square += block->value[entry->offset + i] * block->value[entry->offset + i];
    fprintf(out, "  %-24s %d x %d from %d, rms %.3g\n", entry->name, entry->rows, entry->columns, entry->offset,
            count ? sqrt(square / count) : 0);
  }
}

int esp_info_checkpoint(const char *path, FILE *out) {
  esp_model model;
  char precision[ESP_CHECKPOINT_PRECISION];
  esp_checkpoint_origin from;
  fprintf(out, "checkpoint   ");
  if (esp_checkpoint_origin_read(esp_comm_self(), path, &from)) return esp_info_refused(out), ESP_OK;
  if (esp_checkpoint_read(esp_comm_self(), path, &model, NULL, precision)) return esp_info_refused(out), ESP_OK;
  const int *width = model.sizes.width;
  page p = {model.param, out};
  fprintf(out, "%s: %s\n", model.network->name, model.network->help);
  fprintf(out, "             %d numbers of a particle are seen, %d sent, %d predicted; ", width[ESP_INPUT],
          width[ESP_SENT], width[ESP_TARGET]);
  esp_info_text(out, precision);
  fprintf(out, "\n");
  if (from.run[0]) {
    fprintf(out, "             of run ");
    esp_info_text(out, from.run);
    fprintf(out, ", after step %lld, loss %.9g\n", (long long)from.step, from.loss);
  }
  esp_options_each(model.network->options, print_row, &p);
  print_block(&model.block, out);
  esp_model_free(&model);
  return ESP_OK;
}
