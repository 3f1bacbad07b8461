"""Studies of the ParScale experiment whose law, gains and correlations are known."""

from pathlib import Path

import numpy as np
import xarray as xr

from experiments.parscale import model, text
from jaxlab import config as configs
from jaxlab.analysis.study import RunRecord, Study
from jaxlab.sweeps import plan

CONFIGS = Path(__file__).parents[2] / "configs" / "parscale"
SEEDS = range(6)
E, A, ALPHA = 1.0, 2e4, 0.3  # of the planted law
STEPS = {"widths": 4000, "stage_one": 4000, "two_stage": 800, "frozen": 800}
STEPS |= {"controls": 2500, "variants": 1500}
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "python")


def parameters(width, count):
    """N of a cell and what its streams add."""
    added = 0 if count == 1 else count * (200 + width**2)
    return 24 * width**2 + added, added


def law(N, count, k, floor=E):
    return floor + (A / (N * (k * np.log(count) + 1))) ** ALPHA


def study(name, cells, *, rho=0.9, noise=1e-4, seeds=SEEDS, fixed=None, base=None):
    """Returns a study with a run for each cell.

    `cells` are (swept values, N, added, loss at the records); each seed has a factor of its own,
    which all cells share, and `noise` is what they do not share.
    """
    planned = {"study": name, "optimizer.learning_rate": 1e-2, "train.steps": STEPS[name]}
    base = base or configs.override(text.config(), planned | (fixed or {}))
    base.seeds = len(seeds)
    random = np.random.default_rng(0)
    factor_S = 1 + 0.01 * random.normal(size=len(seeds))
    runs, parts = [], []
    swept = {key for values, *_ in cells for key in values}
    for number, (values, N, added, loss) in enumerate(cells):
        config = configs.override(base, values)
        known = dict(configs.leaves(config))
        loss_R = np.atleast_1d(np.asarray(loss, float))
        loss_SxR = factor_S[:, None] * loss_R + noise * random.normal(
            size=(len(seeds), loss_R.size)
        )
        count = config.streams.count
        stream_SxR = loss_SxR + 0.05 * (count > 1)
        ensemble_SxR = E + (stream_SxR - E) * ((count - 1) * rho + 1) / count
        metrics = {
            "eval_loss": loss_SxR,
            "eval_stream_loss": stream_SxR,
            "eval_ensemble_loss": ensemble_SxR,
            "eval_weight_entropy": np.full_like(loss_SxR, np.log(count)),
            "eval_weight_min": np.full_like(loss_SxR, 1 / count),
            "diverged_step": np.full_like(loss_SxR, -1.0),
        }
        step_R = np.linspace(0, config.train.steps, loss_R.size).astype(int)
        coords = {key: [known[key]] * len(seeds) for key in swept}
        coords |= {"seed": list(seeds), "run": [f"run{number}"] * len(seeds)}
        parts.append(
            xr.Dataset(
                {key: (("member", "step"), value) for key, value in metrics.items()},
                coords={"step": step_R if loss_R.size > 1 else [config.train.steps]}
                | {key: ("member", value) for key, value in coords.items()},
            )
        )
        environment = {"config_hash": f"hash {number}", "device": "1 x cpu"}
        environment |= {"data": {"parameters": N, "added_parameters": added}}
        environment |= dict.fromkeys(PACKAGES, "1.0")
        members = [{"seed": seed} for seed in seeds]
        done = {"wall_seconds": 1.0, "diverged": {}}
        runs.append(RunRecord(Path(f"run{number}"), config, members, environment, done))
    data = xr.concat(parts, "member", join="outer", coords="different", compat="equals")
    return Study(name, base, runs, data)


