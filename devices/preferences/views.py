"""A person's preferences: the page /preferences/, and the choice of columns in a list."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from devices.core.date_formats import valid_zone_name
from devices.core.preferences import COLUMN_LABELS, DEFAULT_COLUMNS
from devices.core.requests import DeviceRequest
from devices.core.responses import SeeOther
from devices.core.return_url import back_to_list
from devices.preferences import store
from devices.preferences.forms import PreferencesForm


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: DeviceRequest) -> HttpResponse:
    """GET: the form. POST: save all of it."""
    form = PreferencesForm(
        request.POST if request.method == "POST" else None,
        person=request.access.person,
        preferences=request.preferences,
        profile_zone=valid_zone_name(request.access.tz),
    )
    if form.is_valid():
        chosen = form.save().language
        language = chosen if chosen != "auto" else translation.get_language_from_request(request)
        with translation.override(language):
            sentence = _("Your preferences are saved. They apply in every browser that you sign in with.")
            messages.success(request, sentence)
        return SeeOther(reverse("preferences"))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "preferences/preferences.html", {"form": form, "section": "preferences"}, status=status)


@require_POST
def device_columns(request: DeviceRequest) -> HttpResponse:
    """Save the columns ticked in a list, or with `reset` the default ones, and go back to the list."""
    ticked = DEFAULT_COLUMNS if "reset" in request.POST else request.POST.getlist("columns")
    store.save(request.access.person, columns=",".join(column for column in COLUMN_LABELS if column in ticked))
    return SeeOther(back_to_list(request))
