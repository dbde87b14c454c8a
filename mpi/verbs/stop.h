/* Signals that end a job: SIGTERM, which batch systems send at a time limit; SIGUSR1, which they send some time before if
 * they are asked to; SIGINT, a user's; SIGHUP, a lost connection's. A training is asked to stop, which it does after its
 * step. At any other time they end the process at once, as if nobody listened, but for its drafts and its lock, which go
 * first; SIGUSR1 waits for the end of the verb. A second SIGINT ends a training at once, too. Local. */
#ifndef ESP_STOP_H
#define ESP_STOP_H

/* From now on; PETSc, which has handlers of its own, must have started. */
void esp_stop_listen(void);
/* 1: a signal asks, and whoever works looks at esp_stop_asked; 0: it ends. */
void esp_stop_patient(int patient);
/* Has a signal come that did not end the process? */
int esp_stop_asked(void);

#endif
