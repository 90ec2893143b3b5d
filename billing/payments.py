"""What was paid on invoices, and what became of them: two tables to which rows are only added."""

from django.db import models

from billing.fields import ExactDecimalField


class Payment(models.Model):
    """Money that came in for an invoice; of a credit note, below zero, money that was given back.

    It is kept as it came, also where it is more than was due.
    """

    invoice = models.ForeignKey(
        "billing.Invoice", on_delete=models.PROTECT, related_name="payments"
    )
    key = models.CharField(max_length=300, unique=True)
    amount = ExactDecimalField()
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=40)
    # How others call it: of a bank statement, or Stripe's id.
    reference = models.CharField(max_length=200)
    paid_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor = models.CharField(max_length=200)

    class Meta:
        ordering = ("invoice", "pk")

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency} by {self.method}, {self.reference}"


class InvoiceChange(models.Model):
    """A step in an invoice's life after it was finalized: who, when and why."""

    invoice = models.ForeignKey("billing.Invoice", on_delete=models.PROTECT, related_name="changes")
    key = models.CharField(max_length=300, unique=True)
    before = models.CharField(max_length=20)
    after = models.CharField(max_length=20)
    actor = models.CharField(max_length=200)
    reason = models.TextField(max_length=1000)
    moment = models.DateTimeField()
    # Of a void one: the event store's clock, to tell which watermarks came before.
    watermark = models.DateTimeField(null=True)

    class Meta:
        ordering = ("invoice", "pk")

    def __str__(self) -> str:
        return f"{self.before} to {self.after} by {self.actor}: {self.reason}"
