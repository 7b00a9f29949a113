"""Tokenizers and models of a folder as transformers loads them: from safetensors only, running no code of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from agents.neural.model_folder import ModelError, configuration
from ecosystem.errors import InputError


def tokenizer_of(folder: Path) -> Any:
    """The folder's tokenizer; ModelError where there is none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # each kind of tokenizer has its own ways to be wrong
        raise ModelError(f"{folder}: its tokenizer cannot be loaded: {said(error)}") from error


def model_of(folder: Path, auto: Any, what: str) -> Any:
    """The model in float32, in evaluation mode; ModelError where it is none of its kind, or not whole.

    `auto`: the class of transformers that loads such models; what: what these are called.
    """
    from transformers import AutoConfig

    kind = configuration(folder).get("model_type")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        if type(config) not in auto._model_mapping:
            raise ModelError(f"{folder}: must be {what}; a '{kind}' is none that transformers knows.")
        loaded: Any = auto.from_pretrained(
            folder, config=config, dtype=torch.float32, use_safetensors=True, trust_remote_code=False,
            local_files_only=True, output_loading_info=True,
        )  # fmt: skip
    except InputError:
        raise
    except Exception as error:  # each architecture has its own ways to be wrong
        raise ModelError(f"{folder}: the model cannot be loaded: {said(error)}") from error
    model, report = loaded
    lacking = sorted({*report["missing_keys"], *(key[0] for key in report["mismatched_keys"])})
    if lacking:
        more = f" and {len(lacking) - 1} more" if lacking[1:] else ""
        kind = type(model).__name__
        raise ModelError(f"{folder}: must hold the weights of a {kind}; {lacking[0]}{more} is missing or misshapen.")
    return model.eval().requires_grad_(False)


def said(error: Exception) -> str:
    """What an error of a library says, in one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:200]}{'...' if len(words) > 200 else ''}"


@contextmanager
def quiet() -> Iterator[None]:
    """Without progress bars and advice of transformers and peft; what is wrong is said by errors."""
    import warnings

    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
