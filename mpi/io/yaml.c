#include "io/yaml.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/base.h"
#include "base/lines.h"

enum { DEPTH = 8, PARTS = 20000, CHARACTERS = 1 << 20, NAME = 256 };

/* All documents of a text, of which aliases could make any number of parts (pairs, entries of lists, mappings to be merged)
 * and any length of values. */
typedef struct {
  yaml_document_t *document;
  esp_yaml *into;
  int parts;
  size_t characters;
} reading;

static int refuse(int line, const char *what) {
  return ESP_FAIL(ESP_ERR_FORMAT, "line %d: not YAML of the form 'key: value' (%s)", line, what);
}

static int line_of(const yaml_node_t *node) {
  return (int)node->start_mark.line + 1;
}

static int text_of(const yaml_node_t *node, const char **text) {
  if (node->type != YAML_SCALAR_NODE)
    return refuse(line_of(node), "expected a name or a value, not a list or a mapping");
  *text = (const char *)node->data.scalar.value;
  return strlen(*text) == node->data.scalar.length ? ESP_OK : refuse(line_of(node), "a character 0");
}

static int count_part(reading *r, int line, const char *word) {
  r->characters += strlen(word);
  if (++r->parts > PARTS || r->characters > CHARACTERS) return refuse(line, "more than any input has");
  return ESP_OK;
}

/* ---- one entry ---- */

static int value_of(reading *r, const yaml_node_t *node, int line, esp_lines *text) {
  const char *word;
  if (node->type == YAML_SEQUENCE_NODE) {
    const yaml_node_item_t *first = node->data.sequence.items.start;
    for (const yaml_node_item_t *item = first; item < node->data.sequence.items.top; item++) {
      ESP_CALL(text_of(yaml_document_get_node(r->document, *item), &word));
      ESP_CALL(count_part(r, line, word));
      esp_lines_add(text, "%s%s", item > first ? "," : "", word);
    }
  } else {
    ESP_CALL(text_of(node, &word));
    ESP_CALL(count_part(r, line, word));
    esp_lines_add(text, "%s", word);
  }
  esp_lines_add(text, "%s", "");
  return text->rc;
}

static int add(reading *r, const char *name, const yaml_node_t *node, int line) {
  esp_yaml *yaml = r->into;
  esp_lines key = {0}, value = {0};
  for (size_t k = 0; k < yaml->entries; k++)
    ESP_CHECK(strcmp(yaml->entry[k].name, name), ESP_ERR_CONFIG, "%s is given twice, in lines %d and %d: one must go",
              name, yaml->entry[k].line, line);
  ESP_CALL(ESP_GROW(yaml->entry, yaml->capacity, yaml->entries + 1));
  esp_lines_add(&key, "%s", name);
  const int rc = value_of(r, node, line, &value);
  yaml->entry[yaml->entries++] = (esp_yaml_entry){key.text, value.text, line};
  return rc ? rc : key.rc;
}

/* ---- mappings ---- */

static int read_mapping(reading *r, const yaml_node_t *node, const char *prefix, int line, int depth);

static int read_merged(reading *r, const yaml_node_t *node, const char *prefix, int line, int depth) {
  if (node->type != YAML_SEQUENCE_NODE) return read_mapping(r, node, prefix, line, depth);
  for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
    ESP_CALL(count_part(r, line, ""));
    ESP_CALL(read_mapping(r, yaml_document_get_node(r->document, *item), prefix, line, depth));
  }
  return ESP_OK;
}

/* line: of the pair that the mapping is the value of. What an alias stands for was written above, and counts as here. */
static int read_mapping(reading *r, const yaml_node_t *node, const char *prefix, int line, int depth) {
  if (node->type != YAML_MAPPING_NODE) return refuse(line_of(node), "expected a mapping");
  if (depth > DEPTH) return refuse(line, "mappings within mappings, deeper than any key");
  for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
    const yaml_node_t *key = yaml_document_get_node(r->document, pair->key),
                      *value = yaml_document_get_node(r->document, pair->value);
    const int here = esp_imax(line, line_of(key));
    const char *word;
    char name[NAME];
    ESP_CALL(text_of(key, &word));
    ESP_CALL(count_part(r, here, word));
    const int merges = !strcmp(word, "<<"), mapping = value->type == YAML_MAPPING_NODE;
    const int length = snprintf(name, sizeof name, "%s%s%s", prefix, word, mapping ? "_" : "");
    if (length < 0 || length >= NAME) return refuse(here, "a name longer than any key");
    if (merges)
      ESP_CALL(read_merged(r, value, prefix, here, depth + 1));
    else if (mapping)
      ESP_CALL(read_mapping(r, value, name, here, depth + 1));
    else
      ESP_CALL(add(r, name, value, here));
  }
  return ESP_OK;
}

/* ---- all ---- */

static int fail_to_parse(const yaml_parser_t *parser) {
  char what[512];
  ESP_CHECK(parser->error != YAML_MEMORY_ERROR, ESP_ERR_MEMORY, "no memory to read YAML");
  const char *problem = parser->problem ? parser->problem : "unknown";
  if (parser->context)
    snprintf(what, sizeof what, "%s, %s in line %zu", problem, parser->context, parser->context_mark.line + 1);
  else
    snprintf(what, sizeof what, "%s", problem);
  return refuse((int)parser->problem_mark.line + 1, what);
}

/* Several documents behind each other are one input. */
static int read_documents(yaml_parser_t *parser, esp_yaml *yaml) {
  yaml_document_t document;
  reading r = {.document = &document, .into = yaml};
  for (int more = 1, rc; more;) {
    if (!yaml_parser_load(parser, &document)) return fail_to_parse(parser);
    const yaml_node_t *root = yaml_document_get_root_node(&document);
    more = root != NULL;
    const int empty = !root || (root->type == YAML_SCALAR_NODE && !root->data.scalar.length);
    rc = empty ? ESP_OK : read_mapping(&r, root, "", 1, 1);
    yaml_document_delete(&document);
    ESP_CALL(rc);
  }
  return ESP_OK;
}

int esp_yaml_read(const char *text, esp_yaml *yaml) {
  yaml_parser_t parser;
  *yaml = (esp_yaml){0};
  ESP_CHECK(yaml_parser_initialize(&parser), ESP_ERR_MEMORY, "no memory to read YAML");
  yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
  const int rc = read_documents(&parser, yaml);
  yaml_parser_delete(&parser);
  return rc;
}

void esp_yaml_free(esp_yaml *yaml) {
  for (size_t k = 0; k < yaml->entries; k++) {
    ESP_FREE(yaml->entry[k].name);
    ESP_FREE(yaml->entry[k].value);
  }
  ESP_FREE(yaml->entry);
  yaml->entries = yaml->capacity = 0;
}
