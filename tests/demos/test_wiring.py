"""A lint over how the page is wired: listeners say what they mean, endpoints are complete, nothing heavy at import."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

import app
import demos
from benchmarks.serving import ROOT

STATED = {"trigger_mode", "queue", "show_progress", "api_visibility"}
LISTENERS = {"change", "click", "input", "key_up", "release", "select", "submit", "success", "then", "upload"}
ENDPOINTS = {
    "gan": {
        "gan_faces": ["data", "seed", "count", "truncation"],
        "gan_interpolate": ["data", "seed_a", "seed_b", "frames", "path"],
        "gan_edit": ["data", "seed", "direction", "strength"],
        "gan_neighbours": ["data", "seed", "k"],
        "gan_invert": ["data", "image", "steps"],
    },
    "vae": {
        "vae_latents": ["data", "beta"],
        "vae_encode": ["data", "image", "beta"],
        "vae_decode": ["data", "code", "beta"],
        "vae_edit": ["data", "code", "attribute", "strength"],
    },
    "diffusion": {
        "denoise": ["data", "seed", "steps", "scheduler", "guidance", "attributes", "eta"],
        "noise_image": ["data", "image", "timestep", "seed"],
    },
    "autoregressive": {
        "next_token": ["model", "text", "top"],
        "generate_text": [
            "model",
            "prompt",
            "strategy",
            "max_new_tokens",
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "repetition_penalty",
            "seed",
        ],
        "score_text": ["model", "text"],
        "image_tokens": ["data", "seed", "temperature", "top_k", "attributes"],
    },
    "latent_map": {
        "map_points": ["data", "method", "n_neighbors", "min_dist"],
        "map_decode": ["data", "x", "y"],
        "map_project": ["data", "image"],
    },
}


@pytest.fixture(scope="module")
def demo():
    """The page, built but not launched."""
    return app.build_demo()


@pytest.fixture(scope="module")
def listeners(demo) -> list[dict]:
    """What the page listens to; named endpoints have no target and are not among them."""
    return [dependency for dependency in demo.config["dependencies"] if dependency["targets"]]


def unstated(tree: ast.AST) -> Iterator[tuple[int, list[str]]]:
    """Line and missing words of each call that attaches a listener without saying all four."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args + node.keywords:
            continue
        receiver = ast.unparse(node.func.value)
        of_page = node.func.attr == "load" and receiver in {"demo", "blocks", "page"}
        if node.func.attr in LISTENERS or of_page or ast.unparse(node.func) == "gr.on":
            missing = STATED - {keyword.arg for keyword in node.keywords}
            if missing and None not in {keyword.arg for keyword in node.keywords}:  # **WIRING states them elsewhere
                yield node.lineno, sorted(missing)


def test_the_lint_sees_what_is_missing():
    assert list(unstated(ast.parse("button.click(f, queue=False)")))
    assert not list(unstated(ast.parse("b.click(f, trigger_mode=1, queue=0, show_progress=1, api_visibility=1)")))


def test_every_listener_states_how_it_runs():
    files = [*(ROOT / "demos").rglob("*.py"), ROOT / "app.py"]
    found = {f.relative_to(ROOT).as_posix(): list(unstated(ast.parse(f.read_text()))) for f in files}
    assert not {name: lines for name, lines in found.items() if lines}


def test_listeners_are_private_and_complete(listeners):
    for dependency in listeners:
        assert dependency["api_visibility"] == "private", dependency["targets"]
        assert dependency["trigger_mode"] in {"once", "multiple", "always_last"}
        assert isinstance(dependency["queue"], bool)
        assert dependency["show_progress"] in {"hidden", "minimal", "full"}


def test_live_listeners_are_quick_and_keep_the_last_position(listeners):
    for dependency in listeners:
        if any(event == "input" for _, event in dependency["targets"]):
            assert (dependency["trigger_mode"], dependency["queue"]) == ("always_last", False), dependency
            assert dependency["show_progress"] == "hidden"


def test_the_named_endpoints_are_those_of_the_tabs_and_no_others(demo):
    expected = {"/describe"} | {f"/{name}" for tab in demos.TABS for name in ENDPOINTS[tab]}
    info = demo.get_api_info()
    assert set(info["named_endpoints"]) == expected
    assert not info["unnamed_endpoints"]


def test_every_endpoint_is_typed_and_documented(demo):
    named = demo.get_api_info()["named_endpoints"]
    for tab in demos.TABS:
        for name, arguments in ENDPOINTS[tab].items():
            endpoint = named[f"/{name}"]
            assert [parameter["parameter_name"] for parameter in endpoint["parameters"]] == arguments
            for parameter in endpoint["parameters"]:
                assert parameter["python_type"]["type"] not in {"", "Any"}, (name, parameter)
                if parameter["parameter_name"] == "beta":
                    assert parameter["parameter_default"] == 1.0
    for name, endpoint in named.items():
        assert len(endpoint["description"].split()) >= 3, name
        assert len(endpoint["returns"]) == 1, name
        assert endpoint["returns"][0]["type"]["type"] == "object", name


HEAVY = """
import gc, sys
import app
demo = app.build_demo()
heavy = {"diffusers", "umap", "transformers", "sklearn", "cv2", "matplotlib"} & set(sys.modules)
torch = sys.modules.get("torch")
networks = [type(o).__name__ for o in gc.get_objects() if torch and issubclass(type(o), torch.nn.Module)]
print(sorted(heavy), networks)
"""


def test_nothing_heavy_happens_at_import():
    done = subprocess.run([sys.executable, "-c", HEAVY], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[] []"
