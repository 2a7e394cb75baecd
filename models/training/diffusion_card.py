"""The card of a diffusion model in words and tables, from what :mod:`models.training.diffusion_report` measured."""

from models.training.obedience import obedience_text
from models.training.samples import ANY_LIMITS, LIMITS, memory_text, quality_text
from models.training.vae_report import markdown_table


def sections(data: str, numbers: dict) -> dict[str, str]:
    """Headings and Markdown of the card."""
    made = numbers["sampler"]
    answer = {
        "Use": "Teaching: watch a face come out of noise, step by step; ask for attributes; repair a picture. "
        "`Denoiser.load(folder)` and `denoise` of `models/diffusion.py` read and run it. The network alone is a "
        '`diffusers` model, `UNet2DModel.from_pretrained(folder + "/unet")`: it predicts v for pictures of 3x64x64 '
        "whose pixels are folded 2x2 into 12 channels (`pixel_unshuffle`); `class_labels` is the vector that "
        "`encoder/` makes of a condition.",
        "Samplers": "Linear betas from 0.0001 to 0.02 over 1,000 steps, v-prediction, trailing timesteps; DDIM, DDPM, "
        "Heun, DPM-Solver++ and Euler of `diffusers` all run. Guidance asks the network twice for every evaluation. "
        f"The numbers here come from {numbers['evaluations']:,} evaluations in float32.",
        "Samples against real pictures": f"{made['samples']:,} samples without a wish, DPM-Solver++ with "
        f"{made['steps']} steps, {made['nfe']} network evaluations each.\n\n" + quality_text(numbers),
    }
    if "factor_accuracy" in numbers:
        answer["Does it do what it is asked?"] = _obedience(numbers["factor_accuracy"], numbers["saturation"])
        kinds = {
            "unconditional": "samples without a wish",
            "guided": f"asked for, guidance {numbers['memory']['scale']:g}",
        }
        answer["Is it remembered?"] = memory_text(numbers["memory"], kinds, mirrored=data != "toons")
    if "steps" in numbers:
        found = numbers["steps"]
        rows = [[row["steps"], row["nfe"], row["frechet_attributes"]] for row in found["rows"]]
        answer["How many steps it takes"] = f"{found['what']}: {found['floor']}.\n\n" + markdown_table(
            ["steps of DDIM", "network evaluations", "Frechet distance"], rows
        )
    found = numbers["loss_by_timestep"]
    kinds = [kind for kind in ("unasked", "asked") if kind in found]
    answer["Loss by timestep"] = f"{found['what']}; asked: with all attributes that are known.\n\n" + markdown_table(
        ["around t", *kinds], [list(row) for row in zip(found["t"], *(found[kind] for kind in kinds), strict=True)]
    )
    answer["Limits and bias"] = LIMITS.get(data, ANY_LIMITS)
    return answer


def _obedience(found: dict, saturation: dict) -> str:
    beyond = ", ".join(
        f"{share:.1%} at {scale:g}" for scale, share in zip(saturation["scales"], saturation["share"], strict=True)
    )
    return f"{obedience_text(found)}\n\nValues beyond [-1, 1]: {beyond}."


def summary(name: str, numbers: dict, record: dict) -> str:
    """The first paragraph of the card."""
    size = numbers["parameters"]
    encoder = f" and an encoder of conditions ({size['encoder']:,})" if "encoder" in size else ""
    return (
        f"A diffusion model in pixel space on {name} at 64x64: a UNet ({size['unet']:,} parameters) that predicts v"
        f"{encoder}, conditional on the attributes of the set and trained without them one time in ten, from "
        f"{record.get('started_from', 'random weights')}. What is here is the moving average of its weights."
    )
