"""From studies to a page: each is asked its claims and drawn; a hypothesis adds its answer."""

from __future__ import annotations

import json
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from jaxlab import study_file
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.record import FOLDER, RunRecord, write_record
from jaxlab.analysis.study import Study
from jaxlab.disk import write_atomically
from jaxlab.report import generic, hypothesis
from jaxlab.report.claims import Claim, Kind, Result
from jaxlab.report.claims_file import write_claims
from jaxlab.report.figures import Figure, house_style, save_figures
from jaxlab.report.forest import forest
from jaxlab.report.hypothesis import Hypothesis
from jaxlab.report.markdown import results_page
from jaxlab.report.measure import measure_claims
from jaxlab.report.page import Run, Section, Table, write_report
from jaxlab.study_file import StudyFile

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "python")
ROOT = Path(__file__).parents[2]  # of the repository, where the files of studies are sought


@dataclass(frozen=True)
class Report:
    """What a report says, and where it was written.

    Attributes:
      page: the HTML file.
      sections: one per hypothesis, or the one study.
      problems: what failed, each a sentence; a report with problems is still written.
    """

    page: Path
    sections: list[Section]
    problems: list[str]


@dataclass
class Part:
    """What a report says of one study."""

    study: Study
    file: StudyFile | None
    results: list[Result]
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def write_study_report(studies: Mapping[str, Study], folder: Path, source: Path) -> Report:
    """Measures, draws and writes a report into a folder.

    It has `report.html`, `README.md`, `claims.json`, `summary.json` and `figures/`.

    Args:
        studies: by name, from `jaxlab.analysis.study.find_studies`.
        folder: made if it is missing. Claims that differ from those in it are kept beside them.
        source: where the studies were read. Where the report goes elsewhere, the record of the runs
            goes with it, so that it can be measured again without them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = [] if folder == source else _write_records(studies, folder / FOLDER)
    with house_style():
        parts = [_part(study) for study in studies.values()]
        by_experiment: dict[str, list[Part]] = {}
        for part in parts:
            by_experiment.setdefault(part.study.config.experiment, []).append(part)
        sections = [_section(name, own) for name, own in by_experiment.items()]
        results = [result for section in sections for result in section.results]
        write_claims(folder / "claims.json", results)
        drawn = [f for section in sections for f in (*section.overviews, *section.figures)]
        save_figures(folder / "figures", drawn)
        write_atomically(folder / "summary.json", _summary(sections))
        write_atomically(folder / "README.md", results_page(sections).encode())
        page = write_report(
            folder / "report.html",
            sections=sections,
            runs=[_run(run, part.study.name) for part in parts for run in part.study.runs],
        )
    problems = kept + [problem for part in parts for problem in part.problems]
    problems += [f"{r.claim.id}: {r.reason.strip()}" for r in results if r.failed]
    return Report(page, sections, problems)


def _write_records(studies: Mapping[str, Study], folder: Path) -> list[str]:
    """Writes the record of every study; returns a sentence for each that was left as it is."""
    kept = []
    for study in studies.values():
        path = folder / f"{study.name}.npz"
        if study.unfinished and path.exists():
            kept.append(f"{path} is left as it is: {study.unfinished[0]} is not finished")
            continue
        write_record(path, study.file, study.runs)
    return kept


def _part(study: Study) -> Part:
    file = _file(study)
    part = Part(study, file, measure_claims(study, file) if file else [])
    if not file and study.file:
        part.problems.append(
            f"{study.file}, the file of the study {study.name}, is not there: no claim was measured"
        )
    drawings = (generic.curves_figure, *(file.figures if file else ()))
    tables = (generic.cells_table, *(file.tables if file else ()))
    missing: list[list[str | float | None]] = []
    for make in drawings:
        part.figures += _made(make, Figure, study, part, missing)
    for make in tables:
        part.tables += _made(make, Table, study, part, missing)
    if missing:
        caption = f"{study.name}: what could not be shown, and why"
        part.tables.append(Table(caption, ["part", "why"], missing))
    return part


def _file(study: Study) -> StudyFile | None:
    for root in (Path.cwd(), ROOT):
        if study.file and (root / study.file).exists():
            return study_file.read(root / study.file)
    return None


def _made(make: Callable, kind: type, study: Study, part: Part, missing: list) -> list:
    """Returns what a function of a study makes, one or several; notes why where it makes none."""
    try:
        made = make(study)
    except NotMeasurable as error:
        missing.append([make.__name__, str(error)])
        return []
    except Exception as error:  # one broken figure must not cost the page; it is named
        missing.append([make.__name__, traceback.format_exc(limit=-3)])
        part.problems.append(f"{study.name}, {make.__name__}: {type(error).__name__}: {error}")
        return []
    found = [made] if isinstance(made, kind) else list(made)
    return [replace(each, study=study.name) for each in found]


def _section(experiment: str, parts: Sequence[Part]) -> Section:
    results = [result for part in parts for result in part.results]
    figures = [figure for part in parts for figure in part.figures]
    tables = [table for part in parts for table in part.tables]
    if len(parts) == 1:
        return _of_one_study(parts[0], results, figures, tables)
    words = hypothesis.find(experiment)
    findings = [r for r in results if r.is_measured and r.claim.kind is Kind.FINDING]
    by_id = {result.claim.id: result for result in results}
    highlights = [by_id[id] for id in words.highlights if id in by_id and by_id[id].is_measured]
    answer = list(words.answer({id: r for id, r in by_id.items() if r.is_measured}))
    highlights, answer = highlights or findings[:5], answer or _sentences(findings[:2])
    return Section(
        name=experiment,
        question=words.question,
        answer=answer,
        highlights=highlights,
        overviews=_overview(experiment, words, results),
        results=results,
        figures=figures,
        tables=tables,
        limits=words.limits,
    )


def _of_one_study(part: Part, results, figures, tables) -> Section:
    measured = [r for r in results if r.is_measured and r.claim.kind is not Kind.CHECK]
    return Section(
        name=part.study.name,
        question=part.file.question if part.file else part.study.name,
        answer=_sentences(measured[:2]),
        highlights=measured[:5],
        overviews=[],
        results=results,
        figures=figures,
        tables=tables,
        limits="",
    )


def _sentences(results: Sequence[Result]) -> list[str]:
    """Returns results as sentences, for studies of which no one has written an answer."""
    return [f"{r.claim.sentence}: {r.number} ({r.verdict})." for r in results]


def _overview(experiment: str, words: Hypothesis, results: Sequence[Result]) -> list[Figure]:
    def label(claim: Claim) -> str:
        return claim.label or claim.id

    groups = {
        heading: [(label(r.claim), r) for r in results if r.claim.heading == heading]
        for heading in words.headings
    }
    groups = {heading: rows for heading, rows in groups.items() if rows}
    if not groups:
        return []
    drawn = forest(
        groups,
        reference=words.reference,
        reference_label=words.reference_label,
        quantity=words.quantity,
    )
    caption = (
        "Each row is a claim: the measured value with its interval, over the range that was "
        "expected beforehand. The tables below have the sentences and their sources."
    )
    return [Figure(f"{experiment}_overview", "Overview of the claims", caption, drawn)]


def _summary(sections: Sequence[Section]) -> bytes:
    """Returns the question, answer and totals of each section, as JSON for other programs."""
    found = [
        {
            "name": section.name,
            "question": section.question,
            "answer": list(section.answer),
            "highlights": [result.claim.id for result in section.highlights],
            "totals": {
                kind.value: Counter(
                    r.verdict.value for r in section.results if r.claim.kind is kind
                )
                for kind in Kind
            },
        }
        for section in sections
    ]
    return (json.dumps(found, indent=2, ensure_ascii=False) + "\n").encode()


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
