"""The portal's URLs, with those of the devices app."""

from django.conf import settings
from django.urls import include, path
from django.views.generic import RedirectView

from devices.urls import audit_urls
from portal import about, styleguide
from portal.auth import session_views, views
from portal.auth.sso import views as sso
from portal.safe_redirects import HOME

urlpatterns = [
    path("", RedirectView.as_view(url=HOME), name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("discard-draft/", views.discard_draft, name="discard-draft"),
    path("sso/start/", sso.start, name="sso-start"),
    path("sso/callback/", sso.callback, name="sso-callback"),
    path("sso/backchannel-logout/", sso.backchannel_logout, name="sso-backchannel-logout"),
    path("", include("devices.preferences.urls")),
    path("about/", about.about, name="about"),
    path("shortcuts/", styleguide.shortcuts, name="shortcuts"),
    path("sessions/", session_views.sessions, name="sessions"),
    path("sessions/end/", session_views.end_sessions, name="sessions-end"),
    path("devices/", include("devices.urls")),
    path("audit/", include(audit_urls)),
]

if settings.DEBUG:
    urlpatterns.append(path("styleguide/", styleguide.styleguide, name="styleguide"))

handler400 = "portal.error_pages.bad_request"
handler403 = "portal.error_pages.permission_denied"
handler404 = "portal.error_pages.page_not_found"
handler500 = "portal.error_pages.server_error"
