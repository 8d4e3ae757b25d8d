/* notify.h: tells the service manager that started the program how far it is: sd_notify(3). */
#ifndef EMULATOR_NOTIFY_H
#define EMULATOR_NOTIFY_H

/* One datagram, "READY=1", to the socket that $NOTIFY_SOCKET names. -ENOENT: nobody wants to know;
 * other -E...: it could not be told. */
int notify_say(const char *state);

#endif
