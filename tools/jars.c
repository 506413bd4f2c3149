/* SPDX-License-Identifier: Apache-2.0 */
#include "jars.h"
#include "say.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JARS "/usr/share/java/"

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static char *join(const char *format, const char *text)
{
    char *joined;

    return asprintf(&joined, format, text, text, text) < 0 ? NULL : joined;
}

/* The servers run elsewhere: what is relative to where we are gets our directory before it. A name
 * without a slash is for the search path. */
static char *absolute(const char *file)
{
    char *here, *path;

    if (*file == '/' || strchr(file, '/') == NULL)
        return strdup(file);
    here = getcwd(NULL, 0);
    if (here == NULL || asprintf(&path, "%s/%s", here, file) < 0)
        path = NULL;
    free(here);
    return path;
}

/* ---- java ---- */

static bool in_path(const char *name)
{
    const char *path = variable("PATH");

    if (path == NULL)
        path = "/bin:/usr/bin"; /* as execvp() does */
    while (path != NULL && *path != '\0') {
        size_t length = strcspn(path, ":");
        char *file;
        bool found;

        if (asprintf(&file, "%.*s/%s", (int)length, path, name) < 0)
            return false;
        found = access(file, X_OK) == 0;
        free(file);
        if (found)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

/* $JAVA, $JAVA_HOME or the search path; NULL if there is none. */
static char *find_java(void)
{
    const char *java = variable("JAVA"), *home = variable("JAVA_HOME");
    char *file;

    if (java != NULL)
        return access(java, X_OK) == 0 || in_path(java) ? absolute(java) : NULL;
    file = home != NULL ? join("%s/bin/java", home) : NULL;
    if (file != NULL && access(file, X_OK) == 0) {
        char *found = absolute(file);

        free(file);
        return found;
    }
    free(file);
    return in_path("java") ? strdup("java") : NULL;
}

/* ---- ZooKeeper ---- */

static bool matches(const char *home, const char *pattern)
{
    char *path = join(pattern, home);
    glob_t found;
    bool any = path != NULL && glob(path, 0, NULL, &found) == 0;

    if (any)
        globfree(&found);
    free(path);
    return any;
}

/* An unpacked release: jars in lib/, before 3.5.5 the main one at the top. */
static char *of_release(const char *home)
{
    char *place, *path;

    if (!matches(home, "%s/lib/zookeeper-[0-9]*.jar") && !matches(home, "%s/zookeeper-[0-9]*.jar"))
        return NULL;
    place = realpath(home, NULL);
    path = place == NULL ? NULL : join("%s/conf:%s/lib/*:%s/*", place);
    free(place);
    return path;
}

/* Debian: zookeeper.jar names in its manifest all that it needs but a logger. */
static char *of_distribution(void)
{
    static const char *const homes[] = {"/usr/share/zookeeper", "/usr/lib/zookeeper",
                                        "/opt/zookeeper"};

    if (access(JARS "zookeeper.jar", R_OK) == 0 && access(JARS "zookeeper-jute.jar", R_OK) == 0)
        return strdup(JARS "zookeeper.jar:" JARS "zookeeper-jute.jar:" JARS "slf4j-simple.jar");
    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++) {
        char *path = of_release(homes[i]);

        if (path != NULL)
            return path;
    }
    return NULL;
}

bool jars_find(char **ret_java, char **ret_class_path)
{
    const char *home = variable("ZOOKEEPER_HOME");

    *ret_java = find_java();
    *ret_class_path = home != NULL ? of_release(home) : of_distribution();
    if (*ret_java == NULL && variable("JAVA") != NULL)
        say("JAVA=%s cannot be executed", variable("JAVA"));
    else if (*ret_java == NULL)
        say("no java was found: install a JRE (Debian: default-jre-headless), or set JAVA_HOME");
    if (*ret_class_path == NULL && home != NULL)
        say("there is no ZooKeeper release in ZOOKEEPER_HOME=%s", home);
    else if (*ret_class_path == NULL)
        say("no ZooKeeper server was found: install one (Debian: libzookeeper-java), or unpack a "
            "release and set ZOOKEEPER_HOME");
    if (*ret_java != NULL && *ret_class_path != NULL)
        return true;
    free(*ret_java);
    free(*ret_class_path);
    return false;
}
