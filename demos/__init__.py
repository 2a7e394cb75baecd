"""What a visitor sees: one module per tab. This is the only part of the house that imports gradio.

`TABS` names the tabs in the order of the top bar. The modules are imported by `modules()`, not here, so that
`python -m demos.vae` and the tests of the stage load no tab they do not need.
"""

import importlib
import os
from types import ModuleType

# Read while gradio and huggingface_hub are imported, hence here: the first line of ours that runs in every entry point.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

TABS = ("gan", "vae", "diffusion", "autoregressive", "latent_map")


def modules() -> list[ModuleType]:
    """The tabs' modules in order. Each has `TAB` (a `frame.Tab`), `layout` (a dict) and `api()` (named endpoints)."""
    return [importlib.import_module(f"demos.{name}") for name in TABS]
