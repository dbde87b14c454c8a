#include "io/options.h"

#include <ctype.h>
#include <errno.h>
#include <petscsys.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/at_hand.h"
#include "base/input.h"
#include "domain/comm.h"
#include "io/yaml.h"

/* What rank 0 found, in the order in which it is to be set: name '\0' value '\0' ... */
typedef struct {
  char *text;
  size_t size, capacity;
} found_options;

static int found_append(found_options *found, const char *text) {
  const size_t length = strlen(text) + 1;
  ESP_CALL(ESP_GROW(found->text, found->capacity, found->size + length));
  memcpy(found->text + found->size, text, length);
  found->size += length;
  return ESP_OK;
}

/* ---- one option ---- */

static int fail_in(int code, const char *source) {
  char message[8192];
  snprintf(message, sizeof message, "%s: %s", source, esp_error_message());
  esp_error_set(code, message);
  return code;
}

static int set_ours(esp_config *config, const char *source, const char *name, const char *value, found_options *found) {
  int rc = esp_config_set(config, name, value);
  if (rc) return fail_in(rc, source);
  ESP_CALL(found_append(found, name));
  ESP_CALL(found_append(found, value));
  return ESP_OK;
}

/* ---- the file ---- */

enum { MOST_BYTES = 1 << 20 }; /* of an input: hundreds of times all keys */

static int read_text(const char *path, char **text) {
  size_t size;
  ESP_CALL(esp_input_text(path, MOST_BYTES, text, &size));
  const size_t length = strlen(*text);
  if (length < size) ESP_FREE(*text);
  ESP_CHECK(length == size, ESP_ERR_FORMAT, "%s: is not a text file (byte %zu is 0)", path, length);
  return ESP_OK;
}

/* The parser takes quadratic time for lists within lists, of which no key has any. */
static int check_depth(const char *text) {
  enum { MOST = 32 };
  int line = 1, opened = 0;
  for (const char *c = text; *c; c++) {
    if (*c == '\n') line++, opened = 0;
    opened += *c == '[' || *c == '{';
    ESP_CHECK(opened <= MOST, ESP_ERR_FORMAT, "line %d: more than %d opening brackets; a key has one list at most",
              line, MOST);
  }
  return ESP_OK;
}

static int take_entry(const esp_yaml_entry *entry, const char *path, esp_config *config, found_options *found) {
  char source[4200];
  snprintf(source, sizeof source, "%s: line %d", path, entry->line);
  if (esp_config_is_ours(config, entry->name)) return set_ours(config, source, entry->name, entry->value, found);
  return ESP_FAIL(ESP_ERR_CONFIG,
                  "%s: '%s' is no key, the nearest one is '%s'; an option of PETSc belongs on the command line", source,
                  entry->name, esp_config_nearest(config, entry->name));
}

static int load_file(const char *path, esp_config *config, found_options *found) {
  char *text = NULL;
  esp_yaml yaml = {0};
  int rc = read_text(path, &text);
  if (rc) return rc;
  esp_at_hand("reading", path);
  rc = check_depth(text);
  if (!rc) rc = esp_yaml_read(text, &yaml);
  if (rc) rc = fail_in(rc, path);
  /* Old words first: what they bring along gives way to a key that stands beside them. */
  for (int words = 1; words >= 0; words--)
    for (size_t k = 0; k < yaml.entries && !rc; k++)
      if (esp_config_is_word(config, yaml.entry[k].name, yaml.entry[k].value) == words)
        rc = take_entry(&yaml.entry[k], path, config, found);
  esp_at_hand(NULL, NULL);
  esp_yaml_free(&yaml);
  ESP_FREE(text);
  return rc;
}

/* ---- the command line ---- */

static const char COMMAND_LINE[] = "command line";

/* Options nobody has asked for yet: among those with our prefixes every one must be a key. */
static int refuse_unknown(const esp_config *config) {
  PetscInt count = 0;
  char **names = NULL, **values = NULL;
  ESP_PETSC(PetscOptionsLeftGet(NULL, &count, &names, &values));
  int rc = ESP_OK;
  for (PetscInt i = 0; i < count && !rc; i++)
    if (esp_config_is_ours(config, names[i]) && !esp_config_find(config, names[i]))
      rc = ESP_FAIL(ESP_ERR_CONFIG, "%s: unknown key '%s'; the nearest known one is '%s'", COMMAND_LINE, names[i],
                    esp_config_nearest(config, names[i]));
  ESP_PETSC(PetscOptionsLeftRestore(NULL, &count, &names, &values));
  return rc;
}

