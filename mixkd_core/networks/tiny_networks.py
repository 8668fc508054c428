"""A tiny random classifier of any architecture that transformers has, made from its configuration.

Sizes are set wherever a configuration has a setting of a known name; what a family needs beyond
that stands in `OF_FAMILY`. The networks have four layers of width 16 and 64 words.
"""

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig

from mixkd_core.errors import InputError

LAYERS, WIDTH, HEADS, WORDS, LABELS = 4, 16, 2, 64, 3

# Beyond which a network was not shrunk: some setting of its family is not known here.
MOST_PARAMETERS = 5_000_000

_SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "emb_dim"), WIDTH),
    **dict.fromkeys(("embedding_size", "word_embed_proj_dim", "pooler_hidden_size"), WIDTH),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), LAYERS),
    **dict.fromkeys(("num_decoder_layers", "encoder_layers", "decoder_layers"), LAYERS),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), HEADS),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), HEADS),
    **dict.fromkeys(("d_kv", "d_head", "q_lora_rank", "kv_lora_rank"), WIDTH // HEADS),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"), WIDTH // HEADS),
    **dict.fromkeys(("d_ff", "d_inner", "dff", "ffn_dim", "n_inner", "hidden_dim"), 2 * WIDTH),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "intermediate_size"), 2 * WIDTH),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"), 64),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 2),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), WIDTH),
    "ffn_hidden_size": 2 * WIDTH,
    "image_size": 32,
    "patch_size": 16,
    "type_vocab_size": 2,
    "n_group": 1,
    "topk_group": 1,
}
# Set where the setting exists, be it unset by default.
_ALWAYS: dict[str, Any] = {
    **dict.fromkeys(("pad_token_id", "pad_index"), 0),
    **dict.fromkeys(("bos_token_id", "cls_token_id"), 1),
    **dict.fromkeys(("eos_token_id", "sep_token_id"), 2),
    "vocab_size": WORDS,
    "num_key_value_heads": HEADS,
    "head_dim": WIDTH // HEADS,
    "num_experts_per_tok": 1,
}
_LINEAR_ATTENTION = {
    "layer_types": ["linear_attention", "full_attention"] * (LAYERS // 2),
    "linear_num_value_heads": HEADS,
    "linear_num_key_heads": HEADS,
    "linear_key_head_dim": WIDTH // HEADS,
    "linear_value_head_dim": WIDTH // HEADS,
}
_MAMBA = {"use_mamba_kernels": False, "mamba_dt_rank": 4, "use_mem_eff_path": False}
OF_FAMILY: dict[str, dict[str, Any]] = {
    "gptj": {"rotary_dim": 4},
    "gpt_neo": {"attention_types": [[["global", "local"], LAYERS // 2]]},
    "funnel": {"block_sizes": [2, 2], "block_repeats": [1, 1]},
    "jamba": {
        **_MAMBA,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
    },
    "lilt": {"hidden_size": 24, "channel_shrink_ratio": 2},
    "t5gemma": {"cross_attention_hidden_size": WIDTH},
    "longformer": {"attention_window": [4] * LAYERS},
    "luke": {"entity_vocab_size": 8, "entity_emb_size": WIDTH},
    "layoutlmv3": {"coordinate_size": 2, "shape_size": 4, "visual_embed": False},
    "perceiver": {
        "num_latents": 4,
        "d_latents": WIDTH,
        "num_cross_attention_heads": HEADS,
        "num_self_attention_heads": HEADS,
        "num_self_attends_per_block": LAYERS,
    },
    "qwen3_5": _LINEAR_ATTENTION,
    "qwen3_5_text": _LINEAR_ATTENTION,
    "qwen3_next": _LINEAR_ATTENTION,
    "reformer": {
        "axial_pos_embds_dim": (8, 8),
        "axial_pos_shape": (8, 8),
        "attn_layers": ["local", "lsh"] * (LAYERS // 2),
        "attention_head_size": 8,
        "feed_forward_size": 2 * WIDTH,
        "local_attn_chunk_length": 8,
        "lsh_attn_chunk_length": 8,
        "num_hashes": 2,
    },
    "roc_bert": {
        "pronunciation_vocab_size": 8,
        "shape_vocab_size": 8,
        "pronunciation_embed_dim": 8,
        "shape_embed_dim": 8,
    },
    **{family: {"decoder_start_token_id": 0} for family in ("t5", "mt5", "umt5")},
    "xmod": {"languages": ("en_XX",), "default_language": "en_XX"},
}


def tiny_network(family: str, *, seed: int = 0) -> Any:
    """Return a random classifier of the family, in evaluation mode; the random state is kept.

    Weights are spread wider than at initialisation, so that what depends on the input shows.

    Raises:
        InputError: if it is too large in spite of the small settings.
        Exception: whatever the family raises at settings that it does not take.
    """
    config = AutoConfig.for_model(family)
    _shrink(config, OF_FAMILY.get(family, {}))
    config.num_labels = LABELS
    with torch.device("meta"):
        sketch = AutoModelForSequenceClassification.from_config(config, trust_remote_code=False)
    size = sum(parameter.numel() for parameter in sketch.parameters())
    if size > MOST_PARAMETERS:
        raise InputError(f"{size:,} parameters in spite of small settings")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = (
            AutoModelForSequenceClassification.from_config(config, trust_remote_code=False)
            .float()
            .eval()
        )
        for parameter in model.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.3)
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            nn.init.zeros_(module.weight[module.padding_idx])
    return model


def _shrink(config: Any, of_family: dict[str, Any]) -> None:
    for name, value in _SIZES.items():
        if getattr(config, name, None) is not None:
            _set(config, name, value)
    for name, value in _ALWAYS.items():
        if hasattr(config, name):
            _set(config, name, value)
    kinds = getattr(config, "layer_types", None)
    if kinds and len(kinds) > LAYERS:
        config.layer_types = list(kinds)[:LAYERS]
    for name, value in of_family.items():
        setattr(config, name, value)
    for name in getattr(config, "sub_configs", {}):
        part = getattr(config, name, None)
        if isinstance(part, PretrainedConfig):
            _shrink(part, of_family)


def _set(config: Any, name: str, value: Any) -> None:
    """Set what can be set: some families derive a setting from others."""
    try:
        setattr(config, name, value)
    except (AttributeError, NotImplementedError):
        return
