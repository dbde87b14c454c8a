#include "base/config.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef struct {
  esp_option shown;       /* of all rows; value: that of the leading row */
  char *help, *choices;   /* shown's, owned */
  const esp_option **row; /* [rows] */
  size_t rows, capacity;
  char *text; /* NULL: not set */
} key;

struct esp_config {
  key *key; /* [keys] in the order of reference.yaml */
  size_t keys, capacity;
  const esp_word **words; /* [tables] */
  size_t tables, words_capacity;
  void (*warn)(void *context, const char *line);
  void *context;
};

int esp_config_keys(const esp_config *config) {
  return (int)config->keys;
}
const esp_option *esp_config_key(const esp_config *config, int k) {
  return &config->key[k].shown;
}

static key *find(const esp_config *config, const char *name) {
  for (size_t k = 0; k < config->keys; k++)
    if (!strcmp(config->key[k].shown.name, name)) return &config->key[k];
  return NULL;
}

const esp_option *esp_config_find(const esp_config *config, const char *name) {
  const key *found = find(config, name);
  return found ? &found->shown : NULL;
}

/* ---- names ---- */

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

static const char *nearest(const esp_config *config, const char *name, int *distance) {
  const char *best = "";
  *distance = NAME_MAX_LENGTH + 1;
  for (size_t k = 0; k < config->keys; k++) {
    const int other = edit_distance(name, config->key[k].shown.name);
    if (other < *distance) *distance = other, best = config->key[k].shown.name;
  }
  return best;
}

const char *esp_config_nearest(const esp_config *config, const char *name) {
  int distance;
  for (size_t k = 0; k < config->keys; k++) { /* a key without its prefix */
    const char *rest = strchr(config->key[k].shown.name, '_');
    if (rest && !strcasecmp(name, rest + 1)) return config->key[k].shown.name;
  }
  return nearest(config, name, &distance);
}

/* Letters of a name's prefix with its '_'; 0: it has none. */
static size_t prefix_of(const char *name) {
  const size_t length = strcspn(name, "_");
  return name[length] ? length + 1 : 0;
}

int esp_config_is_ours(const esp_config *config, const char *name) {
  for (size_t k = 0; k < config->keys; k++) {
    const size_t prefix = prefix_of(config->key[k].shown.name);
    if (prefix && !strncasecmp(name, config->key[k].shown.name, prefix)) return 1;
  }
  /* A long name all but equal to one of ours is ours with a slip in the prefix. */
  int distance;
  const char *known = nearest(config, name, &distance);
  return distance == 0 || (distance <= 2 && strlen(known) >= 8 && prefix_of(known));
}

/* ---- keys from tables ---- */

/* A key's place: behind the last of its prefix. */
static size_t place_of(const esp_config *config, const char *name) {
  const size_t prefix = prefix_of(name);
  for (size_t k = config->keys; prefix && k > 0; k--)
    if (!strncmp(config->key[k - 1].shown.name, name, prefix)) return k;
  return config->keys;
}

static int append(char **text, const char *between, const char *more) {
  const size_t had = *text ? strlen(*text) : 0;
  char *joined = NULL;
  ESP_CALL(ESP_ALLOC(joined, had + strlen(between) + strlen(more) + 1));
  sprintf(joined, "%s%s%s", had ? *text : "", had ? between : "", more);
  ESP_FREE(*text);
  *text = joined;
  return ESP_OK;
}

/* What the key shows becomes that of one more row. */
static int show_row(key *k, const esp_option *row) {
  char name[64];
  esp_option *shown = &k->shown;
  for (int c = 0; row->type == ESP_OPTION_CHOICE && esp_option_choice(row, c, name); c++) {
    const esp_option known = {.choices = k->choices ? k->choices : ""};
    if (esp_option_place(&known, name) < 0) ESP_CALL(append(&k->choices, "|", name));
  }
  if (!k->help || !strstr(k->help, row->help)) ESP_CALL(append(&k->help, "; ", row->help));
  if (row->min < shown->min) shown->min = row->min;
  if (row->max > shown->max) shown->max = row->max;
  shown->choices = k->choices ? k->choices : "";
  shown->names = NULL;
  shown->help = k->help;
  return ESP_OK;
}

static int add_row(void *context, const esp_option *row, size_t offset) {
  esp_config *config = context;
  esp_list scratch; /* the largest member there is */
  (void)offset;
  if (row->flags & ESP_OF_DATA) return ESP_OK;
  key *k = find(config, row->name);
  if (!k) {
    ESP_CALL(ESP_GROW(config->key, config->capacity, config->keys + 1));
    const size_t place = place_of(config, row->name);
    k = config->key + place;
    memmove(k + 1, k, (config->keys++ - place) * sizeof *k);
    *k = (key){.shown = *row};
  }
  for (size_t r = 0; r < k->rows; r++)
    if (k->row[r] == row) return ESP_OK; /* a part of several tables */
  ESP_CALL(ESP_GROW(k->row, k->capacity, k->rows + 1));
  k->row[k->rows++] = row;
  ESP_CALL(show_row(k, row));
  ESP_CHECK(!esp_option_parse(row, row->value, &scratch), ESP_ERR_INTERNAL, "%s: its default '%s' is not allowed",
            row->name, row->value);
  return ESP_OK;
}

int esp_config_create(const esp_options *const *tables, esp_config **config) {
  int rc = ESP_OK;
  *config = NULL;
  ESP_CALL(ESP_ALLOC(*config, 1));
  for (; *tables && !rc; tables++) rc = esp_options_each(*tables, add_row, *config);
  if (rc) esp_config_free(config);
  return rc ? esp_trace(rc, __FILE__, __LINE__, __func__) : ESP_OK;
}

