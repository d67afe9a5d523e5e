"""The one exception a user is meant to read."""


class EqualInfoError(Exception):
    """Something the user can mend. The message is one line and says what to do.

    The command line prints it after ``error:`` and exits with status 1; library callers can catch it.
    Anything else that escapes is a defect of this package.
    """

    def __init__(self, message: str) -> None:
        # What is quoted may hold line ends: file names, what a file says, other libraries' words.
        super().__init__(" ".join(message.splitlines()))


class DamagedArtifact(EqualInfoError):
    """A file or directory that this package wrote does not hold what its manifest says."""


class UndecodableTokens(EqualInfoError):
    """Token ids that no input encodes to: out of range, truncated, or from another tokenizer."""


class Unreachable(EqualInfoError):
    """Something on the network that cannot be read now, and may be in a while."""
