/* Changes to the bytes and the lines of a file. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t fuzz_below(uint64_t *random, uint64_t n) {
  uint64_t z = (*random += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return n ? (z ^ z >> 31) % n : 0;
}

#define ANY_OF(random, list) ((list)[fuzz_below(random, sizeof(list) / sizeof *(list))])

const char *fuzz_number(uint64_t *random) {
  static const char *const number[] = {"nan",
                                       "inf",
                                       "-inf",
                                       "-1",
                                       "0",
                                       "1",
                                       "2",
                                       "0.5",
                                       "1e300",
                                       "1e308",
                                       "-1e308",
                                       "1e-320",
                                       "1e19",
                                       "255",
                                       "65536",
                                       "1073741824",
                                       "2147483647",
                                       "2147483648",
                                       "4294967295",
                                       "4294967296",
                                       "-2147483648",
                                       "-2147483649",
                                       "1e15",
                                       "4611686018427387904",
                                       "9223372036854775807",
                                       "-9223372036854775808"};
  return ANY_OF(random, number);
}

/* ---- drawing ---- */

/* Seldom among the numbers of a dataset, often in a binary file's head. */
static long draw_offset(uint64_t *random, const fuzz_subject *s) {
  long at = (long)fuzz_below(random, (uint64_t)s->size);
  if (s->kind == FUZZ_BINARY) return fuzz_below(random, 2) ? at : at % 300;
  for (int turn = 0; turn < 30 && fuzz_below(random, 10); turn++) {
    int inside = 0;
    for (int k = 0; k < s->objects; k++)
      inside |= at >= s->object[k].offset && at < s->object[k].offset + s->object[k].size;
    if (!inside) break;
    at = (long)fuzz_below(random, (uint64_t)s->size);
  }
  return at;
}

static void draw_bytes(uint64_t *random, const fuzz_subject *s, char *text, size_t size) {
  static const long word[] = {0,          1,          -1,          2,          127,        255,
                              256,        0x7fff,     0xffff,      0x10000,    0x7fffffff, 0x80000000,
                              0xffffffff, 0x40000000, 0x100000000, 0x3ff00000, 0x7ff00000, 0x7ff0000000000000,
                              1L << 62};
  static const int width[] = {1, 2, 4, 4, 8, 8};
  const long at = draw_offset(random, s), to = draw_offset(random, s), some = 1 + (long)fuzz_below(random, 64);
  switch (fuzz_below(random, 8)) {
    case 0:
      snprintf(text, size, "cut|%ld", fuzz_below(random, 3) ? at : s->size - some);
      break;
    case 1:
      snprintf(text, size, "flip|%ld|%d", at, (int)fuzz_below(random, 8));
      break;
    case 2:
      snprintf(text, size, "byte|%ld|%d", at, (int)fuzz_below(random, 256));
      break;
    case 3:
      snprintf(text, size, "zero|%ld|%ld", at, some);
      break;
    case 4:
      snprintf(text, size, "copy|%ld|%ld|%ld", at, to, some);
      break;
    case 5:
      snprintf(text, size, fuzz_below(random, 2) ? "gone|%ld|%ld" : "more|%ld|%ld", at, some);
      break;
    default:
      snprintf(text, size, "word|%ld|%d|%ld", s->kind == FUZZ_BINARY ? at / 4 * 4 : at, ANY_OF(random, width),
               ANY_OF(random, word));
  }
}

/* A text for a value or a whole line. */
static const char *draw_token(uint64_t *random) {
  static const char *const token[] = {"",
                                      "true",
                                      "none",
                                      "float32",
                                      "[1, 2, 3]",
                                      "[1, [2, 3]]",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "{a: 1}",
                                      "{a: {b: {c: 1}}}",
                                      "&a x",
                                      "*a",
                                      "&a *a",
                                      "[*a, *a]",
                                      "!!binary x",
                                      "!!int 3",
                                      "'",
                                      "\"",
                                      "\"\\x00\"",
                                      "%",
                                      "%n%s%d",
                                      "\t",
                                      "? x",
                                      "<<: x",
                                      "|",
                                      ">",
                                      "@",
                                      "`",
                                      "- 1",
                                      "---",
                                      "...",
                                      "- - - - -",
                                      "# c",
                                      "1:2",
                                      "0x10",
                                      "1e",
                                      "1,2,,3",
                                      "1,1,1,1,1,1,1,1,1",
                                      "<script>x</script>",
                                      "<b onload=x>",
                                      "../../../x",
                                      "/dev/zero",
                                      "/dev/full",
                                      ".",
                                      "-x",
                                      "--",
                                      "\x01\x1b[2J",
                                      "\xff\xfe",
                                      "\xc3\x28",
                                      "a: b: c",
                                      "net_layers: 3",
                                      "tree: {theta: 0.5}",
                                      "tree_theta: 0.5",
                                      "unknown: 1",
                                      "tree_thet: 1",
                                      "9999999999999999999999",
                                      "-0",
                                      "+1",
                                      ".5",
                                      "1_000",
                                      "1 2",
                                      "NaN",
                                      ".inf",
                                      "~",
                                      "null",
                                      "LONG",
                                      "DEEP"};
  return fuzz_below(random, 3) ? ANY_OF(random, token) : fuzz_number(random);
}

