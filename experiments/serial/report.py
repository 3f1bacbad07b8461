"""What the report of serial depth says beside the claims of its studies."""

from __future__ import annotations

from experiments.serial.cells import ON_AUTOMATON, ON_EASY_SUDOKU, ON_SUDOKU
from jaxlab.report.claims import Result, Verdict, format_number
from jaxlab.report.hypothesis import Hypothesis, Results, System

SAME_COMPUTE = {"width": "width", "votes": "votes", "streams": "parallel streams"}


def answer(results: Results) -> list[str]:
    """Returns the answer, at most three sentences, by the verdicts of what was measured."""
    makers = (_where_a_layer_sees_everything, _where_it_sees_neighbours, _without_layers)
    return [sentence for make in makers if (sentence := make(results))]


def _where_a_layer_sees_everything(results: Results) -> str:
    gain, lead = results.get("sudoku_depth"), results.get("sudoku_over")
    if gain is None or lead is None:
        return ""
    begin = {
        Verdict.SUPPORTED: "Yes, where each layer sees the whole task",
        Verdict.UNDECIDED: "Undecided where each layer sees the whole task",
    }.get(lead.verdict, "No, not even where each layer sees the whole task")
    parallel = [
        f"{_number(results[f'sudoku_{id}'])} as {name}"
        for id, name in SAME_COMPUTE.items()
        if f"sudoku_{id}" in results
    ]
    same = f"; the same compute adds {_joined(parallel)}" if parallel else ""
    return (
        f"{begin}: eight layers solve {_number(gain)} percentage points more hard Sudoku puzzles "
        f"than one layer{same}."
    )


def _where_it_sees_neighbours(results: Results) -> str:
    steps, easy = results.get("light_cone_slope"), results.get("light_cone_90_ceiling")
    growth, parts = results.get("window_growth_110"), []
    if steps:
        limit = ", because of its receptive field"
        if easy and easy.verdict is Verdict.SUPPORTED:
            limit += " (an easy rule needs them too)"
        parts.append(
            f"a circuit that reads its neighbours alone needs {_number(steps, decimals=2)} layers "
            f"for each step of the automaton Rule 110{limit}"
        )
    if growth:
        parts.append(
            "one hidden layer that sees everything must instead become wider, by a factor of "
            f"{growth.number} for each step ({growth.verdict})"
        )
    return _sentence(parts)


def _without_layers(results: Results) -> str:
    rows, steps = results.get("scratchpad_rows"), results.get("diffusion_center_steps")
    parts = []
    if rows:
        parts.append(
            f"one layer that is run again on what it wrote gets {_share(rows)} of rows right after "
            "up to 64 steps"
        )
    if steps:
        parts.append(
            "more steps of denoising add at most "
            f"{_number(steps, 100)} percentage points to what a diffusion model gets right"
        )
    return _sentence(parts)


def _number(result: Result, scale: float = 1.0, decimals: int = 1) -> str:
    assert result.estimate is not None  # it was measured
    return format_number(round(scale * result.estimate.value, decimals) + 0.0, decimals)


def _share(result: Result) -> str:
    percent = _number(result, 100)
    return "100 %" if percent == "100.0" else f"at least {percent} %"


