"""The look: colours, type and the page's layout, light and dark. The rules themselves are in theme.css."""

import base64
from pathlib import Path

import gradio as gr

FOLDER = Path(__file__).parent
FONTS = Path(__file__).resolve().parents[2] / "assets" / "fonts"

# accent in a dark room -> accent in a bright one; both have 4.5:1 on their backgrounds
ACCENTS = {
    "#ff9e4a": "#a34a00",
    "#4cc9a4": "#0b7359",
    "#6ea8ff": "#1f5fc4",
    "#d78bff": "#8a35c0",
    "#ffd166": "#7a5900",
    "#eef2f7": "#1b2330",  # ink: side by side has no colour of its own
}
DARK = {"bg": "#0e1116", "panel": "#161b22", "line": "#2a313c", "ink": "#eef2f7", "muted": "#9aa7b8"}
LIGHT = {"bg": "#f4f6f9", "panel": "#ffffff", "line": "#d3dae3", "ink": "#1b2330", "muted": "#5a6675"}
# accents again: a plot with several lines takes those that are not its tab's own
DARK |= {"blue": "#6ea8ff", "orange": "#ff9e4a", "purple": "#d78bff", "green": "#4cc9a4"}
LIGHT |= {"blue": "#1f5fc4", "orange": "#a34a00", "purple": "#8a35c0", "green": "#0b7359"}

# file -> characters it holds; everything else falls back to the system's fonts
FACES = {
    "inter-latin-wght-normal.woff2": "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,"
    "U+2000-206F,U+20AC,U+2122,U+2191,U+2193,U+2212,U+2215",
    "inter-greek-wght-normal.woff2": "U+0370-0377,U+037A-037F,U+0384-038A,U+038C,U+038E-03A1,U+03A3-03FF",
}


class Theme(gr.themes.Base):
    """gradio's own components in our colours and fonts, without any remote font."""

    def __init__(self) -> None:
        super().__init__(font=["Inter", "system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
        names = {
            "body_background_fill": "bg",
            "background_fill_primary": "bg",
            "background_fill_secondary": "panel",
            "block_background_fill": "bg",
            "border_color_primary": "line",
            "body_text_color": "ink",
            "body_text_color_subdued": "muted",
            "block_label_text_color": "muted",
            "block_title_text_color": "ink",
            "input_background_fill": "panel",
        }
        dark = {f"{name}_dark": DARK[colour] for name, colour in names.items()}
        self.set(**{name: LIGHT[colour] for name, colour in names.items()}, **dark)


def css() -> str:
    """theme.css with the colours and the bundled fonts (as data URIs: the page asks nobody for anything)."""
    faces = [
        "@font-face{font-family:Inter;font-style:normal;font-weight:100 900;font-display:swap;"
        f"src:url(data:font/woff2;base64,{base64.b64encode((FONTS / file).read_bytes()).decode()}) format('woff2');"
        f"unicode-range:{characters}}}"
        for file, characters in FACES.items()
    ]
    colours = [
        selector + "{" + "".join(f"--pg-{name}:{colour};" for name, colour in colours.items()) + "}"
        for selector, colours in ((":root", DARK), (":root[data-theme=light]", LIGHT))
    ]
    rules = [file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.css"))]
    return "\n".join([*faces, *colours, *rules])
