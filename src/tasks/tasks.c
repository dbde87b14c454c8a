/* The rows. A program of one's own links another file in place of this one. */
#include "tasks/box/box.h"
#include "tasks/gravity/gravity.h"
#include "tasks/hops/hops.h"
#include "tasks/nodes/nodes.h"
#include "tasks/relation/relation.h"
#include "tasks/weather/weather.h"

const esp_task *const esp_tasks[] = {
    &esp_task_gravity, &esp_task_box, &esp_task_relation, &esp_task_weather, &esp_task_hops, &esp_task_nodes, NULL};
const char esp_task_default[] = "gravity";
const esp_task *const esp_task_of_rows = &esp_task_relation;
