"""Odd values, texts and bytes, and odd places in a structure to put them."""

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

# What a person could give by mistake, a program write, or a stranger choose with care.
HOSTILE = (
    "", " ", "nan", "inf", "-1", "0", "1e400", "None", "null", "=1+1", "+1", "-x", "@SUM(A1)",
    "<script>alert(1)</script>", "|a|b|", "**bold**", "`code`", "\\input{/etc/passwd}", "$x$", "%",
    "a,b", 'a"b', "a\tb", "a\nb", "a\rb", "\x00", "\x1b[31m", "\u202e", "\ud800", "é", "数",
    "..", "/", "/etc/passwd", "~", "C:\\x", "x" * 300, "train", "remainder", "fresh", "[red]x",
    "{{7*7}}", "${HOME}", "!!python/object/apply:os.system [true]", "&a *a", "0x1", "1_000",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2, 1.5, -0.0, 1e-300, 1e308, -1e308, 10**23, 2**31, 2**63, 10**400, float("nan"),
    float("inf"), float("-inf"),
)  # fmt: skip


def deep(depth: int) -> str:
    """JSON and YAML of lists in lists."""
    return "[" * depth + "]" * depth


texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
scalars = st.one_of(st.sampled_from(NUMBERS), texts, st.none(), st.booleans())
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(texts, scalars, max_size=3),
    st.just({"a": [{"b": [[]]}]}),
)
# No file of anything: what stands in place of one.
blobs = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"", b"{", b"[]", b"null", b"NaN", b"\xff\xfe", b"PK\x03\x04", b"PAR1PAR1", b"\x80\x04."]
    ),
    st.just(deep(100_000).encode()),
    st.just(b'{"a":' * 5000),
    st.just(b"9" * 5000),
)


def altered(draw: st.DrawFn, content: Any) -> Any:
    """A structure of dicts and lists with one place in it changed, dropped or doubled."""
    content = json.loads(json.dumps(content))
    inside, path = content, []
    while isinstance(inside, (dict, list)) and inside:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        key = draw(st.sampled_from(keys))
        path.append((inside, key))
        inside = inside[key]
        if draw(st.booleans()) and draw(st.booleans()):
            break
    if not path:
        return draw(values)
    parent, key = path[-1]
    what = draw(st.sampled_from(["set", "set", "set", "drop", "double"]))
    if what == "drop":
        del parent[key]
    elif what == "double" and isinstance(parent, list):
        parent.append(parent[key])
    elif what == "double":
        parent[draw(texts)] = parent[key]
    else:
        parent[key] = draw(values)
    return content


def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes cut off, changed in one place, doubled, or others in their place."""
    what = draw(st.sampled_from(["cut", "flip", "append", "replace", "double"]))
    place = draw(st.integers(0, max(0, len(content) - 1)))
    if what == "cut":
        return content[:place]
    if what == "flip":
        return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]
    if what == "append":
        return content + draw(blobs)
    if what == "double":
        return content + content
    return draw(blobs)


def put_in_place(draw: st.DrawFn, path: Path) -> None:
    """Put what is no file where a file was."""
    what = draw(st.sampled_from(["nothing", "folder", "pipe", "loop", "endless", "closed"]))
    path.unlink(missing_ok=True)
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "loop":
        path.symlink_to(path.name)
    elif what == "endless":
        path.symlink_to("/dev/zero")
    elif what == "closed":
        path.touch(mode=0)


def as_json(content: Any) -> bytes:
    """JSON, numbers included that strict JSON does not have, and texts that are none."""
    return json.dumps(content).encode("utf-8", "surrogatepass")
