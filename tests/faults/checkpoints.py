"""Harmed checkpoints: refused in a sentence, or the network that they were, or another by name."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from mixkd_core.data.tasks import Task
from mixkd_core.networks.checkpoints import load_classifier, load_config, load_tokenizer
from mixkd_core.networks.embedded_encoder import write_embedded_encoder
from mixkd_core.networks.weights import write_network
from mixkd_core.records.specs import checkpoint_ref
from tests.faults.odd import altered, as_json, damaged_bytes, put_in_place, values
from tests.faults.outcomes import ACCEPTED, ChangedError, outcome

TASK = Task("two", ("text",), "label", ("bad", "good"))
TEXTS = ["the film was good", "bad"]
# Sizes and kinds that a configuration gives, each to be set to something odd.
FIELDS = (
    "model_type", "architectures", "auto_map", "hidden_size", "num_hidden_layers", "id2label",
    "num_attention_heads", "intermediate_size", "vocab_size", "max_position_embeddings", "dtype",
    "type_vocab_size", "pad_token_id", "label2id", "hidden_act", "problem_type", "num_labels",
    "layer_norm_eps", "is_decoder", "tie_word_embeddings", "quantization_config", "torch_dtype",
    "attn_implementation", "_attn_implementation", "transformers_version", "use_return_dict",
)  # fmt: skip
KINDS = (
    "gpt2",
    "t5",
    "bart",
    "roberta",
    "no such",
    "vit",
    "clip",
    "wav2vec2",
    "mamba",
    "llama",
    "",
)


class Checkpoints:
    """A small fine-tuned classifier and its tokenizer, harmed again and again.

    Args:
        room: where to work.
    """

    def __init__(self, room: Path) -> None:
        self.whole, self.harmed = room / "whole", room / "harmed"
        write_embedded_encoder(self.whole, seed=0)
        network = load_classifier(self.whole, TASK)
        write_network(network, self.whole)
        self.logits, self.digest = self._read(self.whole)

    def check(self, draw: st.DrawFn) -> str:
        """Harm the checkpoint and read it; return whether it was taken.

        Raises:
            FaultError: for a traceback, a hang, or other logits under the same digest.
        """
        shutil.rmtree(self.harmed, ignore_errors=True)
        shutil.copytree(self.whole, self.harmed)
        for _ in range(draw(st.integers(1, 2))):
            self._harm(draw)
        state, read = outcome(lambda: self._read(self.harmed))
        if state == ACCEPTED:
            logits, digest = read
            same = logits.shape == self.logits.shape and torch.equal(logits, self.logits)
            if not same and digest == self.digest:
                raise ChangedError("other logits under the same digest")
        return state

    def _read(self, folder: Path) -> tuple[Tensor, str]:
        """Logits on fixed texts, and the digest that a run's id holds."""
        load_config(folder)
        tokenizer = load_tokenizer(folder)
        network = load_classifier(folder, TASK).eval()
        digest = checkpoint_ref(folder).digest
        # One by one: what to pad with, the tokenizer need not say.
        tokens = [tokenizer(text, return_tensors="pt") for text in TEXTS]
        with torch.no_grad():
            return torch.cat([network(**text).logits for text in tokens]), digest

    def _harm(self, draw: st.DrawFn) -> None:
        path = draw(st.sampled_from(sorted(p for p in self.harmed.iterdir() if p.is_file())))
        what = draw(st.sampled_from(["bytes", "json", "json", "field", "field", "header", "place"]))
        if what == "bytes":
            path.write_bytes(damaged_bytes(draw, path.read_bytes()))
        elif what == "place":
            put_in_place(draw, path)
        elif what == "header":
            _alter_header(draw, self.harmed / "model.safetensors")
        else:
            if what == "field":
                path = self.harmed / "config.json"
            if not path.is_file():  # what stands in its place may be a pipe, which nobody fills
                return
            try:
                content = json.loads(path.read_bytes())
            except (OSError, ValueError, RecursionError):
                return
            if what == "field" and isinstance(content, dict):
                name = draw(st.sampled_from(FIELDS))
                kind = st.sampled_from(KINDS) if name == "model_type" else values
                content[name] = draw(kind)
                path.write_bytes(as_json(content))
            else:
                path.write_bytes(as_json(altered(draw, content)))


def _alter_header(draw: st.DrawFn, path: Path) -> None:
    """Change the header of weights, its length with it."""
    if not path.is_file():
        return
    try:
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header: Any = json.loads(content[8 : 8 + length])
    except (OSError, ValueError, struct.error, RecursionError):
        return
    changed = as_json(altered(draw, header))
    stated = draw(st.sampled_from([len(changed), len(changed), 0, 2**62]))
    path.write_bytes(struct.pack("<Q", stated) + changed + content[8 + length :])
