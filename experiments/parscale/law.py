"""The published law, fitted again to the published losses, and the published cost of inference.

No run is behind this: it says what fits make of the paper's numbers, and that its 22 and 6 times
are a model's, not timed. These claims stand beside the study `widths` and read nothing of it. One
of the fits with the command:

    python scripts/fit_law.py experiments/parscale/parscale_losses.csv --where=corpus=pile
"""

from __future__ import annotations

from functools import partial
from math import inf

import numpy as np

from experiments.parscale import published
from experiments.parscale.words import PAPER
from jaxlab.analysis.estimate import Estimate, exact
from jaxlab.analysis.inference_cost import latency_seconds, memory_gib
from jaxlab.analysis.laws import LAWS
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

FIT = f"{PAPER}, Fig. 2"
COST = f"{PAPER}, Figs. 1 and 4: modelled for one A100, not timed"
OVER_CELLS = "95 % over a bootstrap of the 24 published cells"
# Published, and how far a fit of the same recipe may end from it: the objective is flat in E and A.
PARAMETERS = {
    "stack_v2_python": {
        "E": (0.6912, 0.002),
        "A": (1.131e7, 2.5e5),
        "alpha": (0.1894, 0.001),
        "k": (0.3935, 0.001),
        "R2": (0.9978, 0.0001),
    },
    "pile": {
        "E": (1.2888, 0.002),
        "A": (1.974e8, 4e6),
        "alpha": (0.1963, 0.001),
        "k": (0.3345, 0.001),
        "R2": (0.9987, 0.0001),
    },
}
COSTS = {  # of the modelled cost: name, published, range; without a published value it is tested
    "memory_1": (memory_gib, "memory at batch 1", 22.0, (21.5, 23.0)),
    "latency_1": (latency_seconds, "latency at batch 1", 6.0, (5.5, 7.0)),
    "memory_8": (memory_gib, "memory at batch 8", None, (1.0, inf)),
    "latency_8": (latency_seconds, "latency at batch 8", None, (1.0, inf)),
}


def parameter(study: Study, corpus: str, name: str) -> Estimate:
    """Measures a parameter, or R², of the law fitted to the published losses."""
    own, ends = published.fit(corpus), published.fit_intervals(corpus)
    detail = "exact: the same losses, the same recipe"
    if name in ends:
        detail += f"; bootstrap over cells {ends[name].low:.4g} to {ends[name].high:.4g}"
    return exact((own.parameters | {"R2": own.r_squared})[name], detail)


def k_over_cells(study: Study, corpus: str) -> Estimate:
    """Measures k with its interval over the published cells."""
    found = published.fit_intervals(corpus)["k"]
    return Estimate(found.value, found.low, found.high, 0, OVER_CELLS)


def unseen_error(study: Study, corpus: str) -> Estimate:
    """Measures the error with which the law, fitted without P = 8, predicts those losses."""
    held = published.unseen(corpus)["largest P"]
    detail = f"mean error {held.mean:+.4f}, worst {held.worst:+.4f}, over {held.cells} sizes"
    return exact(held.rms, detail)


def best_rival(study: Study, corpus: str) -> Estimate:
    """Measures the squared error of the best other law over that of the published one."""
    own = published.fit(corpus)
    rivals = [published.fit(corpus, law) for law in LAWS if law != own.law]
    best = min(rivals, key=lambda rival: rival.sum_of_squares)
    detail = f"{best.law}: {LAWS[best.law].formula}, R² = {best.r_squared:.5f}"
    return exact(best.sum_of_squares / own.sum_of_squares, detail)


def modelled_cost(study: Study, name: str) -> Estimate:
    """Measures the cost that parameters add over that which streams add, by the cost model."""
    ratio = published.cost_ratio(COSTS[name][0], int(name[-1]))
    return exact(ratio, "mean of 64 to 512 tokens in and out; below 1 streams cost more")


