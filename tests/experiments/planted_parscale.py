"""Studies of the ParScale experiment with the members of their files, and losses that are known."""

from pathlib import Path

import numpy as np

from experiments.parscale import model
from experiments.parscale.token_kinds import COPIES, DOCUMENTS, FREQUENCY, POSITION
from jaxlab import config as configs
from jaxlab import study_file
from jaxlab.analysis.record import RunRecord
from jaxlab.analysis.study import Study, load
from jaxlab.report.measure import measure_claims

CONFIGS = Path(__file__).parents[2] / "configs" / "parscale"
E, A, ALPHA = 1.0, 2e4, 0.3  # of the planted law


def law(N, count, k, floor=E):
    return floor + (A / (N * (k * np.log(count) + 1))) ** ALPHA


def file_of(name):
    return study_file.read(CONFIGS / f"{name}.py")


def results(study):
    """Returns what the claims of the study's file say, by their ids."""
    return {result.claim.id: result for result in measure_claims(study, file_of(study.name))}


def planted(name, loss_of, *, rho=0.9, noise=1e-4, keep=lambda config: True, **overrides):
    """Returns a study with a run for each cell of its file.

    `loss_of` takes the config of a cell and its N, and returns the loss at evenly spaced
    evaluations, the last of which may be the only one. Each seed has a factor of its own, which all
    cells share, and `noise` is what they do not share. `keep` says which cells there are.
    """
    file, members = file_of(name), []
    base = configs.override(file.get_config(None), overrides)
    file.sweep(lambda **member: members.append(member), base)
    seeds = sorted({member.pop("seed") for member in members})
    cells = [member for number, member in enumerate(members) if member not in members[:number]]
    random = np.random.default_rng(0)
    factor_S = 1 + 0.01 * random.normal(size=len(seeds))
    runs = []
    for cell in cells:
        config = configs.override(base, cell)
        if keep(config):
            sizes = configs.override(config, {"start.study": "", "start.frozen": False})
            info = model.info(sizes, model.streams(sizes))
            loss_R = np.atleast_1d(loss_of(config, info["parameters"]))
            deviation_SxR = noise * random.normal(size=(len(seeds), loss_R.size))
            loss_SxR = factor_S[:, None] * loss_R + deviation_SxR
            runs.append(run_of(len(runs), config, seeds, info, metrics_of(config, loss_SxR, rho)))
    return Study(name, base, runs, load(runs), f"configs/parscale/{name}.py")


def run_of(number, config, seeds, info, metrics):
    environment = {"config_hash": f"hash {number}", "device": "1 x cpu", "data": info}
    members = [{"seed": seed} for seed in seeds]
    done = {"wall_seconds": 1.0, "diverged": {}}
    return RunRecord(Path(f"run{number}"), config, members, environment, done, metrics)


def metrics_of(config, loss_SxR, rho):
    """Losses of streams and of their ensemble are such that Eq. 4 implies `rho`."""
    evaluations, count = loss_SxR.shape[1], config.streams.count
    first = 0 if evaluations > 1 else config.train.steps
    step_R = np.linspace(first, config.train.steps, evaluations).astype(int)
    stream_SxR = loss_SxR + 0.05 * (count > 1)
    metrics = {
        "step": step_R,
        "examples": step_R * config.train.batch_size,
        "tau": np.tile(step_R * config.optimizer.learning_rate, (len(loss_SxR), 1)),
        "eval_loss": loss_SxR,
        "eval_stream_loss": stream_SxR,
        "eval_ensemble_loss": E + (stream_SxR - E) * ((count - 1) * rho + 1) / count,
        "diverged_step": np.full_like(loss_SxR, -1.0),
    }
    if config.task.get("fixed_held_out"):
        for kinds in (FREQUENCY, POSITION, COPIES, DOCUMENTS):
            metrics |= {f"eval_nats_{kind}": loss_SxR / len(kinds) for kind in kinds}
    for k in range(1, config.task.get("swaps", 0) + 1):
        metrics |= {f"eval_loss_{k}": loss_SxR + 0.1 * k}
        metrics |= {f"eval_accuracy_{k}": np.ones_like(loss_SxR)}
    return metrics


def widths(k=0.36, prefix=0.0, floor=E, **options):
    """A grid whose losses follow the law; the prefix control has `prefix` of the loss less."""

    def loss_of(config, N):
        plain = (
            N - config.streams.lone * model.info(config, model.streams(config))["added_parameters"]
        )
        return law(plain, config.streams.count, k, floor) * (1 - prefix * config.streams.lone)

    return planted("widths", loss_of, **options)
