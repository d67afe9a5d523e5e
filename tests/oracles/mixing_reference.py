"""The adaptive predictor once more, in Python's own integers and dictionaries: one bit at a time, nothing vectorised.

Written from docs/container.md. It shares the tables of `coding.mixing.tables` (which have tests of their own), no code.
"""

from collections.abc import Sequence

from equalinfo.coding.mixing.tables import FOLLOWING, SHARE, SQUASH, STRETCH

FOLLOWS, SHARES, SQUASHED, STRETCHED = (table.tolist() for table in (FOLLOWING, SHARE, SQUASH, STRETCH))


def squash(x: int) -> int:
    return SQUASHED[x + 3072]


def clip(x: int, least: int, most: int) -> int:
    return max(least, min(x, most))


def mix(a: int, b: int) -> int:
    """The hash of two numbers."""
    x = (a * 0x2F0B4C47 + b * 0x3C6EF372 + 0x1234567) % 2**58
    x ^= x >> 29
    x = x * 0x2545F491 % 2**58
    return (x ^ x >> 25) % 2**42


class Chance:
    """A probability of 22 bits that moves towards what happens, less and less."""

    def __init__(self, share: int, limit: int) -> None:
        self.share, self.times, self.limit = share, 0, limit

    @property
    def inputs(self) -> tuple[int, int]:
        return STRETCHED[self.share // 1024], self.share - 2**21

    def learn(self, bit: int) -> None:
        rate = 2**17 // (2 * self.times + 3)
        self.share += ((bit * 2**22 - self.share) // 8 * rate) >> 13
        self.times = min(self.times + 1, self.limit)


class Slots:
    """Histories of half bytes under hashes: groups of slots of which each holds one context's."""

    def __init__(self, bits: int) -> None:
        self.size = 2**bits
        self.held: dict[int, list[int]] = {}

    def find(self, place: int) -> list[int]:
        check, first = place >> 30 & 255, place % self.size
        near = [self.held.setdefault(one, [0] * 16) for one in (first, first ^ 1, first ^ 2)]
        for slot in near:
            if slot[0] == check:
                return slot
        least = min(near, key=lambda slot: slot[1])  # the first of equal ones
        least[:] = [check] + [0] * 15
        return least


class Lane:
    """What one lane remembers of the bytes before."""

    def __init__(self, start: int) -> None:
        self.bytes: list[int] = []  # all so far
        self.start = start
        self.word = self.word_before = self.field = self.fields = self.head = 0
        self.line = self.line_before = start
        self.matches = [[0, 0], [0, 0]]  # where, how long

    def last(self, count: int) -> int:
        """The last bytes as one number."""
        return int.from_bytes(bytes(self.bytes[-count:]), "big") if count else 0

    def older(self, count: int) -> int:
        """As many of those that lie four bytes back."""
        return int.from_bytes(bytes(self.bytes[:-4][-count:]), "big")


class Mixer:
    """The whole predictor over one text.

    Args:
        text: what is known of it: the primer, then room for the block.
        primed: bytes of the primer.
        size: bytes of a lane.
        small: which tables.
    """

    def __init__(self, small: bool) -> None:
        self.slots = Slots(20 if small else 22)
        self.places = 2 ** (16 if small else 20)
        self.recent: list[dict[int, int]] = [{}, {}]
        self.chances = [[Chance(share, 255) for share in SHARES] for _ in range(13)]
        self.match_chances = [[Chance(2**22 - 2**22 // (n + 3), 1023) for n in range(64)] for _ in range(2)]
        self.bare = [Chance(2**21, 255) for _ in range(256)]
        nothing = [0 if i < 26 and i % 2 else 65536 * 15 // 100 for i in range(32)]
        self.weights: dict[tuple[object, ...], list[int]] = {}
        self.fresh = nothing
        self.last_weights = [[65536 // 4] * 4 for _ in range(256)]
        self.corrections: dict[tuple[int, int], list[int]] = {}
        self.modelled = False

    def begin(self, text: bytearray, primed: int, size: int) -> None:
        """Starts on a text after what was learned before."""
        self.text, self.primed, self.size = text, primed, size
        length = len(text) - primed
        self.lanes = [Lane(primed + start) for start in range(0, length, size)]
        self.rate = 28 * 256
        self.done = self.page_start = self.skip = 0
        self.next_skip = 4 * 4096

    def weight_row(self, key: tuple[object, ...]) -> list[int]:
        if key not in self.weights:
            self.weights[key] = list(self.fresh)
        return self.weights[key]

    def lane_start(self, position: int) -> int:
        if position < self.primed:
            return 0
        return self.primed + (position - self.primed) // self.size * self.size

    def look_for_matches(self, lane: Lane, position: int) -> None:
        for which in (0, 1):
            older = lane.older(4) * 16 + 15 if which else lane.older(1) * 16 + 14
            key = mix(lane.last(4), older) % self.places
            candidate = self.recent[which].get(key, 0)
            if lane.matches[which][1] == 0 and candidate > 0:
                most = min(position - lane.start, candidate - self.lane_start(candidate), 32)
                length = 0
                while length < most and self.text[candidate - 1 - length] == self.text[position - 1 - length]:
                    length += 1
                if length >= (12 if which else 5):
                    lane.matches[which] = [candidate, length]
            self.recent[which][key] = position

    def passes(self, lane: Lane, shifts: int) -> bool:
        """Whether the next byte is not predicted."""
        if self.skip:
            self.skip = self.skip - 1 if lane.matches[1][1] < 16 else 0
            if self.skip:
                return True
            self.page_start, self.done = shifts, 0
            return False
        if self.done < 4096:
            return False
        spent, self.page_start, self.done = shifts - self.page_start, shifts, 0
        if spent < 4096 - 64:
            self.next_skip = 4 * 4096
            return False
        self.skip = self.next_skip
        self.next_skip = min(2 * self.next_skip, 64 * 4096)
        return True

    def places_of(self, lane: Lane, position: int) -> list[int]:
        before, column = lane.last(1), position - lane.line
        above = self.text[lane.line_before + column] if lane.line_before + column < lane.line else 0
        four = lane.last(4)
        return [
            mix(before, 1),
            mix(lane.last(2), 2),
            mix(lane.last(3), 3),
            mix(four, 4),
            mix(four, lane.older(1) * 16 + 5),
            mix(four, lane.older(2) * 16 + 6),
            mix(lane.word, before * 16 + 7),
            mix(lane.word, lane.word_before * 16 + 8),
            mix(above * 256 + before, min(column, 255) * 16 + 9),
            mix(lane.head, column * 4096 + before * 16 + 10),
            mix(four & 0xFFFF0000, 11),
            mix(above * 256 + before, lane.word * 16 + 12),
            mix(lane.fields, lane.field * 16 + 13),
        ]

    def take(self, lane: Lane, byte: int, position: int) -> None:
        self.text[position] = byte
        for match in lane.matches:
            if match[1]:
                match[0] += 1
                match[1] = min(match[1] + 1, 65535)
                if match[0] >= len(self.text):
                    match[1] = 0
        column = position - lane.line
        lane.bytes.append(byte)
        if (chr(byte).isascii() and chr(byte).isalpha()) or byte >= 128:
            lane.word = mix(lane.word, byte | 32) % 2**32
        elif lane.word:
            lane.word_before, lane.word = lane.word, 0
        if byte == ord("\n"):
            lane.fields = lane.field = lane.head = 0
            lane.line_before, lane.line = lane.line, position + 1
            return
        if chr(byte) in " ,\t;":
            lane.fields += 1
            lane.field = 0
        else:
            lane.field = mix(lane.field, byte) % 2**32
        if column < 4:
            lane.head = lane.head * 256 + byte

    def byte(self, lane: Lane, position: int, row: Sequence[int] | None, coder: "Coder") -> None:
        """Predicts, codes and learns one byte."""
        self.look_for_matches(lane, position)
        if self.passes(lane, coder.shifts):
            node = 1
            for place in range(8):
                node = 2 * node + coder.bit(2**15, self.text[position] >> (7 - place) & 1)
            for match in lane.matches:
                match[1] = 0
            self.take(lane, node % 256, position)
            return
        self.done += 1
        places = self.places_of(lane, position)
        expected = [self.text[at] if length else 0 for at, length in lane.matches]
        rate = self.rate // 256
        self.rate = max(self.rate - 1, 6 * 256)
        before, node, half = lane.last(1), 1, 1
        for place in range(8):
            if place == 4:
                half, places = 1, [mix(one, node) for one in places]
            if place in (0, 4):
                slots = [self.slots.find(one) for one in places]
            inputs = []
            used = [slot[half] for slot in slots]
            for which, history in enumerate(used):
                stretched, linear = self.chances[which][history].inputs
                inputs += [stretched, linear // 2**12] if history else [0, 0]
            longest, told = 0, []
            for which, (_, length) in enumerate(lane.matches):
                known = expected[which] | 256
                if length and known >> (8 - place) == node:
                    longest = length
                    bit = known >> (7 - place) & 1
                    chance = self.match_chances[which][self.class_of(length)]
                    stretched, linear = chance.inputs
                    sign = 1 if bit else -1
                    inputs += [sign * stretched, sign * (linear >> 11)]
                    told.append((which, bit, chance))
                else:
                    inputs += [0, 0]
            if row is None:
                inputs += [STRETCHED[self.bare[node].share // 1024], 256]
            else:
                # Of the bytes that begin with these bits, those that go on with a 1.
                going = [symbol for symbol in range(256) if (symbol | 256) >> (8 - place) == node]
                ones = sum(row[symbol] for symbol in going if symbol >> (7 - place) & 1)
                share = clip(4096 * ones // sum(row[symbol] for symbol in going), 1, 4095)
                inputs += [STRETCHED[share], (share - 2048) // 2]
            step = sum(longest >= bound for bound in (1, 8, 12, 16, 24, 32, 64))
            keys: list[tuple[object, ...]] = [
                ("bits", node),
                ("match", step, place),
                ("byte", before),
                ("field", min(lane.fields, 15), lane.word == 0, place),
            ]
            rows = [self.weight_row(key) for key in keys]
            votes = []
            for weights in rows:
                total = sum(weight * given >> 8 for weight, given in zip(weights, inputs, strict=True))
                votes.append(clip(total >> 8, -2047, 2047))
            finals = self.last_weights[node]
            mixed = clip(sum(v * w for v, w in zip(votes, finals, strict=True)) >> 16, -3071, 3071)
            inside = clip(mixed, -2047, 2047) + 2048
            table = self.corrections.setdefault(
                (before, node), [squash(clip(128 * i - 2048, -2047, 2047)) for i in range(33)]
            )
            index, rest = inside // 128, inside % 128
            corrected = (table[index] * (128 - rest) + table[index + 1] * rest) // 128
            share = clip((squash(mixed) + 3 * corrected + 2) // 4, 1, 65535)
            bit = coder.bit(share, self.text[position] >> (7 - place) & 1)
            for which, history in enumerate(used):
                self.chances[which][history].learn(bit)
                slots[which][half] = FOLLOWS[2 * history + bit]
            for which, foretold, chance in told:
                chance.learn(int(foretold == bit))
                if foretold != bit:
                    lane.matches[which][1] = 0
            self.bare[node].learn(bit)
            for vote, weights in zip(votes, rows, strict=True):
                error = (bit * 65536 - squash(vote)) * rate // 8
                for i, given in enumerate(inputs):
                    weights[i] = clip(weights[i] + ((given * error + 2**14) >> 15), -(2**19) + 1, 2**19 - 1)
            error = (bit * 65536 - squash(mixed)) * 6
            for i, vote in enumerate(votes):
                finals[i] += (vote * error + 2**17) >> 18
            nearest = index + (rest >= 64)
            table[nearest] += (65535 * bit - table[nearest]) >> 6
            node, half = 2 * node + bit, 2 * half + bit
        self.take(lane, node % 256, position)

    @staticmethod
    def class_of(length: int) -> int:
        if length < 16:
            return length
        return 16 + (length - 16) // 4 if length < 80 else min(32 + (length - 80) // 32, 63)

    def code(self, coder: "Coder", rows: Sequence[Sequence[Sequence[int]]] | None) -> None:
        """The whole text; rows[step][lane] are a model's frequencies."""
        for step in range(self.size):
            for number, lane in enumerate(self.lanes):
                position = self.primed + number * self.size + step
                if position < len(self.text):
                    self.byte(lane, position, rows[step][number] if rows else None, coder)


class Coder:
    """The arithmetic code; `code` None writes, otherwise it is read."""

    def __init__(self, code: bytes | None = None) -> None:
        self.low, self.high = 0, 2**32 - 1
        self.reading, self.written, self.shifts = code is not None, bytearray(), 0
        self.rest = iter(code or b"")
        self.value = 0
        for _ in range(4):
            self.value = self.value * 256 + next(self.rest, 0)

    def bit(self, share: int, bit: int) -> int:
        size = self.high - self.low
        middle = self.low + (size >> 16) * share + ((size & 0xFFFF) * share >> 16)
        if self.reading:
            bit = int(self.value <= middle)
        if bit:
            self.high = middle
        else:
            self.low = middle + 1
        while self.low >> 24 == self.high >> 24:
            self.written.append(self.high >> 24)
            self.low = self.low % 2**24 * 256
            self.high = self.high % 2**24 * 256 + 255
            self.value = self.value % 2**24 * 256 + next(self.rest, 0)
            self.shifts += 1
        return bit

    def closed(self) -> bytes:
        """The shortest string of bytes, at least one, that with zeros after it lies in the interval."""
        for count in range(5):
            whole = bytes(self.written)
            unit = 256 ** (4 - count)
            value = -(-self.low // unit) * unit
            if value <= self.high:
                break
        return (whole + value.to_bytes(5, "big")[1 : 1 + count]).rstrip(b"\0") or b"\0"


def taught(first: bytes, small: bool = True) -> Mixer:
    """A predictor that has read the primer."""
    mixer = Mixer(small)
    mixer.begin(bytearray(first), 0, max(len(first), 1))
    mixer.code(Coder(), None)
    return mixer


def encode(
    block: bytes, first: bytes = b"", size: int = 0, rows: Sequence[Sequence[Sequence[int]]] | None = None
) -> bytes:
    """The code of a block; `rows` as in `Mixer.code`."""
    mixer = taught(first)
    if rows is not None:
        for weights in (*mixer.weights.values(), mixer.fresh):
            weights[-2:] = [65536 * 3 // 10] * 2
    mixer.begin(bytearray(first + block), len(first), size or len(block))
    coder = Coder()
    mixer.code(coder, rows)
    return coder.closed()


def decode(code: bytes, length: int, first: bytes = b"") -> bytes:
    """The block that has this code."""
    mixer = taught(first)
    mixer.begin(bytearray(first + bytes(length)), len(first), length)
    mixer.code(Coder(code), None)
    return bytes(mixer.text[len(first) :])
