/* What this program is: for bug reports, and for the head of a report. Local. */
#ifndef ESP_VERB_VERSION_H
#define ESP_VERB_VERSION_H

#include <stddef.h>
#include <stdio.h>

/* "espalier 0.1.0, commit C". */
void esp_version(char *text, size_t size);
/* The processor's name as the system gives it; "unknown processor". */
void esp_version_processor(char *text, size_t size);
/* All of it, a line each: version, compiler and target, processor, MPI, PETSc, HDF5, what else it was built with, devices. */
void esp_version_print(FILE *to);

#endif
