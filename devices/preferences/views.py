"""What a person sets for themselves, and what the portal knows of them: /preferences/ and /about/."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from devices.core.date_formats import valid_zone_name
from devices.core.requests import DeviceRequest
from devices.core.responses import SeeOther
from devices.preferences import store as preference_store
from devices.preferences.forms import PreferencesForm


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: DeviceRequest) -> HttpResponse:
    """GET: the form. POST: keep all of it, whatever the person's other browsers show."""
    profile = valid_zone_name(request.access.tz)
    if request.method != "POST":
        return _form_page(request, PreferencesForm.of(request.preferences, profile))
    form = PreferencesForm(request.POST, profile=profile)
    if not form.is_valid():
        return _form_page(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    kept = preference_store.save(request.access.person, **form.cleaned_data)
    language = kept.language if kept.language != "auto" else translation.get_language_from_request(request)
    with translation.override(language):
        messages.success(request, _("Your preferences are kept. They hold in every browser that you sign in with."))
    return SeeOther(reverse("preferences"))


def _form_page(request: DeviceRequest, form: PreferencesForm, status: int = HTTPStatus.OK) -> HttpResponse:
    return render(request, "preferences/preferences.html", {"form": form, "section": "preferences"}, status=status)
