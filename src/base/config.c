#include "base/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
  char *text;
  int64_t whole; /* INT, FLAG */
  double real;   /* REAL */
  int64_t *list; /* INTS */
  int list_size;
  int set;
} key_value;

struct esp_config {
  key_value *values; /* in the table's order */
};

/* ---- names ---- */

const esp_key *esp_config_find(const char *name) {
  int count;
  const esp_key *keys = esp_config_keys(&count);
  for (int k = 0; k < count; k++)
    if (!strcmp(keys[k].name, name)) return &keys[k];
  return NULL;
}

enum { NAME_MAX_LENGTH = 63 };

/* Levenshtein distance; names beyond the length are compared by their beginning. */
static int edit_distance(const char *a, const char *b) {
  int row[NAME_MAX_LENGTH + 1], length_b = (int)strnlen(b, NAME_MAX_LENGTH),
                                length_a = (int)strnlen(a, NAME_MAX_LENGTH);
  for (int j = 0; j <= length_b; j++) row[j] = j;
  for (int i = 1; i <= length_a; i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= length_b; j++) {
      int replaced = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
      diagonal = row[j];
      row[j] = esp_imin(replaced, 1 + esp_imin(row[j], row[j - 1]));
    }
  }
  return row[length_b];
}

static const esp_key *nearest(const char *name, int *distance) {
  int count, best = 0;
  const esp_key *keys = esp_config_keys(&count);
  *distance = edit_distance(name, keys[0].name);
  for (int k = 1; k < count; k++) {
    int other = edit_distance(name, keys[k].name);
    if (other < *distance) *distance = other, best = k;
  }
  return &keys[best];
}

const char *esp_config_nearest(const char *name) {
  int distance, count;
  const esp_key *keys = esp_config_keys(&count);
  for (int k = 0; k < count; k++) { /* a key without its prefix */
    const char *rest = strchr(keys[k].name, '_');
    if (rest && !strcasecmp(name, rest + 1)) return keys[k].name;
  }
  return nearest(name, &distance)->name;
}

int esp_config_is_ours(const char *name) {
  static const char *const prefixes[] = {"run_",  "data_", "tree_",  "net_",       "train_",
                                         "eval_", "io_",   "units_", "partition_", "report_"};
  for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++)
    if (!strncasecmp(name, prefixes[p], strlen(prefixes[p]))) return 1;
  /* A long name all but equal to one of ours is ours with a slip in the prefix. */
  int distance;
  const esp_key *key = nearest(name, &distance);
  return distance == 0 || (distance <= 2 && strlen(key->name) >= 8 && strchr(key->name, '_'));
}

/* ---- what a key allows, in words ---- */

static void describe_range(const esp_key *key, const char *what, char *text, size_t size) {
  int low = isfinite(key->min), high = isfinite(key->max) && key->max < 2147483647.0;
  if (low && high)
    snprintf(text, size, "%s in [%.10g, %.10g]", what, key->min, key->max);
  else
    snprintf(text, size, "%s >= %.10g", what, key->min);
}

static void describe(const esp_key *key, char *text, size_t size) {
  switch (key->type) {
    case ESP_KEY_INT:
      describe_range(key, "integer", text, size);
      break;
    case ESP_KEY_REAL:
      describe_range(key, "number", text, size);
      break;
    case ESP_KEY_INTS:
      describe_range(key, "integers separated by commas, each", text, size);
      break;
    case ESP_KEY_FLAG:
      snprintf(text, size, "true or false");
      break;
    case ESP_KEY_STRING:
      snprintf(text, size, "text");
      break;
    case ESP_KEY_CHOICE:
      snprintf(text, size, "one of %s", key->choices);
      break;
  }
}

/* ---- parsing: 0 when the text is not what the key allows ---- */

static int at_end(const char *text) {
  return text[strspn(text, " \t")] == 0;
}

static int parse_whole(const esp_key *key, const char *text, const char **end, int64_t *whole) {
  char *stop;
  errno = 0;
  long long value = strtoll(text, &stop, 10);
  *end = stop;
  *whole = value;
  return stop != text && !errno && (double)value >= key->min && (double)value <= key->max;
}

static int parse_real(const esp_key *key, const char *text, double *real) {
  char *stop;
  *real = strtod(text, &stop);
  return stop != text && at_end(stop) && isfinite(*real) && *real >= key->min && *real <= key->max;
}

static int parse_flag(const char *text, int64_t *whole) {
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
  for (int w = 0; w < 8; w++)
    if (!strcasecmp(text, words[w])) return *whole = w % 2, 1;
  return 0;
}

static int parse_choice(const esp_key *key, const char *text) {
  size_t length = strlen(text);
  for (const char *choice = key->choices; choice; choice = strchr(choice, '|')) {
    choice += *choice == '|';
    if (strcspn(choice, "|") == length && !strncmp(choice, text, length)) return 1;
  }
  return 0;
}

/* list holds at least one more number than text has commas. */
static int parse_list(const esp_key *key, const char *text, int64_t *list, int *size) {
  for (*size = 0;; text++) {
    if (!parse_whole(key, text, &text, &list[(*size)++])) return 0;
    text += strspn(text, " \t");
    if (*text != ',') return *text == 0;
  }
}

static int parse(const esp_key *key, const char *text, key_value *value) {
  const char *end;
  switch (key->type) {
    case ESP_KEY_INT:
      return parse_whole(key, text, &end, &value->whole) && at_end(end);
    case ESP_KEY_REAL:
      return parse_real(key, text, &value->real);
    case ESP_KEY_INTS:
      return parse_list(key, text, value->list, &value->list_size);
    case ESP_KEY_FLAG:
      return parse_flag(text, &value->whole);
    case ESP_KEY_STRING:
      return 1;
    case ESP_KEY_CHOICE:
      return parse_choice(key, text);
  }
  return 0;
}

