/* A new home for a shared set: its particles move to the ranks that own them in a tree that is near to those of all layers
 * of a network, in slot order. The layers' trees then find most particles at home already; in home order as read from a
 * file, P - 1 of P particles travel to and fro in every layer. */
#ifndef ESP_SETTLE_H
#define ESP_SETTLE_H

#include "net/network.h"

/* In place, with every column; nothing where the network has no such tree. Results computed on the set are the same bits in
 * any home; only where they lie changes. One rank: the order changes too, which keeps near particles near in memory.
 * Collective. Errors: those of the builder; ESP_ERR_ARG for a set with frames; memory. */
int esp_set_settle(const esp_backend *backend, const esp_model *model, esp_set *set);

#endif
