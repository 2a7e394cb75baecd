"""Where the pretrained model is missing: nothing is fetched unasked, but on a Space, where nobody else could ask."""

import pytest

from demos import autoregressive as tab
from demos.autoregressive_parts import asked, readings, scene
from models import smollm2


class Fetching:
    """A download that only notes that it was begun."""

    text = problem = ""
    running = False

    def start(self):
        self.running = True


@pytest.fixture
def waiting(monkeypatch) -> Fetching:
    """The pretrained model is not here, and its download does nothing."""
    one = Fetching()
    monkeypatch.setattr(smollm2, "ready", lambda: None)
    monkeypatch.setattr(readings, "scores", lambda model, ids: ())
    for module in (scene, asked):
        monkeypatch.setattr(module, "WAITING", one)
    monkeypatch.delenv("SPACE_ID", raising=False)
    return one


def test_opening_the_tab_fetches_nothing(waiting):
    tab.warm()
    assert not waiting.running


def test_on_a_space_it_is_fetched_by_itself(waiting, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/playground")
    tab.warm()
    assert waiting.running


def test_a_visitor_may_ask_for_it(waiting):
    state = tab.SCHEMA.defaults()
    assert "fetch-model" in [item["name"] for item in asked.model(scene.Scene(state))]
    assert tab.act(state, {"name": "fetch-model", "value": None}) == state
    assert waiting.running
    assert "fetch-model" not in [item["name"] for item in asked.model(scene.Scene(state))]
