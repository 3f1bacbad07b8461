"""Does the escape carry over to finite temperatures, Adam and Muon?"""

from __future__ import annotations

from experiments.one_third import envelopes
from experiments.one_third.envelopes import AVERAGE, LAST
from experiments.one_third.studies import TEACHER
from experiments.one_third.studies.ways_out import THEORY
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import format_estimate
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table


def _gain(setting: str) -> Expected:
    return Expected(
        f"{setting}: a scale ~ t lowers the end loss, each at its best rate (ratio of losses)",
        THEORY,
        None,
        (0.0, 0.8),
    )


# Claim id -> the setting of configs/one_third/carry.py.
SETTINGS = {
    "carry_sgd_cold": "sgd, T 1e-3",
    "carry_sgd_warm": "sgd, T 6e-3",
    "carry_adam_hard": "adam, hard labels",
    "carry_adam_cold": "adam, T 1e-3",
    "carry_muon_hard": "muon, hard labels",
}
EXPECTED = {name: _gain(setting) for name, setting in SETTINGS.items()}
CLOCK = "step"
FITS_CONFIG_WINDOW = False

PINNED = TEACHER | {
    "schedule.offset": 100.0,
    "train.steps": 10_000,
    "train.batch_size": 512,
    "rates": 3,
}

GROWTH = "schedule.weight_growth"


def cell(study: Study, setting: str, growth: float, weights: str = LAST) -> envelopes.Envelope:
    """Returns the envelope of a setting over its rates, with or without growth."""
    chosen_M = (study.data["way"].values == setting) & (study.data[GROWTH].values == growth)
    return envelopes.envelope(study.data.isel(member=chosen_M), weights + "loss")


def measure(study: Study) -> dict[str, Measured]:
    """Returns the gain of growth in every setting, at the best rates of each."""
    found = {}
    for claim, setting in SETTINGS.items():
        grown, still = cell(study, setting, 1.0), cell(study, setting, 0.0)
        exponents = [_exponent(envelope, study) for envelope in (still, grown)]
        detail = f"exponent of the envelope {exponents[0]} without growth, {exponents[1]} with it"
        edges = [envelope.at_edge(study.config.window) for envelope in (still, grown)]
        detail += f"; the best of three rates ends the ladder at {edges[0]:.0%} and {edges[1]:.0%}"
        detail += " of the records"
        found[claim] = Measured(envelopes.end_ratio(grown.ends, still.ends), detail)
    return found


def _exponent(envelope: envelopes.Envelope, study: Study) -> str:
    found = envelope.exponent(study.config.window)
    return format_estimate(found.value, found.low, found.high)


def figures(study: Study) -> list[Figure]:
    """Returns the envelopes of every setting, with and without growth."""
    figure, axes = panels(2, 3, panel_height_inches=3.6)
    for ax, setting in zip(axes, SETTINGS.values(), strict=False):
        for growth, colour in ((0.0, "C0"), (1.0, "C1")):
            for weights, style in ((LAST, "-"), (AVERAGE, "--")):
                envelope = cell(study, setting, growth, weights)
                label = f"scale ~ t^{growth:g}" if weights == LAST else ""
                mean_R = envelope.value_SxR.mean(axis=0)
                ax.plot(envelope.step_R, mean_R, style, color=colour, label=label)
        ax.set(xscale="log", yscale="log", xlabel="steps", title=setting)
    axes[0].set_ylabel("nats")
    axes[3].set_ylabel("nats")
    axes[5].set_axis_off()
    plots.legend(axes[0])
    caption = (
        "Envelopes over three rates, with the logit scale left alone and scaled as t. Solid: last "
        "weights; dashed: averaged weights. At T = 6e-3 the scale needed is 96, at T = 1e-3 it is "
        "577, and hard labels need an infinite one."
    )
    return [Figure("carry", "Does a growing scale help elsewhere?", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every setting with and without growth, last and averaged weights."""
    rows = []
    for setting in SETTINGS.values():
        for growth in (0.0, 1.0):
            for weights, label in ((LAST, "last"), (AVERAGE, "average")):
                envelope = cell(study, setting, growth, weights)
                found = envelope.exponent(study.config.window)
                end = student_interval(envelope.ends)
                best = envelope.best_R[-1]
                rows.append(
                    [
                        *(setting, growth, label, found.value, found.low, found.high),
                        *(end.value, end.low, end.high, envelope.settings[best][0]),
                        *(f"{best + 1} of {len(envelope.settings)}", envelope.diverged),
                    ]
                )
    header = ["setting", "q", "weights", "exponent", "low", "high", "end loss", "low", "high"]
    header += ["best rate at the end", "in its ladder", "diverged"]
    return [Table("carry: envelopes over the rates, against steps", header, rows)]
