#include <math.h>

#include "message/message.h"

const esp_message *const esp_body_messages[] = {&esp_message_newton, &esp_message_newton_mlp, &esp_message_law, NULL};
const esp_message *const esp_key_messages[] = {&esp_message_gate, &esp_message_gate_mlp, NULL};

const char *esp_body_message_name(int k) {
  return esp_body_messages[k] ? esp_body_messages[k]->name : NULL;
}

const char *esp_key_message_name(int k) {
  return esp_key_messages[k] ? esp_key_messages[k]->name : NULL;
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
