"""Control endpoints for tests and the demo, which the real API does not have. Only from this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from sandbox import calls, faults, requestlog, switches, world
from sandbox.calls import Answer, answer, done, error_reply
from sandbox.models import Token
from sandbox.parameters import Invalid, read_json
from sandbox.views import changes


def control(view: Callable[[dict[str, Any]], HttpResponse]) -> Answer:
    """Passes the body to the view as a dict. Refuses other machines, and browser pages of another origin."""

    def run(request: HttpRequest) -> HttpResponse:
        try:
            local = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
        except ValueError:
            local = False
        if not local or "Origin" in request.headers:
            return error_reply(403, "Only for programs on this machine.")
        try:
            return view(read_json(request) if request.body else {})
        except Invalid:
            return error_reply(400, "The body has to be a JSON object.")
        except ValueError as error:
            return error_reply(400, str(error))

    return run


@control
def reset(body: dict[str, Any]) -> HttpResponse:
    """Restore the seeded state. Tokens stay valid unless {"tokens": true}."""
    world.reset(keep_tokens=not body.get("tokens"))
    faults.clear()
    switches.restore()
    calls.clear_rates()
    changes.clear_triggered()
    return done()


@control
def request_list(body: dict[str, Any]) -> HttpResponse:
    return answer(requestlog.listed())


@control
def request_clear(body: dict[str, Any]) -> HttpResponse:
    requestlog.clear()
    return done()


@control
def expire_tokens(body: dict[str, Any]) -> HttpResponse:
    """Expire access tokens; with {"refresh": true} refresh tokens too, with {"email": ...} only one user's."""
    tokens = Token.objects.all()
    if not body.get("refresh"):
        tokens = tokens.filter(refresh=False)
    if body.get("email"):
        tokens = tokens.filter(user__email=str(body["email"]).lower())
    # Not deleted: an expired token stays known until the next one is issued.
    return answer({"expired": tokens.update(expires_at=0)})


@control
def fault_list(body: dict[str, Any]) -> HttpResponse:
    return answer(faults.listed())


@control
def fault_add(body: dict[str, Any]) -> HttpResponse:
    faults.add(faults.read(body))
    return answer(faults.listed(), 201)


@control
def fault_clear(body: dict[str, Any]) -> HttpResponse:
    faults.clear()
    return done()


@control
def switch_list(body: dict[str, Any]) -> HttpResponse:
    return answer(switches.current())


@control
def switch_turn(body: dict[str, Any]) -> HttpResponse:
    switches.set_switches(body)
    return answer(switches.current())


@control
def switch_restore(body: dict[str, Any]) -> HttpResponse:
    switches.restore()
    return answer(switches.current())
