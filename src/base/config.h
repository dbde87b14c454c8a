/* The table of keys: the one place where a key's name, type, unit, range, default and help stand. A configuration is a
 * copy of the defaults with some values set from text. No I/O, no MPI: mpi/io/options.h fills it from PETSc's options
 * database (YAML file and command line). Local. */
#ifndef ESP_CONFIG_H
#define ESP_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

typedef enum { ESP_KEY_INT, ESP_KEY_REAL, ESP_KEY_FLAG, ESP_KEY_STRING, ESP_KEY_CHOICE, ESP_KEY_INTS } esp_key_type;

typedef struct {
  const char *name; /* prefix_word: prefixes are run_ data_ tree_ net_ train_ eval_ io_ units_ partition_ report_ */
  esp_key_type type;
  const char *unit;    /* "" if none */
  double min, max;     /* numbers: closed range */
  const char *choices; /* ESP_KEY_CHOICE: "a|b|c" */
  const char *value;   /* default, as text */
  const char *help;    /* one line */
} esp_key;

typedef struct esp_config esp_config;

/* All keys, in the order of reference.yaml. */
const esp_key *esp_config_keys(int *count);
/* The table's entry, or NULL. */
const esp_key *esp_config_find(const char *name);
/* Is this one of our prefixes (so that an unknown key with it is an error and not another library's option), `input`, or a
 * slip in the prefix: two edits or less from a key of eight letters or more? Case does not matter. */
int esp_config_is_ours(const char *name);
/* The known key with the smallest edit distance. */
const char *esp_config_nearest(const char *name);

int esp_config_create(esp_config **config);
void esp_config_free(esp_config **config);
/* Set one key from text ("0.7", "true", "128,1024"). ESP_ERR_CONFIG naming the key, the value seen, and the allowed type
 * and range, or, for an unknown key, the nearest known one. */
int esp_config_set(esp_config *config, const char *name, const char *value);
/* Was it set, or is it the default? */
int esp_config_is_set(const esp_config *config, const char *name);

/* Values. The name must be in the table with that type (checked by assert). Strings are owned by config. */
int64_t esp_config_int(const esp_config *config, const char *name);
double esp_config_real(const esp_config *config, const char *name);
int esp_config_flag(const esp_config *config, const char *name);
const char *esp_config_string(const esp_config *config, const char *name); /* also CHOICE */
/* Up to `max` values of an INTS key into values; the number there is is returned. */
int esp_config_ints(const esp_config *config, const char *name, int64_t *values, int max);
/* Every key with its value, unit and help as YAML: the resolved configuration. */
int esp_config_print(const esp_config *config, FILE *file);

#endif
