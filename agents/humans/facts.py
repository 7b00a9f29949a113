"""A world of facts: subjects with relations to values, some of which follow from others."""

from __future__ import annotations

from typing import Annotated, Union

import numpy as np
from pydantic import Field, model_validator

from agents.humans._facts import FactWriter, misconceptions
from ecosystem.errors import InputError
from ecosystem.grammar import Grammar
from ecosystem.interfaces import HumanSource, Writer
from ecosystem.parts import Share
from ecosystem.truth import Truth

ONE_WORLD = ("subjects", "relations", "values", "places", "regions", "claims", "seed")  # what is true hangs on them
Place = Annotated[int, Field(ge=0)]


class Facts(HumanSource):
    """People write claims about subjects, most about the best known; what is true is drawn once from `seed`.

    Subjects, by popularity (Zipf), have `relations` plain relations to one of `values` values each, and where there are
    places a home, one of `places`; every place lies in one of `regions`. That a subject is from a region follows from
    its home and the place's region: such *derivable* facts are asked for as others are, but people state them only
    in a share `derived` of their claims. `asked` is what people ask for: subjects by popularity (of places: as often
    as one of their inhabitants is), relations alike.

    A claim is false with probability `error`. For a share `misled` of the facts all errors are the same false value, a
    popular misconception (of which facts, and what, goes by `myths`); else any other value. A community may know a part
    of the subjects only: of every `parts` subjects the one at place `part`, or those at several (places are known to
    all). One that has a single thing to say writes `only` of that fact; with error 1 and misled 1 that is a rumour, one
    and the same false claim.
    """

    subjects: int = Field(200, ge=2, le=1_000_000, description="Subjects, most popular first.")
    exponent: float = Field(1.0, ge=0, le=20, description="Zipf's exponent of popularity; 0: all alike.")
    relations: int = Field(2, ge=1, le=100, description="Plain relations of each subject.")
    values: int = Field(12, ge=2, le=100_000, description="Possible values of a plain relation.")
    places: int = Field(12, ge=0, le=100_000, description="Possible homes of a subject; 0: nothing can be derived.")
    regions: int = Field(6, ge=2, le=100_000, description="Regions in which places lie.")
    claims: int = Field(1, ge=1, le=64, description="Claims of a human document, and at most of any, C.")
    error: Share = Field(0.05, description="Probability that a person's claim is false.")
    misled: Share = Field(0.0, description="Share of the facts of which people have one and the same misconception.")
    myths: int = Field(0, ge=0, lt=2**31, description="Which misconceptions: communities of one number share them.")
    derived: Share = Field(0.0, description="Share of people's claims that state a derivable fact.")
    parts: int = Field(1, ge=1, le=1000, description="Parts of the subjects of which a community knows one.")
    part: Union[Place, tuple[Place, ...]] = Field(0, description="Which it knows, 0 to parts - 1: one or several.")
    only: tuple[Place, Place] | None = Field(None, description="[subject, relation]: writes of this plain fact only.")
    seed: int = Field(0, ge=0, lt=2**63, description="What is true, and where people are misled, is drawn from it.")

    @model_validator(mode="after")
    def _within(self) -> Facts:
        if not self._parts:
            raise ValueError("part: must name a part; got none")
        for name, most in (("parts", self.parts), ("subjects", self.subjects)):
            if max(self._parts) >= most:
                raise ValueError(f"part: must be below {name}, {most}; got {max(self._parts)}")
        subject, relation = self.only or (-1, -1)
        for which, value, most in (("subject", subject, self.subjects), ("relation", relation, self.relations)):
            if value >= most:
                raise ValueError(f"only: its {which} must be below {which}s, {most}; got {value}")
        if self.derived and not self.places:
            raise ValueError("derived: needs places from which something can be derived; got places 0")
        return self

    def open(self, communities: list[HumanSource]) -> list[Writer]:
        found = [c for c in communities if isinstance(c, Facts)]
        for c in found:
            for key in ONE_WORLD:
                if getattr(c, key) != getattr(found[0], key):
                    raise InputError(
                        f"humans.*.writes.{key}: must be the same for all communities, who live in one world of facts; "
                        f"got {getattr(found[0], key)} and {getattr(c, key)}."
                    )
        return [c.writer() for c in found]

    def writer(self) -> FactWriter:
        """The writer of one community."""
        truth = self.truth()
        grammar, people = truth.grammar, truth.grammar.subject_F < self.subjects
        known_F = ~people | np.isin(grammar.subject_F % self.parts, self._parts)
        share_F = np.where(known_F, truth.asked_F, 0)
        for of_F, share in ((grammar.derivable_F, self.derived), (~grammar.derivable_F, 1 - self.derived)):
            share_F[of_F] *= share / share_F[of_F].sum() if share and of_F.any() else 0
        if self.only is not None:
            share_F = (np.arange(grammar.facts) == grammar.fact_ER[self.only]).astype(float)
            known_F = share_F > 0
        misled_F = misconceptions(truth, self.misled, self.seed, self.myths)
        return FactWriter(truth, share_F / share_F.sum(), known_F, self.error, misled_F)

    def truth(self) -> Truth:
        """What is true, the same for all communities."""
        grammar, s = self._grammar(), self.subjects
        rng = np.random.Generator(np.random.PCG64([self.seed, 1]))
        slot_F = (rng.random(grammar.facts) * grammar.width_F).astype(np.int64)
        chained = np.flatnonzero(grammar.derivable_F)
        second = grammar.second(chained, slot_F[grammar.first_F[chained]])
        slot_F[chained] = slot_F[second]
        popular_S = np.arange(1, s + 1, dtype=float) ** -self.exponent
        popular_E = np.concatenate([popular_S / popular_S.sum(), np.zeros(grammar.entities - s)])
        if self.places:  # a place is asked for as often as one who lives there, of whom there are so many on average
            popular_E[s : s + self.places] = 1 / self.places
        asked_F = popular_E[grammar.subject_F]
        return Truth(grammar, slot_F, asked_F / asked_F.sum())

    @property
    def _parts(self) -> tuple[int, ...]:
        """The parts it knows."""
        return self.part if isinstance(self.part, tuple) else (self.part,)

    def _grammar(self) -> Grammar:
        """Entities: subjects, places, regions, values; relations: plain ones, home, lies in, is from."""
        s, p, w = self.subjects, self.places, self.values
        first_value = s + (p + self.regions if p else 0)
        plain = [(first_value + r * w, first_value + (r + 1) * w) for r in range(self.relations)]
        chained = [(s, s + p), (s + p, first_value), (s + p, first_value)] if p else []
        low_R, high_R = np.array(plain + chained).T
        r = self.relations
        chain_R2 = np.full((len(low_R), 2), -1)
        of_subject = list(range(r))
        if p:
            chain_R2[r + 2] = r, r + 1
            of_subject += [r, r + 2]
        subject_F = np.concatenate([np.tile(np.arange(s), len(of_subject)), np.arange(s, s + p)])
        relation_F = np.concatenate([np.repeat(of_subject, s), np.full(p, r + 1)])
        names = [f"subject {i}" for i in range(s)]
        if p:
            names += [f"place {i}" for i in range(p)] + [f"region {i}" for i in range(self.regions)]
        names += [f"value {i}" for i in range(self.relations * w)]
        relations = [f"relation {i}" for i in range(r)] + (["home", "lies in", "is from"] if p else [])
        return Grammar(subject_F, relation_F, low_R, high_R, chain_R2, self.claims, tuple(names), tuple(relations))
