"""Text from runs on disk: the right member, the right streams, and an answer to bad input."""

import argparse
import importlib.util
import json
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from experiments.parscale import model, text, trained
from jaxlab import config as configs
from jaxlab.disk import write_config
from jaxlab.tasks import corpus

SCRIPT = Path(__file__).parents[2] / "scripts" / "generate.py"
SPEC = importlib.util.spec_from_file_location("generate", SCRIPT)
generate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate)

MEMBERS, PROMPT, TOKENS = 2, "ab", 4


def config_of(count):
    return configs.override(
        text.config(),
        {
            "model.width": 8,
            "model.layers": 1,
            "model.heads": 2,
            "model.hidden": 8,
            "streams.count": count,
            "streams.prefix": 2,
            "task.length": 16,
        },
    )


def drawn(count, seed):
    """Parameters of all members, with which every member and number of streams writes its own."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(model.streams(config_of(count)).init, jax.random.key(0))
    return jax.tree.map(
        lambda leaf: rng.normal(size=(MEMBERS, *leaf.shape)).astype(np.float32), shapes
    )


def save(folder, config, params, diverged=None):
    """Writes what of a finished run is read."""
    folder.mkdir(parents=True)
    members = [{"seed": seed} for seed in range(MEMBERS)]
    write_config(folder, config, members)
    (folder / "metrics.jsonl").touch()
    contents = {
        "environment.json": {"data": {"train": {"tokenizer_hash": ""}}},
        "DONE": {"diverged": diverged or {}},
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    if params is not None:
        with ocp.CheckpointManager(folder / "checkpoints") as manager:
            items = ocp.args.Composite(params=ocp.args.StandardSave(params))
            manager.save(1, args=items)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A plain run, a set of two streams around its decoders, and one around others."""
    folder = tmp_path_factory.mktemp("runs")
    plain, two, other = drawn(1, 0), drawn(2, 1), drawn(2, 2)
    save(folder / "plain", config_of(1), plain)
    save(folder / "two", config_of(2), two | plain)
    save(folder / "other", config_of(2), other, diverged={"1": 7})
    return folder


def written(run, **changes):
    arguments = {
        "run": run,
        "prompt": PROMPT,
        "prompt_file": None,
        "tokens": TOKENS,
        "temperature": 0.0,
        "seed": 0,
        "member": 1,
        "streams": None,
        "streams_member": None,
    }
    return generate.write(argparse.Namespace(**arguments | changes))


def likeliest(count, params):
    """Returns the text that the forward pass finds the likeliest, byte by byte."""
    streams, tokens = model.streams(config_of(count)), np.zeros((1, 16), np.int32)
    own = jax.tree.map(lambda leaf: leaf[1], params)
    tokens[0, : len(PROMPT)] = list(PROMPT.encode())
    forward = jax.jit(streams.apply)
    for at in range(len(PROMPT), len(PROMPT) + TOKENS):
        tokens[0, at] = np.argmax(forward(own, tokens, 0.1)[0, at - 1])
    return bytes(tokens[0, : len(PROMPT) + TOKENS].tolist()).decode(errors="replace")


def test_streams_are_swapped_around_one_decoder_and_back(runs):
    plain, two = written(runs / "plain"), written(runs / "two")
    assert plain == likeliest(1, drawn(1, 0))
    assert two == likeliest(2, drawn(2, 1) | drawn(1, 0))
    assert written(runs / "plain", streams=runs / "two") == two != plain
    assert written(runs / "two", streams=runs / "plain") == plain


def test_the_prompt_may_lie_in_a_file_and_the_seed_decides_the_text(runs, tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text(PROMPT)
    drawn = {seed: written(runs / "two", temperature=2.0, seed=seed) for seed in (0, 1)}
    assert written(runs / "two", temperature=2.0, prompt_file=path) == drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("run", "changes", "message"),
    [
        ("nowhere", {}, "there is no run in .*nowhere"),
        ("", {}, "holds 3 runs: give one of them, as .*other"),
        ("plain", {"member": 2}, "has no member 2: it has 0 to 1"),
        ("other", {}, "member 1 of .*other diverged at step 7"),
        ("plain", {"tokens": 0}, "--tokens is 0"),
        ("plain", {"temperature": -1.0}, "--temperature is -1.0"),
        ("plain", {"prompt": ""}, "every prompt needs a token"),
        ("plain", {"streams": "two", "streams_member": 0}, "trained around another decoder"),
    ],
)
def test_bad_input_is_answered(runs, run, changes, message):
    if "streams" in changes:
        changes = changes | {"streams": runs / changes["streams"]}
    with pytest.raises(ValueError, match=message):
        written(runs / run, **changes)


def test_what_is_unfinished_or_no_language_model_is_refused(tmp_path):
    half = save(tmp_path / "half", config_of(1), None)
    (half / "DONE").unlink()
    with pytest.raises(ValueError, match="half is not finished: give its command again"):
        written(half)
    heads = config_of(1)
    heads.experiment, heads.task.name = "one_third", "teacher"
    with pytest.raises(ValueError, match="a run of one_third/teacher, no language model"):
        written(save(tmp_path / "heads", heads, None))


def test_tokens_are_those_that_the_run_learned(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"the cat {number} sat on the mat\n" * 20)
    task = {"dataset": f"files:{tmp_path}/*.txt", "vocabulary": 270, "data_dir": str(tmp_path)}
    config = configs.override(config_of(1), {f"task.{key}": value for key, value in task.items()})
    learned = corpus.load_tokens(task["dataset"], "train", tmp_path, 270).info["tokenizer_hash"]
    own = trained.Trained(config, None, learned, None, "")
    encode, decode = trained.codec(own)
    tokens = encode(b"the cat sat\n")
    assert decode(tokens) == b"the cat sat\n"
    assert len(tokens) < len(b"the cat sat\n")
    with pytest.raises(ValueError, match="is not the text of the run"):
        trained.codec(own._replace(tokenizer_hash="0"))
