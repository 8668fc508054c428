"""One forward pass of a classifier over originals and mixed samples together.

Mixing needs nothing from a model but `inputs_embeds`. The quantity that is mixed is the word
embedding together with the token-type embedding,

    e(x) = W[ids] + T[types] − T[0],    e' = λ e(x_i) + (1−λ) e(x_j),

and the model is given e' with token types 0, to which it adds T[0] by itself: at λ = 1 that is the
plain pass over x_i. Models without token types mix the word embedding alone; GPT-2, XLM and others
look token types up in the word table, and add nothing for types that are not given:
e(x) = W[ids] + W[types]. Positions, layer normalisation and dropout come after, inside the model.

Texts of unequal length are aligned at the slot that the classifier reads
(`mixkd_core.networks.reading`).

Mixing at a hidden layer k instead (manifold mixup, Verma et al., 2019) runs both texts through
the first k layers under the mask of the mixture and mixes what comes out of layer k; k = 0 is the
above. At λ = 1 this too is the plain pass over x_i. Mixing may also wait until the classifier reads
(`mixkd_core.networks.mix_layer`).
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.data.token_table import Padded
from mixkd_core.errors import InputError
from mixkd_core.mixing.mixup import mix, mix_masks
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.networks.mix_layer import POOLED, MixLayer, check_mix_layer, classifier_head
from mixkd_core.networks.reading import inputs_told, reads_last, texts_for
from mixkd_core.networks.speed.shortcuts import inputs_without_padding, takes_layout

# Architectures that look token types up in the word table.
_TYPES_ARE_WORDS = (
    "ctrl",
    "flaubert",
    "gpt-sw3",
    "gpt2",
    "gpt_bigcode",
    "gpt_neo",
    "gptj",
    "openai-gpt",
    "xlm",
)


@dataclass(frozen=True)
class MixedPairs:
    """Pairs of padded texts and their coefficients.

    Attributes:
        first, second: `input_ids`, `attention_mask`, perhaps `token_type_ids`, `(m, length)` each.
        mixing_coefficients: λ of the first, of shape `(m,)`.
    """

    first: Padded
    second: Padded
    mixing_coefficients: Tensor

    @property
    def attention_mask(self) -> Tensor:
        return mix_masks(
            self.first["attention_mask"], self.second["attention_mask"], self.mixing_coefficients
        )


@dataclass(frozen=True)
class Outputs:
    """Outputs of a pass: logits of each part, `None` for a part that was not asked for.

    Attributes:
        logits: on the originals, of shape `(n, num_labels)`.
        mixed_logits: on the mixed samples, of shape `(m, num_labels)`.
        states: hidden states of the originals after the layers asked for, at the position that
            the classifier reads (the first, or a decoder's last), of shape
            `(n, layers, hidden_size)`.
        mixed_states: the same of the mixed samples, of shape `(m, layers, hidden_size)`; before
            the place where they are mixed these are states of the first member.
    """

    logits: Tensor | None
    mixed_logits: Tensor | None
    states: Tensor | None
    mixed_states: Tensor | None


def word_and_type_embeddings(model: Any, texts: Padded) -> Tensor:
    """e(x) of the module's docstring, of shape `(n, length, embedding_size)`."""
    words = model.get_input_embeddings()
    embeddings: Tensor = words(texts["input_ids"])
    if "token_type_ids" not in texts:
        return embeddings
    if model.config.model_type in _TYPES_ARE_WORDS:
        types: Tensor = words(texts["token_type_ids"])
        return embeddings + types
    token_types = token_type_table(model)
    # Of another width they are added further inside (MobileBERT), where only types 0 are had.
    if token_types is not None and token_types.embedding_dim == embeddings.shape[-1]:
        embeddings = embeddings + token_types(texts["token_type_ids"]) - token_types.weight[0]
    return embeddings


def mixed_embeddings(model: Any, pairs: MixedPairs, originals: Padded | None = None) -> Tensor:
    """e' of the module's docstring, of shape `(m, length, embedding_size)`.

    With `originals` their e(x) come first. The table is looked into once for all: each look costs
    a gradient of the size of the whole table.
    """
    size = len(pairs.mixing_coefficients)
    found = word_and_type_embeddings(model, _with_members(originals, pairs))
    kept, first, second = found[: -2 * size], found[-2 * size : -size], found[-size:]
    mixed = mix(first, second, pairs.mixing_coefficients)
    return mixed if originals is None else torch.cat([kept, mixed])


def forward(
    model: Any,
    originals: Padded | None,
    pairs: MixedPairs | None,
    *,
    mix_layer: MixLayer = 0,
    state_layers: tuple[int, ...] = (),
    core: Any = None,
    layout: TokenLayout | None = None,
) -> Outputs:
    """Logits on the originals and on the mixed samples, in a single pass.

    Args:
        model: what is called: a sequence classifier, perhaps wrapped (compiled, distributed).
        originals: padded texts, or None to skip them.
        pairs: pairs to mix, or None to skip them; padded to the length of the originals.
        mix_layer: 0 to mix embeddings, k to mix what comes out of hidden layer k, `"pooled"` to
            mix what the classifier reads.
        state_layers: layers (from 1) whose states at the position that is read are returned.
        core: the model inside the wrapping, whose embedding tables and layers are used.
        layout: where the real tokens of originals and mixed samples are; None to find out here, for
            which an accelerator has to be waited for.

    Raises:
        InputError: if the model has no hidden layer `mix_layer`, no classifier to mix before, or
            gives no hidden states.
    """
    core = model if core is None else core
    if originals is not None:
        originals = texts_for(core, originals)
    if pairs is not None:
        pairs = replace(
            pairs, first=texts_for(core, pairs.first), second=texts_for(core, pairs.second)
        )
    count = 0 if originals is None else len(originals["input_ids"])
    if pairs is None or mix_layer == 0:
        result, layout = _forward_embedded(
            model, core, originals, pairs, layout, output_hidden_states=bool(state_layers)
        )
    elif mix_layer == POOLED:
        result = _forward_mixing_pooled(
            model, core, originals, pairs, output_hidden_states=bool(state_layers)
        )
    else:
        result = _forward_mixing_states(
            model, core, originals, pairs, mix_layer, output_hidden_states=bool(state_layers)
        )
    size = len(pairs.mixing_coefficients) if pairs is not None else 0
    states = None
    if pairs is not None and mix_layer != 0:
        layout = None
    if state_layers:
        if getattr(result, "hidden_states", None) is None:
            raise InputError(
                f"a {type(core).__name__} does not give its hidden states, which were asked for: "
                "use a method without 'pkd'."
            )
        slot = -1 if reads_last(core) else 0
        states = torch.stack(
            [_where_read(result.hidden_states[layer], slot, layout) for layer in state_layers],
            dim=1,
        )
    return Outputs(
        logits=result.logits[:count] if originals is not None else None,
        mixed_logits=result.logits[count : count + size] if pairs is not None else None,
        states=states[:count] if states is not None and originals is not None else None,
        mixed_states=(
            states[count : count + size] if states is not None and pairs is not None else None
        ),
    )


def _forward_embedded(
    model: Any,
    core: Any,
    originals: Padded | None,
    pairs: MixedPairs | None,
    layout: TokenLayout | None,
    *,
    output_hidden_states: bool,
) -> tuple[Any, TokenLayout | None]:
    """A pass over originals and mixed embeddings, without padding if the model can do that.

    Returns:
        What the model gives, and how the tokens lay in its hidden states, None if padded.
    """
    unpadded = takes_layout(model, core)
    if pairs is not None:
        embeddings, mask = mixed_embeddings(core, pairs, originals), pairs.attention_mask
        if originals is not None:
            mask = torch.cat([originals["attention_mask"], mask])
    else:
        assert originals is not None, "a pass over nothing"
        if not unpadded:
            return _run(model, core, originals, output_hidden_states), None
        embeddings, mask = word_and_type_embeddings(core, originals), originals["attention_mask"]
    if not unpadded:
        inputs = {"inputs_embeds": embeddings, "attention_mask": mask}
        return _run(model, core, inputs, output_hidden_states), None
    layout = TokenLayout.of(mask) if layout is None else layout
    result = model(
        **inputs_without_padding(core, embeddings, layout),
        output_hidden_states=output_hidden_states,
    )
    return result, layout


def _run(model: Any, core: Any, inputs: Padded, output_hidden_states: bool) -> Any:
    told = inputs_told(core, inputs["attention_mask"])
    return model(**inputs, **told, output_hidden_states=output_hidden_states)


def _where_read(states: Tensor, slot: int, layout: TokenLayout | None) -> Tensor:
    """Return hidden states at the slot that the classifier reads, of shape `(n, hidden_size)`."""
    if layout is None or len(states) == layout.texts:  # padded, or the last layer's
        return states[:, slot]
    return states[0].index_select(0, layout.first_tokens)


def _forward_mixing_states(
    model: Any,
    core: Any,
    originals: Padded | None,
    pairs: MixedPairs,
    mix_layer: int,
    *,
    output_hidden_states: bool,
) -> Any:
    """A pass over originals, first and second members, mixing where layer `mix_layer` ends.

    The members of a pair run as equals until then; afterwards the rows of the first carry the
    mixture and those of the second run on unused, which is the price of leaving the model's own
    forward pass untouched.
    """
    layers = encoder_layers(core)
    check_mix_layer(mix_layer, len(layers))
    inputs = _with_members(originals, pairs)
    masks = [pairs.attention_mask, pairs.attention_mask]
    inputs["attention_mask"] = torch.cat(
        masks if originals is None else [originals["attention_mask"], *masks]
    )
    size = len(pairs.mixing_coefficients)

    def mix_states(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        states = output[0] if isinstance(output, (tuple, list)) else output
        kept, first, second = states[: -2 * size], states[-2 * size : -size], states[-size:]
        mixed = torch.cat([kept, mix(first, second, pairs.mixing_coefficients), second])
        return (mixed, *output[1:]) if isinstance(output, (tuple, list)) else mixed

    hook = layers[mix_layer - 1].register_forward_hook(mix_states)
    try:
        return _run(model, core, inputs, output_hidden_states)
    finally:
        hook.remove()


def _forward_mixing_pooled(
    model: Any,
    core: Any,
    originals: Padded | None,
    pairs: MixedPairs,
    *,
    output_hidden_states: bool,
) -> Any:
    """A pass over originals, first and second members, mixing what the classifier reads.

    As above, the rows of the second run on unused: some heads count the rows of the input.
    """
    size = len(pairs.mixing_coefficients)

    def mix_read(_module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        read, *others = arguments
        kept, first, second = read[: -2 * size], read[-2 * size : -size], read[-size:]
        mixed = torch.cat([kept, mix(first, second, pairs.mixing_coefficients), second])
        return (mixed, *others)

    hook = classifier_head(core).register_forward_pre_hook(mix_read)
    try:
        return _run(model, core, _with_members(originals, pairs), output_hidden_states)
    finally:
        hook.remove()


def _with_members(originals: Padded | None, pairs: MixedPairs) -> Padded:
    """Originals, then the first and the second members of the pairs, each under its own mask."""
    parts = [pairs.first, pairs.second]
    if originals is not None:
        parts.insert(0, originals)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def token_type_table(model: Any) -> nn.Embedding | None:
    """Return the model's embedding of token types; DistilBERT, Llama and others have none."""
    for name, module in model.base_model.named_modules():
        if name.endswith("token_type_embeddings") and isinstance(module, nn.Embedding):
            return module
    return None
