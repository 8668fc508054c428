"""A headless browser that shows a page at some size and says what a script in the page found.

The browser is driven from inside: a script appended to the page looks, and writes what it found
into an element with the id `found-by-the-test`, whose text `--dump-dom` prints.
"""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

DESKTOP, PHONE = (1440, 900), (390, 844)


def shown(folder: Path, text: str, script: str, size: tuple[int, int]) -> dict[str, Any]:
    """Return what `script` (HTML before the end of the body) finds in a page of this text."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no browser is there: chromium is not installed")
    page = text.replace("</body>", f"{script}</body>")
    (folder / "page.html").write_text(page, encoding="utf-8")
    width, height = size
    # A window cannot be narrower than some hundreds of pixels, but a frame in it can.
    (folder / "frame.html").write_text(
        f'<!doctype html><iframe id="f" src="page.html" width="{width}" height="{height}">'
        '</iframe><pre id=out></pre><script>const f = document.getElementById("f");'
        'setInterval(() => { const a = f.contentDocument?.getElementById("found-by-the-test");'
        'if (a) document.getElementById("out").textContent = a.textContent; }, 100)</script>'
    )
    done = subprocess.run(
        [
            chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
            "--allow-file-access-from-files", "--virtual-time-budget=8000",
            f"--user-data-dir={folder / 'profile'}", "--window-size=1500,1000",
            (folder / "frame.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert found is not None, done.stderr[-2000:]
    assert found.group(1), done.stdout[-500:]
    return dict(json.loads(unescape(found.group(1))))
