"""What the trained language model is worth: bits per character of unseen plays, and how much it merely repeats.

``python -m models.training.language_report --weights assets/weights/language-shakespeare`` measures shipped weights
again; the recipe calls :func:`report` at its end. Everything is computed in float32, as the app computes it.
"""

import argparse
import json
from pathlib import Path

from models.language import LanguageModel
from models.language_decoding import generate
from models.ngrams import NGrams
from models.training import language_replay, language_text
from models.training.harness import card_text, run_recipe, write_atomically
from models.training.language_text import Texts
from models.training.vae_report import markdown_table

ORDER, SHIPPED = 6, 5
"""Characters in the longest grams of the baseline, and in those that are written beside the weights (5 MB)."""
COPIED = 40
"""A stretch of so many characters that stands in the training text as well counts as copied."""
SAMPLES, TOKENS = 12, 250
SEEN, QUICK = 20_000, 5_000
"""Tokens of the training text that the loss is measured on for comparison; of held-out works in a quick report."""


def measure(model: LanguageModel, baselines: list[dict], texts: Texts, quick: bool = False) -> dict:
    """All numbers of the card. baselines: rows of :func:`models.training.language_replay.baselines`."""
    ids = language_text.tokens(model.vocabulary.tokenizer, texts.test)[: QUICK if quick else None]
    held = model.decode([id for id in ids if id not in model.ends])
    bits, perplexity = language_replay.bits_per_character(model, ids)
    seen = language_text.tokens(model.vocabulary.tokenizer, texts.train)[: min(len(ids), SEEN)]
    return {
        "parameters": model.parameters,
        "vocabulary": model.size,
        "window": model.window,
        "training_characters": sum(map(len, texts.train)),
        "held_out_characters": len(held),
        "characters_per_token": round(len(held) / len(ids), 3),
        "bits_per_character": {
            "what": "mean -log2 p per character of held-out works, every token with half a window before it",
            "score": round(bits, 4),
            "perplexity_per_token": round(perplexity, 2),
            "training_text": round(language_replay.bits_per_character(model, seen)[0], 4),
            "baselines": {row["name"]: row["bits_per_character"] for row in baselines},
        },
        "copied": copied(model, texts, 4 if quick else SAMPLES),
    }


def copied(model: LanguageModel, texts: Texts, samples: int) -> dict:
    """How much of what the model writes stands word for word in what it learnt from, and of held-out works the same.

    The share is of places in a text at which a stretch of 40 characters begins that is in the training text, too.
    """
    known = {hash(work[i : i + COPIED]) for work in texts.train for i in range(len(work) - COPIED + 1)}

    def share(text: str) -> float:
        places = range(len(text) - COPIED + 1)
        return round(sum(hash(text[i : i + COPIED]) in known for i in places) / max(1, len(places)), 4)

    written = [model.decode([step.chosen for step in generate(model, "", TOKENS, seed=i)]) for i in range(samples)]
    return {
        "what": f"share of places where {COPIED} characters begin that also stand in the training text; {samples} "
        f"samples of {TOKENS} tokens from nothing, temperature 1",
        "samples": share("\n\n".join(written)),
        "held_out_works": share("".join(texts.test)[:100_000]),
    }


def sections(numbers: dict) -> dict[str, str]:
    """Headings and Markdown of the card."""
    found, repeats = numbers["bits_per_character"], numbers["copied"]
    rows = [[name, bits] for name, bits in found["baselines"].items()]
    rows += [
        ["**this model**", found["score"]],
        ["this model, on the beginning of its training text", found["training_text"]],
    ]
    return {
        "Use": "Teaching: see the probabilities of the next token, choose, read and compare; watch it learn; teach it "
        "a text. `LanguageModel.load(folder)` of `models/language.py` reads it; so does "
        "`transformers.AutoModelForCausalLM.from_pretrained(folder)`. `tokenizer.json` is byte-level BPE; "
        "`ngrams/` holds the counts of the baseline, read by `models/ngrams.py`.",
        "How well it guesses": f"{found['what'].capitalize()}: {numbers['held_out_characters']:,} characters, "
        f"{numbers['characters_per_token']} to a token; perplexity per token {found['perplexity_per_token']}. "
        "n-grams are interpolated Kneser-Ney over characters of the same training text.\n\n"
        + markdown_table(["guess", "bits per character"], rows),
        "Is it remembered?": f"{repeats['what'].capitalize()}: {repeats['samples']:.1%}. Of held-out works: "
        f"{repeats['held_out_works']:.1%}.",
        "Limits and bias": "It knows one author of 1600 and nothing else: no facts, no modern words, no other "
        "language, and it says of women, foreigners and Jews what the plays say. What it writes has the sound of "
        "sense, not the sense. Its window is short, so it forgets who speaks.",
    }


def report(folder: Path, texts: Texts, quick: bool = False) -> None:
    """Measure the weights in ``folder``, which hold a training.json; write n-grams, replay, training.json and card."""
    folder = Path(folder)
    model = LanguageModel.load(folder, "tiny")
    counted = NGrams.of("\n".join(texts.train), ORDER)
    counted.shorter(SHIPPED).save(folder / "ngrams")
    baselines = language_replay.baselines(counted, "".join(texts.test))
    numbers = measure(model, baselines, texts, quick)
    record = json.loads((folder / "training.json").read_text())
    moments = record.pop("replay", None)
    if moments is not None:
        replay = {
            "prompts": language_replay.PROMPTS,
            "seed": language_replay.SEED,
            "temperature": language_replay.TEMPERATURE,
            "moments": moments,
            "baselines": baselines,
        }
        write_atomically(folder / "replay.json", lambda path: path.write_text(json.dumps(replay, indent=1) + "\n"))
    record["metrics"] = numbers
    name = texts.data.capitalize()
    summary = (
        f"A GPT of {numbers['parameters']:,} weights over {numbers['vocabulary']:,} tokens that writes like {name}, "
        f"trained from {record.get('started_from', 'random weights')} on {numbers['training_characters']:,} "
        "characters. What is here is the moving average of its weights, in float16."
    )
    training = (
        f"`{record['recipe']}`, {record['steps']:,} steps, {record['tokens_seen']:,} tokens seen in "
        f"{record['training_minutes']} minutes on {record['device']}; every argument and metric is in `training.json`."
    )
    card = card_text(f"Language model, {name}", texts.data, summary, sections(numbers) | {"Training": training})
    write_atomically(folder / "training.json", lambda path: path.write_text(json.dumps(record, indent=1) + "\n"))
    write_atomically(folder / "README.md", lambda path: path.write_text(card))


def main(argv: list[str] | None = None) -> None:
    """Measure shipped weights again, or those of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="a weights folder that the recipe wrote")
    parser.add_argument("--folder", type=Path, help="where the text is, if it is not Shakespeare")
    parser.add_argument("--quick", action="store_true", help="fewer samples, for a first look")
    options = parser.parse_args(argv)
    data = json.loads((options.weights / "training.json").read_text())["data"]
    report(options.weights, language_text.load(data, options.folder), options.quick)


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