/* ---- a configuration ---- */

static int key_index(const esp_key *key) {
  int count;
  return (int)(key - esp_config_keys(&count));
}

static int store(esp_config *config, const esp_key *key, const char *text) {
  size_t length = strlen(text), commas = 0;
  for (const char *c = text; *c; c++) commas += *c == ',';
  key_value fresh = {.set = 1}, *value = &config->values[key_index(key)];
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(fresh.text, length + 1));
  memcpy(fresh.text, text, length + 1);
  if (key->type == ESP_KEY_INTS) ESP_TRY(ESP_ALLOC(fresh.list, commas + 1));
  char allowed[256];
  describe(key, allowed, sizeof allowed);
  ESP_NEED(parse(key, text, &fresh), ESP_ERR_CONFIG, "%s is '%s': must be %s", key->name, text, allowed);
  key_value old = *value;
  *value = fresh;
  fresh = old;
done:
  ESP_FREE(fresh.text);
  ESP_FREE(fresh.list);
  return rc;
}

int esp_config_create(esp_config **config) {
  int count, rc = ESP_OK;
  const esp_key *keys = esp_config_keys(&count);
  esp_config *made = NULL;
  ESP_TRY(ESP_ALLOC(made, 1));
  ESP_TRY(ESP_ALLOC(made->values, count));
  for (int k = 0; k < count; k++) {
    ESP_TRY(store(made, &keys[k], keys[k].value));
    made->values[k].set = 0;
  }
done:
  if (rc) esp_config_free(&made);
  *config = made;
  return rc;
}

void esp_config_free(esp_config **config) {
  if (!config || !*config) return;
  int count;
  esp_config_keys(&count);
  for (int k = 0; k < count && (*config)->values; k++) {
    ESP_FREE((*config)->values[k].text);
    ESP_FREE((*config)->values[k].list);
  }
  ESP_FREE((*config)->values);
  ESP_FREE(*config);
}

int esp_config_set(esp_config *config, const char *name, const char *value) {
  const esp_key *key = esp_config_find(name);
  ESP_CHECK(key, ESP_ERR_CONFIG, "unknown key '%s'; the nearest known one is '%s'", name, esp_config_nearest(name));
  ESP_CALL(store(config, key, value));
  return ESP_OK;
}

static const key_value *get(const esp_config *config, const char *name, unsigned types) {
  const esp_key *key = esp_config_find(name);
  assert(key && (types >> key->type & 1));
  (void)types;
  return &config->values[key_index(key)];
}

int esp_config_is_set(const esp_config *config, const char *name) {
  return get(config, name, ~0u)->set;
}
int64_t esp_config_int(const esp_config *config, const char *name) {
  return get(config, name, 1u << ESP_KEY_INT)->whole;
}
double esp_config_real(const esp_config *config, const char *name) {
  return get(config, name, 1u << ESP_KEY_REAL)->real;
}
int esp_config_flag(const esp_config *config, const char *name) {
  return (int)get(config, name, 1u << ESP_KEY_FLAG)->whole;
}
const char *esp_config_string(const esp_config *config, const char *name) {
  return get(config, name, 1u << ESP_KEY_STRING | 1u << ESP_KEY_CHOICE)->text;
}
int esp_config_ints(const esp_config *config, const char *name, int64_t *values, int max) {
  const key_value *value = get(config, name, 1u << ESP_KEY_INTS);
  int copied = esp_imin(max, value->list_size);
  if (copied > 0) memcpy(values, value->list, (size_t)copied * sizeof *values);
  return value->list_size;
}

/* ---- printing ---- */

static void print_quoted(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      fprintf(file, "\\%c", c);
    else if (c < 0x20)
      fprintf(file, "\\x%02x", c);
    else
      fputc(c, file);
  }
  fputc('"', file);
}

static void print_value(FILE *file, const esp_key *key, const key_value *value) {
  if (key->type == ESP_KEY_STRING)
    print_quoted(file, value->text);
  else if (key->type == ESP_KEY_FLAG)
    fputs(value->whole ? "true" : "false", file);
  else if (key->type == ESP_KEY_INTS)
    for (int i = 0; i < value->list_size; i++)
      fprintf(file, "%s%" PRId64 "%s", i ? ", " : "[", value->list[i], i + 1 < value->list_size ? "" : "]");
  else
    fputs(value->text, file);
  fputc('\n', file);
}

int esp_config_print(const esp_config *config, FILE *file) {
  int count;
  const esp_key *keys = esp_config_keys(&count);
  fprintf(file, "# Every key with its value. Above each its meaning, then unit; what is allowed; default.\n");
  for (int k = 0; k < count; k++) {
    const esp_key *key = &keys[k];
    char allowed[256];
    describe(key, allowed, sizeof allowed);
    size_t prefix = strcspn(key->name, "_");
    if (k == 0 || strncmp(keys[k - 1].name, key->name, prefix + 1) != 0) fputc('\n', file);
    fprintf(file, "# %s\n#   %s%s%s; default %s\n", key->help, key->unit, key->unit[0] ? "; " : "", allowed,
            key->value[0] ? key->value : "empty");
    fprintf(file, "%s: ", key->name);
    print_value(file, key, &config->values[k]);
  }
  ESP_CHECK(!ferror(file), ESP_ERR_FILE, "the configuration cannot be written: %s", strerror(errno));
  return ESP_OK;
}
