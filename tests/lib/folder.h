/*
 * A private folder under /tmp, for one test. What cannot be done fails the test.
 */
#ifndef RIDECAST_TESTS_LIB_FOLDER_H
#define RIDECAST_TESTS_LIB_FOLDER_H

enum { FOLDER_SIZE = 64 };

/* Makes an empty one and writes its path, which holds the word `what`. */
void folder_make(char path[FOLDER_SIZE], const char *what);

/* Writes a file in it; one that is there is replaced. */
void folder_put(const char *path, const char *name, const char *text);

/* Removes it with all that is in it. */
void folder_remove(const char *path);

#endif
