"""The live fit of part "Knobs": UMAP lays out some of the pictures while you watch, with any knobs."""

from typing import Any

from demos import follow
from demos.common import LIVE
from demos.latent_map_parts import canvas, fits, pieces
from demos.latent_map_parts.background import FITS
from demos.latent_map_parts.fits import EPOCHS, EVERY, Moment, SubsetFit
from demos.latent_map_parts.knobs_words import objective_formula
from demos.latent_map_parts.scene import Scene
from demos.stage.frame import Haste
from demos.stage.state import Flag, Integer, Number, Text
from demos.widgets.map_board import MapBoard
from models.latent_map_layouts import Key
from models.latent_map_umap import LARGEST_LIVE

PARAMS = (
    Integer("fit_n", 2, 200, 8),
    Number("fit_d", 0.0, 1.0, 0.25, 0.05),
    Text("fit_of", 80, fits.RANDOM),
    Integer("fit_size", 100, LARGEST_LIVE, 1000),
    Flag("fit_on"),  # whether it was asked for; before that the subset lies where the map has it
    follow.Progress("fit_seen"),
)
SEEN = PARAMS[-1].name
ASKS = ("fit_n", "fit_d", "fit_of", "fit_size", "seed", "representation", "data")
GRIDS = ("knobs-trust", "knobs-continuity")
GLIDE = 250  # milliseconds between two moments of a fit


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``fit-start``, ``fit-stop``, ``fit-go-on``, ``fit-back`` and ``fit-follow``.

    Whoever turns a knob while a fit is on gives that one up: the next in line need not wait for it.
    """
    if name in ASKS and state["fit_on"] and state["knobs_mode"] == "live":
        FITS.stop(request(Scene(state)))
    if name == "fit-start":
        return follow.resume(state, SEEN) | {"fit_on": True}
    if name == "fit-back":
        return follow.stop(state, SEEN, [request(Scene(state))]) | {"fit_on": False}
    return follow.act(state, "fit", SEEN, lambda: [request(Scene(state))], name, value)


def request(scene: Scene) -> SubsetFit:
    """The fit that a state asks for. A subset may have fewer points than neighbours were asked for."""
    state = scene.state
    of = state["fit_of"] if state["fit_of"] in fits.values(scene.atlas) else fits.RANDOM
    asked = SubsetFit(
        state["fit_n"], state["fit_d"], state["seed"], scene.data, state["representation"], of, state["fit_size"]
    )
    most = len(asked.chosen()) - 1
    return asked if asked.n_neighbors <= most else SubsetFit(**{**vars(asked), "n_neighbors": most})


# ---- the view


def draw(scene: Scene, live: Haste, mode: dict[str, Any]) -> dict[str, Any]:
    """The subset as the map has it, or as far as its own fit has come. mode: the choice that led here."""
    asked = request(scene)
    on = scene.state["fit_on"]
    watch = follow.look(scene.state, SEEN, [asked], live) if on else None
    moments = list(watch.records[0]) if watch and watch.runs else []
    view = {"rail": {"items": _rail(scene, mode, watch)}, "knobs-board": _board(scene, asked, moments)}
    if watch:
        view |= watch.again("fit-follow")
    if watch and watch.following:
        view["play"] = {"name": "fit-stop", "value": None}
    view |= {"knobs-meters": {"items": _meters(asked, moments)}, "knobs-descent": _descent(moments)}
    if live:
        return view
    last = moments[-1].objective if moments else None
    return view | {
        **dict.fromkeys(GRIDS, {"hidden": True}),
        "see": see(asked, moments, watch),
        "formula": objective_formula(last, asked.min_dist),
    }


def _board(scene: Scene, asked: SubsetFit, moments: list[Moment]) -> dict[str, Any]:
    chosen = asked.chosen()
    if moments:
        places = moments[-1].places
        caption = f"epoch {moments[-1].epoch} of {EPOCHS}"
    else:
        layout = scene.atlas.layout(Key(asked.representation))
        places = layout.points[chosen] / layout.scale
        caption = "as the map has them"
    return canvas.board(
        scene,
        name=f"{scene.data} {asked.of} {asked.size} {asked.seed}",
        points=MapBoard.points(places, chosen),
        colours=pieces.colours_by_label(scene, chosen),
        morph=GLIDE,
        emits={},
        tools=["zoom", "save"],
        alt=f"{len(chosen)} pictures, laid out while you watch.",
        caption=f"{len(chosen):,} pictures of {asked.representation} · {caption}",
        source=LIVE if moments else "laid out beforehand",
    )


def _meters(asked: SubsetFit, moments: list[Moment]) -> list[dict[str, Any]]:
    epoch = moments[-1].epoch if moments else 0
    knobs = f"n_neighbors {asked.n_neighbors}, min_dist {asked.min_dist:g}"
    return [{"label": "Epochs", "value": epoch, "max": EPOCHS, "text": f"{epoch} of {EPOCHS}", "meaning": knobs}]


def _descent(moments: list[Moment]) -> dict[str, Any]:
    """The two parts of the objective, and their sum, as the fit goes on; there is room for all of it from the start."""
    x = list(range(0, EPOCHS + 1, EVERY))
    found = [moment.objective for moment in moments]
    rest = [None] * (len(x) - len(found))
    names = {"cross-entropy": "cross_entropy", "attraction": "attraction", "repulsion": "repulsion"}
    return {
        "title": "Cross-entropy over all pairs",
        "x": x,
        "x_label": "epoch",
        "y_label": "nats",
        "series": [
            {
                "label": label,
                "y": [round(getattr(one, name), 1) for one in found] + rest,
                "dash": label != "cross-entropy",
            }
            for label, name in names.items()
        ],
        "index": max(0, len(found) - 1),
    }


def see(asked: SubsetFit, moments: list[Moment], watch: follow.Watch | None) -> str:
    """What the fit is about or has come to, in words that follow from the numbers."""
    count = len(asked.chosen())
    who = "drawn by lot" if asked.of == fits.RANDOM else f"with {pieces.label_words(asked.of.replace('=', ' '))}"
    if watch is None:
        return f"{count:,} pictures {who}, as the shipped map has them. Have UMAP lay them out anew, here and now."
    if not watch.complete:
        return pieces.waiting(watch, bool(moments))
    first, last = moments[0].objective.cross_entropy, moments[-1].objective.cross_entropy
    lowest = min(moments, key=lambda moment: moment.objective.cross_entropy)
    words = (
        f"{count:,} pictures {who}, laid out in {watch.seconds:.1f} s. From the spectral start the cross-entropy over "
        f"all pairs went from {first:,.0f} to {last:,.0f} nats."
    )
    if lowest is moments[-1]:
        return words
    return (
        f"{words} It was lowest, {lowest.objective.cross_entropy:,.0f}, at epoch {lowest.epoch}: the steps only sample "
        "repulsion, and do not stop there."
    )


def _rail(scene: Scene, mode: dict[str, Any], watch: follow.Watch | None) -> list[dict[str, Any]]:
    state = scene.state
    known = fits.values(scene.atlas)
    options = {fits.RANDOM: "any, drawn by lot"}
    options |= {name: f"{pieces.label_words(name.replace('=', ': '))} ({count:,})" for name, count in known.items()}
    press = watch.button("fit") if watch else [pieces.button("fit-start", "Lay them out")]
    if not press:
        press = [pieces.button("fit-back", "Back to the map’s places")]

    def slider(name: str, label: str, low: float, high: float, step: float, text: str) -> dict[str, Any]:
        about = {"kind": "slider", "name": name, "label": label, "text": text}
        return about | {"min": low, "max": high, "step": step, "value": state[name]}

    return [
        mode,
        slider("fit_n", "n_neighbors", 2, 200, 1, str(state["fit_n"])),
        slider("fit_d", "min_dist", 0, 1, 0.05, f"{state['fit_d']:.2f}"),
        pieces.choice(
            "fit_of", "Which pictures", options, state["fit_of"] if state["fit_of"] in known else fits.RANDOM
        ),
        slider("fit_size", "At most", 100, LARGEST_LIVE, 100, f"{state['fit_size']:,} pictures"),
        *[{**one, "primary": True} for one in press],
    ]
