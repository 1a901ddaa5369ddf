from django.db import models


class Device(models.Model):
    """The columns that the portal's list shows."""

    name = models.CharField(max_length=50)
    organization = models.CharField(max_length=50)
    template = models.CharField(max_length=50)
    owner = models.EmailField(blank=True)
    firmware = models.CharField(max_length=20, blank=True)
    activated_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "stock_admin"

    def __str__(self) -> str:
        return self.name
