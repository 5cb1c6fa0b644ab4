"""Files at another place: programs keep their size, texts and bytecode say the new path, and nothing else changes."""

import importlib.util
import json
import marshal
import py_compile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qhub_hub.environments.oci.relocation import Move, moved, moved_bytecode, moved_record, needs_change

OLD, NEW = b"/srv/qhub/files/environments/global/builds/work/0123456789ab-20261121T160023Z", b"/opt/environment"
MOVE = Move(OLD, NEW)
chunks = st.lists(st.binary(max_size=20) | st.just(OLD) | st.just(b"\0"), max_size=12).map(b"".join)


def at_new_place(folder: Path, content: bytes) -> bytes:
    path = folder / "file"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert needs_change(file, MOVE) == (OLD in content)
        return b"".join(moved(file, MOVE)) if OLD in content else content


@given(chunks)
def test_nothing_that_holds_a_nul_changes_its_size_and_nothing_names_the_old_place(tmp_path_factory, content) -> None:
    after = at_new_place(tmp_path_factory.mktemp("m"), content)
    assert OLD not in after
    if b"\0" in content:
        assert len(after) == len(content)
        assert [part for part in after.split(b"\0") if part] == [
            part.replace(OLD, NEW) for part in content.split(b"\0") if part
        ]
    else:
        assert after == content.replace(OLD, NEW)


def test_what_comes_after_a_path_in_a_program_stays_where_it_is(tmp_path: Path) -> None:
    content = b"\x7fELF" + OLD + b"/lib:" + OLD + b"/share\0next\0"
    after = at_new_place(tmp_path, content)
    assert after.index(b"next") == content.index(b"next")
    assert after[4:].startswith(NEW + b"/lib:" + NEW + b"/share\0\0")


def compiled(folder: Path, name: str, source: str, mode: py_compile.PycInvalidationMode) -> tuple[bytes, int]:
    path = folder / f"{name}.py"
    path.write_text(source)
    target = py_compile.compile(
        str(path), str(folder / "out.pyc"), dfile=f"{OLD.decode()}/{name}.py", invalidation_mode=mode
    )
    assert target is not None
    return Path(target).read_bytes(), int(path.stat().st_mtime)


@pytest.mark.parametrize("mode", py_compile.PycInvalidationMode, ids=str)
@pytest.mark.parametrize("name", ["m", "m" * 200, "mäß"], ids=["short", "longer than 255", "not ASCII"])
def test_bytecode_says_the_new_place_and_is_valid_for_a_source_without_time(
    tmp_path: Path, name: str, mode: py_compile.PycInvalidationMode
) -> None:
    source = "def f(x):\n    return lambda: x + 40000\n\nclass C:\n    def g(self): return f(2)() + 1\n"
    content, time = compiled(tmp_path, name, source, mode)
    after = moved_bytecode(content, MOVE, time)
    assert after is not None
    code = marshal.loads(after[16:])  # noqa: S302 - made above
    assert code.co_filename == f"{NEW.decode()}/{name}.py"
    assert code.co_consts[0].co_filename == code.co_filename
    found: dict[str, object] = {"__name__": "m"}
    exec(code, found)  # noqa: S102 - made above
    assert found["C"]().g() == 40003  # type: ignore[operator]
    assert after[:4] == importlib.util.MAGIC_NUMBER
    if mode is py_compile.PycInvalidationMode.TIMESTAMP:
        assert after[8:16] == bytes(4) + len(source.encode()).to_bytes(4, "little")
    else:
        assert after[:16] == content[:16]


def test_bytecode_of_another_source_is_left_out(tmp_path: Path) -> None:
    content, time = compiled(tmp_path, "m", "x = 1\n", py_compile.PycInvalidationMode.TIMESTAMP)
    assert moved_bytecode(content, MOVE, time + 1) is None


def test_bytecode_with_the_path_inside_a_text_is_left_out(tmp_path: Path) -> None:
    source = f"x = b'-I{OLD.decode()}/include'\n"
    content, time = compiled(tmp_path, "m", source, py_compile.PycInvalidationMode.TIMESTAMP)
    assert moved_bytecode(content, MOVE, time) is None


@given(chunks, st.booleans())
@example(b"Z" + bytes([2 * len(OLD) + 1]) + 3 * OLD, False)
def test_whatever_is_called_bytecode_is_moved_or_left_out(content: bytes, checked: bool) -> None:
    after = moved_bytecode(bytes([203, 13, 13, 10, checked]) + bytes(11) + content, MOVE, 0)
    assert after is None or OLD not in after


def test_a_record_keeps_what_is_true_everywhere() -> None:
    record = {
        "name": "tiny",
        "files": ["bin/tiny"],
        "url": "https://conda.example.org/tiny.conda",
        "link": {"source": "/srv/qhub/.cache/tiny", "type": 1},
        "extracted_package_dir": "/srv/qhub/.cache/tiny",
        "paths_data": {"paths": [{"_path": "bin/tiny", "sha256": "1", "sha256_in_prefix": "2"}]},
        "note": f"{OLD.decode()}/ä",
    }
    after = json.loads(moved_record(json.dumps(record, ensure_ascii=False).encode(), MOVE))
    assert after == {
        "name": "tiny",
        "files": ["bin/tiny"],
        "url": "https://conda.example.org/tiny.conda",
        "paths_data": {"paths": [{"_path": "bin/tiny", "sha256": "1"}]},
        "note": "/opt/environment/ä",
    }


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"], ids=["empty", "list", "half", "no text"])
def test_what_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        moved_record(content, MOVE)


def test_an_empty_file_needs_no_change(tmp_path: Path) -> None:
    assert at_new_place(tmp_path, b"") == b""
