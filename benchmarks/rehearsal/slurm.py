"""A real SLURM on this host: two nodes, one or both of them with two made-up GPUs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "squeue", "srun", "munged")
ETC = Path("/etc/slurm")  # where a job step looks for the configuration
LOG = "daemons.log"
PORTS = {"ctld": 16817, "n1": 16818, "n2": 16819}

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
MinJobAge=86400
KillWait=20
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={n1} CPUs={cpus} RealMemory=64000 Gres=gpu:2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={n2} CPUs={cpus} RealMemory=64000{gres}
PartitionName=main Nodes=n1,n2 Default=YES PriorityTier=1
PartitionName=urgent Nodes=n1,n2 PriorityTier=9
"""
GRES = "AutoDetect=off\nNodeName=n1 Name=gpu File={folder}/nvidia[0-1]\n"
SECOND = "NodeName=n2 Name=gpu File={folder}/nvidia[2-3]\n"


def missing() -> str | None:
    """Return why no cluster can be started here, or None."""
    for program in PROGRAMS:
        if shutil.which(program, path=_path()) is None:
            return f"{program} is not installed (Debian: slurmctld slurmd slurm-client munge)"
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root here, and this is another user"
    _sweep()
    if (ETC / "slurm.conf").exists():
        return f"{ETC}/slurm.conf is there: this host belongs to a cluster already"
    return None


def _sweep() -> None:
    """Remove the links that such a cluster left which was killed before it could stop."""
    conf = ETC / "slurm.conf"
    if not conf.is_symlink():
        return
    folder = Path(os.readlink(conf)).parent
    if folder.exists() and not (folder / LOG).exists():
        return
    try:
        os.kill(int((folder / "slurmctld.pid").read_text()), 0)
    except (OSError, ValueError):  # no such process, or no such file
        for name in ("slurm.conf", "gres.conf"):
            (ETC / name).unlink(missing_ok=True)


def _path() -> str:
    """Return a path on which jobs find this very environment, and everyone the daemons."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Slurm:
    """The commands of a running cluster."""

    def __init__(self, folder: Path, cpus: int, both: bool):
        self.folder, self.cpus, self.both = folder, cpus, both
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
        self.environment["PATH"] = _path()
        self.environment["BENCH_DEVICE"] = "cpu"  # the nodes' GPUs are made up

    def call(self, *command: str) -> str:
        """Return the standard output of one of SLURM's commands."""
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, text=True, capture_output=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """Return all jobs, ended ones too, as `scontrol show job` has them; GPUs as `gpus`."""
        found = []
        for line in self.call("scontrol", "--oneliner", "show", "job").splitlines():
            words = [w.partition("=") for w in line.split()]
            job = {key: value for key, _, value in words}
            if "JobId" in job:
                found.append(job | {"gpus": "1" if "gres/gpu=1" in line else "0"})
        return found

    def daemon(self, *command: str) -> None:
        """Start one that goes to the background by itself."""
        with open(self.folder / LOG, "a", encoding="utf-8") as log:
            subprocess.run(
                command, env=self.environment, stdout=log, stderr=log, check=True, timeout=60
            )

    def start(self) -> None:
        """Start all daemons; return when both nodes take jobs."""
        folder = self.folder
        for i in range(4):  # with plain files CUDA_VISIBLE_DEVICES would stay empty
            os.mknod(folder / f"nvidia{i}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        for name in ("state", "spool.n1", "spool.n2"):
            (folder / name).mkdir()
        content = CONF.format(
            folder=folder, cpus=self.cpus, gres=" Gres=gpu:2" if self.both else "",
            host=socket.gethostname(), **PORTS,
        )  # fmt: skip
        (folder / "slurm.conf").write_text(content)
        (folder / "gres.conf").write_text((GRES + SECOND * self.both).format(folder=folder))
        for name in ("slurm.conf", "gres.conf"):
            ETC.mkdir(exist_ok=True)
            (ETC / name).symlink_to(folder / name)
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o400)
        files = {"key": "key", "pid": "pid", "log": "log", "seed": "seed"}
        options = [f"--{k}-file={folder}/munge.{v}" for k, v in files.items()]
        self.daemon("munged", "--force", f"--socket={folder}/munge.socket", *options)
        self.daemon("slurmctld", "-c")
        for node in ("n1", "n2"):
            self.daemon("slurmd", "-c", "-N", node)
        deadline = time.monotonic() + 60
        while self.call("sinfo", "-h", "-N", "-o", "%T").split().count("idle") < 4:
            assert time.monotonic() < deadline, (folder / "slurmctld.log").read_text()[-2000:]
            time.sleep(0.2)

    def lose(self, node: str) -> None:
        """Kill a node's daemon and every process of its jobs, as a power failure would.

        The controller requeues its jobs; then the node is there again.
        """
        lost = [j["JobId"] for j in self.jobs() if j.get("NodeList") == node]
        os.kill(int((self.folder / f"slurmd.{node}.pid").read_text()), signal.SIGKILL)
        for job in lost:
            for pid in _processes(job):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        update = ("scontrol", "update", f"NodeName={node}")
        self.call(*update, "State=DOWN", "Reason=lost")
        self.daemon("slurmd", "-c", "-N", node)
        with suppress(AssertionError):  # a node that has come back by itself needs no resuming
            self.call(*update, "State=RESUME")

    def stop(self) -> None:
        """End jobs and daemons, by the ids that they wrote down."""
        try:
            self.call("scancel", "--user=root")
            deadline = time.monotonic() + 40
            while self.call("squeue", "-h").strip() and time.monotonic() < deadline:
                time.sleep(0.5)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            print(error)
        pids = ["slurmd.n1.pid", "slurmd.n2.pid", "slurmctld.pid", "munge.pid"]
        for pid in [int(p.read_text()) for n in pids if (p := self.folder / n).exists()]:
            _end(pid)
        for name in ("slurm.conf", "gres.conf"):
            (ETC / name).unlink(missing_ok=True)


def _processes(job: str) -> Iterator[int]:
    """Yield the processes of a job, by their environment or, of its own daemon, by the name."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (folder / "environ").read_bytes().split(b"\0")
            name = (folder / "cmdline").read_bytes()
            if f"SLURM_JOB_ID={job}".encode() in environment or name.startswith(
                f"slurmstepd: [{job}.".encode()
            ):
                yield int(folder.name)


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            time.sleep(0.2)


@contextmanager
def running(folder: Path, cpus: int = 4, both: bool = False) -> Iterator[Slurm]:
    """Run a cluster inside: two nodes with `cpus` processors each, its files in `folder`.

    The second has GPUs if `both` have.
    """
    slurm = Slurm(folder, cpus, both)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
