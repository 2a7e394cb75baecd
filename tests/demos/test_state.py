"""The link schema: every kind of parameter goes through a link unchanged; what cannot is dropped with a sentence."""

import base64
import json
import math
import random
from urllib.parse import parse_qsl

import numpy as np
import pytest

from demos.stage.state import (
    SEED_LIMIT,
    Bits,
    Choice,
    Code,
    Flag,
    Floats,
    Integer,
    Number,
    Param,
    Picture,
    Schema,
    Text,
    pack,
    pack_bits,
    quantise,
    unpack,
    unpack_bits,
)

PARAMS = [
    Choice("colour", ("red", "blue & green", "naïve?")),
    Integer("count", -5, 64, 16),
    Number("tilt", -3, 3, 0.5, 0.05),
    Number("guidance", 0, 30, 3, 0.5),
    Flag("mirror"),
    Flag("smooth", True),
    Code("code"),
    Code("pair", default=[0.5, -1.0], size=2),
    Text("note"),
    Picture("photo"),
    Integer("secret", 0, 9, 0, private=True),
    Floats("weights", 4),
    Bits("mask", 12),
    Flag("running", private=True),
]
SCHEMA = Schema("demo", PARAMS, ("one", "two"))
LETTERS = "aZ09 &=?#%+/\\\"'<>{}$`;\n\t∂ß漢🙂\u0301\x00"


def some(param: Param, rng: random.Random) -> object:
    """A random allowed value of a parameter."""
    if isinstance(param, Choice):
        return rng.choice(param.options)
    if isinstance(param, Integer):
        return rng.choice([param.low, param.high, rng.randint(param.low, param.high)])
    if isinstance(param, Number):
        return param.check(rng.choice([param.low, param.high, rng.uniform(param.low, param.high)]))
    if isinstance(param, Flag):
        return rng.random() < 0.5
    if isinstance(param, Code):
        size = param.size or rng.randint(1, 100)
        return rng.choice([None, [rng.randint(-128, 127) / 32 for _ in range(size)]])
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(0, 60)))


@pytest.mark.parametrize("name", [p.name for p in SCHEMA.params.values() if not p.private])
def test_every_parameter_goes_through_the_link(name):
    rng = random.Random(name)
    param = SCHEMA.params[name]
    seen = set()
    for _ in range(60):
        state = SCHEMA.defaults() | {name: some(param, rng)}
        query = SCHEMA.query(state)
        assert query.startswith("?v=1&tab=demo")
        assert query.isascii() and not set(query) & set(" <>\"'`{}\n")
        assert SCHEMA.read(query) == (state, [])
        assert (name in dict(parse_qsl(query, keep_blank_values=True))) == (state[name] != param.default)
        seen.add(query)
    assert len(seen) > 1


def test_whole_states_go_through_the_link_and_through_json():
    rng = random.Random(1)
    for _ in range(100):
        values = {p.name: some(p, rng) for p in SCHEMA.params.values() if not p.private}
        state = SCHEMA.defaults() | values
        assert SCHEMA.read(SCHEMA.query(state)) == (state, [])
        assert SCHEMA.check(json.loads(json.dumps(state))) == state
        assert SCHEMA.clean(state) == (state, [])


def test_a_fresh_state_has_the_shortest_link():
    assert SCHEMA.query(SCHEMA.defaults()) == "?v=1&tab=demo"
    assert SCHEMA.defaults() | {"hidden": []} == SCHEMA.defaults()
    assert (SCHEMA.defaults()["data"], SCHEMA.defaults()["seed"], SCHEMA.defaults()["part"]) == ("toons", 7, "one")


def test_private_and_hidden_values_never_enter_a_link():
    photo = "data:image/png;base64,AAAA"
    state = SCHEMA.defaults() | {"photo": photo, "secret": 5, "code": [1.0], "count": 3, "hidden": ["code"]}
    assert SCHEMA.query(state) == "?v=1&tab=demo&count=3"
    assert SCHEMA.left_out(state) == ["code", "photo", "secret"]
    assert SCHEMA.left_out(SCHEMA.defaults() | {"hidden": ["code"]}) == []  # nothing there to leave out
    assert SCHEMA.check(state) == state
    assert "never travels" in SCHEMA.read("?photo=data:image/png;base64,AAAA")[1][0]


