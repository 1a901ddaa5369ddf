"""What a report of a crash may say."""

from __future__ import annotations

from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class ReportFilter(SafeExceptionReporterFilter):
    """Django's, without the local variables of any frame: wherever a call is under way, some of them are credentials.

    Django hides what a function names as sensitive, but not what the functions below it make of that: headers, a
    prepared request, the library's own. The lines of code and the sentence of the error stay. In development (DEBUG)
    everything is shown.
    """

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        return [] if self.is_active(request) else tb_frame.f_locals.items()
