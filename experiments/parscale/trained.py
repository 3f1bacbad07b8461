"""Language models to be used: members of finished runs, and released models."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from experiments.parscale import released as released_config
from experiments.parscale.model import streams
from jaxlab import config as configs
from jaxlab.analysis.study import find_runs
from jaxlab.checkpoints import open_checkpoint, released
from jaxlab.config import Config, check
from jaxlab.tasks import corpus, released_tokenizer, tokenizer


class Trained(NamedTuple):
    """A language model, and what it was trained with."""

    config: Config
    params: Any
    tokenizer_hash: str  # of the tokens of a run; "" for bytes
    released: dict[str, Any] | None  # the config.json of the released model, or of the run's start
    dtype: str  # of the tensors when it is released; "" as they are


def load(folder: Path, number: int, step: int | None = None) -> Trained:
    """Reads a member of a finished run, or a released model.

    step: which of a run's saved steps; the last one by default.

    Raises:
        ValueError: there is no such run, member or model, the run is not finished or diverged, is
            of no language model, or something is damaged.
    """
    if released.is_released(folder):
        model = released.open_model(folder)
        config = released_config.get_config(str(folder))
        config.task.tokenizer = str(folder)
        config.task.length = model.config.get("max_position_embeddings", config.task.length)
        return Trained(config, model.params(), "", model.config, "")
    runs = find_runs(folder, with_metrics=False)
    run = runs[0]
    check(len(runs) == 1, f"{folder} holds {len(runs)} runs: give one of them, as {run.folder}")
    what = (run.config.experiment, run.config.task.get("name"))
    check(
        what == ("parscale", "text"),
        f"{folder} is a run of {'/'.join(map(str, what))}, no language model: give one of "
        "parscale/text",
    )
    if run.done is None:
        raise configs.ConfigError(f"{folder} is not finished: give its command again to go on")
    size = len(run.members)
    check(0 <= number < size, f"{folder} has no member {number}: it has 0 to {size - 1}")
    at = run.done["diverged"].get(str(number))
    check(at is None, f"member {number} of {folder} diverged at step {at}: take another one")
    params = open_checkpoint(run.folder, step).tree("params")
    config = configs.override(run.config, run.members[number])
    own = jax.tree.map(lambda leaf: leaf[number], params)
    data = run.environment["data"]
    start = data.get("start", {}).get("config")
    dtype = (start or {}).get("torch_dtype") or (start or {}).get("dtype", "float32")
    return Trained(config, own, data["train"].get("tokenizer_hash", ""), start, dtype)


def codec(trained: Trained) -> tuple[Callable, Callable]:
    """Returns what makes tokens of bytes, and bytes of tokens, as the model had it.

    Raises:
        ValueError: its text or its tokenizer.json is not here, or is another one now.
    """
    task = trained.config.task
    folder = task.get("tokenizer", "")  # older runs have none
    if folder:
        own = released_tokenizer.load(folder, task.vocabulary)
    elif not trained.tokenizer_hash:
        return list, bytes
    else:
        documents = corpus.load_bytes(task.dataset, "train", task.data_dir).documents()
        own = tokenizer.load(documents, task.vocabulary, Path(task.data_dir, "tokens"))
    check(
        trained.tokenizer_hash in ("", own.hash),
        f"{folder or f'{task.dataset} under {task.data_dir}'} is not the text of the run: its "
        "tokens are others",
    )
    return own.encode, own.decode


def export(trained: Trained, to: Path) -> int:
    """Writes a model as a released one, in the type that config.json names.

    One that started from a released model keeps its config.json, and its tokenizer.json where that
    is still there; any other gets the layout of its architecture.

    Returns:
        How many tensors were written.

    Raises:
        ValueError: the folder exists, or the model fits no released layout.
    """
    model, config = streams(trained.config), trained.config
    described = released.describe(model, config.streams.smoothing, trained.released)
    number = released.write_model(model, trained.params, described, to, trained.dtype)
    folder = config.task.get("tokenizer", "")
    source = Path(folder, released_tokenizer.FILE).expanduser()
    if folder and source.is_file():
        shutil.copy(source, to / source.name)
    return number