DROPPED = [
    "nonsense=1",
    "count=65",
    "count=-6",
    "count=1.5",
    "count=0x10",
    "count=1e1",
    "count=٣",
    "count=" + "9" * 5000,
    "count=",
    "tilt=3.1",
    "tilt=nan",
    "tilt=inf",
    "tilt=1_0",
    "tilt=-1e400",
    "colour=green",
    "mirror=yes",
    "mirror=2",
    "code=AA.A",
    "code=A",
    "code=" + "A" * 5000,
    "pair=AAAAAAAA",
    "note=" + "x" * 2001,
    "seed=-1",
    f"seed={SEED_LIMIT + 1}",
    "data=cats",
    "part=three",
    "photo=x",
    "hidden=code",
    "v=2",
    "tab=other",
    "pin=" + "x" * 4001,
]


@pytest.mark.parametrize("pair", DROPPED, ids=lambda pair: pair[:24])
def test_what_a_link_may_not_say_is_dropped_with_one_sentence(pair):
    state, notices = SCHEMA.read("?mirror=1&" + pair if not pair.startswith("mirror") else "?note=&" + pair)
    kept = SCHEMA.defaults() | {"mirror": not pair.startswith("mirror")}
    assert state == kept
    assert len(notices) == 1
    assert notices[0].endswith(".") and len(notices[0]) < 200
    assert SCHEMA.check(state) == state


def test_damaged_links_are_ignored_as_a_whole():
    for query in (
        None,
        5,
        ["?seed=1"],
        "?" + "a" * 30_000,
        "?note=%ff%fe",
        "?" + "&".join(f"a{i}=1" for i in range(200)),
    ):
        state, notices = SCHEMA.read(query)
        assert state == SCHEMA.defaults()
        assert len(notices) == 1
    assert SCHEMA.read("") == (SCHEMA.defaults(), [])
    assert SCHEMA.read("?__theme=dark&__lang=de")[1] == []  # gradio's own
    state, notices = SCHEMA.read("?seed=1&seed=2")
    assert state["seed"] == 1 and "twice" in notices[0]


