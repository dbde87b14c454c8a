#include "base/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- rows ---- */

static int each(const esp_options *options, size_t base, int (*visit)(void *, const esp_option *, size_t),
                void *context) {
  for (const esp_option *row = options->row; row->name; row++) {
    const int rc = row->type == ESP_OPTION_PART ? each(row->part, base + row->offset, visit, context)
                                                : visit(context, row, base + row->offset);
    if (rc) return rc;
  }
  return 0;
}

int esp_options_each(const esp_options *options, int (*visit)(void *context, const esp_option *row, size_t offset),
                     void *context) {
  return each(options, 0, visit, context);
}

size_t esp_option_size(const esp_option *row) {
  switch (row->type) {
    case ESP_OPTION_INT:
    case ESP_OPTION_FLAG:
    case ESP_OPTION_CHOICE:
      return sizeof(int);
    case ESP_OPTION_WHOLE:
      return sizeof(int64_t);
    case ESP_OPTION_REAL:
      return sizeof(double);
    case ESP_OPTION_TEXT:
      return sizeof(const char *);
    case ESP_OPTION_LIST:
      return sizeof(esp_list);
    case ESP_OPTION_PART:
      break;
  }
  return 0;
}

/* ---- choices ---- */

enum { CHOICE = 64 };

/* A table of names may be asked for the first behind its last, not beyond. */
const char *esp_option_choice(const esp_option *row, int k, char text[CHOICE]) {
  if (!row->choices) {
    const char *name = NULL;
    for (int i = 0; row->names && i <= k && (name = row->names(i)); i++) continue;
    if (name) snprintf(text, CHOICE, "%s", name);
    return name ? text : NULL;
  }
  const char *at = row->choices;
  for (; k > 0 && at; k--) {
    at = strchr(at, '|');
    if (at) at++;
  }
  if (!at || !at[0]) return NULL;
  snprintf(text, CHOICE, "%.*s", (int)strcspn(at, "|"), at);
  return text;
}

int esp_option_place(const esp_option *row, const char *word) {
  char name[CHOICE];
  for (int k = 0; esp_option_choice(row, k, name); k++)
    if (!strcmp(name, word)) return k;
  return -1;
}

/* ---- what a row allows, in words ---- */

static void add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *text, size_t size, const char *format, ...) {
  const size_t length = strlen(text);
  va_list list;
  va_start(list, format);
  vsnprintf(text + length, size - length, format, list);
  va_end(list);
}

/* Texts become names of files, and stand on terminals and pages. no_first: empty: nothing is refused. */
static const struct {
  const char *also, *no_first, *none_of;
} forms[] = {[ESP_TEXT_ANY] = {"", "", ""},
             [ESP_TEXT_PATH] = {", not empty, not beginning with '-'", "-", ""},
             [ESP_TEXT_NAME] = {" without '/', not empty, not beginning with '-' or '.'", "-.", "/"}};

static void allowed_range(const esp_option *row, const char *what, char *text, size_t size) {
  const int low = isfinite(row->min), high = isfinite(row->max);
  if (low && high)
    snprintf(text, size, "%s in [%.10g, %.10g]", what, row->min, row->max);
  else
    snprintf(text, size, "%s >= %.10g", what, row->min);
}

void esp_option_allowed(const esp_option *row, char *text, size_t size) {
  char name[CHOICE];
  switch (row->type) {
    case ESP_OPTION_INT:
    case ESP_OPTION_WHOLE:
      allowed_range(row, "integer", text, size);
      break;
    case ESP_OPTION_REAL:
      allowed_range(row, "number", text, size);
      break;
    case ESP_OPTION_LIST:
      allowed_range(row, "integers separated by commas, each", text, size);
      break;
    case ESP_OPTION_FLAG:
      snprintf(text, size, "true or false");
      break;
    case ESP_OPTION_CHOICE:
      snprintf(text, size, "one of");
      for (int k = 0; esp_option_choice(row, k, name); k++) add(text, size, "%c%s", k ? '|' : ' ', name);
      break;
    case ESP_OPTION_TEXT:
    case ESP_OPTION_PART:
      snprintf(text, size, "printable text%s", forms[row->form].also);
      break;
  }
}

/* ---- text to member: 0 where it is none ---- */

typedef union {
  int small;
  int64_t whole;
  double real;
  const char *text;
  esp_list list;
} member;

static int at_end(const char *text) {
  return text[strspn(text, " \t")] == 0;
}

static int take_whole(const char *text, const char **end, int64_t *whole) {
  char *stop;
  errno = 0;
  const long long value = strtoll(text, &stop, 10);
  *end = stop;
  *whole = value;
  return stop != text && !errno;
}

static int take_real(const char *text, double *real) {
  char *stop;
  *real = strtod(text, &stop);
  return stop != text && at_end(stop);
}

static int take_flag(const char *text, int *flag) {
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
  for (int w = 0; w < 8; w++)
    if (!strcasecmp(text, words[w])) return *flag = w % 2, 1;
  return 0;
}

