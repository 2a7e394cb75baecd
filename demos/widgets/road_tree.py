"""Continuations of a text as a tree: where they begin alike they share a branch."""

from .base import Widget


class RoadTree(Widget):
    """A tidy tree from left to right, its branches made of tokens.

    Value: a dictionary with

    - root: `{"t": the end of the prompt, "here": bool}`
    - nodes: `[{"parent", "kind", "tokens": [token, ...], "note", "here"}]`. parent: the number of an earlier node, or
      -1 for the root. kind: "now" (in the tab's colour), "left", "pruned" (dashed), "dead" (faint) or "done" (ended).
      note: a few words after the last token; here: this is where one stands. A token is that of `TokenText` with "p",
      its probability or null: lines are as thick as the token they lead to is probable. `{"fold": [ids]}` stands for
      tokens that are not shown.
    - action: a name, or null. A click or Enter on a token emits it with the ids from the prompt up to this token; on
      the root with none.
    - legend: `[[kind, words], ...]`; alt: the tree in words; caption, source: the line below.

    Arrow keys go along the branches and between them.
    """

    kind = "road_tree"
