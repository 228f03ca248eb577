"""Clusters of Dask and Ray on this machine, in processes of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}


class Dask:
    """A scheduler and workers with their nannies."""

    def __init__(self, log):
        self.log = log
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self.wait_for(r"Scheduler at:\s+(tcp://\S+)")
        self.nannies = self.start("worker", self.address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard")

    def start(self, what, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)

    def wait_for(self, pattern):
        until = time.monotonic() + 30
        while not (match := re.search(pattern, self.log.read_text("utf-8"))):
            assert time.monotonic() < until, self.log.read_text("utf-8")
            time.sleep(0.05)
        return match[1]

    def end(self):
        for process in (self.nannies, self.scheduler):
            process.terminate()
        for process in (self.nannies, self.scheduler):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def dask_cluster(folder):
    """Give a cluster of two workers of one thread."""
    cluster = Dask(folder / "dask.log")
    try:
        yield cluster
    finally:
        cluster.end()


@contextmanager
def ray_cluster():
    """Give the address of a cluster of two workers."""
    port = _free_port()
    words = f"start --head --port={port} --num-cpus=2 --include-dashboard=false --disable-usage-stats"
    begin = [sys.executable, "-m", "ray.scripts.scripts", *words.split(), "--block"]
    process = subprocess.Popen(
        begin, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until = time.monotonic() + 60
        while not _listens(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()  # it ends what it began
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ray_head(address):
    """Return the process that is the head of a cluster."""
    port = address.rpartition(":")[2]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().decode("utf-8", "replace").split("\0")
            if "gcs_server" in words[0] and f"--gcs_server_port={port}" in words:
                return int(path.parent.name)
    raise AssertionError(f"no head at {address}")


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _listens(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
