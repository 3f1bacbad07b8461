"""The clean one third: SGD on hard labels, with the theory over it."""

from __future__ import annotations

import numpy as np

from experiments.one_third import measures
from experiments.one_third.drawing import TAU, fit_line, local_panel, window_table
from experiments.one_third.expected import PAPER, THIRD
from experiments.one_third.studies import SGD, TEACHER
from jaxlab.analysis.interval import Interval, exponent_interval, student_interval
from jaxlab.analysis.local_exponent import local_exponents
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "hard_labels_loss": Expected(
        "SGD on hard labels: the loss falls as τ^-1/3 once it has settled",
        f"{PAPER}, section 3; arXiv 2609.37745 measured 0.34",
        THIRD,
        (THIRD - 0.03, THIRD + 0.03),
        in_overview=True,
        short="SGD, hard labels",
    ),
    "hard_labels_scale": Expected(
        "The same runs: the logit scale grows as τ^1/3",
        f"{PAPER}, section 3; arXiv 2609.37745 measured 0.33",
        THIRD,
        (THIRD - 0.03, THIRD + 0.03),
        in_overview=True,
        short="SGD, hard labels: logit scale",
    ),
    "hard_labels_theory_loss": Expected(
        "The same runs: the loss is that of the aligned flow, which has no fitted constant (ratio)",
        f"{PAPER}, aligned-student ansatz; quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "hard_labels_theory_scale": Expected(
        "The same runs: the logit scale is that of the aligned flow (ratio)",
        f"{PAPER}, aligned-student ansatz; quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "hard_labels_gradient": Expected(
        "The same runs: the gradient along the teacher's direction, on a million fresh inputs, "
        "falls as τ^-2/3",
        f"{PAPER}, section 3: dL/dβ ~ β^-2 with β ~ τ^1/3",
        2 / 3,
        (2 / 3 - 0.04, 2 / 3 + 0.04),
    ),
}

GRADIENT, GRADIENT_WINDOW = "eval_gradient_radial", (3e3, 2e5)

PINNED = TEACHER | SGD | {"task.labels": "hard", "window": (1e4, 2e5)}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the exponents of loss and logit scale, and both over the aligned flow's."""
    loss = measures.exponent(study)
    scale = measures.exponent(study, measures.SCALE)
    beta_SxR, theory_SxR = measures.aligned_theory(study)
    tau_SxR, loss_SxR = measures.curves(study.data)
    scale_SxR = measures.curves(study.data, measures.SCALE).value_SxR
    low, high = study.config.window
    inside_R = (tau_SxR[0] >= low) & (tau_SxR[0] <= high)
    detail = "mean over the window; the interval covers that of the seeds at each of its records"
    third = "" if scale.low <= THIRD <= scale.high else "1/3 itself lies outside the interval; "
    flow = measures.slope(tau_SxR[0], beta_SxR.mean(axis=0), study.config.window)
    return {
        "hard_labels_loss": Measured(loss),
        "hard_labels_scale": Measured(
            scale, f"{third}the aligned flow has {flow:.4f} in this window"
        ),
        "hard_labels_theory_loss": Measured(
            _range_over_records((loss_SxR / theory_SxR)[:, inside_R]), detail
        ),
        "hard_labels_theory_scale": Measured(
            _range_over_records((scale_SxR / beta_SxR)[:, inside_R]), detail
        ),
        "hard_labels_gradient": _gradient(study),
    }


def _gradient(study: Study) -> Measured | Unmeasured:
    """The exponent of the gradient along the teacher's direction, beside the aligned flow's."""
    if GRADIENT not in study.data:
        return Unmeasured("the runs did not measure the gradient: set eval.channels = True")
    tau_SxR, gradient_SxR = measures.curves(study.data, GRADIENT)
    try:
        found = exponent_interval(tau_SxR, gradient_SxR, window=GRADIENT_WINDOW)
    except ValueError as error:  # a gradient of either sign is all noise
        return Unmeasured(str(error))
    beta_R = measures.aligned_theory(study)[0].mean(axis=0)
    flow = -measures.slope(tau_SxR[0], np.gradient(beta_R, tau_SxR[0]), GRADIENT_WINDOW)
    detail = (
        f"interval over seeds, τ in [3e3, 2e5], where the aligned flow has {flow:.3f}; means of "
        f"the windows: {found.window_low:.3f} to {found.window_high:.3f}"
    )
    return Measured(student_interval(found.windows[0].exponents), detail)


def _range_over_records(ratio_SxR: np.ndarray) -> Interval:
    """The mean over all; the ends envelop the Student intervals over seeds of all records."""
    records = [student_interval(ratio_S) for ratio_S in ratio_SxR.T]
    low, high = min(r.low for r in records), max(r.high for r in records)
    return Interval(float(ratio_SxR.mean()), low, high, len(ratio_SxR), 0.95)


def figures(study: Study) -> list[Figure]:
    """Returns loss and logit scale with the theory over them, and their local exponents."""
    tau_SxR, loss_SxR = measures.curves(study.data)
    scale_SxR = measures.curves(study.data, measures.SCALE).value_SxR
    beta_SxR, theory_SxR = measures.aligned_theory(study)
    tau_R = tau_SxR[0]
    figure, axes = panels(2, 2)
    for ax, measured_SxR, flow_SxR, name in (
        (axes[0], loss_SxR, theory_SxR, measures.LOSS),
        (axes[1], scale_SxR, beta_SxR, measures.SCALE),
    ):
        plots.loglog_curves(ax, tau_SxR, measured_SxR, labels=["seeds"] * len(measured_SxR))
        ax.plot(tau_R, flow_SxR.mean(axis=0), color="black", lw=1, ls=":", label="aligned flow")
        without = fit_line(ax, study, name)
        plots.legend(ax)
        ax.set_xlabel(TAU)
    axes[0].set_ylabel("cross-entropy, nats")
    axes[1].set_ylabel("logit scale β")
    for ax, name, flow_SxR, label in (
        (axes[2], measures.LOSS, theory_SxR, "loss"),
        (axes[3], measures.SCALE, 1 / beta_SxR, "logit scale"),
    ):
        left_out = local_panel(ax, study, name, label)
        late_R = tau_R >= tau_R[-1] / 1e3
        local = local_exponents(tau_R[late_R], flow_SxR.mean(axis=0)[late_R], per_decade=4)
        ax.plot(local.centre, local.exponent, color="black", lw=1, ls="--", label="aligned flow")
        plots.legend(ax)
    caption = (
        f"SGD at rate {study.config.optimizer.learning_rate:g} on hard labels, {len(loss_SxR)} "
        "seeds, each with its own teacher. The dotted line is the aligned flow of the theory for "
        "those teachers, on the same τ, without any fitted constant. Below: local exponents."
        f"{without}{left_out}"
    )
    return [Figure("hard_labels", "SGD on hard labels, with the theory over it", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the exponent of the loss in every window."""
    return [window_table(study)]
