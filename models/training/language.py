"""Recipe for the language model: ``python -m models.training.language --minutes 60 --out runs/language-shakespeare``.

A GPT of 9M weights over byte-level BPE learns to guess the next token (Radford et al. 2019). What is shipped is the
moving average of its weights, in float16, with its tokenizer, the counts of the n-gram baseline, and the replay of its
training (:mod:`models.training.language_replay`). All losses are bits per character of plays that it never saw, so
that they can be set beside letter frequencies and n-grams, whatever a token is.
"""

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from models.language import LanguageModel
from models.training import language_text
from models.training.harness import RecipeError, Run, arguments, autocast, device, run_recipe
from models.training.language_replay import MOMENTS, moment, share
from models.training.language_report import report

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

VOCABULARY, CONTEXT = 2048, 256
LAYERS, HEADS, WIDTH = 7, 5, 320
CHECKED = 3000
"""Held-out tokens that every moment of the replay is measured on; the report measures on all of them."""


def make_network(vocabulary: int, dropout: float) -> "GPT2LMHeadModel":
    """The network: 9.4M weights, the output matrix is the table of tokens."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=0.0,  # the fast kernels have none
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config)


def main(argv: list[str] | None = None) -> None:
    """Train the model and write it, training.json, the replay and the card into ``--out``."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate of AdamW")
    parser.add_argument("--dropout", type=float, default=0.1, help="of embeddings and residuals")
    parser.add_argument("--quick-report", action=argparse.BooleanOptionalAction, default=False, help="fewer samples")
    parser.set_defaults(data="shakespeare", batch=16)
    options = parser.parse_args(argv)

    texts = language_text.load(options.data, options.folder)
    begun = options.resume and next(
        (place for place in (options.resume, options.resume / "weights") if (place / "tokenizer.json").is_file()), None
    )
    if begun:
        tokenizer = Tokenizer.from_file(str(begun / "tokenizer.json"))
    else:
        tokenizer = language_text.learn_tokens(texts, VOCABULARY)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(options.out / "tokenizer.json"))
    learn = np.array(language_text.tokens(tokenizer, texts.train), np.int32)
    check = language_text.tokens(tokenizer, texts.test)[:CHECKED]
    if len(learn) <= CONTEXT + 1:
        raise RecipeError(f"{len(learn)} tokens are too few to learn from; {CONTEXT + 2} is the least")

    where = device()
    torch.manual_seed(options.seed)  # the initial weights; everything later has its own generators
    network = make_network(tokenizer.get_vocab_size(), options.dropout)
    origin = None
    if options.resume and not (options.resume / "state.json").exists():
        network.load_state_dict(LanguageModel.load(options.resume).network.state_dict())
        network.requires_grad_(True)
        before = json.loads((options.resume / "training.json").read_text())
        minutes = before["training_minutes"] + before.get("minutes_before", 0.0)
        origin = {
            "started_from": f"the weights of {options.resume.name} after {minutes:.0f} minutes",
            "minutes_before": round(minutes, 1),
        }
    network = network.to(where)
    flat = [weight for weight in network.parameters() if weight.ndim < 2]
    matrices = [weight for weight in network.parameters() if weight.ndim >= 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": flat, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98))
    run = Run("language", options.out, {"gpt": network}, {"adamw": optimiser}, options, ("gpt",), decay=0.998)
    if origin:
        run.origin = origin
    drawn = make_network(tokenizer.get_vocab_size(), 0.0)

    def look() -> None:
        """Add a moment to the replay, seen by the averaged weights."""
        model = LanguageModel(average(run, drawn), tokenizer, "tiny")
        facts = {"step": run.step, "tokens_seen": run.images * CONTEXT, "seconds": round(run.seconds, 1)}
        run.replay.append(facts | moment(model, check))

    def step(source: torch.Generator) -> dict[str, float]:
        if len(run.replay) < MOMENTS - 1 and run.progress >= share(len(run.replay)):
            look()
        torch.manual_seed(int(torch.randint(2**62, (), generator=source)))  # dropout knows no other generator
        places = torch.randint(len(learn) - CONTEXT, (options.batch,), generator=source).tolist()
        windows = np.stack([learn[place : place + CONTEXT + 1] for place in places])
        loss = loss_of(network, torch.from_numpy(windows).long().to(where))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        size = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        return {"loss": float(loss.detach()), "bits": float(loss.detach()) / math.log(2), "gradient": float(size)}

    run.train(step, warm_up=100, final_rate=0.03, hold=0.3)
    if run.progress >= 1 and (not run.replay or run.replay[-1]["step"] < run.step):
        look()
        run.save()

    folder = options.out / "weights"
    save(average(run, drawn), tokenizer, folder)
    record = run.record(texts.data, texts.data_hash(), {})
    record |= {"windows_seen": record.pop("images_seen"), "tokens_seen": run.images * CONTEXT, "replay": run.replay}
    (folder / "training.json").write_text(json.dumps(record))
    report(folder, texts, quick=options.quick_report)


def loss_of(network: "GPT2LMHeadModel", windows: Tensor) -> Tensor:
    """Mean -ln p, nats per token, of windows (B, T + 1): the first T tokens are read, the last T are guessed."""
    with autocast():
        logits = network(input_ids=windows[:, :-1], use_cache=False).logits
    return F.cross_entropy(logits.float().flatten(0, 1), windows[:, 1:].flatten())


def average(run: Run, network: "GPT2LMHeadModel") -> "GPT2LMHeadModel":
    """The averaged weights of a run, on the CPU, ready for inference."""
    return run.average_of("gpt", network).cpu()


def save(network: "GPT2LMHeadModel", tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``config.json``, the weights (float16, shards below 9 MB) and ``tokenizer.json`` into ``folder``."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    network.half().save_pretrained(folder, max_shard_size="9MB")
    network.float()
    tokenizer.save(str(folder / "tokenizer.json"))


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
