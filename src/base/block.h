/* A block of parameters: one array and the table of what stands where in it. */
#ifndef ESP_BLOCK_H
#define ESP_BLOCK_H

#include "base/base.h"

typedef struct {
  char name[32]; /* tableau.c, layer0.key.E ... */
  int rows, columns;
  int offset; /* in doubles; rows * columns of them, row by row */
} esp_entry;

/* Whoever creates the network owns both arrays. */
typedef struct {
  int count, entries;
  double *value;    /* [count] the same on every rank */
  esp_entry *entry; /* [entries] in order of offset, without gaps */
} esp_block;

/* One group more, named as by printf, where entry has room; nothing where it has no numbers. Returns its offset. Local. */
int esp_block_add(esp_block *block, int rows, int columns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
