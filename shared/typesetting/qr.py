"""QR codes as pictures in SVG."""

from io import BytesIO

import segno


def qr_svg(address: str) -> str:
    """The QR code of an address, with the quiet zone that readers need; a smudge of a seventh is made good."""
    picture = BytesIO()
    segno.make_qr(address, error="m").save(picture, kind="svg", xmldecl=False, svgns=True, border=2)
    return picture.getvalue().decode()
