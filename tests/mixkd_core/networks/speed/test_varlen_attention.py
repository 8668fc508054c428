"""Attention that knows where texts start: the same as over padded texts."""

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.networks.mixed_forward import MixedPairs, forward
from mixkd_core.networks.speed import packed_attention, varlen_attention
from mixkd_core.networks.speed.packed_attention import attend_packed
from mixkd_core.networks.speed.shortcuts import FAMILIES, PACKED_ONLY, only_what_is_read
from mixkd_core.networks.speed.varlen_attention import fits
from mixkd_core.networks.tiny_networks import tiny_network

NO_DROPOUT = nn.Dropout(0.0)
# A text of one token; 64 tokens in all, so no fillers; more than 64.
LENGTHS = ([3, 12, 8, 1], [20, 44], [30, 41, 7])


def text_by_text(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    starts: Tensor,
    starts_k: Tensor,
    most: int,
    most_k: int,
) -> Tensor:
    """What `varlen_attn` documents: `(r, heads, size)`, each text over itself."""
    assert starts is starts_k
    assert starts.dtype == torch.int32
    lengths = starts.diff().tolist()
    assert starts[0] == 0
    assert starts[-1] == len(query)
    assert min(lengths) > 0
    assert max(lengths) <= most == most_k
    return torch.cat(
        [
            scaled_dot_product_attention(*(part.transpose(0, 1) for part in parts)).transpose(0, 1)
            for parts in zip(*(it.split(lengths) for it in (query, key, value)), strict=True)
        ]
    )


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the kernel be had on the processor; the list has the tokens of each call."""
    calls: list[int] = []

    def counted(query: Tensor, *others: Any) -> Tensor:
        calls.append(len(query))
        return text_by_text(query, *others)

    monkeypatch.setattr(varlen_attention, "varlen_attn", counted)
    monkeypatch.setattr(packed_attention, "fits", lambda *_: True)
    return calls


def some(
    lengths: list[int], dtype: torch.dtype = torch.float64
) -> tuple[TokenLayout, list[Tensor]]:
    """How texts lie, and queries, keys and values of two heads of size 8."""
    layout = TokenLayout.of(torch.arange(max(lengths)) < torch.tensor(lengths)[:, None])
    generator = torch.Generator().manual_seed(0)
    rows = layout.position_ids.shape[1]
    projected = [
        torch.randn(1, 2, rows, 8, generator=generator, dtype=torch.float64).to(dtype)
        for _ in range(3)
    ]
    return layout, projected


@pytest.mark.parametrize("scaling", [None, 8**-0.5, 0.7])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_it_is_attention_over_padded_texts(
    lengths: list[int], scaling: float | None, stand_in: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs of real tokens, and gradients; what fillers come to is finite and not read."""
    layout, projected = some(lengths)
    real = sum(lengths)
    weights = torch.randn(1, real, 2, 8, dtype=torch.float64)
    found = []
    for padded in (False, True):
        if padded:
            monkeypatch.setattr(packed_attention, "fits", lambda *_: False)
        given = [it.clone().requires_grad_() for it in projected]
        settings: Any = {"dropout": NO_DROPOUT, "scaling": scaling}
        context = attend_packed(*given, layout.attention_mask, layout, **settings)
        assert context.isfinite().all()
        (context[:, :real] * weights).sum().backward()
        found.append([context[:, :real].detach(), *(it.grad[:, :, :real] for it in given)])
    assert stand_in == [layout.position_ids.shape[1]]
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("family", [*FAMILIES, *PACKED_ONLY])
def test_a_network_computes_the_same(family: str, stand_in: list[int], padded_texts: Any) -> None:
    """But MPNet, whose scores have a bias: it goes on padding."""
    model = tiny_network(family).double().eval()
    pairs = MixedPairs(
        padded_texts([5, 12, 3], 1), padded_texts([9, 4, 3], 2), torch.tensor([0.3, 0.8, 1.0])
    )
    batch = padded_texts([3, 12, 8, 6], 3), pairs
    with torch.no_grad():
        whole = forward(model, *batch)
        with only_what_is_read(model):
            short = forward(model, *batch)
    torch.testing.assert_close(short.logits, whole.logits, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(short.mixed_logits, whole.mixed_logits, rtol=1e-9, atol=1e-11)
    assert bool(stand_in) == (family != "mpnet")


def test_a_mask_of_its_own_is_kept_to(stand_in: list[int]) -> None:
    """A sliding window, or a bias, is in a mask that is not the layout's."""
    layout, projected = some([3, 12, 8, 1])
    mask = layout.attention_mask & (torch.arange(12) < 2)
    settings: Any = {"dropout": NO_DROPOUT, "scaling": None}
    attend_packed(*projected, mask, layout, **settings)
    assert stand_in == []


def test_it_is_called_as_the_library_has_it() -> None:
    """By place: starts and longest, of queries and of keys, and nothing that has to be given."""
    names = list(inspect.signature(varlen_attn).parameters)
    assert names[:7] == ["query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k"]
    others = list(inspect.signature(varlen_attn).parameters.values())[7:]
    assert all(other.default is not other.empty for other in others)


def test_it_stays_away_where_the_kernel_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor; dropout; sizes that it would have to pad; what the library says no to."""
    asked: list[Any] = []

    def library(answer: bool) -> None:
        monkeypatch.setattr(
            torch.backends.cuda, "can_use_flash_attention", lambda it: asked.append(it) or answer
        )

    def on_cuda(size: int) -> Any:
        return SimpleNamespace(device=torch.device("cuda"), shape=(1, 2, 64, size))

    monkeypatch.setattr(torch.backends.cuda, "SDPAParams", lambda *given: given)
    library(True)
    texts = [on_cuda(8)] * 3
    assert fits(*texts, NO_DROPOUT)
    assert fits(*texts, nn.Dropout(0.1).eval())
    assert asked == [(*texts, None, 0.0, False, False)] * 2
    assert not fits(*texts, nn.Dropout(0.1))
    assert not fits(*[on_cuda(12)] * 3, NO_DROPOUT)
    assert not fits(*some([3, 12], torch.bfloat16)[1], NO_DROPOUT)
    assert len(asked) == 2
    library(False)
    assert not fits(*texts, NO_DROPOUT)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("lengths", LENGTHS)
def test_on_a_device_it_agrees_with_padded_attention(lengths: list[int]) -> None:
    """In bf16, whose numbers have eight bits, with gradients."""
    layout, projected = some(lengths, torch.bfloat16)
    there = TokenLayout.of(layout.attention_mask[:, 0, 0].to("cuda"))
    real, found = sum(lengths), []
    assert fits(*(it.cuda() for it in projected), NO_DROPOUT)
    for own in (there.attention_mask, there.attention_mask.clone()):
        given = [it.cuda().requires_grad_() for it in projected]
        settings: Any = {"dropout": NO_DROPOUT, "scaling": None}
        context = attend_packed(*given, own, there, **settings)
        context[:, :real].float().square().sum().backward()
        found.append([context[:, :real].detach(), *(it.grad[:, :, :real] for it in given)])
    torch.testing.assert_close(*found, rtol=0.05, atol=0.05)
