"""Terms that took the place of an invoice's own, because those were wrong: rows only added."""

from django.db import models


class Restatement(models.Model):
    """From now on the invoice's period is rated by these terms; the invoice itself stays."""

    invoice = models.ForeignKey(
        "billing.Invoice", on_delete=models.PROTECT, related_name="restatements"
    )
    terms = models.JSONField()
    reason = models.TextField(max_length=1000, blank=True)
    actor = models.CharField(max_length=200)
    moment = models.DateTimeField()

    class Meta:
        ordering = ("invoice", "pk")

    def __str__(self) -> str:
        return f"{self.invoice} restated {self.moment:%F %H:%M}"
