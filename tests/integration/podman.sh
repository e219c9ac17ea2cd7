#!/usr/bin/env bash
# Start or stop a service of Podman of our own, which speaks the API of a Docker engine: all its files in one new folder.
#
#     sudo tests/integration/podman.sh start /var/tmp/podman   # prints the DOCKER_HOST to export
#     sudo tests/integration/podman.sh stop /var/tmp/podman
#
# Needs root, podman, catatonit, and runc or crun (Debian: podman catatonit runc), and a folder on a real disk, of a short
# name since sockets stand in it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/daemons.sh"

START_TIMEOUT_S=30
STOP_TIMEOUT_S=30
BRIDGE=cni-podman0

start() {
    [[ $EUID -eq 0 ]] || fail "a service of Podman is started as root"
    for tool in podman catatonit; do
        command -v "$tool" >/dev/null || fail "$tool is missing; on Debian: apt-get install podman catatonit runc"
    done
    mkdir -p "$folder"
    [[ ! -e $folder/podman.pid ]] || fail "$folder is or was another service's: stop that one first"
    [[ -e /sys/class/net/$BRIDGE ]] || touch "$folder/bridge"
    # What watches a command goes so long after it: by default five minutes.
    printf '[engine]\nexit_command_delay = 5\n' >"$folder/containers.conf"
    cd "$folder" # where conmon writes a file `oom` when the kernel has ended a container's process
    setsid nohup "${podman[@]}" system service --time=0 "unix://$folder/podman.sock" \
        >"$folder/podman.log" 2>&1 </dev/null &
    local pid=$! deadline=$((SECONDS + START_TIMEOUT_S))
    echo "$pid" >"$folder/podman.pid"
    until [[ -S $folder/podman.sock ]]; do
        if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > deadline)); then
            tail -n 30 "$folder/podman.log" >&2
            stop
            fail "podman did not come up within $START_TIMEOUT_S s"
        fi
        sleep 0.1
    done
    echo "DOCKER_HOST=unix://$folder/podman.sock"
}

# Those that watch what ran in containers.
end_monitors() {
    local place
    for place in /proc/[0-9]*; do
        is_ours "${place#/proc/}" && kill -KILL "${place#/proc/}" || true
    done
}

stop() {
    [[ -d $folder ]] || return 0
    "${podman[@]}" rm --all --force --time 0 >/dev/null || true
    end_process "$folder/podman.pid"
    end_monitors
    awk -v root="$folder/" 'index($5, root) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r umount --lazy
    [[ ! -e $folder/bridge ]] || ip link delete "$BRIDGE" 2>/dev/null || true
    rm -rf "$folder"
}

[[ $# -eq 2 && $1 =~ ^(start|stop)$ ]] || fail "usage: $0 start|stop FOLDER"
folder=$(realpath -m "$2")
ours=$folder/exec
# crun refuses a machine that has control groups of versions 1 and 2.
podman=(
    env "CONTAINERS_CONF=$folder/containers.conf" "TMPDIR=$folder"
    podman --root "$folder/data" --runroot "$ours" --tmpdir "$folder/tmp"
    --runtime "$(command -v runc || command -v crun)" --cgroup-manager cgroupfs --events-backend file
)
"$1"
