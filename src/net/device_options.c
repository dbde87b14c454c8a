#include <string.h>

#include "base/option.h"
#include "net/device.h"

#define OF esp_device_words

static const char *processor_of(const esp_device *device) {
  return device->processor;
}
static const char *precision_of(const esp_device *device) {
  return device->precision;
}

/* The k-th of the words of the devices. */
static const char *device_word(int k, const char *(*word)(const esp_device *)) {
  for (int d = 0; esp_devices[d]; d++) {
    int seen = 0;
    for (int e = 0; e < d; e++) seen |= !strcmp(word(esp_devices[e]), word(esp_devices[d]));
    if (!seen && k-- == 0) return word(esp_devices[d]);
  }
  return NULL;
}
static const char *processor_name(int k) {
  return device_word(k, processor_of);
}
static const char *precision_name(int k) {
  return device_word(k, precision_of);
}

const esp_options esp_device_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_NAMES_ROW(OF, processor, "net_device", "cpu", processor_name,
                      "what the messages are computed on; cuda: where the program was built with it"),
        ESP_NAMES_ROW(OF, precision, "net_precision", "float32", precision_name, "arithmetic of the messages"),
        {0}},
    NULL};