void esp_config_free(esp_config **config) {
  if (!config || !*config) return;
  for (size_t k = 0; k < (*config)->keys; k++) {
    key *one = &(*config)->key[k];
    ESP_FREE(one->help);
    ESP_FREE(one->choices);
    ESP_FREE(one->row);
    ESP_FREE(one->text);
  }
  ESP_FREE((*config)->key);
  ESP_FREE((*config)->words);
  ESP_FREE(*config);
}

static int lead_row(void *context, const esp_option *row, size_t offset) {
  key *k = find(context, row->name);
  (void)offset;
  if (k && !(row->flags & ESP_OF_DATA)) k->shown.value = row->value;
  return 0;
}

void esp_config_lead(esp_config *config, const esp_options *options) {
  esp_options_each(options, lead_row, config);
}

/* ---- values ---- */

int esp_config_words(esp_config *config, const esp_word *words, void (*warn)(void *context, const char *line),
                     void *context) {
  ESP_CALL(ESP_GROW(config->words, config->words_capacity, config->tables + 1));
  config->words[config->tables++] = words;
  config->warn = warn;
  config->context = context;
  return ESP_OK;
}

static int store(key *k, const char *text) {
  esp_list scratch;
  char allowed[512], *copy = NULL;
  int admitted = 0;
  for (size_t r = 0; r < k->rows && !admitted; r++) {
    admitted = !esp_option_parse(k->row[r], text, &scratch);
    if (!admitted) esp_error_clear();
  }
  esp_option_allowed(&k->shown, allowed, sizeof allowed);
  ESP_CHECK(admitted, ESP_ERR_CONFIG, "%s is '%s': must be %s", k->shown.name, text, allowed);
  ESP_CALL(append(&copy, "", text));
  ESP_FREE(k->text);
  k->text = copy;
  return ESP_OK;
}

/* The old word that a value of a key is; NULL: none. */
static const esp_word *old_word(const esp_config *config, const char *name, const char *value) {
  for (size_t t = 0; t < config->tables; t++)
    for (const esp_word *w = config->words[t]; w->key; w++)
      if (!strcmp(w->key, name) && !strcmp(w->old, value)) return w;
  return NULL;
}

int esp_config_is_word(const esp_config *config, const char *name, const char *value) {
  return old_word(config, name, value) != NULL;
}

int esp_config_set(esp_config *config, const char *name, const char *value) {
  key *k = find(config, name);
  ESP_CHECK(k, ESP_ERR_CONFIG, "unknown key '%s'; the nearest known one is '%s'", name,
            esp_config_nearest(config, name));
  const esp_word *w = old_word(config, name, value);
  char line[512];
  if (!w) {
    ESP_CALL(store(k, value));
    return ESP_OK;
  }
  ESP_CALL(store(k, w->now));
  if (w->second_key) ESP_CALL(esp_config_set(config, w->second_key, w->second_value));
  snprintf(line, sizeof line, "%s %s: now %s %s%s%s%s%s; the old word may go in a year", name, value, name, w->now,
           w->second_key ? " with " : "", w->second_key ? w->second_key : "", w->second_key ? " " : "",
           w->second_key ? w->second_value : "");
  if (config->warn) config->warn(config->context, line);
  return ESP_OK;
}

int esp_config_is_set(const esp_config *config, const char *name) {
  const key *k = find(config, name);
  return k && k->text;
}

const char *esp_config_text(const esp_config *config, const char *name) {
  const key *k = find(config, name);
  return !k ? NULL : k->text ? k->text : k->shown.value;
}

/* The value of a key into *value; one of its rows allows it. */
static void get(const esp_config *config, const char *name, unsigned types, void *value) {
  const key *k = find(config, name);
  assert(k && (types >> k->shown.type & 1));
  (void)types;
  for (size_t r = 0; r < k->rows; r++) {
    if (!esp_option_parse(k->row[r], esp_config_text(config, name), value)) return;
    esp_error_clear();
  }
}

int64_t esp_config_int(const esp_config *config, const char *name) {
  const key *k = find(config, name);
  int64_t whole = 0;
  int small = 0;
  if (k && k->shown.type == ESP_OPTION_WHOLE) return get(config, name, 1u << ESP_OPTION_WHOLE, &whole), whole;
  get(config, name, 1u << ESP_OPTION_INT, &small);
  return small;
}
double esp_config_real(const esp_config *config, const char *name) {
  double real = 0;
  get(config, name, 1u << ESP_OPTION_REAL, &real);
  return real;
}
int esp_config_flag(const esp_config *config, const char *name) {
  int flag = 0;
  get(config, name, 1u << ESP_OPTION_FLAG, &flag);
  return flag;
}
const char *esp_config_string(const esp_config *config, const char *name) {
  const key *k = find(config, name);
  assert(k && (k->shown.type == ESP_OPTION_TEXT || k->shown.type == ESP_OPTION_CHOICE));
  (void)k;
  return esp_config_text(config, name);
}
int esp_config_ints(const esp_config *config, const char *name, int64_t *values, int max) {
  esp_list list = {0};
  get(config, name, 1u << ESP_OPTION_LIST, &list);
  const int copied = esp_imin(max, list.count);
  if (copied > 0) memcpy(values, list.value, (size_t)copied * sizeof *values);
  return list.count;
}
