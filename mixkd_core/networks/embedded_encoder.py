"""A small BERT over the embedded law's vocabulary: the checkpoint that needs no hub.

Its weights are random: what it knows, it learns in fine-tuning. It is small enough for a teacher
to be fine-tuned on an embedded task in seconds on one core, and it is an ordinary ``transformers``
folder, so it takes every path that BERT-base takes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import BertProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from mixkd_core.data.embedded.law import vocabulary
from mixkd_core.networks.weights import write_network

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# A larger initializer range than BERT's 0.02: at width 64 the smaller one keeps attention nearly
# uniform for the first hundreds of steps, most of a short fine-tuning.
HIDDEN_SIZE = 64
LAYERS = 4
HEADS = 4
INITIALIZER_RANGE = 0.05
MAXIMUM_LENGTH = 64


def write_embedded_encoder(folder: Path | str, *, seed: int) -> Path:
    """Writes the encoder and its word-level tokenizer; the caller's random state is untouched.

    Args:
        folder: where to; made if absent, overwritten if present.
        seed: of the weights.

    Returns:
        The folder, which ``AutoTokenizer`` and ``AutoModel...`` load.
    """
    path = Path(folder)
    tokenizer = _tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN_SIZE,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * HIDDEN_SIZE,
        max_position_embeddings=MAXIMUM_LENGTH,
        initializer_range=INITIALIZER_RANGE,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(config)
    write_network(model, path)
    tokenizer.save_pretrained(path)
    return path


def _tokenizer() -> PreTrainedTokenizerFast:
    ids = {word: index for index, word in enumerate([*SPECIAL_TOKENS, *vocabulary()])}
    backend = Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    backend.normalizer = Lowercase()
    backend.pre_tokenizer = Whitespace()
    backend.post_processor = BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=MAXIMUM_LENGTH,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
