"""The app process talks to nobody but its visitors: a guard inside it refuses and records every other address."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import demos

# Runs inside the app process before anything else. An audit hook sees every socket call of Python code, whoever makes
# it, asyncio included; raising there refuses the call.
GUARD = """
import os
import sys


def guard(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"  # other families stay on this machine
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost", "::1", "0.0.0.0", "::") or host.startswith("127."):
        return
    with open(os.environ["REFUSED"], "a") as record:
        record.write(f"{event} {host}\\n")
    raise OSError(f"refused by the test: {event} {host}")


sys.addaudithook(guard)
open(os.environ["REFUSED"], "a").close()
"""


def ask(url: str, body: dict | None = None) -> bytes:
    """GET, or POST of JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def test_the_server_contacts_no_other_host(start_app, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(GUARD)
    refused = tmp_path / "refused.txt"
    with start_app(tmp_path, {"PYTHONPATH": str(tmp_path), "REFUSED": str(refused)}) as url:
        assert refused.exists(), "the guard is not in the app process"
        assert b"<gradio-app" in ask(url) or b"gradio_config" in ask(url)
        config = json.loads(ask(f"{url}/config"))
        stores = [c for c in config["components"] if "open" in c["props"].get("server_fns", [])]
        assert len(stores) == len(demos.TABS)
        for tab, store in zip(demos.TABS, stores, strict=True):
            call = {"session_hash": "offline", "component_id": store["id"], "data": {"query": f"?v=1&tab={tab}"}}
            first = json.loads(ask(f"{url}/gradio_api/component_server", call | {"fn_name": "open"}))
            assert first.get("view"), first
            moved = {"state": first["state"], "actions": [{"name": "seed", "value": 8}], "live": False}
            answer = json.loads(ask(f"{url}/gradio_api/component_server", call | {"fn_name": "step", "data": moved}))
            assert answer.get("view"), answer
            assert answer["state"]["seed"] == 8
    assert refused.read_text() == ""


def test_the_guard_refuses_and_records(tmp_path: Path):
    """What the test above relies on: with the guard in place a foreign address is refused, the loopback is not."""
    (tmp_path / "sitecustomize.py").write_text(GUARD)
    refused = tmp_path / "refused.txt"
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
for attempt in (lambda: socket.create_connection(("192.0.2.1", 80), 1), lambda: socket.getaddrinfo("example.org", 80)):
    try:
        attempt()
    except OSError as error:
        print(error)
"""
    env = os.environ | {"PYTHONPATH": str(tmp_path), "REFUSED": str(refused)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.count("refused by the test") == 2, done.stderr
    assert refused.read_text().splitlines() == ["socket.getaddrinfo 192.0.2.1", "socket.getaddrinfo example.org"]
