"""An invoice as PDF: the same bytes whenever it is made again."""

import json
import subprocess
import sys
from threading import BoundedSemaphore

from django.conf import settings

from billing.models import Invoice
from billing.pdf.document import document

# A thousand lines take a third of a second and 150 MB; more at once would only wait for each other.
_AT_ONCE = BoundedSemaphore(2)
_SECONDS = 300


def invoice_pdf(invoice: Invoice) -> bytes:
    """The document set in a process of its own, which gives its memory back."""
    text = json.dumps(document(invoice), ensure_ascii=False, sort_keys=True)
    with _AT_ONCE:
        done = subprocess.run(
            [sys.executable, "-m", "billing.pdf.typesetter"],
            input=text.encode(),
            capture_output=True,
            cwd=settings.BASE_DIR,
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{invoice} could not be set: {done.stderr.decode(errors='replace')}")
    return done.stdout


def pdf_name(invoice: Invoice) -> str:
    """What to save it as."""
    return f"{invoice.tenant.slug}-{invoice.number or f'draft-{invoice.month:%Y-%m}'}.pdf"
