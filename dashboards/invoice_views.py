"""The pages of invoices: find the tenant's own, read, render."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_POST, require_safe

from billing import queries
from billing.document_api import pdf_response
from billing.invoicing import NothingToInvoiceError
from billing.models import Invoice
from billing.pdf.render import invoice_pdf, pdf_name
from billing.preview import preview, running_month
from billing.verifying import verify_invoice
from dashboards.access import tenant_page
from dashboards.evidence_page import SIZES, evidence_page, read_place, read_size
from dashboards.frame import render_page
from dashboards.invoice_page import invoice_page
from dashboards.invoice_pages import find_invoice, invoice_list, lines_csv
from dashboards.ranges import RangeError
from dashboards.store_page import needs_store
from metering.models import Tenant
from metering.usage.period import month_period


@require_safe
@tenant_page
def invoices(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The tenant's invoices and drafts."""
    context = {"invoices": invoice_list(queries.invoices(tenant))}
    return render_page(request, tenant, "dashboards/invoices.html", context)


@require_safe
@tenant_page
def invoice(request: HttpRequest, tenant: Tenant, number: str) -> HttpResponse:
    """One invoice with its lines."""
    return _page(request, tenant, own_invoice(tenant, number))


@require_POST
@tenant_page
@needs_store
def verify(request: HttpRequest, tenant: Tenant, number: str) -> HttpResponse:
    """The same, computed again from raw events and compared."""
    found = own_invoice(tenant, number)
    if found.status == Invoice.Status.DRAFT:
        raise Http404("a draft is computed anew each time, so there is nothing to prove")
    return _page(request, tenant, found, verified=True, differences=verify_invoice(found))


@require_safe
@tenant_page
@needs_store
def invoice_preview(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The month as closing it at this moment would bill it; nothing is stored."""
    month = request.GET.get("month") or running_month(tenant)
    try:
        month_period(month, tenant.timezone)
        found = preview(tenant, month)
    except ValueError:
        raise Http404(f"{month!r} is not a month such as 2026-10") from None
    except NothingToInvoiceError as error:
        problem = {"problem": str(error)}
        return render_page(request, tenant, "dashboards/no_preview.html", problem, status=404)
    page = invoice_page(found.invoice, found.lines)
    context: dict[str, Any] = {"page": page, "preview": not found.invoice.pk}
    return render_page(request, tenant, "dashboards/invoice.html", context)


@require_safe
@tenant_page
def pdf(request: HttpRequest, tenant: Tenant, number: str) -> HttpResponse:
    """The invoice for an accountant; of a draft too, stamped as one."""
    found = own_invoice(tenant, number)
    return pdf_response(invoice_pdf(found), pdf_name(found))


@require_safe
@tenant_page
def invoice_lines_csv(request: HttpRequest, tenant: Tenant, number: str) -> HttpResponseBase:
    """The lines of one invoice for a spreadsheet: those of the export, with its columns."""
    found = own_invoice(tenant, number)
    response = StreamingHttpResponse(
        lines_csv(found), content_type="text/csv; charset=utf-8; header=present"
    )
    response["Content-Disposition"] = f'attachment; filename="{tenant.slug}-{number}-lines.csv"'
    return response


@require_safe
@tenant_page
@needs_store
def line_evidence(request: HttpRequest, tenant: Tenant, number: str, position: int) -> HttpResponse:
    """The events behind a line, a page at a time."""
    lines = own_invoice(tenant, number).lines.select_related("invoice__tenant", "corrects")
    line = lines.filter(position=position).first()
    if line is None:
        raise Http404(f"invoice {number} has no line {position}")
    try:
        page = evidence_page(line, read_place(request.GET), read_size(request.GET))
    except RangeError as error:
        problem = {"problem": str(error), "heading": f"Line {position}", "back": request.path}
        return render_page(request, tenant, "dashboards/bad_filter.html", problem, status=400)
    context = {"page": page, "sizes": SIZES, "following": urlencode(page.following)}
    return render_page(request, tenant, "dashboards/evidence.html", context)


def own_invoice(tenant: Tenant, number: str) -> Invoice:
    """The tenant's invoice; a 404 for anything else."""
    found = find_invoice(queries.invoices(tenant).select_related("tenant"), number)
    if found is None:
        raise Http404(f"there is no invoice {number}")
    return found


def _page(request: HttpRequest, tenant: Tenant, found: Invoice, **more: Any) -> HttpResponse:
    context = {"page": invoice_page(found), **more}
    return render_page(request, tenant, "dashboards/invoice.html", context)
