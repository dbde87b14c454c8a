/* From PETSc's options database to a configuration.
 *
 * Order: defaults, then the YAML file `input`, then PETSc's own database (command line, PETSC_OPTIONS), which wins. In the
 * file a section is a prefix: `tree: {theta: 0.5}` is `tree_theta: 0.5`; a list [1, 2] is the text "1,2". All that stands
 * there must be keys: PETSc's options (-log_view, which writes where it is told) are the user's, not an input's. On the
 * command line an option whose name esp_config_is_ours must be a key, any other is PETSc's.
 *
 * Rank 0 alone reads; the others receive what it found, so every rank has the same configuration and the same error. */
#ifndef ESP_IO_OPTIONS_H
#define ESP_IO_OPTIONS_H

#include <stdio.h>

#include "base/comm.h"
#include "base/config.h"

/* input: a path, or NULL for none (only rank 0's counts). Collective; PETSc must run. Errors: ESP_ERR_FILE naming the
 * file, ESP_ERR_FORMAT naming the file and the line where its YAML breaks, ESP_ERR_CONFIG naming the file or the
 * command line, the key, and what is allowed. After an error the configuration may hold some of the values. */
int esp_options_load(const esp_comm *comm, const char *input, esp_config *config);
/* Words of the command line from argv[first] on that belong to no option would be passed over in silence: a second input,
 * or one that stands after an option. ESP_ERR_ARG naming the word. Local. */
int esp_options_strays(int argc, char **argv, int first);
/* An option that is no key is PETSc's, and PETSc says nothing of one that it does not know: a key without its prefix would
 * pass unseen. A warning for each that nobody has asked for so far, but for those that PETSc asks for at its end. Local. */
int esp_options_unused(const esp_config *config, FILE *out);

#endif