def widths(k=0.35, lone=0.0, counts=(1, 2, 4, 8), sizes=(16, 24, 32, 48, 64), floor=E, **options):
    """A grid whose losses follow the law; one stream with a prefix has `lone` of the loss less."""
    cells = []
    for width in sizes:
        for count in counts:
            N, added = parameters(width, count)
            values = {"model.width": width, "streams.count": count, "streams.lone": False}
            cells.append((values, N, added, law(N, count, k, floor)))
        N, _ = parameters(width, 1)
        values = {"model.width": width, "streams.count": 1, "streams.lone": True}
        cells.append((values, N + 100, 100, law(N, 1, k, floor) * (1 - lone)))
    return study("widths", cells, **options)


def configured(name, loss_of, **options):
    """The cells of a config at their own sizes; `loss_of` takes the config of a cell and N."""
    second = name in ("two_stage", "frozen")
    start = {"start.study": "", "start.frozen": False} if second else {}  # no first stage ran
    sweep, cells = plan.load(str(CONFIGS / f"{name}.py"), start), []
    swept = {key for member in sweep.members for key in member} - {"seed"}
    for member in sweep.members:
        if member["seed"] != sweep.config.first_seed:
            continue
        values = {key: member[key] for key in swept}
        config = configs.override(sweep.config, values)
        info = model.info(config)
        N, added = info["parameters"], info["added_parameters"]
        cells.append((values, N, added, loss_of(config, N - added * config.streams.lone)))
    base = configs.override(sweep.config, {"start.frozen": name == "frozen"})
    return study(name, cells, base=base, **options)


def controls(losses, **options):
    """One width; `losses` by the names of the cells of the controls, or by learning rate too."""
    four = {"streams.count": 4}
    changes = {
        "plain": {},
        "prefix": {"streams.lone": True},
        "tied": four | {"streams.tied": True},
        "mean": four | {"streams.aggregation": "mean"},
        "streams": four,
        "tokens": {"train.steps": 10_000},
        "wider": {"model.hidden": 256},
    }
    default = {"streams.count": 1, "streams.lone": False, "streams.tied": False}
    default |= {"streams.aggregation": "learned", "train.steps": 2500, "model.hidden": 192}
    default |= {"optimizer.learning_rate": 1e-2}
    cells = []
    for name, loss in losses.items():
        by_rate = loss if isinstance(loss, dict) else {1e-2: loss}
        for rate, own in by_rate.items():
            values = default | changes[name] | {"optimizer.learning_rate": rate}
            cells.append((values, 1000, 0, own))
    return study("controls", cells, **options)


def variants(losses, aggregation="learned", **options):
    """Four streams that differ in one value; `losses` by (key, value), None as published."""
    default = {"streams.count": 4, "streams.aggregation": aggregation, "streams.prefix": 48}
    default |= {"streams.transform": "prefix", "streams.smoothing": 0.1, "streams.code": 0}
    cells = [
        (default | ({} if change is None else dict([change])), 1000, 100, loss)
        for change, loss in losses.items()
    ]
    return study("variants", cells, **options)


def two_stage(curves, **options):
    """Losses at the records by number of streams, "lone", or "mean" of four."""
    named = {"lone": {"streams.count": 1, "streams.lone": True}}
    named |= {"mean": {"streams.count": 4, "streams.aggregation": "mean"}}
    default = {"streams.lone": False, "streams.aggregation": "learned"}
    cells = [
        (default | named.get(name, {"streams.count": name}), 1000, 0, loss_R)
        for name, loss_R in curves.items()
    ]
    return study("two_stage", cells, **options)


def frozen(losses, slots=None):
    """Final losses by number of streams, and of one stream by `slots`, around a frozen decoder."""
    cells = [({"streams.count": n, "streams.prefix": 4}, 1000, 100 * n, losses[n]) for n in losses]
    for own, loss in (slots or {}).items():
        cells.append(({"streams.count": 1, "streams.prefix": own}, 1000, 25 * own, loss))
    fixed = {"start.frozen": True, "start.study": "runs/stage_one", "streams.lone": True}
    return study("frozen", cells, fixed=fixed)
