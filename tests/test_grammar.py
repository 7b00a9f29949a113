"""Claims: what documents of tokens say, written, read and shown."""

from __future__ import annotations

import numpy as np
import pytest

from ecosystem.grammar import unpacked
from tests.fact_worlds import facts, tiny

HOME, LIES, FROM = 7, 8, 9


def test_documents_are_claims_of_three_tokens_filled_up_with_the_end_token():
    grammar = tiny()
    written = grammar.write(np.array([[0, 3], [4, -1], [-1, -1]]), np.array([[1, 0], [1, 0], [0, 0]]))
    assert written.tolist() == [[1, HOME, 4, 4, LIES, 5], [1, FROM, 6, 0, 0, 0], [0] * 6]
    shown = grammar.show(written)
    assert shown == ["Ada | home | Oslo; Oslo | lies in | South", "Ada | is from | North", ""]
    assert grammar.tokens == 10
    assert grammar.question(np.array([5])).tolist() == [[2, FROM, 0, 0, 0, 0]]


def test_fewer_claims_than_a_document_holds_leave_the_rest_empty():
    assert tiny().write(np.array([1]), np.array([0])).tolist() == [2, HOME, 3, 0, 0, 0]


@pytest.mark.parametrize("world", [{}, {"claims": 3}, {"places": 0}, {"relations": 1, "values": 2}])
def test_what_is_written_is_read_again(world):
    grammar = facts(**world).truth().grammar
    fact = np.arange(grammar.facts)
    for slot in (np.zeros_like(fact), grammar.width_F - 1):
        content = grammar.write(fact[:, None], slot[:, None])
        assert content.min() >= 0
        assert content.max() < grammar.tokens
        read = grammar.read(content)
        np.testing.assert_array_equal(read.fact[:, 0], fact)
        np.testing.assert_array_equal(read.slot[:, 0], slot)
        assert (read.fact[:, 1:] == -1).all()


@pytest.mark.parametrize(
    ("document", "fact", "slot"),
    [
        ([1, HOME, 4, 2, HOME, 3], [0, 1], [1, 0]),
        ([1, HOME, 6, 2, HOME, 3], [0, 1], [-1, 0]),  # a home in the North: no possible value, but a claim
        ([1, LIES, 5, 2, HOME, 3], [-1, -1], [-1, -1]),  # Ada lies nowhere: no fact, and what follows is not read
        ([1, HOME, 4, 2, HOME, 0], [0, -1], [1, -1]),  # cut off
        ([HOME, 1, 4, 0, 0, 0], [-1, -1], [-1, -1]),
        ([0, HOME, 4, 2, HOME, 3], [-1, -1], [-1, -1]),
        ([1, HOME, HOME, 0, 0, 0], [-1, -1], [-1, -1]),  # a value that is no entity
    ],
)
def test_what_makes_no_claim_is_left_out_with_all_that_follows(document, fact, slot):
    read = tiny().read(np.array(document))
    assert read.fact.tolist() == fact
    assert read.slot.tolist() == slot


def test_derivable_facts_are_looked_up_in_two_steps():
    grammar = tiny()
    assert grammar.derivable_F.tolist() == [False] * 4 + [True] * 2
    assert grammar.first_F.tolist() == [-1] * 4 + [0, 1]
    asked, home = np.array([4, 4, 5, 0, 4]), np.array([0, 1, 1, 0, -1])
    assert grammar.second(asked, home).tolist() == [2, 3, 3, -1, -1]


def test_a_packed_grammar_is_the_same_but_for_names():
    grammar = facts(claims=2).truth().grammar
    again = unpacked(grammar.packed)
    content = grammar.write(np.array([[3, 40]]), np.array([[1, 0]]))
    assert grammar.read(content).fact.tolist() == again.read(content).fact.tolist() == [[3, 40]]
    assert again.tokens == grammar.tokens
    np.testing.assert_array_equal(again.chain_R2, grammar.chain_R2)
    assert unpacked(grammar.packed) is again  # unpacked once
