/* A process that dies of itself (segmentation fault, bus error, floating point exception, illegal instruction, abort) says so
 * first, with its rank and the file at hand (base/at_hand.h); then it dies as it would have, and mpirun ends the others. For
 * a program's main alone, after PETSc, whose handlers are replaced. Local. */
#ifndef ESP_LAST_WORDS_H
#define ESP_LAST_WORDS_H

void esp_last_words(int rank);

#endif
