"""Damages runs, config files and tables at random, kills training, and counts what comes of it.

    python tests/fuzz.py --damage=300 --stops=30 --configs=300 --tables=300 --kills=4

Every try ends as one of OUTCOMES. The last two must be 0; docs/robustness.md has the counts.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.one_third.build import build
from experiments.one_third.teacher import config as teacher_config
from jaxlab import config as configs
from jaxlab.analysis.curve_file import read_curves
from jaxlab.analysis.study import find_runs
from jaxlab.checkpoints import CheckpointError, open_checkpoint
from jaxlab.config import ConfigError
from jaxlab.sweeps import plan
from jaxlab.training import loop

OUTCOMES = ("the right numbers", "one clear error", "traceback", "silently wrong")
ROOT = Path(__file__).resolve().parents[1]
TINY = {
    "train.steps": 60,
    "train.batch_size": 32,
    "task.classes": 16,
    "task.features": 8,
    "records.every_steps": 10,
    "eval.batches": 1,
    "checkpoint.every_steps": 20,
}
MEMBERS = [{"seed": seed, "optimizer.learning_rate": 0.05} for seed in range(2)]
CONFIG = configs.override(teacher_config(), TINY)
FILE = """from experiments.one_third import teacher
from jaxlab.config import choose, override

def get_config(arg=None):
    config = teacher.config()
    config.optimizer.learning_rate = 0.1
    config.train.steps = 100
    config.seeds = 2
    return override(config, choose(arg, {"default": {}, "tiny": {"train.steps": 20}}))

def sweep(add, config):
    for seed in range(config.seeds):
        add(**{"seed": seed, "optimizer.learning_rate": 0.1 + seed})
