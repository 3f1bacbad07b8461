"""A study as the table that `scripts/fit_law.py` fits: parameters, streams and loss of a member."""

from __future__ import annotations

import csv
from pathlib import Path

from jaxlab import config as configs
from jaxlab.analysis.cells import final_metrics
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.study import Study, find_studies
from jaxlab.analysis.table_file import Row, TableFile
from jaxlab.config import ConfigError, check

COUNT = "streams.count"  # P; 1 where a study has no streams


def open_study(path: str, copy: str | None = None) -> TableFile:
    """Returns a row for each member of the studies in a folder, or in the record of a report.

    Beside `N_params`, `P` and `loss` it has `study`, `seed`, and all that a sweep varies, by dotted
    keys.

    Args:
      path: the folder.
      copy: a CSV file into which the rows are written.

    Raises:
      ConfigError: there is no study, a member diverged, or no parameters were recorded.
    """
    found = [row for study in find_studies(Path(path)).values() for row in _rows(study)]
    names = list(dict.fromkeys(key for row in found for key in row))
    cells = [[row.get(name, "") for name in names] for row in found]
    if copy:
        with open(copy, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([names, *cells])
    return TableFile(path, names, (Row(line, own) for line, own in enumerate(cells, 2)))


def _rows(study: Study) -> list[dict[str, str]]:
    try:
        data = final_metrics(study)
    except NotMeasurable as error:
        raise ConfigError(f"{study.name}: {error}: no table is made of it") from error
    known = dict(configs.leaves(study.config))
    keys = sorted(str(key) for key in data.coords if key in known and key != "seed")
    varied = [key for key in keys if len(set(data[key].values.tolist())) > 1]
    sizes = [run.environment["data"].get("parameters") for run in study.runs for _ in run.members]
    check(
        None not in sizes,
        f"{study.name} has not recorded the parameters of its models: studies of parscale do",
    )
    count_M = data[COUNT].values if COUNT in varied else [known.get(COUNT, 1)] * len(sizes)
    return [
        {
            "N_params": str(size),
            "P": str(count),
            "loss": str(float(data["eval_loss"][place])),
            "study": study.name,
            "seed": str(int(data["seed"][place])),
            **{key: str(data[key].values[place]) for key in varied},
        }
        for place, (size, count) in enumerate(zip(sizes, count_M, strict=True))
    ]
