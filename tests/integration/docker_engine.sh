#!/usr/bin/env bash
# Start or stop a Docker engine of our own: all its files in one new folder, a socket and a bridge that no other engine uses.
#
#     sudo tests/integration/docker_engine.sh start /var/tmp/engine   # prints the DOCKER_HOST to export
#     sudo tests/integration/docker_engine.sh crash /var/tmp/engine   # kill -9, and start it again
#     sudo tests/integration/docker_engine.sh stop /var/tmp/engine
#
# For machines where no engine runs, CI among them. Needs root, dockerd, containerd, iptables and ip
# (Debian: docker.io iptables iproute2), and a folder on a real disk.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/daemons.sh"

START_TIMEOUT_S=60
STOP_TIMEOUT_S=30

# Print the first of 200 small networks that no interface of this machine has, as the number in 10.213.N.
free_network() {
    local taken n
    taken=$(ip -4 route show)
    for n in {20..219}; do
        grep -q "10\.213\.$n\." <<<"$taken" || {
            echo "$n"
            return
        }
    done
    fail "no free network for the bridge in 10.213.0.0/16"
}

make_bridge() {
    local number
    number=$(free_network)
    bridge=tracesmith$number
    ip link add "$bridge" type bridge
    echo "$bridge" >"$folder/bridge"
    ip addr add "10.213.$number.1/24" dev "$bridge"
    ip link set "$bridge" up
}

answers() {
    DOCKER_HOST=unix://$folder/docker.sock timeout 10 docker info --format '{{.ServerVersion}} {{.Driver}}' 2>/dev/null
}

start() {
    [[ $EUID -eq 0 ]] || fail "a Docker engine is started as root"
    for tool in docker dockerd containerd iptables ip; do
        command -v "$tool" >/dev/null || fail "$tool is missing; on Debian: apt-get install docker.io iptables iproute2"
    done
    mkdir -p "$folder"
    [[ ! -e $folder/bridge ]] || fail "$folder is or was another engine's: stop that one first"
    make_bridge
    run_engine
}

# As when the kernel runs out of memory: containers lose the engine while they run. Its containerd goes with it.
crash() {
    local pids pid
    [[ -s $folder/bridge ]] || fail "$folder is no engine's"
    bridge=$(<"$folder/bridge")
    pids=("$(<"$folder/docker.pid")" "$(<"$folder/exec/containerd/containerd.pid")")
    is_ours "${pids[0]}" || fail "the engine in $folder does not run"
    kill -KILL "${pids[@]}"
    for pid in "${pids[@]}"; do
        while is_ours "$pid"; do
            sleep 0.1
        done
    done
    # The numbers of the dead are taken until somebody has waited for them.
    rm -f "$folder/docker.pid" "$folder/exec/containerd/containerd.pid"
    run_engine
}

run_engine() {
    # Namespaces of its own, since dockerd uses a containerd that the system may have running.
    setsid nohup dockerd \
        --data-root "$folder/data" \
        --exec-root "$folder/exec" \
        --pidfile "$folder/docker.pid" \
        --host "unix://$folder/docker.sock" \
        --bridge "$bridge" \
        --containerd-namespace "$bridge" \
        --containerd-plugins-namespace "$bridge-plugins" \
        >>"$folder/dockerd.log" 2>&1 </dev/null &
    local pid=$! deadline=$((SECONDS + START_TIMEOUT_S)) info
    until info=$(answers); do
        if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > deadline)); then
            tail -n 30 "$folder/dockerd.log" >&2
            stop
            fail "dockerd did not come up within $START_TIMEOUT_S s"
        fi
        sleep 0.5
    done
    echo "Docker engine and storage driver: $info" >&2
    echo "DOCKER_HOST=unix://$folder/docker.sock"
}

# An engine that crashed does not know all containers any more, and leaves what holds them.
end_shims() {
    local place
    for place in /proc/[0-9]*; do
        is_ours "${place#/proc/}" && kill -KILL "${place#/proc/}" || true
    done
}

# dockerd leaves its rules behind; those of our bridge name an interface that is about to go.
remove_bridge() {
    local name table rule
    [[ -s $folder/bridge ]] || return 0
    name=$(<"$folder/bridge")
    for table in nat filter; do
        while read -r rule; do
            # shellcheck disable=SC2086 # a rule is a list of words
            iptables -w -t "$table" $rule || true
        done < <(iptables -w -t "$table" -S | grep -w -- "$name" | sed 's/^-A/-D/')
    done
    ip link delete "$name" 2>/dev/null || true
}

stop() {
    [[ -d $folder ]] || return 0
    end_process "$folder/docker.pid"
    end_process "$folder/exec/containerd/containerd.pid"
    end_shims
    awk -v root="$folder/" 'index($5, root) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r umount --lazy
    remove_bridge
    rm -rf "$folder"
}

[[ $# -eq 2 && $1 =~ ^(start|crash|stop)$ ]] || fail "usage: $0 start|crash|stop FOLDER"
folder=$(realpath -m "$2")
ours=$folder/exec
"$1"