WRONG = {
    "colour": [None, 1, "green", ["red"], True],
    "count": ["3", True, 1.5, math.nan, math.inf, -6, 65, None, [], 10**400],
    "tilt": ["0.5", False, math.nan, -math.inf, 3.01, None, {}, 10**400],
    "mirror": [0, 1, "true", None],
    "code": [[], "AAAA", [1, "2"], [math.nan], [5], [True], [[1.0]], [0.0] * 2000, {}],
    "pair": [[1.0], [1.0, 2.0, 3.0]],
    "note": [None, 5, "x" * 2001, "\ud800"],
    "photo": ["http://example.org/a.png", "data:text/html;base64,AAAA", "data:image/png;base64," + "A" * 70_000, 5],
    "weights": [
        None,
        5,
        b"",
        "A",
        "AAAA",
        "AAAAAA=",
        " AAAAAA==",
        "AAA\u0100AAA=",
        "A" * 100_000,
        pack(np.zeros(5)),
        [1.0],
    ],
    "mask": [
        None,
        5,
        b"AAA=",
        [True] * 12,
        "A",
        "AAA",
        "AA==",  # eight points
        "AAAA",  # twenty-four
        "AAE=",  # a thirteenth
        "//8=",
        "AB A=",
        "A\u0100A=",
        "\ud800",
        "A" * 100_000,
    ],
    "hidden": [None, "code", ["nonsense"], [1], {}],
    "nonsense": [1],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_are_refused_and_cleaned_away(name):
    for value in WRONG[name]:
        with pytest.raises(ValueError, match=name):
            SCHEMA.check({name: value})
        state, notices = SCHEMA.clean({"seed": 9, name: value})
        assert state == SCHEMA.defaults() | {"seed": 9}
        assert len(notices) == 1
        if name not in {"hidden"}:
            with pytest.raises(ValueError):
                SCHEMA.assign(SCHEMA.defaults(), {"name": name, "value": value})


def test_what_is_no_dictionary_is_refused():
    for raw in (None, 5, "state", [1]):
        with pytest.raises(ValueError):
            SCHEMA.check(raw)
        assert SCHEMA.clean(raw)[0] == SCHEMA.defaults()


def test_numbers_snap_to_their_steps():
    tilt = Number("tilt", -3, 3, 0, 0.05)
    assert [tilt.check(v) for v in (0.024, 0.026, -3, 3, 1)] == [0.0, 0.05, -3.0, 3.0, 1.0]
    assert tilt.format(tilt.check(-0.001)) == "0"  # never -0
    assert tilt.format(1.0) == "1" and tilt.format(0.15) == "0.15"
    third = Number("third", 0.1, 1, 0.1, 0.3)
    assert [third.check(v) for v in (0.1, 0.39, 1)] == [0.1, 0.4, 1.0]
    assert Integer("n", 0, 9, 0).check(7.0) == 7


def test_codes_live_on_the_grid():
    assert quantise([0, 1.01, -9, 9, 0.015625]) == [0.0, 1.0, -4.0, 3.96875, 0.0]
    with pytest.raises(ValueError):
        quantise([math.nan])
    code = Code("code")
    assert code.format([0.0] * 64) == "gICA" * 21 + "gA"
    assert len(code.format([0.0] * 64)) == 86
    assert code.parse("") is None and code.format(None) == ""
    every = [k / 32 for k in range(-128, 128)]
    assert code.parse(code.format(every)) == every


def test_packed_numbers_come_back_exactly():
    rng = np.random.default_rng(3)
    for shape in ((0,), (1,), (5,), (2, 3), (128,)):
        values = rng.normal(size=shape).astype(np.float32)
        back = unpack(pack(values))
        assert back.dtype == np.float32 and np.array_equal(back, values.ravel())
        back += 1  # the caller's own
    extreme = np.float32([np.finfo(np.float32).max, -np.finfo(np.float32).tiny, -0.0])
    assert unpack(pack(extreme)).tobytes() == extreme.tobytes()
    assert pack([]) == "" and pack([1]) == "AACAPw=="  # little-endian, everywhere


@pytest.mark.parametrize("bad", [[math.nan], [1.0, math.inf], [1e300]])
def test_what_is_not_finite_is_neither_packed_nor_unpacked(bad):
    with pytest.raises(ValueError, match="finite"):
        pack(bad)
    with np.errstate(over="ignore"):
        poison = base64.b64encode(np.array(bad).astype("<f4").tobytes()).decode()
    with pytest.raises(ValueError, match="finite"):
        unpack(poison)
    with pytest.raises(ValueError, match="weights is damaged"):
        SCHEMA.check({"weights": poison})


def test_snapshots_travel_with_the_browser_and_never_in_a_link():
    full = pack(np.arange(4))
    state = SCHEMA.check({"weights": full})
    assert state["weights"] == full and SCHEMA.defaults()["weights"] == ""
    assert SCHEMA.query(state) == "?v=1&tab=demo" and SCHEMA.left_out(state) == ["weights"]
    assert "never travels" in SCHEMA.read("?weights=AACAPw==")[1][0]
    assert SCHEMA.check({"weights": "AAAAAB=="})["weights"] == "AAAAAA=="  # one spelling for one value


def test_drawings_come_back_exactly():
    rng = np.random.default_rng(5)
    for shape in ((1,), (8,), (12,), (3, 5), (64, 64)):
        bits = rng.random(shape) < 0.5
        bits.flat[0] = True
        back = unpack_bits(pack_bits(bits), bits.size)
        assert back.dtype == bool and np.array_equal(back, bits.ravel())
        back[:] = False  # the caller's own
    assert pack_bits([True] + 11 * [False]) == "gAA=", "the first point is the highest bit"
    assert pack_bits(np.zeros((64, 64))) == "" and not unpack_bits("", 4096).any()
    assert len(base64.b64decode(pack_bits(np.ones((64, 64))))) == 512
    for text, count in (("gAA=", 16 + 1), ("gAA=", 8), ("gAE=", 12), ("?", 4), (None, 4)):
        with pytest.raises(ValueError, match="[Pp]acked bits"):
            unpack_bits(text, count)


def test_drawings_travel_with_the_browser_and_never_in_a_link():
    drawn = pack_bits(np.arange(12) % 3 == 0)
    state = SCHEMA.check({"mask": drawn})
    assert state["mask"] == drawn and SCHEMA.defaults()["mask"] == ""
    assert SCHEMA.query(state) == "?v=1&tab=demo" and SCHEMA.left_out(state) == ["mask"]
    assert "never travels" in SCHEMA.read("?mask=gAA=")[1][0]
    assert SCHEMA.check({"mask": "AAA="})["mask"] == "", "nothing drawn has one spelling"
    assert SCHEMA.check({"mask": "gAB="})["mask"] == "gAA="


def test_a_run_is_no_part_of_a_link_and_nothing_that_was_left_out():
    state = SCHEMA.check({"running": True})
    assert SCHEMA.query(state) == "?v=1&tab=demo" and SCHEMA.left_out(state) == []


def test_messages_quote_strangers_briefly():
    with pytest.raises(ValueError) as refusal:
        SCHEMA.check({"colour": "<script>\n" + "x" * 500})
    assert len(str(refusal.value)) < 120
    assert "\n" not in str(refusal.value)


def test_names_are_taken_once():
    for params in ([Flag("seed")], [Flag("a"), Flag("a")], [Flag("tab")], [Flag("hidden")]):
        with pytest.raises(ValueError):
            Schema("demo", params)
