#!/usr/bin/env bash
# Start or stop a Slurm of our own on this machine: nodes c1 and c2, and g1 with two GPUs that are stand-ins.
#
#     sudo tests/integration/slurm.sh start /var/tmp/slurm     # prints the SLURM_CONF to export
#     sudo tests/integration/slurm.sh node /var/tmp/slurm c1   # starts a node again that was killed
#     sudo tests/integration/slurm.sh stop /var/tmp/slurm
#
# For machines that are part of no cluster, CI among them. Needs root, slurmctld, slurmd and munged (Debian: slurm-wlm munge).
# No accounting, no cgroups: memory is counted, not enforced. All files stand in one new folder but for two links in /etc/slurm,
# since what a job starts looks for the configuration there alone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/daemons.sh"

NODES=(c1 c2 g1)
START_TIMEOUT_S=30
STOP_TIMEOUT_S=15
MUNGE_SOCKET=/run/munge/munge.socket.2

# The names of the nodes are not the machine's, whose processors and memory they all claim for themselves, and more.
write_configuration() {
    local host
    host=$(hostname -s)
    cat >"$folder/slurm.conf" <<END
ClusterName=tracesmith
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=cred_expire=5
SlurmctldPort=26817
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd-%n.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=1,batch_sched_delay=0
ReturnToService=2
SlurmdTimeout=10
KillWait=2
MinJobAge=3600
SlurmdParameters=config_overrides
GresTypes=gpu,docker
NodeName=c[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[27001-27002] CPUs=16 RealMemory=32000 Gres=docker:2
NodeName=g1 NodeHostname=$host NodeAddr=127.0.0.1 Port=27003 CPUs=16 RealMemory=64000 Gres=gpu:2,docker:2
PartitionName=cpu Nodes=c[1-2] Default=YES MaxTime=7-00:00:00
PartitionName=gpu Nodes=g1 MaxTime=7-00:00:00
END
    cat >"$folder/gres.conf" <<END
NodeName=g1 Name=gpu File=$folder/dev/nvidia[0-1] Flags=nvidia_gpu_env
NodeName=c[1-2],g1 Name=docker Count=2
END
}

# GPUs that are only counted register as none in Slurm 22.05.
make_devices() {
    local number
    mkdir "$folder/dev"
    for number in 0 1; do
        mknod "$folder/dev/nvidia$number" c 1 3
    done
}

start_munge() {
    munge --no-input &>/dev/null && return
    mkdir -p -m 755 "$(dirname "$MUNGE_SOCKET")"
    mkdir -m 700 "$folder/munge"
    (umask 077 && head -c 1024 /dev/urandom >"$folder/munge/munge.key")
    munged --force \
        --key-file="$folder/munge/munge.key" \
        --socket="$MUNGE_SOCKET" \
        --pid-file="$folder/munge/munged.pid" \
        --seed-file="$folder/munge/seed" \
        --log-file="$folder/munge/munged.log"
}

idle_nodes() {
    sinfo --noheader --Node --states=idle --format=%N 2>/dev/null | sort -u | wc -l
}

wait_for_nodes() {
    local deadline=$((SECONDS + START_TIMEOUT_S))
    until [[ $(idle_nodes) -eq ${#NODES[@]} ]]; do
        if ((SECONDS > deadline)); then
            tail -n 20 "$folder"/slurm*.log >&2
            stop
            fail "Slurm did not come up within $START_TIMEOUT_S s"
        fi
        sleep 0.2
    done
}

start() {
    [[ $EUID -eq 0 ]] || fail "a Slurm with several nodes on one machine is started as root"
    for tool in slurmctld slurmd munged; do
        command -v "$tool" >/dev/null || fail "$tool is missing; on Debian: apt-get install slurm-wlm munge"
    done
    [[ ! -e $folder/slurm.conf ]] || fail "$folder is or was another Slurm's: stop that one first"
    [[ ! -e /etc/slurm/slurm.conf ]] || fail "/etc/slurm/slurm.conf: this machine has a Slurm, which is left alone"
    mkdir -p "$folder"/{state,spool} /etc/slurm
    write_configuration
    make_devices
    ln -sfn "$folder/slurm.conf" /etc/slurm/slurm.conf
    ln -sfn "$folder/gres.conf" /etc/slurm/gres.conf
    start_munge
    slurmctld -f "$folder/slurm.conf"
    for name in "${NODES[@]}"; do
        start_node "$name"
    done
    wait_for_nodes
    sinfo --Node --format='%N %P %c %m %G' >&2
    echo "SLURM_CONF=$folder/slurm.conf"
}

start_node() {
    mkdir -p "$folder/spool/$1"
    slurmd -N "$1" -f "$folder/slurm.conf"
}

end_jobs() {
    local deadline=$((SECONDS + STOP_TIMEOUT_S))
    timeout 10 scancel --user="$(id -un)" 2>/dev/null || return 0
    while [[ -n $(timeout 10 squeue --noheader 2>/dev/null) ]] && ((SECONDS <= deadline)); do
        sleep 0.2
    done
}

remove_link() {
    [[ $(readlink "$1") != "$folder"/* ]] || rm -f "$1"
}

stop() {
    local name
    [[ -d $folder ]] || return 0
    export SLURM_CONF=$folder/slurm.conf
    end_jobs
    end_process "$folder/slurmctld.pid"
    for name in "${NODES[@]}"; do
        end_process "$folder/slurmd-$name.pid"
    done
    end_process "$folder/munge/munged.pid"
    # With the links left, every Snakemake would ask a Slurm that does not answer, for nine seconds.
    remove_link /etc/slurm/slurm.conf
    remove_link /etc/slurm/gres.conf
    rm -rf "$folder"
}

usage() {
    fail "usage: $0 start|stop FOLDER, or $0 node FOLDER NAME"
}

case $#-${1:-} in
2-start | 2-stop | 3-node) ;;
*) usage ;;
esac
folder=$(realpath -m "$2")
ours=$folder/
case $1 in
node) start_node "$3" ;;
*) "$1" ;;
esac
