"""Debian's Chromium, driven by its own chromedriver: for tests of pages. No network is used and none is reached."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 30.0  # seconds
PHONE, DESKTOP = 390, 1280
# Of WCAG's rules, those that a program can check: gives what is wrong, in words. Arguments: landmarks it must have.
ACCESSIBLE = Path(__file__).with_name("accessible.js").read_text()
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Browser:
    """One tab, and every address that it asked for."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, where: str | Path, width: int = DESKTOP) -> None:
        """Goes to a page at a width and waits until its script says that it is ready."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        # What the page before this one asked for or complained of, as of a server that has ended, is its own.
        self.driver.get("about:blank")
        for log in ("performance", "browser"):
            self.driver.get_log(log)
        self.driver.get(where.as_uri() if isinstance(where, Path) else where)

    def js(self, script: str, *arguments: Any) -> Any:
        """The value of a function's body."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: Any) -> Any:
        """The value of a function's body as soon as it is true."""
        return until(lambda: self.js(script, *arguments), script)

    def asked_for(self) -> list[str]:
        """Addresses that the page requested since it was opened."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            one["params"]["request"]["url"]
            for one in messages
            if one["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """Errors of the page's scripts, and what its policy refused."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


def until(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.05)
    return value


@contextmanager
def started(downloads: Path) -> Iterator[Browser]:
    """A browser for as long as the block lasts; skips the test where there is none, or where it is to be hidden."""
    if os.environ.get("EQUALINFO_HIDE_BROWSER"):
        pytest.skip("EQUALINFO_HIDE_BROWSER is set")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver_program = shutil.which("chromedriver")
    if program is None or driver_program is None:
        pytest.skip("Chromium or its driver is missing: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium: pip install 'equalinfo[dev]'")
    from selenium.webdriver.chrome.service import Service

    # Nothing is to be looked for or reported elsewhere.
    os.environ |= {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS + (("--no-sandbox",) if os.geteuid() == 0 else ()):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_program))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
