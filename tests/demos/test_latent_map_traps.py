"""Part "Traps" of the map tab: every trap springs at its first value, and the words say what was measured."""

import pytest

from demos.latent_map_parts import traps as part
from demos.latent_map_parts.fits import TrapFit
from models import traps
from tests.demos.driver import controls
from tests.demos.tiny_map import alone, warm


@pytest.fixture
def page(monkeypatch):
    warm()
    yield from alone(monkeypatch, {})


@pytest.mark.parametrize("name", traps.NAMES)
def test_a_trap_springs_and_the_page_says_by_how_much(page, name):
    view = page.settled(page.state(part="traps"), ("trap", name))["view"]
    trap = traps.make(name, 7)
    *_, end = TrapFit(trap.values[0], trap.min_dist, 7, name).start()
    found = traps.measure(trap, end.places)
    values = [item["value"] for item in view["traps-meters"]["items"]]
    assert values == pytest.approx(
        list(found.values()) if name != "noise" else [found[k] for k in ("islands", "within_truth", "within_map")]
    )
    lie = {
        "noise": f"{found.get('islands', 0):.0f} islands",
        "sizes": "size of a cluster means nothing",
        "distances": "distances between clusters mean nothing",
        "circle": "torn open",
    }
    assert lie[name] in view["see"] and f"n_neighbors {trap.values[0]}" in view["see"]
    assert view["traps-truth"]["points"]["count"] == view["traps-map"]["points"]["count"] == len(trap.points)
    assert view["traps-truth"]["brush"] == view["traps-map"]["brush"] and len(controls(view)) <= 6


def test_the_map_of_noise_belongs_to_its_seed():
    """Two neighbours make a graph of many small trees; its start must not be drawn by lot."""
    first, again = (next(TrapFit(2, 0.0, 7, "noise").start()) for _ in range(2))
    assert (first.places == again.places).all()


def test_turning_the_knob_up_mends_the_circle(page):
    words = page.settled(page.state(part="traps", trap="circle", trap_knob=3))["view"]["see"]
    assert "stays whole" in words


def test_the_knob_of_a_trap_with_fewer_values_ends_there(page):
    state = page.state(part="traps", trap="circle", trap_knob=4)
    assert part.knob(state) == traps.make("circle").values[-1]
    assert page.step(page.state(part="traps", trap_knob=4), ("trap", "circle"))["state"]["trap_knob"] == 0
    assert "error" in page.step(page.state(part="traps"), ("trap", "mammoth"))
    assert "error" in page.step(page.state(part="traps"), ("trap_knob", 9))


def test_the_words_follow_from_the_numbers():
    noise = traps.make("noise")
    assert "one cloud" in part.see(noise, 50, {"islands": 1.0, "largest": 1.0, "within_truth": 1.0, "within_map": 1.0})
    ring = traps.make("circle")
    assert "stays whole" in part.see(ring, 30, {"step_truth": 0.1, "step_map": 0.2})
    assert "10.0 times" in part.see(traps.make("sizes"), 15, {"ratio_truth": 10.0, "ratio_map": 1.1})
