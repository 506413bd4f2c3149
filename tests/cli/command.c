/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "command.h"
#include "habitat.h"
#include "harness.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)
#define WORDS_MAX 20

/* ---- paths ---- */

const char *command_self(void)
{
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    return length > 0 ? path : NULL;
}

static void top_build_dir(char *path, size_t size)
{
    const char *given = getenv("top_builddir");

    if (given) {
        snprintf(path, size, "%s", given);
        return;
    }
    snprintf(path, size, "%s", command_self());
    for (int i = 0; i < 3 && strrchr(path, '/'); i++) /* tests/cli/NAME */
        *strrchr(path, '/') = '\0';
}

/* Not libtool's wrapper script: the process that is started is to be zkcoord itself. */
const char *command_path(void)
{
    static char path[PATH_MAX + 32];
    char top[PATH_MAX], libraries[2 * PATH_MAX];
    const char *more = getenv("LD_LIBRARY_PATH");

    top_build_dir(top, sizeof top);
    snprintf(path, sizeof path, "%s/tools/.libs/zkcoord", top);
    if (access(path, X_OK) != 0) {
        snprintf(path, sizeof path, "%s/tools/zkcoord", top);
        return path;
    }
    snprintf(libraries, sizeof libraries, "%s/lib/.libs%s%s", top, more ? ":" : "",
             more ? more : "");
    if (!more || !strstr(more, "/lib/.libs"))
        setenv("LD_LIBRARY_PATH", libraries, 1);
    return path;
}

/* ---- running ---- */

int command_main(int argc, char **argv)
{
    const char *path = command_path();

    if (argc < 1 || setenv("ZKCOORD_NODES", argv[0], 1) != 0 || dup2(1, 2) != 2)
        return 99;
    argv[0] = (char *)(uintptr_t) "zkcoord";
    execv(path, argv);
    perror(path);
    return 99;
}

int command_main_in(int argc, char **argv)
{
    if (argc < 2)
        return 99;
    habitat_enter(argv[0]);
    return command_main(argc - 1, argv + 1);
}

int command_script_main(int argc, char **argv)
{
    if (argc < 2)
        return 99;
    setenv("ZKCOORD_NODES", argv[0], 1);
    setenv("Z", command_path(), 1);
    dup2(1, 2);
    execlp("bash", "bash", "-c", argv[1], NULL);
    return 99;
}

/* Words that come first, up to a NULL, and more. */
static struct child *start(const char *role, const char *const *first, va_list more)
{
    const char *w[WORDS_MAX] = {NULL};
    struct child *child;
    int count = 0;

    while (first[count] != NULL) {
        w[count] = first[count];
        count++;
    }
    while (count < WORDS_MAX - 1 && (w[count] = va_arg(more, const char *)) != NULL)
        count++;
    child = child_start(role, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10],
                        w[11], w[12], w[13], w[14], w[15], w[16], w[17], w[18], w[19], NULL);
    assert_non_null(child);
    return child;
}

struct child *command_start(const char *nodes, ...)
{
    struct child *child;
    va_list more;

    va_start(more, nodes);
    child = start("zkcoord", (const char *[]){nodes, NULL}, more);
    va_end(more);
    return child;
}

struct child *command_start_in(const char *habitat, const char *nodes, ...)
{
    struct child *child;
    va_list more;

    va_start(more, nodes);
    child = start("zkcoord-in", (const char *[]){habitat, nodes, NULL}, more);
    va_end(more);
    return child;
}

static void print_rest(struct child *command)
{
    char line[2048];

    while (child_read_line(command, line, sizeof line, deadline_in_ms(200)))
        fprintf(stderr, "    | %s\n", line);
}

int command_end(struct child *command)
{
    int status = 0;

    if (!child_wait(command, &status, SOON)) {
        print_rest(command);
        fail_msg("zkcoord does not end");
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool command_is_running(void *command)
{
    return !child_wait(command, NULL, now_ns());
}

void command_finish(struct child *command, int status)
{
    assert_non_null(command);
    assert_int_equal(command_end(command), status);
    child_free(command);
}

int command_run(const char *nodes, ...)
{
    struct child *child;
    va_list more;
    int status;

    va_start(more, nodes);
    child = start("zkcoord", (const char *[]){nodes, NULL}, more);
    va_end(more);
    status = command_end(child);
    child_free(child);
    return status;
}

void command_expect(struct child *command, const char *text)
{
    int64_t deadline = SOON;
    char line[4096] = "";

    while (child_read_line(command, line, sizeof line, deadline)) {
        if (strstr(line, text))
            return;
        fprintf(stderr, "    | %s\n", line);
    }
    fail_msg("zkcoord did not say: %s", text);
}

/* ---- processes ---- */

/* The name and the parent of a process; false if it is gone. */
static bool look(long pid, char name[32], long *parent)
{
    char path[64], text[512] = "";
    FILE *file;
    bool good;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    good = fgets(text, sizeof text, file) != NULL &&
           sscanf(text, "%*d (%31[^)]) %*c %ld", name, parent) == 2;
    fclose(file);
    return good;
}

/* The child of that name that a process has; 0 if there is none. */
static pid_t child_named(pid_t pid, const char *wanted)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;

    assert_non_null(directory);
    while (!found && (entry = readdir(directory)) != NULL) {
        long number = strtol(entry->d_name, NULL, 10), parent;
        char name[32];

        if (number > 0 && look(number, name, &parent) && parent == pid && strcmp(name, wanted) == 0)
            found = (pid_t)number;
    }
    closedir(directory);
    return found;
}

pid_t command_guardian(pid_t zkcoord)
{
    pid_t second = child_named(zkcoord, "zkc-second");

    return second > 0 ? child_named(second, "zkc-guardian") : 0;
}

const char *command_mark(void)
{
    static char mark[32];

    snprintf(mark, sizeof mark, "86400.%ld", (long)getpid());
    return mark;
}

static bool none_left(void *text)
{
    return count_processes(text) == 0;
}

void command_nobody(const char *text)
{
    if (!wait_until(none_left, (void *)(uintptr_t)text, deadline_in_ms(10000)))
        fail_msg("%d processes of %s are left", count_processes(text), text);
}
