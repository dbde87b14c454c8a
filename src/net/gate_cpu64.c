/* Gated pairs in float64: the oracle, and what central differences are held against. */
#include <math.h>
#define ESP_REAL double
#define ESP_EXP exp
#define ESP_GATE_EXP2 exp2
#define ESP_GATE_FAINT 1000.0
#define ESP_GATE_OPS esp_gate_cpu64
#define ESP_GATE_OPS_NAME "cpu64"
#include "net/gate_cpu_body.h"
