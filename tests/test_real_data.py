"""Texts and networks that nobody here wrote run whole, and less human writing never leaves models nearer to people.

The order of three human rates is that of means over 475 models and more, far apart against their spread; it is a fact
about the simulator's direction, not a statistical estimate.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ecosystem import Ecosystem, Scenario, run

ROOT = Path(__file__).parents[1]
TEXTS = ("classic_books", "masc_multigenre", "shakespeare_speeches", "wikispeedia_articles")
NETWORKS = {"congress": 475, "polblogs": 1490, "wikispeedia": 4598}
RATES = (2000, 200, 0)


def divergences(data: Path, text: str, network: str) -> list[float]:
    """Cross-entropy of held-out human text after six steps, by human rate."""
    whole = Scenario.from_file("blogs").with_(
        {
            "world.path": str(data / f"text/{text}.jsonl"),
            "graph": {"kind": "file", "path": str(data / f"networks/{network}_edges.csv"), "self_loops": True},
            "models.blogs.count": NETWORKS[network],
            "metrics": ["human_divergence"], "collapse": None, "arms": {}, "claims": [],
            "record": {"every": 6, "documents": "none"}, "steps": 6,
        }
    )  # fmt: skip
    found = []
    for rate in RATES:
        world = Ecosystem(whole.with_({"humans.writers.rate": rate}))
        for _ in range(6):
            world.step()
        assert world.n == NETWORKS[network]
        found.append(world.frame.values["human_divergence"])
    return found


def test_a_real_network_reads_a_real_text_and_ranks_human_rates(shared_data):
    found = divergences(shared_data, "classic_books", "congress")
    assert found == sorted(found)
    assert found[0] < found[-1]


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_on_every_network_ranks_human_rates(shared_data, text, network):
    found = divergences(shared_data, text, network)
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_the_town_runs_with_its_ngram_models(shared_data, tmp_path):
    """The contract's town.yaml without its transformers: as many n-gram models in their place."""
    town = (shared_data.parent / "contract/town.yaml").read_text()
    lines = [line for line in town.splitlines() if "transformer" not in line]
    start = next(i for i, line in enumerate(lines) if "name: large" in line)
    del lines[start : start + 4]
    text = "\n".join(lines).replace("count: 12", "count: 16").replace("../data", str(shared_data))
    (tmp_path / "town.yaml").write_text(text)
    spec = Scenario.from_file(tmp_path / "town.yaml")
    rich, none = (run(spec, arm=arm, out=tmp_path / "out").steps for arm in ("base", "none"))
    assert len(rich) == 13
    assert none.human_divergence.iloc[-1] > rich.human_divergence.iloc[-1]
