"""The file of a study: one page of a lab book, read by training and by reports.

    \"\"\"Question, prediction, time, command.\"\"\"
    def get_config(arg=None): ...      # the config of a size
    def sweep(add, config): ...        # adds members; without it, the config is the only one
    CLAIMS = (Claim(...), ...)         # what the study claims
    FIGURES = (function, ...)          # each takes the study, returns a Figure
    TABLES = (function, ...)           # each takes the study, returns a Table

Only `get_config` is required.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxlab.config import Config, check

if TYPE_CHECKING:
    from jaxlab.analysis.study import Study
    from jaxlab.report.claims import Claim
    from jaxlab.report.figures import Figure
    from jaxlab.report.page import Table

Add = Callable[..., None]


@dataclass(frozen=True)
class StudyFile:
    """What a study's file defines.

    Attributes:
      path: the file.
      docstring: its question, prediction, time and command.
      get_config: size or None -> config.
      sweep: adds the members of a config; None where the config is the only member.
      claims, figures, tables: what a report shows beside what it shows of every study.
    """

    path: Path
    docstring: str
    get_config: Callable[[str | None], Config]
    sweep: Callable[[Add, Config], None] | None
    claims: tuple[Claim, ...] = ()
    figures: tuple[Callable[[Study], Figure], ...] = ()
    tables: tuple[Callable[[Study], Table], ...] = ()

    @property
    def name(self) -> str:
        """The name of the study: that of its file."""
        return self.path.stem

    @property
    def question(self) -> str:
        """The first line of the docstring."""
        return self.docstring.partition("\n")[0]


NAMES = ("get_config", "sweep", "CLAIMS", "FIGURES", "TABLES")


def read(path: Path) -> StudyFile:
    """Imports the file of a study.

    Raises:
      ConfigError: for a file that is missing, or has no `get_config`.
    """
    check(path.exists(), f"there is no config file {path}, seen from {Path.cwd()}")
    check(
        path.suffix == ".py" and path.is_file(),
        f"{path} is no config file: give a .py file, such as configs/one_third/headline.py",
    )
    spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path)
    assert spec is not None  # the suffix decides
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Any] = {name: vars(module).get(name) for name in NAMES}
    check(callable(found["get_config"]), f"{path} has no get_config(arg): it is no config file")
    return StudyFile(
        path=path,
        docstring=inspect.cleandoc(module.__doc__ or ""),
        get_config=found["get_config"],
        sweep=found["sweep"],
        claims=tuple(found["CLAIMS"] or ()),
        figures=tuple(found["FIGURES"] or ()),
        tables=tuple(found["TABLES"] or ()),
    )
