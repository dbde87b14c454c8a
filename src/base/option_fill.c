/* Structures from configurations. */
#include <string.h>

#include "base/config.h"
#include "base/option.h"

/* The checks of the parts first: what a table says of all its members is said of checked ones. */
static int check(const esp_options *options, const esp_config *config, const void *before, void *filled) {
  for (const esp_option *row = options->row; row->name; row++) {
    if (row->type != ESP_OPTION_PART) continue;
    const char *had = before ? (const char *)before + row->offset : NULL;
    ESP_CALL(check(row->part, config, had, (char *)filled + row->offset));
  }
  return options->check ? options->check(config, before, filled) : ESP_OK;
}

typedef struct {
  const esp_config *config;
  char *filled;
} filling;

static int fill_row(void *context, const esp_option *row, size_t offset) {
  const filling *f = context;
  if (row->flags & ESP_OF_DATA) return ESP_OK;
  const char *text = esp_config_is_set(f->config, row->name) ? esp_config_text(f->config, row->name) : row->value;
  ESP_CALL(esp_option_parse(row, text, f->filled + offset));
  return ESP_OK;
}

int esp_options_fill(const esp_options *options, const esp_config *config, void *filled) {
  filling f = {config, filled};
  memset(filled, 0, options->size);
  ESP_CALL(esp_options_each(options, fill_row, &f));
  ESP_CALL(check(options, config, NULL, filled));
  return ESP_OK;
}

static int replace_row(void *context, const esp_option *row, size_t offset) {
  const filling *f = context;
  if (!(row->flags & ESP_OF_TREE) || !esp_config_is_set(f->config, row->name)) return ESP_OK;
  ESP_CALL(esp_option_parse(row, esp_config_text(f->config, row->name), f->filled + offset));
  return ESP_OK;
}

int esp_options_make(const esp_options *options, const esp_config *config, void **filled) {
  char *made = NULL;
  int rc = ESP_OK;
  if (options) rc = ESP_ALLOC(made, options->size);
  if (options && !rc) rc = esp_options_fill(options, config, made);
  if (rc) ESP_FREE(made);
  *filled = made;
  return rc;
}

int esp_options_replace(const esp_options *options, const esp_config *config, void *filled) {
  filling f = {config, filled};
  char *before = NULL;
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(before, options->size));
  memcpy(before, filled, options->size);
  ESP_TRY(esp_options_each(options, replace_row, &f));
  ESP_TRY(check(options, config, before, filled));
done:
  ESP_FREE(before);
  return rc;
}

int esp_options_continue(const esp_options *options, const void *before, void *filled) {
  ESP_CALL(check(options, NULL, before, filled));
  return ESP_OK;
}

typedef struct {
  unsigned flags;
  const char *from;
  char *to;
} copying;

static int copy_row(void *context, const esp_option *row, size_t offset) {
  const copying *c = context;
  if (row->flags & c->flags) memcpy(c->to + offset, c->from + offset, esp_option_size(row));
  return ESP_OK;
}

void esp_options_copy(const esp_options *options, unsigned flags, const void *from, void *to) {
  copying c = {flags, from, to};
  esp_options_each(options, copy_row, &c);
}
