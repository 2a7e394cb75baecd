"""Controls that several parts of the autoregressive tab share: which model answers, and the text it is asked about."""

from typing import Any

from demos.autoregressive_parts.scene import WAITING, Scene
from models import smollm2


def model(scene: Scene) -> list[dict[str, Any]]:
    """The choice of the model; where the pretrained one is not here yet, what is known of it."""
    options = [("smollm2", smollm2.title()), ("tiny", "tiny, trained here")]
    choice = {
        "kind": "choice",
        "name": "model",
        "label": "Model",
        "options": [{"value": value, "label": label} for value, label in options],
        "value": scene.state["model"],
    }
    if not scene.missing:
        return [choice]
    known = {"kind": "text", "name": "missing", "label": scene.missing}
    press = {"kind": "button", "name": "fetch-model", "label": "Fetch it now (93 MB)"}
    return [choice, known, *([] if WAITING.running else [press])]


def text(name: str, label: str, value: str, limit: int, placeholder: str = "") -> dict[str, Any]:
    """A text that is typed."""
    return {
        "kind": "prompt",
        "name": name,
        "label": label,
        "value": value,
        "limit": limit,
        "placeholder": placeholder,
        "suggestions": [],
    }


def choice(name: str, label: str, options: dict[Any, str], value: Any) -> dict[str, Any]:
    """One of a few words."""
    return {
        "kind": "choice",
        "name": name,
        "label": label,
        "options": [{"value": key, "label": words} for key, words in options.items()],
        "value": value,
    }
