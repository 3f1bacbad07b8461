"""What P streams cost at inference by the model behind the figures of ParScale, in closed form.

Nothing here is a timing. arXiv 2505.10475, figure 4, models one A100 with the formulas of
llm-analysis (github.com/cli99/llm-analysis), to which its script `cost_analysis.py` adds streams:
they are a batch of B P rows for layers and cache, they lengthen every sequence by the prefix, and
the logits are paid once. Weights and activations are of 2 bytes, embeddings are tied, and a block
of a layer takes the longer of its arithmetic and its traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BYTES = 2
NORM_BYTES = 4  # llm-analysis lets a norm read and write float32 when it counts time
GIB = 2**30


@dataclass(frozen=True)
class Decoder:
    """The widths of a Qwen2-shaped decoder; the defaults are those of the paper.

    Attributes:
      hidden: h, the width of the residual stream.
      intermediate: the width of the gated MLP.
    """

    hidden: int
    intermediate: int
    layers: int = 36
    heads: int = 16
    kv_heads: int = 2
    vocabulary: int = 151_936
    prefix: int = 48

    @property
    def key_value(self) -> float:
        """The width of all keys of a token, which is that of its values."""
        return self.hidden * self.kv_heads / self.heads

    @property
    def attention_parameters(self) -> float:
        """Of one layer, without biases, as the cost model counts them."""
        return 2 * self.hidden**2 + 2 * self.hidden * self.key_value

    @property
    def mlp_parameters(self) -> int:
        """Of one layer."""
        return 3 * self.hidden * self.intermediate


# The six sizes of the paper, by their non-embedding parameters at P = 1.
PAPER_SIZES = {
    "0.5B": Decoder(896, 4864),
    "0.7B": Decoder(1024, 5504),
    "1.1B": Decoder(1280, 6912),
    "1.6B": Decoder(1536, 8320),
    "2.8B": Decoder(2048, 11008),
    "4.4B": Decoder(2560, 13824),
}


@dataclass(frozen=True)
class Device:
    """What an accelerator reaches in practice: FLOP per second and bytes per second."""

    flops: float
    bandwidth: float


# Tokens of the prompt, and as many written, over which the paper's figures average.
FIGURE_LENGTHS = (64, 128, 256, 512)

# 312 TFLOPS and 2039 GB/s at the efficiencies 0.7 and 0.9 that the paper's script takes.
A100 = Device(flops=0.7 * 312e12, bandwidth=0.9 * 2039e9)


def memory_gib(model: Decoder, *, P: int, batch: int, tokens_in: int, tokens_out: int) -> float:
    """The modelled peak memory of prefill and decoding, in GiB.

    Weights, the cache of B P rows at its longest, the aggregator, and the largest activation of
    the prefill: that of a layer for B P rows or the logits for B.
    """
    _check(P=P, batch=batch, tokens_in=tokens_in, tokens_out=tokens_out)
    rows, length = batch * P, tokens_in + _prefix(model, P)
    parameters = model.vocabulary * model.hidden + model.hidden + _aggregator(model, P)
    parameters += model.layers * (
        model.attention_parameters + model.mlp_parameters + 2 * model.hidden
    )
    activation = max(
        rows * length * _attention_activation(model),
        rows * length * max(model.hidden, model.intermediate),
        batch * length * model.vocabulary,
    )
    cache = _cache(model, rows, length + tokens_out)
    return BYTES * (parameters + cache + activation) / GIB


def latency_seconds(
    model: Decoder,
    *,
    P: int,
    batch: int,
    tokens_in: int,
    tokens_out: int,
    device: Device = A100,
) -> float:
    """The modelled time to read a prompt and write `tokens_out` tokens, in seconds.

    The embedding table is read in every pass, and every token written moves the cache at its
    longest twice. The logits of the prefix are counted for all streams, as the paper's script does.
    """
    _check(P=P, batch=batch, tokens_in=tokens_in, tokens_out=tokens_out)
    rows, prefix, tokens = batch * P, _prefix(model, P), tokens_in + tokens_out
    prefill = _layers_seconds(model, rows, tokens_in + prefix, device)
    decode = _layers_seconds(model, rows, 1, device)
    decode += 2 * BYTES * _cache(model, rows, tokens + prefix) / device.bandwidth

    table = model.vocabulary * model.hidden
    embeddings = (1 + tokens_out) * BYTES * table / device.bandwidth
    logits = 2 * table * (batch * tokens + rows * prefix) / device.flops
    # The aggregator takes the time of an MLP over all tokens in one pass, scaled to its size.
    aggregation = _mlp_seconds(model, batch * tokens, device)
    aggregation *= _aggregator(model, P) / model.mlp_parameters
    return prefill + tokens_out * decode + embeddings + logits + aggregation


def in_figures(cost: Callable[..., float], model: Decoder, *, P: int, batch: int) -> float:
    """The mean of `memory_gib` or `latency_seconds` over FIGURE_LENGTHS, in and out."""
    return float(
        np.mean([cost(model, P=P, batch=batch, tokens_in=t, tokens_out=t) for t in FIGURE_LENGTHS])
    )


def cost_of_parameters(loss: float, loss_S: ArrayLike, cost_S: ArrayLike) -> float:
    """The cost of a plain model with this loss, on straight lines between plain models.

    Args:
      loss: to be reached; within the range of `loss_S`.
      loss_S: [S] of the plain models (P = 1), strictly falling.
      cost_S: [S] memory or latency of each.

    Raises:
      ValueError: losses that do not fall, or a loss outside their range.
    """
    loss_S, cost_S = np.asarray(loss_S, np.float64), np.asarray(cost_S, np.float64)
    if loss_S.ndim != 1 or loss_S.shape != cost_S.shape or not (np.diff(loss_S) < 0).all():
        raise ValueError(
            f"the losses of plain models must be a falling vector with a cost each, not {loss_S} "
            f"with {cost_S.shape} costs"
        )
    if not loss_S[-1] <= loss <= loss_S[0]:
        raise ValueError(
            f"no plain model reaches the loss {loss:g}: theirs lie between {loss_S[-1]:g} and "
            f"{loss_S[0]:g}; add a larger or smaller one"
        )
    return float(np.interp(-loss, -loss_S, cost_S))


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, not {count}")


def _prefix(model: Decoder, P: int) -> int:
    return model.prefix if P > 1 else 0


def _aggregator(model: Decoder, P: int) -> int:
    """Parameters; the first matrix as the paper's script counts it."""
    return (model.hidden + 1) * model.hidden * P if P > 1 else 0


def _cache(model: Decoder, rows: int, length: int) -> float:
    """Elements."""
    return 2 * model.layers * rows * length * model.key_value


def _attention_activation(model: Decoder) -> int:
    """Elements a token: the three inputs of attention, or what a fused kernel keeps."""
    return max(3 * model.hidden, 2 * model.hidden + 4 * model.heads)


def _layers_seconds(model: Decoder, rows: int, length: int, device: Device) -> float:
    tokens = rows * length
    attention = max(
        (2 * model.attention_parameters + 4 * length * model.hidden) * tokens / device.flops,
        BYTES
        * (model.attention_parameters + tokens * _attention_activation(model))
        / device.bandwidth,
    )
    norms = 2 * tokens * model.hidden * max(5 / device.flops, NORM_BYTES / device.bandwidth)
    return model.layers * (attention + _mlp_seconds(model, tokens, device) + norms)


def _mlp_seconds(model: Decoder, tokens: int, device: Device) -> float:
    return max(
        2 * model.mlp_parameters * tokens / device.flops,
        BYTES
        * (model.mlp_parameters + tokens * max(model.hidden, model.intermediate))
        / device.bandwidth,
    )
