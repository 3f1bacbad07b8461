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

import contextlib
import difflib
import importlib.util
import inspect
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from jaxlab.config import Config, ConfigError, base, check, leaves

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

    def config(self, size: str | None) -> Config:
        """Returns the config of a size.

        Raises:
          ConfigError: what `get_config` raised, or it is no config that could run.
        """
        with blamed(self.path, "get_config"):
            takes_size = bool(inspect.signature(self.get_config).parameters)
            check(takes_size or not size, f"{self.path} has no sizes: its get_config takes none")
            config = self.get_config(size) if takes_size else self.get_config()  # type: ignore[call-arg]
        check(
            isinstance(config, ConfigDict),
            f"{self.path}: get_config returns {type(config).__name__}, no ConfigDict: begin with "
            "the config() of an experiment or jaxlab.config.base()",
        )
        with blamed(self.path, "get_config"):
            config = ConfigDict(config.to_dict())
            check_form(config, self.path)
        config.study = self.name
        return config

    @property
    def name(self) -> str:
        """The name of the study: that of its file."""
        return self.path.stem

    @property
    def question(self) -> str:
        """The first line of the docstring."""
        return self.docstring.partition("\n")[0]


@contextlib.contextmanager
def blamed(path: Path, what: str) -> Iterator[None]:
    """Turns whatever the code of a config file raises into one ConfigError with its line.

    Args:
      path: of the config file.
      what: of it runs, such as "get_config".
    """
    try:
        yield
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename) == path.absolute()]
        if isinstance(error, SyntaxError):
            lines = [error.lineno]
        place = f", line {lines[-1]}" if lines else ""
        text = (str(error).splitlines() or [""])[0]
        raise ConfigError(f"{path}{place}: {what}: {type(error).__name__}: {text}") from error


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
    spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path.absolute())
    assert spec is not None  # the suffix decides
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with blamed(path, "it cannot be imported"):
        spec.loader.exec_module(module)
    found: dict[str, Any] = {name: vars(module).get(name) for name in NAMES}
    check(callable(found["get_config"]), f"{path} has no get_config(arg): it is no config file")
    for name in ("CLAIMS", "FIGURES", "TABLES"):
        check(
            isinstance(found[name], tuple | list | None),
            f"{path}: {name} is {type(found[name]).__name__}: make it a tuple",
        )
    check(
        found["sweep"] is None or callable(found["sweep"]),
        f"{path}: sweep is {type(found['sweep']).__name__}: make it a function of (add, config)",
    )
    return StudyFile(
        path=path,
        docstring=inspect.cleandoc(module.__doc__ or ""),
        get_config=found["get_config"],
        sweep=vars(module).get("sweep"),
        claims=tuple(found["CLAIMS"] or ()),
        figures=tuple(found["FIGURES"] or ()),
        tables=tuple(found["TABLES"] or ()),
    )


def check_form(config: Config, path: Path) -> None:
    """Raises ConfigError for a config that lacks a shared key or holds what JSON cannot."""
    values, shared = dict(leaves(config)), dict(leaves(base()))
    lacking = sorted(shared.keys() - values.keys())
    check(
        not lacking,
        f"{path}: the config lacks {', '.join(lacking[:3])}{' ...' * (len(lacking) > 3)}: begin "
        "with the config() of an experiment or jaxlab.config.base()",
    )
    sections = {key.partition(".")[0] for key in shared if "." in key} - {"eval"}  # has more keys
    for key, value in values.items():
        name = key.rpartition(".")[2]
        if key.partition(".")[0] in sections and key not in shared:
            close = difflib.get_close_matches(key, shared, n=1)
            hint = f": did you mean {close[0]}?" if close else ""
            raise ConfigError(f"{path}: nothing here reads {key}{hint}")
        check(name.isidentifier(), f"{path}: the config has the key {key!r}, which is no name")
        wrong = _not_plain(value)
        check(
            wrong is None,
            f"{path}: {key} holds {type(wrong).__name__} ({wrong!r}), which config.json cannot: "
            "give numbers, strings, booleans or tuples of them",
        )
        check(
            key not in shared or type(value) is type(shared[key]),
            f"{path}: {key} is {value!r}, no {type(shared.get(key)).__name__}",
        )


def _not_plain(value: Any) -> Any:
    """Returns the first part of a value that is no plain number, string, boolean or tuple."""
    if isinstance(value, tuple | list):
        return next((wrong for part in value if (wrong := _not_plain(part)) is not None), None)
    return None if value is None or type(value) in (bool, int, float, str) else value
