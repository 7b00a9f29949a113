"""One generation of a web of GPTs end to end: every model is fitted to 256 documents and writes 256.

Against what a user would run: transformers' Trainer (which needs accelerate; left out with a note where that is not
installed) and `generate`, and against a plain training loop and `generate`; model after model.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec

import numpy as np
import torch
import transformers

from benchmarks import _gpt2
from benchmarks._gpt2 import Size
from benchmarks._products import as_torch_comes
from benchmarks._timing import in_turn, row
from benchmarks._twins import diets, twins

DOCUMENTS = 256  # read, and written


@as_torch_comes
def by_trainer(models: list, size: Size, content_nbL: np.ndarray, epochs: int) -> None:
    """Each model in turn under transformers' Trainer, by the regime of `_gpt2.train`.

    Documents stand behind the begin token and lose their last, so that they fit the context; the model shifts them.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = transformers.TrainingArguments(
            output_dir=folder, per_device_train_batch_size=size.batch, num_train_epochs=epochs,
            learning_rate=_gpt2.RATE, lr_scheduler_type="constant", weight_decay=_gpt2.DECAY, max_grad_norm=_gpt2.CLIP,
            report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True,
            dataloader_pin_memory=False,
        )  # fmt: skip
        for model, documents_bL in zip(models, content_nbL, strict=True):
            shifted_bL = torch.from_numpy(np.pad(documents_bL[:, :-1], ((0, 0), (1, 0))).astype(np.int64))
            data = [{"input_ids": x, "labels": x} for x in shifted_bL]
            trainer = transformers.Trainer(model=model, args=settings, train_dataset=data)
            trainer.remove_callback(transformers.PrinterCallback)
            trainer.train()


def generation(n: int, size: Size, epochs: int, repeats: int) -> None:
    """One row: seconds of the loop, how many times as fast ours is on one core and on both, and the losses."""
    content, updates = diets(size, n, DOCUMENTS), epochs * DOCUMENTS // size.batch
    ours, theirs = twins(size, n, updates, endless=True)

    def stacked(threads: int) -> None:
        ours.write(ours.train(content, threads), DOCUMENTS, threads)

    def plain() -> None:
        _gpt2.train(theirs, size, content, updates)
        _gpt2.write(theirs, size, DOCUMENTS)

    def library() -> None:
        by_trainer(theirs, size, content, epochs)
        _gpt2.write(theirs, size, DOCUMENTS)

    sides = [plain, lambda: stacked(1), lambda: stacked(2)] + ([library] if find_spec("accelerate") else [])
    loop, one_core, both, *trainer = in_turn(*sides, repeats=repeats)
    row(n, epochs, updates, loop, both, loop / one_core, loop / both,
        *(x for t in trainer for x in (t, t / one_core, t / both)))  # fmt: skip


def main() -> None:
    if not find_spec("accelerate"):
        print("transformers' Trainer is left out: it needs accelerate (pip install accelerate)")
    print(f"fit {DOCUMENTS} documents of 64 tokens and write {DOCUMENTS}, d 64: seconds of a plain loop + `generate`")
    print("and of ours on both cores; how many times as fast ours is on one core and on both; the same against Trainer")
    row("models", "epochs", "updates", "loop s", "both s", "one core", "both", "Trainer s", "one core", "both")
    generation(8, Size(), epochs=1, repeats=2)
    generation(8, Size(), epochs=4, repeats=1)


if __name__ == "__main__":
    main()
