"""Sets a document as PDF with Typst. Run as a program: JSON on standard input, the PDF on output.

It knows no Django, so that it starts at once; the process ends with the page it made, for the
library keeps what it laid out, some 50 kB a line.
"""

import json
import sys
from functools import cache
from pathlib import Path

import fontpkg_inter
import fontpkg_noto_sans_arabic
import fontpkg_noto_sans_devanagari
import fontpkg_noto_sans_thai
import manimgx_fonts_cjk
import typst

TEMPLATE = Path(__file__).parent / "invoice.typ"
# For archives, with every character's meaning (PDF/A-2a), and for screen readers (PDF/UA-1).
STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]
_FONTS = (
    fontpkg_inter,
    fontpkg_noto_sans_arabic,
    fontpkg_noto_sans_devanagari,
    fontpkg_noto_sans_thai,
    manimgx_fonts_cjk,
)


@cache
def _fonts() -> typst.Fonts:
    """Those that come with the product, never the machine's: the same bytes everywhere."""
    folders = [Path(str(module.__file__)).parent for module in _FONTS]
    return typst.Fonts(False, False, folders)


def typeset(document: str) -> bytes:
    """The PDF. The texts of the document are data to the template and are never read as markup."""
    compiler = typst.Compiler(
        TEMPLATE,
        root=TEMPLATE.parent,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"document": document},
    )
    try:
        pdf = compiler.compile(format="pdf", pdf_standards=STANDARDS)
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
        # A name in a script that no font here has: an empty box is better than no invoice.
        pdf = compiler.compile(format="pdf")
    assert isinstance(pdf, bytes), "a PDF is one file"  # noqa: S101
    return pdf


if __name__ == "__main__":
    text = sys.stdin.buffer.read().decode()
    json.loads(text)
    sys.stdout.buffer.write(typeset(text))
