/* Keys in words: the resolved configuration, and the help of one key. */
#include <errno.h>
#include <string.h>

#include "base/config.h"

static void print_quoted(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') fputc('\\', file);
    fputc(*text, file);
  }
  fputc('"', file);
}

static void print_value(FILE *file, const esp_config *config, const esp_option *key) {
  if (key->type == ESP_OPTION_TEXT)
    print_quoted(file, esp_config_text(config, key->name));
  else if (key->type == ESP_OPTION_FLAG)
    fputs(esp_config_flag(config, key->name) ? "true" : "false", file);
  else if (key->type == ESP_OPTION_LIST) {
    int64_t value[ESP_LIST];
    const int count = esp_config_ints(config, key->name, value, ESP_LIST);
    for (int i = 0; i < count; i++)
      fprintf(file, "%s%lld%s", i ? ", " : "[", (long long)value[i], i + 1 < count ? "" : "]");
  } else
    fputs(esp_config_text(config, key->name), file);
  fputc('\n', file);
}

int esp_config_print(const esp_config *config, FILE *file) {
  const char *before = NULL;
  fprintf(file, "# Every key with its value. Above each its meaning, then unit; what is allowed; default.\n");
  for (int k = 0; k < esp_config_keys(config); k++) {
    const esp_option *key = esp_config_key(config, k);
    char allowed[512];
    esp_option_allowed(key, allowed, sizeof allowed);
    if (!before || strncmp(before, key->name, strcspn(key->name, "_") + 1) != 0) fputc('\n', file);
    fprintf(file, "# %s\n#   %s%s%s; default %s\n", key->help, key->unit, key->unit[0] ? "; " : "", allowed,
            key->value[0] ? key->value : "empty");
    fprintf(file, "%s: ", key->name);
    print_value(file, config, key);
    before = key->name;
  }
  ESP_CHECK(!ferror(file), ESP_ERR_FILE, "the configuration cannot be written: %s", strerror(errno));
  return ESP_OK;
}

int esp_config_help(const esp_config *config, const char *name, FILE *file) {
  static const char *const types[] = {"integer", "integer", "real", "flag", "text", "choice", "integers"};
  const esp_option *key = esp_config_find(config, name);
  ESP_CHECK(key, ESP_ERR_CONFIG, "unknown key '%s'; the nearest known one is '%s'", name,
            esp_config_nearest(config, name));
  fprintf(file, "%s (%s%s%s)\n  %s\n  default: %s\n", key->name, types[key->type], key->unit[0] ? ", " : "", key->unit,
          key->help, key->value[0] ? key->value : "(empty)");
  if (key->type == ESP_OPTION_CHOICE) fprintf(file, "  one of:  %s\n", key->choices);
  if (key->type <= ESP_OPTION_REAL || key->type == ESP_OPTION_LIST)
    fprintf(file, "  range:   %g .. %g\n", key->min, key->max);
  return ESP_OK;
}
