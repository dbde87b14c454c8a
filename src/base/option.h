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
  ESP_OPTION_TEXT,   /* const char *, owned by the configuration (or by the model read from a file) */
  ESP_OPTION_CHOICE, /* int: place among the choices */
  ESP_OPTION_LIST,   /* esp_list */
  ESP_OPTION_PART    /* a structure of its own, described by `part` */
} esp_option_type;

enum { ESP_LIST = 64 };
typedef struct {
  int count;
  int64_t value[ESP_LIST];
} esp_list;

enum {
  ESP_OF_MODEL = 1, /* stands in the checkpoint; a run that continues must have the same value */
  ESP_OF_TREE = 2,  /* stands there, too; a run that uses the checkpoint and sets the key replaces it */
  ESP_OF_DATA = 4   /* no key: what the data say. Stands in the checkpoint; must be the same */
};

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
  const char *was;         /* attribute of checkpoints of version 1; NULL: the name without its prefix. A whole number
                                   found where a choice is wanted is the place among the choices */
} esp_option;

struct esp_options {
  size_t size; /* of the structure */
  const esp_option *row;
  /* Keys that contradict each other or imply each other: may change `filled`. before: the structure as a checkpoint had
   * it, or NULL; config: what was set by whom (esp_config_is_set). ESP_ERR_CONFIG naming the keys. NULL: nothing to say.
   * Local, the same on every rank. */
  int (*check)(const esp_config *config, const void *before, void *filled);
};

/* Fill a zeroed structure from the configuration: every row's value, or the row's default where the key is not set; then
 * the checks of the parts, then of the table itself. ESP_ERR_CONFIG naming key, value seen, what this table allows. */
int esp_options_fill(const esp_options *options, const esp_config *config, void *filled);
/* A structure as a checkpoint had it: rows of ESP_OF_TREE whose key is set are replaced; then the checks. */
int esp_options_replace(const esp_options *options, const esp_config *config, void *filled);

/* Calls `visit` for every row, rows of parts in their place with the part's offset added; stops at the first that does
 * not return 0, and returns that. */
int esp_options_each(const esp_options *options, int (*visit)(void *context, const esp_option *row, size_t offset),
                     void *context);
/* Name of choice k of a row, NULL behind the last; into text[64]. Place of a word among the choices, -1: none of them. */
const char *esp_option_choice(const esp_option *row, int k, char text[64]);
int esp_option_place(const esp_option *row, const char *word);

#endif
