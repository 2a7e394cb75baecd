"""What all tests share: where the portraits are, and one running app."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from benchmarks.serving import ROOT, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests run last: they are the slowest, and a cheap failure should be seen first."""
    items.sort(key=lambda item: (ROOT / "tests" / "browser") in item.path.parents)


@pytest.fixture(scope="session")
def portraits_dir() -> Path:
    """The folder of portraits: `PORTRAITS_DIR`, else the sibling `../shared/data/portraits`; skips without one."""
    folder = Path(os.environ.get("PORTRAITS_DIR") or ROOT.parent / "shared" / "data" / "portraits")
    if not folder.is_dir():
        pytest.skip("no portraits: set PORTRAITS_DIR to a folder of pictures")
    return folder


@pytest.fixture(scope="session")
def start_app() -> Callable[..., AbstractContextManager[str]]:
    """For tests that need an app process of their own: `with start_app(folder, {"NAME": "value"}) as url`."""
    return lambda home, extra_env=None: serving(["app.py"], home, extra_env)


@pytest.fixture(scope="session")
def app_server(start_app, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address (no slash at the end) of one app process that all tests of the session share."""
    with start_app(tmp_path_factory.mktemp("app")) as url:
        yield url
