# fish completion for zkcoord(1)
# SPDX-License-Identifier: Apache-2.0

# What the words before the cursor are: prints the subcommand, what comes next (verb, id, command or
# nothing), whether options may come, and the index of COMMAND's first word.
function __zkcoord_parse
    set -l valued -w -E --wait --conflict-exit-code --ttl --grace --backoff --dialect --servers \
        --nodes --namespace --session-timeout --auth --auth-file
    set -l words (commandline -opc)
    set -l verb -
    set -l next verb
    set -l closed no
    set -l i 2
    while test $i -le (count $words)
        set -l word $words[$i]
        if test $closed = no; and test "$word" = --
            set closed yes
        else if test $closed = no; and string match -q -- '-*' $word
            contains -- $word $valued
            and set i (math $i + 1)
        else if test $next = verb
            set verb $word
            switch $verb
                case dev
                    set next command
                case help version
                    set next nothing
                case '*'
                    set next id
            end
        else if test $next = id
            contains -- $verb lock elect
            and set next command
            or set next nothing
        else
            set closed yes
            break
        end
        set i (math $i + 1)
    end
    echo $verb $next $closed $i
end

function __zkcoord_next
    test (string split ' ' -- (__zkcoord_parse))[2] = $argv[1]
end

# Options of these subcommands, or of all, may come.
function __zkcoord_options
    set -l state (string split ' ' -- (__zkcoord_parse))
    test $state[3] = no
    and begin
        test (count $argv) = 0
        or contains -- $state[1] $argv
    end
end

# The ids that there are, asked of the servers that the command line names so far; two seconds. A
# credential goes by the environment: everybody can read the arguments of a process.
function __zkcoord_ids
    set -l options
    set -lx ZKCOORD_AUTH $ZKCOORD_AUTH
    set -l words (commandline -opc)
    for i in (seq (count $words))
        switch $words[$i]
            case --nodes --namespace --auth-file
                test $i -lt (count $words)
                and set options $options $words[$i] $words[(math $i + 1)]
            case '--nodes=*' '--namespace=*' '--auth-file=*'
                set options $options $words[$i]
            case --auth
                test $i -lt (count $words)
                and set ZKCOORD_AUTH $words[(math $i + 1)]
            case '--auth=*'
                set ZKCOORD_AUTH (string replace -- --auth= '' $words[$i])
        end
    end
    timeout 2 zkcoord ls --names $options 2>/dev/null
end

# As if COMMAND were alone on the line.
function __zkcoord_command
    set -l state (string split ' ' -- (__zkcoord_parse))
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l alone
    test $state[3] = no; and string match -q -- '-*' $current
    and return # an option of ours
    test $state[4] -le (count $words)
    and set alone (string escape -- $words[$state[4]..-1])
    set -l line (string join ' ' -- $alone "$current")
    complete "--do-complete=$line"
end

complete -c zkcoord -f
complete -c zkcoord -n '__zkcoord_next verb' -a lock -d 'run a command while holding a lock'
complete -c zkcoord -n '__zkcoord_next verb' -a elect -d 'run a command while elected'
complete -c zkcoord -n '__zkcoord_next verb' -a leader -d 'say who leads'
complete -c zkcoord -n '__zkcoord_next verb' -a ls -d 'show who holds and who waits'
complete -c zkcoord -n '__zkcoord_next verb' -a probe -d 'say whether a lock is free'
complete -c zkcoord -n '__zkcoord_next verb' -a ask -d 'ask who holds a lock to give it up'
complete -c zkcoord -n '__zkcoord_next verb' -a break -d 'free a lock that is stuck'
complete -c zkcoord -n '__zkcoord_next verb' -a dev -d 'run a command beside a throw-away ZooKeeper'
complete -c zkcoord -n '__zkcoord_next verb' -a help -d 'explain a subcommand'
complete -c zkcoord -n '__zkcoord_next verb' -a version -d 'print the version'

complete -c zkcoord -n '__zkcoord_options help' -a 'lock elect leader ls probe ask break dev version'
complete -c zkcoord -n '__zkcoord_next id' -a '(__zkcoord_ids)'
complete -c zkcoord -n '__zkcoord_next command' -a '(__zkcoord_command)'

complete -c zkcoord -n __zkcoord_options -l nodes -x -d 'the servers'
complete -c zkcoord -n __zkcoord_options -l namespace -x -d 'where locks and elections live'
complete -c zkcoord -n __zkcoord_options -l session-timeout -x -d 'what to ask the servers for'
complete -c zkcoord -n __zkcoord_options -l auth -x -d 'a credential'
complete -c zkcoord -n __zkcoord_options -l auth-file -r -F -d 'a file with a credential'
complete -c zkcoord -n __zkcoord_options -s h -l help -d explain
complete -c zkcoord -n '__zkcoord_options lock' -s s -l shared -d 'share the lock with others that do'
complete -c zkcoord -n '__zkcoord_options lock' -s w -l wait -x -d 'wait so long at most'
complete -c zkcoord -n '__zkcoord_options lock' -s n -l nonblock -d 'do not wait'
complete -c zkcoord -n '__zkcoord_options lock' -s E -l conflict-exit-code -x -d 'status if not obtained'
complete -c zkcoord -n '__zkcoord_options lock' -l ttl -x -d 'how long the lock may outlive this machine'
complete -c zkcoord -n '__zkcoord_options elect' -l once -d 'end after one turn'
complete -c zkcoord -n '__zkcoord_options elect' -l backoff -x -d 'pause before standing again'
complete -c zkcoord -n '__zkcoord_options lock elect' -l grace -x -d 'time between SIGTERM and SIGKILL'
complete -c zkcoord -n '__zkcoord_options lock' -l dialect -x -a 'lock latch kazoo read-write' \
    -d 'whom a path is shared with'
complete -c zkcoord -n '__zkcoord_options elect' -l dialect -x -a 'lock latch kazoo' \
    -d 'whom a path is shared with'
complete -c zkcoord -n '__zkcoord_options lock elect dev' -l pass-auth -d 'the command gets $ZKCOORD_AUTH'
complete -c zkcoord -n '__zkcoord_options lock elect probe' -s q -l quiet -d 'say nothing'
complete -c zkcoord -n '__zkcoord_options leader ls' -l watch -d 'again whenever it changes'
complete -c zkcoord -n '__zkcoord_options leader ls' -l json -d 'as JSON'
complete -c zkcoord -n '__zkcoord_options ls' -l names -d 'ids only'
complete -c zkcoord -n '__zkcoord_options probe ask break' -s e -l election -d 'an election'
complete -c zkcoord -n '__zkcoord_options break' -s y -l yes -d 'do not ask'
complete -c zkcoord -n '__zkcoord_options dev' -l servers -x -d 'how many'
