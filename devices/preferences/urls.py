"""URLs of the preferences, included without a namespace."""

from django.urls import path

from devices.preferences import views

urlpatterns = [path("preferences/", views.preferences, name="preferences")]
