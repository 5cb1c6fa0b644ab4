"""The commands `conda` and `mamba`, as far as conda-store and conda-lock call them: on py-rattler, for tests only."""

import asyncio
import json
import os
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import NoReturn

import rattler

PACKAGES = Path(os.environ["CONDA_PKGS_DIRS"])


def main(words: list[str]) -> int:
    if words[:1] == ["--version"]:
        print("conda 24.11.0")
    elif words[:1] == ["info"]:
        PACKAGES.mkdir(parents=True, exist_ok=True)
        print(json.dumps({"pkgs_dirs": [str(PACKAGES)], "platform": "linux-64", "conda_version": "24.11.0"}))
    elif words[:1] == ["config"]:
        print(json.dumps({"pkgs_dirs": [str(PACKAGES)]}))
    elif words[:1] == ["create"]:
        create(words[1:])
    elif words[:2] == ["env", "export"]:
        export(words[2:])
    else:
        print(f"this conda knows no {words}", file=sys.stderr)
        return 2
    return 0


def create(words: list[str]) -> None:
    parser = ArgumentParser()
    parser.add_argument("--file", type=Path)
    parser.add_argument("--prefix", type=Path)
    stated, _ = parser.parse_known_args(words)
    lines = [line.strip() for line in stated.file.read_text().splitlines()]
    urls = [line.partition("#")[0] for line in lines if line and line[0] not in "#@"]
    asyncio.run(install(urls, stated.prefix))
    meta = stated.prefix / "conda-meta"
    for path in meta.glob("*.json"):
        record = json.loads(path.read_text())
        file = PACKAGES / record["url"].rpartition("/")[2]
        record["package_tarball_full_path"] = str(file)
        record["extracted_package_dir"] = str(file).removesuffix(".tar.bz2").removesuffix(".conda")
        path.write_text(json.dumps(record))
    (meta / "history").write_text(f"==> {time.strftime('%Y-%m-%d %H:%M:%S')} <==\n# cmd: conda create\n")
    print(f"installed {len(urls)} packages")


async def install(urls: list[str], prefix: Path) -> None:
    gateway = rattler.Gateway(cache_dir=PACKAGES / "repodata")
    wanted: dict[str, set[str]] = {}
    for url in urls:
        base, _, file = url.rsplit("/", 2)
        wanted.setdefault(base, set()).add(file)
    records = []
    for base, files in wanted.items():
        names = sorted({file.rsplit("-", 2)[0] for file in files})
        for found in await gateway.query([rattler.Channel(base)], ["linux-64", "noarch"], names, recursive=False):
            records += [record for record in found if str(record.url).rpartition("/")[2] in files]
    if len(records) != len(urls):
        raise SystemExit(f"{len(urls)} packages were asked for, and {len(records)} are there")
    await rattler.install(
        records, target_prefix=prefix, cache_dir=PACKAGES / "unpacked", show_progress=False, execute_link_scripts=False
    )


def export(words: list[str]) -> None:
    parser = ArgumentParser()
    parser.add_argument("--prefix", type=Path)
    prefix = parser.parse_known_args(words)[0].prefix
    records = [json.loads(path.read_text()) for path in sorted((prefix / "conda-meta").glob("*.json"))]
    print(json.dumps({"name": prefix.name, "dependencies": [f"{one['name']}={one['version']}" for one in records]}))


def end(code: int) -> NoReturn:
    """py-rattler 0.28 breaks Python's own way of ending."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except SystemExit as ended:
        print(ended.code, file=sys.stderr)
        code = 1
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        code = 1
    end(code)
