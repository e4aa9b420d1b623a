"""How a build learns where packages come from."""

from pathlib import Path

import pytest

from cluster import package_index

LISTING = r"""
:env:.index-url='https://me:secret@index.example/simple'
:env:.find-links='/opt/wheels'
global.cert='/etc/authority.crt'
global.extra-index-url='\nhttps://one.example\nhttps://two.example'
global.index-url='https://other.example/simple'
user.report='x'
"""


def test_settings_are_pips_and_the_environment_goes_first() -> None:
    found = package_index.parse(LISTING)
    assert found["index-url"] == "https://me:secret@index.example/simple"
    assert found["cert"] == "/etc/authority.crt"
    assert "report" not in found


def test_the_configuration_keeps_values_of_several_lines() -> None:
    text = package_index.configuration(
        {"extra-index-url": "\nhttps://one.example\nhttps://two.example", "timeout": "9"}
    )
    assert text == "[global]\nextra-index-url = https://one.example\n    https://two.example\ntimeout = 9\n"


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_index, "settings", lambda: package_index.parse(LISTING))


@pytest.mark.usefixtures("listed")
def test_a_build_is_told_by_secrets_that_are_gone_after_it() -> None:
    with package_index.secrets() as flags:
        assert flags[:3] == ["--secret", "id=ca,src=/etc/authority.crt", "--secret"]
        written = Path(flags[3].removeprefix("id=pip,src="))
        text = written.read_text()
        assert "index-url = https://me:secret@index.example/simple" in text
        assert "cert = /run/secrets/ca" in text
        assert "find-links" not in text
    assert not written.exists()


def test_where_nothing_is_set_a_build_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_index, "settings", dict)
    for name in package_index.AUTHORITIES:
        monkeypatch.delenv(name, raising=False)
    with package_index.secrets() as flags:
        assert flags == []
