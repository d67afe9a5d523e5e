"""The 64-bit word of a state.

A slot holds one state of the trie::

    bits 38..63  base    its child by byte c, if there is one, is in slot base + c
    bit  37      accept  the path to this state is an entry
    bits 9..36   value   accepting: the token id; otherwise: its row in the fallback table (`greedy`)
    bits 0..8    label   the byte that leads here; 256 marks a slot that is nobody's child

Bases of states with children are all different, so a label is as good a check as the parent's slot
(a slot holding label c can only be a child of the state with base slot - c) and leaves room for the
token id: a step is one load and one compare, and a token costs no second load.

Slot 0 is the root and slots 1 to 255 stay free: base 0, under which nothing ever matches, is the base of
every leaf. The root's own children are in slots 256 to 511.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

BASE_SHIFT = np.uint64(38)
ACCEPT = np.uint64(1 << 37)
VALUE_SHIFT = np.uint64(9)
VALUE_MASK = np.uint64((1 << 28) - 1)
LABEL_MASK = np.uint64(511)
FREE = np.uint64(256)

ROOT_BASE = np.uint64(256)
MAX_SLOTS = 1 << 26  # what a base can address
MAX_VALUE = (1 << 28) - 1
