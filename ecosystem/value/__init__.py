"""What human data is worth: experiments that give more or less of it, and what a metric makes of that.

from ecosystem.value import by_rate, findings
found = by_rate(Scenario.from_file("price_of_human"), "within_diversity", [0, 50, 100], jobs=2)
found.table, findings(found), found.save()
"""

from ecosystem.value.experiments import EXPERIMENTS, by_community, by_place, by_rarity, by_rate, by_time
from ecosystem.value.measured import measured
from ecosystem.value.shapley import Shapley, shapley_values
from ecosystem.value.substitution import Substitution, iso_outcomes
from ecosystem.value.valued import Value
from ecosystem.value.words import findings

__all__ = [
    "EXPERIMENTS", "Shapley", "Substitution", "Value", "by_community", "by_place", "by_rarity", "by_rate", "by_time",
    "findings", "iso_outcomes", "measured", "shapley_values",
]  # fmt: skip
