"""Calls the renderer: installs its three pinned packages once and runs render.mjs with Node."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
COUNT = 20_000
# What manifest.json says of the full set that the shipped models learnt from.
SHA256 = "883a97d89027e67da69b56b4806bc7a7e81699eea7848bd5ad8747c0688ce6df"


class RenderError(RuntimeError):
    """The toons could not be rendered; the message says why."""


def install() -> None:
    """Installs the renderer's packages from package-lock.json (npm ci) unless exactly these are there already."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise RenderError("rendering the toons needs Node 18 or newer and npm on the PATH (https://nodejs.org)")
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".installed"
    if not stamp.is_file() or stamp.read_text() != wanted:
        _run(["npm", "ci", "--no-audit", "--no-fund"])
        stamp.write_text(wanted)


def render(out: Path, count: int = COUNT) -> dict:
    """Renders ``count`` drawings into ``out`` (images/, factors.csv, manifest.json) and returns the manifest.

    Drawings that ``out`` holds already are replaced; any other folder with files in it is refused.
    """
    out = Path(out).resolve()
    if out.is_dir() and any(out.iterdir()) and not (out / "factors.csv").is_file():
        raise RenderError(f"{out} is not empty and holds no toons; give a new folder")
    install()
    _run(["node", "render.mjs", "--out", str(out), "--count", str(count)])
    return json.loads((out / "manifest.json").read_text())


def _run(command: list[str]) -> None:
    """Runs a command in this folder, its output going to the terminal."""
    code = subprocess.run(command, cwd=HERE, check=False).returncode
    if code:
        raise RenderError(f"{' '.join(command)} ended with {code}; its message is above")
