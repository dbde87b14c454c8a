/* A block of parameters: one array and the table of what stands where in it. */
#ifndef ESP_BLOCK_H
#define ESP_BLOCK_H

#include <stdint.h>

#include "base/base.h"

typedef struct {
  char name[32]; /* tableau.c, layer0.key.E ... */
  int rows, columns;
  int offset;    /* in doubles; rows * columns of them, row by row */
  int held;      /* 1: constants of a training: no step moves them, no decay */
  int undecayed; /* 1: no decay pulls them to 0 */
} esp_entry;

/* Whoever creates the network owns both arrays. */
typedef struct {
  int count, entries;
  double *value;    /* [count] the same on every rank */
  esp_entry *entry; /* [entries] in order of offset, without gaps */
  int64_t known;    /* numbers that somebody says it has, a file; 0: nobody does */
} esp_block;

/* One group more, named as by printf, where entry has room; nothing where it has no numbers. Returns its offset. The count
 * stops at 2^31 - 1. Local. */
int esp_block_add(esp_block *block, int rows, int columns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The group at an offset is held from now on; nothing where no group begins there. Local. */
void esp_block_hold(esp_block *block, int offset);
/* The same: it is undecayed. Local. */
void esp_block_undecay(esp_block *block, int offset);
/* The numbers of all groups, 0. ESP_ERR_LIMIT for 2^31 - 1 of them or more; ESP_ERR_CONFIG where another number is known: in
 * both cases without memory for them. Local. */
int esp_block_alloc(esp_block *block);

#endif
