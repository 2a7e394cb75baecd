"""The failures of part "What goes wrong" that a prompt causes: what cannot be asked at once, and what nobody learnt."""

from collections.abc import Sequence

import torch
from torch import Tensor

from demos.common import number
from demos.diffusion_parts.guidance import percent
from demos.diffusion_parts.scene import Scene
from demos.diffusion_parts.wrong_cases import Failure, Lane, Measured, bar, lane
from models import conditions, editing, prompts, threads, zoo

WITH, AT_ONCE = "a person with a hat and a dog", "a hat and a dog"
KNOWN = {"portraits": "grey hair", "toons": "pink hair"}
PAIRS = {"portraits": ("bald", "long hair"), "toons": ("smiling", "angry mouth")}
CLASH = {"portraits": "bald, blond hair", "toons": None}


def at_odds(scene: Scene) -> tuple[Lane, ...]:
    """Two values of one attribute asked for at once, and each alone; where the set has it, two that never met."""
    first, second = PAIRS[scene.data]
    texts = [f"{first}, {second}", first, second, CLASH[scene.data] or f"{second}, {first}"]
    return tuple(lane(scene, f"“{text}”", text) for text in texts)


@torch.inference_mode()
def read_back(data: str, x: Tensor) -> list[dict[str, str | None]]:
    """What the attribute network reads off each picture: {attribute: value}."""
    with threads.for_batch(len(x)):
        return editing.values(zoo.attributes(data), x.clamp(-1, 1))


@torch.inference_mode()
def probability(data: str, x: Tensor, attribute: str, value: str) -> float:
    """How sure the attribute network is of one value of one picture (1, 3, 64, 64)."""
    read = conditions.read(zoo.attributes(data), x.clamp(-1, 1))
    return float(read[attribute][0, conditions.vocabulary(data)[attribute].index(value)])


def said(data: str, attribute: str, value: str | None) -> str:
    """A value as a prompt calls it."""
    return "neither" if value is None else prompts.describe(data, {attribute: value})


def of_at_odds(scene: Scene, lanes: Sequence[Lane], ends: Tensor) -> Measured:
    """Which of the two was heard, and what is read back."""
    data, both = scene.data, lanes[0]
    first, second = PAIRS[data]
    prompt, last = prompts.parse(data, both.prompt), prompts.parse(data, lanes[-1].prompt)
    attribute, kept, dropped = prompt.contradictions[0]
    ends = ends.clamp(-1, 1)
    read = read_back(data, ends)
    shown = list(dict.fromkeys([attribute, *(name for clash in last.clashes for name in clash[::2])]))
    notes = ["read: " + ", ".join(said(data, name, found[name]) for name in shown) for found in read]
    alone = {first: editing.rms(ends[0], ends[1]), second: editing.rms(ends[0], ends[2])}
    bars = [
        bar(f"{both.label} from “{text}”", value, f"{value:.3f}", max(*alone.values(), 1e-6), meaning="rms")
        for text, value in alone.items()
    ]
    for value in (kept, dropped):
        p = probability(data, ends[:1], attribute, value)
        words = f"{both.label} shows {said(data, attribute, value)}"
        bars.append(bar(words, p, percent(p), meaning="probability, read back"))
    see = (
        f"“{said(data, attribute, dropped)}” and “{said(data, attribute, kept)}” are two values of one attribute: the "
        f"network can be asked for one, and the later word counts. {both.label} ends {alone[second]:.2f} rms from "
        f"“{second}” alone and {alone[first]:.2f} from “{first}”."
    )
    for one, value, other, against in last.clashes:
        back = [said(data, name, read[-1][name]) for name in (one, other)]
        heard = (read[-1][one] == value) + (read[-1][other] == against)
        see += (
            f" {lanes[-1].label} can be asked for, but no picture it learnt from shows both: read back "
            f"{' and '.join(back)}, {heard} of 2."
        )
    if not last.clashes:
        see += f" The other way round {said(data, attribute, read[-1][attribute])} is read back."
    return Measured(
        notes,
        bars,
        see,
        [
            [f"asked: {attribute} = {kept},  dropped: {dropped}"],
            [f"rms from “{second}” ", number(alone[second], 3), f",  from “{first}” ", number(alone[first], 3)],
        ],
    )


def unknown(scene: Scene) -> tuple[Lane, ...]:
    """Things that no picture shows: asked for alone, not at all, and beside something that is known."""
    known = KNOWN[scene.data]
    return (
        lane(scene, f"“{WITH}”", WITH),
        lane(scene, "nothing asked", ""),
        lane(scene, f"“{known}, {AT_ONCE}”", f"{known}, {AT_ONCE}"),
        lane(scene, f"“{known}”", known),
    )


def of_unknown(scene: Scene, lanes: Sequence[Lane], ends: Tensor) -> Measured:
    """What was understood, and whether the rest changed anything."""
    ends = ends.clamp(-1, 1)
    heard = [prompts.describe(scene.data, one.request.asked) for one in lanes]
    prompt = prompts.parse(scene.data, lanes[0].prompt)
    words = [word for word, _ in prompt.unknown] + list(prompt.ignored)
    alone, beside = editing.rms(ends[0], ends[1]), editing.rms(ends[2], ends[3])
    apart = editing.rms(ends[1], ends[3])
    known = KNOWN[scene.data]
    most = max(alone, beside, apart, 1e-6)
    return Measured(
        [f"understood: {text or 'nothing'}" for text in heard],
        [
            bar(f"{lanes[0].label} from nothing asked", alone, f"{alone:.3f}", most, meaning="rms"),
            bar(f"{lanes[2].label} from “{known}”", beside, f"{beside:.3f}", most, meaning="rms"),
            bar(f"“{known}” from nothing asked", apart, f"{apart:.3f}", most, meaning="rms"),
        ],
        f"Not understood: {', '.join(words)}. {prompt.why[words[0]]} So {lanes[0].label} is {heard[0] or 'nothing'} to "
        f"the network: its picture is {alone:.2f} rms from the one for which nothing was asked. Beside “{heard[2]}” "
        f"they change {beside:.2f}.",
        [
            ["understood: ", {"n": str(len(prompt.attributes))}, ",  not understood: ", {"n": str(len(words))}],
            ["rms from nothing asked = ", number(alone, 3)],
            [f"“{known}” from nothing asked = ", number(apart, 3)],
        ],
    )


CONTRADICTION = Failure(
    "Contradiction",
    "Prompt",
    "Under each: what the attribute network reads off the picture.",
    at_odds,
    of_at_odds,
    (prompts.parse, editing.values),
)
UNKNOWN = Failure(
    "Unknown words", "Prompt", "Under each: what was understood.", unknown, of_unknown, (prompts.parse, editing.rms)
)
