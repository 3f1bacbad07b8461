"""The measurements of decoding: their shapes, their sizes, and the answer to bad input."""

import argparse
import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest

from experiments.parscale import decoding_cost, text
from jaxlab import config as configs
from jaxlab.analysis import inference_cost

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"
SPEC = importlib.util.spec_from_file_location("benchmark", SCRIPT)
benchmark = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(benchmark)

TINY = {
    "model.width": 16,
    "model.layers": 1,
    "model.heads": 2,
    "model.kv_heads": 1,
    "model.hidden": 8,
    "model.scanned": True,
    "streams.prefix": 3,
}


def config_of(count):
    return configs.override(text.config(), TINY | {"streams.count": count})


def arguments(**changes):
    values = {"batch": "2", "prompt": 4, "tokens": 3, "json": None}
    return argparse.Namespace(**values | changes)


def test_every_number_of_streams_is_measured_beside_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(decoding_cost, "ROUNDS", 2)
    path = tmp_path / "costs.json"
    benchmark.decode([config_of(2)] * 2 + [config_of(1)], arguments(json=path))
    written = json.loads(path.read_text())
    assert (written["prompt"], written["tokens"]) == (4, 3)
    one, two, wider = written["costs"]
    assert (wider["width"], wider["streams"], wider["kind"]) == (16, 1, "wider")
    assert [cost["streams"] for cost in (one, two)] == [1, 2]
    for cost, slots in ((one, 0), (two, 3)):
        rows = cost["streams"] * 2
        assert cost["cache_bytes"] == 2 * 4 * rows * (slots + 4 + 2) * 8  # the last is not read
        assert cost["peak_bytes"] > cost["cache_bytes"] + 4 * 256 * 16
        assert cost["prefill_seconds"] > 0
    for name in ("total_ratio", "peak_ratio", "modelled_total_ratio", "modelled_bytes_ratio"):
        assert one[name] == 1
    assert two["peak_ratio"] == two["peak_bytes"] / one["peak_bytes"]
    size = inference_cost.Decoder(16, 8, 1, 2, 1, 256, 3)
    gib = inference_cost.memory_gib(size, P=2, batch=2, tokens_in=4, tokens_out=3)
    assert two["modelled_bytes"] == pytest.approx(gib * 2**30)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[2:]] == [
        ["16", "1", "none"],
        ["16", "2", "prefix"],
        ["16", "1", "wider"],
    ]


def test_a_config_with_one_p_is_measured_at_several_beside_wider_decoders_of_equal_loss():
    for counts, expected in (((4,), [1, 2, 4, 8]), ((2, 4), [1, 2, 4])):
        found = decoding_cost.contestants([config_of(count) for count in counts], k=0.36)
        same = [own.model for own in found if own.kind != "wider"]
        assert [model.count for model in same] == expected
        assert same[0].plain
        wider = [own.model for own in found if own.kind == "wider"]
        assert [model.plain for model in wider] == [True] * (len(expected) - 1)
    decoder = dataclasses.replace(same[0].decoder, width=64, hidden=352, heads=4)
    sizes = [decoding_cost.wider_decoder(decoder, 0.36, count) for count in (2, 4, 8)]
    assert [(own.width, own.hidden) for own in sizes] == [(72, 393), (80, 431), (88, 465)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": "1,x"}, "--batch=1,x .*give at least"),
        ({"batch": "0"}, "--batch=0 "),
        ({"prompt": 0}, "--prompt=0 "),
        ({"tokens": 1}, "--tokens=1: "),
    ],
)
def test_what_cannot_be_decoded_is_refused(changes, message):
    with pytest.raises(configs.ConfigError, match=message):
        benchmark.decode([config_of(1)], arguments(**changes))


def test_only_language_models_are_decoded():
    config = config_of(1)
    config.experiment = "one_third"
    with pytest.raises(configs.ConfigError, match="models of parscale, not of one_third"):
        benchmark.decode([config], arguments())
