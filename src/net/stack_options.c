#include "net/relation.h"

static const esp_option rows[] = {{0}};
const esp_options esp_stack_options = {.size = sizeof(esp_relation_param), .row = rows};
