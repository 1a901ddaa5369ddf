"""Icons with several strokes are drawn as one path, each stroke at the place of its own."""

from __future__ import annotations

import pytest

from portal.icons import _as_one, icon


@pytest.mark.parametrize(
    ("shapes", "path"),
    [
        (
            '<circle cx="12" cy="12" r="10"/><line x1="12" x2="12.01" y1="16" y2="16"/>',
            "M2 12a10 10 0 1 0 20 0a10 10 0 1 0 -20 0M12 16L12.01 16",
        ),
        ('<path d="M1 2h3"/><path d="m9 12 2 2 4-4"/>', "M1 2h3M9 12l2 2 4-4"),
        ('<path d="M1 2h3"/><path d="m3 3-8-14a2 2 0 0 0-3 0"/>', "M1 2h3M3 3l-8-14a2 2 0 0 0-3 0"),
        ('<path d="M1 2h3"/><path d="m5 6v4"/>', "M1 2h3M5 6v4"),
    ],
)
def test_strokes_become_one_path(shapes: str, path: str) -> None:
    assert _as_one(shapes) == f'<path d="{path}"/>'


def test_what_is_filled_or_one_shape_already_stays() -> None:
    assert icon("online").count("<circle") == 2
    for shapes in ('<path d="m1 1 2 2"/>', '<path d="M1 1h2"/><rect width="2" height="2" x="1" y="1" rx="1"/>'):
        assert _as_one(shapes) == shapes
