/* What this process does with which file, for the last words of one that dies of it (mpi/verbs/last_words.h): HDF5 may crash
 * where a file is spoilt. Set around every stretch in which a library reads or writes. Local. */
#ifndef ESP_AT_HAND_H
#define ESP_AT_HAND_H

/* doing: "reading", "writing"; NULL: no file is at hand. A long path is cut. */
void esp_at_hand(const char *doing, const char *path);
/* "reading PATH", or "". May be called by a signal handler. */
const char *esp_at_hand_told(void);

#endif
