"""A scenario file without a mistake, and how a text is refused."""

import pytest

from ecosystem.errors import InputError
from ecosystem.files import scenario_file

GOOD = """\
name: small
question: Is it read?
steps: 4
metrics: [within_diversity, support, tail_coverage]
world: {kind: zipf, items: 50}
humans:
  - {name: people, rate: 15, reach: all}
  - name: rebels
    rate: [[0, 5], [3, 0]]
    reach: [0, 5]
    writes: {first: 10, span: 20}
models:
  - name: small
    count: 4
    learner: {kind: categorical, temperature: 0.9}
  - {name: large.one, count: 2, publish: 25, read: 1e2, learner: {kind: categorical}}
graph: {kind: ring, self_loops: true}
corpus: {keep: {window: 3}}
collapse: {metric: support, below: 0.5}
arms:
  rare: {humans.rebels.rate: 1, humans.0.rate: 0}
  web: {graph.kind: small_world, models.large.one.count: 4}
claims:
  - {says: Something is lost., metric: support, arms: [rare, base], effect: "< 0", group: small, at: 4}
"""


def lines_of(text, tmp_path, sets=()):
    """The lines with which a scenario text is refused, without the file's folder."""
    file = tmp_path / "s.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        scenario_file.read(file, sets)
    return [line.replace(f"{tmp_path}/", "") for line in caught.value.lines]
