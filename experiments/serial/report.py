"""The serial-depth experiment's part of a report: its answer, claims, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.serial import classes
from experiments.serial.studies import PARTS
from jaxlab.analysis.study import Study
from jaxlab.report.page import Section, Table
from jaxlab.report.parts import answer, overview

TITLE = "Does serial depth buy what no width and no vote can?"

# The answer: claims and what is said of their numbers.
SENTENCES = (
    (
        "sudoku_depth",
        "Of eight times the compute of a layer that sees all of a Sudoku, more layers solve {} "
        "points more of the boards of many rounds",
    ),
    ("sudoku_width", "width {}"),
    ("sudoku_votes", "votes {}"),
    ("sudoku_streams", "streams {}"),
    ("sudoku_easy_depth", "of the boards of one round, the control, more layers solve {}"),
    (
        "discs_grows",
        "Of discs that collide, what layers add over width grows by {} points from no collision to "
        "three, where none was expected of so few steps",
    ),
    (
        "light_cone_slope",
        "By sight alone, which the easy Rule 90 needs as well, a step of Rule 110 costs a local "
        "circuit {} layers",
    ),
    ("light_cone_copy_slope", "of a copy, the control, {}"),
    (
        "light_cone_width",
        "where they lack, eight times the width moves accuracy by {} at most, towards its exact "
        "ceiling and not above it",
    ),
    (
        "window_growth_110",
        "In place of layers the width at which these steps of training fit the table grows {} "
        "times with every step of the rule",
    ),
    ("window_control_90", "for the control, Rule 90, {} gates are enough"),
    ("trees_reached", "For words of A5 a tree of four levels is right in {}"),
    (
        "trees_below",
        "one of fewer levels, which does not see the word, is within {} of guessing, as for sums",
    ),
    (
        "frontier_slope",
        "Trained with as many loops as letters, and on words that grow with them, a loop of one "
        "block follows {} letters more",
    ),
    ("diffusion_center_steps", "More steps of denoising than one add {} at most to one cell"),
    ("diffusion_row_steps", "to a row {}"),
    ("scratchpad_rows", "A single layer with a scratchpad gets {} of rows right, up to 64 steps"),
)

# The groups of `Expected.group`, in the order of the overview.
HEADINGS = {
    "sudoku": "Sudoku of many rounds, all in sight",
    "sudoku control": "Control: Sudoku of one round",
    "law": "Rule 110, T = 4: by construction (sight)",
}

# The figure that stands beside the overview: the depth that is needed against the size of the task.
AGAINST_SIZE = "light_cone_depth"

# What the numbers cannot say, beside what they can.
ANY = ()  # a limit of every study
LIMITS = (
    (
        "the paper",
        ANY,
        "It proves and cites, and has no experiment: no number here is the paper's own, and every "
        "expected range is this lab's.",
    ),
    (
        "light cones",
        ("light_cone", "headline", "gates"),
        "A circuit that reads its neighbours cannot see further than its depth: a threshold at T "
        "layers is then one of sight: below T layers the easy Rule 90 is a coin as well. It shows "
        "that width does not replace depth, and nothing of a complexity class. Circuits that fall "
        "short of their ceiling, as some of 8 gates do, have not learned it.",
    ),
    (
        "learning",
        ANY,
        "A model that fails has not learned; whether it could hold the answer is another question. "
        "Only an exact ceiling separates the two. A truth table fitted whole leaves nothing to "
        "generalise to, but a width at which it is fitted is one at which these steps of training "
        "fit it: a narrower circuit may hold it.",
    ),
    (
        "trees",
        ("trees",),
        "Words of A5 are complete for NC1, and log depth is enough for them as it is for Z60. That "
        "fewer levels guess is one of sight, exactly; that one wide level fails is one of learning "
        "and of its curriculum, as each level of a tree is taught its blocks and one level has "
        "the whole word alone. Neither tells a class apart. A first run of 3000 steps ended while "
        "four levels of A5 were learning (0.999, 0.06 and 0.48 right), and its wide levels had "
        "collapsed under their weight decay: this one has twice the steps, other seeds, and wide "
        "levels without decay too.",
    ),
    (
        "loops",
        ("loops", "frontier"),
        "S3 is solvable, so that constant depth is enough for its words: what loops are needed for "
        "is what these steps of training learn. Where letters and loops are taught in proportion, "
        "the frontier passes through points that were taught (2, 4 and 8 letters); beside it stand "
        "the same letters with all loops from the start.",
    ),
    (
        "learning rates",
        ANY,
        "Sudoku and discs alone have ladders of rates, all else has one rate for all arms. Where "
        "the taken rate is the end of a ladder, as the tables show, a higher one might do better.",
    ),
    (
        "sudoku",
        ("sudoku",),
        "Rounds of forced moves are the depth of one solver; of Sudoku itself no class is proven. "
        "Boards of the evaluation are new, but forms of few puzzles: there are 187,392 of 4x4 with "
        "7 blanks and 3 rounds, three quarters of them for training.",
    ),
    (
        "size",
        ANY,
        "Classes such as TC0 speak of all lengths, and of the worst case, where these are few "
        "lengths and random rows.",
    ),
    (
        "discs",
        ("discs",),
        "That discs in a bounded box are hard is not proven: the machines that are built of them "
        "want room. A mixer sees all discs at once and has learned what it has: no exact ceiling "
        "stands beside it. Where no arm knows more than where discs would pass, the study says "
        "nothing of whether collisions take depth.",
    ),
    (
        "returns",
        ("headline",),
        "The floor is that of an estimate which has evaluated so many layers and reads no wiring "
        "above them. That constant depth falls short on the whole row too is sure only if TC0 is "
        "not all of P, and of the worst case; no critic is trained here.",
    ),
    (
        "scratchpad",
        ("scratchpad",),
        "Every step is taught, and what is written is exact bits: nothing is said of a model that "
        "has to find its own steps.",
    ),
    (
        "diffusion",
        ("diffusion",),
        "The theorem wants exact scores of one continuous token from a backbone of constant depth, "
        "and does not cover a row; a cell has the ceiling of its backbone by sight as well; "
        "masked diffusion is not covered by it, and not tested here.",
    ),
)


def section(studies: Mapping[str, Study]) -> Section:
    """Returns what the page says of these studies."""
    claims = PARTS.claims(studies)
    figures, tables = PARTS.drawn(studies)
    against_size = [figure for figure in figures if figure.name == AGAINST_SIZE]
    figures = [figure for figure in figures if figure.name != AGAINST_SIZE]
    said = [
        [of, limit]
        for of, own, limit in LIMITS
        if own == ANY or any(name in studies for name in own)
    ]
    limits = Table("What these numbers cannot say", ["of", "limit"], said)
    gains = overview(
        claims,
        PARTS.expected(studies),
        HEADINGS,
        name="serial_overview",
        title="Compute in series and side by side",
        caption="What eight times the compute of one layer adds in series and side by side, paired "
        "by seed, with 95 % intervals, against the range that was expected beforehand: solved "
        "boards, where that layer sees all there is, and cells of an automaton, where it sees its "
        "neighbours alone, so that depth is sight.",
        reference=0.0,
        reference_label="no gain",
        quantity="gained over one layer, percentage points",
    )
    tables = [limits, classes.table(studies), *tables]
    summary = answer(claims, SENTENCES)
    return Section(TITLE, summary, [*gains, *against_size], claims, figures, tables)
