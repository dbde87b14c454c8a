#include "base/set.h"

const char *esp_part_name(esp_part part) {
  return part == ESP_PART_TRAIN ? "train" : "test";
}
