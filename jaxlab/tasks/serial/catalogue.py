"""The serial tasks side by side: how hard each is, what makes it longer, and its parallel control.

Bins speak of the worst case as sizes grow, not of what is hard to learn. Constant depth suffices in
TC0. What is NC1-complete, or L-complete, takes more unless TC0 is all of NC1, or of L, but no more
than log n, or log^2 n: it is serial beside a network of constant depth. What is P-complete takes
more than any power of log n unless P = NC, which is serial in the strict sense. Of the last bin
nothing is proven.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxlab.tasks.serial.automata import Automaton, Majority
from jaxlab.tasks.serial.balls import Balls
from jaxlab.tasks.serial.circuits import Circuits
from jaxlab.tasks.serial.expressions import Expressions
from jaxlab.tasks.serial.hops import Induction, Pointers
from jaxlab.tasks.serial.ones import DepthOfOnes
from jaxlab.tasks.serial.questions import Task
from jaxlab.tasks.serial.squaring import Squaring, Summing
from jaxlab.tasks.serial.sudoku import Sudoku
from jaxlab.tasks.serial.words import Words

BINS = ("TC0", "NC1-complete", "L-complete", "P-complete", "unproven")


class Entry(NamedTuple):
    """A task.

    Attributes:
        task: its class.
        bin: one of `BINS`.
        source: of the bin.
        size: the field of the task that makes it longer.
        control: name of an entry in TC0 with the same kind of rows; empty for controls themselves.
    """

    task: type[Task]
    bin: str
    source: str
    size: str
    control: str


ENTRIES = {
    "rule 110": Entry(
        Automaton, "P-complete", "Neary and Woods, ICALP 2006", "steps", "rule 90, steps 2^k"
    ),
    "rule 30": Entry(
        Automaton, "unproven", "conjectured by Wolfram, 2002", "steps", "majority of a window"
    ),
    "rule 90, steps 2^k": Entry(Automaton, "TC0", "an XOR of two cells", "steps", ""),
    "rule 204": Entry(Automaton, "TC0", "copies each cell", "steps", ""),
    "majority of a window": Entry(Majority, "TC0", "by definition", "radius", ""),
    "words of A5": Entry(
        Words, "NC1-complete", "Barrington, JCSS 38 (1989)", "length", "words of Z60"
    ),
    "words of S5": Entry(
        Words, "NC1-complete", "Barrington, JCSS 38 (1989)", "length", "words of S4xZ5"
    ),
    "words of S4xZ5": Entry(
        Words, "TC0", "solvable groups: Barrington and Thérien, JACM 35 (1988)", "length", ""
    ),
    "words of A4xZ5": Entry(
        Words, "TC0", "solvable groups: Barrington and Thérien, JACM 35 (1988)", "length", ""
    ),
    "words of S3": Entry(
        Words, "TC0", "solvable groups: Barrington and Thérien, JACM 35 (1988)", "length", ""
    ),
    "words of Z60": Entry(Words, "TC0", "counting modulo 60", "length", ""),
    "words of Z6": Entry(Words, "TC0", "counting modulo 6", "length", ""),
    "circuits": Entry(
        Circuits, "P-complete", "Ladner, SIGACT News 7 (1975)", "layers", "circuits of one layer"
    ),
    "circuits of one layer": Entry(Circuits, "TC0", "one gate after its inputs", "gates", ""),
    "depth of ones": Entry(
        DepthOfOnes,
        "P-complete",
        "Kirousis and Spirakis, SWAT 1988; with a chain, within any factor",
        "layers",
        "depth of ones, values given",
    ),
    "depth of ones, values given": Entry(DepthOfOnes, "TC0", "a maximum", "layers", ""),
    "pointers": Entry(
        Pointers, "L-complete", "Cook and McKenzie, J. Algorithms 8 (1987)", "hops", "one pointer"
    ),
    "one pointer": Entry(Pointers, "TC0", "a table look-up", "places", ""),
    "k-hop induction": Entry(
        Induction, "unproven", "at most log k deep: arXiv 2402.09268", "hops", "one hop"
    ),
    "one hop": Entry(Induction, "TC0", "a search and a look-up", "letters", ""),
    "squaring": Entry(
        Squaring, "unproven", "conjectured: Rivest, Shamir and Wagner 1996", "rounds", "summing"
    ),
    "summing": Entry(Summing, "TC0", "Hesse, Allender and Barrington, JCSS 65 (2002)", "terms", ""),
    "expressions": Entry(
        Expressions, "NC1-complete", "Buss, STOC 1987", "operators", "expressions of one operator"
    ),
    "expressions of one operator": Entry(Expressions, "TC0", "a table look-up", "length", ""),
    "sudoku": Entry(
        Sudoku, "unproven", "unit propagation is P-complete", "puzzles", "sudoku of one round"
    ),
    "sudoku of one round": Entry(Sudoku, "TC0", "each blank sees its givens", "box", ""),
    "balls": Entry(
        Balls,
        "unproven",
        "in the limit any machine: Fredkin and Toffoli, IJTP 21 (1982)",
        "duration",
        "balls that pass through each other",
    ),
    "balls that pass through each other": Entry(
        Balls, "TC0", "a remainder: Hesse, Allender and Barrington, JCSS 65 (2002)", "balls", ""
    ),
}
