"""The content of crash reports."""

from __future__ import annotations

from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class ReportFilter(SafeExceptionReporterFilter):
    """Django's filter, without local variables: during a call some of them are credentials.

    Django hides variables that a function marks as sensitive, but not copies in the functions it calls, such as headers
    or a prepared request. Code lines and the error message stay. DEBUG shows everything.
    """

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        return [] if self.is_active(request) else tb_frame.f_locals.items()
