"""Results that are planted, and a page of them that has every part."""

import math
from dataclasses import replace

import numpy as np

from jaxlab.analysis.estimate import EXACT, Estimate
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind, Result
from jaxlab.report.figures import Figure, house_style, panels
from jaxlab.report.forest import forest
from jaxlab.report.page import Run, Section, Table

NAN, INF = math.nan, math.inf
TRACEBACK = """Traceback (most recent call last):
  File "experiments/one_third/measures.py", line 41, in measure
    return loss_SxR - theory_R
ValueError: operands could not be broadcast together with shapes (5,40) (39,)"""


def nothing(study):
    raise AssertionError("a planted result is not measured again")


def make_claim(id="a", **fields) -> Claim:
    defaults = {"sentence": f"sentence of {id}", "source": "paper, figure 1", "published": 0.337}
    return Claim(**{"id": id, "expected": (0.3, 0.4), "measure": nothing} | defaults | fields)


def make_result(
    id="a", *, value=0.33, low=0.31, high=0.35, seeds=5, study="headline", detail="", **fields
) -> Result:
    estimate = Estimate(value, low, high, seeds, detail=detail)
    return Result(make_claim(id, **fields), study, estimate, provenance={"config_hashes": ["9f2c"]})


def unmeasured(id, reason, study="headline", failed=False, **fields) -> Result:
    return Result(make_claim(id, **fields), study, None, reason, failed=failed)


def make_figure(name: str) -> Figure:
    time = np.geomspace(0.4, 160, 60)
    with house_style():
        figure, (left, right) = panels(1, 2)
        labels = ["Adam", "SGD with a rate that decays as t^-3/4", "AdamW", "SGD, constant rate"]
        losses = [0.9 * time**-0.34, 1.1 * time**-0.25, time**-0.3, 1.3 * time**-0.2]
        plots.loglog_curves(left, time, np.stack(losses), labels=labels)
        plots.power_law_line(left, 0.34, 0.9, (4, 160), interval=(0.33, 0.35))
        left.set(xlabel="τ, the sum of learning rates", ylabel="loss, nats", title="Curves")
        x = np.arange(1.0, 6.0)
        plots.interval_plot(
            right, x, 0.33 + 0.01 * x, 0.3 + 0.01 * x, 0.36 + 0.01 * x, expected=(0.3, 0.4)
        )
        right.set(xlabel="depth, layers", ylabel="exponent")
    caption = f"Loss of {name} against τ, means of 5 seeds. Shaded: the fit's window."
    return Figure(name, f"Loss of {name}", caption, figure)


def make_map(name: str) -> Figure:
    values = np.linspace(0.2, 0.5, 24).reshape(4, 6)
    values[1, 2] = NAN
    with house_style():
        figure, (ax,) = panels()
        rates, temperatures = np.geomspace(1e-3, 1, 6), np.geomspace(1e-3, 1, 4)
        ends = {"lows_YxX": values - 0.01, "highs_YxX": values + 0.01}
        plots.heatmap(ax, values, rates, temperatures, centre=1 / 3, band=(0.3, 0.36), **ends)
        ax.set(xlabel="learning rate", ylabel="temperature")
    return Figure(name, "Exponents of the grid", "The exponent in every cell.", figure)


RESULTS = [
    make_result("inside", sentence="The loss of Adam falls as τ^-0.337 over τ in [4, 162]"),
    make_result(
        "outside",
        value=0.43,
        low=0.41,
        high=0.45,
        sentence="The loss of SGD with a decaying rate falls with the same exponent as Adam",
        detail="means of the windows: 0.418 to 0.447",
    ),
    make_result("across", value=0.4, low=0.35, high=0.45, published=None, study="adam_grid"),
    make_result("open", expected=(-INF, 0.5), study="adam_grid", seeds=1),
    make_result(
        "flat", kind=Kind.CONTROL, expected=(-0.05, 0.05), value=0.01, low=-0.02, high=0.03
    ),
    Result(
        make_claim("count", kind=Kind.CHECK, expected=(512, 512), published=512.0),
        "headline",
        Estimate(512.0, 512.0, 512.0, 0, EXACT),
    ),
    make_result("single", low=NAN, high=NAN, seeds=1, detail="a single seed has no interval"),
    unmeasured("short", "train.steps is 20, the claim is of 2000"),
    unmeasured("shorter", "train.steps is 20, the claim is of 2000", study="text"),
    unmeasured("bug", TRACEBACK, failed=True),
]


def make_section(**parts) -> Section:
    defaults = {
        "name": "one_third",
        "question": "Do softmax and cross-entropy learn peaked distributions as loss ~ τ^(-1/3)?",
        "answer": [
            "Adam's loss falls as τ^-0.33, within the published range.",
            "SGD with a decaying rate is faster: 0.43.",
        ],
        "highlights": RESULTS[:5],
        "overviews": [],
        "results": RESULTS,
        "figures": [],
        "tables": [],
        "limits": "Intervals cover the slope in the window, not an asymptotic exponent.",
    }
    return Section(**(defaults | parts))


def make_overview(results=RESULTS) -> Figure:
    with house_style():
        drawn = forest(
            {"The law": [(r.claim.id, r) for r in results[:3]], "Controls": [("flat", results[4])]},
            reference=1 / 3,
            reference_label="1/3",
            quantity="exponent of the loss",
        )
    return Figure("overview", "Overview of the claims", "Each row is a claim. See below.", drawn)


def full_sections() -> list[Section]:
    """Returns two sections with every part of a page."""
    rows = [[f"rate={i / 7:.3f}", i, i / 7, None if i == 3 else i / 3] for i in range(30)]
    tables = [
        Table("Cells of the grid", ["cell", "seeds", "rate", "exponent"], rows),
        Table("Windows", ["window", "exponent"], [["[4, 162]", 0.33741], ["[8, 162]", 0.1]]),
    ]
    other = [make_result(f"other_{i}", study="widths", value=0.3 + i / 100) for i in range(4)]
    first = make_section(
        overviews=[make_overview()],
        figures=[replace(make_figure("headline"), study="headline"), make_map("grid")],
        tables=tables,
    )
    question = "Do P parallel streams act like O(log P) more parameters?"
    second = make_section(
        name="parscale",
        question=question,
        results=other,
        highlights=other[:2],
        answer=["No."],
        limits="",
    )
    return [first, second]


def runs() -> list[Run]:
    """Returns two runs, one with members that diverged."""
    versions = {"python": "3.13.0", "jax": "0.10.2", "numpy": "2.3.0"}
    lost = [("lr=1, seed=0", 41), ("lr=1, seed=1", 44)]
    return [
        Run("adam_grid/group-0", "9f2c", 480, 5, "8 × tpu", 3725.0, versions, lost),
        Run("headline/run", "77aa", 5, 5, "1 × cpu", 12.2, versions),
    ]
