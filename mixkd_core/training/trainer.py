"""`MixKDTrainer`: the loop is `transformers.Trainer`'s, the batches and the loss are MixKD's."""

import copy
import weakref
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, set_seed

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.data.token_table import TokenTable, check_labels, token_table
from mixkd_core.errors import InputError
from mixkd_core.mixing.batching import UnitCollator, UnitDataset, UnitSampler
from mixkd_core.mixing.mixup import label_targets, mix
from mixkd_core.networks.limits import padding_of
from mixkd_core.networks.matching import check_networks, match
from mixkd_core.networks.mixed_forward import MixedPairs, Outputs, forward
from mixkd_core.networks.speed.compact_embedding import OPTIMISERS, CompactEmbedding
from mixkd_core.networks.speed.quick_dropout import quick_dropout
from mixkd_core.networks.speed.shortcuts import only_what_is_read
from mixkd_core.networks.teacher_outputs import TeacherOutputs
from mixkd_core.networks.theseus import ModuleReplacement
from mixkd_core.networks.weights import open_to_readers
from mixkd_core.objectives.distances import distance
from mixkd_core.objectives.losses import patient_loss, target_loss
from mixkd_core.objectives.objective import DRAWN_TERMS
from mixkd_core.records.usual import usual_epochs
from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.checks import (
    check_class_names,
    check_optimizer_state,
    check_precision,
    check_problem,
    check_settings,
    check_teacher_precision,
)
from mixkd_core.training.nan_guard import NanGuard, check_weights
from mixkd_core.training.refused_arguments import SEARCH, check_arguments, check_parameters
from mixkd_core.training.whole_training import WholeTraining


