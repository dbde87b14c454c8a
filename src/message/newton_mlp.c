#include "message/law.h"

/* V is zero: the correction begins as none. */
static void start(const esp_form *f, uint64_t seed, int layer, double *param) {
  esp_law_start(f, seed, layer, 0, param);
}

const esp_message esp_message_correction = {.name = "correction",
                                            .help = "the learned correction of newton_mlp alone",
                                            .check = esp_law_check,
                                            .admit = esp_body_admit,
                                            .widths = esp_law_widths,
                                            .part = esp_law_part,
                                            .start = start,
                                            .cells = &esp_mass_cells};

const esp_message esp_message_newton_mlp = {.name = "newton_mlp",
                                            .traits = ESP_MESSAGE_GRAVITY,
                                            .rest = &esp_message_correction,
                                            .help = "the law given, with a learned correction on near pairs",
                                            .check = esp_law_check,
                                            .admit = esp_body_admit,
                                            .widths = esp_law_widths,
                                            .part = esp_law_part,
                                            .start = start,
                                            .cells = &esp_mass_cells};
