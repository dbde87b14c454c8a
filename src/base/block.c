#include "base/block.h"

#include <stdarg.h>
#include <stdio.h>

int esp_block_add(esp_block *block, int rows, int columns, const char *format, ...) {
  const int at = block->count;
  if (rows * columns == 0) return at;
  esp_entry *entry = &block->entry[block->entries++];
  *entry = (esp_entry){.rows = rows, .columns = columns, .offset = at};
  va_list list;
  va_start(list, format);
  vsnprintf(entry->name, sizeof entry->name, format, list);
  va_end(list);
  block->count += rows * columns;
  return at;
}
