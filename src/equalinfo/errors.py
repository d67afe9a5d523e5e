"""The one exception a user is meant to read."""


class EqualInfoError(Exception):
    """Something the user can put right. The message is one line and says what to do.

    The command line prints it after ``error:`` and exits with status 1; library callers can catch it.
    Anything else that escapes is a defect of this package.

    Examples:
        >>> from equalinfo import Tokenizer
        >>> try:
        ...     Tokenizer.from_pretrained("english-4k-exact").encode(3)
        ... except EqualInfoError as error:
        ...     print(error)
        the text must be str or bytes, not int
    """

    def __init__(self, message: str) -> None:
        # What is quoted may hold line ends: file names, what a file says, other libraries' words.
        super().__init__(" ".join(message.splitlines()))


class DamagedArtifact(EqualInfoError):
    """A file or directory that this package wrote does not hold what its manifest says."""


class UndecodableTokens(EqualInfoError):
    """Token ids that no input encodes to: out of range, truncated, or from another tokenizer.

    Examples:
        >>> from equalinfo import Tokenizer
        >>> try:
        ...     Tokenizer.from_pretrained("english-4k-exact").decode([4096])
        ... except UndecodableTokens as error:
        ...     print(error)
        id 4096 at position 0 is outside the vocabulary of 4096
    """


class Unreachable(EqualInfoError):
    """Something on the network that cannot be read now, and may be in a while."""
