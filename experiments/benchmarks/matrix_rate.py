"""The rate at which this device multiplies matrices, of which a network's speed is a share."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from experiments.benchmarks.alternation import CLOCKS, Clock, Spread, Stopwatch
from experiments.benchmarks.operations import Shape

# Edge of the large square product: large enough that the device is busy, small enough for seconds.
EDGE_ON_PROCESSORS, EDGE = 1024, 8192
# Rows of the networks' own products: tokens of a batch of 32 texts.
TOKENS_PER_TEXT, TEXTS = 32, 32


@dataclass(frozen=True)
class MatrixRate:
    """Operations per second in one precision.

    Attributes:
        precision: `"fp32"` or `"bf16"`.
        square: of a large square product.
        shapes: of the products of a transformer layer on 1,024 tokens: projections of attention
            and both of the feed-forward network.
        edge: rows and columns of the large one.
    """

    precision: str
    square: Spread
    shapes: Spread
    edge: int


def measure_rate(
    shape: Shape,
    precision: str,
    device: torch.device,
    *,
    repetitions: int,
    seconds: float,
    clock: Clock,
) -> MatrixRate:
    """Both rates, measured in turn.

    Args:
        shape: of the network whose products are taken.
        seconds: about how long each is measured, a time.
        clock: that rates are per second of.
    """
    d, f = shape.width, shape.feed_forward
    rows = TOKENS_PER_TEXT * TEXTS
    edge = EDGE_ON_PROCESSORS if device.type == "cpu" else EDGE
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    layer = [_pair(rows, d, d, dtype, device)] * 4 + [
        _pair(rows, d, f, dtype, device),
        _pair(rows, f, d, dtype, device),
    ]
    products = {"square": [_pair(edge, edge, edge, dtype, device)], "shapes": layer}
    rates: dict[str, list[float]] = {name: [] for name in products}
    for factors in products.values():
        _rate(factors, 0.0, device, clock)
    for _ in range(repetitions):
        for name, factors in products.items():
            rates[name].append(_rate(factors, seconds, device, clock))
    return MatrixRate(precision, Spread.of(rates["square"]), Spread.of(rates["shapes"]), edge)


Factors = tuple[torch.Tensor, torch.Tensor]


def _pair(rows: int, inner: int, columns: int, dtype: torch.dtype, device: torch.device) -> Factors:
    """Factors of which the second lies in memory as the weights of a linear layer do."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(rows, inner, generator=generator)
    second = torch.randn(columns, inner, generator=generator)
    return first.to(device, dtype), second.to(device, dtype)


def _rate(factors: Sequence[Factors], seconds: float, device: torch.device, clock: Clock) -> float:
    """Operations per second, the products repeated until the time is up."""
    operations = sum(
        2 * first.shape[0] * first.shape[1] * second.shape[0] for first, second in factors
    )
    stopwatch = Stopwatch(device)
    done, batch = 0, 1
    while True:
        for _ in range(batch):
            for first, second in factors:
                torch.nn.functional.linear(first, second)
        done += batch
        # A synchronisation, so asked for ever more rarely.
        elapsed = stopwatch.elapsed()[CLOCKS.index(clock)]
        if elapsed >= seconds:
            return done * operations / elapsed
        batch *= 2
