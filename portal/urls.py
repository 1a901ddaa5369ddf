"""The portal's addresses: its own, and the app's."""

from django.conf import settings
from django.urls import include, path
from django.views.generic import RedirectView

from portal import person, styleguide
from portal.redirects import HOME
from portal.signin import sessions, views
from portal.signin.sso import views as sso

urlpatterns = [
    path("", RedirectView.as_view(url=HOME), name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("throw-away/", views.throw_away, name="throw-away"),
    path("sso/start/", sso.start, name="sso-start"),
    path("sso/callback/", sso.callback, name="sso-callback"),
    path("sso/backchannel-logout/", sso.backchannel_logout, name="sso-backchannel-logout"),
    path("preferences/", person.preferences, name="preferences"),
    path("about/", person.about, name="about"),
    path("shortcuts/", styleguide.shortcuts, name="shortcuts"),
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/end/", sessions.end_sessions, name="sessions-end"),
    path("devices/", include("devices.urls")),
    path("audit/", include("devices.audit.urls")),
]

if settings.DEBUG:
    urlpatterns.append(path("styleguide/", styleguide.styleguide, name="styleguide"))

handler400 = "portal.error_pages.bad_request"
handler403 = "portal.error_pages.permission_denied"
handler404 = "portal.error_pages.page_not_found"
handler500 = "portal.error_pages.server_error"
