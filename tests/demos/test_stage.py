"""Stories, theme, launch settings and recordings: what can be checked without a browser."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from demos.stage import frame, launch, record, stories, theme
from demos.stage.state import DATA

ROOT = Path(__file__).resolve().parents[2]

_spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


# ---- stories


def load(folder: Path, content: object) -> list:
    """What stories.load makes of a file with this content."""
    (folder / "toy.json").write_text(json.dumps(content), encoding="utf-8")
    return stories.load("toy", toy.SCHEMA, folder)


def test_stories_are_read_and_every_query_is_checked(tmp_path):
    assert stories.load("toy", toy.SCHEMA, tmp_path) == []
    assert load(tmp_path, toy.STORIES) == toy.STORIES


STEP = {"query": "?v=1&tab=toy", "say": "Look."}
BROKEN = [
    {"title": "no list"},
    [{"title": "no steps"}],
    [{"title": "empty", "steps": []}],
    [{"title": "extra", "steps": [STEP], "author": "me"}],
    [{"title": "a", "steps": [{"say": "no query"}]}],
    [{"title": "a", "steps": [{"query": "?v=1&tab=toy"}]}],
    [{"title": "a", "steps": [STEP | {"query": "?v=1&tab=vae"}]}],
    [{"title": "a", "steps": [STEP | {"query": "?v=1&tab=toy&tilt=9"}]}],
    [{"title": "a", "steps": [STEP | {"query": "?v=1&tab=toy&nonsense=9"}]}],
    [{"title": "a", "steps": [STEP | {"predict": "?", "reveal": "?v=1&tab=toy&waves=0"}]}],
    [{"title": "a", "steps": [STEP | {"reveal": "?v=1&tab=toy"}]}],
    [{"title": "a", "steps": [STEP | {"say": "x" * 300}]}],
    [{"title": "a", "steps": [STEP | {"say": ""}]}],
    [{"title": "a", "steps": [STEP, "next"]}],
]


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: str(content)[:60])
def test_broken_stories_are_refused_by_place(tmp_path, content):
    with pytest.raises(ValueError, match=r"toy\.json"):
        load(tmp_path, content)


# ---- theme


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""
    a, b = sorted((luminance(one), luminance(other)), reverse=True)
    return (a + 0.05) / (b + 0.05)


@pytest.mark.parametrize("room", ["dark", "light"])
def test_all_words_have_enough_contrast(room):
    colours = theme.DARK if room == "dark" else theme.LIGHT
    accents = theme.ACCENTS.keys() if room == "dark" else theme.ACCENTS.values()
    on_accent = re.findall(r"--pg-on-accent: (#\w{6})", (theme.FOLDER / "theme.css").read_text())[room == "light"]
    for ground in (colours["bg"], colours["panel"]):
        for ink in (colours["ink"], colours["muted"], *accents):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    for accent in accents:
        assert contrast(on_accent, accent) >= 4.5, accent


def test_styles_and_scripts_ask_nobody_for_anything():
    head = launch.head()
    assert "https://huggingface.co" in head  # the page around a Space, spoken to and never loaded
    rest = head.replace("https://huggingface.co", "").replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"https?://[^\s\"')]+", rest)
    assert "@import" not in head
    assert not re.findall(r"url\((?!data:)", head)
    assert "fonts.googleapis" not in theme.Theme()._get_theme_css()
    assert head.count("</script>") == head.count("<script>")


def test_the_font_is_bundled_with_its_licence():
    for file in theme.FACES:
        assert (theme.FONTS / file).read_bytes()[:4] == b"wOF2"
    assert "SIL Open Font License" in (theme.FONTS / "LICENSE-Inter.txt").read_text()


def test_playground_comes_before_all_that_use_it():
    scripts = re.findall(r"<script>(.*?)</script>", launch.head(), re.S)
    assert "window.playground = (" in scripts[0]
    assert len(scripts) > 3 and all("playground" in script for script in scripts)


# ---- launch


def test_the_launch_settings_name_no_host_and_open_no_door():
    settings = launch.LAUNCH
    assert not {"server_name", "server_port", "share", "allowed_paths", "auth", "root_path"} & settings.keys()
    assert (settings["run_history"], settings["ssr_mode"], settings["pwa"]) == (False, False, False)
    assert settings["max_file_size"] == "8mb" and settings["show_error"] is False


def test_environment_is_quiet_before_gradio_is_imported():
    code = (
        "import os, sys, demos\n"
        "assert 'gradio' not in sys.modules and 'huggingface_hub' not in sys.modules\n"
        "print(os.environ['GRADIO_ANALYTICS_ENABLED'], os.environ['HF_HUB_OFFLINE'])"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GRADIO_", "HF_"))}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "1"], done.stderr


def test_the_page_has_a_panel_for_each_tab():
    demo = launch.page(
        [(toy.tab(), toy.layout(), []), (toy.tab("toy2", "Second", "#ff9e4a"), toy.other_layout("toy2"), [])]
    )
    ids = {block.elem_id for block in demo.blocks.values()}
    assert {"bar", "panel-toy", "panel-toy2", "tab-toy", "tab-toy2", "toy-rail", "toy2-rail", "toy-store"} <= ids
    bar = next(block for block in demo.blocks.values() if block.elem_id == "bar")
    assert [(t["name"], t["dark"], t["light"]) for t in bar.props["tabs"]] == [
        ("toy", "#4cc9a4", "#0b7359"),
        ("toy2", "#ff9e4a", "#a34a00"),
    ]


def test_api_functions_become_named_endpoints():
    def double(x: float) -> dict:
        """Twice x."""
        return {"twice": 2 * x}

    demo = launch.page([(toy.tab(), toy.layout(), [double])])
    assert list(demo.get_api_info()["named_endpoints"]) == ["/double"]


# ---- recordings


def test_recordings_say_so_and_are_used_while_they_fit(tmp_path):
    files = record.record(toy.tab(), tmp_path)
    assert [file.name for file in files] == [f"toy-{data}.json" for data in DATA]
    for data, file in zip(DATA, files, strict=True):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        live = frame.answer(toy.tab(), toy.SCHEMA.defaults() | {"data": data})
        assert recorded["view"]["hero"]["source"] == "recorded, seed 7"
        assert recorded["view"]["hero"]["image"] == live["view"]["hero"]["image"]
        assert recorded["query"] == live["query"]
    assert set(frame.recordings(toy.tab(recording=tmp_path))) == set(DATA)
    stale = json.loads(files[0].read_text(encoding="utf-8"))
    stale["state"]["waves"] = 8
    files[0].write_text(json.dumps(stale), encoding="utf-8")
    assert set(frame.recordings(toy.tab(recording=tmp_path))) == {"portraits"}
    assert frame.recordings(toy.tab(recording=None)) == {}
