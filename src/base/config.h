/* A configuration: the keys of several tables of options (base/option.h), some of them set from text. No I/O, no MPI:
 * mpi/io/options.h fills it from PETSc's options database (YAML file and command line). Local.
 *
 * A key that stands in several tables is one key: a value is accepted if any of its rows admits it (the table that is used
 * says more precisely what it takes when a structure is filled from it); shown are its first default, the union of what
 * the rows allow, and their helps one after the other. */
#ifndef ESP_CONFIG_H
#define ESP_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "base/base.h"
#include "base/option.h"

/* An old word: the value `old` of `key` is taken for `now`, and sets second_key (NULL: none) to second_value. */
typedef struct {
  const char *key, *old, *now, *second_key, *second_value; /* key NULL ends the words */
} esp_word;

/* tables: NULL behind the last; what they point to is borrowed. Keys are in the order of the tables, those of a prefix
 * together where the prefix came first. ESP_ERR_INTERNAL for a default that its own row does not allow. */
int esp_config_create(const esp_options *const *tables, esp_config **config);
void esp_config_free(esp_config **config);
/* The defaults of this table (one of the tables, or a part of one) are those of the keys that it shares with others. */
void esp_config_lead(esp_config *config, const esp_options *options);
/* Old words, beside those given before, are accepted from now on; each one met is told to `warn` (NULL: nobody) in a line.
 * Borrowed. */
int esp_config_words(esp_config *config, const esp_word *words, void (*warn)(void *context, const char *line),
                     void *context);

/* Is this value of the key an old word? It may set a second key, so it comes before keys beside it. Local. */
int esp_config_is_word(const esp_config *config, const char *name, const char *value);

/* ---- keys ---- */

/* Number of keys; the k-th, as it is shown, in the order of reference.yaml; by name, or NULL. */
int esp_config_keys(const esp_config *config);
const esp_option *esp_config_key(const esp_config *config, int k);
const esp_option *esp_config_find(const esp_config *config, const char *name);
/* Is this one of the keys' prefixes (so that an unknown key with it is an error and not another library's option), a key
 * without one, or a slip in the prefix: two edits or less from a key of eight letters or more? Case does not matter. */
int esp_config_is_ours(const esp_config *config, const char *name);
/* The known key with the smallest edit distance. */
const char *esp_config_nearest(const esp_config *config, const char *name);

/* ---- values ---- */

/* Set one key from text ("0.7", "true", "128,1024"). ESP_ERR_CONFIG naming the key, the value seen, and the allowed type
 * and range, or, for an unknown key, the nearest known one. */
int esp_config_set(esp_config *config, const char *name, const char *value);
/* Was it set, or is it the default? 0 for a name that is no key. */
int esp_config_is_set(const esp_config *config, const char *name);
/* The value as text; owned by config. NULL for a name that is no key. */
const char *esp_config_text(const esp_config *config, const char *name);

/* Values of what is no structure's member. The name must be a key of that type (checked by assert). Strings are owned by
 * config. */
int64_t esp_config_int(const esp_config *config, const char *name); /* also WHOLE */
double esp_config_real(const esp_config *config, const char *name);
int esp_config_flag(const esp_config *config, const char *name);
const char *esp_config_string(const esp_config *config, const char *name); /* also CHOICE */
/* Up to `max` values of a LIST into values; the number there is is returned. */
int esp_config_ints(const esp_config *config, const char *name, int64_t *values, int max);

/* ---- words ---- */

/* Every key with its value, unit and help as YAML: the resolved configuration. */
int esp_config_print(const esp_config *config, FILE *file);
/* One key's type, unit, range, default and meaning. ESP_ERR_CONFIG as esp_config_set for an unknown one. */
int esp_config_help(const esp_config *config, const char *name, FILE *file);

#endif
