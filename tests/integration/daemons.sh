# What the scripts share that start daemons of our own. They set STOP_TIMEOUT_S and `ours`, a path in the arguments of all of theirs.

fail() {
    echo "error: $*" >&2
    exit 1
}

# Whether a process is alive and of ours: a stale pid file must not cost another program its life.
is_ours() {
    grep -qaF "$ours" "/proc/$1/cmdline" 2>/dev/null
}

end_process() {
    local pid deadline=$((SECONDS + STOP_TIMEOUT_S))
    [[ -s $1 ]] || return 0
    pid=$(<"$1")
    is_ours "$pid" && kill "$pid" 2>/dev/null || return 0
    while is_ours "$pid" && ((SECONDS <= deadline)); do
        sleep 0.1
    done
    is_ours "$pid" && kill -KILL "$pid" 2>/dev/null || true
}
