/* From what a header states to physical units: G, conversion factors, box. Pure; local. */
#ifndef ESP_SNAPSHOT_UNITS_H
#define ESP_SNAPSHOT_UNITS_H

#include "io/snapshot.h"

/* Newton's constant, cm^3 g^-1 s^-2: E. Tiesinga et al., CODATA 2018, Rev. Mod. Phys. 93 (2021) 025010. */
#define ESP_G_CGS 6.67430e-8

/* What these units make of it; 0: not all three are known. */
double esp_snapshot_G(const esp_units *units);

/* Fill comoving, periodic, a, h, factor and what each was taken from. ESP_ERR_FORMAT: cosmological flags that contradict
 * each other or leave it open, or factors that are missing. */
int esp_snapshot_settle_space(const char *path, const esp_snapshot_options *options, esp_snapshot_header *header);
/* And units and G. ESP_ERR_CONFIG: no units, or those given differ from the file's, or make another G than it states, by
 * over 1e-3. */
int esp_snapshot_settle(const char *path, const esp_snapshot_options *options, esp_snapshot_header *header);
/* Fills head->told. */
void esp_snapshot_tell(esp_snapshot_header *head);

#endif
