#include "emulator/notify.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(notify, .timeout = 60);

/* A manager's socket, at a path or, behind an @, at a name; NOTIFY_SOCKET says where. */
static int manager(const char *where) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t n = strlen(where);
    memcpy(addr.sun_path, where, n);
    if (where[0] == '@') {
        addr.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(sizeof addr - sizeof addr.sun_path + n);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&addr, size), 0);
    setenv("NOTIFY_SOCKET", where, 1);
    return fd;
}

static void is_told(const char *where) {
    char got[32] = "";
    int fd = manager(where);
    cr_assert_eq(notify_say("READY=1"), 0);
    cr_assert_eq(recv(fd, got, sizeof got, 0), 7);
    cr_assert_str_eq(got, "READY=1");
    close(fd);
}

Test(notify, a_manager_at_a_path_is_told) {
    char folder[] = "/tmp/notify-XXXXXX";
    char path[64];
    cr_assert_neq(mkdtemp(folder), NULL);
    snprintf(path, sizeof path, "%s/socket", folder);
    is_told(path);
    cr_assert_eq(notify_say("READY=1"), -ECONNREFUSED, "it is gone");
    unlink(path);
    rmdir(folder);
}

Test(notify, a_manager_at_a_name_is_told) {
    char name[64];
    snprintf(name, sizeof name, "@sim7x00-test-%d", (int)getpid());
    is_told(name);
}

Test(notify, without_a_manager_nothing_is_told) {
    unsetenv("NOTIFY_SOCKET");
    cr_assert_eq(notify_say("READY=1"), -ENOENT);
    setenv("NOTIFY_SOCKET", "", 1);
    cr_assert_eq(notify_say("READY=1"), -ENOENT);
}

Test(notify, what_is_no_address_is_refused) {
    char far[sizeof((struct sockaddr_un *)NULL)->sun_path + 1];
    memset(far, '/', sizeof far - 1);
    far[sizeof far - 1] = '\0';
    setenv("NOTIFY_SOCKET", far, 1);
    cr_assert_eq(notify_say("READY=1"), -EINVAL, "one byte too long");
    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
    cr_assert_eq(notify_say("READY=1"), -EINVAL);
}

Test(notify, a_manager_that_does_not_read_is_not_waited_for) {
    char name[64];
    snprintf(name, sizeof name, "@sim7x00-full-%d", (int)getpid());
    int fd = manager(name);
    int err = 0;
    for (int i = 0; i < 100000 && err == 0; i++) {
        err = notify_say("READY=1");
    }
    cr_assert_eq(err, -EAGAIN);
    close(fd);
}
