/* Fibers: stacks that the scheduler enters and that leave to it. fiber.cpp; for schedule.cpp alone. */
#ifndef ESP_MODEL_FIBER_H
#define ESP_MODEL_FIBER_H

struct esp_fiber;

/* An idle fiber; a new one will call `body`, which never returns. */
esp_fiber *esp_fiber_take(void (*body)());
/* The fiber has nothing to do: it goes on behind its esp_fiber_leave when it is taken and entered again. */
void esp_fiber_give(esp_fiber *fiber);
/* The fiber is idle again although it waits in the midst of something, which is forgotten. */
void esp_fiber_drop(esp_fiber *fiber);
/* From the scheduler; comes back when the fiber leaves. */
void esp_fiber_enter(esp_fiber *fiber);
/* From a fiber to the scheduler; comes back when it is entered. The first words of a body: esp_fiber_begun. */
void esp_fiber_leave();
void esp_fiber_begun();
/* The fiber that runs; NULL: the scheduler. */
esp_fiber *esp_fiber_running();
/* While on: `caught` is told of an address that is no one's, of the fiber that runs, which then leaves for good. */
void esp_fiber_catch(bool on, void (*caught)(const char *text));

#endif
