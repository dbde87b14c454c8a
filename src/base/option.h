/* Options: one row is one key, and the one member of a structure that it sets. From the rows come parsing, help,
 * inputs/reference.yaml, the checkpoint's attributes, what `info` prints of them and what a run that continues must share
 * with the file. A new key is one line beside the member it sets. Local.
 *
 * A table of rows describes one structure. A row of type ESP_OPTION_PART describes a structure inside it by a table of
 * its own, so that what several networks share (the tree) is written once. The same key may stand in several tables that
 * are never used together (net_layers of two networks): with its own range, choices and default in each. */
#ifndef ESP_OPTION_H
#define ESP_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

typedef struct esp_config esp_config; /* base/config.h */

/* Behind each the type of the member. */
typedef enum {
  ESP_OPTION_INT,    /* int */
  ESP_OPTION_WHOLE,  /* int64_t, or uint64_t for seeds */
  ESP_OPTION_REAL,   /* double */
  ESP_OPTION_FLAG,   /* int: 0 or 1 */
  ESP_OPTION_TEXT,   /* const char *, owned by the configuration; stands in no checkpoint */
  ESP_OPTION_CHOICE, /* int: place among the choices */
  ESP_OPTION_LIST,   /* esp_list */
  ESP_OPTION_PART    /* a structure of its own, described by `part` */
} esp_option_type;

enum { ESP_LIST = 64 };
typedef struct {
  int count;
  int64_t value[ESP_LIST];
} esp_list;

/* Rows with any of these stand in the checkpoint. */
enum {
  ESP_OF_MODEL = 1, /* a run that continues must have the same value */
  ESP_OF_TREE = 2,  /* a run that uses the checkpoint and sets the key replaces it */
  ESP_OF_DATA = 4   /* no key: what the data say; a run that continues must have the same value */
};

/* BITS: anything, as a seed; ZERO: 0 where nothing uses it. */
enum { ESP_BEYOND_BITS = 1, ESP_BEYOND_ZERO = 2 };

/* What a text may be: any that can be printed; or of these a path to make folders at; or the name of one folder. */
enum { ESP_TEXT_ANY, ESP_TEXT_PATH, ESP_TEXT_NAME };

typedef struct esp_options esp_options;

typedef struct {
  const char *name; /* prefix_word; NULL ends the rows. ESP_OF_DATA and ESP_OPTION_PART: no key, a plain word */
  esp_option_type type;
  size_t offset;
  const char *unit;            /* "" if none */
  double min, max;             /* numbers and each number of a list: closed range */
  const char *choices;         /* "a|b|c"; or NULL with */
  const char *(*names)(int k); /* the k-th name of a table, NULL behind the last: choices that grow with the table */
  const char *value, *help;    /* default as text; one line */
  unsigned flags;
  const esp_options *part; /* ESP_OPTION_PART */
  int form;                /* ESP_OPTION_TEXT: one of the forms below */
  unsigned beyond;         /* what a member may be beyond the range, which is that of texts */
  const char *was;         /* attribute of checkpoints of version 1; NULL: the name without its prefix. A whole number
                                   found where a choice is wanted is the place among the choices */
  const char *absent;      /* what checkpoints without the attribute are, as text; NULL: the default */
  const char *lacking;     /* why checkpoints without the attribute are refused, and what to do; NULL: they are not */
} esp_option;

struct esp_options {
  size_t size; /* of the structure */
  const esp_option *row;
  /* Keys that contradict each other or imply each other: may change `filled`. before: the structure as a checkpoint had
   * it, or NULL; config: what was set by whom (esp_config_is_set), or NULL: a run continues from `before`, and what a
   * search found there is taken over. ESP_ERR_CONFIG naming the keys. NULL: nothing to say. Local, the same on every
   * rank. */
  int (*check)(const esp_config *config, const void *before, void *filled);
};

/* Fill a structure from the configuration: 0 what no key sets, every row's value, or the row's default where the key is not
 * set; then the checks of the parts, then of the table itself. ESP_ERR_CONFIG naming key, value seen, what this table allows. */
int esp_options_fill(const esp_options *options, const esp_config *config, void *filled);
/* The same into memory of its own, the caller's (ESP_FREE); options NULL: *filled is NULL. */
int esp_options_make(const esp_options *options, const esp_config *config, void **filled);
/* A structure as a checkpoint had it: rows of ESP_OF_TREE whose key is set are replaced; then the checks. */
int esp_options_replace(const esp_options *options, const esp_config *config, void *filled);
/* A run's structure that continues from `before`, a checkpoint's: the checks, with config NULL. */
int esp_options_continue(const esp_options *options, const void *before, void *filled);
/* The members of rows with any of the flags, from one structure to another. */
void esp_options_copy(const esp_options *options, unsigned flags, const void *from, void *to);

