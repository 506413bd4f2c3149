/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What zkcoord(1) says, sentence by sentence, where no other test has the subject. In the scripts
 * $Z is zkcoord; "held" is a lock that somebody holds, and "led" an election that somebody leads.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define LONGEST "$(printf %0512d 0)"

struct statement {
    const char *script;
    const char *says; /* in one of its lines; NULL: nothing is printed; "": whatever it is */
    int status;
};

static const struct statement id[] = {
    {"$Z lock " LONGEST " true", NULL, 0},
    {"$Z lock " LONGEST "0 true", "1 to 512 bytes", 64},
    {"$Z lock '' true", "1 to 512 bytes", 64},
    {"$Z lock /a/path echo ran; $Z ls /a/path", "ran", 0},
    {"$Z lock /a/path/ true", "is not an ID", 64},
    {"$Z lock // true", "is not an ID", 64},
    {"$Z lock led -n echo ran", "ran", 0}, /* locks and elections of one id: two things */
    {"$Z probe held -e", "free", 0},
    {"$Z elect /q --once -- $Z lock /q -n true", "somebody else holds it", 1}, /* one queue */
    {"$Z lock /micro/sync/lock/held -n true", "somebody else holds it", 1},
    {"$Z lock /micro/sync/lock/%2Fa -- $Z ls /micro/sync/lock/%2Fa", "holds", 0},
};

static const struct statement shared[] = {
    {"$Z lock r -s -- $Z lock r -s -n echo both", "both", 0},
    {"$Z lock r --shared -- $Z lock r -n true", "somebody else holds it", 1},
    {"$Z lock r -- $Z lock r -s -n true", "somebody holds it alone", 1},
    {"$Z lock r -s -- $Z ls r", "shares", 0},
    {"$Z lock r -s -- $Z ls r --json", "\"shared\":true,\"holds\":true", 0},
    {"$Z lock r -s -- $Z probe r", "shared by ", 1},
    {"$Z lock /rw --dialect read-write -- $Z lock /rw -s -n true", "somebody holds it alone", 1},
    {"$Z elect e --once --dialect read-write true", "", 64},
    {"$Z elect e --once -s true", "", 64},
};

static const struct statement times[] = {
    {"$Z lock a -w 1 true", NULL, 0},
    {"$Z lock a -w 1.5 true", NULL, 0},
    {"$Z lock a -w .5 true", NULL, 0},
    {"$Z lock a -w 100ms true", NULL, 0},
    {"$Z lock a -w 2s true", NULL, 0},
    {"$Z lock a -w 1m true", NULL, 0},
    {"$Z lock a -w 1h true", NULL, 0},
    {"$Z lock a -w 1d true", NULL, 0},
    {"$Z lock a -w 1x true", "is not a time", 64},
    {"$Z lock a -w '' true", "is not a time", 64},
    {"$Z lock a -w -1 true", "is not a time", 64},
    {"$Z lock a -w 1,5 true", "is not a time", 64},
    {"$Z lock a -w 1e3 true", "is not a time", 64},
    {"$Z lock a -w ' 1' true", "is not a time", 64},
    {"$Z lock a -w 0x10 true", "is not a time", 64},
    {"$Z lock a --session-timeout 99ms true", "100 ms to 24 h", 64},
    {"$Z lock a --session-timeout 25h true", "100 ms to 24 h", 64},
};

static const struct statement lock[] = {
    {"$Z lock held -w 0 true", "somebody else holds it", 1},
    {"$Z lock held -n true", "somebody else holds it", 1},
    {"$Z lock held -w 0.2 true", "the time to wait is over", 1},
    {"$Z lock held -n -E 5 true", "", 5},
    {"$Z lock held -nq true", NULL, 1},
    {"$Z lock a --ttl 100ms true", "made the session timeout 1000 ms, not 100 ms", 0},
    {"$Z lock a --ttl 100ms -q true", NULL, 0},
    {"$Z lock held -nq -E 0 true", NULL, 0},
    {"$Z lock a --grace 2 true", NULL, 0}, /* a fifth of 10 s */
    {"$Z lock a --grace 2001ms true", "at most 2000 ms", 64},
    {"$Z lock a --grace 0 true", NULL, 0},
    {"$Z lock /k --dialect kazoo true", NULL, 0},
    {"$Z lock a -- $Z lock b -- echo both", "both", 0},
    {"$Z lock a -- sh -c 'sleep 1000 >/dev/null 2>&1 & echo $! >&3' 3>&1 | (read p; "
     "while kill -0 $p 2>/dev/null; do :; done; echo gone)",
     "gone", 0},
};

