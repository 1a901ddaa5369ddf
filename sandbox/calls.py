"""Handles one call: checks token, permission, input and device, in this order (`endpoint`), then responds."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from sandbox import oauth, switches
from sandbox.models import Device
from sandbox.parameters import Invalid, Param, from_body, from_query
from sandbox.permissions import Caller
from sandbox.tree import subtree

Answer = Callable[[HttpRequest], HttpResponseBase]
Paths = dict[str, dict[str, Answer]]
"""Path below `/api/v1/organization/` -> method -> view."""
BAD_REQUEST = "Request with incorrect parameters"


class ApiError(Exception):
    """An error response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str = BAD_REQUEST) -> ApiError:
    return ApiError(400, message)


def denied(caller: Caller, permission: str) -> ApiError:
    return ApiError(403, f"User {caller.email} has no permission for '{permission}' operation.")


def no_device(device_id: int) -> ApiError:
    return ApiError(404, f"Device with identifier {device_id} is not found or belong to another organization.")


def answer(data: object, status: int = 200) -> HttpResponse:
    response = HttpResponse(json.dumps(data, separators=(",", ":")), content_type="application/json", status=status)
    response["Cache-Control"] = "no-store"
    return response


def done() -> HttpResponse:
    return HttpResponse(status=204)


def error_reply(status: int, message: str) -> HttpResponse:
    """An error body: nested, or as a switch says."""
    if status == 401 and switches.get("unauthorized_body") == "flat":
        return answer({"error": "invalid_token", "error_description": message}, 401)
    if (status == 401 and switches.get("unauthorized_body") == "empty") or (
        status == 403 and switches.get("forbidden_body") == "empty"
    ):
        return HttpResponse(status=status)
    response = answer({"error": {"message": message}}, status)
    if status == 429 and switches.number("retry_after"):
        response["Retry-After"] = str(int(switches.number("retry_after")))
    return response


class Call:
    """The view's argument: the caller, the validated parameters by their wire names and, if requested, the device."""

    def __init__(self, request: HttpRequest, caller: Caller, args: dict[str, Any]) -> None:
        self.request = request
        self.caller = caller
        self.args = args
        self._device: Device | None = None

    def __getitem__(self, name: str) -> Any:
        return self.args[name]

    @property
    def device(self) -> Device:
        assert self._device is not None  # noqa: S101 - guaranteed by `endpoint(device=True)`  # nosec B101
        return self._device

    def need(self, *permissions: str) -> None:
        for permission in permissions:
            if not self.caller.has(permission):
                raise denied(self.caller, permission)

    def reach(self) -> tuple[int, ...]:
        """Ids of the organizations that this token can access."""
        if self.caller.is_client and switches.get("client_reach") == "organization":
            return (self.caller.org_id,)
        return subtree(self.caller.org_id)

    def find_device(self) -> None:
        device_id: int = self.args["deviceId"]
        device = Device.objects.filter(pk=device_id, org__in=self.reach()).first()
        if device is None:
            raise no_device(device_id)
        if not self.caller.sees_all and device.owner_id != self.caller.user_id:
            if switches.get("hidden_device") == "404":
                raise no_device(device_id)
            raise ApiError(403, "User is not owner of requested device.")
        self._device = device


_recent: dict[int, deque[float]] = {}


def _check_rate(org_id: int) -> None:
    limit = int(switches.number("org_rate_limit"))
    if not limit:
        return
    calls = _recent.setdefault(org_id, deque())
    now = time.monotonic()
    while calls and calls[0] < now - 60:
        calls.popleft()
    if len(calls) >= limit:
        raise ApiError(429, "Too many requests.")
    calls.append(now)


def clear_rates() -> None:
    _recent.clear()


def endpoint(
    *,
    needs: Iterable[str] = (),
    device: bool = False,
    query: tuple[Param, ...] = (),
    body: tuple[Param, ...] = (),
    extra: Callable[[Call], None] | None = None,
) -> Callable[[Callable[[Call], HttpResponseBase]], Answer]:
    """Checks before a view.

    `needs`: required permissions. `device`: the caller must be able to see the device (`deviceId` in query or body).
    `extra`: a permission check that depends on the input.
    """
    needs = tuple(needs)

    def permitted(call: Call) -> None:
        call.need(*needs)
        if device and not call.caller.sees_any:
            raise denied(call.caller, "ORG_DEVICES_VIEW")

    def checked(call: Call) -> None:
        validation_first = switches.get("check_order") == "validation"
        if not validation_first:
            permitted(call)
        try:
            call.args.update(from_query(call.request, query))
            if body:
                call.args.update(from_body(call.request, body))
        except Invalid:
            raise bad_request() from None
        if validation_first:
            permitted(call)
        if extra is not None:
            extra(call)  # nosec B610  # not a queryset
        if device:
            call.find_device()

    def decorate(view: Callable[[Call], HttpResponseBase]) -> Answer:
        def run(request: HttpRequest) -> HttpResponseBase:
            try:
                caller = oauth.caller_of(request)
                if caller is None:
                    raise ApiError(401, "Access token is missing, unknown or expired.")
                if not switches.on("platform_scope"):
                    raise ApiError(403, "Platform API scope is not enabled for this oauth client.")
                _check_rate(caller.org_id)
                call = Call(request, caller, {})
                checked(call)
                return view(call)
            except ApiError as error:
                return error_reply(error.status, error.message)

        return run

    return decorate


def route(**views: Answer) -> Answer:
    """One path, with a view for each method."""

    def dispatch(request: HttpRequest) -> HttpResponseBase:
        view = views.get(request.method or "")
        if view is None:
            response = error_reply(405, f"Method {request.method} is not allowed here.")
            response["Allow"] = ", ".join(sorted(views))
            return response
        return view(request)

    return dispatch


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_reply(404, "There is no such path.")


def broken(request: HttpRequest) -> HttpResponse:
    """The sandbox itself failed; the traceback is on stderr."""
    return error_reply(500, "Internal server error.")


class HostCheck:
    """Accepts only this machine's host names, against DNS rebinding."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            request.get_host()
        except DisallowedHost:
            return error_reply(400, "This host name is not served here.")
        return self.get_response(request)