static int take_list(const char *text, esp_list *list) {
  for (list->count = 0; list->count < ESP_LIST; text++) {
    if (!take_whole(text, &text, &list->value[list->count++])) return 0;
    text += strspn(text, " \t");
    if (*text != ',') return *text == 0;
  }
  return 0;
}

static int take(const esp_option *row, const char *text, member *value) {
  const char *end;
  int64_t whole;
  switch (row->type) {
    case ESP_OPTION_INT:
      if (!take_whole(text, &end, &whole) || !at_end(end) || whole != (int)whole) return 0;
      return value->small = (int)whole, 1;
    case ESP_OPTION_WHOLE:
      return take_whole(text, &end, &value->whole) && at_end(end);
    case ESP_OPTION_REAL:
      return take_real(text, &value->real);
    case ESP_OPTION_FLAG:
      return take_flag(text, &value->small);
    case ESP_OPTION_CHOICE:
      return (value->small = esp_option_place(row, text)) >= 0;
    case ESP_OPTION_LIST:
      return take_list(text, &value->list);
    case ESP_OPTION_TEXT:
      return value->text = text, 1;
    case ESP_OPTION_PART:
      break;
  }
  return 0;
}

/* ---- what a row allows, of numbers from anywhere ---- */

static int in_range(const esp_option *row, double value) {
  return isfinite(value) && value >= row->min && value <= row->max;
}

/* No control characters: those of ASCII, and the further ones of Unicode, which UTF-8 writes behind a byte 0xc2. */
static int is_plain(const char *text) {
  for (const unsigned char *c = (const unsigned char *)text; *c; c++)
    if (iscntrl(*c) || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)) return 0;
  return 1;
}

static int has_form(const esp_option *row, const char *text) {
  const char *no_first = forms[row->form].no_first;
  return is_plain(text) && !(no_first[0] && strchr(no_first, text[0])) && !strpbrk(text, forms[row->form].none_of);
}

static int fits(const esp_option *row, const member *m) {
  char name[CHOICE];
  switch (row->type) {
    case ESP_OPTION_INT:
      return in_range(row, m->small);
    case ESP_OPTION_WHOLE:
      return in_range(row, (double)m->whole);
    case ESP_OPTION_REAL:
      return in_range(row, m->real);
    case ESP_OPTION_FLAG:
      return m->small == 0 || m->small == 1;
    case ESP_OPTION_CHOICE:
      return m->small >= 0 && esp_option_choice(row, m->small, name);
    case ESP_OPTION_LIST:
      for (int i = 0; i < m->list.count; i++)
        if (!in_range(row, (double)m->list.value[i])) return 0;
      return m->list.count >= 0 && m->list.count <= ESP_LIST;
    case ESP_OPTION_TEXT:
      return has_form(row, m->text);
    case ESP_OPTION_PART:
      break;
  }
  return 1;
}

static int refuse(const esp_option *row, const char *text) {
  char allowed[512];
  esp_option_allowed(row, allowed, sizeof allowed);
  return ESP_FAIL(ESP_ERR_CONFIG, "%s is '%s': must be %s", row->name, text, allowed);
}

int esp_option_parse(const esp_option *row, const char *text, void *value) {
  member taken = {.list = {0}};
  if (!take(row, text, &taken) || !fits(row, &taken)) return refuse(row, text);
  memcpy(value, &taken, esp_option_size(row));
  return ESP_OK;
}

int esp_option_check(const esp_option *row, const void *value) {
  const member none = {.list = {0}};
  member m = none;
  char text[64];
  memcpy(&m, value, esp_option_size(row));
  if ((row->beyond & ESP_BEYOND_BITS) || fits(row, &m)) return ESP_OK;
  if ((row->beyond & ESP_BEYOND_ZERO) && !memcmp(&m, &none, esp_option_size(row))) return ESP_OK;
  esp_option_print(row, value, text, sizeof text);
  return refuse(row, text);
}

/* ---- member to text ---- */

void esp_option_print(const esp_option *row, const void *value, char *text, size_t size) {
  member m = {.list = {0}};
  memcpy(&m, value, esp_option_size(row));
  text[0] = 0;
  switch (row->type) {
    case ESP_OPTION_INT:
      add(text, size, "%d", m.small);
      break;
    case ESP_OPTION_WHOLE: /* what is never negative may be a seed, which needs all bits */
      if (row->min >= 0)
        add(text, size, "%" PRIu64, (uint64_t)m.whole);
      else
        add(text, size, "%" PRId64, m.whole);
      break;
    case ESP_OPTION_REAL:
      add(text, size, "%.17g", m.real);
      break;
    case ESP_OPTION_FLAG:
      add(text, size, "%s", m.small ? "true" : "false");
      break;
    case ESP_OPTION_CHOICE: {
      char name[CHOICE];
      add(text, size, "%s", esp_option_choice(row, m.small, name) ? name : "?");
      break;
    }
    case ESP_OPTION_LIST:
      for (int i = 0; i < m.list.count && i < ESP_LIST; i++)
        add(text, size, "%s%" PRId64, i ? "," : "", m.list.value[i]);
      break;
    case ESP_OPTION_TEXT:
      add(text, size, "%s", m.text);
      break;
    case ESP_OPTION_PART:
      break;
  }
}
