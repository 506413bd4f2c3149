/* SPDX-License-Identifier: Apache-2.0 */
/* Where credentials come from, and where they must not go. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "keeper.h"
#include "server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SECRET "digest:ann:secret"

/* The role: a shell script in which $Z is zkcoord, $top the source, and $d a folder of ours. */
static int script_main(int argc, char **argv)
{
    const char *top = getenv("top_srcdir");

    if (argc < 3)
        return 99;
    setenv("top", top ? top : "..", 1);
    setenv("d", argv[2], 1);
    return command_script_main(2, argv);
}

static char folder[256];

static int open_folder(void **state)
{
    (void)state;
    return keeper_make_dir(folder, sizeof folder);
}

static int close_folder(void **state)
{
    (void)state;
    keeper_remove_dir(folder);
    return 0;
}

static struct child *script(const char *text)
{
    struct child *child = child_start("script", nodes, text, folder, NULL);

    assert_non_null(child);
    return child;
}

/* ---- the command ---- */

#define SHOW "sh -c 'echo \"auth <$ZKCOORD_AUTH>\"'"

static void the_command_does_not_get_it(void **state)
{
    struct child *child = script("export ZKCOORD_AUTH=" SECRET ";"
                                 "$Z lock s -- " SHOW "; $Z elect s --once -- " SHOW ";"
                                 "$Z dev -- " SHOW "; echo end");

    (void)state;
    for (int i = 0; i < 3; i++)
        command_expect(child, "auth <>");
    command_expect(child, "end");
    command_finish(child, 0);
}

static void the_command_gets_it_if_asked_for(void **state)
{
    struct child *child = script("export ZKCOORD_AUTH=" SECRET ";"
                                 "$Z lock s --pass-auth -- " SHOW ";"
                                 "$Z elect s --once --pass-auth " SHOW ";"
                                 "$Z dev --pass-auth " SHOW "; echo end");

    (void)state;
    for (int i = 0; i < 3; i++)
        command_expect(child, "auth <" SECRET ">");
    command_expect(child, "end");
    command_finish(child, 0);
}

/* The system shows the environment with which a process was started: here, of the command's parent.
 */
static void nobody_reads_it_off_zkcoord(void **state)
{
    struct child *child =
        script("export ZKCOORD_AUTH=" SECRET "; $Z lock s -- sh -c 'echo count $(grep -ac "
               "ann:secret /proc/$PPID/environ)'");

    (void)state;
    command_expect(child, "count 0");
    command_finish(child, 0);
}

/* ---- a file ---- */

static void a_private_file(void **state)
{
    struct child *child = script(
        "echo " SECRET " >$d/f; echo more >>$d/f; $Z lock f --namespace /filed --auth " SECRET
        " true; for m in 400 600 640 440; do chmod $m $d/f;"
        "$Z ls f --namespace /filed --auth-file $d/f; echo $m $?; done;"
        "printf digest:ann:secret >$d/g; chmod 400 $d/g; $Z ls f --namespace /filed "
        "--auth-file $d/g; echo bare $?; ZKCOORD_AUTH=digest:bob:b $Z ls f --namespace "
        "/filed --auth-file $d/f; echo first $?; $Z ls f --namespace /filed; echo none $?;"
        "printf 'digest:ann:secret\\r\\n' >$d/w; chmod 400 $d/w; $Z ls f --namespace /filed "
        "--auth-file $d/w; echo crlf $?; mkfifo -m 600 $d/p; { exec 5>$d/p; cat $d/g >&5; } & "
        "$Z ls f --namespace /filed --auth-file $d/p; echo fifo $?");

    (void)state;
    command_expect(child, "400 0");
    command_expect(child, "600 0");
    command_expect(child, "640 0");
    command_expect(child, "440 0");
    command_expect(child, "bare 0");
    command_expect(child, "first 0");
    command_expect(child, "none 77");
    command_expect(child, "crlf 0");
    command_expect(child, "fifo 0");
    command_finish(child, 0);
}

/* It waits for a writer in vain. */
static void a_fifo_without_a_writer(void **state)
{
    struct child *child = script("mkfifo -m 600 $d/p; $Z lock f --auth-file $d/p true; echo $?");

    (void)state;
    command_expect(child, "nobody has written a line");
    command_expect(child, "64");
    command_finish(child, 0);
}

