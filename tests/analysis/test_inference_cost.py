"""The closed form against the authors' script, and the advantages that the paper reports."""

import pytest

from jaxlab.analysis.inference_cost import (
    A100,
    PAPER_SIZES,
    Device,
    cost_of_parameters,
    in_figures,
    latency_seconds,
    memory_gib,
)

# Printed by `cost_analysis.py` of github.com/QwenLM/ParScale at cd6acb4 (figures only): size, P,
# batch, tokens in and as many out, GiB, seconds.
PRINTED = [
    ("0.5B", 1, 1, 64, 1.272, 0.048),
    ("0.5B", 1, 8, 512, 2.534, 0.483),
    ("0.5B", 2, 1, 64, 1.292, 0.049),
    ("0.7B", 8, 8, 128, 2.33, 0.255),
    ("1.1B", 4, 1, 256, 2.536, 0.387),
    ("1.6B", 1, 1, 128, 3.404, 0.256),
    ("1.6B", 8, 1, 64, 3.465, 0.144),
    ("1.6B", 8, 8, 512, 6.431, 2.66),
    ("2.8B", 8, 2, 256, 6.29, 1.09),
    ("4.4B", 1, 1, 64, 8.856, 0.337),
    ("4.4B", 2, 4, 64, 9.044, 0.376),
    ("4.4B", 8, 1, 512, 9.457, 3.062),
    ("4.4B", 8, 8, 64, 9.667, 0.678),
    ("4.4B", 8, 8, 512, 13.143, 5.972),
]

# Stack losses at P = 1 of the six sizes, and of 1.6B at P = 8, as in parscale_losses.csv.
PLAIN_LOSS = (1.1722, 1.1496, 1.1131, 1.0817, 1.0451, 1.0213)
PARALLEL_LOSS = 1.0383


def advantage(cost, batch):
    """What parameters add to a cost over what P = 8 adds, both from 1.6B to the loss of P = 8."""
    plain = [in_figures(cost, model, P=1, batch=batch) for model in PAPER_SIZES.values()]
    here = in_figures(cost, PAPER_SIZES["1.6B"], P=1, batch=batch)
    streams = in_figures(cost, PAPER_SIZES["1.6B"], P=8, batch=batch)
    return (cost_of_parameters(PARALLEL_LOSS, PLAIN_LOSS, plain) - here) / (streams - here)


@pytest.mark.parametrize(("size", "P", "batch", "tokens", "memory", "latency"), PRINTED)
def test_the_authors_script_is_reproduced(size, P, batch, tokens, memory, latency):
    setting = {"P": P, "batch": batch, "tokens_in": tokens, "tokens_out": tokens}
    assert memory_gib(PAPER_SIZES[size], **setting) == pytest.approx(memory, abs=5.1e-4)
    assert latency_seconds(PAPER_SIZES[size], **setting) == pytest.approx(latency, abs=5.1e-4)


@pytest.mark.parametrize(
    ("batch", "memory", "latency"), [(1, 22.5, 6.4), (2, 12.8, 3.2), (4, 6.9, 1.7), (8, 3.6, 0.88)]
)
def test_the_advantage_shrinks_with_the_batch_and_is_gone_at_eight(batch, memory, latency):
    assert advantage(memory_gib, batch) == pytest.approx(memory, rel=0.01)
    assert advantage(latency_seconds, batch) == pytest.approx(latency, rel=0.02)


def test_the_headline_compares_costs_of_a_figure():
    """The added costs, averaged over lengths, are what the ratios divide by."""
    model = PAPER_SIZES["1.6B"]
    for cost, added, tolerance in ((memory_gib, 0.145, 5e-4), (latency_seconds, 0.0725, 5e-5)):
        one, eight = (in_figures(cost, model, P=P, batch=1) for P in (1, 8))
        assert eight - one == pytest.approx(added, abs=tolerance)


def test_memory_is_what_the_parts_add_up_to():
    """By hand, 1.6B, P = 1, batch 1, 64 + 64 tokens: weights, cache, logits of 2 bytes each."""
    h, f, kv, vocabulary, layers = 1536, 8320, 192, 151_936, 36
    weights = vocabulary * h + h + layers * (2 * h * h + 2 * h * kv + 3 * h * f + 2 * h)
    cache, logits = layers * 2 * 128 * kv, 64 * vocabulary
    setting = {"P": 1, "batch": 1, "tokens_in": 64, "tokens_out": 64}
    expected = 2 * (weights + cache + logits) / 2**30
    assert memory_gib(PAPER_SIZES["1.6B"], **setting) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("cost", [memory_gib, latency_seconds])
def test_more_of_anything_costs_more(cost):
    least = {"P": 2, "batch": 2, "tokens_in": 64, "tokens_out": 64}
    for model in PAPER_SIZES.values():
        for name, count in least.items():
            assert cost(model, **least | {name: 2 * count}) > cost(model, **least)


def test_a_device_twice_as_fast_takes_half_the_time():
    def seconds(device):
        model = PAPER_SIZES["1.1B"]
        return latency_seconds(model, P=4, batch=2, tokens_in=64, tokens_out=128, device=device)

    fast = Device(2 * A100.flops, 2 * A100.bandwidth)
    assert seconds(fast) == pytest.approx(seconds(A100) / 2, rel=1e-12)


def test_costs_lie_on_straight_lines_between_plain_models():
    assert cost_of_parameters(1.5, [2.0, 1.0], [10.0, 30.0]) == 20
    assert cost_of_parameters(1.0, [2.0, 1.0], [10.0, 30.0]) == 30


@pytest.mark.parametrize("name", ["P", "batch", "tokens_in", "tokens_out"])
@pytest.mark.parametrize("cost", [memory_gib, latency_seconds])
def test_counts_below_one(cost, name):
    setting = {"P": 1, "batch": 1, "tokens_in": 1, "tokens_out": 1} | {name: 0}
    with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
        cost(PAPER_SIZES["0.5B"], **setting)


def test_losses_that_no_line_reaches():
    with pytest.raises(ValueError, match=r"no plain model reaches the loss 0\.9: theirs lie"):
        cost_of_parameters(0.9, [2.0, 1.0], [10.0, 30.0])
    with pytest.raises(ValueError, match="must be a falling vector with a cost each"):
        cost_of_parameters(1.5, [1.0, 2.0], [10.0, 30.0])
