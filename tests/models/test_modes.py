"""Counting kinds of drawings: the numbering, and the shipped reader on drawings whose variety is known."""

import itertools

import torch
import torch.nn.functional as F

from models import modes, zoo
from models.attributes import names


class Reader:
    """Reads three labels off the first three pixels, and one that no mode depends on."""

    sizes = {"skin": 6, "hair_style": 4, "hair_color": 7, "eyes": 5}

    def read(self, x):
        return {
            name: F.one_hot(x[:, 0, 0, i].long(), size).float() for i, (name, size) in enumerate(self.sizes.items())
        }


def test_total_is_the_product():
    values = names("toons")
    assert modes.total() == len(values["skin"]) * len(values["hair_style"]) * len(values["hair_color"]) == 168


def test_every_combination_is_one_mode():
    combinations = torch.tensor(list(itertools.product(range(6), range(4), range(7))))
    x = torch.zeros(168, 3, 64, 64)
    x[:, 0, 0, :3] = combinations.float()
    x[::2, 0, 0, 3] = 3  # another label makes no other mode
    found = modes.read(Reader(), x)  # more than one batch
    assert found.tolist() == list(range(168)) and modes.count(found) == 168


def test_counting():
    assert modes.count(torch.tensor([3, 3, 3])) == 1
    assert modes.count(torch.tensor([0, 167, 5, 5])) == 3


def test_labels_are_numbered_as_readings_are():
    labels = {"skin": torch.tensor([0, 5]), "hair_style": torch.tensor([1, 3]), "hair_color": torch.tensor([2, 6])}
    assert modes.number(labels).tolist() == [9, 167]
    assert modes.number({name: column.numpy() for name, column in labels.items()}).tolist() == [9, 167]


def test_real_drawings_are_many_modes_and_one_drawing_is_one(drawings):
    """Their labels name 149 different modes."""
    x = torch.from_numpy(drawings.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
    reader = zoo.attributes("toons")
    assert abs(modes.count(modes.read(reader, x)) - 149) <= 1
    assert modes.count(modes.read(reader, x[:1].expand(20, -1, -1, -1))) == 1
