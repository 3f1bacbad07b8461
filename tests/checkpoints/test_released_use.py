"""A released model in use: tokens, text, a second stage, other streams, and back."""

import argparse
import importlib.util
import json
from pathlib import Path

import jax
import numpy as np
import pytest
import released_models as reference
from released_models import QWEN2, parscale
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from experiments.parscale import model, released, trained
from experiments.parscale.revisions import points_of_revisions
from jaxlab import checkpoints
from jaxlab import config as configs
from jaxlab.analysis.series import read_table
from jaxlab.checkpoints.released import open_model
from jaxlab.config import ConfigError
from jaxlab.sweeps import local, plan
from jaxlab.tasks import corpus, released_tokenizer

SMALL = QWEN2 | {"vocab_size": 264, "torch_dtype": "bfloat16"}
SCRIPTS = Path(__file__).parents[2] / "scripts"


def script(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_tokenizer(folder):
    """A byte-level vocabulary: 256 bytes, two merges and a special token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("a", "b"), ("ab", "c")]
    vocabulary = {name: n for n, name in enumerate([*alphabet, "ab", "abc"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One stream, and two around the same decoder."""
    parent = tmp_path_factory.mktemp("models")
    tensors = reference.drawn(parscale(SMALL, 2))
    plain = {name: tensors[name] for name in reference.shapes(SMALL)}
    found = (
        reference.write(parent / "one", SMALL, plain),
        reference.write(parent / "two", parscale(SMALL, 2), tensors),
    )
    for folder in found:
        write_tokenizer(folder)
    for number in range(30):
        (parent / f"{number}.txt").write_text(f"abc ab {number} é\n" * 8)
    return found


def config_of(folder, **overrides):
    config = released.get_config(str(folder))
    small = {
        "task.dataset": f"files:{folder.parent}/*.txt",
        "task.data_dir": str(folder.parent),
        "task.length": 8,
        "train.steps": 2,
        "train.batch_size": 2,
        "records.every_steps": 2,
        "eval.batches": 1,
        "devices.mesh": (1, 1),
        "model.rematerialized": False,
    }
    return configs.override(config, small | overrides)


def test_tokens_are_those_of_the_model(folders):
    own = released_tokenizer.load(folders[0], 264)
    text = "abcab\té <|endoftext|>".encode()
    tokens = own.encode(text)
    assert own.decode(tokens) == text
    assert [own.pieces[token] for token in tokens[:2]] == [b"abc", b"ab"]
    assert own.pieces[tokens[-1]] == b"<|endoftext|>"
    assert own.pieces[259:] == [b""] * 5  # which the model has beyond its vocabulary
    read = corpus.load_tokens(
        f"files:{folders[0].parent}/*.txt", "train", folders[0].parent, 264, str(folders[0])
    )
    assert own.decode(read.tokens_N).startswith(b"abc ab ")
    assert read.info["tokenizer_hash"] == own.hash
    assert read.info["tokens_per_byte"] < 0.9


def test_a_tokenizer_that_does_not_fit_is_refused(folders, tmp_path):
    with pytest.raises(ValueError, match=r"cannot be read .it has 259 tokens, and its model 258"):
        released_tokenizer.load(folders[0], 258)
    with pytest.raises(ValueError, match=r"tokenizer\.json is missing"):
        released_tokenizer.load(tmp_path, 264)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="not byte-level"):
        released_tokenizer.load(tmp_path, 264)
    (tmp_path / "tokenizer.json").write_text('{"model": "ByteLevel"}')
    with pytest.raises(ValueError, match="cannot be read"):
        released_tokenizer.load(tmp_path, 264)


def test_a_second_stage_trains_and_its_streams_serve_the_released_decoder(folders, tmp_path):
    config = config_of(
        folders[0], **{"streams.count": 2, "streams.prefix": 3, "start.frozen": True}
    )
    sweep = plan.Sweep(config, [{"seed": 1}])
    assert set(local.run_sweep(sweep, tmp_path / "run", lambda *_: None).values()) == {"done"}
    (run,) = tmp_path.glob("run/*/checkpoints")
    back = tmp_path / "back"
    exported = trained.export(trained.load(run.parent, 0), back)
    assert json.loads((back / "config.json").read_text()) == parscale(SMALL, 2)
    assert (back / "tokenizer.json").read_bytes() == (folders[0] / "tokenizer.json").read_bytes()
    before, after = checkpoints.open(folders[0]).tensors, checkpoints.open(back).tensors
    assert exported == len(after) == len(before) + 2 * reference.LAYERS + 4
    for name, tensor in before.items():  # the decoder was frozen
        assert tensor.read().tobytes() == after[name].read().tobytes()

    text, numbers = "abc", [257]
    tensors = {name: tensor.read() for name, tensor in after.items()}
    for _ in range(2):  # NumPy writes on as the exported model should
        logits_TxV = reference.logits(parscale(SMALL, 2), tensors, np.array(numbers))
        numbers.append(int(np.argmax(logits_TxV[-1])))
    arguments = {"prompt": text, "prompt_file": None, "tokens": 2, "temperature": 0.0, "seed": 0}
    arguments |= {"member": 0, "streams_member": None, "run": folders[0], "streams": back}
    written = script("generate").write(argparse.Namespace(**arguments))
    expected = released_tokenizer.load(back, 264).decode(numbers)
    assert written == expected.decode(errors="replace")


