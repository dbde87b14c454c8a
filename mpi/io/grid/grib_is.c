#include <stdio.h>
#include <string.h>

#include "base/input.h"
#include "io/grid/grib.h"

/* "GRIB", three bytes, the edition. */
int esp_grib_is(const char *path, int *is) {
  unsigned char start[8] = "";
  FILE *f;
  *is = 0;
  if (esp_input_check(path, NULL)) return esp_error_clear(), ESP_OK; /* it may name parts of something else */
  ESP_CALL(esp_input_open(path, &f));
  (void)!fread(start, 1, sizeof start, f);
  fclose(f);
  *is = !memcmp(start, "GRIB", 4) && (start[7] == 1 || start[7] == 2);
  return ESP_OK;
}
