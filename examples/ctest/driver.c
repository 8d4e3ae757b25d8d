/* A driver as firmware has it: reports to a server over TCP, and comes back when the server goes.
 *
 *     driver TTY COUNT
 *
 * Sends "report 1", "report 2", ... and waits for "ack" behind each. A report without it is sent
 * again over a new link. Exit status: 0 all were acknowledged, 1 not. */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define SERVER "\"198.51.100.7\",9000"

enum { ANSWER_MS = 10000, LINKS_MAX = 5, LINE_MAX_BYTES = 256 };

struct modem {
    int fd;
    bool has_link;
    char in[LINE_MAX_BYTES];
    size_t n;
};

static bool fill(struct modem *m) {
    struct pollfd p = {.fd = m->fd, .events = POLLIN};
    if (m->n == sizeof m->in || poll(&p, 1, ANSWER_MS) <= 0) {
        return false;
    }
    ssize_t n = read(m->fd, m->in + m->n, sizeof m->in - m->n);
    m->n += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* The next line that is not empty; the prompt, which has no end, is one, too. */
static bool next_line(struct modem *m, char line[LINE_MAX_BYTES]) {
    size_t end = 0;
    while (true) {
        if (end == m->n && !fill(m)) {
            return false;
        }
        char c = m->in[end];
        bool is_prompt = c == '>' && end == 0;
        if (!is_prompt && c != '\r' && c != '\n') {
            end++;
            continue;
        }
        size_t length = is_prompt ? 1 : end;
        memcpy(line, m->in, length);
        line[length] = '\0';
        m->n -= end + 1;
        memmove(m->in, m->in + end + 1, m->n);
        if (length > 0) {
            return true;
        }
        end = 0;
    }
}

/* Waits for a line that begins so; what it learns on the way it keeps in mind. */
static bool await(struct modem *m, const char *wanted) {
    char line[LINE_MAX_BYTES];
    while (next_line(m, line)) {
        printf("%s\n", line);
        if (strncmp(line, "+IPCLOSE: 0,", 12) == 0) {
            m->has_link = false;
        }
        if (strncmp(line, wanted, strlen(wanted)) == 0) {
            return true;
        }
        /* Behind the close no data comes any more; behind ERROR nothing of the answer. */
        if (strcmp(line, "ERROR") == 0 || (!m->has_link && strcmp(wanted, "ack") == 0)) {
            return false;
        }
    }
    fprintf(stderr, "driver: no %s\n", wanted);
    return false;
}

static bool ask(struct modem *m, const char *command, const char *wanted) {
    dprintf(m->fd, "%s\r", command);
    return await(m, wanted);
}

static bool open_link(struct modem *m) {
    m->has_link = ask(m, "AT+CIPOPEN=0,\"TCP\"," SERVER, "+CIPOPEN: 0,0");
    return m->has_link;
}

static bool report(struct modem *m, int number) {
    char text[32];
    char command[32];
    int n = snprintf(text, sizeof text, "report %d\n", number);
    snprintf(command, sizeof command, "AT+CIPSEND=0,%d", n);
    if (!ask(m, command, ">")) {
        m->has_link = false;
        return false;
    }
    dprintf(m->fd, "%s", text);
    return await(m, "ack");
}

static bool open_tty(struct modem *m, const char *path) {
    struct termios t;
    m->fd = open(path, O_RDWR | O_NOCTTY);
    if (m->fd < 0 || tcgetattr(m->fd, &t) != 0) {
        return false;
    }
    cfmakeraw(&t);
    return tcsetattr(m->fd, TCSANOW, &t) == 0;
}

int main(int argc, char **argv) {
    struct modem m = {.fd = -1};
    int count = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1;
    if (argc < 2 || !open_tty(&m, argv[1])) {
        perror("driver: tty");
        return EXIT_FAILURE;
    }
    if (!ask(&m, "ATE0", "OK") || !ask(&m, "AT+NETOPEN", "+NETOPEN: 0")) {
        return EXIT_FAILURE;
    }
    int number = 1;
    for (int links = 0; number <= count;) {
        if (!m.has_link && (links++ == LINKS_MAX || !open_link(&m))) {
            return EXIT_FAILURE;
        }
        if (report(&m, number)) {
            number++;
        } else if (m.has_link) {
            return EXIT_FAILURE;
        }
    }
    close(m.fd);
    return EXIT_SUCCESS;
}