static void draw_line(uint64_t *random, const fuzz_subject *s, char *text, size_t size) {
  const long line = (long)fuzz_below(random, (uint64_t)s->lines), other = (long)fuzz_below(random, (uint64_t)s->lines);
  switch (fuzz_below(random, 7)) {
    case 0:
      snprintf(text, size, "drop|%ld", line);
      break;
    case 1:
      snprintf(text, size, "twice|%ld", line);
      break;
    case 2:
      snprintf(text, size, "swap|%ld|%ld", line, other);
      break;
    case 3:
      snprintf(text, size, "line|%ld|%s", line, draw_token(random));
      break;
    default:
      snprintf(text, size, "value|%ld|%d|%s", line, (int)fuzz_below(random, 8), draw_token(random));
  }
}

void fuzz_draw(uint64_t *random, const fuzz_subject *s, char changes[FUZZ_LINE]) {
  const int many = fuzz_below(random, 10) < 7 ? 1 : 2 + (int)fuzz_below(random, 2);
  const int bytes = fuzz_below(random, s->kind == FUZZ_BINARY ? 1 : 3) == 0;
  size_t used = 0;
  changes[0] = 0;
  for (int k = 0; k < many; k++) {
    char one[256];
    if (bytes)
      draw_bytes(random, s, one, sizeof one);
    else if (s->kind == FUZZ_HDF5)
      fuzz_draw_hdf5(random, s, one, sizeof one);
    else
      draw_line(random, s, one, sizeof one);
    used += (size_t)snprintf(changes + used, FUZZ_LINE - used, "%s%s", k ? ";" : "", one);
  }
}

/* ---- making changes: the whole file in memory ---- */

typedef struct {
  char *byte;
  size_t size;
} content;

static int load(const char *path, content *c) {
  FILE *file = fopen(path, "rb");
  if (!file) return -1;
  fseek(file, 0, SEEK_END);
  c->size = (size_t)ftell(file);
  rewind(file);
  c->byte = calloc(c->size + 1, 1);
  const size_t got = fread(c->byte, 1, c->size, file);
  fclose(file);
  return got == c->size ? 0 : -1;
}

static void store(const char *path, const content *c) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(c->byte, 1, c->size, file) != c->size || fclose(file)) abort();
}

/* [at, at + gone) becomes `text` [length]. */
static void replace(content *c, size_t at, size_t gone, const char *text, size_t length) {
  if (at > c->size) at = c->size;
  if (gone > c->size - at) gone = c->size - at;
  char *made = calloc(c->size - gone + length + 1, 1);
  memcpy(made, c->byte, at);
  memcpy(made + at, text, length);
  memcpy(made + at + length, c->byte + at + gone, c->size - at - gone);
  free(c->byte);
  *c = (content){made, c->size - gone + length};
}

static int change_bytes(content *c, char *const *word, int words) {
  const char *what = word[0];
  const size_t at = words > 1 ? strtoul(word[1], NULL, 10) : 0, some = words > 2 ? strtoul(word[2], NULL, 10) : 0;
  static const char zero[64];
  if (!strcmp(what, "cut")) return replace(c, at, c->size, "", 0), 1;
  if (!strcmp(what, "gone")) return replace(c, at, some, "", 0), 0;
  if (!strcmp(what, "more")) return replace(c, at, 0, zero, some < sizeof zero ? some : sizeof zero), 0;
  if (!strcmp(what, "zero")) return replace(c, at, some, zero, some < sizeof zero ? some : sizeof zero), 0;
  if (!strcmp(what, "flip") && at < c->size) return c->byte[at] = (char)(c->byte[at] ^ 1 << some % 8), 0;
  if (!strcmp(what, "byte") && at < c->size) return c->byte[at] = (char)some, 0;
  if (words < 4) return 0;
  if (!strcmp(what, "word")) {
    const long value = strtol(word[3], NULL, 10);
    if (c->size >= 8 && at <= c->size - 8 && some <= 8) memcpy(c->byte + at, &value, some);
  } else if (!strcmp(what, "copy")) {
    const size_t length = strtoul(word[3], NULL, 10);
    const size_t last = length <= c->size ? c->size - length : 0;
    if (length <= c->size && at <= last && some <= last) memmove(c->byte + some, c->byte + at, length);
  }
  return 0;
}

