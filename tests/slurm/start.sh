#!/usr/bin/env bash
# A Slurm cluster of two nodes on this machine, for tests: munged, slurmctld and two slurmd, on loopback addresses, in one folder.
#
#   tests/slurm/start.sh FOLDER        afterwards: export SLURM_CONF=FOLDER/slurm.conf; tests/slurm/stop.sh FOLDER ends all of it
#   tests/slurm/start.sh FOLDER node1  starts this node again, after it was killed
#
# It needs root and Debian's packages slurm-wlm and munge, which it does not install; it leaves /etc/slurm and /etc/munge alone. Debian's
# build knows several slurmd on one machine: each has its name (slurmd -N), its port and its folder.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: start.sh FOLDER [NODE]" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "start.sh: slurmd and munged want root here" >&2; exit 2; }
PATH=$PATH:/usr/sbin
for program in munged slurmctld slurmd sbatch; do
    command -v "$program" >/dev/null || { echo "start.sh: there is no $program; apt-get install slurm-wlm munge" >&2; exit 2; }
done
mkdir -p "$1"
folder=$(cd "$1" && pwd)
export SLURM_CONF=$folder/slurm.conf

if [ $# -eq 2 ]; then
    slurmd -N "$2"
    exit
fi

# free_ports N: ports that nobody listens on now.
free_ports() {
    python3 -c 'import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in held))' "$1"
}
read -r control first second < <(free_ports 3)
cpus=$(getconf _NPROCESSORS_ONLN)

mkdir -p "$folder/munge" "$folder/state" "$folder/spool"
chmod 755 "$folder/munge"
(umask 077 && head -c 1024 /dev/urandom >"$folder/munge/key")
# A job of a lost node waits until its credential has expired (cred_expire, 120 s unless told) before it starts again.
cat >"$SLURM_CONF" <<CONF
ClusterName=kdse
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$control
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=3
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
KillWait=5
NodeName=node1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$first CPUs=$cpus
NodeName=node2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$second CPUs=$cpus
PartitionName=all Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
CONF

# --force: the folder above may be one that others can write to
munged --force --num-threads 1 --key-file "$folder/munge/key" --socket "$folder/munge/socket" --pid-file "$folder/munge/pid" \
    --log-file "$folder/munge/log" --seed-file "$folder/munge/seed" 2>"$folder/munge/warnings"
slurmctld
slurmd -N node1
slurmd -N node2

for _ in $(seq 60); do
    [ "$(sinfo --noheader --Node --states idle --format %N 2>/dev/null | wc -l)" -eq 2 ] && exit 0
    sleep 0.5
done
echo "start.sh: the nodes do not come up; the logs in $folder say why" >&2
exit 1
