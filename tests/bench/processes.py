"""Processes that are measured: pinned to a core, with the CPU and memory of all their descendants."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cpu", "Memory", "Process", "cores"]

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024
PATIENCE = 10.0
"""Seconds a process has to end when it is asked to."""


@dataclass(frozen=True)
class Cpu:
    """CPU time in seconds. `user` and `system` are counted in ticks of 10 ms, `total` finer."""

    user: float = 0.0
    system: float = 0.0
    total: float = 0.0

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.user - other.user, self.system - other.system, self.total - other.total)


@dataclass(frozen=True)
class Memory:
    """Memory in MiB: resident, and with what is shared divided among those who share it."""

    rss: float
    pss: float


def cores() -> tuple[int, int]:
    """The core of what is measured, and that of what measures: the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


class Process:
    """A process and its descendants, on one core."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        core: int,
        folder: Path,
        log: Path,
        env: Mapping[str, str] | None = None,
        realtime: bool = False,
        output: bool = False,
    ) -> None:
        """Start it. `realtime` takes the round-robin class, where that is allowed. With `output` its standard
        output can be read with `line`; otherwise it goes to `log`, as standard error does."""

        def prepare() -> None:
            os.sched_setaffinity(0, {core})
            if realtime:
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))

        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=None if env is None else dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if output else file,
                stderr=file,
                start_new_session=True,
                preexec_fn=prepare,  # noqa: PLW1509
            )
        self.log = log

    @property
    def pid(self) -> int:
        """Of the first of them."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the first of them has ended."""
        return self._process.poll() is not None

    def line(self) -> str:
        """The next line it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def cpu(self) -> Cpu:
        """What they have used so far, with what their ended children used."""
        user = system = total = 0.0
        for pid in self._tree():
            fields = _stat(pid)
            if not fields:
                continue
            own_user, own_system, ended_user, ended_system = (int(field) / TICK for field in fields[11:15])
            user += own_user + ended_user
            system += own_system + ended_system
            total += max(own_user + own_system, _ran(pid)) + ended_user + ended_system
        return Cpu(user, system, total)

    def memory(self) -> Memory:
        """What they have now."""
        rss = pss = 0
        for pid in self._tree():
            with contextlib.suppress(OSError):
                rss += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                pss += (
                    sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
                    * 1024
                )
        return Memory(rss / MIB, pss / MIB)

    def pause(self) -> None:
        """Let them do nothing until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end; what has not ended then is killed."""
        tree = self._tree()
        self._signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired, ProcessLookupError):
            self._process.terminate()
            self._process.wait(PATIENCE)
        for pid in tree:
            with contextlib.suppress(ProcessLookupError):
                if pid == self.pid or _session(pid) == self.pid:
                    os.kill(pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._tree():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _tree(self) -> list[int]:
        """Their ids; none when the first has ended."""
        if self.ended:
            return []
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            fields = _stat(int(entry.name)) if entry.name.isdigit() else []
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self.pid]
        for pid in found:
            found += children.get(pid, [])
        return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _ran(pid: int) -> float:
    """Seconds that its threads have run; those that have ended are missing."""
    total = 0
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def _session(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[3]) if fields else None
