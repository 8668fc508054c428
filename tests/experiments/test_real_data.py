"""The main job on real input: a GLUE task from its official files, a real encoder."""

from pathlib import Path

import pytest

from experiments.running.runner import Resources, run
from mixkd_core.data.sources import load_glue_folder
from mixkd_core.data.tasks import find_task
from mixkd_core.records.specs import (
    EvaluationSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
    checkpoint_ref,
)


@pytest.mark.slow
def test_a_student_of_a_real_encoder_on_real_text(
    glue_dir: Path, encoder_dir: Path, tmp_path: Path
) -> None:
    data = load_glue_folder(find_task("mrpc"), glue_dir)
    training = TrainingSpec(epochs=1, batch_size=16, max_length=32)
    spec = RunSpec(
        task="mrpc",
        data=data.fingerprint,
        fraction=0.02,
        encoder=checkpoint_ref(encoder_dir),
        teacher=training,
        student=StudentSpec(layers=3, training=training),
        evaluation=EvaluationSpec(remainder_size=50),
    )
    record = run(spec, Resources(data, str(encoder_dir), tmp_path, say=lambda _: None))
    assert record.summary["layers"] == 3
    results = record.summary["results"]
    assert {name: results[name]["examples"] for name in results} == {
        "train": 73,
        "remainder": 50,
        "dev": 408,
    }
    # MRPC's development split: 279 of 408 pairs are paraphrases.
    assert abs(results["dev"]["majority_baseline"]["accuracy"] - 279 / 408) < 1e-9
    assert {"accuracy", "f1"} <= set(results["dev"]["metrics"])
    # Pairs that share a sentence are told apart from those that do not.
    dev = record.examples("dev")
    texts = zip(data.evaluation["dev"]["text"], data.evaluation["dev"]["text_pair"], strict=True)
    assert dev["group"].nunique() < len({text for pair in texts for text in pair})
    assert (dev["group"] <= dev.index).all()
