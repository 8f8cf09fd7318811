"""The cache: a chosen folder, the variable, the system's folder, or models of a former version."""

from pathlib import Path

import platformdirs
import pytest

from rosettalaw.cache import cache_folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("ROSETTALAW_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_choice_and_the_variable_come_first(home, monkeypatch):
    assert cache_folder("~/mine") == home / "mine"
    monkeypatch.setenv("ROSETTALAW_CACHE", "~/other")
    assert cache_folder() == home / "other"
    assert cache_folder("mine") == Path("mine")


def test_it_is_the_system_s_own(home):
    assert cache_folder() == platformdirs.user_cache_path("rosettalaw", appauthor=False)


def test_models_of_a_former_version_are_used_and_said(home, monkeypatch, capsys):
    own = home / "Library/Caches/rosettalaw"
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, appauthor: own)
    assert cache_folder() == own
    former = home / ".cache/rosettalaw"
    former.mkdir(parents=True)
    assert cache_folder() == former
    assert f"move that folder to {own}" in " ".join(capsys.readouterr().err.split())
    own.mkdir(parents=True)
    assert cache_folder() == own
    assert capsys.readouterr().err == ""
