"""What is compared computes the same, and the operations counted are those that are done."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig

from experiments.benchmarks import agreement, peers
from experiments.benchmarks.agreement import PeerAgreement, check_agreement, require_agreement
from experiments.benchmarks.base_size import measure_base
from experiments.benchmarks.families import FAMILIES, of_family
from experiments.benchmarks.operations import (
    BatchLengths,
    forward_operations,
    shape_of,
    step_operations,
)
from experiments.benchmarks.ours import Ours
from experiments.benchmarks.padding import padding_rows
from experiments.benchmarks.peers import (
    ObviousMixKD,
    PeerAbsentError,
    PlainTrainer,
    RandomBatches,
)
from experiments.benchmarks.workload import Workload, load_workload, of_lengths
from mixkd_core.errors import InputError
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.objectives.objective import objective

METHODS = ("ft", "kd", "pkd", "sm", "tmkd", "sm+tmkd", "kd+sm+tmkd")


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    scratch = tmp_path_factory.mktemp("scratch")
    return load_workload(
        "embedded-paraphrase", data_dir=None, teacher=None, scratch=scratch, most_examples=160
    )


@pytest.mark.slow
def test_the_peers_compute_our_losses_and_gradients(workload: Workload) -> None:
    rows = check_agreement(workload, batch_size=8)
    assert {row.method for row in rows} >= {"ft", "sm+tmkd"}
    for row in rows:
        assert row.loss > 0
        # Float32 has 6e-8 of relative rounding: no difference of substance hides below this.
        assert row.loss_difference < 1e-6
        assert row.gradient_difference < 5e-6


@pytest.mark.slow
def test_a_peer_that_computes_something_else_is_not_timed(
    workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def biased(student: Any, teacher: Any, originals: Any, first: Any, second: Any, c: Any) -> Any:
        return peers.obvious_loss(student, teacher, originals, first, second, 0.99 * c)

    monkeypatch.setattr(agreement, "obvious_loss", biased)
    with pytest.raises(agreement.DisagreementError, match="nothing was timed"):
        check_agreement(workload, batch_size=8)
    equal_loss = PeerAgreement("t", "kd", "a peer", 1.0, 0.0, 1e-3)
    with pytest.raises(agreement.DisagreementError, match=r"gradients by 1\.0e-03"):
        require_agreement(equal_loss)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_the_operations_counted_are_those_of_an_unpadded_step(
    workload: Workload, method: str
) -> None:
    # 128 tokens of originals and 192 of mixed samples: multiples of 64, which need no fillers.
    texts = of_lengths(workload, "even", np.full(32, 16))
    ours = Ours(texts, method, batch_size=8, mixup_ratio=1.5, steps=1)
    ours(0.0)  # the teacher's pass over the originals, which is paid once, is behind it
    counter = FlopCounterMode(display=False)
    # Plain products for attention: the fused kernels compute scores anew on the way back.
    with sdpa_kernel(SDPBackend.MATH), counter:
        ours(0.0)
    (batch,) = ours.lengths(1)
    goal, student = objective(method), shape_of(texts.source)
    counted = step_operations(goal, student, shape_of(texts.teacher), batch)
    # The last layer's attention asks for a key and a value of the one position too, forward only.
    passes = len(batch.originals) + len(batch.mixed) * (1 + ("tmkd" in goal.terms))
    passes -= 0 if goal.uses_originals else len(batch.originals)
    counted += 4 * passes * student.width**2
    assert len(batch.mixed) == (12 if objective(method).mixes else 0)
    assert counter.get_total_flops() == 2 * counted  # one step to warm up and one timed


def test_padding_is_not_counted_as_work(workload: Workload) -> None:
    shape = shape_of(workload.teacher)
    apart = sum(forward_operations(shape, np.array([length])) for length in (3, 7, 20))
    assert forward_operations(shape, np.array([3, 7, 20])) == apart
    assert apart < forward_operations(shape, np.array([20, 20, 20]))
    lengths = [
        BatchLengths(np.array([3, 5]), np.array([6]), padded=18),
        BatchLengths(np.array([4, 4]), np.array([], dtype=np.int64), padded=8),
    ]
    assert [batch.real for batch in lengths] == [14, 8]
    assert [batch.multiplied for batch in lengths] == [64, 64]


@pytest.mark.slow
def test_the_stretch_counts_what_it_timed(workload: Workload) -> None:
    ours = Ours(workload, "sm+tmkd", batch_size=16, steps=3)
    stretch = ours(0.0)
    batches = ours.lengths(3)
    assert (stretch.steps, stretch.examples) == (3, 48)
    assert stretch.tokens == sum(batch.real for batch in batches)
    assert all(len(batch.mixed) == len(batch.originals) == 16 for batch in batches)
    assert stretch.wall > 0
    assert stretch.cpu > 0
    for peer in (
        ObviousMixKD(workload, pad_to_maximum=True, batch_size=16),
        PlainTrainer(workload, batch_size=16),
    ):
        stretch = peer(0.0)
        assert stretch.examples == 16 * stretch.steps == 32
        assert stretch.wall > 0


def test_training_happens_in_what_is_timed(workload: Workload) -> None:
    for contestant in (
        Ours(workload, "kd", batch_size=16, steps=2),
        ObviousMixKD(workload, pad_to_maximum=False, batch_size=16),
    ):
        network = contestant.trainer.model if isinstance(contestant, Ours) else contestant.student
        before = torch.cat([weight.detach().flatten() for weight in network.parameters()]).clone()
        contestant(0.0)
        after = torch.cat([weight.detach().flatten() for weight in network.parameters()])
        assert not torch.equal(before, after)


def test_grouped_batches_are_of_like_length(workload: Workload) -> None:
    """Every text once, and less padding than random batches have."""
    padding = {}
    for grouped in (False, True):
        batches = RandomBatches(workload, 8, pad_to_maximum=False, grouped=grouped)
        assert len(set(batches.batches.flatten().tolist())) == batches.batches.size == 160
        lengths = workload.table.lengths[batches.batches]
        padding[grouped] = lengths.sum() / (batches.longest * 8).sum()
    assert padding[True] > 0.95 > padding[False]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_measured(workload: Workload, family: str) -> None:
    """And computes what the obvious loop does."""
    one = of_family(workload, family, layers=2, width=32)
    assert one.teacher.config.model_type == family
    for row in check_agreement(one, batch_size=8):
        assert row.gradient_difference < 5e-6


def test_padding_efficiency_is_that_of_the_batches(workload: Workload) -> None:
    found = {row["what"]: row for row in padding_rows(workload, batch_size=8)}
    lengths = workload.table.lengths
    worst = found.pop("padded to the maximum")
    assert worst["handed_over"] == pytest.approx(lengths.mean() / workload.max_length)
    assert worst["handed_over"] == worst["multiplied"]
    assert set(found) == {"originals alone", "originals and mixed samples"}
    for row in found.values():
        assert worst["handed_over"] < row["handed_over"] <= 1
        assert worst["multiplied"] < row["multiplied"] <= 1


def test_as_many_rows_are_multiplied_as_are_said(workload: Workload) -> None:
    """What the student's first layer is given in three steps, hooked."""
    ours = Ours(workload, "sm+tmkd", batch_size=16, steps=2)
    rows = []
    encoder_layers(ours.trainer.model)[0].register_forward_pre_hook(
        lambda _m, inputs: rows.append(inputs[0].shape[0] * inputs[0].shape[1])
    )
    ours(0.0)
    said = [batch.multiplied for batch in ours.lengths(2)]
    assert rows[-2:] == said


@pytest.mark.slow
def test_a_network_of_any_shape_is_measured_at_one_length_and_at_a_tasks(
    workload: Workload,
) -> None:
    config = BertConfig(
        vocab_size=100, hidden_size=32, num_hidden_layers=4, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64,
    )  # fmt: skip
    even, own = measure_base(
        [workload], config, precision="fp32", batch_size=16, repetitions=1, seconds=0.0, clock="cpu"
    )
    assert (even["texts"], own["texts"]) == ("64 tokens", f"lengths of {workload.name}")
    assert even["tokens_ratio"] == 1
    assert own["tokens_ratio"] == own["tokens_per_second"] / even["tokens_per_second"]
    assert 0 < even["share"] < 1.5
    assert own["over_grouped"] > 0
    assert own["device"] == "processor"


def test_a_missing_peer_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(peers.importlib, "import_module", missing)
    with pytest.raises(PeerAbsentError, match=r"textbrewer is missing.*make peers"):
        peers.import_textbrewer()


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    class Other:
        class config:  # noqa: N801
            model_type = "modernbert"

    with pytest.raises(InputError, match="is a modernbert"):
        shape_of(Other())
