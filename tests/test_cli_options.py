"""How options of the command line are read."""

import pytest

from ecosystem.cli.options import How, parsed_seeds
from ecosystem.errors import InputError


@pytest.mark.parametrize(
    "text, seeds",
    [
        *[("3", (0, 1, 2)), ("3,5,8", (3, 5, 8)), ("16:19", (16, 17, 18)), ("7:8", (7,))],
        *((t, None) for t in ("7,", "5:5", "0", "-1", "1,1", "x", "1:2:3", "", "1.5", "2:1", "1,2:4", "9999999999")),
    ],
)
def test_seeds_are_a_number_a_list_or_a_range(text, seeds):
    if seeds is None:
        with pytest.raises(InputError, match="--seeds: must be N, a list 3,5,8 or a range 16:32"):
            parsed_seeds(text)
    else:
        assert parsed_seeds(text) == seeds


def test_how_runs_are_made_is_what_was_asked_for():
    how = How("outputs", 3, "cpu", 2, False)
    assert how.made() == {"out": "outputs", "jobs": 3, "device": "cpu", "threads": 2, "checkpoint": 30.0}
    with pytest.raises(InputError, match=r"^--device: must be cpu or cuda; got 'gpu'$"):
        How("outputs", 1, "gpu", None, False)
