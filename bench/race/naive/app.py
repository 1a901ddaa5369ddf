"""Views, URLs and WSGI entry of the naive portals."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from django.contrib.sessions.backends.db import SessionStore
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from bench.race.views import FOLDER, extra

API = os.environ["PLATFORM_API_URL"]
CLIENT = (os.environ["PLATFORM_API_CLIENT_ID"], os.environ["PLATFORM_API_CLIENT_SECRET"])
CAREFUL = os.environ.get("RACE_LOCK") == "on"


class Refused(Exception):
    """The platform accepts neither the token nor the refresh token."""


def call(method: str, where: str, **more: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, API + where, timeout=30, **more)


def granted(grant: str, **fields: str) -> dict[str, Any]:
    response = call("POST", "/oauth2/token", data={"grant_type": grant, **fields}, auth=CLIENT)
    if response.status_code != 200:
        raise Refused
    tokens = response.json()
    return {
        "access": tokens["access_token"],
        "refresh": tokens["refresh_token"],
        "expires_at": time.time() + tokens["expires_in"],
    }


def good(tokens: dict[str, Any], rejected: str) -> bool:
    return time.time() < tokens["expires_at"] and tokens["access"] != rejected


@contextmanager
def file_lock() -> Iterator[None]:
    """One holder at a time, in all processes."""
    with (Path(os.environ[FOLDER]) / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def token(request: HttpRequest, rejected: str = "") -> str:
    tokens = request.session["tokens"]
    if good(tokens, rejected):
        return tokens["access"]
    if not CAREFUL:
        tokens = request.session["tokens"] = granted("refresh_token", refresh_token=tokens["refresh"])
        return tokens["access"]
    with file_lock():
        store = SessionStore(request.session.session_key)
        if not good(store["tokens"], rejected):
            store["tokens"] = granted("refresh_token", refresh_token=store["tokens"]["refresh"])
            store.save(must_create=False)
        return store["tokens"]["access"]


def tags(access: str) -> requests.Response:
    bearer = {"Authorization": f"Bearer {access}"}
    return call("GET", "/api/v1/organization/device/tags?deviceId=1", headers=bearer)


def page(request: HttpRequest) -> HttpResponse:
    try:
        access = token(request)
        response = tags(access)
        if response.status_code == 401:
            response = tags(token(request, access))
    except Refused:
        return HttpResponse("sign in again", status=401)
    return HttpResponse(response.content, status=response.status_code)


def sign_in(request: HttpRequest) -> HttpResponse:
    if "user" in request.GET:
        request.session.flush()
        request.session["tokens"] = granted("user_credentials", username=request.GET["user"], password="demo")
    return HttpResponse("signed in")


def expire(request: HttpRequest) -> HttpResponse:
    request.session["tokens"] = {**request.session["tokens"], "expires_at": time.time() - 1}
    return HttpResponse("expired")


def stored(request: HttpRequest) -> HttpResponse:
    """The refresh token that the next request would use."""
    return HttpResponse(request.session["tokens"]["refresh"])


urlpatterns = [
    path("sign-in/", sign_in),
    path("page/", page),
    path("race/expire/", expire),
    path("race/stored/", stored),
    *extra,
]
application = get_wsgi_application()
