"""PyTorch's training of a decoder, in a process of its own: see `jaxlab.benchmark.timing.Peer`.

python torch_decoder.py '{"model": "same", "dtype": "float32", "threads": 2, "vocabulary": 256, …}'

It prints a line of JSON when it is ready. Then it reads numbers of steps, a line each, takes them,
and prints their wall and CPU seconds. It imports nothing of jaxlab, so any Python that has PyTorch
can run it. The model "same" has the architecture of `jaxlab.models.decoder`; "nanogpt" is the one
of github.com/karpathy/nanoGPT: layer norms, learned positions and an MLP with GELU.
"""

import json
import sys
import time

import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]


class Attention(nn.Module):
    """Causal multi-head attention, with rotary positions where `angle` is given."""

    def __init__(self, width, heads, output_bias):
        super().__init__()
        self.heads = heads
        self.inward = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width, bias=output_bias)

    def forward(self, x, rotation):
        """Maps x_BxTxM to what was attended to."""
        batch, length, _ = x.shape
        heads = self.inward(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = heads
        if rotation is not None:
            query, key = rotate(query, *rotation), rotate(key, *rotation)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.output(attended.transpose(1, 2).reshape(x.shape))


def rotate(x, cosine, sine):
    """Rotates feature e with feature e + D/2."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cosine - b * sine, b * cosine + a * sine), dim=-1).to(x.dtype)


class SwiGLU(nn.Module):
    """The gated MLP of Qwen2."""

    def __init__(self, width, hidden):
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        """Maps x_BxTxM to x_BxTxM."""
        return self.down(functional.silu(self.gate(x)) * self.up(x))


class Layer(nn.Module):
    """A pre-norm block."""

    def __init__(self, norm, attention, mlp, width):
        super().__init__()
        self.norm_1, self.norm_2 = norm(width), norm(width)
        self.attention, self.mlp = attention, mlp

    def forward(self, x, rotation):
        """Applies the block to the residual stream."""
        x = x + self.attention(self.norm_1(x), rotation)
        return x + self.mlp(self.norm_2(x))


class Decoder(nn.Module):
    """Either model, with tied embeddings."""

    def __init__(self, model, vocabulary, width, layers, heads, hidden, length):
        super().__init__()
        same = model == "same"
        norm = (lambda n: nn.RMSNorm(n, eps=1e-6)) if same else nn.LayerNorm

        def mlp():
            if same:
                return SwiGLU(width, hidden)
            wide = 4 * width
            return nn.Sequential(nn.Linear(width, wide), nn.GELU(), nn.Linear(wide, width))

        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = None if same else nn.Embedding(length, width)
        self.layers = nn.ModuleList(
            Layer(norm, Attention(width, heads, output_bias=not same), mlp(), width)
            for _ in range(layers)
        )
        self.norm = norm(width)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        features = width // heads
        frequency = 10_000.0 ** (-torch.arange(0, features, 2) / features)
        angle = torch.arange(length)[:, None] * frequency
        self.rotation = (angle.cos(), angle.sin()) if same else None

    def forward(self, tokens, targets):
        """Returns the mean cross-entropy in nats."""
        x = self.embedding(tokens)
        if self.positions is not None:
            x = x + self.positions.weight[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, self.rotation)
        logits = functional.linear(self.norm(x), self.embedding.weight)
        return functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def main():
    """Serves rounds of training steps."""
    sizes = json.loads(sys.argv[1])
    torch.manual_seed(0)
    torch.set_num_threads(sizes["threads"])
    shape = ("vocabulary", "width", "layers", "heads", "hidden", "length")
    model = Decoder(sizes["model"], *(sizes[name] for name in shape))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(0, sizes["vocabulary"], (2_000_000,), generator=generator)
    offsets = torch.arange(sizes["length"] + 1)

    def step():
        start = torch.randint(0, len(text) - len(offsets), (sizes["batch"], 1), generator=generator)
        window = text[start + offsets]
        narrow = sizes["dtype"] == "bfloat16"
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            loss = model(window[:, :-1], window[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps({"torch": torch.__version__, "parameters": parameters}), flush=True)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            step()
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
