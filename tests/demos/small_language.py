"""The autoregressive tab with language models of a few thousand random weights and a made-up training.

`python tests/demos/small_language.py` serves it.
"""

import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from demos import autoregressive as tab  # noqa: E402
from demos.autoregressive_parts import scene  # noqa: E402
from demos.stage import launch  # noqa: E402
from models import zoo  # noqa: E402
from models.language import LanguageModel  # noqa: E402
from tests.demos.test_autoregressive_learn import REPLAY  # noqa: E402
from tests.models.conftest import small_language  # noqa: E402

KINDS = {"smollm2": "llama", "tiny": "gpt2"}


@cache
def small(name: str) -> LanguageModel:
    """The model of random weights that answers to a name."""
    return small_language(KINDS[name])


if __name__ == "__main__":
    zoo.language = small
    zoo.language_replay = lambda: REPLAY
    scene.HERE = {name: lambda: True for name in KINDS}
    launch.run_tab(tab.TAB, tab.layout)