static void a_file_that_will_not_do(void **state)
{
    struct child *child = script(
        "echo " SECRET " >$d/f; for m in 644 604 602 660; do chmod $m $d/f; $Z ls --auth-file "
        "$d/f; echo $m $?; done; : >$d/e; chmod 600 $d/e; $Z ls --auth-file $d/e; echo empty $?;"
        "$Z ls --auth-file $d/none; echo gone $?; $Z ls --auth-file $d; echo folder $?;"
        "chmod 600 $d/f; $Z ls --auth-file $d/f --auth " SECRET "; echo both $?");

    (void)state;
    command_expect(child, "others may read it");
    command_expect(child, "644 64");
    command_expect(child, "604 64");
    command_expect(child, "602 64");
    command_expect(child, "660 64");
    command_expect(child, "first line is not a credential");
    command_expect(child, "empty 64");
    command_expect(child, "No such file");
    command_expect(child, "gone 64");
    command_expect(child, "folder 64");
    command_expect(child, "contradict");
    command_expect(child, "both 64");
    command_finish(child, 0);
}

/* ---- completion ---- */

/* What a zkcoord that completion calls is told: $1 is the shell's way to say the words. */
#define FAKE                                                                                  \
    "printf '#!/bin/sh\\necho \"argv <$*> auth <$ZKCOORD_AUTH>\" >&3\\n' >$d/zkcoord; chmod " \
    "+x $d/zkcoord; PATH=$d:$PATH; exec 3>&1; "

/* Once for each way to give a credential. A shell that is not here skips the test. */
static void completes(struct child *child)
{
    char line[1024];

    assert_true(child_read_line(child, line, sizeof line, deadline_in_ms(60000)));
    if (strcmp(line, "skipped") == 0) {
        child_free(child);
        skip();
    }
    assert_string_equal(line, "argv <ls --names> auth <" SECRET ">");
    command_expect(child, "argv <ls --names> auth <" SECRET ">");
    command_expect(child, "argv <ls --names --auth-file f> auth <>");
    command_finish(child, 0);
}

static void completion_in_bash(void **state)
{
    struct child *child =
        script(FAKE ". $top/tools/completion/bash/zkcoord;"
                    "words=(zkcoord lock --auth \"'" SECRET "'\" ''); _zkcoord_ids;"
                    "words=(zkcoord lock --auth=" SECRET " ''); _zkcoord_ids;"
                    "words=(zkcoord lock --auth-file '\\f' ''); _zkcoord_ids");

    (void)state;
    completes(child);
}

/* Its functions alone: the rest of the file runs inside of a completion only. */
static void completion_in_zsh(void **state)
{
    struct child *child =
        script("command -v zsh >/dev/null || exec echo skipped;" FAKE "for w in '--auth " SECRET
               "' --auth=" SECRET " '--auth-file f'; do zsh -fc 'source "
               "<(sed \"/^local -a line_words/,\\$d\" $top/tools/completion/zsh/_zkcoord);"
               "_wanted() { }; line_words=(zkcoord lock ${=1} x); _zkcoord_ids' zsh \"$w\"; done");

    (void)state;
    completes(child);
}

static void completion_in_fish(void **state)
{
    struct child *child =
        script("command -v fish >/dev/null || exec echo skipped;" FAKE "for w in '--auth " SECRET
               "' --auth=" SECRET " '--auth-file f'; do fish -c 'source "
               "\"$argv[1]\"; complete -C \"zkcoord lock $argv[2] x\"' $top/tools/completion/fish/"
               "zkcoord.fish \"$w\"; done");

    (void)state;
    completes(child);
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"script", script_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_does_not_get_it),
        cmocka_unit_test(the_command_gets_it_if_asked_for),
        cmocka_unit_test(nobody_reads_it_off_zkcoord),
        cmocka_unit_test_setup_teardown(a_private_file, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_fifo_without_a_writer, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_that_will_not_do, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(completion_in_bash, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(completion_in_zsh, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(completion_in_fish, open_folder, close_folder),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
