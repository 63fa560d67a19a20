"""Starts programs and measures them; standard library only."""

import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple


class Run(NamedTuple):
    """One complete process: wall time, and the peak memory of the largest process in it."""

    seconds: float
    memory: int


def run(words, accepted=(0,), **options):
    """Runs a command to its end. Fails unless its exit code is an accepted one."""
    output = open(os.path.join(os.environ.get("TMPDIR", "/tmp"), f"bench-{os.getpid()}.output"), "w+b")
    os.unlink(output.name)
    begun = time.monotonic()
    child = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output, **options
    )
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in accepted:
        output.seek(0)
        sys.exit(f"failed with {child.returncode}: {' '.join(map(str, words))}\n{output.read().decode(errors='replace')}")
    output.close()
    return Run(seconds, usage.ru_maxrss * 1024)


def median(runs):
    """The median time of several runs, and the highest memory."""
    return Run(statistics.median(run.seconds for run in runs), max(run.memory for run in runs))


def seconds_text(seconds):
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def memory_text(size):
    return f"{size / 2**20:.0f} MiB"


def load_text():
    """What else the machine did, to be written beside figures."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
