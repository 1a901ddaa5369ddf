"""The check of the locks notices what would break an installation or let the three drift apart."""

import shutil
from pathlib import Path

import pytest

from tools.locks import FOLDER, faults_of


@pytest.fixture
def locks(tmp_path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "requirements"))


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_committed_locks_are_in_order():
    assert faults_of(FOLDER) == []


def test_a_wish_that_was_not_locked(locks):
    edit(locks / "run.in", "tzdata", "tzdata\nsqlparse>=0.5\nsix")

    assert faults_of(locks) == ["run.txt lacks six"]


def test_a_wish_whose_version_has_moved_on(locks):
    edit(locks / "run.in", "requests==2.34.*", "requests==2.99.*")

    assert "run.in wants requests==2.99.*" in faults_of(locks)[0]


def test_a_pin_that_nobody_wants_any_more(locks):
    edit(locks / "run.in", "tzdata\n", "")

    assert "run.txt has tzdata for run.in, which does not name it" in faults_of(locks)


def test_versions_that_differ_between_locks(locks):
    text = (locks / "dev.txt").read_text(encoding="utf-8")
    version = text.split("\njinja2==")[1].split(" ")[0]
    edit(locks / "dev.txt", f"jinja2=={version}", "jinja2==3.1.1")

    assert f"dev.txt has jinja2 3.1.1 where the smaller lock has {version} (or the hashes differ)" in faults_of(locks)


@pytest.mark.parametrize(
    "line", ["--index-url https://packages.example.com/simple", "# from https://packages.example.com"]
)
def test_the_name_of_a_host(locks, line):
    edit(locks / "test.txt", "asgiref==", f"{line}\nasgiref==")

    assert [fault for fault in faults_of(locks) if fault.startswith("test.txt names a host")]
