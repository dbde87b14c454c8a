/* YAML of the form that an input has: a mapping of names to values, in any of the language's notations. A mapping within it is
 * a prefix, `tree: {theta: 0.5}` is `tree_theta: 0.5`; a list is the text "1,2"; what `<<` merges stands where it is merged.
 * Local. */
#ifndef ESP_YAML_H
#define ESP_YAML_H

#include <stddef.h>

typedef struct {
  char *name, *value;
  int line;
} esp_yaml_entry;

typedef struct {
  esp_yaml_entry *entry; /* [entries] in the order of the text */
  size_t entries, capacity;
} esp_yaml;

/* text: UTF-8. ESP_ERR_FORMAT naming the line, of what is no YAML of this form, or goes deeper or is longer than any input;
 * ESP_ERR_CONFIG naming both lines of a name that is given twice, in whatever notation. *yaml is the caller's
 * (esp_yaml_free), after an error, too. */
int esp_yaml_read(const char *text, esp_yaml *yaml);
void esp_yaml_free(esp_yaml *yaml);

#endif