"""
Try = Callable[[np.random.Generator, Path], str]


class Stop(Exception):  # noqa: N818
    """Ends training as a kill would."""


class Runs:
    """A straight run, and one that stopped after its second checkpoint, to copy and to damage."""

    def __init__(self, folder: Path):
        self.experiment = build(configs.split(CONFIG)[0])
        self.straight, self.half = folder / "straight", folder / "half"
        self.train(self.straight)
        with contextlib.suppress(Stop):
            self.train(self.half, stop_at=50)
        self.expected = self.numbers(self.straight)

    def train(self, folder: Path, stop_at: int = -1) -> None:
        """Trains the run, or goes on with it, up to the record of a step."""

        def stop(update: loop.Update) -> None:
            if update.loss is not None and update.step == stop_at:
                raise Stop

        loop.train(self.experiment, CONFIG, MEMBERS, folder, stop)

    def numbers(self, folder: Path) -> tuple[Any, ...]:
        """All that a run says: what it logged, of which members, and its last parameters."""
        (run,) = find_runs(folder)
        tensors = open_checkpoint(folder).tensors
        names = sorted(name for name in tensors if name.startswith("params/"))
        params = [(name, tensors[name].read().tobytes()) for name in names]
        logged = [(name, values.tobytes()) for name, values in sorted(run.metrics.items())]
        diverged = run.done["diverged"] if run.done else None
        return logged, run.members, run.config.to_dict(), diverged, params

    def of_damage(self, random: np.random.Generator, folder: Path) -> str:
        """Damages a file of a run, then reads it if it was finished and goes on with it if not."""
        half = bool(random.integers(2))
        shutil.copytree(self.half if half else self.straight, folder / "run")
        files = sorted(path for path in (folder / "run").rglob("*") if path.is_file())
        damage(files[random.integers(len(files))], random)
        if half:
            self.train(folder / "run")
        return self.judged(folder / "run")

    def of_stop(self, random: np.random.Generator, folder: Path) -> str:
        """Stops a run at random records, one after another, until it is finished."""
        for _ in range(random.integers(1, 4)):
            with contextlib.suppress(Stop):
                self.train(folder / "run", stop_at=10 * int(random.integers(0, 7)))
        self.train(folder / "run")
        return self.judged(folder / "run")

    def judged(self, folder: Path) -> str:
        """Whether the numbers of a run are those of the straight run; one that says that it is not
        finished may hold fewer.
        """
        found = self.numbers(folder)
        if found[3] is None:
            found = (*found[:3], self.expected[3], found[4])
        return OUTCOMES[0] if found == self.expected else OUTCOMES[3]


def damage(path: Path, random: np.random.Generator) -> None:
    """Cuts, changes, empties or deletes a file."""
    content = bytearray(path.read_bytes())
    kind = random.integers(5)
    if kind == 0 or not content:
        path.unlink()
        return
    at = int(random.integers(len(content)))
    if kind == 1:
        content = content[:at]
    elif kind == 2:
        content = bytearray()
    elif kind == 3:
        content[at] ^= 1 << int(random.integers(8))
    else:
        content[at : at + 16] = random.bytes(16)
    path.write_bytes(content)


def of_config(random: np.random.Generator, folder: Path) -> str:
    """Changes a config file and loads it: what is loaded has values that may train."""
    (folder / "study.py").write_text(FILE)
    lines = FILE.splitlines(keepends=True)
    at = int(random.integers(3, len(lines)))
    words = ["None", "3", "{}", "'x'", "[1]", "config", "1e99", "-1", "10**12", "lambda: 0", ""]
    word = words[random.integers(len(words))]
    kind = random.integers(3)
    if kind == 0:
        damage(folder / "study.py", random)
    elif kind == 1:
        del lines[at]
    else:
        parts = lines[at].rstrip().split(" ")
        parts[-1] = word
        lines[at] = " ".join(parts) + "\n"
    if kind:
        (folder / "study.py").write_text("".join(lines))
    plan.load(f"{folder / 'study.py'}", {})
    return OUTCOMES[0]


def of_table(random: np.random.Generator, folder: Path) -> str:
    """Changes a table whose losses follow from their steps; a curve that comes back has those."""
    step = np.arange(1, 41)
    rows = [f"{s},{100 + s}.25" for s in step]
    path = folder / "curve.csv"
    path.write_text("\n".join(["step,loss", *rows]) + "\n")
    kind = random.integers(4)
    at = int(random.integers(len(rows)))
    if kind == 0:
        damage(path, random)
        read_curves(path, time="step", losses="loss")  # a changed digit is a digit
        return OUTCOMES[0]
    cells = ["", "nan", "inf", "x", "1,5", "-", '"', "\x00", "#"]
    cell = cells[random.integers(len(cells))]
    rows[at] = {1: f"{step[at]},{cell}", 2: f"{cell},1.5", 3: f"{rows[at]},{cell}"}[int(kind)]
    path.write_text("\n".join(["step,loss", *rows]) + "\n")
    curves = read_curves(path, time="step", losses="loss")
    right = (curves.loss[0] == curves.time[0] + 100.25).all()
    return OUTCOMES[0] if right else OUTCOMES[3]


def of_kill(random: np.random.Generator, folder: Path) -> str:
    """Kills a sweep at a random moment, gives its command again, compares with a straight one."""
    (folder / "study.py").write_text(FILE)
    command = [sys.executable, "scripts/sweep.py", f"--config={folder / 'study.py'}"]
    results = []
    for name, kill in (("straight", False), ("killed", True)):
        own = [*command, f"--workdir={folder / name}"]
        if kill:
            with subprocess.Popen(
                own, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            ) as process:
                time.sleep(float(random.uniform(0, KILL_WITHIN)))
                process.send_signal(signal.SIGKILL)
        subprocess.run(own, cwd=ROOT, check=True, capture_output=True)
        results.append((folder / name / "all" / "metrics.jsonl").read_bytes())
    return OUTCOMES[0] if results[0] == results[1] else OUTCOMES[3]


KILL_WITHIN = 30.0  # seconds: about as long as the sweep takes on a busy machine


def fuzz(tries: dict[str, int], seed: int = 0) -> Iterator[tuple[str, Counter[str]]]:
    """Yields what came of every kind of try.

    tries: how many of damage, stops, configs, tables and kills.
    """
    with tempfile.TemporaryDirectory() as temporary:
        kinds: dict[str, Try] = {"configs": of_config, "tables": of_table, "kills": of_kill}
        if {"damage", "stops"} & tries.keys():
            runs = Runs(Path(temporary) / "runs")
            kinds |= {"damage": runs.of_damage, "stops": runs.of_stop}
        for name, count in tries.items():
            found: Counter[str] = Counter()
            for number in range(count):
                folder = Path(temporary) / name / str(number)
                folder.mkdir(parents=True)
                found[outcome(kinds[name], np.random.default_rng([seed, number]), folder)] += 1
                shutil.rmtree(folder)
            yield name, found


def outcome(kind: Try, random: np.random.Generator, folder: Path) -> str:
    """Returns what came of one try; a traceback and a wrong number are printed."""
    try:
        result = kind(random, folder)
    except (ConfigError, CheckpointError) as error:
        return OUTCOMES[1 if len(str(error)) < 1000 else 2]
    except (ValueError, OSError) as error:  # of the readers of tables: one line of their commands
        if kind is not of_table:
            traceback.print_exc()
            return OUTCOMES[2]
        return OUTCOMES[1 if "\n" not in str(error) else 2]
    except Exception:
        print(f"traceback: {folder}", file=sys.stderr)
        traceback.print_exc()
        return OUTCOMES[2]
    if result == OUTCOMES[3]:
        print(f"silently wrong: {folder}", file=sys.stderr)
    return result


def main() -> int:
    """Prints the table; returns 1 where there was a traceback or a wrong number."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("damage", "stops", "configs", "tables", "kills"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    args = vars(parser.parse_args())
    seed, bad = args.pop("seed"), 0
    print(f"| tried | tries | {' | '.join(OUTCOMES)} |\n|---|---|---|---|---|---|", flush=True)
    for name, found in fuzz({name: count for name, count in args.items() if count}, seed):
        counts = [found[each] for each in OUTCOMES]
        bad += sum(counts[2:])
        print(f"| {name} | {sum(counts)} | {' | '.join(map(str, counts))} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
