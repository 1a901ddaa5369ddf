"""Rules for the tree as a whole: its files, the hosts they name, and what the documents say of them."""

import re
import subprocess
import tomllib
from pathlib import Path

from tools.tour import tour_markdown

ROOT = Path(__file__).resolve().parents[2]
LONGEST_MODULE = 400  # lines
LARGEST_PICTURE = 100_000  # bytes

# Hosts that files may name: this machine, example names, standards, and one that people may follow.
ALLOWED_HOSTS = re.compile(
    r"localhost|127\.0\.0\.1|\[::1\]|host|this\.host|([\w-]+\.)*example(\.(com|org|net))?\.?"
    r"|www\.w3\.org|schemas\.openid\.net|htmx\.org|keepachangelog\.com|www\.openstreetmap\.org"
)


def files() -> list[Path]:
    """Everything that is committed or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    """Name and content of every text file but this one."""
    found = []
    for path in files():
        if path.suffix not in {".webp", ".mo"} and path != Path(__file__).resolve():
            found.append((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")))
    return found


def test_no_module_is_too_long():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files()
        if path.suffix == ".py" and "migrations" not in path.parts
        and (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST_MODULE
    }  # fmt: skip

    assert long == {}


def test_no_file_names_a_machine():
    paths = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|work)/")

    assert [(name, hit.group()) for name, text in texts() for hit in paths.finditer(text)] == []


def test_no_file_names_a_foreign_host():
    """Pages load nothing from other hosts, and no file names the package index."""
    address = re.compile(r"https?://([^\s\"'`<>)/\\,]*)")
    foreign = {
        (name, host)
        for name, text in texts()
        if not name.startswith("tests/")  # where odd addresses are what is tested
        for host in (hit.group(1).split("@")[-1].rsplit(":", 1)[0] for hit in address.finditer(text))
        if re.match(r"[\w\[]", host) and not ALLOWED_HOSTS.fullmatch(host)  # an f-string has a brace there
    }

    assert foreign == set()


def test_only_two_modules_make_markup_that_is_not_escaped():
    marks = re.compile(r"\b(mark_safe|Markup|SafeString|format_html_join)\b")
    found = {name for name, text in texts() if re.match(r"(devices|portal)/.*\.py$", name) and marks.search(text)}

    assert found <= {"portal/jinja.py", "portal/icons.py"}


def test_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    output = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout

    assert targets == set(re.findall(r"^  ([a-z-]+) ", output, re.MULTILINE))
    assert {"demo", "test", "check", "lock", "bench", "clean"} <= targets


def test_make_without_a_target_gives_help():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)

    assert "make TARGET" in done.stdout


def test_readme_lists_exactly_the_settings_that_are_read():
    sources = ("settings.py", "environment.py", "sso_environment.py")
    source = "".join((ROOT / "portal" / name).read_text(encoding="utf-8") for name in sources)
    read = set(re.findall(r"""env\.\w+\(\s*["']([A-Z][A-Z_]+)["']""", source))
    listed = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))

    assert listed - {"WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"} == read  # those two are gunicorn's own


def test_readme_describes_the_accounts_as_the_demo_does():
    from tools.demo import ACCOUNTS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert dict(re.findall(r"^\| `(\S+@\S+)` \| (.+) \|$", readme, re.MULTILINE)) == ACCOUNTS


def test_readme_names_only_existing_files():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((?!https?:)([^)#]+)\)", readme))
    named = {
        name for name in re.findall(r"`([\w./-]+/[\w./-]*)`", readme) if not name.startswith(("var", "staticfiles"))
    }

    assert [name for name in linked | named if not (ROOT / name).exists()] == []


def test_the_tour_has_ten_stops_each_with_two_small_pictures():
    pictures = re.findall(r'src="([^"]+)"', (ROOT / "docs" / "tour.md").read_text(encoding="utf-8"))

    assert len(pictures) == 20
    assert sorted(pictures) == sorted(f"tour/{path.name}" for path in (ROOT / "docs" / "tour").iterdir())
    for name in pictures:
        assert 10_000 < (ROOT / "docs" / name).stat().st_size <= LARGEST_PICTURE, name


def test_the_tour_is_the_one_that_its_command_writes():
    assert (ROOT / "docs" / "tour.md").read_text(encoding="utf-8") == tour_markdown()


def test_the_image_copies_existing_folders():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sources = re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.MULTILINE)
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line.startswith("!")}

    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert set(sources) == let_in
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench", "sandbox", "tests", "tools"}
    assert packages <= set(sources)


def test_python_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert project["project"]["requires-python"] == ">=3.11"
    assert project["tool"]["ruff"]["target-version"] == "py311"
    assert "--python-version 3.11 " in (ROOT / "Makefile").read_text(encoding="utf-8")
