"""The board of part "Write": the logits it computes with, or, while a text is being written, what there is to see."""

import base64
from typing import Any

import numpy as np

from demos.autoregressive_parts import readings
from demos.autoregressive_parts.scene import Scene
from demos.autoregressive_parts.words import named
from demos.autoregressive_parts.write_text import Written, mark, tail
from demos.common import LIVE
from models import sampling
from models.sampling import Rules

LIKELY = 512  # tokens whose words are sent with the logits; rarer ones are named when the dart hits one
ROWS = 12
SEGMENTS = 64  # of the line while a text is being written

Value = dict[str, Any]


def board(scene: Scene, written: Written) -> Value:
    """Everything that the page needs to compute the bars by itself; logits only where it does not have them."""
    model, state = written.model, scene.state
    logits = readings.answer(model, written.context)
    seen = sorted(set(written.context))
    bent = sampling.softmax(sampling.bend(logits, scene.rules, seen))
    hit = sampling.throw(bent, sampling.uniform(scene.seed, written.throw))
    named_ids = [id for id in (hit, written.here) if id is not None]
    value = _common(scene, written.throw) | {
        "mark": mark(scene),
        "seen": seen,
        "here": written.here,
        "title": _title(written),
        "caption": f"{len(logits):,} tokens, all of them computed; the knobs bend them in this browser",
        "take": "take",
        "throw": "throw",
        "missing": "write-send",
    }
    if state["write_held"] != value["mark"]:
        value["logits"] = base64.b64encode(logits.astype("<f4").tobytes()).decode("ascii")
        named_ids += sampling.ranking(logits, LIKELY).tolist()
    return value | {"texts": [[id, named(model, id)] for id in named_ids]}


def _title(written: Written) -> str:
    if written.place == 0:
        return "What a text begins with"
    words = f"“{tail(written.model, written.context)}”"
    if written.over and written.place == len(written.ids) - 1:
        return f"After {words} the text ended"
    return f"What comes after {words}" if written.here is None else f"What could stand after {words}"


def _common(scene: Scene, place: int) -> Value:
    names = ("temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty")
    return {
        "rules": {name: scene.state[name] for name in names},
        "dart": {"seed": scene.seed, "place": place},
        "source": LIVE,
    }


def preview(scene: Scene, road: list[int], rules: Rules) -> Value:
    """How the last token of a road was chosen: the same picture as the page computes at rest, without the logits."""
    model, context, chosen = scene.model, [*scene.prompt, *road[:-1]], road[-1]
    logits = readings.answer(model, context)
    own = sampling.softmax(logits)
    p = sampling.softmax(sampling.bend(logits, rules, context)) if rules != Rules() else own
    order = sampling.ranking(p, SEGMENTS)
    order = order[p[order] > 0]
    rank = sampling.rank(p, chosen)
    best = order[:ROWS].tolist()
    if chosen not in best:
        best[-1] = chosen
    rows = [
        {"id": id, "text": named(model, id), "p": float(p[id]), "q": float(own[id]), "hit": id == chosen}
        | {"rank": sampling.rank(p, id), "here": False, "cut": False}
        for id in best
    ]
    line = {
        "parts": p[order].tolist(),
        "texts": [named(model, int(id)) if p[id] > 0.005 else "" for id in order],
        "hit": int(np.flatnonzero(order == chosen)[0]) if chosen in order else -1,
        "u": sampling.uniform(scene.seed, len(road) - 1),
        "text": named(model, chosen),
        "p": float(p[chosen]),
        "rank": rank,
        "id": chosen,
    }
    value = _common(scene, len(road) - 1) | {
        "mark": "",
        "seen": [],
        "title": f"After “{tail(model, context)}” it took",
        "caption": "what each token was chosen from",
    }
    rest = {"count": len(p) - len(rows)}
    rest |= {key: max(0.0, 1 - sum(row[key] for row in rows)) for key in ("p", "q")}
    value["preview"] = {
        "rows": rows,
        "rest": rest,
        "entropy": sampling.entropy_bits(p),
        "ownEntropy": sampling.entropy_bits(own),
        "line": line,
    }
    return value
