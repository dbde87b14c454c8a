/* A new home for a sharded cloud: its particles move to the ranks that own them in the tree of their ballistic places
 * half a horizon on, in slot order. The trees of the layers, at places not far from there, then find most particles at
 * home already; in home order as read from a file, P - 1 of P particles travel to and fro in every layer. */
#ifndef ESP_SETTLE_H
#define ESP_SETTLE_H

#include "base/particles.h"
#include "net/device.h"

/* In place, with targets if there are any. leaf and block as in esp_domain_param: those of the network, so that the cuts
 * fall alike. Results computed on the cloud are the same bits in any home; only where they lie changes. One rank: the
 * order changes too, which keeps near particles near in memory. Collective. Errors: those of the builder; memory. */
int esp_cloud_settle(const esp_backend *backend, int leaf, int block, esp_cloud *cloud);

#endif
