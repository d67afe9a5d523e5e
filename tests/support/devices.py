"""Devices of a test's own: with a fault, a test that writes to /dev/null as root takes it from the whole machine."""

import os
import stat
from pathlib import Path

NULL, FULL = 3, 7  # minor numbers of Linux's memory devices


def make_device(path: Path, minor: int) -> bool:
    """Makes a memory device; whether it can be used (by root, where the file system has devices)."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        path.unlink(missing_ok=True)
        return False
    return True
