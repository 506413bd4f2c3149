/*
 * A user's program, compiled as C and as C++, linked with the installed library both ways.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <zkcoord/zkcoord.h>

#include <stdio.h>

int main(void)
{
    zkc_options options;
    zkc_context *context = NULL;
    zkc_sync *sync = NULL;
    int result;

    ZKC_INIT(&options);
    options.nodes = "127.0.0.1:1"; /* nobody listens there */
    if (zkc_context_new(NULL, &context) != ZKC_OK)
        return 1;
    zkc_context_cancel(context);
    result = zkc_sync_open(&options, context, &sync);
    zkc_context_free(context);
    printf("zkcoord %s: %s\n", zkc_version(), zkc_strerror(result));
    return result == ZKC_ECANCELED && strcmp(zkc_version(), ZKC_VERSION) == 0 ? 0 : 1;
}
