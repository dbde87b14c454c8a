#include "message/law.h"

/* V is zero: the correction begins as none. */
static void start(const esp_form *f, uint64_t seed, int layer, double *param) {
  esp_law_start(f, seed, layer, 0, param);
}

const esp_message esp_message_newton_mlp = {.name = "newton_mlp",
                                            .help = "the law given, with a learned correction on near pairs",
                                            .check = esp_law_check,
                                            .admit = esp_body_admit,
                                            .widths = esp_law_widths,
                                            .part = esp_law_part,
                                            .start = start,
                                            .cells = &esp_mass_cells};
