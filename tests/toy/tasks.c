/* The table of tasks of a program of one's own, in place of src/tasks/tasks.c: the product's rows and one more. */
#include "tasks/box/box.h"
#include "tasks/gravity/gravity.h"
#include "tasks/relation/relation.h"

extern const esp_task esp_task_echo;
const esp_task *const esp_tasks[] = {&esp_task_gravity, &esp_task_box, &esp_task_relation, &esp_task_echo, NULL};
const char esp_task_default[] = "echo";
const esp_task *const esp_task_of_rows = &esp_task_relation;