static const struct statement elect[] = {
    {"$Z elect e --once echo leads", "leads", 0},
    {"$Z elect e --once -- sh -c 'exit 3'", NULL, 3},
    {"$Z elect /l --once --dialect latch true", NULL, 0},
    {"$Z leader led", "in line since", 0},
    {"$Z leader nobodys", "nobody", 1},
    {"$Z leader nobodys --json", "null", 1},
    {"$Z leader led --json", "\"position\":0,\"token\":", 0},
};

static const struct statement looking[] = {
    {"$Z ls held", "holds", 0},
    {"$Z ls led", "leads", 0},
    {"$Z ls nobodys", "KIND", 0},
    {"$Z ls held --json", "{\"locks\":[{\"id\":\"held\",\"path\":\"/micro/sync/lock/held\"", 0},
    {"$Z ls held --json", "\"since_ms\":", 0},
    {"$Z ls held --json", "\"session\":\"0x", 0},
    {"$Z ls held --json", "\"port\":0,\"metadata\":{\"user\":", 0},
    {"$Z ls held --json", "\"data\":null", 0},
    {"$Z ls nobodys --json", "{\"locks\":[],\"elections\":[]}", 0},
    {"$Z ls --names | grep -c '^held$'", "1", 0},
    {"$Z ls --names --json", "goes with neither", 64},
    {"$Z ls a b", "one ID at most", 64},
    {"t=$(mktemp); unshare -rpf --mount-proc $Z ls --watch >$t & until grep -q KIND $t; do :; "
     "done; "
     "pkill -P $!; wait $!; echo $?; rm $t",
     "143", 0}, /* it is the first process there */
    {"$Z probe held", "held by ", 1},
    {"$Z probe held -q", NULL, 1},
    {"$Z probe led -eq", NULL, 1},
    {"$Z ask nobodys", "nobody holds it", 1},
    {"$Z break nobodys -y", "nobody holds it", 1},
    {"$Z break held </dev/null", "needs --yes or a terminal", 64},
};

static const struct statement common[] = {
    {"ZKCOORD_NAMESPACE=/other $Z lock o true; $Z ls --namespace /other --names", "o", 0},
    {"$Z --nodes $ZKCOORD_NODES/app lock c true; $Z ls --names --nodes $ZKCOORD_NODES/app", "c", 0},
    {"$Z lock a --auth digest:ann:topsecret --namespace /wiped -- sh -c 'tr \"\\0\" \" \" "
     "</proc/$PPID/cmdline' | grep -c topsecret",
     "0", 1},
    {"$Z lock a -- sh -c 'echo $ZKCOORD_ID $((ZKCOORD_TOKEN > 0))'", "a 1", 0},
    {"$Z lock a -- sh -c 'grep it_value /proc/self/fdinfo/$ZKCOORD_REVOKED_FD'", "it_value: (", 0},
    {"$Z lock a -- bash -c 'read -t 0 -u $ZKCOORD_ASKED_FD; echo $?'", "1", 0},
    {"ZKCOORD_AUTH=digest:a:b $Z lock a --namespace /pa -- sh -c 'echo [$ZKCOORD_AUTH]'", "[]", 0},
    {"ZKCOORD_AUTH=digest:a:b $Z lock a --namespace /pa --pass-auth -- sh -c 'echo "
     "[$ZKCOORD_AUTH]'",
     "[digest:a:b]", 0},
    {"ZKCOORD_AUTH=nonsense $Z lock a true", "", 64},
    {"$Z lock a --auth-file /nonexistent true", "/nonexistent", 64},
    {"NOTIFY_SOCKET=@nobody $Z lock a -- sh -c 'echo [$NOTIFY_SOCKET]'", "[]", 0},
};

