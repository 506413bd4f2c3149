# fish completion for zkcoord(1)
# SPDX-License-Identifier: Apache-2.0

# The ids that there are, asked of the servers that the command line names so far; two seconds.
function __zkcoord_ids
    set -l options
    set -l words (commandline -opc)
    for i in (seq (count $words))
        if contains -- $words[$i] --nodes --namespace --auth
            set options $options $words[$i] $words[(math $i + 1)]
        end
    end
    timeout 2 zkcoord ls --names $options 2>/dev/null
end

function __zkcoord_verb
    test (count (commandline -opc)) -gt 1
    and contains -- (commandline -opc)[2] $argv
end

complete -c zkcoord -f
complete -c zkcoord -n __fish_use_subcommand -a lock -d 'run a command while holding a lock'
complete -c zkcoord -n __fish_use_subcommand -a elect -d 'run a command while elected'
complete -c zkcoord -n __fish_use_subcommand -a leader -d 'say who leads'
complete -c zkcoord -n __fish_use_subcommand -a ls -d 'show who holds and who waits'
complete -c zkcoord -n __fish_use_subcommand -a probe -d 'say whether a lock is free'
complete -c zkcoord -n __fish_use_subcommand -a break -d 'free a lock that is stuck'
complete -c zkcoord -n __fish_use_subcommand -a dev -d 'run a command beside a throw-away ZooKeeper'
complete -c zkcoord -n __fish_use_subcommand -a help -d 'explain a subcommand'
complete -c zkcoord -n __fish_use_subcommand -a version -d 'print the version'

complete -c zkcoord -n '__zkcoord_verb help' -a 'lock elect leader ls probe break dev version'
complete -c zkcoord -n '__zkcoord_verb lock elect leader ls probe break' -a '(__zkcoord_ids)'
complete -c zkcoord -n '__zkcoord_verb lock elect dev' -a '(__fish_complete_command)'

complete -c zkcoord -l nodes -x -d 'the servers'
complete -c zkcoord -l namespace -x -d 'where locks and elections live'
complete -c zkcoord -l session-timeout -x -d 'what to ask the servers for'
complete -c zkcoord -l auth -x -d 'a credential'
complete -c zkcoord -s h -l help -d explain
complete -c zkcoord -n '__zkcoord_verb lock' -s w -l wait -x -d 'wait so long at most'
complete -c zkcoord -n '__zkcoord_verb lock' -s n -l nonblock -d 'do not wait'
complete -c zkcoord -n '__zkcoord_verb lock' -s E -l conflict-exit-code -x -d 'status if not obtained'
complete -c zkcoord -n '__zkcoord_verb lock' -l ttl -x -d 'how long the lock may outlive this machine'
complete -c zkcoord -n '__zkcoord_verb elect' -l once -d 'end after one turn'
complete -c zkcoord -n '__zkcoord_verb elect' -l backoff -x -d 'pause before standing again'
complete -c zkcoord -n '__zkcoord_verb lock elect' -l grace -x -d 'time between SIGTERM and SIGKILL'
complete -c zkcoord -n '__zkcoord_verb lock elect probe' -s q -l quiet -d 'say nothing'
complete -c zkcoord -n '__zkcoord_verb leader ls' -l watch -d 'again whenever it changes'
complete -c zkcoord -n '__zkcoord_verb leader ls' -l json -d 'as JSON'
complete -c zkcoord -n '__zkcoord_verb ls' -l names -d 'ids only'
complete -c zkcoord -n '__zkcoord_verb probe break' -s e -l election -d 'an election'
complete -c zkcoord -n '__zkcoord_verb break' -s y -l yes -d 'do not ask'
complete -c zkcoord -n '__zkcoord_verb dev' -l servers -x -d 'how many'
