/* sim7x00_main.h: the program's main under a name that can be called. emulator/main.c is compiled
 * with this in front of it and with main defined so. */
#ifndef TESTS_TORTURE_SIM7X00_MAIN_H
#define TESTS_TORTURE_SIM7X00_MAIN_H

int sim7x00_main(int argc, char **argv);

#endif