/* As PETSc tells an option from a value, which may be a negative number. */
static int is_option(const char *word) {
  if (word[0] != '-') return 0;
  return isalpha((unsigned char)word[word[1] == '-' ? 2 : 1]) != 0;
}

/* Does a key stand there with nothing behind it, here or earlier? PETSc takes that for an empty text. */
static int lacks_value(const char *dashed) {
  int argc = 0;
  char **argv = NULL;
  if (PetscGetArgs(&argc, &argv)) return 0;
  for (int i = 1; i < argc; i++)
    if (!strcasecmp(argv[i], dashed) && (i + 1 == argc || is_option(argv[i + 1]))) return 1;
  return 0;
}

static int load_command_line(esp_config *config, found_options *found) {
  ESP_CALL(refuse_unknown(config));
  for (int k = 0; k < esp_config_keys(config); k++) {
    const esp_option *key = esp_config_key(config, k);
    char dashed[80];
    const char *value;
    PetscBool given;
    snprintf(dashed, sizeof dashed, "-%s", key->name);
    ESP_PETSC(PetscOptionsFindPair(NULL, NULL, dashed, &value, &given));
    if (!given) continue;
    ESP_CHECK(
        key->type != ESP_OPTION_TEXT || !lacks_value(dashed), ESP_ERR_CONFIG,
        "%s: %s has no value: what begins with '-' and a letter is the next option; ./-name is a file, '' is empty",
        COMMAND_LINE, key->name);
    if (!value || !value[0]) value = key->type == ESP_OPTION_FLAG ? "true" : "";
    ESP_CALL(set_ours(config, COMMAND_LINE, key->name, value, found));
  }
  return ESP_OK;
}

int esp_options_strays(int argc, char **argv, int first) {
  for (int i = first; i < argc; i++) {
    ESP_CHECK(is_option(argv[i]), ESP_ERR_ARG,
              "%s: '%s' belongs to no option; allowed are one file right after the verb and -key value", COMMAND_LINE,
              argv[i]);
    if (i + 1 < argc && !is_option(argv[i + 1])) i++;
  }
  return ESP_OK;
}

int esp_options_unused(const esp_config *config, FILE *out) {
  static const char *const at_end[] = {"options_", "malloc_", "objects_", "log_"};
  PetscInt count = 0;
  char **names = NULL, **values = NULL;
  ESP_PETSC(PetscOptionsLeftGet(NULL, &count, &names, &values));
  for (PetscInt i = 0; i < count; i++) {
    int later = 0;
    for (size_t k = 0; k < sizeof at_end / sizeof at_end[0]; k++)
      later |= !strncmp(names[i], at_end[k], strlen(at_end[k]));
    if (!later)
      fprintf(out, "warning: option -%s had no effect: no key, and PETSc did not use it; the nearest key is '%s'\n",
              names[i], esp_config_nearest(config, names[i]));
  }
  ESP_PETSC(PetscOptionsLeftRestore(NULL, &count, &names, &values));
  return ESP_OK;
}

/* ---- all ranks ---- */

static int load_here(const char *input, esp_config *config, found_options *found) {
  if (input) ESP_CALL(load_file(input, config, found));
  ESP_CALL(load_command_line(config, found));
  return ESP_OK;
}

static int apply(esp_config *config, const found_options *found) {
  for (size_t at = 0; at < found->size;) {
    const char *name = found->text + at, *value = name + strlen(name) + 1;
    at += strlen(name) + strlen(value) + 2;
    ESP_CALL(esp_config_set(config, name, value));
  }
  return ESP_OK;
}

static int share(const esp_comm *comm, found_options *found) {
  int64_t size = (int64_t)found->size;
  ESP_CALL(comm->broadcast(comm, &size, sizeof size, 0));
  found->size = (size_t)size;
  ESP_AGREE(comm, comm->rank ? ESP_GROW(found->text, found->capacity, size) : ESP_OK);
  if (size) ESP_CALL(comm->broadcast(comm, found->text, found->size, 0));
  return ESP_OK;
}

int esp_options_load(const esp_comm *comm, const char *input, esp_config *config) {
  found_options found = {0};
  int rc = comm->rank ? ESP_OK : load_here(input, config, &found);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(share(comm, &found));
  ESP_TRY(comm->agree(comm, comm->rank ? apply(config, &found) : ESP_OK));
done:
  ESP_FREE(found.text);
  return rc;
}
