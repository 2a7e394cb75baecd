"""What all widgets are: a gr.HTML whose template never changes and whose JavaScript paints the value.

The value of a widget is a small dictionary (described in each widget's module). The browser paints it; what a visitor
does becomes an action `{"name": str, "value": any}`. Text reaches the page through `textContent` only.
"""

from pathlib import Path
from typing import Any

import gradio as gr

FOLDER = Path(__file__).parent
# what the widgets' JavaScript uses; it comes first
TOOLS = (
    "base",
    "player",
    "point_pen",
    "sampling_maths",
    "token_words",
    "dart_line",
    "map_points",
    "map_ink",
    "map_camera",
    "map_marks",
    "map_hand",
    "map_words",
)
KINDS = (
    "controls",
    "curves",
    "face_sheet",
    "frame_strip",
    "game_board",
    "head_grid",
    "intervals",
    "latent_pad",
    "layer_table",
    "map_board",
    "mask_pad",
    "merge_ladder",
    "meter",
    "pair_bars",
    "patch_board",
    "picture_input",
    "point_field",
    "road_tree",
    "sampling_board",
    "table",
    "text_strip",
    "token_text",
)


class Widget(gr.HTML):
    """A component painted by `KIND.js`, which registers itself with `playground.define(kind, ...)`.

    name: what the tab calls it; tab: the tab's name. Its DOM id is `{tab}-{name}`.
    value: a dictionary, or None for "nothing yet"; passed through unchanged in both directions.
    listened: True if Python listens to `.input`; the event's data is then the action.
    Other arguments are those of gr.HTML. Raises ValueError for a name or tab that cannot be part of a DOM id.
    """

    kind = ""

    def __init__(
        self,
        name: str,
        tab: str,
        value: dict[str, Any] | None = None,
        listened: bool = False,
        **settings: Any,
    ) -> None:
        for word in (name, tab):
            if not isinstance(word, str) or not word.replace("_", "").replace("-", "").isalnum():
                raise ValueError(f"a widget's name and tab are words of letters, digits, - and _, not {word!r}")
        classes = settings.pop("elem_classes", None) or []
        super().__init__(
            value,
            html_template="",
            css_template="",
            js_on_load=f'playground.mount("{self.kind}", element, props, trigger, watch, server)',
            apply_default_css=False,
            elem_id=f"{tab}-{name}",
            elem_classes=["pg-widget", f"pg-{self.kind}", *([classes] if isinstance(classes, str) else classes)],
            # the next four reach the page as `props`
            kind=self.kind,
            name=name,
            tab=tab,
            listened=listened,
            **settings,
        )

    def preprocess(self, payload: dict[str, Any] | None) -> dict[str, Any] | None:
        """Hands the value of the page to Python as it is."""
        return payload

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Hands the value of Python to the page as it is. Raises TypeError for anything but a dictionary or None."""
        if value is not None and not isinstance(value, dict):
            raise TypeError(f"the value of a {type(self).__name__} is a dictionary or None, not {type(value).__name__}")
        return value

    def api_info(self) -> dict[str, Any]:
        """The value's type for clients: any JSON."""
        return {"type": {}, "description": "any valid json"}

    def example_payload(self) -> Any:
        """An example for the API page."""
        return {}

    def example_value(self) -> Any:
        """An example for the API page."""
        return {}


def head() -> str:
    """The JavaScript of all widgets, one text without script tags; it needs `playground` to be defined before it."""
    return "\n".join((FOLDER / f"{kind}.js").read_text(encoding="utf-8") for kind in (*TOOLS, *KINDS))


def css() -> str:
    """The styles of all widgets, one text; colours come from the theme's `--pg-*` variables."""
    return "\n".join((FOLDER / f"{kind}.css").read_text(encoding="utf-8") for kind in ("base", *KINDS))
