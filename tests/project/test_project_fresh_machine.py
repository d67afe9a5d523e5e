"""Commands and tests pass on machines unlike this one."""

import pytest

from scripts.try_fresh_machine import SETTINGS, Setting, passes


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_fresh_machine(setting: Setting) -> None:
    assert passes(setting, full=False)
