"""A model taken out of a run is, to transformers, the model that the run has at its last checkpoint."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ecosystem import Ecosystem
from ecosystem.cli import main
from ecosystem.errors import InputError
from ecosystem.files.scenario_file import read
from ecosystem.runs.export_weights import export_weights
from ecosystem.runs.opened import open_run
from ecosystem.runs.runner import run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An n-gram and two transformers over bytes, two steps."""
    learner = {"kind": "transformer", "layers": 1, "width": 16, "heads": 2, "updates": 3, "batch": 4}
    spec = read({
        "name": "texts", "steps": 2, "metrics": ["human_divergence"],
        "world": {"kind": "text", "length": 12, "tokenizer": {"kind": "byte"}}, "humans": [{"rate": 6}],
        "models": [
            {"name": "counts", "count": 1, "publish": 4, "read": 6, "learner": {"kind": "ngram"}},
            {"name": "nets", "count": 2, "publish": 4, "read": 6, "learner": learner},
        ],
    })  # fmt: skip
    return run(spec, out=tmp_path_factory.mktemp("out"))


def test_transformers_computes_what_the_world_computes(made, tmp_path):
    transformers = pytest.importorskip("transformers")
    import torch

    folder = export_weights(made, 2, tmp_path / "taken")
    world = Ecosystem(made.spec)
    for _ in range(2):
        world.step()
    content = world.writers[0].documents[:3]
    expected = world.populations[1].group.learner.log_prob(world.populations[1].params, content)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        tokens = torch.tensor(np.pad(content.astype(np.int64), ((0, 0), (1, 0))))
        logits = model(tokens[:, :-1], attention_mask=torch.ones(3, 12)).logits.log_softmax(-1)
        each = logits.gather(2, tokens[:, 1:, None])[:, :, 0].numpy()
    ended = np.cumsum(content == 0, axis=1) - (content == 0) > 0  # after the first end token there is only padding
    found = np.where(ended, 0, each).sum(axis=1)
    assert found == pytest.approx(expected[1], rel=1e-4)  # float32 sums in another order
    assert found != pytest.approx(expected[0], rel=1e-4)  # negative control: the other model is another one
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer.decode(tokenizer("the sky")["input_ids"], skip_special_tokens=True) == "the sky"
    told = json.loads((folder / "origin.json").read_text())
    assert (told["agent"], told["group"], told["step"], told["seed"]) == (2, "nets", 2, 0)
    assert told["scenario_digest"] == made.spec.digest


def test_the_command_puts_it_into_the_run_folder(made, capsys):
    assert main(["export", str(made.folder), "--agent", "1", "--format", "transformers"]) == 0
    assert capsys.readouterr().out == f"{made.folder / 'export' / 'agent-1'}\n"
    assert (made.folder / "export" / "agent-1" / "model.safetensors").is_file()
    assert main(["export", str(made.folder), "--agent", "1", "--format", "transformers"]) == 2
    there = made.folder / "export" / "agent-1"
    assert capsys.readouterr().err == f"--to: {there} is there already; give another folder\n"


@pytest.mark.parametrize(
    "words, says",
    [
        (["--agent", "3", "--format", "transformers"], "--agent: must be a model's number, 0 to 2; got 3"),
        (
            ["--agent", "0", "--format", "transformers"],
            "--agent: 0 is a ngram, without weights for transformers; those that have: 1, 2",
        ),
        (["--agent", "1"], "--agent: goes with --format transformers, and only with it"),
        (["--format", "transformers"], "--agent: goes with --format transformers, and only with it"),
    ],
)
def test_wrong_words_are_one_line_and_status_2(made, tmp_path, capsys, words, says):
    assert main(["export", str(made.folder), *words, "--to", str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err == says + "\n"
    assert not (tmp_path / "x").exists()


def test_a_study_and_a_run_without_checkpoint_are_named(made, tmp_path):
    with pytest.raises(InputError, match="agent: is taken out of one run; give its folder"):
        export_weights(open_run(made.folder.parent.parent), 1, tmp_path / "x")
    (made.folder / "checkpoints").rename(tmp_path / "checkpoints")
    try:
        with pytest.raises(InputError, match="has kept no checkpoint; make the run again"):
            export_weights(made, 1, tmp_path / "x")
    finally:
        (tmp_path / "checkpoints").rename(made.folder / "checkpoints")
