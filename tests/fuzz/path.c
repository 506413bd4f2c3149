/*
 * Paths and ids, one on each line: an id of any bytes becomes one component that the server takes,
 * no two ids the same one, and it reads back. SPDX-License-Identifier: Apache-2.0
 */
#include "core/path.h"
#include "fuzz.h"

static const char *const spaces[] = {"/", "/micro/sync"};

/* Of <space>/lock/<component>; the path lives on. */
static const char *component_of(const char *path, const char *space)
{
    size_t length = strcmp(space, "/") == 0 ? 0 : strlen(space);

    REQUIRE(strncmp(path, space, length) == 0 && strncmp(path + length, "/lock/", 6) == 0);
    path += length + 6;
    REQUIRE(strchr(path, '/') == NULL);
    return path;
}

static void becomes_a_component(const char *id, const char *space)
{
    char *path = path_join(space, "lock", id), *back;
    const char *component;

    REQUIRE(path != NULL);
    component = component_of(path, space);
    if (id[0] != '\0' && strlen(path) <= PATH_MAX_BYTES)
        REQUIRE(path_valid(path));
    if (path_id_valid(id)) {
        REQUIRE(path_valid(path));
        back = path_decode_id(component);
        REQUIRE(back != NULL && strcmp(back, id) == 0);
        REQUIRE(path_names_id(component, id));
        mem_free(back);
    }
    mem_free(path);
}

static void are_two(const char *a, const char *b)
{
    char *left = path_join("/", "lock", a), *right = path_join("/", "lock", b);

    REQUIRE(left != NULL && right != NULL);
    REQUIRE((strcmp(left, right) == 0) == (strcmp(a, b) == 0));
    mem_free(left);
    mem_free(right);
}

/* Anybody's component. */
static void is_read(const char *component)
{
    char *id = path_decode_id(component);

    REQUIRE(id != NULL && strlen(id) <= strlen(component));
    REQUIRE(path_utf8_valid(id) || strcmp(id, component) == 0);
    if (path_names_id(component, id)) {
        char *path = path_join("/", "lock", id);
        REQUIRE(path != NULL && strcmp(path + strlen("/lock/"), component) == 0);
        mem_free(path);
    }
    mem_free(id);
}

static void is_a_path_or_not(const char *path)
{
    size_t length;
    char *parent, *again;

    if (!path_valid(path))
        return;
    REQUIRE(path[0] == '/' && strlen(path) <= PATH_MAX_BYTES && path_utf8_valid(path));
    REQUIRE(strstr(path, "//") == NULL && strcmp(path, "/zookeeper") != 0);
    length = path_parent_length(path);
    if (path[1] == '\0') {
        REQUIRE(length == 0);
        return;
    }
    parent = length == 0 ? fuzz_text("/", 1) : fuzz_text(path, length);
    REQUIRE(path_valid(parent));
    again = path_child(parent, path + length + 1);
    REQUIRE(again != NULL && strcmp(again, path) == 0);
    mem_free(again);
    free(parent);
}

static void fails_cleanly(const char *text)
{
    mem_fail_after(1);
    REQUIRE(path_join("/", "lock", text) == NULL);
    mem_fail_after(1);
    REQUIRE(path_decode_id(text) == NULL);
    mem_fail_after(1);
    REQUIRE(path_child("/", text) == NULL);
    mem_fail_after(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text, *line;
    const char *before = "";

    while ((line = fuzz_line(&rest)) != NULL) {
        for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
            becomes_a_component(line, spaces[i]);
        are_two(before, line);
        is_read(line);
        is_a_path_or_not(line);
        fails_cleanly(line);
        before = line;
    }
    free(text);
    REQUIRE(mem_live() == 0);
    return 0;
}
