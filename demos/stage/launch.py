"""How the app is put together and launched. Host and port are the environment's (`GRADIO_SERVER_NAME`, `_PORT`)."""

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from demos import widgets
from demos.stage import frame, theme

TITLE = "Generative Playground"
FOLDER = Path(__file__).parent
MAPS = Path(__file__).resolve().parents[2] / "assets" / "maps"  # pictures too large to travel inside an answer
Entry = tuple[frame.Tab, Mapping[str, Callable[[], Any]], Iterable[Callable]]


def head() -> str:
    """What goes into the page's <head>: our styles and scripts, playground.js before all others.

    Styles travel here and not as `css`, which gradio would confine to its own container (dialogs live outside).
    """
    first = [FOLDER / "playground.js", FOLDER / "bar.js"]  # the others use what these two define
    others = [file for file in sorted(FOLDER.glob("*.js")) if file not in first]
    scripts = [file.read_text(encoding="utf-8") for file in (*first, *others)]
    scripts.insert(1, widgets.head())
    styles = [theme.css(), widgets.css()]
    return "".join([f"<style>{text}</style>" for text in styles] + [f"<script>{text}</script>" for text in scripts])


LAUNCH: dict[str, Any] = {
    "theme": theme.Theme(),
    "head": head(),
    "footer_links": [],
    "run_history": False,  # it writes every event into localStorage: 23 ms become 141
    "ssr_mode": False,
    "pwa": False,
    "show_error": False,  # only the text of gr.Error reaches a caller, never that of another exception
    "max_file_size": "8mb",
    "quiet": True,
    "app_kwargs": {"routes": [Mount("/maps", StaticFiles(directory=MAPS, check_dir=False))]},
}


def endpoint(function: Callable) -> Callable:
    """A named endpoint's function whose ValueError becomes a gr.Error: the only text that reaches a caller."""

    @functools.wraps(function)
    def answer(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return answer


def page(entries: Iterable[Entry]) -> gr.Blocks:
    """The whole app: the top bar, a tab for each (tab, layout, api functions), and the named endpoints.

    Loads no model. gradio's own tab row is hidden: the top bar presses its buttons; a tab is mounted when first seen.
    """
    entries = list(entries)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 600), fill_width=True) as demo:
        tabs = [
            {"name": tab.name, "label": tab.label, "takes": tab.takes}
            | {"dark": tab.accent, "light": theme.ACCENTS[tab.accent]}
            for tab, _, _ in entries
        ]
        frame.piece("bar", title=TITLE, tabs=tabs)
        with gr.Tabs(elem_id="stage-tabs"):
            for tab, layout, _ in entries:
                with gr.Tab(tab.label, elem_id=f"panel-{tab.name}"):
                    frame.build(tab, layout)
        # what several tabs offer is one endpoint
        for function in dict.fromkeys(function for _, _, functions in entries for function in functions):
            gr.api(endpoint(function), api_name=function.__name__, concurrency_limit=2)
    return demo


def run(demo: gr.Blocks) -> None:
    """Launches an app with our settings and waits until it is stopped."""
    _, url, _ = demo.launch(**LAUNCH, prevent_thread_lock=True)
    print(f"{TITLE} is at {url}", flush=True)
    demo.block_thread()


def run_tab(tab: frame.Tab, layout: Mapping[str, Callable[[], Any]], api: Iterable[Callable] = ()) -> None:
    """One tab alone: what `python -m demos.vae` calls."""
    run(page([(tab, layout, api)]))
