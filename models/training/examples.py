"""Pictures the app itself shows, 500 held-out drawings in one atlas: ``python -m models.training.examples``."""

from pathlib import Path

from PIL import Image

from models.training import data as datasets
from models.training.harness import picture_sheet, run_recipe, write_atomically

TARGET = Path(__file__).resolve().parents[2] / "assets" / "examples" / "toons-64.webp"
COUNT, COLUMNS = 500, 25


def main(argv: list[str] | None = None) -> None:
    """Write the atlas of the first 500 drawings of the test split; lossless, so that tests can compare pixels."""
    pictures = datasets.load("toons", split="test")
    sheet = picture_sheet(pictures.tensor(range(COUNT)), COLUMNS)

    def save(path: Path) -> None:
        sheet.save(path, format="webp", lossless=True, quality=100, method=6)

    write_atomically(TARGET, save)
    print(f"{COUNT} drawings in {TARGET.name}, {TARGET.stat().st_size / 1e6:.1f} MB, {Image.open(TARGET).size}")


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
