"""A page in a process of its own, and the Chromium that looks at it: shared by the tests and the benchmarks."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180  # two busy cores import gradio and torch in well under a minute; a hang still ends

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(command: Sequence[str], home: Path, extra_env: dict[str, str] | None = None) -> Iterator[str]:
    """Run `python COMMAND...` from the root, empty home; yields its address once it answers, stops it at the end.

    home: a temporary folder for the process's HOME, caches and log. extra_env: further environment variables.
    Raises RuntimeError with the log's end when the process dies or does not answer in time.
    """
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GRADIO_", "HF_"))}
    env |= {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(home / "gradio"),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PLAYGROUND_CACHE": str(home / "playground"),
        "PYTHONUNBUFFERED": "1",
    }
    env |= extra_env or {}
    url = f"http://127.0.0.1:{port}"
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{_tail(log)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} did not answer within {START_SECONDS} s:\n{_tail(log)}")
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
