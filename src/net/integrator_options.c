#include "net/integrator.h"

static const esp_option rows[] = {{0}};
const esp_options esp_integrator_options = {.size = sizeof(esp_integrator_param), .row = rows};
