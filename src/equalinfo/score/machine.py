"""What a measurement ran on, in words for result files; neither host names nor paths: results are for publishing."""

import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path


def environment() -> tuple[str, dict[str, str]]:
    """For `Result.machine` and `Result.versions`."""
    # Those this process may use: in a container fewer than the machine's.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    machine = f"{cpu_model()}, {cores} cores"
    torch = sys.modules.get("torch")  # a GPU is used by what has loaded it
    if torch and torch.cuda.is_available():
        machine += f", {torch.cuda.get_device_name()}"
    return machine, versions_of(("equalinfo", "numpy", "torch"))


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Of Python, and of those of the packages that are installed."""
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return " ".join(value.split())
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown CPU"