def _joined(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


# What the numbers cannot say, beside what they can.
LIMITS = {
    "the paper": (
        "It proves and cites, and has no experiment: no number here is the paper's own, and "
        "every expected range is this lab's."
    ),
    "light cones": (
        "The receptive field of a circuit that reads its neighbours is as far as it is deep: a "
        "threshold at T layers then reflects the receptive field. Below T layers the easy Rule "
        "90 is a coin flip as well. It shows that width does not replace depth, and nothing of "
        "a complexity class. Circuits that fall short of their ceiling, as some of 8 gates do, "
        "have not learned it."
    ),
    "learning": (
        "A model that fails has not learned; whether it could hold the answer is another "
        "question. Only an exact ceiling separates the two. A truth table fitted whole leaves "
        "nothing to generalise to, but a width at which it is fitted is one at which these "
        "steps of training fit it: a narrower circuit may hold it."
    ),
    "trees": (
        "Group-word products of A5 are complete for NC1, and log depth is enough for them as it"
        " is for Z60. That fewer levels guess reflects the receptive field, exactly; that one "
        "wide level fails reflects learning and its curriculum, as each level of a tree is "
        "taught its blocks and one level has the whole word alone. Neither distinguishes a "
        "class. A first run of 3000 steps ended while four levels of A5 were learning (0.999, "
        "0.06 and 0.48 right), and its wide levels had collapsed under their weight decay: this"
        " one has twice the steps, other seeds, and wide levels without decay too."
    ),
    "loops": (
        "S3 is solvable, so that constant depth is enough for its products: what loops are "
        "needed for is what these steps of training learn. Where the sequence length and the "
        "loops are taught in proportion, the frontier passes through points that were taught "
        "(lengths 2, 4 and 8); beside it stand the same lengths with all loops from the start."
    ),
    "learning rates": (
        "Sudoku and discs alone have ladders of rates, all else has one rate for all "
        "conditions. Where the taken rate is the end of a ladder, as the tables show, a higher "
        "one might do better."
    ),
    "sudoku": (
        "Rounds of forced moves are the depth of one solver; of Sudoku itself no class is "
        "proven. Puzzles of the evaluation are new, but forms of few puzzles: there are 187,392"
        " of 4x4 with 7 blanks and 3 rounds, three quarters of them for training."
    ),
    "size": (
        "Classes such as TC0 speak of all lengths, and of the worst case, where these are few "
        "lengths and random rows."
    ),
    "discs": (
        "That discs in a bounded box are hard is not proven: the machines that are built of "
        "them want room. A mixer has all discs in its receptive field and has learned what it "
        "has: no exact ceiling stands beside it. Where no condition knows more than where discs"
        " would pass, the study says nothing of whether collisions take depth."
    ),
    "returns": (
        "The floor is that of an estimate which has evaluated so many layers and reads no "
        "wiring above them. That constant depth falls short on the whole row too is sure only "
        "if TC0 is not all of P, and of the worst case; no critic is trained here."
    ),
    "scratchpad": (
        "Every step is taught, and what is written is exact bits: nothing is said of a model "
        "that has to find its own steps."
    ),
    "diffusion": (
        "The theorem wants exact scores of one continuous token from a backbone of constant "
        "depth, and does not cover a row; a cell has the ceiling of its backbone by the "
        "receptive field as well; masked diffusion is not covered by it, and not tested here."
    ),
}
SYSTEMS = (
    System(
        "cellular automata: Rule 110, by receptive field",
        "light_cone",
        "light_cone_slope",
        "a model whose single layer has the whole row in its receptive field",
    ),
    System(
        "cellular automata: Rule 110, the whole row read by one layer",
        "whole_row",
        "whole_row_over",
        "longer times and rows: a row of 16 cells is short",
    ),
    System(
        "cellular automata: the truth table of a window",
        "window",
        "window_growth_110",
        "more steps T: the growth is fitted over few widths",
    ),
    System(
        "cellular automata: learned logic gates",
        "gates",
        "gates_reached",
        "a model whose single layer has the whole row in its receptive field",
    ),
    System(
        "many-body mechanics: hard discs in a box",
        "discs",
        "discs_layers_over_width",
        "longer training with a curriculum over durations; a gas of unequal masses in one "
        "dimension, where equal masses are an exact control",
    ),
    System(
        "sequential decisions: returns of the depth of ones (App.)",
        "headline",
        "returns_greedy",
        "a trained critic: here estimates are exact, and nothing is learned",
    ),
    System("mathematical questions: expression graphs", "", "", "a study; the task is there"),
    System("circuit value problem", "", "", "a study; the task is there"),
    System(
        "Sudoku, easy and hard",
        "sudoku",
        "sudoku_over",
        "more rounds, larger boards, and widths of up to 64 times the compute",
    ),
    System(
        "diffusion: more steps of denoising (Theorem 4.1)",
        "diffusion",
        "diffusion_center_steps",
        "a backbone whose single layer has the whole row in its receptive field",
    ),
    System(
        "chain of thought: one layer and its own tokens",
        "scratchpad",
        "scratchpad_rows",
        "steps that the model has to find by itself: here every step is taught",
    ),
    System(
        "recurrence: products of group elements",
        "words",
        "words_gru",
        "a wide transformer of equal compute",
    ),
    System(
        "looped layers",
        "frontier",
        "frontier_slope",
        "groups that are not solvable, where constant depth is not enough",
    ),
    System(
        "log depth: trees of group elements",
        "trees",
        "trees_reached",
        "eight seeds or more: an outcome is all or nothing",
    ),
    System(
        "equal compute in series and in parallel",
        "headline",
        "headline_gain",
        "a model whose single layer has the whole row in its receptive field",
    ),
)
HYPOTHESIS = Hypothesis(
    question="Does serial depth do what no width, no vote and no parallel stream can?",
    answer=answer,
    highlights=(
        "sudoku_over",
        "discs_grows_with_collisions",
        "light_cone_slope",
        "window_growth_110",
        "scratchpad_rows",
    ),
    quantity="gained over one layer, percentage points",
    reference=0.0,
    reference_label="no gain",
    headings=(ON_SUDOKU, ON_EASY_SUDOKU, ON_AUTOMATON),
    limits="\n\n".join(f"{of.capitalize()}: {limit}" for of, limit in LIMITS.items()),
    systems=SYSTEMS,
)
