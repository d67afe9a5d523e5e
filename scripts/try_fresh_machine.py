"""Whether `make demo` and `make test` pass on machines unlike this one: other users, no home, odd paths, no network.

    python -m scripts.try_fresh_machine          commands and chosen tests in each setting, with packages as here
    python -m scripts.try_fresh_machine home     only settings whose name holds this word
    python -m scripts.try_fresh_machine --full   make demo and make test in each, which installs from pip: hours

Each setting has a clone of what is committed. To be another user takes root; mounts that are read-only and a network
that is cut off take root, or a kernel that lets users make namespaces. What cannot be had is named and left out.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IS_ROOT = os.geteuid() == 0
ANOTHER = 61234  # no account has it, as in containers
DROP = ["setpriv", f"--reuid={ANOTHER}", f"--regid={ANOTHER}", "--clear-groups"] if IS_ROOT else []
UNSHARE = ["unshare"] if IS_ROOT else ["unshare", "--map-root-user"]
# WORK is where the commands run and write.
READ_ONLY = """
for place in / /tmp /var/tmp; do
    mount --bind "$place" "$place" && mount -o remount,bind,ro "$place" || exit 1
done
mount -t tmpfs -o mode=1777 none "$WORK" && cd "$WORK" || exit 1
"""
# SIOCSIFFLAGS: up, loopback, running.
LOOPBACK_ONLY = """
"$PYTHON" -c "import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 0x49))" || exit 1
"""
COMMANDS = r"""
set -e
"$PYTHON" -c 'print(*(f"The window {n} of text.\n\n" * 60 for n in range(200)))' > corpus.txt
"$PYTHON" -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 9)' > bytes
"$PYTHON" -m equalinfo encode english-4k-exact bytes --out ids.npy
"$PYTHON" -m equalinfo decode english-4k-exact ids.npy --out back
cmp bytes back
"$PYTHON" -m equalinfo compile Bytes --out tok
"$PYTHON" -m equalinfo tokenize tok corpus.txt --out tokens
"$PYTHON" -m equalinfo verify tokens --decode all
"$PYTHON" -m equalinfo train-m2 tokens --size 65k --sequence 64 --batch 2 --steps 2 --out m2
"$PYTHON" -m equalinfo generate m2 "The window" --tokens 3
"""
TESTS = (
    "tests/project/test_project_kernels.py tests/project/test_project_imports.py tests/cli/test_cli_streams.py "
    "tests/cli/test_cli_bad_input.py tests/corpus/test_corpus_readers.py tests/playground/test_playground_page.py"
)


@dataclass(frozen=True)
class Setting:
    """A machine that somebody has.

    Args:
        folder: name of the clone.
        another: the user is not root and cannot write to the package's folder, only to the rest of the clone.
        environment: variables that are set, or (None) are not.
        unshare: a namespace of this kind, and what is done there first, in a shell, as root.
        make: `make` can write to the clone; otherwise only commands are run.
    """

    name: str
    folder: str = "clone"
    another: bool = False
    environment: dict[str, str | None] = field(default_factory=dict)
    unshare: tuple[str, str] | None = None
    make: bool = True


SETTINGS = [
    Setting(
        "a path with spaces, an ASCII locale, no browser",
        "a clone",
        environment={"LANG": "C", "LC_ALL": "C", "EQUALINFO_HIDE_BROWSER": "1"},
    ),
    Setting(
        "another user, no home, package folder read-only", another=True, environment={"HOME": "/nonexistent"}
    ),
    Setting(
        "nothing can be written but the working folder",
        another=True,
        environment={"HOME": None, "TMPDIR": "/nonexistent"},
        unshare=("--mount", READ_ONLY),
        make=False,
    ),
    Setting("no network", unshare=("--net", LOOPBACK_ONLY)),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only settings whose names hold one of these")
    parser.add_argument("--full", action="store_true", help="make demo and make test, from pip on")
    options = parser.parse_args()
    chosen = [one for one in SETTINGS if all(word in one.name for word in options.words)]
    failed = [one for one in chosen if not passes(one, options.full)]
    sys.exit(1 if failed or not chosen else 0)


def passes(setting: Setting, full: bool) -> bool:
    """Whether all that is run in a setting succeeds, or the setting cannot be had here; says which."""
    user = DROP if setting.another else []
    python = interpreter(user)
    inside: list[str] = []
    if setting.unshare:
        kind, script = setting.unshare
        inside = [*UNSHARE, kind, "sh", "-c", f'{script}\nexec "$@"', "sh"]
        if subprocess.run([*UNSHARE, kind, "true"], capture_output=True).returncode:
            return say(setting, f"left out, because there is no unshare {kind} here")
    if python is None:
        return say(setting, "left out, because another user can run no Python of this version")
    with tempfile.TemporaryDirectory(prefix="fresh-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        clone, work = folder / setting.folder, folder / "work"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        work.mkdir()
        changes = {
            "PYTHON": str(clone / ".venv" / "bin" / "python"),
            "WORK": str(work),
            "NUMBA_CACHE_DIR": None,
            "XDG_CACHE_HOME": None,
            "PYTHONPATH": None if full else str(clone / "src"),
            **setting.environment,
        }
        environment = {name: value for name, value in {**os.environ, **changes}.items() if value is not None}
        if not full:
            borrow_packages(python, clone)
        make = ["make", "-C", str(clone), f"PYTHON={python}"]
        # What is installed from pip is so before the network is cut off.
        steps = [[*make, ".venv/installed"]] if full else []
        rest = [[*make, "demo"], [*make, "test"]] if full else [[*make, "test", f"TESTS={TESTS}"]]
        steps += [
            [*inside, *user, *step] for step in [["sh", "-c", COMMANDS], *(rest if setting.make else [])]
        ]
        if setting.another:
            if IS_ROOT:
                subprocess.run(["chown", "-R", f"{ANOTHER}:{ANOTHER}", clone, work], check=True)
                subprocess.run(["chown", "-R", "0:0", clone / "src"], check=True)
            subprocess.run(["chmod", "-R", "a-w", clone / "src"], check=True)
        for step in steps:
            done = subprocess.run(
                step, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            if done.returncode:
                print(done.stdout.decode("utf-8", "replace")[-8000:])
                return not say(setting, f"FAILED: {' '.join(map(str, step[-4:]))}")
        return say(setting, "passed")


def say(setting: Setting, what: str) -> bool:
    print(f"{setting.name}: {what}", flush=True)
    return True


def interpreter(user: list[str]) -> str | None:
    """An interpreter of this version that a user can run; one in another's home may be out of reach."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (os.path.realpath(sys.executable), f"/usr/local/bin/{name}", f"/usr/bin/{name}"):
        asked = [*user, found, "-c", "import os, ssl, sys; print(sys.base_prefix)"]
        try:
            told = subprocess.run(asked, capture_output=True, text=True)
        except OSError:
            continue
        if told.returncode == 0 and found.startswith(told.stdout.strip()):
            return found
    return None


def borrow_packages(python: str, clone: Path) -> None:
    """An environment in the clone that has the packages of this one, and is found by make."""
    own = clone / ".venv"
    subprocess.run([python, "-m", "venv", "--without-pip", own], check=True)
    (site,) = own.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (own / "installed").touch()


if __name__ == "__main__":
    main()
