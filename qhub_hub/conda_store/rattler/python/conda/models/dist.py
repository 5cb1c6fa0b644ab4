"""A package by its address."""

from types import SimpleNamespace


class Dist:
    """What an address says."""

    @staticmethod
    def from_string(url: str) -> SimpleNamespace:
        """Its parts."""
        base, subdir, file = url.rsplit("/", 2)
        name, version, build = file.removesuffix(".conda").removesuffix(".tar.bz2").rsplit("-", 2)
        number = build.rpartition("_")[2]
        return SimpleNamespace(
            name=name,
            version=version,
            build=build,
            build_number=int(number) if number.isdecimal() else 0,
            subdir=subdir,
            base_url=base,
        )
