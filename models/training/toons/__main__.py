"""``make toons``: renders the drawings into data/toons, about half a minute on two cores."""

import argparse
import sys
from pathlib import Path

from models.training.toons import render

FOLDER = Path(__file__).resolve().parents[3] / "data" / "toons"


def main() -> int:
    """Reads the arguments, renders, and says whether the set is the one that the shipped models learnt from."""
    parser = argparse.ArgumentParser(prog="python -m models.training.toons", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write (default: data/toons)")
    parser.add_argument("--count", type=int, default=render.COUNT, help="number of drawings (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        manifest = render.render(arguments.out, arguments.count)
    except render.RenderError as error:
        print(f"toons: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("toons: stopped; the set is not complete, run it again", file=sys.stderr)
        return 130
    if arguments.count == render.COUNT:
        same = manifest["sha256"] == render.SHA256
        print(f"{'the same set as' if same else 'NOT the set that'} the shipped models learnt from")
    return 0


if __name__ == "__main__":
    sys.exit(main())
