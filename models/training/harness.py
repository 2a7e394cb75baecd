"""What every recipe shares: a budget in minutes, checkpoints that resume exactly, averaged weights, a log and a card.

A recipe builds its networks and one function ``step(generator) -> {name: loss}``; :class:`Run` does the rest. All
randomness of step *i* comes from a generator seeded by (seed, i), so a run that was stopped and resumed continues as
if nothing had happened, and no random state needs to be stored.
"""

import argparse
import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.precision import in_passing
from models.zoo import CREDITS

CHECKPOINT_SECONDS = 120
LOG_SECONDS = 30
REPLAY_MOMENTS = 24


class RecipeError(Exception):
    """A training run that cannot go on, with a message for the person who started it."""


def arguments(description: str) -> argparse.ArgumentParser:
    """The options every recipe understands; recipes add their own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", default="toons", help="toons, portraits, or a folder of pictures")
    parser.add_argument("--folder", type=Path, help="where the pictures of --data are")
    parser.add_argument("--minutes", type=float, default=10.0, help="time budget; the learning rate ends with it")
    parser.add_argument("--steps", type=int, help="stop after this many steps instead (for tests)")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, checkpoints, log and card")
    parser.add_argument("--resume", type=Path, help="a run to continue exactly, or shipped weights to start from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=64)
    return parser


def run_recipe(main: Callable[[list[str] | None], None], argv: list[str] | None = None) -> int:
    """Call a recipe's ``main`` and turn what can go wrong into one clear line; returns the process's exit code."""
    try:
        main(argv)
    except (RecipeError, ValueError, FileNotFoundError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"stopped: {error.strerror or error} ({error.filename}); the last checkpoint is intact", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped before the first step; nothing was written", file=sys.stderr)
        return 130
    return 0


def device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast() -> contextlib.AbstractContextManager:
    """bfloat16 where the hardware multiplies it quickly (CUDA, CPUs with AMX or AVX512-BF16); elsewhere float32."""
    if device().type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return in_passing()


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file and rename it, so that a full disk or Ctrl-C never leaves half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def picture_sheet(pictures: Tensor, columns: int = 8) -> Image.Image:
    """Pictures (N, 3, H, W) in [-1, 1] as one image, row by row."""
    count, _, height, width = pictures.shape
    rows = math.ceil(count / columns)
    pixels = ((pictures.float().cpu().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for i, picture in enumerate(pixels):
        y, x = (i // columns) * height, (i % columns) * width
        sheet[y : y + height, x : x + width] = picture
    return Image.fromarray(sheet)


class Run:
    """One training run: it owns the step counter, the clock, the averaged weights and everything written to disk.

    Args:
        recipe: name of the recipe, for the log and training.json.
        out: folder that receives ``checkpoint.safetensors``, ``state.json``, ``log.jsonl``, ``sheets/`` and
            ``replay/`` (up to 24 sheets of the same samples as they were learnt, with their losses).
        networks: the networks that learn, by name.
        optimisers: their optimisers, by name.
        options: the parsed command line; minutes, steps, seed, batch and resume are used here.
        averaged: names of networks that also keep an exponential moving average of their weights.
        decay: decay of that average per step.

    ``stages`` holds the command line of every time the run was started or resumed.
    ``batch`` is how many pictures a step sees; a recipe may change it on the way.
    ``origin`` says what the weights were before step 0; a recipe that starts from other weights sets it.
    """

    def __init__(
        self,
        recipe: str,
        out: Path,
        networks: dict[str, nn.Module],
        optimisers: dict[str, torch.optim.Optimizer],
        options: argparse.Namespace,
        averaged: tuple[str, ...] = (),
        decay: float = 0.999,
    ):
        self.recipe, self.out, self.options = recipe, Path(out), options
        self.networks, self.optimisers, self.decay = networks, optimisers, decay
        self.averages = {
            name: {key: value.detach().clone() for key, value in networks[name].state_dict().items()}
            for name in averaged
        }
        self.base_rates = {name: [g["lr"] for g in o.param_groups] for name, o in optimisers.items()}
        self.step, self.images, self.seconds = 0, 0, 0.0
        self.batch = options.batch
        self.history: list[dict[str, float]] = []
        self.replay: list[dict[str, float]] = []
        self.origin: dict[str, str | float] = {"started_from": "random weights", "minutes_before": 0.0}
        self.stages: list[dict[str, Any]] = []
        if options.resume and (Path(options.resume) / "state.json").exists():
            self._restore(Path(options.resume))
        self.stages.append({"from_step": self.step} | self._public_options())

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        if self.options.steps:
            return min(1.0, self.step / self.options.steps)
        return min(1.0, self.seconds / (60.0 * self.options.minutes))

    def _generators(self) -> Iterator[torch.Generator]:
        while self.progress < 1.0:
            seed = np.random.SeedSequence([self.options.seed, self.step]).generate_state(1, np.uint64)[0]
            yield torch.Generator().manual_seed(int(seed) & 0x7FFF_FFFF_FFFF_FFFF)

    def train(
        self,
        step: Callable[[torch.Generator], dict[str, float]],
        sheet: Callable[[], Tensor] | None = None,
        warm_up: int = 100,
        final_rate: float = 0.02,
        hold: float = 0.0,
        measure: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        """Call ``step`` until the budget is spent; Ctrl-C ends it early with a usable checkpoint.

        The learning rate warms up linearly over ``warm_up`` steps, stays for the share ``hold`` of the budget and then
        follows half a cosine down to ``final_rate`` of its start (Loshchilov & Hutter 2017), so a longer budget is a
        better run, not a longer wait. ``measure`` adds its numbers to every moment of the replay.

        Raises:
            RecipeError: when a loss stops being a number.
        """
        for network in self.networks.values():
            network.train()
        last_log = last_save = time.perf_counter()
        sums: dict[str, float] = {}
        counted, pictures = 0, 0
        try:
            for generator in self._generators():
                started = time.perf_counter()
                fallen = max(0.0, self.progress - hold) / (1.0 - hold)
                rate = final_rate + (1 - final_rate) * 0.5 * (1 + math.cos(math.pi * fallen))
                rate *= min(1.0, (self.step + 1) / warm_up)
                for name, optimiser in self.optimisers.items():
                    for group, base in zip(optimiser.param_groups, self.base_rates[name], strict=True):
                        group["lr"] = base * rate
                losses = step(generator)
                if not all(math.isfinite(value) for value in losses.values()):
                    raise RecipeError(f"a loss is no longer finite at step {self.step}: {losses}")
                self._average()
                self.step += 1
                self.images += self.batch
                pictures += self.batch
                now = time.perf_counter()
                self.seconds += now - started
                counted += 1
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value
                if now - last_log > LOG_SECONDS:
                    self._log({k: v / counted for k, v in sums.items()}, pictures / (now - last_log))
                    sums, counted, pictures, last_log = {}, 0, 0, now
                if sheet and self.progress >= (len(self.replay) / REPLAY_MOMENTS) ** 2:
                    self._remember(sheet, losses | (measure() if measure else {}))
                if now - last_save > CHECKPOINT_SECONDS:
                    self.save(sheet)
                    last_save = now
        except KeyboardInterrupt:
            print(f"\nstopped by hand at step {self.step}: saving what there is")
        if counted:
            self._log({k: v / counted for k, v in sums.items()}, pictures / (now - last_log))
        self.save(sheet)

    def _remember(self, sheet: Callable[[], Tensor], losses: dict[str, float]) -> None:
        """Keep one moment for the replay of the training: what the averaged network draws now, and the losses.

        The moments lie at squares of the budget's share (0, 1/576, 4/576, ...): most happens at the beginning.
        """
        place = self.out / "replay"
        place.mkdir(parents=True, exist_ok=True)
        with torch.no_grad():
            picture_sheet(sheet()).save(place / f"{len(self.replay):02d}.jpg", quality=90)
        self.replay.append({"step": self.step, "images_seen": self.images, **losses})
        write_atomically(place / "replay.json", lambda path: path.write_text(json.dumps(self.replay)))

    def _average(self) -> None:
        # A short run should not drag its random start along: the decay grows with the step (as in Karras et al. 2024).
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        for name, average in self.averages.items():
            for key, value in self.networks[name].state_dict().items():
                if value.is_floating_point():
                    average[key].lerp_(value.detach(), 1.0 - decay)
                else:
                    average[key].copy_(value)

    def _log(self, losses: dict[str, float], rate: float) -> None:
        entry = {"step": self.step, "seconds": round(self.seconds, 1), "images_per_second": round(rate, 1), **losses}
        self.history.append(entry)
        self.out.mkdir(parents=True, exist_ok=True)
        with (self.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(entry) + "\n")
        done = int(24 * self.progress)
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in losses.items())
        print(f"[{'#' * done}{'.' * (24 - done)}] {self.step} steps  {rate:.0f} images/s  {numbers}", flush=True)

    def save(self, sheet: Callable[[], Tensor] | None = None) -> None:
        """Write a checkpoint that ``--resume`` continues exactly, and a sample sheet drawn from averaged weights."""
        tensors: dict[str, Tensor] = {}
        for name, network in self.networks.items():
            tensors |= {f"network/{name}/{key}": value for key, value in network.state_dict().items()}
        for name, average in self.averages.items():
            tensors |= {f"average/{name}/{key}": value for key, value in average.items()}
        for name, optimiser in self.optimisers.items():
            for index, moments in optimiser.state_dict()["state"].items():
                tensors |= {f"moments/{name}/{index}/{key}": torch.as_tensor(v) for key, v in moments.items()}
        tensors = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
        write_atomically(self.out / "checkpoint.safetensors", lambda path: save_file(tensors, path))
        state = {"recipe": self.recipe, "step": self.step, "images": self.images, "seconds": self.seconds}
        state |= {"history": self.history}
        state |= {"replay": self.replay, "origin": self.origin, "stages": self.stages}
        write_atomically(self.out / "state.json", lambda path: path.write_text(json.dumps(state)))
        if sheet:
            with torch.no_grad():
                image = picture_sheet(sheet())
            (self.out / "sheets").mkdir(exist_ok=True)
            image.save(self.out / "sheets" / f"{self.step:07d}.png")

    def _restore(self, folder: Path) -> None:
        state = json.loads((folder / "state.json").read_text())
        if state["recipe"] != self.recipe:
            raise RecipeError(f"{folder} holds a run of the {state['recipe']} recipe, not of {self.recipe}")
        tensors = load_file(folder / "checkpoint.safetensors")

        def part(prefix: str) -> dict[str, Tensor]:
            return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}

        for name, network in self.networks.items():
            network.load_state_dict(part(f"network/{name}/"))
        for name, average in self.averages.items():
            for key, value in part(f"average/{name}/").items():
                average[key].copy_(value)
        for name, optimiser in self.optimisers.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in part(f"moments/{name}/").items():
                index, moment = key.split("/")
                moments.setdefault(int(index), {})[moment] = value
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.step, self.images, self.seconds = state["step"], state["images"], state["seconds"]
        self.history = state["history"]
        self.replay, self.origin, self.stages = state["replay"], state["origin"], state.get("stages", [])

    def average_of(self, name: str, into: nn.Module) -> nn.Module:
        """Put the averaged weights of network ``name`` into ``into`` and return it, ready for inference."""
        into.load_state_dict(self.averages[name])
        return into.eval().requires_grad_(False)

    def _public_options(self) -> dict[str, Any]:
        """The command line without folders, which tell nobody else anything."""
        return {k: v for k, v in vars(self.options).items() if k not in ("data", "out", "folder", "resume")}

    def record(self, data: str, data_hash: str, metrics: dict) -> dict:
        """What training.json says of this run: everything needed to repeat it and to know what it cost."""
        options = self._public_options() | {"data": data}
        machine = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
        return {
            "recipe": f"models/training/{self.recipe}.py",
            "arguments": options,
            "data": data,
            "data_hash": data_hash,
            **({"stages": self.stages} if len(self.stages) > 1 else {}),
            **self.origin,
            "steps": self.step,
            "images_seen": self.images,
            "training_minutes": round(self.seconds / 60, 1),
            "device": machine,
            "torch": torch.__version__,
            "date": date.today().isoformat(),
            "metrics": metrics,
            "history": [
                {k: round(v, 4) for k, v in entry.items()} for entry in self.history[:: max(1, len(self.history) // 60)]
            ],
        }


def write_card(folder: Path, title: str, data: str, record: dict, summary: str, sections: dict[str, str]) -> None:
    """Write ``training.json`` and the model card ``README.md`` beside the weights.

    Args:
        folder: the weights folder.
        title: first heading of the card.
        data: name of the data set, which decides the licence and the credit line.
        record: what :meth:`Run.record` returned.
        summary: one paragraph in plain words.
        sections: further headings and their Markdown, in order (intended use, limits, bias, metrics...).
    """
    training = (
        f"`{record['recipe']}`, {record['steps']:,} steps, {record['images_seen']:,} pictures seen in "
        f"{record['training_minutes']} minutes on {record['device']}; every argument and metric is in `training.json`."
    )
    text = card_text(title, data, summary, sections | {"Training": training})
    write_atomically(folder / "training.json", lambda path: path.write_text(json.dumps(record, indent=1) + "\n"))
    write_atomically(folder / "README.md", lambda path: path.write_text(text))


def card_text(title: str, data: str, summary: str, sections: dict[str, str]) -> str:
    """A card: front matter with the licence, heading, summary, the credit that ``data`` asks for, sections."""
    credit = CREDITS.get(data, "Trained on data of the person who ran the recipe; the licence of that data applies.")
    lines = [
        "---",
        "license: cc-by-4.0",
        f"datasets: [{data}]",
        "tags: [generative-playground]",
        "---",
        f"# {title}",
        "",
    ]
    lines += [summary, "", credit, ""]
    for heading, text in sections.items():
        lines += [f"## {heading}", "", text, ""]
    return "\n".join(lines)
