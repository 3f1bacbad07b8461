"""What the report of a hypothesis says beside the claims of its studies."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jaxlab.config import ConfigError
from jaxlab.report.claims import Result

Results = Mapping[str, Result]  # by the id of their claim, measured or not


@dataclass(frozen=True)
class System:
    """A system that the paper names, and what this project shows of it.

    Attributes:
      name: of the system, with its place in the paper where it has one.
      study: the stem of the study's file; empty where there is none.
      claim: the id of the claim that says most of it.
      lacking: what would convince more.
    """

    name: str
    study: str
    claim: str
    lacking: str


@dataclass(frozen=True)
class Hypothesis:
    """The words of a hypothesis; `experiments/X/report.py` holds it as `HYPOTHESIS`.

    Attributes:
      question: what its studies ask, one sentence.
      answer: results -> one to three plain sentences, from those results that were measured.
      highlights: ids of at most five claims that the first screen shows; of those measured.
      quantity: what the overview figure measures, below its axis.
      reference: the value of the law, a line through the overview.
      reference_label: its name in the legend.
      headings: of the overview's groups of claims, from top to bottom; see `Claim.heading`.
      limits: what the studies cannot say.
      systems: those of the paper, for docs/coverage.md.
    """

    question: str
    answer: Callable[[Results], Sequence[str]]
    highlights: tuple[str, ...]
    quantity: str
    reference: float
    reference_label: str
    headings: tuple[str, ...]
    limits: str = ""
    systems: tuple[System, ...] = ()


def find(experiment: str) -> Hypothesis:
    """Returns the hypothesis of an experiment, by the value of `experiment` in a config.

    Raises:
      ConfigError: when there is no such experiment.
    """
    name = f"experiments.{experiment}.report"
    try:
        return importlib.import_module(name).HYPOTHESIS
    except ModuleNotFoundError as error:
        if error.name not in (name, f"experiments.{experiment}"):
            raise
        raise ConfigError(
            f"there is no experiments/{experiment}/report.py, which says what it asks"
        ) from error
