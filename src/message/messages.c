#include <math.h>
#include <string.h>

#include "message/message.h"

const esp_message *const esp_messages[] = {&esp_message_newton, &esp_message_newton_mlp, &esp_message_law,
                                           &esp_message_gate,   &esp_message_gate_mlp,   NULL};

const esp_message *esp_message_find(const char *name) {
  for (int m = 0; esp_messages[m]; m++)
    if (!strcmp(esp_messages[m]->name, name)) return esp_messages[m];
  return NULL;
}

void esp_form_wrap(const esp_form *f, int n, double *key) {
  for (int a = 0; a < 3 && a < f->dim; a++) {
    const double period = f->period[a];
    for (int i = 0; i < n && period > 0; i++) {
      double *place = key + (size_t)i * (size_t)f->dim + (size_t)a;
      *place -= period * floor(*place / period);
      if (*place >= period || *place < 0) *place = 0; /* rounding of a place just below 0 or at the end */
    }
  }
}
