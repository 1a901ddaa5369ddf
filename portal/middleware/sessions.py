"""Django's session middleware, with a sign-in page for a session that ended during its request."""

from __future__ import annotations

from django.contrib.sessions import middleware as sessions
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse

from portal.auth.auth_responses import WriteEffect, sign_in_answer


class SessionMiddleware(sessions.SessionMiddleware):
    """Django's, but a session that was signed out while its request ran leads to sign-in instead of a 400."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except SessionInterrupted:
            # The view has run: what it was to change may be changed.
            effect = WriteEffect.PERHAPS if request.method == "POST" else WriteEffect.NOTHING
            return sign_in_answer(request, ended=True, effect=effect)
