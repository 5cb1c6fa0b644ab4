"""Where an image goes: whole or not at all, and never over something else."""

import fcntl
import json
import os
import tarfile
from pathlib import Path

import pytest

from qhub_hub.environments.oci import ImageError, parse_reference
from qhub_hub.environments.oci.documents import index_of, manifest_of
from qhub_hub.environments.oci.output import Documents, aside, check_free, put
from qhub_hub.environments.oci.tar import write_layer


def image(blobs: Path, tag: str = "latest", config: bytes = b"{}") -> Documents:
    layer = write_layer(blobs, "one", [], lambda: None)
    return Documents(config, manifest_of(config, [layer], {}), (layer,), f"team/work:{tag}", tag)


def write(text: str, config: bytes = b"{}") -> str:
    place = parse_reference(text)
    check_free(place)
    with aside(place) as blobs:
        return put(place, blobs, image(blobs, place.tag or "latest", config))


def tags(folder: Path) -> dict[str, str]:
    entries = json.loads((folder / "index.json").read_text())["manifests"]
    return {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in entries}


def test_a_folder_holds_several_images_and_each_tag_one(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    first = write(f"oci:{folder}:one")
    second = write(f"oci:{folder}:two", b'{"a": 1}')
    assert tags(folder) == {"one": first, "two": second}
    third = write(f"oci:{folder}:one", b'{"b": 1}')
    assert tags(folder) == {"one": third, "two": second}
    assert [path.name for path in tmp_path.iterdir()] == ["images"], "nothing is left beside it"


def test_an_archive_is_both_a_docker_archive_and_a_folder_of_images(tmp_path: Path) -> None:
    digest = write(f"docker-archive:{tmp_path}/a.tar:team/work:latest")
    with tarfile.open(tmp_path / "a.tar") as tar:
        names = tar.getnames()
        (listed,) = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert set(listed["Layers"]) <= set(names)
        assert listed["RepoTags"] == ["team/work:latest"]
        assert json.load(tar.extractfile("index.json"))["manifests"][0]["digest"] == digest  # type: ignore[arg-type]
    write(f"docker-archive:{tmp_path}/a.tar", b'{"a": 1}')  # one that QHub wrote may be written anew


def something_else(tmp_path: Path, what: str) -> str:
    path = tmp_path / "there"
    if what == "folder":
        (path / "thesis").mkdir(parents=True)
    elif what == "file":
        path.write_text("thesis")
    elif what == "archive":
        with tarfile.open(path, "w") as tar:
            tar.add(__file__, "thesis")
    else:
        path.symlink_to("/etc")
    return str(path)


@pytest.mark.parametrize("kind", ["oci", "docker-archive"])
@pytest.mark.parametrize("what", ["folder", "file", "archive", "link"])
def test_nothing_else_is_written_over(tmp_path: Path, kind: str, what: str) -> None:
    path = something_else(tmp_path, what)
    with pytest.raises(ImageError, match="exists and is not"):
        write(f"{kind}:{path}")


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(f"oci:{tmp_path}/empty")
    assert list(tags(tmp_path / "empty")) == ["latest"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"There is no folder {tmp_path}/no"):
        write(f"oci:{tmp_path}/no/images")


def test_a_damaged_folder_of_images_is_left_alone(tmp_path: Path) -> None:
    write(f"oci:{tmp_path}/images")
    (tmp_path / "images/index.json").write_text("[]")
    with pytest.raises(ImageError, match=r"its index\.json can't be understood"):
        write(f"oci:{tmp_path}/images")
    assert (tmp_path / "images/index.json").read_text() == "[]"


def test_two_programs_do_not_write_one_image(tmp_path: Path) -> None:
    place = parse_reference(f"oci:{tmp_path}/images")
    with aside(place), pytest.raises(ImageError, match="Another program is writing"), aside(place):
        pass


def test_what_a_killed_program_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".images.part/blobs/sha256"
    left.mkdir(parents=True)
    (left / "half").write_text("x")
    write(f"oci:{tmp_path}/images")
    assert not (tmp_path / "images/blobs/sha256/half").exists()
    assert not left.exists()


def test_a_link_in_the_place_of_the_draft_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis").write_text("x")
    (tmp_path / ".images.part").symlink_to("home")
    with pytest.raises(OSError, match=r"."):
        write(f"oci:{tmp_path}/images")
    assert (tmp_path / "home/thesis").exists()


def test_an_image_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    place = parse_reference(f"docker-archive:{tmp_path}/a.tar")

    def interrupted() -> None:
        with aside(place) as blobs:
            image(blobs)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_goes_with_the_draft(tmp_path: Path) -> None:
    place = parse_reference(f"oci:{tmp_path}/images")
    with aside(place):
        pass
    with aside(place) as blobs:
        handle = os.open(blobs.parents[1], os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)


def test_documents_are_the_same_bytes_on_every_day() -> None:
    assert index_of([{"b": 1, "a": 2}]) == index_of([{"a": 2, "b": 1}])
