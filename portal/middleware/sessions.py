"""Django's session middleware, for sessions that end during their request."""

from __future__ import annotations

from django.contrib.sessions import middleware as sessions
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse

from portal.auth.auth_responses import WriteEffect, sign_in_response


class SessionMiddleware(sessions.SessionMiddleware):
    """Leads to sign-in, where Django's own responds 400, if the session ended while its request was running."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except SessionInterrupted:
            # The view has run, so a change may have been made.
            effect = WriteEffect.UNKNOWN if request.method == "POST" else WriteEffect.NONE
            return sign_in_response(request, ended=True, effect=effect)
