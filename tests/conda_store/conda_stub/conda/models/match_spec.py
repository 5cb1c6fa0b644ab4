import rattler


class MatchSpec:
    def __init__(self, text: str) -> None:
        self.name = rattler.MatchSpec(text).name.normalized
