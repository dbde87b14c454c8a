/* Pairs in float64: the oracle, the truth's force, and what central differences are held against. */
#define ESP_REAL double
#define ESP_SQRT sqrt
#define ESP_RINT rint
#define ESP_TINY 1e-120
#define ESP_EXP exp
#define ESP_LOG log
#define ESP_OPS esp_ops_cpu64
#define ESP_OPS_NAME "cpu64"
#include "net/ops_cpu_body.h"
