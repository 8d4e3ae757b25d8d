/* home.h: a folder of the test's own, which goes with all that is in it. One a test. */
#ifndef TESTS_SUPPORT_HOME_H
#define TESTS_SUPPORT_HOME_H

enum { HOME_PATH = 24 };

extern char home[HOME_PATH]; /* between the two */

void home_make(void);
void home_remove(void);

#endif
