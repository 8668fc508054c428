"""Method `transfer`: real texts without labels in place of mixtures, and as many questions."""

from typing import Any

import datasets
import pytest
import torch
from torch import Tensor

from mixkd_core.errors import InputError


@pytest.fixture
def unlabelled(tokenised_texts: Any) -> Any:
    return tokenised_texts(30, seed=9).remove_columns("labels")


def plain(model: Any, texts: Any, row: int) -> Tensor:
    """Logits of one text, passed alone and without padding."""
    inputs = {name: torch.tensor(texts[name])[row : row + 1] for name in texts}
    logits: Tensor = model(**inputs).logits
    return logits


def asked(trainer: Any) -> int:
    """How many samples the teacher is shown while its student trains."""
    count = 0

    def note(_module: Any, _inputs: Any, output: Tensor) -> None:
        nonlocal count
        count += len(output)

    hook = trainer.teacher.classifier.register_forward_hook(note)
    trainer.train()
    hook.remove()
    return count


def test_the_teacher_is_asked_exactly_as_often_as_by_mixkd(
    mixkd_trainer: Any, unlabelled: Any
) -> None:
    settings = {"num_train_epochs": 3, "mixup_ratio": 1.5}
    by_mixkd = asked(mixkd_trainer(method="tmkd", **settings))
    by_texts = asked(mixkd_trainer(method="transfer", transfer_dataset=unlabelled, **settings))
    assert by_mixkd == by_texts == 3 * 18


@pytest.mark.parametrize("fixed", [False, True])
def test_the_term_is_the_distance_on_the_texts_themselves(
    mixkd_trainer: Any, unlabelled: Any, no_dropout: Any, tokenised_texts: Any, fixed: bool
) -> None:
    """A second route: each text drawn is passed alone through both networks."""
    trainer = mixkd_trainer(
        method="transfer",
        transfer_dataset=unlabelled,
        mixup_ratio=1.5,
        alpha_transfer=2.0,
        fixed_draws=fixed,
    )
    student, teacher = no_dropout(trainer.model), trainer.teacher
    batch = next(iter(trainer.get_train_dataloader()))
    loss = trainer.compute_loss(student, batch)
    distances = torch.tensor(0.0)
    for ids in batch["first"]["input_ids"]:
        text = [token for token in ids.tolist() if token]
        row = unlabelled["input_ids"][:].index(text)
        one = {name: [unlabelled[name][row]] for name in unlabelled.column_names}
        distances = distances + (plain(student, one, 0) - plain(teacher, one, 0)).square().mean()
    originals = tokenised_texts(12)
    entropy = torch.tensor(0.0)
    for row in batch["example_index"].tolist():
        one = {name: [originals[name][row]] for name in ("input_ids", "token_type_ids")}
        label = torch.tensor([originals["labels"][row]])
        entropy = entropy + torch.nn.functional.cross_entropy(plain(student, one, 0), label)
    torch.testing.assert_close(loss, entropy / 4 + 2 * distances / (1.5 * 4), rtol=2e-4, atol=2e-5)


@pytest.mark.slow
def test_labels_of_the_transfer_set_are_never_looked_at(
    mixkd_trainer: Any, unlabelled: Any, weights_of: Any
) -> None:
    learnt = []
    nonsense = unlabelled.add_column("labels", [99 - 7 * row for row in range(30)])
    for texts in (unlabelled, nonsense, unlabelled.select(range(3))):
        trainer = mixkd_trainer(method="transfer", transfer_dataset=texts)
        trainer.train()
        learnt.append(weights_of(trainer.model))
    assert torch.equal(learnt[0], learnt[1])
    assert not torch.equal(learnt[0], learnt[2]), "which texts there are decides something"


def test_a_transfer_set_that_is_missing_useless_or_foreign_is_refused(
    mixkd_trainer: Any, unlabelled: Any
) -> None:
    with pytest.raises(InputError, match="pass transfer_dataset"):
        mixkd_trainer(method="transfer")
    with pytest.raises(InputError, match="no term 'transfer'"):
        mixkd_trainer(method="tmkd", transfer_dataset=unlabelled)
    with pytest.raises(InputError, match="input_ids, token_type_ids, and the unlabelled"):
        mixkd_trainer(
            method="transfer", transfer_dataset=unlabelled.remove_columns("token_type_ids")
        )
    with pytest.raises(InputError, match="is empty"):
        mixkd_trainer(method="transfer", transfer_dataset=unlabelled.select([]))
    with pytest.raises(InputError, match=r"no column 'input_ids' .*: tokenise it before"):
        mixkd_trainer(
            method="transfer", transfer_dataset=datasets.Dataset.from_dict({"text": ["a"]})
        )


def test_mixtures_and_unlabelled_texts_are_not_drawn_at_once(
    mixkd_trainer: Any, unlabelled: Any
) -> None:
    with pytest.raises(InputError, match="mixtures and unlabelled texts"):
        mixkd_trainer(method="tmkd", alpha_transfer=1.0, transfer_dataset=unlabelled)
