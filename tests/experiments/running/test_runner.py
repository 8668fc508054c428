"""One run from specification to record, end to end on the embedded law."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BartConfig,
    BartForSequenceClassification,
    pipeline,
)

from experiments.running import training
from experiments.running.encoders import encoder_for
from experiments.running.evaluation_sets import evaluation_sets, transfer_set
from experiments.running.runner import Resources, check, run
from mixkd_core.augmentation.back_translation import Translator
from mixkd_core.data.sources import load_embedded
from mixkd_core.errors import DamagedRecordError, InputError, NonFiniteError
from mixkd_core.networks.checkpoints import load_tokenizer
from mixkd_core.objectives.objective import METHODS
from mixkd_core.records.run_folder import RunRecord, damage, find_record, partial_folder
from mixkd_core.records.specs import (
    AugmentationSpec,
    CheckpointRef,
    EvaluationSpec,
    MixupSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
    checkpoint_ref,
)
from mixkd_core.training.trainer import MixKDTrainer
from reports.statistics.majority import sets_at_majority

BRIEF = TrainingSpec(epochs=1, learning_rate=5e-4, batch_size=16, max_length=64)


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    out = tmp_path_factory.mktemp("runs")
    data = load_embedded("embedded-sentiment", train_size=600, dev_size=60)
    return Resources(
        data=data, encoder=encoder_for(data.task, None, out), out=out, say=lambda _: None
    )


@pytest.fixture(scope="module")
def spec(resources: Resources) -> RunSpec:
    return RunSpec(
        task="embedded-sentiment",
        data=resources.data.fingerprint,
        fraction=0.2,
        seed=3,
        encoder=checkpoint_ref(resources.encoder),
        teacher=BRIEF,
        student=StudentSpec(layers=2, method="kd+sm+tmkd", training=BRIEF),
        evaluation=EvaluationSpec(remainder_size=90, fresh_size=70, latent_points=10),
    )


@pytest.mark.slow
def test_a_run_leaves_a_complete_record(resources: Resources, spec: RunSpec) -> None:
    record = run(spec, resources)
    assert record.sets == ("train", "remainder", "dev", "fresh")
    assert [record.summary["results"][name]["examples"] for name in record.sets] == [
        120,
        90,
        60,
        70,
    ]
    assert record.summary["objective"] == "L = 1 mle + 1 kd + 1 sm + 1 tmkd"
    assert record.summary["student_source"] == "layers 1, 2 of the fine-tuned teacher"
    logged = {name for entry in record.history() for name in entry if name.startswith("loss_")}
    assert logged == {"loss_mle", "loss_kd", "loss_sm", "loss_tmkd"}
    teacher = find_record(resources.out, spec.teacher_spec)
    assert teacher is not None
    assert record.summary["teacher_id"] == teacher.spec.id
    assert not list(resources.out.glob("*.partial"))
    for its in (record, teacher):
        card = (its.model_folder / "README.md").read_text(encoding="utf-8")
        assert ("majority class on" in card) == bool(sets_at_majority(its.summary))


@pytest.mark.slow
def test_the_stored_losses_are_those_of_the_stored_network(
    resources: Resources, spec: RunSpec
) -> None:
    """A second route: load both folders anew and compute every column from the texts."""
    record = run(spec, resources)
    teacher = run(spec.teacher_spec, resources)
    sets = evaluation_sets(spec, resources.data)
    tokenizer = AutoTokenizer.from_pretrained(record.model_folder)
    networks = [
        AutoModelForSequenceClassification.from_pretrained(folder).eval()
        for folder in (record.model_folder, teacher.model_folder)
    ]
    for name in record.sets:
        stored = record.examples(name)
        assert list(stored["example_id"]) == list(sets[name]["example_id"])
        tokens = tokenizer(list(sets[name]["text"]), padding=True, return_tensors="pt")
        with torch.no_grad():
            student, taught = (network(**tokens).logits for network in networks)
        labels = torch.tensor(list(sets[name]["label"]))
        np.testing.assert_allclose(np.stack(stored["logits"]), student, atol=2e-5)
        np.testing.assert_allclose(np.stack(stored["teacher_logits"]), taught, atol=2e-5)
        entropy = torch.nn.functional.cross_entropy(student, labels, reduction="none")
        np.testing.assert_allclose(stored["cross_entropy"], entropy, atol=2e-5)
        distance = ((student - taught) ** 2).mean(dim=1)
        np.testing.assert_allclose(stored["distillation_distance"], distance, atol=2e-5)
        wrong = (torch.tensor(stored["prediction"].tolist()) != labels).double()
        np.testing.assert_array_equal(stored["zero_one_error"], wrong)
        risk = record.summary["results"][name]["risk"]
        assert risk["zero_one_error"] == pytest.approx(wrong.mean().item(), abs=1e-12)
        assert risk["cross_entropy"] == pytest.approx(entropy.mean().item(), abs=1e-5)


@pytest.mark.slow
def test_encodings_are_those_of_the_stored_network_on_the_same_points_for_every_method(
    resources: Resources, spec: RunSpec
) -> None:
    records = [run(spec, resources), run(spec.teacher_spec, resources)]
    tables = []
    for record in records:
        table = record.latent()
        assert table is not None
        assert "latent.parquet" in (record.folder / "manifest.json").read_text()
        train = record.examples("train").set_index("example_id")
        points = table[table["kind"] == "point"]
        assert points["label"].value_counts().to_dict() == {0: 5, 1: 5}
        assert points["label"].tolist() == train.loc[points["example_id"], "label"].tolist()
        known = np.stack(train.loc[points["example_id"], "logits"])
        np.testing.assert_allclose(np.stack(points["logits"]), known, atol=2e-5)
        # The classifier reads the encoding, through the pooler.
        network = AutoModelForSequenceClassification.from_pretrained(record.model_folder).eval()
        encodings = torch.from_numpy(np.stack(table["encoding"]))
        with torch.no_grad():
            logits = network.classifier(network.bert.pooler(encodings[:, None]))
        np.testing.assert_allclose(np.stack(table["logits"]), logits, atol=2e-5)
        tables.append(table.drop(columns=["encoding", "logits"]))
    pd.testing.assert_frame_equal(*tables)
    without = spec.evaluation.model_copy(update={"latent_points": 0})
    assert (
        run(spec.teacher_spec.model_copy(update={"evaluation": without}), resources).latent()
        is None
    )


@pytest.mark.slow
def test_the_student_serves_in_a_pipeline(resources: Resources, spec: RunSpec) -> None:
    record = run(spec, resources)
    classify = pipeline("text-classification", model=str(record.model_folder))
    assert classify(resources.data.train["text"][0])[0]["label"] in ("negative", "positive")
    weights = [path.name for path in record.model_folder.iterdir() if path.suffix != ".json"]
    assert sorted(weights) == ["README.md", "model.safetensors"]
    card = (record.model_folder / "README.md").read_text()
    for said in ("embedded law", "kd+sm+tmkd", "L = 1 mle + 1 kd", spec.id, "seed 3", "| `fresh`"):
        assert said in card


def test_repeating_a_finished_run_touches_nothing(
    resources: Resources, spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(spec, resources)
    times = {path: path.stat().st_mtime_ns for path in before.folder.rglob("*")}

    def unexpected(*_: Any, **__: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("experiments.running.runner.train", unexpected)
    assert run(spec, resources) == before
    assert times == {path: path.stat().st_mtime_ns for path in before.folder.rglob("*")}


@pytest.mark.slow
def test_two_runs_of_one_specification_give_the_same_numbers(
    resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    once = run(spec, resources)
    again = run(spec, replace(resources, out=tmp_path))
    assert once.summary["results"] == again.summary["results"]
    for name in once.sets:
        pd.testing.assert_frame_equal(once.examples(name), again.examples(name), check_exact=True)


class KilledError(Exception):
    """Stands for the end of the process."""


def killed_at(step: int) -> Callable[..., Any]:
    """`compute_loss` that dies when optimisation step `step` begins."""
    original = MixKDTrainer.compute_loss

    def compute_loss(self: MixKDTrainer, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step == step:
            raise KilledError
        return original(self, *args, **kwargs)

    return compute_loss


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_numbers(
    resources: Resources, spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(spec, resources)
    elsewhere = replace(resources, out=tmp_path)
    teacher = run(spec.teacher_spec, resources)
    shutil.copytree(teacher.folder, tmp_path / teacher.folder.name)
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(MixKDTrainer, "compute_loss", killed_at(5))
        with pytest.raises(KilledError):
            run(spec, elsewhere)
    assert find_record(tmp_path, spec) is None
    partial = partial_folder(tmp_path, spec)
    kept = sorted(path.name for path in (partial / "checkpoints").iterdir())
    assert kept == ["checkpoint-4", "checkpoint-5"]
    assert RunSpec.model_validate_json((partial / "spec.json").read_text()) == spec
    resumed = run(spec, elsewhere)
    assert resumed.summary["results"] == whole.summary["results"]
    assert not (resumed.folder / "checkpoints").exists()


@pytest.mark.slow
def test_a_damaged_teacher_is_trained_again(
    resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    elsewhere = replace(resources, out=tmp_path)
    first = run(spec.teacher_spec, elsewhere)
    results = first.summary["results"]
    (first.folder / "model" / "model.safetensors").write_bytes(b"half")
    assert damage(first.folder) is not None
    assert run(spec.teacher_spec, elsewhere).summary["results"] == results


@pytest.mark.slow
@pytest.mark.parametrize("method", [name for name in METHODS if name != "kd+sm+tmkd"])
def test_every_method_runs(resources: Resources, spec: RunSpec, method: str) -> None:
    assert spec.student is not None
    student = spec.student.model_copy(update={"method": method, "init": "pretrained"})
    record = run(spec.model_copy(update={"student": student}), resources)
    assert record.summary["student_source"] == "layers 1, 2 of the pre-trained encoder"
    assert np.isfinite(record.summary["results"]["dev"]["risk"]["distillation_distance"])


@pytest.mark.slow
def test_a_student_asks_about_texts_that_it_is_not_measured_on(
    resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    """End to end, with what is said of it, and what would make it impossible."""
    assert spec.student is not None
    said: list[str] = []
    student = spec.student.model_copy(update={"method": "transfer", "mixup_ratio": 1.5})
    asking = spec.model_copy(update={"student": student})
    elsewhere = replace(resources, out=tmp_path, say=said.append)
    record = run(asking, elsewhere)
    assert record.summary["objective"] == "L = 1 mle + 1 transfer"
    assert {"loss_mle", "loss_transfer"} <= record.history()[0].keys()
    told = "asked 180 times about unlabelled texts, of which there are 390: as often as about"
    assert any(told in sentence for sentence in said)
    card = (record.model_folder / "README.md").read_text()
    assert "Transfer set: 1.5 unlabelled texts" in card
    assert "λ ~ Beta" not in card
    known = set().union(*(record.examples(name)["example_id"] for name in record.sets))
    assert not known & set(transfer_set(asking, resources.data)["example_id"])
    greedy = asking.model_copy(update={"evaluation": EvaluationSpec(remainder_size=480)})
    with pytest.raises(InputError, match=r"none are left: of 600 examples a fraction of 0\.2"):
        run(greedy, elsewhere)


@pytest.mark.slow
def test_a_teacher_can_be_trained_with_mixup(resources: Resources, spec: RunSpec) -> None:
    plain = run(spec.teacher_spec, resources)
    mixed = run(
        spec.model_copy(update={"teacher_mixup": MixupSpec(alpha=1.0, ratio=2.0)}), resources
    )
    teacher = find_record(resources.out, mixed.spec.teacher_spec)
    assert teacher is not None
    assert mixed.summary["teacher_id"] == teacher.spec.id != plain.spec.id
    assert (plain.summary["objective"], teacher.summary["objective"]) == (
        "L = 1 mle",
        "L = 1 mle + 1 sm",
    )
    assert "loss_sm" in teacher.history()[0]
    card = (teacher.model_folder / "README.md").read_text()
    assert "with label mixup (λ ~ Beta(1, 1), 2 mixed samples per original)" in card


@pytest.mark.slow
def test_augmented_copies_are_learnt_from_and_not_measured_on(
    resources: Resources, spec: RunSpec
) -> None:
    assert spec.student is not None
    plain = run(spec, resources)
    training = BRIEF.model_copy(update={"augmentation": AugmentationSpec(kind="swap", copies=2)})
    student = spec.student.model_copy(update={"training": training})
    record = run(spec.model_copy(update={"student": student}), resources)
    assert (plain.summary["augmented_examples"], record.summary["augmented_examples"]) == (0, 240)
    # Three times the texts are three times the steps.
    assert record.history()[-1]["step"] == 3 * plain.history()[-1]["step"] - 1 == 23
    assert record.summary["teacher_id"] == plain.summary["teacher_id"]
    for name in record.sets:
        assert list(record.examples(name)["example_id"]) == list(plain.examples(name)["example_id"])
    card = (record.model_folder / "README.md").read_text()
    assert "2 more of every example by swap of words (rate 0.1)" in card


@pytest.mark.slow
def test_back_translation_asks_the_translators_given(
    resources: Resources, spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def translated(self: Translator, texts: list[str]) -> Any:
        asked.append((self.checkpoint, len(texts)))
        yield texts, [f"{text} {self.ref.name}" for text in texts]

    monkeypatch.setattr(Translator, "_translated", translated)
    refs = [CheckpointRef(name=name, digest=f"of {name}") for name in ("there", "back")]
    augmentation = AugmentationSpec(kind="back-translation", forward=refs[0], backward=refs[1])
    teacher = BRIEF.model_copy(update={"augmentation": augmentation})
    elsewhere = replace(resources, out=tmp_path, translators={"of there": "/folder/there"})
    record = run(spec.model_copy(update={"teacher": teacher}).teacher_spec, elsewhere)
    assert record.summary["augmented_examples"] == 120
    texts = len(set(evaluation_sets(spec, resources.data)["train"]["text"]))
    assert asked == [("/folder/there", texts), ("back", texts)]
    assert len(list((tmp_path / "translations").iterdir())) == 2
    card = (record.model_folder / "README.md").read_text()
    assert "every example also back-translated by `there` and `back`" in card


@pytest.mark.slow
@pytest.mark.parametrize("task", ["embedded-paraphrase", "embedded-inference"])
def test_pair_tasks_run(task: str, resources: Resources, spec: RunSpec) -> None:
    data = load_embedded(task, train_size=200, dev_size=40)
    paired = spec.model_copy(update={"task": task, "data": data.fingerprint})
    record = run(paired, replace(resources, data=data))
    assert np.stack(record.examples("dev")["logits"]).shape == (40, data.task.num_labels)


@pytest.mark.slow
def test_a_run_that_chooses_settings_is_an_ordinary_record(
    resources: Resources, spec: RunSpec
) -> None:
    choosing = spec.model_copy(update={"evaluation": EvaluationSpec(validation=0.25)})
    record = run(choosing, resources)
    assert record.sets == ("train", "validation")
    assert record.summary["train_examples"] == 90
    assert find_record(resources.out, choosing) == record
    teacher = find_record(resources.out, choosing.teacher_spec)
    assert teacher is not None
    assert teacher.sets == ("train", "validation"), "the teacher did not see it either"


@pytest.mark.slow
def test_a_teachers_table_of_other_examples_is_refused(
    resources: Resources, spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(spec.teacher_spec, resources)
    student = spec.student.model_copy(update={"temperature": 1.5, "distance": "kl"})
    original = RunRecord.examples
    monkeypatch.setattr(RunRecord, "examples", lambda *of: original(*of)[::-1])
    with pytest.raises(DamagedRecordError, match="is not of the examples"):
        run(spec.model_copy(update={"student": student}), resources)


def test_data_other_than_specified_are_refused(resources: Resources, spec: RunSpec) -> None:
    with pytest.raises(InputError, match="fingerprint"):
        run(spec.model_copy(update={"data": "0" * 64}), resources)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers": 9}, "student of 9 layers"),
        ({"mix_layer": 3}, "layers 1 to 2"),
        ({"method": "pkd", "layers": 1}, "pkd"),
        ({"temperature": 2.0}, "temperature"),
        ({"pairing": "across-classes", "self_pairs": True}, "across-classes"),
    ],
)
def test_an_impossible_student_is_refused_before_its_teacher_is_trained(
    change: dict[str, Any], said: str, resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    assert spec.student is not None
    student = spec.student.model_copy(update=change)
    with pytest.raises(InputError, match=said):
        run(spec.model_copy(update={"student": student}), replace(resources, out=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_diverging_run_says_so_and_leaves_no_record(resources: Resources, spec: RunSpec) -> None:
    assert spec.student is not None
    wild = spec.student.model_copy(
        update={"training": BRIEF.model_copy(update={"learning_rate": 1e6})}
    )
    diverging = spec.model_copy(update={"student": wild})
    with pytest.raises(NonFiniteError, match="step"):
        run(diverging, resources)
    assert find_record(resources.out, diverging) is None
    assert find_record(resources.out, spec.teacher_spec) is not None
    shutil.rmtree(partial_folder(resources.out, diverging))


def test_a_student_that_reads_other_words_is_refused_before_its_teacher_is_trained(
    resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(resources.encoder, other)
    words = (other / "tokenizer.json").read_text(encoding="utf-8")
    (other / "tokenizer.json").write_text(words.replace('"film"', '"filme"'), encoding="utf-8")
    assert spec.student is not None
    student = spec.student.model_copy(
        update={"init": "checkpoint", "checkpoint": checkpoint_ref(other)}
    )
    own = replace(resources, out=tmp_path / "runs", student_checkpoint=str(other))
    with pytest.raises(InputError, match="different vocabularies"):
        run(spec.model_copy(update={"student": student}), own)
    assert not list((tmp_path / "runs").glob("*-teacher-*"))


@pytest.mark.slow
def test_a_student_from_a_checkpoint_of_its_own(resources: Resources, spec: RunSpec) -> None:
    assert spec.student is not None
    student = spec.student.model_copy(
        update={
            "init": "checkpoint",
            "checkpoint": checkpoint_ref(resources.encoder),
            "layers": None,
        }
    )
    own = replace(resources, student_checkpoint=resources.encoder)
    record = run(spec.model_copy(update={"student": student}), own)
    assert record.summary["layers"] == 4
    assert "checkpoint" in record.summary["student_source"]


@pytest.mark.slow
def test_a_student_of_two_stacks_of_layers_is_trained_and_recorded(
    resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    """No layers can be taken from it, which nothing asks for: its record once failed at the end."""
    tokenizer = load_tokenizer(resources.encoder)
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, max_position_embeddings=64, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.sep_token_id, bos_token_id=tokenizer.cls_token_id,
        id2label={0: "negative", 1: "positive"},
    )  # fmt: skip
    BartForSequenceClassification(config).save_pretrained(tmp_path / "bart")
    tokenizer.save_pretrained(tmp_path / "bart")
    assert spec.student is not None
    student = spec.student.model_copy(
        update={
            "init": "checkpoint",
            "checkpoint": checkpoint_ref(tmp_path / "bart"),
            "layers": None,
            "method": "kd",
        }
    )
    own = replace(resources, student_checkpoint=str(tmp_path / "bart"))
    asked = spec.model_copy(update={"student": student})
    with pytest.raises(InputError, match="has an encoder and a decoder"):
        check(asked, own)  # mixtures are encoded, once it is trained
    none_encoded = EvaluationSpec(remainder_size=90, fresh_size=70)
    record = run(asked.model_copy(update={"evaluation": none_encoded}), own)
    assert record.summary["layers"] == 2


def test_a_student_whose_weights_do_not_fit_is_refused_before_its_teacher_is_trained(
    resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(resources.encoder, other)
    weights = load_file(other / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if ".layer.3." not in name}
    save_file(kept, other / "model.safetensors", metadata={"format": "pt"})
    assert spec.student is not None
    student = spec.student.model_copy(
        update={"init": "checkpoint", "checkpoint": checkpoint_ref(other), "layers": None}
    )
    own = replace(resources, out=tmp_path / "runs", student_checkpoint=str(other))
    with pytest.raises(InputError, match=r"layer\.3\..*--allow-new-weights"):
        run(spec.model_copy(update={"student": student}), own)
    assert not list((tmp_path / "runs").glob("*-teacher-*"))
    check(spec.model_copy(update={"student": student}), replace(own, allow_new_weights=True))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_an_encoder_stored_in_half_precision_is_trained_as_its_float32_twin(
    dtype: torch.dtype, resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    """Teacher and student alike: the same numbers, whichever type the same weights come in."""
    network = AutoModel.from_pretrained(resources.encoder).to(dtype)
    records = []
    for name, kind in (("half", dtype), ("full", torch.float32)):
        encoder = tmp_path / name
        shutil.copytree(resources.encoder, encoder)
        network.to(kind).save_pretrained(encoder)
        records.append(
            run(
                spec.model_copy(update={"encoder": checkpoint_ref(encoder)}),
                replace(resources, encoder=str(encoder), out=tmp_path / f"runs-{name}"),
            )
        )
    half, full = records
    assert half.spec.id != full.spec.id
    assert half.summary["results"] == full.summary["results"]
    for record in records:
        stored = load_file(record.model_folder / "model.safetensors")
        assert {tensor.dtype for tensor in stored.values()} == {torch.float32}


def test_a_pipeline_reads_a_long_text_as_the_card_says(resources: Resources, spec: RunSpec) -> None:
    from transformers import AutoTokenizer, pipeline

    record = run(spec, resources)
    tokenizer = AutoTokenizer.from_pretrained(record.model_folder)
    assert tokenizer.model_max_length == spec.training.max_length
    classify = pipeline("text-classification", model=str(record.model_folder), device="cpu")
    (found,) = classify("word " * 900, truncation=True)
    assert found["label"] in (resources.data.task.label_names or ())


@pytest.mark.slow
def test_everything_in_a_store_is_as_readable_as_the_umask_says(
    resources: Resources, spec: RunSpec, tmp_path: Path
) -> None:
    before = os.umask(0o007)
    try:
        encoder = encoder_for(resources.data.task, None, tmp_path)
        run(spec, replace(resources, encoder=encoder, out=tmp_path))
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(tmp_path)): oct(path.stat().st_mode & 0o777)
        for path in tmp_path.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }
    assert sum(name.endswith("model.safetensors") for name in modes) == 3
    assert set(modes.values()) == {"0o660"}, modes
