/* From what a header states to physical units: G, conversion factors, box. Pure; local. */
#ifndef ESP_SNAPSHOT_UNITS_H
#define ESP_SNAPSHOT_UNITS_H

#include "io/snapshot.h"

/* Newton's constant, cm^3 g^-1 s^-2: E. Tiesinga et al., CODATA 2018, Rev. Mod. Phys. 93 (2021) 025010. */
#define ESP_G_CGS 6.67430e-8

/* Fill comoving, periodic, a, h, factor, units and G. ESP_ERR_CONFIG: no units, or those given differ from the file's
 * by over 1 %; ESP_ERR_FORMAT: cosmological flags that contradict each other, or factors that are missing. */
int esp_snapshot_settle(const char *path, const esp_snapshot_options *options, esp_snapshot_header *header);

#endif
