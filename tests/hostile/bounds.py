"""The bounds of a process that reads what is hostile, and what it came to."""

import resource
from pathlib import Path


def limit_memory(more: int) -> None:
    """No more address space than so many bytes beyond what this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    allowed = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))


def limit_time(seconds: int, used: float = 0) -> None:
    """SIGXCPU after so many further seconds of processor time, where `used` were used."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 1 + seconds, resource.RLIM_INFINITY))


def peak_mb() -> int:
    """The most memory that this process had; `ru_maxrss` would begin with what its parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024
