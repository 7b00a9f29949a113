"""Folders of pretrained models: where one lies, and whether its weights are of a kind that is safe to read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ecosystem.errors import InputError, did_you_mean

SAFE = ".safetensors"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
FETCHED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")  # what is taken from the hub
PATIENCE = 5.0  # seconds to wait for an answer of the hub
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

Stamp = tuple[tuple[str, int, int], ...]
"""Files of a folder: (name, time of change in ns, bytes) of each. Equal stamps: nothing was changed."""


class ModelError(InputError):
    """A pretrained model is not there, or cannot be used."""


def model_folder(name: str) -> Path:
    """The folder of a model: a local one, which is never looked for in the network, or what the hub gives for an id.

    ModelError where it holds no readable configuration or no weights as safetensors.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _missing(folder) if folder.exists() or not HUB_ID.fullmatch(name) else _from_hub(name)
    configuration(folder)
    _check_weights(folder)
    return folder.resolve()


def stamp(folder: Path) -> Stamp:
    """What tells whether a model's files were changed."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


def configuration(folder: Path) -> dict[str, Any]:
    """What the folder's config.json says."""
    file = folder / "config.json"
    if not file.is_file():
        raise ModelError(f"{folder}: no model folder, it holds no config.json{_hint(folder)}.")
    try:
        config = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{file}: must be JSON: {error}.") from None
    if not isinstance(config, dict):
        raise ModelError(f"{file}: must hold a mapping.")
    return config


def _check_weights(folder: Path) -> None:
    files = [file.name for file in folder.iterdir() if file.is_file()]
    if any(name.endswith(SAFE) for name in files):
        return
    pickled = sorted(name for name in files if name.endswith(PICKLED))
    if pickled:
        raise ModelError(
            f"{folder}: weights are read from safetensors only, since other files may run code when they are read; "
            f"got {pickled[0]}. Save the model with transformers' save_pretrained."
        )
    raise ModelError(f"{folder}: holds no weights; a file *{SAFE} is needed.")


def _missing(folder: Path) -> Path:
    if folder.exists():
        raise ModelError(f"{folder}: must be the folder of a model, not a file{_hint(folder.parent)}.")
    siblings = [p.name for p in folder.parent.iterdir() if p.is_dir()] if folder.parent.is_dir() else []
    raise ModelError(f"{folder}: no such folder{did_you_mean(folder.name, siblings)}.")


def _hint(folder: Path) -> str:
    """Names a folder inside that is one of a model."""
    inside = sorted(file.parent.name for file in folder.glob("*/config.json"))
    return f" (did you mean '{folder / inside[0]}'?)" if inside else ""


def _from_hub(name: str) -> Path:
    """From the cache where it is there whole, so that runs do not depend on the network; else fetched once."""
    from huggingface_hub import HfApi, snapshot_download

    try:
        kept = Path(snapshot_download(name, allow_patterns=list(FETCHED), local_files_only=True))
        if any(kept.glob(f"*{SAFE}")):
            return kept
    except OSError:  # not in the cache
        pass
    try:
        HfApi().model_info(name, timeout=PATIENCE)  # answers or fails soon, where a download would try again and again
        return Path(snapshot_download(name, allow_patterns=list(FETCHED)))
    except Exception as error:  # of the hub's client, of any of the libraries it goes through, or of the network
        folder = Path(name)
        siblings = [p.name for p in folder.parent.iterdir() if p.is_dir()] if folder.parent.is_dir() else []
        said = " ".join(str(error).split())[:160]
        raise ModelError(
            f"{name}: no such folder{did_you_mean(folder.name, siblings)}, not in the cache of the Hugging Face hub, "
            f"and the hub does not give it: {type(error).__name__}: {said}"
        ) from None
