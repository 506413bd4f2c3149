/* SPDX-License-Identifier: Apache-2.0 */
#include <zkcoord/zkcoord.h>

const char *zkc_strerror(int error)
{
    switch (error) {
#define ERROR_TEXT(name, value, text) \
    case value:                       \
        return text;
        ZKC_ERRORS(ERROR_TEXT)
#undef ERROR_TEXT
    default:
        return "unknown error";
    }
}

/* Those that no client of ours can cause stand here too: a proxy may send anything. */
const char *zkc_server_error_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } table[] = {
        {0, "OK"},
        {-1, "SYSTEMERROR"},
        {-2, "RUNTIMEINCONSISTENCY"},
        {-3, "DATAINCONSISTENCY"},
        {-4, "CONNECTIONLOSS"},
        {-5, "MARSHALLINGERROR"},
        {-6, "UNIMPLEMENTED"},
        {-7, "OPERATIONTIMEOUT"},
        {-8, "BADARGUMENTS"},
        {-9, "INVALIDSTATE"},
        {-12, "UNKNOWNSESSION"},
        {-13, "NEWCONFIGNOQUORUM"},
        {-14, "RECONFIGINPROGRESS"},
        {-15, "SSLCONNECTIONERROR"},
        {-100, "APIERROR"},
        {-101, "NONODE"},
        {-102, "NOAUTH"},
        {-103, "BADVERSION"},
        {-108, "NOCHILDRENFOREPHEMERALS"},
        {-110, "NODEEXISTS"},
        {-111, "NOTEMPTY"},
        {-112, "SESSIONEXPIRED"},
        {-113, "INVALIDCALLBACK"},
        {-114, "INVALIDACL"},
        {-115, "AUTHFAILED"},
        {-116, "CLOSING"},
        {-117, "NOTHING"},
        {-118, "SESSIONMOVED"},
        {-119, "NOTREADONLY"},
        {-120, "EPHEMERALONLOCALSESSION"},
        {-121, "NOWATCHER"},
        {-122, "REQUESTTIMEOUT"},
        {-123, "RECONFIGDISABLED"},
        {-124, "SESSIONCLOSEDREQUIRESASLAUTH"},
        {-125, "QUOTAEXCEEDED"},
        {-127, "THROTTLEDOP"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == code)
            return table[i].name;
    return "unknown code";
}

const char *zkc_version(void)
{
    return ZKC_VERSION;
}