class MixKDTrainer(Trainer):  # type: ignore[misc]
    """Trains a student against a frozen teacher on originals and mixed pairs.

    Everything `Trainer` does keeps working: resuming, gradient accumulation, bf16, `torch.compile`,
    several processes through `accelerate launch`, callbacks and trackers.

    Args:
        model: the student, a sequence classifier; weights that are trained are float32.
        args: the arguments, method included.
        train_dataset: tokenised texts: `input_ids`, perhaps `token_type_ids`, and `labels`.
        teacher: a fine-tuned classifier on the same labels and token ids; it is frozen and put
            in evaluation mode. Methods without a teacher's term do without it.
        transfer_dataset: tokenised texts that the teacher is asked about in the term `transfer`;
            labels among their columns are not looked at.
        **kwargs: as for `Trainer` (`eval_dataset`, `processing_class`, `callbacks`, ...).

    Raises:
        InputError: for arguments that contradict each other or would have no effect, a teacher or
            a transfer set that is missing, or a teacher that does not fit the student.
    """

    def __init__(
        self,
        model: Any = None,
        args: MixKDArguments | None = None,
        *,
        train_dataset: Any,
        teacher: Any = None,
        transfer_dataset: Any = None,
        **kwargs: Any,
    ) -> None:
        check_parameters(kwargs)
        if model is None or not isinstance(args, MixKDArguments):
            raise InputError(
                f"model is of type {type(model).__name__} and args of {type(args).__name__}: give "
                "a sequence classifier and MixKDArguments."
            )
        check_arguments(args)
        self.objective = args.objective
        check_class_names(train_dataset, model)
        self.table = token_table(train_dataset, padding_of(model, kwargs.get("processing_class")))
        self._drawn_from = self._with_transfer_set(transfer_dataset)
        classes = self.table.classes if model.config.num_labels > 1 else None
        if args.num_train_epochs is None:
            batch = args.train_batch_size * args.world_size * args.gradient_accumulation_steps
            args = copy.copy(args)  # which may serve another trainer, on other data
            args.num_train_epochs = usual_epochs(len(self.table), batch)
        check_settings(
            args, regression=model.config.num_labels == 1, has_classes=classes is not None
        )
        self.distance = distance(
            args.distance,
            temperature=args.temperature,
            regression=model.config.num_labels == 1,
        )
        self.teacher = teacher if self.objective.needs_teacher else None
        self._check_networks(model, args)
        check_labels(self.table.labels, model.config.num_labels)
        check_networks(model, self.teacher, self.table, self.objective, self._matching)
        self._term_sums: dict[str, Tensor] = {}
        self._term_batches = 0
        self._sent: dict[str, Tensor] = {}  # a teacher's stored outputs, on the device
        super().__init__(model=model, args=args, train_dataset=train_dataset, **kwargs)
        # The loss returned is a plain mean over the batch: the Trainer is to divide it by the
        # number of accumulation steps, and not to believe that the model has done so already.
        self.model_accepts_loss_kwargs = False
        self.loss_is_scaled_for_ga = False
        self.sampler = UnitSampler(
            self._drawn_from.lengths,
            batch_size=args.train_batch_size * args.world_size,
            **args.draws,
            length_group_batches=args.length_group_batches,
            seed=args.seed if args.data_seed is None else args.data_seed,
            classes=classes,
            transfer=len(self._drawn_from) - len(self.table),
        )
        self._teacher_outputs, self._teacher_on_draws = (
            TeacherOutputs(
                self.teacher,
                table,
                state_layers=self._matching.teacher_layers,
                precision=self.accelerator.autocast,
                precision_name=self.accelerator.mixed_precision,
                folder=None if args.teacher_cache_dir is None else Path(args.teacher_cache_dir),
            )
            for table in (self.table, self._drawn_from)
        )
        self.add_callback(SamplerEpoch(self.sampler))
        if self.objective.replaces_modules:
            self.add_callback(ModuleReplacement(model, self.teacher))
        # Padding is looked up as well, and by GPT-2 and its like so are token types.
        each = map(np.unique, self._drawn_from.columns.values())
        looked_up = np.concatenate([*each, [self.table.pad_token_id]])
        # A strong reference to this trainer would close a circle and keep its networks in memory.
        trainer = weakref.proxy(self)
        self._compact = CompactEmbedding(model, looked_up, lambda: trainer.optimizer)
        self._holds_rows_apart = self._may_hold_rows_apart()
        if self._holds_rows_apart:
            self.add_callback(self._compact)
        self._whole_training = WholeTraining()
        self.add_callback(self._whole_training)
        self._nan_guard = NanGuard(every=1 if args.device.type == "cpu" else 50)

    def _with_transfer_set(self, transfer_dataset: Any) -> TokenTable:
        """Return the training texts, followed by those of the transfer set if there is one."""
        if self.objective.transfers and transfer_dataset is None:
            raise InputError(
                f"the objective {self.objective.formula} asks the teacher about unlabelled texts, "
                "and none were given: pass transfer_dataset=..., or use 'tmkd' or 'kd'."
            )
        if not self.objective.transfers and transfer_dataset is not None:
            raise InputError(
                "transfer_dataset was given, which has no effect here: the objective "
                f"{self.objective.formula} has no term 'transfer'; use method 'transfer'."
            )
        if transfer_dataset is None:
            return self.table
        return self.table.followed_by(
            token_table(transfer_dataset, self.table.pad_token_id, label_column=None)
        )

    def _check_networks(self, model: Any, args: MixKDArguments) -> None:
        check_problem(model)
        check_precision(model)
        self._matching = match(model, self.teacher, self.objective, args.mixing_layer)
        if self.teacher is None:
            return
        check_problem(self.teacher)
        check_teacher_precision(
            self.teacher, self.objective, "bf16" if args.bf16 else "fp16" if args.fp16 else "no"
        )
        self.teacher.requires_grad_(False)
        self.teacher.eval()

    def _may_hold_rows_apart(self) -> bool:
        """Return True if the word table's unused rows need not be trained (`compact_embedding`)."""
        args = self.args
        return (
            self._compact.worthwhile
            and self.optimizer is None
            and self.optimizer_cls_and_kwargs is None
            and args.optim in OPTIMISERS
            and args.world_size == 1
            and args.n_gpu <= 1
            and not (args.fp16 or args.torch_compile or self.is_fsdp_enabled)
            and not self.is_deepspeed_enabled
        )

    # ---- data ----

    @property
    def _may_be_compiled(self) -> bool:
        return bool(self.args.torch_compile) or self.args.device.type != "cpu"

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of units; `Trainer`'s collator and sampler serve evaluation only."""
        # Where this version of the library has them.
        settings = {
            name: getattr(self.args, f"dataloader_{name}")
            for name in ("prefetch_factor", "multiprocessing_context", "in_order")
            if hasattr(self.args, f"dataloader_{name}")
        }
        pinned = self.args.dataloader_pin_memory and self.args.device.type in ("cuda", "xpu")
        # Batches are sent while the device computes: only from pinned memory is that possible.
        self.accelerator.dataloader_config.non_blocking |= pinned
        loader = DataLoader(
            UnitDataset(len(self.table)),
            batch_size=self.args.train_batch_size,
            sampler=self.sampler,
            collate_fn=UnitCollator(self._drawn_from, few_lengths=self._may_be_compiled),
            drop_last=self.args.dataloader_drop_last,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=pinned,
            persistent_workers=self.args.dataloader_persistent_workers,
            **settings,
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def _teacher_on_pairs(self, inputs: dict[str, Any], pairs: MixedPairs) -> Tensor:
        """The frozen teacher's logits on the batch's draws, of shape `(m, num_labels)`.

        Draws that are fixed are passed through it once, all of them.
        """
        shared = self.sampler.shared_draws
        if shared is None:
            with torch.no_grad(), self.accelerator.autocast():
                teacher = forward(
                    self._called_teacher,
                    None,
                    pairs,
                    mix_layer=self._matching.teacher_mix_layer,
                    core=self.teacher,
                    layout=TokenLayout(**inputs["layouts"]["mixed"]),
                )
            assert teacher.mixed_logits is not None
            return teacher.mixed_logits
        logits = self._teacher_on_draws.on_pairs(shared, self._matching.teacher_mix_layer)
        return self._stored("pairs", logits, inputs["draw_index"])

    @cached_property
    def _called_teacher(self) -> Any:
        """The teacher, compiled where the student is."""
        if not self.args.torch_compile:
            return self.teacher
        return torch.compile(self.teacher, **self.accelerator.state.dynamo_plugin.to_kwargs())

    def _stored(self, name: str, outputs: NDArray[np.float32], rows: Tensor) -> Tensor:
        """Return rows of a teacher's stored outputs, which are sent to the device once."""
        if name not in self._sent:
            self._sent[name] = torch.from_numpy(outputs).to(rows.device)
        return self._sent[name][rows]

    # ---- loss ----

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The objective on a batch of units; the plain loss on any other batch (evaluation)."""
        if "example_index" not in inputs:
            labels = inputs.pop("labels")
            outputs = model(**inputs)
            targets = label_targets(labels, self._core(model).config.num_labels)
            loss = target_loss(outputs.logits, targets).mean()
            return (loss, {"logits": outputs.logits}) if return_outputs else loss
        originals, pairs = self._parts(inputs)
        part = "originals" if pairs is None else "mixed" if originals is None else "both"
        outputs = forward(
            model,
            originals,
            pairs,
            mix_layer=self._matching.mix_layer,
            state_layers=self._matching.student_layers,
            core=self._core(model),
            layout=TokenLayout(**inputs["layouts"][part]),
        )
        terms = {
            **self._terms_on_originals(inputs, outputs),
            **self._terms_on_draws(inputs, outputs, pairs),
        }
        loss = self.objective.total(terms)
        # Of all processes together: where one alone stopped, the others would wait for it for ever.
        seen = self.accelerator.reduce(loss.detach(), reduction="mean")
        self._nan_guard.watch(seen, self.state.global_step + 1, inputs["example_index"])
        for name, value in terms.items():
            self._term_sums[name] = self._term_sums.get(name, 0.0) + value.detach()
        self._term_batches += 1
        return (loss, {"logits": outputs.logits}) if return_outputs else loss

    def _parts(self, inputs: dict[str, Any]) -> tuple[Any, MixedPairs | None]:
        """Return the parts that the student runs on: one without a weighted term is left out."""
        pairs = None
        if "mixing_coefficients" in inputs:
            pairs = MixedPairs(inputs["first"], inputs["second"], inputs["mixing_coefficients"])
        return (inputs if self.objective.uses_originals or pairs is None else None), pairs

    def _terms_on_originals(self, inputs: dict[str, Any], outputs: Outputs) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        weighted = self.objective.terms
        if not self.objective.uses_originals:
            return terms
        assert outputs.logits is not None
        if "mle" in weighted:
            targets = label_targets(inputs["labels"], outputs.logits.shape[-1])
            terms["mle"] = target_loss(outputs.logits, targets).mean()
        if weighted & {"kd", "pkd"}:
            teacher = self._teacher_outputs.on_texts()
            rows = inputs["example_index"]
            if "kd" in weighted:
                logits = self._stored("logits", teacher.logits, rows)
                terms["kd"] = self.distance(outputs.logits, logits).mean()
            if "pkd" in weighted:
                assert teacher.states is not None
                assert outputs.states is not None
                states = self._stored("states", teacher.states, rows)
                terms["pkd"] = patient_loss(outputs.states, states).mean()
        return terms

    def _terms_on_draws(
        self, inputs: dict[str, Any], outputs: Outputs, pairs: MixedPairs | None
    ) -> dict[str, Tensor]:
        """Sums over the draws divided by ratio · originals: their mean over the epoch.

        Draws are mixed samples, or texts of the transfer set. Dividing by their number in the batch
        instead would weigh them unevenly where a fractional ratio gives batches unequal shares, and
        would change with the number of processes. A batch that got none has these terms at 0.
        """
        weighted = self.objective.terms
        count = self.args.mixup_ratio * len(inputs["example_index"])
        if pairs is None:
            assert outputs.logits is not None
            # A zero that depends on the student, so that such a batch still has a gradient.
            return dict.fromkeys(weighted & DRAWN_TERMS, 0.0 * outputs.logits.sum())
        terms: dict[str, Tensor] = {}
        assert outputs.mixed_logits is not None
        if "sm" in weighted:
            num_labels = outputs.mixed_logits.shape[-1]
            targets = mix(
                label_targets(pairs.first["labels"], num_labels),
                label_targets(pairs.second["labels"], num_labels),
                pairs.mixing_coefficients,
            )
            terms["sm"] = target_loss(outputs.mixed_logits, targets).sum() / count
        for name in weighted & {"tmkd", "transfer"}:  # one of them at most
            teacher_logits = self._teacher_on_pairs(inputs, pairs)
            terms[name] = self.distance(outputs.mixed_logits, teacher_logits).sum() / count
        return terms

    def _core(self, model: Any) -> Any:
        return self.accelerator.unwrap_model(model, keep_torch_compile=False)

    # ---- the loop's own hooks ----

    def hyperparameter_search(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse, since a new student would need a trainer of its own.

        Raises:
            InputError: always.
        """
        raise InputError(f"hyperparameter_search has no effect here: {SEARCH}.")

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As `Trainer.train`, the teacher on the training device first.

        The seed is set anew: what happened since the trainer was made decides nothing.

        Raises:
            InputError: if the weights have become half-precision ones.
            NonFiniteError: when a loss or a weight is NaN or infinite; checkpoints saved before
                are kept.
        """
        check_precision(self.model)  # once more: evaluation in half precision leaves it so
        if self.teacher is not None:
            self.teacher.to(self.args.device)
        set_seed(self.args.seed)
        with ExitStack() as stack:
            stack.enter_context(only_what_is_read(self._core(self.model), self.teacher))
            if not self.args.torch_compile:
                stack.enter_context(quick_dropout(self._core(self.model)))
            if self._holds_rows_apart:
                stack.enter_context(self._compact.held())
            result = super().train(*args, **kwargs)
        self._check_finite()
        return result._replace(training_loss=result.metrics["train_loss"])

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """As `Trainer.training_step`, the loss taken note of."""
        loss: Tensor = super().training_step(*args, **kwargs)
        self._whole_training.add(loss)
        return loss

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """As `Trainer.evaluation_loop`; how often one looks does not change what is learnt.

        Starting a data loader draws from the random state that dropout goes on with.
        """
        with torch.random.fork_rng(devices=[]), self._compact.whole():
            return super().evaluation_loop(*args, **kwargs)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Add the unweighted mean of every term in force since the last logging step.

        The last entry speaks of the whole training, however often it was resumed.
        """
        if "loss" in logs and self._term_batches:
            names = sorted(self._term_sums)
            means = torch.stack([self._term_sums[name] for name in names]) / self._term_batches
            means = self.accelerator.reduce(means, reduction="mean")
            logs |= {
                f"loss_{name}": value for name, value in zip(names, means.tolist(), strict=True)
            }
            self._term_sums, self._term_batches = {}, 0
        if "train_runtime" in logs:
            self._whole_training.complete(logs, self.state, len(self.table))
        super().log(logs, *args, **kwargs)

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Look first, so that a checkpoint is never taken after a bad step.

        Model and optimiser are whole in it, whatever training holds apart: any number of
        processes, on any texts, can go on from it.
        """
        self._check_finite()
        self._whole_training.note(self.state)
        with self._compact.whole():
            super()._save_checkpoint(*args, **kwargs)

    def save_model(self, output_dir: str | None = None, **kwargs: Any) -> None:
        """As `Trainer.save_model`: all of the model, whatever training holds apart."""
        with self._compact.whole():
            super().save_model(output_dir, **kwargs)
        folder = Path(output_dir or self.args.output_dir)
        if self.args.should_save and (folder / "config.json").is_file():
            open_to_readers(folder)

    def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        with self._compact.whole():
            super()._load_from_checkpoint(*args, **kwargs)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Load them while the word table is whole, as they were saved.

        Raises:
            InputError: if they are of a network of other shapes.
        """
        with self._compact.whole():
            super()._load_optimizer_and_scheduler(checkpoint)
            if not (self.is_fsdp_enabled or self.is_deepspeed_enabled):
                check_optimizer_state(self.optimizer, self.model, checkpoint)

    def _load_best_model(self) -> None:
        with self._compact.whole():
            super()._load_best_model()

    def _check_finite(self) -> None:
        self._nan_guard.check()
        check_weights(self.model, self.state.global_step)


class SamplerEpoch(TrainerCallback):  # type: ignore[misc]
    """Tells the sampler which epoch begins.

    `Trainer` does so too, except where the batches of several processes are skipped on resuming
    inside an epoch: its call does not reach through both wrappers, and the first epoch's units
    would come again.
    """

    def __init__(self, sampler: UnitSampler) -> None:
        self.sampler = sampler

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.sampler.set_epoch(int(state.epoch))
