"""The card of an image-token model in words and tables, from :mod:`models.training.image_tokens_report`'s numbers."""

from models.training.obedience import obedience_text
from models.training.samples import ANY_LIMITS, LIMITS, memory_text, quality_text
from models.training.vae_report import markdown_table


def sections(data: str, numbers: dict) -> dict[str, str]:
    """Headings and Markdown of the card."""
    made, lost, codes, bits = (numbers[name] for name in ("sampler", "reconstruction", "codes", "bits"))
    rows = [[kind, lost["frechet"][kind]] for kind in ("vgg", "attributes") if kind in lost["frechet"]]
    answer = {
        "Use": "Teaching: watch a face drawn patch by patch, see what else each patch could have been and how likely, "
        "take another road, complete half a face. `ImageTokens.load(folder)` of `models/image_tokens.py` reads it, "
        "`draw` of `models/image_tokens_drawing.py` runs it. `autoencoder.safetensors` turns pictures into codes and "
        "back, `transformer.safetensors` foresees codes.",
        "Samples against real pictures": f"{made['samples']:,} samples without a wish, temperature "
        f"{made['temperature']:g}, all codes allowed, {made['nfe']} network evaluations each.\n\n"
        + quality_text(numbers)
        + " The decoder was trained to please the first blocks of the same VGG16, which may flatter it in the VGG "
        "rows; the attribute features took no part.",
        "From pictures to codes and back": f"Error ({lost['unit']}): median {lost['median']}, 99th percentile "
        f"{lost['p99']}. Frechet distance of real pictures that were only encoded and decoded, to the same real "
        "pictures as above; samples that come nearer do so by luck:\n\n"
        + markdown_table(["features", "Frechet distance"], rows)
        + f"\n\nOf {codes['entries']} entries a codebook, {' and '.join(map(str, codes['used']))} are used, perplexity "
        f"{' and '.join(f'{x:.0f}' for x in codes['perplexity'])} ({codes['what']}).",
        "How well it foresees": _foresight(bits),
    }
    if "factor_accuracy" in numbers:
        answer["Does it do what it is asked?"] = obedience_text(numbers["factor_accuracy"])
        kinds = {
            "unconditional": "samples without a wish",
            "guided": f"asked for, guidance {numbers['memory']['scale']:g}",
        }
        answer["Is it remembered?"] = memory_text(numbers["memory"], kinds, mirrored=data != "toons")
    if "temperatures" in numbers:
        found = numbers["temperatures"]
        rows = [[row["temperature"], row["frechet_attributes"], row["diversity"]] for row in found["rows"]]
        answer["Temperature"] = f"{found['what']}: {found['floor']}.\n\n" + markdown_table(
            ["temperature", "Frechet distance", "diversity"], rows
        )
    answer["Limits and bias"] = LIMITS.get(data, ANY_LIMITS)
    return answer


def _foresight(bits: dict) -> str:
    rows = [
        ["every code equally likely", bits["uniform"]],
        ["how often each code occurs", bits["frequencies"]],
        ["the transformer, nothing told", bits["unasked"]],
        *([["the transformer, all attributes told", bits["asked"]]] if "asked" in bits else []),
        ["the transformer on training pictures, nothing told", bits["training"]],
    ]
    rough, *fine = bits["levels"]
    split = f" Rough strokes take {rough} bits, fine ones {', '.join(map(str, fine))}." if fine else ""
    return f"{bits['what'].capitalize()}.\n\n{markdown_table(['guesser', 'bits per code'], rows)}\n\n" + (
        f"The last row lies below the third as far as training pictures are known by heart.{split}"
    )


def summary(name: str, numbers: dict, record: dict) -> str:
    """The first paragraph of the card."""
    size = numbers["parameters"]
    halves = record.get("halves", {})
    times = ", ".join(f"{half} {one['training_minutes']:g} minutes" for half, one in halves.items())
    return (
        f"{name.capitalize()} at 64x64 drawn token by token: a VQ autoencoder ({size['autoencoder']:,} parameters) "
        f"whose code is a grid of 8x8 patches of two entries each, and a causal transformer ({size['transformer']:,} "
        "parameters) over them in reading order, conditional on the attributes of the set and trained without them one "
        f"time in ten, from {record.get('started_from', 'random weights')}{f' ({times})' if times else ''}. What is "
        "here are the moving averages of the weights."
    )
