/* How many dimensions keys may have; for kernels, too. */
#ifndef ESP_DIM_H
#define ESP_DIM_H

enum { ESP_MAX_DIM = 64 };

#endif
