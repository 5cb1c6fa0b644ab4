"""One machine in the place of a cluster."""

from qhub_hub.config import Config, load_values, on_machine

GIB = 2**30


def test_node_groups_without_a_size_have_the_machines_and_others_keep_theirs() -> None:
    config = Config.model_validate({"nodeGroups": {"a": {}, "b": {"cpu": 64, "memory": "1Ti"}, "c": {"cpu": 2}}})
    sized = on_machine(config, 8, 32 * GIB)
    assert {name: (group.cpu, group.memory) for name, group in sized.node_groups.items()} == {
        "a": (8, 32 * GIB),
        "b": (64, 1024 * GIB),
        "c": (2, 32 * GIB),
    }
    assert config.node_groups["a"].cpu is None


def test_the_packaged_profiles_fit_a_small_laptop() -> None:
    assert load_values().on_machine(2, 4 * GIB).warnings == ()


def test_a_profile_that_does_not_fit_the_machine_is_a_warning_with_its_line() -> None:
    (warning,) = load_values().on_machine(1, GIB).warnings
    assert str(warning).endswith("qhub.profiles.medium.memory.guarantee: 1 GiB; a node of user can give 512 MiB")
    assert warning.position.line > 1
