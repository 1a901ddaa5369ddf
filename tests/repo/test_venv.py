"""tools/venv.sh with a missing, complete, incomplete or foreign .venv. The locks are empty, so it needs no network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pip
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    """A project folder whose name has a space, with empty locks."""
    where = tmp_path / "a portal"
    (where / "tools").mkdir(parents=True)
    (where / "requirements").mkdir()
    shutil.copy(ROOT / "tools" / "venv.sh", where / "tools")
    for lock in ("run", "test", "dev"):
        (where / "requirements" / f"{lock}.txt").write_text("", encoding="utf-8")
    return where


def run(folder, lock="run", **environment):
    return subprocess.run(
        ["sh", "tools/venv.sh", lock],
        cwd=folder,
        env={**os.environ, "PYTHON": sys.executable, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def quick_python(folder):
    """A Python whose `-m venv` links pip instead of unpacking it, which takes seconds."""
    quick = folder / "quick-python"
    packages = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    quick.write_text(
        f"""#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    "{sys.executable}" -m venv --without-pip "$3" && ln -s "{Path(pip.__file__).parent}" "$3/{packages}/pip"
else
    exec "{sys.executable}" "$@"
fi
""",
        encoding="utf-8",
    )
    quick.chmod(0o755)
    return str(quick)


def is_complete(folder):
    done = subprocess.run([folder / ".venv/bin/python", "-m", "pip", "--version"], capture_output=True, check=False)
    return done.returncode == 0


def test_it_makes_the_environment_once(folder):
    first = run(folder)

    assert first.returncode == 0, first.stdout
    assert is_complete(folder)
    assert "Installing" in first.stdout

    assert run(folder).stdout == ""  # nothing to do

    (folder / "requirements" / "run.txt").write_text("# a new lock\n", encoding="utf-8")
    assert "Installing requirements/run.txt" in run(folder).stdout

    assert "Installing requirements/dev.txt" in run(folder, "dev").stdout
    assert run(folder, "test").stdout == ""  # part of dev


def test_an_interrupted_installation_is_repeated(folder, quick_python):
    (folder / ".venv" / "bin").mkdir(parents=True)
    gone = subprocess.Popen(["true"])
    gone.wait()
    (folder / ".venv" / ".busy").write_text(str(gone.pid), encoding="utf-8")

    done = run(folder, PYTHON=quick_python)

    assert "was interrupted. Making it again." in done.stdout
    assert is_complete(folder)


def test_an_environment_without_its_python_is_made_again(folder, quick_python):
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.11")

    done = run(folder, PYTHON=quick_python)

    assert "has no working Python" in done.stdout
    assert is_complete(folder)


def test_another_running_make_is_not_disturbed(folder):
    (folder / ".venv").mkdir()
    (folder / ".venv" / ".busy").write_text(str(os.getpid()), encoding="utf-8")

    done = run(folder)

    assert done.returncode == 1
    assert f"Another make (process {os.getpid()})" in done.stdout


def test_a_folder_that_is_no_environment_is_never_removed(folder):
    (folder / ".venv").mkdir()
    (folder / ".venv" / "thesis.txt").write_text("years of work", encoding="utf-8")

    done = run(folder)

    assert done.returncode == 1
    assert "is in the way" in done.stdout
    assert (folder / ".venv" / "thesis.txt").exists()


def test_a_python_without_venv_names_the_package_to_install(folder):
    """As on Debian, which has it in a separate package."""
    bare = folder / "python3"
    bare.write_text(
        f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"\n', encoding="utf-8"
    )
    bare.chmod(0o755)

    done = run(folder, PYTHON=str(bare))

    assert done.returncode == 1
    assert f"apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in done.stdout
    assert not (folder / ".venv").exists()


def test_a_missing_python_is_reported(folder):
    done = run(folder, PYTHON="/nowhere/python3")

    assert done.returncode == 1
    assert done.stdout.startswith("PYTHON=/nowhere/python3 is not a Python of version 3.11 or later")
