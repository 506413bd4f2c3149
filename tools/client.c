/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "clock.h"
#include "exits.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct credential {
    char *scheme; /* owned, with secret behind it */
    const char *secret;
};

static int take_credential(const char *auth, struct credential *ret)
{
    char *colon;

    *ret = (struct credential){NULL, NULL};
    if (auth == NULL)
        return 0;
    ret->scheme = strdup(auth);
    if (ret->scheme == NULL)
        return client_failed(NULL, "credential", ZKC_ENOMEM);
    colon = strchr(ret->scheme, ':');
    if (colon == NULL)
        return say_usage("a credential is SCHEME:SECRET, as in digest:user:password");
    *colon = '\0';
    ret->secret = colon + 1;
    return 0;
}

static void wipe(struct credential *credential)
{
    if (credential->secret != NULL)
        explicit_bzero(credential->scheme + strlen(credential->scheme) + 1,
                       strlen(credential->secret));
    free(credential->scheme);
}

/* The system takes any bytes in such a name, our znode UTF-8 only. */
static void take_name(char *text, size_t size, const char *bytes)
{
    snprintf(text, size, "%s", bytes != NULL ? bytes : "");
    text_tame(text);
}

static void host_name(char *host, size_t size)
{
    if (gethostname(host, size) != 0 || *host == '\0')
        snprintf(host, size, "localhost");
    host[size - 1] = '\0';
    text_tame(host);
}

static void client_id(char *id, size_t size)
{
    char host[256];

    host_name(host, sizeof host);
    snprintf(id, size, "%s-%ld", host, (long)getpid());
}

static void user_name(char *user, size_t size)
{
    const struct passwd *entry = getpwuid(geteuid());

    take_name(user, size, entry != NULL ? entry->pw_name : NULL);
}

/* What an option of the library is here: option and environment variable, or either. */
static const char *our_name(const char *message, size_t *ret_length)
{
    static const char *const names[][2] = {{"option nodes: ", "servers"},
                                           {"option name_space: ", "namespace"},
                                           {"option auth_scheme: ", "credential"},
                                           {"option auth: ", "credential"},
                                           {"options auth_scheme and auth: ", "credential"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        *ret_length = strlen(names[i][0]);
        if (strncmp(message, names[i][0], *ret_length) == 0)
            return names[i][1];
    }
    return NULL;
}

/* One at a time: zkc_sync_open() and then the thread for callbacks. What is tried again and again
 * and fails in the same way is said once a minute. */
static void tell_error(void *arg, zkc_log_level level, const char *message)
{
    static char last[200];
    static int64_t said;
    size_t length = 0;
    const char *name = our_name(message, &length);
    int64_t now = clock_ns();

    (void)arg;
    (void)level;
    if (strncmp(message, last, sizeof last - 1) == 0 && now - said < 60000 * MS)
        return;
    snprintf(last, sizeof last, "%s", message);
    said = now;
    if (name != NULL)
        say("%s: %s", name, message + length);
    else
        say("%s", message);
}

static int open_as(const zkc_options *options, const zkc_node *node, zkc_sync **ret_sync)
{
    const zkc_node *nodes[] = {node};
    zkc_options complete = *options;
    zkc_service service;

    ZKC_INIT(&service);
    service.name = "zkcoord";
    service.version = zkc_version();
    service.nodes = nodes;
    service.node_count = 1;
    complete.service = &service;
    return zkc_sync_open(&complete, NULL, ret_sync);
}

static int open_node(const zkc_options *options, const char *work, zkc_sync **ret_sync)
{
    char id[320], host[256], user[256], command[256];
    const zkc_pair metadata[] = {{"user", user}, {"command", command}};
    zkc_node node;

    user_name(user, sizeof user);
    take_name(command, sizeof command, work);
    client_id(id, sizeof id);
    host_name(host, sizeof host);
    ZKC_INIT(&node);
    node.id = id;
    node.address = host;
    node.metadata = metadata;
    node.metadata_count = work != NULL ? 2 : 1;
    return open_as(options, &node, ret_sync);
}

int client_open(const struct common *common, int64_t connect_ms, const char *work,
                zkc_sync **ret_sync)
{
    struct credential credential;
    zkc_options options;
    char text[200];
    int error, number;

    error = take_credential(common->auth, &credential);
    if (error != 0) {
        free(credential.scheme);
        return error;
    }
    ZKC_INIT(&options);
    options.nodes = common->nodes;
    options.name_space = common->name_space;
    options.session_timeout_ms = common->session_timeout_ms;
    options.connect_timeout_ms = connect_ms;
    options.auth_scheme = credential.scheme;
    options.auth = credential.secret;
    options.log = tell_error;
    options.log_level = ZKC_LOG_ERROR;
    error = open_node(&options, work, ret_sync);
    number = errno;
    wipe(&credential);
    errno = number;
    if (error == ZKC_EINVAL)
        return STATUS_USAGE; /* the library has said which option */
    if (error == ZKC_OK)
        return 0;
    say("%s", client_words(NULL, error, text, sizeof text));
    return exit_of(error);
}

bool client_refused(int error)
{
    return error == ZKC_ESERVER || error == ZKC_EACCES || error == ZKC_EAUTH || error == ZKC_EQUOTA;
}

/* What an operator can do about it. */
static const char *remedy(int number)
{
    switch (number) {
    case EAGAIN: /* of a thread */
        return "; raise the limit of threads (ulimit -u, TasksMax, pids.max) or of memory "
               "(ulimit -v)";
    case EMFILE:
        return "; raise the limit of descriptors (ulimit -n)";
    default:
        return "";
    }
}

const char *client_words(zkc_sync *sync, int error, char *text, size_t size)
{
    int number = errno, code = client_refused(error) ? zkc_sync_server_error(sync) : 0;

    if (error == ZKC_ESYSTEM)
        snprintf(text, size, "the operating system refused a resource: %s%s", strerror(number),
                 remedy(number));
    else if (code == 0)
        snprintf(text, size, "%s", zkc_strerror(error));
    else
        snprintf(text, size, "%s (ZooKeeper: %s, %d)", zkc_strerror(error),
                 zkc_server_error_name(code), code);
    return text;
}

int client_failed(zkc_sync *sync, const char *what, int error)
{
    char text[200];

    if (error == ZKC_EINVAL)
        return say_usage("'%s' is not an ID: that is 1 to 512 bytes of UTF-8, or the path of a "
                         "znode, such as /my/lock",
                         what);
    say("%s: %s", what, client_words(sync, error, text, sizeof text));
    return exit_of(error);
}
