"""An invoice as PDF, and the one that closing a month now would give, by API."""

from django.http import Http404, HttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import api_rows
from billing.api import invoice_row, line_row, own_invoice
from billing.invoicing import NothingToInvoiceError
from billing.pdf.render import invoice_pdf, pdf_name
from billing.preview import preview, running_month
from metering.authentication import tenant_of
from metering.openapi.describe import parameter, shows
from metering.usage.period import month_period

PDF = "application/pdf"
MONTH = parameter(
    "month",
    {"type": "string", "pattern": r"^20[0-9]{2}-(0[1-9]|1[0-2])$"},
    "A month that has begun, such as 2026-11; the tenant's running one when absent.",
)


@shows({"type": "string", "contentMediaType": PDF}, kind=PDF, found=True)
class InvoicePdf(APIView):
    """`GET /api/v1/invoices/{number}.pdf`: the invoice for an accountant, the same bytes always."""

    def get(self, request: Request, number: str) -> HttpResponse:
        return pdf_response(invoice_pdf(invoice := own_invoice(request, number)), pdf_name(invoice))


@shows(api_rows.INVOICE_WITH_LINES, MONTH, found=True)
class InvoicePreview(APIView):
    """`GET /api/v1/invoices/preview`: what closing the month at this moment would give.

    Nothing is stored. A month that is finalized is answered with its invoice.
    """

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        month = request.query_params.get("month") or running_month(tenant)
        try:
            month_period(month, "UTC")
            found = preview(tenant, month)
        except ValueError as error:
            raise ValidationError({"month": str(error)}) from error
        except NothingToInvoiceError as error:
            raise Http404(str(error)) from error
        lines = [line_row(line) for line in found.lines]
        return Response(invoice_row(found.invoice) | {"lines": lines})


def pdf_response(pdf: bytes, name: str) -> HttpResponse:
    """A PDF to look at, with a name to save it by."""
    response = HttpResponse(pdf, content_type=PDF)
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return response