/* Line k begins at the offset that is returned; *length without its end. */
static size_t line_at(const content *c, long k, size_t *length) {
  size_t at = 0;
  for (; k > 0 && at < c->size; at++) k -= c->byte[at] == '\n';
  const char *end = memchr(c->byte + at, '\n', c->size - at);
  *length = end ? (size_t)(end - c->byte) - at : c->size - at;
  return at;
}

static char *expand(const char *token) {
  enum { LONG = 6000 };
  if (strcmp(token, "LONG") && strcmp(token, "DEEP")) return strdup(token);
  char *text = malloc(LONG + 1);
  memset(text, token[0] == 'L' ? 'x' : '[', LONG);
  text[LONG] = 0;
  return text;
}

/* The k-th value of a line: what stands between commas, or behind the colon. */
static void put_value(content *c, size_t at, size_t length, long k, const char *text) {
  size_t from = 0, to = length;
  char *line = c->byte + at, *colon = memchr(line, ':', length);
  if (colon && memchr(line, ',', length) == NULL) {
    from = (size_t)(colon - line) + 1;
    replace(c, at + from, to - from, " ", 1);
    return replace(c, at + from + 1, 0, text, strlen(text));
  }
  for (; k > 0 && from < length; from++) k -= line[from] == ',';
  for (to = from; to < length && line[to] != ','; to++) continue;
  replace(c, at + from, to - from, text, strlen(text));
}

static int change_lines(content *c, char *const *word, int words) {
  size_t length, more;
  const size_t at = line_at(c, words > 1 ? atol(word[1]) : 0, &length);
  if (!strcmp(word[0], "drop")) replace(c, at, length + 1, "", 0);
  if (!strcmp(word[0], "twice")) {
    char *copy = strndup(c->byte + at, length + 1);
    replace(c, at, 0, copy, strlen(copy));
    free(copy);
  }
  if (words > 2 && !strcmp(word[0], "swap")) {
    const size_t to = line_at(c, atol(word[2]), &more);
    char *copy = strndup(c->byte + to, more);
    replace(c, at, length, copy, strlen(copy));
    free(copy);
  }
  if ((words > 2 && !strcmp(word[0], "line")) || (words > 3 && !strcmp(word[0], "value"))) {
    char *text = expand(word[words - 1]);
    if (word[0][0] == 'v')
      put_value(c, at, length, atol(word[2]), text);
    else
      replace(c, at, length, text, strlen(text));
    free(text);
  }
  return 0;
}

/* The last argument of a line may hold any character. */
static int split(char *change, char *word[8]) {
  int words = 0, most = 8;
  for (char *at = change; at && words < most; words++) {
    word[words] = at;
    if (words == 0) most = !strncmp(at, "value|", 6) ? 4 : !strncmp(at, "line|", 5) ? 3 : 8;
    char *bar = words + 1 < most ? strchr(at, '|') : NULL;
    if (bar) *bar = 0;
    at = bar ? bar + 1 : NULL;
  }
  return words;
}

int fuzz_spoil(const char *changes, const fuzz_subject *s) {
  char copy[FUZZ_LINE], *word[8], *next;
  int same = 1;
  snprintf(copy, sizeof copy, "%s", changes);
  for (char *change = copy; change; change = next) {
    content c = {0};
    next = strchr(change, ';');
    if (next) *next++ = 0;
    const int words = split(change, word);
    if (s->kind == FUZZ_HDF5) {
      const int told = fuzz_spoil_hdf5(word, words, s);
      if (told >= 0) same = same && told;
      if (told >= 0) continue;
    }
    if (load(s->place, &c)) return 0;
    const int kept = change_bytes(&c, word, words) && s->kind != FUZZ_TEXT;
    if (s->kind == FUZZ_TEXT) change_lines(&c, word, words);
    store(s->place, &c);
    free(c.byte);
    same = same && kept;
  }
  return same;
}