/* Calls `visit` for every row, rows of parts in their place with the part's offset added; stops at the first that does
 * not return 0, and returns that. */
int esp_options_each(const esp_options *options, int (*visit)(void *context, const esp_option *row, size_t offset),
                     void *context);

/* Name of choice k of a row, NULL behind the last; into text[64]. Place of a word among the choices, -1: none of them. */
const char *esp_option_choice(const esp_option *row, int k, char text[64]);
int esp_option_place(const esp_option *row, const char *word);
/* One member from text ("0.7", "true", "128, 1024"); a text is borrowed. ESP_ERR_CONFIG naming key, text and what the
 * row allows; *value is then as it was. */
int esp_option_parse(const esp_option *row, const char *text, void *value);
/* A member that came from elsewhere, a file: likewise. */
int esp_option_check(const esp_option *row, const void *value);
/* In words what a row allows ("integer in [1, 32]"), and a member as the text that parse takes; cut at `size`. */
void esp_option_allowed(const esp_option *row, char *text, size_t size);
void esp_option_print(const esp_option *row, const void *value, char *text, size_t size);
/* Bytes of a member; 0: of a part. */
size_t esp_option_size(const esp_option *row);

/* ---- a row a line ---- */

#define ESP_COUNT_MAX 2147483647.0 /* what one rank holds, or a loop counts */
#define ESP_TOTAL_MAX 1e15         /* particles in all: exact as a double */

/* Offset of a member of structure `of` that has the size of a `kind`. What follows the help are further fields by name:
 * .flags = ESP_OF_MODEL, .was = "..." */
#define ESP_MEMBER(of, member, kind) \
  (offsetof(of, member) + 0 * sizeof(char[sizeof(((of *)0)->member) == sizeof(kind) ? 1 : -1]))
#define ESP_ROW(of, member, kind, type_, name_, value_, help_, ...) \
  { .name = name_, .type = type_, .offset = ESP_MEMBER(of, member, kind), .value = value_, .help = help_, __VA_ARGS__ }
#define ESP_NUMBER_ROW(of, member, kind, type_, name_, value_, min_, max_, unit_, help_, ...) \
  ESP_ROW(of, member, kind, type_, name_, value_, help_, .min = min_, .max = max_, .unit = unit_, __VA_ARGS__)
#define ESP_INT_ROW(of, member, ...) ESP_NUMBER_ROW(of, member, int, ESP_OPTION_INT, __VA_ARGS__)
#define ESP_WHOLE_ROW(of, member, ...) ESP_NUMBER_ROW(of, member, int64_t, ESP_OPTION_WHOLE, __VA_ARGS__)
#define ESP_REAL_ROW(of, member, ...) ESP_NUMBER_ROW(of, member, double, ESP_OPTION_REAL, __VA_ARGS__)
#define ESP_LIST_ROW(of, member, ...) ESP_NUMBER_ROW(of, member, esp_list, ESP_OPTION_LIST, __VA_ARGS__)
#define ESP_FLAG_ROW(of, member, ...) ESP_ROW(of, member, int, ESP_OPTION_FLAG, __VA_ARGS__, .unit = "")
#define ESP_TEXT_ROW(of, member, ...) ESP_ROW(of, member, char *, ESP_OPTION_TEXT, __VA_ARGS__, .unit = "")
#define ESP_CHOICE_ROW(of, member, name_, value_, choices_, ...) \
  ESP_ROW(of, member, int, ESP_OPTION_CHOICE, name_, value_, __VA_ARGS__, .choices = choices_, .unit = "")
#define ESP_NAMES_ROW(of, member, name_, value_, names_, ...) \
  ESP_ROW(of, member, int, ESP_OPTION_CHOICE, name_, value_, __VA_ARGS__, .names = names_, .unit = "")
#define ESP_DATA_ROW(of, member, name_, ...) \
  ESP_NUMBER_ROW(of, member, int, ESP_OPTION_INT, name_, "0", 0, ESP_COUNT_MAX, "", __VA_ARGS__, .flags = ESP_OF_DATA)
#define ESP_PART_ROW(of, member, table) \
  { .name = #member, .type = ESP_OPTION_PART, .offset = offsetof(of, member), .part = &(table) }
#define ESP_SEED_ROW(of, member, ...)                                                            \
  ESP_WHOLE_ROW(of, member, "run_seed", "1", 0, ESP_TOTAL_MAX, "", "seed of all random numbers", \
                .beyond = ESP_BEYOND_BITS, __VA_ARGS__)

#endif