def test_streams_start_from_the_model_that_has_them_or_are_drawn(folders):
    config = config_of(folders[1])
    assert (config.streams.count, config.start.streams) == (2, True)
    model.validate(config)
    loaded = model.start(config)
    expected = open_model(folders[1]).params("float32")
    jax.tree.map(np.testing.assert_array_equal, loaded, expected)
    drawn = config_of(folders[1], **{"streams.count": 4, "start.streams": False})
    model.validate(drawn)
    assert model.start(drawn).keys() == {"decoder"}
    info = model.info(drawn, model.streams(drawn))["start"]
    assert info["config"] == parscale(SMALL, 2)
    assert len(info["weights_hash"]) == 64


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"streams.count": 4}, "whose streams are 2 with prefixes of 3.*set start.streams=False"),
        ({"start.study": "runs"}, "there is no run in runs"),
        ({"model.heads": 2}, "another architecture: heads is 2 in the config and 4 there"),
        ({"model.epsilon": "1e-05"}, "epsilon is 1e-05 in the config and 1e-06 there"),
        ({"model.epsilon": "small"}, "could not convert"),
        ({"start.model": "nowhere"}, "start.model: there is no folder nowhere .*it needs config"),
        ({"start.model": ""}, "set start.model"),
        ({"task.vocabulary": 300}, "vocabulary is 300 in the config and 264 there"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(overrides, message, folders):
    with pytest.raises(ConfigError, match=message):
        model.validate(config_of(folders[1], **overrides))


def test_without_a_folder_the_config_says_what_it_needs(tmp_path):
    with pytest.raises(ConfigError, match=r"no folder FOLDER with a released model: it needs"):
        plan.load(released.__file__, {}, with_sweep=False)
    with pytest.raises(ConfigError, match=r"lacks config\.json"):
        plan.load(f"{released.__file__}:{tmp_path}", {}, with_sweep=False)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ValueError, match=r"lacks config\.json: it needs"):
        trained.load(tmp_path, 0)


def test_revisions_are_a_series(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    tensors = {}
    for step in (10, 2):
        tensors[step] = reference.drawn(SMALL)
        tensors[step]["model.norm.weight"] *= step
        write_tokenizer(
            reference.write(tmp_path / "m" / f"step{step}-tokens1B", SMALL, tensors[step])
        )
    command = ["m", f"--dataset=files:{folders[0].parent}/*.txt", "--length=8", "--batches=3"]
    command += ["--schedule=constant,peak=0.5,steps=10", "--json"]
    evaluate = script("evaluate_series")
    monkeypatch.setattr("sys.argv", ["evaluate_series", *command])
    assert evaluate.main() == 0, capsys.readouterr().err
    rows = read_table(tmp_path / "m" / "series.csv")
    assert [(row.series, row.step, row.tau) for row in rows] == [("m", 2, 1.0), ("m", 10, 5.0)]
    points = points_of_revisions(tmp_path / "m", 3, command[1].partition("=")[2], 8, None)
    for point, row in zip(points, rows, strict=True):
        losses = []
        for batch in point.batches:
            tokens_T, targets_T = (np.asarray(batch[k][0]) for k in ("tokens_BxT", "targets_BxT"))
            logits_TxV = reference.logits(SMALL, tensors[row.step], tokens_T).astype(np.float64)
            nats_T = np.log(np.exp(logits_TxV).sum(axis=1)) - logits_TxV[np.arange(8), targets_T]
            losses.append(nats_T.mean())
        assert row.loss == pytest.approx(np.mean(losses), rel=1e-4)
    (tmp_path / "m" / "step2b").symlink_to(tmp_path / "m" / "step2-tokens1B")
    assert evaluate.main() == 2
    assert "keep one" in capsys.readouterr().err
