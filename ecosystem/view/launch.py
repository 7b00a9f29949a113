"""Starts the page's server on this machine and says where it is; nothing of it leaves the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecosystem.errors import InputError
from ecosystem.view import assets

LOOPBACK = "127.0.0.1"
PATIENCE = 60  # seconds for the server to answer
NOWHERE = "http://127.0.0.1:9"  # in the place of a net: what is missing is missed at once
SETTINGS = {
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False",
    "SOLARA_THEME_SHOW_BANNER": "False",
    "SOLARA_ASSETS_CDN": NOWHERE,
    "SOLARA_SESSION_HTTP_ONLY": "True",
}


def free_port(host: str = LOOPBACK) -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def _free(host: str, port: int) -> int:
    """The port, if nobody listens on it."""
    try:
        with socket.socket() as probe:
            probe.bind((host, port))
    except OSError as error:
        why = f"{port} of {host} cannot be used ({error.strerror}); leave it out for a free one"
        raise InputError(f"--port: {why}.") from None
    return port


@contextmanager
def serving(source: str, host: str = LOOPBACK, port: int | None = None, log=None) -> Iterator[str]:
    """A page of a scenario while the block lasts; gives its address. InputError where it cannot be."""
    wrong = assets.problem()
    if wrong:
        raise InputError(wrong)
    port = free_port(host) if port is None else _free(host, port)
    command = [sys.executable, "-m", "solara", "run", "ecosystem.view.page", "--host", host, "--port", str(port)]
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH", "")) if p)
    environment = {**os.environ, **SETTINGS, "ECOSYSTEM_VIEW": source, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    server = subprocess.Popen([*command, "--production", "--no-open"], env=environment, stdout=log, stderr=log)
    try:
        _wait(server, host, port)
        yield f"http://{host}:{port}/"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def show(source: str, host: str = LOOPBACK, port: int | None = None, browser: bool = True) -> None:
    """Serves a page until it is interrupted."""
    if host not in (LOOPBACK, "localhost", "::1"):
        print(f"Warning: other machines can reach {host}; whoever does runs worlds on this one.", file=sys.stderr)
    with serving(source, host, port, subprocess.DEVNULL) as address:
        print(f"The page is at {address} (Ctrl-C ends it).", flush=True)
        if browser:
            webbrowser.open(address)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("The page has ended.")


def _wait(server: subprocess.Popen, host: str, port: int) -> None:
    """Until the server answers; InputError where it does not."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            raise InputError(f"The page's server on {host}:{port} ended at once; try another --port.")
        try:
            with urllib.request.urlopen(f"http://{host}:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise InputError(f"The page's server on {host}:{port} did not answer within {PATIENCE} s.")
