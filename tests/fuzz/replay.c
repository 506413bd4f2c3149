/*
 * A driver without libFuzzer: runs a harness over the files it is given, or over its corpus, which
 * has its name and lies in $top_srcdir/tests/fuzz/corpus.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *data;
    long size = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0)
        die(path);
    data = malloc((size_t)size + 1);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
        die(path);
    fclose(file);
    printf("%s\n", path); /* the last one said is the one that failed */
    fflush(stdout);
    LLVMFuzzerTestOneInput((const uint8_t *)data, (size_t)size);
    free(data);
}

static int replay_all(const char *directory)
{
    DIR *listing = opendir(directory);
    struct dirent *entry;
    char path[4096];
    int count = 0;

    if (listing == NULL)
        die(directory);
    for (errno = 0; (entry = readdir(listing)) != NULL; errno = 0) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        replay(path);
        count++;
    }
    if (errno != 0)
        die(directory);
    closedir(listing);
    return count;
}

int main(int argc, char **argv)
{
    const char *top = getenv("top_srcdir"), *slash = strrchr(argv[0], '/');
    char directory[2048];
    int count = argc - 1;

    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (argc == 1) {
        snprintf(directory, sizeof directory, "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
                 slash != NULL ? slash + 1 : argv[0]);
        count = replay_all(directory);
    }
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
