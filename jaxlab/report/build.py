"""From studies to a page: every experiment adds a section, the runs behind it are named."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxlab.analysis.study import RunRecord, Study
from jaxlab.report.claims import Claim, write_claims
from jaxlab.report.figures import house_style, save_figures
from jaxlab.report.page import Run, write_report

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "python")


def write_study_report(studies: Mapping[str, Study], folder: Path) -> tuple[list[Claim], Path]:
    """Measures, draws and writes `claims.json`, `figures/` and `report.html` into a folder.

    Args:
        studies: by name, from `jaxlab.analysis.study.find_studies`.
        folder: made if it is missing. Claims that differ from those in it are kept beside them.

    Returns:
        The claims, and the path of the page.
    """
    names = dict.fromkeys(study.config.experiment for study in studies.values())
    with house_style():
        sections = [
            importlib.import_module(f"experiments.{name}.report").section(
                {n: study for n, study in studies.items() if study.config.experiment == name}
            )
            for name in names
        ]
        folder.mkdir(parents=True, exist_ok=True)
        claims = [claim for section in sections for claim in section.claims]
        figures = [figure for section in sections for figure in section.figures]
        overviews = [figure for section in sections for figure in section.overviews]
        write_claims(folder / "claims.json", claims)
        save_figures(folder / "figures", [*overviews, *figures])
        page = write_report(
            folder / "report.html",
            title=" ".join(section.title for section in sections),
            summary=" ".join(section.summary for section in sections),
            overviews=overviews,
            claims=claims,
            figures=figures,
            tables=[table for section in sections for table in section.tables],
            runs=[_run(run, study.name) for study in studies.values() for run in study.runs],
        )
    return claims, page


def _run(run: RunRecord, study: str) -> Run:
    environment, done = run.environment, run.done or {}
    seeds = {member.get("seed", run.config.seed) for member in run.members}
    return Run(
        name=f"{study}/{run.folder.name}" + ("" if run.done else " (not finished)"),
        config_hash=environment["config_hash"],
        members=len(run.members),
        seeds=len(seeds),
        devices=environment["device"],
        seconds=done.get("wall_seconds", np.nan),
        versions={name: environment[name] for name in PACKAGES},
        diverged=sorted(done.get("diverged", {}).items()),
    )
