/* Inside tasks/weather: edges, vertices and weights of a mesh whose cells, neighbours and places are known. Local. */
#ifndef ESP_MESH_TABLES_H
#define ESP_MESH_TABLES_H

#include "tasks/weather/mesh.h"

int esp_mesh_tables(esp_mesh *mesh);

#endif