static const struct statement status[] = {
    {"$Z lock a -- sh -c 'exit 42'", NULL, 42},
    {"$Z lock a -- sh -c 'kill -USR1 $$'; echo $?", "138", 0},
    {"$Z --nodes 127.0.0.1:1 lock a true", "can be reached", 69},
    {"$Z lock a /etc/passwd", "Permission denied", 126},
    {"$Z lock a no-such-command", "No such file", 127},
    {"$Z ls >/dev/full", "cannot write", 74},
    {"$Z", "Usage: zkcoord SUBCOMMAND", 64},
    {"$Z lock", "needs an ID", 64},
    {"$Z lock a", "needs a COMMAND", 64},
    {"$Z help", "Usage: zkcoord SUBCOMMAND", 0},
    {"$Z help lock", "--conflict-exit-code N", 0},
    {"$Z version", "zkcoord ", 0},
    {"$Z dev --servers 0", "positive number", 64},
    {"$Z dev --servers 10 true", "at most 9", 64},
    {"JAVA=/nonexistent $Z dev true", "JAVA=/nonexistent cannot be executed", 69},
    {"env -u PATH $Z dev /bin/true", NULL, 0},
    {"t=$(mktemp); (ulimit -f 0; exec $Z lock full -- sh -c '$Z ask full >/dev/null; sleep 0.3; "
     "exit 3') 2>$t; s=$?; rm $t; exit $s",
     NULL, 3}, /* its log is as long as it may be */
    {"t=$(mktemp); $Z lock once -- bash -c 'trap \"sleep 0.3; exit 0\" TERM; (trap \"echo told "
     ">>$0\" "
     "TERM; echo up >>$0; while :; do sleep 0.05; done) & while :; do wait; done' $t & until grep "
     "-q "
     "up $t; do :; done; kill $!; wait $!; grep -c told $t; rm $t",
     "1", 0},
    {"$Z lock cut -q sleep 60 & until $Z probe cut | grep -q held; do :; done; $Z break cut -y "
     ">/dev/full; s=$?; wait; exit $s",
     "cannot write", 74},
    {"t=$(mktemp); printf 'digest:a:b\\0c\\n' >$t; $Z ls --auth-file $t; s=$?; rm $t; exit $s",
     "is not a credential", 64},
    {"unshare -rpf --mount-proc $Z dev -- sh -c '(sleep 0.1 &); sleep 0.3; ps -o stat= ax | grep "
     "-c "
     "Z'",
     "0", 1}, /* it is the first process there */
    {"$Z dev -- sh -c 'exit 9'", "", 9},
    {"t=$(mktemp -d); TMPDIR=$t $Z dev true; ls -A $t | wc -l; rmdir $t", "0", 0},
    {"$Z lock held -q true & until $Z ls held | grep -q ' 1 '; do :; done; kill $!; wait $!; "
     "echo $?",
     "143", 0},
};

/* ---- telling them ---- */

static bool is_true(const struct statement *statement)
{
    struct child *child = child_start("script", nodes, statement->script, NULL);
    bool found = statement->says == NULL || *statement->says == '\0', silent = true;
    char line[4096], all[8192] = "";
    int ended;

    assert_non_null(child);
    while (child_read_line(child, line, sizeof line, deadline_in_ms(60000))) {
        found = found || strstr(line, statement->says) != NULL;
        silent = false;
        snprintf(all + strlen(all), sizeof all - strlen(all), "    | %s\n", line);
    }
    ended = command_end(child);
    child_free(child);
    if (found && ended == statement->status && (statement->says != NULL || silent))
        return true;
    print_error("%s\n%s    ended with %d\n", statement->script, all, ended);
    return false;
}

static void are_true(const struct statement *statements, size_t count)
{
    struct child *holder = hold("lock", "held"), *leader = hold("elect", "led");
    int wrong = 0;

    for (size_t i = 0; i < count; i++)
        wrong += !is_true(&statements[i]);
    let_go(holder);
    let_go(leader);
    assert_int_equal(wrong, 0);
}

#define TELL(section)                                                \
    static void section_##section(void **state)                      \
    {                                                                \
        (void)state;                                                 \
        are_true((section), sizeof(section) / sizeof((section)[0])); \
    }

TELL(id)
TELL(shared)
TELL(times)
TELL(lock)
TELL(elect)
TELL(looking)
TELL(common)
TELL(status)

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {
        {"zkcoord", command_main}, {"script", command_script_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_id),     cmocka_unit_test(section_shared),
        cmocka_unit_test(section_times),  cmocka_unit_test(section_lock),
        cmocka_unit_test(section_elect),  cmocka_unit_test(section_looking),
        cmocka_unit_test(section_common), cmocka_unit_test(section_status),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
