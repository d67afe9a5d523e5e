"""Marks of case by regular expressions over bytes. The tests compare; nothing else uses this."""

import re

CAPITAL, CAPITALS = b"\xfe", b"\xff"


def marked(text: bytes) -> bytes:
    def written(found: re.Match[bytes]) -> bytes:
        space, word = found.groups()
        capitals = len(re.findall(rb"[A-Z]", word))
        mark = b""
        if re.match(rb"[A-Z]", word) and capitals in (1, len(word)):
            mark, word = CAPITAL if capitals == 1 else CAPITALS, word.lower()
        return mark + space + re.sub(rb"[\xfe\xff]", lambda byte: byte[0] * 2, word)

    return re.sub(rb"( ?)([A-Za-z\x80-\xff]+)", written, text)


def unmarked(text: bytes) -> bytes:
    def read(found: re.Match[bytes]) -> bytes:
        one, two, space, letter, before, letters = found.groups(b"")
        return one + two + space + letter.upper() + before + letters.upper()

    return re.sub(rb"\xfe(\xfe)|\xff(\xff)|\xfe( ?)([a-z]?)|\xff( ?)([a-z]*)", read, text)
