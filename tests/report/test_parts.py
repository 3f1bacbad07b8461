"""The answer of a report, in sentences whose numbers are those of the claims."""

from jaxlab.report.claims import Claim
from jaxlab.report.parts import answer

CLAIMS = [
    Claim(name, "a claim", "a source", None, (0.0, 0.5), value, value - 0.1, value + 0.1, seeds=3)
    for name, value in (("first", 0.2), ("second", 0.3), ("third", 0.9))
]


def test_sentences_take_the_numbers_of_their_claims_and_may_go_on():
    sentences = (
        ("first", "One is {}"),
        ("second", "another {}"),
        ("absent", "a third {}"),
        ("third", "The last is {}"),
    )
    assert answer(CLAIMS, sentences) == (
        "One is 0.20 [0.10, 0.30] (holds); another 0.30 [0.20, 0.40] (holds). "
        "The last is 0.90 [0.80, 1.00] (fails). Of 3 claims: 2 holds, 1 fails."
    )
    assert answer(CLAIMS[:1], ()) == "Of 1 claims: 1 holds."
