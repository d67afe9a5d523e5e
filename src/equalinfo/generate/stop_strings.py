"""What of a growing text may be shown: nothing that a stop string or a limit would take back."""

from collections.abc import Sequence


class StopMatcher:
    """A text that grows until a stop string stands in it or it is long enough.

    Args:
        stops: byte strings; the text ends before the first that is complete in it, wherever tokens begin and end.
        limit: the most bytes, cut where a UTF-8 character ends; None sets no limit.

    Attributes:
        text: the bytes so far, without the stop string.
        reason: why it ended: "stop" or "bytes"; None while it may grow.

    Examples:
        >>> matcher = StopMatcher([b"END"])
        >>> matcher.feed(b"some text EN")
        >>> matcher.take()
        b'some text '
        >>> matcher.feed(b"D and more")
        >>> matcher.text, matcher.reason
        (b'some text ', 'stop')
    """

    def __init__(self, stops: Sequence[bytes] = (), limit: int | None = None) -> None:
        self.stops, self.limit = [stop for stop in stops if stop], limit
        self.text = b""
        self.reason: str | None = None
        self._shown = 0

    def feed(self, data: bytes) -> None:
        """Adds bytes; those after the end are dropped."""
        if self.reason:
            return
        before = len(self.text)
        self.text += data
        # As if bytes came one by one: the stop string that is complete first, unless the limit comes before that.
        places = ((self.text.find(stop, max(before - len(stop) + 1, 0)), stop) for stop in self.stops)
        stop_at = min(((at + len(stop), at) for at, stop in places if at >= 0), default=None)
        if (
            self.limit is not None
            and len(self.text) >= self.limit
            and (not stop_at or stop_at[0] > self.limit)
        ):
            self.text, self.reason = self.text[: _character_end(self.text, self.limit)], "bytes"
        elif stop_at:
            self.text, self.reason = self.text[: stop_at[1]], "stop"

    def take(self, final: bool = False) -> bytes:
        """The bytes that are new since the last call and certain to stay; with `final`, all that are new.

        Where the text is UTF-8, so are the bytes of each call.
        """
        held = 0
        if not (final or self.reason):
            # A stop string may have begun, or a character, which the limit could come to cut.
            held = max((_beginning_of(stop, self.text) for stop in self.stops), default=0)
            held = max(held, len(self.text) - _character_end(self.text, len(self.text)))
        upto = max(len(self.text) - held, self._shown)
        new, self._shown = self.text[self._shown : upto], upto
        return new


def _beginning_of(stop: bytes, text: bytes) -> int:
    """The length of the longest end of `text` that `stop` begins with, itself excluded."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)


def _character_end(text: bytes, limit: int) -> int:
    """`limit`, or where the UTF-8 character begins that it cuts, or that may go on where `text` ends there."""
    for back in range(1, min(3, limit) + 1):
        lead = text[limit - back]
        if lead & 0xC0 != 0x80:
            needs = 2 + (lead >= 0xE0) + (lead >= 0xF0) if 0xC2 <= lead <= 0xF4 else 1
            open_ = limit == len(text) or text[limit] & 0xC0 == 0x80
            return limit - back if needs > back and open_ else limit
    return limit
