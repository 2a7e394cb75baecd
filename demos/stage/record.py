"""Records the first view of every tab: `python -m demos.stage.record [NAME ...]`.

The page shows the recording, marked "recorded, seed 7", until the live model has answered; a test compares the two.
Writes `assets/recordings/TAB-DATA.json` with the keys state, query and view.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import demos
from demos.stage import frame
from demos.stage.state import DATA

SOURCE = "recorded, seed {seed}"
LIVE = "computed live on this machine"  # as the tabs say it


def marked(value: Any, source: str) -> Any:
    """A view in which every widget says that it is a recording."""
    if isinstance(value, dict):
        return {name: source if name == "source" else marked(item, source) for name, item in value.items()}
    if isinstance(value, str):
        return value.replace(LIVE, source)
    return [marked(item, source) for item in value] if isinstance(value, list) else value


def record(tab: frame.Tab, folder: Path) -> list[Path]:
    """Draws the default state of a tab for each data set into `folder`; returns the files. Lets ValueErrors through."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for data in DATA:
        state = tab.schema.defaults() | {"data": data}
        while "again" in (answer := frame.answer(tab, state))["view"]:  # it goes on by itself: its end is recorded
            time.sleep(0.1)
        source = SOURCE.format(seed=answer["state"]["seed"])
        kept = {"state": answer["state"], "query": answer["query"], "view": marked(answer["view"], source)}
        files.append(folder / f"{tab.name}-{data}.json")
        files[-1].write_text(json.dumps(kept, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    return files


def main() -> None:
    """Records the named tabs, or all."""
    names = set(sys.argv[1:])
    for module in demos.modules():
        if not names or module.TAB.name in names:
            for file in record(module.TAB, frame.RECORDINGS):
                print(file, f"{file.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
