#include "scenarios/ctl/client.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/obj.h"
#include "scenarios/json/spec.h"

enum { CHUNK = 65536 };

void client_say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("sim7x00ctl: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* -- the connection -- */

static int dial(struct ctl *c) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(c->path) >= sizeof addr.sun_path) {
        client_say("%s: longer than a Unix socket's path may be", c->path);
        return EXIT_USAGE;
    }
    memcpy(addr.sun_path, c->path, strlen(c->path));
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        client_say("no daemon at %s: %s", c->path, strerror(errno));
        return EXIT_LOST;
    }
    return EXIT_DONE;
}

int client_lost(const struct ctl *c) {
    client_say("%s: the connection is lost", c->path);
    return EXIT_LOST;
}

/* Takes the text. A daemon that is not taking it may have said why: the answer tells. */
static void send_text(struct ctl *c, char *text) {
    size_t n = strlen(text);
    size_t done = 0;
    text[n++] = '\n'; /* in the place of the terminator */
    while (done < n) {
        ssize_t sent = send(c->fd, text + done, n - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            break;
        }
        done += sent > 0 ? (size_t)sent : 0;
    }
    free(text);
}

/* The next line as JSON, the caller's; NULL: the connection is lost. */
cJSON *client_receive(struct ctl *c) {
    size_t scanned = 0;
    for (;;) {
        const char *p = (const char *)buf_data(&c->in);
        const char *lf = NULL;
        if (buf_len(&c->in) > scanned) {
            lf = memchr(p + scanned, '\n', buf_len(&c->in) - scanned);
        }
        if (lf != NULL) {
            size_t n = (size_t)(lf - p);
            cJSON *message = cJSON_ParseWithLength(p, n);
            buf_drop(&c->in, n + 1);
            return message;
        }
        scanned = buf_len(&c->in);
        size_t room = 0;
        uint8_t *to = buf_reserve(&c->in, CHUNK, &room);
        ssize_t n = room > 0 ? read(c->fd, to, room) : 0;
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return NULL;
        }
        buf_commit(&c->in, n > 0 ? (size_t)n : 0);
    }
}

/* Takes the params. EXIT_DONE: *message holds a result; anything else was told. */
int client_ask(struct ctl *c, const char *method, cJSON *params, cJSON **message) {
    cJSON *request = cJSON_CreateObject();
    cJSON_AddStringToObject(request, "jsonrpc", "2.0");
    cJSON_AddNumberToObject(request, "id", 1);
    cJSON_AddStringToObject(request, "method", method);
    cJSON_AddItemToObject(request, "params", params);
    char *text = cJSON_PrintUnformatted(request);
    cJSON_Delete(request);
    must(text != NULL);
    int code = c->fd >= 0 ? EXIT_DONE : dial(c);
    if (code != EXIT_DONE) {
        free(text);
        return code;
    }
    send_text(c, text);
    do {
        *message = client_receive(c);
        if (*message == NULL) {
            return client_lost(c);
        }
        const cJSON *error = spec_get(*message, "error");
        if (error != NULL) {
            client_say("%s", spec_text(error, "message", "refused"));
            cJSON_Delete(*message);
            return EXIT_REFUSED;
        }
        if (spec_get(*message, "result") != NULL) {
            return EXIT_DONE;
        }
        cJSON_Delete(*message); /* an event */
    } while (true);
}
