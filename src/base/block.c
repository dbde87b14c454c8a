#include "base/block.h"

#include <stdarg.h>
#include <stdio.h>

int esp_block_add(esp_block *block, int rows, int columns, const char *format, ...) {
  const int at = block->count;
  const int64_t count = at + (int64_t)rows * columns;
  if (rows == 0 || columns == 0) return at;
  esp_entry *entry = &block->entry[block->entries++];
  *entry = (esp_entry){.rows = rows, .columns = columns, .offset = at};
  va_list list;
  va_start(list, format);
  vsnprintf(entry->name, sizeof entry->name, format, list);
  va_end(list);
  block->count = count < INT32_MAX ? (int)count : INT32_MAX;
  return at;
}

void esp_block_hold(esp_block *block, int offset) {
  for (int e = 0; e < block->entries; e++)
    if (block->entry[e].offset == offset) block->entry[e].held = 1;
}

void esp_block_undecay(esp_block *block, int offset) {
  for (int e = 0; e < block->entries; e++)
    if (block->entry[e].offset == offset) block->entry[e].undecayed = 1;
}

int esp_block_alloc(esp_block *block) {
  ESP_CHECK(block->count < INT32_MAX, ESP_ERR_LIMIT, "a network of %d parameters or more, allowed are fewer",
            INT32_MAX);
  ESP_CHECK(!block->known || block->known == block->count, ESP_ERR_CONFIG,
            "%lld parameters; a network of these keys and widths has %d", (long long)block->known, block->count);
  return ESP_ALLOC(block->value, block->count);
}
