"""The study of branches: what its conditions add, its claims on planted losses, kinds of tokens."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import planted_parscale as planting
import pytest

from experiments.parscale import costs, model, published, token_kinds
from experiments.parscale.studies.branches import SWEPT, conditions
from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.disk import read_config
from jaxlab.report.claims import Verdict
from jaxlab.sweeps import on_disk, plan
from jaxlab.tasks.corpus import Corpus

BRANCHES = planting.CONFIGS / "branches.py"
BASE = planting.file_of("branches").get_config()
BASE.start.study = ""
KNOWN = dict(configs.leaves(BASE))
OVERRIDES = {name: configs.override(BASE, own) for name, own in conditions(BASE).items()}


def name_of(config):
    """Returns the condition that a config belongs to."""
    own = dict(configs.leaves(config))
    (name,) = (
        name
        for name, change in conditions(BASE).items()
        if all(own[key] == {**KNOWN, **change}[key] for key in SWEPT)
    )
    return name


def planted(losses, **options):
    """Returns a study whose conditions end at these losses, the others at 2."""
    return planting.planted("branches", lambda config, N: losses.get(name_of(config), 2), **options)


def added(name):
    found = model.info(OVERRIDES[name], model.streams(OVERRIDES[name]))
    return found["added_parameters"], found["parameters"] - found["added_parameters"]


def test_a_stream_adds_under_three_percent_and_under_one_with_the_plain_mean():
    for name, count, most in (("two", 2, 3), ("four", 4, 3), ("eight", 8, 3), ("mean", 4, 1)):
        more, alone = added(name)
        assert alone == 468_352
        assert 100 * more / count / alone < most
    assert added("four")[0] == 28_996
    assert added("adapter")[0] == pytest.approx(added("four")[0], rel=0.02)
    assert added("bias") == added("short")
    # Without what mixes, LoRA of rank 2 has as many parameters as a prefix, to a fifth.
    assert added("lora")[0] - added("four")[0] == -4 * 576


def test_the_predictions_are_those_of_the_published_losses():
    expected = {
        "logarithm": {2: 3.0, 4: 5.4, 8: 7.3},
        "additive": {4: 1.1},
        "correlation": {4: 5.9},
    }
    N = 468_352
    for law, gains in expected.items():
        found = published.fit("stack_v2_python", law)
        for count, gain in gains.items():
            alone = found.predict(N, 1)
            several = found.predict(N, count)
            if law == "logarithm":  # with the k of both corpora
                several = found.predict(N * (0.36 * math.log(count) + 1), 1)
            assert 100 * (1 - several / alone) == pytest.approx(gain, abs=0.15)


def test_planted_gains_come_back_with_their_verdicts():
    losses = {"one": 2.02, "two": 1.99, "four": 1.98, "eight": 1.97, "adapter": 1.96, "tokens": 1.9}
    found = planting.results(planted(losses))
    for id, gain, verdict in (
        ("gain_4", 1.0, Verdict.SUPPORTED),
        ("step_8", 100 * 0.01 / 1.98, Verdict.SUPPORTED),
        ("prefix", 100 * 0.02 / 2.02, Verdict.NOT_SUPPORTED),
        ("adapter", -100 * 0.02 / 1.96, Verdict.NOT_SUPPORTED),
        ("tokens", 100 * 0.08 / 1.98, Verdict.SUPPORTED),
        ("identical", 0.0, Verdict.SUPPORTED),
        ("law_4", 1.0 / 5.4, Verdict.NOT_SUPPORTED),
        ("additive_4", 1.0 / 1.1, Verdict.SUPPORTED),
        ("alone_4", 1.5, Verdict.NOT_SUPPORTED),
    ):
        result = found[f"branches_{id}"]
        assert result.estimate.value == pytest.approx(gain, abs=0.02), id
        assert result.verdict is verdict, id
    # A stream of 2.03 nats, E = 1 and rho = 0.9: averaging four takes off a fortieth of 3 * 1.03.
    ratio = found["branches_average_4"].estimate.value
    assert ratio == pytest.approx(0.02 / (1.03 * 0.75 * 0.1), rel=0.02)
    assert found["branches_error_prefix"].verdict is Verdict.SUPPORTED


def test_noise_leaves_claims_undecided_and_fewer_conditions_leave_them_unmeasured():
    noisy = planting.results(planted({}, noise=5e-3))
    assert noisy["branches_gain_4"].verdict is Verdict.UNDECIDED
    assert noisy["branches_error_prefix"].verdict is Verdict.NOT_SUPPORTED
    few = planting.results(planted({}, keep=lambda config: config.streams.count < 4))
    assert "not one a seed" in few["branches_gain_4"].reason
    assert few["branches_gain_2"].is_measured


def test_where_the_gain_is_comes_back():
    study = planted({"four": 1.98})
    four_M = study.data["streams.count"].values == 4
    study.data["eval_nats_copied"].values[four_M] *= 0.99
    study.data["eval_nats_part_1"].values[four_M] *= 0.9
    found = planting.results(study)
    assert found["branches_more_copied"].estimate.value == pytest.approx(0.99, abs=0.02)
    assert found["branches_more_late"].estimate.value == pytest.approx(0, abs=0.02)
    # One of 16 parts gains a tenth: the jackknife gives the standard error of a mean of 16.
    error = np.std([0.1 * 0.99] + [0.0] * 15, ddof=1) / 4
    assert f"documents {100 * error:.3f} %" in found["branches_gain_4"].estimate.detail


def test_kinds_of_tokens_are_what_they_say():
    pieces = tuple(bytes([byte]) for byte in b"ab(c")
    text = Corpus(np.array([0, 2, 1, 0, 2, 1, 3, 0], np.uint8), np.array([0, 6]), "", {}, pieces)
    tables = token_kinds.tables(text, text, np.array([0, 6]))
    assert tables["word_V"].tolist() == [True, True, False, True]
    assert tables["quarter_V"].tolist() == [0, 1, 2, 3]  # a 3, b 2, ( 2, c 1 of 8
    assert tables["part_R"].tolist() == [0, 8]
    tokens_1xT = text.tokens_N[None, :-1].astype(np.int32)
    targets_1xT = text.tokens_N[None, 1:].astype(np.int32)
    found = token_kinds.kinds(tables, np.array([1]), tokens_1xT, targets_1xT)
    named = [
        next(kind for kind in token_kinds.COPIES if found[kind][0, t])
        for t in range(targets_1xT.shape[1])
    ]
    # (ab( stands for text "a ( b a ( b c a": b after ( is copied the second time.
    assert named == ["other", "new", "repeated", "other", "copied", "new", "repeated"]
    for kinds in (token_kinds.FREQUENCY, token_kinds.POSITION, token_kinds.DOCUMENTS):
        assert (sum(np.asarray(found[kind], int) for kind in kinds) == 1).all()
    assert np.asarray(found["part_9"]).all()


def test_the_large_size_says_what_it_costs_and_lowers_for_cuda_and_tpu():
    large = configs.override(planting.file_of("branches").get_config("large"), {"start.study": ""})
    line = costs.outline(configs.override(large, {"streams.count": 4}))
    assert line.startswith("181,200,900 parameters, 4.1e+17 FLOPs and about ")
    assert line.endswith("gain: 0.032 % over one stream and 0.015 % over the prefix control")
    whole = model.streams(configs.override(large, {"streams.count": 2}))
    # A matrix costs 6 FLOPs a token and stream, and 2 more with rematerialisation.
    rows = costs.flops_of_token(whole, 1) / (8 * 2 * 176_000_000)
    assert rows == pytest.approx(1.0, rel=0.05)
    params = jax.eval_shape(whole.init, jax.ShapeDtypeStruct((), jax.random.key(0).dtype))
    tokens_BxT = jax.ShapeDtypeStruct((16, 256), np.int32)

    def loss(params, tokens_BxT):
        return jnp.mean(whole.apply(params, tokens_BxT))

    traced = jax.jit(jax.grad(loss)).trace(params, tokens_BxT)
    assert "stablehlo" in traced.lower(lowering_platforms=("cuda", "tpu")).as_text()


@pytest.mark.parametrize("size", ["default", "prose", "large", "tiny"])
def test_branches_go_on_where_the_trunk_of_their_size_stops(size):
    trunk, own = (planting.file_of(name).get_config(size) for name in ("trunk", "branches"))
    assert own.task.first_step == trunk.train.steps
    same = ("task.dataset", "task.vocabulary", "task.length", "train.batch_size", "model.layers")
    assert [configs.get(own, key) for key in same] == [configs.get(trunk, key) for key in same]


def test_conditions_are_added_to_a_study_as_seeds_are(tmp_path):
    for names, seeds in ((("one", "prefix"), 1), (("two",), 2)):
        flags = {"start.study": "", "conditions": names, "seeds": seeds}
        on_disk.prepare_study(tmp_path, plan.load(f"{BRANCHES}:tiny", flags))
    config, members = read_config(tmp_path)
    assert config.conditions == ("one", "prefix", "two")
    assert len(members) == 4
    with pytest.raises(ConfigError, match=r"train\.steps"):
        on_disk.prepare_study(
            tmp_path, plan.load(f"{BRANCHES}:tiny", {"start.study": "", "train.steps": 5})
        )
