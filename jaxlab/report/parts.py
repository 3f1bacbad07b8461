"""The parts of an experiment's report, one module each: their claims, figures, tables and answer.

The part of a study has the name of its config file and holds `EXPECTED` (sentences and ranges,
written before the study runs), `PINNED` (the values that the sentences speak of), `measure(study)`,
`figures(study)` and `tables(study)`. A part that needs no run has the same functions without an
argument, and no `PINNED`. A claim is measured only on a study that is what its sentence says, and
that is finished; otherwise it says why it is not.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Claim, Verdict, format_estimate
from jaxlab.report.expected import Expected, Measured, Unmeasured, unfit
from jaxlab.report.figures import Figure
from jaxlab.report.forest import forest
from jaxlab.report.page import Table


@dataclass(frozen=True)
class Parts:
    """The parts of one experiment.

    Attributes:
      package: where their modules are, such as "experiments.one_third.studies".
      studies: the names of those with runs, in the order of the report.
      without_runs: the names of those without, each with the study beside which it is reported.
      provenance: what the claims of a study say of their numbers beyond study and config.
    """

    package: str
    studies: Sequence[str]
    without_runs: Mapping[str, str]
    provenance: Callable[[ModuleType, Study], Mapping[str, object]] = lambda module, study: {}

    def part(self, name: str) -> ModuleType:
        """Returns the module of this name; parts that are not asked for are not loaded."""
        return importlib.import_module(f"{self.package}.{name}")

    def expected(self, studies: Mapping[str, Study]) -> dict[str, Expected]:
        """Returns the claims of the studies at hand before their measurement, by id."""
        calls = self._calls(studies)
        return {claim: known for part, _ in calls for claim, known in part.EXPECTED.items()}

    def claims(self, studies: Mapping[str, Study]) -> list[Claim]:
        """Returns the claims that the studies at hand can answer, and those beside them.

        Raises:
          KeyError: a part whose measurements are not those of its EXPECTED.
        """
        found = []
        for module, study in self._calls(studies):
            provenance: dict[str, object] = {"study": module.__name__.rpartition(".")[2]}
            if study is not None:
                hashes = (run.environment["config_hash"] for run in study.runs)
                provenance["config_hash"] = " ".join(hashes)
                provenance |= self.provenance(module, study)
            found += _claims(module, _measure(module, study), provenance)
        return found

    def drawn(self, studies: Mapping[str, Study]) -> tuple[list[Figure], list[Table]]:
        """Returns figures and tables of the parts; what could not be drawn is the last table."""
        figures, tables, missing = [], [], []
        for module, study in self._calls(studies):
            for make, made in ((module.figures, figures), (module.tables, tables)):
                try:
                    made += make() if study is None else make(study)
                except ValueError as error:  # such as a diverged member
                    name = module.__name__.rpartition(".")[2]
                    missing.append([name, make.__name__, str(error)])
        if missing:
            caption = "What could not be drawn, and why"
            tables.append(Table(caption, ["study", "part", "why"], missing))
        return figures, tables

    def _calls(self, studies: Mapping[str, Study]) -> list[tuple[ModuleType, Study | None]]:
        with_runs = [(self.part(name), studies[name]) for name in self.studies if name in studies]
        beside = [
            (self.part(n), None) for n, study in self.without_runs.items() if study in studies
        ]
        return [*with_runs, *beside]


def overview(
    claims: Sequence[Claim],
    expected: Mapping[str, Expected],
    headings: Mapping[str, str],
    *,
    name: str,
    title: str,
    caption: str,
    reference: float,
    reference_label: str,
    quantity: str,
) -> list[Figure]:
    """Draws every claim that asks for it on one axis of one figure; none where no claim asks.

    Args:
      claims: those measured, and `expected` the same beforehand, by id.
      expected: see `claims`.
      headings: `Expected.group` to its heading, from top to bottom.
      name, title, caption: as in `Figure`.
      reference, reference_label, quantity: as in `jaxlab.report.forest.forest`.
    """
    groups = {
        heading: [
            (expected[claim.id].short or claim.id, claim)
            for claim in claims
            if expected[claim.id].in_overview and expected[claim.id].group == group
        ]
        for group, heading in headings.items()
    }
    groups = {heading: rows for heading, rows in groups.items() if rows}
    if not groups:
        return []
    drawn = forest(groups, reference=reference, reference_label=reference_label, quantity=quantity)
    return [Figure(name, title, caption, drawn)]


def answer(claims: Sequence[Claim], sentences: Sequence[tuple[str, str]]) -> str:
    """Returns the answer in one paragraph, every number and verdict of it from the claims.

    Args:
      claims: in any order; the counts of their verdicts end the paragraph.
      sentences: id of a claim, and a sentence with {} for its number; of claims at hand alone. One
        that begins in lower case goes on with the sentence before.
    """
    by_id = {claim.id: claim for claim in claims}
    said = []
    for name, text in sentences:
        claim = by_id.get(name)
        if claim is None:
            continue
        number = format_estimate(claim.measured, claim.low, claim.high)
        said.append(f"{text.format(number)} ({claim.verdict})")
    counts = Counter(claim.verdict for claim in claims)
    total = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    text = ""
    for sentence in [*said, f"Of {len(claims)} claims: {total}."]:
        mark = "; " if sentence[0].islower() else ". "
        text += mark * bool(text) + sentence
    return text


def _measure(module: ModuleType, study: Study | None) -> dict[str, Measured | Unmeasured]:
    if study is None:
        return module.measure()
    reason = unfit(study, module.PINNED)
    if not reason:
        try:
            return module.measure(study)
        except ValueError as error:  # such as a diverged member, or too few records
            reason = str(error)
    return dict.fromkeys(module.EXPECTED, Unmeasured(reason))


def _claims(module: ModuleType, found: Mapping, provenance: Mapping) -> list[Claim]:
    if set(found) != set(module.EXPECTED):
        wrong = sorted(set(found) ^ set(module.EXPECTED))
        raise KeyError(f"{module.__name__}: measured and expected claims differ in {wrong}")
    return [_claim(name, known, found[name], provenance) for name, known in module.EXPECTED.items()]


def _claim(
    name: str, known: Expected, measured: Measured | Unmeasured, provenance: Mapping
) -> Claim:
    if isinstance(measured, Unmeasured):
        measured = Measured(Interval(np.nan, np.nan, np.nan, 0, 0.95), measured.reason)
    interval = measured.interval
    return Claim(
        id=name,
        claim=known.claim,
        source=known.source,
        published=known.published,
        expected=known.range,
        measured=interval.value,
        # One seed has no interval; what is exact has no seeds and needs none.
        low=interval.low if interval.seeds != 1 else np.nan,
        high=interval.high if interval.seeds != 1 else np.nan,
        seeds=interval.seeds,
        control=known.control,
        detail=measured.detail,
        provenance=provenance,
    )
