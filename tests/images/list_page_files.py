"""Runs inside the hub image: prints what JupyterHub's pages name of `static/components` and is not there, as JSON."""

import json
import re
import sys
from pathlib import Path

root = Path(sys.prefix, "share/jupyterhub")
pages = [*root.glob("templates/*.html"), root / "static/css/style.min.css"]
text = "".join(page.read_text("utf-8-sig") for page in pages)
named = {root / "static" / name for name in re.findall(r"components/[\w@./-]+", text)}
for style in [path for path in named if path.suffix == ".css"]:
    named |= {style.parent / name for name in re.findall(r"url\([\"']?([^\"')#?]+)", style.read_text())}
missing = [str(path) for path in named if not any(Path(f"{path}{end}").is_file() for end in ("", ".js"))]
print(json.dumps({"named": sorted(map(str, named)), "missing": missing}))
