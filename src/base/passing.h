/* Files that must not outlive the process, drafts and locks: what ends it by a signal removes them first. One list a
 * process, as a signal is. Local. */
#ifndef ESP_PASSING_H
#define ESP_PASSING_H

enum { ESP_PATH = 4128 }; /* of a file, with room for a draft's ending */

/* Its place in the list; -1 where all are taken or the path is too long: it is then not removed. */
int esp_passing_add(const char *path);
/* It is kept, or gone already. place -1: nothing. */
void esp_passing_drop(int place);
/* Removes what is in the list. May be called in a signal handler. */
void esp_passing_remove(void);

#endif
