"""What was promised against what was measured: the same table and the same complaints for every tab."""

from collections.abc import Mapping

Floors = Mapping[str, tuple[str, float]]  # name of a number -> "<=" or ">=", and the number


def rows(floors: Floors, labels: Mapping[str, str], results: Mapping[str, float]) -> list[str]:
    """Rows of a Markdown table: what it is, what was measured, what was promised."""
    return [f"| {label} | {results[name]} | {floors[name][0]} {floors[name][1]:g} |" for name, label in labels.items()]


def missed(tab: str, floors: Floors, results: Mapping[str, float]) -> list[str]:
    """One sentence per promise that was not kept."""
    sentences = []
    for name, (sign, number) in floors.items():
        kept = results[name] <= number if sign == "<=" else results[name] >= number
        if not kept:
            sentences.append(f"{tab}, {name.replace('_', ' ')}: {results[name]}, promised {sign} {number:g}")
    return sentences
