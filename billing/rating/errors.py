"""The one error of rating."""


class ChargeError(ValueError):
    """A charge or a usage that cannot be rated; the message begins with the field's path."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
