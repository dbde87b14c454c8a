/* Pairs in float32: the routines that training and prediction use. */
#define ESP_REAL float
#define ESP_SQRT sqrtf
#define ESP_RINT rintf
#define ESP_TINY 1e-15f
#include "net/functions32.h"
#define ESP_EXP esp_exp32
#define ESP_LOG esp_log32
#define ESP_OPS esp_ops_cpu32
#define ESP_OPS_NAME "cpu32"
#include "net/ops_cpu_body.h"