finding = partial(Claim, needs_runs=False)
check = partial(finding, kind=Kind.CHECK)
CLAIMS = (
    *(
        check(
            f"law_{corpus}_{name}",
            f"{published.CORPORA[corpus]}: the published {name.replace('R2', 'R²')} of the law "
            "follows from the published losses",
            expected=(value - within, value + within),
            published=value,
            measure=partial(parameter, corpus=corpus, name=name),
            source=FIT,
        )
        for corpus, parameters in PARAMETERS.items()
        for name, (value, within) in parameters.items()
    ),
    *(
        check(
            f"law_{corpus}_k_positive",
            f"{name}: k of the law fitted to the published losses is above 0",
            expected=(0.0, inf),
            published=PARAMETERS[corpus]["k"][0],
            measure=partial(k_over_cells, corpus=corpus),
            source=f"{FIT}; interval by this lab",
        )
        for corpus, name in published.CORPORA.items()
    ),
    *(
        check(
            f"law_{corpus}_unseen",
            f"{name}: fitted without P = 8, the law predicts those published losses (RMS error, "
            "nats per token)",
            expected=(0.0, 0.01),
            measure=partial(unseen_error, corpus=corpus),
            source=f"{FIT}; hold-out by this lab",
        )
        for corpus, name in published.CORPORA.items()
    ),
    *(
        finding(
            f"law_{corpus}_form",
            f"{name}: on the published losses a logarithm of P inside the power of N is the best "
            "form (squared error of the best rival over its own; one rival has one more parameter)",
            expected=(1.0, inf),
            measure=partial(best_rival, corpus=corpus),
            source=f"{FIT}; rivals by this lab",
        )
        for corpus, name in published.CORPORA.items()
    ),
    *(
        (check if value else finding)(
            f"law_cost_{name}",
            f"By the cost model, parameters add more to the {what} of the 1.6B model than eight "
            "streams with the same loss on Stack (ratio)",
            expected=expected,
            published=value,
            measure=partial(modelled_cost, name=name),
            source=COST,
        )
        for name, (_, what, value, expected) in COSTS.items()
    ),
)


def published_losses(study: Study) -> Figure:
    """Returns the published losses with the law."""
    figure, axes = panels(1, 2)
    for ax, (corpus, name) in zip(axes, published.CORPORA.items(), strict=True):
        losses, own = published.read(corpus), published.fit(corpus)
        line_N = np.geomspace(losses.N_ZxP.min(), losses.N_ZxP.max(), 100)
        for column, count in enumerate(published.COUNTS):
            colour, label = CATEGORY_COLOURS[column], f"{count} stream" + "s" * (count > 1)
            points = losses.N_ZxP[:, column] / 1e9, losses.loss_ZxP[:, column]
            ax.plot(*points, "o", color=colour, label=label)
            ax.plot(line_N / 1e9, own.predict(line_N, count), color=colour, lw=1)
        ax.set(xscale="log", yscale="log", xlabel="parameters N, billions", title=name)
        plots.legend(ax)
    axes[0].set_ylabel("published loss, nats per token")
    caption = (
        "The 48 published losses and the law E + (A / (N (k ln P + 1)))^alpha fitted to each "
        "corpus by the published recipe. The largest models without streams, at the right, lie "
        "above the law: they saw under ten tokens per parameter."
    )
    return Figure("law", "The published losses and their law", caption, figure)


def laws_table(study: Study) -> Table:
    """Returns all laws on both corpora."""
    rows = []
    for corpus, label in published.CORPORA.items():
        for law in LAWS:
            own, held = published.fit(corpus, law), published.unseen(corpus, law)
            named = ", ".join(f"{key} {value:.4g}" for key, value in own.parameters.items())
            rms = [held[of].rms for of in ("largest N", "largest P")]
            rows.append([label, LAWS[law].formula, named, own.r_squared, own.sum_of_squares, *rms])
    header = ["corpus", "law", "parameters", "R²", "squares", "RMS, largest N unseen"]
    header += ["RMS, largest P unseen"]
    return Table("law: published losses, 24 per corpus, and four laws", header, rows)


def costs_table(study: Study) -> Table:
    """Returns the modelled cost by batch."""
    rows = [
        [count, batch, *(published.cost_ratio(cost, batch, count=count) for cost in costs)]
        for costs in [(memory_gib, latency_seconds)]
        for count in published.COUNTS[1:]
        for batch in (1, 2, 4, 8)
    ]
    caption = (
        "law: modelled cost of 1.6B on Stack: added by parameters over added by P streams, for the "
        "same loss; below 1 streams cost more"
    )
    return Table(caption, ["streams", "batch", "memory", "latency"], rows)


FIGURES = (published_losses,)
TABLES = (laws_table, costs_table)
